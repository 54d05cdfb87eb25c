//! The cross-venue arbitrageur: buys an asset where it is offered below where it is bid for.
//!
//! It trades both legs at once, as immediate orders at the seen quotes, when
//!
//! `bid_B·(1 − fee_B) / (ask_A·(1 + fee_A)) − 1  ≥  edge + skew·(u_A − u_B)/2`
//!
//! where u ∈ [−1, 1] is each venue's balance within its bounds: inventory that has piled up where the
//! trade buys asks for more, a trade that brings it back for less. The size is the smallest of both
//! quoted quantities, the order limit and the room at both venues. A leg that missed leaves an
//! imbalance, which is closed at the better venue before the next trade. Each pair of quotes is used
//! once, and nothing is done before both venues have stated their balance. Invariant: each balance
//! stays within its bounds whatever fills.

use money::{Qty, Round, Span, Time};
use pricing::convert::price_f64;
use protocol::ids::Side;

use crate::leg::{BadConfig, Leg, Pen, Want};
use crate::strategy::{Event, Instrument, Intent, Level, Listing, Strategy};

/// One of the two venues.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Venue {
    /// The market.
    pub instrument: Instrument,
    /// Smallest balance of the base asset.
    pub balance_min: Qty,
    /// Largest balance of the base asset.
    pub balance_max: Qty,
}

/// What a cross-venue arbitrageur is told. Rates are plain fractions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CrossConfig {
    /// The two venues.
    pub venues: [Venue; 2],
    /// Sum of both balances that counts as flat.
    pub neutral: Qty,
    /// Largest order.
    pub order_max: Qty,
    /// Profit after fees that a trade must have.
    pub edge: f64,
    /// Extra edge asked for at full inventory difference.
    pub skew: f64,
    /// How far beyond the best quote an imbalance may be closed.
    pub slippage: f64,
    /// Time between looks at overdue orders.
    pub period: Span,
    /// Silence after which an order is followed up.
    pub patience: Span,
}

impl CrossConfig {
    /// Defaults for instruments 0 and 1 that start with `balance` each and may use all of it.
    pub fn new(balance: Qty, order_max: Qty) -> CrossConfig {
        let both = balance + balance;
        let venue = |index| Venue {
            instrument: Instrument(index),
            balance_min: Qty::ZERO,
            balance_max: both,
        };
        CrossConfig {
            venues: [venue(0), venue(1)],
            neutral: both,
            order_max,
            edge: 0.5e-4,
            skew: 1e-4,
            slippage: 20e-4,
            period: Span::from_secs(5),
            patience: Span::from_secs(10),
        }
    }

    fn check(&self) -> Result<(), BadConfig> {
        let [a, b] = &self.venues;
        if a.instrument == b.instrument {
            return Err(BadConfig("both venues are one instrument: name two"));
        }
        if a.balance_max <= a.balance_min || b.balance_max <= b.balance_min {
            return Err(BadConfig("balance_max must be above balance_min at both venues"));
        }
        if !self.order_max.is_positive() || self.period == Span::ZERO {
            return Err(BadConfig("order_max and period must be above zero"));
        }
        if [self.edge, self.skew, self.slippage].iter().any(|x| !x.is_finite() || *x < 0.0) {
            return Err(BadConfig("edge, skew and slippage are fractions from zero up"));
        }
        Ok(())
    }
}

const TAKE: usize = 0;

/// The strategy.
#[derive(Clone, Debug)]
pub struct Cross {
    config: CrossConfig,
    legs: [Leg; 2],
    /// Whether a venue has quoted since its quotes were last used.
    fresh: [bool; 2],
    now: Time,
    due: Option<Time>,
    last: u64,
}

impl Cross {
    /// Builds the strategy from its configuration and what is listed about both venues.
    pub fn new(config: CrossConfig, listings: [&Listing; 2]) -> Result<Cross, BadConfig> {
        config.check()?;
        let leg = |at: usize| Leg::new(config.venues[at].instrument, listings[at], 1);
        Ok(Cross {
            legs: [leg(0)?, leg(1)?],
            config,
            fresh: [false; 2],
            now: Time::ZERO,
            due: None,
            last: 0,
        })
    }

    fn act(&mut self, pen: &mut Pen) {
        if !self.legs.iter().all(|leg| leg.is_stated() && leg.is_free(TAKE)) {
            return;
        }
        let held = self.legs[0].position() + self.legs[1].position();
        let imbalance = held - self.config.neutral;
        let side = if imbalance.is_positive() { Side::Sell } else { Side::Buy };
        let closable = self.legs.iter().any(|leg| leg.in_lots(imbalance.abs()).is_positive());
        if closable {
            self.close(side, imbalance.abs().min(self.config.order_max), pen);
        } else if self.fresh == [true; 2] {
            self.trade(0, 1, pen);
            self.trade(1, 0, pen);
        }
    }

