//! The oracle ladder: which actions an index may serve, and at which price.
//!
//! Rule O-5: an index has a [`Grade`]; [`FLOORS`] names for each action the lowest grade that
//! serves it. Rule O-6: a jump is held back until it is confirmed. Rule O-7: the index has a slow
//! average and a five-minute one. Rule O-8: margin counts prices widened by the confidence against
//! the account, liquidation in its favour. Source: the validity ladder of Drift v2
//! (math/oracle.rs).
//!
//! It differs from Drift's in two places. Age stands below width, because a wide price can be
//! widened and an old one cannot be made younger: an old, uncertain price never liquidates. And
//! distance is a ratio, so that a fifth and five times are equally far.
//!
//! Always holds: whatever serves an action is positive and within [`PRICE_MAX`]; after the first,
//! no single aggregate moves the index by more than `jump_max`.

pub mod twap;
pub mod scores;

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Rate, Round, Span, Time, mul_div};
use pricing::convert::decay;

use crate::mark::Average;
use crate::oracle::{Index, PRICE_MAX};
pub use crate::params::LadderParams;
use twap::Twap;

/// How good an index is: worst first, and the first that applies is the grade (rule O-5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Grade {
    /// There is none yet.
    Missing,
    /// Another one, a jump away, waits to be confirmed.
    Jumping,
    /// Too far from its own slow average.
    Distant,
    /// Too old for margin.
    OldForMargin,
    /// Too old for the mark.
    OldForMark,
    /// Its confidence is too wide.
    Uncertain,
    /// Good for everything.
    Valid,
}

/// What an index is asked to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, BorshSerialize, BorshDeserialize)]
pub enum Action {
    /// Matching of orders that only close.
    Trade,
    /// Liquidation, at prices widened in the account's favour.
    Liquidate,
    /// Accrual of funding.
    Fund,
    /// Moving the mark.
    Mark,
    /// Settlement at expiry or delisting.
    Settle,
    /// A withdrawal of an exposed account.
    Withdraw,
    /// An order that adds risk.
    Increase,
}

/// The lowest grade that serves each action (rule O-5): what can wait needs the best price.
pub const FLOORS: [(Action, Grade); 7] = [
    (Action::Trade, Grade::OldForMargin),
    (Action::Liquidate, Grade::OldForMark),
    (Action::Fund, Grade::OldForMark),
    (Action::Mark, Grade::Uncertain),
    (Action::Settle, Grade::Valid),
    (Action::Withdraw, Grade::Valid),
    (Action::Increase, Grade::Valid),
];

impl Grade {
    /// Whether an index of this grade may serve an action.
    pub fn serves(self, action: Action) -> bool {
        let (served, floor) = FLOORS[action as usize];
        debug_assert_eq!(served, action, "the floors are in the order of the actions");
        self >= floor
    }
}

/// How far from the slow average a distant price counts in it: it is followed, but not fast.
const DISTANT_STEP: Rate = Rate::from_bp(5_000);

/// A jump that waits to be confirmed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Pending {
    /// Whether it jumps up.
    pub rising: bool,
    /// The smallest step among its aggregates, with their widest confidence.
    pub nearest: Index,
    /// Aggregates so far.
    pub aggregates: u32,
}

/// An index as the market may use it, with its averages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Ladder {
    index: Index,
    pending: Option<Pending>,
    average: Average,
    twap: Twap,
    time: Time,
}

impl Ladder {
    /// The index that was accepted last.
    pub fn index(&self) -> Index {
        self.index
    }

    /// The jump that is held back.
    pub fn pending(&self) -> Option<Pending> {
        self.pending
    }

    /// The slow average, zero before the first index (rule O-7).
    pub fn average(&self) -> Price {
        self.average.value()
    }

    /// The mean of the last five minutes, `None` before the first index has lasted (rule O-7).
    pub fn twap(&self) -> Option<Price> {
        self.twap.value()
    }

    /// The grade of the index now (rule O-5).
    pub fn grade(&self, now: Time, params: &LadderParams) -> Grade {
        let Index { price, confidence, time } = self.index;
        let age = now.since(time);
        let width_max = share(price, params.confidence_max, Round::Down);
        if !price.is_positive() {
            Grade::Missing
        } else if self.pending.is_some() {
            Grade::Jumping
        } else if self.is_distant(params) {
            Grade::Distant
        } else if age > params.age_margin {
            Grade::OldForMargin
        } else if age > params.age_mark {
            Grade::OldForMark
        } else if confidence > width_max {
            Grade::Uncertain
        } else {
            Grade::Valid
        }
    }

    /// The index, if its grade serves the action.
    pub fn serving(&self, action: Action, now: Time, params: &LadderParams) -> Option<Index> {
        self.grade(now, params).serves(action).then_some(self.index)
    }

