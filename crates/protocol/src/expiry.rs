//! What a dated future is worth before it expires, and what it settles at (rules ).
//!
//! With A the mean of the index over the part c of the settlement window that was seen, I the
//! index, r what is left of the window and T the time to expiry:
//!   forward = I·(1 + carry·T/8 h), fair = (A·c + forward·r)/(c + r),
//!   mark = fair + (m − fair)·r/(c + r),
//! where m is the mark of rule M-1 about the fair price. Before the window c is nothing, so fair is
//! the forward and the mark is m; at expiry both are A, which is what the future settles at.
//! Deribit settles at the mean of its index over 30 min, Binance as well (since November 2024);
//! Derive marks what expires at this combination of mean and forward. That the premium fades is
//! ours.
//!
//! Always holds: the fair price lies between A and the forward, the mark within its band around
//! the fair price; time without an accepted index enters neither c nor A.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Rate, Round, Span, Time, mul_div};

use crate::halt::TimeAverage;
use crate::params::{EIGHT_HOURS, FutureParams, Window};

/// The largest basis that a carry makes fair, up or down.
pub const BASIS_MAX: Rate = Rate::from_bp(5_000);

/// What a dated future keeps besides what a perpetual does. Empty for a perpetual.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Dated {
    /// The index over the settlement window, as far as it was seen.
    average: TimeAverage,
    /// The fair price of the last block.
    fair: Price,
}

impl Dated {
    /// The fair price of the last block; zero before the first index.
    #[inline]
    pub fn fair(&self) -> Price {
        self.fair
    }

    /// How much of the settlement window was seen.
    pub fn covered(&self) -> Span {
        self.average.covered()
    }

    /// Adds a block that lasted from `times[0]` to `times[1]`, with the index that serves a
    /// settlement there (rule X-4). The window goes on after expiry until its quorum was seen.
    pub(crate) fn observe(
        &mut self,
        index: Option<Price>,
        times: [Time; 2],
        future: &FutureParams,
    ) {
        self.average = observed(self.average, index, times, &future.window());
    }

    /// Keeps the fair price of this block.
    pub(crate) fn refresh(
        &mut self,
        index: Price,
        now: Time,
        (future, carry): (&FutureParams, Rate),
    ) {
        self.fair = self.fair_at(index, now, (future, carry));
    }

    /// The fair price as if the index were this, with `carry` for 8 h (rule X-2); rounded down.
    pub fn fair_at(
        &self,
        index: Price,
        now: Time,
        (future, carry): (&FutureParams, Rate),
    ) -> Price {
        let left = future.expiry.since(now);
        let basis = carry.over(left, EIGHT_HOURS, Round::Down);
        let basis = match basis {
            Some(basis) => basis.clamp(-BASIS_MAX, BASIS_MAX),
            None if carry.is_negative() => -BASIS_MAX,
            None => BASIS_MAX,
        };
        let forward = index.offset(basis, Round::Down).expect("half as much again is a price");
        self.average.with(forward, left.min(future.averaging)).value().unwrap_or(forward)
    }

    /// The mark, given the one that rule M-1 makes about the fair price (rule X-3).
    pub(crate) fn mark(&self, about: Price, now: Time, future: &FutureParams) -> Price {
        let left = i128::from(future.expiry.since(now).min(future.averaging).nanos());
        let whole = left + i128::from(self.covered().nanos());
        let premium = i128::from(about.raw()) - i128::from(self.fair.raw());
        let kept = mul_div(premium, left, whole, Round::Down).unwrap_or(0);
        self.fair + Price::from_raw(i64::try_from(kept).expect("a part of a difference of prices"))
    }

    /// The settlement price once there is one: the mean, when enough of it was seen; after the
    /// longest wait what was seen or, if nothing was, the last accepted index (rule X-4).
    pub(crate) fn settlement(
        &self,
        index: Price,
        now: Time,
        future: &FutureParams,
    ) -> Option<Price> {
        settlement(self.average, index, now, &future.window())
    }
}

/// What was seen of a window, after a block that lasted from `times[0]` to `times[1]` with the
/// index that serves a settlement there (rule X-4). The window goes on after expiry until its
/// quorum was seen.
pub(crate) fn observed(
    average: TimeAverage,
    index: Option<Price>,
    [last, now]: [Time; 2],
    window: &Window,
) -> TimeAverage {
    let sufficient = average.covered() >= window.quorum();
    let end = if sufficient { now.min(window.expiry) } else { now };
    let seen = end.since(last.max(window.start()));
    index.map_or(average, |index| average.with(index, seen))
}

