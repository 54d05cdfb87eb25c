//! When and how much may leave (rules B-4 to B-6).

use money::{Amount, Round};

use crate::event::Event;
use crate::flow::{Flow, is_insolvent, withdrawal_requirement};
use crate::ids::{AccountId, AssetId};
use crate::reject::Reject;
use crate::state::State;

/// Rules B-4 and B-5 for a withdrawal; what the asset's flow is after it.
pub(super) fn check_outflow(
    state: &State,
    account: AccountId,
    asset: AssetId,
    amount: Amount,
) -> Result<Flow, Reject> {
    if !state.outflow.gate.is_open(state.height) {
        return Err(Reject::WithdrawalsShut);
    }
    check_limits(state, account, asset, amount)
}

/// Rule B-4 alone.
pub(super) fn check_limits(
    state: &State,
    account: AccountId,
    asset: AssetId,
    amount: Amount,
) -> Result<Flow, Reject> {
    let (owner, total) = (state.owners.owner(account), state.inside(asset));
    let limits = state.outflow_limits(asset);
    let flow = state.outflow.check((owner, asset), amount, (state.time, total), &limits);
    flow.map_err(|_| Reject::OutflowLimit)
}

/// Notes what a deposit brought, after it was booked.
pub(super) fn note_deposit(
    state: &mut State,
    account: Option<AccountId>,
    asset: AssetId,
    amount: Amount,
) {
    let before = state.inside(asset) - amount;
    let owner = account.map(|account| state.owners.owner(account));
    state.outflow.deposited(owner, asset, amount, (state.time, before));
}

/// Rule B-6: what an exposed account with this initial requirement keeps when it withdraws.
pub(super) fn requirement(state: &State, account: AccountId, initial: Amount) -> Amount {
    let gross: Amount = state
        .perpetuals()
        .map(|(market, _)| {
            let qty = market.entry(account).position.abs();
            market.perpetual.mark.price.notional(qty, Round::Up)
        })
        .sum();
    withdrawal_requirement(initial, gross, state.params.rules.flow.withdrawal_share)
        .expect("a share of at most one")
}

/// Rule B-5 at the close of a block: shuts withdrawals while more is owed than can be paid. Only
/// accounts that the next block looks at can owe anything (invariant I-9).
pub(super) fn shut_if_insolvent(state: &mut State, events: &mut Vec<Event>) {
    if is_insolvent(state.deficits(), state.ledger.insurance()) {
        state.outflow.insolvent.get_or_insert(state.time);
        shut(state, events);
    } else {
        state.outflow.insolvent = None;
    }
}

/// Shuts withdrawals for the blocks of rule B-5, this one included.
pub(super) fn shut(state: &mut State, events: &mut Vec<Event>) {
    let blocks = state.params.rules.flow.gate_blocks;
    let was_open = state.outflow.gate.is_open(state.height);
    state.outflow.gate = state.outflow.gate.closed(state.height, blocks);
    if was_open && blocks > 0 {
        events.push(Event::WithdrawalsShut { blocks });
    }
}
