//! A slice as level, two wing slopes, place and log width: `w = a + p(R−x)/2 + c(R+x)/2` with
//! `x = k−m`, `R = √(x²+σ²)`, `p = b(1−ρ)`, `c = b(1+ρ)`. In this form the domain of SVI is a box,
//! and `w` is linear in three of the five.

use crate::svi::Svi;

/// Level, slope of the left wing, of the right wing, place, logarithm of the width.
pub(super) type Wings = [f64; 5];

/// The five numbers of a slice.
pub(super) fn of_slice(slice: &Svi) -> Wings {
    let Svi { a, b, rho, m, sigma } = *slice;
    [a, b * (1.0 - rho), b * (1.0 + rho), m, libm::log(sigma)]
}

/// The slice of five numbers.
pub(super) fn slice(wings: &Wings) -> Svi {
    let [a, p, c, m, width] = *wings;
    let b = (p + c) / 2.0;
    Svi { a, b, rho: (c - p) / (c + p), m, sigma: libm::exp(width) }
}

/// Value and derivatives of `w` at one place.
pub(super) struct Jet {
    /// `w`, `w'` and `w''`.
    pub(super) value: [f64; 3],
    /// Of each of them, the derivatives by the five numbers.
    pub(super) slope: [Wings; 3],
}

/// `w` at `k` and its derivatives by the five numbers; `sigma` is `exp(wings[4])`.
#[inline]
pub(super) fn variance(wings: &Wings, sigma: f64, k: f64) -> (f64, Wings) {
    let [a, p, c, m, _] = *wings;
    let x = k - m;
    let root = (x * x + sigma * sigma).sqrt();
    let (left, right) = ((root - x) / 2.0, (root + x) / 2.0);
    let (tilt, b) = ((c - p) / 2.0, (c + p) / 2.0);
    let by_width = b * sigma * sigma / root;
    (a + p * left + c * right, [1.0, left, right, -(tilt + b * x / root), by_width])
}

/// `w`, `w'`, `w''` at `k` and their derivatives.
pub(super) fn jet(wings: &Wings, sigma: f64, k: f64) -> Jet {
    let (w, by) = variance(wings, sigma, k);
    let [_, p, c, m, _] = *wings;
    let x = k - m;
    let square = x * x + sigma * sigma;
    let root = square.sqrt();
    let (b, ratio, width) = ((p + c) / 2.0, x / root, sigma * sigma / square);
    let bend = b * width / root;
    let (first, second) = (
        [0.0, (ratio - 1.0) / 2.0, (ratio + 1.0) / 2.0, -bend, -b * ratio * width],
        [
            0.0,
            width / (2.0 * root),
            width / (2.0 * root),
            3.0 * bend * x / square,
            bend * (2.0 - 3.0 * width),
        ],
    );
    Jet { value: [w, (c - p) / 2.0 + b * ratio, bend], slope: [by, first, second] }
}

/// `g` at `k` and its derivatives by the five numbers, from the jet.
pub(super) fn density(jet: &Jet, k: f64) -> (f64, Wings) {
    let [w, slope, bend] = jet.value;
    let lead = 1.0 - k * slope / (2.0 * w);
    let g = lead * lead - slope * slope / 4.0 * (1.0 / w + 0.25) + bend / 2.0;
    let by_w = lead * k * slope / (w * w) + slope * slope / (4.0 * w * w);
    let by_slope = -lead * k / w - slope / 2.0 * (1.0 / w + 0.25);
    let [by_0, by_1, by_2] = &jet.slope;
    (g, std::array::from_fn(|i| by_w * by_0[i] + by_slope * by_1[i] + by_2[i] / 2.0))
}
