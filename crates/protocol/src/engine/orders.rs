//! Placing, matching and cancelling orders (rules T-1 … T-7).

use money::{Amount, Price, Qty, Rate, Round};

use super::accounts::{check_indices, is_exposed, settle_funding};
pub(super) use super::bounds::Checked;
use super::bounds::{at_worst, check_backing, check_band, check_limit};
use super::owners::meets_family;
use super::reducing::{check_reduce_only, closable, only_closes};
use super::{check_account, options, permits};
use crate::book::{Book, Fill, FillKind, NewResting, Resting, Taker};
use crate::command::{Lifetime, NewOrder};
use crate::design::QTY_MAX;
use crate::event::{Event, Gone};
use crate::ids::{AccountId, Lots, MarketId, OrderId, QUOTE, Side};
use crate::ladder::Action;
use crate::ledger::Holder;
use crate::margin::Health;
use crate::market::Market;
use crate::oracle::PRICE_MAX;
use crate::params::Kind;
use crate::reject::Reject;
use crate::state::{Change, Level, State, bounded_share};

pub(super) fn place(
    state: &mut State,
    account: AccountId,
    order: &NewOrder,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    let mut order = *order;
    // Rule G-9: a market that the guardian closed takes orders as if they were all reduce-only.
    let known = order.market.index() < state.markets.len();
    order.reduce_only |= known && state.council.only_reduces(order.market, state.time);
    let checked = check_place(state, account, &order)?;
    commit_place(state, &checked, &order, events);
    Ok(())
}

/// All refusals of an order, in the order of [`Reject`].
fn check_place(state: &State, account: AccountId, order: &NewOrder) -> Result<Checked, Reject> {
    let checked = check_terms(state, account, order)?;
    let market = &state.markets[order.market.index()];
    check_limit(market, &checked)?;
    check_backing(state, market, &checked)?;
    if market.perpetual_params().is_some() || is_exposed(state, account) {
        check_margin(state, market, &checked, order.lifetime)?;
    }
    Ok(checked)
}

/// What an order is refused for before it is asked who can bear it.
pub(super) fn check_terms(
    state: &State,
    account: AccountId,
    order: &NewOrder,
) -> Result<Checked, Reject> {
    check_account(state, account)?;
    let market = state.markets.get(order.market.index()).ok_or(Reject::UnknownMarket)?;
    if !order.price.is_positive() || !order.qty.is_positive() {
        return Err(Reject::NotPositive);
    }
    let tick = market.check_tick(order.price)?;
    let lots = market.check_lots(order.qty)?;
    let entry = market.entry(account);
    let open = match order.side {
        Side::Buy => entry.bid_lots,
        Side::Sell => entry.ask_lots,
    };
    if order.price > PRICE_MAX
        || order.qty > QTY_MAX
        || market.qty(Lots(open)) + order.qty > QTY_MAX
    {
        return Err(Reject::Overflow);
    }
    let action =
        if only_closes(market, account, order, lots) { Action::Trade } else { Action::Increase };
    permits::check_place(state, order, action)?;
    state.serving(action, market.params.base).ok_or(Reject::StaleIndex)?;
    check_band(market, order, state.fair(market))?;
    let rests = order.lifetime != Lifetime::Immediate || permits::collects(market);
    if rests && entry.orders >= state.params.open_orders_max {
        return Err(Reject::TooManyOrders);
    }
    let lots =
        if order.reduce_only { check_reduce_only(market, account, order, lots)? } else { lots };
    if order.lifetime == Lifetime::PostOnly && permits::would_meet(market, order.side, tick) {
        return Err(Reject::WouldTrade);
    }
    if meets_family(state, market, account, (order.side, tick)) {
        return Err(Reject::OwnOrder);
    }
    Ok(Checked {
        account,
        market: order.market,
        side: order.side,
        tick,
        lots,
        client: order.client,
        self_trade: order.self_trade,
        liquidation: false,
    })
}

