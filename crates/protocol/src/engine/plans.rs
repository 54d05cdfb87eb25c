//! Orders for later: their commands, and what is due in the open phase (rules T-10 to T-12).
//!
//! What is due runs after the mark has moved and before the commands: switches, then the triggers
//! of each market, then slices; of each at most `due_max` in a block, the rest in the next. What
//! comes of it takes the ordinary path of a new order; its refusal is the event `DueRefused`, and
//! the trigger or the slice is gone.

use money::{Price, Qty, Rate, Round, Time};

use super::bounds::price_band;
use super::check_account;
use super::orders::{cancel, cancel_all, place};
use super::permits::trades_now;
use crate::command::{Lifetime, NewOrder, SelfTrade, TriggerOrder, TwapOrder};
use crate::design::QTY_MAX;
use crate::event::Event;
use crate::ids::{AccountId, Lots, MarketId, OrderId, Side};
use crate::ladder::Action;
use crate::market::Market;
use crate::oracle::PRICE_MAX;
use crate::reject::Reject;
use crate::schedule::trigger::{Execution, Waiting};
use crate::schedule::twap::{NewTwap, Slice};
use crate::schedule::{NotScheduled, worst_price};
use crate::state::{State, WaitingSlice};

/// Rule T-10: sets the account's switch, or takes it away.
pub(super) fn schedule_cancel(
    state: &mut State,
    account: AccountId,
    at: Option<Time>,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    match at {
        Some(at) => {
            state.plans.switches.check(at, state.time).map_err(reason)?;
            state.plans.switches.arm(account, at);
        }
        None => {
            state.plans.switches.disarm(account).ok_or(Reject::UnknownOrder)?;
        }
    }
    events.push(Event::SwitchSet { account, at });
    Ok(())
}

/// Rule T-11: an order spread over time; its first slice is due in the next block.
pub(super) fn place_twap(
    state: &mut State,
    account: AccountId,
    wish: &TwapOrder,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    let market = state.markets.get(wish.market.index()).ok_or(Reject::UnknownMarket)?;
    let lots = check_qty(market, wish.qty)?;
    if market.is_over(state.time) {
        return Err(Reject::Expired);
    }
    if wish.reduce_only && market.perpetual_params().is_none() {
        return Err(Reject::NothingToReduce);
    }
    let TwapOrder { market, side, duration, reduce_only, client, .. } = *wish;
    let order = NewTwap { market, side, lots, duration, reduce_only, client };
    let params = state.params.rules.twap;
    state.plans.twaps.check(account, &order, &params).map_err(reason)?;
    let number = state.plans.twaps.insert(account, order, state.time, &params);
    events.push(Event::TwapOpened { account, number, client });
    Ok(())
}

/// Gives up the rest of an order spread over time.
pub(super) fn cancel_twap(
    state: &mut State,
    account: AccountId,
    number: u64,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    let params = state.params.rules.twap;
    let twap = state.plans.twaps.cancel(account, number, &params).ok_or(Reject::UnknownOrder)?;
    // Its slice of this block may still wait for the batch.
    let mut waited = state.scratch.slices.iter().map(|waits| (waits.slice, waits.order));
    let own = waited.find(|(slice, _)| (slice.account, slice.number) == (account, number));
    if let Some((slice, order)) = own {
        // Unless it was cancelled before.
        let _gone = cancel(state, account, slice.order.market, order, events);
    }
    let filled = state.markets[twap.order.market.index()].qty(twap.filled);
    events.push(Event::TwapOver { account, number, filled });
    Ok(())
}

/// Rule T-12: an order that waits for the mark.
pub(super) fn place_trigger(
    state: &mut State,
    account: AccountId,
    wish: &TriggerOrder,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    let new = check_trigger(state, account, wish)?;
    let (id, most) = (wish.market, state.params.rules.plans.triggers_max);
    let mark = state.markets[id.index()].perpetual.mark.price;
    let triggers = &mut state.plans.triggers[id.index()];
    triggers.check(&new, mark, most).map_err(reason)?;
    let number = triggers.insert(new);
    events.push(Event::TriggerSet { account, market: id, number, client: wish.client });
    Ok(())
}

/// Rule T-12: a stop and a take-profit, of which one fires.
pub(super) fn place_pair(
    state: &mut State,
    account: AccountId,
    [stop, profit]: &[TriggerOrder; 2],
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    let new = [check_trigger(state, account, stop)?, check_trigger(state, account, profit)?];
    let (id, most) = (stop.market, state.params.rules.plans.triggers_max);
    if profit.market != id {
        return Err(Reject::NoPair);
    }
    let mark = state.markets[id.index()].perpetual.mark.price;
    let triggers = &mut state.plans.triggers[id.index()];
    triggers.check_pair(&new[0], &new[1], mark, most).map_err(reason)?;
    let numbers = triggers.insert_pair(new[0], new[1]);
    for (number, client) in [(numbers.0, stop.client), (numbers.1, profit.client)] {
        events.push(Event::TriggerSet { account, market: id, number, client });
    }
    Ok(())
}

