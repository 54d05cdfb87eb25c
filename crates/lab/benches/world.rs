//! What the whole laboratory does in a second: the real rulebook, 1,000 agents on links with
//! latency.
//!
//! One hour of recorded BTC prices, 980 noise traders at 60 or 600 orders an hour each, makers,
//! basis and cross-venue arbitrageurs; blocks of one second. A message is a vote, an intent or an
//! answer that travelled a link; a quote is what an agent hears of an instrument after its latency
//! when it wakes. Run: `cargo bench -p lab --bench world`.
// A bench is what measures wall time; the run itself has none.
#![allow(missing_docs, clippy::disallowed_types)]

use std::path::Path;
use std::time::Instant;

use lab::scenario::Scenario;
use lab::setup::{self, Tapes};
use lab::world::World;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The calm scenario with a thousand agents and one hour.
fn scenario(orders_per_hour: f64) -> Scenario {
    let path = Path::new(ROOT).join("scenarios/calm-october.toml");
    let mut scenario = Scenario::load(&path).expect("the scenario ships with the project");
    scenario.end = scenario.start.after(money::Span::HOUR);
    for group in &mut scenario.agents {
        if let lab::scenario::Class::Noise(noise) = &mut group.class {
            group.count = 980;
            noise.orders_per_hour = orders_per_hour;
        }
    }
    scenario
}

fn main() {
    println!(
        "{:>8} {:>4} {:>7} {:>9} {:>9} {:>9} {:>7} {:>11} {:>12}",
        "orders/h",
        "seed",
        "blocks",
        "commands",
        "messages",
        "quotes",
        "s",
        "messages/s",
        "with quotes"
    );
    [60.0, 600.0].into_iter().for_each(measure);
}

fn measure(orders_per_hour: f64) {
    let scenario = scenario(orders_per_hour);
    let tapes = Tapes::read(&scenario).expect("the prices ship with the project");
    for seed in 1..=5 {
        let setup = setup::world(&scenario, &tapes, seed).expect("the scenario is sound");
        let world = World::new(setup).expect("the scenario is sound");
        let started = Instant::now();
        let counts = world.run(|_| {}).counts;
        let seconds = started.elapsed().as_secs_f64();
        let rate = |count: u64| count as f64 / seconds;
        println!(
            "{orders_per_hour:>8} {seed:>4} {:>7} {:>9} {:>9} {:>9} {seconds:>7.3} {:>11.0} \
             {:>12.0}",
            counts.blocks,
            counts.commands,
            counts.messages,
            counts.quotes,
            rate(counts.messages),
            rate(counts.messages + counts.quotes),
        );
    }
}
