//! The book of a replayed market by price: what a feed of levels, best prices or orders shows.
//!
//! Prices and quantities are counted in the units of the tape. A level that is set through the
//! other side passes over what it crosses: those levels are no longer in sight, and stay as they
//! are until the feed sets or clears them (as hftbacktest 0.9 does): should the crossing level go
//! and the feed set a price behind them, they are in sight again. A best price removes what was
//! better on its side; as long as a feed shows nothing but best prices, it replaces its side.
//! Orders by number (L3) are kept one by one, and the levels are their sums.
//!
//! Invariant: the best bid is below the best ask; [`i64::MIN`] and [`i64::MAX`] are no prices.

mod half;
mod orders;

use feed::tape::{self, Event, Kind};
use protocol::ids::Side;

use half::{Half, NONE};
pub use orders::Moved;
use orders::Orders;

/// Prices of a side to keys of which the greatest is best, and back: none for bids, all bits
/// turned for asks.
const TURN: [i64; 2] = [0, -1];

/// What a feed has shown up to now, and so what is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// No quotes.
    Nothing,
    /// Best prices only.
    Best,
    /// Levels.
    Levels,
    /// Orders by number.
    Orders,
}

/// Bids and asks by price.
#[derive(Clone, Debug)]
pub struct Ladder {
    halves: [Half; 2],
    depth: Depth,
    orders: Orders,
}

impl Default for Ladder {
    fn default() -> Ladder {
        Ladder::new()
    }
}

impl Ladder {
    /// An empty book.
    pub fn new() -> Ladder {
        Ladder {
            halves: [Half::new(), Half::new()],
            depth: Depth::Nothing,
            orders: Orders::default(),
        }
    }

    /// The best price of a side in sight.
    #[inline]
    pub fn best(&self, side: Side) -> Option<i64> {
        let best = self.halves[side as usize].best;
        (best != NONE).then_some(price_at(side, best))
    }

    /// Quantity at a price, whether in sight or passed over.
    #[inline]
    pub fn qty(&self, side: Side, price: i64) -> i64 {
        self.halves[side as usize].at(key(side, price))
    }

    /// Levels in sight as price and quantity, from the best.
    pub fn levels(&self, side: Side) -> Levels<'_> {
        let half = &self.halves[side as usize];
        Levels { half, side, next: half.best }
    }

    /// What kind of feed this is.
    #[inline]
    pub const fn depth(&self) -> Depth {
        self.depth
    }

    /// Applies what an event says about the book; other events say nothing.
    #[inline(always)]
    pub fn apply(&mut self, event: &Event) {
        if event.kind == Kind::Level
            && let Some(side) = event.side
        {
            self.set(side_of(side), event.price, event.qty);
        } else {
            self.apply_other(event);
        }
    }

    /// Sets the quantity at a price (zero or less removes it) and tells what was there.
    #[inline(always)]
    pub fn set(&mut self, side: Side, price: i64, qty: i64) -> i64 {
        if self.depth < Depth::Levels {
            self.depth = Depth::Levels;
        }
        self.put(side, price, qty.max(0))
    }

    /// The best price of a side is this one; a quantity of zero says that the side is empty.
    pub fn quote(&mut self, side: Side, price: i64, qty: i64) {
        self.depth = self.depth.max(Depth::Best);
        let key = key(side, price);
        let half = &mut self.halves[side as usize];
        if qty <= 0 || self.depth == Depth::Best {
            half.clear();
        }
        if qty > 0 && key != NONE && key != i64::MAX {
            let mut better = half.below(i64::MAX);
            while better > key {
                half.put(better, 0);
                better = half.below(better);
            }
            half.best = half.below(key);
            self.put(side, price, qty);
        }
    }

    /// Empties a side, or both.
    pub fn clear(&mut self, side: Option<Side>) {
        self.orders.clear(side);
        match side {
            None => self.halves.iter_mut().for_each(Half::clear),
            Some(side) => self.halves[side as usize].clear(),
        }
    }

    /// Applies an event about an order by its number; tells what it took from a level and brought
    /// to one.
    pub fn order(&mut self, event: &Event) -> (Option<Moved>, Option<Moved>) {
        self.depth = Depth::Orders;
        let (left, came) = self.orders.apply(event);
        if let Some(Moved { side, price, qty, .. }) = left {
            self.put(side, price, (self.qty(side, price) - qty).max(0));
        }
        if let Some(Moved { side, price, qty, .. }) = came {
            self.put(side, price, self.qty(side, price).saturating_add(qty));
        }
        (left, came)
    }

    /// The place in time of an order that would come now: smaller numbers came before.
    pub const fn place(&self) -> u64 {
        self.orders.next()
    }

    /// Events about orders that were not known or known already: a gap in the feed.
    pub const fn strangers(&self) -> u64 {
        self.orders.strangers()
    }

    #[inline(always)]
    fn put(&mut self, side: Side, price: i64, qty: i64) -> i64 {
        let key = key(side, price);
        let half = &mut self.halves[side as usize];
        let before = half.put(key, qty);
        if ((key > half.best) & (qty > 0)) | ((key == half.best) & (qty == 0)) {
            self.move_best(side, key, qty);
        }
        before
    }

    /// After a level came before the best, or the best went.
    fn move_best(&mut self, side: Side, key: i64, qty: i64) {
        let half = &mut self.halves[side as usize];
        if key == NONE || key == i64::MAX {
            return;
        }
        if qty == 0 {
            half.best = half.below(key);
            return;
        }
        half.best = key;
        let other = &mut self.halves[side.opposite() as usize];
        if other.best >= !key {
            other.best = other.below(!key);
        }
    }

    fn apply_other(&mut self, event: &Event) {
        match event.kind {
            Kind::Best => {
                if let Some(side) = event.side {
                    self.quote(side_of(side), event.price, event.qty);
                }
            }
            Kind::Clear => self.clear(event.side.map(side_of)),
            Kind::Add | Kind::Change | Kind::Remove | Kind::Execute => {
                self.order(event);
            }
            Kind::Base
            | Kind::Level
            | Kind::Trade
            | Kind::Open
            | Kind::High
            | Kind::Low
            | Kind::Close
            | Kind::Funding
            | Kind::Predicted
            | Kind::Mark
            | Kind::Index
            | Kind::OpenInterest
            | Kind::Forced
            | Kind::Volatility
            | Kind::PoolTick
            | Kind::PoolLiquidity
            | Kind::PoolIn0
            | Kind::PoolIn1 => {}
        }
    }
}

/// Levels of a side, best first.
#[derive(Clone, Debug)]
pub struct Levels<'a> {
    half: &'a Half,
    side: Side,
    next: i64,
}

impl Iterator for Levels<'_> {
    type Item = (i64, i64);

    fn next(&mut self) -> Option<(i64, i64)> {
        let key = self.next;
        if key == NONE {
            return None;
        }
        self.next = self.half.below(key);
        Some((price_at(self.side, key), self.half.at(key)))
    }
}

/// The side of the book that a tape's side means.
#[inline]
pub const fn side_of(side: tape::Side) -> Side {
    match side {
        tape::Side::Buy => Side::Buy,
        tape::Side::Sell => Side::Sell,
    }
}

/// The key of a price: the better the price for the other side, the greater.
#[inline]
pub const fn key(side: Side, price: i64) -> i64 {
    price ^ TURN[side as usize]
}

#[inline]
const fn price_at(side: Side, key: i64) -> i64 {
    key ^ TURN[side as usize]
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
