//! Health of an account without a division: a lower bound of what is left above its requirement,
//! and how fast prices can use it up (rules ).
//!
//! Every term is bounded against the account, and each holding and position is charged as if
//! nothing hedged it (R-1 is sub-additive, R-13 only credits), so a positive surplus is a proof;
//! the rest is asked of [`State::health_after`]. Each market's and asset's prices are multiplied
//! out once a block into [`Terms`] and [`Worth`].
//!
//! Always holds: they are those of the prices and charges in force, which change in the open phase,
//! at the close and when parameters do.

use money::{Amount, Price, Rate, Round, mul_div};

use super::size::size_exposure;
use super::{Change, Level, State};
use crate::ids::{AccountId, AssetId, MarketId, Side};
use crate::market::Market;
use crate::params::Kind;
use crate::position::Entry;
use crate::watch::{Distance, ROUNDINGS};

/// Units of an amount in one of its wholes.
const SCALE: i128 = Amount::ONE.raw();

/// What a market's positions and orders count at a level.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Terms {
    index: i64,
    /// The prices at which a long and a short are valued.
    valued: [i64; 2],
    /// The charge on a unit, rounded up.
    charge: i64,
    lot: i64,
    /// Whether a position of the market is charged for its size (rule R-7).
    sized: bool,
    /// A holding of the base asset counts in this market (rule R-15).
    collateral: bool,
}

/// What a unit of an asset that is held counts at a level, less its haircut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Worth {
    index: i64,
    unit: i64,
}

/// What the loops add up, at 10⁻¹⁶.
struct Sum {
    surplus: i128,
    exposure: i128,
}

impl Sum {
    #[inline]
    fn add(&mut self, surplus: i128, exposure: i128) -> Option<()> {
        self.surplus = self.surplus.checked_add(surplus)?;
        self.exposure = self.exposure.checked_add(exposure)?;
        Some(())
    }
}

impl State {
    /// Whether an account is beyond doubt sound at maintenance: the comparison of [`State::health`]
    /// with every term bounded against the account, without a division. `false` says nothing.
    pub fn is_clearly_sound(&self, account: AccountId) -> bool {
        self.distance(account).is_some_and(|distance| distance.surplus > 0)
    }

    /// How far an account is from its maintenance margin with all open orders filled (rule R-17),
    /// each term bounded against it; `None` where that does not fit.
    pub(crate) fn distance(&self, account: AccountId) -> Option<Distance> {
        self.bounded(account, Level::Maintenance, Change::Orders)
    }

    /// Whether an account bears a new order beyond doubt: initial margin, with every open order
    /// filled, holds even after a `loss` at 10⁻¹⁶. `false` says nothing.
    pub(crate) fn clearly_bears(&self, account: AccountId, change: Change, loss: i128) -> bool {
        let distance = self.bounded(account, Level::Initial, change);
        distance.is_some_and(|distance| distance.surplus > loss)
    }

    /// Brings what the bounds multiply with in line with the prices and charges in force.
    pub(crate) fn refresh_terms(&mut self) {
        let mut terms = std::mem::take(&mut self.terms);
        terms.clear();
        terms.extend(self.markets.iter().map(|market| self.terms_of(market)));
        self.terms = terms;
        let mut worths = std::mem::take(&mut self.worths);
        worths.clear();
        worths.push([Worth::default(); 2]);
        worths.extend(self.base_assets().map(|asset| self.worths_of(asset)));
        self.worths = worths;
    }

    fn terms_of(&self, market: &Market) -> [Terms; 2] {
        let base = market.params.base;
        let index = self.oracle.index(base).price;
        [Level::Initial, Level::Maintenance].map(|level| {
            let charges = self.charges[base.index()][level.index()];
            let (rate, spot) = match market.params.kind {
                // An order may leave a holding, or uncover a position.
                Kind::Spot { .. } => (charges.haircut.max(charges.margin), true),
                Kind::Perpetual(_) => (charges.margin, false),
                Kind::Future(_) => (charges.margin + self.spread(market, level), false),
            };
            Terms {
                index: index.raw(),
                valued: [Side::Buy, Side::Sell]
                    .map(|side| self.valued_at(market, side, level).raw()),
                charge: charged(index, rate) + self.width(base, level),
                lot: market.params.lot.raw(),
                sized: !spot,
                collateral: spot && level == Level::Initial,
            }
        })
    }

