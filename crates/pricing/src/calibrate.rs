//! Slices and surfaces from quotes: least spread-weighted distance outside bid and ask, and repair.
//!
//! A target is an interval of total variance at one `k`. What a quote costs is zero inside its
//! interval but for a weak pull to the middle, and grows with the distance outside in units of half
//! its spread: squared at first, then linearly, so that tight quotes bind and wrong ones do not.
//! The start is quasi-explicit (De Marco and Martini 2009): for each width and place of a small
//! grid the three linear parameters solve a weighted least-squares problem in closed form. From
//! there damped least squares moves all five. Repair descends again with penalties where the
//! density or the calendar is violated, until the proofs of [`crate::svi`] hold.

mod descent;
mod wings;
mod start;
mod objective;
mod joint;
mod power;

use crate::ssvi::Ssvi;
use crate::svi::{Fault, Svi, crosses};
use joint::{Found, Joint};
use objective::{Fence, Objective};
use power::{Point, Power};

/// What a slice should pass between at one place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Target {
    /// Log-moneyness.
    pub k: f64,
    /// Total variance of the bid.
    pub low: f64,
    /// Total variance of the ask, above `low`.
    pub high: f64,
}

/// Fewest targets that determine a slice.
pub const TARGETS_MIN: usize = 3;

/// Rounds of growing penalties.
const ROUNDS: usize = 14;

/// Penalty of the first round, and its growth.
const STRENGTH: (f64, f64) = (0.2, 2.0);

/// Bounds tried on `θφ²(1+|ρ|)` of SSVI, from none to what theorem 4.2 asks, a hair inside.
const CURVATURES: [f64; 7] = [f64::INFINITY, 24.0, 16.0, 10.0, 7.0, 5.0, 3.999];

/// The slice nearest to the targets, whether free of arbitrage or not; `None` below
/// [`TARGETS_MIN`] targets or when one is not `0 < low < high`, finite.
pub fn slice(targets: &[Target]) -> Option<Svi> {
    if !are_sound(targets) {
        return None;
    }
    let objective = Objective::new(targets, None);
    let at = descent::descend(&objective, start::wings(targets));
    Some(wings::slice(&at))
}

/// The nearest slice to the targets that is proven free of butterfly arbitrage, starting from
/// `from`; `None` if the search finds none.
pub fn repaired(targets: &[Target], from: &Svi) -> Option<Svi> {
    let mut slices = [*from];
    let refit = surface(&[targets], &mut slices);
    refit.then_some(slices[0])
}

/// Moves slices, the nearest expiry first, until the whole surface is proven free of butterfly and
/// calendar arbitrage; says whether it is. What is free already and does not cross stays.
///
/// Neighbours first give way to each other, all slices descending together under penalties that
/// grow from round to round, at a grid of places and wherever a proof has failed. What that leaves
/// undone is done slice by slice, each above the one before it.
pub fn surface(targets: &[&[Target]], slices: &mut [Svi]) -> bool {
    let mut strength = STRENGTH.0;
    let mut found = Found::none(slices.len());
    for _ in 0..ROUNDS {
        if !found.search(slices) {
            return true;
        }
        let points = joint::points(slices);
        let joint = Joint::new(targets, &points, &found, strength);
        let points = descent::descend(&joint, points);
        for (slice, at) in slices.iter_mut().zip(points) {
            *slice = wings::slice(&at);
        }
        strength *= STRENGTH.1;
    }
    for i in 0..slices.len() {
        let near = i.checked_sub(1).map(|j| slices[j]);
        slices[i] = above(targets[i], &slices[i], near);
    }
    is_surface_free(slices)
}

/// A slice free of butterfly arbitrage and above its nearer neighbour, if rounds of growing
/// penalties lead to one; else what the last round left.
fn above(targets: &[Target], from: &Svi, near: Option<Svi>) -> Svi {
    let (mut at, mut strength) = (wings::of_slice(from), STRENGTH.0);
    let mut found = vec![];
    for _ in 0..ROUNDS {
        let slice = wings::slice(&at);
        let crossing = near.and_then(|near| crosses(&near, &slice));
        match (slice.check(), crossing) {
            (Ok(()), None) => break,
            (Err(Fault::Butterfly { k, .. }), _) => found.push(k),
            (Ok(()) | Err(Fault::Domain | Fault::Variance { .. } | Fault::Slope { .. }), _) => {}
        }
        found.extend(crossing);
        let places = [Objective::grid(targets, &at), found.clone()].concat();
        let objective = Objective::new(targets, Some(Fence { places, near, strength }));
        at = descent::descend(&objective, at);
        strength *= STRENGTH.1;
    }
    wings::slice(&at)
}

/// The SSVI surface nearest to the targets of all expiries, the nearest first, that is proven free
/// of arbitrage, and its total variance at the money for each expiry; `None` if targets are too few
/// or unsound, as for [`slice`], or no such surface is found.
pub fn ssvi(targets: &[&[Target]]) -> Option<(Ssvi, Vec<f64>)> {
    if targets.is_empty() || !targets.iter().all(|targets| are_sound(targets)) {
        return None;
    }
    let mut at = Point::start(targets);
    for bound in CURVATURES {
        at = descent::descend(&Power { targets, bound }, at);
        at.raise();
        if is_surface_free(&at.slices()) {
            return Some((at.surface(), at.thetas()));
        }
    }
    at.flatten();
    is_surface_free(&at.slices()).then(|| (at.surface(), at.thetas()))
}

fn are_sound(targets: &[Target]) -> bool {
    let sound = |t: &Target| t.k.is_finite() && t.low > 0.0 && t.high > t.low && t.high.is_finite();
    targets.len() >= TARGETS_MIN && targets.iter().all(sound)
}

/// Whether every slice is free of butterfly arbitrage and none crosses the next.
pub fn is_surface_free(slices: &[Svi]) -> bool {
    slices.iter().all(Svi::is_butterfly_free)
        && slices.windows(2).all(|pair| crosses(&pair[0], &pair[1]).is_none())
}

#[cfg(test)]
mod tests;
