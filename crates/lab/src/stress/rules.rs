//! The parameters of a run: ours, and those that stand for the venue's rules.
//!
//! Everything that a venue lacks is our rule with its bound moved to the end of its range, so that
//! the same engine runs both. Whether a design is accepted is the engine's to say.

use money::{Amount, Price, Qty, Rate, Round, Span};
use pricing::convert::{amount, rate, rate_f64};
use protocol::design::AMOUNT_MAX;
use protocol::envelope;
use protocol::ids::AssetId;
use protocol::params::{
    AssetParams, FundingRule, Kind, MarketParams, MarketRules, OracleParams, Params,
    PerpetualParams, Rules,
};

use super::incident::{Asset, Incident, Terms};

/// Publishers, of equal stake.
pub(super) const PUBLISHERS: u16 = 5;
/// Notional for which margin is flat, over the depth.
const FLAT_SHARE: f64 = 0.1;
/// Most that a clamp can be opened to: a hundredfold step.
pub(super) const CLAMP_OPEN: f64 = 100.0;

/// Age to which an index serves where its age is not bounded: longer than any fault of a variant,
/// short enough that no halt is charged as funding (rule F-8).
const AGE_OPEN: Span = Span::from_secs(900);

/// The design of a run.
pub(super) fn design(incident: &Incident, terms: &Terms, accounts: u32) -> Params {
    let confidence_max = if terms.bounds.confidence_check { 0.1 } else { 0.95 };
    let index_age_max = if terms.bounds.oracle_age { Span::from_secs(30) } else { AGE_OPEN };
    let assets = incident.assets.iter();
    Params {
        assets: std::iter::once("USD")
            .chain(assets.clone().map(|asset| asset.name.as_str()))
            .map(collateral)
            .collect(),
        markets: assets
            .zip(1u16..)
            .map(|(asset, id)| market(asset, AssetId(id), terms, accounts))
            .collect(),
        oracle: OracleParams {
            stakes: vec![1; usize::from(PUBLISHERS)],
            vote_age_max: Span::from_secs(10),
            index_age_max,
            confidence_min: Rate::from_bp(1),
            confidence_max: ratio(confidence_max),
        },
        open_orders_max: 200,
        liquidation_tranche_min: usd(terms.liquidation_tranche_usd),
        checkpoint_blocks: 200,
        rules: exchange(terms),
    }
}

fn collateral(name: &str) -> AssetParams {
    AssetParams {
        name: name.into(),
        haircut_initial: Rate::from_bp(1_000),
        haircut_maintenance: Rate::from_bp(500),
        basis_initial: Rate::from_bp(100),
        basis_maintenance: Rate::from_bp(50),
    }
}

fn market(asset: &Asset, base: AssetId, terms: &Terms, accounts: u32) -> MarketParams {
    let (initial, maintenance) =
        terms.margins.unwrap_or((asset.margin_initial, asset.margin_maintenance));
    let (tick, lot) = steps(asset.price_usd);
    let share = i64::MAX / 2 / i64::from(accounts.max(1) + 1);
    let rules = guards(asset, terms);
    let perpetual = PerpetualParams {
        funding: FundingRule::Anchored {
            anchor: Span::HOUR.times(8),
            carry: Rate::ZERO,
            cap: Rate::from_bp(200),
        },
        impact_notional: usd((asset.depth[0].1 / 100.0).max(1.0)),
        margin_initial: ratio(initial),
        margin_maintenance: ratio(maintenance),
        mark_band: if terms.mark_is_index { Rate::from_bp(1) } else { Rate::from_bp(500) },
        price_band: Rate::from_bp(1_000),
        fee_liquidation: ratio((maintenance / 4.0).min(0.005)),
        position_max: Qty::from_raw(share).min(protocol::design::QTY_MAX),
    };
    MarketParams {
        name: format!("{}-PERP", asset.name),
        base,
        kind: Kind::Perpetual(proven(perpetual, &rules)),
        tick,
        lot,
        fee_maker: Rate::ZERO,
        fee_taker: Rate::from_bp(5),
        rules,
    }
}

