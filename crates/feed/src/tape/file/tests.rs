//! Tapes written and read; any damage is refused with its place.

use super::*;
use crate::tape::tests::{any_event, level};
use crate::tape::{Decoder, Encoder, Event};
use proptest::prelude::*;

fn header(count: u16) -> Header {
    let listed = |number: u16| Listed {
        name: format!("COIN{number}"),
        venue: "test".to_owned(),
        price_unit: "0.1".parse().unwrap(),
        qty_unit: "0.001".parse().unwrap(),
    };
    Header { source: "by hand".to_owned(), instruments: (0..count).map(listed).collect() }
}

/// A tape of these events, written in batches of so many.
fn written(header: &Header, events: &[Event], batch: usize) -> (Vec<u8>, Counts) {
    let mut writer = Writer::new("tape", Vec::new()).unwrap();
    let mut encoder = Encoder::default();
    for events in events.chunks(batch) {
        let mut slots = Vec::new();
        events.iter().for_each(|event| encoder.push(event, &mut slots));
        writer.append(header, &slots).unwrap();
    }
    writer.end().unwrap()
}

type Read = (Header, Vec<Event>, Counts);

fn read(bytes: &[u8]) -> Result<Read, Error> {
    let mut reader = Reader::new("tape", bytes)?;
    let (mut events, mut decoder, mut slots) = (Vec::new(), Decoder::default(), Vec::new());
    while reader.fill(&mut slots)? {
        let mut left = slots.as_slice();
        events.extend(std::iter::from_fn(|| decoder.next(&mut left)));
        assert!(left.is_empty());
        slots.clear();
    }
    Ok((reader.header().clone(), events, reader.counts()))
}

fn refusal(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

/// 40,000 events, of which every tenth is wide: six blocks.
fn long() -> Vec<Event> {
    let event = |number: u64| Event {
        id: if number.is_multiple_of(10) { number } else { 0 },
        ..level(number, 1000 + number.cast_signed())
    };
    (1..=40_000).map(event).collect()
}

proptest! {
    #[test]
    fn what_is_written_is_read(
        events in prop::collection::vec(any_event(), 0..60),
        batch in 1usize..9,
    ) {
        let known = |event: Event| Event { instrument: event.instrument % 5, ..event };
        let (header, events) = (header(5), events.into_iter().map(known).collect::<Vec<_>>());
        let (bytes, counts) = written(&header, &events, batch);
        let found = read(&bytes).unwrap();
        prop_assert_eq!(counts.events, events.len() as u64);
        let listed = if events.is_empty() { Header::default() } else { header };
        prop_assert_eq!(found, (listed, events, counts));
    }

    #[test]
    fn any_changed_byte_is_refused(at in any::<prop::sample::Index>(), flip in 1u8..) {
        let events: Vec<Event> = (1..40).map(|number| level(number, 7)).collect();
        let (mut bytes, _) = written(&header(3), &events, 40);
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        prop_assert!(read(&bytes).is_err(), "byte {}", at);
    }

    #[test]
    fn any_cut_is_refused_with_its_place(at in any::<prop::sample::Index>()) {
        let events: Vec<Event> = (1..40).map(|number| level(number, 7)).collect();
        let (bytes, _) = written(&header(3), &events, 40);
        let said = refusal(&bytes[..at.index(bytes.len())]);
        prop_assert!(said.contains("cut short"), "{}", said);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes).is_err());
        let _ = read(&[MAGIC.as_slice(), &VERSION.to_le_bytes(), &bytes].concat());
    }
}

#[test]
fn the_bytes_of_a_tape_are_these() {
    let (bytes, _) = written(&header(1), &[level(5, 600_000)], 1);
    assert_eq!(bytes[..12], *b"\x89TAPE\r\n\x1a\x01\0\0\0");
    let text = concat!(
        r#"{"source":"by hand","instruments":[{"name":"COIN0","venue":"test","#,
        r#""price_unit":"0.1","qty_unit":"0.001"}]}"#
    );
    assert_eq!(bytes[12..20], *b"\x01\0\0\0\0\0\0\0");
    assert_eq!(bytes[32..32 + text.len()], *text.as_bytes());
    let block = 32 + text.len();
    assert_eq!(bytes[block..block + 12], *b"\x02\0\0\0\x01\0\0\0\x18\0\0\0");
    let end = block + 20 + 24;
    assert_eq!(bytes[end..end + 12], *b"\x03\0\0\0\x02\0\0\0\x18\0\0\0");
    assert_eq!(bytes[end + 20..], [[1u64, 1, 1].map(u64::to_le_bytes).as_flattened()].concat());
}

