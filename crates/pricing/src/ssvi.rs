//! A whole surface from three numbers and one level for each expiry (Gatheral and Jacquier 2014):
//! `w = θ/2·(1 + ρφk + √((φk+ρ)² + 1 − ρ²))` with the power law `φ = η/(θ^γ(1+θ)^(1−γ))`.
//!
//! Every slice is a raw SVI slice ([`Ssvi::slice`]), so the proofs of [`crate::svi`] decide. For
//! `0 ≤ γ ≤ 1` slices of rising `θ` never cross. `θφ(1+|ρ|) < 4` and `θφ²(1+|ρ|) ≤ 4` suffice
//! against butterflies (theorem 4.2), and `γ ≤ 1/2`, `η(1+|ρ|) ≤ 2` for every `θ` at once; neither
//! is necessary.

use crate::svi::Svi;

/// The three numbers that all expiries have in common.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ssvi {
    /// Tilt, between −1 and 1.
    pub rho: f64,
    /// Curvature.
    pub eta: f64,
    /// How fast the curvature falls with the level, 0 to 1.
    pub gamma: f64,
}

impl Ssvi {
    /// The curvature `φ` of the slice with total variance `theta` at the money.
    pub fn curvature(&self, theta: f64) -> f64 {
        let (falling, late) = (libm::log(theta), libm::log1p(theta));
        self.eta * libm::exp(-self.gamma * falling - (1.0 - self.gamma) * late)
    }

    /// The slice with total variance `theta` at the money.
    pub fn slice(&self, theta: f64) -> Svi {
        slice(theta, self.curvature(theta), self.rho)
    }

    /// The greatest `eta` for which slices of every level are free of arbitrage, if `γ ≤ 1/2`.
    pub fn eta_max(rho: f64) -> f64 {
        2.0 / (1.0 + rho.abs())
    }
}

/// The slice of a level, a curvature and a tilt.
pub fn slice(theta: f64, phi: f64, rho: f64) -> Svi {
    let rest = (1.0 - rho) * (1.0 + rho);
    Svi {
        a: theta * rest / 2.0,
        b: theta * phi / 2.0,
        rho,
        m: -rho / phi,
        sigma: rest.sqrt() / phi,
    }
}

/// Whether theorem 4.2 alone shows that a slice is free of butterfly arbitrage; if not, its `g` may
/// still be positive.
pub fn is_sufficient(theta: f64, phi: f64, rho: f64) -> bool {
    let slope = theta * phi * (1.0 + rho.abs());
    slope < 4.0 && slope * phi <= 4.0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `theory.json`, `ssvi_butterfly_cases`: level, curvature, tilt, whether the theorem suffices,
    /// and the least `g` within four of the money.
    const CASES: [(f64, f64, f64, bool, f64); 6] = [
        (0.04, 5.0, -0.7, true, 0.262_823_856_971_592_16),
        (0.04, 7.7, -0.7, false, 0.246_007_225_438_371_83),
        (0.04, 9.0, -0.7, false, 0.227_702_170_165_813_96),
        (0.04, 12.0, -0.7, false, 0.099_139_817_429_448_94),
        (0.25, 3.0, -0.3, true, 0.249_724_159_507_056_73),
        (0.25, 3.6, -0.3, false, 0.229_979_375_145_600_88),
    ];

    #[test]
    fn the_theorem_is_sufficient_and_not_necessary() {
        for (theta, phi, rho, sufficient, expected) in CASES {
            assert_eq!(is_sufficient(theta, phi, rho), sufficient, "{theta} {phi}");
            let slice = slice(theta, phi, rho);
            let within = (-40_000..=40_000).map(|i| slice.g(f64::from(i) / 1e4));
            let least = within.fold(f64::INFINITY, f64::min);
            assert!((least - expected).abs() < 1e-6, "{theta} {phi}: {least} {expected}");
            assert_eq!(slice.check(), Ok(()), "{theta} {phi}");
        }
    }

    #[test]
    fn the_power_law_within_its_bound_is_free_at_every_level() {
        let surface = Ssvi { rho: -0.7, eta: 1.0, gamma: 0.5 };
        assert!((Ssvi::eta_max(-0.7) - 1.176_470_588_235_294_2).abs() < 1e-12);
        let bound = Ssvi { eta: Ssvi::eta_max(-0.7), ..surface };
        for exponent in -40..=8 {
            let theta = libm::exp(f64::from(exponent) / 4.0);
            assert_eq!(surface.slice(theta).check(), Ok(()), "{theta}");
            assert!(is_sufficient(theta, bound.curvature(theta) * (1.0 - 1e-12), -0.7), "{theta}");
        }
    }

    #[test]
    fn slices_of_rising_level_do_not_cross() {
        for gamma in [0.0, 0.3, 0.5, 0.9] {
            let surface = Ssvi { rho: -0.5, eta: 1.2, gamma };
            for step in 1..40 {
                let theta = f64::from(step) / 50.0;
                let (near, far) = (surface.slice(theta), surface.slice(theta * 1.01));
                assert_eq!(crate::svi::crosses(&near, &far), None, "{gamma} {theta}");
            }
        }
    }

    #[test]
    fn a_slice_has_its_level_at_the_money() {
        let slice = Ssvi { rho: -0.4, eta: 1.5, gamma: 0.4 }.slice(0.09);
        assert!((slice.variance(0.0) - 0.09).abs() < 1e-15);
    }
}
