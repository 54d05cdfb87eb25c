//! Markets that own trades have moved.
//!
//! An exchange keeps the coordinates of its tape; the market stands `shift` units above them, a
//! whole number of ticks towards zero. An order that arrives is translated, an own order that rests
//! keeps its price and so changes its place on the tape whenever the shift changes: it joins the
//! back of the queue there, and is filled at its own price if the other side has come to it. What a
//! taker pays beyond the displayed levels on its way ([`Impact::path`]) is added to each fill,
//! rounded against it and up to its limit, which of an immediate order is tightened by as
//! much. The strategy's view follows when an answer that is sent now would arrive.

use money::{Price, Qty, Time};
use pricing::convert::{price_f64, qty_f64};
use protocol::command::Lifetime;
use protocol::ids::Side;

use super::{Item, Run, RunError};
use crate::replay::order::{Answer, Order};

/// How often a market that was moved is looked at.
const EASE_NS: u64 = 10_000_000;

impl Run<'_> {
    /// Translates an order that arrives, and tells by how many units its fills are worse than what
    /// the tape shows.
    pub(super) fn translate(&mut self, at: usize, order: &mut Order) -> i64 {
        let now = Time::from_nanos(self.now);
        let market = &mut self.markets[at];
        let (mid, unit) = (market.mid(), market.units.price);
        let Some(impact) = &mut market.impact else { return 0 };
        order.price = order.price.saturating_sub(market.shift);
        if order.lifetime == Lifetime::PostOnly {
            return 0;
        }
        let taken = notional(mid, market.units.qty(order.qty));
        let beyond = impact.path(now, order.side, taken) - impact.displacement(now);
        let worse = (beyond.abs() * mid.raw() as f64 / unit.raw() as f64).ceil() as i64;
        let worse = order.side.sign() * worse;
        if order.lifetime == Lifetime::Immediate {
            order.price = order.price.saturating_sub(worse);
        }
        worse
    }

    /// Takes note of an own aggressive fill.
    pub(super) fn push(&mut self, at: usize, side: Side, price: Price, qty: Qty) {
        let now = Time::from_nanos(self.now);
        if let Some(impact) = &mut self.markets[at].impact {
            if impact.is_idle() {
                self.queue.push(self.now + EASE_NS, Item::Ease(at as u16));
            }
            impact.traded(now, side, notional(price, qty));
        }
    }

    /// Looks at a market that was moved, and again soon as long as it is.
    pub(super) fn ease(&mut self, at: usize) -> Result<(), RunError> {
        self.shift(at)?;
        if self.markets[at].impact.as_ref().is_some_and(|impact| !impact.is_idle()) {
            self.queue.push(self.now + EASE_NS, Item::Ease(at as u16));
        }
        Ok(())
    }

    /// Moves a market, own orders there and, later, the strategy's view to the displacement of now.
    pub(super) fn shift(&mut self, at: usize) -> Result<(), RunError> {
        let now = Time::from_nanos(self.now);
        let market = &mut self.markets[at];
        let ticks = market.mid().raw() / market.units.price.raw() / market.tick;
        let Some(impact) = &mut market.impact else { return Ok(()) };
        let shift = impact.steps(now, ticks) * market.tick;
        if shift == market.shift {
            return Ok(());
        }
        market.shift = shift;
        let mut answers = Vec::new();
        // All leave before the first comes back: own orders of both sides must not meet half moved.
        for open in &market.open {
            market.exchange.cancel(open.client, &mut answers);
        }
        answers.clear();
        for open in &market.open {
            let order = open.on_tape(market.units, shift);
            market.exchange.place(order, &mut answers);
            self.answers.extend(answers.drain(..).filter_map(|answer| met(answer, order.price)));
        }
        let heard = self.feeds[market.feed].latency.answered(now);
        self.queue.push(heard.nanos(), Item::Shift(at as u16, shift));
        self.settle(at)
    }
}

fn notional(price: Price, qty: Qty) -> f64 {
    price_f64(price) * qty_f64(qty)
}

/// What the market coming to an order means: a fill at its own price, as the resting side.
fn met(answer: Answer, own: i64) -> Option<Answer> {
    match answer {
        Answer::Fill { client, side, qty, done, .. } => {
            Some(Answer::Fill { client, side, price: own, qty, maker: true, done })
        }
        Answer::Gone { .. } => Some(answer),
        Answer::Rested { .. } => None,
    }
}
