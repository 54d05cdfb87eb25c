//! All slices of a surface at once: their costs, and penalties where one crosses the next.
//!
//! Slices touch only their neighbours, so the matrix of the damped least squares is a band of ten.
//! Neighbours give way to each other by what it costs them, at any strength of the penalty, which
//! slices moved one by one do not: there each is held in place by the other.

use super::Target;
use super::descent::{Model, Normal};
use super::objective::{Fence, GAP, Objective};
use super::wings::{self, Wings};
use crate::svi::{Fault, Svi, crosses};

/// Parameters of two neighbours.
const BAND: usize = 10;

/// The cost of a surface.
pub(super) struct Joint<'a> {
    slices: Vec<Objective<'a>>,
    /// Where each slice is held below the next.
    crossings: Vec<Vec<f64>>,
    strength: f64,
}

/// Places, beyond the grid, where arbitrage was found.
pub(super) struct Found {
    densities: Vec<Vec<f64>>,
    crossings: Vec<Vec<f64>>,
}

impl Found {
    /// Nothing yet, for so many slices.
    pub(super) fn none(slices: usize) -> Found {
        Found { densities: vec![vec![]; slices], crossings: vec![vec![]; slices] }
    }

    /// Looks for arbitrage and keeps the places; whether there was any.
    pub(super) fn search(&mut self, slices: &[Svi]) -> bool {
        let mut any = false;
        for (i, slice) in slices.iter().enumerate() {
            match slice.check() {
                Ok(()) => {}
                Err(Fault::Butterfly { k, .. }) => {
                    self.densities[i].push(k);
                    any = true;
                }
                Err(Fault::Domain | Fault::Variance { .. } | Fault::Slope { .. }) => any = true,
            }
            let crossing = slices.get(i + 1).and_then(|far| crosses(slice, far));
            self.crossings[i].extend(crossing);
            any |= crossing.is_some();
        }
        any
    }
}

/// Cost, half its gradient, and the lower band of the matrix: `rows[r][d]` is column `r − d`.
pub(super) struct Band {
    cost: f64,
    gradient: Vec<f64>,
    rows: Vec<[f64; BAND]>,
}

impl<'a> Joint<'a> {
    /// The cost around some slices; `found` are places where they were seen to violate.
    pub(super) fn new(
        targets: &[&'a [Target]],
        at: &[Wings],
        found: &Found,
        strength: f64,
    ) -> Joint<'a> {
        let grids: Vec<Vec<f64>> =
            targets.iter().zip(at).map(|(targets, at)| Objective::grid(targets, at)).collect();
        let slice = |i: usize| {
            let places = [&grids[i][..], &found.densities[i]].concat();
            Objective::new(targets[i], Some(Fence { places, near: None, strength }))
        };
        let slices = (0..targets.len()).map(slice).collect();
        let pair = |i: usize| [&grids[i][..], &grids[i + 1], &found.crossings[i]].concat();
        let crossings = (1..targets.len()).map(|i| pair(i - 1)).collect();
        Joint { slices, crossings, strength }
    }

    /// Penalises the `i`-th slice where it is above the next.
    fn add_crossings(&self, band: &mut Band, at: &[Wings], i: usize) {
        let sigma = |j: usize| libm::exp(at[j][4]);
        let (near_sigma, far_sigma) = (sigma(i), sigma(i + 1));
        for &k in &self.crossings[i] {
            let (near, near_by) = wings::variance(&at[i], near_sigma, k);
            let (far, far_by) = wings::variance(&at[i + 1], far_sigma, k);
            if near <= 0.0 || far <= 0.0 || near * (1.0 + GAP) <= far {
                continue;
            }
            let excess = libm::log(near * (1.0 + GAP) / far);
            let mut slope = [0.0; BAND];
            for l in 0..5 {
                (slope[l], slope[5 + l]) = (near_by[l] / near, -far_by[l] / far);
            }
            self.add(band, i, excess, &slope);
        }
        for wing in [1, 2] {
            let (near, far) = (at[i][wing] * (1.0 + GAP), at[i + 1][wing]);
            if near > far {
                let mut slope = [0.0; BAND];
                (slope[wing], slope[5 + wing]) = (1.0 / at[i][wing], -1.0 / far);
                self.add(band, i, libm::log(near / far), &slope);
            }
        }
    }

