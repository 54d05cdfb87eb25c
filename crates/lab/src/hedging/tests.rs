//! The study on simulated tapes and chains whose answers are known.

use super::*;
use crate::random::Seed;
use desk::gamma::HedgeRule;
use feed::Funding;
use money::{Amount, Price, Rate};
use pricing::black::{self, OptionKind};
use pricing::convert;
use std::path::Path;

const STEP: Span = Span::from_secs(300);
const VOLATILITY: f64 = 0.6;

fn days(count: u64) -> Time {
    Time::ZERO.after(Span::DAY.times(count))
}

/// Days of five-minute closes of a geometric Brownian motion, funding of 1 bp every eight hours.
fn tape(seed: u64, length: u64) -> Tape {
    let mut stream = Seed(seed).stream("tape", 0);
    let step = VOLATILITY * (300.0 / (365.0 * 86_400.0_f64)).sqrt();
    let mut level = 60_000.0;
    let close = |at: u64| {
        level *= libm::exp(step * stream.normal() - step * step / 2.0);
        let price = |value| convert::price(value, money::Round::Down).unwrap();
        let (spot, perp) = (price(level), price(level * 1.0002));
        Close { time: Time::ZERO.after(STEP.times(at)), spot, perp, step: STEP }
    };
    let closes = (0..=length * 288).map(close).collect();
    let funding = (1..=length * 3).map(|at| Funding {
        time: Time::ZERO.after(Span::HOUR.times(8 * at)),
        rate: Rate::from_bp(1),
    });
    Tape { asset: "BTC".to_owned(), closes, funding: funding.collect() }
}

/// A snapshot of fair quotes every six hours, with an expiry every seventh day at 08:00.
fn chains(tape: &Tape) -> Vec<Chain> {
    let step = Span::HOUR.times(6);
    let snapshots = tape.closes.iter().filter(|close| close.time.floor(step) == close.time);
    let chain = |close: &Close| {
        let index = convert::price_f64(close.spot);
        let mut quotes = Vec::new();
        for week in 1..=8 {
            let expiry = days(7 * week).after(Span::HOUR.times(8));
            if expiry <= close.time {
                continue;
            }
            for strike in (20..=140).map(|thousands| f64::from(thousands) * 1000.0) {
                for kind in [OptionKind::Call, OptionKind::Put] {
                    let forward = index * 1.001;
                    let years = years(close.time, expiry);
                    let mark = black::price(kind, forward, strike, VOLATILITY, years) / forward;
                    let (bid, ask) = (Some((mark - 0.0005).max(0.0)), Some(mark + 0.0005));
                    quotes.push(Quote {
                        expiry,
                        kind,
                        strike,
                        bid,
                        ask,
                        mark,
                        volatility: VOLATILITY,
                        forward,
                        index,
                    });
                }
            }
        }
        Chain { time: close.time, index, quotes }
    };
    snapshots.map(chain).collect()
}

fn plan(side: Side) -> Plan {
    Plan {
        side,
        shape: Shape::Straddle,
        tenor: Span::DAY.times(7),
        roll: None,
        size: Qty::ONE,
        hedge: Hedge::Perp,
        lot: "0.001".parse().unwrap(),
        fees: Fees::default(),
    }
}

fn run(plan: &Plan, rule: HedgeRule) -> Outcome {
    let tape = tape(7, 29);
    ledger::run(&tape, &chains(&tape), plan, rule).unwrap()
}

fn deviation(outcome: &Outcome) -> f64 {
    let days: Vec<f64> =
        outcome.days.iter().map(|(_, profit)| convert::amount_f64(*profit)).collect();
    pricing::statistics::standard_deviation(&days).unwrap()
}

#[test]
fn every_rule_keeps_a_ledger_that_its_causes_add_up_to() {
    for rule in ["none", "5m", "4h", "band:0.05", "ww:0.001", "zak:0.001"] {
        for plan in [
            plan(Side::Sell),
            Plan { roll: Some(Span::DAY.times(3)), ..plan(Side::Buy) },
            Plan { shape: Shape::Strangle { delta: 0.25 }, hedge: Hedge::Spot, ..plan(Side::Sell) },
        ] {
            let outcome = run(&plan, rule_of(rule).unwrap());
            let ledger = outcome.path.last().unwrap().1;
            assert_eq!(outcome.attribution.total(), ledger, "{rule} {plan:?}");
            let daily: Amount = outcome.days.iter().map(|(_, profit)| *profit).sum();
            assert_eq!(daily, ledger, "{rule}: days");
            let periods: f64 = outcome.periods.iter().map(|period| period.profit_usd).sum();
            assert!(
                (periods - convert::amount_f64(ledger)).abs() < 0.01,
                "{rule}: {periods} {ledger}"
            );
            assert_eq!(outcome.trades == 0, rule == "none");
        }
    }
}

