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

use crate::convert;

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

/// What an option gives the right to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Right {
    /// To buy at the strike.
    Call,
    /// To sell at the strike.
    Put,
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
    right: Right,
    forward: Price,
    strike: Price,
    volatility: Rate,
    effective: Span,
) -> Price {
    let (forward, strike) = (forward.max(Price::ZERO), strike.max(Price::ZERO));
    let time_value = time_value(forward, strike, volatility, effective);
    let intrinsic = match right {
        Right::Call => forward - strike,
        Right::Put => strike - forward,
    };
    time_value + intrinsic.max(Price::ZERO)
}

/// What the option out of the money is worth, rounded down: at most forward and strike.
fn time_value(forward: Price, strike: Price, volatility: Rate, effective: Span) -> Price {
    let least = forward.min(strike);
    if !least.is_positive() || !volatility.is_positive() || effective == Span::ZERO {
        return Price::ZERO;
    }
    let (f, k) = (convert::price_f64(forward), convert::price_f64(strike));
    let deviation = convert::rate_f64(volatility.min(VOLATILITY_MAX)) * years(effective).sqrt();
    let d1 = libm::log(f / k) / deviation + deviation / 2.0;
    let cdf = |x: f64| 0.5 * libm::erfc(-x * core::f64::consts::FRAC_1_SQRT_2);
    let worth = if k >= f {
        f * cdf(d1) - k * cdf(d1 - deviation)
    } else {
        k * cdf(deviation - d1) - f * cdf(-d1)
    };
    let worth = convert::price(worth.max(0.0), money::Round::Down).unwrap_or(least);
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
        let [a, b, rho, m, sigma] =
            [self.a, self.b, self.rho, self.m, self.sigma].map(convert::rate_f64);
        a + b * (rho * (k - m) + ((k - m) * (k - m) + sigma * sigma).sqrt())
    }

    /// Whether σ > 0, |ρ| < 1, b ≥ 0 and no variance is below zero.
    pub fn is_in_range(&self) -> bool {
        let least = || {
            let [a, b, rho, sigma] = [self.a, self.b, self.rho, self.sigma].map(convert::rate_f64);
            a + b * sigma * (1.0 - rho * rho).sqrt()
        };
        self.sigma.is_positive()
            && self.rho.abs() < Rate::ONE
            && !self.b.is_negative()
            && least() >= 0.0
    }

    /// Whether the density is nowhere below zero with this effective time left.
    pub fn is_butterfly_free(&self, effective: Span) -> bool {
        let t = years(effective);
        let [b, rho, m, sigma] = [self.b, self.rho, self.m, self.sigma].map(convert::rate_f64);
        let g = |k: f64| {
            let x = k - m;
            let root = (x * x + sigma * sigma).sqrt();
            let w = self.variance(k) * t;
            let first = t * b * (rho + x / root);
            let second = t * b * sigma * sigma / (root * root * root);
            let skew = 1.0 - k * first / (2.0 * w);
            skew * skew - first * first / 4.0 * (1.0 / w + 0.25) + second / 2.0
        };
        let reach = 10.0 * (sigma + m.abs() + self.variance(0.0).sqrt() * t.sqrt());
        let free = |step: i32| g(reach * f64::from(step) / 1000.0) >= -1e-12;
        t * b * (1.0 + rho.abs()) <= 2.0 && (b == 0.0 || (-1000..=1000).all(free))
    }

    /// Whether this slice, with this effective time left, has less total variance anywhere than
    /// `near` with its own.
    pub fn crosses(&self, effective: Span, near: (&Slice, Span)) -> bool {
        let (far, near, before) = (years(effective), years(near.1), near.0);
        let width = |slice: &Slice, t: f64| {
            convert::rate_f64(slice.sigma.max(slice.m.abs())) + (slice.variance(0.0) * t).sqrt()
        };
        let reach = 10.0 * (width(self, far) + width(before, near));
        (-1000..=1000).any(|step: i32| {
            let k = reach * f64::from(step) / 1000.0;
            self.variance(k) * far < before.variance(k) * near * (1.0 - 1e-12)
        })
    }
}
