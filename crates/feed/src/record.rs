//! The records of a market and the event that carries one: what every importer produces.
//!
//! Prices are exact; a bar keeps `0 < low ≤ open, close ≤ high` and `volume ≥ 0`.

use money::{Price, Qty, Rate, Time};

use crate::error::Cause;

/// What happened on a market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarketEvent {
    /// A closed bar.
    Bar(Bar),
    /// A settled funding rate.
    Funding(Funding),
    /// A trade.
    Trade(Trade),
    /// A change of the book, or all of it.
    Depth(DepthUpdate),
    /// The best bid and ask.
    Ticker(BookTicker),
}

/// Open, high, low, close and volume of one interval.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Start of the interval; the bar covers it up to the start of the next.
    pub open_time: Time,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
    /// Base asset traded; zero where the source has none (mark and index prices).
    pub volume: Qty,
}

/// A funding rate as it was settled: a long pays `rate` of its notional, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Funding {
    /// The moment of settlement.
    pub time: Time,
    /// The rate of the interval that ended, not annualised.
    pub rate: Rate,
}

/// The side that crossed the spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// The taker bought: the maker was the bid.
    Buyer,
    /// The taker sold: the maker was the ask.
    Seller,
}

/// A trade.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trade {
    /// The exchange's time of the trade.
    pub time: Time,
    /// The exchange's number of the trade.
    pub id: u64,
    /// Price.
    pub price: Price,
    /// Base quantity.
    pub qty: Qty,
    /// Which side took.
    pub taker: Taker,
}

/// A price level; quantity zero removes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Price of the level.
    pub price: Price,
    /// Base quantity that now rests there.
    pub qty: Qty,
}

/// A change of the book, or a snapshot of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DepthUpdate {
    /// The exchange's time; `None` where it sends none (a spot snapshot).
    pub time: Option<Time>,
    /// Whether the levels are the whole book rather than changes.
    pub snapshot: bool,
    /// First change in this update (`U`); of a snapshot, its last.
    pub first_id: u64,
    /// Last change in this update (`u`).
    pub last_id: u64,
    /// Last change of the update before (`pu`): futures send it, spot does not.
    pub previous_id: Option<u64>,
    /// Bids.
    pub bids: Vec<Level>,
    /// Asks.
    pub asks: Vec<Level>,
}

/// The best bid and ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BookTicker {
    /// The exchange's time; `None` where it sends none (spot).
    pub time: Option<Time>,
    /// The change of the book after which it holds.
    pub update_id: u64,
    /// Best bid.
    pub bid: Level,
    /// Best ask.
    pub ask: Level,
}

impl Bar {
    /// Its prices with their names, in the order of the columns.
    pub(crate) fn prices(&self) -> [(&'static str, Price); 4] {
        [("open", self.open), ("high", self.high), ("low", self.low), ("close", self.close)]
    }

    /// Refuses a bar that no trades can have made; tells which price (0 to 3), or 4 for volume.
    pub(crate) fn check(&self) -> Result<(), (usize, Cause)> {
        let prices = self.prices();
        for (index, (name, price)) in prices.into_iter().enumerate() {
            if !price.is_positive() {
                return Err((index, Cause::NotPositive(name, price)));
            }
        }
        for (name, price) in [prices[0], prices[2], prices[3]] {
            if self.high < price {
                return Err((1, Cause::HighTooLow(self.high, name, price)));
            }
        }
        for (name, price) in [prices[0], prices[3]] {
            if self.low > price {
                return Err((2, Cause::LowTooHigh(self.low, name, price)));
            }
        }
        if self.volume.is_negative() {
            return Err((4, Cause::Negative("volume", self.volume)));
        }
        Ok(())
    }
}
