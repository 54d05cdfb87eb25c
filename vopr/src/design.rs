//! Market designs: two assets with a spot and a perpetual market and a dated future each,
//! everything else by chance. A future expires within minutes or, mostly in a leap of time, a day.
//!
//! Seven of ten seeds have options on one asset or two; half of those with two have them on a third
//! asset that nothing else is traded on.

use money::{Amount, Price, Qty, Rate, Span, Time};
use protocol::ids::{AccountId, AssetId};
use protocol::params::{
    AssetParams, BookAuctionParams, EnvelopeParams, FundingRule, FutureParams, Kind, ListingParams,
    MarketParams, MarketRules, Matching, OptionParams, OracleParams, Params, PerpetualParams,
    Rules, ScanParams, SettlementParams, SurfaceParams, Target,
};

use crate::random::Random;

/// When the first block is: 2026-01-01 00:00 UTC.
pub const START: Time = Time::from_nanos(1_767_225_600_000_000_000);
/// Prices at the start; the quote currency is 1.
pub const PRICES: [f64; 4] = [1.0, 100_000.0, 100.0, 3_000.0];

/// A design that `design::check` accepts; its envelope is as narrow as its margins ask for.
pub fn design(random: &mut Random, checkpoint_blocks: u64) -> Params {
    let margin = random.pick(&[200, 500, 1_000, 2_000]);
    let asset = |name: &str, bp: [i64; 4]| {
        let [haircut_initial, haircut_maintenance, basis_initial, basis_maintenance] =
            bp.map(Rate::from_bp);
        let name = name.to_owned();
        AssetParams { name, haircut_initial, haircut_maintenance, basis_initial, basis_maintenance }
    };
    let charges = [2 * margin, margin, margin / 2, margin / 4];
    let publishers = 3 + random.below(7);
    Params {
        assets: vec![asset("USD", [0; 4]), asset("BTC", charges), asset("SOL", charges)],
        markets: markets(random, margin),
        oracle: OracleParams {
            stakes: (0..publishers).map(|_| 20 + random.below(20)).collect(),
            vote_age_max: Span::from_secs(10),
            index_age_max: Span::from_secs(30),
            confidence_min: Rate::from_bp(1),
            confidence_max: Rate::from_bp(500),
        },
        open_orders_max: random.pick(&[8, 64]),
        liquidation_tranche_min: quote(random.pick(&[1_000, 50_000])),
        checkpoint_blocks,
        rules: rules(random),
    }
}

/// Of five seeds one has a market whose batches are single blocks, and one has nothing but markets
/// whose batches are three; what the envelope counts on for a block is then less. In one of seven
/// small positions are a large part of their market.
pub fn varied(mut params: Params, seed: u64) -> Params {
    if seed % 7 == 2 {
        for market in &mut params.markets {
            market.rules.concentration.interest_min = quote(10_000);
        }
    }
    let (every, markets) = match seed % 5 {
        1 => (1, 2..3),
        2 => (3, 0..params.markets.len()),
        _ => return params,
    };
    for market in &mut params.markets[markets] {
        market.rules.matching = Matching::Batch { every };
        let gap = market.rules.envelope.gap.raw() / i64::from(every);
        market.rules.envelope.gap = Rate::from_raw(gap);
    }
    params
}

/// Options by the seed alone, so that a seed without them is what it was.
pub fn with_options(mut params: Params, seed: u64) -> Params {
    if matches!(seed % 10, 0 | 2 | 3) {
        return params;
    }
    let mut random = Random::new(!seed);
    let hour = Span::from_secs(random.pick(&[120, 600, 1_800, 7_200]) + random.below(60));
    let bases: &[u16] = match random.below(4) {
        0 => &[1],
        1 => &[2],
        2 => &[1, 2],
        _ => {
            let third = AssetParams { name: "ETH".to_owned(), ..params.assets[1].clone() };
            params.assets.push(third);
            &[3, 1]
        }
    };
    params.rules.options = bases.iter().map(|base| options(&mut random, *base, hour)).collect();
    let offsets = &mut params.rules.scenarios.offsets;
    if random.one_in(3) {
        *offsets = vec![Rate::from_bp(random.pick(&[0, 5_000, 10_000])); params.assets.len()];
    }
    params
}