/// Rule R-4: after the order, filled at its worst together with all that rests, the account must
/// have initial margin, by indices that all serve. An order that only closes what is there passes
/// without either, if it needs no
/// more margin than before and loses no more than the maintenance margin that it frees, nor,
/// together with all that rests, more than the equity: so nobody moves to another account what the
/// insurance fund would have to replace.
fn check_margin(
    state: &State,
    market: &Market,
    order: &Checked,
    lifetime: Lifetime,
) -> Result<(), Reject> {
    let change = Change::Order { market: order.market, side: order.side, lots: order.lots };
    let bound = bounded_loss(market, order, state.reference(market, order.side));
    let priced = check_indices(state, order.account, Action::Increase);
    if priced.is_ok() && bound.is_some_and(|loss| state.clearly_bears(order.account, change, loss))
    {
        debug_assert_eq!(check_margin_exactly(state, market, order, lifetime), Ok(()));
        return Ok(());
    }
    check_margin_exactly(state, market, order, lifetime)
}

fn check_margin_exactly(
    state: &State,
    market: &Market,
    order: &Checked,
    lifetime: Lifetime,
) -> Result<(), Reject> {
    let change = Change::Order { market: order.market, side: order.side, lots: order.lots };
    let after = state.health_after(order.account, Level::Initial, change);
    let loss = loss_at_worst(market, order, lifetime, state.reference(market, order.side));
    if closes_only(state, market, order, (after, loss)) {
        return Ok(());
    }
    if after.equity - loss < after.requirement {
        return Err(Reject::InsufficientMargin);
    }
    check_indices(state, order.account, Action::Increase)
}

/// The part of rule R-4 for an account under initial margin, with rule R-16; `after` and `loss`
/// are those of the order.
fn closes_only(
    state: &State,
    market: &Market,
    order: &Checked,
    (after, loss): (Health, Amount),
) -> bool {
    let haircut = state.params.assets[market.params.base.index()].haircut_maintenance;
    let freed = market.perpetual_params().map_or(haircut, |params| params.margin_maintenance);
    let qty = market.qty(order.lots);
    let held = closable(state, market, order);
    let freed =
        state.reference(market, order.side).notional(qty, Round::Down).share(freed, Round::Down);
    let freed = freed.expect("a charge is smaller than its notional");
    let resting = state.resting_losses(order.account);
    let fill = Change::Fill { market: order.market, side: order.side, lots: order.lots };
    qty <= held
        && state.keeps_ratio(order.account, fill, loss)
        && loss <= freed.min(after.equity - resting)
        && after.requirement <= state.health(order.account, Level::Initial).requirement
}

/// More than [`loss_at_worst`], at 10⁻¹⁶ and without a division: all of it trades at its limit.
fn bounded_loss(market: &Market, order: &Checked, reference: Price) -> Option<i128> {
    let scale = i128::from(Price::ONE.raw());
    let value = market.notional(order.tick, order.lots).raw().checked_mul(scale)?;
    let fair = i128::from(reference.raw()) * i128::from(market.qty(order.lots).raw());
    let distance = (value - fair) * i128::from(order.side.sign());
    // A sale may fetch more than its limit, and the fee grows with it.
    let most = value.max(fair).checked_mul(2)?;
    let bid = market.best(Side::Buy).map_or(0, |bid| market.price(bid).raw());
    if order.side == Side::Sell && bid / 2 > reference.raw() {
        return None;
    }
    let fee = bounded_share(most, market.params.fee_taker)?;
    distance.max(0).checked_add(fee)?.checked_add(i128::from(order.lots.0).checked_mul(scale)?)
}

/// What an order can lose at once against a reference price, with its fee: it trades at the book's
/// prices as far as they reach, and what rests may fill at its own. An account that might meet its
/// own orders is taken at its own price throughout.
pub(super) fn loss_at_worst(
    market: &Market,
    order: &Checked,
    lifetime: Lifetime,
    reference: Price,
) -> Amount {
    let entry = market.entry(order.account);
    let meets_own = match order.side {
        Side::Buy => entry.ask_lots > 0,
        Side::Sell => entry.bid_lots > 0,
    };
    let takes = !meets_own && lifetime != Lifetime::PostOnly && !permits::collects(market);
    let levels = takes.then(|| market.book.levels(order.side.opposite())).into_iter().flatten();
    let wish = (order.side, order.tick, order.lots);
    // What of an immediate order the book does not reach is cancelled.
    let rests = lifetime != Lifetime::Immediate || !takes;
    let (lots, value) = at_worst(levels, market.grid(), wish, rests);
    loss(market, order, lots, value, reference)
}

