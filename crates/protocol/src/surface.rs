//! The volatility surface of an asset (section V): votes, the choice among them, forwards, marks.
//!
//! A vote is one publisher's whole surface: for each expiry a basis and a slice of raw SVI for the
//! variance of one year (`pricing::slice`). It counts only if it is free of static arbitrage. The
//! accepted surface is the stake-weighted medoid of the fresh votes: the vote whose distances to
//! the others add up to the least, so one of them, hence free of arbitrage itself (which a median
//! of parameters is not). In between it ages: total variance is v·T with the effective time T,
//! which keeps it free of arbitrage, and the forward keeps its basis by the day.
//!
//! Always holds: call − put = forward − strike for every mark, to the last unit.

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Rate, Round, Span, Time, mul_div};
use pricing::black;
use pricing::slice::{Slice, VOLATILITY_MAX, annual, effective_time, value};

use crate::halt::TimeAverage;
use crate::ids::OptionKind;
use crate::params::{OptionParams, SettlementParams, SurfaceParams};

/// Most slices of a vote.
pub const SLICES_MAX: usize = 64;
/// Range of the volatility at the money: 1 % to 1000 % a year.
const AT_THE_MONEY: [Rate; 2] = [Rate::from_bp(100), Rate::from_bp(100_000)];

/// What a publisher says about one expiry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct SliceVote {
    /// The expiry.
    pub expiry: Time,
    /// Forward over index less 1, at the vote's time.
    pub basis: Rate,
    /// Level of the variance of one year of effective time (raw SVI).
    pub a: Rate,
    /// Slope of its wings, for each unit of ln(K/forward).
    pub b: Rate,
    /// Its skew.
    pub rho: Rate,
    /// Place of its vertex, in ln(K/forward).
    pub m: Rate,
    /// Width of its vertex.
    pub sigma: Rate,
}

impl SliceVote {
    pub(crate) fn slice(&self) -> Slice {
        Slice { a: self.a, b: self.b, rho: self.rho, m: self.m, sigma: self.sigma }
    }
}

/// A publisher's surface.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Vote {
    /// When it was observed.
    pub source_time: Time,
    /// By expiry, rising.
    pub slices: Vec<SliceVote>,
}

impl Vote {
    fn slice(&self, expiry: Time) -> Option<&SliceVote> {
        let at = self.slices.binary_search_by_key(&expiry, |slice| slice.expiry).ok()?;
        Some(&self.slices[at])
    }
}

/// Why a vote does not count (rule V-2), in the order of checking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Fault {
    /// It comes from the future.
    Time,
    /// It has no slice or more than [`SLICES_MAX`].
    Length,
    /// This expiry is not later than the one before it, or than the vote.
    Order(Time),
    /// This listed expiry is missing (rule V-1).
    Missing(Time),
    /// A parameter of this expiry is out of range, or its basis beyond `basis_max`.
    Range(Time),
    /// Its volatility at the money is not between 1 % and 1000 %.
    Volatility(Time),
    /// Its density is below zero somewhere.
    Butterfly(Time),
    /// It has less total variance somewhere than the expiry before it.
    Calendar(Time),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Time => write!(f, "a surface from the future"),
            Fault::Length => write!(f, "a surface has 1 to {SLICES_MAX} slices"),
            Fault::Order(at) => write!(f, "{at} is not after its time or the expiry before it"),
            Fault::Missing(at) => write!(f, "no slice for the listed expiry {at}"),
            Fault::Range(at) => write!(f, "{at}: a parameter or the basis is out of range"),
            Fault::Volatility(at) => write!(f, "{at}: not between 1 % and 1000 % at the money"),
            Fault::Butterfly(at) => write!(f, "{at}: a density below zero"),
            Fault::Calendar(at) => write!(f, "{at}: less total variance than before it"),
        }
    }
}

