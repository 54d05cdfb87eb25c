//! Each fault is found where it is, and a sound tape has none.

use super::*;
use crate::tape::tests::level;
use crate::tape::{Encoder, Listed, Side, Slot};

struct Given(Header, Vec<Event>);

impl Source for Given {
    fn header(&self) -> &Header {
        &self.0
    }

    fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, Error> {
        let mut encoder = Encoder::default();
        let events = std::mem::take(&mut self.1);
        events.iter().for_each(|event| encoder.push(event, slots));
        Ok(!events.is_empty())
    }
}

fn checked(events: &[Event]) -> Summary {
    let listed = Listed {
        name: "BTC".to_owned(),
        venue: String::new(),
        price_unit: "0.1".parse().unwrap(),
        qty_unit: "0.001".parse().unwrap(),
    };
    let header = Header { source: "given".to_owned(), instruments: vec![listed] };
    check(&mut Given(header, events.to_vec()), &Limits::default()).unwrap()
}

fn of(kind: Kind, side: Side, seconds: u64, price: i64, qty: i64) -> Event {
    Event { kind, side: Some(side), qty, ..level(seconds, price) }
}

fn bid(seconds: u64, price: i64, qty: i64) -> Event {
    of(Kind::Level, Side::Buy, seconds, price, qty)
}

fn ask(seconds: u64, price: i64, qty: i64) -> Event {
    of(Kind::Level, Side::Sell, seconds, price, qty)
}

fn trade(seconds: u64, price: i64, id: u64) -> Event {
    Event { id, ..of(Kind::Trade, Side::Buy, seconds, price, 5) }
}

fn order(kind: Kind, seconds: u64, id: u64, qty: i64) -> Event {
    Event { id, ..of(kind, Side::Buy, seconds, 1000, qty) }
}

fn bar(seconds: u64, [open, high, low, close]: [i64; 4]) -> Vec<Event> {
    let part =
        |kind: Kind, price: i64| Event { kind, side: None, last: false, ..level(seconds, price) };
    let end = Event { last: true, id: 60_000_000_000, ..part(Kind::Close, close) };
    vec![part(Kind::Open, open), part(Kind::High, high), part(Kind::Low, low), end]
}

fn funding(seconds: u64) -> Event {
    Event { side: None, qty: 0, ..of(Kind::Funding, Side::Buy, seconds, 1, 0) }
}

/// A snapshot of 1000 and 1001.
fn start() -> Vec<Event> {
    let part = |event: Event| Event { snapshot: true, last: false, ..event };
    vec![part(bid(1, 1000, 5)), part(bid(1, 990, 5)), Event { snapshot: true, ..ask(1, 1001, 5) }]
}

fn behind(events: Vec<Event>) -> Vec<Event> {
    [start(), events].concat()
}

/// Where each fault was first seen.
fn faults(events: &[Event]) -> Vec<(Fault, u64, u64)> {
    let findings = checked(events).findings;
    findings.iter().map(|(fault, found)| (*fault, found.count, found.examples[0].event)).collect()
}

#[test]
fn a_sound_tape_has_no_findings() {
    let events = [
        behind(vec![bid(2, 1000, 0), bid(3, 999, 4), trade(4, 1001, 7), trade(5, 1001, 8)]),
        bar(60, [10, 12, 9, 11]),
        bar(120, [11, 11, 11, 11]),
        vec![funding(200), funding(3800), funding(7405)],
    ]
    .concat();
    let summary = checked(&events);
    assert!(summary.findings.is_empty(), "{:?}", summary.findings);
    assert_eq!((summary.events, summary.messages), (18, 10));
    assert_eq!(summary.kinds[&Kind::Trade], 2);
    let delays = summary.delays.unwrap();
    assert_eq!((delays.least, delays.most), (5_000_000, 5_000_000));
    assert_eq!(delays.median, 5_000_000, "clamped to what there was");
}

