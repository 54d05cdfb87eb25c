//! The end of a dated future (rules ): its fair price in each block, the end of trading,
//! and its settlement.
//!
//! Always holds: from the first block at or after expiry no order of the market rests, waits for an
//! auction or is planned; the market is settled once, and no later than its longest wait.

use money::{Span, Time};

use super::orders::cancel_in;
use super::plans::drop_plans;
use super::settlement::settle;
use crate::event::{Event, Gone};
use crate::halt::{Phase, Transition};
use crate::ids::{AccountId, MarketId};
use crate::ladder::Action;
use crate::state::State;

/// The part of the settlement window that this block saw, and the fair price, of every future that
/// is not settled.
pub(super) fn observe(state: &mut State, elapsed: Span) {
    let now = state.time;
    let last = Time::from_nanos(now.nanos() - elapsed.nanos());
    // A longer block is an outage (rule A-6), of which nobody knows what the index was.
    let seen = elapsed <= state.params.rules.halt.outage_min;
    for id in (0..state.markets.len()).zip(0u16..).map(|(_, id)| MarketId(id)) {
        let market = &state.markets[id.index()];
        let Some(future) = market.future().copied() else { continue };
        if market.is_settled() {
            continue;
        }
        let base = market.params.base;
        let serving = state.serving(Action::Settle, base).filter(|_| seen);
        let index = state.oracle.index(base).price;
        let market = &mut state.markets[id.index()];
        let carry = market.params.rules.carry_8h;
        let dated = &mut market.perpetual.dated;
        dated.observe(serving.map(|index| index.price), [last, now], &future);
        dated.refresh(index, now, (&future, carry));
    }
}

/// Whether a market's trading is over, which this block may begin; settles it when its price is
/// there.
pub(super) fn expire(state: &mut State, id: MarketId, events: &mut Vec<Event>) -> bool {
    let market = &state.markets[id.index()];
    let Some(future) = market.future().copied().filter(|_| market.is_over(state.time)) else {
        return false;
    };
    if market.is_settled() {
        return true;
    }
    if !matches!(market.halts.status.phase(), Phase::Expired { .. }) {
        enter(state, id, Phase::Expired { since: state.time }, events);
        for account in (0..state.accounts).map(AccountId) {
            cancel_in(&mut state.markets[id.index()], id, account, Gone::Halted, events);
        }
        drop_plans(state, id, events);
    }
    let market = &state.markets[id.index()];
    let index = state.oracle.index(market.params.base).price;
    let dated = market.perpetual.dated;
    if let Some(price) = dated.settlement(index, state.time, &future) {
        enter(state, id, Phase::Settled { price }, events);
        settle(state, id, (price, dated.covered()), events);
    }
    true
}

fn enter(state: &mut State, id: MarketId, phase: Phase, events: &mut Vec<Event>) {
    let (status, change) = state.markets[id.index()].halts.status.ended(phase, state.time);
    state.markets[id.index()].halts.status = status;
    let Transition { from, to, .. } = change;
    events.push(Event::Phase { market: id, from, to });
}
