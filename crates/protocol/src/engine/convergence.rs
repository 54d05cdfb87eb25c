//! The convergence ledger of each perpetual market, kept at the close of a block (rules C-1 to
//! C-4).
//!
//! Always holds: it reads prices and writes its own tallies; no balance, order or mark depends on
//! it.

use money::Rate;

use crate::convergence::fair::fair_basis;
use crate::convergence::{Deviation, Notice, Verdict};
use crate::event::Event;
use crate::ids::MarketId;
use crate::ladder::Action;
use crate::state::State;

/// Takes the deviation of every perpetual market at the close of a block: none where the index does
/// not serve the mark (rule M-3).
pub(super) fn observe(state: &mut State, events: &mut Vec<Event>) {
    let now = state.time;
    for id in 0..u16::try_from(state.markets.len()).expect("market ids are 16 bits") {
        let market = &state.markets[usize::from(id)];
        let Some(params) = market.perpetual_params() else { continue };
        let index = state.serving(Action::Mark, market.params.base);
        // Where the rule cannot charge the carry no basis is fair, and the index itself is meant.
        let fair = fair_basis(&params.funding, market.params.rules.carry_8h).unwrap_or(Rate::ZERO);
        let mark = market.perpetual.mark.price;
        // A dated future is promised near its fair price (rule X-2), and nothing once it expired.
        let about = state.fair(market);
        let index = index.filter(|_| !market.is_over(now));
        let deviation = index.and_then(|_| Deviation::of(mark, about, fair));
        let target = market.params.rules.target;
        let market = &mut state.markets[usize::from(id)];
        let notices = market.perpetual.convergence.observe(deviation, now, &target);
        events.extend(notices.into_iter().map(|notice| told(MarketId(id), notice)));
    }
}

fn told(market: MarketId, notice: Notice) -> Event {
    match notice {
        Notice::Window(outcome) => {
            let met = match outcome.verdict {
                Verdict::Met => Some(true),
                Verdict::Missed => Some(false),
                Verdict::Unseen => None,
            };
            let (start, observed, share) = (outcome.start, outcome.observed, outcome.share);
            Event::ConvergenceWindow { market, start, observed, share, met }
        }
        Notice::Begun(breach) => {
            Event::Breach { market, begun: true, since: breach.since, worst: breach.worst }
        }
        Notice::Ended(breach, _) => {
            Event::Breach { market, begun: false, since: breach.since, worst: breach.worst }
        }
    }
}
