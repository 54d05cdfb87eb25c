//! Own orders against the events of a replayed market, as its exchange would have matched them.
//!
//! The recorded market never reacts. A resting order fills at its own price when (a) a trade
//! prints at a worse price, (b) trades at its price exceed what the queue model keeps before it, or
//! (c) the other side shows a price at or through its own. [`Fills::Whole`] fills all of it at
//! (b) and takers at the best price whatever its size; [`Fills::Partial`] fills what exceeds the
//! front, one own order after the other, and takers walk the levels (the two fill models of
//! hftbacktest 0.9). Orders by number: the front is exact, and (b) is a trade of an order behind.
//! Best prices only: off the best price the front is unknown, and (b) waits until the level is
//! shown. Trades or bars only: (a) alone; an order at or through the last price waits for the next
//! trade or bar and takes its (first) price if that is within its limit.
//!
//! Invariant: own orders never trade with each other: a taker takes only prices strictly better
//! than its account's orders on the other side, and what is left of it is refused.

mod resting;

use feed::tape::{Event, Kind};
use protocol::command::Lifetime;
use protocol::ids::{ClientId, Side};

use super::ladder::{Depth, Ladder, Moved, key, side_of};
use super::order::{Answer, Order};
use super::queue::{Position, QueueModel};
use resting::{Own, Resting};

/// How much of an order trades.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fills {
    /// Always all of it.
    Whole,
    /// What the market shows.
    Partial,
}

/// The models of an exchange.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExchangeParams {
    /// How much of an order trades.
    pub fills: Fills,
    /// Where it stands in its queue, unless the feed shows orders by number.
    pub queue: QueueModel,
    /// Whether what own takers took (with [`Fills::Partial`]) is gone until the feed sets the
    /// level again.
    pub consume: bool,
}

/// The exchange's view of one market, and own orders of one account there.
#[derive(Clone, Debug)]
pub struct Exchange {
    params: ExchangeParams,
    ladder: Ladder,
    own: [Resting; 2],
    /// Taken from levels of the feed: side, price, quantity.
    taken: Vec<(Side, i64, i64)>,
    /// Price of the last trade or bar.
    last: Option<i64>,
    /// Orders that wait for the next price where there are no quotes.
    waiting: Vec<Order>,
}

impl Exchange {
    /// An exchange that has heard nothing.
    pub fn new(params: &ExchangeParams) -> Exchange {
        Exchange {
            params: *params,
            ladder: Ladder::new(),
            own: [Resting::new(Side::Buy), Resting::new(Side::Sell)],
            taken: Vec::new(),
            last: None,
            waiting: Vec::new(),
        }
    }

    /// The book as the feed shows it, without own orders.
    #[inline]
    pub const fn book(&self) -> &Ladder {
        &self.ladder
    }

    /// Whether no own orders rest or wait.
    pub fn is_idle(&self) -> bool {
        self.own.iter().all(Resting::is_empty) && self.waiting.is_empty()
    }

    /// Applies an event of the market.
    #[inline(always)]
    pub fn apply(&mut self, event: &Event, answers: &mut Vec<Answer>) {
        if event.kind == Kind::Level {
            if let Some(side) = event.side {
                self.apply_level(side_of(side), event.price, event.qty, answers);
            }
        } else if event.kind == Kind::Trade {
            self.last = Some(event.price);
            let buys = event.side.is_none_or(|side| side_of(side) == Side::Buy);
            let sells = event.side.is_none_or(|side| side_of(side) == Side::Sell);
            let [bids, asks] = &self.own;
            if (buys & asks.reached(event.price))
                | (sells & bids.reached(event.price))
                | !self.waiting.is_empty()
            {
                self.apply_trade(event, answers);
            }
        } else {
            self.apply_other(event, answers);
        }
    }

    /// An order arrives.
    pub fn place(&mut self, order: Order, answers: &mut Vec<Answer>) {
        let known = self.own.iter().any(|own| own.holds(order.client))
            || self.waiting.iter().any(|other| other.client == order.client);
        if order.qty <= 0 || known {
            answers.push(Answer::Gone { client: order.client, refused: true });
        } else if self.ladder.depth() == Depth::Nothing {
            self.place_unquoted(order, answers);
        } else {
            self.place_quoted(order, answers);
        }
    }

    /// The cancellation of an order arrives; one that is not there is answered by nothing.
    pub fn cancel(&mut self, client: ClientId, answers: &mut Vec<Answer>) {
        let waited = self.waiting.iter().position(|order| order.client == client);
        if let Some(at) = waited {
            self.waiting.remove(at);
        }
        if waited.is_some() || self.own.iter_mut().any(|own| own.remove(client)) {
            answers.push(Answer::Gone { client, refused: false });
        }
    }

    /// The cancellation of all orders arrives.
    pub fn cancel_all(&mut self, answers: &mut Vec<Answer>) {
        let gone = |client| Answer::Gone { client, refused: false };
        for own in &mut self.own {
            answers.extend(own.drain().map(|order| gone(order.client)));
        }
        answers.extend(self.waiting.drain(..).map(|order| gone(order.client)));
    }

