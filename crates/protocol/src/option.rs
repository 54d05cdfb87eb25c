//! European options on an index, settled in cash: what a series is, what it pays, and what an
//! account has in it (section K).
//!
//! A call pays max(S − K, 0), a put max(K − S, 0), S the settlement price (rule K-7). The premium
//! is paid when it is traded, so a position has no cost: it is worth quantity·mark, up or down.

mod listing;
mod chain;

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Qty, Time};

use crate::ids::{OptionKind, SeriesId};
pub use chain::{Chain, Expiry, Series};
pub use listing::{expiries, strike_range, strike_step, strikes};

/// What a series is a right to. Ordered by expiry, strike and kind.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, BorshSerialize, BorshDeserialize,
)]
pub struct Contract {
    /// When it ends.
    pub expiry: Time,
    /// The price that the index is compared with.
    pub strike: Price,
    /// Call or put.
    pub kind: OptionKind,
}

impl Contract {
    /// What a unit pays at a price of the index.
    pub fn payoff(&self, price: Price) -> Price {
        match self.kind {
            OptionKind::Call => (price - self.strike).max(Price::ZERO),
            OptionKind::Put => (self.strike - price).max(Price::ZERO),
        }
    }
}

/// What an account has in one series.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Leg {
    /// Which.
    pub series: SeriesId,
    /// Signed position.
    pub position: Qty,
    /// Lots in open buy orders.
    pub bid_lots: u64,
    /// Lots in open sell orders.
    pub ask_lots: u64,
    /// Σ tick·lots of open buy orders.
    pub bid_tick_lots: u128,
    /// Σ tick·lots of open sell orders.
    pub ask_tick_lots: u128,
    /// Open orders.
    pub orders: u32,
    /// Open orders that are reduce-only.
    pub reduce_only: u32,
}

impl Leg {
    /// Nothing in a series.
    pub fn new(series: SeriesId) -> Leg {
        Leg {
            series,
            position: Qty::ZERO,
            bid_lots: 0,
            ask_lots: 0,
            bid_tick_lots: 0,
            ask_tick_lots: 0,
            orders: 0,
            reduce_only: 0,
        }
    }

    /// Whether there is neither a position nor an order.
    pub fn is_empty(&self) -> bool {
        self.position.is_zero() && self.orders == 0
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn k_8_a_call_less_a_put_pays_the_price_less_the_strike() {
        let strike: Price = "100".parse().unwrap();
        let at = |kind| Contract { expiry: Time::ZERO, strike, kind };
        for (price, call, put) in [("90", "0", "10"), ("100", "0", "0"), ("130", "30", "0")] {
            let price: Price = price.parse().unwrap();
            let paid = [OptionKind::Call, OptionKind::Put].map(|kind| at(kind).payoff(price));
            assert_eq!(paid.map(|paid| paid.to_string()), [call, put]);
            assert_eq!(paid[0] - paid[1], price - strike);
        }
    }
}
