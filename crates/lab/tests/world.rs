//! An hour of the recorded Bitcoin market, whole: repeatable, exact in its accounts, and causal.
#![allow(clippy::unwrap_used)]

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::Path;
use std::rc::Rc;

use desk::strategy::{Event, Instrument, Intent, Level, Strategy};
use lab::link::LinkParams;
use lab::metrics::{Metrics, Options};
use lab::path::Bridge;
use lab::record::Record;
use lab::scenario::Scenario;
use lab::setup::{self, Tapes};
use lab::spot::Venue;
use lab::world::{AgentSetup, AssetSetup, Setup, World};
use money::{Amount, Price, Qty, Span, Time};
use pricing::convert::{price_f64, qty_f64};

const TEXT: &str = include_str!("data/hour.toml");
/// The hour in which Bitcoin fell by 13 %.
const CRASH: (&str, &str) = ("2025-10-10T21:00:00Z", "2025-10-10T22:00:00Z");

fn calm() -> Scenario {
    Scenario::parse(TEXT, Path::new("hour.toml")).unwrap()
}

fn crash() -> Scenario {
    let text =
        TEXT.replace("2025-10-01T00:00:00Z", CRASH.0).replace("2025-10-01T01:00:00Z", CRASH.1);
    Scenario::parse(&text, Path::new("hour.toml")).unwrap()
}

fn setup(scenario: &Scenario, seed: u64) -> Setup {
    let tapes = Tapes::read(scenario).unwrap();
    setup::world(scenario, &tapes, seed).unwrap()
}

fn run(scenario: &Scenario, seed: u64) -> Record {
    let record = World::new(setup(scenario, seed)).unwrap().run(|_| {});
    setup::describe(record, scenario, seed, None)
}

/// Every file that a run leaves, by name.
fn files(record: &Record) -> BTreeMap<String, Vec<u8>> {
    let folder = tempfile::tempdir().unwrap();
    let metrics = Metrics::of(record, &Options::default());
    let written = lab::table::write_all(folder.path(), record, &metrics).unwrap();
    let name = |path: &Path| path.file_name().unwrap().to_str().unwrap().to_owned();
    written.iter().map(|path| (name(path), std::fs::read(path).unwrap())).collect()
}

#[test]
fn a_seed_gives_a_run_byte_for_byte_and_another_seed_another_run() {
    let scenario = calm();
    let (first, again, other) = (run(&scenario, 7), run(&scenario, 7), run(&scenario, 8));
    let text = |record: &Record| serde_json::to_string(record).unwrap();
    assert_eq!(text(&first), text(&again));
    assert_eq!(first.state_hash, again.state_hash);
    let (written, repeated) = (files(&first), files(&again));
    assert!(written.contains_key("summary.json"), "{:?}", written.keys());
    assert_eq!(written, repeated);
    assert_ne!(first.state_hash, other.state_hash);
    assert_ne!(first.markets[0].samples.spot, other.markets[0].samples.spot);
    assert!(first.counts.trades > 100, "{:?}", first.counts);
}

/// The asset's path as the world follows it.
fn path(asset: &AssetSetup, setup: &Setup) -> Bridge {
    let seed = setup.seed.child("path", 0);
    Bridge::new(asset.bars.clone(), asset.interval, setup.step, seed).unwrap()
}

/// Coins at the start by class.
fn endowments(setup: &Setup) -> BTreeMap<String, Qty> {
    let mut coins = BTreeMap::new();
    for agent in &setup.agents {
        let own = agent.coins.iter().chain(&agent.venue_coins);
        let own: i128 = own.map(|(_, amount)| amount.raw()).sum();
        *coins.entry(agent.class.clone()).or_insert(Qty::ZERO) += Qty::from_raw(own as i64);
    }
    coins
}

/// Equal up to what summing rounded floats loses on millions of dollars.
fn near(left: f64, right: f64, what: &str) {
    assert!((left - right).abs() < 1e-4, "{what}: {left} is not {right}");
}

/// Each class: Σ flows = total = change of equity − revaluation of the endowment + financing.
fn check_profit(scenario: &Scenario) -> Record {
    let before = setup(scenario, 3);
    let coins = endowments(&before);
    let start = path(&before.assets[0], &before).price_at(before.start).unwrap();
    let record = World::new(before).unwrap().run(|_| {});
    let end = *record.markets[0].samples.spot.last().unwrap();
    assert_eq!(record.markets[0].samples.time_ms.last(), Some(&record.end_ms));
    let mut funding = 0.0;
    for class in &record.classes {
        let flows: f64 = class.flows().iter().map(|(_, flow)| flow).sum();
        near(flows, class.total_usd, &class.class);
        let revalued = qty_f64(coins[&class.class]) * (end - price_f64(start));
        let change = class.equity_end_usd - class.equity_start_usd;
        near(class.total_usd, change - revalued + class.financing_usd, &class.class);
        funding += class.funding_usd;
    }
    near(funding, 0.0, "funding of all classes");
    record
}

fn exact<'a>(record: &'a Record, name: &str) -> &'a str {
    &record.accounting.iter().find(|(row, _)| row == name).unwrap().1.exact
}

#[test]
fn profit_of_every_class_is_its_flows_and_the_ledger_sums_to_zero() {
    let record = check_profit(&calm());
    assert_eq!(exact(&record, "sum"), "0");
    assert_eq!(exact(&record, "bad debt of accounts"), "0");
    let financed = record.classes.iter().filter(|class| class.financing_usd != 0.0);
    assert!(financed.count() > 0, "no class bears financing");
}

