//! Our side: the exchange's and the local view of one market, orders on the way between them.
//!
//! The one place to change when another loop drives them: [`run`].

use std::collections::VecDeque;

use feed::tape::{Decoder, Slot};
use lab::replay::exchange::{Exchange, ExchangeParams, Fills};
use lab::replay::ladder::Ladder;
use lab::replay::order::{Answer, Order};
use lab::replay::queue::{QueueModel, Weight};
use protocol::command::Lifetime;
use protocol::ids::{ClientId, Side};

use crate::outcome::{LATENCY, LOOK, Outcome, Strategy};
use crate::stream::Fill;

/// Replays a tape under a strategy.
pub fn run<'a>(source: &'a mut Fill<'a>, strategy: Strategy) -> Outcome {
    let mut replay = Replay::new(source);
    let mut outcome = Outcome::default();
    let mut maker = Maker::default();
    replay.refill();
    let mut now = replay.window.first().map_or(0, |slot| slot.exchange_ns());
    loop {
        now += LOOK;
        if !replay.advance(now) {
            return Outcome { fills: replay.fills, position: replay.position, ..outcome };
        }
        let bid = replay.local.best(Side::Buy).unwrap_or(i64::MIN);
        let ask = replay.local.best(Side::Sell).unwrap_or(i64::MAX);
        if strategy == Strategy::Maker {
            maker.look(&mut replay, now, [bid, ask]);
            outcome.orders = maker.orders;
        }
        outcome.look(now, bid, ask, replay.position);
    }
}

enum Request {
    Place(Order),
    Cancel(ClientId),
}

/// Two cursors over a window of one tape.
struct Replay<'a> {
    source: &'a mut Fill<'a>,
    window: Vec<Slot>,
    exchange: Exchange,
    local: Ladder,
    to_exchange: VecDeque<(u64, Request)>,
    to_local: VecDeque<(u64, Answer)>,
    answers: Vec<Answer>,
    ahead: (Decoder, usize),
    behind: (Decoder, usize),
    /// Own orders that the strategy may still know, and whether the exchange has confirmed them.
    known: Vec<(ClientId, bool)>,
    fills: u64,
    position: i64,
}

impl<'a> Replay<'a> {
    fn new(source: &'a mut Fill<'a>) -> Replay<'a> {
        let queue = QueueModel::Probability(Weight::PowerFront { n: 2.0 });
        let params = ExchangeParams { fills: Fills::Whole, queue, consume: false };
        Replay {
            source,
            window: Vec::new(),
            exchange: Exchange::new(&params),
            local: Ladder::new(),
            to_exchange: VecDeque::new(),
            to_local: VecDeque::new(),
            answers: Vec::new(),
            ahead: (Decoder::default(), 0),
            behind: (Decoder::default(), 0),
            known: Vec::new(),
            fills: 0,
            position: 0,
        }
    }

    /// Brings both views to a time; false when nothing is left to happen after it.
    fn advance(&mut self, until: u64) -> bool {
        while let Some(&(at, _)) = self.to_exchange.front()
            && at <= until
        {
            self.advance_exchange(at);
            if let Some((_, request)) = self.to_exchange.pop_front() {
                match request {
                    Request::Place(order) => self.exchange.place(order, &mut self.answers),
                    Request::Cancel(client) => self.exchange.cancel(client, &mut self.answers),
                }
                self.answer(at);
            }
        }
        self.advance_exchange(until);
        self.advance_local(until);
        while let Some(&(at, answer)) = self.to_local.front()
            && at <= until
        {
            self.to_local.pop_front();
            self.hear(answer);
        }
        let read = self.behind.1 == self.window.len();
        !(read && self.to_exchange.is_empty() && self.to_local.is_empty())
    }

    fn advance_exchange(&mut self, until: u64) {
        while !self.advance_in_window(until) && self.refill() {}
    }

    /// Whether there are events after that time in the window.
    fn advance_in_window(&mut self, until: u64) -> bool {
        let (decoder, at) = &mut self.ahead;
        let mut slots = &self.window[*at..];
        while slots.first().is_some_and(|slot| slot.exchange_ns() <= until) {
            let Some(event) = decoder.next(&mut slots) else { break };
            self.exchange.apply(&event, &mut self.answers);
            if !self.answers.is_empty() {
                let at = event.exchange.nanos() + LATENCY;
                self.to_local.extend(self.answers.drain(..).map(|answer| (at, answer)));
            }
        }
        *at = self.window.len() - slots.len();
        !slots.is_empty()
    }

    /// Drops what both views have seen and reads on; false at the end.
    fn refill(&mut self) -> bool {
        let seen = self.behind.1.min(self.ahead.1);
        self.window.drain(..seen);
        self.behind.1 -= seen;
        self.ahead.1 -= seen;
        (self.source)(&mut self.window)
    }

    fn advance_local(&mut self, until: u64) {
        let (decoder, at) = &mut self.behind;
        let mut slots = &self.window[*at..];
        loop {
            let mut rest = slots;
            match decoder.next(&mut rest) {
                Some(event) if event.local.nanos() <= until => self.local.apply(&event),
                Some(_) | None => break,
            }
            slots = rest;
        }
        *at = self.window.len() - slots.len();
    }

    fn answer(&mut self, now: u64) {
        self.to_local.extend(self.answers.drain(..).map(|answer| (now + LATENCY, answer)));
    }

    fn hear(&mut self, answer: Answer) {
        match answer {
            Answer::Rested { client } => {
                if let Some(known) = self.known.iter_mut().find(|known| known.0 == client) {
                    known.1 = true;
                }
            }
            Answer::Fill { client, side, qty, done, .. } => {
                self.fills += 1;
                self.position += side.sign() * qty;
                if done {
                    self.known.retain(|known| known.0 != client);
                }
            }
            Answer::Gone { client, .. } => self.known.retain(|known| known.0 != client),
        }
    }
}

/// Two quotes at the touch.
#[derive(Default)]
struct Maker {
    orders: u64,
    /// By side: number and price of the quote, where there is one.
    quotes: [Option<(ClientId, i64)>; 2],
}

impl Maker {
    fn look(&mut self, replay: &mut Replay<'_>, now: u64, touch: [i64; 2]) {
        for side in [Side::Buy, Side::Sell] {
            let Some((client, at)) = self.quotes[side as usize] else { continue };
            let confirmed = replay.known.iter().find(|known| known.0 == client).map(|own| own.1);
            let stale = confirmed == Some(true) && touch[side as usize] != at;
            if stale {
                replay.to_exchange.push_back((now + LATENCY, Request::Cancel(client)));
            }
            if stale || confirmed.is_none() {
                self.quotes[side as usize] = None;
            }
        }
        for side in [Side::Buy, Side::Sell] {
            if self.quotes[side as usize].is_none() {
                self.orders += 1;
                let (client, price) = (ClientId(self.orders), touch[side as usize]);
                let lifetime = Lifetime::PostOnly;
                let order = Order { client, side, price, qty: 100, lifetime };
                replay.to_exchange.push_back((now + LATENCY, Request::Place(order)));
                replay.known.push((client, false));
                self.quotes[side as usize] = Some((client, price));
            }
        }
    }
}
