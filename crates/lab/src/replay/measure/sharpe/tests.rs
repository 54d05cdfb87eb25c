//! Published numbers, and errors against what repeated samples show.

use super::*;
use pricing::statistics::autocorrelation;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

fn near(actual: f64, expected: f64, tolerance: f64) {
    assert!((actual - expected).abs() < tolerance, "{actual} is not {expected}");
}

/// Standard normal deviates, near enough: twelve uniforms less six.
fn normals(seed: u64, count: usize) -> Vec<f64> {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let mut uniform = || (random.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    (0..count).map(|_| (0..12).map(|_| uniform()).sum::<f64>() - 6.0).collect()
}

/// The factor of a ratio over `periods` of them for autocorrelations of lag 1, 2 …: Lo's η(q).
fn aggregation(periods: usize, correlations: &[f64]) -> f64 {
    let q = periods as f64;
    let lags = correlations.iter().zip(1..periods);
    let sum: f64 = lags.map(|(rho, lag)| (q - lag as f64) * rho).sum();
    q / (q + 2.0 * sum).sqrt()
}

/// Autocorrelations of lag 1 to `lags`; none where the samples are constant or too few.
fn correlations(samples: &[f64], lags: usize) -> Option<Vec<f64>> {
    (1..=lags).map(|lag| autocorrelation(samples, lag)).collect()
}

#[test]
fn the_normal_distribution_and_its_inverse_agree_with_tables() {
    for (z, probability) in
        [(0.0, 0.5), (1.0, 0.841_344_746_068_543), (-1.959_963_984_540_054, 0.025)]
    {
        near(normal(z), probability, 1e-14);
        near(normal_quantile(probability), z, 1e-13);
    }
}

/// Lo (2002), table 1: errors by ratio and length; table 2: η(12) by first-order correlation.
#[test]
fn errors_and_factors_agree_with_lo_2002() {
    for (ratio, count, expected) in
        [(0.5, 12, 0.306), (1.0, 12, 0.354), (3.0, 12, 0.677), (1.0, 60, 0.158), (3.0, 500, 0.105)]
    {
        let error: f64 = (spread(ratio, 0.0, 3.0) / f64::from(count)).sqrt();
        near(error, expected, 5e-4);
    }
    for (rho, expected) in [
        (0.9, 1.21),
        (0.5, 2.12),
        (0.2, 2.88),
        (0.1, 3.16),
        (0.0, 3.46),
        (-0.1, 3.80),
        (-0.2, 4.17),
    ] {
        let correlations: Vec<f64> = (1..12).map(|lag| libm::pow(rho, f64::from(lag))).collect();
        near(aggregation(12, &correlations), expected, 5e-3);
    }
}

/// Bailey and López de Prado (2014), the numerical example: an annual ratio of 2.5 over 1250 days
/// as the best of 100 trials whose ratios vary by ½ a year; the same with 46 trials, and with 88
/// and normal returns.
#[test]
fn the_deflated_ratio_agrees_with_its_paper() {
    let (daily, variance) = (2.5 / 250f64.sqrt(), 0.5 / 250.0);
    near(best_by_luck(variance, 100), 0.1132, 5e-5);
    for (trials, moments, expected) in
        [(100, (-3.0, 10.0), 0.9004), (46, (-3.0, 10.0), 0.9505), (88, (0.0, 3.0), 0.9505)]
    {
        let benchmark = best_by_luck(variance, trials);
        near(probabilistic(daily, benchmark, 1250, moments), expected, 5e-5);
    }
    assert_eq!(best_by_luck(variance, 1), 0.0);
}

/// Bailey and López de Prado (2012): two years of monthly returns with a fat left tail.
#[test]
fn the_probabilistic_ratio_agrees_with_its_paper() {
    near(probabilistic(0.458, 0.0, 24, (-2.448, 10.164)), 0.913, 5e-4);
    near(probabilistic(0.458, 0.0, 24, (0.0, 3.0)), 0.982, 5e-4);
}

#[test]
fn too_few_or_constant_returns_have_no_ratio() {
    assert_eq!(Sharpe::of(&[0.1; 100]), None);
    assert_eq!(Sharpe::of(&normals(1, RETURNS_MIN - 1)), None);
    assert!(Sharpe::of(&normals(1, RETURNS_MIN)).is_some());
}

/// The error is the deviation of the ratio over many samples, for skewed returns and for
/// autocorrelated ones, where that of independent normal returns is not.
#[test]
fn the_error_is_what_repeated_samples_show() {
    let square = |z: f64| 0.15 - (z * z - 1.0); // a fat left tail
    let skewed = |seed| normals(seed, 600).into_iter().map(square).collect::<Vec<f64>>();
    let smooth = |seed| {
        let mut level = 0.0;
        let step = |z: f64| {
            level = 0.5 * level + z;
            level + 0.3
        };
        normals(seed, 600).into_iter().map(step).collect::<Vec<f64>>()
    };
    check(&skewed, 0.05, |sharpe| sharpe.error_moments);
    check(&skewed, 0.08, |sharpe| sharpe.error);
    check(&smooth, 0.12, |sharpe| sharpe.error);
    let sharpe = Sharpe::of(&smooth(1)).unwrap();
    assert!(sharpe.error > 1.4 * sharpe.error_normal);
    // AR(1) of ½ has a long-run variance of (1 + ½)/(1 − ½) = 3 variances; Bartlett takes off some.
    assert!((2.0..3.3).contains(&sharpe.dependence), "{}", sharpe.dependence);
    near(sharpe.over_dependent(100.0), sharpe.ratio * 10.0 / sharpe.dependence.sqrt(), 1e-12);
}

fn check(sample: &dyn Fn(u64) -> Vec<f64>, tolerance: f64, error: fn(&Sharpe) -> f64) {
    let ratios: Vec<Sharpe> = (0..800).map(|seed| Sharpe::of(&sample(seed)).unwrap()).collect();
    let shown = standard_deviation(&ratios.iter().map(|s| s.ratio).collect::<Vec<f64>>()).unwrap();
    let stated = mean(&ratios.iter().map(error).collect::<Vec<f64>>()).unwrap();
    assert!((stated / shown - 1.0).abs() < tolerance, "stated {stated}, shown {shown}");
}

/// η over the estimated correlations is what the long-run variance says, for a long aggregate.
#[test]
fn the_two_ways_to_aggregate_agree() {
    let returns: Vec<f64> = normals(3, 3000).windows(2).map(|w| w[0] + 0.6 * w[1]).collect();
    let lags = lags(returns.len());
    let weight = |lag: usize| 1.0 - lag as f64 / (lags + 1) as f64;
    let weighted: Vec<f64> = correlations(&returns, lags)
        .unwrap()
        .into_iter()
        .enumerate()
        .map(|(at, rho)| weight(at + 1) * rho)
        .collect();
    let sharpe = Sharpe::of(&returns).unwrap();
    let factor = sharpe.over_dependent(1e6) / sharpe.ratio;
    assert!((aggregation(1_000_000, &weighted) / factor - 1.0).abs() < 1e-3);
}
