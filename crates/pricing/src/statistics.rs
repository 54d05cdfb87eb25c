//! Statistics of samples that are kept, and streaming moments of those that are not.
//!
//! Quantiles are type 7 of Hyndman and Fan (1996): linear between order statistics, rank `p(n−1)`.
//! Standard deviations divide by n − 1. An AR(1) is fitted by least squares of `x_t` on `x_{t−1}`;
//! its half-life is `Δ·ln ½ / ln φ`. The Student quantile inverts the finite series of Abramowitz
//! and Stegun 26.7.3–4, and above 200 degrees of freedom takes their expansion 26.7.5. Samples must
//! be finite. Too few samples give `None`.

/// The arithmetic mean.
pub fn mean(samples: &[f64]) -> Option<f64> {
    (!samples.is_empty()).then(|| samples.iter().sum::<f64>() / samples.len() as f64)
}

/// The standard deviation; needs two samples.
pub fn standard_deviation(samples: &[f64]) -> Option<f64> {
    let moments: Moments = samples.iter().copied().collect();
    moments.standard_deviation()
}

/// The mean of |forecast − outcome|; `None` if there are none or not equally many.
pub fn mean_absolute_error(forecasts: &[f64], outcomes: &[f64]) -> Option<f64> {
    if forecasts.len() != outcomes.len() || forecasts.is_empty() {
        return None;
    }
    let errors = forecasts.iter().zip(outcomes).map(|(forecast, outcome)| forecast - outcome);
    Some(errors.map(f64::abs).sum::<f64>() / forecasts.len() as f64)
}

/// Sorts samples for [`quantile`].
pub fn sort(samples: &mut [f64]) {
    samples.sort_unstable_by(f64::total_cmp);
}

/// The quantile of sorted samples at `probability`, type 7; `None` outside 0 … 1.
pub fn quantile(sorted: &[f64], probability: f64) -> Option<f64> {
    if sorted.is_empty() || !(0.0..=1.0).contains(&probability) {
        return None;
    }
    let rank = probability * (sorted.len() - 1) as f64;
    let below = rank.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    Some(sorted[below] + (rank - below as f64) * (sorted[above] - sorted[below]))
}

/// The correlation of two equally long series; `None` if either is constant.
pub fn correlation(left: &[f64], right: &[f64]) -> Option<f64> {
    if left.len() != right.len() {
        return None;
    }
    let (mean_left, mean_right) = (mean(left)?, mean(right)?);
    let (mut both, mut squares_left, mut squares_right) = (0.0, 0.0, 0.0);
    for (l, r) in left.iter().zip(right) {
        let (l, r) = (l - mean_left, r - mean_right);
        both += l * r;
        squares_left += l * l;
        squares_right += r * r;
    }
    let scale = (squares_left * squares_right).sqrt();
    (scale != 0.0).then(|| (both / scale).clamp(-1.0, 1.0))
}

/// The autocorrelation at `lag` steps, with the mean and variance of the whole series; `None` if
/// the series is constant or not longer than the lag.
pub fn autocorrelation(samples: &[f64], lag: usize) -> Option<f64> {
    if samples.len() <= lag {
        return None;
    }
    let mean = mean(samples)?;
    let variance: f64 = samples.iter().map(|x| (x - mean) * (x - mean)).sum();
    let pairs = samples.iter().zip(&samples[lag..]);
    let covariance: f64 = pairs.map(|(early, late)| (early - mean) * (late - mean)).sum();
    (variance != 0.0).then_some(covariance / variance)
}

/// A fitted `x_t = mean + φ·(x_{t−1} − mean) + noise`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ar1 {
    /// The level that it returns to; infinite or NaN for φ = 1.
    pub mean: f64,
    /// φ: what is left of a deviation after one step.
    pub persistence: f64,
    /// Standard deviation of the noise of one step.
    pub noise: f64,
    /// Length of a step, in the unit that the half-life is wanted in.
    pub step: f64,
}

impl Ar1 {
    /// Fits samples taken `step` apart; needs three that are not all equal.
    pub fn fit(samples: &[f64], step: f64) -> Option<Ar1> {
        if samples.len() < 3 {
            return None;
        }
        let (early, late) = (&samples[..samples.len() - 1], &samples[1..]);
        let (mean_early, mean_late) = (mean(early)?, mean(late)?);
        let (mut both, mut squares) = (0.0, 0.0);
        for (e, l) in early.iter().zip(late) {
            both += (e - mean_early) * (l - mean_late);
            squares += (e - mean_early) * (e - mean_early);
        }
        if squares == 0.0 {
            return None;
        }
        let persistence = both / squares;
        let residuals = early.iter().zip(late);
        let residuals = residuals.map(|(e, l)| l - mean_late - persistence * (e - mean_early));
        let noise = (residuals.map(|r| r * r).sum::<f64>() / early.len() as f64).sqrt();
        let mean = (mean_late - persistence * mean_early) / (1.0 - persistence);
        Some(Ar1 { mean, persistence, noise, step })
    }