    fn worths_of(&self, asset: AssetId) -> [Worth; 2] {
        let index = self.oracle.index(asset).price;
        [Level::Initial, Level::Maintenance].map(|level| {
            let haircut = self.charges[asset.index()][level.index()].haircut;
            let unit = index.raw() - charged(index, haircut) - self.width(asset, level);
            Worth { index: index.raw(), unit }
        })
    }

    fn bounded(&self, account: AccountId, level: Level, change: Change) -> Option<Distance> {
        // Options are asked of `health_after`.
        if self.has_options(account) {
            return None;
        }
        let cash = scaled(self.ledger.cash(account))?;
        let mut sum = Sum { surplus: cash - ROUNDINGS, exposure: 0 };
        let counts = change.counts_orders(level);
        for ((market, terms), id) in self.markets.iter().zip(&self.terms).zip(0u16..) {
            debug_assert_eq!(*terms, self.terms_of(market), "the terms in force");
            let (terms, entry) = (&terms[level.index()], market.entry(account));
            if !entry.position.is_zero() {
                self.add_position(&mut sum, market, terms, level, entry)?;
            }
            let mut open = [0; 2];
            if counts && entry.orders > 0 {
                open = sizes(terms, [entry.bid_lots, entry.ask_lots])?;
                self.add_orders(&mut sum, market, terms, entry, open)?;
            }
            let added = change.ordered(MarketId(id));
            if added != [0; 2] {
                let [bids, asks] = sizes(terms, added)?;
                open = [open[0].checked_add(bids)?, open[1].checked_add(asks)?];
            }
            if !entry.position.is_zero() || open != [0; 2] {
                sum.add(-bounded_charge(market, terms, entry.position.raw(), open)?, 0)?;
            }
            if level == Level::Initial && terms.sized {
                self.is_spread(market, account, added)?;
            }
            if terms.collateral {
                sum.add(-self.bounded_collateral(market, account, open[0])?, 0)?;
            }
        }
        for (asset, worth) in self.base_assets().zip(&self.worths[1..]) {
            debug_assert_eq!(*worth, self.worths_of(asset), "the worth in force");
            let held = self.ledger.held(account, asset);
            if !held.is_zero() {
                let held = i64::try_from(held.raw()).ok()?;
                let worth = &worth[level.index()];
                if level == Level::Initial {
                    sum.add(-self.bounded_excess(asset, held), 0)?;
                }
                sum.add(times(worth.unit, held), times(worth.index, held))?;
            }
        }
        Some(Distance { surplus: sum.surplus, exposure: sum.exposure })
    }

    /// Profit and funding owed of a position, and its worth at the index.
    #[inline]
    fn add_position(
        &self,
        sum: &mut Sum,
        market: &Market,
        terms: &Terms,
        level: Level,
        entry: &Entry,
    ) -> Option<()> {
        let qty = entry.position.raw();
        let value = times(terms.valued[usize::from(qty < 0)], qty);
        let mut profit = value.checked_sub(scaled(entry.cost)?)?;
        let received = entry.funding_index - market.perpetual.funding.index;
        if received.raw() != 0 {
            // From 10⁻²⁶: 2^33 is less than 10¹⁰, so a debt counts for more.
            let received = i64::try_from((received.raw() >> 33) + i128::from(qty < 0)).ok()?;
            profit = profit.checked_add(times(received, qty).min(0))?;
        }
        let notional = times(terms.index, qty.abs());
        let exposure = notional.checked_add(size_exposure(market, notional))?;
        sum.add(self.bounded_profit(market, profit, level), exposure)
    }

