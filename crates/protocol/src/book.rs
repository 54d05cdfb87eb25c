//! The order book of one market: price-time priority, integer ticks and lots.
//!
//! An incoming order trades with the best opposite level first and, inside a level, with the oldest
//! order first, always at the resting order's price (rule and naming as in the common central limit
//! order book). The book knows nothing of money: the engine checks before and settles after.
//!
//! Two implementations of [`Book`]: [`NaiveBook`] is the definition, [`FastBook`] the one that
//! markets use.
//! Both give equal fills, equal handles and equal canonical bytes for equal operations.
//!
//! Invariants: the book is never crossed; every resting order has at least one lot; a handle names
//! one order for ever. A free slot is reused last-in first-out with its generation raised by one; a
//! slot whose generation is used up is never reused.

mod snapshot;
mod naive;
mod fast;

use crate::command::SelfTrade;
use crate::ids::{AccountId, ClientId, Lots, OrderId, Side, Tick};

pub use fast::FastBook;
pub use naive::NaiveBook;
pub use snapshot::{BadSnapshot, Snapshot};

/// An order that is to rest; it has been matched before and does not cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NewResting {
    /// Whose.
    pub owner: AccountId,
    /// Bid or ask.
    pub side: Side,
    /// Its price.
    pub tick: Tick,
    /// How much, at least one lot.
    pub lots: Lots,
    /// The client's number.
    pub client: ClientId,
    /// Only ever makes the position smaller; the book stores it for the engine.
    pub reduce_only: bool,
}

/// A resting order as seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Resting {
    /// Its handle.
    pub id: OrderId,
    /// Whose.
    pub owner: AccountId,
    /// Bid or ask.
    pub side: Side,
    /// Its price.
    pub tick: Tick,
    /// How much is left, at least one lot.
    pub lots: Lots,
    /// The client's number.
    pub client: ClientId,
    /// Only ever makes the position smaller.
    pub reduce_only: bool,
}

/// An incoming order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taker {
    /// Whose.
    pub owner: AccountId,
    /// Buy meets asks, sell meets bids.
    pub side: Side,
    /// The worst tick that is acceptable.
    pub limit: Tick,
    /// How much.
    pub lots: Lots,
    /// What happens when it meets an order of its own account.
    pub self_trade: SelfTrade,
}

/// What a step of matching did to a resting order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FillKind {
    /// It traded.
    Trade,
    /// It belongs to the taker's account and left the book, whole or in part, without a trade.
    SelfTradeCancel,
}

/// One step of matching: a resting order traded, or gave way to prevent a
/// self-trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fill {
    /// Whose the resting order is.
    pub maker: AccountId,
    /// The resting order.
    pub maker_order: OrderId,
    /// The client's number of the resting order.
    pub maker_client: ClientId,
    /// The resting order's price.
    pub tick: Tick,
    /// How much traded, or was cancelled.
    pub lots: Lots,
    /// What is left of the resting order; at zero it is gone.
    pub maker_left: Lots,
    /// Whether the resting order is reduce-only.
    pub reduce_only: bool,
    /// Whether it traded.
    pub kind: FillKind,
}

/// How matching ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Taken {
    /// What is left of the taker.
    pub left: Lots,
    /// Whether matching stopped at an order of the taker's own account
    /// ([`SelfTrade::CancelTaker`]): then `left` is to be cancelled and must not rest.
    pub self_trade: bool,
}

/// A price-time-priority order book.
pub trait Book: Sized {
    /// The best price of a side.
    fn best(&self, side: Side) -> Option<Tick>;

    /// Lets an order rest behind all others of its price; panics when it has no lots or would
    /// trade, both of which the caller has excluded.
    fn insert(&mut self, order: NewResting) -> OrderId;

    /// Matches an incoming order and appends each step to `fills`.
    ///
    /// With [`SelfTrade::CancelBoth`] a step of kind [`FillKind::SelfTradeCancel`] shrinks the
    /// taker by its lots as well, with [`SelfTrade::CancelMaker`] it leaves the taker as it is.
    fn take(&mut self, taker: Taker, fills: &mut Vec<Fill>) -> Taken;

    /// Removes an order and returns it; `None` when no such order rests.
    fn cancel(&mut self, id: OrderId) -> Option<Resting>;

    /// Takes lots, but not all, from an order, which keeps its place; panics when no such order
    /// rests or it has no more than these, both of which the caller has excluded.
    fn shrink(&mut self, id: OrderId, by: Lots);

    /// Looks an order up; `None` when no such order rests.
    fn order(&self, id: OrderId) -> Option<Resting>;

    /// How many orders rest.
    fn len(&self) -> usize;

    /// The levels of a side, best first, each with the sum of its lots (at most `u64::MAX`).
    fn levels(&self, side: Side) -> impl Iterator<Item = (Tick, Lots)>;

    /// All orders: bids, then asks, each best price first and oldest first.
    fn orders(&self) -> Vec<Resting>;

    /// The whole state that future behaviour depends on.
    fn snapshot(&self) -> Snapshot;

    /// The book of a checked snapshot.
    fn restore(snapshot: &Snapshot) -> Self;

    /// Whether no order rests.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether an order of this side and limit would trade (or meet its own account).
    fn would_cross(&self, side: Side, limit: Tick) -> bool {
        self.best(side.opposite()).is_some_and(|best| reaches(side, limit, best))
    }

    /// Appends the canonical bytes: two books have equal bytes if and only if they will answer
    /// every future operation alike.
    fn write_canonical(&self, out: &mut Vec<u8>) {
        self.snapshot().write(out);
    }

    /// Reads canonical bytes off the front of `input`; an error names the field that is wrong.
    fn read_canonical(input: &mut &[u8]) -> Result<Self, BadSnapshot> {
        Snapshot::read(input).map(|snapshot| Self::restore(&snapshot))
    }
}

/// Whether a taker of this side and limit accepts a resting price.
fn reaches(side: Side, limit: Tick, resting: Tick) -> bool {
    match side {
        Side::Buy => resting <= limit,
        Side::Sell => resting >= limit,
    }
}

/// A handle from its parts.
#[inline]
const fn handle(slot: u32, generation: u32) -> OrderId {
    OrderId((generation as u64) << 32 | slot as u64)
}

/// The slot and the generation of a handle.
#[inline]
const fn parts(id: OrderId) -> (u32, u32) {
    (id.0 as u32, (id.0 >> 32) as u32)
}

/// The generation after which a slot is never reused.
const LAST_GENERATION: u32 = u32::MAX;
