//! Deviation feedback: a market that leaves its index asks for more margin.
//!
//! Rule R-10: θ grows with what the average |mark/index − 1| exceeds a threshold by; initial margin
//! is multiplied by 1 + θ, at once on the way up and slowly on the way down. Rule R-11: a branching
//! ratio n says how much further a price moves by the liquidations that its move sets off; θ keeps
//! n·(1 + θ) ≤ 0.7, because a cascade is amplified by 1/(1 − n) (Brunnermeier and Pedersen's margin
//! spiral; n = 0.6 with θ = 0.5 would turn 2.5 into 10). Rule R-12: maintenance margin follows with
//! a delay and a largest step a day, so that it never liquidates within the cascade it answers to.
//!
//! Always holds: 1 ≤ maintenance multiplier ≤ initial multiplier ≤ 1 + `theta_max`; n·(1 + θ) ≤
//! `branching_max` where n alone is; without deviation both come back to exactly 1.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Rate, Round, Span, mul_div};
use pricing::convert::decay;

use crate::convergence::HOLD_MAX;
use crate::depth::{DepthParams, impact};
pub use crate::params::FeedbackParams;

impl FeedbackParams {
    /// The largest θ at a branching ratio, rounded down (rule R-11).
    pub fn theta_limit(&self, branching: Rate) -> Rate {
        if !branching.is_positive() {
            return self.theta_max;
        }
        let limit = times(self.branching_max, Rate::ONE, branching, Round::Down);
        (limit.max(Rate::ONE) - Rate::ONE).min(self.theta_max)
    }

    /// θ that an average deviation asks for, rounded up (rule R-10).
    fn theta_wanted(&self, average: Rate) -> Rate {
        let excess = (average - self.threshold).max(Rate::ZERO);
        times(self.gain, excess, Rate::ONE, Round::Up).min(self.theta_max)
    }
}

/// The branching ratio of liquidations, n = λℓ (rule R-11): the price move caused by selling what
/// a move of `shock` liquidates, over that move, rounded up; the largest rate where no depth has
/// aged.
pub fn branching(liquidated: Amount, shock: Rate, aged: Amount, depth: &DepthParams) -> Rate {
    if !liquidated.is_positive() {
        return Rate::ZERO;
    }
    let moved = impact(liquidated, aged, depth).unwrap_or(Rate::MAX);
    times(moved, Rate::ONE, shock, Round::Up)
}

/// The margin multipliers of one market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Feedback {
    /// EMA of |mark/index − 1|.
    average: Rate,
    /// θ of initial margin before it is limited by the branching ratio.
    held: Rate,
    /// θ of initial margin.
    initial: Rate,
    /// θ of maintenance margin.
    maintenance: Rate,
}

impl Feedback {
    /// The average |mark/index − 1|.
    pub fn average(&self) -> Rate {
        self.average
    }

    /// What initial margin is multiplied by (rule R-10).
    pub fn initial(&self) -> Rate {
        Rate::ONE + self.initial
    }

    /// What maintenance margin is multiplied by (rule R-12).
    pub fn maintenance(&self) -> Rate {
        Rate::ONE + self.maintenance
    }

    /// Whether θ is zero and stays so at this deviation, whatever the branching ratio.
    pub fn is_idle(&self, deviation: Rate, params: &FeedbackParams) -> bool {
        self.held.is_zero()
            && self.initial.is_zero()
            && self.average.max(deviation) <= params.threshold
    }

    /// The multipliers at the close of a block that lasted `elapsed` (a minute at most), with the
    /// |mark/index − 1| and the branching ratio measured there.
    #[must_use]
    pub fn next(
        self,
        deviation: Rate,
        branching: Rate,
        elapsed: Span,
        params: &FeedbackParams,
    ) -> Feedback {
        let elapsed = elapsed.min(HOLD_MAX);
        let average = towards(self.average, deviation, elapsed, params.average);
        let wanted = params.theta_wanted(average);
        let released = towards(self.held, Rate::ZERO, elapsed, params.release);
        let held = wanted.max(released);
        let initial = held.min(params.theta_limit(branching));
        let maintenance = self.maintenance_after(initial, elapsed, params);
        Feedback { average, held, initial, maintenance }
    }

