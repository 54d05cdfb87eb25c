//! Own orders at a replayed market, and what its exchange answers: in ticks and lots.

use protocol::command::Lifetime;
use protocol::ids::{ClientId, Side};

/// An order as it reaches the exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Order {
    /// The client's number.
    pub client: ClientId,
    /// Direction.
    pub side: Side,
    /// Worst acceptable price, in ticks.
    pub price: i64,
    /// Quantity in lots, above zero.
    pub qty: i64,
    /// How long it lives.
    pub lifetime: Lifetime,
}

/// What the exchange answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The order rests.
    Rested {
        /// Which.
        client: ClientId,
    },
    /// The order traded.
    Fill {
        /// Which.
        client: ClientId,
        /// Its direction.
        side: Side,
        /// Price, in ticks.
        price: i64,
        /// Quantity, in lots.
        qty: i64,
        /// Whether it was the resting side.
        maker: bool,
        /// Whether nothing is left of it.
        done: bool,
    },
    /// The order is gone (cancelled, unfilled or refused).
    Gone {
        /// Which.
        client: ClientId,
        /// Whether it was refused.
        refused: bool,
    },
}