/// The price at which a window settles, once there is one: the mean, when enough of it was seen;
/// after the longest wait what was seen or, if nothing was, the last accepted index (rule X-4).
pub(crate) fn settlement(
    average: TimeAverage,
    index: Price,
    now: Time,
    window: &Window,
) -> Option<Price> {
    let waited = now >= window.expiry.after(window.extension_max);
    if now < window.expiry || (average.covered() < window.quorum() && !waited) {
        return None;
    }
    Some(average.value().unwrap_or(index))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::params::{FundingRule, PerpetualParams};
    use money::{Amount, Qty};
    use proptest::prelude::*;

    const HOUR: u64 = 3_600_000_000_000;

    /// Expires ten hours after the epoch, averaged over half an hour.
    fn future() -> FutureParams {
        let terms = PerpetualParams {
            funding: FundingRule::Never,
            impact_notional: Amount::ONE,
            margin_initial: Rate::from_bp(1000),
            margin_maintenance: Rate::from_bp(500),
            mark_band: Rate::from_bp(300),
            price_band: Rate::from_bp(1000),
            fee_liquidation: Rate::from_bp(100),
            position_max: Qty::ONE,
        };
        FutureParams {
            terms,
            expiry: Time::from_nanos(10 * HOUR),
            averaging: Span::MINUTE.times(30),
            extension_max: Span::DAY,
            spread_initial: Rate::ZERO,
            spread_maintenance: Rate::ZERO,
        }
    }

    fn minutes(count: u64) -> Time {
        Time::from_nanos(count * 60_000_000_000)
    }

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    /// Sees this index in each minute of a range.
    fn seen(dated: &mut Dated, index: Option<&str>, from: u64, to: u64) {
        for minute in from..to {
            let times = [minutes(minute), minutes(minute + 1)];
            dated.observe(index.map(price), times, &future());
        }
    }

    #[test]
    fn x_2_before_the_window_the_fair_price_is_the_forward() {
        let (dated, future) = (Dated::default(), future());
        let carry = Rate::from_bp(10);
        let fair = |minute| dated.fair_at(price("100"), minutes(minute), (&future, carry));
        assert_eq!(fair(120), price("100.1"), "8 h before");
        assert_eq!(fair(360), price("100.05"));
        assert_eq!(fair(600), price("100"));
        let far = FutureParams { expiry: Time::from_nanos(u64::MAX / 2), ..future };
        for (carry, expected) in [(Rate::ONE, "150"), (-Rate::ONE, "50")] {
            let fair = dated.fair_at(price("100"), Time::ZERO, (&far, carry));
            assert_eq!(fair, price(expected), "bounded");
        }
    }

    #[test]
    fn x_2_within_the_window_the_fair_price_is_what_was_seen_and_the_forward_of_the_rest() {
        let (mut dated, future) = (Dated::default(), future());
        seen(&mut dated, Some("100"), 540, 590);
        assert_eq!(dated.covered(), Span::MINUTE.times(20), "before the window nothing counts");
        let fair = dated.fair_at(price("130"), minutes(590), (&future, Rate::ZERO));
        assert_eq!(fair, price("110"));
        seen(&mut dated, None, 590, 595);
        let fair = dated.fair_at(price("130"), minutes(595), (&future, Rate::ZERO));
        assert_eq!(fair, price("106"), "(20·100 + 5·130)/25: what nobody saw is left out");
    }

    #[test]
    fn x_3_a_premium_fades_with_what_is_left_of_the_window() {
        let (mut dated, future) = (Dated::default(), future());
        dated.refresh(price("100"), minutes(500), (&future, Rate::ZERO));
        assert_eq!(dated.mark(price("102"), minutes(500), &future), price("102"));
        seen(&mut dated, Some("100"), 570, 585);
        dated.refresh(price("100"), minutes(585), (&future, Rate::ZERO));
        assert_eq!(dated.mark(price("102"), minutes(585), &future), price("101"));
        seen(&mut dated, Some("100"), 585, 600);
        dated.refresh(price("500"), minutes(600), (&future, Rate::ZERO));
        assert_eq!(dated.mark(price("510"), minutes(600), &future), price("100"));
    }

    #[test]
    fn x_4_settlement_waits_for_half_of_the_window_and_not_for_ever() {
        let future = future();
        let at = |dated: &Dated, minute| dated.settlement(price("77"), minutes(minute), &future);
        let mut dated = Dated::default();
        seen(&mut dated, Some("100"), 570, 584);
        assert_eq!((at(&dated, 599), at(&dated, 600)), (None, None), "14 of 15 minutes");
        seen(&mut dated, None, 584, 700);
        assert_eq!(at(&dated, 700), None);
        seen(&mut dated, Some("115"), 700, 701);
        assert_eq!(at(&dated, 701), Some(price("101")), "(14·100 + 115)/15");
        seen(&mut dated, Some("999"), 701, 705);
        assert_eq!(at(&dated, 705), Some(price("101")), "frozen");
        let day = 600 + 1440;
        let mut partly = Dated::default();
        seen(&mut partly, Some("100"), 570, 571);
        assert_eq!((at(&partly, day - 1), at(&partly, day)), (None, Some(price("100"))));
        assert_eq!(at(&Dated::default(), day), Some(price("77")), "the last accepted index");
    }

    proptest! {
        /// Whatever is seen, the fair price lies between the mean and the forward, the mark within
        /// its distance around the fair price, and at expiry all three are the settlement price.
        #[test]
        fn x_3_the_mark_ends_at_the_settlement_price(
            path in prop::collection::vec(prop::option::of(1i64..1_000_000_000_000), 40),
            carry in -100i64..100, premium in -1000i64..1000,
        ) {
            let (mut dated, future) = (Dated::default(), future());
            let mut index = Price::ONE;
            for (minute, seen) in (561u64..).zip(path) {
                let seen = seen.map(Price::from_raw);
                index = seen.unwrap_or(index);
                let now = minutes(minute);
                dated.observe(seen, [minutes(minute - 1), now], &future);
                let terms = (&future, Rate::from_bp(carry));
                dated.refresh(index, now, terms);
                let fair = dated.fair();
                let about = Price::from_raw((fair.raw() + fair.raw() / 10_000 * premium).max(0));
                let mark = dated.mark(about, now, &future);
                prop_assert!((mark - fair).abs() <= (about - fair).abs());
                let forward = Dated::default().fair_at(index, now, terms);
                let mean = dated.average.value().unwrap_or(forward);
                prop_assert!(mean.min(forward) <= fair && fair <= mean.max(forward));
                if let Some(price) = dated.settlement(index, now, &future) {
                    prop_assert_eq!([fair, mark], [price; 2]);
                }
            }
        }
    }
}
