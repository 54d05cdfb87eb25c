//! Options of a chain: price and four greeks one by one and in columns, and implied volatility.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use pricing::black::{self, Columns, OptionKind, Values};
use pricing::implied::{self, Quote};

/// A chain about a forward of 60 000: 41 strikes, 12 expiries, both kinds.
fn chain() -> Vec<(OptionKind, f64, f64, f64, f64)> {
    let mut options = Vec::new();
    for expiry in 1..=12u32 {
        for at in -20..=20i32 {
            for kind in [OptionKind::Call, OptionKind::Put] {
                let (years, strike) =
                    (f64::from(expiry) / 26.0, 60_000.0 + f64::from(at) * 1_500.0);
                let volatility = 0.6 + 0.02 * f64::from(at.abs());
                options.push((kind, 60_000.0, strike, volatility, years));
            }
        }
    }
    options
}

fn options(criterion: &mut Criterion) {
    let chain = chain();
    let mut group = criterion.benchmark_group("option");
    group.throughput(Throughput::Elements(chain.len() as u64));
    group.bench_function("greeks one by one", |bencher| {
        bencher.iter(|| {
            chain.iter().map(|&(k, f, s, v, t)| black::greeks(k, f, s, v, t).gamma).sum::<f64>()
        });
    });
    let mut columns = Columns::new();
    chain.iter().for_each(|&(k, f, s, v, t)| columns.push(k, f, s, v, t));
    let mut values = Values::default();
    group.bench_function("price and four greeks in columns", |bencher| {
        bencher.iter(|| {
            black_box(&columns).evaluate(&mut values);
            black_box(values.price[0])
        });
    });
    let quotes: Vec<_> =
        chain.iter().map(|&(k, f, s, v, t)| (k, black::price(k, f, s, v, t), f, s, t)).collect();
    group.bench_function("implied volatility", |bencher| {
        bencher.iter_batched_ref(
            || quotes.clone(),
            |quotes| {
                quotes
                    .iter()
                    .filter_map(|&(k, p, f, s, t)| implied::volatility(k, p, f, s, t))
                    .sum::<f64>()
            },
            BatchSize::SmallInput,
        );
    });
    let quotes: Vec<Quote> = quotes
        .iter()
        .map(|&(kind, price, forward, strike, years)| Quote { kind, price, forward, strike, years })
        .collect();
    let mut found = Vec::new();
    group.bench_function("implied volatility in columns", |bencher| {
        bencher.iter(|| {
            implied::volatilities(black_box(&quotes), &mut found);
            black_box(found[0])
        });
    });
    group.finish();
}

criterion_group!(benches, options);
criterion_main!(benches);
