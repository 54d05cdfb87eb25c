//! Laws of impact: decay, sign, additivity, no profit from round trips, figures of the square root.

use proptest::prelude::*;

use super::*;
use crate::random::Seed;

const SCALE: Scale = Scale { volatility: 0.02, volume: 1e9, window: None };

fn at(seconds: f64) -> Time {
    Time::from_nanos((seconds * 1e9) as u64)
}

fn linear() -> Model {
    Model::Linear { slope: 1e-10, decay: Span::from_secs(10) }
}

fn root(power: f64, decay: Decay) -> Model {
    Model::Root { factor: 1.0, power, decay }
}

fn exponential() -> Decay {
    Decay::Exponential(Span::from_secs(10))
}

fn power(exponent: f64) -> Decay {
    Decay::Power { onset: Span::from_secs(1), exponent }
}

fn impact(model: Model) -> Impact {
    Impact::new(model, SCALE).unwrap()
}

fn close(seen: f64, expected: f64, within: f64) {
    assert!((seen - expected).abs() <= within * expected.abs(), "{seen} {expected}");
}

#[test]
fn a_linear_impact_is_proportional_and_wears_off_exponentially() {
    let mut impact = impact(linear());
    assert!(impact.is_idle());
    impact.traded(at(1.0), Side::Buy, 2e6);
    close(impact.displacement(at(1.0)), 2e-4, 1e-12);
    close(impact.displacement(at(11.0)), 2e-4 * libm::exp(-1.0), 1e-12);
    impact.traded(at(11.0), Side::Sell, 2e6);
    close(impact.displacement(at(11.0)), -2e-4 * (1.0 - libm::exp(-1.0)), 1e-12);
    // A time before the last changes nothing, and in the end nothing is left.
    close(impact.displacement(at(3.0)), -2e-4 * (1.0 - libm::exp(-1.0)), 1e-12);
    assert_eq!(impact.displacement(at(1e5)).to_bits(), 0.0_f64.to_bits());
    assert!(impact.is_idle());
}

#[test]
fn one_percent_of_a_days_volume_moves_a_tenth_of_a_days_volatility() {
    let mut impact = impact(root(0.5, exponential()));
    // A taker pays two thirds of what the price has moved in the end.
    close(impact.path(at(0.0), Side::Buy, 1e7), 0.02 * 0.1 * 2.0 / 3.0, 1e-12);
    impact.traded(at(0.0), Side::Buy, 1e7);
    close(impact.displacement(at(0.0)), 0.02 * 0.1, 1e-12);
    assert_eq!(impact.steps(at(0.0), 99_999), 199, "towards zero");
    let mut fall = super::tests::impact(root(0.5, exponential()));
    fall.traded(at(0.0), Side::Sell, 1e7);
    assert_eq!(fall.steps(at(0.0), 99_999), -199);
}

#[test]
fn slicing_a_trade_at_one_instant_changes_nothing() {
    for model in [linear(), root(0.5, exponential()), root(0.6, power(0.5))] {
        let (mut whole, mut parts) = (impact(model), impact(model));
        whole.traded(at(1.0), Side::Buy, 3e6);
        let mut paid = 0.0;
        for part in [1e6, 1.5e6, 0.5e6] {
            paid += part * parts.path(at(1.0), Side::Buy, part);
            parts.traded(at(1.0), Side::Buy, part);
        }
        close(parts.displacement(at(5.0)), whole.displacement(at(5.0)), 1e-12);
        close(paid, 3e6 * impact(model).path(at(1.0), Side::Buy, 3e6), 1e-12);
    }
}

#[test]
fn a_sum_of_exponentials_is_the_power_law() {
    for (exponent, within) in [(0.4151, 4e-3), (0.5, 4e-3), (1.0, 4e-3), (2.0, 2e-2)] {
        let mut impact = impact(root(1.0, power(exponent)));
        impact.traded(at(0.0), Side::Buy, 1e9);
        for elapsed in [0.0, 0.1, 1.0, 10.0, 600.0, 36_000.0, 1e6] {
            let expected = 0.02 * libm::pow(1.0 + elapsed, -exponent);
            close(impact.displacement(at(elapsed)), expected, within);
        }
    }
}

#[test]
fn models_that_invite_round_trips_are_refused() {
    let fault = |model| Impact::new(model, SCALE).unwrap_err();
    assert_eq!(fault(root(0.5, power(0.49))), Fault::Manipulable);
    assert_eq!(fault(root(0.9, power(0.41))), Fault::Manipulable);
    assert_eq!(fault(root(0.9, power(f64::NAN))), Fault::Manipulable);
    assert_eq!(fault(root(0.5, power(2.1))), Fault::Manipulable);
    assert!(Impact::new(root(0.585, power(0.4151)), SCALE).is_ok());
    assert_eq!(fault(root(0.0, exponential())), Fault::Shape);
    assert_eq!(fault(root(1.1, exponential())), Fault::Shape);
    assert_eq!(fault(Model::Linear { slope: -1.0, decay: Span::SECOND }), Fault::Shape);
    assert_eq!(fault(Model::Linear { slope: 1.0, decay: Span::ZERO }), Fault::Decay);
    for scale in [
        Scale { volatility: 0.0, ..SCALE },
        Scale { volume: f64::INFINITY, ..SCALE },
        Scale { window: Some(Span::MINUTE), ..SCALE },
    ] {
        assert_eq!(Impact::new(Model::None, scale).unwrap_err(), Fault::Scale);
    }
}

