//! One market of a replay: its exchange, the desk's view of it, and what is counted.

use desk::strategy::Instrument;
use feed::tape::{Event, Kind};
use money::{Amount, Price, Qty, Round, Time, mul_div};
use pricing::convert::{price_f64, qty_f64};
use protocol::command::Lifetime;
use protocol::ids::{ClientId, Side};

use crate::replay::account::Proposal;
use crate::replay::impact::Impact;
use crate::replay::local::{Local, Units};
use crate::replay::order::{Answer, Order};
use crate::replay::record::Counts;
use crate::replay::venue::Venue;

/// An own order that its exchange has: what is left of it, at the price it was sent with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Open {
    pub(super) client: ClientId,
    pub(super) left: Proposal,
    pub(super) touched: bool,
}

impl Open {
    /// What is left of it on a side.
    pub(super) fn working(&self, side: Side) -> Qty {
        if self.left.side == side { self.left.qty } else { Qty::ZERO }
    }

    /// The order as one that joins the tape's queue now, in a market that was moved.
    pub(super) fn on_tape(&self, units: Units, shift: i64) -> Order {
        let price = units.of_price(self.left.price).expect("the price was checked at sending");
        let qty = units.of_qty(self.left.qty).expect("parts of a fill are whole units");
        let (client, side) = (self.client, self.left.side);
        let price = price.saturating_sub(shift);
        Order { client, side, price, qty, lifetime: Lifetime::Resting }
    }
}

/// A market with its two views.
pub(super) struct Market {
    pub(super) instrument: Instrument,
    /// Index of the feed that it is on.
    pub(super) feed: usize,
    /// Index of the account, and its place there.
    pub(super) account: usize,
    pub(super) place: usize,
    pub(super) units: Units,
    /// Price step, in units.
    pub(super) tick: i64,
    /// Quantity step, in units.
    pub(super) lot: i64,
    pub(super) exchange: Venue,
    pub(super) local: Local,
    /// How own trades move it, and by how many units it stands above the tape.
    pub(super) impact: Option<Impact>,
    pub(super) shift: i64,
    pub(super) open: Vec<Open>,
    pub(super) counts: Counts,
    /// Price times quantity of all trades, in units of both.
    pub(super) volume: i128,
    /// Whether own orders rested when the exchange was last looked at.
    pub(super) was_busy: bool,
    /// The last mark that the tape told, zero before the first.
    pub(super) mark: Price,
    /// The last index, zero before the first.
    pub(super) index: Price,
    /// The last close of a bar, zero before the first.
    pub(super) close: Price,
    /// When it settles, of dated contracts.
    pub(super) expiry: Option<Time>,
}

impl Market {
    /// Middle of the best quotes at the exchange, of a market without quotes its last close; zero
    /// while there is neither.
    pub(super) fn mid(&self) -> Price {
        let book = self.exchange.book();
        match (book.best(Side::Buy), book.best(Side::Sell)) {
            (Some(bid), Some(ask)) => {
                let (bid, ask) = (self.units.price(bid), self.units.price(ask));
                Price::from_raw(bid.raw().midpoint(ask.raw()))
            }
            (None, _) | (_, None) => self.close,
        }
    }

    /// What others traded, in quote; the largest amount there is beyond it.
    pub(super) fn traded(&self) -> Amount {
        let (price, qty) = (self.units.price.raw(), self.units.qty.raw());
        let scale = i128::from(price) * i128::from(qty);
        let traded = mul_div(self.volume, scale, i128::from(Qty::ONE.raw()), Round::Down);
        Amount::from_raw(traded.unwrap_or(i128::MAX))
    }

    /// A price of an order in units; `None` off the tick.
    pub(super) fn price_units(&self, price: Price) -> Option<i64> {
        self.units.of_price(price).filter(|units| units % self.tick == 0)
    }

    /// A quantity of an order in units; `None` between two lots.
    pub(super) fn lots(&self, qty: Qty) -> Option<i64> {
        self.units.of_qty(qty).filter(|units| units % self.lot == 0)
    }

    /// The whole lots of a quantity, in units.
    pub(super) fn whole_lots(&self, qty: Qty) -> i64 {
        let lot = self.lot * self.units.qty.raw();
        qty.raw() / lot * self.lot
    }

    /// What an impact is measured against: the trades of the tape.
    #[cold]
    fn observe(&mut self, event: &Event) {
        let (price, qty) = (self.units.price(event.price), self.units.qty(event.qty));
        let (price, qty) = (price_f64(price), qty_f64(qty));
        if let Some(impact) = &mut self.impact {
            impact.observe(event.exchange, price, price * qty);
        }
    }

    /// Takes an event at the exchange; whether the loop must look at it or at what it answered.
    #[inline(always)]
    pub(super) fn meet(&mut self, event: &Event, answers: &mut Vec<Answer>) -> bool {
        self.counts.events += 1;
        if event.kind == Kind::Level {
            self.exchange.apply(event, answers);
            return !answers.is_empty();
        }
        self.meet_other(event, answers)
    }

    /// Takes an event that is no level.
    fn meet_other(&mut self, event: &Event, answers: &mut Vec<Answer>) -> bool {
        match event.kind {
            Kind::Level
            | Kind::Clear
            | Kind::Best
            | Kind::Add
            | Kind::Change
            | Kind::Remove
            | Kind::Execute
            | Kind::Open
            | Kind::High
            | Kind::Low
            | Kind::PoolTick
            | Kind::PoolLiquidity => self.exchange.apply(event, answers),
            Kind::Trade => {
                self.counts.trades += 1;
                let notional = i128::from(event.price) * i128::from(event.qty);
                self.volume = self.volume.saturating_add(notional);
                if self.impact.is_some() {
                    self.observe(event);
                }
                self.exchange.apply(event, answers);
            }
            Kind::Close => {
                self.close = self.units.price(event.price);
                self.exchange.apply(event, answers);
            }
            Kind::Funding | Kind::Mark | Kind::Index => return true,
            Kind::Base
            | Kind::Predicted
            | Kind::OpenInterest
            | Kind::Forced
            | Kind::Volatility
            | Kind::PoolIn0
            | Kind::PoolIn1 => {}
        }
        !answers.is_empty()
    }
}