#[test]
fn the_books_close_through_the_crash_and_its_liquidations() {
    let record = check_profit(&crash());
    assert_eq!(exact(&record, "sum"), "0");
    assert!(record.counts.liquidations > 0, "{:?}", record.counts);
    let paid: f64 = record.classes.iter().map(|class| class.liquidation_usd).sum();
    near(-paid, record.insurance.received.usd, "liquidation fees");
    let deleveraged: f64 = record.classes.iter().map(|class| class.deleveraging_usd).sum();
    near(deleveraged, 0.0, "haircuts go from one account to another");
}

/// What a spy knew when it woke.
#[derive(Clone, Copy, Debug)]
struct Sight {
    now: Time,
    outside: Option<(Level, Level)>,
    index: Option<Price>,
}

/// Trades nothing; writes down when it hears what.
struct Spy {
    seen: Rc<RefCell<Vec<Sight>>>,
    sight: Sight,
    outside: Instrument,
}

impl Strategy for Spy {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        match *event {
            Event::Quote { instrument, bid, ask } if instrument == self.outside => {
                self.sight.outside = bid.zip(ask);
            }
            Event::Funding { published, .. } => {
                self.sight.index = Some(published.index).filter(|index| index.is_positive());
            }
            Event::Wake { now } => {
                self.seen.borrow_mut().push(Sight { now, ..self.sight });
                // A prime, so that looks fall anywhere within steps and blocks.
                intents.push(Intent::WakeAt(now.after(Span::from_millis(137))));
            }
            Event::Quote { .. }
            | Event::Trade { .. }
            | Event::Rested { .. }
            | Event::Fill { .. }
            | Event::Gone { .. }
            | Event::Position { .. }
            | Event::Equity { .. }
            | Event::Series { .. }
            | Event::Surface(_)
            | Event::Auction { .. } => {}
        }
    }
}

/// The world of the scenario with a spy and nobody else, and publishers without error.
fn spied(latency: Span) -> (Vec<Sight>, Bridge, Venue, Setup) {
    let scenario = calm();
    let mut world = setup(&scenario, 5);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let outside = Instrument(scenario.markets.len() as u16);
    let perpetual = Instrument(scenario.market("BTC-PERP").unwrap().0);
    let sight = Sight { now: Time::ZERO, outside: None, index: None };
    let spy = Spy { seen: Rc::clone(&seen), sight, outside };
    let link = LinkParams {
        latency,
        jitter: Span::ZERO,
        loss: 0.0,
        resend: Span::ZERO,
        fifo: true,
        outages: vec![],
    };
    world.agents = vec![AgentSetup {
        class: "spy".into(),
        strategy: Box::new(spy),
        hears: vec![outside, perpetual],
        reads_equity: false,
        reads_options: false,
        cash: Amount::ZERO,
        coins: vec![],
        venue_cash: Amount::ZERO,
        venue_coins: vec![],
        link,
        financing_8h: 0.0,
    }];
    world.publishers.noise = 0.0;
    let (bridge, params) = (path(&world.assets[0], &world), world.assets[0].venue);
    let again = setup(&scenario, 5);
    World::new(world).unwrap().run(|_| {});
    let sights = seen.borrow().clone();
    (sights, bridge, Venue::new(params, Price::ONE), again)
}

#[test]
fn a_quote_from_outside_is_the_path_of_the_newest_step_older_than_the_latency() {
    for latency in [Span::from_millis(1), Span::from_millis(400), Span::from_millis(900)] {
        let (sights, mut path, mut venue, setup) = spied(latency);
        assert!(sights.len() > 26_000, "{}", sights.len());
        let mut changes = 0;
        let mut last = None;
        for sight in sights {
            let known = Time::from_nanos(sight.now.nanos() - latency.nanos());
            let expected = (known >= setup.start).then(|| {
                let step = known.floor(setup.step);
                venue.follow(path.price_at(step).unwrap());
                venue.quote(step)
            });
            assert_eq!(sight.outside, expected, "{sight:?} with {latency:?}");
            changes += usize::from(expected != last);
            last = expected;
        }
        assert!(changes > 1_000, "the path moved {changes} times only");
    }
}

#[test]
fn the_index_is_the_path_of_a_vote_that_had_reached_the_chain_a_latency_ago() {
    let latency = Span::from_millis(400);
    let (sights, mut path, _, setup) = spied(latency);
    let publishers = &setup.publishers;
    let mut known_once = 0;
    for sight in sights.iter().filter(|sight| sight.index.is_some()) {
        let index = price_f64(sight.index.unwrap());
        let known = Time::from_nanos(sight.now.nanos() - latency.nanos());
        let block = known.floor(setup.block);
        let voted = Time::from_nanos(block.nanos() - publishers.delay.nanos());
        // The vote of each publisher is at most an interval old, and reads a step at most as old.
        let oldest = voted.nanos() - publishers.interval.nanos() - 2 * setup.step.nanos();
        let oldest = Time::from_nanos(oldest).max(setup.start).floor(setup.step);
        let (mut low, mut high, mut at) = (f64::MAX, 0.0f64, oldest);
        while at <= voted {
            let price = price_f64(path.price_at(at).unwrap());
            (low, high) = (low.min(price), high.max(price));
            at = at.after(setup.step);
        }
        assert!(low - 1e-6 <= index && index <= high + 1e-6, "{sight:?}: {low} to {high}");
        known_once += 1;
    }
    assert!(known_once > 26_000, "{known_once}");
}
