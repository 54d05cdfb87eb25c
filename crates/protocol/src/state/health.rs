//! Equity, requirement and spendable balances of an account (rules R-1 … R-4, B-3).

use money::{Amount, Price, Qty, Rate, Round};

use super::size::size_exposure;
use super::{Change, Level, State, as_qty, open_qty, pending_funding};
use crate::ids::{AccountId, AssetId, MarketId, QUOTE, Side};
use crate::ledger::Holder;
use crate::margin::{Exposure, Health, requirement};
use crate::market::Market;
use crate::params::Kind;
use crate::position::Entry;
use crate::scenarios::Portfolio;
use crate::watch::{Distance, ROUNDINGS};

/// Units of an amount in one of its wholes.
const SCALE: i128 = Amount::ONE.raw();

/// Which open orders are taken as filled: spot and perpetual.
struct Fills {
    sides: [Option<Side>; 2],
    change: Change,
}

impl State {
    /// Equity and requirement of an account (rules R-1 … R-3).
    pub fn health(&self, account: AccountId, level: Level) -> Health {
        self.health_after(account, level, Change::None)
    }

    /// What an account is worth (rule R-3): cash, holdings at the index, profits at the mark and
    /// funding due.
    pub fn equity(&self, account: AccountId) -> Amount {
        let holdings: Amount = self
            .base_assets()
            .map(|asset| {
                let holding = self.ledger.balance(Holder::User(account), asset);
                self.oracle.index(asset).price.notional(as_qty(holding), Round::Down)
            })
            .sum();
        self.ledger.cash(account) + self.profits(account, Level::Maintenance) + holdings
    }

    /// Unrealised profits at the mark and funding due, as far as they count (rule R-9).
    fn profits(&self, account: AccountId, level: Level) -> Amount {
        let open =
            self.perpetuals().filter(|(market, _)| !market.entry(account).position.is_zero());
        let profits = open.map(|(market, _)| {
            let entry = market.entry(account);
            let funding = pending_funding(&market.perpetual.funding, entry).0;
            let profit = entry.profit(self.valued_at(market, entry, level)) + funding;
            self.counted_profit(market, profit, level)
        });
        profits.sum()
    }

    /// The price at which a position is valued: the mark; to take new risk or to withdraw, index or
    /// mark, whichever makes it look worse (rule R-3).
    fn valued_at(&self, market: &Market, entry: &Entry, level: Level) -> Price {
        let side = if entry.position.is_negative() { Side::Sell } else { Side::Buy };
        match level {
            Level::Initial => self.reference(market, side),
            Level::Maintenance => market.perpetual.mark.price,
        }
    }

    /// The same as if a change had been made.
    pub fn health_after(&self, account: AccountId, level: Level, change: Change) -> Health {
        let equity = self.ledger.cash(account) + self.profits(account, level);
        let mut health = Health { equity, requirement: Amount::ZERO };
        let mut portfolio = Portfolio::default();
        if let Change::Withdrawal { asset: QUOTE, amount } = change {
            health.equity -= amount;
        }
        for asset in self.base_assets() {
            if !self.has_stake(account, asset, change) {
                continue;
            }
            let mut holding = self.ledger.balance(Holder::User(account), asset);
            if let Change::Withdrawal { asset: withdrawn, amount } = change
                && withdrawn == asset
            {
                holding -= amount;
            }
            let holding = as_qty(holding);
            health.equity += self.oracle.index(asset).price.notional(holding, Round::Down);
            let (charge, net) = self.asset_requirement(account, asset, holding, level, change);
            health.requirement += charge;
            let offset = self.params.rules.scenarios.offset(asset);
            if offset.is_positive() && !net.is_zero() {
                let value = self.oracle.index(asset).price.notional(net, Round::Down);
                portfolio.add(value, self.charges[asset.index()][level.index()], offset);
            }
        }
        health.requirement -= portfolio.credit(&self.params.rules.scenarios);
        health.requirement += self.size_charges(account, level, change);
        if change.counts_orders(level) {
            health.requirement +=
                self.markets.iter().map(|market| self.open_loss(market, account)).sum();
        }
        health
    }

    /// Whether an account has a position or owes cash.
    pub(crate) fn carries_risk(&self, account: AccountId) -> bool {
        self.ledger.cash(account).is_negative()
            || self.perpetuals().any(|(market, _)| !market.entry(account).position.is_zero())
    }

    /// Whether an account holds, has a position in, orders or is about to change an asset.
    pub(crate) fn has_stake(&self, account: AccountId, asset: AssetId, change: Change) -> bool {
        if !self.ledger.balance(Holder::User(account), asset).is_zero() {
            return true;
        }
        self.markets.iter().zip(0u16..).any(|(market, id)| {
            let ordered = matches!(change, Change::Order { market, .. } if market.0 == id);
            let entry = market.entry(account);
            market.params.base == asset
                && (ordered || entry.orders > 0 || !entry.position.is_zero())
        })
    }

