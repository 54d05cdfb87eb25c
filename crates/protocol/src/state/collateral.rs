//! What counts as collateral for new risk: strict prices, large holdings, profit that is backed,
//! and prices that are uncertain (rules and O-8). All of it concerns initial margin
//! only, so that nobody is liquidated by it.

use money::{Amount, Price, Qty, Round};

use super::{Level, State};
use crate::ids::{AccountId, AssetId};
use crate::margin::{Exposure, size_charge};
use crate::market::Market;
use crate::params::Kind;

impl State {
    /// What the index of an asset is above its TWAP at the last close (rule R-14).
    #[inline]
    fn excess(&self, asset: AssetId) -> Price {
        let index = self.oracle.index(asset).price;
        index - index.min(self.averages[asset.index()])
    }

    /// Keeps the TWAP of every index for the next block.
    pub(crate) fn refresh_averages(&mut self) {
        for asset in self.base_assets() {
            self.averages[asset.index()] = self.index_twap(asset).unwrap_or(Price::MAX);
        }
    }

    /// What a holding that no short covers is charged above its haircut (rules ).
    pub(super) fn collateral_charge(&self, asset: AssetId, exposure: Exposure) -> Amount {
        let held = (exposure.holding - exposure.short).max(Qty::ZERO);
        if held.is_zero() {
            return Amount::ZERO;
        }
        let notional = self.oracle.index(asset).price.notional(held, Round::Up);
        let haircut = self.charges[asset.index()][Level::Initial.index()].haircut;
        let spot = self.markets.iter().filter(|market| market.params.base == asset);
        let spot = spot.filter(|market| market.perpetual_params().is_none());
        let sizes = spot.map(|market| size_charge(notional, haircut, &market.params.rules));
        let size = sizes.max().unwrap_or(Amount::ZERO);
        self.excess(asset).notional(held, Round::Up) + size
    }

    /// What the uncertainty of an index is charged on a net quantity (rule O-8).
    pub(super) fn uncertainty(&self, asset: AssetId, net: Qty) -> Amount {
        self.widths[asset.index()].against.notional(net.abs(), Round::Up)
    }

    /// The same on a unit of which nothing is hedged, at 10⁻⁸; nothing at maintenance.
    pub(super) fn width(&self, asset: AssetId, level: Level) -> i64 {
        match level {
            Level::Initial => self.widths[asset.index()].against.raw(),
            Level::Maintenance => 0,
        }
    }

    /// More than the charge on a holding for its price, at 10⁻¹⁶.
    pub(super) fn bounded_excess(&self, asset: AssetId, qty: i64) -> i128 {
        i128::from(self.excess(asset).raw()) * i128::from(qty)
    }

    /// More than the charge on a holding, grown by the open bids of a spot market of this size, for
    /// its size, and on the bids for their price, at 10⁻¹⁶; nothing for a perpetual.
    #[inline]
    pub(super) fn bounded_collateral(
        &self,
        market: &Market,
        account: AccountId,
        bought: i64,
    ) -> Option<i128> {
        match market.params.kind {
            Kind::Perpetual(_) | Kind::Future(_) => return Some(0),
            Kind::Spot { .. } => {}
        }
        let base = market.params.base;
        let held = self.ledger.held(account, base).raw();
        if bought == 0 && held == 0 {
            return Some(0);
        }
        let qty = i64::try_from(held).ok()?.checked_add(bought)?;
        let grown = i128::from(self.oracle.index(base).price.raw()) * i128::from(qty);
        let size = State::bounded_size(market, grown)?;
        size.checked_add(self.bounded_excess(base, bought))
    }

    /// Rule R-9: marks the markets in which one of these accounts has a loss or owes funding, and
    /// less than nothing to pay it with: they are all that have negative equity.
    pub(crate) fn mark_unbacked(&mut self, broke: &[AccountId]) {
        for market in &mut self.markets {
            market.perpetual.unbacked = false;
        }
        for &account in broke {
            for market in &mut self.markets {
                let entry = market.entry(account);
                let profit = entry.profit(market.perpetual.mark.price);
                let due = super::pending_funding(&market.perpetual.funding, entry).0;
                if profit.is_negative() || due.is_negative() {
                    market.perpetual.unbacked = true;
                }
            }
        }
    }

    /// An account's profit in a market as it counts at a level (rule R-9).
    pub(super) fn counted_profit(&self, market: &Market, profit: Amount, level: Level) -> Amount {
        match level {
            Level::Initial if market.perpetual.unbacked => profit.min(Amount::ZERO),
            Level::Initial | Level::Maintenance => profit,
        }
    }

    /// The same at 10⁻¹⁶.
    pub(super) fn bounded_profit(&self, market: &Market, profit: i128, level: Level) -> i128 {
        match level {
            Level::Initial if market.perpetual.unbacked => profit.min(0),
            Level::Initial | Level::Maintenance => profit,
        }
    }

    /// Whether an account's equity, after a change that loses `loss`, covers at least the part of
    /// its maintenance margin that it covers now, and needs no more than now (rule R-16).
    pub(crate) fn keeps_ratio(
        &self,
        account: AccountId,
        change: super::Change,
        loss: Amount,
    ) -> bool {
        let before = self.health(account, Level::Maintenance);
        let after = self.health_after(account, Level::Maintenance, change).requirement;
        let (equity, needed) = (before.equity, before.requirement);
        after <= needed
            && (needed.is_zero()
                || equity
                    .portion(after, needed, Round::Up)
                    .is_some_and(|least| equity - loss >= least))
    }
}
