//! Random numbers that are the same on every machine: one seed, many independent named streams.
//!
//! A stream is xoshiro256++ (Blackman and Vigna 2018), its state filled by SplitMix64 from the
//! seed, the FNV-1a hash of the stream's name, and an index. So a new agent or a new link draws
//! from its own stream and shifts nobody else's numbers. Transcendental functions come from
//! `libm`: the last bit of the platform's own differs.

use money::Span;
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// The one seed of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seed(pub u64);

/// One independent sequence of random numbers.
#[derive(Clone, Debug)]
pub struct Stream {
    generator: Xoshiro256PlusPlus,
    spare_normal: Option<f64>,
}

impl Seed {
    /// The stream of this name and index, always the same one.
    pub fn stream(self, name: &str, index: u64) -> Stream {
        let name = name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let mut state = mix(mix(mix(self.0) ^ name) ^ index);
        let mut bytes = [0u8; 32];
        for word in bytes.chunks_exact_mut(8) {
            state = state.wrapping_add(GOLDEN);
            word.copy_from_slice(&mix(state).to_le_bytes());
        }
        Stream { generator: Xoshiro256PlusPlus::from_seed(bytes), spare_normal: None }
    }

    /// A seed for a part that makes its own streams.
    #[must_use]
    pub fn child(self, name: &str, index: u64) -> Seed {
        Seed(self.stream(name, index).bits())
    }
}

impl Stream {
    /// 64 random bits.
    #[inline]
    pub fn bits(&mut self) -> u64 {
        self.generator.next_u64()
    }

    /// Uniform in [0, 1), a multiple of 2⁻⁵³.
    #[inline]
    pub fn uniform(&mut self) -> f64 {
        (self.bits() >> 11) as f64 * TWO_POW_MINUS_53
    }

    /// Uniform in [low, high).
    pub fn between(&mut self, low: f64, high: f64) -> f64 {
        low + (high - low) * self.uniform()
    }

    /// A whole number below `bound`, without bias; 0 for an empty range (Lemire 2019).
    pub fn below(&mut self, bound: u64) -> u64 {
        let mut product = u128::from(self.bits()) * u128::from(bound);
        if (product as u64) < bound {
            let threshold = bound.wrapping_neg() % bound;
            while (product as u64) < threshold {
                product = u128::from(self.bits()) * u128::from(bound);
            }
        }
        (product >> 64) as u64
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.uniform() < probability
    }

    /// Normal with mean 0 and variance 1 (Marsaglia's polar method).
    #[inline]
    pub fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare_normal.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.uniform() - 1.0, 2.0 * self.uniform() - 1.0);
            let square = x * x + y * y;
            if square > 0.0 && square < 1.0 {
                let scale = (-2.0 * libm::log(square) / square).sqrt();
                self.spare_normal = Some(y * scale);
                return x * scale;
            }
        }
    }

    /// Exponential with this mean.
    #[inline]
    pub fn exponential(&mut self, mean: f64) -> f64 {
        -mean * libm::log(1.0 - self.uniform())
    }

    /// Log-normal: `median · exp(sigma · z)`.
    pub fn lognormal(&mut self, median: f64, sigma: f64) -> f64 {
        median * libm::exp(sigma * self.normal())
    }

    /// The wait for the next event of a Poisson process with this mean wait, at least 1 ns.
    pub fn wait(&mut self, mean: Span) -> Span {
        let nanos = self.exponential(mean.nanos() as f64);
        Span::from_nanos((nanos as u64).max(1))
    }

    /// The wait for the next event of a Poisson process of so many events an hour; `None` when
    /// there are none.
    pub fn wait_hourly(&mut self, events_per_hour: f64) -> Option<Span> {
        if events_per_hour > 0.0 {
            let mean = Span::HOUR.nanos() as f64 / events_per_hour;
            Some(Span::from_nanos((self.exponential(mean) as u64).max(1)))
        } else {
            None
        }
    }
}

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;
const TWO_POW_MINUS_53: f64 = 1.0 / 9_007_199_254_740_992.0;

/// The finaliser of SplitMix64 (Steele, Lea and Flood 2014).
fn mix(state: u64) -> u64 {
    let mut bits = state.wrapping_add(GOLDEN);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: usize = 200_000;

    fn moments(mut draw: impl FnMut() -> f64) -> (f64, f64) {
        let draws: Vec<f64> = (0..N).map(|_| draw()).collect();
        let mean = draws.iter().sum::<f64>() / N as f64;
        let variance = draws.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / N as f64;
        (mean, variance)
    }

    #[test]
    fn a_stream_is_the_same_for_ever() {
        let mut stream = Seed(42).stream("maker", 7);
        let seen = [stream.bits(), stream.bits()];
        assert_eq!(seen, [0xa3c1_04fb_7897_5ad3, 0xfbe1_c78e_e492_2089]);
        assert_eq!(stream.normal().to_bits(), (-0.510_778_548_141_560_1_f64).to_bits());
        assert_eq!(stream.exponential(1.0).to_bits(), 0.810_722_301_000_911_f64.to_bits());
    }

    #[test]
    fn streams_differ_by_seed_name_and_index() {
        let base = Seed(1).stream("noise", 0).bits();
        assert_ne!(base, Seed(2).stream("noise", 0).bits());
        assert_ne!(base, Seed(1).stream("noisf", 0).bits());
        assert_ne!(base, Seed(1).stream("noise", 1).bits());
        assert_ne!(Seed(1).child("x", 0), Seed(1).child("x", 1));
        assert_eq!(base, Seed(1).stream("noise", 0).bits());
    }

    #[test]
    fn moments_are_those_of_the_distributions() {
        let mut stream = Seed(3).stream("moments", 0);
        let close = |(mean, variance): (f64, f64), mean_true: f64, variance_true: f64| {
            assert!((mean - mean_true).abs() < 0.01, "{mean} {mean_true}");
            assert!((variance - variance_true).abs() < 0.02, "{variance} {variance_true}");
        };
        close(moments(|| stream.uniform()), 0.5, 1.0 / 12.0);
        close(moments(|| stream.normal()), 0.0, 1.0);
        close(moments(|| stream.exponential(1.0)), 1.0, 1.0);
        close(moments(|| libm::log(stream.lognormal(1.0, 0.5))), 0.0, 0.25);
        close(moments(|| stream.below(3) as f64), 1.0, 2.0 / 3.0);
        close(moments(|| f64::from(u8::from(stream.chance(0.25)))), 0.25, 0.1875);
    }

    #[test]
    fn neighbouring_streams_are_uncorrelated() {
        let (mut a, mut b) = (Seed(5).stream("agent", 0), Seed(5).stream("agent", 1));
        let (mean, _) = moments(|| a.normal() * b.normal());
        assert!(mean.abs() < 0.01, "{mean}");
    }

    #[test]
    fn waits_are_positive_and_have_their_mean() {
        let mut stream = Seed(9).stream("wait", 0);
        let (mean, _) = moments(|| stream.wait(Span::SECOND).nanos() as f64 / 1e9);
        assert!((mean - 1.0).abs() < 0.01, "{mean}");
        assert!(stream.wait(Span::ZERO) > Span::ZERO);
        assert_eq!(stream.wait_hourly(0.0), None);
        assert_eq!(stream.below(0), 0);
    }
}