    /// Rule R-12.
    fn maintenance_after(&self, initial: Rate, elapsed: Span, params: &FeedbackParams) -> Rate {
        let old = self.maintenance;
        if initial <= old {
            return initial;
        }
        let delayed = towards(old, initial, elapsed, params.delay);
        let step = params.step.over(elapsed, Span::DAY, Round::Down);
        delayed.min(old + step.expect("a part of a step is smaller"))
    }
}

/// The exponential approach from one rate to another, rounded down.
fn towards(from: Rate, to: Rate, elapsed: Span, time_constant: Span) -> Rate {
    let kept = decay(elapsed, time_constant);
    to + times(from - to, kept, Rate::ONE, Round::Down)
}

/// `a·b/c`, at most the largest rate; `c` is not zero.
fn times(a: Rate, b: Rate, c: Rate, round: Round) -> Rate {
    let [a, b, c] = [a, b, c].map(|rate| i128::from(rate.raw()));
    let raw = mul_div(a, b, c, round).expect("a quotient by a rate that is not zero");
    Rate::from_raw(i64::try_from(raw).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BLOCK: Span = Span::SECOND;

    fn params() -> FeedbackParams {
        FeedbackParams::default()
    }

    /// After so many seconds of one deviation and one branching ratio.
    fn after(mut feedback: Feedback, seconds: u64, deviation: Rate, branching: Rate) -> Feedback {
        for _ in 0..seconds {
            feedback = feedback.next(deviation, branching, BLOCK, &params());
        }
        feedback
    }

    #[test]
    fn r_10_initial_margin_rises_at_once_and_falls_slowly() {
        // 1.25 % for half an hour: 1 % beyond the threshold times 50.
        let raised = after(Feedback::default(), 1800, Rate::from_bp(125), Rate::ZERO);
        let theta = (raised.initial() - Rate::ONE).raw() as f64 / 1e12;
        let expected = 50.0 * (0.0125 * (1.0 - (-6.0f64).exp()) - 0.0025);
        assert!((theta - expected).abs() < 1e-6, "{theta} is not {expected}");
        let hour_later = after(raised, 3600, Rate::ZERO, Rate::ZERO);
        let kept = (hour_later.initial() - Rate::ONE).raw() as f64 / 1e12 / theta;
        assert!((kept - (-0.01f64).exp()).abs() < 1e-6, "{kept} is not 0.99");
    }

    #[test]
    fn r_10_deviations_below_the_threshold_ask_for_nothing() {
        let feedback = after(Feedback::default(), 7200, Rate::from_bp(25), Rate::ZERO);
        assert_eq!((feedback.initial(), feedback.maintenance()), (Rate::ONE, Rate::ONE));
        let feedback = after(Feedback::default(), 7200, Rate::from_bp(26), Rate::ZERO);
        assert!(feedback.initial() > Rate::ONE);
    }

    #[test]
    fn r_10_what_is_asked_for_is_rounded_up() {
        let tiny = FeedbackParams { threshold: Rate::ZERO, gain: Rate::from_raw(1), ..params() };
        assert_eq!(tiny.theta_wanted(Rate::from_raw(5)).raw(), 1);
    }

    /// Theory: n = 0.6 with θ = 0.5 makes 0.9, so an amplification of 10; θ = 1/6 is the most.
    #[test]
    fn r_11_theta_is_cut_where_it_would_feed_the_cascade() {
        let table = [
            (6_000, 166_666_666_666),
            (3_500, 1_000_000_000_000),
            (6_999, 142_877_553),
            (7_000, 0),
            (9_000, 0),
            (0, 1_000_000_000_000),
        ];
        for (bp, limit) in table {
            assert_eq!(params().theta_limit(Rate::from_bp(bp)).raw(), limit, "{bp} bp");
        }
        let branching = Rate::from_bp(6_000);
        let feedback = after(Feedback::default(), 1800, Rate::from_bp(125), branching);
        assert_eq!(feedback.initial().raw(), 1_166_666_666_666);
        // What was asked for is held while it is limited, and falls as slowly as ever.
        let limited = after(feedback, 1800, Rate::ZERO, branching);
        assert_eq!(limited.initial().raw(), 1_166_666_666_666);
        let free = after(limited, 1, Rate::ZERO, Rate::ZERO);
        assert!(free.initial() > Rate::from_bp(14_800), "{}", free.initial());
    }

    #[test]
    fn r_11_the_branching_ratio_is_the_move_of_what_a_move_liquidates() {
        let depth = DepthParams::default(); // 2 %
        let at = |liquidated: &str, aged: &str| {
            let (liquidated, aged) = (liquidated.parse().unwrap(), aged.parse().unwrap());
            branching(liquidated, Rate::from_bp(100), aged, &depth)
        };
        // A fall of 1 % liquidates 300 000, which takes 30 % of the 2 % that the depth spans.
        assert_eq!(at("300000", "1000000"), Rate::from_bp(6_000));
        assert_eq!(at("0", "0"), Rate::ZERO);
        assert_eq!(at("1", "0"), Rate::MAX);
        assert_eq!(at("1", "300000000").raw(), 6_700);
    }

    #[test]
    fn r_12_maintenance_margin_follows_by_a_tenth_a_day() {
        let mut feedback = Feedback::default();
        for day in 1..=3i64 {
            for _ in 0..1440 {
                feedback = feedback.next(Rate::from_bp(300), Rate::ZERO, Span::MINUTE, &params());
            }
            assert_eq!(feedback.initial(), Rate::from_bp(20_000));
            let rise = feedback.maintenance() - Rate::ONE;
            let most = Rate::from_bp(1_000 * day);
            assert!(rise <= most && most - rise < Rate::from_bp(1), "{rise} on day {day}");
        }
    }

    /// A block that lasted as long as a halt is no day of warning.
    #[test]
    fn r_12_a_halt_counts_for_a_minute() {
        let deviation = Rate::from_bp(500);
        let halt = Feedback::default().next(deviation, Rate::ZERO, Span::DAY, &params());
        let minute = Feedback::default().next(deviation, Rate::ZERO, Span::MINUTE, &params());
        assert_eq!(halt, minute);
    }

    #[test]
    fn parameters_outside_their_ranges_are_refused() {
        let sound = params();
        assert_eq!(sound.check(), Ok(()));
        let table = [
            FeedbackParams { threshold: Rate::ONE, ..sound },
            FeedbackParams { gain: -Rate::ONE, ..sound },
            FeedbackParams { theta_max: Rate::from_bp(90_001), ..sound },
            FeedbackParams { step: Rate::from_bp(10_001), ..sound },
            FeedbackParams { branching_max: Rate::ONE, ..sound },
            FeedbackParams { delay: Span::SECOND, ..sound },
        ];
        for params in table {
            assert!(params.check().is_err(), "{params:?}");
        }
    }

    fn any_params() -> impl Strategy<Value = FeedbackParams> {
        let rates = (
            0i64..100_000_000_000,
            0i64..=1_000_000_000_000_000,
            0i64..=9_000_000_000_000,
            0i64..=1_000_000_000_000,
        );
        let spans = (60u64..1_000_000, 60u64..1_000_000, 60u64..1_000_000);
        (rates, spans).prop_map(
            |((threshold, gain, theta_max, step), (average, release, delay))| FeedbackParams {
                threshold: Rate::from_raw(threshold),
                gain: Rate::from_raw(gain),
                theta_max: Rate::from_raw(theta_max),
                average: Span::from_secs(average),
                release: Span::from_secs(release),
                delay: Span::from_secs(delay),
                step: Rate::from_raw(step),
                ..params()
            },
        )
    }

    fn any_blocks() -> impl Strategy<Value = Vec<(i64, i64, u64)>> {
        let deviation = prop_oneof![Just(0), 0i64..100_000_000_000, 0..=i64::MAX];
        let branching = prop_oneof![Just(0), 0i64..1_500_000_000_000, 0..=i64::MAX];
        let nanos = prop_oneof![0u64..1_000_000_000, 0u64..60_000_000_000, any::<u64>()];
        prop::collection::vec((deviation, branching, nanos), 1..80)
    }

    proptest! {
        #[test]
        fn r_11_multipliers_stay_in_order_and_below_the_branching_limit(
            params in any_params(), blocks in any_blocks(),
        ) {
            prop_assert!(params.check().is_ok());
            let mut feedback = Feedback::default();
            for (deviation, n, nanos) in blocks {
                let (deviation, n) = (Rate::from_raw(deviation), Rate::from_raw(n));
                let before = feedback;
                let elapsed = Span::from_nanos(nanos);
                feedback = feedback.next(deviation, n, elapsed, &params);
                let (initial, maintenance) = (feedback.initial(), feedback.maintenance());
                prop_assert!(Rate::ONE <= maintenance && maintenance <= initial);
                prop_assert!(initial <= Rate::ONE + params.theta_max);
                let one = i128::from(Rate::ONE.raw());
                let branched = i128::from(n.raw()) * i128::from(initial.raw());
                let limit = i128::from(params.branching_max.raw()) * one;
                prop_assert!(branched <= limit.max(i128::from(n.raw()) * one));
                // the way up takes one block, the way down its time.
                let wanted = params.theta_wanted(feedback.average()).min(params.theta_limit(n));
                prop_assert!(initial - Rate::ONE >= wanted);
                // a step in a day, exactly.
                let rise = i128::from((maintenance - before.maintenance()).raw());
                let minute = i128::from(elapsed.min(HOLD_MAX).nanos());
                let most = i128::from(params.step.raw()) * minute;
                prop_assert!(rise * i128::from(Span::DAY.nanos()) <= most.max(0));
            }
        }

        #[test]
        fn r_10_without_deviation_both_come_back_to_one(
            params in any_params(), blocks in any_blocks(),
        ) {
            let mut feedback = Feedback::default();
            for (deviation, n, nanos) in blocks {
                let (deviation, n) = (Rate::from_raw(deviation), Rate::from_raw(n));
                feedback = feedback.next(deviation, n, Span::from_nanos(nanos), &params);
            }
            let quick = FeedbackParams { average: Span::MINUTE, release: Span::MINUTE, ..params };
            feedback = feedback.next(Rate::ZERO, Rate::ZERO, Span::ZERO, &quick);
            for _ in 0..120 {
                let before = feedback.initial;
                feedback = feedback.next(Rate::ZERO, Rate::ZERO, Span::MINUTE, &quick);
                prop_assert!(feedback.initial <= before);
            }
            prop_assert_eq!((feedback.initial(), feedback.maintenance()), (Rate::ONE, Rate::ONE));
        }

        #[test]
        fn r_10_a_larger_deviation_never_asks_for_less(
            blocks in prop::collection::vec(
                (0i64..100_000_000_000, 0i64..100_000_000_000, 0u64..60_000_000_000), 1..80),
        ) {
            let (mut less, mut more) = (Feedback::default(), Feedback::default());
            for (deviation, extra, nanos) in blocks {
                let elapsed = Span::from_nanos(nanos);
                less = less.next(Rate::from_raw(deviation), Rate::ZERO, elapsed, &params());
                more = more.next(Rate::from_raw(deviation + extra), Rate::ZERO, elapsed, &params());
                prop_assert!(less.initial() <= more.initial());
                prop_assert!(less.maintenance() <= more.maintenance());
            }
        }
    }
}
