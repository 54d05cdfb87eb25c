//! The end of a batch (rules T-13 to T-15): what was collected and what rests trade at one tick.
//!
//! Rule T-14: what the order of arrival inside a batch decides is nothing but which handle an order
//! gets. Entrants stand by batch, post-only before others, account and client's number; the lots at
//! the tick go to older batches first and pro rata inside one; the fee of an order depends on
//! whether it was there before or post-only, and not on whom it meets.
//!
//! Always holds: all trades of a batch have one price, nobody trades beyond a limit, and Σ fees of
//! a trade is not negative: only two aggressors, or one and a passive order, or two passive ones
//! without a rebate.

use money::Rate;

use super::auctions::{self, Entrant, drop_immediate, drop_unsound, entrants};
use super::permits::{is_trading, reference, suspend, trades_now};
use super::plans;
use crate::auction::{Allocation, Order, clear};
use crate::event::{Event, Gone};
use crate::ids::{MarketId, Side};
use crate::ladder::Action;
use crate::market::Market;
use crate::params::MarketParams;
use crate::state::State;

/// Holds the auction of every market whose batch ends with this block.
pub(super) fn close(state: &mut State, events: &mut Vec<Event>) {
    for id in (0..state.markets.len()).zip(0u16..).map(|(_, id)| MarketId(id)) {
        let market = &state.markets[id.index()];
        let waits = market.params.rules.matching.is_batch() && !market.collected.is_empty();
        if !waits || !trades_now(state, id) {
            continue;
        }
        if is_trading(market) && state.serving(Action::Trade, market.params.base).is_some() {
            hold(state, id, events);
        } else {
            drop_immediate(state, id, Gone::Suspended, events);
        }
    }
    plans::note_slices(state, events);
}

fn hold(state: &mut State, id: MarketId, events: &mut Vec<Event>) {
    drop_unsound(state, id, events);
    let list = in_order(&state.markets[id.index()]);
    // Accounts of one owner are one (rule B-7).
    let orders: Vec<Order> =
        list.iter().map(|entrant| entrant.order(state.owner(entrant.order.owner))).collect();
    let market = &state.markets[id.index()];
    let near = market.tick_within(reference(state, id), Side::Buy);
    let clearing = clear(&orders, near, Allocation::ProRata);
    let triggers = &state.params.rules.halt.triggers;
    let price = clearing.tick.map(|tick| market.price(tick));
    let broken = price.and_then(|price| market.halts.monitor.breach(price, triggers));
    if let Some(trigger) = broken
        && suspend(state, id, trigger, events)
    {
        drop_immediate(state, id, Gone::Suspended, events);
        return;
    }
    for slice in &mut state.scratch.slices {
        if let Some(at) = list.iter().position(|entrant| entrant.order.id == slice.order) {
            slice.filled = clearing.filled[at];
        }
    }
    auctions::execute(state, id, (&list, &clearing), rates, events);
}

/// What can trade, by batch, passive orders first, then by account, client's number and handle.
fn in_order(market: &Market) -> Vec<Entrant> {
    let [bid, ask] = [Side::Buy, Side::Sell].map(|side| market.best(side));
    let mut list = entrants(market);
    list.retain(|Entrant { order, .. }| match order.side {
        Side::Buy => ask.is_some_and(|ask| order.tick >= ask),
        Side::Sell => bid.is_some_and(|bid| order.tick <= bid),
    });
    list.sort_unstable_by_key(|Entrant { order, batch, passive }| {
        (*batch, !passive, order.owner, order.client, order.id)
    });
    list
}

/// Rule T-14: the aggressors pay as takers, whomever they meet; two passive orders get no rebate.
fn rates(params: &MarketParams, taker: &Entrant, maker: &Entrant) -> [Rate; 2] {
    let passive = params.fee_maker.max(Rate::ZERO);
    match (taker.passive, maker.passive) {
        (false, false) => [params.fee_taker; 2],
        (false, true) => [params.fee_taker, params.fee_maker],
        (true, false) => [params.fee_maker, params.fee_taker],
        (true, true) => [passive; 2],
    }
}
