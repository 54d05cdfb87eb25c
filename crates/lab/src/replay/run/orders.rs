//! Requests to the exchanges, what they answer, and what the account makes of it.

use desk::strategy::{self, Event, Intent};
use money::{Span, Time};
use protocol::ids::{ClientId, Side};

use super::{Item, Request, Run};
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
                    let time = time.nanos().max(self.now + 1);
                    self.queue.push(time, Item::Wake);
                }
                Intent::Place { instrument, side, price, qty, lifetime, reduce_only, client } => {
                    let market = &mut self.markets[usize::from(instrument.0)];
                    market.counts.orders += 1;
                    market.counts.ordered += qty.as_amount();
                    let order = market.order(side, price, qty);
                    let request = match order {
                        Some((price, qty)) => {
                            let order = Order { client, side, price, qty, lifetime };
                            Request::Place { order, reduce_only }
                        }
                        None => Request::Refuse(client),
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
                // Accounts of others are not on a tape.
                Intent::Bid { .. } => {}
            }
        }
        self.intents = intents;
    }
}
