//! Depth that own takers took and the recorded book still shows: `missing = taken · e^(−t/τ)`.
//!
//! The exchange's view offers what the book shows less what is missing at that price. Always: no
//! more is missing than was taken, and what is missing only shrinks while nothing is taken.

use money::{Span, Time};
use protocol::ids::Side;

/// What is missing at one price.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hole {
    side: Side,
    price: i64,
    qty: f64,
    at: Time,
}

/// Depth that is missing from a book, by price.
#[derive(Clone, Debug)]
pub struct Depletion {
    /// Time constant of refilling, nanoseconds.
    refill: f64,
    pub(super) holes: Vec<Hole>,
}

impl Depletion {
    /// A whole book, in which depth comes back with this time constant.
    pub fn new(refill: Span) -> Depletion {
        Depletion { refill: (refill.nanos() as f64).max(1.0), holes: Vec::new() }
    }

    /// Takes so many lots away from the levels of `side` (the makers').
    pub fn take(&mut self, now: Time, side: Side, price: i64, qty: i64) {
        let refill = self.refill;
        self.holes.retain(|hole| hole.left(now, refill) >= 0.5);
        let taken = qty.max(0) as f64;
        match self.holes.iter_mut().find(|hole| hole.side == side && hole.price == price) {
            Some(hole) => (hole.qty, hole.at) = (hole.left(now, refill) + taken, now),
            None => self.holes.push(Hole { side, price, qty: taken, at: now }),
        }
    }

    /// Lots that are missing at a price, to the nearest.
    #[inline]
    pub fn missing(&self, now: Time, side: Side, price: i64) -> i64 {
        if self.holes.is_empty() {
            return 0;
        }
        let hole = self.holes.iter().find(|hole| hole.side == side && hole.price == price);
        hole.map_or(0, |hole| libm::round(hole.left(now, self.refill)) as i64)
    }
}

impl Hole {
    fn left(&self, now: Time, refill: f64) -> f64 {
        self.qty * libm::exp(-(now.since(self.at).nanos() as f64) / refill)
    }
}
