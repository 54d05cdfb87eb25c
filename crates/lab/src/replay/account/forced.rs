//! What a venue does with an account below maintenance margin: it closes everything.
//!
//! Own orders are cancelled first (by the caller). Each derivative is closed at its mark, borrowed
//! coins are bought back and, if cash is negative, coins are sold at the middle of their spot
//! market; each costs the venue's liquidation fee. So the account pays what lies between middle and
//! mark and the fee, all of it under [`Cause::Liquidation`]. What is left may be negative: that
//! is what the venue's insurance fund would have to pay, and equity shows it.

use money::{Amount, Price, Qty, Time};
use protocol::ids::Side;

use super::{Account, Asset, Cause, Fault, Fee, Kind};

/// A position that the venue closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forced {
    /// The place of the market in the account's list.
    pub market: usize,
    /// Direction of the closing trade.
    pub side: Side,
    /// Quantity.
    pub qty: Qty,
    /// Price.
    pub price: Price,
    /// The penalty.
    pub fee: Fee,
}

impl Account {
    /// Whether something is held or owed that margin is needed for.
    #[inline]
    pub fn is_exposed(&self) -> bool {
        let held = self
            .markets
            .iter()
            .any(|market| !market.qty.is_zero() && !matches!(market.terms.kind, Kind::Spot { .. }));
        held || self.holdings.iter().any(|holding| holding.balance.is_negative())
    }

    /// Whether the collateral is below maintenance margin.
    ///
    /// # Errors
    /// See [`Fault`].
    pub fn is_under(&self) -> Result<bool, Fault> {
        Ok(self.is_exposed() && self.collateral()? < self.maintenance()?)
    }

    /// Closes everything that needs margin if the account is below maintenance margin, and tells
    /// what; nothing otherwise.
    ///
    /// # Errors
    /// See [`Fault`]; what was closed before stays closed.
    pub fn liquidate(&mut self, now: Time, closed: &mut Vec<Forced>) -> Result<(), Fault> {
        self.accrue(now);
        if !self.is_under()? {
            return Ok(());
        }
        for market in 0..self.markets.len() {
            let seen = &self.markets[market];
            match seen.terms.kind {
                Kind::Spot { .. } => {}
                Kind::Linear { .. } | Kind::Inverse { .. } | Kind::Option { .. } => {
                    let (qty, price) = (-seen.qty, seen.mark.unwrap_or(seen.mid));
                    self.force(market, qty, price, closed)?;
                }
            }
        }
        self.buy_back(closed)?;
        self.sell_out(closed)
    }

    /// Buys what was borrowed of each market's base.
    fn buy_back(&mut self, closed: &mut Vec<Forced>) -> Result<(), Fault> {
        for market in 0..self.markets.len() {
            let seen = &self.markets[market];
            if let Kind::Spot { base, .. } = seen.terms.kind {
                let owed = self.unpaid(base);
                if owed.is_negative() && seen.mid.is_positive() {
                    let (qty, price) = (narrow(-owed)?, seen.mid);
                    self.force(market, qty, price, closed)?;
                }
            }
        }
        Ok(())
    }

    /// Sells coins on each market whose quote is owed.
    fn sell_out(&mut self, closed: &mut Vec<Forced>) -> Result<(), Fault> {
        for market in 0..self.markets.len() {
            let seen = &self.markets[market];
            if let Kind::Spot { base, quote } = seen.terms.kind {
                let coins = self.unpaid(base);
                if self.unpaid(quote).is_negative() && coins.is_positive() {
                    let (qty, price) = (-narrow(coins)?, seen.mid);
                    self.force(market, qty, price, closed)?;
                }
            }
        }
        Ok(())
    }

    /// A balance less the interest that is owed on it.
    fn unpaid(&self, asset: Asset) -> Amount {
        let holding = &self.holdings[asset.index()];
        holding.balance - holding.owed
    }

    fn force(
        &mut self,
        market: usize,
        signed: Qty,
        price: Price,
        closed: &mut Vec<Forced>,
    ) -> Result<(), Fault> {
        if signed.is_zero() {
            return Ok(());
        }
        let trade = self.check_trade(market, signed, price)?;
        self.commit_trade(market, &trade, Cause::Liquidation);
        let penalty = &self.markets[market].terms.liquidation;
        let amount = penalty.fee(0, false, trade.charged);
        let value = self.pay(trade.settle, amount, Cause::Liquidation);
        self.repay(trade.settle);
        let side = if signed.is_negative() { Side::Sell } else { Side::Buy };
        let fee = Fee { asset: trade.settle, amount, value };
        closed.push(Forced { market, side, qty: signed.abs(), price, fee });
        Ok(())
    }
}

fn narrow(amount: Amount) -> Result<Qty, Fault> {
    i64::try_from(amount.raw()).map(Qty::from_raw).map_err(|_| Fault::TooLarge)
}
