//! One account's stake in one market.
//!
//! Rule L-1: a position is a signed quantity and its cost; profit is quantity·price − cost. Rule
//! L-2: where a trade makes the position smaller, the same part of the cost is realised, and cash
//! moves through the market's clearing account: clearing = −Σ cost, exactly, whatever was rounded.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, FundingIndex, Price, Qty, Round};

/// Position, cost and open orders of one account in one market. All zero where it never traded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Entry {
    /// Signed position (perpetuals only; a spot holding is a ledger balance).
    pub position: Qty,
    /// What the position cost: positive for a long.
    pub cost: Amount,
    /// The market's funding index when the account was last settled.
    pub funding_index: FundingIndex,
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

impl Entry {
    /// Profit at a price, unrealised.
    #[inline]
    pub fn profit(&self, price: Price) -> Amount {
        price.notional(self.position, Round::Down) - self.cost
    }

    /// Books a trade of `qty` (signed) worth `notional` (signed alike) and returns the realised
    /// profit to pay out of clearing.
    pub(crate) fn trade(&mut self, qty: Qty, notional: Amount) -> Amount {
        let closes = self.position.is_negative() != qty.is_negative() && !self.position.is_zero();
        if !closes {
            self.position += qty;
            self.cost += notional;
            return Amount::ZERO;
        }
        let closed = qty.abs().min(self.position.abs());
        let released = self
            .cost
            .portion(closed.as_amount(), self.position.abs().as_amount(), Round::Up)
            .expect("a part of the cost is smaller than the cost");
        let closing = notional
            .portion(closed.as_amount(), qty.abs().as_amount(), Round::Down)
            .expect("a part of the notional is smaller than the notional");
        self.position += qty;
        self.cost = self.cost - released + (notional - closing);
        -closing - released
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn buy(entry: &mut Entry, qty: &str, price: &str) -> Amount {
        let (qty, price): (Qty, Price) = (qty.parse().unwrap(), price.parse().unwrap());
        entry.trade(qty, price.notional(qty, Round::Down))
    }

    #[test]
    fn l_2_profit_is_realised_in_proportion_and_a_flip_opens_at_the_trade_price() {
        let mut entry = Entry::default();
        assert_eq!(buy(&mut entry, "2", "100"), Amount::ZERO);
        assert_eq!(buy(&mut entry, "-0.5", "110").to_string(), "5");
        assert_eq!(buy(&mut entry, "-2.5", "90").to_string(), "-15");
        assert_eq!(
            (entry.position.to_string(), entry.cost.to_string()),
            ("-1".into(), "-90".into())
        );
        assert_eq!(entry.profit("80".parse().unwrap()).to_string(), "10");
    }

    proptest! {
        #[test]
        fn l_2_cash_and_cost_never_drift_apart(
            trades in prop::collection::vec((-1_000_000i64..1_000_000, 1i64..10_000_000_000), 1..50)
        ) {
            let mut entry = Entry::default();
            let (mut realised, mut paid) = (Amount::ZERO, Amount::ZERO);
            for (qty, price) in trades {
                let (qty, price) = (Qty::from_raw(qty), Price::from_raw(price));
                let notional = price.notional(qty, Round::Down);
                realised += entry.trade(qty, notional);
                paid += notional;
                // Everything paid is either still cost or was realised as a loss.
                prop_assert_eq!(entry.cost, paid + realised);
                if entry.position.is_zero() {
                    prop_assert_eq!(entry.cost, Amount::ZERO);
                }
            }
        }
    }
}
