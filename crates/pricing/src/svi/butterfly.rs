//! Proof that `g ≥ 0` for every strike, by one polynomial.
//!
//! With `(k−m)/σ = (t − 1/t)/2` the root is `(t + 1/t)/2`, and `g·w²t²(t²+1)³` is a polynomial of
//! degree ten in `t`: `A²D − N²PtD/4 − N²P²D/16 + 4(b/σ)t³P²` where `P = wt`, `D = t²+1`,
//! `N = w'D`, `K = kt` and `A = PD − KN/2`. With `t = x/(1−x)` its coefficients over binomials are
//! those of Bernstein on `[0, 1]`, which is the whole line; no Bernstein coefficient negative
//! proves the sign on a piece, a negative end refutes it, anything else is halved. The polynomial
//! is lowered first by a bound on its own rounding, so what passes is free of arbitrage in exact
//! arithmetic; a slice whose density touches zero to within that bound is refused.

use super::{Fault, Svi};

const DEGREE: usize = 10;
type Polynomial = [f64; DEGREE + 1];

const BINOMIALS: Polynomial = [1.0, 10.0, 45.0, 120.0, 210.0, 252.0, 210.0, 120.0, 45.0, 10.0, 1.0];

/// Share of the sum of all terms' amounts that rounding stays below: about thirty operations on
/// each of at most eighty terms, 2⁻⁵³ each, with room.
const ROUNDING: f64 = 1e-13;

/// Pieces looked at before an undecided slice is refused.
const PIECES: usize = 400;

/// Refuses a slice whose density is not proven positive; its domain has been checked.
pub(super) fn check(slice: &Svi) -> Result<(), Fault> {
    let (value, amount) = (numerator(slice, Sign::Kept), numerator(slice, Sign::Dropped));
    let mut whole = [0.0; DEGREE + 1];
    for i in 0..=DEGREE {
        whole[i] = (value[i] - ROUNDING * amount[i]) / BINOMIALS[i];
    }
    let mut open = vec![(0.0, 1.0, whole)];
    for _ in 0..PIECES {
        let Some((low, high, piece)) = open.pop() else { return Ok(()) };
        if piece.iter().all(|&coefficient| coefficient >= 0.0) {
            continue;
        }
        let middle = (low + high) / 2.0;
        let fails = [(piece[0], low), (piece[DEGREE], high)].into_iter().find(|end| end.0 < 0.0);
        if let Some((_, x)) = fails {
            return Err(fault(slice, x));
        }
        let (left, right) = halves(&piece);
        open.push((middle, high, right));
        open.push((low, middle, left));
    }
    let (low, high, _) = open.pop().unwrap_or((0.0, 1.0, whole));
    Err(fault(slice, (low + high) / 2.0))
}

/// The fault, told at the lowest place of `g` if that is negative too.
fn fault(slice: &Svi, x: f64) -> Fault {
    let t = x.clamp(1e-6, 1.0 - 1e-6) / (1.0 - x.clamp(1e-6, 1.0 - 1e-6));
    let k = slice.m + slice.sigma * (t - 1.0 / t) / 2.0;
    let (lowest, g) = lowest(slice);
    if g < slice.g(k) {
        Fault::Butterfly { k: lowest, g }
    } else {
        Fault::Butterfly { k, g: slice.g(k) }
    }
}

/// Whether terms keep their signs, or are summed by amount to bound the rounding.
#[derive(Clone, Copy)]
enum Sign {
    Kept,
    Dropped,
}

fn numerator(slice: &Svi, sign: Sign) -> Polynomial {
    let Svi { a, b, rho, m, sigma } = *slice;
    let signed = |x: f64| match sign {
        Sign::Kept => x,
        Sign::Dropped => x.abs(),
    };
    let minus = match sign {
        Sign::Kept => -1.0,
        Sign::Dropped => 1.0,
    };
    let p = [b * sigma * (1.0 - rho) / 2.0, signed(a), b * sigma * (1.0 + rho) / 2.0];
    let n = [signed(b * (rho - 1.0)), 0.0, b * (rho + 1.0)];
    let k = [signed(-sigma / 2.0), signed(m), sigma / 2.0];
    let d = [1.0, 0.0, 1.0];
    let mut lead = product(&p, &d);
    add(&mut lead, &product(&k, &n), minus * 0.5);
    let (slopes, squares) = (product(&n, &n), product(&p, &p));
    let mut sum = product(&product(&lead, &lead), &d);
    add(&mut sum, &product(&product(&product(&slopes, &p), &[0.0, 1.0]), &d), minus * 0.25);
    add(&mut sum, &product(&product(&slopes, &squares), &d), minus * 0.0625);
    add(&mut sum, &product(&squares, &[0.0, 0.0, 0.0, 1.0]), 4.0 * b / sigma);
    sum
}

/// The product of two polynomials whose degrees sum to ten at most.
fn product(left: &[f64], right: &[f64]) -> Polynomial {
    let mut result = [0.0; DEGREE + 1];
    for (i, &x) in left.iter().enumerate() {
        for (j, &y) in right.iter().enumerate() {
            if let Some(slot) = result.get_mut(i + j) {
                *slot += x * y;
            }
        }
    }
    result
}

fn add(sum: &mut Polynomial, term: &Polynomial, factor: f64) {
    for (slot, x) in sum.iter_mut().zip(term) {
        *slot += factor * x;
    }
}

/// De Casteljau's halving: the Bernstein coefficients of both halves.
fn halves(piece: &Polynomial) -> (Polynomial, Polynomial) {
    let (mut left, mut right, mut row) = ([0.0; DEGREE + 1], [0.0; DEGREE + 1], *piece);
    for level in 0..=DEGREE {
        left[level] = row[0];
        right[DEGREE - level] = row[DEGREE - level];
        for i in 0..DEGREE - level {
            row[i] = (row[i] + row[i + 1]) / 2.0;
        }
    }
    (left, right)
}

/// Where `g` is least and its value: a scan in `x` and a ternary search around the best.
pub(super) fn lowest(slice: &Svi) -> (f64, f64) {
    const STEPS: u32 = 400;
    let place = |x: f64| {
        let t = x / (1.0 - x);
        slice.m + slice.sigma * (t - 1.0 / t) / 2.0
    };
    let at = |i: u32| f64::from(i) / f64::from(STEPS);
    let mut best = (f64::INFINITY, STEPS / 2);
    for i in 5..=STEPS - 5 {
        let g = slice.g(place(at(i)));
        if g < best.0 {
            best = (g, i);
        }
    }
    let (mut low, mut high) = (at(best.1 - 1), at(best.1 + 1));
    for _ in 0..80 {
        let third = (high - low) / 3.0;
        let (left, right) = (low + third, high - third);
        if slice.g(place(left)) < slice.g(place(right)) { high = right } else { low = left }
    }
    let k = place((low + high) / 2.0);
    (k, slice.g(k))
}