    /// Whether an account is beyond doubt sound at maintenance: the comparison of [`State::health`]
    /// with every term bounded against the account, without a division. `false` says nothing.
    pub fn is_clearly_sound(&self, account: AccountId) -> bool {
        self.distance(account).is_some_and(|distance| distance.surplus > 0)
    }

    /// How far an account is from its maintenance margin with all open orders filled (rule R-17),
    /// each term bounded against it; `None` where that does not fit. Each holding and position is
    /// charged as if nothing hedged it (R-1 is sub-additive).
    pub(crate) fn distance(&self, account: AccountId) -> Option<Distance> {
        self.bounded(account, Level::Maintenance, Change::Orders)
    }

    /// Whether an account bears a new order beyond doubt: initial margin, with every open order
    /// filled, holds even after a `loss` at 10⁻¹⁶. `false` says nothing.
    pub(crate) fn clearly_bears(&self, account: AccountId, change: Change, loss: i128) -> bool {
        let distance = self.bounded(account, Level::Initial, change);
        distance.is_some_and(|distance| distance.surplus > loss)
    }

    fn bounded(&self, account: AccountId, level: Level, change: Change) -> Option<Distance> {
        let mut surplus = self.ledger.cash(account).raw().checked_mul(SCALE)? - ROUNDINGS;
        let mut exposure = 0i128;
        let mut add = |(more, exposed): (i128, i128)| {
            surplus = surplus.checked_add(more)?;
            exposure = exposure.checked_add(exposed)?;
            Some(())
        };
        for (market, id) in self.markets.iter().zip(0u16..).map(|(m, id)| (m, MarketId(id))) {
            let entry = market.entry(account);
            let added = [Side::Buy, Side::Sell].map(|side| change.lots(id, side));
            let ordered = change.counts_orders(level) && (entry.orders > 0 || added != [0; 2]);
            if !entry.position.is_zero() {
                let (profit, exposure) = self.bounded_position(market, entry, level)?;
                add((self.bounded_profit(market, profit, level), exposure))?;
            }
            if !entry.position.is_zero() || ordered {
                let lots = [entry.bid_lots, entry.ask_lots];
                let open = if ordered { [lots[0] + added[0], lots[1] + added[1]] } else { [0; 2] };
                add((self.bounded_charge(market, entry, open, level)?, 0))?;
            }
            if ordered {
                let exposure = self.bounded_open_exposure(market, entry)?;
                add((-self.bounded_open_loss(market, entry)?, exposure))?;
            }
            if level == Level::Initial {
                let bids = entry.bid_lots + added[0];
                add((-self.bounded_collateral(market, account, bids)?, 0))?;
            }
        }
        for asset in self.base_assets() {
            let held = self.ledger.balance(Holder::User(account), asset).raw();
            let held = i64::try_from(held).ok()?;
            if held == 0 {
                continue;
            }
            let haircut = self.charges[asset.index()][level.index()].haircut;
            let worth = i128::from(self.oracle.index(asset).price.raw()) * i128::from(held);
            if level == Level::Initial {
                add((-self.bounded_excess(asset, held), 0))?;
            }
            add((worth.checked_sub(bounded_share(worth, haircut)?)?, worth))?;
        }
        Some(Distance { surplus, exposure })
    }

    /// Profit and funding owed of a position, and its worth at the index.
    fn bounded_position(
        &self,
        market: &Market,
        entry: &Entry,
        level: Level,
    ) -> Option<(i128, i128)> {
        let qty = entry.position.raw();
        let value = |price: Price, qty: i64| i128::from(price.raw()) * i128::from(qty);
        let cost = entry.cost.raw().checked_mul(SCALE)?;
        let profit = value(self.valued_at(market, entry, level), qty).checked_sub(cost)?;
        let received = entry.funding_index - market.perpetual.funding.index;
        // From 10⁻²⁶: 2^33 is less than 10¹⁰, so a debt counts for more.
        let received = i64::try_from((received.raw() >> 33) + i128::from(qty < 0)).ok()?;
        let owed = (i128::from(received) * i128::from(qty)).min(0);
        let notional = value(self.oracle.index(market.params.base).price, qty.abs());
        let exposure = notional.checked_add(size_exposure(market, notional))?;
        Some((profit.checked_add(owed)?, exposure))
    }

