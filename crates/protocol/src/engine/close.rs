//! The end of a block: funding (F-8) and aged depth (D-1) of each market, feedback (R-10 … R-12),
//! then, if time has passed, the margin of the accounts that are due, the backstop and the
//! gate of withdrawals; last the convergence ledger.

use money::{Amount, Span};

use super::accounts::is_exposed;
use super::orders::cancel_in;
use super::{backstop, book_auctions, convergence, feedback, liquidation, options, outflow};
use crate::event::{Event, Gone};
use crate::funding::Observation;
use crate::halt::{self, Permit};
use crate::ids::{AccountId, MarketId, Side};
use crate::ladder::Action;
use crate::margin::Health;
use crate::market::Market;
use crate::params::PerpetualParams;
use crate::premium::{one_sided, symmetric};
use crate::state::{Change, Level, State};
use crate::watch::{Distance, ROUNDINGS};

/// So few accounts are asked one by one.
const FEW: usize = 32;
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
    // No bound of rule R-5 knows how far options are from their margin.
    for account in state.chains.iter().flat_map(|chain| &chain.holders) {
        state.watch.touch(*account);
    }
    // Prices may also move in a block whose time did not.
    state.watch.travel(&state.oracle, &state.markets, state.params.assets.len());
    if elapsed > Span::ZERO {
        margin(state, elapsed, events);
        backstop::close(state, events);
        outflow::shut_if_insolvent(state, events);
    }
    book_auctions::end(state, events);
    convergence::observe(state, events);
}

/// Rules L-3, R-5 and R-17: liquidates every account under maintenance, and cancels the orders of
/// one that their fills would bring there, in the order of account numbers, each at most once a
/// block. Before them the auctions that run (L-22).
fn margin(state: &mut State, elapsed: Span, events: &mut Vec<Event>) {
    rest_by_sweep(state);
    book_auctions::run(state, elapsed, events);
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
            continue;
        }
        match soundness(state, account) {
            Soundness::Sound(distance) => state.watch.rest(account, Some(distance)),
            Soundness::Unborne => {
                cancel_unborne(state, account, events);
                again.push(account);
            }
            Soundness::Unsound(health) => {
                liquidation::liquidate(state, account, health, events);
                again.push(account);
            }
        }
    }
    again.sort_unstable();
    again.dedup();
    again.iter().for_each(|account| state.watch.touch(*account));
    // Nobody else has negative equity: it is below every requirement.
    state.budgets.deficits = Amount::ZERO;
    again.retain(|account| {
        let equity = state.equity(*account);
        state.budgets.deficits -= equity.min(Amount::ZERO);
        equity.is_negative()
    });
    state.mark_unbacked(&again);
    again.clear();
    state.scratch.again = again;
}

/// Rule R-17: orders that an account cannot bear any more are cancelled.
fn cancel_unborne(state: &mut State, account: AccountId, events: &mut Vec<Event>) {
    for (market, id) in state.markets.iter_mut().zip(0u16..) {
        cancel_in(market, MarketId(id), account, Gone::Liquidation, events);
    }
    options::cancel_everything(state, account, Gone::Liquidation, events);
}

/// Where many accounts are due, the sweep knows most of them to be sound; nothing has changed an
/// account yet, and whoever is touched later is looked at in turn.
fn rest_by_sweep(state: &mut State) {
    if state.watch.waiting() > state.accounts as usize / 4 + FEW {
        let distances = state.distances();
        state.watch.rest_known(|account| distances[account.index()]);
    }
}

/// What a look at an account finds.
enum Soundness {
    /// How far it is from its maintenance margin with its orders filled, less what its terms may
    /// round until it is looked at again.
    Sound(Distance),
    /// Sound, but not if its orders fill (rule R-17).
    Unborne,
    /// Under maintenance margin.
    Unsound(Health),
}

fn soundness(state: &State, account: AccountId) -> Soundness {
    let bound = state.distance(account);
    if let Some(distance) = bound.filter(|distance| distance.surplus > 0) {
        return Soundness::Sound(distance);
    }
    let filled = state.health_after(account, Level::Maintenance, Change::Orders);
    if filled.is_sound() {
        let surplus = (filled.equity - filled.requirement).raw().saturating_mul(SCALE);
        let exposure = bound.map_or(i128::MAX, |distance| distance.exposure);
        return Soundness::Sound(Distance { surplus: surplus - ROUNDINGS, exposure });
    }
    // Without orders both are the same.
    let ordered = state.markets.iter().any(|market| market.entry(account).orders > 0)
        || state.orders_options(account);
    let health = if ordered { state.health(account, Level::Maintenance) } else { filled };
    if health.is_sound() { Soundness::Unborne } else { Soundness::Unsound(health) }
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