    /// The losses of open bids and asks that together are so large (no order is priced worse than
    /// the best of its side), and what they count as exposure: each unit moves its loss and its
    /// charge by at most the whole, and the charge for size by twice the whole.
    #[inline]
    fn add_orders(
        &self,
        sum: &mut Sum,
        market: &Market,
        terms: &Terms,
        entry: &Entry,
        [bids, asks]: [i64; 2],
    ) -> Option<()> {
        let distance = |side, qty| if qty == 0 { 0 } else { times(self.beyond(market, side), qty) };
        let mut loss = distance(Side::Buy, bids).checked_add(distance(Side::Sell, asks))?;
        if market.fee_open().is_positive() {
            loss = loss.checked_add(bounded_fees(market, entry)?)?;
        }
        let open = bids.checked_add(asks)?;
        let all = entry.position.raw().abs().checked_add(open)?;
        let worth = times(terms.index, open);
        let sized = size_exposure(market, times(terms.index, all));
        sum.add(-loss, worth.checked_add(worth)?.checked_add(sized)?)
    }
}

/// More than the fees of all open orders of an entry, at 10⁻¹⁶.
fn bounded_fees(market: &Market, entry: &Entry) -> Option<i128> {
    let value = market.value(entry.bid_tick_lots + entry.ask_tick_lots);
    let fees = bounded_share(value.raw().checked_mul(SCALE)?, market.fee_open())?;
    let lots = i128::from(entry.bid_lots) + i128::from(entry.ask_lots);
    fees.checked_add(lots.checked_mul(SCALE)?)
}

/// The charge on a position with open bids and asks of these sizes, the worse of both directions;
/// orders of a spot market are charged at the higher of haircut and margin.
#[inline]
fn bounded_charge(
    market: &Market,
    terms: &Terms,
    position: i64,
    [bids, asks]: [i64; 2],
) -> Option<i128> {
    let (long, short) = (position.checked_add(bids)?, position.checked_sub(asks)?);
    let qty = long.abs().max(short.abs());
    let charge = times(terms.charge, qty);
    if terms.sized {
        charge.checked_add(State::bounded_size(market, times(terms.index, qty))?)
    } else {
        Some(charge)
    }
}

/// A product of two factors of 64 bits, which always fits.
#[inline]
fn times(price: i64, qty: i64) -> i128 {
    i128::from(price) * i128::from(qty)
}

/// An amount at 10⁻¹⁶.
#[inline]
fn scaled(amount: Amount) -> Option<i128> {
    match i64::try_from(amount.raw()) {
        Ok(raw) => Some(times(Price::ONE.raw(), raw)),
        Err(_) => amount.raw().checked_mul(SCALE),
    }
}

/// Sizes of so many lots of bids and asks, at 10⁻⁸.
#[inline]
fn sizes(terms: &Terms, [bids, asks]: [u64; 2]) -> Option<[i64; 2]> {
    let size = |lots| i64::try_from(lots).ok()?.checked_mul(terms.lot);
    Some([size(bids)?, size(asks)?])
}

/// A charge on one unit, rounded up.
pub(super) fn charged(price: Price, rate: Rate) -> i64 {
    let [price, rate, one] = [price.raw(), rate.raw(), Rate::ONE.raw()].map(i128::from);
    let charge = mul_div(price, rate, one, Round::Up).expect("a share of a price is smaller");
    i64::try_from(charge).expect("a share of a price is a price")
}

/// More than a share of a value of zero or more: whole basis points rounded up, each taken as
/// 1/8192.
#[inline]
pub(crate) fn bounded_share(value: i128, rate: Rate) -> Option<i128> {
    debug_assert!(value >= 0);
    let bp = rate.raw().unsigned_abs().div_ceil(Rate::BASIS_POINT.raw().unsigned_abs());
    let bp = i64::try_from(bp).ok()?;
    // In steps of 2^32·10⁻¹⁶, so that both factors have 64 bits.
    let whole = i64::try_from((value >> 32) + 1).ok()?;
    Some(((i128::from(whole) * i128::from(bp)) << 19) + 1)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
