//! Options in the life of a block (section K): what its open phase does with them.
//!
//! Settlement windows, the surface, what has expired, what is listed; then every series is valued
//! once, and by that the block trades and is margined.

mod surface;
mod listing;
mod orders;
mod expiry;

use money::Span;

use crate::event::Event;
use crate::ids::ChainId;
use crate::state::State;
pub(super) use orders::{
    cancel, cancel_all, cancel_everything, check_limit, place, trim_reduce_only,
};
pub(super) use surface::publish;

/// The options of every asset, after its index was formed. All are valued before any is settled:
/// what an account owes depends on the marks of all that it has.
pub(super) fn open(state: &mut State, elapsed: Span, events: &mut Vec<Event>) {
    for id in ids(state) {
        expiry::observe(state, id, elapsed);
        surface::accept(state, id, events);
        refresh(state, id);
    }
    for id in ids(state) {
        let settled = expiry::settle_due(state, id, events);
        let listed = listing::list(state, id, events);
        if settled || listed {
            refresh(state, id);
        }
    }
}

fn ids(state: &State) -> impl Iterator<Item = ChainId> + use<> {
    (0..state.chains.len()).zip(0u16..).map(|(_, id)| ChainId(id))
}

/// Values the series of an asset at its index.
fn refresh(state: &mut State, id: ChainId) {
    let index = state.oracle.index(state.chains[id.index()].base()).price;
    let now = state.time;
    state.chains[id.index()].refresh(index, now);
}
