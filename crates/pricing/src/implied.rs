//! Implied volatility of Black-76: the volatility at which an option is worth its price.
//!
//! Always from the option out of the money: of one in the money what it is in the money is taken
//! off first, which is exact when the price came from parity and keeps every digit that is there.
//! The root is found by the crate `implied-vol` (Jäckel, Let's Be Rational, 2015) to the precision
//! that the price attains.
//!
//! That crate takes exponentials from the platform, so a result may differ in its last place from
//! machine to machine: nothing that enters a state or a hash is made of it.

mod lanes;

use implied_vol::{DefaultSpecialFn, ImpliedBlackVolatility};

use crate::black::OptionKind;

/// The volatility for a year; `None` where the price is below what the option is in the money or
/// not below its bound (the forward of a call, the strike of a put), and for arguments that are no
/// option. A price of exactly what it is in the money gives zero.
pub fn volatility(
    kind: OptionKind,
    price: f64,
    forward: f64,
    strike: f64,
    years: f64,
) -> Option<f64> {
    let time_value = time_value(kind, price, [forward, strike, years])?;
    if time_value == 0.0 {
        return Some(0.0);
    }
    let option = ImpliedBlackVolatility::builder()
        .option_price(time_value)
        .forward(forward)
        .strike(strike)
        .expiry(years)
        .is_call(strike >= forward)
        .build()?;
    option.calculate::<DefaultSpecialFn>().filter(|volatility| volatility.is_finite())
}

/// What the option out of the money is worth, if the price lies within its bounds.
fn time_value(kind: OptionKind, price: f64, [forward, strike, years]: [f64; 3]) -> Option<f64> {
    let positive = |x: f64| x.is_normal() && x > 0.0;
    if !positive(forward) || !positive(strike) || !positive(years) || !price.is_finite() {
        return None;
    }
    let time_value = price - (kind.sign() * (forward - strike)).max(0.0);
    (0.0 <= time_value && time_value < forward.min(strike)).then_some(time_value)
}

/// An option with its price.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// Call or put.
    pub kind: OptionKind,
    /// Its price.
    pub price: f64,
    /// The forward.
    pub forward: f64,
    /// The strike.
    pub strike: f64,
    /// The time to expiry in years.
    pub years: f64,
}

