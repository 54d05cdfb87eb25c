//! Fair prices of perpetuals with constant coefficients.
//!
//! Source: Ackerer, Hugonnier, Jermann, "Perpetual futures pricing" (arXiv 2310.11771). A long pays
//! `κ(f − x) + ι·x` per unit of time; entry is free, so the expected gain of the price under the
//! quote-currency measure equals that payment. With carry `c = r_quote − r_base`:
//!
//! | contract | price | anchored (f = x) iff |
//! |---|---|---|
//! | linear | `x(κ−ι)/(κ−c)` | `ι = c` |
//! | linear, paid once a period | `x(κ−ι)(1+r_b)/((1+κ)(1+r_b)−(1+r_a))` | `ι = c/(1+r_b)` |
//! | inverse | `x(κ+c)/(κ+ι)` | `ι = c` |
//! | quanto | `z(κ−ι)/(κ−c−ρσ_zσ_x)` | `ι = c+ρσ_zσ_x` |
//!
//! A price exists only if the anchor beats the carry; otherwise `None`. All rates are in the same
//! unit of time, the discrete ones per period. Linear price means: a future whose expiry is
//! exponentially distributed with mean 1/κ.

/// The funding payment of a long: `κ(f − x) + ι·x` per unit of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Anchor {
    /// κ: share of the premium paid per unit of time.
    pub intensity: f64,
    /// ι: share of the spot price paid per unit of time.
    pub interest: f64,
}

/// Interest rates of the two sides of the trade, per unit of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Carry {
    /// r_a: of the quote currency.
    pub quote: f64,
    /// r_b: of the base asset (of the settlement currency for a quanto).
    pub base: f64,
}

impl Carry {
    /// `r_quote − r_base`.
    pub fn net(self) -> f64 {
        self.quote - self.base
    }
}

/// The price of a linear perpetual that pays continuously.
pub fn linear(spot: f64, anchor: Anchor, carry: Carry) -> Option<f64> {
    ratio(spot * (anchor.intensity - anchor.interest), anchor.intensity - carry.net())
}

/// The price of a linear perpetual that pays once a period; all rates per period.
pub fn linear_discrete(spot: f64, anchor: Anchor, carry: Carry) -> Option<f64> {
    let growth = 1.0 + carry.base;
    let divisor = (1.0 + anchor.intensity) * growth - (1.0 + carry.quote);
    ratio(spot * (anchor.intensity - anchor.interest) * growth, divisor)
}

/// The price of an inverse perpetual: the long pays `κ(1/x − 1/f) + ι/x` in the base asset.
pub fn inverse(spot: f64, anchor: Anchor, carry: Carry) -> Option<f64> {
    ratio(spot * (anchor.intensity + carry.net()), anchor.intensity + anchor.interest)
}

/// The price of a quanto perpetual on `asset`, settled in another asset; `covariance` is ρσ_zσ_x of
/// the two assets' returns per unit of time.
pub fn quanto(asset: f64, anchor: Anchor, carry: Carry, covariance: f64) -> Option<f64> {
    let divisor = anchor.intensity - carry.net() - covariance;
    ratio(asset * (anchor.intensity - anchor.interest), divisor)
}

/// The interest at which a linear or inverse perpetual trades at spot; a quanto needs the
/// covariance on top.
pub fn anchored_interest(carry: Carry) -> f64 {
    carry.net()
}

/// The interest per period at which a perpetual that pays once a period trades at spot; `base`
/// above −1.
pub fn anchored_interest_discrete(carry: Carry) -> f64 {
    carry.net() / (1.0 + carry.base)
}

/// The carry that makes `price` fair for a linear perpetual: the inverse of [`linear`].
pub fn implied_carry(price: f64, spot: f64, anchor: Anchor) -> f64 {
    anchor.intensity - (anchor.intensity - anchor.interest) * spot / price
}