fn options(random: &mut Random, base: u16, hour: Span) -> OptionParams {
    let (tick, lot) = match base {
        1 => (100_000_000, 1_000_000),
        2 => (1_000_000, 100_000_000),
        _ => (10_000_000, 10_000_000),
    };
    let mut params = OptionParams::new(AssetId(base), Price::from_raw(tick), Qty::from_raw(lot));
    params.price_band = Rate::from_bp(random.pick(&[100, 500, 2_000]));
    params.position_max = Qty::from_raw(random.pick(&[10_000, 1_000_000]) * lot);
    let fee = random.pick(&[0, 2, 10]);
    (params.fee_maker, params.fee_taker) = (Rate::from_bp(fee), Rate::from_bp(fee + fee / 2));
    params.listing = ListingParams {
        hour,
        dailies: 1 + random.pick(&[0, 1, 2]),
        weeklies: random.pick(&[0, 1, 2]),
        monthlies: random.pick(&[0, 1]),
        strike_step: Rate::from_bp(random.pick(&[100, 250, 1_000])),
        strike_range: Rate::from_bp(random.pick(&[1_500, 5_000, 9_000])),
        reference: Span::DAY.times(random.pick(&[1, 30])),
        closed_before: Span::from_secs(random.pick(&[0, 60, 3_600])),
        series_max: random.pick(&[24, 100, 400]),
    };
    params.settlement = SettlementParams {
        averaging: Span::from_secs(random.pick(&[1, 30, 300, 1_800])),
        extension_max: Span::MINUTE.times(random.pick(&[1, 60, 1_440])),
    };
    let fresh = random.pick(&[10, 120]);
    params.surface = SurfaceParams {
        vote_age_max: Span::from_secs(random.pick(&[15, 120])),
        age_fresh: Span::from_secs(fresh),
        age_max: Span::from_secs(fresh + random.pick(&[20, 300, 7_200])),
        stale_factor: Rate::from_bp(random.pick(&[10_000, 20_000, 100_000])),
        jump_max: Rate::from_bp(random.pick(&[500, 2_500])),
        confirmations: random.pick(&[1, 3, 10]),
        basis_max: Rate::from_bp(random.pick(&[500, 5_000])),
    };
    params.scan = scan(random);
    params.auction = BookAuctionParams {
        discount_start: Rate::from_bp(random.pick(&[0, 500])),
        discount_fast: Rate::from_bp(random.pick(&[500, 3_000])),
        fast: Span::from_secs(random.pick(&[5, 60, 300])),
        slow: Span::from_secs(random.pick(&[5, 300, 3_300])),
        insolvent: Span::from_secs(random.pick(&[1, 60, 600])),
        insured_max: Rate::from_bp(random.pick(&[0, 1_000, 10_000])),
    };
    params
}

fn scan(random: &mut Random) -> ScanParams {
    let short_maintenance = random.pick(&[0, 100]);
    ScanParams {
        range: Rate::from_bp(random.pick(&[500, 1_800, 6_000])),
        volatility_up: Rate::from_bp(random.pick(&[1_000, 5_000])),
        volatility_down: Rate::from_bp(random.pick(&[1_000, 3_000])),
        volatility_min: Rate::from_bp(random.pick(&[0, 4_000])),
        maintenance: Rate::from_bp(random.pick(&[5_000, 8_000])),
        short_maintenance: Rate::from_bp(short_maintenance),
        short_initial: Rate::from_bp(short_maintenance + random.pick(&[0, 100])),
        pin_window: Span::from_secs(random.pick(&[0, 3_600, 86_400])),
    }
}

/// The defaults, but with a guardian, and with limits on outflow that let everybody go at once or
/// that this crowd's profits do reach.
fn rules(random: &mut Random) -> Rules {
    let mut rules = Rules::default();
    rules.council.guardian = Some(AccountId(0));
    let wide = (1_000_000_000_000_000, 50);
    let (hour_min, gate_blocks) = random.pick(&[(100_000, 5), wide]);
    // Wider than the defaults: what somebody won from a whale leaves within weeks, not years.
    rules.flow.limits.hour_share = Rate::from_bp(500);
    rules.flow.limits.day_share = Rate::from_bp(5_000);
    rules.flow.limits.hour_min = quote(hour_min);
    rules.flow.limits.day_min = quote(10 * hour_min);
    rules.flow.gate_blocks = gate_blocks;
    rules
}

