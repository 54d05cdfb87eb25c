//! Options of one expiry in fixed point: the boundary at which a protocol without floats prices.
//!
//! A slice is raw SVI (Gatheral) for the variance of one year, v(k) = a + b(ρ(k − m) +
//! √((k − m)² + σ²)), k = ln(K/F); total variance is w = v·T with T the effective time. So a slice
//! needs no date, keeps its precision up to expiry, and ageing is the passing of T.
//! Values are undiscounted Black-76 on the forward, rounded down on the side out of the money; the
//! other side is that plus F − K or K − F in integers: put–call parity holds to the last unit.
//!
//! Always holds: 0 ≤ call ≤ F, 0 ≤ put ≤ K, call − put = F − K.

use money::{Price, Rate, Span};

use crate::black::{self, OptionKind};
use crate::convert;
use crate::svi::{self, Svi};

/// A year of 365 days.
pub const YEAR: Span = Span::from_nanos(365 * Span::DAY.nanos());

/// The largest volatility that a value is computed with (10⁴ = 1 000 000 %).
pub const VOLATILITY_MAX: Rate = Rate::from_bp(100_000_000);

/// Raw SVI for the variance of one year.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slice {
    /// Level.
    pub a: Rate,
    /// Slope of the wings.
    pub b: Rate,
    /// Skew, between −1 and 1.
    pub rho: Rate,
    /// Place of the vertex, in ln(K/F).
    pub m: Rate,
    /// Width of the vertex, above zero.
    pub sigma: Rate,
}

/// The effective time to expiry of an option on the mean of the last `averaging` of its index:
/// τ − ⅔W before the window of length W, τ³/(3W²) within it (the variance of such a mean).
pub fn effective_time(left: Span, averaging: Span) -> Span {
    let (left, window) = (i128::from(left.nanos()), i128::from(averaging.nanos()));
    let nanos = if left >= window {
        left - 2 * window / 3
    } else {
        money::mul_div(left * left, left, 3 * window * window, money::Round::Down)
            .expect("less than a third of the window")
    };
    Span::from_nanos(u64::try_from(nanos).expect("between nothing and the time left"))
}

/// A relative move over the effective time by the square root of a year: x/√T, rounded down and
/// bounded by ±[`VOLATILITY_MAX`]; nothing when no time is left.
pub fn annual(relative: Rate, effective: Span) -> Rate {
    if effective == Span::ZERO {
        return Rate::ZERO;
    }
    let annual = convert::rate_f64(relative) / years(effective).sqrt();
    let most = convert::rate_f64(VOLATILITY_MAX);
    convert::rate(annual.clamp(-most, most), money::Round::Down).expect("bounded")
}

/// What a volatility shock is multiplied with at a time to expiry, 1 at 30 days:
/// (30 d/max(τ, 1 d))^p with p = 0.3 below 30 days and 0.13 beyond (Derive, Paradex).
pub fn shock_scale(left: Span) -> Rate {
    let month = Span::DAY.times(30);
    let power = if left < month { 0.3 } else { 0.13 };
    let ratio = month.nanos() as f64 / left.max(Span::DAY).nanos() as f64;
    convert::rate(libm::pow(ratio, power), money::Round::Up).expect("between 0 and 3")
}

/// The value of an option in quote for each unit of base: undiscounted Black-76 at an annual
/// volatility, with the parity of the file's head. A forward below zero counts as zero.
pub fn value(
    kind: OptionKind,
    forward: Price,
    strike: Price,
    volatility: Rate,
    effective: Span,
) -> Price {
    let (forward, strike) = (forward.max(Price::ZERO), strike.max(Price::ZERO));
    let time_value = time_value(forward, strike, volatility, effective);
    let intrinsic = match kind {
        OptionKind::Call => forward - strike,
        OptionKind::Put => strike - forward,
    };
    time_value + intrinsic.max(Price::ZERO)
}

/// What the option out of the money is worth, rounded down: at most forward and strike.
fn time_value(forward: Price, strike: Price, volatility: Rate, effective: Span) -> Price {
    let least = forward.min(strike);
    if !least.is_positive() || !volatility.is_positive() || effective == Span::ZERO {
        return Price::ZERO;
    }
    let [f, k] = [forward, strike].map(convert::price_f64);
    let volatility = convert::rate_f64(volatility.min(VOLATILITY_MAX));
    let worth = black::time_value_in_columns(f, k, volatility, years(effective));
    let worth = convert::price(worth, money::Round::Down).unwrap_or(least);
    worth.clamp(Price::ZERO, least)
}