    /// Buys at one venue and sells at the other if that pays.
    fn trade(&mut self, buy: usize, sell: usize, pen: &mut Pen) {
        let (Some(ask), Some(bid)) =
            (self.legs[buy].against(Side::Buy), self.legs[sell].against(Side::Sell))
        else {
            return;
        };
        let paid = price_f64(ask.price) * (1.0 + self.legs[buy].fee_taker());
        let received = price_f64(bid.price) * (1.0 - self.legs[sell].fee_taker());
        let filled = (self.filled(buy) - self.filled(sell)) / 2.0;
        if paid <= 0.0 || received / paid - 1.0 < self.config.edge + self.config.skew * filled {
            return;
        }
        let qty = ask.qty.min(bid.qty).min(self.config.order_max);
        let qty = qty.min(self.room(buy, Side::Buy)).min(self.room(sell, Side::Sell));
        let qty = self.legs[buy].in_lots(self.legs[sell].in_lots(qty));
        if self.legs[sell].in_lots(qty) != qty || !qty.is_positive() {
            return;
        }
        self.fresh = [false; 2];
        self.legs[buy].take(TAKE, Want { side: Side::Buy, price: ask.price, qty }, pen);
        self.legs[sell].take(TAKE, Want { side: Side::Sell, price: bid.price, qty }, pen);
    }

    /// Closes an imbalance at the venue with the better price after fees that has room.
    fn close(&mut self, side: Side, qty: Qty, pen: &mut Pen) {
        let cost = |at: usize| -> Option<f64> {
            let fee = self.legs[at].fee_taker();
            let room = self.legs[at].in_lots(self.room(at, side).min(qty));
            let level: Level = self.legs[at].against(side)?;
            let price = price_f64(level.price);
            let paid = price * (side.sign() as f64 + fee); // negative when received
            room.is_positive().then_some(paid)
        };
        let at = match (cost(0), cost(1)) {
            (Some(first), Some(second)) => usize::from(second < first),
            (Some(_), None) => 0,
            (None, Some(_)) => 1,
            (None, None) => return,
        };
        let qty = qty.min(self.room(at, side));
        let Some(level) = self.legs[at].against(side) else { return };
        let slip = 1.0 + side.sign() as f64 * self.config.slippage;
        let Some(price) = self.legs[at].on_tick(side, price_f64(level.price) * slip) else {
            return;
        };
        self.fresh[at] = false;
        self.legs[at].take(TAKE, Want { side, price, qty }, pen);
    }

    /// How much may still be bought or sold at a venue.
    fn room(&self, at: usize, side: Side) -> Qty {
        let (venue, balance) = (&self.config.venues[at], self.legs[at].position());
        let room = match side {
            Side::Buy => venue.balance_max - balance,
            Side::Sell => balance - venue.balance_min,
        };
        room.max(Qty::ZERO)
    }

    /// A venue's balance within its bounds, −1 … 1.
    fn filled(&self, at: usize) -> f64 {
        let (venue, balance) = (&self.config.venues[at], self.legs[at].position());
        let (above, width) = (balance - venue.balance_min, venue.balance_max - venue.balance_min);
        let share = above.as_amount().ratio(width.as_amount(), Round::Down);
        let share = share.map_or(0.5, pricing::convert::rate_f64);
        (2.0 * share - 1.0).clamp(-1.0, 1.0)
    }
}

impl Strategy for Cross {
    fn on(&mut self, event: &Event, intents: &mut Vec<Intent>) {
        let mut last = self.last;
        if self.due.is_none() {
            self.due = Some(Time::ZERO);
            intents.push(Intent::WakeAt(Time::ZERO));
        }
        let heard = match *event {
            Event::Wake { now } => {
                self.now = self.now.max(now);
                self.due.is_some_and(|due| now >= due)
            }
            Event::Quote { instrument, .. } => {
                for (fresh, venue) in self.fresh.iter_mut().zip(&self.config.venues) {
                    *fresh |= venue.instrument == instrument;
                }
                self.legs[0].hear(event) | self.legs[1].hear(event)
            }
            Event::Funding { .. }
            | Event::Rested { .. }
            | Event::Fill { .. }
            | Event::Gone { .. }
            | Event::Position { .. }
            | Event::Equity { .. } => self.legs[0].hear(event) | self.legs[1].hear(event),
        };
        if heard {
            let mut pen = Pen { intents, last: &mut last, now: self.now };
            if let Event::Wake { now } = *event {
                self.legs[0].follow_up(self.config.patience, &mut pen);
                self.legs[1].follow_up(self.config.patience, &mut pen);
                let next = now.after(self.config.period);
                self.due = Some(next);
                pen.intents.push(Intent::WakeAt(next));
            }
            self.act(&mut pen);
        }
        self.last = last;
    }
}
