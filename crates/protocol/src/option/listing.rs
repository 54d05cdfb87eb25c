//! Which expiries and strikes are listed (rules K-1 and K-2): functions of time and index.
//!
//! Expiries stand at `hour` UTC: of the next days, of the next Fridays, of the next last Fridays of
//! a month. Strikes are whole multiples of a step, the least of 1, 2, 2.5 and 5 times a power of
//! ten that is `strike_step` of the index or more, within `strike_range`·√(T/`reference`) of it, at
//! most 90 % and at least four steps; beyond half of that range and four steps only every fourth.
//! This is how Deribit and Derive list: near for what ends soon, wide for what ends late.

use money::{Price, Round, Span, Time, mul_div};

use crate::params::ListingParams;

/// The first Friday of the epoch is its second day.
const FRIDAY: u64 = 1;
const WEEK: u64 = 7;
/// No strike is further from the index than this, at 10⁻¹².
const RANGE_MAX: i128 = 900_000_000_000;
/// Steps on each side, at least.
const LEAST: i128 = 4;

/// Rule K-1: the expiries after a time, the next first, each once. They change when the first of
/// them passes and not before.
pub fn expiries(now: Time, params: &ListingParams) -> Vec<Time> {
    let first = first_day(now, params.hour);
    let fridays = || (first..).filter(|day| day % WEEK == FRIDAY);
    let last_fridays = fridays().filter(|day| month(*day) != month(day + WEEK));
    let mut days: Vec<u64> = (first..first + u64::from(params.dailies)).collect();
    days.extend(fridays().take(usize::from(params.weeklies)));
    days.extend(last_fridays.take(usize::from(params.monthlies)));
    days.sort_unstable();
    days.dedup();
    days.into_iter().map(|day| at(day, params.hour)).collect()
}

/// The first day whose expiry is still to come.
fn first_day(now: Time, hour: Span) -> u64 {
    let today = now.nanos() / Span::DAY.nanos();
    if at(today, hour) > now { today } else { today + 1 }
}

fn at(day: u64, hour: Span) -> Time {
    Time::ZERO.after(Span::DAY.times(day)).after(hour)
}

fn month(day: u64) -> u64 {
    Time::ZERO.after(Span::DAY.times(day)).date().1
}

/// How far apart strikes are at an index (rule K-2).
pub fn strike_step(index: Price, params: &ListingParams) -> Price {
    let wanted = share(index, i128::from(params.strike_step.raw()), Round::Up).max(1);
    let mut decade = 1i128;
    loop {
        // 2.5 is whole from the second decade on.
        let half = if decade >= 10 { decade * 5 / 2 } else { decade * 2 };
        let nice = [decade, 2 * decade, half, 5 * decade];
        if let Some(step) = nice.into_iter().find(|step| *step >= wanted) {
            return price(step);
        }
        decade *= 10;
    }
}

/// How far from the index strikes are listed for an expiry that is so far away (rule K-2).
pub fn strike_range(index: Price, left: Span, params: &ListingParams) -> Price {
    let range = u128::from(params.strike_range.raw().unsigned_abs());
    let [left, reference] =
        [left, params.reference].map(|span| u128::from(span.nanos() / Span::SECOND.nanos()));
    // Ranges below 10¹², and less than 2⁴⁰ seconds.
    let rate = (range * range * left / reference.max(1)).isqrt();
    let rate = i128::try_from(rate).expect("a root of 128 bits").min(RANGE_MAX);
    let least = LEAST * i128::from(strike_step(index, params).raw());
    price(share(index, rate, Round::Up).max(least))
}

/// Rule K-2: the strikes around an index, the nearest first, the lower first where both are as
/// near.
pub fn strikes(index: Price, left: Span, params: &ListingParams) -> Vec<Price> {
    let step = i128::from(strike_step(index, params).raw());
    let range = i128::from(strike_range(index, left, params).raw());
    let index = i128::from(index.raw());
    let (low, high) = ((index - range).max(1), index + range);
    // What is far away only by fours.
    let steps = (low + step - 1) / step..=high / step;
    let dense = |strike: i128| (strike - index).abs() <= (range / 2).max(LEAST * step);
    let listed = steps.filter(|at| *at > 0 && (dense(at * step) || at % 4 == 0));
    let mut strikes: Vec<i128> = listed.map(|at| at * step).collect();
    strikes.sort_by_key(|strike| ((strike - index).abs(), *strike));
    strikes.into_iter().map(price).collect()
}

fn share(index: Price, rate: i128, round: Round) -> i128 {
    let one = i128::from(money::Rate::ONE.raw());
    mul_div(i128::from(index.raw()), rate, one, round).expect("a share of a price is smaller")
}

