//! The orders of a feed that tells them one by one (L3), with their place in time.
//!
//! An order keeps its place when it trades or becomes smaller, and goes to the back when it becomes
//! greater or changes its price. What is told about a number that is not known, or an `Add` of one
//! that is, shows a gap in the feed: it is counted; such an `Add` replaces.
//!
//! Invariant: places are unique, and grow with time.

use std::collections::BTreeMap;

use feed::tape::{Event, Kind};
use protocol::ids::Side;

use super::side_of;

/// What an event took from a level, or brought to one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moved {
    /// Side of the order.
    pub side: Side,
    /// Where it stood.
    pub price: i64,
    /// Its place in time.
    pub place: u64,
    /// Quantity, above zero.
    pub qty: i64,
}

#[derive(Clone, Copy, Debug)]
struct Standing {
    side: Side,
    price: i64,
    place: u64,
    qty: i64,
}

/// Orders by number.
#[derive(Clone, Debug, Default)]
pub(super) struct Orders {
    standing: BTreeMap<u64, Standing>,
    next: u64,
    strangers: u64,
}

impl Orders {
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    pub(super) const fn strangers(&self) -> u64 {
        self.strangers
    }

    pub(super) fn clear(&mut self, side: Option<Side>) {
        self.standing.retain(|_, order| side.is_some_and(|side| order.side != side));
    }

    /// What left a level and what came to one.
    pub(super) fn apply(&mut self, event: &Event) -> (Option<Moved>, Option<Moved>) {
        if event.kind == Kind::Add {
            let left = self.standing.get(&event.id).copied().and_then(|o| self.take(event, o.qty));
            self.strangers += u64::from(left.is_some());
            return (left, self.add(event));
        }
        let Some(&order) = self.standing.get(&event.id) else {
            self.strangers += 1;
            return (None, None);
        };
        if event.kind == Kind::Execute {
            return (self.take(event, event.qty), None);
        }
        if event.kind == Kind::Remove {
            return (self.take(event, order.qty), None);
        }
        if event.price == order.price && event.qty <= order.qty {
            return (self.take(event, order.qty - event.qty), None);
        }
        let left = self.take(event, order.qty);
        (left, self.stand(event.id, order.side, event.price, event.qty))
    }

    fn add(&mut self, event: &Event) -> Option<Moved> {
        let Some(side) = event.side else {
            self.strangers += 1;
            return None;
        };
        self.stand(event.id, side_of(side), event.price, event.qty)
    }

    fn stand(&mut self, id: u64, side: Side, price: i64, qty: i64) -> Option<Moved> {
        if qty <= 0 || price == i64::MIN || price == i64::MAX {
            return None;
        }
        let place = self.next;
        self.next += 1;
        self.standing.insert(id, Standing { side, price, place, qty });
        Some(Moved { side, price, place, qty })
    }

    /// Takes from an order, at most what it has.
    fn take(&mut self, event: &Event, qty: i64) -> Option<Moved> {
        let order = self.standing.get_mut(&event.id)?;
        let qty = qty.clamp(0, order.qty);
        order.qty -= qty;
        let Standing { side, price, place, qty: rest } = *order;
        if rest == 0 {
            self.standing.remove(&event.id);
        }
        (qty > 0).then_some(Moved { side, price, place, qty })
    }
}