/// The volatilities of many quotes, as [`volatility`] to a relative 10⁻¹², several at a time
/// (`lanes`); the few that do not converge so are asked one by one.
pub fn volatilities(quotes: &[Quote], into: &mut Vec<Option<f64>>) {
    into.clear();
    into.reserve(quotes.len());
    pulp::Arch::new().dispatch(lanes::Inversion { quotes, into });
    for (quote, found) in quotes.iter().zip(into) {
        if found.is_none() {
            let Quote { kind, price, forward, strike, years } = *quote;
            *found = volatility(kind, price, forward, strike, years);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::excessive_precision)] // published digits
mod tests {
    use super::*;
    use crate::black;
    use proptest::prelude::*;

    #[test]
    fn the_volatilities_of_the_forty_digit_values_come_back() {
        let table = [
            (100.0, 100.0, 0.2, 1.0, 7.965_567_455_405_796_7),
            (100.0, 110.0, 0.5, 0.25, 6.190_426_413_768_347_4),
            (60_000.0, 70_000.0, 0.6, 0.082_191_780_821_917_8, 1_124.963_283_884_643_7),
            (1.0, 1.5, 0.04, 1.0, 9.010_020_309_242_865_6e-27),
            (100.0, 300.0, 0.15, 0.1, 1.999_932_950_049_466_6e-119),
            (100.0, 100.0, 4.0, 2.0, 99.532_226_501_895_273),
        ];
        for (forward, strike, expected, years, price) in table {
            let found = volatility(OptionKind::Call, price, forward, strike, years).unwrap();
            assert!((found / expected - 1.0).abs() < 2e-15, "{expected}: {found}");
        }
        let flat = volatility(OptionKind::Call, 0.003_939_624_266_439_797_6, 100.0, 100.000_1, 1.0);
        assert!((flat.unwrap() / 1e-4 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_price_outside_of_its_bounds_has_no_volatility() {
        for (kind, price) in [
            (OptionKind::Call, 9.99),
            (OptionKind::Call, 110.0),
            (OptionKind::Call, -1.0),
            (OptionKind::Put, -1e-300),
            (OptionKind::Put, 100.0),
            (OptionKind::Call, f64::NAN),
        ] {
            assert_eq!(volatility(kind, price, 110.0, 100.0, 1.0), None, "{kind:?} {price}");
        }
        assert_eq!(volatility(OptionKind::Call, 10.0, 110.0, 100.0, 1.0), Some(0.0));
        for (forward, strike, years) in [(0.0, 1.0, 1.0), (1.0, -1.0, 1.0), (1.0, 1.0, 0.0)] {
            assert_eq!(volatility(OptionKind::Put, 0.1, forward, strike, years), None);
        }
    }

    fn any_quote() -> impl Strategy<Value = Quote> {
        let range = (1.0..1e5f64, -1.5..1.5f64, 0.02..4.0f64, 1e-4..3.0f64, any::<bool>());
        range.prop_map(|(forward, log, volatility, years, call)| {
            let kind = if call { OptionKind::Call } else { OptionKind::Put };
            let strike = forward * libm::exp(log);
            let price = black::price(kind, forward, strike, volatility, years);
            Quote { kind, price, forward, strike, years }
        })
    }

    fn one_by_one(quote: &Quote) -> Option<f64> {
        volatility(quote.kind, quote.price, quote.forward, quote.strike, quote.years)
    }

    #[test]
    fn many_quotes_of_which_some_are_none() {
        let good =
            Quote { kind: OptionKind::Put, price: 5.0, forward: 100.0, strike: 100.0, years: 0.5 };
        let mut quotes = vec![good; 19];
        quotes[3].price = -1.0;
        quotes[4].price = 0.0;
        quotes[7].price = 100.0;
        quotes[8].years = f64::NAN;
        quotes[18].forward = f64::INFINITY;
        let mut found = vec![Some(7.0); 3];
        volatilities(&quotes, &mut found);
        for (at, (quote, found)) in quotes.iter().zip(&found).enumerate() {
            assert_eq!(found.is_some(), ![3, 7, 8, 18].contains(&at), "{at}");
            let expected = one_by_one(quote).map_or(0.0, |volatility| volatility);
            assert!((found.unwrap_or(0.0) - expected).abs() < 1e-14);
        }
        assert_eq!(found[4], Some(0.0));
    }

    proptest! {
        /// The library is the twin.
        #[test]
        fn many_at_a_time_are_those_one_by_one(
            quotes in prop::collection::vec(any_quote(), 1..40),
        ) {
            let mut found = Vec::new();
            volatilities(&quotes, &mut found);
            prop_assert_eq!(found.len(), quotes.len());
            for (quote, found) in quotes.iter().zip(found) {
                let expected = one_by_one(quote);
                prop_assert_eq!(found.is_some(), expected.is_some());
                if let (Some(found), Some(expected)) = (found, expected) {
                    prop_assert!((found - expected).abs() <= 1e-12 * expected, "{quote:?}");
                }
            }
        }

        /// Of both kinds, in and out of the money, as far as the price still says it.
        #[test]
        fn the_volatility_of_a_price_comes_back(
            forward in 1.0..1e5f64, log in -1.0..1.0f64, expected in 0.05..3.0f64,
            years in 1e-3..2.0f64,
        ) {
            let strike = forward * libm::exp(log);
            for kind in [OptionKind::Call, OptionKind::Put] {
                let greeks = black::greeks(kind, forward, strike, expected, years);
                let out = kind.sign() * (forward - strike) <= 0.0;
                // What the rounding of the price hides.
                let hidden = 4.0 * f64::EPSILON * greeks.price / (greeks.vega * expected);
                prop_assume!(hidden < 1e-3 && greeks.price.is_normal());
                let found = volatility(kind, greeks.price, forward, strike, years).unwrap();
                let allowed = if out { 1e-14 + hidden } else { 1e-14 + 2.0 * hidden };
                prop_assert!((found / expected - 1.0).abs() <= allowed, "{found} {expected}");
            }
        }
    }
}
