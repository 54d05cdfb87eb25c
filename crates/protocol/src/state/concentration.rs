//! Charges for a position that is a large part of its market (rule R-18).
//!
//! A side of an owner's accounts together, with their orders filled, is measured against the open
//! interest; each account is charged for its own part, so that dividing a position among them
//! changes nothing. A short that a holding covers is no part of it. All of it concerns initial
//! margin only: others close, and a share grows, without an act of its owner, who could be
//! liquidated by them.

use money::{Amount, Qty, Round};

use super::health::Fills;
use super::{Level, State, open_qty};
use crate::ids::{AccountId, AssetId, Side};
use crate::margin::concentration_rate;
use crate::market::Market;

/// Units of an amount in one of its wholes.
const SCALE: i128 = Amount::ONE.raw();

impl State {
    /// The charge on an account's perpetual positions in one underlying, with the orders of these
    /// directions filled and so much of it held.
    pub(super) fn concentration(
        &self,
        account: AccountId,
        asset: AssetId,
        holding: Qty,
        fills: &Fills,
    ) -> Amount {
        let (mut charge, mut holding) = (Amount::ZERO, holding.max(Qty::ZERO));
        for (market, id) in self.perpetuals() {
            if market.params.base != asset {
                continue;
            }
            let mut position = fills.position(market, id, account);
            if position.is_negative() {
                let covered = holding.min(-position);
                holding -= covered;
                position += covered;
            }
            if !position.is_zero() {
                charge += self.concentration_in(market, account, position);
            }
        }
        charge
    }

    fn concentration_in(&self, market: &Market, account: AccountId, position: Qty) -> Amount {
        let base = market.params.base;
        let side = if position.is_negative() { Side::Sell } else { Side::Buy };
        let owned = position.abs() + self.others(market, account, side);
        let worth = self.worth(market, owned);
        let margin = self.charges[base.index()][Level::Initial.index()].margin;
        let params = &market.params.rules.concentration;
        let rate = concentration_rate(worth, self.market_worth(market), margin, params);
        let notional = self.oracle.index(base).price.notional(position.abs(), Round::Up);
        notional.share(rate, Round::Up).expect("a share of a notional is smaller than the notional")
    }

    /// What the other accounts of an account's owner have of a side, with their orders filled.
    fn others(&self, market: &Market, account: AccountId, side: Side) -> Qty {
        let family = self.owners.family(account).iter();
        let of = |other: &AccountId| {
            let entry = market.entry(*other);
            let open = match side {
                Side::Buy => entry.position + open_qty(market, entry.bid_lots),
                Side::Sell => -entry.position + open_qty(market, entry.ask_lots),
            };
            open.max(Qty::ZERO)
        };
        family.filter(|other| **other != account).map(of).sum()
    }

    /// A quantity at the index, at 10⁻¹⁶ quote.
    fn worth(&self, market: &Market, qty: Qty) -> i128 {
        let index = self.oracle.index(market.params.base).price;
        i128::from(index.raw()) * i128::from(qty.raw())
    }

    /// What a position is measured against, at 10⁻¹⁶ quote.
    fn market_worth(&self, market: &Market) -> i128 {
        let least = market.params.rules.concentration.interest_min.raw() * SCALE;
        self.worth(market, market.perpetual.open_interest).max(least)
    }

    /// Whether an account is beyond doubt not charged for its share of a market, with so many lots
    /// more of bids and asks; `None` if it may be.
    pub(super) fn is_spread(
        &self,
        market: &Market,
        account: AccountId,
        added: [u64; 2],
    ) -> Option<()> {
        let entry = market.entry(account);
        if entry.position.is_zero() && entry.orders == 0 && added == [0; 2] {
            return Some(());
        }
        let params = &market.params.rules.concentration;
        let whole = self.market_worth(market).checked_mul(params.threshold_bp())?;
        let sides = [
            entry.position + open_qty(market, entry.bid_lots + added[0]),
            -entry.position + open_qty(market, entry.ask_lots + added[1]),
        ];
        let spread = [Side::Buy, Side::Sell].into_iter().zip(sides).all(|(side, own)| {
            let owned = own.max(Qty::ZERO) + self.others(market, account, side);
            self.worth(market, owned).checked_mul(10_000).is_some_and(|part| part <= whole)
        });
        spread.then_some(())
    }
}