    /// The charge, negative, on a position with these lots of bids and asks, the worse of the two
    /// directions; orders of a spot market are charged at the higher of haircut and margin.
    fn bounded_charge(
        &self,
        market: &Market,
        entry: &Entry,
        [bids, asks]: [u64; 2],
        level: Level,
    ) -> Option<i128> {
        let base = market.params.base;
        let charges = self.charges[base.index()][level.index()];
        let lot = market.params.lot.raw();
        let position = entry.position.raw();
        let long = position.checked_add(i64::try_from(bids).ok()?.checked_mul(lot)?)?;
        let short = position.checked_sub(i64::try_from(asks).ok()?.checked_mul(lot)?)?;
        let qty = long.abs().max(short.abs());
        let notional = i128::from(self.oracle.index(base).price.raw()) * i128::from(qty);
        let rate = match market.params.kind {
            Kind::Spot { .. } => charges.haircut.max(charges.margin),
            Kind::Perpetual(_) => charges.margin,
            Kind::Future(_) => charges.margin + self.spread(market, level),
        };
        let size = match market.params.kind {
            Kind::Spot { .. } => 0,
            Kind::Perpetual(_) | Kind::Future(_) => State::bounded_size(market, notional)?,
        };
        Some(-bounded_share(notional, rate)?.checked_add(size)?)
    }

    /// More than [`State::open_loss`], at 10⁻¹⁶: no order is priced worse than the best of its
    /// side.
    fn bounded_open_loss(&self, market: &Market, entry: &Entry) -> Option<i128> {
        let [bid, ask] = self.beyond(market);
        let lot = market.params.lot.raw();
        let value = |beyond: i64, lots: u64| {
            let qty = i64::try_from(lots).ok()?.checked_mul(lot)?;
            Some(i128::from(beyond) * i128::from(qty))
        };
        let distance = value(bid, entry.bid_lots)?.checked_add(value(ask, entry.ask_lots)?)?;
        if !market.params.fee_maker.is_positive() {
            return Some(distance);
        }
        let value = market.value(entry.bid_tick_lots + entry.ask_tick_lots);
        let fees = bounded_share(value.raw().checked_mul(SCALE)?, market.params.fee_maker)?;
        let lots = i128::from(entry.bid_lots) + i128::from(entry.ask_lots);
        let roundings = lots.checked_mul(SCALE)?;
        distance.checked_add(fees)?.checked_add(roundings)
    }

    /// What open orders count as exposure (rule R-5), at 10⁻¹⁶: each unit moves its loss and its
    /// charge by at most the whole, and the charge for size by twice the whole.
    fn bounded_open_exposure(&self, market: &Market, entry: &Entry) -> Option<i128> {
        let lots = i128::from(entry.bid_lots) + i128::from(entry.ask_lots);
        let lot = i128::from(market.params.lot.raw());
        let index = i128::from(self.oracle.index(market.params.base).price.raw());
        let worth = lots.checked_mul(lot)?.checked_mul(index)?;
        let position = i128::from(entry.position.raw()).abs().checked_mul(index)?;
        let sized = size_exposure(market, worth.checked_add(position)?);
        worth.checked_mul(2)?.checked_add(sized)
    }

    /// How far the best bid and the best ask lie beyond their reference prices, at 10⁻⁸.
    fn beyond(&self, market: &Market) -> [i64; 2] {
        [Side::Buy, Side::Sell].map(|side| {
            let reference = self.reference(market, side);
            let best = market.best(side).map_or(reference, |tick| market.price(tick));
            ((best - reference).raw() * side.sign()).max(0)
        })
    }

    /// What an account's resting orders of one market can lose against their reference prices if
    /// all of them fill (rule R-4), with the fees of the resting side.
    pub(crate) fn open_loss(&self, market: &Market, account: AccountId) -> Amount {
        let entry = market.entry(account);
        if entry.orders == 0 {
            return Amount::ZERO;
        }
        let fees = market.maker_fees(entry);
        if self.beyond(market) == [0; 2] {
            return fees;
        }
        let orders = market.orders[account.index()].iter();
        let losses = orders.filter_map(|id| market.order(*id)).map(|order| {
            let (qty, value) = (market.qty(order.lots), market.notional(order.tick, order.lots));
            let reference = self.reference(market, order.side);
            let distance = match order.side {
                Side::Buy => value - reference.notional(qty, Round::Down),
                Side::Sell => reference.notional(qty, Round::Up) - value,
            };
            distance.max(Amount::ZERO)
        });
        fees + losses.sum()
    }

    /// What a trade is measured against: the index (of a dated future the fair price) and, but for
    /// spot, the mark, whichever makes the trade look worse. So nobody makes a bad price good by
    /// moving the mark.
    pub(crate) fn reference(&self, market: &Market, side: Side) -> Price {
        let (fair, mark) = (self.fair(market), market.perpetual.mark.price);
        match (&market.params.kind, side) {
            (Kind::Spot { .. }, Side::Buy | Side::Sell) => fair,
            (Kind::Perpetual(_) | Kind::Future(_), Side::Buy) => fair.min(mark),
            (Kind::Perpetual(_) | Kind::Future(_), Side::Sell) => fair.max(mark),
        }
    }

