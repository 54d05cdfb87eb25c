//! Surfaces that publishers send, and the one in force (rules V-1 to V-4).

use money::Time;

use crate::command::SurfaceVote;
use crate::event::{Event, OptionEvent};
use crate::ids::{ChainId, PublisherId};
use crate::option::Chain;
use crate::reject::Reject;
use crate::state::State;
use crate::surface::{self, Fault, Step, Vote};

/// Rules V-1 and V-2: keeps a publisher's surface.
pub(in crate::engine) fn publish(
    state: &mut State,
    publisher: PublisherId,
    wish: &SurfaceVote,
) -> Result<(), Reject> {
    if publisher.index() >= state.params.oracle.stakes.len() {
        return Err(Reject::UnknownPublisher);
    }
    let now = state.time;
    let chain = state.chains.get_mut(wish.chain.index()).ok_or(Reject::UnknownChain)?;
    let last = chain.votes[publisher.index()].as_ref();
    if last.is_some_and(|last| wish.vote.source_time <= last.source_time) {
        return Err(Reject::BadVote);
    }
    surface::check(&wish.vote, &expected(chain, now), now, &chain.params).map_err(reason)?;
    chain.votes[publisher.index()] = Some(wish.vote.clone());
    Ok(())
}

/// The expiries that a surface must have: those listed that are still to come.
fn expected(chain: &Chain, now: Time) -> Vec<Time> {
    chain.expiries.iter().map(|expiry| expiry.time).filter(|time| *time > now).collect()
}

fn reason(fault: Fault) -> Reject {
    match fault {
        Fault::Time => Reject::BadVote,
        Fault::Length | Fault::Order(_) => Reject::BadSurface,
        Fault::Missing(_) => Reject::MissingExpiry,
        Fault::Range(_) | Fault::Volatility(_) => Reject::SurfaceRange,
        Fault::Butterfly(_) => Reject::Butterfly,
        Fault::Calendar(_) => Reject::Calendar,
    }
}

/// Rules V-3 and V-4: the surface in force, from the votes that are fresh.
pub(super) fn accept(state: &mut State, id: ChainId, events: &mut Vec<Event>) {
    let now = state.time;
    let stakes = &state.params.oracle.stakes;
    let chain = &mut state.chains[id.index()];
    let expected = expected(chain, now);
    if expected.is_empty() {
        return;
    }
    let votes: Vec<(Option<&Vote>, u64)> =
        chain.votes.iter().map(Option::as_ref).zip(stakes.iter().copied()).collect();
    let Some(chosen) = surface::choose(&votes, &expected, now, &chain.params) else {
        chain.surface.pass();
        return;
    };
    let choice = votes[chosen].0.expect("what is chosen is a vote");
    match chain.surface.consider(choice, &expected, &chain.params.surface) {
        Step::Same | Step::Held(_) => {}
        Step::Accepted => {
            let publisher = u16::try_from(chosen).expect("at most 1000 publishers");
            events.push(Event::Option(OptionEvent::SurfaceAccepted {
                chain: id,
                publisher: PublisherId(publisher),
                source_time: chain.surface.source_time(),
            }));
        }
    }
}
