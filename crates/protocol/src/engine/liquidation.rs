//! What happens to an account under maintenance margin (rules L-3, L-4, L-6, L-13, L-20).
//!
//! Rule L-13: only an account that is under maintenance at every reference price is liquidated.
//! Rule L-3: its orders are cancelled. Rule L-4: positions are closed through the book, largest
//! first, only as far as initial margin needs, in tranches of aged depth at a limit that their own
//! stake bears (rules L-7 … L-10). With equity still negative its positions are deleveraged (L-5).
//! Rule L-6: a holding is sold when cash is short; what an account without position or holding
//! still owes is paid by insurance. Rule L-20: an account with options is auctioned instead.
//!
//! Always holds: a forced trade in a perpetual costs at most the stake of what it closes, so
//! equity/requirement does not fall and equity of zero or more stays so.

use money::{Amount, Qty, Round};

use super::accounts::{holding, settle_funding};
use super::orders::{cancel_in, take, trim_touched};
use super::permits::trades_now;
use super::tranches::{
    forced, index_serves, note_taken, part, pay_fee, spot_market, stake, traded, tranche,
    worst_tick,
};
use super::{backstop, book_auctions, deleverage, insurance, options, pairs};
use crate::event::{Event, Gone};
use crate::ids::{AccountId, Lots, MarketId, QUOTE, Side, Tick};
use crate::ledger::Holder;
use crate::margin::Health;
use crate::market::Market;
use crate::state::{Change, Lane, Level, State};
use crate::tranche::share_of_equity;

/// Rules L-3 … L-6 for one account, whose health this is. Nothing happens while no price that it
/// depends on may serve it (rules O-4, O-5), or while a reference price says that it is sound (rule
/// L-13).
pub(super) fn liquidate(
    state: &mut State,
    account: AccountId,
    health: Health,
    events: &mut Vec<Event>,
) {
    if !may_start(state, account) {
        return;
    }
    let Some(lane) = state.lane(account, health) else { return };
    if book_auctions::has_begun(state, account) {
        return book_auctions::cancel_orders(state, account, events);
    }
    let open = by_size(state, account);
    let started = events.len();
    let (equity, maintenance) = (health.equity, health.requirement);
    events.push(Event::LiquidationStarted { account, equity, maintenance });
    let markets = u16::try_from(state.markets.len()).expect("market ids are 16 bits");
    for id in (0..markets).map(MarketId) {
        cancel_in(&mut state.markets[id.index()], id, account, Gone::Liquidation, events);
        settle_funding(state, id, account, events);
    }
    options::cancel_everything(state, account, Gone::Liquidation, events);
    if state.holds_options(account) {
        book_auctions::begin(state, account, events);
        if events.len() == started + 1 {
            events.truncate(started);
        }
        return;
    }
    if lane == Lane::Backstop {
        backstop::take_over(state, account, &open, events);
    }
    for (_, id) in by_size(state, account) {
        if state.health(account, Level::Maintenance).is_sound() {
            return;
        }
        if index_serves(state, id) {
            close_tranche(state, account, id, events);
        }
    }
    let open = by_size(state, account);
    // Rule O-4: what a stale mark says is owed, nobody pays. Rule T-15: the book is asked first.
    let waits = open.iter().any(|(_, id)| !trades_now(state, *id));
    if waits && events.len() == started + 1 {
        events.truncate(started); // so it will say in each block until the batch ends
    }
    if waits || open.iter().any(|(_, id)| !index_serves(state, *id)) {
        return;
    }
    if open.is_empty() {
        sell_holdings(state, account, events);
        let owed = -state.equity(account);
        insurance::pay(state, account, None, owed.max(Amount::ZERO), events);
        if events.len() == started + 1 {
            events.truncate(started); // a debt that nothing can reduce now is no news
        }
    } else if state.equity(account) < Amount::ZERO {
        deleverage::deleverage(state, account, &open, events);
    }
}

