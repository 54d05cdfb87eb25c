//! The Sharpe ratio, how sure it is, and what the best of many trials is worth.
//!
//! With r̄ and s the mean and deviation of T returns, SR = r̄/s. Its standard error is
//! √((1 + SR²/2)/T) for independent normal returns (Lo 2002, eq. 9), and with skew γ₃ and kurtosis
//! γ₄ it is √((1 − γ₃·SR + (γ₄ − 1)/4·SR²)/T) (Mertens 2002; Opdyke 2007). Dependent returns: the
//! long-run variance of ψ_t = z_t − SR/2·(z_t² − 1), z_t = (r_t − r̄)/s, over T, which is Lo's GMM
//! error (2002, appendix A), with Bartlett weights up to ⌊4(T/100)^(2/9)⌋ lags (Newey and West
//! 1987, 1994). Over q periods the ratio grows by η(q) = q/√(q + 2Σ_{k<q}(q − k)ρ_k), √q only if
//! returns are uncorrelated (Lo 2002, eq. 20).
//!
//! The probabilistic ratio is Φ((SR − SR*)√(T − 1)/√(1 − γ₃·SR + (γ₄ − 1)/4·SR²)) (Bailey and López
//! de Prado 2012); the deflated one sets SR* to what the best of N trials without skill is expected
//! to show, √V·((1 − γ)Φ⁻¹(1 − 1/N) + γΦ⁻¹(1 − 1/(N·e))), V the variance of the trials' ratios and
//! γ Euler's constant (Bailey and López de Prado 2014).

use pricing::statistics::{mean, standard_deviation};
use serde::Serialize;

/// Returns below which no ratio is stated.
pub const RETURNS_MIN: usize = 20;

/// A Sharpe ratio for one period, with what is needed to judge it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Sharpe {
    /// Mean over deviation of the returns of one period.
    pub ratio: f64,
    /// Number of returns.
    pub count: usize,
    /// Third standardised moment.
    pub skew: f64,
    /// Fourth standardised moment; 3 for the normal distribution.
    pub kurtosis: f64,
    /// Standard error if returns were independent and normal.
    pub error_normal: f64,
    /// Standard error of independent returns with this skew and kurtosis.
    pub error_moments: f64,
    /// Standard error that also allows for dependence: the one to use.
    pub error: f64,
    /// Long-run variance over variance of a return: 1 for uncorrelated returns.
    pub dependence: f64,
    /// Probability that the true ratio is above zero.
    pub probability: f64,
}

impl Sharpe {
    /// From returns of equal periods; none for fewer than [`RETURNS_MIN`] or for constant ones.
    pub fn of(returns: &[f64]) -> Option<Sharpe> {
        if returns.len() < RETURNS_MIN {
            return None;
        }
        let (centre, deviation) = (mean(returns)?, standard_deviation(returns)?);
        if deviation <= 0.0 || !deviation.is_finite() {
            return None;
        }
        let count = returns.len();
        let ratio = centre / deviation;
        let scores: Vec<f64> = returns.iter().map(|r| (r - centre) / deviation).collect();
        let moment =
            |power: fn(f64) -> f64| scores.iter().map(|z| power(*z)).sum::<f64>() / count as f64;
        let (skew, kurtosis) = (moment(|z| z * z * z), moment(|z| z * z * z * z));
        let influence: Vec<f64> = scores.iter().map(|z| z - ratio / 2.0 * (z * z - 1.0)).collect();
        Some(Sharpe {
            ratio,
            count,
            skew,
            kurtosis,
            error_normal: ((1.0 + ratio * ratio / 2.0) / count as f64).sqrt(),
            error_moments: (spread(ratio, skew, kurtosis) / count as f64).sqrt(),
            error: (long_run_variance(&influence) / count as f64).sqrt(),
            dependence: long_run_variance(&scores),
            probability: probabilistic(ratio, 0.0, count, (skew, kurtosis)),
        })
    }

    /// The ratio and its error over `periods` of them, as if returns were uncorrelated.
    pub fn over(&self, periods: f64) -> (f64, f64) {
        (self.ratio * periods.sqrt(), self.error * periods.sqrt())
    }

    /// The ratio over `periods` of them, with the dependence that the returns show: Lo's η for
    /// periods that are many against the lags.
    pub fn over_dependent(&self, periods: f64) -> f64 {
        self.ratio * (periods / self.dependence).sqrt()
    }
}

/// `1 − γ₃·SR + (γ₄ − 1)/4·SR²`.
fn spread(ratio: f64, skew: f64, kurtosis: f64) -> f64 {
    (1.0 - skew * ratio + (kurtosis - 1.0) / 4.0 * ratio * ratio).max(0.0)
}

/// Lags that Newey and West (1994) use for so many samples.
pub fn lags(count: usize) -> usize {
    (4.0 * libm::pow(count as f64 / 100.0, 2.0 / 9.0)).floor() as usize
}

/// Variance of the mean times the number of samples, with Bartlett weights; never below zero.
pub fn long_run_variance(samples: &[f64]) -> f64 {
    let Some(centre) = mean(samples) else { return 0.0 };
    let count = samples.len();
    let lags = lags(count).min(count - 1);
    let covariance = |lag: usize| {
        let pairs = samples.iter().zip(&samples[lag..]);
        pairs.map(|(early, late)| (early - centre) * (late - centre)).sum::<f64>() / count as f64
    };
    let weighted = |lag| (1.0 - lag as f64 / (lags + 1) as f64) * covariance(lag);
    (covariance(0) + 2.0 * (1..=lags).map(weighted).sum::<f64>()).max(0.0)
}

/// Probability that the true ratio is above `benchmark`, from skew and kurtosis.
pub fn probabilistic(ratio: f64, benchmark: f64, count: usize, moments: (f64, f64)) -> f64 {
    let spread = spread(ratio, moments.0, moments.1).sqrt();
    normal((ratio - benchmark) * (count as f64 - 1.0).sqrt() / spread)
}

/// What the best of `trials` without skill is expected to show, for this variance of their ratios;
/// nothing for a single one.
pub fn best_by_luck(variance: f64, trials: usize) -> f64 {
    const EULER: f64 = 0.577_215_664_901_532_9;
    if trials < 2 {
        return 0.0;
    }
    let one_of = |count: f64| normal_quantile(1.0 - 1.0 / count);
    let trials = trials as f64;
    let factor = (1.0 - EULER) * one_of(trials) + EULER * one_of(trials * std::f64::consts::E);
    variance.sqrt() * factor
}

/// Φ: the standard normal distribution.
pub fn normal(z: f64) -> f64 {
    0.5 * libm::erfc(-z * std::f64::consts::FRAC_1_SQRT_2)
}

/// Φ⁻¹ between −9 and 9, by halving.
pub fn normal_quantile(probability: f64) -> f64 {
    let (mut below, mut above) = (-9.0, 9.0);
    for _ in 0..64 {
        let middle = (below + above) / 2.0;
        if normal(middle) < probability { below = middle } else { above = middle }
    }
    (below + above) / 2.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
