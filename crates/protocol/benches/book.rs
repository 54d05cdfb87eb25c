//! The order streams through the books: time, latency and totals in one table.
//!
//! Time is CPU time of the thread where the system tells it (Linux), else wall time; one sample
//! is a whole stream. Latency is wall time around each single message by `Instant`, less the
//! smallest time between two readings of the clock; it includes what other processes took from
//! this one. Instructions per message: see `examples/book_instructions.rs`.
#![allow(clippy::disallowed_types)]

use std::time::Instant;

use protocol::book::{Book, FastBook, NaiveBook};
use streams::{Message, Player, STREAM_A, STREAM_B, Stream, Totals, generate, play};

#[allow(dead_code)]
mod streams;

const SAMPLES_FAST: usize = 9;
const SAMPLES_NAIVE: usize = 3;

fn main() {
    println!("book   stream  ns/message median    min   latency ns p50    p99  p99.9   trades");
    for (stream, trades, volume) in
        [(STREAM_A, 393_365, 13_964_307), (STREAM_B, 297_374, 9_582_087)]
    {
        let messages = generate::<FastBook>(&stream);
        let expected = (trades, volume, stream.live);
        let fast = row::<FastBook>("fast", &stream, &messages, SAMPLES_FAST, expected);
        let naive = row::<NaiveBook>("naive", &stream, &messages, SAMPLES_NAIVE, expected);
        assert_eq!(fast, naive, "both books make the same fills");
    }
}

/// Measures one book under one stream, checks the totals and prints the result.
fn row<B: Book + Default>(
    book: &str,
    stream: &Stream,
    messages: &[Message],
    samples: usize,
    expected: (u64, u64, usize),
) -> Totals {
    let mut times = Vec::with_capacity(samples);
    let mut totals = Totals::default();
    for _ in 0..samples {
        let mut player = Player::<B>::new(messages.len());
        let start = cpu_nanos();
        for (at, message) in messages.iter().enumerate() {
            player.play(at, *message);
        }
        times.push((cpu_nanos() - start) as f64 / messages.len() as f64);
        totals = player.totals;
        assert_eq!((totals.trades, totals.volume, player.book.len()), expected);
    }
    assert_eq!(play::<B>(messages).totals, totals, "a run repeats exactly");
    times.sort_by(f64::total_cmp);
    let latency = latencies::<B>(messages);
    let quantile = |q: f64| latency[((latency.len() - 1) as f64 * q) as usize];
    println!(
        "{book:<6} {:<7} {:>17.1} {:>6.1} {:>16} {:>6} {:>6} {:>8}",
        stream.name,
        times[samples / 2],
        times[0],
        quantile(0.5),
        quantile(0.99),
        quantile(0.999),
        totals.trades,
    );
    totals
}

/// Sorted wall times of the single messages, nanoseconds.
fn latencies<B: Book + Default>(messages: &[Message]) -> Vec<u64> {
    let mut pairs = (0..100_000).map(|_| nanos_of(|| ()));
    let overhead = pairs.by_ref().min().unwrap_or(0);
    let mut player = Player::<B>::new(messages.len());
    let play = |(at, message): (usize, &Message)| nanos_of(|| player.play(at, *message));
    let mut times: Vec<u64> = messages.iter().enumerate().map(play).collect();
    times.iter_mut().for_each(|time| *time = time.saturating_sub(overhead));
    times.sort_unstable();
    times
}

#[inline]
fn nanos_of(work: impl FnOnce()) -> u64 {
    let start = Instant::now();
    work();
    start.elapsed().as_nanos() as u64
}

/// CPU time of this thread, nanoseconds; wall time where the system does not tell it.
fn cpu_nanos() -> u64 {
    std::thread::yield_now(); // brings the kernel's account of this thread up to date
    let account = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let first = account.split_whitespace().next().and_then(|field| field.parse().ok());
    first.filter(|nanos| *nanos > 0).unwrap_or_else(wall_nanos)
}

fn wall_nanos() -> u64 {
    static START: std::sync::OnceLock<Instant> = std::sync::OnceLock::new();
    START.get_or_init(Instant::now).elapsed().as_nanos() as u64
}
