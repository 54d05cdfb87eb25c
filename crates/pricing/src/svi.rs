//! One expiry's smile as raw SVI: total variance `w(k) = a + b(ρ(k−m) + √((k−m)²+σ²))` with
//! `k = ln(strike/forward)` (Gatheral and Jacquier 2014), and its jump-wings form.
//!
//! A slice is free of butterfly arbitrage when `w > 0`, `g(k) ≥ 0` for every `k`, where
//! `g = (1 − kw'/2w)² − (w'²/4)(1/w + 1/4) + w''/2` is the sign of the implied density, and
//! `d₊ → −∞` (both slopes below 2, Lee). Two slices are free of calendar arbitrage when the farther
//! has nowhere the smaller `w`. Both are proven over the whole line, not sampled: see `butterfly`
//! and `calendar`. Only `+ − × ÷ √` occur here, so every machine says the same.

mod butterfly;
mod calendar;
mod wings;

pub use calendar::crosses;
pub use wings::JumpWings;

/// A slice: total variance over log-moneyness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Svi {
    /// Level, in total variance; may be negative.
    pub a: f64,
    /// Steepness of the wings: the slopes are `b(ρ−1)` and `b(ρ+1)`.
    pub b: f64,
    /// Tilt, between −1 and 1.
    pub rho: f64,
    /// Place of the kink that `sigma` rounds, in log-moneyness.
    pub m: f64,
    /// Width of the rounding, in log-moneyness.
    pub sigma: f64,
}

/// Why a slice admits arbitrage, and where.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Fault {
    /// Parameters outside `b ≥ 0`, `|ρ| < 1`, `σ > 0`, all finite.
    Domain,
    /// Total variance is not positive at its minimum.
    Variance {
        /// Where, in log-moneyness.
        k: f64,
        /// Total variance there.
        variance: f64,
    },
    /// A wing rises by 2 or more: the tail would hold more than there is (Lee).
    Slope {
        /// The steeper slope's amount, `b(1+|ρ|)`.
        slope: f64,
    },
    /// The implied density is negative, or zero to within rounding.
    Butterfly {
        /// Where, in log-moneyness.
        k: f64,
        /// `g` there.
        g: f64,
    },
}

impl Svi {
    /// Total variance at `k`.
    pub fn variance(&self, k: f64) -> f64 {
        let x = k - self.m;
        self.a + self.b * (self.rho * x + (x * x + self.sigma * self.sigma).sqrt())
    }

    /// `w'(k)`.
    pub fn slope(&self, k: f64) -> f64 {
        let x = k - self.m;
        self.b * (self.rho + x / (x * x + self.sigma * self.sigma).sqrt())
    }

    /// `w''(k)`.
    pub fn curvature(&self, k: f64) -> f64 {
        let x = k - self.m;
        let square = x * x + self.sigma * self.sigma;
        self.b * self.sigma * self.sigma / (square * square.sqrt())
    }

    /// Volatility a year at `k` for `years` to expiry; zero where the variance is negative.
    pub fn volatility(&self, k: f64, years: f64) -> f64 {
        (self.variance(k).max(0.0) / years).sqrt()
    }

    /// Where the variance is least.
    pub fn lowest_place(&self) -> f64 {
        self.m - self.rho * self.sigma / (1.0 - self.rho * self.rho).sqrt()
    }

    /// The least total variance, `a + bσ√(1−ρ²)`.
    pub fn lowest_variance(&self) -> f64 {
        self.a + self.b * self.sigma * (1.0 - self.rho * self.rho).sqrt()
    }

    /// The density's sign at `k`: negative means that a butterfly there has a negative price.
    pub fn g(&self, k: f64) -> f64 {
        let (w, slope) = (self.variance(k), self.slope(k));
        let lead = 1.0 - k * slope / (2.0 * w);
        lead * lead - slope * slope / 4.0 * (1.0 / w + 0.25) + self.curvature(k) / 2.0
    }

    /// Refuses a slice unless it is proven free of butterfly arbitrage for every strike.
    pub fn check(&self) -> Result<(), Fault> {
        let finite = [self.a, self.b, self.rho, self.m, self.sigma].iter().all(|x| x.is_finite());
        if !(finite && self.b >= 0.0 && self.rho.abs() < 1.0 && self.sigma > 0.0) {
            return Err(Fault::Domain);
        }
        let variance = self.lowest_variance();
        if variance <= 0.0 {
            return Err(Fault::Variance { k: self.lowest_place(), variance });
        }
        let slope = self.b * (1.0 + self.rho.abs());
        if slope >= 2.0 {
            return Err(Fault::Slope { slope });
        }
        butterfly::check(self)
    }

    /// Whether the slice is proven free of butterfly arbitrage.
    pub fn is_butterfly_free(&self) -> bool {
        self.check().is_ok()
    }

    /// Where `g` is least, and its value: a search within 40 of the slice's own widths for reports;
    /// `check` is what decides.
    pub fn lowest_g(&self) -> (f64, f64) {
        butterfly::lowest(self)
    }
}

#[cfg(test)]
mod tests;
