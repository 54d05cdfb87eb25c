//! Against forty-digit values, parity, derivatives by differences, and the columns against one by
//! one.

use super::*;
use proptest::prelude::*;

/// Values of mpmath with forty digits.
#[test]
fn values_agree_with_forty_digits_however_small_they_are() {
    let month = 0.082_191_780_821_917_8;
    let table = [
        (OptionKind::Call, 100.0, 100.0, 0.2, 1.0, 7.965_567_455_405_796_7),
        (OptionKind::Call, 100.0, 110.0, 0.5, 0.25, 6.190_426_413_768_347_4),
        (OptionKind::Call, 60_000.0, 70_000.0, 0.6, month, 1_124.963_283_884_643_7),
        (
            OptionKind::Put,
            60_000.0,
            50_000.0,
            0.8,
            0.019_178_082_191_780_823,
            126.385_836_774_111_52,
        ),
        (OptionKind::Call, 1.0, 1.5, 0.04, 1.0, 9.010_020_309_242_865_6e-27),
        (OptionKind::Call, 100.0, 300.0, 0.15, 0.1, 1.999_932_950_049_466_6e-119),
        (OptionKind::Call, 100.0, 100.0, 4.0, 2.0, 99.532_226_501_895_273),
        (OptionKind::Call, 100.0, 100.000_1, 0.000_1, 1.0, 0.003_939_624_266_439_797_6),
    ];
    for (kind, forward, strike, volatility, years, expected) in table {
        let value = price(kind, forward, strike, volatility, years);
        assert!((value / expected - 1.0).abs() < 1e-13, "{strike} {value:e} {expected:e}");
    }
}

/// Hull, Options, Futures and Other Derivatives: S = 42, K = 40, r = 10 %, σ = 20 %, six months.
#[test]
fn hulls_example() {
    let discount = libm::exp(-0.05);
    let of = |kind| price(kind, 42.0 / discount, 40.0, 0.2, 0.5) * discount;
    assert!((of(OptionKind::Call) - 4.759_422_392_871_536).abs() < 1e-9);
    assert!((of(OptionKind::Put) - 0.808_599_372_900_093).abs() < 1e-9);
}

/// An option of 24 hours at the money, as a share of its forward.
#[test]
fn a_lock_of_a_day_is_worth_an_option_at_the_money() {
    let table = [
        (0.5, 0.010_440_498_704_451_961),
        (0.8, 0.016_704_054_267_142_83),
        (1.0, 0.020_879_209_830_834_744),
        (1.5, 0.031_314_346_719_211_46),
    ];
    for (volatility, expected) in table {
        let value = price(OptionKind::Call, 1.0, 1.0, volatility, 1.0 / 365.0);
        assert!((value - expected).abs() < 1e-12);
    }
}

#[test]
fn without_volatility_or_time_an_option_is_worth_what_it_is_in_the_money() {
    for (volatility, years) in [(0.0, 1.0), (0.5, 0.0), (0.0, 0.0)] {
        for strike in [90.0, 100.0, 110.0] {
            for kind in [OptionKind::Call, OptionKind::Put] {
                let greeks = greeks(kind, 100.0, strike, volatility, years);
                assert_eq!(greeks.price, (kind.sign() * (100.0 - strike)).max(0.0));
                assert_eq!([greeks.gamma, greeks.vega, greeks.theta], [0.0; 3]);
                assert_eq!([greeks.vanna, greeks.volga], [0.0; 2]);
            }
        }
    }
}

#[test]
fn what_is_no_option_is_no_number() {
    let bad = [
        (f64::NAN, 1.0, 0.5, 1.0),
        (0.0, 1.0, 0.5, 1.0),
        (-1.0, 1.0, 0.5, 1.0),
        (f64::INFINITY, 1.0, 0.5, 1.0),
        (1.0, f64::NAN, 0.5, 1.0),
        (1.0, 0.0, 0.5, 1.0),
        (1.0, 1.0, -0.5, 1.0),
        (1.0, 1.0, f64::INFINITY, 1.0),
        (1.0, 1.0, 0.5, -1.0),
        (1.0, 1.0, 0.5, f64::NAN),
    ];
    let mut columns = Columns::new();
    for (forward, strike, volatility, years) in bad {
        assert!(price(OptionKind::Call, forward, strike, volatility, years).is_nan());
        assert!(greeks(OptionKind::Put, forward, strike, volatility, years).delta.is_nan());
        columns.push(OptionKind::Put, forward, strike, volatility, years);
    }
    columns.push(OptionKind::Put, 1.0, 1.0, 0.5, 1.0);
    let mut values = Values::default();
    columns.evaluate(&mut values);
    assert!(values.delta[..bad.len()].iter().all(|delta| delta.is_nan()));
    assert!(values.price[..bad.len()].iter().all(|price| price.is_nan()));
    assert!(values.price[bad.len()] > 0.0);
}

fn any_option() -> impl Strategy<Value = (f64, f64, f64, f64)> {
    (1.0..1e5f64, -1.5..1.5f64, 0.01..3.0f64, 1e-4..3.0f64).prop_map(
        |(forward, log, volatility, years)| (forward, forward * libm::exp(log), volatility, years),
    )
}

/// The nearest float above or below.
fn within_one_rounding(a: f64, b: f64, scale: f64) -> bool {
    (a - b).abs() <= scale * f64::EPSILON
}

