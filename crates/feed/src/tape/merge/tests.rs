//! Sources joined and parted.

use super::*;
use crate::tape::Kind;
use crate::tape::tests::level;
use proptest::prelude::*;

/// A source of messages, given in batches of one message each.
struct Given {
    header: Header,
    /// The header after the first batch.
    later: Option<Header>,
    messages: std::vec::IntoIter<Vec<Event>>,
    encoder: Encoder,
}

impl Source for Given {
    fn header(&self) -> &Header {
        &self.header
    }

    fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, Error> {
        let Some(message) = self.messages.next() else { return Ok(false) };
        message.iter().for_each(|event| self.encoder.push(event, slots));
        if self.messages.len() == 0
            && let Some(later) = self.later.take()
        {
            self.header = later;
        }
        Ok(true)
    }
}

fn listed(name: &str, price_unit: &str) -> Listed {
    Listed {
        name: name.to_owned(),
        venue: "test".to_owned(),
        price_unit: price_unit.parse().unwrap(),
        qty_unit: "0.001".parse().unwrap(),
    }
}

fn given(instruments: Vec<Listed>, messages: Vec<Vec<Event>>) -> Given {
    let header = Header { source: "given".to_owned(), instruments };
    Given { header, later: None, messages: messages.into_iter(), encoder: Encoder::default() }
}

fn merged(sources: Vec<Given>) -> Result<(Header, Vec<Event>), Error> {
    let boxed = |(index, source): (usize, Given)| {
        (format!("file{index}"), Box::new(source) as Box<dyn Source>)
    };
    drained(Merge::new(sources.into_iter().enumerate().map(boxed).collect())?)
}

fn drained(mut source: impl Source) -> Result<(Header, Vec<Event>), Error> {
    let (mut events, mut decoder, mut slots) = (Vec::new(), Decoder::default(), Vec::new());
    while source.fill(&mut slots)? {
        let mut left = slots.as_slice();
        events.extend(std::iter::from_fn(|| decoder.next(&mut left)));
        assert!(left.is_empty());
        slots.clear();
    }
    Ok((source.header().clone(), events))
}

#[test]
fn messages_go_in_the_order_of_receipt_and_stay_whole() {
    let part = |event: Event| Event { last: false, ..event };
    let first = vec![vec![part(level(1, 10)), level(9, 11)], vec![level(4, 12)]];
    let second = vec![vec![level(1, 20)], vec![level(3, 21)], vec![level(5, 22)]];
    let sources =
        vec![given(vec![listed("A", "0.1")], first), given(vec![listed("B", "0.1")], second)];
    let (header, events) = merged(sources).unwrap();
    let found: Vec<(u16, i64)> = events.iter().map(|e| (e.instrument, e.price)).collect();
    assert_eq!(found, [(0, 10), (0, 11), (1, 20), (1, 21), (0, 12), (1, 22)]);
    assert_eq!(header.instruments, [listed("A", "0.1"), listed("B", "0.1")]);
}

#[test]
fn one_instrument_of_two_files_is_one_in_the_finest_unit() {
    let funding = Event { kind: Kind::Funding, side: None, qty: 0, ..level(3, 7) };
    let sources = vec![
        given(vec![listed("A", "0.25")], vec![vec![level(1, 4)], vec![funding]]),
        given(vec![listed("A", "0.1")], vec![vec![level(2, 10)]]),
    ];
    let (header, events) = merged(sources).unwrap();
    assert_eq!(header.instruments, [listed("A", "0.05")]);
    let prices: Vec<i64> = events.iter().map(|event| event.price).collect();
    assert_eq!(prices, [20, 20, 7]);
}

#[test]
fn instruments_that_come_late_are_added_or_refused() {
    let late = |unit: &str| {
        let mut source =
            given(vec![listed("A", "0.1")], vec![vec![level(1, 4)], vec![level(5, 5)]]);
        source.messages =
            vec![vec![level(1, 4)], vec![Event { instrument: 1, ..level(5, 5) }]].into_iter();
        let mut header = source.header.clone();
        header.instruments.push(listed("B", unit));
        source.later = Some(header);
        source
    };
    let other = || given(vec![listed("B", "0.1")], vec![vec![level(2, 10)]]);
    let (header, events) = merged(vec![late("0.2"), other()]).unwrap();
    assert_eq!(header.instruments.len(), 2);
    let found: Vec<(u16, i64)> = events.iter().map(|e| (e.instrument, e.price)).collect();
    assert_eq!(found, [(0, 4), (1, 10), (1, 10)]);
    let said = merged(vec![late("0.01"), other()]).unwrap_err().to_string();
    assert!(said.starts_with("file0: `B` is listed behind its first events"), "{said}");
    let far = vec![vec![Event { instrument: 3, ..level(1, 1) }]];
    let said = merged(vec![given(vec![listed("A", "1")], far)]).unwrap_err().to_string();
    assert_eq!(said, "file0: an event is of an instrument that is not listed");
}

#[test]
fn one_instrument_is_picked_with_its_messages_ended() {
    let of =
        |instrument: u16, price: i64, last: bool| Event { instrument, last, ..level(1, price) };
    let messages = vec![
        vec![of(1, 10, false), of(0, 11, true)],
        vec![of(0, 12, false), of(1, 13, false), of(1, 14, false), of(0, 15, true)],
        vec![of(0, 16, true)],
    ];
    let source = given(vec![listed("A", "0.1"), listed("B", "0.1")], messages);
    let only = Only::new("file", Box::new(source), "B").unwrap();
    let (header, events) = drained(only).unwrap();
    let found: Vec<(u16, i64, bool)> =
        events.iter().map(|e| (e.instrument, e.price, e.last)).collect();
    assert_eq!(found, [(0, 10, true), (0, 13, false), (0, 14, true)]);
    assert_eq!(header.instruments, [listed("B", "0.1")]);
    let source = given(vec![listed("A", "0.1")], Vec::new());
    let refused = Only::new("file", Box::new(source), "C").err().unwrap().to_string();
    assert_eq!(refused, "file: has no rows of symbol `C`; it has A");
}

proptest! {
    #[test]
    fn a_merge_is_a_stable_sort_of_messages(
        times in prop::collection::vec((0u64..20, 0usize..3), 0..60),
    ) {
        let mut sorted = times.clone();
        sorted.sort();
        let mut parts = vec![Vec::new(); 3];
        for (number, (time, part)) in sorted.iter().enumerate() {
            parts[*part].push(vec![level(*time, number as i64)]);
        }
        let names = ["A", "B", "C"];
        let sources = parts.into_iter().zip(names).map(|(m, n)| given(vec![listed(n, "1")], m));
        let (_, events) = merged(sources.collect()).unwrap();
        let found: Vec<(u64, usize)> = events
            .iter()
            .map(|e| (e.exchange.nanos() / 1_000_000_000 - 1_700_000_000, e.instrument.into()))
            .collect();
        prop_assert_eq!(found, sorted);
    }
}
