//! Placing, matching and cancelling orders for options (rules K-3 to K-6).
//!
//! As in a market (rules T-1 to T-8), but that the buyer pays the premium at once, so that a
//! position has no cost, and that a surface must say what the series is worth.

use money::{Amount, Price, Qty, Round};

use crate::book::{Book, Fill, FillKind, NewResting, Resting, Taker};
use crate::command::{Lifetime, OptionOrder};
use crate::design::QTY_MAX;
use crate::engine::accounts::check_indices;
use crate::engine::bounds::at_worst;
use crate::engine::check_account;
use crate::engine::owners::reaches;
use crate::engine::reducing::cut;
use crate::event::{Event, Gone, OptionEvent};
use crate::ids::{AccountId, ChainId, ClientId, Lots, OrderId, QUOTE, SeriesId, Side, Tick};
use crate::ladder::Action;
use crate::ledger::Holder;
use crate::margin::Health;
use crate::option::{Chain, Leg};
use crate::oracle::PRICE_MAX;
use crate::reject::Reject;
use crate::state::{Change, Level, State, premium_fee};

/// Most open orders of an account for options on one asset.
pub(in crate::engine) const ORDERS_MAX: u32 = 1024;

/// An order in the units of its series, after all checks.
#[derive(Clone, Copy, Debug)]
struct Placed {
    account: AccountId,
    chain: ChainId,
    /// The place of the series in the chain.
    place: usize,
    tick: Tick,
    lots: Lots,
    wish: OptionOrder,
}

pub(in crate::engine) fn place(
    state: &mut State,
    account: AccountId,
    order: &OptionOrder,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    let placed = check_place(state, account, order)?;
    check_margin(state, &placed)?;
    commit_place(state, &placed, events);
    Ok(())
}

/// What an order is refused for before it is asked who can bear it, in the order of [`Reject`].
fn check_place(state: &State, account: AccountId, wish: &OptionOrder) -> Result<Placed, Reject> {
    check_account(state, account)?;
    let (id, chain) = state.chain_with(wish.series).ok_or(Reject::UnknownSeries)?;
    let place = chain.place(wish.series).expect("the series was just found");
    let leg = chain.leg(account, wish.series);
    let (tick, lots) = check_size(chain, &leg, wish)?;
    if chain.series[place].contract.expiry <= state.time {
        return Err(Reject::Expired);
    }
    check_served(state, chain, place, (&leg, wish, lots))?;
    let rests = wish.lifetime != Lifetime::Immediate;
    if rests
        && (leg.orders >= state.params.open_orders_max || chain.open_orders(account) >= ORDERS_MAX)
    {
        return Err(Reject::TooManyOrders);
    }
    let mut lots = lots;
    if wish.reduce_only {
        let (held, resting) = held(chain, &leg, wish.side);
        lots = cut(lots, (held, resting), wish.lifetime)?;
    }
    let book = &chain.series[place].book;
    if wish.lifetime == Lifetime::PostOnly && book.would_cross(wish.side, tick) {
        return Err(Reject::WouldTrade);
    }
    if meets_family(state, chain, account, (wish.series, wish.side, tick)) {
        return Err(Reject::OwnOrder);
    }
    check_limit(chain, &leg, wish.side, lots)?;
    Ok(Placed { account, chain: id, place, tick, lots, wish: *wish })
}

fn check_size(chain: &Chain, leg: &Leg, wish: &OptionOrder) -> Result<(Tick, Lots), Reject> {
    if !wish.price.is_positive() || !wish.qty.is_positive() {
        return Err(Reject::NotPositive);
    }
    let grid = chain.grid();
    let (tick, lots) = (grid.check_tick(wish.price)?, grid.check_lots(wish.qty)?);
    let open = match wish.side {
        Side::Buy => leg.bid_lots,
        Side::Sell => leg.ask_lots,
    };
    let beyond = wish.price > PRICE_MAX || wish.qty > QTY_MAX;
    if beyond || grid.qty(Lots(open)) + wish.qty > QTY_MAX {
        return Err(Reject::Overflow);
    }
    Ok((tick, lots))
}