proptest! {
    /// In the money one rounding of the sum, in the difference of the two another.
    #[test]
    fn parity_holds_to_the_last_place((forward, strike, volatility, years) in any_option()) {
        let call = price(OptionKind::Call, forward, strike, volatility, years);
        let put = price(OptionKind::Put, forward, strike, volatility, years);
        prop_assert!(within_one_rounding(call - put, forward - strike, call.max(put)));
        // Exactly what the definition says: the dearer is the other and the difference, rounded.
        if forward >= strike {
            prop_assert_eq!(call, put + (forward - strike));
        } else {
            prop_assert_eq!(put, call + (strike - forward));
        }
    }

    #[test]
    fn values_lie_within_their_bounds((forward, strike, volatility, years) in any_option()) {
        let call = price(OptionKind::Call, forward, strike, volatility, years);
        let put = price(OptionKind::Put, forward, strike, volatility, years);
        let eps = 1.0 + 4.0 * f64::EPSILON;
        prop_assert!(0.0 <= call && call <= forward * eps);
        prop_assert!(0.0 <= put && put <= strike * eps);
    }

    /// The branches of the small values meet: a value never falls when volatility rises.
    #[test]
    fn a_value_rises_with_volatility((forward, strike, volatility, years) in any_option()) {
        let of = |volatility| time_value(forward, strike, volatility * years.sqrt());
        let more = volatility * (1.0 + 1e-9);
        prop_assert!(of(more) >= of(volatility) * (1.0 - 1e-13));
    }

    #[test]
    fn greeks_are_the_derivatives((forward, strike, volatility, years) in any_option()) {
        let deviation = volatility * years.sqrt();
        prop_assume!(deviation > 0.02 && libm::log(forward / strike).abs() < 4.0 * deviation);
        for kind in [OptionKind::Call, OptionKind::Put] {
            let value = |f: f64, v: f64, t: f64| price(kind, f, strike, v, t);
            let greeks = greeks(kind, forward, strike, volatility, years);
            let central = |f: &dyn Fn(f64) -> f64, h: f64| {
                (8.0 * (f(h) - f(-h)) - (f(2.0 * h) - f(-2.0 * h))) / (12.0 * h)
            };
            let step = forward * deviation * 1e-3;
            let delta = central(&|h| value(forward + h, volatility, years), step);
            prop_assert!((delta - greeks.delta).abs() < 1e-8, "delta {delta} {}", greeks.delta);
            let deltas = |f, v| super::greeks(kind, f, strike, v, years).delta;
            let gamma = central(&|h| deltas(forward + h, volatility), step);
            prop_assert!((gamma - greeks.gamma).abs() < 1e-7 * PHI_0 / (forward * deviation));
            let step = volatility * 1e-3;
            let vega = central(&|h| value(forward, volatility + h, years), step);
            prop_assert!((vega - greeks.vega).abs() < 1e-8 * forward * years.sqrt());
            let vanna = central(&|h| deltas(forward, volatility + h), step);
            prop_assert!((vanna - greeks.vanna).abs() < 1e-7 / volatility);
            let vegas = |v| super::greeks(kind, forward, strike, v, years).vega;
            let volga = central(&|h| vegas(volatility + h), step);
            let scale = forward * years.sqrt() / volatility;
            prop_assert!((volga - greeks.volga).abs() < 1e-7 * scale, "{volga} {}", greeks.volga);
            let theta = -central(&|h| value(forward, volatility, years + h), years * 1e-3);
            prop_assert!((theta - greeks.theta).abs() < 1e-7 * forward * deviation / years);
        }
    }

    /// Columns give what one option alone gives: greeks to the bit, values to the last places of
    /// the forward.
    #[test]
    fn columns_agree_with_one_by_one(options in prop::collection::vec(any_option(), 1..40)) {
        let mut columns = Columns::new();
        let kind = |at: usize| [OptionKind::Call, OptionKind::Put][at % 2];
        for (at, (forward, strike, volatility, years)) in options.iter().enumerate() {
            columns.push(kind(at), *forward, *strike, *volatility, *years);
        }
        let mut values = Values::default();
        columns.evaluate(&mut values);
        for (at, (forward, strike, volatility, years)) in options.iter().enumerate() {
            let alone = greeks(kind(at), *forward, *strike, *volatility, *years);
            prop_assert_eq!(values.delta[at].to_bits(), alone.delta.to_bits());
            prop_assert_eq!(values.gamma[at].to_bits(), alone.gamma.to_bits());
            prop_assert_eq!(values.vega[at].to_bits(), alone.vega.to_bits());
            prop_assert_eq!(values.theta[at].to_bits(), alone.theta.to_bits());
            let most = 4.0 * f64::EPSILON * forward.max(*strike);
            prop_assert!((values.price[at] - alone.price).abs() <= most);
        }
    }
}
/// Two ways to the difference of two Mills ratios.
#[test]
fn series_and_quadrature_agree_where_both_are_used() {
    for distance in 0..60 {
        for step in 1..30 {
            let (h, t) = (-0.1 * f64::from(distance), 0.01 * f64::from(step));
            let ratio = odd_series(h, t) / odd_quadrature(h, t);
            assert!((ratio - 1.0).abs() < 3e-14, "{h} {t} {ratio}");
        }
    }
}

/// The same body for registers of every width.
#[test]
fn every_width_gives_the_same_bits() {
    let mut columns = Columns::new();
    for at in -300..300 {
        let kind = if at % 2 == 0 { OptionKind::Call } else { OptionKind::Put };
        let log = f64::from(at) * 0.007;
        columns.push(kind, 60_000.0, 60_000.0 * libm::exp(log), 0.6 + log * log, 0.03);
    }
    let (mut wide, mut narrow) = (Values::default(), Values::default());
    columns.evaluate(&mut wide);
    narrow.resize(columns.len());
    columns.evaluate_lanes(&mut narrow);
    assert_eq!(wide, narrow);
}
