//! Heston's model of price and variance, `dS = S√v dW`, `dv = κ(θ − v)dt + ξ√v dZ`, `dW·dZ = ρdt`.
//!
//! Variance is drawn by the quadratic-exponential scheme of Andersen (2008), price by his central
//! discretisation, so both have the right moments at any step. Expected variance is `E v_t = θ +
//! (v₀ − θ)e^(−κt)`, with `Var v_t = v₀ξ²/κ·(e^(−κt) − e^(−2κt)) + θξ²/2κ·(1 − e^(−κt))²`. The
//! surface has at-the-money variance `θ + (v − θ)(1 − e^(−κT))/κT` and, as SSVI with Heston's ρ
//! and `φ = ξ/v̄·(1 − (1 − e^(−κT))/κT)/κT`, its at-the-money skew to first order in ξ (Gatheral
//! 2006, ch. 3; Gatheral and Jacquier 2014), φ cut to where SSVI has no butterflies.
//!
//! Calibration to recorded looks is by moments. The variance of a month moves with that of a week
//! as `m(30κ)/m(7κ)`, m(x) = (1 − e^(−x))/x: this gives κ, where the AR(1) of a few weeks of looks
//! would take every crash for fast reversion. θ is the mean, ξ comes from the noise of the implied
//! spot variance, ρ is its correlation with returns.

use pricing::statistics;

use super::recorded::Look;
use super::{Shape, years};
use crate::random::Stream;

/// The parameters, in years.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heston {
    /// Speed of mean reversion κ.
    pub reversion: f64,
    /// Long-run variance θ.
    pub mean: f64,
    /// Volatility of variance ξ.
    pub volatility: f64,
    /// Correlation ρ of price and variance.
    pub correlation: f64,
    /// Variance at the start.
    pub start: f64,
}

/// ψ beyond which the exponential form is drawn (Andersen's ψ_c).
const SWITCH: f64 = 1.5;
/// Bounds of what a calibration may say.
const REVERSION: (f64, f64) = (0.5, 200.0);
const WEEK: f64 = 7.0 / 365.0;
const MONTH: f64 = 30.0 / 365.0;

impl Heston {
    /// Expected variance after so many years.
    pub fn expected(&self, from: f64, years: f64) -> f64 {
        self.mean + (from - self.mean) * libm::exp(-self.reversion * years)
    }

    /// Variance of the variance after so many years.
    pub fn dispersion(&self, from: f64, years: f64) -> f64 {
        let (kappa, decay) = (self.reversion, libm::exp(-self.reversion * years));
        let square = self.volatility * self.volatility;
        from * square / kappa * (decay - decay * decay)
            + self.mean * square / (2.0 * kappa) * (1.0 - decay) * (1.0 - decay)
    }

    /// Mean expected variance over so many years.
    pub fn average(&self, from: f64, years: f64) -> f64 {
        self.mean + (from - self.mean) * share(self.reversion * years)
    }

    /// The shape of the smile for so many years while the variance is `from`.
    pub(super) fn shape(&self, from: f64, years: f64) -> Shape {
        let average = self.average(from, years);
        let theta = average * years;
        let wide = 1.0 + self.correlation.abs();
        let x = self.reversion * years;
        // (1 − share)/x, ½ in the limit.
        let skew = if x < 1e-4 { 0.5 - x / 6.0 } else { (1.0 - share(x)) / x };
        let phi = self.volatility / average * skew;
        let most = (3.9 / (theta * wide)).min((3.9 / (theta * wide)).sqrt());
        let phi = phi.min(most).max(1e-6);
        // SSVI as raw SVI, scaled to θ = 1.
        let root = theta.sqrt();
        let rho = self.correlation;
        let narrow = (1.0 - rho * rho).sqrt();
        Shape { b: phi * root / 2.0, rho, m: -rho / (phi * root), sigma: narrow / (phi * root) }
    }

    /// Variance one step of so many years later.
    pub fn next_variance(&self, variance: f64, years: f64, stream: &mut Stream) -> f64 {
        let mean = self.expected(variance, years);
        let ratio = self.dispersion(variance, years) / (mean * mean);
        if ratio <= SWITCH {
            let inverse = 2.0 / ratio;
            let square = inverse - 1.0 + (inverse * (inverse - 1.0)).sqrt();
            let shift = square.sqrt() + stream.normal();
            mean / (1.0 + square) * shift * shift
        } else {
            let zero = (ratio - 1.0) / (ratio + 1.0);
            let uniform = stream.uniform();
            if uniform <= zero {
                return 0.0;
            }
            libm::log((1.0 - zero) / (1.0 - uniform)) * mean / (1.0 - zero)
        }
    }

    /// The logarithm of the price over a step in which the variance went from the first to the
    /// second.
    pub fn price_return(&self, variance: [f64; 2], years: f64, stream: &mut Stream) -> f64 {
        let (rho, xi) = (self.correlation, self.volatility);
        let drift = 0.5 * years * (self.reversion * rho / xi - 0.5);
        let noise = 0.5 * years * (1.0 - rho * rho) * (variance[0] + variance[1]);
        let mean = -rho * self.reversion * self.mean / xi * years
            + (drift - rho / xi) * variance[0]
            + (drift + rho / xi) * variance[1];
        mean + noise.max(0.0).sqrt() * stream.normal()
    }

    /// Parameters whose moments are those of the looks; `None` for less than eight of them or
    /// looks that never move.
    pub fn calibrated(looks: &[Look]) -> Option<Heston> {
        if looks.len() < 8 {
            return None;
        }
        let week: Vec<f64> = looks.iter().map(|look| look.variance).collect();
        let mean = statistics::mean(&week)?;
        let reversion = reversion(looks)?;
        // Spot variance from that of a week.
        let near = share(reversion * WEEK);
        let spot: Vec<f64> =
            week.iter().map(|week| (mean + (week - mean) / near).max(0.1 * mean)).collect();
        let (mut noises, mut returns) = (Vec::new(), Vec::new());
        for (at, pair) in spot.windows(2).enumerate() {
            let years = years(looks[at].time, looks[at + 1].time);
            let decay = libm::exp(-reversion * years);
            let spread = (1.0 - decay * decay) / (2.0 * reversion);
            let expected = mean + (pair[0] - mean) * decay;
            noises.push((pair[1] - expected) / (pair[0] * spread).sqrt());
            returns.push(libm::log(looks[at + 1].index / looks[at].index));
        }
        let volatility = statistics::standard_deviation(&noises)?;
        let correlation = statistics::correlation(&noises, &returns)?.clamp(-0.95, 0.95);
        (volatility > 0.0).then_some(Heston {
            reversion,
            mean,
            volatility,
            correlation,
            start: spot[0],
        })
    }
}

/// κ at which a month's variance moves with a week's as it did from look to look.
fn reversion(looks: &[Look]) -> Option<f64> {
    let (mut both, mut square) = (0.0, 0.0);
    for pair in looks.windows(2) {
        let week = pair[1].variance - pair[0].variance;
        both += week * (pair[1].month - pair[0].month);
        square += week * week;
    }
    let slope = (square > 0.0).then(|| both / square)?;
    let (mut low, mut high) = REVERSION;
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if share(middle * MONTH) / share(middle * WEEK) > slope {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(0.5 * (low + high))
}

/// (1 − e^(−x))/x.
fn share(x: f64) -> f64 {
    if x < 1e-8 { 1.0 } else { -libm::expm1(-x) / x }
}
