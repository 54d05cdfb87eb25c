//! Orders that wait for a call auction.
//!
//! While a market collects orders they do not meet each other, so they stand outside the book,
//! which may not be crossed. Their handles name a slot that no book uses, with the number of their
//! arrival in place of its generation; so no handle names an order of the book as well.

use std::collections::BTreeMap;

use borsh::BorshSerialize;

use crate::book::{NewResting, Resting};
use crate::ids::{Lots, OrderId, Side, Tick};

/// The slot in the handles of collected orders.
const SLOT: u64 = u32::MAX as u64;

/// The orders, by arrival.
#[derive(Clone, Debug, Default)]
pub(crate) struct Collected {
    arrived: u32,
    orders: BTreeMap<u32, Resting>,
    /// How many there are at each tick, bids and asks.
    ticks: [BTreeMap<Tick, u32>; 2],
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
    pub(crate) fn insert(&mut self, order: NewResting) -> OrderId {
        let id = OrderId(u64::from(self.arrived) << 32 | SLOT);
        let NewResting { owner, side, tick, lots, client, reduce_only } = order;
        let order = Resting { id, owner, side, tick, lots, client, reduce_only };
        self.orders.insert(self.arrived, order);
        *self.ticks[usize::from(side == Side::Sell)].entry(tick).or_default() += 1;
        self.arrived += 1;
        id
    }

    /// Looks an order up.
    pub(crate) fn order(&self, id: OrderId) -> Option<Resting> {
        self.orders.get(&arrival(id)?).copied()
    }

    /// Takes an order out.
    pub(crate) fn cancel(&mut self, id: OrderId) -> Option<Resting> {
        let order = self.orders.remove(&arrival(id)?)?;
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
        order.expect("the order waits").lots.0 -= by.0;
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
        self.orders.values().copied()
    }

    /// Appends all that future behaviour depends on.
    pub(crate) fn write_canonical(&self, out: &mut Vec<u8>) {
        let count = u32::try_from(self.orders.len()).expect("arrivals fit");
        append(out, &(self.arrived, count));
        for order in self.orders.values() {
            append(out, &(order.id, order.owner, order.side, order.tick));
            append(out, &(order.lots.0, order.client, order.reduce_only));
        }
    }
}

fn append<T: BorshSerialize>(out: &mut Vec<u8>, value: &T) {
    value.serialize(out).expect("writing to memory cannot fail");
}