    #[inline(always)]
    fn apply_level(&mut self, side: Side, price: i64, qty: i64, answers: &mut Vec<Answer>) {
        let before = self.ladder.set(side, price, qty);
        let crossed = (qty > 0) & self.own[side.opposite() as usize].reached(price);
        if crossed | self.own[side as usize].spans(price) | !self.taken.is_empty() {
            self.note_level(side, price, before, answers);
        }
    }

    /// A level was set where own orders or memories are.
    fn note_level(&mut self, side: Side, price: i64, before: i64, answers: &mut Vec<Answer>) {
        self.taken.retain(|&(its, at, _)| (its, at) != (side, price));
        let after = self.ladder.qty(side, price);
        for own in self.own[side as usize].at(price) {
            own.position.change(self.params.queue, before, after);
        }
        if after > 0 {
            self.own[side.opposite() as usize].fill_through(price, true, answers);
        }
    }

    fn apply_trade(&mut self, event: &Event, answers: &mut Vec<Answer>) {
        self.serve_waiting(event.price, answers);
        for side in [Side::Buy, Side::Sell] {
            if event.side.is_none_or(|aggressor| side_of(aggressor) != side) {
                self.own[side as usize].fill_through(event.price, false, answers);
                if self.ladder.depth() != Depth::Orders {
                    self.trade_at(side, event.price, event.qty, answers);
                }
            }
        }
    }

    /// A trade at the price of own orders, of which those in front take their share first.
    fn trade_at(&mut self, side: Side, price: i64, qty: i64, answers: &mut Vec<Answer>) {
        let (mut rest, mut done) = (qty, false);
        for own in self.own[side as usize].at(price) {
            let beyond = own.position.trade(qty, rest);
            let (filled, spent) = match self.params.fills {
                Fills::Whole if beyond > 0 => (own.left, 0),
                Fills::Whole => (0, 0),
                Fills::Partial => (beyond.min(own.left), beyond.min(own.left)),
            };
            if filled > 0 {
                answers.push(own.fill(side, filled));
                own.left -= filled;
                done |= own.left == 0;
            }
            rest -= spent;
        }
        if done {
            self.own[side as usize].sweep();
        }
    }

