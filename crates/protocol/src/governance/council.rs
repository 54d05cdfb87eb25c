//! Proposals from draft to execution: evidence, snapshot, vote, time-lock, second check (rules
//! G-4 … G-7).
//!
//! A proposal passes if votes of at least `quorum` of *all* stake were cast and more than half of
//! them say yes, each account's vote weighing its stake in the snapshot. It then waits for the
//! slowest time-lock among its keys and is checked again against the design and the changes of that
//! day; what does not pass any more expires with the reason. There is no other way to execute.
//!
//! `check_…` reads and may refuse, `commit_…` writes and cannot fail. Nothing here moves money.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Rate, Round, Span, Time};

use super::Refusal;
use super::changes::{Change, Changes};
use super::keys::{Delay, Setting};
use super::limits::{self, Proof};
use super::policy::{self, Acting, Policy};
use super::stake::{Leaving, Stakes};
use crate::ids::{AccountId, MarketId};
use crate::params::Params;
pub use crate::params::VotingTerms as Terms;

/// Most settings of one proposal.
pub const SETTINGS_MAX: usize = 16;

/// The number of a proposal, from 0 in the order of proposing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub struct ProposalId(pub u64);

/// What is proposed.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Measure {
    /// New values, all at once.
    Settings(Vec<Setting>),
    /// A policy for a perpetual market, or its end.
    Policy {
        /// The market.
        market: MarketId,
        /// The policy; none ends the one in force and leaves the values as they are.
        policy: Option<Policy>,
    },
    /// Another guardian, or none.
    Guardian(Option<AccountId>),
}

/// A draft as its proposer sends it.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Draft {
    /// Who proposes.
    pub proposer: AccountId,
    /// What is proposed.
    pub measure: Measure,
    /// Hash of the laboratory's run that shows the effect.
    pub evidence: [u8; 32],
}

/// Where a proposal stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Stage {
    /// Votes are taken.
    Voting,
    /// It has passed and waits for its time-lock.
    Waiting {
        /// When the vote was counted.
        since: Time,
    },
}

/// An open proposal.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Proposal {
    /// Its number.
    pub id: ProposalId,
    /// What and by whom.
    pub draft: Draft,
    /// When it was proposed.
    pub opened: Time,
    /// Where it stands.
    pub stage: Stage,
    /// Stake of each account before the block of the proposal.
    power: Vec<Amount>,
    /// Yes or no of each account that voted.
    votes: BTreeMap<AccountId, bool>,
}

/// A count of votes, in stake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Tally {
    /// For the proposal.
    pub yes: Amount,
    /// Against it.
    pub no: Amount,
    /// All stake in the snapshot.
    pub all: Amount,
}

/// What became of a proposal.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Outcome {
    /// Too few votes, or no majority.
    Failed(ProposalId, Tally),
    /// It waits for its time-lock now.
    Passed(ProposalId, Tally),
    /// It is in force, with the values that it changed.
    Executed(ProposalId, Vec<Change>),
    /// It had passed, but could not be executed.
    Expired(ProposalId, Refusal),
}

/// All that governance remembers.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Governance {
    terms: Terms,
    pub(super) guardian: Option<AccountId>,
    pub(super) changes: Changes,
    stakes: Stakes,
    policies: Vec<Acting>,
    proposals: Vec<Proposal>,
    next: u64,
}

impl Terms {
    /// Whether who votes also carries the result: a stake is bound for at least as long as a vote
    /// and the longest time-lock take.
    pub fn check(&self) -> Result<(), Refusal> {
        let bound = self.voting.nanos().checked_add(Delay::ThreeDays.span().nanos());
        let share = |share: Rate| Rate::ZERO < share && share <= Rate::ONE;
        let sound = bound.is_some_and(|bound| self.unstake_delay.nanos() >= bound)
            && self.voting >= Span::DAY
            && share(self.quorum)
            && share(self.proposer_share);
        if sound { Ok(()) } else { Err(Refusal::BadTerms) }
    }
}

impl Measure {
    /// The values that it sets; none of a policy or a guardian.
    pub fn settings(&self) -> &[Setting] {
        match self {
            Measure::Settings(settings) => settings,
            Measure::Policy { .. } | Measure::Guardian(_) => &[],
        }
    }

    /// The slowest time-lock among what is changed; who the guardian is waits longest.
    pub fn delay(&self) -> Delay {
        match self {
            Measure::Settings(settings) => {
                let rows = settings.iter().filter_map(|setting| setting.key.row().ok());
                rows.map(|row| row.delay).max().unwrap_or(Delay::ThreeDays)
            }
            Measure::Policy { .. } => Delay::Day,
            Measure::Guardian(_) => Delay::ThreeDays,
        }
    }
}

