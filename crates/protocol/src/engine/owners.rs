//! Several accounts of one owner, and keys that trade for them (rules B-7 and B-8).

use money::{Amount, Time};

use super::accounts::{add_account, check_leaving, check_room, commit_leaving};
use super::check_account;
use crate::book::{Book, Resting};
use crate::event::Event;
use crate::ids::{AccountId, AgentId, AssetId, Side, Tick};
use crate::ledger::Holder;
use crate::market::Market;
use crate::reject::Reject;
use crate::state::State;

/// Rule B-7: another account of the same owner.
pub(super) fn open_sub_account(
    state: &mut State,
    account: AccountId,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    let accounts = state.owners.family(account).len().max(1);
    if accounts >= state.params.rules.owners.accounts_max as usize {
        return Err(Reject::TooManyAccounts);
    }
    check_room(state)?;
    let owner = state.owners.owner(account);
    let account = add_account(state, Some(owner), events);
    events.push(Event::Owned { account, owner });
    Ok(())
}

/// Rule B-7: money moves between two accounts of the sender; checked as a withdrawal is, but for
/// the limits on what leaves the exchange.
pub(super) fn transfer(
    state: &mut State,
    sender: AccountId,
    [from, to]: [AccountId; 2],
    (asset, amount): (AssetId, Amount),
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    for account in [sender, from, to] {
        check_account(state, account)?;
    }
    let owner = state.owners.owner(sender);
    if from == to || [from, to].iter().any(|account| state.owners.owner(*account) != owner) {
        return Err(Reject::NotOwner);
    }
    check_leaving(state, from, asset, amount)?;
    commit_leaving(state, from, Holder::User(to), (asset, amount), events);
    state.watch.touch(to);
    events.push(Event::Transferred { from, to, asset, amount });
    Ok(())
}

/// Rule B-7: whether an order would meet, at its limit, an order of another account of its owner.
pub(super) fn meets_family(
    state: &State,
    market: &Market,
    account: AccountId,
    (side, limit): (Side, Tick),
) -> bool {
    let mut others = state.owners.family(account).iter().filter(|other| **other != account);
    others.any(|other| meets(market, *other, (side, limit)))
}

/// Whether an order would meet, at its limit, an order of an account.
pub(super) fn meets(market: &Market, other: AccountId, (side, limit): (Side, Tick)) -> bool {
    let mut open = market.orders[other.index()].iter().filter_map(|id| market.book.order(*id));
    open.any(|order| reaches(&order, (side, limit)))
}

/// Whether an order of this side and limit would meet a resting one.
pub(super) fn reaches(resting: &Resting, (side, limit): (Side, Tick)) -> bool {
    resting.side != side
        && match side {
            Side::Buy => resting.tick <= limit,
            Side::Sell => resting.tick >= limit,
        }
}

/// Rule B-8: lets a key trade for the account until a time that is still to come.
pub(super) fn approve_agent(
    state: &mut State,
    account: AccountId,
    (agent, expires): (AgentId, Time),
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    let now = state.time;
    let most = state.params.rules.owners.agents_max as usize;
    if state.owners.agents(account, agent, now) >= most {
        return Err(Reject::TooManyAgents);
    }
    if expires <= now {
        return Err(Reject::BadTime);
    }
    state.owners.approve(account, agent, expires, now);
    events.push(Event::AgentApproved { account, agent, expires });
    Ok(())
}

/// Rule B-8: the key trades for the account no longer.
pub(super) fn revoke_agent(
    state: &mut State,
    account: AccountId,
    agent: AgentId,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    if !state.owners.revoke(account, agent) {
        return Err(Reject::NotAgent);
    }
    events.push(Event::AgentRevoked { account, agent });
    Ok(())
}

/// Rule B-8: whether an agent acts for the account.
pub(super) fn check_agent(state: &State, agent: AgentId, account: AccountId) -> Result<(), Reject> {
    check_account(state, account)?;
    if state.owners.acts(agent, account, state.time) { Ok(()) } else { Err(Reject::NotAgent) }
}
