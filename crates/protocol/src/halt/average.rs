//! A price weighted with the time for which it was seen: ⌊Σ price·span / Σ span⌋ (rule A-7).
//!
//! It lies between the smallest and the largest price that it was made of.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Round, Span, div_i128};

/// A running average over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TimeAverage {
    /// Σ price·nanoseconds.
    weighted: i128,
    covered: Span,
}

impl TimeAverage {
    /// Adds a price that held for so long. Prices up to `PRICE_MAX` over a thousand years
    /// fit.
    #[must_use]
    pub fn with(self, price: Price, span: Span) -> TimeAverage {
        TimeAverage {
            weighted: self.weighted + i128::from(price.raw()) * i128::from(span.nanos()),
            covered: Span::from_nanos(self.covered.nanos().saturating_add(span.nanos())),
        }
    }

    /// The time that prices were seen for.
    pub fn covered(&self) -> Span {
        self.covered
    }

    /// The average, rounded down; `None` before the first price.
    pub fn value(&self) -> Option<Price> {
        let raw = div_i128(self.weighted, i128::from(self.covered.nanos()), Round::Down)?;
        Some(Price::from_raw(i64::try_from(raw).expect("an average lies within its prices")))
    }
}