    /// The requirement of one underlying; initial: the worst over the directions in which open
    /// orders can fill (rule R-2). With it the net quantity that is there in all of them, which is
    /// what counts for rule R-13.
    fn asset_requirement(
        &self,
        account: AccountId,
        asset: AssetId,
        holding: Qty,
        level: Level,
        change: Change,
    ) -> (Amount, Qty) {
        let ordered = if change.counts_orders(level) {
            self.ordered(account, asset, change)
        } else {
            [false; 2]
        };
        let [spot, perpetual] = ordered.map(|ordered| -> &[Option<Side>] {
            if ordered { &[Some(Side::Buy), Some(Side::Sell)] } else { &[None] }
        });
        let index = self.oracle.index(asset).price;
        let charges = self.charges[asset.index()][level.index()];
        let (mut worst, mut least, mut most) = (Amount::ZERO, Qty::MAX, -Qty::MAX);
        for &spot_fills in spot {
            for &perpetual_fills in perpetual {
                let mut exposure = Exposure { holding, ..Exposure::default() };
                let fills = Fills { sides: [spot_fills, perpetual_fills], change };
                self.add_exposure(&mut exposure, account, asset, &fills);
                let strict = match level {
                    Level::Initial => self.collateral_charge(asset, exposure),
                    Level::Maintenance => Amount::ZERO,
                };
                worst = worst.max(requirement(exposure, charges, index) + strict);
                let net = exposure.holding + exposure.long - exposure.short;
                (least, most) = (least.min(net), most.max(net));
            }
        }
        (worst, least.max(Qty::ZERO) + most.min(Qty::ZERO))
    }

    /// Whether an account has orders, with the change, in the spot and in the perpetual markets of
    /// an asset.
    fn ordered(&self, account: AccountId, asset: AssetId, change: Change) -> [bool; 2] {
        let mut ordered = [false; 2];
        for (market, id) in self.markets.iter().zip(0u16..) {
            let changed = matches!(change, Change::Order { market, .. } if market.0 == id);
            if market.params.base == asset && (changed || market.entry(account).orders > 0) {
                ordered[usize::from(market.perpetual_params().is_some())] = true;
            }
        }
        ordered
    }

    /// Adds an account's positions in one underlying, and its open orders of the given directions.
    fn add_exposure(
        &self,
        exposure: &mut Exposure,
        account: AccountId,
        asset: AssetId,
        fills: &Fills,
    ) {
        for (market, id) in self.markets.iter().zip(0u16..) {
            if market.params.base != asset {
                continue;
            }
            let entry = market.entry(account);
            let perpetual = market.perpetual_params().is_some();
            let added = |side| fills.change.lots(MarketId(id), side);
            let filled = fills.change.filled(market, MarketId(id));
            let orders = match fills.sides[usize::from(perpetual)] {
                None => Qty::ZERO,
                Some(Side::Buy) => open_qty(market, entry.bid_lots + added(Side::Buy)),
                Some(Side::Sell) => -open_qty(market, entry.ask_lots + added(Side::Sell)),
            };
            if !perpetual {
                exposure.holding = (exposure.holding + orders + filled).max(Qty::ZERO);
                continue;
            }
            let position = entry.position + orders + filled;
            exposure.long += position.max(Qty::ZERO);
            exposure.short += (-position).max(Qty::ZERO);
        }
    }

    /// What an account could spend of an asset: its balance less what its spot orders have set
    /// aside.
    pub fn available(&self, account: AccountId, asset: AssetId) -> Amount {
        let mut available = self.ledger.balance(Holder::User(account), asset);
        for market in self.markets.iter().filter(|market| market.perpetual_params().is_none()) {
            if asset == QUOTE {
                available -= market.bids_reserved(account);
            } else if market.params.base == asset {
                available -= open_qty(market, market.entry(account).ask_lots).as_amount();
            }
        }
        available
    }
}

/// More than a share of a value of zero or more: whole basis points rounded up, each taken as
/// 1/8192.
pub(crate) fn bounded_share(value: i128, rate: Rate) -> Option<i128> {
    debug_assert!(value >= 0);
    let bp = rate.raw().unsigned_abs().div_ceil(Rate::BASIS_POINT.raw().unsigned_abs());
    let bp = i64::try_from(bp).ok()?;
    // In steps of 2^32·10⁻¹⁶, so that both factors have 64 bits.
    let whole = i64::try_from((value >> 32) + 1).ok()?;
    Some(((i128::from(whole) * i128::from(bp)) << 19) + 1)
}
