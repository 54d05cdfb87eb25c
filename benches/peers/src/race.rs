//! Time a run takes, ours and the peer's in turn.

use std::error::Error;

use feed::tape::Slot;
use hftbacktest::backtest::data::Data;
use hftbacktest::depth::{BTreeMarketDepth, HashMapMarketDepth, ROIVectorMarketDepth};
use hftbacktest::types::Event;

use crate::outcome::{Outcome, Strategy, cpu_nanos};
use crate::stream::{self, LOT, TICK};
use crate::{ours, theirs};

/// The ratio that we hold ourselves to.
const GOAL: f64 = 3.0;

/// The stream in both layouts.
struct Streams {
    theirs: Data<Event>,
    ours: std::sync::Arc<Vec<Slot>>,
}

/// A name and what is run.
struct Entry {
    name: &'static str,
    strategy: Strategy,
    run: fn(&Streams, Strategy) -> Outcome,
}

const ENTRIES: [Entry; 7] = [
    Entry { name: "hftbacktest HashMap, null", strategy: Strategy::Null, run: hash_map },
    Entry { name: "hftbacktest HashMap, maker", strategy: Strategy::Maker, run: hash_map },
    Entry { name: "hftbacktest BTree, null", strategy: Strategy::Null, run: tree },
    Entry { name: "hftbacktest ROIVector, null", strategy: Strategy::Null, run: vector },
    Entry { name: "hftbacktest ROIVector, maker", strategy: Strategy::Maker, run: vector },
    Entry { name: "Plumb, null", strategy: Strategy::Null, run: plumb },
    Entry { name: "Plumb, maker", strategy: Strategy::Maker, run: plumb },
];

fn hash_map(streams: &Streams, strategy: Strategy) -> Outcome {
    theirs::run(&streams.theirs, strategy, || HashMapMarketDepth::new(TICK, LOT))
}

fn tree(streams: &Streams, strategy: Strategy) -> Outcome {
    theirs::run(&streams.theirs, strategy, || BTreeMarketDepth::new(TICK, LOT))
}

fn vector(streams: &Streams, strategy: Strategy) -> Outcome {
    let book = || ROIVectorMarketDepth::new(TICK, LOT, 55_000.0, 65_000.0);
    theirs::run(&streams.theirs, strategy, book)
}

fn plumb(streams: &Streams, strategy: Strategy) -> Outcome {
    let first = streams.ours.first().map_or(0, |slot| slot.exchange_ns());
    ours::run(stream::from_memory(streams.ours.clone()), first, strategy)
}

/// Prints the table; whether the goal is met and all outcomes are equal.
pub fn run(path: &str, rounds: usize) -> Result<bool, Box<dyn Error>> {
    let events = stream::read(path)?;
    let streams = Streams { ours: stream::slots(&events).into(), theirs: events };
    let count = streams.theirs.len() as f64;
    let mut times = vec![Vec::with_capacity(rounds); ENTRIES.len()];
    let mut outcomes = vec![Outcome::default(); ENTRIES.len()];
    for _ in 0..rounds.max(1) {
        for (at, entry) in ENTRIES.iter().enumerate() {
            let start = cpu_nanos();
            outcomes[at] = (entry.run)(&streams, entry.strategy);
            times[at].push((cpu_nanos() - start) as f64 / count);
        }
    }
    let mut medians = Vec::new();
    println!("{count} events, {rounds} rounds in turn; ns of CPU time an event");
    println!("{:<30} {:>8} {:>8}  outcome", "", "median", "least");
    for ((entry, times), outcome) in ENTRIES.iter().zip(&mut times).zip(&outcomes) {
        times.sort_by(f64::total_cmp);
        let median = times[times.len() / 2];
        medians.push(median);
        let Outcome { looks, orders, fills, position, .. } = outcome;
        println!(
            "{:<30} {median:8.1} {:8.1}  {looks} looks, {orders} orders, {fills} fills, \
             position {position} lots",
            entry.name, times[0]
        );
    }
    let equal = same(&outcomes);
    println!("quotes seen, positions at all looks and fills equal: {equal}");
    let ratio = |null: usize, maker: usize| {
        (medians[null] / medians[5]).min(medians[maker] / medians[6])
    };
    println!("smaller of both ratios to ROIVector, whose price range is given: {:.2}", ratio(3, 4));
    println!("smaller of both ratios to HashMap, the peer's usual book:");
    let ratio = ratio(0, 1);
    println!("{ratio:.2}");
    Ok(equal && ratio >= GOAL)
}

/// Whether runs of the same strategy have the same outcome. The peer's tree takes its first level
/// for the best, so that it shows levels that were passed over; it is left out.
fn same(outcomes: &[Outcome]) -> bool {
    let of = |strategy| {
        let chosen = ENTRIES
            .iter()
            .zip(outcomes)
            .filter(move |(entry, _)| entry.strategy == strategy && !entry.name.contains("BTree"));
        chosen.map(|(_, outcome)| outcome).collect::<Vec<_>>()
    };
    [Strategy::Null, Strategy::Maker]
        .iter()
        .all(|&strategy| of(strategy).windows(2).all(|two| two[0] == two[1]))
}

/// One run of the maker from a file; prints the most memory that was held.
pub fn memory(who: &str, path: &str) -> Result<bool, Box<dyn Error>> {
    let outcome = match who {
        "ours" | "ours-null" => {
            let strategy = if who == "ours" { Strategy::Maker } else { Strategy::Null };
            let mut first = Vec::new();
            stream::from_file(path)?(&mut first);
            let first = first.first().map_or(0, |slot| slot.exchange_ns());
            ours::run(stream::from_file(path)?, first, strategy)
        },
        "theirs" => {
            let book = || ROIVectorMarketDepth::new(TICK, LOT, 55_000.0, 65_000.0);
            theirs::run(&stream::read(path)?, Strategy::Maker, book)
        }
        _ => return Err("ours, ours-null or theirs".into()),
    };
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or("unknown");
    println!("{who:<7} {path}: {peak}, {} fills", outcome.fills);
    Ok(true)
}