    #[cold]
    fn apply_other(&mut self, event: &Event, answers: &mut Vec<Answer>) {
        match event.kind {
            Kind::Best => self.apply_best(event, answers),
            Kind::Clear => self.apply_clear(event),
            Kind::Add | Kind::Change | Kind::Remove | Kind::Execute => {
                self.apply_order(event, answers);
            }
            Kind::Open => {
                self.last = Some(event.price);
                self.serve_waiting(event.price, answers);
            }
            Kind::High => self.own[Side::Sell as usize].fill_through(event.price, false, answers),
            Kind::Low => self.own[Side::Buy as usize].fill_through(event.price, false, answers),
            Kind::Close => self.last = Some(event.price),
            Kind::Base
            | Kind::Level
            | Kind::Trade
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

    /// A best price: what was better on its side is gone.
    fn apply_best(&mut self, event: &Event, answers: &mut Vec<Answer>) {
        let Some(side) = event.side.map(side_of) else { return };
        let empty = event.qty <= 0;
        for own in self.own[side as usize].iter_mut() {
            if empty || key(side, own.price) > key(side, event.price) {
                let before = self.ladder.qty(side, own.price);
                own.position.change(self.params.queue, before, 0);
            }
        }
        let before = self.ladder.qty(side, event.price);
        self.ladder.quote(side, event.price, event.qty);
        self.taken.retain(|&(its, _, _)| its != side);
        if !empty {
            self.note_level(side, event.price, before, answers);
        }
    }

    /// Orders by number: what left a level brings forward who stood behind it, and what traded
    /// there would have met own orders before it.
    fn apply_order(&mut self, event: &Event, answers: &mut Vec<Answer>) {
        let (left, came) = self.ladder.order(event);
        if let Some(left) = left {
            let traded = event.kind == Kind::Execute;
            if traded {
                self.own[left.side as usize].fill_through(left.price, false, answers);
            }
            self.leave(&left, traded, answers);
        }
        if let Some(Moved { side, price, place, qty }) = came {
            self.taken.retain(|&(its, at, _)| (its, at) != (side, price));
            self.own[side.opposite() as usize].fill_through(price, true, answers);
            if event.snapshot {
                for own in self.own[side as usize].at(price) {
                    own.position.fall_back(qty);
                    own.place = place + 1;
                }
            }
        }
    }

    /// The feed starts again: where its orders stand in time is told by a snapshot, all of which
    /// counts as before own orders.
    fn apply_clear(&mut self, event: &Event) {
        let side = event.side.map(side_of);
        self.taken.retain(|&(its, _, _)| side.is_some_and(|side| its != side));
        self.ladder.clear(side);
        for cleared in [Side::Buy, Side::Sell] {
            if self.ladder.depth() == Depth::Orders && side.is_none_or(|side| side == cleared) {
                self.own[cleared as usize].iter_mut().for_each(|own| own.position.restart());
            }
        }
    }

    fn leave(&mut self, left: &Moved, traded: bool, answers: &mut Vec<Answer>) {
        let (mut rest, mut done) = (left.qty, false);
        for own in self.own[left.side as usize].at(left.price) {
            if left.place < own.place {
                own.position.advance(left.qty);
            } else if traded && rest > 0 {
                let filled = match self.params.fills {
                    Fills::Whole => own.left,
                    Fills::Partial => rest.min(own.left),
                };
                answers.push(own.fill(left.side, filled));
                own.left -= filled;
                done |= own.left == 0;
                rest -= match self.params.fills {
                    Fills::Whole => 0,
                    Fills::Partial => filled,
                };
            }
        }
        if done {
            self.own[left.side as usize].sweep();
        }
    }

    fn place_quoted(&mut self, order: Order, answers: &mut Vec<Answer>) {
        let Order { client, side, price, .. } = order;
        let other = side.opposite();
        let meets = |at: i64| key(other, at) >= key(other, price);
        let blocked = self.own[other as usize].best().is_some_and(meets);
        let crosses = self.ladder.best(other).is_some_and(meets);
        if order.lifetime == Lifetime::PostOnly && crosses {
            answers.push(Answer::Gone { client, refused: true });
            return;
        }
        let left = if crosses { self.take(&order, answers) } else { order.qty };
        if left == 0 {
            return;
        }
        if blocked || order.lifetime == Lifetime::Immediate {
            answers.push(Answer::Gone { client, refused: blocked });
        } else {
            self.rest(&order, left, answers);
        }
    }

    /// Takes what is shown within the limit and before own orders; returns what is left.
    fn take(&mut self, order: &Order, answers: &mut Vec<Answer>) -> i64 {
        let Order { client, side, price: limit, qty, .. } = *order;
        let other = side.opposite();
        let own = self.own[other as usize].best();
        let mut left = qty;
        for (price, shown) in self.ladder.levels(other) {
            let beyond = key(other, price) < key(other, limit);
            if left == 0 || beyond || own.is_some_and(|own| key(other, price) <= key(other, own)) {
                break;
            }
            let gone = self.taken.iter().find(|&&(its, at, _)| (its, at) == (other, price));
            let qty = match self.params.fills {
                Fills::Whole => left,
                Fills::Partial => left.min(shown - gone.map_or(0, |&(_, _, gone)| gone)),
            };
            if qty > 0 {
                left -= qty;
                let done = left == 0;
                answers.push(Answer::Fill { client, side, price, qty, maker: false, done });
                if self.params.consume && self.params.fills == Fills::Partial {
                    remember(&mut self.taken, other, price, qty);
                }
            }
        }
        left
    }

    fn rest(&mut self, order: &Order, left: i64, answers: &mut Vec<Answer>) {
        let Order { side, price, .. } = *order;
        let shown = self.ladder.qty(side, price);
        let best = self.ladder.best(side);
        let position = match self.ladder.depth() {
            Depth::Nothing => Position::unknown(),
            Depth::Best if best.is_none_or(|best| key(side, price) < key(side, best)) => {
                Position::unknown()
            }
            Depth::Best | Depth::Levels | Depth::Orders => Position::behind(shown),
        };
        self.own[side as usize].insert(Own::new(order, left, position, self.ladder.place()));
        answers.push(Answer::Rested { client: order.client });
    }

    /// Where there are no quotes, only the last price tells what an order would cross.
    fn place_unquoted(&mut self, order: Order, answers: &mut Vec<Answer>) {
        let Order { client, side, price, qty, lifetime } = order;
        let other = side.opposite();
        let meets = |at: i64| key(other, at) >= key(other, price);
        let blocked = self.own[other as usize].best().is_some_and(meets);
        let crosses = self.last.is_some_and(meets);
        if blocked || (crosses && lifetime == Lifetime::PostOnly) {
            answers.push(Answer::Gone { client, refused: true });
        } else if lifetime == Lifetime::Immediate || (crosses && lifetime == Lifetime::Resting) {
            self.waiting.push(order);
        } else {
            self.rest(&order, qty, answers);
        }
    }

    /// A price for those who wait.
    fn serve_waiting(&mut self, price: i64, answers: &mut Vec<Answer>) {
        for order in std::mem::take(&mut self.waiting) {
            let Order { client, side, qty, .. } = order;
            if key(side, price) <= key(side, order.price) {
                let maker = false;
                answers.push(Answer::Fill { client, side, price, qty, maker, done: true });
            } else if order.lifetime == Lifetime::Immediate {
                answers.push(Answer::Gone { client, refused: false });
            } else {
                self.rest(&order, qty, answers);
            }
        }
    }
}

/// Adds to what was taken from a level.
fn remember(taken: &mut Vec<(Side, i64, i64)>, side: Side, price: i64, qty: i64) {
    match taken.iter_mut().find(|&&mut (its, at, _)| (its, at) == (side, price)) {
        Some((_, _, before)) => *before += qty,
        None => taken.push((side, price, qty)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