/// Refuses a vote that does not carry every expected expiry or is not free of static arbitrage
/// (rules V-1 and V-2).
pub fn check(
    vote: &Vote,
    expected: &[Time],
    now: Time,
    params: &OptionParams,
) -> Result<(), Fault> {
    let ensure = |sound: bool, fault: Fault| if sound { Ok(()) } else { Err(fault) };
    ensure(vote.source_time <= now, Fault::Time)?;
    ensure((1..=SLICES_MAX).contains(&vote.slices.len()), Fault::Length)?;
    let mut last = vote.source_time;
    for slice in &vote.slices {
        ensure(slice.expiry > last, Fault::Order(slice.expiry))?;
        last = slice.expiry;
    }
    for &expiry in expected {
        ensure(vote.slice(expiry).is_some(), Fault::Missing(expiry))?;
    }
    let mut near: Option<(Slice, Span)> = None;
    for vote_slice in &vote.slices {
        let (at, slice) = (vote_slice.expiry, vote_slice.slice());
        let left = at.since(vote.source_time);
        let effective = effective_time(left, params.settlement.averaging);
        let basis_max = params.surface.basis_max;
        let basis = -basis_max <= vote_slice.basis && vote_slice.basis <= basis_max;
        ensure(basis && slice.is_in_range(), Fault::Range(at))?;
        let [low, high] = AT_THE_MONEY;
        let middle = slice.at_the_money();
        ensure(low <= middle && middle <= high, Fault::Volatility(at))?;
        ensure(slice.is_butterfly_free(effective), Fault::Butterfly(at))?;
        if let Some((near, time)) = &near {
            ensure(!slice.crosses(effective, (near, *time)), Fault::Calendar(at))?;
        }
        near = Some((slice, effective));
    }
    Ok(())
}

/// The place of the vote that the surface is taken from (rule V-3): the stake-weighted medoid of
/// the fresh votes that carry every expected expiry, if those have two thirds of all stake.
pub fn choose(
    votes: &[(Option<&Vote>, u64)],
    expected: &[Time],
    now: Time,
    params: &OptionParams,
) -> Option<usize> {
    let fresh: Vec<(usize, &Vote, u64)> = votes
        .iter()
        .enumerate()
        .filter_map(|(at, &(vote, stake))| Some((at, vote?, stake)))
        .filter(|(_, vote, _)| {
            let fresh = now.since(vote.source_time) <= params.surface.vote_age_max;
            fresh
                && expected.iter().all(|&expiry| vote.slice(expiry).is_some())
                && keeps_calendar(vote, expected, params)
        })
        .collect();
    let all: u128 = votes.iter().map(|&(_, stake)| u128::from(stake)).sum();
    let present: u128 = fresh.iter().map(|&(_, _, stake)| u128::from(stake)).sum();
    if fresh.is_empty() || 3 * present < 2 * all {
        return None;
    }
    let places = places(&fresh, expected, now, params);
    let cost = |of: &Vec<i64>| -> i128 {
        let distance = |other: &Vec<i64>| -> i128 {
            of.iter().zip(other).map(|(&a, &b)| i128::from(a.abs_diff(b))).sum()
        };
        let weighted = places.iter().zip(&fresh);
        weighted.map(|(other, &(_, _, stake))| distance(other) * i128::from(stake)).sum()
    };
    let best = places.iter().map(cost).enumerate().min_by_key(|&(at, cost)| (cost, at));
    best.map(|(at, _)| fresh[at].0)
}

/// Whether what is kept of a vote, its expected slices, is free of calendar arbitrage: a slice and
/// the next were compared when it was sent (rule V-2), those with others between them were not.
fn keeps_calendar(vote: &Vote, expected: &[Time], params: &OptionParams) -> bool {
    let aged = |at: usize| {
        let left = vote.slices[at].expiry.since(vote.source_time);
        (vote.slices[at].slice(), effective_time(left, params.settlement.averaging))
    };
    let kept = |at: &usize| expected.binary_search(&vote.slices[*at].expiry).is_ok();
    let mut kept = (0..vote.slices.len()).filter(kept);
    let Some(mut last) = kept.next() else { return true };
    kept.all(|at| {
        let ((near, near_time), (far, time)) = (aged(last), aged(at));
        let compared = last + 1 == at;
        last = at;
        compared || !far.crosses(time, (&near, near_time))
    })
}

