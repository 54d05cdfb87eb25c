//! Paying deficits from insurance (rules L-14, L-15).
//!
//! Rule L-14: liquidation fees of a market go to the market's own fund. A deficit of a market is
//! paid by its own fund first, then by the common fund as far as the day's budget of the market
//! allows (L-15). A fund never falls below zero.

use money::Amount;

use crate::event::Event;
use crate::ids::{AccountId, MarketId, QUOTE};
use crate::ledger::Holder;
use crate::state::State;

/// Pays a deficit that arose in a market, or one of an account without any position; returns what
/// is left of it.
pub(super) fn pay(
    state: &mut State,
    account: AccountId,
    market: Option<MarketId>,
    deficit: Amount,
    events: &mut Vec<Event>,
) -> Amount {
    let own = match market {
        Some(id) => draw(state, account, Holder::MarketInsurance(id), deficit),
        None => Amount::ZERO,
    };
    let at = market.map_or(state.markets.len(), MarketId::index);
    let budget = state.insurance_left(at);
    let common = draw(state, account, Holder::Insurance, (deficit - own).min(budget));
    state.budgets.insurance[at].add(state.time, common);
    let amount = own + common;
    if amount.is_positive() {
        events.push(Event::InsurancePaid { account, amount });
    }
    deficit - amount
}

/// Pays a bidder for an account without equity (rule L-22), as far as the common fund may.
pub(super) fn reward(state: &mut State, bidder: AccountId, amount: Amount) {
    let at = state.markets.len();
    let paid = draw(state, bidder, Holder::Insurance, amount.min(state.insurance_left(at)));
    state.budgets.insurance[at].add(state.time, paid);
}

/// Pays an account from a fund, as far as it goes.
fn draw(state: &mut State, account: AccountId, fund: Holder, wanted: Amount) -> Amount {
    let amount = wanted.min(state.ledger.balance(fund, QUOTE)).max(Amount::ZERO);
    state.ledger.transfer(fund, Holder::User(account), QUOTE, amount);
    amount
}
