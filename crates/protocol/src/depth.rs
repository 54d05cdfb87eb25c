//! Aged depth: what of the displayed depth near the index has rested.
//!
//! Rule D-1: each block, with d the depth displayed now, d₀ the one a block ago, and rested =
//! min(d₀, d): aged ← min(d, aged + (rested − aged)·w), w = 1 − e^(−dt/τ); only what was on display
//! at both ends of a block can have rested through it. Rule D-2: the depth of a side is the
//! notional that its levels hold within the window around the index. Rule D-3: impact of a trade is
//! linear in what it takes of the aged depth.
//!
//! Always holds: 0 ≤ aged ≤ displayed; depth shown for one block alone counts nothing, and depth
//! that stays counts at most t/τ of itself after a time t; what is pulled is gone at once.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Price, Qty, Rate, Round, Span, mul_div};
use pricing::convert::decay;

use crate::design::AMOUNT_MAX;
use crate::ids::Side;
pub use crate::params::DepthParams;

/// The displayed and the aged depth of one side of a book, in quote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Depth {
    displayed: Amount,
    aged: Amount,
}

impl Depth {
    /// The depth that has rested.
    pub fn aged(&self) -> Amount {
        self.aged
    }

    /// The depth displayed at the close of the last block.
    pub fn displayed(&self) -> Amount {
        self.displayed
    }

    /// The depth at the close of a block that lasted `elapsed` and displays so much (rule D-1).
    #[must_use]
    pub fn next(self, displayed: Amount, elapsed: Span, params: &DepthParams) -> Depth {
        let rested = self.displayed.min(displayed);
        if rested <= self.aged {
            return Depth { displayed, aged: self.aged.min(displayed) };
        }
        let weight = i128::from(weight(elapsed, params.time_constant).raw());
        let one = i128::from(Rate::ONE.raw());
        let gain = mul_div((rested - self.aged).raw(), weight, one, Round::Down)
            .expect("a part of a depth is smaller");
        Depth { displayed, aged: self.aged + Amount::from_raw(gain) }
    }
}

/// 1 − e^(−t/τ), and never above ⌊t/τ⌋ where the exponential was rounded.
fn weight(elapsed: Span, time_constant: Span) -> Rate {
    let linear = Rate::ONE.over(elapsed, time_constant, Round::Down).unwrap_or(Rate::MAX);
    linear.min(Rate::ONE - decay(elapsed, time_constant))
}

/// The notional that one side displays within the window around the index (rule D-2): levels best
/// first, each with the quantity quoted there.
pub fn displayed(
    levels: impl Iterator<Item = (Price, Qty)>,
    side: Side,
    index: Price,
    params: &DepthParams,
) -> Amount {
    let low = index.offset(-params.window, Round::Up).expect("a window is below one");
    let high = index.offset(params.window, Round::Down).unwrap_or(Price::MAX);
    let within = |price: Price| match side {
        Side::Buy => price >= low,
        Side::Sell => price <= high,
    };
    levels
        .take_while(|&(price, _)| within(price))
        .map(|(price, qty)| price.notional(qty, Round::Down))
        .fold(Amount::ZERO, |sum, level| (sum + level).min(AMOUNT_MAX))
}

