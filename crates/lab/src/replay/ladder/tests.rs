//! Books on hand-made feeds, and against the rules on two maps.

use std::collections::BTreeMap;

use feed::tape::{self, Event, Kind};
use money::Time;
use proptest::prelude::*;
use protocol::ids::Side;

use super::{Depth, Ladder, key};

/// The rules on two maps.
#[derive(Default)]
pub(in crate::replay) struct Naive {
    /// By side, from key to quantity, whether in sight or not.
    pub(in crate::replay) halves: [BTreeMap<i64, i64>; 2],
    pub(in crate::replay) best: [Option<i64>; 2],
    deep: bool,
    /// Orders by number: side, price, quantity.
    orders: BTreeMap<u64, (Side, i64, i64)>,
}

impl Naive {
    fn set(&mut self, side: Side, price: i64, qty: i64) {
        if price == i64::MIN || price == i64::MAX {
            return;
        }
        let (own, other) = (side as usize, side.opposite() as usize);
        let key = key(side, price);
        if qty > 0 {
            self.halves[own].insert(key, qty);
            if self.best[own].is_none_or(|best| key > best) {
                self.best[own] = Some(key);
                if self.best[other].is_some_and(|best| best >= !key) {
                    self.best[other] = self.halves[other].range(..!key).next_back().map(|l| *l.0);
                }
            }
        } else {
            self.halves[own].remove(&key);
            if self.best[own] == Some(key) {
                self.best[own] = self.halves[own].range(..key).next_back().map(|l| *l.0);
            }
        }
    }

    fn quote(&mut self, side: Side, price: i64, qty: i64) {
        let own = side as usize;
        if qty <= 0 || !self.deep {
            self.halves[own].clear();
            self.best[own] = None;
        }
        if qty > 0 && price != i64::MIN && price != i64::MAX {
            self.halves[own].retain(|&k, _| k < key(side, price));
            self.best[own] = self.halves[own].keys().next_back().copied();
            self.set(side, price, qty);
        }
    }

    fn clear(&mut self, side: Option<Side>) {
        for each in [Side::Buy, Side::Sell] {
            if side.is_none_or(|side| side == each) {
                self.halves[each as usize].clear();
                self.best[each as usize] = None;
                self.orders.retain(|_, order| order.0 != each);
            }
        }
    }

    fn order(&mut self, event: &Event) {
        self.deep = true;
        let side = event.side.map(super::side_of);
        let before = self.orders.remove(&event.id);
        let after = match (event.kind, before, side) {
            (Kind::Add, _, Some(side)) => Some((side, event.price, event.qty)),
            (Kind::Change, Some(was), _) => Some((was.0, event.price, event.qty)),
            (Kind::Execute, Some(was), _) => Some((was.0, was.1, was.2 - event.qty)),
            _ => None,
        };
        if before == after && event.kind != Kind::Add {
            self.orders.extend(before.map(|before| (event.id, before)));
            return;
        }
        if let Some((side, price, _)) = before {
            self.sum(side, price);
        }
        let kept =
            |after: &(Side, i64, i64)| after.2 > 0 && after.1 != i64::MIN && after.1 != i64::MAX;
        if let Some(after) = after.filter(kept) {
            self.orders.insert(event.id, after);
            self.sum(after.0, after.1);
        }
    }

    fn sum(&mut self, side: Side, price: i64) {
        let there = self.orders.values().filter(|order| (order.0, order.1) == (side, price));
        let qty = there.map(|order| order.2).sum();
        self.set(side, price, qty);
    }

    pub(in crate::replay) fn apply(&mut self, event: &Event) {
        let side = event.side.map(super::side_of);
        match (event.kind, side) {
            (Kind::Level, Some(side)) => {
                self.deep = true;
                self.set(side, event.price, event.qty);
            }
            (Kind::Best, Some(side)) => self.quote(side, event.price, event.qty),
            (Kind::Clear, side) => self.clear(side),
            (Kind::Add | Kind::Change | Kind::Remove | Kind::Execute, _) => self.order(event),
            _ => {}
        }
    }

    pub(in crate::replay) fn levels(&self, side: Side) -> Vec<(i64, i64)> {
        let Some(best) = self.best[side as usize] else { return Vec::new() };
        let seen = self.halves[side as usize].range(..=best).rev();
        seen.map(|(&k, &qty)| (key(side, k), qty)).collect()
    }
}

fn event(kind: Kind, side: Option<tape::Side>, price: i64, qty: i64) -> Event {
    Event {
        exchange: Time::from_nanos(0),
        local: Time::from_nanos(0),
        instrument: 0,
        kind,
        side,
        last: true,
        snapshot: false,
        price,
        qty,
        id: 0,
    }
}

fn sides() -> impl Strategy<Value = Option<tape::Side>> {
    prop_oneof![
        Just(Some(tape::Side::Buy)),
        Just(Some(tape::Side::Sell)),
        Just(Some(tape::Side::Buy)),
        Just(Some(tape::Side::Sell)),
        Just(None),
    ]
}

/// Prices round a few centres, some of them absurd.
fn prices() -> impl Strategy<Value = i64> {
    prop_oneof![
        40 => -20_i64..20,
        20 => 100_000_i64..100_400,
        10 => 95_000_i64..300_000,
        2 => i64::MAX - 5..=i64::MAX,
        2 => i64::MIN..=i64::MIN + 5,
        2 => any::<i64>(),
    ]
}

fn level_events() -> impl Strategy<Value = Event> {
    let kinds = prop_oneof![
        60 => Just(Kind::Level),
        4 => Just(Kind::Best),
        1 => Just(Kind::Clear),
    ];
    (kinds, sides(), prices(), -1_i64..4)
        .prop_map(|(kind, side, price, qty)| event(kind, side, price, qty))
}