    /// The ladder at the next block: `formed` is the aggregate that a quorum formed in it, if any.
    #[must_use]
    pub fn next(mut self, formed: Option<Index>, now: Time, params: &LadderParams) -> Ladder {
        if self.index.price.is_positive() {
            self.average_until(now, params);
        }
        self.time = self.time.max(now);
        let usable = |index: &Index| index.price.is_positive() && index.price <= PRICE_MAX;
        match formed.filter(usable) {
            Some(first) if !self.index.price.is_positive() => {
                self.average = self.average.with(first.price, Span::from_nanos(1), Rate::ONE);
                self.index = first;
            }
            Some(formed) => self.accept_or_hold(formed, params),
            None => {}
        }
        self
    }

    /// Rule O-7: both averages take the price that held until now, a distant one from nearby.
    fn average_until(&mut self, now: Time, params: &LadderParams) {
        let mut price = self.index.price;
        if self.is_distant(params) {
            let (low, high) = reach(self.average(), params.distance_max.min(DISTANT_STEP));
            price = price.clamp(low, high);
        }
        let elapsed = now.since(self.time);
        // A full average weighs about one time constant; a longer gap counts no more than that.
        let weight = elapsed.min(params.average);
        self.average = self.average.with(price, weight, decay(elapsed, params.average));
        self.twap = self.twap.with(price, self.time, now);
    }

    fn is_distant(&self, params: &LadderParams) -> bool {
        let (low, high) = reach(self.average(), params.distance_max);
        self.index.price < low || self.index.price > high
    }

    /// Rule O-6.
    fn accept_or_hold(&mut self, formed: Index, params: &LadderParams) {
        let (low, high) = reach(self.index.price, params.jump_max);
        let rising = formed.price > high;
        if !rising && formed.price >= low {
            self.index = formed;
            self.pending = None;
            return;
        }
        let run = self.pending.filter(|pending| pending.rising == rising);
        let run = Pending::joined(run, formed, rising);
        if run.aggregates >= params.jump_confirmations {
            self.index = run.confirmed(formed);
            self.pending = None;
        } else {
            self.pending = Some(run);
        }
    }
}

impl Pending {
    /// A run with one more aggregate.
    fn joined(run: Option<Pending>, formed: Index, rising: bool) -> Pending {
        let Some(run) = run else {
            return Pending { rising, nearest: formed, aggregates: 1 };
        };
        let (kept, price) = (run.nearest.price, formed.price);
        let price = if rising { kept.min(price) } else { kept.max(price) };
        let confidence = run.nearest.confidence.max(formed.confidence);
        let nearest = Index { price, confidence, time: formed.time };
        Pending { rising, nearest, aggregates: run.aggregates + 1 }
    }

    /// What all aggregates of the run agree on, at least as wide as its distance to the last one.
    fn confirmed(&self, last: Index) -> Index {
        let distance = (last.price - self.nearest.price).abs();
        Index { confidence: self.nearest.confidence.max(distance), ..self.nearest }
    }
}

/// A price for long positions and one for short positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Widened {
    /// Values what is long.
    pub long: Price,
    /// Values what is short.
    pub short: Price,
}

impl Widened {
    /// Against the account, for margin (rule O-8): longs at index − ⌈k·confidence⌉, shorts at
    /// index + ⌈k·confidence⌉.
    pub fn against(index: Index, widening: Rate) -> Widened {
        let width = share(index.confidence, widening, Round::Up);
        Widened { long: below(index.price, width), short: above(index.price, width) }
    }

    /// In the account's favour, for liquidation (rule O-8): longs at index + ⌊k·confidence⌋, shorts
    /// at index − ⌊k·confidence⌋.
    pub fn in_favour(index: Index, widening: Rate) -> Widened {
        let width = share(index.confidence, widening, Round::Down);
        Widened { long: above(index.price, width), short: below(index.price, width) }
    }
}

fn above(price: Price, width: Price) -> Price {
    price.checked_add(width).unwrap_or(Price::MAX)
}

fn below(price: Price, width: Price) -> Price {
    price.checked_sub(width).unwrap_or(Price::ZERO).max(Price::ZERO)
}

/// `price · rate`, at most the largest price.
fn share(price: Price, rate: Rate, round: Round) -> Price {
    let one = i128::from(Rate::ONE.raw());
    let raw = mul_div(i128::from(price.raw()), i128::from(rate.raw()), one, round);
    let raw = raw.and_then(|raw| i64::try_from(raw).ok());
    Price::from_raw(raw.unwrap_or(i64::MAX))
}

/// What lies within a ratio of a price, both ends included; everything for a price of zero.
fn reach(price: Price, ratio: Rate) -> (Price, Price) {
    if !price.is_positive() {
        return (Price::ZERO, Price::MAX);
    }
    let (one, raw) = (i128::from(Rate::ONE.raw()), i128::from(price.raw()));
    let low = mul_div(raw, one, one + i128::from(ratio.raw()), Round::Up)
        .and_then(|low| i64::try_from(low).ok())
        .expect("a quotient by more than one is smaller");
    let high = price.offset(ratio, Round::Down).unwrap_or(Price::MAX);
    (Price::from_raw(low), high)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
