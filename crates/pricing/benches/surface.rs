//! Fit and check of a slice with 21 strikes, and repair of a surface of twelve.

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use pricing::calibrate::{self, Target};
use pricing::svi::{Svi, crosses};

/// A month's smile of BTC.
const SLICE: Svi = Svi { a: -0.0407, b: 0.1462, rho: -0.0316, m: 0.0957, sigma: 0.3884 };

/// Quotes half a point of volatility to each side of a smile that no slice fits exactly.
fn quotes(slice: &Svi, years: f64) -> Vec<Target> {
    let quote = |i: i32| {
        let k = f64::from(i - 10) * 0.04;
        let ripple = if i % 2 == 0 { 0.002 } else { -0.002 };
        let volatility = slice.volatility(k, years) + ripple;
        let variance = |volatility: f64| volatility * volatility * years;
        Target { k, low: variance(volatility - 0.005), high: variance(volatility + 0.005) }
    };
    (0..21).map(quote).collect()
}

fn slices(c: &mut Criterion) {
    let quotes = quotes(&SLICE, 0.08);
    let far = Svi { a: SLICE.a + 0.01, b: SLICE.b * 1.2, m: 0.08, ..SLICE };
    c.bench_function("fit of 21 strikes", |b| b.iter(|| calibrate::slice(black_box(&quotes))));
    c.bench_function("butterfly check", |b| b.iter(|| black_box(&SLICE).check()));
    c.bench_function("calendar check", |b| b.iter(|| crosses(black_box(&SLICE), black_box(&far))));
}

fn surfaces(c: &mut Criterion) {
    let levels: Vec<Svi> = (1..=12)
        .map(|i| {
            let scale = f64::from(i) / 4.0;
            // The sixth is steeper than the seventh, so that there is something to repair.
            let b = SLICE.b * scale * if i == 6 { 1.25 } else { 1.0 };
            Svi { a: SLICE.a * scale, b, ..SLICE }
        })
        .collect();
    let targets: Vec<Vec<Target>> =
        levels.iter().zip(1..).map(|(s, i)| quotes(s, 0.02 * f64::from(i))).collect();
    let targets: Vec<&[Target]> = targets.iter().map(Vec::as_slice).collect();
    c.bench_function("repair of 12 expiries", |b| {
        b.iter(|| {
            let mut slices = levels.clone();
            calibrate::surface(&targets, &mut slices)
        });
    });
}

criterion_group!(benches, slices, surfaces);
criterion_main!(benches);
