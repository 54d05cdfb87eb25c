//! The loop against a plain one that takes every event of both views from one sorted list, and
//! what must hold of times, accounts and memory.

mod plain;

use std::cell::RefCell;
use std::rc::Rc;

use desk::strategy::{self, Instrument, Intent, Strategy};
use feed::tape::{self, Encoder, Event, Header, Kind, Listed, Side as TapeSide, Slot};
use money::{Amount, Price, Qty, Rate, Span, Time};
use proptest::prelude::*;
use protocol::command::Lifetime;
use protocol::ids::{ClientId, Side};

use super::*;
use crate::random::{Seed, Stream};
use crate::replay::account::{
    Asset, AssetTerms, Bracket, Brackets, Kind as Contract, Margin, MarketTerms,
};
use crate::replay::exchange::{ExchangeParams, Fills};
use crate::replay::fees::Schedule;
use crate::replay::impact;
use crate::replay::latency::{Delay, LatencyParams};
use crate::replay::queue::QueueModel;
use crate::replay::record::{self, MarketKind};
use crate::replay::venue::VenueParams;
use plain::plain;

const MS: u64 = 1_000_000;

struct Tape {
    header: Header,
    slots: Vec<Slot>,
    at: usize,
    batch: usize,
}

impl tape::Source for Tape {
    fn header(&self) -> &Header {
        &self.header
    }
    fn fill(&mut self, out: &mut Vec<Slot>) -> Result<bool, feed::Error> {
        let end = (self.at + self.batch).min(self.slots.len());
        out.extend_from_slice(&self.slots[self.at..end]);
        self.at = end;
        Ok(end < self.slots.len())
    }
}

fn unit() -> (Price, Qty) {
    ("0.1".parse().unwrap(), "0.001".parse().unwrap())
}

fn tape(events: &[Event], batch: usize) -> Tape {
    let (mut slots, mut encoder) = (Vec::new(), Encoder::default());
    events.iter().for_each(|event| encoder.push(event, &mut slots));
    let (price_unit, qty_unit) = unit();
    let listed = Listed { name: "BTC".into(), venue: String::new(), price_unit, qty_unit };
    let header = Header { source: "made".into(), instruments: vec![listed] };
    Tape { header, slots, at: 0, batch }
}

fn event(time: u64, kind: Kind, side: TapeSide, price: i64, qty: i64) -> Event {
    Event {
        exchange: Time::from_nanos(time),
        local: Time::from_nanos(time),
        instrument: 0,
        kind,
        side: Some(side),
        last: true,
        snapshot: false,
        price,
        qty,
        id: 0,
    }
}

fn latency(feed: u64, order: u64, answer: u64) -> LatencyParams {
    let constant = |nanos| Delay::Constant(Span::from_nanos(nanos));
    LatencyParams {
        feed: constant(feed),
        order: constant(order),
        answer: constant(answer),
        outages: vec![],
    }
}

const EXCHANGE: ExchangeParams =
    ExchangeParams { fills: Fills::Partial, queue: QueueModel::RiskAverse, consume: false };

fn terms(margin: Margin) -> MarketTerms {
    MarketTerms {
        kind: Contract::Linear { settle: Asset::CURRENCY, size: Qty::ONE },
        fees: Schedule::free(),
        delivery: Schedule::free(),
        liquidation: Schedule::free(),
        margin,
    }
}

fn usd(units: i64) -> Amount {
    Amount::from_raw(i128::from(units) * 100_000_000)
}

