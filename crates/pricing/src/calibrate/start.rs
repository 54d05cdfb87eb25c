//! Where the descent begins: the best of a few widths and places, each with the level and the two
//! wing slopes that solve the weighted least squares to the middles of the targets.

use super::Target;
use super::wings::{self, Wings};

/// Widths tried, in parts of the range of `k`.
const WIDTHS: [f64; 4] = [0.06, 0.15, 0.4, 1.0];

/// Places tried, in parts of the range of `k` from its low end.
const PLACES: [f64; 6] = [0.2, 0.35, 0.5, 0.65, 0.8, 0.95];

/// Least and greatest slope of a wing.
pub(super) const SLOPES: (f64, f64) = (1e-5, 1.95);

/// The best start.
pub(super) fn wings(targets: &[Target]) -> Wings {
    let (low, high) = range(targets);
    let mut best = (f64::INFINITY, [0.0; 5]);
    for width in WIDTHS {
        for place in PLACES {
            let sigma = width * (high - low);
            let m = low + place * (high - low);
            let (cost, [a, p, c]) = linear(targets, m, sigma);
            if cost < best.0 {
                best = (cost, [a, p, c, m, libm::log(sigma)]);
            }
        }
    }
    best.1
}

/// Least and greatest `k`, held apart.
pub(super) fn range(targets: &[Target]) -> (f64, f64) {
    let low = targets.iter().map(|t| t.k).fold(f64::INFINITY, f64::min);
    let high = targets.iter().map(|t| t.k).fold(f64::NEG_INFINITY, f64::max);
    (low, high.max(low + 1e-4))
}

/// Level and slopes for one place and width, and their cost; a slope outside its limits is set to
/// the limit and the others solved again.
fn linear(targets: &[Target], m: f64, sigma: f64) -> (f64, [f64; 3]) {
    let mut sums = Sums::default();
    for target in targets {
        let (_, by) = wings::variance(&[0.0, 1.0, 1.0, m, 0.0], sigma, target.k);
        let half = (target.high - target.low) / 2.0;
        sums.add(1.0 / (half * half), by[1], by[2], (target.low + target.high) / 2.0);
    }
    let mut found = sums.solve(None, None);
    let (low, high) = SLOPES;
    let clamp = |x: f64| (x < low || x > high).then(|| x.clamp(low, high));
    let (p, c) = (clamp(found[1]), clamp(found[2]));
    if p.is_some() || c.is_some() {
        found = sums.solve(p, c);
        found[1] = found[1].clamp(low, high);
        found[2] = found[2].clamp(low, high);
    }
    (sums.cost(&found), found)
}

/// Weighted moments of `(1, left, right)` and the middle.
#[derive(Default)]
struct Sums {
    one: f64,
    left: f64,
    right: f64,
    left_left: f64,
    left_right: f64,
    right_right: f64,
    y: f64,
    left_y: f64,
    right_y: f64,
    y_y: f64,
}

impl Sums {
    fn add(&mut self, weight: f64, left: f64, right: f64, y: f64) {
        let (l, r) = (weight * left, weight * right);
        self.one += weight;
        self.left += l;
        self.right += r;
        self.left_left += l * left;
        self.left_right += l * right;
        self.right_right += r * right;
        self.y += weight * y;
        self.left_y += l * y;
        self.right_y += r * y;
        self.y_y += weight * y * y;
    }

    /// Level and slopes, with a slope given or free.
    fn solve(&self, p: Option<f64>, c: Option<f64>) -> [f64; 3] {
        // Moments about the means: the level drops out.
        let ll = self.left_left - self.left * self.left / self.one;
        let lr = self.left_right - self.left * self.right / self.one;
        let rr = self.right_right - self.right * self.right / self.one;
        let ly = self.left_y - self.left * self.y / self.one;
        let ry = self.right_y - self.right * self.y / self.one;
        let (p, c) = match (p, c) {
            (Some(p), Some(c)) => (p, c),
            (Some(p), None) => (p, (ry - lr * p) / rr),
            (None, Some(c)) => ((ly - lr * c) / ll, c),
            (None, None) => {
                let determinant = ll * rr - lr * lr;
                ((ly * rr - ry * lr) / determinant, (ry * ll - ly * lr) / determinant)
            }
        };
        [(self.y - self.left * p - self.right * c) / self.one, p, c]
    }

    fn cost(&self, [a, p, c]: &[f64; 3]) -> f64 {
        let squares = a * a * self.one
            + p * p * self.left_left
            + c * c * self.right_right
            + 2.0 * (a * p * self.left + a * c * self.right + p * c * self.left_right);
        let cost = squares - 2.0 * (a * self.y + p * self.left_y + c * self.right_y) + self.y_y;
        if cost.is_finite() { cost.max(0.0) } else { f64::MAX }
    }
}
