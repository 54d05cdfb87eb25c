//! Margin of all accounts at once (rules ).
//!
//! Market by market, so that its prices and charges are fixed once and its entries lie side by
//! side: each position adds quantity·(mark ∓ charge) − cost − funding owed to its account's
//! surplus. Every term is bounded against the account and nothing hedges anything, so a positive
//! surplus is a proof of soundness (R-1 is sub-additive and R-13 only credits); the rest is asked
//! of [`State::health`]. So the result is exactly that of asking everybody.

use money::{Amount, Price, Rate, Round};

use super::bounds::charged;
use super::size::size_exposure;
use super::{Level, State, as_qty};
use crate::ids::{AccountId, AssetId};
use crate::ledger::Holder;
use crate::margin::size_charge;
use crate::market::Market;
use crate::position::Entry;
use crate::watch::{Distance, ROUNDINGS};

/// Units of an amount in one of its wholes.
const SCALE: i128 = Amount::ONE.raw();
/// Below every surplus, and far enough from the end of the type to add to.
const UNKNOWN: i128 = i128::MIN / 4;

/// What is known of one account so far.
#[derive(Clone, Copy)]
struct Surplus {
    /// Cash less costs and charges for size, at 10⁻⁸.
    cash: i128,
    /// Quantity·price, at 10⁻¹⁶.
    worth: i128,
    /// Σ |units|·index (rule R-5), at 10⁻¹⁶; [`UNKNOWN`] where orders are open.
    exposure: i128,
}

/// The prices of one market.
struct Prices {
    index: Price,
    /// Mark less the maintenance charge, for a long.
    long: i64,
    /// Mark plus the maintenance charge, for a short.
    short: i64,
    margin: Rate,
    /// Quantity above which the charge for size is not zero.
    flat: i64,
    funding: i128,
}

impl State {
    /// All accounts with a position or a debt that are under maintenance margin, in order.
    pub fn margin_sweep(&self) -> Vec<AccountId> {
        let surpluses = self.surpluses();
        let unclear = (0u32..).map(AccountId).zip(surpluses).filter(|(_, sum)| !sum.is_positive());
        unclear
            .map(|(account, _)| account)
            .filter(|&account| {
                self.carries_risk(account) && !self.health(account, Level::Maintenance).is_sound()
            })
            .collect()
    }

    /// How far each account is from its maintenance margin, as [`State::distance`] says it, where
    /// it has no order and is sound beyond doubt.
    pub(crate) fn distances(&self) -> Vec<Option<Distance>> {
        let mut sums = self.surpluses();
        for market in &self.markets {
            for (entry, sum) in market.entries.iter().zip(&mut sums) {
                if entry.orders > 0 {
                    sum.exposure = UNKNOWN;
                }
            }
        }
        sums.into_iter().map(Surplus::distance).collect()
    }

    /// A lower bound of every account's surplus.
    fn surpluses(&self) -> Vec<Surplus> {
        let cash = |account| self.ledger.cash(AccountId(account)).raw() - ROUNDINGS / SCALE;
        let mut sums: Vec<Surplus> = (0..self.accounts)
            .map(|account| Surplus { cash: cash(account), worth: 0, exposure: 0 })
            .collect();
        for asset in self.base_assets() {
            self.add_holdings(asset, &mut sums);
        }
        for (market, _) in self.perpetuals() {
            let prices = self.prices(market);
            for (entry, sum) in market.entries.iter().zip(&mut sums) {
                if !entry.position.is_zero() {
                    sum.add_position(entry, market, &prices);
                }
            }
        }
        // What options are worth and require no bound says.
        for account in self.chains.iter().flat_map(|chain| &chain.holders) {
            sums[account.index()].worth = UNKNOWN;
        }
        sums
    }

    fn add_holdings(&self, asset: AssetId, sums: &mut [Surplus]) {
        let index = self.oracle.index(asset).price;
        let haircut = self.charges[asset.index()][Level::Maintenance.index()].haircut;
        let unit = index.raw() - charged(index, haircut);
        for (account, sum) in (0u32..).map(AccountId).zip(sums) {
            let held = self.ledger.balance(Holder::User(account), asset);
            if !held.is_zero() {
                let held = i128::from(as_qty(held).raw());
                sum.worth += held * i128::from(unit);
                sum.exposure += held * i128::from(index.raw());
            }
        }
    }

    fn prices(&self, market: &Market) -> Prices {
        let base = market.params.base;
        let index = self.oracle.index(base).price;
        let margin = self.charges[base.index()][Level::Maintenance.index()].margin;
        let margin = margin + self.spread(market, Level::Maintenance);
        let (mark, charge) = (market.perpetual.mark.price.raw(), charged(index, margin));
        let flat = market.params.rules.envelope.flat;
        Prices {
            index,
            long: mark - charge,
            short: mark + charge,
            margin,
            flat: flat.buys(index, Round::Down).map_or(i64::MAX, |qty| qty.raw()),
            funding: market.perpetual.funding.index.raw(),
        }
    }
}

impl Surplus {
    fn is_positive(&self) -> bool {
        self.sum().is_some_and(|sum| sum > 0)
    }

    fn sum(&self) -> Option<i128> {
        self.cash.checked_mul(SCALE).and_then(|cash| cash.checked_add(self.worth))
    }

    fn distance(self) -> Option<Distance> {
        let surplus = self.sum().filter(|surplus| *surplus > 0 && self.exposure >= 0)?;
        Some(Distance { surplus, exposure: self.exposure })
    }

    #[inline]
    fn add_position(&mut self, entry: &Entry, market: &Market, prices: &Prices) {
        let qty = entry.position.raw();
        let unit = if qty > 0 { prices.long } else { prices.short };
        self.worth += i128::from(qty) * i128::from(unit);
        self.cash -= entry.cost.raw();
        let notional = i128::from(qty.abs()) * i128::from(prices.index.raw());
        self.exposure += notional + size_exposure(market, notional);
        // From 10⁻²⁶ to 10⁻¹⁶: 2^33 is less than 10¹⁰, so a debt counts for more.
        let received = entry.funding_index.raw() - prices.funding;
        if received != 0 && (received > 0) != (qty > 0) {
            match i64::try_from((received.abs() >> 33) + 1) {
                Ok(owed) => self.worth -= i128::from(owed) * i128::from(qty.abs()),
                Err(_) => self.worth = UNKNOWN,
            }
        }
        if qty.abs() > prices.flat {
            let notional = prices.index.notional(entry.position.abs(), Round::Up);
            self.cash -= size_charge(notional, prices.margin, &market.params.rules).raw();
        }
    }
}