/// A run over tapes of one perpetual each, all on one account with that much cash.
fn setup<'a>(
    tapes: Vec<Tape>,
    latency: &LatencyParams,
    cash: Amount,
    strategy: &'a mut dyn Strategy,
) -> Setup<'a> {
    let (tick, lot) = unit();
    let market = |feed: usize| MarketSetup {
        feed,
        instrument: 0,
        account: 0,
        record: record::Market::new("BTC", "", MarketKind::Perpetual, tick, lot),
        venue: VenueParams::Book(EXCHANGE),
        impact: None,
        expiry: None,
    };
    let count = tapes.len();
    let source = |tape| FeedSetup { source: Box::new(tape), latency: latency.clone() };
    Setup {
        feeds: tapes.into_iter().map(source).collect(),
        markets: (0..count).map(market).collect(),
        accounts: vec![AccountSetup {
            assets: vec![AssetTerms::CASH],
            markets: vec![terms(Margin::None); count],
            turnover_daily: Amount::ZERO,
            deposits: vec![(Asset::CURRENCY, cash)],
            prices: vec![],
        }],
        strategy,
        hear: Hear::Change,
        hears_trades: false,
        start: None,
        end: None,
        sample: Span::SECOND,
        run: record::Run::default(),
    }
}

/// Acts at random on what it hears; every act is the same for the same events heard.
struct Monkey {
    stream: Stream,
    best: [(i64, i64); 2],
    last: u64,
    log: Rc<RefCell<Vec<String>>>,
}

impl Monkey {
    fn new(seed: u64, log: &Rc<RefCell<Vec<String>>>) -> Monkey {
        let stream = Seed(seed).stream("monkey", 0);
        Monkey { stream, best: [(0, 0); 2], last: 0, log: log.clone() }
    }
}

impl Strategy for Monkey {
    fn on(&mut self, event: &strategy::Event, intents: &mut Vec<Intent>) {
        self.log.borrow_mut().push(format!("{event:?}"));
        let ticks = |price: Price| price.raw() / unit().0.raw();
        if let strategy::Event::Quote { instrument, bid: Some(bid), ask: Some(ask) } = event {
            self.best[usize::from(instrument.0)] = (ticks(bid.price), ticks(ask.price));
        }
        if let strategy::Event::Wake { now } = *event {
            intents.push(Intent::WakeAt(now.after(Span::from_nanos(7_654_321))));
        }
        if !self.stream.chance(0.4) {
            return;
        }
        let at = self.stream.below(2) as u16;
        let (bid, ask) = self.best[usize::from(at)];
        if bid == 0 {
            return;
        }
        let instrument = Instrument(at);
        let client = ClientId(self.last + 1);
        if self.stream.chance(0.3) && self.last > 0 {
            let client = ClientId(self.last - self.stream.below(self.last.min(4)));
            intents.push(Intent::Cancel { instrument, client });
            return;
        }
        self.last += 1;
        let side = if self.stream.chance(0.5) { Side::Buy } else { Side::Sell };
        let lifetime = [Lifetime::Resting, Lifetime::Immediate, Lifetime::PostOnly]
            [self.stream.below(3) as usize];
        let price = match side {
            Side::Buy => bid + self.stream.below(4) as i64 - 1,
            Side::Sell => ask - self.stream.below(4) as i64 + 1,
        };
        let price = Price::from_raw(price * unit().0.raw());
        let qty = Qty::from_raw((1 + self.stream.below(30) as i64) * unit().1.raw());
        let reduce_only = false;
        intents.push(Intent::Place { instrument, side, price, qty, lifetime, reduce_only, client });
    }
}

/// A market's random life.
fn life(seed: u64, name: u64) -> Vec<Event> {
    let mut stream = Seed(seed).stream("life", name);
    let (mut time, mut mid) = (1_000 * MS + name * 331, 1_000i64);
    let mut events = vec![
        event(time, Kind::Level, TapeSide::Buy, mid - 1, 10),
        event(time, Kind::Level, TapeSide::Sell, mid + 1, 10),
    ];
    for _ in 0..300 {
        time += 1 + stream.below(2_000_000);
        mid += stream.below(3) as i64 - 1;
        let side = if stream.chance(0.5) { TapeSide::Buy } else { TapeSide::Sell };
        let sign = if side == TapeSide::Buy { 1 } else { -1 };
        events.push(if stream.chance(0.2) {
            event(time, Kind::Trade, side, mid + sign, 1 + stream.below(20) as i64)
        } else {
            let qty = stream.below(12) as i64;
            event(time, Kind::Level, side, mid - sign * (1 + stream.below(3) as i64), qty)
        });
    }
    events
}