/// How far a trade of this notional moves the price, as a share of it: window·notional/aged,
/// rounded up (rule D-3); `None` where no depth has aged.
pub fn impact(notional: Amount, depth: Amount, params: &DepthParams) -> Option<Rate> {
    let window = i128::from(params.window.raw());
    let raw = mul_div(notional.raw(), window, depth.raw(), Round::Up)?;
    Some(Rate::from_raw(i64::try_from(raw).unwrap_or(i64::MAX)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BLOCK: Span = Span::from_millis(200);

    fn params() -> DepthParams {
        DepthParams::default()
    }

    fn amount(text: &str) -> Amount {
        text.parse().unwrap()
    }

    /// A book that has shown so much for a day.
    fn rested(displayed: Amount) -> Depth {
        let depth = Depth::default().next(displayed, BLOCK, &params());
        depth.next(displayed, Span::DAY, &params())
    }

    #[test]
    fn d_1_depth_comes_to_count_with_the_time_constant() {
        let mut depth = Depth::default().next(amount("1000000"), BLOCK, &params());
        for _ in 0..3000 {
            depth = depth.next(amount("1000000"), BLOCK, &params());
        }
        let share = depth.aged().raw() as f64 / 1e14;
        assert!((share - (1.0 - (-1.0f64).exp())).abs() < 1e-9, "{share}");
    }

    #[test]
    fn d_1_less_than_a_unit_does_not_count() {
        let unit = Amount::from_raw(1);
        let depth = Depth::default().next(unit, BLOCK, &params()).next(unit, BLOCK, &params());
        assert_eq!(depth.aged(), Amount::ZERO);
    }

    /// POPCAT, 12 November 2025: a wall of 20 million over a book of 2, pulled at its height.
    #[test]
    fn d_1_a_wall_that_is_pulled_leaves_nothing() {
        let mut depth = rested(amount("2000000"));
        for _ in 0..300 {
            depth = depth.next(amount("22000000"), BLOCK, &params()); // for a minute
        }
        assert!(depth.aged() < amount("3910000"), "{}", depth.aged());
        depth = depth.next(amount("1500000"), BLOCK, &params());
        assert_eq!(depth.aged(), amount("1500000"));
    }

    /// A block may last as long as a halt: what appears at its end has not rested through it.
    #[test]
    fn d_1_depth_that_appears_after_a_halt_counts_nothing() {
        let depth = rested(amount("2000000")).next(amount("22000000"), Span::HOUR, &params());
        assert_eq!(depth.aged(), amount("2000000"));
    }

    #[test]
    fn d_2_only_levels_within_the_window_are_displayed() {
        let levels = |prices: [(&str, &str); 3]| {
            prices.map(|(price, qty)| (price.parse().unwrap(), qty.parse().unwrap())).into_iter()
        };
        let index = "100".parse().unwrap();
        let bids = levels([("99", "1"), ("98", "2"), ("97.99999999", "50")]);
        assert_eq!(displayed(bids, Side::Buy, index, &params()), amount("295"));
        let asks = levels([("101", "1"), ("102", "2"), ("102.00000001", "50")]);
        assert_eq!(displayed(asks, Side::Sell, index, &params()), amount("305"));
    }

    #[test]
    fn d_3_taking_all_aged_depth_moves_the_price_by_the_window() {
        let at = |notional, depth| impact(amount(notional), amount(depth), &params());
        assert_eq!(at("1000", "1000"), Some(Rate::from_bp(200)));
        assert_eq!(at("500", "1000"), Some(Rate::from_bp(100)));
        assert_eq!(at("1", "3").map(Rate::raw), Some(6_666_666_667));
        assert_eq!(at("1", "0"), None);
    }

    #[test]
    fn parameters_outside_their_ranges_are_refused() {
        let sound = params();
        assert_eq!(sound.check(), Ok(()));
        assert!(DepthParams { window: Rate::ONE, ..sound }.check().is_err());
        assert!(DepthParams { time_constant: Span::ZERO, ..sound }.check().is_err());
    }

    proptest! {
        /// A flash over what rests: nothing in its first block, then at most t/τ of the flash.
        #[test]
        fn d_1_a_flash_counts_at_most_its_share_of_the_time_constant(
            base in 0i128..1 << 60, flash in 1i128..1 << 80, blocks in 1u64..20,
            nanos in prop_oneof![1u64..1_000, 1u64..1_000_000_000, 1u64..2_000_000_000_000],
        ) {
            let (base, flash) = (Amount::from_raw(base), Amount::from_raw(flash));
            let before = rested(base).next(base, BLOCK, &params());
            let mut depth = before.next(base + flash, Span::from_nanos(nanos), &params());
            prop_assert_eq!(depth.aged(), before.aged());
            for _ in 0..blocks {
                depth = depth.next(base + flash, Span::from_nanos(nanos), &params());
            }
            // gain·τ ≤ flash·t, and a unit of what had not come to count before.
            let gain = (depth.aged() - base).raw();
            let tau = i128::from(params().time_constant.nanos());
            prop_assert!(gain * tau <= flash.raw() * i128::from(nanos) * i128::from(blocks));
            let after = depth.next(base, BLOCK, &params());
            prop_assert!(after.aged() <= base, "pulled depth is gone at once");
        }

        #[test]
        fn d_1_aged_depth_is_never_above_what_is_displayed(
            blocks in prop::collection::vec((0i128..=AMOUNT_MAX.raw(), 0u64..=u64::MAX), 1..50),
        ) {
            let mut depth = Depth::default();
            for (displayed, nanos) in blocks {
                let (before, displayed) = (depth, Amount::from_raw(displayed));
                depth = depth.next(displayed, Span::from_nanos(nanos), &params());
                prop_assert!(!depth.aged().is_negative() && depth.aged() <= displayed);
                let rested = before.displayed().min(displayed);
                prop_assert!(depth.aged() <= before.aged().max(rested));
            }
        }

        /// More depth in every block never counts less.
        #[test]
        fn d_1_aged_depth_is_monotone_in_what_is_displayed(
            blocks in prop::collection::vec(
                (0i128..1 << 70, 0i128..1 << 70, 1u64..100_000_000_000), 1..50),
        ) {
            let (mut less, mut more) = (Depth::default(), Depth::default());
            for (displayed, extra, nanos) in blocks {
                let elapsed = Span::from_nanos(nanos);
                less = less.next(Amount::from_raw(displayed), elapsed, &params());
                more = more.next(Amount::from_raw(displayed + extra), elapsed, &params());
                prop_assert!(less.aged() <= more.aged());
            }
        }
    }
}
