//! What happens to an account under maintenance margin (rules L-3, L-4, L-6, L-13).
//!
//! Rule L-13: only an account that is under maintenance at every reference price is liquidated.
//! Rule L-3: its orders are cancelled. Rule L-4: positions are closed through the book, largest
//! first, only as far as initial margin needs, in tranches of aged depth at a limit that their own
//! stake bears (rules L-7 … L-10). With equity still negative its positions are deleveraged (L-5).
//! Rule L-6: a holding is sold when cash is short; what an account without position or holding
//! still owes is paid by insurance.
//!
//! Always holds: a forced trade in a perpetual costs at most the stake of what it closes, so
//! equity/requirement does not fall and equity of zero or more stays so.

use money::{Amount, Price, Qty, Rate, Round, mul_div};

use super::accounts::{holding, settle_funding};
use super::orders::{Checked, cancel_in, take, trim_touched};
use super::{deleverage, insurance};
use crate::book::Book;
use crate::command::SelfTrade;
use crate::event::{Event, Gone};
use crate::ids::{AccountId, AssetId, ClientId, Lots, MarketId, QUOTE, Side, Tick};
use crate::ladder::Action;
use crate::ledger::Holder;
use crate::market::Market;
use crate::oracle::PRICE_MAX;
use crate::params::{Kind, PerpetualParams};
use crate::state::{Level, State};
use crate::tranche::{self, Closing, Stake, Terms, share_of_equity};