/// What a strategy heard, each with the time of its last wake.
type Log = Rc<RefCell<Vec<(u64, strategy::Event)>>>;

type Filled = (u64, u16, Side, i64, i64, bool, u64);

fn fills_of(record: &record::Record) -> Vec<Filled> {
    let (price, qty) = unit();
    let row = |at: usize| {
        let fill = record.fills.row(at);
        let (price, qty) = (fill.price.raw() / price.raw(), fill.qty.raw() / qty.raw());
        (fill.time.nanos(), fill.market, fill.side, price, qty, fill.maker, fill.client.0)
    };
    (0..record.fills.len()).map(row).collect()
}

/// What was heard, without equity: the plain loop keeps no account.
fn heard(log: &Rc<RefCell<Vec<String>>>) -> Vec<String> {
    let log = log.borrow();
    log.iter().filter(|line| !line.starts_with("Equity")).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn the_loop_agrees_with_one_that_takes_every_event_from_a_sorted_list(
        seed: u64,
        feed in 0u64..5_000_000,
        order in 0u64..5_000_000,
        answer in 0u64..5_000_000,
        batch in 1usize..200,
    ) {
        let lives = [life(seed, 0), life(seed, 1)];
        let (one, other) = (Rc::default(), Rc::default());
        let expected = plain(&lives, [feed, order, answer], &mut Monkey::new(seed, &one));
        let mut monkey = Monkey::new(seed, &other);
        let tapes = lives.iter().map(|life| tape(life, batch)).collect();
        let delays = latency(feed, order, answer);
        let setup = setup(tapes, &delays, usd(1_000_000_000), &mut monkey);
        let record = run(setup, &mut |_, _| ()).unwrap();
        prop_assert_eq!(fills_of(&record), expected);
        let (expected, found) = (heard(&one), heard(&other));
        let shorter = expected.len().min(found.len());
        prop_assert!(expected.len().abs_diff(found.len()) <= 8, "only the last instant differs");
        prop_assert_eq!(&found[..shorter], &expected[..shorter]);
    }

    #[test]
    fn equity_moves_by_the_causes_alone_with_impact_and_without(seed: u64, slope in 0.0..1e-5) {
        let lives = [life(seed, 0), life(seed, 1)];
        let log = Rc::default();
        let mut monkey = Monkey::new(seed, &log);
        let tapes = lives.iter().map(|life| tape(life, 64)).collect();
        let delays = latency(MS, MS, MS);
        let mut setup = setup(tapes, &delays, usd(1_000_000), &mut monkey);
        for market in &mut setup.markets {
            let scale = impact::Scale { volatility: 0.03, volume: 1e9, window: None };
            let decay = Span::from_millis(50);
            market.impact = Some((impact::Model::Linear { slope, decay }, scale));
        }
        let record = run(setup, &mut |_, _| ()).unwrap();
        prop_assert!(record.check().is_ok());
        prop_assert!(record.fills.len() > 5);
    }
}

/// Sends one order on its first quote and keeps what it hears with its wakes.
struct Once {
    order: Option<Intent>,
    log: Log,
    now: u64,
}

impl Strategy for Once {
    fn on(&mut self, event: &strategy::Event, intents: &mut Vec<Intent>) {
        if let strategy::Event::Wake { now } = *event {
            self.now = now.nanos();
            intents.push(Intent::WakeAt(now.after(Span::from_millis(1))));
        }
        self.log.borrow_mut().push((self.now, *event));
        if matches!(event, strategy::Event::Quote { .. }) {
            intents.extend(self.order.take());
        }
    }
}

