//! Realised volatility of an index, which policies act on (rule G-10).
//!
//! In the first block of each minute with an index, k minutes after the last: r = p/p₀ − 1, at most
//! ±1, and variance ← variance + (r²/k − variance)·min(k/n, 1), n the minutes seen so far, at most
//! those of a day: a plain mean that becomes an exponential one. Volatility of a year =
//! ⌊√(variance·525 600)⌋, after an hour. A minute without prices is spread over those around it.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Rate, Round, Span, Time, mul_div};

/// Minutes of the average.
const AVERAGE: u64 = 24 * 60;
/// Minutes before there is an estimate.
const LEAST: u64 = 60;
/// Minutes of a year of 365 days.
const YEAR: u128 = 365 * 24 * 60;

/// What is known of one index.
#[derive(Clone, Copy, Debug, Default, BorshSerialize, BorshDeserialize)]
pub(crate) struct Volatility {
    /// Number of the last minute that was sampled, and the price then.
    last: Option<(u64, Price)>,
    /// Minutes seen, up to those of the average.
    seen: u64,
    /// Mean squared return of a minute, at 10⁻²⁴.
    variance: i128,
}

impl Volatility {
    /// Takes the price of a block.
    pub(crate) fn observe(&mut self, now: Time, price: Price) {
        let minute = now.nanos() / Span::MINUTE.nanos();
        let Some((last, from)) = self.last else {
            self.last = Some((minute, price));
            return;
        };
        if minute <= last {
            return;
        }
        let passed = minute - last;
        self.last = Some((minute, price));
        self.seen = self.seen.saturating_add(passed).min(AVERAGE);
        let part = i128::from(passed.min(self.seen));
        let sample = squared(from, price) / i128::from(passed);
        self.variance += (sample - self.variance) * part / i128::from(self.seen);
    }

    /// Volatility of a year, rounded down.
    pub(crate) fn annual(&self) -> Option<Rate> {
        if self.seen < LEAST {
            return None;
        }
        let variance = u128::try_from(self.variance).expect("a mean of squares") * YEAR;
        let root = i64::try_from(variance.isqrt()).expect("at most 725 at 10⁻¹²");
        Some(Rate::from_raw(root))
    }
}

/// The square of a return, at 10⁻²⁴.
fn squared(from: Price, to: Price) -> i128 {
    let one = i128::from(Rate::ONE.raw());
    let moved = i128::from(to.raw()) - i128::from(from.raw());
    let part = mul_div(moved, one, i128::from(from.raw().max(1)), Round::Down);
    let part = part.map_or(one, |part| part.clamp(-one, one));
    part * part
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(prices: impl IntoIterator<Item = (u64, i64)>) -> Option<Rate> {
        let mut volatility = Volatility::default();
        for (minute, price) in prices {
            let now = Time::ZERO.after(Span::MINUTE.times(minute));
            volatility.observe(now, Price::from_raw(price));
        }
        volatility.annual()
    }

    #[test]
    fn g_10_a_move_of_ten_basis_points_a_minute_is_72_percent_a_year() {
        // √525 600 = 724.98…; steps of 10 bp up and as much down.
        let zigzag = (0u64..200).map(|at| (at, if at % 2 == 0 { 1_000_000 } else { 1_001_000 }));
        let annual = run(zigzag).expect("more than an hour");
        assert!((annual - Rate::from_bp(7_246)).raw().abs() < Rate::from_bp(2).raw(), "{annual}");
    }

    #[test]
    fn g_10_there_is_no_estimate_before_an_hour_and_none_of_a_flat_price_above_zero() {
        assert_eq!(run((0..60).map(|at| (at, 5))), None);
        assert_eq!(run((0..61).map(|at| (at, 5))), Some(Rate::ZERO));
    }

    #[test]
    fn g_10_an_outage_counts_its_move_once_however_long_it_was() {
        let quiet = (0..1_000).map(|at| (at, 1_000_000));
        let jump = run(quiet.clone().chain([(1_000, 1_010_000)])).expect("an estimate");
        let late = run(quiet.chain([(1_010, 1_010_000)])).expect("an estimate");
        assert!((late - jump).raw().abs() < jump.raw() / 50, "{late} {jump}");
    }

    #[test]
    fn g_10_no_price_breaks_it() {
        let wild = [0, 1, i64::MAX, 1, 0, i64::MAX];
        let prices = (0u64..3_000).zip(wild.into_iter().cycle());
        assert!(run(prices).expect("an estimate") <= Rate::from_bp(7_250_000));
    }
}
