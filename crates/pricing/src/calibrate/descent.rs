//! Damped least squares (Levenberg 1944, Marquardt 1963) within a box.
//!
//! A step solves `(H + λ·diag H)·δ = −∇/2`, is cut to the box and kept only if the cost falls; `λ`
//! falls with success and rises with failure. A parameter at its bound that is pushed outwards is
//! held. So the cost never rises, and the result is the same on every machine.

/// Cost, half its gradient, and the Gauss–Newton matrix, of `N` parameters.
#[derive(Clone, Copy)]
pub(super) struct Normal<const N: usize> {
    pub(super) cost: f64,
    pub(super) gradient: [f64; N],
    pub(super) matrix: [[f64; N]; N],
}

impl<const N: usize> Normal<N> {
    pub(super) fn new() -> Normal<N> {
        Normal { cost: 0.0, gradient: [0.0; N], matrix: [[0.0; N]; N] }
    }

    /// Adds the cost of a residual with this gradient: half of the cost's first derivative by the
    /// residual, and half of its second.
    #[inline]
    pub(super) fn add(&mut self, cost: f64, first: f64, second: f64, slope: &[f64; N]) {
        self.cost += cost;
        for i in 0..N {
            self.gradient[i] += first * slope[i];
            let scaled = second * slope[i];
            for (entry, other) in self.matrix[i][..=i].iter_mut().zip(slope) {
                *entry += scaled * other;
            }
        }
    }
}

/// What is minimised.
pub(super) trait Model {
    /// Where the cost is taken.
    type Point;
    /// Cost and derivatives there.
    type Normal;

    /// Cost and derivatives.
    fn normal(&self, at: &Self::Point) -> Self::Normal;

    /// The cost alone.
    fn cost(normal: &Self::Normal) -> f64;

    /// Where the damped step leads; `None` if nothing can move.
    fn moved(&self, at: &Self::Point, normal: &Self::Normal, damping: f64) -> Option<Self::Point>;
}

/// Steps before the search ends undecided.
const STEPS: usize = 80;

/// Relative fall of the cost below which a step counts as standing still.
const STILL: f64 = 1e-5;

/// Where the cost is least near `start`.
pub(super) fn descend<M: Model>(model: &M, start: M::Point) -> M::Point {
    let mut at = start;
    let mut here = model.normal(&at);
    let (mut damping, mut still) = (1e-2, 0);
    for _ in 0..STEPS {
        let Some(next) = model.moved(&at, &here, damping) else { break };
        let there = model.normal(&next);
        let (cost, fallen) = (M::cost(&here), M::cost(&here) - M::cost(&there));
        if fallen > 0.0 {
            still = if fallen < STILL * cost { still + 1 } else { 0 };
            (at, here, damping) = (next, there, (damping * 0.2f64).max(1e-6));
            if still == 2 || M::cost(&here) == 0.0 {
                break;
            }
        } else {
            damping *= 6.0;
            if damping > 1e7 {
                break;
            }
        }
    }
    at
}

/// Cuts a point to its box.
pub(super) fn clamped<const N: usize>(at: &[f64; N], bounds: &[(f64, f64); N]) -> [f64; N] {
    let mut result = *at;
    for i in 0..N {
        result[i] = at[i].clamp(bounds[i].0, bounds[i].1);
    }
    result
}

/// The step, by Cholesky; `None` if nothing can move.
pub(super) fn step<const N: usize>(
    normal: &Normal<N>,
    at: &[f64; N],
    bounds: &[(f64, f64); N],
    damping: f64,
) -> Option<[f64; N]> {
    let mut held = [false; N];
    for i in 0..N {
        let (low, high) = bounds[i];
        let pushed_out = (at[i] <= low && normal.gradient[i] > 0.0)
            || (at[i] >= high && normal.gradient[i] < 0.0);
        held[i] = pushed_out || normal.matrix[i][i] <= 0.0;
    }
    let mut factor = [[0.0; N]; N];
    let mut result = [0.0; N];
    for i in 0..N {
        if held[i] {
            continue;
        }
        let mut value = -normal.gradient[i];
        for j in 0..i {
            if held[j] {
                continue;
            }
            let dot: f64 = (0..j).map(|l| factor[i][l] * factor[j][l]).sum();
            factor[i][j] = (normal.matrix[i][j] - dot) / factor[j][j];
            value -= factor[i][j] * result[j];
        }
        let dot: f64 = (0..i).map(|l| factor[i][l] * factor[i][l]).sum();
        let pivot = normal.matrix[i][i] * (1.0 + damping) - dot;
        if pivot <= 0.0 || !pivot.is_finite() {
            return None;
        }
        factor[i][i] = pivot.sqrt();
        result[i] = value / factor[i][i];
    }
    for i in (0..N).rev() {
        if held[i] {
            continue;
        }
        let dot: f64 = (i + 1..N).filter(|j| !held[*j]).map(|j| factor[j][i] * result[j]).sum();
        result[i] = (result[i] - dot) / factor[i][i];
    }
    held.contains(&false).then_some(result)
}