fn buy(ticks: i64, lots: i64, lifetime: Lifetime) -> Intent {
    Intent::Place {
        instrument: Instrument(0),
        side: Side::Buy,
        price: Price::from_raw(ticks * unit().0.raw()),
        qty: Qty::from_raw(lots * unit().1.raw()),
        lifetime,
        reduce_only: false,
        client: ClientId(1),
    }
}

fn once(order: Intent) -> (Once, Log) {
    let log = Rc::new(RefCell::new(Vec::new()));
    (Once { order: Some(order), log: log.clone(), now: 0 }, log)
}

#[test]
fn an_order_meets_the_book_of_its_arrival_and_is_answered_later() {
    let events = [
        event(100 * MS, Kind::Level, TapeSide::Buy, 999, 10),
        event(100 * MS, Kind::Level, TapeSide::Sell, 1_001, 10),
        event(112 * MS, Kind::Level, TapeSide::Sell, 1_001, 0),
        event(112 * MS, Kind::Level, TapeSide::Sell, 1_003, 10),
        event(300 * MS, Kind::Level, TapeSide::Sell, 1_003, 9),
    ];
    // heard at 105, met at 112 behind the change of that instant, answered at 115
    let (mut strategy, log) = once(buy(1_005, 5, Lifetime::Immediate));
    let delays = latency(5 * MS, 7 * MS, 3 * MS);
    let setup = setup(vec![tape(&events, 2)], &delays, usd(1_000), &mut strategy);
    let record = run(setup, &mut |_, _| ()).unwrap();
    assert_eq!(fills_of(&record), [(112 * MS, 0, Side::Buy, 1_003, 5, false, 1)]);
    let log = log.borrow();
    let filled = log.iter().find(|(_, event)| matches!(event, strategy::Event::Fill { .. }));
    assert!((114 * MS..=115 * MS).contains(&filled.unwrap().0), "{filled:?}");
    let quoted = log.iter().find(|(_, event)| matches!(event, strategy::Event::Quote { .. }));
    assert!((104 * MS..=105 * MS).contains(&quoted.unwrap().0), "{quoted:?}");
}

#[test]
fn an_order_beyond_its_margin_is_refused_and_one_within_is_not() {
    let events = [
        event(100 * MS, Kind::Level, TapeSide::Buy, 999, 1_000),
        event(100 * MS, Kind::Level, TapeSide::Sell, 1_001, 1_000),
        event(300 * MS, Kind::Level, TapeSide::Sell, 1_003, 9),
    ];
    for (lots, fills) in [(999, 1), (1_200, 0)] {
        let (mut strategy, log) = once(buy(1_001, lots, Lifetime::Immediate));
        let delays = latency(MS, MS, MS);
        let mut setup = setup(vec![tape(&events, 2)], &delays, usd(11), &mut strategy);
        let half = |above| Bracket {
            above,
            initial: Rate::from_bp(1_000),
            maintenance: Rate::from_bp(500),
        };
        let brackets = Brackets::new(&[half(Amount::ZERO)]).unwrap();
        setup.accounts[0].markets = vec![terms(Margin::Brackets(brackets))];
        let record = run(setup, &mut |_, _| ()).unwrap();
        assert_eq!(record.fills.len(), fills, "{lots} lots");
        let refused = |(_, event): &(u64, strategy::Event)| {
            matches!(event, strategy::Event::Gone { refused: true, .. })
        };
        assert_eq!(log.borrow().iter().any(refused), fills == 0);
        assert_eq!(record.markets[0].counts.refused, 1 - fills as u64);
    }
}