/// The loss of trading `lots` for `value`, with the aggressor's fee.
fn loss(market: &Market, order: &Checked, lots: Lots, value: Amount, reference: Price) -> Amount {
    let qty = market.qty(lots);
    let distance = match order.side {
        Side::Buy => value - reference.notional(qty, Round::Down),
        Side::Sell => reference.notional(qty, Round::Up) - value,
    };
    let fees = market.with_fees(value, lots) - value;
    distance.max(Amount::ZERO) + fees
}

fn commit_place(state: &mut State, order: &Checked, wish: &NewOrder, events: &mut Vec<Event>) {
    let waits = permits::collects(&state.markets[order.market.index()]);
    let (left, self_traded) = if waits || wish.lifetime == Lifetime::PostOnly {
        (order.lots, false)
    } else {
        take(state, order, events)
    };
    let market = &mut state.markets[order.market.index()];
    if left.0 > 0 {
        let (account, client, qty) = (order.account, order.client, market.qty(left));
        let suspended = !waits && permits::collects(market);
        let reason = match (suspended, self_traded) {
            (true, _) => Gone::Suspended,
            (false, true) => Gone::SelfTrade,
            (false, false) => Gone::Unfilled,
        };
        if suspended || self_traded || (wish.lifetime == Lifetime::Immediate && !waits) {
            events.push(Event::Removed { account, market: order.market, client, qty, reason });
        } else {
            rest(market, order, left, wish, events);
            state.watch.touch(account);
            // The new order may leave too little of the position for reduce-only ones (T-5).
            if state.scratch.touched.first() != Some(&order.account) {
                state.scratch.touched.push(order.account);
            }
        }
    }
    trim_touched(state, order.market, events);
}

fn rest(
    market: &mut Market,
    order: &Checked,
    left: Lots,
    &NewOrder { lifetime, reduce_only, .. }: &NewOrder,
    events: &mut Vec<Event>,
) {
    let Checked { account: owner, side, tick, client, .. } = *order;
    let resting = NewResting { owner, side, tick, lots: left, client, reduce_only };
    let waits = permits::collects(market);
    let id = if waits {
        market.collected.insert(resting, lifetime)
    } else {
        market.book.insert(resting)
    };
    market.note_resting(owner, side, tick, i128::from(left.0));
    let entry = &mut market.entries[owner.index()];
    entry.orders += 1;
    entry.reduce_only += u32::from(reduce_only);
    note_handle(market, owner, id);
    if lifetime == Lifetime::Immediate {
        // Of reduce-only orders those that rest give way to it (rule T-14).
        market.orders[owner.index()].rotate_right(1);
    }
    let (account, market, qty) = (owner, order.market, market.qty(left));
    events.push(if waits {
        Event::Collected { account, market, order: id, client, qty }
    } else {
        Event::Rested { account, market, order: id, client, qty }
    });
}

/// Adds a handle to its owner's, and forgets those of orders that are gone.
pub(super) fn note_handle(market: &mut Market, owner: AccountId, id: OrderId) {
    let mut open = std::mem::take(&mut market.orders[owner.index()]);
    open.push(id);
    if open.len() > 2 * market.entry(owner).orders as usize + 16 {
        open.retain(|id| market.order(*id).is_some());
    }
    market.orders[owner.index()] = open;
}

/// Matches an order and books its trades; returns what is left and whether it met its own account.
/// Nothing trades while the market's phase does not permit it, or when the order would trade too
/// far from the reference price (rule A-4).
pub(super) fn take(state: &mut State, order: &Checked, events: &mut Vec<Event>) -> (Lots, bool) {
    state.scratch.touched.clear();
    let Checked { account: owner, side, tick: limit, lots, self_trade, .. } = *order;
    let taker = Taker { owner, side, limit, lots, self_trade };
    if !permits::lets_trade(state, order.market, &taker, events) {
        return (lots, false);
    }
    let mut fills = std::mem::take(&mut state.scratch.fills);
    fills.clear();
    let market = &mut state.markets[order.market.index()];
    let taken = market.book.take(taker, &mut fills);
    if !fills.is_empty() {
        settle_funding(state, order.market, owner, events);
        state.scratch.touched.push(owner);
    }
    for fill in &fills {
        commit_fill(state, order, fill, events);
    }
    state.scratch.fills = fills;
    (taken.left, taken.self_trade)
}

