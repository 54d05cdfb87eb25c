//! How well each publisher does (rule O-10).
//!
//! Each time an index is formed, a publisher has either no fresh vote (a miss), a vote further
//! from the index than max(3·confidence, `outlier_min` of the price) (an outlier), or a sound one.
//! Misses and outliers are counted for ever; `faults` is their share with weights that fade by
//! `kept` each time, rounded down.
//!
//! Always holds: 0 ≤ faults ≤ 1, and misses + outliers ≤ judged.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Rate, Round, mul_div};

use super::share;
use crate::oracle::Index;
pub use crate::params::ScoreParams;

/// What a publisher did when an index was formed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Verdict {
    /// It had no fresh vote.
    Miss,
    /// Its vote was far from the index.
    Outlier,
    /// Its vote was near the index.
    Sound,
}

/// Judges a publisher's fresh vote against the index that was formed.
pub fn verdict(vote: Option<Price>, index: Index, params: &ScoreParams) -> Verdict {
    let Some(vote) = vote else {
        return Verdict::Miss;
    };
    let triple = Rate::from_bp(30_000);
    let limit = share(index.confidence, triple, Round::Down);
    let limit = limit.max(share(index.price, params.outlier_min, Round::Down));
    let distance = vote.raw().abs_diff(index.price.raw());
    if distance > limit.raw().unsigned_abs() { Verdict::Outlier } else { Verdict::Sound }
}

/// A publisher's record over all indices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Score {
    /// Indices that were formed while it was a publisher.
    pub judged: u64,
    /// Those without a fresh vote of it.
    pub misses: u64,
    /// Those far from its vote.
    pub outliers: u64,
    /// Fading share of misses and outliers.
    pub faults: Rate,
}

impl Score {
    /// The record after one more judgement.
    #[must_use]
    pub fn with(self, verdict: Verdict, params: &ScoreParams) -> Score {
        let fault = match verdict {
            Verdict::Miss | Verdict::Outlier => Rate::ONE,
            Verdict::Sound => Rate::ZERO,
        };
        let (one, kept) = (i128::from(Rate::ONE.raw()), i128::from(params.kept.raw()));
        let step = i128::from((fault - self.faults).raw());
        let step = mul_div(step, one - kept, one, Round::Down)
            .and_then(|step| i64::try_from(step).ok())
            .expect("a part of a share is smaller");
        Score {
            judged: self.judged + 1,
            misses: self.misses + u64::from(verdict == Verdict::Miss),
            outliers: self.outliers + u64::from(verdict == Verdict::Outlier),
            faults: self.faults + Rate::from_raw(step),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use money::Time;
    use proptest::prelude::*;

    #[test]
    fn o_10_an_outlier_is_beyond_three_confidences_and_the_least_distance() {
        let at = |price: &str, confidence: &str, vote: &str| {
            let (price, confidence) = (price.parse().unwrap(), confidence.parse().unwrap());
            let index = Index { price, confidence, time: Time::ZERO };
            verdict(Some(vote.parse().unwrap()), index, &ScoreParams::default())
        };
        let table = [
            ("100", "1", "103", Verdict::Sound),
            ("100", "1", "103.00000001", Verdict::Outlier),
            ("100", "1", "96.99999999", Verdict::Outlier),
            ("100", "0.01", "100.25", Verdict::Sound),
            ("100", "0.01", "99.74999999", Verdict::Outlier),
            ("100", "0.01", "100000", Verdict::Outlier),
        ];
        for (price, confidence, vote, expected) in table {
            assert_eq!(at(price, confidence, vote), expected, "{vote} against {price}");
        }
        assert_eq!(verdict(None, Index::default(), &ScoreParams::default()), Verdict::Miss);
    }

    #[test]
    fn o_10_a_fault_fades_and_is_counted_for_ever() {
        let params = ScoreParams { kept: Rate::from_bp(5_000), ..ScoreParams::default() };
        let step = |score: Score, verdict| score.with(verdict, &params);
        let mut score = step(step(Score::default(), Verdict::Miss), Verdict::Outlier);
        assert_eq!(score.faults, Rate::from_bp(7_500));
        for _ in 0..60 {
            score = step(score, Verdict::Sound);
        }
        assert_eq!((score.judged, score.misses, score.outliers), (62, 1, 1));
        assert_eq!(score.faults, Rate::ZERO);
    }

    #[test]
    fn parameters_outside_their_ranges_are_refused() {
        let sound = ScoreParams::default();
        assert_eq!(sound.check(), Ok(()));
        assert!(ScoreParams { kept: Rate::ONE, ..sound }.check().is_err());
        assert!(ScoreParams { outlier_min: -Rate::ONE, ..sound }.check().is_err());
    }

    proptest! {
        #[test]
        fn o_10_the_share_of_faults_is_a_share(
            kept in 0i64..1_000_000_000_000, faults in prop::collection::vec(0u8..3, 1..200),
        ) {
            let params = ScoreParams { kept: Rate::from_raw(kept), ..ScoreParams::default() };
            let verdicts = [Verdict::Miss, Verdict::Outlier, Verdict::Sound];
            let mut score = Score::default();
            for fault in faults {
                score = score.with(verdicts[usize::from(fault)], &params);
                prop_assert!(Rate::ZERO <= score.faults && score.faults <= Rate::ONE);
                prop_assert!(score.misses + score.outliers <= score.judged);
            }
        }
    }
}
