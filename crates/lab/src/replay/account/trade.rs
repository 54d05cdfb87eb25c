//! Trades of an account: what one would change is worked out first, then booked; booking cannot
//! fail.
//!
//! With V the worth of a position at the middle (rounded down) and `paid` the price of the trade
//! (rounded up), equity changes by `V_after − V_before − paid`. The part `paid(moved) − paid(mid)`
//! of it is own impact, the rest the spread.

use money::{Amount, Price, Qty, Round};
use protocol::ids::Side;

use super::super::fees::{Basis, Charged};
use super::contract::{Asset, Kind};
use super::ledger::Cause;
use super::{Account, Fault, Fee, Fill, Market};

/// A trade that was checked: what changes.
pub(super) struct Trade {
    pub(super) settle: Asset,
    /// Coins that come in, of a spot market.
    base: Option<Asset>,
    signed: Qty,
    qty: Qty,
    pub(super) paid: Amount,
    cost: Amount,
    realised: Amount,
    open: Amount,
    /// What of `paid` own impact is to blame for.
    impact: Amount,
    pub(super) charged: Charged,
}

impl Account {
    pub(super) fn check_fill(&self, fill: &Fill) -> Result<Trade, Fault> {
        let signed = match fill.side {
            Side::Buy => fill.qty,
            Side::Sell => -fill.qty,
        };
        let mut trade = self.check_trade(fill.market, signed, fill.price)?;
        if fill.moved != fill.mid {
            let kind = self.markets[fill.market].terms.kind;
            let at = |price| kind.worth(price, signed, Round::Up);
            trade.impact = at(fill.moved)? - at(fill.mid)?;
        }
        Ok(trade)
    }

    /// What trading a signed quantity at a price would change; nothing is changed yet.
    pub(super) fn check_trade(
        &self,
        market: usize,
        signed: Qty,
        price: Price,
    ) -> Result<Trade, Fault> {
        let market = &self.markets[market];
        let kind = market.terms.kind;
        let settle = kind.settle();
        if self.holdings[settle.index()].price.is_zero() {
            return Err(Fault::NoPrice);
        }
        let paid = kind.worth(price, signed, Round::Up)?;
        let qty = market.qty.checked_add(signed).ok_or(Fault::TooLarge)?;
        let (cost, realised) = market.closed(signed, price, paid)?;
        let (base, open) = match kind {
            Kind::Spot { base, .. } => (Some(base), Amount::ZERO),
            Kind::Linear { .. } | Kind::Inverse { .. } => {
                (None, kind.worth(market.mid, qty, Round::Down)? - cost)
            }
            Kind::Option { .. } => (None, kind.worth(market.mid, qty, Round::Down)?),
        };
        self.check_room(settle, paid)?;
        if let Some(base) = base {
            self.check_room(base, signed.as_amount())?;
        }
        let underlying = kind.underlying(signed.abs(), market.index)?;
        let charged = Charged { value: paid.abs(), underlying };
        let impact = Amount::ZERO;
        Ok(Trade { settle, base, signed, qty, paid, cost, realised, open, impact, charged })
    }

    /// Books a trade that was checked; what it changes beyond its impact is due to `cause`.
    pub(super) fn commit_trade(&mut self, market: usize, trade: &Trade, cause: Cause) {
        let market = &mut self.markets[market];
        let opened = trade.open - market.open;
        let received = match market.terms.kind {
            Kind::Spot { .. } | Kind::Option { .. } => -trade.paid,
            Kind::Linear { .. } | Kind::Inverse { .. } => trade.realised,
        };
        market.qty = trade.qty;
        market.cost = trade.cost;
        market.realised += trade.realised;
        market.open = trade.open;
        self.holdings[trade.settle.index()].balance += received;
        if let Some(base) = trade.base {
            let coins = trade.signed.as_amount();
            self.holdings[base.index()].balance += coins;
            self.shift(base, coins, cause);
            self.repay(base);
        }
        self.shift(trade.settle, opened + received + trade.impact, cause);
        if !trade.impact.is_zero() {
            self.shift(trade.settle, -trade.impact, Cause::Impact);
        }
    }

    /// The fee of a trade and its asset.
    #[inline]
    pub(super) fn fee_of(&self, market: usize, trade: &Trade, maker: bool) -> (Amount, Asset) {
        let Market { terms, tier, .. } = &self.markets[market];
        let bought = trade.base.filter(|_| trade.signed.is_positive());
        let (charged, asset) = match (terms.fees.basis(), bought) {
            (Basis::Received, Some(base)) => {
                let value = trade.signed.as_amount();
                (Charged { value, ..trade.charged }, base)
            }
            (Basis::Received | Basis::Value | Basis::Underlying { .. }, _) => {
                (trade.charged, trade.settle)
            }
        };
        (terms.fees.fee(*tier, maker, charged), asset)
    }

    pub(super) fn charge(&mut self, market: usize, trade: &Trade, maker: bool) -> Fee {
        let (amount, asset) = self.fee_of(market, trade, maker);
        let cause = match (amount.is_negative(), maker) {
            (true, _) => Cause::Rebates,
            (false, true) => Cause::MakerFees,
            (false, false) => Cause::TakerFees,
        };
        let value = self.pay(asset, amount, cause);
        Fee { asset, amount, value }
    }
}

impl Market {
    /// Cost and profit when a signed quantity is traded for `paid`: what is closed releases its
    /// share of the cost, what is opened adds its own.
    #[inline]
    fn closed(&self, signed: Qty, price: Price, paid: Amount) -> Result<(Amount, Amount), Fault> {
        let opens = self.qty.is_zero() || self.qty.is_negative() == signed.is_negative();
        if opens {
            return Ok((self.cost + paid, Amount::ZERO));
        }
        if signed.abs() < self.qty.abs() {
            let (part, whole) = (signed.abs().as_amount(), self.qty.abs().as_amount());
            let released = self.cost.portion(part, whole, Round::Down).ok_or(Fault::TooLarge)?;
            return Ok((self.cost - released, -(released + paid)));
        }
        let closing = self.terms.kind.worth(price, -self.qty, Round::Up)?;
        Ok((paid - closing, -(self.cost + closing)))
    }
}
