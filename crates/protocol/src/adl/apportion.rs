//! Divides a whole number in proportion to weights, nobody above their cap, exactly.
//!
//! Capped shares are water-filling: share = min(weight·level, cap) at the one level where the
//! shares add up to the total. Claims are ordered by cap/weight, the level at which each is full;
//! those below the level get their cap, the others divide the rest by largest remainders, the first
//! in the list on a tie. A share that is not its cap is the floor or the ceiling of the real one,
//! so it depends on the order of the list by a unit at most. Time n·log n.

use std::cmp::Ordering;

use money::{Round, mul_div};

/// One claim on a total.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// In what proportion it shares; not negative. A claim without weight gets nothing.
    pub weight: i128,
    /// What it gets at most; not negative.
    pub cap: i128,
}

/// The shares of a total that is not negative. They add up to it, or every claim with a weight is
/// at its cap. The weights must add up within an `i128`.
pub fn apportion(total: i128, claims: &[Claim]) -> Vec<i128> {
    let mut shares = vec![0; claims.len()];
    let mut order: Vec<usize> =
        (0..claims.len()).filter(|&at| claims[at].weight > 0 && claims[at].cap > 0).collect();
    order.sort_by(|&a, &b| fills_at(&claims[a]).cmp(&fills_at(&claims[b])));
    let mut weights = order.iter().fold(0i128, |sum, &at| {
        sum.checked_add(claims[at].weight).expect("weights add up within the type")
    });
    let mut left = total;
    let mut full = 0;
    for &at in &order {
        if fills_at(&claims[at]) > (Ratio { part: left, whole: weights }) {
            break;
        }
        shares[at] = claims[at].cap;
        left -= claims[at].cap;
        weights -= claims[at].weight;
        full += 1;
    }
    let open = &mut order[full..];
    open.sort_unstable();
    share_out(left, weights, open, claims, &mut shares);
    shares
}

/// Divides what no cap limits, the units left over to the largest remainders.
fn share_out(total: i128, weights: i128, open: &[usize], claims: &[Claim], shares: &mut [i128]) {
    if open.is_empty() {
        return;
    }
    let mut left = total;
    let mut remainders: Vec<(i128, usize)> = Vec::with_capacity(open.len());
    for &at in open {
        let weight = claims[at].weight;
        let share = mul_div(total, weight, weights, Round::Down).expect("a part of the total");
        // Both products wrap by the same multiple of 2^128; their difference is below `weights`.
        let remainder = total.wrapping_mul(weight).wrapping_sub(share.wrapping_mul(weights));
        shares[at] = share;
        left -= share;
        remainders.push((remainder, at));
    }
    remainders.sort_unstable_by_key(|&(remainder, at)| (-remainder, at));
    let units = usize::try_from(left).expect("less than a unit is left over of each share");
    for &(_, at) in &remainders[..units] {
        shares[at] += 1;
    }
}

fn fills_at(claim: &Claim) -> Ratio {
    Ratio { part: claim.cap, whole: claim.weight }
}

/// `part/whole`, compared exactly. The part is not negative, the whole is positive.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Ratio {
    part: i128,
    whole: i128,
}