/// Lots of the position that an order of this side closes, and lots that rest on the side.
fn held(chain: &Chain, leg: &Leg, side: Side) -> (Lots, Lots) {
    let (position, resting) = match side {
        Side::Buy => (-leg.position, leg.bid_lots),
        Side::Sell => (leg.position, leg.ask_lots),
    };
    (chain.grid().lots_of(position.max(Qty::ZERO)), Lots(resting))
}

/// Rules K-4 and K-6: index and surface serve, and the premium is within its band around the mark.
fn check_served(
    state: &State,
    chain: &Chain,
    place: usize,
    (leg, wish, lots): (&Leg, &OptionOrder, Lots),
) -> Result<(), Reject> {
    let (held, resting) = held(chain, leg, wish.side);
    let closes = wish.reduce_only || resting.0 + lots.0 <= held.0;
    let action = if closes { Action::Trade } else { Action::Increase };
    let index = state.serving(action, chain.base()).ok_or(Reject::StaleIndex)?.price;
    let mark = chain.series[place].mark.ok_or(Reject::NoSurface)?;
    if !closes && !chain.serves(state.time) {
        return Err(Reject::NoSurface);
    }
    let band = index.offset(chain.params.price_band, Round::Down).unwrap_or(index) - index;
    let inside = match wish.side {
        Side::Buy => mark.checked_add(band).is_none_or(|limit| wish.price <= limit),
        Side::Sell => wish.price >= mark - band,
    };
    if inside { Ok(()) } else { Err(Reject::OutsideBand) }
}

/// Rule B-7: whether an order would meet, at its limit, one of another account of its owner.
fn meets_family(
    state: &State,
    chain: &Chain,
    account: AccountId,
    (series, side, limit): (SeriesId, Side, Tick),
) -> bool {
    let others = state.owners.family(account).iter().filter(|other| **other != account);
    let mut open = others
        .flat_map(|other| &chain.orders[other.index()])
        .filter(|(at, _)| *at == series)
        .filter_map(|(at, id)| chain.order(*at, *id));
    open.any(|order| reaches(&order, (side, limit)))
}

/// Rule T-8: a position with all open orders of its side stays within the largest.
pub(in crate::engine) fn check_limit(
    chain: &Chain,
    leg: &Leg,
    side: Side,
    lots: Lots,
) -> Result<(), Reject> {
    let open = match side {
        Side::Buy => leg.bid_lots,
        Side::Sell => leg.ask_lots,
    };
    let open = chain.grid().qty(Lots(open)) + chain.grid().qty(lots);
    let position = i128::from(leg.position.raw()) * i128::from(side.sign());
    if position + i128::from(open.raw()) > i128::from(chain.params.position_max.raw()) {
        return Err(Reject::PositionLimit);
    }
    Ok(())
}

/// What an order trades for at worst, and what that loses.
struct Worst {
    lots: Lots,
    /// Premium paid, below zero when it is received, with the fee.
    paid: Amount,
    /// What it loses against the mark, with the fee.
    loss: Amount,
    /// All of it trades.
    fill: Change,
}

fn worst(state: &State, order: &Placed) -> Worst {
    let chain = &state.chains[order.chain.index()];
    let (grid, series) = (chain.grid(), &chain.series[order.place]);
    let leg = chain.leg(order.account, series.id);
    let side = order.wish.side;
    let meets_own = match side {
        Side::Buy => leg.ask_lots > 0,
        Side::Sell => leg.bid_lots > 0,
    };
    let takes = !meets_own && order.wish.lifetime != Lifetime::PostOnly;
    let levels = takes.then(|| series.book.levels(side.opposite())).into_iter().flatten();
    let wish = (side, order.tick, order.lots);
    // What of an immediate order the book does not reach is cancelled.
    let rests = order.wish.lifetime != Lifetime::Immediate || !takes;
    let (lots, value) = at_worst(levels, grid, wish, rests);
    let fee = state.option_fees(chain, value, (lots.0, chain.params.fee_taker));
    let (qty, mark) = (grid.qty(lots), series.mark.unwrap_or(Price::ZERO));
    let (paid, distance, signed) = match side {
        Side::Buy => (value, value - mark.notional(qty, Round::Down), qty),
        Side::Sell => (-value, mark.notional(qty, Round::Up) - value, -qty),
    };
    let fill = Change::OptionFill { series: series.id, qty: signed };
    Worst { lots, paid: paid + fee, loss: distance.max(Amount::ZERO) + fee, fill }
}

