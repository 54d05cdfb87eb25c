//! Ticks and lots: the steps in which a book counts prices and quantities (rule T-1).
//!
//! Always holds: tick·lot is a whole number of units of quote, so what so many lots cost at a tick
//! is exact.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Price, Qty, Round};

use crate::ids::{Lots, Side, Tick};
use crate::reject::Reject;

/// The largest number of lots of one order.
pub const LOTS_MAX: u64 = 1 << 53;

/// The steps of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Grid {
    tick: Price,
    lot: Qty,
    /// Value of one lot one tick up, in quote.
    unit: Amount,
}

impl Grid {
    /// The steps of a tick and a lot that have been checked.
    pub fn new(tick: Price, lot: Qty) -> Grid {
        Grid { tick, lot, unit: tick.notional(lot, Round::Down) }
    }

    /// Exact value of so many lots at a tick.
    #[inline]
    pub fn notional(&self, tick: Tick, lots: Lots) -> Amount {
        self.value(u128::from(tick.0) * u128::from(lots.0))
    }

    /// Exact value of Σ tick·lots.
    #[inline]
    pub fn value(&self, tick_lots: u128) -> Amount {
        let tick_lots = i128::try_from(tick_lots).expect("bounded by tick, lots and open orders");
        Amount::from_raw(self.unit.raw() * tick_lots)
    }

    /// The price of a tick.
    #[inline]
    pub fn price(&self, tick: Tick) -> Price {
        Price::from_raw(i64::from(tick.0) * self.tick.raw())
    }

    /// The quantity of so many lots.
    #[inline]
    pub fn qty(&self, lots: Lots) -> Qty {
        let lots = i64::try_from(lots.0).expect("lots are bounded by LOTS_MAX");
        Qty::from_raw(lots * self.lot.raw())
    }

    /// The quantity of a level, at most the largest of its type.
    pub fn level_qty(&self, lots: Lots) -> Qty {
        let raw = i128::from(lots.0) * i128::from(self.lot.raw());
        Qty::from_raw(i64::try_from(raw).unwrap_or(i64::MAX))
    }

    /// The tick of a price that must lie on one.
    pub(crate) fn check_tick(&self, price: Price) -> Result<Tick, Reject> {
        if price.raw() % self.tick.raw() != 0 {
            return Err(Reject::OffTick);
        }
        let tick = u32::try_from(price.raw() / self.tick.raw());
        tick.map(Tick).map_err(|_| Reject::Overflow)
    }

    /// The lots of a quantity that must be a whole number of them.
    pub(crate) fn check_lots(&self, qty: Qty) -> Result<Lots, Reject> {
        if qty.raw() % self.lot.raw() != 0 {
            return Err(Reject::OffLot);
        }
        let lots = u64::try_from(qty.raw() / self.lot.raw()).expect("a positive quantity");
        if lots > LOTS_MAX { Err(Reject::Overflow) } else { Ok(Lots(lots)) }
    }

    /// The tick at or beyond `price`, rounded so that an order of `side` never does worse than it.
    pub(crate) fn tick_within(&self, price: Price, side: Side) -> Tick {
        let raw = price.raw().max(1);
        let step = self.tick.raw();
        let ticks = match side {
            Side::Buy => raw / step,
            Side::Sell => raw / step + i64::from(raw % step != 0),
        };
        Tick(u32::try_from(ticks.max(1)).unwrap_or(u32::MAX))
    }

    /// Whole lots of a quantity's magnitude, rounded up.
    pub(crate) fn lots_covering(&self, qty: Qty) -> Lots {
        Lots(qty.raw().unsigned_abs().div_ceil(self.lot.raw().unsigned_abs()))
    }

    /// Whole lots of a quantity's magnitude, rounded down.
    pub(crate) fn lots_of(&self, qty: Qty) -> Lots {
        Lots(qty.raw().unsigned_abs() / self.lot.raw().unsigned_abs())
    }
}
