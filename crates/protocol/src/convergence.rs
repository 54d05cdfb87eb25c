//! The convergence ledger: how far a market was from its index, for how long.
//!
//! Rule C-1: two distributions over time, of |mark/index − 1| and of |mark/index − 1 − fair|, where
//! fair is the basis that the funding rule itself makes fair; over the life of the market, and over
//! windows. A deviation measured at the close of a block holds until the next, for [`HOLD_MAX`] at
//! most: what nobody measured is not counted. Rule C-2: at the end of each window the target is
//! met or missed. Rule C-3: a breach begins above the target's distance and ends at two thirds.
//!
//! Always holds: both distributions have seen the same time, the windows sum to the lifetime, and
//! the time counted within the target is exact.

pub mod distribution;
pub mod fair;

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Rate, Round, Span, Time, div_i128};

pub use crate::params::Target;
use distribution::{Distribution, share};

/// How long a measured deviation counts if no block follows.
pub const HOLD_MAX: Span = Span::MINUTE;

/// How far a market is from its index, both as magnitudes rounded up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Deviation {
    /// |mark/index − 1|.
    pub mark: Rate,
    /// |mark/index − 1 − fair|.
    pub basis: Rate,
}

impl Deviation {
    /// The deviation of a mark from its index and from the fair basis; `None` without an index.
    pub fn of(mark: Price, index: Price, fair: Rate) -> Option<Deviation> {
        let (whole, one) = (i128::from(index.raw()), i128::from(Rate::ONE.raw()));
        if whole <= 0 {
            return None;
        }
        let difference = (i128::from(mark.raw()) - whole) * one;
        let relative = |difference: i128| {
            let raw = div_i128(difference.abs(), whole, Round::Up).expect("an index above zero");
            Rate::from_raw(i64::try_from(raw).unwrap_or(i64::MAX))
        };
        let unfair = difference - i128::from(fair.raw()) * whole;
        Some(Deviation { mark: relative(difference), basis: relative(unfair) })
    }
}

/// What was seen over a stretch of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Tally {
    /// Of |mark/index − 1|.
    pub mark: Distribution,
    /// Of |mark/index − 1 − fair|.
    pub basis: Distribution,
    /// Nanoseconds within the target's distance.
    within: u64,
}

impl Tally {
    /// The share of the time within the target's distance, exact but for rounding down; `None`
    /// before any time was observed.
    pub fn share(&self) -> Option<Rate> {
        share(self.within, self.mark.observed().nanos())
    }

    fn add(&mut self, deviation: Deviation, lasted: Span, target: &Target) {
        self.mark.add(deviation.mark, lasted);
        self.basis.add(deviation.basis, lasted);
        if deviation.mark <= target.within {
            self.within += lasted.nanos();
        }
    }
}

/// Whether a window kept the promise (rule C-2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Verdict {
    /// The share was reached.
    Met,
    /// It was not.
    Missed,
    /// Less than half of the window was observed.
    Unseen,
}

/// What became of a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Outcome {
    /// When the window began.
    pub start: Time,
    /// How much of it was observed.
    pub observed: Span,
    /// Share of that within the target's distance, rounded down.
    pub share: Rate,
    /// Whether that is enough.
    pub verdict: Verdict,
}

/// A stretch of time above the target's distance (rule C-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Breach {
    /// When it began.
    pub since: Time,
    /// The largest deviation in it.
    pub worst: Rate,
}

/// What the ledger has to say at a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Notice {
    /// A window ended.
    Window(Outcome),
    /// A breach began.
    Begun(Breach),
    /// A breach ended, after so long.
    Ended(Breach, Span),
}

/// The ledger of one market.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Convergence {
    lifetime: Tally,
    current: Tally,
    finished: Option<(Outcome, Tally)>,
    latest: Option<Deviation>,
    time: Time,
    breach: Option<Breach>,
    breaches: u64,
    breach_longest: Span,
}

impl Convergence {
    /// Since the market began.
    pub fn lifetime(&self) -> &Tally {
        &self.lifetime
    }

    /// The window that runs.
    pub fn current(&self) -> &Tally {
        &self.current
    }

