//! What is left of past volume under a decaying memory, in constant space.
//!
//! A power law is a mixture of exponentials: `(1 + x)^−γ = ∫ s^(γ−1)·e^(−s)·e^(−sx) ds / Γ(γ)`. The
//! integral is taken by the trapezium rule over ln s in steps of ln 3, whose weights are brought to
//! a sum of one; from zero to 10⁶ onsets that is within 0.4 % of the power law up to γ = 1, and
//! within 2 % up to γ = 2.

use money::{Span, Time};

use super::Decay;

/// Terms of a power law: from s = 64 down to 64/3³³.
const TERMS: usize = 34;

/// One exponential of a mixture.
#[derive(Clone, Copy, Debug, Default)]
struct Term {
    /// Per nanosecond.
    rate: f64,
    weight: f64,
    /// Volume that it still counts.
    left: f64,
}

/// Past volume that still counts.
#[derive(Clone, Debug)]
pub(super) struct Memory {
    terms: [Term; TERMS],
    used: usize,
    /// When the terms were true.
    at: Time,
    empty: bool,
}

impl Memory {
    pub(super) fn new(decay: Decay) -> Memory {
        let mut terms = [Term::default(); TERMS];
        let per = |span: Span| 1.0 / (span.nanos() as f64).max(1.0);
        let used = match decay {
            Decay::Exponential(span) => {
                terms[0] = Term { rate: per(span), weight: 1.0, left: 0.0 };
                1
            }
            Decay::Power { onset, exponent } => {
                let mut pace = 64.0;
                for term in &mut terms {
                    let weight = libm::pow(pace, exponent) * libm::exp(-pace);
                    *term = Term { rate: pace * per(onset), weight, left: 0.0 };
                    pace /= 3.0;
                }
                let sum: f64 = terms.iter().map(|term| term.weight).sum();
                terms.iter_mut().for_each(|term| term.weight /= sum);
                TERMS
            }
        };
        Memory { terms, used, at: Time::ZERO, empty: true }
    }

    /// Whether nothing is left.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.empty
    }

    /// Adds signed volume.
    pub(super) fn add(&mut self, now: Time, volume: f64) {
        self.left(now);
        for term in &mut self.terms[..self.used] {
            term.left += volume;
        }
        self.empty = false;
        self.at = self.at.max(now);
    }

    /// Signed volume that still counts.
    pub(super) fn left(&mut self, now: Time) -> f64 {
        let elapsed = now.since(self.at).nanos() as f64;
        self.at = self.at.max(now);
        let (mut sum, mut largest) = (0.0, 0.0_f64);
        for term in &mut self.terms[..self.used] {
            if elapsed > 0.0 && term.left != 0.0 {
                term.left *= libm::exp(-elapsed * term.rate);
            }
            sum += term.weight * term.left;
            largest = largest.max(term.left.abs());
        }
        if largest < FORGOTTEN {
            self.forget();
            return 0.0;
        }
        sum
    }

    fn forget(&mut self) {
        self.empty = true;
        self.terms.iter_mut().for_each(|term| term.left = 0.0);
    }
}

/// Less than this, of a day's volume or of quote, is nothing.
const FORGOTTEN: f64 = 1e-15;