/// Rule K-10: an order counts as one more that rests (rule S-6); what trades at once, or only
/// closes, may also be looked at as filled. Whatever else the account has must be served as well
/// (rule R-4).
fn check_margin(state: &State, order: &Placed) -> Result<(), Reject> {
    /// Roundings of the value and of the requirement of one leg.
    const ROUNDINGS: Amount = Amount::from_raw(8);
    let account = order.account;
    let worst = worst(state, order);
    let (series, side, lots) = (order.wish.series, order.wish.side, worst.lots);
    let resting = Change::OptionOrder { series, side, lots };
    let resting = state.health_after(account, Level::Initial, resting);
    let served = check_indices(state, account, Action::Increase);
    let borne = resting.equity - worst.loss - ROUNDINGS >= resting.requirement;
    if borne && served.is_ok() {
        return Ok(());
    }
    let filled = state.health_after(account, Level::Initial, worst.fill);
    if closes_only(state, order, &worst, filled) {
        return Ok(());
    }
    let immediate = order.wish.lifetime == Lifetime::Immediate;
    if borne || (immediate && filled.equity - worst.paid >= filled.requirement) {
        served
    } else {
        Err(Reject::InsufficientMargin)
    }
}

/// The part of rule R-4 for an account under initial margin, with rule R-16: the order closes what
/// is there, needs no more than before, and loses no more than it frees of maintenance and of
/// initial margin nor, together with all that rests, more than the equity.
fn closes_only(state: &State, order: &Placed, worst: &Worst, filled: Health) -> bool {
    let chain = &state.chains[order.chain.index()];
    let leg = chain.leg(order.account, order.wish.series);
    let (held, resting) = held(chain, &leg, order.wish.side);
    if resting.0 + order.lots.0 > held.0 {
        return false;
    }
    let account = order.account;
    let maintenance = |change| state.health_after(account, Level::Maintenance, change).requirement;
    let now = state.health(account, Level::Initial);
    let freed = maintenance(Change::None) - maintenance(worst.fill);
    let freed = freed.min(now.requirement - filled.requirement);
    !freed.is_negative()
        && worst.loss <= freed.min(now.equity - state.resting_losses(account))
        && state.keeps_ratio(account, worst.fill, worst.loss)
}

fn commit_place(state: &mut State, order: &Placed, events: &mut Vec<Event>) {
    let OptionOrder { side, lifetime, client, .. } = order.wish;
    state.scratch.touched.clear();
    let (left, self_traded) = match lifetime {
        Lifetime::PostOnly => (order.lots, false),
        Lifetime::Resting | Lifetime::Immediate => take(state, order, events),
    };
    let chain = &mut state.chains[order.chain.index()];
    if left.0 > 0 {
        let (account, series, qty) = (order.account, order.wish.series, chain.grid().qty(left));
        if self_traded || lifetime == Lifetime::Immediate {
            let reason = if self_traded { Gone::SelfTrade } else { Gone::Unfilled };
            events.push(Event::Option(OptionEvent::Removed {
                account,
                series,
                client,
                qty,
                reason,
            }));
        } else {
            let resting = NewResting {
                owner: account,
                side,
                tick: order.tick,
                lots: left,
                client,
                reduce_only: order.wish.reduce_only,
            };
            let id = rest(chain, order.place, resting);
            events.push(Event::Option(OptionEvent::Rested {
                account,
                series,
                order: id,
                client,
                qty,
            }));
            state.watch.touch(account);
            if state.scratch.touched.first() != Some(&account) {
                state.scratch.touched.push(account);
            }
        }
    }
    trim_touched(state, order, events);
}