/// Takes an order that waits back; the other of its pair waits on.
pub(super) fn cancel_trigger(
    state: &mut State,
    account: AccountId,
    (market, number): (MarketId, u64),
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    let triggers = state.plans.triggers.get_mut(market.index()).ok_or(Reject::UnknownMarket)?;
    triggers.cancel(account, number).ok_or(Reject::UnknownOrder)?;
    events.push(Event::TriggerGone { account, market, number, fired: false });
    Ok(())
}

/// Everything that is due now.
pub(super) fn run_due(state: &mut State, events: &mut Vec<Event>) {
    let most = state.params.rules.plans.due_max;
    for _ in 0..most {
        let Some(account) = state.plans.switches.pop_due(state.time) else { break };
        act_switch(state, account, events);
    }
    for id in 0..state.markets.len() {
        let id = MarketId(u16::try_from(id).expect("market ids are 16 bits"));
        run_triggers(state, id, most, events);
    }
    let params = state.params.rules.twap;
    let due = state.plans.twaps.due(state.time, &params);
    // In a batch a slice waits until the block in which it trades (rule T-15).
    let due = due.filter(|slice| trades_now(state, slice.order.market));
    let slices: Vec<Slice> = due.take(most as usize).collect();
    for slice in &slices {
        run_slice(state, slice, events);
    }
}

/// Rule X-4: nothing waits in a market whose trading is over, or is spread over time there.
pub(super) fn drop_plans(state: &mut State, id: MarketId, events: &mut Vec<Event>) {
    for account in (0..state.accounts).map(AccountId) {
        let numbers: Vec<u64> = state.plans.triggers[id.index()].numbers(account).collect();
        for number in numbers {
            cancel_trigger(state, account, (id, number), events).expect("it was just listed");
        }
        let orders = state.plans.twaps.orders(account);
        let here = orders.filter(|(_, twap)| twap.order.market == id);
        let numbers: Vec<u64> = here.map(|(number, _)| number).collect();
        for number in numbers {
            cancel_twap(state, account, number, events).expect("it was just listed");
        }
    }
}

/// Rule T-10: all resting orders go, and no slice follows; what waits only reduces and stays.
fn act_switch(state: &mut State, account: AccountId, events: &mut Vec<Event>) {
    events.push(Event::SwitchActed { account });
    cancel_all(state, account, None, events).expect("the account has set its switch");
    let numbers: Vec<u64> = state.plans.twaps.orders(account).map(|(number, _)| number).collect();
    for number in numbers {
        cancel_twap(state, account, number, events).expect("the order was just listed");
    }
}

/// Rule T-12: the mark moves, and sets something off, on a fresh index only.
fn run_triggers(state: &mut State, id: MarketId, most: u32, events: &mut Vec<Event>) {
    let market = &state.markets[id.index()];
    if state.serving(Action::Mark, market.params.base).is_none() {
        return;
    }
    let mark = market.perpetual.mark.price;
    for _ in 0..most {
        let Some((number, waiting)) = state.plans.triggers[id.index()].pop_due(mark) else { break };
        let account = waiting.account;
        events.push(Event::TriggerGone { account, market: id, number, fired: true });
        let order = fired(state, id, &waiting);
        place_due(state, account, &order, events);
    }
}

/// What an order that waited becomes: reduce-only, at most the position.
fn fired(state: &State, id: MarketId, waiting: &Waiting) -> NewOrder {
    let market = &state.markets[id.index()];
    let position = market.lots_of(market.entry(waiting.account).position);
    // One lot where there is no position, which rule T-5 then refuses.
    let lots = waiting.lots.unwrap_or(position).min(position).max(Lots(1));
    let (price, lifetime) = match waiting.execution {
        Execution::Market(slippage) => {
            (immediate_price(state, market, waiting.side, slippage), Lifetime::Immediate)
        }
        Execution::Limit(price) => (price, Lifetime::Resting),
    };
    NewOrder {
        market: id,
        side: waiting.side,
        price,
        qty: market.qty(lots),
        lifetime,
        reduce_only: true,
        self_trade: SelfTrade::CancelTaker,
        client: waiting.client,
    }
}

/// Rule T-11: one slice, perhaps of nothing.
fn run_slice(state: &mut State, slice: &Slice, events: &mut Vec<Event>) {
    let Slice { account, lots, order, .. } = *slice;
    let market = &state.markets[order.market.index()];
    let first = events.len();
    if lots.0 > 0 {
        let slippage = state.params.rules.twap.slippage;
        let wish = NewOrder {
            market: order.market,
            side: order.side,
            price: immediate_price(state, market, order.side, slippage),
            qty: market.qty(lots),
            lifetime: Lifetime::Immediate,
            reduce_only: order.reduce_only,
            self_trade: SelfTrade::CancelTaker,
            client: order.client,
        };
        place_due(state, account, &wish, events);
    }
    if let Some(order) = waiting(&events[first..]) {
        state.scratch.slices.push(WaitingSlice { slice: *slice, order, filled: Lots(0) });
        return;
    }
    let market = &state.markets[order.market.index()];
    let filled = market.lots_of(traded(&events[first..], account));
    note_slice(state, slice, filled, events);
}

