//! Orders that wait for the mark: stop and take-profit.
//!
//! Rule T-12: an order that waits becomes an ordinary one, always reduce-only, when the mark
//! reaches its level: a stop to buy and a take-profit to sell when the mark is at or above, the
//! other two when it is at or below. All that one mark reaches fire in the order in which it met
//! them: rising from the lowest level up, then falling from the highest down, the older first.
//! Of a pair, a stop and a take-profit about the mark, one fires and the other is gone with it.
//! Source: the trigger orders of Hyperliquid.
//!
//! The mark triggers, not the last trade, so one trade far away sets nothing off (rule M-1).

use std::collections::{BTreeMap, BTreeSet};

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Rate};

use super::NotScheduled;
use crate::ids::{AccountId, ClientId, Lots, Side};

/// What an order waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Kind {
    /// The price moves against the position.
    Stop,
    /// The price moves for the position.
    TakeProfit,
}

/// What it becomes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Execution {
    /// An immediate order at most so far from the mark.
    Market(Rate),
    /// A resting order at this price.
    Limit(Price),
}

/// An order that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Waiting {
    /// Whose.
    pub account: AccountId,
    /// Buy or sell; against the position.
    pub side: Side,
    /// Stop or take-profit.
    pub kind: Kind,
    /// The mark that it waits for.
    pub level: Price,
    /// How much; the whole position if none.
    pub lots: Option<Lots>,
    /// What it becomes.
    pub execution: Execution,
    /// The client's number.
    pub client: ClientId,
}

impl Waiting {
    /// Whether it waits for a mark at or above its level.
    fn is_rising(&self) -> bool {
        match (self.kind, self.side) {
            (Kind::Stop, Side::Buy) | (Kind::TakeProfit, Side::Sell) => true,
            (Kind::Stop, Side::Sell) | (Kind::TakeProfit, Side::Buy) => false,
        }
    }

    /// Whether this mark sets it off.
    pub fn is_due(&self, mark: Price) -> bool {
        if self.is_rising() { mark >= self.level } else { mark <= self.level }
    }
}

/// All orders of one market that wait.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Triggers {
    /// Each with the other of its pair, which may be gone; numbers are never used again.
    orders: BTreeMap<u64, (Waiting, Option<u64>)>,
    rising: BTreeSet<(Price, u64)>,
    falling: BTreeSet<(Price, u64)>,
    by_account: BTreeSet<(AccountId, u64)>,
    next: u64,
}

