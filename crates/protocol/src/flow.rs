//! How fast money may leave: what a theft or a broken rule can cost before somebody looks.
//!
//! Rule B-4, for each asset: what leaves beyond accounts' own net deposits is, in every hour and
//! every day, at most a share of the *least* total inside during the last day (or a fixed
//! minimum), so that a deposit does not raise the limit under which it is followed by a theft. An
//! hour is counted in slots of 5 minutes, a day in slots of 2 hours, each with 13 slots. Proof:
//! 13 slots in a row cover every window of 12 slots' length that ends in the last of them, and
//! their sum is what is held against the limit.
//!
//! Rule B-5: no withdrawal for some blocks after an insolvency or a restart. Rule B-6: what an
//! exposed account must keep. Sources: dYdX v4 (limits of its bridge, gate of 50 blocks),
//! Hyperliquid (10 % of notional after the withdrawal of March 2025).

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Rate, Round, Span, Time};

pub use crate::params::FlowLimits;

/// Slots of a window: one more than fit into it.
const SLOTS: usize = 13;
/// A twelfth of an hour.
const HOUR_SLOT: Span = Span::from_secs(300);
/// A twelfth of a day.
const DAY_SLOT: Span = Span::from_secs(7200);

/// One value for each of the last slots of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Window {
    /// Number of the newest slot.
    slot: u64,
    values: [Amount; SLOTS],
}

impl Window {
    /// The window at a later time; slots in which nothing happened hold `fill`.
    fn at(mut self, now: Time, width: Span, fill: Amount) -> Window {
        let slot = now.nanos() / width.nanos();
        let passed = usize::try_from(slot.saturating_sub(self.slot)).unwrap_or(SLOTS).min(SLOTS);
        self.values.rotate_right(passed);
        self.values[..passed].fill(fill);
        self.slot = self.slot.max(slot);
        self
    }

    fn sum(&self) -> Amount {
        self.values.iter().copied().sum()
    }

    fn least(&self) -> Amount {
        self.values.iter().copied().fold(Amount::MAX, Amount::min)
    }
}

/// What an account has brought of an asset and not taken back: it may leave without limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OwnDeposits(Amount);

impl OwnDeposits {
    /// What is left of them.
    pub fn amount(self) -> Amount {
        self.0
    }

    /// After a deposit.
    #[must_use]
    pub fn deposited(self, amount: Amount) -> OwnDeposits {
        OwnDeposits(self.0 + amount)
    }

    /// After a withdrawal. What went beyond them was held against the limits and is not owed again.
    #[must_use]
    pub fn withdrawn(self, amount: Amount) -> OwnDeposits {
        OwnDeposits((self.0 - amount).max(Amount::ZERO))
    }
}

/// What left of one asset of late, and the least that was inside.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Flow {
    hour: Window,
    day: Window,
    least: Window,
}

impl Flow {
    /// What may leave now beyond own deposits; `total` is what is inside of the asset.
    pub fn free(&self, now: Time, total: Amount, limits: &FlowLimits) -> Amount {
        let flow = self.at(now, total);
        let base = flow.least.least().min(total).max(Amount::ZERO);
        let limit = |share: Rate, min: Amount| {
            base.share(share, Round::Down).expect("a share of at most one").max(min)
        };
        let hour = limit(limits.hour_share, limits.hour_min) - flow.hour.sum();
        let day = limit(limits.day_share, limits.day_min) - flow.day.sum();
        hour.min(day).max(Amount::ZERO)
    }

    /// Notes a deposit, or any other inflow; `total` is what was inside before it, which is how a
    /// total that fell enters the least of the day.
    #[must_use]
    pub fn deposited(&self, now: Time, total: Amount) -> Flow {
        let mut flow = self.at(now, total);
        flow.least.values[0] = flow.least.values[0].min(total);
        flow
    }

    /// Rule B-4: notes a withdrawal by an account with such own deposits, `total` being inside
    /// before it; the error says what may leave beyond them.
    pub fn withdrawn(
        &self,
        now: Time,
        total: Amount,
        (amount, own): (Amount, OwnDeposits),
        limits: &FlowLimits,
    ) -> Result<Flow, Amount> {
        let beyond = (amount - own.amount()).max(Amount::ZERO);
        let free = self.free(now, total, limits);
        if beyond > free {
            return Err(free);
        }
        let mut flow = self.at(now, total);
        flow.hour.values[0] += beyond;
        flow.day.values[0] += beyond;
        Ok(flow)
    }

    /// All windows at a later time; since the last flow `total` was inside.
    fn at(&self, now: Time, total: Amount) -> Flow {
        Flow {
            hour: self.hour.at(now, HOUR_SLOT, Amount::ZERO),
            day: self.day.at(now, DAY_SLOT, Amount::ZERO),
            least: self.least.at(now, DAY_SLOT, total),
        }
    }
}

/// Rule B-5: when withdrawals open again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Gate {
    opens: u64,
}