fn price(raw: i128) -> Price {
    Price::from_raw(i64::try_from(raw).expect("an index is at most a tenth of the type"))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2026-01-01 00:00 UTC, a Thursday.
    const START: u64 = 1_767_225_600_000_000_000;

    fn dates(now: Time, params: &ListingParams) -> Vec<String> {
        expiries(now, params).iter().map(|time| time.to_string()[..16].to_string()).collect()
    }

    #[test]
    fn k_1_days_fridays_and_last_fridays_of_a_month() {
        let params = ListingParams::default();
        let expected = [
            "2026-01-01 08:00",
            "2026-01-02 08:00",
            "2026-01-03 08:00",
            "2026-01-09 08:00",
            "2026-01-16 08:00",
            "2026-01-30 08:00",
            "2026-02-27 08:00",
            "2026-03-27 08:00",
        ];
        assert_eq!(dates(Time::from_nanos(START), &params), expected);
        // At an expiry itself it is over, and the next day follows.
        let eight = Time::from_nanos(START).after(params.hour);
        assert_eq!(
            dates(eight, &params)[..4],
            ["2026-01-02 08:00", "2026-01-03 08:00", "2026-01-04 08:00", "2026-01-09 08:00",]
        );
        let none = ListingParams { dailies: 0, weeklies: 0, monthlies: 0, ..params };
        assert!(expiries(eight, &none).is_empty());
    }

    #[test]
    fn k_2_strikes_are_dense_near_the_index_and_sparse_far_from_it() {
        let params = ListingParams::default();
        let index: Price = "100100".parse().unwrap();
        assert_eq!(strike_step(index, &params).to_string(), "5000", "2502.5 is above 2500");
        let index: Price = "100000".parse().unwrap();
        assert_eq!(strike_step(index, &params).to_string(), "2500");
        let month = strikes(index, Span::DAY.times(30), &params);
        let mut sorted: Vec<i64> = month.iter().map(|strike| strike.raw() / 100_000_000).collect();
        assert_eq!(sorted[..3], [100_000, 97_500, 102_500]);
        sorted.sort_unstable();
        let outer = [50_000, 60_000, 70_000, 75_000, 77_500];
        assert_eq!((sorted.len(), &sorted[..5]), (27, &outer[..]));
        // A day: 9.1 %, but never less than four steps on each side.
        let day = strikes(index, Span::DAY, &params);
        let day: Vec<i64> = day.iter().map(|strike| strike.raw() / 100_000_000).collect();
        let near = [100_000, 97_500, 102_500, 95_000, 105_000, 92_500, 107_500, 90_000, 110_000];
        assert_eq!(day, near);
        let year = strike_range(index, Span::DAY.times(366), &params);
        assert_eq!(year.to_string(), "90000");
    }

    proptest! {
        /// Whatever the index and the time, strikes are whole steps above zero within the range,
        /// each once, on both sides of the index.
        #[test]
        fn k_2_strikes_surround_every_index(
            index in 1i64..1_000_000_000_000_000_000, minutes in 1u64..1_000_000,
            step in 10i64..2_000, range in 2_000i64..9_000,
        ) {
            let rates = [step, range].map(money::Rate::from_bp);
            let params = ListingParams {
                strike_step: rates[0], strike_range: rates[1], ..ListingParams::default()
            };
            let (index, left) = (Price::from_raw(index), Span::MINUTE.times(minutes));
            let (step, range) = (strike_step(index, &params), strike_range(index, left, &params));
            let strikes = strikes(index, left, &params);
            for strike in &strikes {
                prop_assert!(strike.is_positive() && strike.raw() % step.raw() == 0);
                prop_assert!((*strike - index).abs() <= range);
            }
            let distances: Vec<_> = strikes.iter().map(|s| ((*s - index).abs(), *s)).collect();
            prop_assert!(distances.windows(2).all(|pair| pair[0] < pair[1]));
            let above = strikes.iter().filter(|strike| **strike >= index).count();
            prop_assert!(above >= 4, "{above} above");
        }

        /// The expiries change when the first of them passes, and not before.
        #[test]
        fn k_1_the_list_is_good_until_its_first_expiry(seconds in 0u64..100_000_000) {
            let params = ListingParams::default();
            let now = Time::from_nanos(START).after(Span::from_secs(seconds));
            let list = expiries(now, &params);
            let first = list[0];
            prop_assert!(first > now && list.is_sorted());
            prop_assert_eq!(expiries(Time::from_nanos(first.nanos() - 1), &params), list.clone());
            prop_assert_eq!(expiries(first, &params)[0], list[1]);
        }
    }
}