#[test]
fn an_account_below_maintenance_margin_is_closed_by_its_venue() {
    let mut events = vec![
        event(100 * MS, Kind::Level, TapeSide::Buy, 999, 1_000),
        event(100 * MS, Kind::Level, TapeSide::Sell, 1_001, 1_000),
        event(2_000 * MS, Kind::Clear, TapeSide::Buy, 0, 0),
        event(2_000 * MS, Kind::Level, TapeSide::Buy, 899, 1_000),
        event(2_000 * MS, Kind::Level, TapeSide::Sell, 901, 1_000),
        event(9_000 * MS, Kind::Level, TapeSide::Sell, 901, 1_000),
    ];
    events[2].side = None;
    let (mut strategy, _) = once(buy(1_001, 1_000, Lifetime::Immediate));
    let delays = latency(MS, MS, MS);
    let mut setup = setup(vec![tape(&events, 2)], &delays, usd(12), &mut strategy);
    let bracket = Bracket {
        above: Amount::ZERO,
        initial: Rate::from_bp(1_000),
        maintenance: Rate::from_bp(500),
    };
    let margin = Margin::Brackets(Brackets::new(&[bracket]).unwrap());
    setup.accounts[0].markets = vec![terms(margin)];
    let record = run(setup, &mut |_, _| ()).unwrap();
    assert_eq!(record.incidents.len(), 1, "{:?}", record.incidents);
    assert_eq!(record.samples.markets[0].last().unwrap().position, Qty::ZERO);
    // bought one coin at 100.1, closed at the middle of 90: 1.9 of 12 are left
    assert_eq!(record.equity_end, "1.9".parse().unwrap());
}

#[test]
fn funding_is_paid_on_what_is_held_then() {
    let mut events = vec![
        event(100 * MS, Kind::Level, TapeSide::Buy, 999, 1_000),
        event(100 * MS, Kind::Level, TapeSide::Sell, 1_001, 1_000),
        event(500 * MS, Kind::Mark, TapeSide::Sell, 2_000, 0),
        event(600 * MS, Kind::Funding, TapeSide::Sell, 1_000_000_000, 0),
        event(700 * MS, Kind::Level, TapeSide::Sell, 1_001, 999),
    ];
    events[3].side = None;
    let (mut strategy, _) = once(buy(1_001, 1_000, Lifetime::Immediate));
    let delays = latency(MS, MS, MS);
    let setup = setup(vec![tape(&events, 2)], &delays, usd(1_000), &mut strategy);
    let record = run(setup, &mut |_, _| ()).unwrap();
    // 0.1 % of one coin at a mark of 200
    let paid = record.markets[0].ledger.part(record::Cause::Funding);
    assert_eq!(paid, "-0.2".parse().unwrap());
}

#[test]
fn own_trades_move_the_market_and_the_move_wears_off() {
    let mut events = vec![
        event(100 * MS, Kind::Level, TapeSide::Buy, 9_990, 100_000),
        event(100 * MS, Kind::Level, TapeSide::Sell, 10_010, 100_000),
    ];
    for at in 1..400 {
        events.push(event((100 + at) * MS, Kind::Level, TapeSide::Buy, 9_000, at as i64));
    }
    let (mut strategy, log) = once(buy(11_000, 1_000, Lifetime::Immediate));
    let delays = latency(MS, MS, MS);
    let mut setup = setup(vec![tape(&events, 64)], &delays, usd(100_000), &mut strategy);
    // 1 % for the 1,001 USD that are taken, half of it on average on the way
    let model = impact::Model::Linear { slope: 0.01 / 1_001.0, decay: Span::from_millis(30) };
    let scale = impact::Scale { volatility: 0.03, volume: 1e9, window: None };
    setup.markets[0].impact = Some((model, scale));
    let record = run(setup, &mut |_, _| ()).unwrap();
    let fills = fills_of(&record);
    assert_eq!(fills.len(), 1);
    assert!((10_059..=10_061).contains(&fills[0].3), "{fills:?}");
    let bids: Vec<i64> = log
        .borrow()
        .iter()
        .filter_map(|(_, event)| {
            let strategy::Event::Quote { bid: Some(bid), .. } = event else { return None };
            Some(bid.price.raw() / unit().0.raw())
        })
        .collect();
    let top = *bids.iter().max().unwrap();
    assert!((10_085..=10_090).contains(&top), "the quotes rise by 1 %: {bids:?}");
    assert_eq!(*bids.last().unwrap(), 9_990, "and come back: {bids:?}");
}

