//! The book of one instrument as a check needs it: levels by price, orders by number, the best
//! prices where a feed sends them.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::{Fault, Limits, Summary};
use crate::tape::{Event, Kind, Listed, Side};

/// Trades whose numbers are remembered.
const TRADES: usize = 4096;
/// A basis point's part of one.
const BP: i128 = 10_000;

#[derive(Default)]
pub(super) struct Book {
    /// Bids and asks: quantity by price.
    sides: [BTreeMap<i64, i128>; 2],
    orders: BTreeMap<u64, (usize, i64, i64)>,
    best: [Option<i64>; 2],
    /// Whether a snapshot or an order has come, so that what is absent is known to be.
    complete: bool,
    /// Whether changes have come.
    begun: bool,
    in_snapshot: bool,
    trades: VecDeque<u64>,
    numbers: BTreeSet<u64>,
    message: Message,
}

/// What a message holds so far, and the one before.
#[derive(Default)]
struct Message {
    now: u64,
    before: Option<u64>,
}

impl Book {
    /// The best bid and ask.
    pub(super) fn best(&self) -> (Option<i64>, Option<i64>) {
        let bid = self.sides[0].last_key_value().map(|(price, _)| *price).or(self.best[0]);
        let ask = self.sides[1].first_key_value().map(|(price, _)| *price).or(self.best[1]);
        (bid, ask)
    }

    /// Takes an event; tells whether the book has changed.
    pub(super) fn take(
        &mut self,
        summary: &mut Summary,
        event: &Event,
        limits: &Limits,
        listed: &Listed,
    ) -> bool {
        self.check_repeated(summary, event);
        let restarts = event.snapshot || event.kind == Kind::Clear;
        if restarts && self.begun && !self.in_snapshot {
            summary.found(Fault::SnapshotWithin, event, || "the book begins anew".to_owned());
        }
        self.in_snapshot = restarts;
        self.complete |= restarts;
        let side = event.side.map(|side| match side {
            Side::Buy => 0,
            Side::Sell => 1,
        });
        match event.kind {
            Kind::Clear => self.clear(side),
            Kind::Level | Kind::Best | Kind::Add => {
                let Some(side) = side else { return false };
                self.rest(summary, event, side);
            }
            Kind::Change => self.change(summary, event, event.qty),
            Kind::Remove => self.change(summary, event, 0),
            Kind::Execute => {
                let rest = self
                    .orders
                    .get(&event.id)
                    .map_or(0, |(_, _, had)| had.saturating_sub(event.qty));
                self.change(summary, event, rest.max(0));
            }
            Kind::Trade => {
                self.trade(summary, event, limits, listed);
                return false;
            }
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
            | Kind::PoolIn1 => return false,
        }
        self.begun |= !restarts;
        true
    }

    fn clear(&mut self, side: Option<usize>) {
        for cleared in [0, 1].into_iter().filter(|one| side.is_none_or(|side| side == *one)) {
            self.sides[cleared].clear();
            self.best[cleared] = None;
            self.orders.retain(|_, (of, ..)| *of != cleared);
        }
    }

    fn rest(&mut self, summary: &mut Summary, event: &Event, side: usize) {
        if event.kind == Kind::Level {
            self.level(summary, event, side);
        } else if event.kind == Kind::Add {
            self.add(summary, event, side);
        } else {
            self.best[side] = (event.qty > 0).then_some(event.price);
        }
    }

    fn level(&mut self, summary: &mut Summary, event: &Event, side: usize) {
        if !self.complete && !self.begun {
            let text = "its first levels are changes".to_owned();
            summary.found(Fault::NoSnapshot, event, || text);
        }
        if event.qty > 0 {
            self.sides[side].insert(event.price, event.qty.into());
        } else if self.sides[side].remove(&event.price).is_none() && self.complete {
            summary.found(Fault::AbsentLevel, event, || format!("at {} units", event.price));
        }
    }

    fn add(&mut self, summary: &mut Summary, event: &Event, side: usize) {
        self.complete = true;
        if self.orders.insert(event.id, (side, event.price, event.qty)).is_some() {
            summary.found(Fault::RepeatedOrder, event, || format!("order {}", event.id));
            return;
        }
        *self.sides[side].entry(event.price).or_default() += i128::from(event.qty);
    }

    /// Gives an order another quantity (and price), or takes it away.
    fn change(&mut self, summary: &mut Summary, event: &Event, qty: i64) {
        let Some((side, price, had)) = self.orders.remove(&event.id) else {
            summary.found(Fault::UnknownOrder, event, || format!("order {}", event.id));
            return;
        };
        if let Some(level) = self.sides[side].get_mut(&price) {
            *level -= i128::from(had);
            if *level <= 0 {
                self.sides[side].remove(&price);
            }
        }
        if qty > 0 {
            let price = if event.kind == Kind::Change { event.price } else { price };
            self.orders.insert(event.id, (side, price, qty));
            *self.sides[side].entry(price).or_default() += i128::from(qty);
        }
    }

    fn trade(&mut self, summary: &mut Summary, event: &Event, limits: &Limits, listed: &Listed) {
        if event.id != 0 && !self.numbers.insert(event.id) {
            summary.found(Fault::RepeatedTrade, event, || format!("trade {}", event.id));
        } else if event.id != 0 {
            self.trades.push_back(event.id);
            if self.trades.len() > TRADES {
                let old = self.trades.pop_front();
                old.map(|old| self.numbers.remove(&old));
            }
        }
        let (bid, ask) = self.best();
        let below = bid.map_or(0, |bid| bid.saturating_sub(event.price));
        let above = ask.map_or(0, |ask| event.price.saturating_sub(ask));
        let far = i128::from(below.max(above)) * BP;
        if far > i128::from(event.price.unsigned_abs()) * i128::from(limits.far_bp) {
            let unit = listed.price_unit;
            summary.found(Fault::FarTrade, event, || {
                let shown = |price: Option<i64>| price.map_or("none".to_owned(), |p| p.to_string());
                let (bid, ask) = (shown(bid), shown(ask));
                format!("at {} where bid is {bid} and ask {ask} (units of {unit})", event.price)
            });
        }
    }

    /// Compares a message with the one before. Trades without a number may be alike.
    fn check_repeated(&mut self, summary: &mut Summary, event: &Event) {
        let Event { exchange, kind, side, price, qty, id, .. } = *event;
        let side = side.map_or(0, |side| 1 + side as u64);
        let words = [exchange.nanos(), kind as u64, side, price as u64, qty as u64, id];
        // FNV-1a over words: equal messages are equal, others differ but for 2⁻⁶⁴.
        let mix =
            |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(29);
        let start = if self.message.now == 0 { 0xcbf2_9ce4_8422_2325 } else { self.message.now };
        self.message.now = words.into_iter().fold(start, mix);
        if !event.last {
            return;
        }
        let now = std::mem::take(&mut self.message.now);
        let before = self.message.before.replace(now);
        if before == Some(now) && !(kind == Kind::Trade && id == 0) {
            summary
                .found(Fault::RepeatedMessage, event, || "the same as the one before".to_owned());
        }
    }
}
