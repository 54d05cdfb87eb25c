//! Recorded market events in 24 bytes each: what replays read and importers write.
//!
//! A slot is three little-endian words: the venue's time in nanoseconds; the time on the road
//! (32 bits, signed) and the price (32 bits, signed); quantity (32 bits), instrument (16), kind (8)
//! and flags (8). Price and quantity count the units that the tape's header names for each
//! instrument. What does not fit, and an order's number, stands in one more slot behind it (number,
//! price, quantity, 64 bits each); a delay that does not fit moves the base from which delays are
//! counted. So an ordinary event takes 24 bytes and no value is ever cut.
//!
//! The order of a tape is the order of receipt. An event applies when `last` is set on it or on one
//! behind it: a message of many levels is whole or not there.

mod slot;
pub mod file;
pub mod merge;
pub mod npz;
pub mod parquet;
mod csv;
pub mod check;

pub use csv::CsvWriter;
pub use slot::{Decoder, Encoder, Slot};

use std::collections::BTreeMap;

use money::{Price, Qty, Time};

use crate::error::Error;
use crate::findings::Finding;

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Kind {
    /// Moves the base of delays; is never handed to a reader.
    Base = 0,
    /// `qty` now rests at `price` on `side`; zero removes the level.
    Level = 1,
    /// The book of `side` (or both) is emptied: a snapshot follows, or the feed was lost. A price
    /// that is not zero tells how far that snapshot reaches.
    Clear = 2,
    /// A trade; `side` is the aggressor's, `id` the venue's number or zero.
    Trade = 3,
    /// The best price of `side` is `price` with `qty`; zero says that there is none.
    Best = 4,
    /// Order `id` rests with `qty` at `price`.
    Add = 5,
    /// Order `id` now has `qty` at `price`; it keeps its place if the price is the same and the
    /// quantity smaller.
    Change = 6,
    /// Order `id` is gone.
    Remove = 7,
    /// Order `id` traded `qty` at `price` and keeps its place with what is left.
    Execute = 8,
    /// First price of a bar; the four events of a bar follow each other, at the time of its close.
    Open = 9,
    /// Highest price of a bar.
    High = 10,
    /// Lowest price of a bar.
    Low = 11,
    /// Last price and volume of a bar; `id` is its length in nanoseconds.
    Close = 12,
    /// A settled funding rate: `price` holds it in 10⁻¹².
    Funding = 13,
    /// The funding rate that is predicted for the next settlement, in 10⁻¹²; `id` is the time of
    /// that settlement in nanoseconds, zero where unknown.
    Predicted = 14,
    /// Mark price.
    Mark = 15,
    /// Index price (of an option: the price of its underlying).
    Index = 16,
    /// Open interest, in `qty`.
    OpenInterest = 17,
    /// A forced trade of somebody's liquidation; `side` is its direction.
    Forced = 18,
    /// Implied volatility in 10⁻⁸ (0.5 is 50 %): of bids, of asks, or of the mark without a side.
    Volatility = 19,
    /// Tick of a pool's price; `price` is the tick.
    PoolTick = 20,
    /// Liquidity in range of a pool, as [`Event::wide`].
    PoolLiquidity = 21,
    /// Token 0 that went into the pool since the last, gross, as [`Event::wide`].
    PoolIn0 = 22,
    /// Token 1 that went into the pool since the last, gross, as [`Event::wide`].
    PoolIn1 = 23,
}

/// A side of the book, or the direction of an aggressor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Side {
    /// Bids; a taker who buys.
    Buy,
    /// Asks; a taker who sells.
    Sell,
}

/// One event, decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// The venue's clock.
    pub exchange: Time,
    /// The recorder's clock at receipt.
    pub local: Time,
    /// Index into the header's instruments.
    pub instrument: u16,
    /// What it says.
    pub kind: Kind,
    /// Which side, where the kind has one.
    pub side: Option<Side>,
    /// Whether the venue's message ends here.
    pub last: bool,
    /// Whether it is part of a snapshot.
    pub snapshot: bool,
    /// In units of the instrument.
    pub price: i64,
    /// In units of the instrument; never negative.
    pub qty: i64,
    /// Number of the order or trade, or what the kind says; zero for none.
    pub id: u64,
}

/// What a tape says about one instrument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// The venue's name of it, as `BTCUSDT`.
    pub name: String,
    /// The venue, as `binance-futures`; empty where the source does not say.
    pub venue: String,
    /// What one unit of price is, above zero.
    pub price_unit: Price,
    /// What one unit of quantity is, above zero.
    pub qty_unit: Qty,
}

/// What stands before the events.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Where the events come from, for the reader.
    pub source: String,
    /// The instruments, by index.
    pub instruments: Vec<Listed>,
}

