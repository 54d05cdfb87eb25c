//! Options without an expiry, and the power perpetual: instruments whose funding is their time
//! value. No interest.
//!
//! Continuously funded (Deri): funding pays (price − intrinsic) over T, so the option is one whose
//! expiry is exponential with mean T:
//!   u = √(1 + 8/(σ²T)), V = (K/u)·(S/K)^((1 ∓ u)/2) for S above (−) or below (+) the strike,
//!   price = what it is in the money + V; funding V/T.
//! Funded at intervals of Δ (White and Bankman-Fried 2021): Σₙ 2⁻ⁿ·BS(nΔ), mean expiry 2Δ.
//! Squeeth: mark/index = e^(σ²·17.5 d) in the rule of its normalisation factor.

use crate::black::{self, OptionKind};

/// A day over 365 days.
const DAY: f64 = 1.0 / 365.0;

/// What an option without an expiry is worth beyond what it is in the money, for a mean time of
/// `years`; the same for calls and puts.
pub fn time_value(spot: f64, strike: f64, volatility: f64, years: f64) -> f64 {
    let u = exponent(volatility, years);
    let power = if spot >= strike { (1.0 - u) / 2.0 } else { (1.0 + u) / 2.0 };
    strike / u * libm::pow(spot / strike, power)
}

/// The price of a continuously funded option.
pub fn price(kind: OptionKind, spot: f64, strike: f64, volatility: f64, years: f64) -> f64 {
    (kind.sign() * (spot - strike)).max(0.0) + time_value(spot, strike, volatility, years)
}

/// u = √(1 + 8/(σ²T)).
pub fn exponent(volatility: f64, years: f64) -> f64 {
    (1.0 + 8.0 / (volatility * volatility * years)).sqrt()
}

/// What a long pays a short in one day.
pub fn daily_funding(spot: f64, strike: f64, volatility: f64, years: f64) -> f64 {
    time_value(spot, strike, volatility, years) * DAY / years
}

/// The price of an option that is funded at intervals of `interval_years`.
pub fn discrete_price(
    kind: OptionKind,
    spot: f64,
    strike: f64,
    volatility: f64,
    interval_years: f64,
) -> f64 {
    let term = |n: i32| {
        let years = f64::from(n) * interval_years;
        libm::exp2(-f64::from(n)) * black::price(kind, spot, strike, volatility, years)
    };
    // What is left out is below 2⁻⁶⁴ of the bound; the smallest terms first.
    (1..=64).rev().map(term).sum()
}

/// The volatility that a Squeeth's mark over its index implies: √(ln(mark/index)/T).
pub fn squeeth_volatility(mark_over_index: f64, years: f64) -> f64 {
    (libm::log(mark_over_index) / years).sqrt()
}

/// How a power perpetual pays its funding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerFunding {
    /// In kind, at the rate ln(mark/index) over the period (Squeeth).
    InKind,
    /// (mark − index) over the period, continuously.
    Continuous,
    /// (mark − index) at the end of each period.
    Discrete,
}

/// The fair mark over the index Sᵖ of a power perpetual with a funding period of `years`, with
/// a = ½·p·(p − 1)·σ²·years: e^a, 1/(1 − a), 1/(2·e^(−a) − 1). `None` where it has no finite price.
pub fn power_mark(funding: PowerFunding, power: f64, volatility: f64, years: f64) -> Option<f64> {
    let a = 0.5 * power * (power - 1.0) * volatility * volatility * years;
    let inverse = match funding {
        PowerFunding::InKind => libm::exp(-a),
        PowerFunding::Continuous => 1.0 - a,
        PowerFunding::Discrete => 2.0 * libm::exp(-a) - 1.0,
    };
    (inverse > 0.0).then(|| 1.0 / inverse)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WEEK: f64 = 7.0 * DAY;

    /// Deri's examples: strike 50 000, σ = 100 %, seven days.
    #[test]
    fn examples_of_the_continuous_contract() {
        let table = [
            (40_000.0, 223.366_704_182_927_95, 31.909_529_168_989_707),
            (50_000.0, 2_445.162_1, 2_445.162_1 / 7.0),
            (60_000.0, 10_415.267_344_601_358, 59.323_906_371_622_64),
        ];
        for (spot, expected, funding) in table {
            let value = price(OptionKind::Call, spot, 50_000.0, 1.0, WEEK);
            assert!((value - expected).abs() < 1e-4, "{value}");
            assert!((daily_funding(spot, 50_000.0, 1.0, WEEK) - funding).abs() < 1e-4);
        }
        assert!((exponent(1.0, WEEK) - 20.448_541_687_437_203).abs() < 1e-12);
    }

    #[test]
    fn the_discrete_contract_of_a_day() {
        let value = discrete_price(OptionKind::Call, 50_000.0, 50_000.0, 1.0, DAY);
        assert!((value - 1_406.247_895_061_671).abs() < 1e-6, "{value}");
    }

    #[test]
    fn squeeths_volatility() {
        let volatility = squeeth_volatility(1.04, 17.5 * DAY);
        assert!((volatility - 0.904_451_224_332_75).abs() < 1e-12);
    }

    #[test]
    fn the_mark_of_a_squared_perpetual_depends_on_how_it_is_funded() {
        let of = |funding, volatility| power_mark(funding, 2.0, volatility, 17.5 * DAY);
        let table = [
            (PowerFunding::InKind, 1.039_599_576_522_309_4),
            (PowerFunding::Continuous, 1.040_404_760_208_081),
            (PowerFunding::Discrete, 1.082_464_721_077_310_4),
        ];
        for (funding, expected) in table {
            let mark = of(funding, 0.9);
            assert!(mark.is_some_and(|mark| (mark - expected).abs() < 1e-12), "{mark:?}");
        }
        // a reaches 1 and ln 2 at σ of 457 % and 380 %.
        assert_eq!(of(PowerFunding::Continuous, 4.6), None);
        assert!(of(PowerFunding::Continuous, 4.5).is_some());
        assert_eq!(of(PowerFunding::Discrete, 3.9), None);
        assert!(
            of(PowerFunding::Discrete, 3.7).is_some() && of(PowerFunding::InKind, 9.0).is_some()
        );
    }

    proptest! {
        /// The mean over an exponential expiry: ∫ e^(−y)·BS(yT) dy, with y = z² by Simpson.
        #[test]
        fn the_closed_form_is_the_mean_over_its_expiry(
            log in -0.3..0.3f64, volatility in 0.3..2.0f64, days in 1.0..60.0f64,
        ) {
            let (strike, years) = (50_000.0, days * DAY);
            let spot = strike * libm::exp(log);
            let (steps, width) = (4_000, 6.2 / 4_000.0);
            let integrand = |z: f64| {
                let value = black::price(OptionKind::Put, spot, strike, volatility, z * z * years);
                2.0 * z * libm::exp(-z * z) * value
            };
            // The integrand is nothing at both ends.
            let term = |at: i32| 2.0 * f64::from(1 + at % 2) * integrand(f64::from(at) * width);
            let sum: f64 = (1..steps).map(term).sum();
            let closed = price(OptionKind::Put, spot, strike, volatility, years);
            prop_assert!((sum * width / 3.0 - closed).abs() < 1e-5 * closed.max(1.0));
        }
    }
}