/// Each vote as a point: for every expected expiry its volatilities at −2 … 2 standard deviations
/// of the weighted median vote, and its forward in such units. One grid for all votes, so the sum
/// of absolute differences is a distance.
fn places(
    fresh: &[(usize, &Vote, u64)],
    expected: &[Time],
    now: Time,
    params: &OptionParams,
) -> Vec<Vec<i64>> {
    let mut places = vec![Vec::with_capacity(expected.len() * 6); fresh.len()];
    for &expiry in expected.iter().filter(|&&expiry| expiry > now) {
        let slice_of = |vote: &Vote| *vote.slice(expiry).expect("only votes that carry it count");
        let effective = effective_time(expiry.since(now), params.settlement.averaging);
        let middles =
            fresh.iter().map(|&(_, vote, stake)| (slice_of(vote).slice().at_the_money(), stake));
        let middle = weighted_median(middles.collect());
        for (place, &(_, vote, _)) in places.iter_mut().zip(fresh) {
            let slice = slice_of(vote);
            let volatility = |deviations| slice.slice().away(deviations, middle, effective).raw();
            place.extend((-2..=2).map(volatility));
            place.push(forward_units(slice.basis, effective));
        }
    }
    places
}

/// A basis as a place: five times what it is by the square root of a year, as a forward moves an
/// option like so much volatility, once for each of the five.
fn forward_units(basis: Rate, effective: Span) -> i64 {
    annual(basis, effective).raw().saturating_mul(5)
}

/// The first value at which the stakes reach half.
fn weighted_median(mut values: Vec<(Rate, u64)>) -> Rate {
    values.sort_unstable();
    let all: u128 = values.iter().map(|&(_, stake)| u128::from(stake)).sum();
    let mut reached = 0;
    for &(value, stake) in &values {
        reached += u128::from(stake);
        if 2 * reached >= all {
            return value;
        }
    }
    Rate::ZERO
}

/// What became of a choice (rule V-4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It is the accepted surface already.
    Same,
    /// It is the accepted surface from here on.
    Accepted,
    /// It lies beyond `jump_max`, for so many blocks in a row.
    Held(u32),
}

/// The accepted surface. Empty before the first.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Surface {
    accepted: Vote,
    /// Blocks in a row whose choice lay beyond the step.
    beyond: u32,
}

impl Surface {
    /// When it was observed; zero before the first.
    pub fn source_time(&self) -> Time {
        self.accepted.source_time
    }

    /// Its slices by expiry, rising.
    pub fn slices(&self) -> &[SliceVote] {
        &self.accepted.slices
    }

    /// Whether it says what an expiry is worth.
    pub fn covers(&self, expiry: Time) -> bool {
        self.accepted.slice(expiry).is_some()
    }

    /// Takes the choice of a block for the surface, unless it is a step too large to believe yet
    /// (rule V-4). Only the expected expiries are kept, because only those were compared.
    pub fn consider(&mut self, choice: &Vote, expected: &[Time], params: &SurfaceParams) -> Step {
        let kept = choice.slices.iter().filter(|slice| expected.contains(&slice.expiry));
        let choice = Vote { source_time: choice.source_time, slices: kept.copied().collect() };
        if choice == self.accepted {
            self.beyond = 0;
            return Step::Same;
        }
        let jumps = choice.slices.iter().any(|slice| self.jumps(slice, params.jump_max));
        if jumps && self.beyond + 1 < params.confirmations {
            self.beyond += 1;
            return Step::Held(self.beyond);
        }
        *self = Surface { accepted: choice, beyond: 0 };
        Step::Accepted
    }

    /// Whether a slice's volatility at the money is beyond the step from the accepted one.
    fn jumps(&self, slice: &SliceVote, jump_max: Rate) -> bool {
        let Some(before) = self.accepted.slice(slice.expiry) else { return false };
        let [old, new] = [before, slice].map(|slice| slice.slice().at_the_money().raw());
        let within = |high: i64, low: i64| {
            let limit = i128::from(low) * i128::from((Rate::ONE + jump_max).raw());
            i128::from(high) * i128::from(Rate::ONE.raw()) <= limit
        };
        !within(old.max(new), old.min(new))
    }

    /// A block without a choice ends a run of choices beyond the step.
    pub fn pass(&mut self) {
        self.beyond = 0;
    }

    /// How long ago it was observed.
    pub fn age(&self, now: Time) -> Span {
        now.since(self.accepted.source_time)
    }

