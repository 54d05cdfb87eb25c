//! What a slice costs: distance outside the quotes, and penalties for arbitrage.

use super::Target;
use super::descent::{self, Model, Normal};
use super::start::{self, SLOPES};
use super::wings::{self, Wings};
use crate::svi::Svi;

/// Part of half a spread within which a quote pulls only weakly.
const INSIDE: f64 = 0.8;

/// Weight of the weak pull to the middle.
const PULL: f64 = 0.03;

/// Distance beyond [`INSIDE`], in half spreads, from which the cost grows linearly.
const LINEAR: f64 = 0.2;

/// Places on each side of the middle at which arbitrage is penalised.
const PLACES: i32 = 20;

/// What `g` should keep above where it is penalised.
const DENSITY: f64 = 0.005;

/// Least total variance that is asked for, in parts of the highest quote.
const FLOOR: f64 = 1e-3;

/// Relative gap that neighbours should keep.
pub(super) const GAP: f64 = 0.001;

/// Narrowest and widest `σ`, in parts of the range of `k`.
const WIDTHS: (f64, f64) = (0.02, 4.0);

/// The cost of a slice under some targets.
pub(super) struct Objective<'a> {
    targets: &'a [Target],
    range: (f64, f64),
    level: f64,
    widths: (f64, f64),
    knots: [f64; 3],
    fence: Option<Fence>,
}

/// Where and how strongly arbitrage is penalised.
pub(super) struct Fence {
    /// Log-moneynesses.
    pub(super) places: Vec<f64>,
    /// A slice to stay above.
    pub(super) near: Option<Svi>,
    /// Root of the weight; see [`Fence::weight`].
    pub(super) strength: f64,
}

impl Fence {
    /// Weight of a squared violation: at strength 1, a tenth of the variance costs about what a
    /// quote does that is missed by half its spread.
    pub(super) fn weight(strength: f64) -> f64 {
        1e2 * strength * strength
    }
}

/// Cost of `w` for one quote, half its first and half its second derivative by `w`: a weak square
/// everywhere, and outside `2δ²(√(1+(e/δ)²) − 1)`, a square that turns into a line. The second is
/// that of the square that touches the line from above, so that a step never overshoots.
#[inline]
pub(super) fn residual(target: &Target, w: f64) -> (f64, f64, f64) {
    let inverse = 2.0 / (target.high - target.low);
    let off = (w - (target.low + target.high) / 2.0) * inverse;
    let beyond = (off.abs() - INSIDE).max(0.0);
    let root = (1.0 + beyond * beyond / (LINEAR * LINEAR)).sqrt();
    let cost = 2.0 * LINEAR * LINEAR * (root - 1.0) + PULL * off * off;
    let first = PULL * off + beyond.copysign(off) / root;
    let bend = if beyond > 0.0 { 1.0 / root } else { 0.0 };
    (cost, first * inverse, (PULL + bend) * inverse * inverse)
}

