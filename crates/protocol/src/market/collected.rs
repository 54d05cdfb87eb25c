//! Orders that wait for a call auction.
//!
//! While a market collects orders they do not meet each other, so they stand outside the book,
//! which may not be crossed. Their handles name a slot that no book uses, with the number of their
//! arrival in place of its generation; so no handle names an order of the book as well.
//!
//! Of a batch (rule T-13) immediate orders wait as well, and of what then rests in the book it is
//! kept in which batch it came.

use std::collections::BTreeMap;

use borsh::BorshSerialize;

use crate::book::{Book, FastBook, NewResting, Resting};
use crate::command::Lifetime;
use crate::ids::{Lots, OrderId, Side, Tick};

/// The slot in the handles of collected orders.
const SLOT: u64 = u32::MAX as u64;

/// The orders, by arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collected {
    arrived: u32,
    orders: BTreeMap<u32, (Resting, Lifetime)>,
    /// How many there are at each tick, bids and asks.
    ticks: [BTreeMap<Tick, u32>; 2],
    /// The height at which the batch ended in which an order of the book came.
    batches: BTreeMap<OrderId, u64>,
}

fn arrival(id: OrderId) -> Option<u32> {
    let arrival = u32::try_from(id.0 >> 32).expect("32 bits are left");
    (id.0 & SLOT == SLOT).then_some(arrival)
}

impl Collected {
    /// Whether one more order has a handle.
    pub(crate) fn has_room(&self) -> bool {
        self.arrived < u32::MAX
    }

    /// Adds an order behind all others.
    pub(crate) fn insert(&mut self, order: NewResting, lifetime: Lifetime) -> OrderId {
        let id = OrderId(u64::from(self.arrived) << 32 | SLOT);
        let NewResting { owner, side, tick, lots, client, reduce_only } = order;
        let order = Resting { id, owner, side, tick, lots, client, reduce_only };
        self.orders.insert(self.arrived, (order, lifetime));
        *self.ticks[usize::from(side == Side::Sell)].entry(tick).or_default() += 1;
        self.arrived += 1;
        id
    }

    /// Looks an order up.
    pub(crate) fn order(&self, id: OrderId) -> Option<Resting> {
        self.orders.get(&arrival(id)?).map(|(order, _)| *order)
    }

    /// Whether an order is one that does not wait beyond the auction.
    pub(crate) fn is_immediate(&self, id: OrderId) -> bool {
        let order = arrival(id).and_then(|arrival| self.orders.get(&arrival));
        order.is_some_and(|(_, lifetime)| *lifetime == Lifetime::Immediate)
    }

    /// Whether no order waits.
    pub(crate) fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Takes an order out.
    pub(crate) fn cancel(&mut self, id: OrderId) -> Option<Resting> {
        let (order, _) = self.orders.remove(&arrival(id)?)?;
        let ticks = &mut self.ticks[usize::from(order.side == Side::Sell)];
        let count = ticks.get_mut(&order.tick).expect("each order is counted");
        *count -= 1;
        if *count == 0 {
            ticks.remove(&order.tick);
        }
        Some(order)
    }

    /// Takes lots, but not all, from an order.
    pub(crate) fn shrink(&mut self, id: OrderId, by: Lots) {
        let order = arrival(id).and_then(|arrival| self.orders.get_mut(&arrival));
        order.expect("the order waits").0.lots.0 -= by.0;
    }

    /// Notes in which batch an order of the book came.
    pub(crate) fn note_batch(&mut self, id: OrderId, batch: u64) {
        self.batches.insert(id, batch);
    }

    /// The batch in which an order of the book came, zero if it came in none.
    pub(crate) fn batch(&self, id: OrderId) -> u64 {
        self.batches.get(&id).copied().unwrap_or(0)
    }

    /// Forgets the batches of orders that are gone.
    pub(crate) fn forget_batches(&mut self, book: &FastBook) {
        self.batches.retain(|id, _| book.order(*id).is_some());
    }

    /// The best tick of a side.
    #[inline]
    pub(crate) fn best(&self, side: Side) -> Option<Tick> {
        match side {
            Side::Buy => self.ticks[0].last_key_value().map(|(tick, _)| *tick),
            Side::Sell => self.ticks[1].first_key_value().map(|(tick, _)| *tick),
        }
    }

    /// All orders, the oldest first.
    pub(crate) fn orders(&self) -> impl Iterator<Item = Resting> + '_ {
        self.orders.values().map(|(order, _)| *order)
    }

    /// All orders with their lifetimes, the oldest first.
    pub(crate) fn entrants(&self) -> impl Iterator<Item = (Resting, Lifetime)> + '_ {
        self.orders.values().copied()
    }

    /// Appends all that future behaviour depends on.
    pub(crate) fn write_canonical(&self, out: &mut Vec<u8>) {
        let count = u32::try_from(self.orders.len()).expect("arrivals fit");
        append(out, &(self.arrived, count));
        for (order, lifetime) in self.orders.values() {
            append(out, &(order.id, order.owner, order.side, order.tick));
            append(out, &(order.lots.0, order.client, order.reduce_only, *lifetime));
        }
        append(out, &self.batches);
    }
}

fn append<T: BorshSerialize>(out: &mut Vec<u8>, value: &T) {
    value.serialize(out).expect("writing to memory cannot fail");
}