/// Events in the order of receipt, read in batches: memory does not grow with the length.
pub trait Source {
    /// What is known before the first event. Instruments may be added while reading; they keep
    /// their index.
    fn header(&self) -> &Header;

    /// Appends the next slots, whole events only; false when there are none left.
    ///
    /// # Errors
    /// Names file, line and cause; after an error the source has ended.
    fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, Error>;

    /// What was left out, folded or rounded so far.
    fn findings(&self) -> Vec<Finding> {
        Vec::new()
    }
}

/// Where events go: a file of some format.
pub trait Sink {
    /// Appends whole events, in the order of the tape, and the instruments that the header has
    /// gained.
    ///
    /// # Errors
    /// What the output refuses, and what the format cannot hold.
    fn write(&mut self, header: &Header, slots: &[Slot]) -> Result<(), Error>;

    /// Writes what is left and puts the file in its place; tells how many events of which kinds
    /// were left out because the format has no place for them.
    ///
    /// # Errors
    /// What the output refuses.
    fn finish(self: Box<Self>) -> Result<BTreeMap<Kind, u64>, Error>;
}

/// What one unit of price and of quantity is to be; what is not given is told by the finest
/// decimals of the first rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Units {
    /// Of price, above zero.
    pub price: Option<Price>,
    /// Of quantity, above zero.
    pub qty: Option<Qty>,
}

impl Units {
    /// Rows from whose decimals a unit is told.
    pub const SNIFFED_ROWS: usize = 10_000;
}

impl Event {
    /// A value of 128 bits that kinds of pools carry in `id` and `price`.
    pub const fn wide(&self) -> u128 {
        (self.price.cast_unsigned() as u128) << 64 | self.id as u128
    }

    /// The same event carrying a value of 128 bits.
    #[must_use]
    pub const fn with_wide(self, value: u128) -> Event {
        Event { id: value as u64, price: ((value >> 64) as u64).cast_signed(), ..self }
    }
}

impl Side {
    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Side::Buy => "buy",
            Side::Sell => "sell",
        }
    }
}

impl Kind {
    /// All kinds by number.
    pub const ALL: [Kind; 24] = [
        Kind::Base,
        Kind::Level,
        Kind::Clear,
        Kind::Trade,
        Kind::Best,
        Kind::Add,
        Kind::Change,
        Kind::Remove,
        Kind::Execute,
        Kind::Open,
        Kind::High,
        Kind::Low,
        Kind::Close,
        Kind::Funding,
        Kind::Predicted,
        Kind::Mark,
        Kind::Index,
        Kind::OpenInterest,
        Kind::Forced,
        Kind::Volatility,
        Kind::PoolTick,
        Kind::PoolLiquidity,
        Kind::PoolIn0,
        Kind::PoolIn1,
    ];

    /// Whether price and quantity count the instrument's units; of the others they hold what the
    /// kind says.
    pub const fn counts_units(self) -> bool {
        match self {
            Kind::Level
            | Kind::Clear
            | Kind::Trade
            | Kind::Best
            | Kind::Add
            | Kind::Change
            | Kind::Remove
            | Kind::Execute
            | Kind::Open
            | Kind::High
            | Kind::Low
            | Kind::Close
            | Kind::Mark
            | Kind::Index
            | Kind::OpenInterest
            | Kind::Forced => true,
            Kind::Base
            | Kind::Funding
            | Kind::Predicted
            | Kind::Volatility
            | Kind::PoolTick
            | Kind::PoolLiquidity
            | Kind::PoolIn0
            | Kind::PoolIn1 => false,
        }
    }

    /// Its name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Kind::Base => "base",
            Kind::Level => "level",
            Kind::Clear => "clear",
            Kind::Trade => "trade",
            Kind::Best => "best",
            Kind::Add => "add",
            Kind::Change => "change",
            Kind::Remove => "remove",
            Kind::Execute => "execute",
            Kind::Open => "open",
            Kind::High => "high",
            Kind::Low => "low",
            Kind::Close => "close",
            Kind::Funding => "funding",
            Kind::Predicted => "predicted",
            Kind::Mark => "mark",
            Kind::Index => "index",
            Kind::OpenInterest => "open_interest",
            Kind::Forced => "forced",
            Kind::Volatility => "volatility",
            Kind::PoolTick => "pool_tick",
            Kind::PoolLiquidity => "pool_liquidity",
            Kind::PoolIn0 => "pool_in0",
            Kind::PoolIn1 => "pool_in1",
        }
    }

    /// The kind of a number.
    pub fn from_number(number: u8) -> Option<Kind> {
        Kind::ALL.get(usize::from(number)).copied()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(crate) mod tests;