impl Proposal {
    /// The stake that an account votes with.
    pub fn power(&self, account: AccountId) -> Amount {
        self.power.get(account.index()).copied().unwrap_or_default()
    }

    /// Whether it has passed and its time-lock is over.
    pub fn is_due(&self, now: Time) -> bool {
        match self.stage {
            Stage::Voting => false,
            Stage::Waiting { since } => now.since(since) >= self.draft.measure.delay().span(),
        }
    }

    /// The votes as they stand.
    pub fn tally(&self) -> Tally {
        let side = |wanted: bool| {
            let voters = self.votes.iter().filter(|(_, yes)| **yes == wanted);
            voters.map(|(account, _)| self.power(*account)).sum()
        };
        Tally { yes: side(true), no: side(false), all: self.power.iter().copied().sum() }
    }
}

impl Tally {
    /// Whether enough of all stake voted, and more than half of that for it (rule G-6).
    pub fn passes(&self, quorum: Rate) -> bool {
        let needed = self.all.share(quorum, Round::Up).expect("a share of the stake fits");
        self.yes + self.no >= needed && self.yes > self.no
    }
}

impl Governance {
    /// Governance without stakes or proposals.
    pub fn new(terms: Terms, guardian: Option<AccountId>) -> Result<Governance, Refusal> {
        terms.check()?;
        Ok(Governance {
            terms,
            guardian,
            changes: Changes::default(),
            stakes: Stakes::default(),
            policies: Vec::new(),
            proposals: Vec::new(),
            next: 0,
        })
    }

    /// The stakes.
    pub fn stakes(&self) -> &Stakes {
        &self.stakes
    }

    /// The stakes, to stake and unstake, and to open a block.
    pub fn stakes_mut(&mut self) -> &mut Stakes {
        &mut self.stakes
    }

    /// The open proposals in the order of their numbers.
    pub fn proposals(&self) -> &[Proposal] {
        &self.proposals
    }

    /// The policies in force.
    pub fn policies(&self) -> &[Acting] {
        &self.policies
    }

    /// Whether a draft may be proposed (rules G-1 … G-5).
    pub fn check_propose(
        &self,
        draft: &Draft,
        params: &Params,
        now: Time,
        proof: &Proof,
    ) -> Result<(), Refusal> {
        let sealed = self.stakes.sealed();
        let own = sealed.get(draft.proposer.index()).copied().unwrap_or_default();
        let all: Amount = sealed.iter().copied().sum();
        let least = all.share(self.terms.proposer_share, Round::Up).expect("a share fits");
        if own < least || !own.is_positive() {
            return Err(Refusal::UnderMinimum);
        }
        let proposers = self.proposals.iter().map(|open| open.draft.proposer);
        let open_own = proposers.filter(|proposer| *proposer == draft.proposer).count();
        if self.proposals.len() >= self.terms.open_max || open_own >= self.terms.open_own_max {
            return Err(Refusal::TooManyOpen);
        }
        if draft.evidence == [0; 32] {
            return Err(Refusal::NoEvidence);
        }
        self.check_measure(&draft.measure, params, now, proof).map(|_| ())
    }

    /// Opens a checked proposal, with the stakes as the last block left them.
    pub fn commit_propose(&mut self, draft: Draft, now: Time) -> ProposalId {
        let id = ProposalId(self.next);
        self.next += 1;
        self.proposals.push(Proposal {
            id,
            draft,
            opened: now,
            stage: Stage::Voting,
            power: self.stakes.sealed().to_vec(),
            votes: BTreeMap::new(),
        });
        id
    }

    /// Whether an account may vote on a proposal.
    pub fn check_vote(&self, id: ProposalId, voter: AccountId, now: Time) -> Result<(), Refusal> {
        let proposal = self.proposals.iter().find(|open| open.id == id);
        let proposal = proposal.ok_or(Refusal::UnknownProposal)?;
        let over = now.since(proposal.opened) >= self.terms.voting;
        if over || proposal.stage != Stage::Voting {
            return Err(Refusal::VoteClosed);
        }
        if proposal.power(voter).is_zero() {
            return Err(Refusal::NoPower);
        }
        Ok(())
    }

    /// Takes a checked vote; a later one of the same account replaces it.
    pub fn commit_vote(&mut self, id: ProposalId, voter: AccountId, yes: bool) {
        let proposal = self.proposals.iter_mut().find(|open| open.id == id);
        proposal.expect("the vote was checked").votes.insert(voter, yes);
    }