    /// The last window that ended with anything observed.
    pub fn finished(&self) -> Option<&(Outcome, Tally)> {
        self.finished.as_ref()
    }

    /// The breach that lasts.
    pub fn breach(&self) -> Option<Breach> {
        self.breach
    }

    /// Breaches begun, and the longest that ended.
    pub fn breaches(&self) -> (u64, Span) {
        (self.breaches, self.breach_longest)
    }

    /// Counts the time since the last block at the last deviation, and takes the deviation at the
    /// close of this one: `None` where no index serves the mark. `target` has been checked.
    pub fn observe(
        &mut self,
        deviation: Option<Deviation>,
        now: Time,
        target: &Target,
    ) -> Vec<Notice> {
        let mut notices = Vec::new();
        if let Some(latest) = self.latest {
            let held = now.since(self.time).min(HOLD_MAX);
            self.pass(latest, self.time.after(held), target, &mut notices);
        }
        if now >= window_end(self.time, target.window) {
            notices.extend(self.end_window(target));
        }
        self.time = self.time.max(now);
        self.latest = deviation;
        notices.extend(deviation.and_then(|deviation| self.judge(deviation.mark, target)));
        notices
    }

    /// Counts a deviation from the last block until a time, and ends the windows that it crosses.
    fn pass(
        &mut self,
        deviation: Deviation,
        until: Time,
        target: &Target,
        notices: &mut Vec<Notice>,
    ) {
        while self.time < until {
            let end = window_end(self.time, target.window);
            let lasted = end.min(until).since(self.time);
            self.lifetime.add(deviation, lasted, target);
            self.current.add(deviation, lasted, target);
            if end <= until {
                notices.extend(self.end_window(target));
            }
            self.time = self.time.after(lasted);
        }
    }

    /// Rule C-2; nothing for a window in which nothing was observed.
    fn end_window(&mut self, target: &Target) -> Option<Notice> {
        let tally = std::mem::take(&mut self.current);
        let (within, observed) = (tally.within, tally.mark.observed());
        let share = tally.share()?;
        let reached = u128::from(within) * u128::from(Rate::ONE.raw().unsigned_abs());
        let wanted = u128::from(observed.nanos()) * u128::from(target.share.raw().unsigned_abs());
        let verdict = if observed.times(2) < target.window {
            Verdict::Unseen
        } else if reached >= wanted {
            Verdict::Met
        } else {
            Verdict::Missed
        };
        let outcome = Outcome { start: self.time.floor(target.window), observed, share, verdict };
        self.finished = Some((outcome, tally));
        Some(Notice::Window(outcome))
    }

    /// Rule C-3.
    fn judge(&mut self, deviation: Rate, target: &Target) -> Option<Notice> {
        let Some(mut breach) = self.breach else {
            if deviation <= target.within {
                return None;
            }
            let begun = Breach { since: self.time, worst: deviation };
            self.breach = Some(begun);
            self.breaches += 1;
            return Some(Notice::Begun(begun));
        };
        breach.worst = breach.worst.max(deviation);
        let over = 3 * i128::from(deviation.raw()) > 2 * i128::from(target.within.raw());
        self.breach = over.then_some(breach);
        if over {
            return None;
        }
        let lasted = self.time.since(breach.since);
        self.breach_longest = self.breach_longest.max(lasted);
        Some(Notice::Ended(breach, lasted))
    }
}

