//! Own orders that rest on one side, best price first and first come first within a price.
//!
//! Invariant: sorted by key from the greatest; `top` and `bottom` are the first and last key, and
//! a range that holds no key when there are none.

use protocol::ids::{ClientId, Side};

use crate::replay::ladder::key;
use crate::replay::order::{Answer, Order};
use crate::replay::queue::Position;

/// An own order that rests.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Own {
    pub(super) client: ClientId,
    pub(super) price: i64,
    /// What is left of it, in lots.
    pub(super) left: i64,
    pub(super) position: Position,
    /// Place in time among orders by number.
    pub(super) place: u64,
}

/// Own orders of one side.
#[derive(Clone, Debug)]
pub(super) struct Resting {
    side: Side,
    top: i64,
    bottom: i64,
    orders: Vec<Own>,
}

impl Resting {
    pub(super) const fn new(side: Side) -> Resting {
        Resting { side, top: i64::MIN, bottom: i64::MAX, orders: Vec::new() }
    }

    /// Whether an order may rest at this price.
    #[inline]
    pub(super) const fn spans(&self, price: i64) -> bool {
        let key = key(self.side, price);
        (key <= self.top) & (key >= self.bottom)
    }

    /// Whether an order rests at this price or at a better one.
    #[inline]
    pub(super) const fn reached(&self, price: i64) -> bool {
        key(self.side, price) <= self.top
    }

    pub(super) fn best(&self) -> Option<i64> {
        self.orders.first().map(|order| order.price)
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    pub(super) fn holds(&self, client: ClientId) -> bool {
        self.orders.iter().any(|order| order.client == client)
    }

    pub(super) fn insert(&mut self, own: Own) {
        let key = self.key(&own);
        let at = self.orders.partition_point(|other| self.key(other) >= key);
        self.orders.insert(at, own);
        self.mark_ends();
    }

    pub(super) fn remove(&mut self, client: ClientId) -> bool {
        let before = self.orders.len();
        self.orders.retain(|order| order.client != client);
        self.mark_ends();
        self.orders.len() < before
    }

    /// The orders at a price, in their order.
    pub(super) fn at(&mut self, price: i64) -> &mut [Own] {
        let (side, key) = (self.side, key(self.side, price));
        let from = self.better_than(price);
        let count = self.orders[from..].iter().take_while(|o| keyed(side, o) == key).count();
        &mut self.orders[from..from + count]
    }

    /// Fills all that rest at better prices than this one, and at it if `at` says so.
    pub(super) fn fill_through(&mut self, price: i64, at: bool, answers: &mut Vec<Answer>) {
        let key = key(self.side, price);
        let done = |own: &Own| self.key(own) > key || (at && self.key(own) == key);
        let count = self.orders.partition_point(done);
        if count > 0 {
            let side = self.side;
            answers.extend(self.orders.drain(..count).map(|own| own.fill(side, own.left)));
            self.mark_ends();
        }
    }

    /// Takes out what has nothing left.
    pub(super) fn sweep(&mut self) {
        self.orders.retain(|order| order.left > 0);
        self.mark_ends();
    }

    pub(super) fn drain(&mut self) -> impl Iterator<Item = Own> + '_ {
        (self.top, self.bottom) = (i64::MIN, i64::MAX);
        self.orders.drain(..)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Own> {
        self.orders.iter_mut()
    }

    fn better_than(&self, price: i64) -> usize {
        let key = key(self.side, price);
        self.orders.partition_point(|own| self.key(own) > key)
    }

    const fn key(&self, own: &Own) -> i64 {
        keyed(self.side, own)
    }

    fn mark_ends(&mut self) {
        self.top = self.orders.first().map_or(i64::MIN, |own| self.key(own));
        self.bottom = self.orders.last().map_or(i64::MAX, |own| self.key(own));
    }
}

impl Own {
    pub(super) fn new(order: &Order, left: i64, position: Position, place: u64) -> Own {
        Own { client: order.client, price: order.price, left, position, place }
    }

    /// The answer to a fill at its own price.
    pub(super) const fn fill(&self, side: Side, qty: i64) -> Answer {
        let done = qty == self.left;
        Answer::Fill { client: self.client, side, price: self.price, qty, maker: true, done }
    }
}

const fn keyed(side: Side, own: &Own) -> i64 {
    key(side, own.price)
}