fn rest(chain: &mut Chain, place: usize, order: NewResting) -> OrderId {
    let series = chain.series[place].id;
    let id = chain.series[place].book.insert(order);
    let NewResting { owner, side, tick, lots, reduce_only, .. } = order;
    chain.note_resting(owner, series, (side, tick), i128::from(lots.0));
    let leg = chain.leg_mut(owner, series);
    leg.orders += 1;
    leg.reduce_only += u32::from(reduce_only);
    let mut open = std::mem::take(&mut chain.orders[owner.index()]);
    open.push((series, id));
    if open.len() > 2 * chain.open_orders(owner) as usize + 16 {
        open.retain(|(series, id)| chain.order(*series, *id).is_some());
    }
    chain.orders[owner.index()] = open;
    id
}

/// Matches an order and books its trades; returns what is left and whether it met its own account.
fn take(state: &mut State, order: &Placed, events: &mut Vec<Event>) -> (Lots, bool) {
    let mut fills = std::mem::take(&mut state.scratch.fills);
    fills.clear();
    let taker = Taker {
        owner: order.account,
        side: order.wish.side,
        limit: order.tick,
        lots: order.lots,
        self_trade: order.wish.self_trade,
    };
    let taken = state.chains[order.chain.index()].series[order.place].book.take(taker, &mut fills);
    if !fills.is_empty() {
        state.scratch.touched.push(order.account);
    }
    for fill in &fills {
        commit_fill(state, order, fill, events);
    }
    state.scratch.fills = fills;
    (taken.left, taken.self_trade)
}

fn commit_fill(state: &mut State, order: &Placed, fill: &Fill, events: &mut Vec<Event>) {
    let chain = &mut state.chains[order.chain.index()];
    let (series, maker) = (order.wish.series, fill.maker);
    let at = (order.wish.side.opposite(), fill.tick);
    chain.note_resting(maker, series, at, -i128::from(fill.lots.0));
    if fill.maker_left.0 == 0 {
        let leg = chain.leg_mut(maker, series);
        leg.orders -= 1;
        leg.reduce_only -= u32::from(fill.reduce_only);
    }
    match fill.kind {
        FillKind::SelfTradeCancel => {
            let (account, client, qty) = (maker, fill.maker_client, chain.grid().qty(fill.lots));
            let reason = Gone::SelfTrade;
            events.push(Event::Option(OptionEvent::Removed {
                account,
                series,
                client,
                qty,
                reason,
            }));
        }
        FillKind::Trade => exchange(state, order, fill, events),
    }
}

/// Rules K-4 and K-5: the premium goes from buyer to seller, the position the other way.
fn exchange(state: &mut State, order: &Placed, fill: &Fill, events: &mut Vec<Event>) {
    let chain = &mut state.chains[order.chain.index()];
    let index = state.oracle.index(chain.base()).price;
    let (grid, params) = (*chain.grid(), &chain.params);
    let (qty, premium) = (grid.qty(fill.lots), grid.notional(fill.tick, fill.lots));
    let fee = |rate| premium_fee(index, qty, (premium, rate, params.fee_cap));
    let (taker_fee, maker_fee) = (fee(params.fee_taker), fee(params.fee_maker));
    let (taker, maker, side) = (order.account, fill.maker, order.wish.side);
    let (buyer, seller) = match side {
        Side::Buy => (taker, maker),
        Side::Sell => (maker, taker),
    };
    chain.trade(buyer, order.place, qty);
    chain.trade(seller, order.place, -qty);
    state.ledger.transfer(Holder::User(buyer), Holder::User(seller), QUOTE, premium);
    for (account, fee) in [(taker, taker_fee), (maker, maker_fee)] {
        state.ledger.transfer(Holder::User(account), Holder::Fees, QUOTE, fee);
        state.watch.touch(account);
    }
    events.push(Event::Option(OptionEvent::Traded {
        series: order.wish.series,
        side,
        price: grid.price(fill.tick),
        qty,
        taker,
        maker,
        taker_client: order.wish.client,
        maker_client: fill.maker_client,
        taker_fee,
        maker_fee,
        maker_done: fill.maker_left.0 == 0,
    }));
    if state.scratch.touched.last() != Some(&maker) {
        state.scratch.touched.push(maker);
    }
}