impl Gate {
    /// Closed for so many blocks, this one included.
    #[must_use]
    pub fn closed(self, height: u64, blocks: u64) -> Gate {
        Gate { opens: self.opens.max(height.saturating_add(blocks)) }
    }

    /// Whether withdrawals are open.
    pub fn is_open(self, height: u64) -> bool {
        height >= self.opens
    }
}

/// Whether the accounts with negative equity owe more than the insurance fund holds (rule B-5);
/// `deficits` is the sum of what they owe.
pub fn is_insolvent(deficits: Amount, insurance: Amount) -> bool {
    deficits > insurance
}

/// How long an insolvency must have lasted before somebody may leave at a loss (rule B-9).
pub const INSOLVENCY_WAIT: Span = Span::from_secs(7 * 24 * 3600);

/// Rule B-9: what is left behind of an amount, ⌈·⌉, when so much is lacking of all claims; all of
/// it where nothing is covered.
pub fn left_behind(amount: Amount, lacking: Amount, claims: Amount) -> Amount {
    amount
        .portion(lacking.max(Amount::ZERO), claims, Round::Up)
        .map_or(amount, |left| left.min(amount))
}

/// Rule B-6: the equity that must be left after a withdrawal: the initial requirement, or a share
/// of the sum of all |positions| at the mark, whichever is more. `None` beyond an `Amount`.
pub fn withdrawal_requirement(initial: Amount, gross: Amount, share: Rate) -> Option<Amount> {
    Some(initial.max(gross.share(share, Round::Up)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: FlowLimits = FlowLimits {
        hour_share: Rate::from_bp(100),
        day_share: Rate::from_bp(1000),
        hour_min: Amount::from_raw(7),
        day_min: Amount::from_raw(50),
    };

    fn amount(raw: i128) -> Amount {
        Amount::from_raw(raw)
    }

    fn at(minutes: u64) -> Time {
        Time::ZERO.after(Span::MINUTE.times(minutes))
    }

    /// A day after 10 000 came in.
    fn settled() -> (Flow, u64) {
        (Flow::default().deposited(at(0), Amount::ZERO), 26 * 60)
    }

    fn take(flow: Flow, minutes: u64, total: i128, raw: i128) -> Result<Flow, Amount> {
        flow.withdrawn(at(minutes), amount(total), (amount(raw), OwnDeposits::default()), &LIMITS)
    }

    #[test]
    fn b_4_a_hundredth_leaves_in_an_hour_and_own_deposits_without_limit() {
        let (flow, start) = settled();
        assert_eq!(take(flow, start, 10_000, 101), Err(amount(100)));
        let flow = take(flow, start, 10_000, 100).expect("the limit itself");
        assert_eq!(take(flow, start + 59, 9_900, 1), Err(Amount::ZERO));
        let own = OwnDeposits::default().deposited(amount(5000));
        let flow = flow.withdrawn(at(start + 59), amount(9_900), (amount(5000), own), &LIMITS);
        let flow = flow.expect("own deposits");
        assert_eq!(own.withdrawn(amount(5000)), OwnDeposits::default());
        // The hour is over, and 1 % of what is left is free.
        assert_eq!(take(flow, start + 65, 4_900, 50), Err(amount(49)));
        assert!(take(flow, start + 65, 4_900, 49).is_ok());
    }

    #[test]
    fn b_4_a_deposit_raises_the_limit_only_after_a_day() {
        let (flow, start) = settled();
        let flow = flow.deposited(at(start), amount(10_000));
        assert_eq!(flow.free(at(start + 60), amount(1_010_000), &LIMITS), amount(100));
        assert_eq!(flow.free(at(start + 24 * 60), amount(1_010_000), &LIMITS), amount(100));
        assert_eq!(flow.free(at(start + 26 * 60), amount(1_010_000), &LIMITS), amount(10_100));
    }

    #[test]
    fn b_4_who_takes_all_that_is_free_gets_a_tenth_in_a_day() {
        let (mut flow, start) = settled();
        let (mut total, mut left) = (10_000i128, Vec::new());
        for minute in (start..start + 3 * 24 * 60).step_by(5) {
            let least = total;
            let free = flow.free(at(minute), amount(total), &LIMITS).raw();
            flow = take(flow, minute, total, free).expect("what is free");
            total -= free;
            left.push(free);
            let day: i128 = left.iter().rev().take(24 * 12 + 1).sum();
            assert!(free == 0 || day <= least / 10, "{day} of {least}");
        }
        // Ten hundredths within the first day, although its hours would allow 22.
        let first: i128 = left[..24 * 12].iter().sum();
        assert!((900..=1000).contains(&first), "{first}");
    }

    #[test]
    fn b_4_an_empty_exchange_and_a_small_one_let_the_minimum_pass() {
        assert_eq!(Flow::default().free(at(0), Amount::ZERO, &LIMITS), amount(7));
        let wide = FlowLimits { hour_share: Rate::ONE, ..LIMITS };
        assert!(LIMITS.check().is_ok() && wide.check().is_err());
    }

    #[test]
    fn b_5_the_gate_is_closed_for_its_blocks_and_only_ever_prolonged() {
        let gate = Gate::default().closed(100, 50).closed(90, 50);
        assert!(!gate.is_open(100) && !gate.is_open(149) && gate.is_open(150));
        assert!(Gate::default().is_open(0));
        assert!(is_insolvent(amount(6), amount(5)) && !is_insolvent(amount(5), amount(5)));
    }

    #[test]
    fn b_6_a_withdrawal_leaves_the_larger_of_margin_and_a_tenth_of_notional() {
        let required = |initial, gross| {
            withdrawal_requirement(amount(initial), amount(gross), Rate::from_bp(1000))
        };
        assert_eq!(required(500, 4_000), Some(amount(500)));
        assert_eq!(required(500, 5_001), Some(amount(501)));
        assert_eq!(required(500, i128::MAX), Some(amount(i128::MAX / 10 + 1)));
    }

    /// What happens, and after how many minutes.
    #[derive(Clone, Copy, Debug)]
    struct Step {
        minutes: u64,
        account: usize,
        deposit: Option<i128>,
        withdrawal: i128,
    }

    fn step() -> impl Strategy<Value = Step> {
        let minutes = prop_oneof![6 => 0u64..8, 3 => 8u64..90, 1 => 90u64..2000];
        let deposit = prop::option::weighted(0.2, 1i128..100_000);
        (minutes, 0usize..4, deposit, 1i128..3000).prop_map(
            |(minutes, account, deposit, withdrawal)| Step {
                minutes,
                account,
                deposit,
                withdrawal,
            },
        )
    }

    /// Everything that ever happened: minute, total after it, what left beyond own deposits.
    struct Log(Vec<(u64, i128, i128)>);

    impl Log {
        fn left(&self, now: u64, minutes: u64) -> i128 {
            let within = self.0.iter().filter(|entry| entry.0 + minutes >= now);
            within.map(|entry| entry.2).sum()
        }

        /// The least total in the day before now.
        fn least(&self, now: u64) -> i128 {
            let before = self.0.iter().rev().find(|entry| entry.0 + 24 * 60 < now);
            let within = self.0.iter().filter(|entry| entry.0 + 24 * 60 >= now);
            within.chain(before).map(|entry| entry.1).min().unwrap_or(0)
        }
    }

    proptest! {
        #[test]
        fn b_4_no_sequence_takes_more_in_any_hour_or_day(
            steps in prop::collection::vec(step(), 1..200)
        ) {
            let (mut flow, mut now, mut total) = (Flow::default(), 0, 0i128);
            let (mut own, mut log) = ([OwnDeposits::default(); 4], Log(vec![(0, 0, 0)]));
            for step in steps {
                now += step.minutes;
                if let Some(deposit) = step.deposit {
                    flow = flow.deposited(at(now), amount(total));
                    own[step.account] = own[step.account].deposited(amount(deposit));
                    total += deposit;
                    log.0.push((now, total, 0));
                    continue;
                }
                let raw = step.withdrawal.min(total);
                let mine = own[step.account];
                let ask = |flow: &Flow, raw| {
                    flow.withdrawn(at(now), amount(total), (amount(raw), mine), &LIMITS)
                };
                let beyond = (raw - mine.amount().raw()).max(0);
                match ask(&flow, raw) {
                    Err(free) => {
                        prop_assert!(beyond > free.raw());
                        prop_assert!(ask(&flow, mine.amount().raw() + free.raw()).is_ok());
                    }
                    Ok(after) => {
                        let least = log.least(now);
                        flow = after;
                        own[step.account] = mine.withdrawn(amount(raw));
                        total -= raw;
                        log.0.push((now, total, beyond));
                        prop_assert!(beyond == 0 || log.left(now, 60) <= (least / 100).max(7));
                        prop_assert!(beyond == 0 || log.left(now, 1440) <= (least / 10).max(50));
                    }
                }
            }
        }

        #[test]
        fn b_4_after_a_quiet_window_and_a_slot_the_whole_limit_is_free_again(
            steps in prop::collection::vec((0u64..8, 1i128..40), 1..100)
        ) {
            let (mut flow, mut now) = settled();
            let mut total = 10_000;
            for (minutes, raw) in steps {
                now += minutes;
                if let Ok(after) = take(flow, now, total, raw) {
                    (flow, total) = (after, total - raw);
                }
            }
            // The total only fell, so it is the least of the day.
            let hour_limit = amount((total / 100).max(7));
            prop_assert_eq!(flow.free(at(now + 26 * 60), amount(total), &LIMITS), hour_limit);
            let later = at(now + 65);
            let day_left = amount((total / 10).max(50))
                - flow.day.at(later, DAY_SLOT, Amount::ZERO).sum();
            let expected = hour_limit.min(day_left.max(Amount::ZERO));
            prop_assert_eq!(flow.free(later, amount(total), &LIMITS), expected);
        }
    }
}