/// Whether the index of any open position may serve a liquidation, or there is none.
fn may_start(state: &State, account: AccountId) -> bool {
    let open = |market: &Market| !market.entry(account).position.is_zero();
    let mut positions = state.perpetuals().filter(|(market, _)| open(market)).peekable();
    positions.peek().is_none() || positions.any(|(_, id)| index_serves(state, id))
}

/// The account's perpetual positions with their notional, the largest first.
fn by_size(state: &State, account: AccountId) -> Vec<(Amount, MarketId)> {
    let size = |market: &Market| {
        market.perpetual.mark.price.notional(market.entry(account).position.abs(), Round::Up)
    };
    let mut open: Vec<(Amount, MarketId)> = state
        .perpetuals()
        .filter(|(market, _)| !market.entry(account).position.is_zero())
        .map(|(market, id)| (size(market), id))
        .collect();
    open.sort_unstable_by_key(|(size, id)| (-*size, *id));
    open
}

/// Rules L-4 and L-7 … L-10 for one market.
fn close_tranche(state: &mut State, account: AccountId, id: MarketId, events: &mut Vec<Event>) {
    let market = &state.markets[id.index()];
    let Some(params) = market.perpetual_params().copied() else { return };
    let part = part(state, account, id);
    if part.hedged {
        pairs::close_pair(state, account, id, events);
        return;
    }
    let stake = stake(state, account, id, part);
    let side = stake.side();
    let tick = market.tick_within(stake.limit(state.fair(market), params.price_band), side);
    let lots = tranche(state, account, id, (part, tick));
    let first = events.len();
    let (left, _) = take(state, &forced(account, id, side, (tick, lots)), events);
    trim_touched(state, id, events);
    let closed = Lots(lots.0 - left.0);
    if closed.0 == 0 {
        return;
    }
    note_taken(state, id, side, closed);
    let qty = state.markets[id.index()].qty(closed);
    let fee = stake.fee(qty, traded(&events[first..], id), params.fee_liquidation);
    pay_fee(state, account, id, fee, events);
}

/// Sells holdings while cash is negative (rule L-6): at a price that uses up no more equity than
/// the sale frees of the requirement, and the backstop's slippage besides if insurance has it.
fn sell_holdings(state: &mut State, account: AccountId, events: &mut Vec<Event>) {
    for asset in state.base_assets() {
        let owed = -state.ledger.cash(account);
        let index = state.oracle.index(asset).price;
        if !owed.is_positive() || !index.is_positive() {
            continue;
        }
        let spot = spot_market(state, asset);
        let Some(id) = spot.filter(|id| index_serves(state, *id)) else { continue };
        let wanted = owed.buys(index, Round::Up).unwrap_or(crate::design::QTY_MAX);
        // A hundredth more, for the price that the sale may fetch.
        let wanted = wanted.checked_add(Qty::from_raw(wanted.raw() / 100)).unwrap_or(wanted);
        let market = &state.markets[id.index()];
        let held = market.lots_of(holding(state, account, asset));
        let lots = market.lots_covering(wanted).min(held);
        if lots.0 > 0 {
            let tick = sale_tick(state, account, id, lots);
            take(state, &forced(account, id, Side::Sell, (tick, lots)), events);
            state.scratch.touched.clear();
        }
    }
}

/// The lowest price of such a sale.
fn sale_tick(state: &State, account: AccountId, id: MarketId, lots: Lots) -> Tick {
    let market = &state.markets[id.index()];
    let qty = market.qty(lots);
    let health = state.health(account, Level::Maintenance);
    let change = Change::Fill { market: id, side: Side::Sell, lots };
    let freed =
        health.requirement - state.health_after(account, Level::Maintenance, change).requirement;
    let stake = share_of_equity(health.equity, freed, health.requirement).max(Amount::ZERO);
    let index = state.oracle.index(market.params.base).price;
    let slippage = index.notional(qty, Round::Down);
    let slippage = slippage.share(state.params.rules.backstop.slippage, Round::Down);
    let insured = state.ledger.balance(Holder::Insurance, QUOTE);
    let cushion = stake + slippage.expect("a share of a notional").min(insured);
    worst_tick(state, id, (Side::Sell, qty), cushion)
}
