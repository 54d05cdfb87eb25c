//! Swaps, mints and burns for a second of CPU time, in one table. Time is that of the thread where
//! the system tells it (Linux), else wall time; one sample is a whole stream, and the median
//! counts.
#![allow(clippy::disallowed_types)]

use std::hint::black_box;

use amm::concentrated::{Owner, Pool, Range, Swap};
use amm::product::{Fee, Pair};
use clock::cpu_nanos;
use workload::{Draw, LARGE, SMALL, Sizes, pool, swaps};

mod clock;
mod workload;

const SAMPLES: usize = 15;
const CALLS: usize = 100_000;

fn main() {
    println!("{:<34} {:>10} {:>12} {:>8}", "calls", "ns a call", "calls a s", "steps");
    for sizes in [SMALL, LARGE] {
        concentrated(&sizes);
    }
    positions();
    pairs();
}

/// Median nanoseconds of a call, over passes that each begin with a fresh state.
fn median<S>(fresh: impl Fn() -> S, mut pass: impl FnMut(&mut S)) -> u64 {
    let mut samples: Vec<u64> = (0..SAMPLES)
        .map(|_| {
            let mut state = fresh();
            let start = cpu_nanos();
            pass(&mut state);
            cpu_nanos() - start
        })
        .collect();
    samples.sort_unstable();
    samples[SAMPLES / 2]
}

fn row(name: &str, nanos: u64, calls: usize, steps: u64) {
    let (calls, hundredths) = (calls as u64, steps * 100 / calls as u64);
    let rate = calls * 1_000_000_000 / nanos;
    let tenths = nanos * 10 / calls;
    let steps = match hundredths {
        0 => String::new(),
        _ => format!("{}.{:02}", hundredths / 100, hundredths % 100),
    };
    let line = format!("{name:<34} {:>8}.{} {rate:>12} {steps:>8}", tenths / 10, tenths % 10);
    println!("{}", line.trim_end());
}

fn concentrated(sizes: &Sizes) {
    let stream = swaps(sizes, CALLS);
    let start = pool();
    let mut steps = 0;
    let mut pass = |pool: &mut Pool, swap: &Swap| {
        steps += pool.swap(black_box(swap)).map_or(0, |done| u64::from(done.steps));
    };
    let nanos = median(|| start.clone(), |pool| stream.iter().for_each(|swap| pass(pool, swap)));
    row(&format!("v3 swap, {}", sizes.name), nanos, CALLS, steps / SAMPLES as u64);
    let nanos = median(
        || start.clone(),
        |pool| {
            for swap in &stream {
                black_box(pool.quote(black_box(swap))).ok();
            }
        },
    );
    row(&format!("v3 quote, {}", sizes.name), nanos, CALLS, 0);
}

fn positions() {
    let mut draw = Draw::new(13);
    let ranges: Vec<Range> = (0..CALLS)
        .map(|_| {
            let lower = draw.below(200) as i32 - 100;
            Range { lower: lower * 60, upper: (lower + 1 + draw.below(60) as i32) * 60 }
        })
        .collect();
    let start = pool();
    let nanos = median(
        || start.clone(),
        |pool| {
            for range in &ranges {
                black_box(pool.mint(Owner(99), *range, 1 << 60)).expect("a usual position");
                black_box(pool.burn(Owner(99), *range, 1 << 60)).expect("it was minted");
            }
        },
    );
    row("v3 mint and burn", nanos, CALLS, 0);
}

fn pairs() {
    let mut draw = Draw::new(17);
    let stream: Vec<(bool, u128)> =
        (0..CALLS).map(|_| (draw.below(2) == 0, draw.bits(40, 69))).collect();
    let mut start = Pair::new(Fee::UNISWAP).expect("the usual fee");
    start.mint([1 << 80, 1 << 81]).expect("a usual deposit");
    let nanos = median(
        || start.clone(),
        |pair| {
            for (zero_for_one, amount) in &stream {
                black_box(pair.swap_in(*zero_for_one, black_box(*amount))).ok();
            }
        },
    );
    row("v2 swap", nanos, CALLS, 0);
    let nanos = median(
        || start.clone(),
        |pair| {
            for (_, amount) in &stream {
                let shares = pair.mint([*amount, 2 * *amount]).expect("a usual deposit");
                black_box(pair.burn(black_box(shares))).ok();
            }
        },
    );
    row("v2 mint and burn", nanos, CALLS, 0);
}