    /// What volatility shocks are multiplied with for its age (rule V-7), at least 1, rounded up.
    pub fn widening(&self, now: Time, params: &SurfaceParams) -> Rate {
        let width = i128::from(params.age_max.nanos() - params.age_fresh.nanos());
        let late = self.age(now).nanos().saturating_sub(params.age_fresh.nanos());
        let late = i128::from(late).min(width);
        let more = i128::from((params.stale_factor - Rate::ONE).raw());
        let more = mul_div(more, late, width, Round::Up).and_then(|raw| i64::try_from(raw).ok());
        Rate::ONE + Rate::from_raw(more.expect("a part of the factor is smaller"))
    }

    /// What an expiry is worth now (rules V-5 and V-6), `average` being its settlement window as
    /// far as it was seen; `None` before its first accepted slice. From expiry on everything is
    /// intrinsic at the forward, and nothing is asked of the surface.
    pub fn smile(
        &self,
        expiry: Time,
        index: Price,
        now: Time,
        average: &TimeAverage,
        params: &SettlementParams,
    ) -> Option<Smile> {
        let left = expiry.since(now);
        let slice = match self.accepted.slice(expiry) {
            Some(slice) => *slice,
            None if left == Span::ZERO => SliceVote { expiry, ..SliceVote::default() },
            None => return None,
        };
        let whole = expiry.since(self.accepted.source_time);
        let quorum = Span::from_nanos(params.averaging.nanos().div_ceil(2));
        let missing = quorum.nanos().saturating_sub(average.covered().nanos());
        let missing = Span::from_nanos(missing);
        let basis = slice.basis.over(left, whole.max(Span::from_nanos(1)), Round::Down);
        let mut smile = Smile {
            slice: slice.slice(),
            expiry,
            basis: basis.expect("the basis shrinks with the time that is left"),
            average: *average,
            left,
            rest: left.min(params.averaging).max(missing),
            effective: effective_time(left, params.averaging),
            forward: Price::ZERO,
        };
        smile.forward = smile.forward_at(index);
        Some(smile)
    }
}

/// An expiry at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Smile {
    slice: Slice,
    expiry: Time,
    /// Of what is left.
    basis: Rate,
    average: TimeAverage,
    left: Span,
    /// What is still to be seen of the settlement window.
    rest: Span,
    effective: Span,
    forward: Price,
}

impl Smile {
    /// The expiry.
    pub fn expiry(&self) -> Time {
        self.expiry
    }

    /// The fair price of the settlement price: ⌊(A·c + F·r)/(c + r)⌋ (rule V-5).
    pub fn forward(&self) -> Price {
        self.forward
    }

    /// The time to expiry.
    pub fn left(&self) -> Span {
        self.left
    }

    /// The forward if the index were this.
    pub fn forward_at(&self, index: Price) -> Price {
        let forward = index.offset(self.basis, Round::Down).unwrap_or(Price::MAX);
        self.average.with(forward, self.rest).value().unwrap_or(forward)
    }

    /// The index at which the forward is this; `None` when what was seen decides already.
    pub fn index_for(&self, forward: Price) -> Option<Price> {
        let seen = i128::from(self.average.covered().nanos());
        let rest = i128::from(self.rest.nanos());
        let mean = self.average.value().map_or(0, |mean| i128::from(mean.raw()));
        let needed = if seen == 0 {
            i128::from(forward.raw())
        } else if rest == 0 {
            return None;
        } else {
            (i128::from(forward.raw()) * (seen + rest) - mean * seen) / rest
        };
        let whole = i128::from((Rate::ONE + self.basis).raw());
        let index = mul_div(needed, i128::from(Rate::ONE.raw()), whole, Round::Up)?;
        i64::try_from(index).ok().map(Price::from_raw)
    }

    /// The annual volatility of a strike.
    pub fn volatility(&self, strike: Price) -> Rate {
        self.slice.volatility(self.forward, strike)
    }

    /// The mark of a series (rule V-6).
    pub fn mark(&self, kind: OptionKind, strike: Price) -> Price {
        self.value(kind, strike, self.forward, self.volatility(strike))
    }

    /// The value of a series at another forward and volatility.
    pub fn value(
        &self,
        kind: OptionKind,
        strike: Price,
        forward: Price,
        volatility: Rate,
    ) -> Price {
        let kind = match kind {
            OptionKind::Call => black::OptionKind::Call,
            OptionKind::Put => black::OptionKind::Put,
        };
        value(kind, forward, strike, volatility.min(VOLATILITY_MAX), self.effective)
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
