//! Requests to the exchanges, what they answer, and what the account makes of it.

use desk::strategy::{Event, Intent};
use money::{Amount, Price, Qty, Time};
use protocol::ids::{ClientId, Side};

use super::market::Open;
use super::{Item, Request, Run, RunError};
use crate::replay::account::{self, Proposal};
use crate::replay::latency::Passage;
use crate::replay::order::{Answer, Order};
use crate::replay::record::Fill;

impl Run<'_> {
    /// Sends what the strategy asks for.
    pub(super) fn send(&mut self) {
        let mut intents = std::mem::take(&mut self.intents);
        for intent in intents.drain(..) {
            match intent {
                Intent::WakeAt(time) => {
                    // A wake at a time that has passed comes at once, and at once is not now.
                    self.queue.push(time.nanos().max(self.now + 1), Item::Wake);
                }
                Intent::Place { instrument, side, price, qty, lifetime, reduce_only, client } => {
                    let market = &mut self.markets[usize::from(instrument.0)];
                    market.counts.orders += 1;
                    market.counts.ordered += qty.as_amount();
                    let request = match (market.price_units(price), market.lots(qty)) {
                        (Some(price), Some(qty)) => {
                            let order = Order { client, side, price, qty, lifetime };
                            Request::Place { order, reduce_only }
                        }
                        (None, _) | (_, None) => Request::Refuse(client),
                    };
                    self.dispatch(instrument.0, request);
                }
                Intent::Cancel { instrument, client } => {
                    self.markets[usize::from(instrument.0)].counts.cancels += 1;
                    self.dispatch(instrument.0, Request::Cancel(client));
                }
                Intent::CancelAll { instrument } => {
                    self.dispatch(instrument.0, Request::CancelAll);
                }
                // Accounts of others are on no tape.
                Intent::Bid { .. } => {}
            }
        }
        self.intents = intents;
    }

    fn dispatch(&mut self, at: u16, request: Request) {
        let feed = self.markets[usize::from(at)].feed;
        match self.feeds[feed].latency.passage(Time::from_nanos(self.now)) {
            Passage::Arrives(time) => {
                self.queue.push(time.nanos(), Item::Arrive(at, request));
            }
            Passage::Refused(time) => {
                let refused = match request {
                    Request::Place { order, .. } => Some(order.client),
                    Request::Refuse(client) => Some(client),
                    Request::Cancel(_) | Request::CancelAll => None,
                };
                if let Some(client) = refused {
                    let market = &mut self.markets[usize::from(at)];
                    market.counts.refused += 1;
                    let event =
                        Event::Gone { instrument: market.instrument, client, refused: true };
                    self.inbound += 1;
                    self.queue.push(time.nanos(), Item::Hear(event));
                }
            }
        }
    }

    /// A request meets its exchange.
    pub(super) fn arrive(&mut self, at: u16, request: Request) -> Result<(), RunError> {
        let place = usize::from(at);
        match request {
            Request::Place { order, reduce_only } => self.place(place, order, reduce_only)?,
            Request::Refuse(client) => self.refuse(place, client),
            Request::Cancel(client) => {
                self.markets[place].exchange.cancel(client, &mut self.answers);
            }
            Request::CancelAll => {
                let market = &mut self.markets[place];
                market.exchange.cancel_all(&mut self.answers);
                market.counts.cancels += self.answers.len() as u64;
            }
        }
        self.settle(place)?;
        self.worse = 0;
        Ok(())
    }

    /// Refuses what has bound nothing: an order of the same name that rests is left as it is.
    fn refuse(&mut self, at: usize, client: ClientId) {
        let market = &mut self.markets[at];
        market.counts.refused += 1;
        let event = Event::Gone { instrument: market.instrument, client, refused: true };
        let heard = self.feeds[market.feed].latency.answered(Time::from_nanos(self.now));
        self.inbound += 1;
        self.queue.push(heard.nanos(), Item::Hear(event));
    }

    /// An order that its account can pay for goes to the exchange, reduce-only ones for as much as
    /// there is to reduce; none after the market has settled.
    fn place(&mut self, at: usize, mut order: Order, reduce_only: bool) -> Result<(), RunError> {
        self.see(at)?;
        let market = &mut self.markets[at];
        let account = &mut self.accounts[market.account];
        if reduce_only {
            let position = account.position(market.place);
            let closable = match order.side {
                Side::Buy => -position,
                Side::Sell => position,
            };
            let resting: Qty = market.open.iter().map(|open| open.working(order.side)).sum();
            let closable = market.whole_lots((closable - resting).max(Qty::ZERO));
            order.qty = order.qty.min(closable);
        }
        let left = Proposal {
            market: market.place,
            side: order.side,
            price: market.units.price(order.price),
            qty: market.units.qty(order.qty),
        };
        let known = market.open.iter().any(|open| open.client == order.client);
        let settled = market.expiry.is_some_and(|expiry| expiry.nanos() <= self.now);
        let payable = order.qty > 0 && !known && !settled && account.may_place(&left).is_ok();
        if !payable || account.reserve(&left).is_err() {
            self.refuse(at, order.client);
            return Ok(());
        }
        market.open.push(Open { client: order.client, left, touched: false });
        self.worse = self.translate(at, &mut order);
        self.markets[at].exchange.place(order, &mut self.answers);
        Ok(())
    }

    /// Books what an exchange has answered now, and sends it to the strategy.
    pub(super) fn settle(&mut self, at: usize) -> Result<(), RunError> {
        let mut answers = std::mem::take(&mut self.answers);
        for answer in answers.drain(..) {
            let event = self.book(at, answer)?;
            let feed = self.markets[at].feed;
            let heard = self.feeds[feed].latency.answered(Time::from_nanos(self.now));
            self.inbound += 1;
            self.queue.push(heard.nanos(), Item::Hear(event));
        }
        self.answers = answers;
        self.count_busy(at);
        if std::mem::take(&mut self.pushed) { self.shift(at) } else { Ok(()) }
    }

    fn book(&mut self, at: usize, answer: Answer) -> Result<Event, RunError> {
        let instrument = self.markets[at].instrument;
        Ok(match answer {
            Answer::Rested { client } => Event::Rested { instrument, client },
            Answer::Gone { client, refused } => {
                self.release(at, client, None);
                self.markets[at].counts.refused += u64::from(refused);
                Event::Gone { instrument, client, refused }
            }
            Answer::Fill { client, side, price, qty, maker, done } => {
                let (units, shift) = (self.markets[at].units, self.markets[at].shift);
                let worse = if maker { 0 } else { self.worse };
                let price = units.price(price.saturating_add(shift).saturating_add(worse));
                let limit = self.limit(at, client).unwrap_or(price);
                let price = match side {
                    Side::Buy => price.min(limit),
                    Side::Sell => price.max(limit),
                };
                let qty = units.qty(qty);
                self.release(at, client, Some((qty, done)));
                if !maker {
                    self.push(at, side, price, qty);
                    self.pushed = true;
                }
                let fee = self.fill(at, (client, side, maker), (price, qty))?;
                Event::Fill { instrument, client, side, price, qty, fee, done }
            }
        })
    }

    /// The price that an own order was sent with.
    fn limit(&self, at: usize, client: ClientId) -> Option<Price> {
        let open = self.markets[at].open.iter().find(|open| open.client == client);
        open.map(|open| open.left.price)
    }

    /// Frees what an order bound, for a part that was filled or all that was left of it.
    fn release(&mut self, at: usize, client: ClientId, filled: Option<(Qty, bool)>) {
        let market = &mut self.markets[at];
        let Some(row) = market.open.iter().position(|open| open.client == client) else { return };
        let open = &mut market.open[row];
        let part = filled.map_or(open.left.qty, |(qty, _)| qty.min(open.left.qty));
        let freed = Proposal { qty: part, ..open.left };
        open.left.qty -= part;
        market.counts.orders_filled += u64::from(filled.is_some() && !open.touched);
        open.touched |= filled.is_some();
        if filled.is_none_or(|(_, done)| done) {
            market.open.remove(row);
        }
        let freed = self.accounts[market.account].release(&freed);
        freed.expect("what was reserved can be released");
    }

    /// Books a fill; the fee in the account's currency.
    fn fill(
        &mut self,
        at: usize,
        (client, side, maker): (ClientId, Side, bool),
        (price, qty): (Price, Qty),
    ) -> Result<Amount, RunError> {
        let market = &self.markets[at];
        let known = market.mid();
        let mid = if known.is_zero() { price } else { known };
        let (place, moved) = (market.place, mid + market.units.price(market.shift));
        let fill = account::Fill { market: place, side, price, qty, maker, mid, moved };
        let now = Time::from_nanos(self.now);
        let account = &mut self.accounts[market.account];
        let before = *account.ledger();
        let fee = account.fill(&fill, now).map_err(|fault| self.fault(at, fault))?.value;
        self.attribute(at, before);
        let (time, market) = (now, at as u16);
        self.record.fill(Fill { time, market, side, maker, price, qty, fee, mid: moved, client });
        Ok(fee)
    }
}