/// Sends each order at the first wake from its time on and keeps what it hears.
struct Timed {
    orders: Vec<(u64, Intent)>,
    log: Log,
    now: u64,
}

impl Strategy for Timed {
    fn on(&mut self, event: &strategy::Event, intents: &mut Vec<Intent>) {
        if let strategy::Event::Wake { now } = *event {
            self.now = now.nanos();
            intents.push(Intent::WakeAt(now.after(Span::from_millis(1))));
            let due = self.orders.iter().take_while(|(time, _)| *time <= self.now).count();
            intents.extend(self.orders.drain(..due).map(|(_, order)| order));
        }
        self.log.borrow_mut().push((self.now, *event));
    }
}

fn quiet_market() -> Vec<Event> {
    let mut events = vec![
        event(100 * MS, Kind::Level, TapeSide::Buy, 9_000, 100_000),
        event(100 * MS, Kind::Level, TapeSide::Sell, 11_000, 100_000),
    ];
    events.extend(
        (1..400).map(|at| event((100 + at) * MS, Kind::Level, TapeSide::Buy, 8_000, at as i64)),
    );
    events
}

#[test]
fn own_orders_of_both_sides_outlive_a_market_that_comes_back_past_them() {
    let quote = |side, ticks: i64, client| Intent::Place {
        instrument: Instrument(0),
        side,
        price: Price::from_raw(ticks * unit().0.raw()),
        qty: unit().1,
        lifetime: Lifetime::Resting,
        reduce_only: false,
        client: ClientId(client),
    };
    let orders = vec![
        (110 * MS, buy(12_500, 1_000, Lifetime::Immediate)),
        (114 * MS, quote(Side::Buy, 10_900, 2)),
        (114 * MS, quote(Side::Sell, 10_950, 3)),
    ];
    let log: Log = Rc::new(RefCell::new(Vec::new()));
    let mut strategy = Timed { orders, log: log.clone(), now: 0 };
    let delays = latency(MS, MS, MS);
    let mut setup = setup(vec![tape(&quiet_market(), 64)], &delays, usd(100_000), &mut strategy);
    let model = impact::Model::Linear { slope: 0.1 / 1_100.0, decay: Span::from_millis(30) };
    let scale = impact::Scale { volatility: 0.03, volume: 1e9, window: None };
    setup.markets[0].impact = Some((model, scale));
    let record = run(setup, &mut |_, _| ()).unwrap();
    assert_eq!(record.fills.len(), 1, "only the order that took");
    let gone = |(_, event): &&(u64, strategy::Event)| matches!(event, strategy::Event::Gone { .. });
    assert_eq!(log.borrow().iter().find(gone), None);
}

#[test]
fn a_market_that_has_settled_takes_no_orders() {
    let log: Log = Rc::new(RefCell::new(Vec::new()));
    let orders = vec![(120 * MS, buy(11_000, 1, Lifetime::Immediate))];
    let mut strategy = Timed { orders, log, now: 0 };
    let delays = latency(MS, MS, MS);
    let mut setup = setup(vec![tape(&quiet_market(), 64)], &delays, usd(100_000), &mut strategy);
    setup.markets[0].expiry = Some(Time::from_nanos(110 * MS));
    let record = run(setup, &mut |_, _| ()).unwrap();
    assert_eq!((record.fills.len(), record.markets[0].counts.refused), (0, 1));
}