/// Without hedge and costs what one side wins the other loses.
#[test]
fn seller_and_buyer_mirror_each_other() {
    let fees = Fees {
        option: 0.0,
        option_cap: 0.0,
        delivery: 0.0,
        hedge_taker: 0.0,
        hedge_half_spread: 0.0,
    };
    let tape = tape(3, 22);
    let mut chains = chains(&tape);
    for quote in chains.iter_mut().flat_map(|chain| &mut chain.quotes) {
        (quote.bid, quote.ask) = (Some(quote.mark), Some(quote.mark));
    }
    let total = |side| {
        let plan = Plan { fees, ..plan(side) };
        let outcome = ledger::run(&tape, &chains, &plan, HedgeRule::None).unwrap();
        assert_eq!(outcome.attribution.costs, Amount::ZERO);
        outcome.attribution.total().raw()
    };
    let both = total(Side::Sell) + total(Side::Buy);
    assert!(both.abs() < 100, "{both} units of 1e-8 are more than rounding");
}

#[test]
fn hedging_takes_out_most_of_the_risk_and_costs_more_the_more_often() {
    let hedged = |rule: &str| run(&plan(Side::Sell), rule_of(rule).unwrap());
    let (none, often, seldom) = (hedged("none"), hedged("1h"), hedged("1d"));
    assert!(deviation(&often) < 0.5 * deviation(&none));
    assert!(often.attribution.costs < seldom.attribution.costs, "costs are negative");
    assert!(often.turnover > seldom.turnover);
    // A seller's gamma loses and theta earns; on a path of the implied volatility they are alike.
    let (gamma, theta) = (often.attribution.gamma, often.attribution.theta);
    assert!(gamma.is_negative() && theta.is_positive());
    let ratio = -convert::amount_f64(gamma) / convert::amount_f64(theta);
    assert!((0.6..1.6).contains(&ratio), "{ratio}");
}

/// The perpetual pays funding and spot none; a short perpetual receives it at a positive rate.
#[test]
fn only_a_hedge_in_the_perpetual_has_funding() {
    let spot =
        run(&Plan { hedge: Hedge::Spot, ..plan(Side::Sell) }, HedgeRule::Interval(Span::HOUR));
    assert_eq!(spot.attribution.funding, Amount::ZERO);
    let perp = run(&plan(Side::Sell), HedgeRule::Interval(Span::HOUR));
    assert_ne!(perp.attribution.funding, Amount::ZERO);
}

#[test]
fn options_are_held_to_expiry_or_rolled() {
    let held = run(&plan(Side::Sell), HedgeRule::None);
    assert!(held.periods.len() >= 3, "{:?}", held.periods);
    assert!(held.periods.iter().all(|period| period.close_ms == period.expiry_ms));
    let roll = Some(Span::DAY.times(2));
    let rolled = run(&Plan { roll, ..plan(Side::Sell) }, HedgeRule::None);
    assert!(rolled.periods.len() > held.periods.len());
    let early = rolled.periods.iter().filter(|period| period.close_ms < period.expiry_ms);
    assert!(early.count() > held.periods.len());
    for period in &held.periods {
        assert!((period.realised / VOLATILITY - 1.0).abs() < 0.1, "{period:?}");
        assert_eq!(period.implied, VOLATILITY);
    }
}

#[test]
fn data_that_cannot_be_studied_is_refused_with_the_reason() {
    let tape = tape(1, 8);
    let mut chains = chains(&tape);
    let refusal = |tape: &Tape, chains: &[Chain]| {
        ledger::run(tape, chains, &plan(Side::Sell), HedgeRule::None).unwrap_err().to_string()
    };
    assert!(refusal(&tape, &chains[..1]).contains("1 snapshot"));
    assert!(refusal(&tape, &[]).contains("0 snapshot"));
    let early = Tape { closes: tape.closes[..1].to_vec(), ..tape.clone() };
    assert!(refusal(&early, &chains[4..]).contains("bars of the same period"));
    chains.iter_mut().for_each(|chain| chain.quotes.clear());
    let (damaged, seed, paths, life) = (0, 1, 0, Span::DAY.times(7));
    let (plans, rules) = (vec![plan(Side::Sell)], vec![HedgeRule::None]);
    let input = StudyInput { tapes: vec![tape], chains, damaged, plans, rules, seed, paths, life };
    let said = Study::run(&input).unwrap_err().to_string();
    assert!(
        said.starts_with("sell straddle") && said.contains("nothing could be opened"),
        "{said}"
    );
}

