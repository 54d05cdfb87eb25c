//! What one point of a bridged path costs: five-minute bars at one second.
//!
//! Run: `cargo bench -p lab --bench path`. Prints median and least CPU time of
//! seven rounds (Linux).
#![allow(missing_docs)]

use std::hint::black_box;

use lab::path::{Bar, Bridge};
use lab::random::Seed;
use money::{Price, Span, Time};

const INTERVAL: Span = Span::from_secs(300);

fn main() {
    let mut stream = Seed(1).stream("bars", 0);
    let mut close = 10_000_000_000_000i64;
    let bars: Vec<Bar> = (0..2_000)
        .map(|number| {
            let open = close;
            close += (stream.normal() * 1e10) as i64;
            let high = open.max(close) + stream.exponential(5e9) as i64;
            let low = open.min(close) - stream.exponential(5e9) as i64;
            let [open, high, low, close] = [open, high, low, close].map(Price::from_raw);
            Bar { open_time: Time::ZERO.after(INTERVAL.times(number)), open, high, low, close }
        })
        .collect();
    let mut rounds: Vec<f64> = (0..7).map(|_| round(&bars)).collect();
    rounds.sort_by(f64::total_cmp);
    println!("bridge, a point {:7.1} ns   least {:7.1} ns", rounds[3], rounds[0]);
}

fn round(bars: &[Bar]) -> f64 {
    let start = cpu_nanos();
    let path = Bridge::new(bars.to_vec(), INTERVAL, Span::SECOND, Seed(1)).expect("good bars");
    let points = path.len();
    let sum: i64 = path.map(|point| black_box(point.price).raw() & 1).sum();
    black_box(sum);
    (cpu_nanos() - start) as f64 / points as f64
}

/// Nanoseconds that this thread has been on a core: the wall clock would time our neighbours too.
fn cpu_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    let first = text.split(' ').next().expect("three numbers");
    first.parse().expect("a number")
}
