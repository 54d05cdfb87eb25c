//! Slots there and back.

use super::*;
use proptest::prelude::*;

/// A bid of 1.5 units at a price, at a time in seconds of the year 2023, received 5 ms later.
pub(super) fn level(seconds: u64, price: i64) -> Event {
    let exchange = 1_700_000_000_000_000_000 + seconds * 1_000_000_000;
    Event {
        exchange: Time::from_nanos(exchange),
        local: Time::from_nanos(exchange + 5_000_000),
        instrument: 0,
        kind: Kind::Level,
        side: Some(Side::Buy),
        last: true,
        snapshot: false,
        price,
        qty: 1_500,
        id: 0,
    }
}

/// Events of any values.
pub(super) fn any_event() -> impl Strategy<Value = Event> {
    let side = prop_oneof![Just(None), Just(Some(Side::Buy)), Just(Some(Side::Sell))];
    let small = (-1_000_000i64..1_000_000, 0i64..1_000_000, Just(0u64));
    let large = (any::<i64>(), 0..=i64::MAX, any::<u64>());
    let values = prop_oneof![small, large];
    let times = (any::<u64>(), prop_oneof![Just(0u64), 0u64..10_000_000_000, any::<u64>()]);
    (times, 1usize..24, side, values, any::<u16>(), any::<(bool, bool)>()).prop_map(
        |((exchange, delay), kind, side, (price, qty, id), instrument, (last, snapshot))| Event {
            exchange: Time::from_nanos(exchange),
            local: Time::from_nanos(exchange.wrapping_add(delay)),
            instrument,
            kind: Kind::ALL[kind],
            side,
            last,
            snapshot,
            price,
            qty,
            id,
        },
    )
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(events in prop::collection::vec(any_event(), 0..50)) {
        let (mut slots, mut encoder) = (Vec::new(), Encoder::default());
        events.iter().for_each(|event| encoder.push(event, &mut slots));
        let bytes: Vec<[u8; 24]> = slots.iter().map(|slot| slot.to_bytes()).collect();
        let read: Vec<Slot> = bytes.into_iter().map(Slot::from_bytes).collect();
        let (mut left, mut decoder) = (read.as_slice(), Decoder::default());
        for event in &events {
            prop_assert_eq!(decoder.next(&mut left), Some(*event));
        }
        prop_assert!(decoder.next(&mut left).is_none() && left.is_empty());
    }

    #[test]
    fn any_slots_are_decoded_or_left(words in prop::collection::vec(any::<[u64; 3]>(), 0..9)) {
        let slots: Vec<Slot> = words.into_iter().map(Slot).collect();
        let (mut left, mut decoder) = (slots.as_slice(), Decoder::default());
        while decoder.next(&mut left).is_some() {}
    }
}

#[test]
fn an_ordinary_event_takes_one_slot_and_kinds_have_their_numbers() {
    let event = Event { instrument: 3, ..level(0, 600_000) };
    let mut slots = Vec::new();
    Encoder::default().push(&event, &mut slots);
    assert_eq!(slots.len(), 1);
    Encoder::default().push(&event.with_wide(u128::MAX - 5), &mut slots);
    assert_eq!(slots.len(), 3);
    let mut left = &slots[1..];
    assert_eq!(Decoder::default().next(&mut left).map(|event| event.wide()), Some(u128::MAX - 5));
    for (number, kind) in Kind::ALL.into_iter().enumerate() {
        assert_eq!(kind as usize, number);
    }
}
