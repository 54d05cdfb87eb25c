//! A market as the desk sees it: its own book from the feed, and what is new to a strategy.
//!
//! A message of many levels is told as one: a quote is compared with the one told before when the
//! message has ended. Prices and quantities of the tape count units; a strategy is told amounts.

use desk::strategy::{self, Instrument, Level, Published};
use feed::tape::{Event, Kind, Side as TapeSide};
use money::{Price, Qty, Rate};
use protocol::ids::Side;

use super::ladder::Ladder;
use super::pool::Pool;
use super::venue::VenueParams;

/// What one unit of a tape's prices and quantities is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Units {
    /// Of prices, above zero.
    pub price: Price,
    /// Of quantities, above zero.
    pub qty: Qty,
}

impl Units {
    /// A price of so many units; the largest or smallest there is beyond them.
    pub fn price(self, units: i64) -> Price {
        Price::from_raw(units.saturating_mul(self.price.raw()))
    }

    /// A quantity of so many units; the largest or smallest there is beyond them.
    pub fn qty(self, units: i64) -> Qty {
        Qty::from_raw(units.saturating_mul(self.qty.raw()))
    }

    /// How many units a price is; `None` between two.
    pub fn of_price(self, price: Price) -> Option<i64> {
        (price.raw() % self.price.raw() == 0).then(|| price.raw() / self.price.raw())
    }

    /// How many units a quantity is; `None` between two.
    pub fn of_qty(self, qty: Qty) -> Option<i64> {
        (qty.raw() % self.qty.raw() == 0).then(|| qty.raw() / self.qty.raw())
    }
}

/// Best bid and ask in units, and the units by which own impact moves them.
type Best = (Option<(i64, i64)>, Option<(i64, i64)>, i64);

/// The desk's view of one market.
#[derive(Clone, Debug)]
pub struct Local {
    instrument: Instrument,
    units: Units,
    ladder: Ladder,
    pool: Option<Box<Pool>>,
    /// Best quotes after the last message, and those that were told.
    seen: Best,
    told: Best,
    published: Published,
    told_published: Published,
    keeps_trades: bool,
    trades: Vec<strategy::Event>,
    /// Units by which own impact moves all prices, as far as it has arrived.
    shift: i64,
}

impl Local {
    /// A market of which nothing has been heard.
    pub fn new(
        instrument: Instrument,
        units: Units,
        venue: &VenueParams,
        keeps_trades: bool,
    ) -> Local {
        let pool = match venue {
            VenueParams::Book(_) => None,
            VenueParams::Pool(params) => Some(Box::new(Pool::new(*params))),
        };
        Local {
            instrument,
            units,
            ladder: Ladder::new(),
            pool,
            seen: (None, None, 0),
            told: (None, None, 0),
            published: Published::default(),
            told_published: Published::default(),
            keeps_trades,
            trades: Vec::new(),
            shift: 0,
        }
    }

    /// Takes what an event says of the book, and nothing else: it was not heard when it happened.
    pub fn learn(&mut self, event: &Event) {
        if event.kind != Kind::Trade {
            self.hear(event, false);
        }
    }

    /// Takes an event; whether there is something to tell now, if it is asked.
    #[inline(always)]
    pub fn hear(&mut self, event: &Event, asks: bool) -> bool {
        if event.kind == Kind::Level {
            self.ladder.apply(event);
            return asks && event.last && self.look();
        }
        match event.kind {
            Kind::Level
            | Kind::Clear
            | Kind::Best
            | Kind::Add
            | Kind::Change
            | Kind::Remove
            | Kind::Execute => {
                self.ladder.apply(event);
                asks && event.last && self.look()
            }
            Kind::Trade => self.keeps_trades && self.keep_trade(event),
            Kind::Base
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
            | Kind::PoolIn1 => self.hear_other(event),
        }
    }

    /// Looks at the best quotes; whether they are not those that were told.
    #[inline]
    pub fn look(&mut self) -> bool {
        self.seen = (self.best(Side::Buy), self.best(Side::Sell), self.shift);
        self.seen != self.told || self.published != self.told_published
    }

    /// Moves all prices from now on; whether there is something to tell.
    pub fn shift(&mut self, units: i64) -> bool {
        self.shift = units;
        self.look()
    }

    /// Tells what is new since the last time.
    pub fn tell(&mut self, mut hear: impl FnMut(&strategy::Event)) {
        self.trades.drain(..).for_each(|event| hear(&event));
        if self.seen != self.told {
            self.told = self.seen;
            let level = |(price, qty): (i64, i64)| Level {
                price: self.price(price),
                qty: self.units.qty(qty),
            };
            let (bid, ask) = (self.seen.0.map(level), self.seen.1.map(level));
            hear(&strategy::Event::Quote { instrument: self.instrument, bid, ask });
        }
        if self.published != self.told_published {
            self.told_published = self.published;
            let (instrument, published) = (self.instrument, self.published);
            hear(&strategy::Event::Funding { instrument, published });
        }
    }

    #[inline]
    fn best(&self, side: Side) -> Option<(i64, i64)> {
        let book = self.pool.as_ref().map_or(&self.ladder, |pool| pool.book());
        book.best(side).map(|price| (price, book.qty(side, price)))
    }

    fn price(&self, units: i64) -> Price {
        self.units.price(units.saturating_add(self.shift))
    }

    fn keep_trade(&mut self, event: &Event) -> bool {
        let side = match event.side {
            Some(TapeSide::Buy) => Side::Buy,
            Some(TapeSide::Sell) => Side::Sell,
            None => return false,
        };
        let (instrument, qty) = (self.instrument, self.units.qty(event.qty));
        let price = self.price(event.price);
        self.trades.push(strategy::Event::Trade { instrument, side, price, qty });
        true
    }

    #[cold]
    fn hear_other(&mut self, event: &Event) -> bool {
        match event.kind {
            Kind::Mark => self.published.mark = self.price(event.price),
            Kind::Index => self.published.index = self.price(event.price),
            Kind::PoolTick | Kind::PoolLiquidity => {
                if let Some(pool) = &mut self.pool {
                    pool.apply(event);
                }
                return event.last && self.look();
            }
            Kind::Predicted => self.published.rate_8h = Rate::from_raw(event.price),
            Kind::Base
            | Kind::Level
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
            | Kind::Funding
            | Kind::OpenInterest
            | Kind::Forced
            | Kind::Volatility
            | Kind::PoolIn0
            | Kind::PoolIn1 => return false,
        }
        self.published != self.told_published
    }
}
