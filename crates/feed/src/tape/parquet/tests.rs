//! Tapes through Parquet and back.

use std::fs::File;

use super::*;
use crate::error::Error;
use crate::meter::Meter;
use crate::tape::tests::{any_event, level};
use crate::tape::{Decoder, Kind, Listed, Sink, Source};
use money::Time;
use proptest::prelude::*;

fn listed(name: &str, venue: &str, price_unit: &str, qty_unit: &str) -> Listed {
    Listed {
        name: name.to_owned(),
        venue: venue.to_owned(),
        price_unit: price_unit.parse().unwrap(),
        qty_unit: qty_unit.parse().unwrap(),
    }
}

fn header() -> Header {
    let instruments = vec![
        listed("BTC", "a", "0.1", "0.001"),
        listed("BTC", "b", "0.25", "1"),
        listed("ETH", "b", "0.00000001", "0.00000001"),
    ];
    Header { source: "by hand".to_owned(), instruments }
}

fn written(events: &[Event]) -> Result<Vec<u8>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("t.parquet");
    let mut writer = Box::new(Writer::new(&place)?);
    let (mut slots, mut encoder) = (Vec::new(), Encoder::default());
    events.iter().for_each(|event| encoder.push(event, &mut slots));
    writer.write(&header(), &slots)?;
    writer.finish()?;
    Ok(std::fs::read(place).unwrap())
}

fn read(bytes: &[u8]) -> Result<(Header, Vec<Event>), Error> {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("t.parquet");
    std::fs::write(&place, bytes).unwrap();
    let mut reader = Reader::new("t", File::open(&place).unwrap(), &Meter::default())?;
    let (mut events, mut decoder, mut slots) = (Vec::new(), Decoder::default(), Vec::new());
    while reader.fill(&mut slots)? {
        let mut left = slots.as_slice();
        events.extend(std::iter::from_fn(|| decoder.next(&mut left)));
        assert!(left.is_empty());
        slots.clear();
    }
    Ok((reader.header().clone(), events))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_written_is_read(events in prop::collection::vec(any_event(), 0..60)) {
        let storable = |event: Event| {
            let time = |time: Time| Time::from_nanos(time.nanos() >> 1);
            let (exchange, local) = (time(event.exchange), time(event.local));
            Event { exchange, local, instrument: event.instrument % 3, ..event }
        };
        let events: Vec<Event> = events.into_iter().map(storable).collect();
        prop_assert_eq!(read(&written(&events).unwrap()).unwrap(), (header(), events));
    }

    #[test]
    fn damage_is_refused_or_without_effect(at in any::<prop::sample::Index>(), flip in 1u8..) {
        let events: Vec<Event> = (1..300).map(|number| level(number, 600_000)).collect();
        let bytes = written(&events).unwrap();
        let mut damaged = bytes.clone();
        damaged[at.index(bytes.len())] ^= flip;
        if let Ok((_, found)) = read(&damaged) {
            prop_assert_eq!(found, events);
        }
        prop_assert!(read(&bytes[..at.index(bytes.len())]).is_err());
    }
}

#[test]
fn several_groups_and_batches_are_one_tape() {
    let events: Vec<Event> = (0..140_000).map(|number| level(number, number as i64)).collect();
    assert_eq!(read(&written(&events).unwrap()).unwrap().1, events);
}

#[test]
fn users_see_decimals_and_names() {
    let of = |kind: Kind, price: i64| {
        columns::Numbers::of(
            &Event { kind, qty: 2_500, ..level(1, price) },
            &header().instruments[0],
        )
    };
    let trade = of(Kind::Trade, 600_001);
    assert_eq!((trade.price, trade.qty), (Some(6_000_010_000_000), Some(250_000_000)));
    assert_eq!((trade.rate, trade.price_units, trade.qty_units), (None, None, None));
    let far = of(Kind::Trade, i64::MAX);
    assert_eq!((far.price, far.price_units), (None, Some(i64::MAX)));
    let long = of(Kind::Trade, 100_000_000_000);
    assert_eq!((long.price, long.price_units), (None, Some(100_000_000_000)), "19 digits");
    let funding = of(Kind::Funding, 100_000_000);
    assert_eq!((funding.rate, funding.price), (Some(100_000_000), None));
    let volatility = of(Kind::Volatility, 50_000_000);
    assert_eq!(volatility.rate, Some(500_000_000_000));
    assert_eq!(of(Kind::PoolTick, -7).price_units, Some(-7));
    assert_eq!(labels(&header()), ["BTC@a", "BTC@b", "ETH"]);
    let twin = Header { instruments: vec![listed("X", "v", "1", "1"); 2], ..header() };
    assert_eq!(labels(&twin), ["X@v", "X@v#1"]);
}

#[test]
fn times_beyond_the_type_and_foreign_tables_are_refused() {
    let far = Event { exchange: Time::from_nanos(u64::MAX), ..level(1, 1) };
    let said = written(&[level(1, 1), far]).unwrap_err().to_string();
    assert!(said.contains(":2: `18446744073709551615` is not a time"), "{said}");
    let foreign = Event { instrument: 9, ..level(1, 1) };
    let said = written(&[foreign]).unwrap_err().to_string();
    assert!(said.contains(":1: an event is of an instrument that is not listed"), "{said}");
}

#[test]
fn rows_that_are_not_those_written_are_refused() {
    let events: Vec<Event> = (1..300).map(|number| level(number, 600_000)).collect();
    let bytes = written(&events).unwrap();
    let mut sum = Sum::default();
    events.iter().for_each(|event| sum.add(event));
    let checksum = format!("{:08x}", sum.checksum());
    let table = [
        (EVENTS, "299".to_owned(), "298", "299 events where 298 were written"),
        (CHECKSUM, checksum, "01234567", "01234567"),
    ];
    for (key, stored, other, expected) in table {
        let mut changed = bytes.clone();
        let key = changed.windows(key.len()).position(|part| part == key.as_bytes()).unwrap();
        let value = changed[key..].windows(stored.len()).position(|p| p == stored.as_bytes());
        let start = key + value.unwrap();
        changed[start..start + stored.len()].copy_from_slice(other.as_bytes());
        let said = read(&changed).unwrap_err().to_string();
        assert!(said.contains(expected), "{said}");
    }
}