#[test]
fn a_run_that_starts_later_tells_the_last_quote_alone_of_those_before() {
    let mut events = quiet_market();
    events.truncate(2);
    events.extend(
        (1..99).map(|at| event((100 + at) * MS, Kind::Level, TapeSide::Buy, 9_000 + at as i64, 5)),
    );
    let log: Log = Rc::new(RefCell::new(Vec::new()));
    let mut strategy = Timed { orders: vec![], log: log.clone(), now: 0 };
    let delays = latency(MS, MS, MS);
    let mut setup = setup(vec![tape(&events, 64)], &delays, usd(100_000), &mut strategy);
    setup.start = Some(Time::from_nanos(150 * MS));
    run(setup, &mut |_, _| ()).unwrap();
    let log = log.borrow();
    let woken = log.iter().position(|(_, e)| matches!(e, strategy::Event::Wake { .. })).unwrap();
    let quotes = log[..woken].iter().filter_map(|(_, event)| {
        let strategy::Event::Quote { bid: Some(bid), .. } = event else { return None };
        Some(bid.price.raw() / unit().0.raw())
    });
    assert_eq!(quotes.collect::<Vec<_>>(), [9_049]);
}

#[test]
fn a_second_order_of_a_name_is_refused_and_the_first_stays_an_order_of_its_account() {
    let log: Log = Rc::new(RefCell::new(Vec::new()));
    let order = buy(9_500, 1, Lifetime::Resting);
    let mut strategy = Timed { orders: vec![(110 * MS, order), (115 * MS, order)], log, now: 0 };
    let mut events = quiet_market();
    events.truncate(2);
    events.push(event(130 * MS, Kind::Trade, TapeSide::Sell, 9_400, 1));
    events.push(event(140 * MS, Kind::Level, TapeSide::Buy, 8_000, 1));
    let delays = latency(MS, MS, MS);
    let setup = setup(vec![tape(&events, 64)], &delays, usd(100_000), &mut strategy);
    let record = run(setup, &mut |_, _| ()).unwrap();
    let counts = &record.markets[0].counts;
    assert_eq!((counts.refused, counts.orders_filled, record.fills.len()), (1, 1, 1));
}

/// Rests an order at its first quote, wakes just after its fill and keeps what it hears.
struct Woken(Option<Intent>, Log);

impl Strategy for Woken {
    fn on(&mut self, event: &strategy::Event, intents: &mut Vec<Intent>) {
        self.1.borrow_mut().push((0, *event));
        if matches!(event, strategy::Event::Quote { .. }) {
            intents.extend(self.0.take());
        }
        if matches!(event, strategy::Event::Fill { .. }) {
            intents.push(Intent::WakeAt(Time::from_nanos(132 * MS)));
        }
    }
}

#[test]
fn a_wake_after_a_fill_does_not_tell_the_quote_that_comes_later() {
    let log: Log = Rc::new(RefCell::new(Vec::new()));
    let mut strategy = Woken(Some(buy(9_500, 1, Lifetime::Resting)), log.clone());
    let mut events = quiet_market();
    events.truncate(2);
    events.push(event(130 * MS, Kind::Trade, TapeSide::Sell, 9_400, 1));
    events.push(event(140 * MS, Kind::Level, TapeSide::Buy, 9_100, 1));
    let delays = latency(MS, MS, MS);
    let setup = setup(vec![tape(&events, 64)], &delays, usd(100_000), &mut strategy);
    run(setup, &mut |_, _| ()).unwrap();
    let later = Price::from_raw(9_100 * unit().0.raw());
    let log = log.borrow();
    let told = log.iter().position(|(_, event)| {
        matches!(event, strategy::Event::Quote { bid: Some(bid), .. } if bid.price == later)
    });
    let woken = log.iter().position(
        |(_, event)| matches!(event, strategy::Event::Wake { now } if now.nanos() == 132 * MS),
    );
    assert!(woken.unwrap() < told.unwrap(), "{log:?}");
}