impl Triggers {
    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.orders.is_empty()
    }

    /// Whether an order may wait here at this mark; an account has at most `open_max`.
    pub fn check(&self, new: &Waiting, mark: Price, open_max: u32) -> Result<(), NotScheduled> {
        self.check_alone(new, mark)?;
        self.check_room(new.account, 1, open_max)
    }

    /// Whether two orders may wait as a pair.
    pub fn check_pair(
        &self,
        stop: &Waiting,
        profit: &Waiting,
        mark: Price,
        open_max: u32,
    ) -> Result<(), NotScheduled> {
        self.check_alone(stop, mark)?;
        self.check_alone(profit, mark)?;
        let kinds = (stop.kind, profit.kind) == (Kind::Stop, Kind::TakeProfit);
        if !kinds || (stop.account, stop.side) != (profit.account, profit.side) {
            return Err(NotScheduled::NoPair);
        }
        self.check_room(stop.account, 2, open_max)
    }

    fn check_alone(&self, new: &Waiting, mark: Price) -> Result<(), NotScheduled> {
        let priced = match new.execution {
            Execution::Market(slippage) => slippage.is_positive() && slippage < Rate::ONE,
            Execution::Limit(price) => price.is_positive(),
        };
        if !priced || !new.level.is_positive() || new.lots == Some(Lots(0)) {
            return Err(NotScheduled::NotPositive);
        }
        if new.is_due(mark) { Err(NotScheduled::AlreadyMet) } else { Ok(()) }
    }

    fn check_room(
        &self,
        account: AccountId,
        more: usize,
        open_max: u32,
    ) -> Result<(), NotScheduled> {
        let open = self.numbers(account).count();
        if open + more > open_max as usize { Err(NotScheduled::TooMany) } else { Ok(()) }
    }

    /// Takes in an order that was checked.
    pub fn insert(&mut self, new: Waiting) -> u64 {
        self.insert_with(new, None)
    }

    /// Takes in a pair that was checked: the numbers of stop and take-profit.
    pub fn insert_pair(&mut self, stop: Waiting, profit: Waiting) -> (u64, u64) {
        let number = self.next;
        (self.insert_with(stop, Some(number + 1)), self.insert_with(profit, Some(number)))
    }

    fn insert_with(&mut self, new: Waiting, other: Option<u64>) -> u64 {
        let number = self.next;
        self.next += 1;
        self.orders.insert(number, (new, other));
        self.side(&new).insert((new.level, number));
        self.by_account.insert((new.account, number));
        number
    }

    /// Takes an order out; the other of its pair waits on alone. `None` if the account has none of
    /// this number.
    pub fn cancel(&mut self, account: AccountId, number: u64) -> Option<Waiting> {
        self.by_account.contains(&(account, number)).then_some(())?;
        self.remove(number).map(|(order, _)| order)
    }

    /// Takes out all orders of an account, oldest first; whole-position orders go this way when the
    /// position is closed.
    pub fn cancel_all(&mut self, account: AccountId) -> Vec<Waiting> {
        let numbers: Vec<u64> = self.numbers(account).collect();
        numbers.into_iter().filter_map(|number| self.cancel(account, number)).collect()
    }

    /// The numbers of an account's orders, oldest first.
    pub fn numbers(&self, account: AccountId) -> impl Iterator<Item = u64> {
        self.by_account.range((account, 0)..=(account, u64::MAX)).map(|&(_, number)| number)
    }

    /// An order that waits.
    pub fn order(&self, number: u64) -> Option<&Waiting> {
        self.orders.get(&number).map(|(order, _)| order)
    }

    /// Takes out the next order that this mark sets off, and the other of its pair with it.
    pub fn pop_due(&mut self, mark: Price) -> Option<(u64, Waiting)> {
        let number = self.due(mark)?;
        let (order, other) = self.remove(number)?;
        if let Some(other) = other {
            self.remove(other);
        }
        Some((number, order))
    }

    fn due(&self, mark: Price) -> Option<u64> {
        if let Some(&(level, number)) = self.rising.first()
            && mark >= level
        {
            return Some(number);
        }
        let &(level, _) = self.falling.last().filter(|last| mark <= last.0)?;
        self.falling.range((level, 0)..).next().map(|&(_, number)| number)
    }

    fn remove(&mut self, number: u64) -> Option<(Waiting, Option<u64>)> {
        let (order, other) = self.orders.remove(&number)?;
        self.side(&order).remove(&(order.level, number));
        self.by_account.remove(&(order.account, number));
        Some((order, other))
    }

    fn side(&mut self, order: &Waiting) -> &mut BTreeSet<(Price, u64)> {
        if order.is_rising() { &mut self.rising } else { &mut self.falling }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn waiting(account: u32, side: Side, kind: Kind, level: i64) -> Waiting {
        Waiting {
            account: AccountId(account),
            side,
            kind,
            level: Price::from_raw(level),
            lots: None,
            execution: Execution::Market(Rate::from_bp(1000)),
            client: ClientId(0),
        }
    }

    fn fired(triggers: &mut Triggers, mark: i64) -> Vec<u64> {
        let fire = || triggers.pop_due(Price::from_raw(mark)).map(|(number, _)| number);
        std::iter::from_fn(fire).collect()
    }

    #[test]
    fn t_12_each_kind_fires_on_its_own_side_of_its_level() {
        let table = [
            (Side::Sell, Kind::Stop, [true, true, false]),
            (Side::Buy, Kind::TakeProfit, [true, true, false]),
            (Side::Buy, Kind::Stop, [false, true, true]),
            (Side::Sell, Kind::TakeProfit, [false, true, true]),
        ];
        for (side, kind, expected) in table {
            let order = waiting(1, side, kind, 100);
            let due = [99, 100, 101].map(|mark| order.is_due(Price::from_raw(mark)));
            assert_eq!(due, expected, "{side:?} {kind:?}");
        }
    }

    #[test]
    fn t_12_what_one_mark_reaches_fires_as_it_met_them() {
        let mut triggers = Triggers::default();
        for level in [95, 90, 97, 90, 97] {
            triggers.insert(waiting(1, Side::Sell, Kind::Stop, level));
        }
        assert_eq!(fired(&mut triggers, 98), []);
        assert_eq!(fired(&mut triggers, 91), [2, 4, 0]);
        for level in [105, 103, 105] {
            triggers.insert(waiting(1, Side::Buy, Kind::Stop, level));
        }
        assert_eq!(fired(&mut triggers, 110), [6, 5, 7]);
        assert_eq!(fired(&mut triggers, 1), [1, 3]);
    }

    #[test]
    fn t_12_one_of_a_pair_fires_and_a_cancelled_one_leaves_the_other() {
        let stop = waiting(1, Side::Sell, Kind::Stop, 90);
        let profit = waiting(1, Side::Sell, Kind::TakeProfit, 110);
        let mut triggers = Triggers::default();
        triggers.insert_pair(stop, profit);
        assert_eq!(fired(&mut triggers, 111), [1]);
        assert_eq!(fired(&mut triggers, 1), []);
        let (first, second) = triggers.insert_pair(stop, profit);
        assert_eq!(triggers.cancel(AccountId(2), first), None);
        assert_eq!(triggers.cancel(AccountId(1), first), Some(stop));
        assert_eq!(fired(&mut triggers, 1), []);
        assert_eq!(triggers.order(second), Some(&profit));
        assert_eq!(triggers.cancel_all(AccountId(1)), [profit]);
        assert_eq!(triggers, Triggers { next: 4, ..Triggers::default() });
    }

    #[test]
    fn t_12_what_does_not_fit_is_refused() {
        let mut triggers = Triggers::default();
        let mark = Price::from_raw(100);
        let stop = waiting(1, Side::Sell, Kind::Stop, 90);
        let profit = waiting(1, Side::Sell, Kind::TakeProfit, 110);
        let alone = |triggers: &Triggers, order: Waiting| triggers.check(&order, mark, 2);
        let unpriced = Waiting { execution: Execution::Limit(Price::ZERO), ..stop };
        for wrong in [Waiting { lots: Some(Lots(0)), ..stop }, unpriced] {
            assert_eq!(alone(&triggers, wrong), Err(NotScheduled::NotPositive));
        }
        let met = Waiting { level: mark, ..stop };
        assert_eq!(alone(&triggers, met), Err(NotScheduled::AlreadyMet));
        let pair = |profit: Waiting| triggers.check_pair(&stop, &profit, mark, 2);
        let foreign = Waiting { account: AccountId(2), ..profit };
        for wrong in [stop, foreign, waiting(1, Side::Buy, Kind::TakeProfit, 90)] {
            assert_eq!(pair(wrong), Err(NotScheduled::NoPair));
        }
        assert_eq!(pair(profit), Ok(()));
        triggers.insert(stop);
        assert_eq!(triggers.check_pair(&stop, &profit, mark, 2), Err(NotScheduled::TooMany));
        assert_eq!(alone(&triggers, profit), Ok(()));
        triggers.insert(profit);
        assert_eq!(alone(&triggers, profit), Err(NotScheduled::TooMany));
        assert_eq!(alone(&triggers, foreign), Ok(()));
    }

    /// A step of a history.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Insert(Waiting),
        Pair(i64, i64),
        Cancel(u64),
        CancelAll(u32),
        Mark(i64),
    }

    fn step() -> impl Strategy<Value = Step> {
        let order = (0u32..3, any::<bool>(), any::<bool>(), 1i64..60).prop_map(
            |(account, buy, stop, level)| {
                let side = if buy { Side::Buy } else { Side::Sell };
                waiting(account, side, if stop { Kind::Stop } else { Kind::TakeProfit }, level)
            },
        );
        prop_oneof![
            4 => order.prop_map(Step::Insert),
            3 => (1i64..60, 1i64..60).prop_map(|(low, high)| Step::Pair(low, high)),
            2 => (0u64..40).prop_map(Step::Cancel),
            1 => (0u32..3).prop_map(Step::CancelAll),
            4 => (1i64..60).prop_map(Step::Mark),
        ]
    }

    /// Orders in a list: number, order, the other of its pair.
    #[derive(Default)]
    struct Naive(Vec<(u64, Waiting, Option<u64>)>);

    impl Naive {
        fn remove(&mut self, number: u64) {
            self.0.retain(|entry| entry.0 != number);
        }

        fn pop_due(&mut self, mark: Price) -> Option<u64> {
            let due = self.0.iter().filter(|(_, order, _)| order.is_due(mark));
            let first = due.min_by_key(|(number, order, _)| {
                let level = order.level.raw();
                (!order.is_rising(), if order.is_rising() { level } else { -level }, *number)
            });
            let &(number, _, other) = first?;
            self.remove(number);
            if let Some(other) = other {
                self.remove(other);
            }
            Some(number)
        }
    }

    proptest! {
        #[test]
        fn t_12_the_sorted_index_fires_as_a_list_does(
            steps in prop::collection::vec(step(), 0..80)
        ) {
            let (mut triggers, mut naive) = (Triggers::default(), Naive::default());
            for step in steps {
                match step {
                    Step::Insert(order) => {
                        let number = triggers.insert(order);
                        naive.0.push((number, order, None));
                    }
                    Step::Pair(low, high) => {
                        let stop = waiting(0, Side::Sell, Kind::Stop, low);
                        let profit = waiting(0, Side::Sell, Kind::TakeProfit, high);
                        let (first, second) = triggers.insert_pair(stop, profit);
                        naive.0.push((first, stop, Some(second)));
                        naive.0.push((second, profit, Some(first)));
                    }
                    Step::Cancel(number) => {
                        let found = naive.0.iter().find(|entry| entry.0 == number);
                        let account = found.map_or(AccountId(0), |entry| entry.1.account);
                        let expected = found.map(|entry| entry.1);
                        prop_assert_eq!(triggers.cancel(account, number), expected);
                        naive.remove(number);
                    }
                    Step::CancelAll(account) => {
                        triggers.cancel_all(AccountId(account));
                        naive.0.retain(|entry| entry.1.account != AccountId(account));
                    }
                    Step::Mark(mark) => {
                        let mark = Price::from_raw(mark);
                        while let Some(number) = naive.pop_due(mark) {
                            let fired = triggers.pop_due(mark).map(|(number, _)| number);
                            prop_assert_eq!(fired, Some(number));
                        }
                        prop_assert_eq!(triggers.pop_due(mark), None);
                    }
                }
                prop_assert_eq!(triggers.orders.len(), naive.0.len());
                prop_assert_eq!(triggers.by_account.len(), naive.0.len());
                prop_assert_eq!(triggers.rising.len() + triggers.falling.len(), naive.0.len());
            }
        }
    }
}