/// The market with as much maintenance margin as its envelope needs (rule R-6), and initial margin
/// in the same proportion.
fn proven(mut perpetual: PerpetualParams, rules: &MarketRules) -> PerpetualParams {
    let need = envelope::need(&perpetual, rules).total();
    let (initial, maintenance) = (perpetual.margin_initial, perpetual.margin_maintenance);
    if need > maintenance && need < Rate::ONE {
        let grown = rate_f64(need) / rate_f64(maintenance) * rate_f64(initial);
        perpetual.margin_maintenance = need;
        perpetual.margin_initial = ratio(grown.min(1.0));
    }
    perpetual
}

/// Tick and lot of about 10⁻⁵ of the price and a few dollars.
pub(super) fn steps(price_usd: f64) -> (Price, Qty) {
    let digits = libm::floor(libm::log10(price_usd)) as i32;
    let power = |exponent: i32| (0..exponent).fold(1i64, |value, _| value * 10);
    (Price::from_raw(power(digits + 3)), Qty::from_raw(power(8 - digits)))
}

fn exchange(terms: &Terms) -> Rules {
    let mut rules = Rules::default();
    let bounds = terms.bounds;
    if !bounds.oracle_clamp {
        rules.ladder.jump_max = ratio(CLAMP_OPEN);
        rules.ladder.distance_max = ratio(CLAMP_OPEN);
    }
    if !bounds.oracle_age {
        (rules.ladder.age_mark, rules.ladder.age_margin) = (AGE_OPEN, AGE_OPEN);
    }
    if !bounds.confidence_check {
        rules.ladder.confidence_max = ratio(0.95);
        rules.ladder.widening = Rate::ZERO;
    }
    if !bounds.outflow_limits {
        rules.flow.limits.hour_share = Rate::ONE;
        rules.flow.limits.day_share = Rate::ONE;
    }
    if !bounds.insolvency_gate {
        rules.flow.gate_blocks = 0;
    }
    if !bounds.withdrawal_share {
        rules.flow.withdrawal_share = Rate::ZERO;
    }
    if !bounds.halts {
        rules.halt.triggers.clear();
        rules.halt.outage_min = Span::HOUR;
        rules.halt.fresh_blocks = 1;
        rules.halt.calm_blocks = 0;
    }
    waterfall(terms, &mut rules);
    rules
}

/// Liquidation, insurance and vault.
fn waterfall(terms: &Terms, rules: &mut Rules) {
    let bounds = terms.bounds;
    if !bounds.depth_share {
        rules.liquidation.depth_share = Rate::ONE;
    }
    // A shortfall that counts as deep waits for no mean; with a vault it would be the vault's.
    if !bounds.index_mean && terms.vault_usd == 0.0 {
        rules.liquidation.deep_below = Rate::ONE;
    }
    if !bounds.insurance_day_share {
        rules.liquidation.insurance_day_share = Rate::ONE;
    }
    if !bounds.vault_limits {
        rules.backstop.inventory_share = Rate::ONE;
        rules.backstop.loss_day_share = Rate::ONE;
    }
    if let Some(notional) = terms.whole_below_usd {
        rules.liquidation.whole_below = usd(notional);
    }
}

fn guards(asset: &Asset, terms: &Terms) -> MarketRules {
    let mut rules = MarketRules::default();
    if terms.bounds.size_margin {
        rules.envelope.depth_min = usd(asset.depth[0].1.max(1.0));
        rules.envelope.flat = usd(asset.depth[0].1 * FLAT_SHARE);
    } else {
        (rules.envelope.gap, rules.envelope.accrual) = (Rate::ZERO, Span::ZERO);
        (rules.envelope.depth_min, rules.envelope.flat) = (AMOUNT_MAX, Amount::ZERO);
        (rules.interest.lower, rules.interest.upper) = (AMOUNT_MAX - Amount::ONE, AMOUNT_MAX);
        rules.concentration.slope = Rate::ZERO;
    }
    if !terms.bounds.aged_depth {
        rules.depth.time_constant = Span::SECOND;
    }
    if !terms.bounds.feedback {
        rules.feedback.gain = Rate::ZERO;
        rules.feedback.theta_max = Rate::ZERO;
    }
    rules
}

/// An amount of quote currency; at most what a deposit may bring.
pub(super) fn usd(value: f64) -> Amount {
    amount(value, Round::Down).expect("the ranges of an incident keep amounts within the type")
}

fn ratio(value: f64) -> Rate {
    rate(value, Round::Down).expect("the ranges of an incident keep ratios within the type")
}