/// Rule T-5 for every account whose position may have changed, whose empty legs go.
fn trim_touched(state: &mut State, order: &Placed, events: &mut Vec<Event>) {
    let touched = std::mem::take(&mut state.scratch.touched);
    let chain = &mut state.chains[order.chain.index()];
    for &account in &touched {
        trim_reduce_only(chain, order.place, account, events);
        chain.tidy(account);
    }
    // Who only met the own account.
    chain.tidy(order.account);
    state.scratch.touched = touched;
    state.scratch.touched.clear();
}

/// Cancels reduce-only orders, newest first, until the position covers all orders of their side.
pub(in crate::engine) fn trim_reduce_only(
    chain: &mut Chain,
    place: usize,
    account: AccountId,
    events: &mut Vec<Event>,
) {
    let series = chain.series[place].id;
    let mut at = chain.orders[account.index()].len();
    while at > 0 && chain.leg(account, series).reduce_only > 0 {
        at -= 1;
        let (there, id) = chain.orders[account.index()][at];
        if there != series {
            continue;
        }
        let Some(order) = chain.series[place].book.order(id) else { continue };
        let (covered, open) = held(chain, &chain.leg(account, series), order.side);
        if order.reduce_only && open.0 > covered.0 {
            chain.series[place].book.cancel(id).expect("the order was just found");
            removed(chain, place, &order, Gone::NothingLeftToReduce, events);
        }
    }
}

pub(in crate::engine) fn cancel(
    state: &mut State,
    account: AccountId,
    (series, id): (SeriesId, OrderId),
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    let (chain, _) = state.chain_with(series).ok_or(Reject::UnknownSeries)?;
    let chain = &mut state.chains[chain.index()];
    let owned = chain.order(series, id).is_some_and(|order| order.owner == account);
    if !owned {
        return Err(Reject::UnknownOrder);
    }
    let place = chain.place(series).expect("the series was just found");
    let order = chain.series[place].book.cancel(id).expect("the order was just found");
    removed(chain, place, &order, Gone::Cancelled, events);
    Ok(())
}

pub(in crate::engine) fn cancel_all(
    state: &mut State,
    account: AccountId,
    chain: Option<ChainId>,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    match chain {
        None => cancel_everything(state, account, Gone::Cancelled, events),
        Some(id) => {
            let chain = state.chains.get_mut(id.index()).ok_or(Reject::UnknownChain)?;
            cancel_in(chain, account, Gone::Cancelled, events);
        }
    }
    Ok(())
}

/// Cancels all of an account's orders for options.
pub(in crate::engine) fn cancel_everything(
    state: &mut State,
    account: AccountId,
    reason: Gone,
    events: &mut Vec<Event>,
) {
    for chain in &mut state.chains {
        cancel_in(chain, account, reason, events);
    }
}

/// Cancels an account's orders for options on one asset, oldest first.
fn cancel_in(chain: &mut Chain, account: AccountId, reason: Gone, events: &mut Vec<Event>) {
    let mut open = std::mem::take(&mut chain.orders[account.index()]);
    for (series, id) in open.drain(..) {
        let Some(place) = chain.place(series) else { continue };
        if let Some(order) = chain.series[place].book.cancel(id) {
            removed(chain, place, &order, reason, events);
        }
    }
    chain.orders[account.index()] = open;
}

/// Takes a cancelled order out of its owner's sums.
pub(super) fn removed(
    chain: &mut Chain,
    place: usize,
    order: &Resting,
    reason: Gone,
    events: &mut Vec<Event>,
) {
    let series = chain.series[place].id;
    let (account, client): (AccountId, ClientId) = (order.owner, order.client);
    chain.note_resting(account, series, (order.side, order.tick), -i128::from(order.lots.0));
    let leg = chain.leg_mut(account, series);
    leg.orders -= 1;
    leg.reduce_only -= u32::from(order.reduce_only);
    let qty = chain.grid().qty(order.lots);
    chain.tidy(account);
    events.push(Event::Option(OptionEvent::Removed { account, series, client, qty, reason }));
}