fn ratio(numerator: f64, denominator: f64) -> Option<f64> {
    let price = numerator / denominator;
    (numerator > 0.0 && denominator > 0.0 && price.is_finite()).then_some(price)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn anchor(intensity: f64, interest: f64) -> Anchor {
        Anchor { intensity, interest }
    }

    fn carry(quote: f64, base: f64) -> Carry {
        Carry { quote, base }
    }

    /// Theory vectors `ahj_*` and `he_frictionless_price`, checked by quadrature of the
    /// random-expiry representation.
    #[test]
    fn prices_agree_with_the_published_formulas() {
        let table = [
            (linear(50_000.0, anchor(1095.0, 0.0), carry(0.05, 0.0)), 50_002.283_209_278_96, 1e-6),
            (
                linear(50_000.0, anchor(1095.0, 0.1095), carry(0.05, 0.0)),
                49_997.282_980_958_03,
                1e-6,
            ),
            (linear(100.0, anchor(5.0, 0.02), carry(0.05, 0.01)), 100.403_225_806_451_63, 1e-9),
            (linear(1.0, anchor(1095.0, 0.0), carry(0.05, 0.0)), 1.000_045_664_185_579_3, 1e-15),
            (
                linear_discrete(100.0, anchor(0.05, 0.001), carry(0.004, 0.001)),
                104.248_671_625_9,
                1e-9,
            ),
            (
                inverse(50_000.0, anchor(1095.0, 0.0), carry(0.05, 0.0)),
                50_002.283_105_022_834,
                1e-6,
            ),
            (inverse(50_000.0, anchor(5.0, 0.0), carry(0.05, 0.0)), 50_500.0, 1e-6),
            (quanto(3000.0, anchor(5.0, 0.0), carry(0.05, 0.0), 0.504), 3_373.819_163, 1e-6),
            (
                quanto(3000.0, anchor(1095.0, 0.0), carry(0.05, 0.0), 0.8 * 0.9 * 0.7),
                3_001.518_576_521_82,
                1e-6,
            ),
        ];
        for (row, (price, expected, tolerance)) in table.into_iter().enumerate() {
            assert!((price.unwrap() - expected).abs() < tolerance, "row {row}: {price:?}");
        }
    }

    #[test]
    fn anchored_interest_puts_the_price_at_spot() {
        let slow = carry(0.05, 0.01);
        assert!((anchored_interest(slow) - 0.04).abs() < 1e-12);
        let at_spot = [
            linear(100.0, anchor(5.0, anchored_interest(slow)), slow),
            inverse(100.0, anchor(5.0, anchored_interest(slow)), slow),
            quanto(100.0, anchor(5.0, anchored_interest(slow) + 0.5), slow, 0.5),
        ];
        let per_period = carry(0.004, 0.001);
        let interest = anchored_interest_discrete(per_period);
        assert!((interest - 0.002_997_002_997_002_997_4).abs() < 1e-15);
        let discrete = linear_discrete(100.0, anchor(0.05, interest), per_period);
        for price in at_spot.into_iter().chain([discrete]) {
            assert!((price.unwrap() - 100.0).abs() < 1e-12);
        }
    }

    #[test]
    fn an_anchor_weaker_than_the_carry_has_no_price() {
        assert_eq!(linear(100.0, anchor(0.05, 0.0), carry(0.05, 0.0)), None);
        assert_eq!(linear(100.0, anchor(0.05, 0.06), carry(0.0, 0.0)), None);
        assert_eq!(linear_discrete(100.0, anchor(0.01, 0.0), carry(0.02, 0.0)), None);
        assert_eq!(inverse(100.0, anchor(0.01, -0.02), carry(0.02, 0.0)), None);
        assert_eq!(quanto(100.0, anchor(0.5, 0.0), carry(0.0, 0.0), 0.5), None);
        assert_eq!(linear(f64::NAN, anchor(5.0, 0.0), carry(0.0, 0.0)), None);
    }

    proptest! {
        #[test]
        fn implied_carry_inverts_the_price(
            intensity in 1.0f64..2000.0, interest in -0.5f64..0.5, net in -0.5f64..0.5,
        ) {
            let anchor = anchor(intensity, interest);
            let price = linear(100.0, anchor, carry(net, 0.0)).unwrap();
            prop_assert!((implied_carry(price, 100.0, anchor) - net).abs() < 1e-9);
        }

        #[test]
        fn payment_at_the_fair_price_is_the_drift_of_the_price(
            intensity in 1.0f64..2000.0, interest in -0.5f64..0.5, net in -0.5f64..0.5,
        ) {
            // f is proportional to spot, which drifts at the carry
            let price = linear(100.0, anchor(intensity, interest), carry(net, 0.0)).unwrap();
            let payment = intensity * (price - 100.0) + interest * 100.0;
            prop_assert!((payment - net * price).abs() < 1e-9 * intensity);
        }
    }
}
