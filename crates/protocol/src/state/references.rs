//! Health of an account at other prices than the mark's (rule L-13).
//!
//! Rule L-13: an account is liquidated only if equity < maintenance at every reference price (mark,
//! index, five-minute mean of the index), each applied to all that it holds. A deep shortfall,
//! equity < `deep_below`·maintenance at mark and index, waits for no mean and is taken over by the
//! backstop first. Rule O-8: of an uncertain index the price that favours the account most, within
//! its width, is one more reference, for a deep shortfall as well.

use money::{Amount, Price, Qty, Round};

use super::{Level, State, as_qty, pending_funding};
use crate::ids::{AccountId, AssetId};
use crate::ledger::Holder;
use crate::margin::{Exposure, Health, requirement};

/// How an account is to be liquidated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Through the book.
    Book,
    /// By the backstop vault as far as it goes, then through the book.
    Backstop,
}

impl State {
    /// Equity and maintenance requirement by rule R-1 as if index and mark of each base asset were
    /// these.
    pub fn health_at(&self, account: AccountId, price: impl Fn(AssetId) -> Price) -> Health {
        let mut health = Health { equity: self.ledger.cash(account), requirement: Amount::ZERO };
        for asset in self.base_assets() {
            let price = price(asset);
            let holding = as_qty(self.ledger.balance(Holder::User(account), asset));
            let mut exposure = Exposure { holding, ..Exposure::default() };
            health.equity += price.notional(holding, Round::Down);
            health.equity += self.options_value_at(account, asset, price);
            for (market, _) in self.perpetuals().filter(|(market, _)| market.params.base == asset) {
                let entry = market.entry(account);
                if entry.position.is_zero() {
                    continue;
                }
                exposure.long += entry.position.max(Qty::ZERO);
                exposure.short += (-entry.position).max(Qty::ZERO);
                let due = pending_funding(&market.perpetual.funding, entry).0;
                health.equity += entry.profit(self.fair_at(market, price)) + due;
            }
            let charges = self.charges[asset.index()][Level::Maintenance.index()];
            health.requirement += requirement(exposure, charges, price);
        }
        health
    }

    /// Whether and how an account is liquidated (rule L-13) that is unsound at the mark.
    pub(crate) fn lane(&self, account: AccountId, at_mark: Health) -> Option<Lane> {
        let mut at_index = self.health_at(account, |asset| self.oracle.index(asset).price);
        // What size adds and a portfolio is credited (rules ), as it is at the index.
        let added = at_mark.requirement - at_index.requirement;
        at_index.requirement += added;
        if at_index.is_sound() {
            return None;
        }
        let mut in_favour = self.health_at(account, |asset| self.in_favour(account, asset));
        in_favour.requirement += added;
        if in_favour.is_sound() {
            return None;
        }
        if [at_mark, at_index, in_favour].into_iter().all(|health| self.is_deep(health)) {
            return Some(Lane::Backstop);
        }
        let mean = |asset| self.index_twap(asset).unwrap_or(self.oracle.index(asset).price);
        let mut at_mean = self.health_at(account, mean);
        at_mean.requirement += added;
        (!at_mean.is_sound()).then_some(Lane::Book)
    }

    /// Rule O-8: an index, as far in favour of an account's net quantity as it is uncertain.
    fn in_favour(&self, account: AccountId, asset: AssetId) -> Price {
        let (index, width) = (self.oracle.index(asset).price, self.widths[asset.index()]);
        if width.in_favour.is_zero() {
            return index;
        }
        let mut net = as_qty(self.ledger.balance(Holder::User(account), asset));
        for (market, _) in self.perpetuals().filter(|(market, _)| market.params.base == asset) {
            net += market.entry(account).position;
        }
        let ends = [index - width.in_favour, index + width.in_favour];
        let worth = |index: Price| {
            index.notional(net, Round::Down) + self.options_value_at(account, asset, index)
        };
        if worth(ends[0]) > worth(ends[1]) { ends[0] } else { ends[1] }
    }

    fn is_deep(&self, health: Health) -> bool {
        let share = self.params.rules.liquidation.deep_below;
        let floor = health.requirement.share(share, Round::Down);
        health.equity < floor.expect("a part of the requirement")
    }
}
