//! What a slice costs: distance outside the quotes, and penalties for arbitrage.

use super::Target;
use super::descent::{Model, Normal};
use super::start::{self, SLOPES};
use super::wings::{self, Wings};
use crate::svi::Svi;

/// Part of half a spread within which a quote pulls only weakly.
const INSIDE: f64 = 0.8;

/// Weight of the weak pull to the middle.
const PULL: f64 = 0.03;

/// Distance beyond [`INSIDE`], in half spreads, from which the cost grows linearly.
const LINEAR: f64 = 0.5;

/// Places on each side of the middle at which arbitrage is penalised.
const PLACES: i32 = 20;

/// What `g` should keep above where it is penalised.
const DENSITY: f64 = 0.005;

/// Relative gap that a neighbour should keep.
const GAP: f64 = 0.001;

/// Neighbours, and how much a violation costs; nothing where the strength is zero.
#[derive(Clone, Copy)]
pub(super) struct Fence {
    pub(super) near: Option<Svi>,
    pub(super) far: Option<Svi>,
    pub(super) strength: f64,
}

impl Fence {
    /// No fence.
    pub(super) const OPEN: Fence = Fence { near: None, far: None, strength: 0.0 };
}

/// The cost of a slice under some targets and a fence.
pub(super) struct Objective<'a> {
    targets: &'a [Target],
    fence: Fence,
    range: (f64, f64),
    level: f64,
}

impl<'a> Objective<'a> {
    pub(super) fn new(targets: &'a [Target], fence: Fence) -> Objective<'a> {
        let level = targets.iter().map(|t| t.high).fold(0.0, f64::max);
        Objective { targets, fence, range: start::range(targets), level }
    }

    /// Density, variance and neighbours at places that reach far beyond the quotes.
    fn add_penalties(&self, normal: &mut Normal<5>, at: &Wings, sigma: f64) {
        let span = self.range.1.max(-self.range.0).max(sigma);
        for i in -PLACES..=PLACES {
            let k = span * place(i);
            let jet = wings::jet(at, sigma, k);
            let w = jet.value[0];
            let floor = 1e-3 * self.level;
            if w < floor {
                self.penalise(normal, (floor - w) / self.level, &jet.slope[0], -1.0 / self.level);
                continue;
            }
            let (g, by) = wings::density(&jet, k);
            if g < DENSITY {
                self.penalise(normal, DENSITY - g, &by, -1.0);
            }
            if let Some(near) = &self.fence.near {
                let bound = near.variance(k) * (1.0 + GAP);
                if w < bound {
                    self.penalise(normal, (bound - w) / bound, &jet.slope[0], -1.0 / bound);
                }
            }
            if let Some(far) = &self.fence.far {
                let bound = far.variance(k) * (1.0 - GAP);
                if w > bound {
                    self.penalise(normal, (w - bound) / bound, &jet.slope[0], 1.0 / bound);
                }
            }
        }
    }

    fn penalise(&self, normal: &mut Normal<5>, excess: f64, by: &Wings, factor: f64) {
        let weight = self.fence.strength * self.fence.strength * 1e2;
        let slope = by.map(|x| x * factor);
        normal.add(weight * excess * excess, excess, weight, &slope);
    }
}

/// The places of penalties, in spans: dense within one, out to about thirty.
fn place(i: i32) -> f64 {
    const GROWTH: f64 = 0.21;
    let x = GROWTH * f64::from(i);
    // sinh by halves of a short exponential would need libm; a cubic spreads as well.
    x * (0.4 + 0.4 * x * x)
}

impl Model<5> for Objective<'_> {
    fn normal(&self, at: &Wings) -> Normal<5> {
        let sigma = libm::exp(at[4]);
        let mut normal = Normal::new();
        for target in self.targets {
            let (w, by) = wings::variance(at, sigma, target.k);
            let half = (target.high - target.low) / 2.0;
            let inverse = 1.0 / half;
            let off = (w - (target.low + target.high) / 2.0) * inverse;
            let beyond = (off.abs() - INSIDE).max(0.0);
            // 2δ²(√(1+(e/δ)²) − 1): a square that turns into a line.
            let root = (1.0 + beyond * beyond / (LINEAR * LINEAR)).sqrt();
            let (cost, weight) = (2.0 * LINEAR * LINEAR * (root - 1.0), 1.0 / root);
            let (pull, push) = (PULL * off, weight * beyond.copysign(off));
            let outside = if beyond > 0.0 { weight } else { 0.0 };
            let joint = outside + PULL;
            let slope = by.map(|x| x * inverse);
            normal.add(cost + PULL * off * off, (pull + push) / joint, joint, &slope);
        }
        if self.fence.strength > 0.0 {
            self.add_penalties(&mut normal, at, sigma);
        }
        normal
    }

    fn bounds(&self) -> [(f64, f64); 5] {
        let (low, high) = self.range;
        let width = high - low;
        [
            (-2.0 * self.level, 2.0 * self.level),
            SLOPES,
            SLOPES,
            (low - width, high + width),
            (libm::log(0.02 * width), libm::log(4.0 * width)),
        ]
    }
}
