//! The mean index of the last five minutes (rule O-7).
//!
//! A ring of [`BUCKETS`] buckets of [`BUCKET`] each, aligned to the epoch; a bucket holds
//! Σ price·ns and the time that it saw. The mean is their exact quotient, rounded down, over the
//! last 290 to 300 s: the newest bucket is always part of it, the oldest leaves as a whole. Reading
//! takes a running total, an update touches as many buckets as time passed through.
//!
//! Always holds: the total is the sum of the buckets, and the mean lies within the prices seen.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Round, Span, Time, div_i128};

/// Buckets in the window.
pub const BUCKETS: usize = 30;
/// Length of a bucket.
pub const BUCKET: Span = Span::from_secs(10);
/// Length of the window.
pub const WINDOW: Span = BUCKET.times(BUCKETS as u64);

/// Time seen, and the price over it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
struct Sum {
    /// Σ price·ns.
    value: i128,
    /// ns.
    time: u64,
}

/// A time-weighted mean over a moving window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Twap {
    buckets: [Sum; BUCKETS],
    total: Sum,
    /// Number of the newest bucket, counted from the epoch.
    newest: u64,
}

impl Twap {
    /// The mean; `None` before any time was seen.
    pub fn value(&self) -> Option<Price> {
        let raw = div_i128(self.total.value, i128::from(self.total.time), Round::Down)?;
        Some(Price::from_raw(i64::try_from(raw).expect("a mean lies within its prices")))
    }

    /// The time that the mean covers.
    pub fn covered(&self) -> Span {
        Span::from_nanos(self.total.time)
    }

    /// Adds a price that held from `from` to `to`; `from` is not before the last `to`.
    #[must_use]
    pub fn with(mut self, price: Price, from: Time, to: Time) -> Twap {
        let (mut at, end) = (from.nanos(), to.nanos());
        at = at.max(end.saturating_sub(WINDOW.nanos()));
        while at < end {
            let number = at / BUCKET.nanos();
            self.turn_to(number);
            let next = (number + 1).saturating_mul(BUCKET.nanos()).min(end);
            let part =
                Sum { value: i128::from(price.raw()) * i128::from(next - at), time: next - at };
            let bucket = &mut self.buckets[slot(number)];
            *bucket = sum(*bucket, part);
            self.total = sum(self.total, part);
            at = next;
        }
        self
    }

    /// Empties what is older than the window that ends with bucket `number`.
    fn turn_to(&mut self, number: u64) {
        let turns = number.saturating_sub(self.newest).min(BUCKETS as u64);
        for turn in 0..turns {
            let old = std::mem::take(&mut self.buckets[slot(number - turn)]);
            self.total.value -= old.value;
            self.total.time -= old.time;
        }
        self.newest = self.newest.max(number);
    }
}

fn sum(a: Sum, b: Sum) -> Sum {
    Sum { value: a.value + b.value, time: a.time + b.time }
}

fn slot(number: u64) -> usize {
    (number % BUCKETS as u64) as usize
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Every nanosecond's price is known from the list of steps: the mean over the covered window.
    fn naive(steps: &[(i64, u64, u64)], newest_end: u64) -> Option<i64> {
        let start = (newest_end - 1) / BUCKET.nanos();
        let start = start.saturating_sub(BUCKETS as u64 - 1) * BUCKET.nanos();
        let (mut value, mut time) = (0i128, 0i128);
        for &(price, from, to) in steps {
            let part = i128::from(to.saturating_sub(from.max(start)));
            value += i128::from(price) * part;
            time += part;
        }
        (time > 0).then(|| i64::try_from(value.div_euclid(time)).unwrap())
    }

    #[test]
    fn o_7_the_five_minute_mean_forgets_what_is_older() {
        let at = |second: u64| Time::from_nanos(Span::from_secs(second).nanos());
        let price = |text: &str| text.parse::<Price>().unwrap();
        let twap = Twap::default().with(price("100"), at(0), at(1000));
        assert_eq!((twap.value(), twap.covered()), (Some(price("100")), WINDOW));
        let twap = twap.with(price("200"), at(1000), at(1150));
        assert_eq!(twap.value(), Some(price("150")));
        let twap = twap.with(price("200"), at(1150), at(1300));
        assert_eq!((twap.value(), twap.covered()), (Some(price("200")), WINDOW));
    }

    proptest! {
        #[test]
        fn o_7_the_mean_is_exact_over_the_window_that_it_covers(
            start in 0u64..1 << 60,
            lasts in prop::collection::vec(
                (1i64..=1_000_000_000_000_000_000, prop_oneof![
                    1u64..2_000_000_000, 1u64..40_000_000_000, 1u64..2_000_000_000_000,
                ]), 1..80),
        ) {
            let (mut twap, mut steps, mut at) = (Twap::default(), Vec::new(), start);
            for (price, nanos) in lasts {
                let (from, to) = (Time::from_nanos(at), Time::from_nanos(at + nanos));
                twap = twap.with(Price::from_raw(price), from, to);
                steps.push((price, at, at + nanos));
                at += nanos;
                // One that is longer than the window starts a window before its end.
                let first = steps.last_mut().unwrap();
                first.1 = first.1.max(at.saturating_sub(WINDOW.nanos()));
                prop_assert_eq!(twap.value().map(Price::raw), naive(&steps, at));
                prop_assert!(twap.covered() <= WINDOW);
            }
        }
    }
}
