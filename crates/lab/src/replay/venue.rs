//! What matches own orders at a market: an exchange with a book, or a pool.

use feed::tape::Event;
use protocol::ids::ClientId;

use super::exchange::{Exchange, ExchangeParams};
use super::ladder::Ladder;
use super::order::{Answer, Order};
use super::pool::{Pool, PoolParams};

/// How own orders are matched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum VenueParams {
    /// By an exchange.
    Book(ExchangeParams),
    /// By a pool.
    Pool(PoolParams),
}

/// The venue of one market.
#[derive(Clone, Debug)]
pub enum Venue {
    /// An exchange.
    Book(Box<Exchange>),
    /// A pool.
    Pool(Box<Pool>),
}

impl Venue {
    /// A venue that has heard nothing.
    pub fn new(params: &VenueParams) -> Venue {
        match params {
            VenueParams::Book(params) => Venue::Book(Box::new(Exchange::new(params))),
            VenueParams::Pool(params) => Venue::Pool(Box::new(Pool::new(*params))),
        }
    }

    /// What it offers without own orders.
    #[inline]
    pub fn book(&self) -> &Ladder {
        match self {
            Venue::Book(exchange) => exchange.book(),
            Venue::Pool(pool) => pool.book(),
        }
    }

    /// Whether no own orders rest or wait.
    pub fn is_idle(&self) -> bool {
        match self {
            Venue::Book(exchange) => exchange.is_idle(),
            Venue::Pool(_) => true,
        }
    }

    /// Applies an event of the market.
    #[inline(always)]
    pub fn apply(&mut self, event: &Event, answers: &mut Vec<Answer>) {
        match self {
            Venue::Book(exchange) => exchange.apply(event, answers),
            Venue::Pool(pool) => pool.apply(event),
        }
    }

    /// An order arrives.
    pub fn place(&mut self, order: Order, answers: &mut Vec<Answer>) {
        match self {
            Venue::Book(exchange) => exchange.place(order, answers),
            Venue::Pool(pool) => pool.place(&order, answers),
        }
    }

    /// The cancellation of an order arrives; one that is not there is answered by nothing.
    pub fn cancel(&mut self, client: ClientId, answers: &mut Vec<Answer>) {
        match self {
            Venue::Book(exchange) => exchange.cancel(client, answers),
            Venue::Pool(_) => {}
        }
    }

    /// The cancellation of all orders arrives.
    pub fn cancel_all(&mut self, answers: &mut Vec<Answer>) {
        match self {
            Venue::Book(exchange) => exchange.cancel_all(answers),
            Venue::Pool(_) => {}
        }
    }
}
