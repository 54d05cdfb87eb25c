//! Where a resting order stands in the queue of its price, when the feed shows sums only (L2).
//!
//! `front` is what must trade before the order does. It begins as what rests at the price, and a
//! trade at the price always shortens it. The models differ in what they make of the rest of a
//! decrease, Δ = decrease − traded since the last change, with back = before − front:
//! risk-averse: all of it came from behind; the front is only capped by what is there. Probability:
//! front ← front − (1 − p)·Δ + min(back − p·Δ, 0), where p is the chance that a cancelled lot stood
//! behind (Rigtorp, "Estimating order queue position", 2013, with f(x) = ln(1 + x) and
//! p = f(back)/(f(back) + f(front)); the other weights after the documentation of hftbacktest).
//! Pro rata: p = back/(front + back), every lot is as likely to go.
//!
//! Invariant: after a change of its level, the front is at most what rests there.

/// A model of the queue.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum QueueModel {
    /// Only trades and an emptier level bring the order forward.
    RiskAverse,
    /// What is cancelled stood behind with a probability.
    Probability(Weight),
    /// What is cancelled is taken from all alike.
    ProRata,
}

/// How the chance that a cancelled lot stood behind follows from the quantities.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Weight {
    /// ln(1 + back) / (ln(1 + back) + ln(1 + front)); `lot` is one lot in the unit that counts.
    LogShare {
        /// Size of a lot.
        lot: f64,
    },
    /// ln(1 + back) / ln(1 + back + front).
    LogTotal {
        /// Size of a lot.
        lot: f64,
    },
    /// backⁿ / (backⁿ + frontⁿ).
    PowerShare {
        /// The exponent.
        n: f64,
    },
    /// backⁿ / (back + front)ⁿ.
    PowerTotal {
        /// The exponent.
        n: f64,
    },
    /// 1 − (front / (front + back))ⁿ.
    PowerFront {
        /// The exponent.
        n: f64,
    },
}

/// The place of one order, in lots.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Position {
    /// What must trade before; infinite where the feed does not show it.
    front: f64,
    /// Traded at the price since the level last changed.
    traded: f64,
}

impl Position {
    /// Behind what rests at the price.
    pub const fn behind(qty: i64) -> Position {
        Position { front: qty as f64, traded: 0.0 }
    }

    /// Where nobody knows: it never trades at its price until the level is shown.
    pub const fn unknown() -> Position {
        Position { front: f64::INFINITY, traded: 0.0 }
    }

    /// A trade at the price, of which `reached` lots were left for the market in front; returns the
    /// lots that go beyond the front, in whole lots.
    #[inline]
    pub fn trade(&mut self, qty: i64, reached: i64) -> i64 {
        self.traded += qty as f64;
        self.front -= reached as f64;
        let beyond = (-self.front).round() as i64;
        if beyond > 0 {
            self.front = 0.0;
        }
        beyond.max(0)
    }

    /// This is certain to have left from before (orders by number).
    #[inline]
    pub fn advance(&mut self, qty: i64) {
        self.front = (self.front - qty as f64).max(0.0);
    }

    /// Nothing is known to stand before.
    pub fn restart(&mut self) {
        *self = Position::behind(0);
    }

    /// This, too, is certain to stand before.
    pub fn fall_back(&mut self, qty: i64) {
        self.front += qty as f64;
    }

    /// The level went from one quantity to another.
    pub fn change(&mut self, model: QueueModel, before: i64, after: i64) {
        let (before, after) = (before as f64, after as f64);
        let cancelled = before - after - self.traded;
        self.traded = 0.0;
        if cancelled > 0.0 && self.front.is_finite() {
            let front = self.front.max(0.0);
            let back = (before - front).max(0.0);
            let behind = match model {
                QueueModel::RiskAverse => 1.0,
                QueueModel::Probability(weight) => weight.behind(front, back),
                QueueModel::ProRata => share(back, front),
            };
            if !matches!(model, QueueModel::RiskAverse) {
                let spilled = (back - behind * cancelled).min(0.0);
                self.front -= (1.0 - behind) * cancelled - spilled;
            }
        }
        self.front = self.front.min(after);
    }
}

impl Weight {
    /// The chance that a cancelled lot stood behind, from lots in front and behind.
    fn behind(self, front: f64, back: f64) -> f64 {
        match self {
            Weight::LogShare { lot } => share(libm::log1p(back * lot), libm::log1p(front * lot)),
            Weight::LogTotal { lot } => {
                ratio(libm::log1p(back * lot), libm::log1p((back + front) * lot))
            }
            Weight::PowerShare { n } => share(libm::pow(back, n), libm::pow(front, n)),
            Weight::PowerTotal { n } => ratio(libm::pow(back, n), libm::pow(back + front, n)),
            Weight::PowerFront { n } => 1.0 - libm::pow(ratio(front, front + back), n),
        }
    }
}

fn share(part: f64, rest: f64) -> f64 {
    ratio(part, part + rest)
}

/// A part of a whole; where there is nothing, all of it.
fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 1.0 }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