impl Ord for Ratio {
    fn cmp(&self, other: &Ratio) -> Ordering {
        let ours = self.part.checked_mul(other.whole);
        match (ours, other.part.checked_mul(self.whole)) {
            (Some(ours), Some(others)) => ours.cmp(&others),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => self.cmp_by_quotients(*other),
        }
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Ratio) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ratio {
    /// Compares whole quotients, then the inverse of what is left, as Euclid's algorithm goes on.
    fn cmp_by_quotients(self, other: Ratio) -> Ordering {
        let (mut a, mut b) = (self, other);
        loop {
            let quotients = (a.part / a.whole).cmp(&(b.part / b.whole));
            if quotients != Ordering::Equal {
                return quotients;
            }
            let (rest_a, rest_b) = (a.part % a.whole, b.part % b.whole);
            if rest_a == 0 || rest_b == 0 {
                return rest_a.cmp(&rest_b);
            }
            // rest_a/a < rest_b/b where b/rest_b < a/rest_a.
            (a, b) =
                (Ratio { part: b.whole, whole: rest_b }, Ratio { part: a.whole, whole: rest_a });
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Deficit 40 among four winners, at 10⁻⁸.
    const DEFICIT: i128 = 40 * 100_000_000;
    const EQUITY: [i128; 4] = [20, 100, 10, 50];

    fn shares_of_the_deficit(weights: [i128; 4], caps: [i128; 4]) -> Vec<i128> {
        let claim = |(weight, cap): (i128, i128)| Claim { weight, cap: cap * 100_000_000 };
        apportion(DEFICIT, &weights.into_iter().zip(caps).map(claim).collect::<Vec<_>>())
    }

    #[test]
    fn the_published_deficit_is_divided_by_profit_and_by_risk() {
        let profit = [50, 30, 20, 10];
        let by_profit = [1_818_181_818, 1_090_909_091, 727_272_727, 363_636_364];
        assert_eq!(shares_of_the_deficit(profit, profit), by_profit);
        let profit_by_leverage = [50 * 20, 30 * 2, 20 * 10, 10 * 2];
        let by_risk = [3_125_000_000, 187_500_000, 625_000_000, 62_500_000];
        assert_eq!(shares_of_the_deficit(profit_by_leverage, profit), by_risk);
    }

    #[test]
    fn a_published_share_above_the_equity_is_capped_and_the_others_bear_it() {
        let profit_by_leverage = [50 * 20, 30 * 2, 20 * 10, 10 * 2];
        let by_risk = [2_000_000_000, 750_000_000, 1_000_000_000, 250_000_000];
        assert_eq!(shares_of_the_deficit(profit_by_leverage, EQUITY), by_risk);
    }

    #[test]
    fn units_left_over_go_to_the_largest_remainders_and_then_to_the_first() {
        let shares = |total, weights: &[i128]| {
            let claim = |&weight: &i128| Claim { weight, cap: i128::MAX };
            apportion(total, &weights.iter().map(claim).collect::<Vec<_>>())
        };
        assert_eq!(shares(10, &[1, 1, 1]), [4, 3, 3]);
        assert_eq!(shares(40, &[50, 30, 20, 10]), [18, 11, 7, 4]);
        assert_eq!(shares(7, &[0, 0]), [0, 0]);
        assert_eq!(shares(7, &[]), [0i128; 0]);
    }

    /// All open at first; while somebody's share of what is left reaches their cap, they get it.
    fn naive(total: i128, claims: &[Claim]) -> Vec<i128> {
        let mut shares = vec![0; claims.len()];
        let mut open: Vec<usize> = (0..claims.len()).filter(|&at| claims[at].weight > 0).collect();
        let mut left = total;
        loop {
            let weights: i128 = open.iter().map(|&at| claims[at].weight).sum();
            let full: Vec<usize> = open
                .iter()
                .copied()
                .filter(|&at| left * claims[at].weight >= claims[at].cap * weights)
                .collect();
            if open.is_empty() {
                return shares;
            }
            if full.is_empty() {
                for &at in &open {
                    shares[at] = left * claims[at].weight / weights;
                }
                let mut units = left - open.iter().map(|&at| shares[at]).sum::<i128>();
                let mut rest = open.clone();
                while units > 0 {
                    let largest = |&at: &usize| (left * claims[at].weight % weights, -(at as i64));
                    let at = rest.iter().copied().max_by_key(largest).unwrap();
                    rest.retain(|&other| other != at);
                    shares[at] += 1;
                    units -= 1;
                }
                return shares;
            }
            for at in full {
                shares[at] = claims[at].cap;
                left -= claims[at].cap;
                open.retain(|&other| other != at);
            }
        }
    }

    fn claims() -> impl Strategy<Value = Vec<Claim>> {
        let claim = (0i128..30, 0i128..200).prop_map(|(weight, cap)| Claim { weight, cap });
        prop::collection::vec(claim, 0..9)
    }

    proptest! {
        #[test]
        fn filling_claims_one_after_the_other_agrees(total in 0i128..800, claims in claims()) {
            prop_assert_eq!(apportion(total, &claims), naive(total, &claims));
        }

        #[test]
        fn shares_add_up_or_every_claim_is_full(
            total in 0i128..1 << 100,
            claims in prop::collection::vec((0i128..1 << 115, 0i128..1 << 100), 0..40),
        ) {
            let claims: Vec<Claim> =
                claims.into_iter().map(|(weight, cap)| Claim { weight, cap }).collect();
            let shares = apportion(total, &claims);
            let room: i128 = claims.iter().filter(|c| c.weight > 0).map(|c| c.cap).sum();
            prop_assert_eq!(shares.iter().sum::<i128>(), total.min(room));
            for (share, claim) in shares.iter().zip(&claims) {
                prop_assert!(0 <= *share && *share <= claim.cap);
                prop_assert!(claim.weight > 0 || *share == 0);
            }
        }

        #[test]
        fn ratios_compare_alike_by_products_and_by_quotients(
            a in 0i128..1 << 62, b in 1i128..1 << 62, c in 0i128..1 << 62, d in 1i128..1 << 62,
            scale in 1i128..1 << 62,
        ) {
            let (left, right) = (Ratio { part: a, whole: b }, Ratio { part: c, whole: d });
            prop_assert_eq!(left.cmp_by_quotients(right), left.cmp(&right));
            let scaled = Ratio { part: a * scale, whole: b * scale };
            prop_assert_eq!(left.cmp_by_quotients(scaled), Ordering::Equal);
            prop_assert_eq!(scaled.cmp(&right), left.cmp(&right));
        }
    }
}
