//! How long a deviation was how large (rule C-1).
//!
//! Fixed bins: [0, 1/16 bp], then four to an octave up to 1024 bp, and one for all beyond; a bin
//! holds its upper edge. Weights are nanoseconds, so what is observed over disjoint times fits. A
//! quantile is bounded above by the edge of its bin (at most a quarter too high) and by the worst
//! seen; a share within a distance is exact at an edge and bounded below between two.
//!
//! Always holds: the bins sum to the time observed; mean, count and worst are exact.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Rate, Round, Span, div_i128, mul_div};

/// Upper edges of the bounded bins: 1/16 bp … 1024 bp.
pub const EDGES: [Rate; 57] = edges();

const BINS: usize = EDGES.len() + 1;

const fn edges() -> [Rate; 57] {
    let mut edges = [Rate::ZERO; 57];
    let mut at = 0;
    while at < edges.len() {
        let quarter = Rate::BASIS_POINT.raw() / 64; // of 1/16 bp
        edges[at] = Rate::from_raw(quarter * (4 + at as i64 % 4) * (1 << (at / 4)));
        at += 1;
    }
    edges
}

/// A distribution of a deviation over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Distribution {
    /// Nanoseconds in each bin.
    bins: [u64; BINS],
    /// Nanoseconds in all.
    observed: u64,
    /// Σ deviation·ns.
    sum: i128,
    worst: Rate,
}

impl Default for Distribution {
    fn default() -> Distribution {
        Distribution { bins: [0; BINS], observed: 0, sum: 0, worst: Rate::ZERO }
    }
}

impl Distribution {
    /// The time observed.
    pub fn observed(&self) -> Span {
        Span::from_nanos(self.observed)
    }

    /// The largest deviation seen.
    pub fn worst(&self) -> Rate {
        self.worst
    }

    /// The time-weighted mean, rounded up; `None` before any time was observed.
    pub fn mean(&self) -> Option<Rate> {
        let raw = div_i128(self.sum, i128::from(self.observed), Round::Up)?;
        Some(Rate::from_raw(i64::try_from(raw).expect("a mean lies within what was seen")))
    }

    /// A bound that the deviation did not exceed for this share of the time, from 1/16 bp to
    /// 1024 bp at most a quarter above the smallest one; `None` before any time was observed.
    pub fn quantile(&self, share: Rate) -> Option<Rate> {
        let wanted = mul_div(
            i128::from(self.observed),
            i128::from(share.raw()),
            i128::from(Rate::ONE.raw()),
            Round::Up,
        )?;
        let mut within = 0;
        let bin = self.bins.iter().position(|&nanos| {
            within += i128::from(nanos);
            nanos > 0 && within >= wanted
        });
        bin.map(|bin| EDGES.get(bin).map_or(self.worst, |&edge| edge.min(self.worst)))
    }

    /// The share of the time in which the deviation was within a distance, rounded down: exact at
    /// the edges of bins, too low between them; `None` before any time was observed.
    pub fn share_within(&self, distance: Rate) -> Option<Rate> {
        let bins = EDGES.partition_point(|&edge| edge <= distance);
        let within = self.bins[..bins].iter().sum();
        let within = if distance >= self.worst { self.observed } else { within };
        share(within, self.observed)
    }

    /// Counts a deviation that lasted so long.
    pub(super) fn add(&mut self, deviation: Rate, lasted: Span) {
        let nanos = lasted.nanos();
        if nanos == 0 {
            return;
        }
        self.bins[EDGES.partition_point(|&edge| edge < deviation)] += nanos;
        self.observed += nanos;
        self.sum += i128::from(deviation.raw()) * i128::from(nanos);
        self.worst = self.worst.max(deviation);
    }
}

