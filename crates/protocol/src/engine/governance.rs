//! Governance in a block (rules G-1 to G-10): its commands, and what it does when a block opens.
//!
//! In the open phase, before the votes of publishers: proposals whose time has come are counted and
//! executed, stake that is free is paid, policies act, and the stakes as the last block left them
//! become those that have a say. So a changed parameter holds for a whole block, marks included.
//! Whatever changed, every account is looked at again.

use money::{Amount, Time};

use super::accounts::{check_leaving, commit_leaving};
use super::check_account;
use crate::design;
use crate::envelope;
use crate::event::Event;
use crate::governance::Refusal;
use crate::governance::council::{Draft, Measure, Outcome, ProposalId};
use crate::governance::guardian::{Action, Emergency, REDUCE_ONLY};
use crate::governance::keys::Setting;
use crate::halt::Directive;
use crate::ids::{AccountId, MarketId};
use crate::ladder;
use crate::ledger::Holder;
use crate::params::Params;
use crate::reject::Reject;
use crate::state::State;

/// What every design must prove before it may follow on another (rule G-4): its ranges, and that so
/// many accounts keep every sum inside its type (rule B-2).
fn proof(params: &Params, accounts: u32) -> Result<(), String> {
    design::check(params).map_err(|error| error.0)?;
    for market in &params.markets {
        if let Some(perpetual) = market.kind.derivative()
            && !design::positions_fit(perpetual.position_max, accounts)
        {
            return Err(format!("{}: too many accounts for position_max", market.name));
        }
    }
    Ok(())
}

/// The open phase.
pub(super) fn open(state: &mut State, events: &mut Vec<Event>) {
    let (now, accounts) = (state.time, state.accounts);
    let proof = move |params: &Params| proof(params, accounts);
    let governance = &mut state.council.governance;
    let due = governance.proposals().iter().filter(|proposal| proposal.is_due(now));
    let due: Vec<(ProposalId, Measure)> =
        due.map(|proposal| (proposal.id, proposal.draft.measure.clone())).collect();
    let first = events.len();
    for outcome in governance.close_block(&mut state.params, now, &proof) {
        if let Outcome::Expired(expired, refusal) = outcome {
            let measure = due.iter().find(|(id, _)| *id == expired);
            let settings = measure.map_or(&[][..], |(_, measure)| measure.settings());
            tell_shortfall(&state.params, settings, refusal, events);
        }
        tell(outcome, events);
    }
    let released = governance.release(now);
    let (volatility, markets) = (&state.council.volatility, &state.markets);
    let annual =
        |market: MarketId| volatility[markets[market.index()].params.base.index()].annual();
    for change in governance.act(&mut state.params, now, annual, &proof) {
        events.push(Event::Changed { change });
    }
    governance.stakes_mut().open_block();
    if events[first..].iter().any(|event| matches!(event, Event::Changed { .. })) {
        state.adopt();
    }
    let asset = state.params.rules.council.asset;
    for leaving in released {
        let (account, amount) = (leaving.account, leaving.amount);
        state.ledger.transfer(Holder::Staked, Holder::User(account), asset, amount);
        state.watch.touch(account);
        events.push(Event::Staked { account, asset, amount: -amount });
    }
}

/// Samples the indices for rule G-10, after they were formed.
pub(super) fn observe(state: &mut State) {
    for asset in state.base_assets() {
        if let Some(index) = state.serving(ladder::Action::Mark, asset) {
            state.council.volatility[asset.index()].observe(state.time, index.price);
        }
    }
}

fn tell(outcome: Outcome, events: &mut Vec<Event>) {
    match outcome {
        Outcome::Failed(proposal, tally) => {
            events.push(Event::Counted { proposal, tally, passed: false });
        }
        Outcome::Passed(proposal, tally) => {
            events.push(Event::Counted { proposal, tally, passed: true });
        }
        Outcome::Executed(proposal, changes) => {
            events.push(Event::Executed { proposal });
            events.extend(changes.into_iter().map(|change| Event::Changed { change }));
        }
        Outcome::Expired(proposal, reason) => events.push(Event::Expired { proposal, reason }),
    }
}

/// Rule G-5: binds an amount of the voting asset; checked as a withdrawal is, but for the limits on
/// what leaves the exchange.
pub(super) fn stake(
    state: &mut State,
    account: AccountId,
    amount: Amount,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    let asset = state.params.rules.council.asset;
    state.council.governance.stakes().check_stake(amount).map_err(reason)?;
    check_leaving(state, account, asset, amount)?;
    commit_leaving(state, account, Holder::Staked, (asset, amount), events);
    state.council.governance.stakes_mut().commit_stake(account, amount);
    events.push(Event::Staked { account, asset, amount });
    Ok(())
}

