//! The open phase: votes, indices and marks.
//!
//! Rule M-3: the mark moves once a block, before the commands, on an index that serves it. Its
//! third input is the price of the external perpetuals while that serves a mark (rule O-9).

use money::Span;

use crate::command::{Command, Vote};
use crate::event::Event;
use crate::ids::{MarketId, PublisherId};
use crate::ladder::Action;
use crate::mark::Decay;
use crate::reject::Reject;
use crate::state::State;

/// Rule O-1: a vote on an index, or on the price of the external perpetuals.
pub(super) fn publisher_command(
    state: &mut State,
    publisher: PublisherId,
    command: &Command,
) -> Result<(), Reject> {
    let (vote, external) = command.vote().ok_or(Reject::NotAllowed)?;
    check_names(state, publisher, vote)?;
    let oracle = if external { &mut state.external.oracle } else { &mut state.oracle };
    oracle.check_vote(publisher, vote, state.time, &state.params.oracle)?;
    oracle.commit_vote(publisher, *vote);
    Ok(())
}

fn check_names(state: &State, publisher: PublisherId, vote: &Vote) -> Result<(), Reject> {
    if vote.asset.0 == 0 || vote.asset.index() >= state.params.assets.len() {
        return Err(Reject::UnknownAsset);
    }
    if publisher.index() >= state.params.oracle.stakes.len() {
        return Err(Reject::UnknownPublisher);
    }
    Ok(())
}

/// Forms the prices of every asset for which votes changed.
pub(super) fn index(state: &mut State, events: &mut Vec<Event>) {
    for asset in state.base_assets() {
        if let Some(index) = state.refresh_index(asset) {
            let (price, confidence) = (index.price, index.confidence);
            events.push(Event::Indexed { asset, price, confidence });
        }
        state.refresh_external(asset);
    }
}

/// The marks of all markets whose index serves them.
pub(super) fn mark(state: &mut State, elapsed: Span) {
    let decay = Decay::over(elapsed);
    for id in (0..state.markets.len()).zip(0u16..).map(|(_, id)| MarketId(id)) {
        let market = &state.markets[id.index()];
        let Some(band) = market.perpetual_params().map(|params| params.mark_band) else {
            continue;
        };
        if state.serving(Action::Mark, market.params.base).is_none() {
            continue;
        }
        let quotes = state.quotes(id);
        let about = state.fair(market);
        let mut mark = market.perpetual.mark.next(about, quotes, elapsed, decay, band);
        if let Some(future) = market.future() {
            mark.price = market.perpetual.dated.mark(mark.price, state.time, future);
        }
        state.markets[id.index()].perpetual.mark = mark;
    }
}