/// `part / whole` of time, rounded down; `None` of nothing.
pub(super) fn share(part: u64, whole: u64) -> Option<Rate> {
    let one = i128::from(Rate::ONE.raw());
    let raw = mul_div(i128::from(part), one, i128::from(whole), Round::Down)?;
    Some(Rate::from_raw(i64::try_from(raw).expect("a part is at most its whole")))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn distribution(seen: &[(i64, u64)]) -> Distribution {
        let mut distribution = Distribution::default();
        for &(raw, nanos) in seen {
            distribution.add(Rate::from_raw(raw), Span::from_nanos(nanos));
        }
        distribution
    }

    #[test]
    fn c_1_the_bins_run_from_a_sixteenth_to_1024_basis_points() {
        let sixteenth = Rate::BASIS_POINT.raw() / 16;
        let table = [
            (0, sixteenth),
            (1, sixteenth * 5 / 4),
            (4, sixteenth * 2),
            (16, Rate::BASIS_POINT.raw()),
            (19, Rate::BASIS_POINT.raw() * 7 / 4),
            (56, Rate::from_bp(1024).raw()),
        ];
        for (at, raw) in table {
            assert_eq!(EDGES[at].raw(), raw, "edge {at}");
        }
        assert!(EDGES.windows(2).all(|pair| pair[0] < pair[1]));
    }

    #[test]
    fn c_1_quantiles_of_a_known_distribution() {
        let bp = Rate::BASIS_POINT.raw();
        let seen = distribution(&[(bp, 90), (10 * bp, 9), (5000 * bp, 1)]);
        let at = |share: i64| seen.quantile(Rate::from_bp(share)).unwrap();
        assert_eq!(at(9_000), Rate::from_bp(1));
        assert_eq!(at(9_001), Rate::from_bp(10));
        assert_eq!(at(10_000), Rate::from_bp(5_000));
        assert_eq!(seen.share_within(Rate::from_bp(1)), Some(Rate::from_bp(9_000)));
        assert_eq!(seen.share_within(Rate::from_bp(1024)), Some(Rate::from_bp(9_900)));
        assert_eq!(seen.mean(), Some(Rate::from_raw((90 + 90 + 5000) * bp / 100)));
        // 1.1 bp lies in the bin up to 1¼ bp, but nothing above it was seen.
        let alone = distribution(&[(bp * 11 / 10, 1)]);
        assert_eq!(alone.quantile(Rate::ONE), Some(Rate::from_raw(bp * 11 / 10)));
        assert_eq!(Distribution::default().quantile(Rate::ONE), None);
        assert_eq!(Distribution::default().share_within(Rate::ONE), None);
    }

    fn deviations() -> impl Strategy<Value = Vec<(i64, u64)>> {
        let raw = prop_oneof![
            0i64..10_000_000,
            0i64..2_000_000_000,
            0i64..200_000_000_000,
            (0usize..57).prop_map(|at| EDGES[at].raw()),
            any::<i64>().prop_map(|raw| raw & i64::MAX),
        ];
        prop::collection::vec((raw, 0u64..1 << 50), 1..60)
    }

    /// Time within a distance, from the list of all that was seen.
    fn within(seen: &[(i64, u64)], distance: i64) -> u64 {
        seen.iter().filter(|(raw, _)| *raw <= distance).map(|(_, nanos)| nanos).sum()
    }

    proptest! {
        #[test]
        fn c_1_total_share_and_mean_agree_with_the_list_of_observations(seen in deviations()) {
            let all = distribution(&seen);
            let observed: u64 = seen.iter().map(|(_, nanos)| nanos).sum();
            prop_assert_eq!(all.observed().nanos(), observed);
            prop_assert_eq!(all.bins.iter().sum::<u64>(), observed);
            prop_assume!(observed > 0);
            for (at, edge) in EDGES.iter().enumerate() {
                let exact = share(within(&seen, edge.raw()), observed);
                prop_assert_eq!(all.share_within(*edge), exact, "edge {}", at);
                let between = Rate::from_raw(edge.raw() + 1);
                let exact = share(within(&seen, between.raw()), observed);
                prop_assert!(all.share_within(between) <= exact);
            }
            let sum: i128 = seen.iter().map(|&(raw, n)| i128::from(raw) * i128::from(n)).sum();
            let mean = i128::from(all.mean().unwrap().raw());
            let (low, high) = ((mean - 1) * i128::from(observed), mean * i128::from(observed));
            prop_assert!(low < sum && sum <= high);
        }

        #[test]
        fn c_1_a_quantile_bounds_the_list_and_rises_with_the_share(
            seen in deviations(), a in 0i64..=1_000_000_000_000, b in 0i64..=1_000_000_000_000,
        ) {
            let all = distribution(&seen);
            let observed: u64 = seen.iter().map(|(_, nanos)| nanos).sum();
            prop_assume!(observed > 0);
            let quantile = |share: i64| all.quantile(Rate::from_raw(share)).unwrap();
            prop_assert!(quantile(a.min(b)) <= quantile(a.max(b)));
            let bound = quantile(a);
            let one = i128::from(Rate::ONE.raw());
            let wanted = i128::from(observed) * i128::from(a);
            prop_assert!(i128::from(within(&seen, bound.raw())) * one >= wanted);
            // A bound a quarter tighter would not do, inside the range of the bins.
            let tighter = bound.raw() - bound.raw() / 5 - 1;
            if tighter >= EDGES[0].raw() && bound <= EDGES[56] && a > 0 {
                prop_assert!(i128::from(within(&seen, tighter)) * one < wanted);
            }
        }
    }
}
