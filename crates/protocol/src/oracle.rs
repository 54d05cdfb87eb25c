//! Index prices from the votes of publishers.
//!
//! Rule O-2, the Pyth aggregate weighted by stake: each publisher casts three votes, p − c, p and
//! p + c. The price is their median, the confidence max(p50 − p25, p75 − p50). Source: the
//! aggregation of the Pyth oracle program (model/price_model.c), whose indices the weighted form
//! reproduces when stakes are equal.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Round, Span, Time};

use crate::command::Vote;
use crate::ids::{AssetId, PublisherId};
use crate::params::OracleParams;
use crate::reject::Reject;

/// Largest price that a vote or an order may name (10¹⁰ quote), so that sums of prices fit.
pub const PRICE_MAX: Price = Price::from_raw(1_000_000_000_000_000_000);

/// A price that a quorum formed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Index {
    /// The price; zero before the first quorum.
    pub price: Price,
    /// Its confidence.
    pub confidence: Price,
    /// When it was last formed by a quorum.
    pub time: Time,
}

/// The last vote of every publisher on every asset, and the index that the market goes by.
#[derive(Clone, Debug, Default, BorshSerialize, BorshDeserialize)]
pub struct Oracle {
    votes: Vec<Vec<Option<Vote>>>,
    indices: Vec<Index>,
    changed: Vec<bool>,
}

impl Oracle {
    /// No votes yet.
    pub(crate) fn new(assets: usize, publishers: usize) -> Oracle {
        Oracle {
            votes: vec![vec![None; publishers]; assets],
            indices: vec![Index::default(); assets],
            changed: vec![false; assets],
        }
    }

    /// The index of an asset: the aggregate that was accepted last (rule O-6).
    #[inline]
    pub fn index(&self, asset: AssetId) -> Index {
        self.indices[asset.index()]
    }

    /// Rule O-1: a vote is refused when it is not positive, beyond [`PRICE_MAX`], from the future,
    /// not newer than the publisher's last, or less certain than the market accepts.
    pub(crate) fn check_vote(
        &self,
        publisher: PublisherId,
        vote: &Vote,
        now: Time,
        params: &OracleParams,
    ) -> Result<(), Reject> {
        if !vote.price.is_positive() || vote.confidence.is_negative() {
            return Err(Reject::NotPositive);
        }
        if vote.price > PRICE_MAX {
            return Err(Reject::Overflow);
        }
        let last = self.votes[vote.asset.index()][publisher.index()];
        let limit = vote.price.offset(params.confidence_max, Round::Down);
        let too_wide = limit.is_none_or(|limit| vote.confidence > limit - vote.price);
        if vote.time > now || last.is_some_and(|last| vote.time <= last.time) || too_wide {
            return Err(Reject::BadVote);
        }
        Ok(())
    }

    /// Keeps a vote that was checked.
    pub(crate) fn commit_vote(&mut self, publisher: PublisherId, vote: Vote) {
        self.votes[vote.asset.index()][publisher.index()] = Some(vote);
        self.changed[vote.asset.index()] = true;
    }

    /// The aggregate of an asset's votes where they changed; `None` leaves the index to age.
    pub(crate) fn refresh(
        &mut self,
        asset: AssetId,
        now: Time,
        params: &OracleParams,
    ) -> Option<Index> {
        if !std::mem::take(&mut self.changed[asset.index()]) {
            return None;
        }
        let votes = &self.votes[asset.index()];
        let (price, confidence) = quorum(votes, now, params).and_then(|fresh| aggregate(&fresh))?;
        Some(Index { price, confidence, time: now })
    }

    /// Makes an aggregate the index of its asset.
    pub(crate) fn accept(&mut self, asset: AssetId, index: Index) {
        self.indices[asset.index()] = index;
    }

    /// Each publisher's vote on an asset, if it is fresh.
    pub(crate) fn fresh_votes<'a>(
        &'a self,
        asset: AssetId,
        now: Time,
        params: &'a OracleParams,
    ) -> impl Iterator<Item = Option<Price>> + 'a {
        let votes = self.votes[asset.index()].iter();
        votes.map(move |vote| {
            let vote = vote.filter(|vote| is_fresh(vote, now, params.vote_age_max));
            vote.map(|vote| vote.price)
        })
    }
}

/// A vote as it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WeightedVote {
    /// The price.
    pub price: Price,
    /// The confidence.
    pub confidence: Price,
    /// The publisher's stake.
    pub stake: u64,
}

/// Rule O-3: the fresh votes, if they carry two thirds of all stake.
fn quorum(votes: &[Option<Vote>], now: Time, params: &OracleParams) -> Option<Vec<WeightedVote>> {
    let fresh: Vec<WeightedVote> = votes
        .iter()
        .zip(&params.stakes)
        .filter_map(|(vote, &stake)| {
            let vote = vote.filter(|vote| is_fresh(vote, now, params.vote_age_max))?;
            let floor = vote.price.offset(params.confidence_min, Round::Up)? - vote.price;
            let confidence = vote.confidence.max(floor);
            Some(WeightedVote { price: vote.price, confidence, stake })
        })
        .collect();
    let voting: u128 = fresh.iter().map(|vote| u128::from(vote.stake)).sum();
    let total: u128 = params.stakes.iter().map(|&stake| u128::from(stake)).sum();
    (voting > 0 && 3 * voting >= 2 * total).then_some(fresh)
}

fn is_fresh(vote: &Vote, now: Time, age_max: Span) -> bool {
    now.since(vote.time) <= age_max
}

