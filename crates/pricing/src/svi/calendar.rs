//! Proof that a farther slice has nowhere less total variance than a nearer one.
//!
//! Both are convex. On a piece the nearer lies below its chord and the farther above its tangents
//! at both ends, so where the tangents meet decides the piece; what is undecided is halved. Beyond
//! the pieces the nearer lies below a line of its asymptotic slope and the farther above its own
//! asymptote and tangent. So the whole line is covered. (Slices of one `m` and `σ` differ by a
//! function of the same form, whose minimum is known.) A shortfall of a billionth of the variance
//! is let pass, so that equal slices do not cross.

use super::Svi;

/// Relative shortfall of variance that is no crossing.
const TOLERANCE: f64 = 1e-9;

/// Pieces looked at before an undecided pair counts as crossing.
const PIECES: usize = 2000;

/// Doublings of the range before an undecided wing counts as crossing.
const DOUBLINGS: usize = 60;

/// A log-moneyness where the farther slice has less total variance than the nearer, if there is
/// one; what cannot be decided counts as crossing.
pub fn crosses(near: &Svi, far: &Svi) -> Option<f64> {
    let keep = 1.0 - TOLERANCE;
    let near = Svi { a: near.a * keep, b: near.b * keep, ..*near };
    if near.m == far.m && near.sigma == far.sigma && dominates(&near, far) {
        return None;
    }
    let width = near.sigma.max(far.sigma);
    let (low, high) = (near.m.min(far.m) - 4.0 * width, near.m.max(far.m) + 4.0 * width);
    let mirrored = |slice: &Svi| Svi { rho: -slice.rho, m: -slice.m, ..*slice };
    piece_crosses(&near, far, low, high)
        .or_else(|| wing_crosses(&near, far, high, width))
        .or_else(|| wing_crosses(&mirrored(&near), &mirrored(far), -low, width).map(|k| -k))
}

/// Whether the difference of two slices of one `m` and `σ`, which has their form, is nowhere
/// negative.
fn dominates(near: &Svi, far: &Svi) -> bool {
    let (b, tilt) = (far.b - near.b, far.b * far.rho - near.b * near.rho);
    b >= tilt.abs() && far.a - near.a + far.sigma * ((b - tilt) * (b + tilt)).sqrt() >= 0.0
}

/// A crossing above `from`, seen to the right.
fn wing_crosses(near: &Svi, far: &Svi, from: f64, width: f64) -> Option<f64> {
    let (near_slope, far_slope) = (near.b * (1.0 + near.rho), far.b * (1.0 + far.rho));
    let asymptote = |k: f64| far.a + far_slope * (k - far.m);
    let (mut low, mut reach) = (from, width);
    for _ in 0..DOUBLINGS {
        let above = far_slope >= near_slope && asymptote(low) >= near.variance(low);
        if above || far.slope(low) >= near_slope {
            return None;
        }
        let high = low + reach;
        if let Some(k) = piece_crosses(near, far, low, high) {
            return Some(k);
        }
        (low, reach) = (high, reach * 2.0);
    }
    Some(low)
}

/// A crossing between two places.
fn piece_crosses(near: &Svi, far: &Svi, low: f64, high: f64) -> Option<f64> {
    let mut open = vec![(low, high)];
    for _ in 0..PIECES {
        let (low, high) = open.pop()?;
        let short = |k: f64| far.variance(k) < near.variance(k);
        if let Some(k) = [low, high].into_iter().find(|&k| short(k)) {
            return Some(k);
        }
        let middle = (low + high) / 2.0;
        if !is_above(near, far, low, high) {
            open.push((middle, high));
            open.push((low, middle));
        }
    }
    open.pop().map(|(low, high)| (low + high) / 2.0)
}

/// Whether the tangents of the farther meet above the chord of the nearer, both ends being above.
fn is_above(near: &Svi, far: &Svi, low: f64, high: f64) -> bool {
    let (left, right) = (far.slope(low), far.slope(high));
    let (bottom, top) = (near.variance(low), near.variance(high));
    let width = high - low;
    let (first, last) = (far.variance(low), far.variance(high));
    // Distance from `low` at which both tangents have one value.
    let bend = right - left;
    let place = if bend > 0.0 { (first - last + right * width) / bend } else { 0.0 };
    let place = place.clamp(0.0, width);
    let tangent = (first + left * place).max(last - right * (width - place));
    tangent >= bottom + (top - bottom) * place / width
}
