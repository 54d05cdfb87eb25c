//! The SSVI surface nearest to the quotes of all expiries: three common numbers, one level each.
//!
//! An expiry's level meets only its own quotes and the common numbers, so the levels are eliminated
//! from each damped step (a Schur complement), and three equations remain. Where a slice fails its
//! proof, a bound on `θφ²(1+|ρ|)` is lowered, at last to the 4 that is always enough.

use super::Target;
use super::descent::{self, Model, Normal};
use super::objective::residual;
use crate::ssvi::Ssvi;
use crate::svi::Svi;

/// Weight of the square of the logarithm by which the bound is exceeded.
const WEIGHT: f64 = 1e7;

/// Bounds of tilt, logarithm of `eta`, and `gamma`.
const BOUNDS: [(f64, f64); 3] = [(-0.99, 0.99), (-4.0, 4.0), (0.01, 0.95)];

/// What theorem 4.2 asks of `θφ(1+|ρ|)` and `θφ²(1+|ρ|)`, a hair inside.
const FREE: f64 = 3.999;

/// Least rise of the logarithm of the level from one expiry to the next.
const RISE: f64 = 1e-3;

/// Tilt, logarithm of `eta`, `gamma`; and the logarithm of each level.
#[derive(Clone)]
pub(super) struct Point {
    pub(super) common: [f64; 3],
    pub(super) levels: Vec<f64>,
}

/// The cost of a surface whose slices keep `θφ²(1+|ρ|)` below a bound.
pub(super) struct Power<'a> {
    pub(super) targets: &'a [&'a [Target]],
    pub(super) bound: f64,
}

impl Point {
    /// Levels from the targets next to the money, and a plain smile.
    pub(super) fn start(targets: &[&[Target]]) -> Point {
        let level = |targets: &&[Target]| {
            let nearest = |left: &&Target, right: &&Target| left.k.abs().total_cmp(&right.k.abs());
            let target = targets.iter().min_by(nearest).expect("an expiry has targets");
            libm::log((target.low + target.high) / 2.0)
        };
        Point { common: [-0.1, 0.0, 0.5], levels: targets.iter().map(level).collect() }
    }

    /// Makes levels rise from one expiry to the next, as slices that do not cross must.
    pub(super) fn raise(&mut self) {
        for i in 1..self.levels.len() {
            self.levels[i] = self.levels[i].max(self.levels[i - 1] + RISE);
        }
    }

    /// Lowers `eta` until theorem 4.2 holds at every level.
    pub(super) fn flatten(&mut self) {
        let surface = self.surface();
        let excess = |theta: f64| {
            let phi = surface.curvature(theta);
            let slope = theta * phi * (1.0 + surface.rho.abs()) / FREE;
            slope.max((slope * phi).sqrt())
        };
        let most = self.thetas().into_iter().map(excess).fold(1.0, f64::max);
        self.common[1] -= libm::log(most);
    }

    /// Total variance at the money for each expiry.
    pub(super) fn thetas(&self) -> Vec<f64> {
        self.levels.iter().map(|level| libm::exp(*level)).collect()
    }

    /// The slice of each expiry.
    pub(super) fn slices(&self) -> Vec<Svi> {
        let surface = self.surface();
        self.thetas().into_iter().map(|theta| surface.slice(theta)).collect()
    }

    /// The three numbers.
    pub(super) fn surface(&self) -> Ssvi {
        let [rho, eta, gamma] = self.common;
        Ssvi { rho, eta: libm::exp(eta), gamma }
    }
}

/// Total variance at `k`, and its derivatives by tilt, log `eta`, `gamma` and log level.
fn variance(surface: &Ssvi, theta: f64, phi: f64, k: f64) -> (f64, [f64; 4]) {
    let (rho, x) = (surface.rho, phi * k);
    let root = (x * x + 2.0 * rho * x + 1.0).sqrt();
    let half = theta / 2.0;
    let w = half * (1.0 + rho * x + root);
    let by_rho = half * (x + x / root);
    let by_phi = half * (rho * x + (x * x + rho * x) / root);
    let [by_gamma, by_level] = exponents(surface, theta);
    (w, [by_rho, by_phi, by_phi * by_gamma, w + by_phi * by_level])
}

/// Derivatives of `ln φ` by `gamma` and by log level.
fn exponents(surface: &Ssvi, theta: f64) -> [f64; 2] {
    let rest = (1.0 - surface.gamma) * theta / (1.0 + theta);
    [libm::log1p(theta) - libm::log(theta), -surface.gamma - rest]
}

impl Power<'_> {
    /// Cost of one expiry by the three common numbers and its own level.
    fn expiry(&self, surface: &Ssvi, level: f64, targets: &[Target]) -> Normal<4> {
        let theta = libm::exp(level);
        let phi = surface.curvature(theta);
        let mut normal = Normal::new();
        for target in targets {
            let (w, by) = variance(surface, theta, phi, target.k);
            let (cost, first, second) = residual(target, w);
            normal.add(cost, first, second, &by);
        }
        let reached = theta * phi * phi * (1.0 + surface.rho.abs());
        if reached > self.bound {
            let excess = libm::log(reached / self.bound) / 2.0;
            let [by_gamma, by_level] = exponents(surface, theta);
            let by_rho = 0.5f64.copysign(surface.rho) / (1.0 + surface.rho.abs());
            let by = [by_rho, 1.0, by_gamma, 0.5 + by_level];
            normal.add(WEIGHT * excess * excess, WEIGHT * excess, WEIGHT, &by);
        }
        normal
    }
}

impl Model for Power<'_> {
    type Point = Point;
    type Normal = Vec<Normal<4>>;

    fn normal(&self, at: &Point) -> Vec<Normal<4>> {
        let surface = at.surface();
        let expiry = |(targets, level): (&&[Target], &f64)| self.expiry(&surface, *level, targets);
        self.targets.iter().zip(&at.levels).map(expiry).collect()
    }

    fn cost(normal: &Vec<Normal<4>>) -> f64 {
        normal.iter().map(|expiry| expiry.cost).sum()
    }

    fn moved(&self, at: &Point, normal: &Vec<Normal<4>>, damping: f64) -> Option<Point> {
        let mut common = Normal::<3>::new();
        for Normal { gradient, matrix, .. } in normal {
            let own = matrix[3][3] * (1.0 + damping);
            for r in 0..3 {
                common.gradient[r] += gradient[r] - matrix[3][r] * gradient[3] / own;
                for c in 0..=r {
                    common.matrix[r][c] += matrix[r][c] - matrix[3][r] * matrix[3][c] / own;
                }
            }
        }
        let step = descent::step(&common, &at.common, &BOUNDS, damping)?;
        let wanted = std::array::from_fn(|i| at.common[i] + step[i]);
        let next = descent::clamped(&wanted, &BOUNDS);
        let level = |(level, Normal { gradient, matrix, .. }): (&f64, &Normal<4>)| {
            let pull: f64 = (0..3).map(|i| matrix[3][i] * (next[i] - at.common[i])).sum();
            let step = -(gradient[3] + pull) / (matrix[3][3] * (1.0 + damping));
            level + step.clamp(-1.0, 1.0)
        };
        Some(Point { common: next, levels: at.levels.iter().zip(normal).map(level).collect() })
    }
}