/// A span in years of 365 days.
fn years(span: Span) -> f64 {
    span.nanos() as f64 / YEAR.nanos() as f64
}

impl Slice {
    /// The annual volatility of a strike, rounded down; at most [`VOLATILITY_MAX`].
    pub fn volatility(&self, forward: Price, strike: Price) -> Rate {
        if !forward.is_positive() || !strike.is_positive() {
            return Rate::ZERO;
        }
        self.volatility_at(libm::log(convert::price_f64(strike) / convert::price_f64(forward)))
    }

    /// The annual volatility at the forward.
    pub fn at_the_money(&self) -> Rate {
        self.volatility_at(0.0)
    }

    /// The annual volatility `deviations` standard deviations of `volatility` over the effective
    /// time away from the forward.
    pub fn away(&self, deviations: i32, volatility: Rate, effective: Span) -> Rate {
        let width = convert::rate_f64(volatility) * years(effective).sqrt();
        self.volatility_at(f64::from(deviations) * width)
    }

    fn volatility_at(&self, k: f64) -> Rate {
        let volatility = self.variance(k).max(0.0).sqrt();
        convert::rate(volatility, money::Round::Down)
            .map_or(VOLATILITY_MAX, |rate| rate.min(VOLATILITY_MAX))
    }

    fn variance(&self, k: f64) -> f64 {
        self.yearly().variance(k)
    }

    /// In floats, for one year.
    fn yearly(&self) -> Svi {
        let [a, b, rho, m, sigma] =
            [self.a, self.b, self.rho, self.m, self.sigma].map(convert::rate_f64);
        Svi { a, b, rho, m, sigma }
    }

    /// In floats, total variance over the effective time.
    pub fn svi(&self, effective: Span) -> Svi {
        let (yearly, years) = (self.yearly(), years(effective));
        Svi { a: yearly.a * years, b: yearly.b * years, ..yearly }
    }

    /// A slice of total variance over the effective time, each number to the nearest 10⁻¹²; `None`
    /// if that does not hold it.
    pub fn of(svi: &Svi, effective: Span) -> Option<Slice> {
        let years = years(effective);
        let near = |value: f64| convert::rate(value + 5e-13, money::Round::Down);
        Some(Slice {
            a: near(svi.a / years)?,
            b: near(svi.b / years)?,
            rho: near(svi.rho)?,
            m: near(svi.m)?,
            sigma: near(svi.sigma)?,
        })
    }

    /// Whether σ > 0, |ρ| < 1, b ≥ 0 and every variance is above zero.
    pub fn is_in_range(&self) -> bool {
        self.sigma.is_positive()
            && -Rate::ONE < self.rho
            && self.rho < Rate::ONE
            && !self.b.is_negative()
            && self.yearly().lowest_variance() > 0.0
    }

    /// Whether it is proven that the density is nowhere below zero with this effective time left.
    pub fn is_butterfly_free(&self, effective: Span) -> bool {
        self.svi(effective).is_butterfly_free()
    }