    /// Time in which a deviation halves, in the unit of `step`: infinite without mean reversion,
    /// zero without persistence.
    pub fn half_life(&self) -> f64 {
        half_life(self.persistence, self.step)
    }
}

/// Time in which a deviation halves that keeps `persistence` of itself each `step`: infinite from 1
/// up, zero from 0 down.
pub fn half_life(persistence: f64, step: f64) -> f64 {
    if persistence >= 1.0 {
        f64::INFINITY
    } else if persistence <= 0.0 {
        0.0
    } else {
        step * -std::f64::consts::LN_2 / libm::log(persistence)
    }
}

/// A mean and the half-width of its 95 % confidence interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confidence {
    /// The mean.
    pub mean: f64,
    /// Half-width of the interval.
    pub half_width: f64,
}

/// The mean of independent samples (one a seed) with its 95 % interval by Student's t; needs two.
pub fn confidence_95(samples: &[f64]) -> Option<Confidence> {
    let degrees = u32::try_from(samples.len().checked_sub(1)?).ok()?;
    let error = standard_deviation(samples)? / (samples.len() as f64).sqrt();
    Some(Confidence { mean: mean(samples)?, half_width: student_975(degrees)? * error })
}

/// The 97.5 % quantile of Student's t, to 10⁻⁸; `None` for no degrees of freedom.
pub fn student_975(degrees: u32) -> Option<f64> {
    const NORMAL_975: f64 = 1.959_963_984_540_054;
    if degrees == 0 {
        return None;
    }
    if degrees > 200 {
        return Some(student_expansion(NORMAL_975, f64::from(degrees)));
    }
    let (mut below, mut above) = (NORMAL_975, 13.0); // 12.706 is that of one degree
    for _ in 0..60 {
        let middle = (below + above) / 2.0;
        if student_within(middle, degrees) < 0.95 { below = middle } else { above = middle }
    }
    Some((below + above) / 2.0)
}

/// A&S 26.7.5, the quantile of Student's t from that of the normal, to the third order in 1/ν.
fn student_expansion(z: f64, degrees: f64) -> f64 {
    let square = z * z;
    let first = (square + 1.0) / 4.0;
    let second = ((5.0 * square + 16.0) * square + 3.0) / 96.0;
    let third = (((3.0 * square + 19.0) * square + 17.0) * square - 15.0) / 384.0;
    z * (1.0 + (first + (second + third / degrees) / degrees) / degrees)
}

/// A&S 26.7.3–4: the probability that |t| is at most `t`.
fn student_within(t: f64, degrees: u32) -> f64 {
    let ratio = t / f64::from(degrees).sqrt();
    let cosine_squared = 1.0 / (1.0 + ratio * ratio);
    let sine = ratio * cosine_squared.sqrt();
    let odd = degrees % 2 == 1;
    let (mut term, mut sum) = (if odd { cosine_squared.sqrt() } else { 1.0 }, 0.0);
    let mut power = if odd { 1 } else { 0 };
    while power + 2 <= degrees {
        sum += term;
        term *= cosine_squared * f64::from(power + 1) / f64::from(power + 2);
        power += 2;
    }
    if odd { (libm::atan(ratio) + sine * sum) * std::f64::consts::FRAC_2_PI } else { sine * sum }
}

/// Count, mean, variance and range of a stream, by Welford's (1962) recursion.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moments {
    count: u64,
    mean: f64,
    squares: f64,
    min: f64,
    max: f64,
}

impl Default for Moments {
    fn default() -> Moments {
        Moments { count: 0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY }
    }
}

impl Moments {
    /// Takes one sample.
    pub fn push(&mut self, sample: f64) {
        self.count += 1;
        let difference = sample - self.mean;
        self.mean += difference / self.count as f64;
        self.squares += difference * (sample - self.mean);
        self.min = self.min.min(sample);
        self.max = self.max.max(sample);
    }

    /// How many samples.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The mean.
    pub fn mean(&self) -> Option<f64> {
        (self.count > 0).then_some(self.mean)
    }

    /// The standard deviation; needs two samples.
    pub fn standard_deviation(&self) -> Option<f64> {
        (self.count > 1).then(|| (self.squares / (self.count - 1) as f64).sqrt())
    }

    /// The smallest sample.
    pub fn min(&self) -> Option<f64> {
        (self.count > 0).then_some(self.min)
    }

    /// The largest sample.
    pub fn max(&self) -> Option<f64> {
        (self.count > 0).then_some(self.max)
    }
}

