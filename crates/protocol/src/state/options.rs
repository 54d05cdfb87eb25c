//! What options are worth to an account and what they require (sections K and S).
//!
//! A position is worth ⌊quantity·mark⌋. What an asset requires is that of its options and of what
//! is linear in it together (rule S-5). Open orders count in each scenario as far as their fill
//! loses there (rule S-6), and what they lose against the mark at once: whatever of them fills,
//! the account is left with what it had to have.
//!
//! Always holds: who has a leg is looked at in every block and never by a bound of rule R-5.

use money::{Amount, Price, Qty, Rate, Round};

use super::health::Need;
use super::{Change, Level, State, append};
use crate::book::Book;
use crate::ids::{AccountId, AssetId, ChainId, SeriesId, Side};
use crate::ladder::Action;
use crate::margin::{Charges, Exposure, requirement};
use crate::option::{Chain, Leg};
use crate::scan::{self, Losses, Terms};

/// Roundings of a leg: of its value, and of its requirement (rules S-3 and S-4).
const ROUNDINGS: Amount = Amount::from_raw(8);

impl State {
    /// The options on all assets, indexed by [`ChainId`].
    pub fn chains(&self) -> &[Chain] {
        &self.chains
    }

    /// The options on an asset.
    pub fn chain_of(&self, asset: AssetId) -> Option<&Chain> {
        self.chains.iter().find(|chain| chain.base() == asset)
    }

    /// The options that a series is among.
    pub(crate) fn chain_with(&self, series: SeriesId) -> Option<(ChainId, &Chain)> {
        let chains = (0u16..).map(ChainId).zip(&self.chains);
        chains.into_iter().find(|(_, chain)| chain.place(series).is_some())
    }

    /// Whether an account has a position in options or an order for them.
    #[inline]
    pub(crate) fn has_options(&self, account: AccountId) -> bool {
        self.chains.iter().any(|chain| !chain.legs(account).is_empty())
    }

    /// Whether an account has a position in options.
    pub(crate) fn holds_options(&self, account: AccountId) -> bool {
        self.chains.iter().any(|chain| chain.holds(account))
    }

    /// Whether an account has, or is about to trade, options on an asset.
    pub(super) fn trades_options(
        &self,
        account: AccountId,
        asset: AssetId,
        change: Change,
    ) -> bool {
        let changed =
            |chain: &Chain| change.series().is_some_and(|series| chain.place(series).is_some());
        self.chain_of(asset).is_some_and(|chain| !chain.legs(account).is_empty() || changed(chain))
    }

    /// Rule V-7: whether the surfaces of all options that an account has serve new risk.
    pub(crate) fn surfaces_serve(&self, account: AccountId) -> bool {
        let with_legs = self.chains.iter().filter(|chain| !chain.legs(account).is_empty());
        with_legs.into_iter().all(|chain| chain.serves(self.time))
    }

    /// What the positions of an account are worth at their marks.
    pub fn options_value(&self, account: AccountId) -> Amount {
        self.options_value_after(account, Change::None)
    }

    /// Σ ⌈|quantity|·mark⌉ over the positions of an account.
    pub(crate) fn options_size(&self, account: AccountId) -> Amount {
        let size = |chain: &Chain| -> Amount {
            let worth = |leg: scan::Leg| mark(chain, leg.row).notional(leg.qty.abs(), Round::Up);
            positions(chain, account, Change::None).map(worth).sum()
        };
        self.chains.iter().map(size).sum()
    }

    /// What the positions of an account are worth at their marks after a change.
    pub(super) fn options_value_after(&self, account: AccountId, change: Change) -> Amount {
        let value = |chain: &Chain| -> Amount {
            let worth = |leg: scan::Leg| mark(chain, leg.row).notional(leg.qty, Round::Down);
            positions(chain, account, change).map(worth).sum()
        };
        self.chains.iter().map(value).sum()
    }

    /// What the positions of an account in options on an asset are worth if its index were this.
    pub(super) fn options_value_at(
        &self,
        account: AccountId,
        asset: AssetId,
        index: Price,
    ) -> Amount {
        let Some(chain) = self.chain_of(asset) else { return Amount::ZERO };
        let now = index == chain.table().index();
        let value = |leg: scan::Leg| {
            let unit = if now { mark(chain, leg.row) } else { chain.value_at(leg.row, index) };
            unit.notional(leg.qty, Round::Down)
        };
        positions(chain, account, Change::None).map(value).sum()
    }

    /// What the options of an account on an asset lose in each scenario after a change, with what
    /// its orders can add (rules S-3 and S-6); none where there is nothing.
    pub(super) fn option_losses(
        &self,
        (account, asset): (AccountId, AssetId),
        level: Level,
        change: Change,
    ) -> Option<(&Chain, Losses)> {
        let chain = self.chain_of(asset)?;
        let counts = change.counts_orders(level);
        let mut legs = positions(chain, account, change).peekable();
        let ordered = |leg: &Leg| leg.orders > 0;
        let orders = counts && chain.legs(account).iter().any(ordered)
            || change.series().is_some_and(|series| chain.place(series).is_some());
        if legs.peek().is_none() && !orders {
            return None;
        }
        let mut losses = chain.table().losses(legs);
        if counts {
            chain.legs(account).iter().for_each(|leg| add_orders(chain, leg, change, &mut losses));
            let new = change.series().filter(|series| chain.place(*series).is_some());
            let new = new.map(Leg::new).filter(|new| !has_leg(chain, account, new.series));
            new.iter().for_each(|leg| add_orders(chain, leg, change, &mut losses));
        }
        Some((chain, losses))
    }