/// Books one fill: sizes, positions, cash and fees of both sides.
fn commit_fill(state: &mut State, order: &Checked, fill: &Fill, events: &mut Vec<Event>) {
    let market = &mut state.markets[order.market.index()];
    let side = order.side;
    let maker = fill.maker;
    market.note_resting(maker, side.opposite(), fill.tick, -i128::from(fill.lots.0));
    if fill.maker_left.0 == 0 {
        let entry = &mut market.entries[maker.index()];
        entry.orders -= 1;
        entry.reduce_only -= u32::from(fill.reduce_only);
    }
    match fill.kind {
        FillKind::SelfTradeCancel => {
            let qty = market.qty(fill.lots);
            let (market, client) = (order.market, fill.maker_client);
            let reason = Gone::SelfTrade;
            events.push(Event::Removed { account: maker, market, client, qty, reason });
            return;
        }
        FillKind::Trade => {}
    }
    commit_trade(state, order, fill, events);
}

/// Books a trade whose orders have been taken out of the book, with its ordinary fees.
pub(super) fn commit_trade(
    state: &mut State,
    order: &Checked,
    fill: &Fill,
    events: &mut Vec<Event>,
) {
    let params = &state.markets[order.market.index()].params;
    let mut rates = [params.fee_taker, params.fee_maker];
    if order.liquidation {
        // A rebate is paid out of the taker's fee.
        rates = [Rate::ZERO, params.fee_maker.max(Rate::ZERO)];
    }
    commit_trade_at(state, order, fill, rates, events);
}

/// Books a trade: last price, positions or holdings, and the fees of both sides, at these rates of
/// taker and maker.
pub(super) fn commit_trade_at(
    state: &mut State,
    order: &Checked,
    fill: &Fill,
    [fee_taker, fee_maker]: [Rate; 2],
    events: &mut Vec<Event>,
) {
    let market = &mut state.markets[order.market.index()];
    let (side, maker, maker_done) = (order.side, fill.maker, fill.maker_left.0 == 0);
    let (price, qty) = (market.price(fill.tick), market.qty(fill.lots));
    let notional = market.notional(fill.tick, fill.lots);
    let (taker_fee, maker_fee) = (fee(notional, fee_taker), fee(notional, fee_maker));
    if !order.liquidation {
        market.last = Some(price);
        market.last_time = state.time;
    }
    events.push(Event::Traded {
        market: order.market,
        side,
        price,
        qty,
        taker: order.account,
        maker,
        taker_client: order.client,
        maker_client: fill.maker_client,
        taker_fee,
        maker_fee,
        maker_done,
        liquidation: order.liquidation,
    });
    let trade = Trade { market: order.market, taker: order.account, maker, side, qty, notional };
    match market.params.kind {
        Kind::Spot { .. } => exchange_spot(state, &trade),
        Kind::Perpetual(_) | Kind::Future(_) => exchange_perpetual(state, &trade, events),
    }
    for (account, fee) in [(order.account, taker_fee), (maker, maker_fee)] {
        state.ledger.transfer(Holder::User(account), Holder::Fees, QUOTE, fee);
    }
    if state.scratch.touched.last() != Some(&maker) {
        state.scratch.touched.push(maker);
    }
}

/// Two accounts exchanging `qty` worth `notional`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trade {
    pub(super) market: MarketId,
    pub(super) taker: AccountId,
    pub(super) maker: AccountId,
    pub(super) side: Side,
    pub(super) qty: Qty,
    pub(super) notional: Amount,
}

fn exchange_spot(state: &mut State, trade: &Trade) {
    let (buyer, seller) = match trade.side {
        Side::Buy => (trade.taker, trade.maker),
        Side::Sell => (trade.maker, trade.taker),
    };
    state.watch.touch(buyer);
    state.watch.touch(seller);
    let (buyer, seller) = (Holder::User(buyer), Holder::User(seller));
    let base = state.markets[trade.market.index()].params.base;
    state.ledger.transfer(buyer, seller, QUOTE, trade.notional);
    state.ledger.transfer(seller, buyer, base, trade.qty.as_amount());
}