#[test]
fn a_coarser_tape_continues_a_finer_one() {
    let fine = tape(1, 2);
    let mut coarse = tape(1, 4);
    coarse.closes.retain(|close| close.time.floor(Span::HOUR) == close.time);
    coarse.closes.iter_mut().for_each(|close| close.step = Span::HOUR);
    for row in &mut coarse.funding {
        row.time = row.time.after(Span::SECOND); // the same settlement, stamped later
    }
    let joined = Tape::join(&[fine.clone(), coarse]);
    assert_eq!(joined.closes.len(), fine.closes.len() + 48);
    assert!(joined.closes.windows(2).all(|pair| pair[0].time < pair[1].time));
    assert_eq!(joined.funding.len(), 12);
    assert_eq!(joined.settled(days(1), days(2)).count(), 3);
    assert_eq!(joined.between(days(1), days(1)).len(), 1);
    assert!((joined.funding_expected(days(4)) - 0.0001 * 1095.0).abs() < 1e-12);
    assert_eq!(joined.funding_expected(Time::ZERO), 0.0);
}

#[test]
fn a_folder_must_hold_each_market_once() {
    let folder = tempfile::tempdir().unwrap();
    let load = |folder: &Path| Tape::load("BTC", folder).unwrap_err().to_string();
    assert!(load(folder.path()).contains("has no BTCUSDT-spot-*"));
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let bars = "open_time_ms,open,high,low,close,volume\n1767225600000,9,9,9,9,1\n\
                1767225900000,9,9,9,9,1\n";
    write("BTCUSDT-spot-5m.csv", bars);
    write("BTCUSDT-spot-1h.csv", bars);
    assert!(load(folder.path()).contains("2 files"));
    std::fs::remove_file(folder.path().join("BTCUSDT-spot-1h.csv")).unwrap();
    write("BTCUSDT-perp-1h.csv", &bars.replace("1767225900000", "1767229200000"));
    assert!(load(folder.path()).contains("of 5m and perpetual bars of 1h"));
    std::fs::remove_file(folder.path().join("BTCUSDT-perp-1h.csv")).unwrap();
    write("BTCUSDT-perp-5m.csv", bars);
    write(
        "BTCUSDT-funding-8h.csv",
        "funding_time_ms,funding_rate\n1767225600000,0.0001\n1767254400000,0.0001\n",
    );
    let tape = Tape::load("BTC", folder.path()).unwrap();
    let nine: Price = "9".parse().unwrap();
    assert_eq!(tape.closes.len(), 2);
    assert_eq!((tape.closes[0].spot, tape.closes[0].time.millis()), (nine, 1_767_225_900_000));
}

/// Fair quotes hold nothing riskless; a call below what its strike forces is found.
#[test]
fn a_scan_counts_snapshots_with_packages() {
    let tape = tape(5, 1);
    let mut chains = chains(&tape);
    let fair = scan::Scan::of(&chains);
    assert_eq!((fair.snapshots, fair.snapshots_riskless), (chains.len(), 0));
    let quote = chains[2].quotes.iter_mut().find(|quote| quote.kind == OptionKind::Call).unwrap();
    quote.ask = quote.ask.map(|ask| ask / 2.0);
    let found = scan::Scan::of(&chains);
    assert_eq!(found.snapshots_riskless, 1);
    let conversion = found.shapes.iter().find(|shape| shape.shape == "conversion").unwrap();
    assert_eq!((conversion.snapshots, conversion.snapshots_free), (1, 1));
    assert!(conversion.best_coin > 0.1);
}

/// On returns that are independent and normal the law holds as it stands.
#[test]
fn the_law_holds_on_a_simulated_tape() {
    let (tape, life) = (tape(11, 60), Span::DAY.times(7));
    let law = PathLaw::measure(&tape, life).unwrap();
    assert_eq!(law.windows, 54);
    for point in law.points.iter().filter(|point| point.trades >= 84) {
        assert!((point.kurtosis - 3.0).abs() < 0.3, "{point:?}");
    }
    let drawn = PathLaw::shuffled(&tape, life, 1, 300).unwrap();
    for point in drawn.points.iter().filter(|point| point.trades >= 21) {
        assert!((point.sd / point.theory - 1.0).abs() < 0.2, "{point:?}");
    }
    assert!((drawn.slope + 0.5).abs() < 0.05, "{}", drawn.slope);
}

/// A band trades less for the same risk than a clock.
#[test]
fn a_band_is_cheaper_than_a_clock_at_the_same_risk() {
    let tape = tape(13, 60);
    let terms = frontier::Terms {
        life: Span::DAY.times(7),
        one_way: 0.0005,
        size: Qty::ONE,
        lot: "0.001".parse().unwrap(),
    };
    let of = |rule: &str| RuleFrontier::of(&tape, rule_of(rule).unwrap(), &terms).unwrap();
    let (clock, band, none) = (of("2h"), of("ww:0.001"), of("none"));
    assert!(band.sd_bp < clock.sd_bp && band.cost_bp < clock.cost_bp, "{band:?} {clock:?}");
    assert_eq!((none.cost_bp, none.trades), (0.0, 0.0));
    assert!(none.sd_bp > 2.0 * clock.sd_bp);
}
