//! The mean of weighted samples whose errors are dependent within blocks of time.
//!
//! Fills come in bursts that share one move of the price, so their markouts and profits are not
//! independent and σ/√n is too small. Samples within one block of time form a cluster; the error of
//! the weighted mean m is √(G/(G − 1)·Σ_g(Σ_{i∈g} w_i(x_i − m))²)/Σw over G clusters (Liang and
//! Zeger 1986).

use serde::Serialize;

/// One sample: its block of time, its weight above zero, its value.
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Number of its block; never falls from sample to sample.
    pub block: u64,
    /// Weight, such as the notional.
    pub weight: f64,
    /// Value.
    pub value: f64,
}

/// A weighted mean and its error.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Mean {
    /// The mean.
    pub mean: f64,
    /// Its standard error; none for a single cluster.
    pub error: Option<f64>,
    /// Samples.
    pub count: usize,
    /// Clusters.
    pub clusters: usize,
}

impl Mean {
    /// Of samples in the order of their blocks; none without weight.
    pub fn of(samples: impl Iterator<Item = Sample> + Clone) -> Option<Mean> {
        let weight: f64 = samples.clone().map(|sample| sample.weight).sum();
        if weight <= 0.0 {
            return None;
        }
        let sum: f64 = samples.clone().map(|sample| sample.weight * sample.value).sum();
        let mean = sum / weight;
        let (mut squares, mut inside, mut block) = (0.0, 0.0, None);
        let (mut count, mut clusters) = (0, 0);
        for sample in samples {
            if block != Some(sample.block) {
                squares += inside * inside;
                (inside, block) = (0.0, Some(sample.block));
                clusters += 1;
            }
            inside += sample.weight * (sample.value - mean);
            count += 1;
        }
        squares += inside * inside;
        let groups = clusters as f64;
        let error = (clusters > 1).then(|| (groups / (groups - 1.0) * squares).sqrt() / weight);
        Some(Mean { mean, error, count, clusters })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn of(samples: &[(u64, f64, f64)]) -> Option<Mean> {
        let sample = |(block, weight, value): &(u64, f64, f64)| Sample {
            block: *block,
            weight: *weight,
            value: *value,
        };
        Mean::of(samples.iter().map(sample))
    }

    #[test]
    fn alone_in_their_blocks_samples_have_the_usual_error() {
        let found = of(&[(1, 1.0, 2.0), (2, 1.0, 4.0), (3, 1.0, 9.0)]).unwrap();
        assert_eq!((found.mean, found.count, found.clusters), (5.0, 3, 3));
        let expected = (26.0f64 / 2.0 / 3.0).sqrt();
        assert!((found.error.unwrap() - expected).abs() < 1e-12);
    }

    #[test]
    fn copies_within_a_block_tell_nothing_new() {
        let once = of(&[(1, 1.0, 2.0), (2, 1.0, 4.0), (3, 1.0, 9.0)]).unwrap();
        let twice: Vec<(u64, f64, f64)> =
            [(1, 2.0), (1, 2.0), (2, 4.0), (2, 4.0), (3, 9.0), (3, 9.0)]
                .into_iter()
                .map(|(block, value)| (block, 1.0, value))
                .collect();
        let heavy = of(&[(1, 2.0, 2.0), (2, 2.0, 4.0), (3, 2.0, 9.0)]).unwrap();
        for found in [of(&twice).unwrap(), heavy] {
            assert!((found.error.unwrap() - once.error.unwrap()).abs() < 1e-12);
        }
        assert_eq!(of(&[(1, 1.0, 2.0), (1, 1.0, 3.0)]).unwrap().error, None);
        assert_eq!(of(&[]), None);
    }
}
