//! Options that are quoted, paid and settled in the coin itself (inverse options, as Deribit's).
//!
//! A premium of c coin is worth c·F in quote at the forward, so c = V/F with V of Black-76, and
//! put–call parity reads c − p = 1 − K/F. Implied volatilities are those of c·F. The delta of a
//! position in coin is ∂V/∂F; adjusted by the premium, which is itself coin, it is ∂V/∂F − V/F.

use crate::black::{self, Greeks, OptionKind};
use crate::implied;

/// The premium in coin for each coin.
pub fn price(kind: OptionKind, forward: f64, strike: f64, volatility: f64, years: f64) -> f64 {
    black::price(kind, forward, strike, volatility, years) / forward
}

/// The volatility of a premium in coin; `None` as for [`implied::volatility`].
pub fn volatility(
    kind: OptionKind,
    premium: f64,
    forward: f64,
    strike: f64,
    years: f64,
) -> Option<f64> {
    implied::volatility(kind, premium * forward, forward, strike, years)
}

/// The delta that is left when the premium was paid out of the coin that the option is hedged
/// with: ∂V/∂F − V/F.
pub fn premium_adjusted_delta(greeks: &Greeks, forward: f64) -> f64 {
    greeks.delta - greeks.price / forward
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Rows of Deribit's chain of 2026-02-05 21:29:37 UTC: strike, years, forward, volatility and
    /// mark in coin. Forwards and marks of a snapshot were fetched over some seconds, in a crash.
    const MARKS: [(OptionKind, f64, f64, f64, f64, f64); 12] = [
        (OptionKind::Call, 95000.0, 0.8827864639527404, 66294.21, 0.5332, 0.0816827),
        (OptionKind::Put, 82000.0, 0.003936361283335868, 63724.72, 1.6393, 0.28734319),
        (OptionKind::Put, 80000.0, 0.05869337702597789, 63761.81, 0.7549, 0.26518069),
        (OptionKind::Call, 45000.0, 0.8827864639527404, 66294.21, 0.6077, 0.38939817),
        (OptionKind::Put, 60000.0, 0.13535319906567672, 63971.95, 0.7447, 0.07731756),
        (OptionKind::Call, 81000.0, 0.020363466006128476, 63722.97, 0.9611, 0.00251782),
        (OptionKind::Call, 114000.0, 0.13535319906567672, 63971.95, 0.6971, 0.00143638),
        (OptionKind::Call, 60000.0, 0.05869337702597789, 63761.81, 0.9158, 0.11845673),
        (OptionKind::Call, 115000.0, 0.6336420423237192, 65463.66, 0.5336, 0.02388155),
        (OptionKind::Put, 85000.0, 0.8827864639527404, 66294.21, 0.5363, 0.39442657),
        (OptionKind::Put, 92000.0, 0.020363466006128476, 63725.39, 1.0352, 0.44374635),
        (OptionKind::Put, 78000.0, 0.03952842151605318, 63760.495, 0.7917, 0.23160614),
    ];

    #[test]
    fn the_marks_of_the_venue_follow_from_its_volatilities() {
        let mut errors = MARKS.map(|(kind, strike, years, forward, volatility, mark)| {
            (price(kind, forward, strike, volatility, years) - mark).abs()
        });
        errors.sort_by(f64::total_cmp);
        assert!(errors[errors.len() / 2] < 5e-5, "{errors:?}");
        assert!(errors[errors.len() - 1] < 1e-3, "{errors:?}");
    }

    proptest! {
        #[test]
        fn parity_holds_in_coin(
            forward in 1.0..1e5f64, log in -1.0..1.0f64, volatility in 0.05..3.0f64,
            years in 1e-3..2.0f64,
        ) {
            let strike = forward * libm::exp(log);
            let [call, put] = [OptionKind::Call, OptionKind::Put]
                .map(|kind| price(kind, forward, strike, volatility, years));
            prop_assert!((call - put - (1.0 - strike / forward)).abs() < 1e-14);
            let back = super::volatility(OptionKind::Call, call, forward, strike, years);
            prop_assert!(back.is_some() || call < 1e-12);
        }

        /// The premium in coin moves by the adjusted delta over the forward.
        #[test]
        fn the_adjusted_delta_is_the_derivative_of_the_premium(
            log in -0.3..0.3f64, volatility in 0.3..2.0f64, years in 0.02..1.0f64,
        ) {
            let (forward, strike) = (60_000.0, 60_000.0 * libm::exp(log));
            for kind in [OptionKind::Call, OptionKind::Put] {
                let greeks = black::greeks(kind, forward, strike, volatility, years);
                let at = |f: f64| price(kind, f, strike, volatility, years);
                let slope = (at(forward + 3.0) - at(forward - 3.0)) / 6.0;
                let adjusted = premium_adjusted_delta(&greeks, forward);
                prop_assert!((slope * forward - adjusted).abs() < 1e-6);
            }
        }
    }
}