/// The end of the window that holds a time.
fn window_end(time: Time, window: Span) -> Time {
    Time::from_nanos(time.floor(window).nanos().saturating_add(window.nanos()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn at(seconds: u64) -> Time {
        Time::ZERO.after(Span::from_secs(seconds))
    }

    fn off(bp: i64) -> Option<Deviation> {
        Some(Deviation { mark: Rate::from_bp(bp), basis: Rate::from_bp(bp) })
    }

    fn hourly() -> Target {
        Target { within: Rate::from_bp(6), share: Rate::from_bp(9_000), window: Span::HOUR }
    }

    /// A ledger that observes every ten seconds, from `from` up to `to`.
    fn watch(ledger: &mut Convergence, from: u64, to: u64, bp: i64) -> Vec<Notice> {
        let seconds = (from..to).step_by(10);
        seconds.flat_map(|second| ledger.observe(off(bp), at(second), &hourly())).collect()
    }

    #[test]
    fn c_1_a_deviation_is_a_magnitude_against_the_index_and_against_the_fair_basis() {
        let of = |mark, index, fair| Deviation::of(price(mark), price(index), Rate::from_bp(fair));
        let bp = |mark, basis| {
            Some(Deviation { mark: Rate::from_bp(mark), basis: Rate::from_bp(basis) })
        };
        assert_eq!(of("100.1", "100", 0), bp(10, 10));
        assert_eq!(of("99.96", "100", -4), bp(4, 0));
        assert_eq!(of("100.01", "100", -4), bp(1, 5));
        assert_eq!(of("100", "0", 0), None);
        let third = of("1", "3", 0).unwrap();
        assert_eq!(third.mark.raw(), 666_666_666_667);
        let beyond = Deviation::of(Price::MAX, Price::from_raw(1), Rate::from_raw(i64::MIN));
        assert_eq!(beyond, Some(Deviation { mark: Rate::MAX, basis: Rate::MAX }));
    }

    #[test]
    fn c_2_a_window_is_met_at_its_share_and_missed_below() {
        for (bad, expected) in [(360, Verdict::Met), (370, Verdict::Missed)] {
            let mut ledger = Convergence::default();
            assert_eq!(watch(&mut ledger, 0, 3600 - bad, 6), []);
            watch(&mut ledger, 3600 - bad, 3600, 7);
            let notices = ledger.observe(off(0), at(3600), &hourly());
            let [Notice::Window(outcome), ..] = notices[..] else { panic!("{notices:?}") };
            assert_eq!((outcome.start, outcome.verdict), (at(0), expected));
            assert_eq!(outcome.observed, Span::HOUR);
            let share = Rate::from_raw(((3600 - bad as i64) * 1_000_000_000_000) / 3600);
            assert_eq!(outcome.share, share);
            assert_eq!(ledger.finished().unwrap().0, outcome);
            assert_eq!(ledger.current(), &Tally::default());
        }
    }

    #[test]
    fn c_2_a_window_of_which_too_little_was_seen_is_not_judged() {
        let mut ledger = Convergence::default();
        watch(&mut ledger, 1810, 3600, 0);
        let notices = ledger.observe(None, at(3600), &hourly());
        let [Notice::Window(outcome)] = notices[..] else { panic!("{notices:?}") };
        assert_eq!((outcome.verdict, outcome.share), (Verdict::Unseen, Rate::ONE));
    }

    /// After a halt of eight hours a minute was observed, and one window has an outcome.
    #[test]
    fn c_1_a_halt_is_not_observed() {
        let mut ledger = Convergence::default();
        watch(&mut ledger, 0, 3590, 0);
        let notices = ledger.observe(off(0), at(8 * 3600), &hourly());
        let starts: Vec<Time> = notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::Window(outcome) => Some(outcome.start),
                Notice::Begun(_) | Notice::Ended(..) => None,
            })
            .collect();
        // The minute reaches from 3580 s to 3640 s.
        assert_eq!(starts, [at(0), at(3600)]);
        assert_eq!(ledger.lifetime().mark.observed(), Span::from_secs(3640));
    }

    #[test]
    fn c_3_a_breach_begins_above_the_target_and_ends_at_two_thirds_of_it() {
        let mut ledger = Convergence::default();
        let path = [(0, 6), (10, 7), (20, 9), (30, 5), (40, 7), (50, 4), (60, 6)];
        let notices: Vec<Notice> = path
            .into_iter()
            .flat_map(|(second, bp)| ledger.observe(off(bp), at(second), &hourly()))
            .collect();
        let breach = |bp| Breach { since: at(10), worst: Rate::from_bp(bp) };
        let lasted = Span::from_secs(40);
        assert_eq!(notices, [Notice::Begun(breach(7)), Notice::Ended(breach(9), lasted)]);
        assert_eq!((ledger.breach(), ledger.breaches()), (None, (1, lasted)));
    }

    #[test]
    fn c_3_a_breach_outlasts_the_loss_of_the_index() {
        let mut ledger = Convergence::default();
        ledger.observe(off(7), at(0), &hourly());
        assert_eq!(ledger.observe(None, at(10), &hourly()), []);
        assert_eq!(ledger.breach().map(|breach| breach.since), Some(at(0)));
    }

    #[test]
    fn targets_outside_their_ranges_are_refused() {
        let sound = Target::default();
        assert_eq!(sound.check(), Ok(()));
        assert!(Target { within: Rate::ONE, ..sound }.check().is_err());
        assert!(Target { share: Rate::ZERO, ..sound }.check().is_err());
        assert!(Target { window: Span::SECOND, ..sound }.check().is_err());
    }

    /// The stretches observed, cut at the ends of windows: (start, nanoseconds, deviation).
    fn stretches(blocks: &[(u64, Option<i64>)], window: u64) -> Vec<(u64, u64, i64)> {
        let mut stretches = Vec::new();
        for pair in blocks.windows(2) {
            let ((mut from, seen), (next, _)) = (pair[0], pair[1]);
            let Some(raw) = seen else { continue };
            let to = next.min(from + HOLD_MAX.nanos());
            while from < to {
                let stop = ((from / window + 1) * window).min(to);
                stretches.push((from, stop - from, raw));
                from = stop;
            }
        }
        stretches
    }

    proptest! {
        /// Against a list of stretches: totals, shares and every outcome.
        #[test]
        fn c_2_the_ledger_agrees_with_the_list_of_stretches(
            start in 0u64..1 << 60,
            steps in prop::collection::vec(
                (prop_oneof![1u64..2_000_000_000, 1u64..100_000_000_000, 1u64..9_000_000_000_000],
                 prop::option::weighted(0.8, 0i64..1_200_000_000)), 2..120),
            minutes in 1u64..20,
        ) {
            let target = Target { window: Span::MINUTE.times(minutes), ..hourly() };
            let window = target.window.nanos();
            let (mut ledger, mut blocks, mut now) = (Convergence::default(), Vec::new(), start);
            let mut outcomes = Vec::new();
            for (elapsed, raw) in steps {
                now += elapsed;
                blocks.push((now, raw));
                let deviation =
                    raw.map(|raw| Deviation { mark: Rate::from_raw(raw), basis: Rate::ZERO });
                for notice in ledger.observe(deviation, Time::from_nanos(now), &target) {
                    match notice {
                        Notice::Window(outcome) => outcomes.push(outcome),
                        Notice::Begun(_) | Notice::Ended(..) => {}
                    }
                }
            }
            let all = stretches(&blocks, window);
            let total: u64 = all.iter().map(|(_, nanos, _)| nanos).sum();
            prop_assert_eq!(ledger.lifetime().mark.observed().nanos(), total);
            prop_assert_eq!(ledger.lifetime().basis.observed().nanos(), total);
            let mut starts: Vec<u64> = all.iter().map(|(from, ..)| from / window).collect();
            starts.dedup();
            starts.retain(|&number| number < now / window);
            prop_assert_eq!(outcomes.len(), starts.len());
            for (outcome, number) in outcomes.into_iter().zip(starts) {
                let inside = all.iter().filter(|(from, ..)| from / window == number);
                let (mut observed, mut within) = (0u64, 0u64);
                for &(_, nanos, raw) in inside {
                    observed += nanos;
                    within += if raw <= target.within.raw() { nanos } else { 0 };
                }
                prop_assert_eq!(outcome.start.nanos(), number * window);
                prop_assert_eq!(outcome.observed.nanos(), observed);
                prop_assert_eq!(Some(outcome.share), share(within, observed));
                let judged = 2 * observed >= window;
                prop_assert_eq!(outcome.verdict == Verdict::Unseen, !judged);
                let met = 10 * u128::from(within) >= 9 * u128::from(observed);
                prop_assert_eq!(outcome.verdict == Verdict::Met, judged && met);
            }
        }
    }
}