fn order_events() -> impl Strategy<Value = Event> {
    let kinds = prop_oneof![
        30 => Just(Kind::Add),
        15 => Just(Kind::Change),
        15 => Just(Kind::Remove),
        15 => Just(Kind::Execute),
        1 => Just(Kind::Clear),
    ];
    (kinds, sides(), -6_i64..6, 0_i64..5, 0_u64..40)
        .prop_map(|(kind, side, price, qty, id)| Event { id, ..event(kind, side, price, qty) })
}

#[track_caller]
fn check_same(ladder: &Ladder, naive: &Naive) {
    for side in [Side::Buy, Side::Sell] {
        assert_eq!(ladder.levels(side).collect::<Vec<_>>(), naive.levels(side));
        for (&k, &qty) in &naive.halves[side as usize] {
            assert_eq!(ladder.qty(side, key(side, k)), qty, "at {}", key(side, k));
        }
        let best = naive.best[side as usize].map(|k| key(side, k));
        assert_eq!(ladder.best(side), best);
    }
    if let (Some(bid), Some(ask)) = (ladder.best(Side::Buy), ladder.best(Side::Sell)) {
        assert!(bid < ask);
    }
}

fn check(events: &[Event]) {
    let (mut ladder, mut naive) = (Ladder::new(), Naive::default());
    for event in events {
        ladder.apply(event);
        naive.apply(event);
        check_same(&ladder, &naive);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn levels_are_those_of_two_maps(events in prop::collection::vec(level_events(), 1..400)) {
        check(&events);
    }

    #[test]
    fn sums_are_those_of_a_list_of_orders(events in prop::collection::vec(order_events(), 1..99)) {
        check(&events);
    }

    /// A market that wanders and jumps, so that the window moves and grows.
    #[test]
    fn a_moving_market_keeps_its_levels(
        width in 1_i64..30_000,
        steps in prop::collection::vec((-400_i64..400, any::<u32>(), any::<bool>()), 3_000),
    ) {
        let (mut ladder, mut naive) = (Ladder::new(), Naive::default());
        let mut mid = 0;
        for (number, (step, dice, buy)) in steps.into_iter().enumerate() {
            mid += if step == 0 { width * 10 } else { step / 100 };
            let off = i64::from(dice) % width;
            let (side, price) = match buy {
                true => (tape::Side::Buy, mid - off),
                false => (tape::Side::Sell, mid + 1 + off),
            };
            let event = event(Kind::Level, Some(side), price, i64::from(dice >> 7) % 5);
            ladder.apply(&event);
            naive.apply(&event);
            if number % 100 == 0 {
                check_same(&ladder, &naive);
            }
        }
        check_same(&ladder, &naive);
    }
}

#[test]
fn crossed_levels_are_passed_over_and_come_back() {
    let mut ladder = Ladder::new();
    ladder.set(Side::Sell, 101, 5);
    ladder.set(Side::Sell, 103, 7);
    ladder.set(Side::Buy, 102, 1);
    assert_eq!(ladder.best(Side::Sell), Some(103));
    assert_eq!(ladder.qty(Side::Sell, 101), 5);
    ladder.set(Side::Sell, 100, 2);
    assert_eq!(ladder.best(Side::Buy), None);
    assert_eq!(ladder.levels(Side::Sell).collect::<Vec<_>>(), [(100, 2), (101, 5), (103, 7)]);
}

#[test]
fn best_prices_alone_replace_their_side() {
    let mut ladder = Ladder::new();
    ladder.quote(Side::Buy, 100, 5);
    ladder.quote(Side::Buy, 99, 4);
    ladder.quote(Side::Buy, 101, 3);
    assert_eq!(ladder.levels(Side::Buy).collect::<Vec<_>>(), [(101, 3)]);
    assert_eq!(ladder.depth(), Depth::Best);
}

#[test]
fn gaps_in_orders_are_counted() {
    let mut ladder = Ladder::new();
    let buy = Some(tape::Side::Buy);
    ladder.apply(&Event { id: 1, ..event(Kind::Add, buy, 10, 5) });
    ladder.apply(&Event { id: 1, ..event(Kind::Add, buy, 11, 5) });
    ladder.apply(&Event { id: 2, ..event(Kind::Remove, None, 0, 0) });
    assert_eq!(ladder.strangers(), 2);
    assert_eq!(ladder.levels(Side::Buy).collect::<Vec<_>>(), [(11, 5)]);
}

/// A window may be 2 MiB a side, and what lies outside costs a tree's node.
#[test]
fn hostile_prices_stay_outside_of_the_window() {
    let mut ladder = Ladder::new();
    for number in 0..100_000_i64 {
        let price = number.wrapping_mul(0x9E37_79B9_7F4A_7C15_u64.cast_signed());
        ladder.set(Side::Buy, price, 1);
        ladder.set(Side::Buy, price, 0);
    }
    for half in &ladder.halves {
        assert!(half.window_levels() <= 1 << 18);
    }
}

#[test]
fn a_wide_book_keeps_its_levels_in_the_widest_window() {
    let (mut ladder, mut naive) = (Ladder::new(), Naive::default());
    ladder.set(Side::Sell, 0, 1);
    naive.set(Side::Sell, 0, 1);
    for number in 1..100_000_i64 {
        let price = number * 7_919 % 190_000;
        ladder.set(Side::Sell, price, number % 3);
        naive.set(Side::Sell, price, number % 3);
    }
    check_same(&ladder, &naive);
    assert_eq!(ladder.halves[1].window_levels(), 1 << 18);
}