    /// Rule S-5: the requirement of an asset, options and what is linear together.
    pub(super) fn requirement_with(
        &self,
        options: Option<&(&Chain, Losses)>,
        (asset, level): (AssetId, Level),
        exposure: Exposure,
    ) -> Need {
        let charges: Charges = self.charges[asset.index()][level.index()];
        let net = |exposure: Exposure| exposure.holding + exposure.long - exposure.short;
        let Some((chain, losses)) = options else {
            let index = self.oracle.index(asset).price;
            let charge = requirement(exposure, charges, index);
            return Need { charge, net: net(exposure), losses: None };
        };
        let terms = terms(chain, level);
        let outcome = chain.table().outcome_of(*losses, exposure, charges, terms);
        let losses = Some(outcome.losses);
        Need { charge: outcome.amount, net: net(outcome.rest), losses }
    }

    /// What of an asset's losses moves with other assets' (rule S-7), rounded down.
    pub(super) fn scenario_share(&self, asset: AssetId, level: Level, offset: Rate) -> Rate {
        let scan = self.chain_of(asset).map_or(Rate::ZERO, |chain| terms(chain, level).scan);
        offset.times(scan, Round::Down).expect("a share of a share")
    }

    /// More than the fees of trading so many lots for a premium (rule K-4).
    pub(crate) fn option_fees(
        &self,
        chain: &Chain,
        premium: Amount,
        (lots, rate): (u64, Rate),
    ) -> Amount {
        let raw = i128::from(lots) * i128::from(chain.params.lot.raw());
        let qty = Qty::from_raw(i64::try_from(raw).expect("open orders are bounded by QTY_MAX"));
        let index = self.oracle.index(chain.base()).price;
        let roundings = if rate.is_zero() { 0 } else { i128::from(lots) };
        premium_fee(index, qty, (premium, rate, chain.params.fee_cap)) + Amount::from_raw(roundings)
    }

    /// What an account's resting orders for options on an asset lose against the marks if all of
    /// them fill: each is looked at once, and none where no best order lies beyond its mark.
    fn resting_losses_in(&self, chain: &Chain, account: AccountId) -> Amount {
        let (grid, legs) = (chain.grid(), chain.legs(account));
        let beyond = |leg: &Leg| {
            let place = chain.place(leg.series).expect("a leg is in a series");
            let best = |side| chain.series[place].book.best(side).map(|tick| grid.price(tick));
            let (bid, ask, mark) = (best(Side::Buy), best(Side::Sell), mark(chain, place));
            bid.is_some_and(|bid| bid > mark) || ask.is_some_and(|ask| ask < mark)
        };
        if !legs.iter().any(|leg| leg.orders > 0 && beyond(leg)) {
            return Amount::ZERO;
        }
        let own = chain.orders[account.index()].iter().filter_map(|&(series, id)| {
            let place = chain.place(series)?;
            Some((mark(chain, place), chain.series[place].book.order(id)?))
        });
        let losses = own.map(|(mark, order)| {
            let (qty, value) = (grid.qty(order.lots), grid.notional(order.tick, order.lots));
            let loss = match order.side {
                Side::Buy => value - mark.notional(qty, Round::Down),
                Side::Sell => mark.notional(qty, Round::Up) - value,
            };
            loss.max(Amount::ZERO)
        });
        losses.sum()
    }

    /// What all open orders for options of an account lose against the marks if they fill, with
    /// their fees.
    pub(crate) fn option_open_loss(&self, account: AccountId) -> Amount {
        let of = |chain: &Chain| -> Amount {
            let ordered = chain.legs(account).iter().filter(|leg| leg.orders > 0);
            let fees = |leg: &Leg| {
                let value = chain.grid().value(leg.bid_tick_lots + leg.ask_tick_lots);
                let lots = leg.bid_lots + leg.ask_lots;
                ROUNDINGS + self.option_fees(chain, value, (lots, chain.params.fee_maker))
            };
            ordered.map(fees).sum::<Amount>() + self.resting_losses_in(chain, account)
        };
        self.chains.iter().map(of).sum()
    }

    /// What all open orders of an account lose if they fill (rule R-4).
    pub(crate) fn resting_losses(&self, account: AccountId) -> Amount {
        let markets: Amount =
            self.markets.iter().map(|market| self.open_loss(market, account)).sum();
        markets + self.option_open_loss(account)
    }

    /// Whether an account has an order for options.
    pub(crate) fn orders_options(&self, account: AccountId) -> bool {
        self.chains.iter().any(|chain| chain.legs(account).iter().any(|leg| leg.orders > 0))
    }

