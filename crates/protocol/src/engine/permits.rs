//! What a market's phase permits (rules ), the trade that would go too far (rule A-4),
//! and whether orders wait for the end of a batch (rules T-13 to T-15).

use money::Price;

use crate::book::{Book, Taker};
use crate::command::{Lifetime, NewOrder};
use crate::event::Event;
use crate::halt::{Action, Breach, Permit, Source, Trigger};
use crate::ids::{AccountId, MarketId, Side, Tick};
use crate::ladder;
use crate::market::Market;
use crate::reject::Reject;
use crate::state::State;

/// Whether a market collects orders for an auction, or for the end of a batch (rule T-13).
pub(super) fn collects(market: &Market) -> bool {
    let status = &market.halts.status;
    let waits = market.params.rules.matching.is_batch() || !is_trading(market);
    status.permits(Action::Place) != Permit::No && waits
}

/// Whether the market's phase permits trades.
pub(super) fn is_trading(market: &Market) -> bool {
    market.halts.status.permits(Action::Take) != Permit::No
}

/// Rule T-15: whether a market's book trades in this block.
pub(super) fn trades_now(state: &State, id: MarketId) -> bool {
    state.markets[id.index()].params.rules.matching.trades_at(state.height)
}

/// Whether an order would meet what it must not if it is post-only: any open order of the other
/// side, in a batch those of older ones (rule T-14).
pub(super) fn would_meet(market: &Market, side: Side, limit: Tick) -> bool {
    if market.params.rules.matching.is_batch() && is_trading(market) {
        market.book.would_cross(side, limit)
    } else {
        market.would_cross(side, limit)
    }
}

/// Rule A-5 for an order; an immediate one cannot wait for an auction, but for a batch.
pub(super) fn check_place(
    state: &State,
    order: &NewOrder,
    asked: ladder::Action,
) -> Result<(), Reject> {
    let market = &state.markets[order.market.index()];
    if market.is_over(state.time) {
        return Err(Reject::Expired);
    }
    match state.permits(order.market, Action::Place) {
        Permit::No => return Err(Reject::Halted),
        Permit::Reducing if asked != ladder::Action::Trade => return Err(Reject::OnlyReducing),
        Permit::Reducing | Permit::Yes => {}
    }
    let waits = order.lifetime != Lifetime::Immediate || is_trading(market);
    if collects(market) && !(waits && market.collected.has_room()) {
        Err(Reject::Halted)
    } else {
        Ok(())
    }
}

/// Rule A-5: whoever has a position or an order in a market withdraws only if it permits that.
pub(super) fn check_withdrawal(state: &State, account: AccountId) -> Result<(), Reject> {
    let stopped = state.markets.iter().any(|market| {
        let entry = market.entry(account);
        let stake = !entry.position.is_zero() || entry.orders > 0;
        stake && market.halts.status.permits(Action::Withdraw) != Permit::Yes
    });
    if stopped { Err(Reject::Halted) } else { Ok(()) }
}

/// Rules A-4 and T-15: whether an order may trade now. One that would trade beyond a trigger stops
/// the market instead.
pub(super) fn lets_trade(
    state: &mut State,
    id: MarketId,
    order: &Taker,
    events: &mut Vec<Event>,
) -> bool {
    let market = &state.markets[id.index()];
    if !is_trading(market) || !trades_now(state, id) {
        return false;
    }
    let triggers = &state.params.rules.halt.triggers;
    let beyond = |tick: Tick| market.halts.monitor.breach(market.price(tick), triggers);
    let best = market.book.best(order.side.opposite());
    let Some(best) = best.filter(|best| accepts(order, *best)) else { return true };
    // Between two prices inside a bound there is none outside.
    let broken = beyond(best)
        .or_else(|| beyond(order.limit).and_then(|_| beyond(worst_traded(market, order, best))));
    broken.is_none_or(|trigger| !suspend(state, id, trigger, events))
}

/// Rule A-4: stops a market in which a trade would go beyond a trigger; whether there was one to
/// stop.
pub(super) fn suspend(
    state: &mut State,
    id: MarketId,
    trigger: Trigger,
    events: &mut Vec<Event>,
) -> bool {
    let breach = Breach { trigger, source: Source::Trade };
    let halts = &mut state.markets[id.index()].halts;
    let Some((status, change)) = halts.status.suspended(breach) else { return false };
    halts.status = status;
    events.push(Event::Phase { market: id, from: change.from, to: change.to });
    true
}

fn accepts(order: &Taker, tick: Tick) -> bool {
    match order.side {
        Side::Buy => tick <= order.limit,
        Side::Sell => tick >= order.limit,
    }
}

/// The furthest level that an order would reach.
fn worst_traded(market: &Market, order: &Taker, best: Tick) -> Tick {
    let (mut worst, mut left) = (best, order.lots.0);
    for (tick, lots) in market.book.levels(order.side.opposite()) {
        if left == 0 || !accepts(order, tick) {
            break;
        }
        worst = tick;
        left = left.saturating_sub(lots.0);
    }
    worst
}

/// What a market's prices are compared with: its mark, of a spot market the index.
pub(super) fn reference(state: &State, id: MarketId) -> Price {
    let market = &state.markets[id.index()];
    let mark = market.perpetual.mark.price;
    let marked = market.perpetual_params().is_some() && mark.is_positive();
    if marked { mark } else { state.oracle.index(market.params.base).price }
}
