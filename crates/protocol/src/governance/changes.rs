//! What keys moved in the last 24 h, and where they may go from there (rule G-2).
//!
//! A value may be taken iff it lies within one step of *every* value that was in force in the last
//! 24 h, the step being that of the earlier value. So no sequence of changes, however it is
//! divided, moves a key by more than its step within any 24 h.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Span, Time};

use super::Refusal;
use super::keys::{Key, Row, Setting};
use crate::params::Params;

/// A key that took another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Change {
    /// Which parameter.
    pub key: Key,
    /// Of which asset or market.
    pub scope: u16,
    /// The raw value before.
    pub from: i128,
    /// The raw value after.
    pub to: i128,
}

/// The changes of the last 24 h.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Changes {
    entries: Vec<(Time, Change)>,
}

impl Changes {
    /// The lowest and highest value that a key may take now, its range aside; empty if lowest is
    /// above highest.
    pub fn window(&self, row: &Row, setting: (Key, u16), value: i128, now: Time) -> [i128; 2] {
        let same = |change: &Change| (change.key, change.scope) == setting;
        let recent = self.entries.iter().filter(|(at, _)| now.since(*at) < Span::DAY);
        let past = recent.filter(|(_, change)| same(change)).map(|(_, change)| change.from);
        past.chain([value]).fold([i128::MIN, i128::MAX], |[lowest, highest], value| {
            let step = row.step.size(value);
            [lowest.max(value - step), highest.min(value + step)]
        })
    }

    /// The change that a setting makes, if its key may take the value now (rules G-1 and G-2).
    pub fn check(&self, params: &Params, set: Setting, now: Time) -> Result<Change, Refusal> {
        let row = set.key.row()?;
        let from = row.read(params, set.scope)?;
        if from == set.value {
            return Err(Refusal::Unchanged);
        }
        if !row.holds(set.value) {
            return Err(Refusal::OutsideRange);
        }
        let [lowest, highest] = self.window(row, (set.key, set.scope), from, now);
        if set.value < lowest || highest < set.value {
            return Err(Refusal::StepTooLarge);
        }
        Ok(Change { key: set.key, scope: set.scope, from, to: set.value })
    }

    /// Remembers a change, and forgets what is a day old.
    pub(super) fn record(&mut self, now: Time, change: Change) {
        self.entries.retain(|(at, _)| now.since(*at) < Span::DAY);
        self.entries.push((now, change));
    }
}

impl Change {
    /// Makes the change in a design in which it was checked.
    pub(super) fn write(&self, params: &mut Params) {
        let row = self.key.row().expect("a checked change has a row");
        row.write(params, self.scope, self.to).expect("a checked change is in range");
    }
}