#[test]
fn estimates_find_volatility_and_volume_of_the_tape_and_use_only_its_past() {
    let window = Some(Span::from_secs(6 * 3_600));
    let scale = Scale { volatility: 0.5, volume: 1.0, window };
    let mut impact = Impact::new(root(0.5, exponential()), scale).unwrap();
    let mut stream = Seed(5).stream("tape", 0);
    let mut price = 100.0;
    // 4 % a day in steps of a second, a thousand of quote each.
    for second in 0..4 * 86_400 {
        let before = (impact.estimate.volatility(), impact.estimate.volume());
        price *= libm::exp(0.04 / 86_400f64.sqrt() * stream.normal());
        impact.observe(at(f64::from(second)), price, 1_000.0);
        if second % 60 != 0 {
            assert_eq!(before, (impact.estimate.volatility(), impact.estimate.volume()));
        }
    }
    close(impact.estimate.volatility(), 0.04, 0.08);
    close(impact.estimate.volume(), 8.64e7, 2e-3);
    let kept = impact.clone();
    impact.observe(at(1e6), f64::NAN, 1.0);
    impact.observe(at(1e6), 1.0, -1.0);
    assert_eq!(format!("{impact:?}"), format!("{kept:?}"));
}

#[test]
fn taken_depth_is_missing_until_it_is_refilled() {
    let mut depletion = Depletion::new(Span::from_secs(10));
    depletion.take(at(0.0), Side::Sell, 100, 1_000);
    let missing =
        |depletion: &Depletion, seconds, side, price| depletion.missing(at(seconds), side, price);
    assert_eq!(missing(&depletion, 0.0, Side::Sell, 100), 1_000);
    assert_eq!(missing(&depletion, 0.0, Side::Buy, 100), 0);
    assert_eq!(missing(&depletion, 0.0, Side::Sell, 101), 0);
    assert_eq!(missing(&depletion, 10.0, Side::Sell, 100), 368);
    depletion.take(at(10.0), Side::Sell, 100, 32);
    assert_eq!(missing(&depletion, 10.0, Side::Sell, 100), 400);
    depletion.take(at(200.0), Side::Buy, 99, 5);
    assert_eq!((depletion.holes.len(), missing(&depletion, 200.0, Side::Sell, 100)), (1, 0));
}

/// What trades of random size and pause cost, per unit of quote traded; the last flattens.
fn round_trip(model: Model, trades: &[(f64, f64)]) -> f64 {
    let mut impact = impact(model);
    let (mut now, mut held, mut cost, mut traded) = (1.0, 0.0, 0.0, 0.0);
    let mut trade = |now: f64, signed: f64| {
        let side = if signed > 0.0 { Side::Buy } else { Side::Sell };
        cost += signed * impact.path(at(now), side, signed.abs());
        traded += signed.abs();
        impact.traded(at(now), side, signed.abs());
    };
    for &(pause, signed) in trades {
        now += pause;
        held += signed;
        trade(now, signed);
    }
    trade(now + 1.0, -held);
    cost / traded
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn no_round_trip_earns_anything(
        trades in prop::collection::vec((0.0..40.0f64, -5e7..5e7f64), 1..30),
        exponent in 0.2..1.0f64,
        gamma in 0.0..1.0f64,
    ) {
        let gamma = (1.0 - exponent).max(0.4151) + gamma;
        for model in [linear(), root(exponent, exponential()), root(1.0, power(gamma))] {
            let cost = round_trip(model, &trades);
            prop_assert!(cost >= -1e-12, "{model:?} {cost}");
        }
        // No proof is known where both are powers: this is a search.
        let cost = round_trip(root(exponent, power(gamma)), &trades);
        prop_assert!(cost >= -1e-12, "{exponent} {gamma} {cost}");
    }

    #[test]
    fn a_displacement_is_finite_and_towards_what_was_traded_most_recently(
        trades in prop::collection::vec((0.0..1e6f64, -1e300..1e300f64), 1..20),
    ) {
        for model in [Model::None, linear(), root(0.5, exponential()), root(0.5, power(0.5))] {
            let (mut impact, mut now) = (impact(model), 0.0);
            for &(pause, signed) in &trades {
                now += pause;
                let side = if signed > 0.0 { Side::Buy } else { Side::Sell };
                let before = impact.displacement(at(now));
                let path = impact.path(at(now), side, signed.abs());
                impact.traded(at(now), side, signed.abs());
                let after = impact.displacement(at(now));
                prop_assert!(after.is_finite() && after.abs() <= 0.5);
                prop_assert!((after - before) * signed >= 0.0, "{before} {after} {signed}");
                prop_assert!((path - before) * (after - path) >= 0.0);
            }
            impact.traded(at(now), Side::Buy, f64::NAN);
            prop_assert!(impact.displacement(at(now)).is_finite());
        }
    }
}

#[test]
fn buying_in_parts_and_selling_in_others_earns_nothing() {
    // (parts, pause between them, seconds) of the buys and of the sells that follow.
    let legs = [1usize, 3, 20]
        .into_iter()
        .flat_map(|parts| [0.01, 1.0, 100.0].into_iter().map(move |pause| (parts, pause)));
    let legs: Vec<(usize, f64)> = legs.collect();
    for exponent in [0.2, 0.5, 0.9] {
        for excess in [0.0, 0.3, 1.0] {
            let gamma = f64::max(1.0 - exponent, 0.4151) + excess;
            for &(buys, wait) in &legs {
                for &(sells, pause) in &legs {
                    let mut trades = vec![(wait, 1e7 / buys as f64); buys];
                    trades.extend(vec![(pause, -1e7 / sells as f64); sells - 1]);
                    let cost = round_trip(root(exponent, power(gamma)), &trades);
                    assert!(cost > 0.0, "{exponent} {gamma} {buys} {wait} {sells} {pause}: {cost}");
                }
            }
        }
    }
}