    /// The end of a block: counts votes that are over and executes what has waited, in the order of
    /// their numbers.
    pub fn close_block(&mut self, params: &mut Params, now: Time, proof: &Proof) -> Vec<Outcome> {
        let mut outcomes = Vec::new();
        for mut proposal in std::mem::take(&mut self.proposals) {
            let outcome = match proposal.stage {
                Stage::Voting if now.since(proposal.opened) >= self.terms.voting => {
                    Some(self.count(&mut proposal, now))
                }
                Stage::Waiting { .. } if proposal.is_due(now) => {
                    Some(self.execute(&proposal, params, now, proof))
                }
                Stage::Voting | Stage::Waiting { .. } => None,
            };
            match &outcome {
                None | Some(Outcome::Passed(..)) => self.proposals.push(proposal),
                Some(Outcome::Failed(..) | Outcome::Executed(..) | Outcome::Expired(..)) => {}
            }
            outcomes.extend(outcome);
        }
        outcomes
    }

    /// Stake that is free now and that the caller pays out: it has waited, and no proposal on which
    /// its owner voted is open.
    pub fn release(&mut self, now: Time) -> Vec<Leaving> {
        let proposals = &self.proposals;
        let held = |account| proposals.iter().any(|open| open.votes.contains_key(&account));
        self.stakes.release(now, self.terms.unstake_delay, held)
    }

    /// Lets the policies act on the volatility of their markets; without an estimate one rests.
    pub fn act(
        &mut self,
        params: &mut Params,
        now: Time,
        volatility: impl Fn(MarketId) -> Option<Rate>,
        proof: &Proof,
    ) -> Vec<Change> {
        let mut made = Vec::new();
        for acting in &mut self.policies {
            if let Some(volatility) = volatility(acting.market) {
                made.extend(acting.act(params, &mut self.changes, (volatility, now), proof));
            }
        }
        made
    }

    fn count(&self, proposal: &mut Proposal, now: Time) -> Outcome {
        let tally = proposal.tally();
        if !tally.passes(self.terms.quorum) {
            return Outcome::Failed(proposal.id, tally);
        }
        proposal.stage = Stage::Waiting { since: now };
        Outcome::Passed(proposal.id, tally)
    }

    /// Rule G-7: everything is checked again.
    fn execute(
        &mut self,
        proposal: &Proposal,
        params: &mut Params,
        now: Time,
        proof: &Proof,
    ) -> Outcome {
        let measure = &proposal.draft.measure;
        let changes = match self.check_measure(measure, params, now, proof) {
            Ok(changes) => changes,
            Err(reason) => return Outcome::Expired(proposal.id, reason),
        };
        for change in &changes {
            change.write(params);
            self.changes.record(now, *change);
        }
        match measure {
            Measure::Settings(_) => {}
            Measure::Policy { market, policy } => {
                self.policies.retain(|acting| acting.market != *market);
                let policy = policy.clone();
                self.policies.extend(policy.map(|policy| Acting::new(*market, policy, now)));
            }
            Measure::Guardian(guardian) => self.guardian = *guardian,
        }
        Outcome::Executed(proposal.id, changes)
    }

    /// What a measure would change, if it may.
    fn check_measure(
        &self,
        measure: &Measure,
        params: &Params,
        now: Time,
        proof: &Proof,
    ) -> Result<Vec<Change>, Refusal> {
        match measure {
            Measure::Settings(settings) => self.check_settings(settings, params, now, proof),
            Measure::Policy { market, policy: Some(policy) } => {
                let acting = self.policies.iter().find(|acting| acting.market == *market);
                let windows = match acting {
                    Some(acting) => acting.windows(now),
                    None => policy::windows(*market, params, &self.changes, now)?,
                };
                policy.check(*market, windows, params, proof).map(|()| Vec::new())
            }
            Measure::Policy { market, policy: None } => {
                let acts = self.policies.iter().any(|acting| acting.market == *market);
                if acts { Ok(Vec::new()) } else { Err(Refusal::Unchanged) }
            }
            Measure::Guardian(guardian) if *guardian == self.guardian => Err(Refusal::Unchanged),
            Measure::Guardian(_) => Ok(Vec::new()),
        }
    }

    fn check_settings(
        &self,
        settings: &[Setting],
        params: &Params,
        now: Time,
        proof: &Proof,
    ) -> Result<Vec<Change>, Refusal> {
        if settings.is_empty() || settings.len() > SETTINGS_MAX {
            return Err(Refusal::BadLength);
        }
        let mut design = params.clone();
        let mut changes: Vec<Change> = Vec::new();
        for set in settings {
            if changes.iter().any(|change| (change.key, change.scope) == (set.key, set.scope)) {
                return Err(Refusal::KeyTwice);
            }
            if self.policies.iter().any(|acting| acting.holds(set.key, set.scope)) {
                return Err(Refusal::UnderPolicy);
            }
            let change = self.changes.check(params, *set, now)?;
            change.write(&mut design);
            changes.push(change);
        }
        limits::check(params, &design, proof)?;
        Ok(changes)
    }
}
