//! Equity, requirement and spendable balances of an account (rules R-1 … R-4, B-3).

use money::{Amount, Price, Qty, Round};

use super::{Change, Level, State, as_qty, open_qty, pending_funding};
use crate::ids::{AccountId, AssetId, MarketId, QUOTE, Side};
use crate::ledger::Holder;
use crate::margin::{Exposure, Health};
use crate::market::Market;
use crate::params::Kind;
use crate::scan::{Assets, Losses};
use crate::scenarios::Portfolio;

/// What an underlying needs.
pub(super) struct Need {
    pub(super) charge: Amount,
    /// The net quantity that is there in whatever direction orders fill: what counts for rule R-13.
    pub(super) net: Qty,
    /// What its options and what is margined with them lose: what counts for rule S-7.
    pub(super) losses: Option<Losses>,
}

/// Which open orders are taken as filled: spot and perpetual.
pub(super) struct Fills {
    sides: [Option<Side>; 2],
    change: Change,
}

impl Fills {
    /// An account's position in a perpetual market with these orders filled.
    pub(super) fn position(&self, market: &Market, id: MarketId, account: AccountId) -> Qty {
        market.entry(account).position + self.change(market, id, account, self.sides[1])
    }

    /// What orders of a direction and the change add to a position or a holding.
    fn change(&self, market: &Market, id: MarketId, account: AccountId, to: Option<Side>) -> Qty {
        let entry = market.entry(account);
        let added = |side| self.change.lots(id, side);
        let orders = match to {
            None => Qty::ZERO,
            Some(Side::Buy) => open_qty(market, entry.bid_lots + added(Side::Buy)),
            Some(Side::Sell) => -open_qty(market, entry.ask_lots + added(Side::Sell)),
        };
        orders + self.change.filled(market, id)
    }
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
                let holding = self.ledger.held(account, asset);
                self.oracle.index(asset).price.notional(as_qty(holding), Round::Down)
            })
            .sum();
        self.ledger.cash(account)
            + self.profits(account, Level::Maintenance)
            + holdings
            + self.options_value(account)
    }

    /// Unrealised profits at the mark and funding due, as far as they count (rule R-9).
    fn profits(&self, account: AccountId, level: Level) -> Amount {
        let open =
            self.perpetuals().filter(|(market, _)| !market.entry(account).position.is_zero());
        let profits = open.map(|(market, _)| {
            let entry = market.entry(account);
            let funding = pending_funding(&market.perpetual.funding, entry).0;
            let side = if entry.position.is_negative() { Side::Sell } else { Side::Buy };
            let profit = entry.profit(self.valued_at(market, side, level)) + funding;
            self.counted_profit(market, profit, level)
        });
        profits.sum()
    }

    /// The price at which a long or a short is valued: the mark; to take new risk or to withdraw,
    /// index or mark, whichever makes it look worse (rule R-3).
    pub(super) fn valued_at(&self, market: &Market, side: Side, level: Level) -> Price {
        match level {
            Level::Initial => self.reference(market, side),
            Level::Maintenance => market.perpetual.mark.price,
        }
    }

    /// The same as if a change had been made.
    pub fn health_after(&self, account: AccountId, level: Level, change: Change) -> Health {
        let equity = self.ledger.cash(account)
            + self.profits(account, level)
            + self.options_value_after(account, change);
        let mut health = Health { equity, requirement: Amount::ZERO };
        let (mut portfolio, mut assets) = (Portfolio::default(), Assets::default());
        if let Change::Withdrawal { asset: QUOTE, amount } = change {
            health.equity -= amount;
        }
        for asset in self.base_assets() {
            if !self.has_stake(account, asset, change) {
                continue;
            }
            let mut holding = self.ledger.held(account, asset);
            if let Change::Withdrawal { asset: withdrawn, amount } = change
                && withdrawn == asset
            {
                holding -= amount;
            }
            let holding = as_qty(holding) + self.shared_holding(asset, change);
            health.equity += self.oracle.index(asset).price.notional(holding, Round::Down);
            let need = self.asset_requirement(account, asset, holding, level, change);
            health.requirement += need.charge;
            let offset = self.params.rules.scenarios.offset(asset);
            if offset.is_positive() {
                let value = self.oracle.index(asset).price.notional(need.net, Round::Down);
                portfolio.add(value, self.charges[asset.index()][level.index()], offset);
                if let Some(losses) = need.losses {
                    assets.add(&losses, self.scenario_share(asset, level, offset));
                }
            }
        }
        let scenarios = &self.params.rules.scenarios;
        health.requirement -= portfolio.credit(scenarios) + assets.credit(scenarios);
        health.requirement += self.size_charges(account, level, change);
        if change.counts_orders(level) {
            health.requirement +=
                self.markets.iter().map(|market| self.open_loss(market, account)).sum();
            health.requirement += self.option_open_loss(account);
        }
        health
    }

    /// Whether an account has a position or owes cash.
    pub(crate) fn carries_risk(&self, account: AccountId) -> bool {
        self.ledger.cash(account).is_negative()
            || self.holds_options(account)
            || self.perpetuals().any(|(market, _)| !market.entry(account).position.is_zero())
    }

    /// Whether an account holds, has a position in, orders or is about to change an asset.
    pub(crate) fn has_stake(&self, account: AccountId, asset: AssetId, change: Change) -> bool {
        if !self.ledger.held(account, asset).is_zero()
            || self.trades_options(account, asset, change)
        {
            return true;
        }
        if let Change::Taken(share) = change {
            return self.has_stake(account, asset, Change::None)
                || self.has_stake(share.of, asset, Change::None);
        }
        self.markets.iter().zip(0u16..).any(|(market, id)| {
            let ordered = change.trades_in(MarketId(id));
            let entry = market.entry(account);
            market.params.base == asset
                && (ordered || entry.orders > 0 || !entry.position.is_zero())
        })
    }

    /// How far the best open order of a side lies beyond its reference price, at 10⁻⁸.
    #[inline]
    pub(super) fn beyond(&self, market: &Market, side: Side) -> i64 {
        let reference = self.reference(market, side);
        let best = market.best(side).map_or(reference, |tick| market.price(tick));
        ((best - reference).raw() * side.sign()).max(0)
    }

    /// What an account's resting orders of one market can lose against their reference prices if
    /// all of them fill (rule R-4), with their fees.
    pub(crate) fn open_loss(&self, market: &Market, account: AccountId) -> Amount {
        let entry = market.entry(account);
        if entry.orders == 0 {
            return Amount::ZERO;
        }
        let fees = market.open_fees(entry);
        if [Side::Buy, Side::Sell].iter().all(|side| self.beyond(market, *side) == 0) {
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
    /// orders can fill (rule R-2).
    fn asset_requirement(
        &self,
        account: AccountId,
        asset: AssetId,
        holding: Qty,
        level: Level,
        change: Change,
    ) -> Need {
        let ordered = if change.counts_orders(level) {
            self.ordered(account, asset, change)
        } else {
            [false; 2]
        };
        let options = self.option_losses((account, asset), level, change);
        // With options what stays as it is may need more than either direction (rule S-5).
        let all = if options.is_some() { 0 } else { 1 };
        let [spot, perpetual] = ordered.map(|ordered| -> &[Option<Side>] {
            if ordered { &[None, Some(Side::Buy), Some(Side::Sell)][all..] } else { &[None] }
        });
        let (mut worst, mut least, mut most) = (Amount::ZERO, Qty::MAX, -Qty::MAX);
        let mut losses = None;
        for &spot_fills in spot {
            for &perpetual_fills in perpetual {
                let mut exposure = Exposure { holding, ..Exposure::default() };
                let fills = Fills { sides: [spot_fills, perpetual_fills], change };
                self.add_exposure(&mut exposure, account, asset, &fills);
                let net = exposure.holding + exposure.long - exposure.short;
                let strict = match level {
                    Level::Initial => {
                        self.collateral_charge(asset, exposure)
                            + self.concentration(account, asset, exposure.holding, &fills)
                            + self.uncertainty(asset, net)
                    }
                    Level::Maintenance => Amount::ZERO,
                };
                let need = self.requirement_with(options.as_ref(), (asset, level), exposure);
                (worst, losses) = (worst.max(need.charge + strict), need.losses);
                let net = need.net;
                (least, most) = (least.min(net), most.max(net));
            }
        }
        let net = least.max(Qty::ZERO) + most.min(Qty::ZERO);
        // Of several directions none says what moves with other assets.
        Need { charge: worst, net, losses: losses.filter(|_| ordered == [false; 2]) }
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
            let id = MarketId(id);
            if market.perpetual_params().is_none() {
                let change = fills.change(market, id, account, fills.sides[0]);
                exposure.holding = (exposure.holding + change).max(Qty::ZERO);
                continue;
            }
            let position = fills.position(market, id, account);
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