/// Rule T-15: what the batch of this block has filled of the slices that waited for it.
pub(super) fn note_slices(state: &mut State, events: &mut Vec<Event>) {
    let waited = std::mem::take(&mut state.scratch.slices);
    for WaitingSlice { slice, filled, .. } in &waited {
        note_slice(state, slice, *filled, events);
    }
    state.scratch.slices = waited;
    state.scratch.slices.clear();
}

/// The handle of an order that waits for an auction, among the events of its placing.
fn waiting(events: &[Event]) -> Option<OrderId> {
    let mut order = None;
    for event in events {
        if let Event::Collected { order: id, .. } = event {
            order = Some(*id);
        }
    }
    order
}

fn note_slice(state: &mut State, slice: &Slice, filled: Lots, events: &mut Vec<Event>) {
    let Slice { account, number, order, .. } = *slice;
    let market = &state.markets[order.market.index()];
    let params = state.params.rules.twap;
    if let Some(over) = state.plans.twaps.executed(slice, state.time, filled, &params) {
        let filled = market.qty(over.filled);
        events.push(Event::TwapOver { account, number, filled });
    }
}

/// What an account took in these events, which are those of one order.
fn traded(events: &[Event], account: AccountId) -> Qty {
    let mut sum = Qty::ZERO;
    for event in events {
        if let Event::Traded { taker, qty, .. } = event
            && *taker == account
        {
            sum += *qty;
        }
    }
    sum
}

fn place_due(state: &mut State, account: AccountId, order: &NewOrder, events: &mut Vec<Event>) {
    if let Err(reason) = place(state, account, order, events) {
        let (market, client) = (order.market, order.client);
        events.push(Event::DueRefused { account, market, client, reason });
    }
}

/// The worst price of an immediate order, on a tick: `slippage` from the mark (from the index in a
/// spot market), and inside the band of rule T-3.
fn immediate_price(state: &State, market: &Market, side: Side, slippage: Rate) -> Price {
    let index = state.fair(market);
    let from = market.perpetual_params().map_or(index, |_| market.perpetual.mark.price);
    let worst = worst_price(from, side, slippage).unwrap_or(PRICE_MAX);
    let band = price_band(market);
    let price = match side {
        Side::Buy => worst.min(index.offset(band, Round::Down).unwrap_or(PRICE_MAX)),
        Side::Sell => worst.max(index.offset(-band, Round::Up).unwrap_or(worst)),
    };
    market.price(market.tick_within(price.min(PRICE_MAX), side))
}

/// An order that may wait, in the units of its market; refusals in the order of [`Reject`].
fn check_trigger(
    state: &State,
    account: AccountId,
    wish: &TriggerOrder,
) -> Result<Waiting, Reject> {
    check_account(state, account)?;
    let market = state.markets.get(wish.market.index()).ok_or(Reject::UnknownMarket)?;
    if let Execution::Limit(price) = wish.execution {
        if !price.is_positive() {
            return Err(Reject::NotPositive);
        }
        market.check_tick(price)?;
        if price > PRICE_MAX {
            return Err(Reject::Overflow);
        }
    }
    let lots = wish.qty.map(|qty| check_qty(market, qty)).transpose()?;
    if market.is_over(state.time) {
        return Err(Reject::Expired);
    }
    if state.serving(Action::Trade, market.params.base).is_none() {
        return Err(Reject::StaleIndex);
    }
    if market.perpetual_params().is_none() {
        return Err(Reject::NothingToReduce);
    }
    let TriggerOrder { side, kind, level, execution, client, .. } = *wish;
    Ok(Waiting { account, side, kind, level, lots, execution, client })
}

fn check_qty(market: &Market, qty: Qty) -> Result<Lots, Reject> {
    if !qty.is_positive() {
        return Err(Reject::NotPositive);
    }
    let lots = market.check_lots(qty)?;
    if qty > QTY_MAX { Err(Reject::Overflow) } else { Ok(lots) }
}

fn reason(why: NotScheduled) -> Reject {
    match why {
        NotScheduled::NotPositive => Reject::NotPositive,
        NotScheduled::OutOfRange => Reject::BadTime,
        NotScheduled::AlreadyMet => Reject::AlreadyMet,
        NotScheduled::NoPair => Reject::NoPair,
        NotScheduled::TooMany => Reject::TooManyPlans,
    }
}