impl FromIterator<f64> for Moments {
    fn from_iter<I: IntoIterator<Item = f64>>(samples: I) -> Moments {
        let mut moments = Moments::default();
        samples.into_iter().for_each(|sample| moments.push(sample));
        moments
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn near(actual: f64, expected: f64, tolerance: f64) {
        assert!((actual - expected).abs() < tolerance, "{actual} is not {expected}");
    }

    /// Theory vector `halflife`.
    #[test]
    fn half_lives_agree_with_the_vectors() {
        let table = [
            (0.9, 1.0, 6.578_813_478_960_585),
            (0.7209, 5.0, 10.590_327_167_090_825),
            (0.5677, 8.0, 9.794_327_049_755_57),
        ];
        for (persistence, step, expected) in table {
            near(half_life(persistence, step), expected, 1e-9);
        }
        assert_eq!(half_life(1.0, 1.0), f64::INFINITY);
        assert_eq!(half_life(-0.2, 1.0), 0.0);
    }

    /// Printed tables of Student's t.
    #[test]
    fn student_quantiles_agree_with_the_tables() {
        let table = [
            (1, 12.706_204_736),
            (2, 4.302_652_730),
            (3, 3.182_446_305),
            (4, 2.776_445_105),
            (5, 2.570_581_836),
            (10, 2.228_138_852),
            (30, 2.042_272_456),
            (100, 1.983_971_519),
            (1000, 1.962_339_081),
        ];
        for (degrees, expected) in table {
            near(student_975(degrees).unwrap(), expected, 1e-8);
        }
        near(student_expansion(1.959_963_984_540_054, 200.0), student_975(200).unwrap(), 1e-8);
        assert_eq!(student_975(0), None);
    }

    #[test]
    fn quantiles_are_linear_between_order_statistics() {
        let sorted = [1.0, 2.0, 3.0, 10.0];
        for (probability, expected) in
            [(0.0, 1.0), (0.25, 1.75), (0.5, 2.5), (0.9, 7.9), (1.0, 10.0)]
        {
            near(quantile(&sorted, probability).unwrap(), expected, 1e-12);
        }
        assert_eq!(quantile(&sorted, 1.1), None);
        assert_eq!(quantile(&sorted, f64::NAN), None);
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!(quantile(&[4.0], 0.3), Some(4.0));
    }

    #[test]
    fn a_noiseless_decay_is_fitted_exactly() {
        let mut level = 10.0;
        let samples: Vec<f64> = (0..20)
            .map(|_| {
                level *= 0.9;
                3.0 + level
            })
            .collect();
        let fit = Ar1::fit(&samples, 5.0).unwrap();
        near(fit.persistence, 0.9, 1e-9);
        near(fit.mean, 3.0, 1e-9);
        near(fit.noise, 0.0, 1e-9);
        near(fit.half_life(), 32.894_067_394_8, 1e-6);
        assert_eq!(Ar1::fit(&[1.0; 9], 1.0), None);
        assert_eq!(Ar1::fit(&[1.0, 2.0], 1.0), None);
    }

    #[test]
    fn small_samples_by_hand() {
        let samples = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        near(mean(&samples).unwrap(), 5.0, 1e-12);
        near(standard_deviation(&samples).unwrap(), (32.0f64 / 7.0).sqrt(), 1e-12);
        near(autocorrelation(&samples, 1).unwrap(), 13.0 / 32.0, 1e-12);
        near(mean_absolute_error(&[1.0, 2.0], &[2.0, 0.0]).unwrap(), 1.5, 1e-12);
        near(correlation(&[1.0, 2.0, 3.0], &[5.0, 3.0, 1.0]).unwrap(), -1.0, 1e-12);
        let interval = confidence_95(&[1.0, 2.0, 3.0]).unwrap();
        near(interval.half_width, 4.302_652_730 / 3f64.sqrt(), 1e-8);
    }

    #[test]
    fn too_few_samples_are_none() {
        assert_eq!(mean(&[]), None);
        assert_eq!(standard_deviation(&[1.0]), None);
        assert_eq!(correlation(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(correlation(&[1.0], &[1.0, 2.0]), None);
        assert_eq!(autocorrelation(&[1.0, 2.0], 2), None);
        assert_eq!(mean_absolute_error(&[], &[]), None);
        assert_eq!(confidence_95(&[]), None);
        assert_eq!(confidence_95(&[1.0]), None);
        assert_eq!(Moments::default().mean(), None);
        assert_eq!(Moments::default().min(), None);
    }

    proptest! {
        #[test]
        fn streaming_moments_agree_with_two_passes(
            samples in prop::collection::vec(-1e3..1e3f64, 2..100),
        ) {
            let moments: Moments = samples.iter().copied().collect();
            let centre = mean(&samples).unwrap();
            let squares: f64 = samples.iter().map(|x| (x - centre) * (x - centre)).sum();
            prop_assert!((moments.mean().unwrap() - centre).abs() < 1e-9);
            let expected = (squares / (samples.len() - 1) as f64).sqrt();
            prop_assert!((moments.standard_deviation().unwrap() - expected).abs() < 1e-9);
            prop_assert_eq!(moments.count(), samples.len() as u64);
        }

        #[test]
        fn quantiles_never_fall_and_stay_in_range(
            mut samples in prop::collection::vec(-1e3..1e3f64, 1..50),
            a in 0.0..=1.0f64, b in 0.0..=1.0f64,
        ) {
            sort(&mut samples);
            let (low, high) = (quantile(&samples, a.min(b)), quantile(&samples, a.max(b)));
            prop_assert!(low.unwrap() <= high.unwrap() + 1e-9);
            prop_assert!(samples[0] <= low.unwrap());
            prop_assert!(high.unwrap() <= samples[samples.len() - 1] + 1e-9);
        }
    }
}
