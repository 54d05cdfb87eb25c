//! The emergency power: at once and without a vote, but only against new risk (rule G-9).
//!
//! The guardian may move a key in the direction that its row names, within its range and further
//! than a step, and close a market to new positions for a week. Rows name a direction only where it
//! leaves alone whoever takes no new risk: maintenance margins, marks, funding, fees and the oracle
//! have none, because each direction can liquidate somebody or move value. The resulting design is
//! checked as that of a proposal is. A vote undoes it, step by step, and can dismiss the guardian.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Span, Time};

use super::Refusal;
use super::changes::Change;
use super::council::Governance;
use super::keys::{Safer, Setting};
use super::limits::{self, Proof};
use crate::ids::{AccountId, MarketId};
use crate::params::Params;

/// How long a market stays closed to new positions.
pub const REDUCE_ONLY: Span = Span::from_secs(7 * 24 * 3600);

/// What the guardian asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Emergency {
    /// A key in its safer direction.
    Tighten(Setting),
    /// No new positions in a market.
    ReduceOnly(MarketId),
}

/// What the caller has to do, or was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Action {
    /// The key has another value now.
    Tightened(Change),
    /// The market takes only orders that reduce, for [`REDUCE_ONLY`] from now.
    ReduceOnly(MarketId),
}

impl Governance {
    /// What an emergency command leads to, if the sender is the guardian and it reduces risk.
    pub fn check_emergency(
        &self,
        sender: AccountId,
        emergency: Emergency,
        params: &Params,
        proof: &Proof,
    ) -> Result<Action, Refusal> {
        if self.guardian != Some(sender) {
            return Err(Refusal::NotGuardian);
        }
        match emergency {
            Emergency::Tighten(set) => tighten(set, params, proof).map(Action::Tightened),
            Emergency::ReduceOnly(market) if market.index() < params.markets.len() => {
                Ok(Action::ReduceOnly(market))
            }
            Emergency::ReduceOnly(_) => Err(Refusal::UnknownScope),
        }
    }

    /// Makes a checked change; reduce-only is the caller's to do.
    pub fn commit_emergency(&mut self, action: Action, params: &mut Params, now: Time) {
        match action {
            Action::Tightened(change) => {
                change.write(params);
                self.changes.record(now, change);
            }
            Action::ReduceOnly(_) => {}
        }
    }
}

fn tighten(set: Setting, params: &Params, proof: &Proof) -> Result<Change, Refusal> {
    let row = set.key.row()?;
    let from = row.read(params, set.scope)?;
    if !row.holds(set.value) {
        return Err(Refusal::OutsideRange);
    }
    let reduces = match row.safer {
        Safer::Up => set.value > from,
        Safer::Down => set.value < from,
        Safer::Neither => false,
    };
    if !reduces {
        return Err(Refusal::NotReducing);
    }
    let change = Change { key: set.key, scope: set.scope, from, to: set.value };
    let mut design = params.clone();
    change.write(&mut design);
    limits::check(params, &design, proof)?;
    Ok(change)
}
