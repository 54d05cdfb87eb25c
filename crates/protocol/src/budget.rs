//! What may be used up in a day, and the budgets of the waterfall.
//!
//! Rule L-15: the common insurance fund pays the deficits of one market, in one UTC day, at most
//! ⌊share·(fund + what it paid for this market today)⌋. Debts of accounts without any position have
//! a budget of their own, as if they were a market.
//!
//! Always holds: what was used before the day began counts nothing.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Rate, Round, Span, Time};

/// What was used on one UTC day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Daily {
    day: u64,
    used: Amount,
}

impl Daily {
    /// What has been used on the day of `now`.
    pub fn used(self, now: Time) -> Amount {
        if self.day == day(now) { self.used } else { Amount::ZERO }
    }

    /// What is left of a share of `whole`, where `whole` does not contain what was used.
    pub fn left(self, now: Time, share: Rate, whole: Amount) -> Amount {
        let used = self.used(now);
        let limit = (whole + used).share(share, Round::Down).unwrap_or(Amount::ZERO);
        (limit - used).max(Amount::ZERO)
    }

    /// Uses so much more.
    pub fn add(&mut self, now: Time, amount: Amount) {
        *self = Daily { day: day(now), used: self.used(now) + amount };
    }
}

fn day(now: Time) -> u64 {
    now.nanos() / Span::DAY.nanos()
}

/// The budgets of all markets, and what nobody could pay.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Budgets {
    /// What the common fund paid for each market, and last for accounts without a position.
    pub insurance: Vec<Daily>,
    /// What the backstop vault lost when it took positions over, in each market.
    pub backstop: Vec<Daily>,
    /// Σ of negative equities at the last close.
    pub deficits: Amount,
}

impl Budgets {
    /// Unused budgets of so many markets.
    pub fn new(markets: usize) -> Budgets {
        Budgets {
            insurance: vec![Daily::default(); markets + 1],
            backstop: vec![Daily::default(); markets],
            deficits: Amount::ZERO,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    #[test]
    fn l_15_a_budget_counts_what_was_used_today_and_nothing_of_yesterday() {
        let half = Rate::from_bp(5_000);
        let noon = Time::from_nanos(Span::HOUR.times(12).nanos());
        let mut budget = Daily::default();
        assert_eq!(budget.left(noon, half, amount("100")), amount("50"));
        budget.add(noon, amount("30"));
        assert_eq!(budget.left(noon, half, amount("70")), amount("20"));
        budget.add(noon, amount("20"));
        assert_eq!(budget.left(noon, half, amount("50")), Amount::ZERO);
        let tomorrow = noon.after(Span::HOUR.times(12));
        assert_eq!(budget.left(tomorrow, half, amount("50")), amount("25"));
    }
}
