//! Rules G-1 … G-9: keys, steps, votes, attacks on them, policies and the guardian.

mod keys;
mod policy;
mod sequences;
mod stories;

use std::cell::Cell;

use money::{Amount, Span, Time};
use protocol::governance::Refusal;
use protocol::governance::council::*;
use protocol::governance::keys::{Key, Setting};
use protocol::ids::AccountId;
use protocol::params::Params;

use super::exchange::{START, amount, design};

pub const ANNA: AccountId = AccountId(0);
pub const BERT: AccountId = AccountId(1);
pub const CLEO: AccountId = AccountId(2);
pub const GUARDIAN: AccountId = AccountId(9);
pub const HOUR: Span = Span::HOUR;

pub fn key(name: &str) -> Key {
    Key::named(name).unwrap()
}

pub fn set(name: &str, scope: u16, value: i128) -> Setting {
    Setting { key: key(name), scope, value }
}

/// Basis points as raw units.
pub fn bp(count: i128) -> i128 {
    count * 100_000_000
}

/// Governance over the small exchange: Anna has 60, Bert 30 and Cleo 10 of the stake.
pub struct Hall {
    pub governance: Governance,
    pub params: Params,
    pub now: Time,
    /// Whether the envelope is proved.
    pub proved: Cell<bool>,
    pub outcomes: Vec<Outcome>,
}

impl Hall {
    pub fn new() -> Hall {
        let mut governance = Governance::new(Terms::default(), Some(GUARDIAN)).unwrap();
        for (account, stake) in [(ANNA, "60"), (BERT, "30"), (CLEO, "10")] {
            governance.stakes_mut().commit_stake(account, amount(stake));
        }
        governance.stakes_mut().open_block();
        let now = Time::from_nanos(START);
        let (params, outcomes) = (design(), Vec::new());
        Hall { governance, params, now, proved: Cell::new(true), outcomes }
    }

    pub fn proof(&self) -> impl Fn(&Params) -> Result<(), String> + use<> {
        let proved = self.proved.get();
        move |_| if proved { Ok(()) } else { Err("the envelope fails".into()) }
    }

    /// The block ends and the next begins after a span.
    pub fn wait(&mut self, span: Span) {
        self.now = self.now.after(span);
        let proof = self.proof();
        self.governance.stakes_mut().open_block();
        self.outcomes = self.governance.close_block(&mut self.params, self.now, &proof);
    }

    pub fn propose_as(
        &mut self,
        proposer: AccountId,
        measure: Measure,
    ) -> Result<ProposalId, Refusal> {
        let draft = Draft { proposer, measure, evidence: [7; 32] };
        self.governance.check_propose(&draft, &self.params, self.now, &self.proof())?;
        Ok(self.governance.commit_propose(draft, self.now))
    }

    pub fn propose(&mut self, settings: &[Setting]) -> Result<ProposalId, Refusal> {
        self.propose_as(ANNA, Measure::Settings(settings.to_vec()))
    }

    pub fn vote(&mut self, id: ProposalId, voter: AccountId, yes: bool) -> Result<(), Refusal> {
        self.governance.check_vote(id, voter, self.now)?;
        self.governance.commit_vote(id, voter, yes);
        Ok(())
    }

    /// Proposes, votes with the majority and waits until after the time-lock.
    pub fn enact(&mut self, measure: Measure) -> Vec<Outcome> {
        let delay = measure.delay().span();
        let id = self.propose_as(ANNA, measure).unwrap();
        self.vote(id, ANNA, true).unwrap();
        self.wait(Span::DAY.times(3));
        self.wait(delay);
        std::mem::take(&mut self.outcomes)
    }

    pub fn value(&self, name: &str, scope: u16) -> i128 {
        key(name).row().unwrap().read(&self.params, scope).unwrap()
    }

    pub fn stake(&mut self, account: AccountId, text: &str) {
        let stake: Amount = amount(text);
        self.governance.stakes().check_stake(stake).unwrap();
        self.governance.stakes_mut().commit_stake(account, stake);
    }
}
