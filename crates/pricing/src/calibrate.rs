//! Slices and surfaces from quotes: least spread-weighted distance outside bid and ask, and repair.
//!
//! A target is an interval of total variance at one `k`. What a quote costs is zero inside its
//! interval but for a weak pull to the middle, and grows with the distance outside in units of half
//! its spread: squared at first, then linearly, so that tight quotes bind and wrong ones do not.
//! The start is quasi-explicit (De Marco and Martini 2009): for each width and place of a small grid
//! the three linear parameters solve a weighted least-squares problem in closed form. From there
//! damped least squares moves all five. Repair descends again with penalties where the density or
//! the calendar is violated, until the proofs of [`crate::svi`] hold.

mod descent;
mod objective;
mod start;
mod wings;

use crate::svi::{Svi, crosses};
use objective::{Fence, Objective};

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
pub const TARGETS_MIN: usize = 5;

/// Rounds of growing penalties before a slice is rebuilt instead.
const ROUNDS: usize = 7;

/// The slice nearest to the targets, whether free of arbitrage or not; `None` below
/// [`TARGETS_MIN`] targets or when one is not `0 < low < high`, finite.
pub fn slice(targets: &[Target]) -> Option<Svi> {
    let sound = |t: &Target| t.k.is_finite() && t.low > 0.0 && t.high > t.low && t.high.is_finite();
    if targets.len() < TARGETS_MIN || !targets.iter().all(sound) {
        return None;
    }
    let objective = Objective::new(targets, Fence::OPEN);
    let (at, _) = descent::descend(&objective, &start::wings(targets));
    Some(wings::slice(&at))
}

/// The nearest slice to the targets that is proven free of butterfly arbitrage, and lies nowhere
/// below `near` nor above `far`; starts from `from`. `None` if the search finds none.
pub fn repaired(
    targets: &[Target],
    from: &Svi,
    near: Option<&Svi>,
    far: Option<&Svi>,
) -> Option<Svi> {
    let mut at = wings::of_slice(from);
    let mut strength = 3.0;
    for _ in 0..ROUNDS {
        let fence = Fence { near: near.copied(), far: far.copied(), strength };
        let objective = Objective::new(targets, fence);
        at = descent::descend(&objective, &at).0;
        let slice = wings::slice(&at);
        if is_free(&slice, near, far) {
            return Some(slice);
        }
        strength *= 4.0;
    }
    None
}

/// Whether a slice is free of butterfly arbitrage and between its neighbours.
pub fn is_free(slice: &Svi, near: Option<&Svi>, far: Option<&Svi>) -> bool {
    slice.is_butterfly_free()
        && near.is_none_or(|near| crosses(near, slice).is_none())
        && far.is_none_or(|far| crosses(slice, far).is_none())
}