    fn add(&self, band: &mut Band, i: usize, excess: f64, slope: &[f64; BAND]) {
        let weight = Fence::weight(self.strength);
        band.cost += weight * excess * excess;
        for r in 0..BAND {
            let row = 5 * i + r;
            band.gradient[row] += weight * excess * slope[r];
            for c in 0..=r {
                band.rows[row][r - c] += weight * slope[r] * slope[c];
            }
        }
    }
}

impl Model for Joint<'_> {
    type Point = Vec<Wings>;
    type Normal = Band;

    fn normal(&self, at: &Vec<Wings>) -> Band {
        let size = 5 * at.len();
        let mut band = Band { cost: 0.0, gradient: vec![0.0; size], rows: vec![[0.0; BAND]; size] };
        for (i, (slice, wings)) in self.slices.iter().zip(at).enumerate() {
            let normal: Normal<5> = slice.normal(wings);
            band.cost += normal.cost;
            for r in 0..5 {
                band.gradient[5 * i + r] += normal.gradient[r];
                for c in 0..=r {
                    band.rows[5 * i + r][r - c] += normal.matrix[r][c];
                }
            }
        }
        for i in 1..at.len() {
            self.add_crossings(&mut band, at, i - 1);
        }
        band
    }

    fn cost(normal: &Band) -> f64 {
        normal.cost
    }

    fn moved(&self, at: &Vec<Wings>, normal: &Band, damping: f64) -> Option<Vec<Wings>> {
        let mut held = Vec::with_capacity(5 * at.len());
        for (i, (slice, wings)) in self.slices.iter().zip(at).enumerate() {
            for (l, (low, high)) in slice.bounds().into_iter().enumerate() {
                let (row, value) = (5 * i + l, wings[l]);
                let gradient = normal.gradient[row];
                let out = (value <= low && gradient > 0.0) || (value >= high && gradient < 0.0);
                held.push(out || normal.rows[row][0] <= 0.0);
            }
        }
        let step = step(normal, &held, damping)?;
        let advanced = |(i, slice): (usize, &Objective)| {
            let step: Wings = std::array::from_fn(|l| step[5 * i + l]);
            slice.advanced(&at[i], &step)
        };
        Some(self.slices.iter().enumerate().map(advanced).collect())
    }
}

/// The step, by Cholesky in the band.
fn step(normal: &Band, held: &[bool], damping: f64) -> Option<Vec<f64>> {
    let size = held.len();
    let mut factor = vec![[0.0; BAND]; size];
    let mut result = vec![0.0; size];
    for r in (0..size).filter(|r| !held[*r]) {
        let first = r.saturating_sub(BAND - 1);
        let mut value = -normal.gradient[r];
        for c in (first..r).filter(|c| !held[*c]) {
            let from = first.max(c.saturating_sub(BAND - 1));
            let dot: f64 = (from..c).map(|l| factor[r][r - l] * factor[c][c - l]).sum();
            factor[r][r - c] = (normal.rows[r][r - c] - dot) / factor[c][0];
            value -= factor[r][r - c] * result[c];
        }
        let dot: f64 = (first..r).map(|l| factor[r][r - l] * factor[r][r - l]).sum();
        let pivot = normal.rows[r][0] * (1.0 + damping) - dot;
        if pivot <= 0.0 || !pivot.is_finite() {
            return None;
        }
        factor[r][0] = pivot.sqrt();
        result[r] = value / factor[r][0];
    }
    for r in (0..size).rev() {
        if held[r] {
            continue;
        }
        let last = (r + BAND).min(size);
        let dot: f64 = (r + 1..last).map(|c| factor[c][c - r] * result[c]).sum();
        result[r] = (result[r] - dot) / factor[r][0];
    }
    held.contains(&false).then_some(result)
}

/// The five numbers of each slice.
pub(super) fn points(slices: &[Svi]) -> Vec<Wings> {
    slices.iter().map(wings::of_slice).collect()
}
