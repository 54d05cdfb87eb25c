//! Who owns an account, and which keys may trade for it (rules B-7 and B-8).
//!
//! An owner is named by their first account, which the custodian opened; further accounts of theirs
//! are listed in the order of opening. An agent is a key that the edge has checked; it acts for an
//! account until it is revoked or its time is up.

use std::collections::BTreeMap;

use borsh::{BorshDeserialize, BorshSerialize};
use money::Time;

use crate::ids::{AccountId, AgentId};

/// Owners of accounts and their agents.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Owners {
    /// The first account of each account's owner.
    owners: Vec<AccountId>,
    /// All accounts of an owner who has more than one, by the first.
    owned: BTreeMap<AccountId, Vec<AccountId>>,
    /// Until when each agent acts.
    agents: BTreeMap<(AccountId, AgentId), Time>,
}

impl Owners {
    /// Adds the next account: another one of an owner, or the first of a new one.
    pub(crate) fn open_account(&mut self, account: AccountId, owner: Option<AccountId>) {
        self.owners.push(owner.unwrap_or(account));
        if let Some(owner) = owner {
            self.owned.entry(owner).or_insert_with(|| vec![owner]).push(account);
        }
    }

    /// The first account of an account's owner.
    pub(crate) fn owner(&self, account: AccountId) -> AccountId {
        self.owners[account.index()]
    }

    /// All accounts of the owner of an account; none of one who has only one.
    pub(crate) fn family(&self, account: AccountId) -> &[AccountId] {
        self.owned.get(&self.owner(account)).map_or(&[], Vec::as_slice)
    }

    /// Whether an agent acts for an account now.
    pub(crate) fn acts(&self, agent: AgentId, account: AccountId, now: Time) -> bool {
        self.agents.get(&(account, agent)).is_some_and(|expires| now < *expires)
    }

    /// How many agents of an account act now, another one not counted.
    pub(crate) fn agents(&self, account: AccountId, but: AgentId, now: Time) -> usize {
        let range = (account, AgentId(0))..=(account, AgentId(u64::MAX));
        let agents = self.agents.range(range);
        agents.filter(|((_, agent), expires)| now < **expires && *agent != but).count()
    }

    /// Lets an agent act until then, and forgets those of the account whose time is up.
    pub(crate) fn approve(&mut self, account: AccountId, agent: AgentId, expires: Time, now: Time) {
        let range = (account, AgentId(0))..=(account, AgentId(u64::MAX));
        let old = self.agents.range(range).filter(|(_, until)| **until <= now);
        let old: Vec<_> = old.map(|(key, _)| *key).collect();
        for key in &old {
            self.agents.remove(key);
        }
        self.agents.insert((account, agent), expires);
    }

    /// Takes an agent's power away; whether it had any.
    pub(crate) fn revoke(&mut self, account: AccountId, agent: AgentId) -> bool {
        self.agents.remove(&(account, agent)).is_some()
    }
}