    /// Whether this slice, with this effective time left, may have less total variance anywhere
    /// than `near` with its own.
    pub fn crosses(&self, effective: Span, near: (&Slice, Span)) -> bool {
        svi::crosses(&near.0.svi(near.1), &self.svi(effective)).is_some()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HALF_HOUR: Span = Span::from_secs(1800);

    #[test]
    fn effective_time_is_the_variance_of_the_mean_of_what_is_left() {
        // ∫ of the squared share of the mean that is still to come, over the time left.
        for seconds in [1u64, 60, 600, 1799, 1800, 1801, 7200, 86_400] {
            let steps = 200_000;
            let width = seconds as f64 / f64::from(steps);
            let share = |step: i32| ((f64::from(step) + 0.5) * width / 1800.0).min(1.0);
            let exact: f64 = (0..steps).map(|step| share(step) * share(step) * width).sum();
            let effective = effective_time(Span::from_secs(seconds), HALF_HOUR).nanos() as f64;
            assert!((effective / 1e9 - exact).abs() < 1e-6 * exact + 2e-9, "{seconds}");
        }
        let longest = Span::HOUR.times(12);
        assert_eq!(effective_time(longest, longest), Span::HOUR.times(4));
        assert_eq!(effective_time(Span::ZERO, HALF_HOUR), Span::ZERO);
    }

    #[test]
    fn a_volatility_shock_grows_towards_expiry_down_to_a_day() {
        let table = [(0, 2.7742), (1, 2.7742), (15, 1.2311), (30, 1.0), (120, 0.8351)];
        for (days, expected) in table {
            let scale = convert::rate_f64(shock_scale(Span::DAY.times(days)));
            assert!((scale - expected).abs() < 1e-4, "{days}: {scale}");
        }
    }

    #[test]
    fn a_slice_keeps_its_precision_in_the_last_second() {
        let effective = effective_time(Span::SECOND, HALF_HOUR);
        let years = years(effective);
        let total = Svi {
            a: 0.3 * years,
            b: 0.05 * years.sqrt(),
            rho: -0.3,
            m: 0.0,
            sigma: 0.7 * years.sqrt(),
        };
        let slice = Slice::of(&total, effective).unwrap();
        for step in -20..=20 {
            let k = f64::from(step) / 5.0 * total.variance(0.0).sqrt();
            let (kept, exact) = (slice.svi(effective).variance(k), total.variance(k));
            assert!((kept / exact - 1.0).abs() < 1e-5, "{k}: {kept} {exact}");
        }
        assert!(slice.is_in_range() && slice.is_butterfly_free(effective));
    }

    fn any_price() -> impl Strategy<Value = Price> {
        let raw = prop_oneof![0i64..1000, 0i64..1_000_000_000_000_000, 0i64..=i64::MAX];
        raw.prop_map(Price::from_raw)
    }

    fn any_time() -> impl Strategy<Value = Span> {
        let nanos = prop_oneof![0u64..1000, 0u64..Span::DAY.nanos(), 0..10 * YEAR.nanos()];
        nanos.prop_map(Span::from_nanos)
    }

    fn any_volatility() -> impl Strategy<Value = Rate> {
        let raw = prop_oneof![0i64..1000, 0i64..3_000_000_000_000, 0i64..=i64::MAX];
        raw.prop_map(Rate::from_raw)
    }

    proptest! {
        #[test]
        fn parity_holds_to_the_last_unit_for_every_kind_of_input(
            forward in any_price(), strike in any_price(),
            volatility in any_volatility(), effective in any_time(),
        ) {
            let call = value(OptionKind::Call, forward, strike, volatility, effective);
            let put = value(OptionKind::Put, forward, strike, volatility, effective);
            prop_assert_eq!(call - put, forward - strike);
            prop_assert!(Price::ZERO <= call && call <= forward);
            prop_assert!(Price::ZERO <= put && put <= strike);
        }

        #[test]
        fn a_time_value_has_the_bits_of_the_columns(
            forward in 1e-8f64..1e9, moneyness in 0.2f64..5.0,
            volatility in 0.0f64..5.0, years in 0.0f64..3.0,
        ) {
            let strike = forward * moneyness;
            let kind = if strike >= forward { OptionKind::Call } else { OptionKind::Put };
            let mut columns = black::Columns::new();
            columns.push(kind, forward, strike, volatility, years);
            let mut values = black::Values::default();
            columns.evaluate(&mut values);
            let one = black::time_value_in_columns(forward, strike, volatility, years);
            prop_assert_eq!(one.to_bits(), values.price[0].to_bits());
            let exact = black::price(kind, forward, strike, volatility, years);
            prop_assert!((one - exact).abs() <= 1e-15 * forward.max(strike));
        }

        #[test]
        fn more_volatility_or_time_never_lowers_a_value(
            forward in 1i64..1_000_000_000_000_000, moneyness in -500i64..500,
            volatility in 0i64..3_000_000_000_000, more in 0i64..100_000_000_000,
            effective in 0..YEAR.nanos(), longer in 0..Span::DAY.nanos(),
        ) {
            let forward = Price::from_raw(forward);
            let strike = forward.offset(Rate::from_bp(moneyness * 10), money::Round::Up).unwrap();
            let of = |volatility, nanos| {
                let (volatility, span) = (Rate::from_raw(volatility), Span::from_nanos(nanos));
                value(OptionKind::Call, forward, strike, volatility, span)
            };
            // Rounding of floats: a few units in the last place of the forward.
            let slack = Price::from_raw(1 + forward.raw() / (1 << 50));
            let here = of(volatility, effective);
            prop_assert!(of(volatility + more, effective) + slack >= here);
            prop_assert!(of(volatility, effective + longer) + slack >= here);
        }
    }
}