/// Rule G-7: asks for stake back.
pub(super) fn unstake(
    state: &mut State,
    account: AccountId,
    amount: Amount,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    let now = state.time;
    let stakes = state.council.governance.stakes_mut();
    stakes.check_unstake(account, amount).map_err(reason)?;
    stakes.commit_unstake(account, amount, now);
    events.push(Event::UnstakeAsked { account, amount });
    Ok(())
}

/// Rules G-4 and G-5.
pub(super) fn propose(
    state: &mut State,
    account: AccountId,
    draft: &Draft,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    if draft.proposer != account {
        return Err(Reject::NotAllowed);
    }
    check_account(state, account)?;
    let (now, accounts) = (state.time, state.accounts);
    let proof = move |params: &Params| proof(params, accounts);
    let governance = &mut state.council.governance;
    if let Err(refusal) = governance.check_propose(draft, &state.params, now, &proof) {
        tell_shortfall(&state.params, draft.measure.settings(), refusal, events);
        return Err(reason(refusal));
    }
    let proposal = governance.commit_propose(draft.clone(), now);
    events.push(Event::Proposed { account, proposal });
    Ok(())
}

/// Rule G-6.
pub(super) fn ballot(
    state: &mut State,
    account: AccountId,
    (proposal, yes): (ProposalId, bool),
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    check_account(state, account)?;
    let governance = &mut state.council.governance;
    governance.check_vote(proposal, account, state.time).map_err(reason)?;
    governance.commit_vote(proposal, account, yes);
    events.push(Event::Balloted { account, proposal, yes });
    Ok(())
}

/// Rule G-9.
pub(super) fn emergency(
    state: &mut State,
    account: AccountId,
    emergency: Emergency,
    events: &mut Vec<Event>,
) -> Result<(), Reject> {
    let (now, accounts) = (state.time, state.accounts);
    let proof = move |params: &Params| proof(params, accounts);
    let governance = &mut state.council.governance;
    let action = match governance.check_emergency(account, emergency, &state.params, &proof) {
        Ok(action) => action,
        Err(refusal) => {
            let settings = match &emergency {
                Emergency::Tighten(set) => std::slice::from_ref(set),
                Emergency::ReduceOnly(_) => &[],
            };
            tell_shortfall(&state.params, settings, refusal, events);
            return Err(reason(refusal));
        }
    };
    governance.commit_emergency(action, &mut state.params, now);
    match action {
        Action::Tightened(change) => {
            state.adopt();
            events.push(Event::Changed { change });
        }
        Action::ReduceOnly(market) => {
            let until: Time = now.after(REDUCE_ONLY);
            state.council.reduce_only[market.index()] = until;
            state.markets[market.index()].halts.directive = Some(Directive::ReduceOnly);
            events.push(Event::OnlyReduces { market, until });
        }
    }
    Ok(())
}

/// Which inequality of the envelope (rule R-6) settings fail that a design was refused for, if it
/// is one.
fn tell_shortfall(
    params: &Params,
    settings: &[Setting],
    refusal: Refusal,
    events: &mut Vec<Event>,
) {
    if refusal != Refusal::Design && refusal != Refusal::Envelope {
        return;
    }
    let mut design = params.clone();
    for set in settings {
        let row = set.key.row().expect("a design was formed of these settings");
        row.write(&mut design, set.scope, set.value).expect("a design was formed of them");
    }
    if let Some((market, margin, need)) = envelope::shortfall(&design) {
        events.push(Event::NotProven { market, margin, need });
    }
}

/// The refusal of a command for each of governance.
fn reason(refusal: Refusal) -> Reject {
    match refusal {
        // Terms are checked before a state is built.
        Refusal::BadTerms | Refusal::NotGuardian => Reject::NotAllowed,
        Refusal::NotPositive => Reject::NotPositive,
        Refusal::Overflow => Reject::Overflow,
        Refusal::InsufficientStake => Reject::InsufficientBalance,
        Refusal::UnknownProposal => Reject::UnknownProposal,
        Refusal::VoteClosed => Reject::VoteClosed,
        Refusal::NoPower => Reject::NoPower,
        Refusal::UnderMinimum => Reject::UnderMinimum,
        Refusal::TooManyOpen => Reject::TooManyOpen,
        Refusal::NoEvidence => Reject::NoEvidence,
        Refusal::BadLength => Reject::BadLength,
        Refusal::KeyTwice => Reject::KeyTwice,
        Refusal::UnknownKey => Reject::UnknownKey,
        Refusal::UnknownScope => Reject::UnknownScope,
        Refusal::UnderPolicy => Reject::UnderPolicy,
        Refusal::BadPolicy => Reject::BadPolicy,
        Refusal::Unchanged => Reject::Unchanged,
        Refusal::OutsideRange => Reject::OutsideRange,
        Refusal::StepTooLarge => Reject::StepTooLarge,
        Refusal::NotReducing => Reject::NotReducing,
        Refusal::Design => Reject::BadDesign,
        Refusal::Gain => Reject::GainTooLarge,
        Refusal::Envelope => Reject::NotProven,
    }
}
