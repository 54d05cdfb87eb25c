//! The end of a block: funding, then margin of every account that carries risk.

use money::{Amount, Span};

use super::liquidation;
use crate::event::Event;
use crate::funding::Observation;
use crate::ids::{AccountId, MarketId, Side};
use crate::market::Market;
use crate::params::PerpetualParams;
use crate::premium::{one_sided, symmetric};
use crate::state::{Level, State};

pub(super) fn close(state: &mut State, elapsed: Span, events: &mut Vec<Event>) {
    let now = state.time;
    for (market, id) in state.markets.iter_mut().zip(0u16..) {
        let Some(params) = market.perpetual_params().copied() else { continue };
        let index = state.oracle.index(market.params.base);
        // Rule F-8: without a fresh index no funding accrues, and the time without it is not
        // charged.
        if !index.is_fresh(now, &state.params.oracle) {
            market.perpetual.funding.pause();
            continue;
        }
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
    if elapsed > Span::ZERO {
        for account in (0..state.accounts).map(AccountId) {
            if carries_risk(state, account)
                && !state.is_clearly_sound(account)
                && !state.health(account, Level::Maintenance).is_sound()
            {
                liquidation::liquidate(state, account, events);
            }
        }
    }
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

/// Whether an account has a position or owes cash.
fn carries_risk(state: &State, account: AccountId) -> bool {
    state.ledger.cash(account) < Amount::ZERO
        || state.perpetuals().any(|(market, _)| !market.entry(account).position.is_zero())
}