/// Rules L-3 … L-6 for one account. Nothing happens while no price that it depends on may serve it
/// (rules O-4, O-5), or while a reference price says that it is sound (rule L-13).
pub(super) fn liquidate(state: &mut State, account: AccountId, events: &mut Vec<Event>) {
    let open = by_size(state, account);
    if !open.is_empty() && !open.iter().any(|(_, id)| index_serves(state, *id)) {
        return;
    }
    if state.lane(account).is_none() {
        return;
    }
    let started = events.len();
    let health = state.health(account, Level::Maintenance);
    let (equity, maintenance) = (health.equity, health.requirement);
    events.push(Event::LiquidationStarted { account, equity, maintenance });
    let markets = u16::try_from(state.markets.len()).expect("market ids are 16 bits");
    for id in (0..markets).map(MarketId) {
        cancel_in(&mut state.markets[id.index()], id, account, Gone::Liquidation, events);
        settle_funding(state, id, account, events);
    }
    for (_, id) in open {
        if state.health(account, Level::Maintenance).is_sound() {
            return;
        }
        if index_serves(state, id) {
            close_tranche(state, account, id, events);
        }
    }
    let open = by_size(state, account);
    // Rule O-4: what a stale mark says is owed, nobody pays.
    if open.iter().any(|(_, id)| !index_serves(state, *id)) {
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

/// Whether a market's index may serve a liquidation (rules O-4 and O-5).
pub(super) fn index_serves(state: &State, id: MarketId) -> bool {
    state.serving(Action::Liquidate, state.markets[id.index()].params.base).is_some()
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

/// What of a position may be closed at once: its naked part or, where all of it hedges a holding,
/// the whole together with as much of the holding.
#[derive(Clone, Copy)]
struct Part {
    closable: Qty,
    hedged: bool,
}

fn part(state: &State, account: AccountId, id: MarketId) -> Part {
    let market = &state.markets[id.index()];
    let position = market.entry(account).position;
    let held = holding(state, account, market.params.base);
    let naked = if position.is_negative() { (-position - held).max(Qty::ZERO) } else { position };
    let hedged = naked.is_zero();
    Part { closable: if hedged { position.abs() } else { naked }, hedged }
}

/// Rules L-4 and L-7 … L-10 for one market.
fn close_tranche(state: &mut State, account: AccountId, id: MarketId, events: &mut Vec<Event>) {
    let market = &state.markets[id.index()];
    let Some(params) = market.perpetual_params().copied() else { return };
    let part = part(state, account, id);
    let stake = stake(state, account, id);
    let side = stake.side();
    let index = state.oracle.index(market.params.base).price;
    let tick = market.tick_within(stake.limit(index, params.price_band), side);
    let lots = tranche(state, account, id, (part, tick));
    let before = state.equity(account);
    let first = events.len();
    let (left, _) = take(state, &forced(account, id, side, (tick, lots)), events);
    trim_touched(state, id, events);
    let closed = Lots(lots.0 - left.0);
    if closed.0 == 0 {
        return;
    }
    note_taken(state, id, side, closed);
    let qty = state.markets[id.index()].qty(closed);
    let fee = stake.fee(qty, traded(&events[first..]), params.fee_liquidation);
    pay_fee(state, account, id, fee, events);
    if part.hedged {
        let whole = stake.position.abs().as_amount();
        let borne = stake.equity.portion(qty.as_amount(), whole, Round::Down);
        let borne = borne.expect("a part of the stake");
        let cushion = borne + state.equity(account) - before;
        sell_holding(state, account, id, (qty, cushion), events);
    }
}

/// A position's part in its account's equity (rule L-7).
pub(super) fn stake(state: &State, account: AccountId, id: MarketId) -> Stake {
    let market = &state.markets[id.index()];
    let own = plain_charge(state, account, id);
    let positions: Amount =
        state.perpetuals().map(|(_, other)| plain_charge(state, account, other)).sum();
    let holdings: Amount =
        state.base_assets().map(|asset| plain_haircut(state, account, asset)).sum();
    let equity = share_of_equity(state.equity(account), own, positions + holdings);
    let position = market.entry(account).position;
    Stake { position, mark: market.perpetual.mark.price, equity }
}

/// The maintenance charge of a position by rule R-1 alone.
fn plain_charge(state: &State, account: AccountId, id: MarketId) -> Amount {
    let market = &state.markets[id.index()];
    let position = market.entry(account).position;
    let Some(params) = market.perpetual_params().filter(|_| !position.is_zero()) else {
        return Amount::ZERO;
    };
    let held = holding(state, account, market.params.base);
    let hedged = if position.is_negative() { held.min(-position) } else { Qty::ZERO };
    let index = state.oracle.index(market.params.base).price;
    let basis = state.params.assets[market.params.base.index()].basis_maintenance;
    charge(index, position.abs() - hedged, params.margin_maintenance) + charge(index, hedged, basis)
}

/// The maintenance haircut of what no short hedges, by rule R-1 alone.
fn plain_haircut(state: &State, account: AccountId, asset: AssetId) -> Amount {
    let of_asset = state.perpetuals().filter(|(market, _)| market.params.base == asset);
    let short: Qty =
        of_asset.map(|(market, _)| (-market.entry(account).position).max(Qty::ZERO)).sum();
    let unhedged = (holding(state, account, asset) - short).max(Qty::ZERO);
    let rate = state.params.assets[asset.index()].haircut_maintenance;
    charge(state.oracle.index(asset).price, unhedged, rate)
}

fn charge(index: Price, qty: Qty, rate: Rate) -> Amount {
    let charge = index.notional(qty, Round::Up).share(rate, Round::Up);
    charge.expect("a charge is smaller than its notional")
}

/// An order on behalf of the engine.
pub(super) fn forced(
    account: AccountId,
    market: MarketId,
    side: Side,
    (tick, lots): (Tick, Lots),
) -> Checked {
    Checked {
        account,
        market,
        side,
        tick,
        lots,
        client: ClientId::default(),
        self_trade: SelfTrade::CancelMaker,
        liquidation: true,
    }
}

/// How many lots to close in this block (rule L-9).
fn tranche(state: &State, account: AccountId, id: MarketId, (part, tick): (Part, Tick)) -> Lots {
    let market = &state.markets[id.index()];
    let Kind::Perpetual(params) = market.params.kind else { return Lots(0) };
    let position = market.entry(account).position;
    let side = if position.is_positive() { Side::Sell } else { Side::Buy };
    let health = state.health(account, Level::Initial);
    let mark = market.perpetual.mark.price;
    let rules = state.params.rules.liquidation;
    let large = mark.notional(part.closable, Round::Up) > state.params.liquidation_tranche_min;
    let depth_share = if large { rules.depth_share } else { Rate::ONE };
    let closing = Closing {
        closable: market.lots_covering(part.closable).min(market.lots_of(position)),
        lot: market.params.lot,
        mark,
        // At least a unit: an account under maintenance is also under initial margin, but for
        // rounding.
        shortage: (health.requirement - health.equity).max(Amount::from_raw(1)),
        depth: depth_left(state, id, side, (tick, depth_share)),
    };
    tranche::lots(closing, terms(state, market, params, (part, depth_share)))
}

fn terms(
    state: &State,
    market: &Market,
    params: PerpetualParams,
    (part, depth_share): (Part, Rate),
) -> Terms {
    let basis = state.params.assets[market.params.base.index()].basis_initial;
    Terms {
        margin: if part.hedged { basis } else { params.margin_initial },
        fee: params.fee_liquidation,
        depth_share,
        whole_below: state.params.rules.liquidation.whole_below,
    }
}

/// The aged depth within the limit of an order of `side`, in lots, less what others' tranches of
/// this block stand for at this share (rule L-9).
pub(super) fn depth_left(
    state: &State,
    id: MarketId,
    side: Side,
    (tick, share): (Tick, Rate),
) -> Lots {
    let market = &state.markets[id.index()];
    let aged = market.depth(side.opposite()).aged();
    let aged = aged.buys(market.perpetual.mark.price, Round::Down).unwrap_or(Qty::ZERO);
    let aged = market.lots_of(aged).0;
    let mut within = 0u64;
    for (at, lots) in market.book.levels(side.opposite()) {
        let reached = match side {
            Side::Buy => at <= tick,
            Side::Sell => at >= tick,
        };
        if within >= aged || !reached {
            break;
        }
        within = within.saturating_add(lots.0);
    }
    let taken = state.scratch.taken.get(id.index()).map_or(0, |taken| taken[slot(side)]);
    let one = i128::from(Rate::ONE.raw());
    let taken = mul_div(i128::from(taken), one, i128::from(share.raw()), Round::Up);
    let taken = taken.and_then(|taken| u64::try_from(taken).ok()).unwrap_or(u64::MAX);
    Lots(aged.min(within).saturating_sub(taken))
}

/// Counts lots that the engine took out of a side of a book in this block.
pub(super) fn note_taken(state: &mut State, id: MarketId, side: Side, lots: Lots) {
    state.scratch.taken.resize(state.markets.len(), [0; 2]);
    state.scratch.taken[id.index()][slot(side)] += lots.0;
}

fn slot(side: Side) -> usize {
    usize::from(side == Side::Sell)
}

/// What the forced trades among these events were worth.
fn traded(events: &[Event]) -> Amount {
    let mut traded = Amount::ZERO;
    for event in events {
        if let Event::Traded { price, qty, liquidation: true, .. } = event {
            traded += price.notional(*qty, Round::Down);
        }
    }
    traded
}

fn pay_fee(
    state: &mut State,
    account: AccountId,
    id: MarketId,
    amount: Amount,
    events: &mut Vec<Event>,
) {
    if amount.is_positive() {
        let (from, to) = (Holder::User(account), Holder::MarketInsurance(id));
        state.ledger.transfer(from, to, QUOTE, amount);
        events.push(Event::LiquidationFee { account, amount });
    }
}

/// Sells holdings while cash is negative (rule L-6).
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
        let cushion = state.equity(account) + state.ledger.balance(Holder::Insurance, QUOTE);
        sell_holding(state, account, id, (wanted, cushion), events);
    }
}

fn spot_market(state: &State, asset: crate::ids::AssetId) -> Option<MarketId> {
    let is_spot = |market: &Market| market.perpetual_params().is_none();
    let at =
        state.markets.iter().position(|market| market.params.base == asset && is_spot(market))?;
    u16::try_from(at).ok().map(MarketId)
}

/// Sells `qty` of the base asset of a market, in whole lots rounded up, through its spot book, at a
/// price at which it loses at most `cushion` against the index, and within the band.
fn sell_holding(
    state: &mut State,
    account: AccountId,
    like: MarketId,
    (qty, cushion): (Qty, Amount),
    events: &mut Vec<Event>,
) {
    let base = state.markets[like.index()].params.base;
    let Some(id) = spot_market(state, base) else { return };
    let market = &state.markets[id.index()];
    let held = holding(state, account, base);
    let lots = market.lots_covering(qty).min(market.lots_of(held));
    if lots.0 > 0 {
        let tick = lowest_tick(state, id, market.qty(lots), cushion);
        let order = forced(account, id, Side::Sell, (tick, lots));
        take(state, &order, events);
        state.scratch.touched.clear();
    }
}

/// The price, cushion/qty below the index, at which selling `qty` loses the cushion; never outside
/// the band.
fn lowest_tick(state: &State, id: MarketId, qty: Qty, cushion: Amount) -> Tick {
    let market = &state.markets[id.index()];
    let index = state.oracle.index(market.params.base).price;
    let band = match market.params.kind {
        Kind::Perpetual(params) => params.price_band,
        Kind::Spot { price_band } => price_band,
    };
    let (one, qty) = (i128::from(Price::ONE.raw()), i128::from(qty.raw()));
    // Bounded so that it can be added to a price; the band is narrower.
    let far = i128::from(PRICE_MAX.raw()) * 2;
    let reach = mul_div(cushion.raw(), one, qty, Round::Down).unwrap_or(0).clamp(-far, far);
    let price = (i128::from(index.raw()) - reach).clamp(1, far);
    let price = Price::from_raw(i64::try_from(price).expect("two largest prices fit"));
    let floor = index.offset(-band, Round::Up).expect("a band is below one");
    market.tick_within(price.max(floor), Side::Sell)
}
