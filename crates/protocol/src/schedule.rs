//! What happens later: dead-man switches, orders spread over time, orders that wait for a price.
//!
//! Each is a value in an index sorted by when it is due, so a block looks only at what is due and
//! does so in an order that everybody computes alike: by time, account and number, or by price and
//! then age. Each is bounded in number for an account where it enters. The indices know nothing of
//! orders or money: what is due is handed out, and the caller acts.
//!
//! Rule T-10, the switch: an account names a time, at least [`SWITCH_LEAD_MIN`] ahead, at which all
//! its orders are cancelled unless it names another before. Source: `scheduleCancel` of
//! Hyperliquid. Rules T-11 and T-12 stand in the modules below.

pub mod trigger;
pub mod twap;

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Rate, Round, Span, Time};

use crate::ids::{AccountId, Side};

/// Least time from arming a switch until it acts.
pub const SWITCH_LEAD_MIN: Span = Span::from_secs(5);

/// Why something was not scheduled, in the order of checking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotScheduled {
    /// A quantity or a price that is not positive.
    NotPositive,
    /// A time or a number of slices outside its range.
    OutOfRange,
    /// The price is there already.
    AlreadyMet,
    /// Two orders that are no pair: one account, one side, a stop and a take-profit about the mark.
    NoPair,
    /// The account has its largest number.
    TooMany,
}

/// The worst price of an immediate order: `slippage` beyond the mark, rounded towards it. `None`
/// beyond a price.
pub fn worst_price(mark: Price, side: Side, slippage: Rate) -> Option<Price> {
    match side {
        Side::Buy => mark.offset(slippage, Round::Down),
        Side::Sell => mark.offset(-slippage, Round::Up),
    }
}

/// Dead-man switches: at most one for each account (rule T-10).
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Switches {
    armed: BTreeMap<AccountId, Time>,
    due: BTreeSet<(Time, AccountId)>,
}

impl Switches {
    /// Whether a switch may be set to this time.
    pub fn check(&self, at: Time, now: Time) -> Result<(), NotScheduled> {
        if at.since(now) < SWITCH_LEAD_MIN { Err(NotScheduled::OutOfRange) } else { Ok(()) }
    }

    /// Sets the account's switch to a time that was checked; replaces an earlier one.
    pub fn arm(&mut self, account: AccountId, at: Time) {
        self.disarm(account);
        self.armed.insert(account, at);
        self.due.insert((at, account));
    }

    /// Takes the account's switch away, and says when it would have acted.
    pub fn disarm(&mut self, account: AccountId) -> Option<Time> {
        let at = self.armed.remove(&account)?;
        self.due.remove(&(at, account));
        Some(at)
    }

    /// When the account's switch acts.
    pub fn armed(&self, account: AccountId) -> Option<Time> {
        self.armed.get(&account).copied()
    }

    /// Takes out the account whose switch has been due the longest.
    pub fn pop_due(&mut self, now: Time) -> Option<AccountId> {
        let &(at, account) = self.due.first()?;
        (at <= now).then(|| {
            self.disarm(account);
            account
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Time {
        Time::ZERO.after(Span::from_secs(seconds))
    }

    #[test]
    fn t_10_a_switch_acts_once_at_its_time_unless_it_was_moved() {
        let (first, second, third) = (AccountId(1), AccountId(2), AccountId(3));
        let mut switches = Switches::default();
        assert_eq!(switches.check(at(14), at(10)), Err(NotScheduled::OutOfRange));
        assert_eq!(switches.check(at(5), at(10)), Err(NotScheduled::OutOfRange));
        assert_eq!(switches.check(at(15), at(10)), Ok(()));
        switches.arm(first, at(20));
        switches.arm(second, at(15));
        switches.arm(third, at(16));
        switches.arm(first, at(30));
        assert_eq!(switches.disarm(third), Some(at(16)));
        assert_eq!(switches.pop_due(at(14)), None);
        assert_eq!(switches.pop_due(at(29)), Some(second));
        assert_eq!(switches.pop_due(at(29)), None);
        assert_eq!(switches.armed(first), Some(at(30)));
        assert_eq!(switches.pop_due(at(30)), Some(first));
        assert_eq!(switches, Switches::default());
    }

    #[test]
    fn t_10_switches_act_in_the_order_of_time_and_then_of_account() {
        let mut switches = Switches::default();
        for (account, seconds) in [(4, 9), (2, 7), (9, 7), (1, 8)] {
            switches.arm(AccountId(account), at(seconds));
        }
        let order: Vec<u32> =
            std::iter::from_fn(|| switches.pop_due(at(9))).map(|account| account.0).collect();
        assert_eq!(order, [2, 9, 1, 4]);
    }
}