/// Price and confidence of a set of votes (rule O-2); `None` without stake.
pub fn aggregate(votes: &[WeightedVote]) -> Option<(Price, Price)> {
    let mut points: Vec<(Price, u128)> = Vec::with_capacity(3 * votes.len());
    for vote in votes {
        let stake = u128::from(vote.stake);
        let low = vote.price.checked_sub(vote.confidence)?;
        let high = vote.price.checked_add(vote.confidence)?;
        points.extend([(low, stake), (vote.price, stake), (high, stake)]);
    }
    points.sort_unstable();
    let total: u128 = points.iter().map(|(_, stake)| stake).sum();
    let median = first_above(points.iter(), total, 2)?
        .midpoint(first_above(points.iter().rev(), total, 2)?, Round::Down);
    let low = first_above(points.iter(), total, 4)?;
    let high = first_above(points.iter().rev(), total, 4)?;
    Some((median, (median - low).max(high - median)))
}

/// The first point whose cumulative stake exceeds one part in `parts` of the total.
fn first_above<'a>(
    points: impl Iterator<Item = &'a (Price, u128)>,
    total: u128,
    parts: u128,
) -> Option<Price> {
    let mut cumulative = 0u128;
    for &(price, stake) in points {
        cumulative += stake;
        if cumulative * parts > total {
            return Some(price);
        }
    }
    None
}

/// What a publisher votes for: the weighted median of the prices of its venues (rule O-9), the mean
/// of the middle two, rounded down, where the weights split evenly; `None` without weight.
pub fn venue_median(venues: &[(Price, u64)]) -> Option<Price> {
    let mut points: Vec<(Price, u128)> =
        venues.iter().map(|&(price, weight)| (price, u128::from(weight))).collect();
    points.sort_unstable();
    let total: u128 = points.iter().map(|(_, weight)| weight).sum();
    let low = first_above(points.iter().rev(), total, 2)?;
    Some(low.midpoint(first_above(points.iter(), total, 2)?, Round::Down))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vote(price: &str, confidence: &str) -> WeightedVote {
        let (price, confidence) = (price.parse().unwrap(), confidence.parse().unwrap());
        WeightedVote { price, confidence, stake: 7 }
    }

    #[test]
    fn o_2_equal_stakes_reproduce_the_pyth_vectors() {
        let table: [(&[WeightedVote], &str, &str); 4] = [
            (&[vote("52000", "10"), vote("53000", "20")], "52495", "505"),
            (&[vote("101", "1"), vote("110", "10")], "101.5", "8.5"),
            (
                &[vote("100", "1"), vote("100", "1"), vote("100", "1"), vote("80", "1")],
                "99.5",
                "0.5",
            ),
            (&[vote("100", "0.5"), vote("101", "0.5"), vote("102", "5")], "100.5", "1"),
        ];
        for (votes, price, confidence) in table {
            let expected = (price.parse().unwrap(), confidence.parse().unwrap());
            assert_eq!(aggregate(votes), Some(expected), "{votes:?}");
        }
        assert_eq!(aggregate(&[]), None);
    }

    #[test]
    fn o_2_stake_decides_not_the_number_of_publishers() {
        let heavy = WeightedVote { stake: 100, ..vote("100", "1") };
        let votes = [heavy, vote("50", "1"), vote("50", "1"), vote("50", "1")];
        assert_eq!(aggregate(&votes).map(|(price, _)| price), Some("100".parse().unwrap()));
    }

    fn median_of(venues: &[(&str, u64)]) -> Option<String> {
        let parse = |&(price, weight): &(&str, u64)| (price.parse().unwrap(), weight);
        let venues: Vec<_> = venues.iter().map(parse).collect();
        venue_median(&venues).map(|price| price.to_string())
    }

    #[test]
    fn o_9_the_heavy_venues_outvote_the_light_ones() {
        type Venues<'a> = &'a [(&'a str, u64)];
        let table: [(Venues, Option<&str>); 5] = [
            // Three light venues are far off: the median is that of the rest.
            (
                &[("100", 3), ("101", 2), ("102", 2), ("1", 1), ("1", 1), ("1", 1), ("103", 1)],
                Some("100"),
            ),
            (&[("0.00000001", 3), ("100", 2), ("101", 2)], Some("100")),
            // Three of six up to 100: even, the floor of the mean.
            (&[("100", 3), ("100.00000003", 2), ("102", 1)], Some("100.00000001")),
            (&[("100", 0), ("7", 1)], Some("7")),
            (&[("100", 0)], None),
        ];
        for (venues, expected) in table {
            assert_eq!(median_of(venues).as_deref(), expected, "{venues:?}");
        }
    }

    proptest! {
        #[test]
        fn o_9_the_weighted_median_is_the_median_of_so_many_copies(
            venues in prop::collection::vec((1i64..100_000, 0u64..6), 1..12)
        ) {
            let prices: Vec<_> = venues.iter().map(|&(p, w)| (Price::from_raw(p), w)).collect();
            let mut copies: Vec<i64> = Vec::new();
            for &(price, weight) in &venues {
                copies.extend((0..weight).map(|_| price));
            }
            copies.sort_unstable();
            let middle = copies.len() / 2;
            let expected = match copies.len() {
                0 => None,
                n if n % 2 == 1 => Some(copies[middle]),
                _ => Some((copies[middle - 1] + copies[middle]).div_euclid(2)),
            };
            prop_assert_eq!(venue_median(&prices).map(Price::raw), expected);
        }
    }
}