impl<'a> Objective<'a> {
    pub(super) fn new(targets: &'a [Target], fence: Option<Fence>) -> Objective<'a> {
        let level = targets.iter().map(|t| t.high).fold(0.0, f64::max);
        let range = start::range(targets);
        let width = range.1 - range.0;
        let widths = (libm::log(WIDTHS.0 * width), libm::log(WIDTHS.1 * width));
        let knot = |sixths: usize| targets[(targets.len() - 1) * sixths / 6].k;
        let knots = [knot(1), knot(3), knot(5)];
        Objective { targets, range, level, widths, knots, fence }
    }

    /// Where arbitrage is penalised unless it is found elsewhere: dense within the quotes' reach,
    /// out to thirty times as far.
    pub(super) fn grid(targets: &[Target], at: &Wings) -> Vec<f64> {
        const GROWTH: f64 = 0.21;
        let (low, high) = start::range(targets);
        let span = high.max(-low).max(libm::exp(at[4]));
        let place = |i: i32| GROWTH * f64::from(i);
        (-PLACES..=PLACES).map(place).map(|x| span * x * (0.4 + 0.4 * x * x)).collect()
    }

    /// Least and greatest value of each number.
    pub(super) fn bounds(&self) -> [(f64, f64); 5] {
        let (low, high) = self.range;
        let width = high - low;
        let [left, right] = self.slopes();
        [
            (-1e3 * self.level, 1e3 * self.level),
            (left, SLOPES.1),
            (right, SLOPES.1),
            (low - width, high + width),
            self.widths,
        ]
    }

    /// Least slope of each wing.
    fn slopes(&self) -> [f64; 2] {
        let near = self.fence.as_ref().and_then(|fence| fence.near);
        let least = |slope: f64| (slope * (1.0 + GAP)).clamp(SLOPES.0, SLOPES.1);
        near.map_or([SLOPES.0; 2], |near| {
            [least(near.b * (1.0 - near.rho)), least(near.b * (1.0 + near.rho))]
        })
    }

    /// Place and width move as the step says; level and slopes follow so that the variance at three
    /// knots is what the step foresaw. So a descent walks along the valley in which width, level
    /// and slopes make up for one another.
    pub(super) fn advanced(&self, at: &Wings, step: &Wings) -> Wings {
        let mut next: Wings = std::array::from_fn(|i| at[i] + step[i]);
        let bounds = self.bounds();
        next[3] = next[3].clamp(bounds[3].0, bounds[3].1);
        next[4] = next[4].clamp(at[4] - 1.0, at[4] + 1.0).clamp(bounds[4].0, bounds[4].1);
        let (sigma, next_sigma) = (libm::exp(at[4]), libm::exp(next[4]));
        let [[l0, r0, y0], [l1, r1, y1], [l2, r2, y2]] = self.knots.map(|k| {
            let (w, by) = wings::variance(at, sigma, k);
            let foreseen = w + (0..5).map(|i| by[i] * step[i]).sum::<f64>();
            let (_, by) = wings::variance(&next, next_sigma, k);
            [by[1], by[2], foreseen]
        });
        let (la, ra, ya) = (l1 - l0, r1 - r0, y1 - y0);
        let (lb, rb, yb) = (l2 - l1, r2 - r1, y2 - y1);
        let determinant = la * rb - lb * ra;
        let (p, c) = ((ya * rb - yb * ra) / determinant, (la * yb - lb * ya) / determinant);
        if p.is_finite() && c.is_finite() {
            next[1] = p.clamp(bounds[1].0, bounds[1].1);
            next[2] = c.clamp(bounds[2].0, bounds[2].1);
            next[0] = y1 - next[1] * l1 - next[2] * r1;
        }
        descent::clamped(&next, &bounds)
    }

    /// Least variance, density and the nearer neighbour.
    fn add_penalties(&self, normal: &mut Normal<5>, at: &Wings, sigma: f64, fence: &Fence) {
        let weight = Fence::weight(fence.strength);
        let mut penalise = |excess: f64, by: &Wings, factor: f64| {
            let slope = by.map(|x| x * factor);
            normal.add(weight * excess * excess, weight * excess, weight, &slope);
        };
        let [a, p, c, ..] = *at;
        let root = (p * c).sqrt();
        let missing = FLOOR - (a + sigma * root) / self.level;
        if missing > 0.0 {
            let (by_p, by_c) = (sigma * c / (2.0 * root), sigma * p / (2.0 * root));
            penalise(missing, &[1.0, by_p, by_c, 0.0, sigma * root], -1.0 / self.level);
        }
        for &k in &fence.places {
            let jet = wings::jet(at, sigma, k);
            let w = jet.value[0];
            if w <= 0.0 {
                continue;
            }
            let (g, by) = wings::density(&jet, k);
            if g < DENSITY {
                penalise(DENSITY - g, &by, -1.0);
            }
            let bound = fence.near.map_or(0.0, |near| near.variance(k) * (1.0 + GAP));
            if w < bound {
                penalise((bound - w) / bound, &jet.slope[0], -1.0 / bound);
            }
        }
    }
}

impl Model for Objective<'_> {
    type Point = Wings;
    type Normal = Normal<5>;

    fn normal(&self, at: &Wings) -> Normal<5> {
        let sigma = libm::exp(at[4]);
        let mut normal = Normal::new();
        for target in self.targets {
            let (w, by) = wings::variance(at, sigma, target.k);
            let (cost, first, second) = residual(target, w);
            normal.add(cost, first, second, &by);
        }
        if let Some(fence) = &self.fence {
            self.add_penalties(&mut normal, at, sigma, fence);
        }
        normal
    }

    fn cost(normal: &Normal<5>) -> f64 {
        normal.cost
    }

    fn moved(&self, at: &Wings, normal: &Normal<5>, damping: f64) -> Option<Wings> {
        let step = descent::step(normal, at, &self.bounds(), damping)?;
        Some(self.advanced(at, &step))
    }
}
