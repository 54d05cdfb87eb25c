//! An order book by price level, rebuilt from a snapshot and numbered changes.
//!
//! An update holds the changes `U..=u`. Spot: each starts where the last ended, `U = u' + 1`, and
//! the first covers `L + 1` of a snapshot at `L`. Futures: each names the last, `pu = u'`, and the
//! first covers `L` itself (Binance, "How to manage a local order book correctly", both markets).
//! Invariant: after a missing update the book is empty until the next snapshot, never wrong.

use std::collections::{BTreeMap, VecDeque};

use money::{Price, Qty};

use crate::record::{DepthUpdate, Level};

/// Most updates kept while a snapshot is awaited.
const WAITING: usize = 10_000;

/// A book by price level.
#[derive(Clone, Debug, Default)]
pub struct L2Book {
    bids: BTreeMap<Price, Qty>,
    asks: BTreeMap<Price, Qty>,
    sequence: Sequence,
}

/// Where a book stands in the numbered changes, and those that wait for a snapshot.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sequence {
    state: State,
    waiting: VecDeque<DepthUpdate>,
    forgotten: u64,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// Until a snapshot comes.
    #[default]
    Waiting,
    /// A snapshot at this change, and nothing behind it yet.
    Snapshot(u64),
    /// Changes follow each other up to this one.
    Synchronised(u64),
}

/// What an update did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Kept until a snapshot comes.
    Buffered,
    /// Older than the book: nothing changed.
    Stale,
    /// The book now stands at the update's last change.
    Applied,
    /// Changes are missing: the book was emptied and waits for a snapshot.
    Gap(SequenceGap),
}

/// Two updates that do not follow each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SequenceGap {
    /// Last change that the book had.
    pub had: u64,
    /// What the update says came before its first change.
    pub claimed: u64,
}

impl L2Book {
    /// An empty book that waits for a snapshot.
    pub fn new() -> L2Book {
        L2Book::default()
    }

    /// Takes a snapshot or a change; for a snapshot, tells the result of the last change that was
    /// waiting for it. A snapshot that is older than the book changes nothing.
    pub fn apply(&mut self, update: &DepthUpdate) -> Step {
        if update.snapshot {
            return self.restart(update);
        }
        let step = self.sequence.take(update);
        match step {
            Step::Buffered | Step::Stale => {}
            Step::Applied => self.change(update),
            Step::Gap(_) => {
                self.bids.clear();
                self.asks.clear();
            }
        }
        step
    }

    /// The best bid; `None` when there is none or the book waits for a snapshot.
    pub fn best_bid(&self) -> Option<Level> {
        self.bids.last_key_value().map(|(price, qty)| Level { price: *price, qty: *qty })
    }

    /// The best ask; `None` when there is none or the book waits for a snapshot.
    pub fn best_ask(&self) -> Option<Level> {
        self.asks.first_key_value().map(|(price, qty)| Level { price: *price, qty: *qty })
    }

    /// Bids from the best downwards.
    pub fn bids(&self) -> impl Iterator<Item = Level> {
        self.bids.iter().rev().map(|(price, qty)| Level { price: *price, qty: *qty })
    }

    /// Asks from the best upwards.
    pub fn asks(&self) -> impl Iterator<Item = Level> {
        self.asks.iter().map(|(price, qty)| Level { price: *price, qty: *qty })
    }

    /// The last change that the book holds; `None` while it waits for a snapshot.
    pub fn last_id(&self) -> Option<u64> {
        self.sequence.last_id()
    }

    /// Whether the best bid is at or above the best ask, which no true book is.
    pub fn is_crossed(&self) -> bool {
        match (self.best_bid(), self.best_ask()) {
            (Some(bid), Some(ask)) => bid.price >= ask.price,
            (None, _) | (_, None) => false,
        }
    }

    fn restart(&mut self, snapshot: &DepthUpdate) -> Step {
        let Some(waiting) = self.sequence.restart(snapshot.last_id) else { return Step::Stale };
        self.bids.clear();
        self.asks.clear();
        self.change(snapshot);
        let mut last = Step::Applied;
        for update in &waiting {
            match self.apply(update) {
                Step::Stale | Step::Buffered => {}
                step @ (Step::Applied | Step::Gap(_)) => last = step,
            }
        }
        last
    }

    fn change(&mut self, update: &DepthUpdate) {
        for (side, levels) in [(&mut self.bids, &update.bids), (&mut self.asks, &update.asks)] {
            for level in levels {
                if level.qty.is_zero() {
                    side.remove(&level.price);
                } else {
                    side.insert(level.price, level.qty);
                }
            }
        }
    }
}

impl Sequence {
    /// What a change (no snapshot) does to the book; one that has to wait is kept.
    pub(crate) fn take(&mut self, update: &DepthUpdate) -> Step {
        let (had, first) = match self.state {
            State::Waiting => {
                self.wait(update);
                return Step::Buffered;
            }
            State::Snapshot(id) => (id, true),
            State::Synchronised(id) => (id, false),
        };
        match order(update, had, first) {
            Order::Old => Step::Stale,
            Order::Next => {
                self.state = State::Synchronised(update.last_id);
                Step::Applied
            }
            Order::Missing(claimed) => {
                self.state = State::Waiting;
                self.wait(update);
                Step::Gap(SequenceGap { had, claimed })
            }
        }
    }

    /// Begins at a snapshot and gives back the changes that waited for it, which are to be taken
    /// again; `None` if the book is beyond the snapshot.
    pub(crate) fn restart(&mut self, last_id: u64) -> Option<VecDeque<DepthUpdate>> {
        if self.last_id().is_some_and(|id| id > last_id) {
            return None;
        }
        self.state = State::Snapshot(last_id);
        Some(std::mem::take(&mut self.waiting))
    }

    /// The last change that the book holds; `None` while it waits for a snapshot.
    pub(crate) fn last_id(&self) -> Option<u64> {
        match self.state {
            State::Waiting => None,
            State::Snapshot(id) | State::Synchronised(id) => Some(id),
        }
    }

    /// Changes that will not be applied unless a snapshot comes, and those that were dropped
    /// because too many waited.
    pub(crate) fn unused(&self) -> u64 {
        self.waiting.len() as u64 + self.forgotten
    }

    fn wait(&mut self, update: &DepthUpdate) {
        if self.waiting.len() == WAITING {
            self.waiting.pop_front();
            self.forgotten += 1;
        }
        self.waiting.push_back(update.clone());
    }
}

enum Order {
    Old,
    Next,
    /// Changes are missing; holds the change that the update claims to follow.
    Missing(u64),
}

/// How an update stands to a book that `had` changes, `first` after a snapshot.
fn order(update: &DepthUpdate, had: u64, first: bool) -> Order {
    let (claimed, old, next) = match (update.previous_id, first) {
        (Some(previous), true) => {
            let covers = update.first_id <= had || previous == had;
            (previous, update.last_id < had, covers)
        }
        (Some(previous), false) => (previous, update.last_id <= had, previous == had),
        (None, first) => {
            let claimed = update.first_id.saturating_sub(1);
            (claimed, update.last_id <= had, claimed == had || first && claimed < had)
        }
    };
    match (old, next) {
        (true, _) => Order::Old,
        (false, true) => Order::Next,
        (false, false) => Order::Missing(claimed),
    }
}