#[test]
fn every_fault_is_found_where_it_is() {
    let at = |event: Event, exchange: i64, local: i64| Event {
        exchange: Time::from_nanos(event.exchange.nanos().saturating_add_signed(exchange)),
        local: Time::from_nanos(event.local.nanos().saturating_add_signed(local)),
        ..event
    };
    let second = 1_000_000_000;
    let table: Vec<(Fault, u64, Vec<Event>)> = vec![
        (Fault::UnknownInstrument, 4, behind(vec![Event { instrument: 1, ..bid(2, 5, 1) }])),
        (Fault::LocalBackwards, 5, behind(vec![bid(3, 999, 4), at(bid(3, 998, 4), 0, -2)])),
        (Fault::LocalBeforeExchange, 4, behind(vec![at(bid(2, 999, 4), second, 0)])),
        (Fault::ExchangeBackwards, 5, behind(vec![bid(9, 999, 4), at(bid(9, 998, 4), -2, 0)])),
        (Fault::Gap, 4, behind(vec![bid(62, 999, 4)])),
        (Fault::BadValue, 4, behind(vec![bid(2, 0, 4)])),
        (Fault::BadValue, 4, behind(vec![of(Kind::Trade, Side::Buy, 2, 1000, 0)])),
        (Fault::Crossed, 4, behind(vec![bid(2, 1002, 4), bid(3, 1002, 5)])),
        (Fault::Locked, 4, behind(vec![bid(2, 1001, 4)])),
        (
            Fault::RepeatedTrade,
            6,
            behind(vec![trade(2, 1001, 7), trade(3, 1001, 8), trade(4, 1000, 7)]),
        ),
        (Fault::RepeatedMessage, 5, behind(vec![bid(2, 999, 4), at(bid(2, 999, 4), 0, 5)])),
        (Fault::AbsentLevel, 4, behind(vec![bid(2, 998, 0)])),
        (Fault::FarTrade, 4, behind(vec![trade(2, 1012, 7)])),
        (Fault::FarTrade, 4, behind(vec![trade(2, 989, 7)])),
        (
            Fault::SnapshotWithin,
            5,
            [behind(vec![bid(2, 999, 4)]), vec![Event { snapshot: true, ..bid(3, 1000, 5) }]]
                .concat(),
        ),
        (Fault::NoSnapshot, 1, vec![bid(2, 999, 4)]),
        (Fault::Unended, 4, behind(vec![Event { last: false, ..bid(2, 999, 4) }])),
        (Fault::RepeatedOrder, 2, vec![order(Kind::Add, 1, 5, 9), order(Kind::Add, 2, 5, 9)]),
        (Fault::UnknownOrder, 2, vec![order(Kind::Add, 1, 5, 9), order(Kind::Remove, 2, 6, 0)]),
        (Fault::BadBar, 4, bar(60, [10, 9, 8, 9])),
        (Fault::BadBar, 2, vec![bar(60, [10, 12, 9, 11])[0], bar(60, [10, 12, 9, 11])[2]]),
        (Fault::BadBar, 8, [bar(60, [1, 1, 1, 1]), bar(60, [1, 1, 1, 1])].concat()),
        (Fault::BadBar, 8, [bar(60, [1, 1, 1, 1]), bar(150, [1, 1, 1, 1])].concat()),
        (Fault::MissingBars, 8, [bar(60, [1, 1, 1, 1]), bar(240, [1, 1, 1, 1])].concat()),
        (Fault::RepeatedFunding, 2, vec![funding(60), funding(60)]),
        (Fault::FundingInterval, 3, vec![funding(60), funding(3660), funding(10_860)]),
    ];
    for (fault, event, events) in table {
        let mut found = faults(&events);
        // A bar that is broken off does not end its message either.
        found.retain(|(other, ..)| *other != Fault::Unended || fault == Fault::Unended);
        assert_eq!(found, [(fault, 1, event)], "{events:?}");
    }
}

#[test]
fn clocks_that_jump_and_drift_are_measured() {
    let delayed = |minute: u64, delay: u64| {
        let event = bid(minute * 60 + 3, 999, minute.cast_signed() + 1);
        Event { local: Time::from_nanos(event.exchange.nanos() + delay), ..event }
    };
    // 60 µs a minute are one part per million.
    let drifting: Vec<Event> =
        (1..60).map(|minute| delayed(minute, 5_000_000 + 60_000 * minute)).collect();
    let summary = checked(&drifting);
    let drift = summary.delays.unwrap().drift_ppm.unwrap();
    assert!((drift - 1.0).abs() < 1e-9, "{drift}");
    assert!(!summary.findings.contains_key(&Fault::ClockJump));
    let mut jumping = drifting;
    jumping.extend((60..63).map(|minute| delayed(minute, 700_000_000)));
    let found = checked(&jumping);
    let jump = &found.findings[&Fault::ClockJump];
    assert_eq!((jump.count, jump.examples[0].event), (1, 61));
    jumping.truncate(60);
    assert_eq!(checked(&jumping).findings[&Fault::ClockJump].count, 1, "in the last minute too");
}

#[test]
fn orders_make_the_levels_of_a_book() {
    let sell = Event { side: Some(Side::Sell), price: 1001, ..order(Kind::Add, 1, 9, 5) };
    let mut events = vec![
        order(Kind::Add, 1, 5, 9),
        sell,
        Event { price: 999, ..order(Kind::Change, 2, 5, 9) },
        order(Kind::Execute, 3, 5, 4),
        order(Kind::Execute, 4, 5, 5),
    ];
    assert_eq!(faults(&events), []);
    events.push(order(Kind::Remove, 5, 5, 0));
    assert_eq!(faults(&events), [(Fault::UnknownOrder, 1, 6)], "it has traded out");
    events.truncate(3);
    events.push(Event { price: 1002, ..order(Kind::Change, 5, 5, 9) });
    assert_eq!(faults(&events), [(Fault::Crossed, 1, 4)]);
}