/// Moves both positions and pays realised profit out of clearing (rule L-2). The taker's funding
/// has been settled.
pub(super) fn exchange_perpetual(state: &mut State, trade: &Trade, events: &mut Vec<Event>) {
    settle_funding(state, trade.market, trade.maker, events);
    let sign = trade.side.sign();
    for (account, sign) in [(trade.taker, sign), (trade.maker, -sign)] {
        let market = &mut state.markets[trade.market.index()];
        let qty = Qty::from_raw(trade.qty.raw() * sign);
        let notional = Amount::from_raw(trade.notional.raw() * i128::from(sign));
        let realised = market.trade(account, qty, notional);
        let clearing = Holder::Clearing(trade.market);
        state.ledger.transfer(clearing, Holder::User(account), QUOTE, realised);
        state.watch.touch(account);
        if !realised.is_zero() {
            events.push(Event::Realised { account, market: trade.market, amount: realised });
        }
    }
}

/// A fee, rounded up: what is paid goes up, a rebate goes down (rule T-6).
fn fee(notional: Amount, rate: Rate) -> Amount {
    notional.share(rate, Round::Up).expect("a fee is smaller than its notional")
}

/// Rule T-5 for every account whose position may have changed.
pub(super) fn trim_touched(state: &mut State, market: MarketId, events: &mut Vec<Event>) {
    let touched = std::mem::take(&mut state.scratch.touched);
    for &account in &touched {
        trim_reduce_only(state, market, account, events);
    }
    state.scratch.touched = touched;
    state.scratch.touched.clear();
}

/// Cancels reduce-only orders, newest first, until the position covers all orders of their side.
fn trim_reduce_only(state: &mut State, id: MarketId, account: AccountId, events: &mut Vec<Event>) {
    let market = &mut state.markets[id.index()];
    if market.entry(account).reduce_only == 0 {
        return;
    }
    let mut at = market.orders[account.index()].len();
    while at > 0 && market.entry(account).reduce_only > 0 {
        at -= 1;
        let Some(order) = market.order(market.orders[account.index()][at]) else { continue };
        let entry = market.entry(account);
        let (covered, open) = match order.side {
            Side::Buy => (-entry.position, entry.bid_lots),
            Side::Sell => (entry.position, entry.ask_lots),
        };
        let covered = market.lots_of(covered.max(Qty::ZERO)).0;
        if order.reduce_only && open > covered {
            let order = market.cancel_order(order.id).expect("the order was just found");
            removed(market, id, &order, Gone::NothingLeftToReduce, events);
        }
    }
}

pub(super) fn cancel(
    state: &mut State,
    account: AccountId,
    id: MarketId,
    order: OrderId,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    let market = state.markets.get_mut(id.index()).ok_or(Reject::UnknownMarket)?;
    let owned = market.order(order).is_some_and(|order| order.owner == account);
    if !owned {
        return Err(Reject::UnknownOrder);
    }
    let order = market.cancel_order(order).expect("the order was just found");
    removed(market, id, &order, Gone::Cancelled, events);
    Ok(())
}

pub(super) fn cancel_all(
    state: &mut State,
    account: AccountId,
    market: Option<MarketId>,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    if market.is_some_and(|market| market.index() >= state.markets.len()) {
        return Err(Reject::UnknownMarket);
    }
    let markets = u16::try_from(state.markets.len()).expect("market ids are 16 bits");
    for id in (0..markets).map(MarketId).filter(|id| market.is_none_or(|only| only == *id)) {
        cancel_in(&mut state.markets[id.index()], id, account, Gone::Cancelled, events);
    }
    if market.is_none() {
        options::cancel_everything(state, account, Gone::Cancelled, events);
    }
    Ok(())
}

/// Cancels an account's orders in one market, oldest first.
pub(super) fn cancel_in(
    market: &mut Market,
    id: MarketId,
    account: AccountId,
    reason: Gone,
    events: &mut Vec<Event>,
) {
    let mut open = std::mem::take(&mut market.orders[account.index()]);
    for order in open.drain(..) {
        if let Some(order) = market.cancel_order(order) {
            removed(market, id, &order, reason, events);
        }
    }
    market.orders[account.index()] = open;
}

/// Takes a cancelled order out of its owner's sums.
pub(super) fn removed(
    market: &mut Market,
    id: MarketId,
    order: &Resting,
    reason: Gone,
    events: &mut Vec<Event>,
) {
    market.note_resting(order.owner, order.side, order.tick, -i128::from(order.lots.0));
    let entry = &mut market.entries[order.owner.index()];
    entry.orders -= 1;
    entry.reduce_only -= u32::from(order.reduce_only);
    let (account, client, qty) = (order.owner, order.client, market.qty(order.lots));
    events.push(Event::Removed { account, market: id, client, qty, reason });
}
