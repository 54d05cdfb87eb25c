//! The end of a block: funding (F-8) and aged depth (D-1) of each market, feedback (R-10 … R-12),
//! then, if time has passed, the margin of the accounts that are due, the backstop and the
//! gate of withdrawals; last the convergence ledger.

use money::{Amount, Span};

use super::accounts::is_exposed;
use super::orders::cancel_in;
use super::{backstop, convergence, feedback, liquidation, outflow};
use crate::event::{Event, Gone};
use crate::funding::Observation;
use crate::halt::{self, Permit};
use crate::ids::{AccountId, MarketId, Side};
use crate::ladder::Action;
use crate::market::Market;
use crate::params::PerpetualParams;
use crate::premium::{one_sided, symmetric};
use crate::state::{Change, Level, State};
use crate::watch::{Distance, ROUNDINGS};

/// Units of an amount in one of its wholes.
const SCALE: i128 = Amount::ONE.raw();

pub(super) fn close(state: &mut State, elapsed: Span, events: &mut Vec<Event>) {
    let now = state.time;
    for (at, id) in (0..state.markets.len()).zip(0u16..) {
        let index = state.serving(Action::Fund, state.markets[at].params.base);
        let shown = state.fair(&state.markets[at]);
        let market = &mut state.markets[at];
        let permitted = market.halts.status.permits(halt::Action::Fund) == Permit::Yes;
        let index = index.filter(|_| permitted);
        let Some(params) = market.perpetual_params().copied() else { continue };
        if shown.is_positive() {
            market.age_depth(shown, elapsed);
        }
        // Rule F-8: without an index that serves funding none accrues, and the time without it is
        // not charged.
        let Some(index) = index else {
            market.perpetual.funding.pause();
            continue;
        };
        let seen = observe(market, &params, now, index.price);
        let funding = &mut market.perpetual.funding;
        funding.limit(now, state.params.oracle.index_age_max);
        if let Some(accrual) = funding.accrue(&params.funding, &seen) {
            let (premium, rate) = (accrual.premium, accrual.rate);
            events.push(Event::Funded {
                market: MarketId(id),
                premium,
                rate,
                index: funding.index,
            });
        }
    }
    feedback::feed_back(state, elapsed);
    // Prices may also move in a block whose time did not.
    state.watch.travel(&state.oracle, &state.markets, state.params.assets.len());
    if elapsed > Span::ZERO {
        margin(state, events);
        backstop::close(state, events);
        outflow::shut_if_insolvent(state, events);
    }
    convergence::observe(state, events);
}

/// Rules L-3, R-5 and R-17: liquidates every account under maintenance, and cancels the orders of
/// one that their fills would bring there, in the order of account numbers, each at most once a
/// block.
fn margin(state: &mut State, events: &mut Vec<Event>) {
    let mut again = std::mem::take(&mut state.scratch.again);
    state.scratch.taken.clear();
    let mut last = None;
    while let Some(account) = state.watch.next() {
        if Some(account) <= last {
            again.push(account);
            continue;
        }
        last = Some(account);
        if !is_exposed(state, account) {
            state.watch.rest(account, None);
        } else if let Some(distance) = soundness(state, account) {
            state.watch.rest(account, Some(distance));
        } else {
            if state.health(account, Level::Maintenance).is_sound() {
                cancel_unborne(state, account, events);
            } else {
                liquidation::liquidate(state, account, events);
            }
            again.push(account);
        }
    }
    again.sort_unstable();
    again.dedup();
    // Nobody else has negative equity: it is below every requirement.
    let owed = again.iter().map(|account| (-state.equity(*account)).max(Amount::ZERO));
    state.budgets.deficits = owed.sum();
    state.mark_unbacked(&again);
    again.drain(..).for_each(|account| state.watch.touch(account));
    state.scratch.again = again;
}

/// Rule R-17: orders that an account cannot bear any more are cancelled.
fn cancel_unborne(state: &mut State, account: AccountId, events: &mut Vec<Event>) {
    for (market, id) in state.markets.iter_mut().zip(0u16..) {
        cancel_in(market, MarketId(id), account, Gone::Liquidation, events);
    }
}

/// How far a sound account is from its maintenance margin with its orders filled, less what its
/// terms may round until it is looked at again; `None` for one that is not sound.
fn soundness(state: &State, account: AccountId) -> Option<Distance> {
    let bound = state.distance(account);
    if let Some(distance) = bound.filter(|distance| distance.surplus > 0) {
        return Some(distance);
    }
    let health = state.health_after(account, Level::Maintenance, Change::Orders);
    health.is_sound().then(|| Distance {
        surplus: (health.equity - health.requirement).raw().saturating_mul(SCALE) - ROUNDINGS,
        exposure: bound.map_or(i128::MAX, |distance| distance.exposure),
    })
}

fn observe(
    market: &Market,
    params: &PerpetualParams,
    now: money::Time,
    index: money::Price,
) -> Observation {
    let bid = market.impact(Side::Buy, params.impact_notional);
    let ask = market.impact(Side::Sell, params.impact_notional);
    Observation {
        now,
        index,
        symmetric: symmetric(bid, ask, index, market.perpetual.mark.mid_average.value()),
        one_sided: one_sided(bid, ask, index),
    }
}
