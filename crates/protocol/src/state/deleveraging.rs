//! Who would be deleveraged, and how far (rules L-11, L-12): what `adl` needs to know about the
//! accounts of a market.
//!
//! An account's net stake in an underlying is its holding plus its positions in all markets of it.
//! Lots of a position are hedged as far as the rest of that stake is of the other sign, the others
//! are naked. Exposure = Σ |net stake|·index over the underlyings, no offset between them.

use money::{Amount, Qty, Round};

use super::{State, as_qty};
use crate::adl::{Counterparty, Outlook, preview};
use crate::ids::{AccountId, AssetId, Lots, MarketId, Side};
use crate::ledger::Holder;

impl State {
    /// Where each account with a position of this side (buy: the longs) would stand if `lots` of
    /// the other side were deleveraged in a market, in the order of accounts.
    pub fn deleveraging_preview(
        &self,
        market: MarketId,
        side: Side,
        lots: Lots,
    ) -> Vec<(AccountId, Outlook)> {
        let (accounts, counterparties) = self.counterparties(market, side);
        accounts.into_iter().zip(preview(lots, &counterparties)).collect()
    }

    /// Σ of negative equities at the last close, which neither backstop, insurance nor the other
    /// side could pay.
    pub fn deficits(&self) -> Amount {
        self.budgets.deficits
    }

    /// The accounts with a position of this side.
    pub(crate) fn counterparties(
        &self,
        id: MarketId,
        side: Side,
    ) -> (Vec<AccountId>, Vec<Counterparty>) {
        let market = &self.markets[id.index()];
        (0u32..)
            .map(AccountId)
            .zip(&market.entries)
            .filter(|(_, entry)| match side {
                Side::Buy => entry.position.is_positive(),
                Side::Sell => entry.position.is_negative(),
            })
            .map(|(account, _)| (account, self.counterparty(id, account)))
            .unzip()
    }

    fn counterparty(&self, id: MarketId, account: AccountId) -> Counterparty {
        // What closing lots at the mark can cost a position in roundings.
        const ROUNDINGS: Amount = Amount::from_raw(2);
        let market = &self.markets[id.index()];
        let position = market.entry(account).position;
        let rest = self.net_stake(account, market.params.base) - position;
        let hedge = if position.is_negative() { rest } else { -rest }.max(Qty::ZERO);
        let naked = (position.abs() - hedge).max(Qty::ZERO);
        let lots = market.lots_of(position);
        Counterparty {
            lots,
            naked: market.lots_covering(naked).min(lots),
            equity: self.equity(account) - ROUNDINGS,
            exposure: self.exposure(account),
        }
    }

    fn exposure(&self, account: AccountId) -> Amount {
        let of = |asset| {
            let net = self.net_stake(account, asset).abs();
            self.oracle.index(asset).price.notional(net, Round::Up)
        };
        self.base_assets().map(of).sum()
    }

    /// Holding and positions of an account in one underlying.
    pub(crate) fn net_stake(&self, account: AccountId, asset: AssetId) -> Qty {
        let holding = as_qty(self.ledger.balance(Holder::User(account), asset));
        let markets = self.perpetuals().filter(|(market, _)| market.params.base == asset);
        markets.fold(holding, |sum, (market, _)| sum + market.entry(account).position)
    }
}
