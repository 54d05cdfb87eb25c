//! Deviation feedback at the close of a block (rules ).
//!
//! The branching ratio takes every position as opened at the highest leverage, so that a move of
//! (initial − maintenance) liquidates all of the open interest, in the thinner side of the book:
//! n = impact(open interest)/(initial − maintenance), which is not below that of any book of
//! positions whose distances to liquidation are spread evenly.

use money::{Price, Rate, Round, Span, mul_div};

use crate::book::Book;
use crate::depth::displayed;
use crate::feedback::branching;
use crate::ids::Side;
use crate::ladder::Action;
use crate::market::Market;
use crate::params::PerpetualParams;
use crate::state::State;

/// The multipliers of every market, then the charges that follow from them, and what follows from
/// those.
pub(super) fn feed_back(state: &mut State, elapsed: Span) {
    if elapsed > Span::ZERO {
        for at in 0..state.markets.len() {
            let index = state.serving(Action::Mark, state.markets[at].params.base);
            let fair = state.fair(&state.markets[at]);
            let market = &mut state.markets[at];
            if let (Some(_), Some(params)) = (index, market.perpetual_params().copied()) {
                answer(market, &params, fair, elapsed);
            }
        }
    }
    state.refresh_averages();
    let moved = state.refresh_charges();
    state.watch.charges_moved(moved);
    state.refresh_terms();
}

/// One market's answer to its deviation.
fn answer(market: &mut Market, params: &PerpetualParams, index: Price, elapsed: Span) {
    let rules = market.params.rules.feedback;
    let feedback = market.perpetual.feedback;
    let off = market.perpetual.mark.price.raw().abs_diff(index.raw());
    let one = i128::from(Rate::ONE.raw());
    let deviation = mul_div(i128::from(off), one, i128::from(index.raw()), Round::Up);
    let deviation =
        deviation.and_then(|raw| i64::try_from(raw).ok()).map_or(Rate::MAX, Rate::from_raw);
    // Where nothing is asked for, nothing has to be limited.
    let branching =
        if feedback.is_idle(deviation, &rules) { Rate::ZERO } else { ratio(market, params, index) };
    market.perpetual.feedback = feedback.next(deviation, branching, elapsed, &rules);
}

/// The branching ratio of liquidations (rule R-11).
fn ratio(market: &Market, params: &PerpetualParams, index: Price) -> Rate {
    let depth = market.params.rules.depth;
    let side = |side| {
        let levels = market.book.levels(side);
        displayed(levels.map(|(tick, lots)| market.level(tick, lots)), side, index, &depth)
    };
    let thinner = side(Side::Buy).min(side(Side::Sell));
    let interest = index.notional(market.perpetual.open_interest, Round::Up);
    branching(interest, params.margin_initial - params.margin_maintenance, thinner, &depth)
}
