//! One market of a replay: its exchange, the desk's view of it, and what is counted.

use desk::strategy::Instrument;
use feed::tape::{Event, Kind};
use money::{Price, Round, Time};
use protocol::ids::Side;

use crate::replay::exchange::Exchange;
use crate::replay::local::{Local, Units};
use crate::replay::order::Answer;
use crate::replay::record::Counts;

/// A market with its two views.
pub(super) struct Market {
    pub(super) instrument: Instrument,
    /// Index of the feed that it is on.
    pub(super) feed: usize,
    pub(super) units: Units,
    /// Price step, in units.
    pub(super) tick: i64,
    /// Quantity step, in units.
    pub(super) lot: i64,
    pub(super) exchange: Exchange,
    pub(super) local: Local,
    pub(super) counts: Counts,
    /// Whether own orders rested when the exchange was last looked at.
    pub(super) was_busy: bool,
    /// Last mark, index and bar that the tape told, zero before the first.
    pub(super) mark: Price,
}

impl Market {
    /// Middle of the best quotes at the exchange, zero while a side is empty.
    pub(super) fn mid(&self) -> Price {
        let book = self.exchange.book();
        match (book.best(Side::Buy), book.best(Side::Sell)) {
            (Some(bid), Some(ask)) => {
                let (bid, ask) = (self.units.price(bid), self.units.price(ask));
                Price::from_raw(bid.raw().midpoint(ask.raw()))
            }
            (None, _) | (_, None) => Price::ZERO,
        }
    }

    /// Takes an event at the exchange; whether the loop must look at it or at what it answered.
    #[inline]
    pub(super) fn meet(&mut self, event: &Event, answers: &mut Vec<Answer>) -> bool {
        self.counts.events += 1;
        match event.kind {
            Kind::Level
            | Kind::Clear
            | Kind::Best
            | Kind::Add
            | Kind::Change
            | Kind::Remove
            | Kind::Execute => self.exchange.apply(event, answers),
            Kind::Trade => {
                self.counts.trades += 1;
                let (price, qty) = (self.units.price(event.price), self.units.qty(event.qty));
                self.counts.volume += price.notional(qty, Round::Down);
                self.exchange.apply(event, answers);
            }
            Kind::Open | Kind::High | Kind::Low | Kind::Close => {
                self.exchange.apply(event, answers);
            }
            Kind::Funding | Kind::Mark => return true,
            Kind::Base
            | Kind::Predicted
            | Kind::Index
            | Kind::OpenInterest
            | Kind::Forced
            | Kind::Volatility
            | Kind::PoolTick
            | Kind::PoolLiquidity
            | Kind::PoolIn0
            | Kind::PoolIn1 => {}
        }
        !answers.is_empty()
    }
}
