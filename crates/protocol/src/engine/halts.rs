//! Phases of the markets (rules A-5 … A-7): what changes when a block opens.
//!
//! A market has no phase but Open before its first index has lasted. An index counts as fresh if it
//! serves the mark, at a settlement if it serves that.

use super::orders::{cancel_in, removed};
use super::permits::reference;
use super::settlement::settle;
use super::{auctions, expiry, outflow};
use crate::book::{Book, Resting};
use crate::event::{Event, Gone};
use crate::halt::{
    Action, Breach, Directive, Inputs, Orders, Permit, Phase, Source, Status, Transition, next,
};
use crate::ids::{AccountId, AssetId, MarketId};
use crate::ladder;
use crate::market::Market;
use crate::reject::Reject;
use crate::state::State;

/// Notes an order of governance on a market, for the next block (rules ).
pub(super) fn direct(
    state: &mut State,
    market: MarketId,
    directive: Directive,
) -> Result<(), Reject> {
    let market = state.markets.get_mut(market.index()).ok_or(Reject::UnknownMarket)?;
    market.halts.directive = Some(directive);
    Ok(())
}

/// The phase of every market in this block, after index and mark.
pub(super) fn open(state: &mut State, events: &mut Vec<Event>) {
    let stale = stale_collateral(state);
    for id in (0..state.markets.len()).zip(0u16..).map(|(_, id)| MarketId(id)) {
        if expiry::expire(state, id, events) {
            continue;
        }
        let base = state.markets[id.index()].params.base;
        let directive = state.markets[id.index()].halts.directive.take();
        if state.index_twap(base).is_none() {
            state.markets[id.index()].halts.status = Status::open(state.time);
            continue;
        }
        let market = &state.markets[id.index()];
        let settling = matches!(market.halts.status.phase(), Phase::Delisting { .. });
        let asked = if settling { ladder::Action::Settle } else { ladder::Action::Mark };
        let triggers = &state.params.rules.halt.triggers;
        let broken = market.halts.monitor.breach(reference(state, id), triggers);
        let own = usize::from(is_stale(state, base));
        let inputs = Inputs {
            now: state.time,
            index: state.serving(asked, base).map(|index| index.price),
            others_fresh: stale <= own,
            breach: broken.map(|trigger| Breach { trigger, source: Source::Mark }),
            directive,
        };
        let (status, change) = next(market.halts.status, &inputs, &state.params.rules.halt);
        state.markets[id.index()].halts.status = status;
        if let Some(change) = change {
            begin(state, id, &change, events);
        }
        observe(state, id);
    }
}

/// How many indices of collateral are stale.
fn stale_collateral(state: &State) -> usize {
    state.base_assets().filter(|asset| is_stale(state, *asset)).count()
}

/// Whether an index that there was is stale, and its markets are not on their way out.
fn is_stale(state: &State, asset: AssetId) -> bool {
    state.oracle.index(asset).price.is_positive()
        && state.serving(ladder::Action::Mark, asset).is_none()
        && !is_leaving(state, asset)
}

/// Whether the markets of an asset are on their way out: all are settled, or one that does not
/// expire will be.
fn is_leaving(state: &State, asset: AssetId) -> bool {
    let here = || state.markets.iter().filter(|market| market.params.base == asset);
    let leaves = |market: &Market| {
        let phase = market.halts.status.phase();
        market.future().is_none()
            && matches!(phase, Phase::Delisting { .. } | Phase::Settled { .. })
    };
    here().any(leaves) || here().next().is_some() && here().all(Market::is_settled)
}

fn observe(state: &mut State, id: MarketId) {
    let price = reference(state, id);
    let halts = &mut state.markets[id.index()].halts;
    if halts.status.permits(Action::Take) != Permit::No {
        halts.monitor.observe(state.time, price, &state.params.rules.halt.triggers);
    }
}

/// What the beginning of a phase does to the orders, and to the positions at the end of a market.
fn begin(state: &mut State, id: MarketId, change: &Transition, events: &mut Vec<Event>) {
    match change.orders {
        Orders::Keep => {}
        Orders::Clear => {
            let cleared = auctions::hold(state, id, events);
            let price = cleared.unwrap_or_else(|| reference(state, id));
            state.markets[id.index()].halts.monitor.restart(state.time, price);
        }
        Orders::Reducing => cancel_growing(state, id, events),
        Orders::CancelAll => {
            for account in (0..state.accounts).map(AccountId) {
                cancel_in(&mut state.markets[id.index()], id, account, Gone::Halted, events);
            }
        }
    }
    if matches!(change.to, Phase::Restarting { .. }) {
        outflow::shut(state, events); // rule B-5
    }
    events.push(Event::Phase { market: id, from: change.from, to: change.to });
    if let Phase::Settled { price } = change.to {
        settle(state, id, (price, state.markets[id.index()].halts.status.averaged()), events);
    }
}

/// Cancels every order that is not reduce-only.
fn cancel_growing(state: &mut State, id: MarketId, events: &mut Vec<Event>) {
    let market = &mut state.markets[id.index()];
    let waiting: Vec<Resting> = market.collected.orders().collect();
    for order in market.book.orders().into_iter().chain(waiting) {
        if !order.reduce_only
            && let Some(order) = market.cancel_order(order.id)
        {
            removed(market, id, &order, Gone::Halted, events);
        }
    }
}