/// Where the records of a tape begin.
fn starts(bytes: &[u8]) -> Vec<usize> {
    let length = |start: usize| {
        u32::from_le_bytes(bytes[start + 8..start + 12].try_into().unwrap()) as usize
    };
    let next =
        |start: &usize| Some(start + HEAD + length(*start)).filter(|next| *next < bytes.len());
    std::iter::successors(Some(12), next).collect()
}

#[test]
fn damage_is_named_with_block_and_byte() {
    let events = long();
    let (bytes, counts) = written(&header(1), &events, 1000);
    assert_eq!(counts, Counts { blocks: 6, slots: 44_000, events: 40_000 });
    assert_eq!(read(&bytes).unwrap().1, events);
    let block = |number: usize| starts(&bytes)[number + 1];
    let mut damaged = bytes.clone();
    damaged[block(1) + 5000] ^= 4;
    let place = format!("tape: block 2, byte {}: its content does not give", block(1));
    assert!(refusal(&damaged).starts_with(&place), "{}", refusal(&damaged));
    let said = refusal(&bytes[..block(2)]);
    let place = format!("tape: block 3, byte {}: it is cut short", block(2));
    assert!(said.starts_with(&place), "{said}");
    let swapped = [&bytes[..block(0)], &bytes[block(1)..]].concat();
    assert!(refusal(&swapped).contains("records are missing"), "{}", refusal(&swapped));
    let longer = [bytes.as_slice(), b"\n"].concat();
    assert!(refusal(&longer).contains("bytes stand behind its end"), "{}", refusal(&longer));
    damaged = bytes.clone();
    damaged[8] = 2;
    assert_eq!(refusal(&damaged), "tape: a tape of version 2; this program reads version 1");
}

#[test]
fn instruments_may_be_added_on_the_way() {
    let mut writer = Writer::new("tape", Vec::new()).unwrap();
    let (mut encoder, mut slots) = (Encoder::default(), Vec::new());
    encoder.push(&level(1, 5), &mut slots);
    writer.append(&header(1), &slots).unwrap();
    slots.clear();
    encoder.push(&Event { instrument: 2, ..level(2, 6) }, &mut slots);
    let refused = writer.append(&header(2), &slots).unwrap_err().to_string();
    assert_eq!(refused, "tape: slot 1: a slot is of an instrument that is not listed");
    writer.append(&header(3), &slots).unwrap();
    let (bytes, counts) = writer.end().unwrap();
    let (found, events, _) = read(&bytes).unwrap();
    assert_eq!((found, events.len(), counts.blocks), (header(3), 2, 2));
}

#[test]
fn slots_that_are_no_events_are_refused_by_both_ends() {
    let mut slots = Vec::new();
    Encoder::default().push(&Event { id: 9, ..level(1, 5) }, &mut slots);
    let unknown = Slot([1, 1, 77 << 48]);
    let foreign = Slot([1, 1, 1 << 48 | 3 << 32]);
    let table = [
        (vec![unknown], "slot 0: a slot is of an unknown kind"),
        (vec![foreign], "slot 0: a slot is of an instrument that is not listed"),
        (vec![slots[0], slots[1], slots[0]], "slot 2: a wide event lacks its second slot"),
    ];
    for (bad, why) in table {
        let mut writer = Writer::new("tape", Vec::new()).unwrap();
        let refused = writer.append(&header(3), &bad).unwrap_err().to_string();
        assert_eq!(refused, format!("tape: {why}"));
        // A writer of somebody else may have put them into a file of right checksums.
        let mut writer = Writer::new("tape", Vec::new()).unwrap();
        writer.append(&header(3), &[]).unwrap();
        let content: Vec<u8> = bad.iter().flat_map(|slot| slot.to_bytes()).collect();
        writer.record(SLOTS, &content).unwrap();
        let said = refusal(&writer.end().unwrap().0);
        let (_, why) = why.split_once(": ").unwrap();
        assert!(said.starts_with("tape: block 1, byte ") && said.contains(why), "{said}");
    }
}

#[test]
fn counts_at_the_end_that_are_not_those_of_the_blocks_are_refused() {
    let mut writer = Writer::new("tape", Vec::new()).unwrap();
    writer.append(&header(1), &[]).unwrap();
    writer.counts.events = 1;
    let said = refusal(&writer.end().unwrap().0);
    assert!(said.contains("the counts at its end are not those of its blocks"), "{said}");
}