fn markets(random: &mut Random, margin: i64) -> Vec<MarketParams> {
    let fee_taker = Rate::from_bp(random.pick(&[0, 5, 30]));
    let fee_maker = random.pick(&[-fee_taker, Rate::ZERO, Rate::from_raw(fee_taker.raw() / 3)]);
    let price_band = Rate::from_bp(random.pick(&[500, 1_000, 3_000]));
    let mut market = |name: &str, base: u16, kind: Kind| {
        let (tick, lot) = if base == 1 { (10_000_000, 10_000) } else { (1_000_000, 1_000_000) };
        MarketParams {
            name: name.to_owned(),
            base: AssetId(base),
            kind,
            tick: Price::from_raw(tick),
            lot: Qty::from_raw(lot),
            fee_maker,
            fee_taker,
            rules: MarketRules {
                carry_8h: Rate::from_bp(random.pick(&[-1, 0, 1])),
                target: Target { window: Span::MINUTE, ..Target::default() },
                envelope: EnvelopeParams {
                    gap: Rate::from_bp(margin / 8),
                    accrual: Span::SECOND,
                    ..EnvelopeParams::default()
                },
                ..MarketRules::default()
            },
        }
    };
    let spot = Kind::Spot { price_band };
    let mut markets = vec![market("BTC-SPOT", 1, spot), market("SOL-SPOT", 2, spot)];
    let terms = PerpetualParams {
        funding: FundingRule::Velocity {
            max_velocity: Rate::ONE,
            premium_scale: Rate::from_bp(10),
            cap: Rate::from_bp(400),
        },
        impact_notional: quote(5_000),
        margin_initial: Rate::from_bp(margin),
        margin_maintenance: Rate::from_bp(margin / 2),
        mark_band: Rate::from_bp(300),
        price_band,
        fee_liquidation: Rate::from_bp(margin / 8),
        position_max: Qty::from_raw(100_000_000_000),
    };
    let perpetual = Kind::Perpetual(terms);
    markets.extend([market("BTC-PERP", 1, perpetual), market("SOL-PERP", 2, perpetual)]);
    markets.extend([("BTC-DATED", 1), ("SOL-DATED", 2)].map(|(name, base)| {
        market(
            name,
            base,
            Kind::Future(FutureParams {
                terms,
                expiry: START,
                averaging: Span::MINUTE,
                extension_max: Span::HOUR,
                spread_initial: Rate::ZERO,
                spread_maintenance: Rate::ZERO,
            }),
        )
    }));
    for market in &mut markets[2..] {
        if let Kind::Perpetual(params) = &mut market.kind {
            params.funding = funding(random);
        }
        if let Kind::Future(future) = &mut market.kind {
            date(random, future);
        }
    }
    markets
}

/// Gives a future its dates and its spreads.
fn date(random: &mut Random, future: &mut FutureParams) {
    let soon = random.one_in(2);
    let left = if soon { 20 + random.below(400) } else { 3_600 + random.below(100_000) };
    future.expiry = START.after(Span::from_secs(left));
    future.averaging = Span::from_secs(random.pick(&[1, 10, 120, 1_800]));
    future.extension_max = Span::MINUTE.times(random.pick(&[1, 60, 1_440]));
    future.terms.funding = FundingRule::Never;
    future.spread_maintenance = Rate::from_bp(random.pick(&[0, 50, 200]));
    future.spread_initial = future.spread_maintenance + Rate::from_bp(random.pick(&[0, 50]));
}

fn funding(random: &mut Random) -> FundingRule {
    let (hour, cap) = (Span::HOUR, Rate::from_bp(random.pick(&[400, 3_000])));
    let (one, ten) = (Rate::from_bp(1), Rate::from_bp(10));
    random.pick(&[
        FundingRule::Anchored { anchor: hour.times(8), carry: one, cap },
        FundingRule::Industry { interval: hour, interest: one, clamp: Rate::from_bp(5), cap },
        FundingRule::Dydx { sample: Span::MINUTE, interval: hour, interest: one, cap },
        FundingRule::Velocity { max_velocity: Rate::ONE, premium_scale: ten, cap },
        FundingRule::Pi {
            proportional: Rate::from_bp(20_000),
            integral: Rate::from_bp(30_000),
            leak: hour,
            carry: -ten,
            cap,
        },
    ])
}

/// Whole units of the quote currency.
pub fn quote(units: i64) -> Amount {
    Amount::from_raw(i128::from(units) * Amount::ONE.raw())
}
