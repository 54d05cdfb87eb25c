//! One strategy value on a recorded tape and in the laboratory's world, and a run that repeats.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use desk::strategy::{Instrument, Listing, Strategy};
use desk::touch::{Touch, TouchConfig};
use feed::tape::Source;
use lab::link::LinkParams;
use lab::replay::account::{Asset, AssetTerms, Kind, Margin, MarketTerms};
use lab::replay::exchange::{ExchangeParams, Fills};
use lab::replay::fees::Schedule;
use lab::replay::latency::{Delay, LatencyParams};
use lab::replay::queue::QueueModel;
use lab::replay::record::{self, MarketKind};
use lab::replay::run::{self, AccountSetup, FeedSetup, Hear, MarketSetup};
use lab::replay::venue::VenueParams;
use lab::scenario::Scenario;
use lab::setup::Tapes;
use lab::world::{AgentSetup, World};
use money::{Amount, Qty, Rate, Span};

const HOUR: &str = include_str!("data/hour.toml");

/// The recorded minute of Binance's spot or perpetual.
fn capture(name: &str) -> Box<dyn Source> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/binance-2024-08-08");
    let file = format!("{folder}/binance-{name}-btcusdt.gz");
    feed::open_source(file, &feed::OpenOptions::default()).unwrap()
}

fn million() -> Amount {
    Amount::from_raw(1_000_000 * Amount::ONE.raw())
}

/// The value on the recorded minute: spot is instrument 0, the perpetual 1, as in the laboratory.
fn replayed(strategy: &mut dyn Strategy, hear: Hear) -> record::Record {
    let delay = || Delay::Constant(Span::from_millis(5));
    let latency = LatencyParams { feed: delay(), order: delay(), answer: delay(), outages: vec![] };
    let (tick, lot) = ("0.1".parse().unwrap(), "0.001".parse().unwrap());
    let exchange =
        ExchangeParams { fills: Fills::Partial, queue: QueueModel::RiskAverse, consume: true };
    let market = |feed: usize| MarketSetup {
        feed,
        instrument: 0,
        account: 0,
        record: record::Market::new("BTC", "binance", MarketKind::Perpetual, tick, lot),
        venue: VenueParams::Book(exchange),
        impact: None,
        expiry: None,
    };
    let feed = |name| FeedSetup { source: capture(name), latency: latency.clone() };
    let terms = MarketTerms {
        kind: Kind::Linear { settle: Asset::CURRENCY, size: Qty::ONE },
        fees: Schedule::free(),
        delivery: Schedule::free(),
        liquidation: Schedule::free(),
        margin: Margin::None,
    };
    let setup = run::Setup {
        feeds: vec![feed("spot"), feed("usdm")],
        markets: vec![market(0), market(1)],
        accounts: vec![AccountSetup {
            assets: vec![AssetTerms::CASH],
            markets: vec![terms.clone(), terms],
            turnover_daily: Amount::ZERO,
            deposits: vec![(Asset::CURRENCY, million())],
            prices: vec![],
        }],
        strategy,
        hear,
        hears_trades: false,
        start: None,
        end: None,
        sample: Span::SECOND,
        run: record::Run::default(),
    };
    run::run(setup, &mut |_, _| ()).unwrap()
}

/// The value as an agent among the others of an hour of the laboratory; what it traded, in USD.
fn simulated(strategy: impl Strategy + 'static, instrument: Instrument) -> f64 {
    let scenario = Scenario::parse(HOUR, Path::new("hour.toml")).unwrap();
    let tapes = Tapes::read(&scenario).unwrap();
    let mut world = lab::setup::world(&scenario, &tapes, 3).unwrap();
    world.agents.push(AgentSetup {
        class: "guest".into(),
        strategy: Box::new(strategy),
        hears: vec![instrument],
        reads_equity: false,
        reads_options: false,
        cash: million(),
        coins: vec![],
        venue_cash: Amount::ZERO,
        venue_coins: vec![],
        link: LinkParams {
            latency: Span::from_millis(5),
            jitter: Span::ZERO,
            loss: 0.0,
            resend: Span::ZERO,
            fifo: true,
            outages: vec![],
        },
        financing_8h: 0.0,
    });
    let record = World::new(world).unwrap().run(|_| {});
    record.classes.iter().find(|class| class.class == "guest").unwrap().traded_usd
}

fn touch(instrument: Instrument) -> Touch {
    let listing = Listing {
        name: "BTC".into(),
        tick: "0.1".parse().unwrap(),
        lot: "0.001".parse().unwrap(),
        fee_maker: Rate::ZERO,
        fee_taker: Rate::ZERO,
        funding: None,
    };
    let (order, most) = ("0.01".parse().unwrap(), "0.1".parse().unwrap());
    let config = TouchConfig { instrument, ..TouchConfig::new(order, most) };
    Touch::new(config, &listing).unwrap()
}

#[test]
fn the_same_value_trades_on_a_recorded_tape_and_in_the_laboratory() {
    let value = touch(Instrument(1));
    let record = replayed(&mut value.clone(), Hear::Change);
    assert!(record.fills.len() > 20, "{} fills on the tape", record.fills.len());
    let traded = simulated(value, Instrument(1));
    assert!(traded > 1_000.0, "{traded} USD in the laboratory");
}

#[test]
fn a_replay_repeats_byte_for_byte_and_hearing_at_wakes_is_another_run() {
    let run = |hear| format!("{:?}", replayed(&mut touch(Instrument(1)), hear));
    assert_eq!(run(Hear::Change), run(Hear::Change));
    assert_ne!(run(Hear::Change), run(Hear::Wake));
}