    /// Whether index and surface of options serve an action (rule K-6).
    pub(crate) fn options_serve(&self, chain: &Chain, action: Action) -> bool {
        self.serving(action, chain.base()).is_some() && chain.serves(self.time)
    }
}

/// A fee on a quantity at an index, as a share of the notional and at most a share of what is paid
/// for it (rules K-4 and K-8); rounded up.
pub(crate) fn premium_fee(
    index: Price,
    qty: Qty,
    (premium, rate, cap): (Amount, Rate, Rate),
) -> Amount {
    let share = |amount: Amount, rate| {
        amount.share(rate, Round::Up).expect("a share of an amount is smaller")
    };
    share(index.notional(qty.abs(), Round::Up), rate).min(share(premium, cap))
}

/// What a position in the series at a place counts; nothing before there is a surface.
fn mark(chain: &Chain, place: usize) -> Price {
    chain.series[place].mark.unwrap_or(Price::ZERO)
}

fn has_leg(chain: &Chain, account: AccountId, series: SeriesId) -> bool {
    chain.legs(account).iter().any(|leg| leg.series == series)
}

/// Rule S-6: in each scenario the orders of a leg fill where that is a loss. What is short with all
/// asks filled is short.
fn add_orders(chain: &Chain, leg: &Leg, change: Change, losses: &mut Losses) {
    let mut lots = [leg.bid_lots, leg.ask_lots];
    let position = leg.position + added(chain, leg.series, change);
    if let Change::OptionOrder { series, side, lots: added } = change
        && series == leg.series
    {
        lots[usize::from(side == Side::Sell)] += added.0;
    }
    if lots == [0; 2] {
        return;
    }
    let lot = i128::from(chain.params.lot.raw());
    let [bids, asks] = lots.map(|lots| i128::from(lots) * lot);
    let held = i128::from(position.raw());
    losses.short += (asks - held).max(0) - (-held).max(0);
    let place = chain.place(leg.series).expect("a leg is in a series");
    for (sum, &loss) in losses.by_column.iter_mut().zip(chain.table().row(place)) {
        *sum += i128::from(loss).max(0) * bids + i128::from(-loss).max(0) * asks;
    }
}

/// What counts of the worst scenario at a level.
fn terms(chain: &Chain, level: Level) -> Terms {
    match level {
        Level::Initial => Terms::initial(&chain.params.scan),
        Level::Maintenance => Terms::maintenance(&chain.params.scan),
    }
}

/// The options on an asset that a change trades.
fn traded(chain: &Chain, change: Change) -> Option<(SeriesId, Qty)> {
    let Change::OptionFill { series, qty } = change else { return None };
    chain.place(series).map(|_| (series, qty))
}

/// What a change adds to a position.
fn added(chain: &Chain, series: SeriesId, change: Change) -> Qty {
    match change {
        Change::OptionFill { series: at, qty } if at == series => qty,
        Change::Taken(share) => share.leg(chain, &chain.leg(share.of, series)),
        Change::Given(share) => -share.leg(chain, &chain.leg(share.of, series)),
        Change::None
        | Change::Order { .. }
        | Change::Fill { .. }
        | Change::Fills(_)
        | Change::Orders
        | Change::OptionOrder { .. }
        | Change::OptionFill { .. }
        | Change::Withdrawal { .. } => Qty::ZERO,
    }
}

/// An account's positions after a change, by the place of their series.
fn positions(
    chain: &Chain,
    account: AccountId,
    change: Change,
) -> impl Iterator<Item = scan::Leg> + '_ {
    let legs = chain.legs(account);
    let taken = match change {
        Change::Taken(share) => chain.legs(share.of),
        Change::None
        | Change::Order { .. }
        | Change::Fill { .. }
        | Change::Fills(_)
        | Change::Orders
        | Change::OptionOrder { .. }
        | Change::OptionFill { .. }
        | Change::Given(_)
        | Change::Withdrawal { .. } => &[],
    };
    let traded = traded(chain, change).map(|(series, _)| series);
    let new = taken.iter().map(|leg| leg.series).chain(traded);
    let new = new.filter(|series| legs.iter().all(|leg| leg.series != *series));
    let present = legs.iter().map(|leg| (leg.series, leg.position));
    let all = present.chain(new.map(|series| (series, Qty::ZERO)));
    let after = all.map(move |(series, qty)| (series, qty + added(chain, series, change)));
    let after = after.filter(|(_, qty)| !qty.is_zero());
    after.filter_map(|(series, qty)| Some(scan::Leg { row: chain.place(series)?, qty }))
}

/// Appends all that decides what the options of an asset do next.
pub(super) fn write(chain: &Chain, out: &mut Vec<u8>) {
    append(out, &(&chain.expiries, chain.listed_until, chain.full));
    append(out, &(&chain.surface, &chain.votes));
    for series in &chain.series {
        append(out, &(series.id, series.contract, series.mark));
        series.book.write_canonical(out);
    }
    append(out, &chain.legs);
    // The order in which an account's orders are cancelled.
    for open in &chain.orders {
        for (series, id) in open.iter().filter(|(at, id)| chain.order(*at, *id).is_some()) {
            append(out, &(series, id));
        }
    }
}
