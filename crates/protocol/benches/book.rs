//! The order streams through the books: time, latency and totals in one table.
//!
//! Time is CPU time of the thread where the system tells it (Linux), else wall time; one sample
//! is a whole stream.
//!
//! Latency is wall time around each single message by `Instant`, from matching to the reading of
//! every fill, less the smallest time between two readings of the clock. It includes what other
//! processes took from this one; each quantile is the median of that quantile over several passes,
//! so that no single pass decides. A cancel comes with the handle of its order, as
//! `Command::Cancel` does: the client's search for the handle in its own table, a second cache miss
//! in a large book, lies before the first reading of the clock. The column `searched` has the p99
//! with that search inside. The CPU time has it inside, too.
//!
//! Above the p99 of stream A lie market orders, mostly with 9 to 14 fills on 7 levels. Above that
//! of stream B lie as many cancels of one old order as market orders with 4 to 14 fills: their
//! records are in no cache of the core. The row `load` tells what that costs on this machine at
//! this time: each cancel reads one random word of a table as large as the records and links of
//! stream B, and other messages do nothing.
//!
//! Instructions per message: see `examples/book_instructions.rs`.
#![allow(clippy::disallowed_types)]

use std::hint::black_box;
use std::time::Instant;

use clock::cpu_nanos;
use protocol::book::{Book, FastBook, NaiveBook};
use streams::{Draw, Message, Player, STREAM_A, STREAM_B, Stream, Totals, generate, play};

mod clock;
#[allow(dead_code)]
mod streams;

const SAMPLES_FAST: usize = 15;
const SAMPLES_NAIVE: usize = 3;
/// Bytes of a hundred thousand records and links.
const LOADED: usize = 4_000_000;

fn main() {
    println!(
        "book   stream  ns/message median    min   latency ns p50    p99  p99.9 searched   trades"
    );
    for (stream, trades, volume) in
        [(STREAM_A, 393_365, 13_964_307), (STREAM_B, 297_374, 9_582_087)]
    {
        let messages = generate::<FastBook>(&stream);
        let expected = (trades, volume, stream.live);
        let fast = row::<FastBook>("fast", &stream, &messages, SAMPLES_FAST, expected);
        let naive = row::<NaiveBook>("naive", &stream, &messages, SAMPLES_NAIVE, expected);
        assert_eq!(fast, naive, "both books make the same fills");
    }
    let messages = generate::<FastBook>(&STREAM_B);
    let [p50, p99, p999] =
        latency(messages.len(), SAMPLES_FAST, |times| pass_loads(&messages, times));
    println!("load   {:<7} {:>24} {p50:>16} {p99:>6} {p999:>6}", STREAM_B.name, "");
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
    let quantiles =
        |handle| latency(messages.len(), samples, |times| pass_book::<B>(messages, handle, times));
    let [p50, p99, p999] = quantiles(Handle::InMessage);
    let [_, searched, _] = quantiles(Handle::Searched);
    println!(
        "{book:<6} {:<7} {:>17.1} {:>6.1} {p50:>16} {p99:>6} {p999:>6} {searched:>8} {:>8}",
        stream.name,
        times[samples / 2],
        times[0],
        totals.trades,
    );
    totals
}

/// Whether the search for the handle of a cancel counts as a part of the message.
#[derive(Clone, Copy)]
enum Handle {
    InMessage,
    Searched,
}

/// The quantiles 0.5, 0.99 and 0.999 of the wall times of single messages, nanoseconds: the median
/// of each over the passes.
fn latency(messages: usize, passes: usize, mut pass: impl FnMut(&mut [u32])) -> [u32; 3] {
    let overhead = (0..100_000).map(|_| nanos_of(|| ())).min().unwrap_or(0);
    // Its pages are touched before the first message.
    let mut times = vec![u32::MAX; messages];
    let mut quantiles = [const { Vec::new() }; 3];
    for _ in 0..passes {
        pass(&mut times);
        times.sort_unstable();
        for (values, q) in quantiles.iter_mut().zip([0.5, 0.99, 0.999]) {
            let time = times[((times.len() - 1) as f64 * q) as usize];
            values.push(time.saturating_sub(overhead));
        }
    }
    quantiles.map(|mut values| {
        values.sort_unstable();
        values[passes / 2]
    })
}

/// Plays the stream into an empty book and writes the time of each message.
fn pass_book<B: Book + Default>(messages: &[Message], handle: Handle, times: &mut [u32]) {
    let mut player = Player::<B>::new(messages.len());
    for (at, (message, time)) in messages.iter().zip(times).enumerate() {
        *time = match handle {
            Handle::InMessage => {
                let named = black_box(player.named(*message));
                nanos_of(|| player.apply(at, *message, named))
            }
            Handle::Searched => nanos_of(|| player.play(at, *message)),
        };
    }
}

/// Reads a random word for each cancel and writes the time of each message.
fn pass_loads(messages: &[Message], times: &mut [u32]) {
    let table = vec![1_u64; LOADED / 8];
    let mut draw = Draw(1);
    for (message, time) in messages.iter().zip(times) {
        let place = black_box(draw.below(table.len() as u64) as usize);
        *time = match message {
            Message::Cancel { .. } => nanos_of(|| {
                black_box(table[place]);
            }),
            Message::Limit { .. } | Message::Market { .. } => nanos_of(|| ()),
        };
    }
}

#[inline]
fn nanos_of(work: impl FnOnce()) -> u32 {
    let start = Instant::now();
    work();
    u32::try_from(start.elapsed().as_nanos()).unwrap_or(u32::MAX)
}
