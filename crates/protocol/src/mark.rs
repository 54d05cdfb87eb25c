//! The mark price: a median that one order cannot move.
//!
//! Rule M-1: mark = median{ index + EMA₁₅₀(mid − index), median(bid, ask, last), external },
//! clamped to index·(1 ± band). External is the price of the external perpetuals, or index +
//! EMA₃₀(second − index) while there is none. EMA as Hyperliquid documents it: num ← num·e^(−t/τ) +
//! x·t, den ← den·e^(−t/τ) + t; an observation counts for at most the band, so that an order far
//! away in an empty book moves neither. Rule M-2: trades of a liquidation never count as `last`.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Rate, Round, Span, div_i128, mul_div};
use pricing::convert::decay;

pub use crate::params::SLOW;
/// Time constant of the third input.
pub const FAST: Span = Span::from_secs(30);

/// An exponential moving average of a price difference.
///
/// The numerator fades towards zero and the denominator upwards, so the average never leaves the
/// range of its observations, however short the blocks are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Average {
    numerator: i128,
    denominator: i128,
}

impl Average {
    /// The average, zero before the first observation.
    pub fn value(&self) -> Price {
        let raw = div_i128(self.numerator, self.denominator, Round::Down).unwrap_or(0);
        Price::from_raw(i64::try_from(raw).expect("an average lies within its observations"))
    }

    /// Adds an observation that held for `elapsed`; `kept` is e^(−elapsed/τ). A full average weighs
    /// about τ: of what held for longer the caller counts no more than that.
    #[must_use]
    pub fn with(self, observation: Price, elapsed: Span, kept: Rate) -> Average {
        let weight = i128::from(elapsed.nanos());
        let fade = |sum, round| {
            mul_div(sum, i128::from(kept.raw()), i128::from(Rate::ONE.raw()), round)
                .expect("a decayed sum is smaller")
        };
        let towards_zero = if self.numerator < 0 { Round::Up } else { Round::Down };
        Average {
            numerator: fade(self.numerator, towards_zero) + i128::from(observation.raw()) * weight,
            denominator: fade(self.denominator, Round::Up) + weight,
        }
    }
}

/// The decay factors of both averages for one block.
#[derive(Clone, Copy, Debug)]
pub struct Decay {
    /// For 150 s.
    pub slow: Rate,
    /// For 30 s.
    pub fast: Rate,
}

impl Decay {
    /// For a block that lasted so long.
    pub fn over(elapsed: Span) -> Decay {
        Decay { slow: decay(elapsed, SLOW), fast: decay(elapsed, FAST) }
    }
}

/// The best quotes and the last ordinary trade of a market.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quotes {
    /// Best bid.
    pub bid: Option<Price>,
    /// Best ask.
    pub ask: Option<Price>,
    /// Last trade that was no liquidation.
    pub last: Option<Price>,
    /// Price of the external perpetuals.
    pub external: Option<Price>,
}

/// The mark of one market and what it is made of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Mark {
    /// The price; zero before the first index.
    pub price: Price,
    /// EMA₁₅₀ of mid − index.
    pub mid_average: Average,
    /// EMA₃₀ of the book's price − index.
    pub book_average: Average,
}

impl Mark {
    /// The next mark (rule M-1).
    #[must_use]
    pub fn next(
        self,
        index: Price,
        quotes: Quotes,
        elapsed: Span,
        decay: Decay,
        band: Rate,
    ) -> Mark {
        let mut mark = self;
        let low = index.offset(-band, Round::Up).expect("a band is below one");
        let high = index.offset(band, Round::Down).unwrap_or(Price::MAX);
        let distance = |price: Price| price.clamp(low, high) - index;
        if let (Some(bid), Some(ask)) = (quotes.bid, quotes.ask) {
            let middle = distance(bid.midpoint(ask, Round::Down));
            mark.mid_average = mark.mid_average.with(middle, elapsed.min(SLOW), decay.slow);
        }
        let book = book_price(quotes);
        if let Some(book) = book {
            mark.book_average =
                mark.book_average.with(distance(book), elapsed.min(FAST), decay.fast);
        }
        let slow = index + mark.mid_average.value();
        let stand_in = index + mark.book_average.value();
        let middle = match (book, quotes.external) {
            (Some(book), external) => median(slow, book, external.unwrap_or(stand_in)),
            (None, Some(external)) => slow.midpoint(external.clamp(low, high), Round::Down),
            (None, None) => slow,
        };
        mark.price = middle.clamp(low, high);
        mark
    }
}

/// The median of bid, ask and last; of two their mean, rounded down.
fn book_price(quotes: Quotes) -> Option<Price> {
    match (quotes.bid, quotes.ask, quotes.last) {
        (Some(bid), Some(ask), Some(last)) => Some(median(bid, ask, last)),
        (Some(a), Some(b), None) | (Some(a), None, Some(b)) | (None, Some(a), Some(b)) => {
            Some(a.midpoint(b, Round::Down))
        }
        (Some(only), None, None) | (None, Some(only), None) | (None, None, Some(only)) => {
            Some(only)
        }
        (None, None, None) => None,
    }
}

fn median(a: Price, b: Price, c: Price) -> Price {
    a.max(b).min(a.min(b).max(c))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn price(text: &str) -> Price {
        text.parse().unwrap()
    }

    fn step(mark: Mark, bid: &str, ask: &str, last: &str) -> Mark {
        let [bid, ask, last] = [bid, ask, last].map(|text| Some(price(text)));
        let quotes = Quotes { bid, ask, last, external: None };
        let second = Span::SECOND;
        mark.next(price("100"), quotes, second, Decay::over(second), Rate::from_bp(300))
    }

    #[test]
    fn m_1_one_trade_far_away_does_not_move_the_mark() {
        let mut mark = Mark::default();
        for _ in 0..600 {
            mark = step(mark, "99.99", "100.01", "100");
        }
        assert_eq!(mark.price, price("100"));
        assert!(step(mark, "99.99", "100.01", "104").price <= price("100.01"));
    }

    #[test]
    fn m_1_a_lasting_premium_arrives_with_the_time_constant() {
        let mut mark = Mark::default();
        for _ in 0..600 {
            mark = step(mark, "99.99", "100.01", "100");
        }
        for _ in 0..150 {
            mark = step(mark, "100.99", "101.01", "101");
        }
        let expected = 1.0 - (-1.0f64).exp(); // of 1, after one time constant, less the 600 s start
        let slow = mark.mid_average.value().raw() as f64 / 1e8;
        assert!((slow - expected).abs() < 0.01, "{slow} against {expected}");
    }

    /// A book that stood still through a day of halt weighs no more than one of a few minutes.
    #[test]
    fn m_1_a_long_gap_does_not_hold_back_the_averages() {
        let (old, new) = (["100.99", "101.01", "101"], ["99.99", "100.01", "100"]);
        let quotes = |[bid, ask, last]: [&str; 3]| {
            let [bid, ask, last] = [bid, ask, last].map(|text| Some(price(text)));
            Quotes { bid, ask, last, external: None }
        };
        let after = |mark: Mark, text, elapsed| {
            let decay = Decay::over(elapsed);
            mark.next(price("100"), quotes(text), elapsed, decay, Rate::from_bp(300))
        };
        let mut mark = after(Mark::default(), old, Span::DAY);
        for _ in 0..150 {
            mark = after(mark, new, Span::SECOND);
        }
        // Each has forgotten all but e^(−t/τ) of the day.
        let kept = |average: Average| average.value().raw() as f64 / 1e8;
        assert!((kept(mark.mid_average) - (-1.0f64).exp()).abs() < 0.01, "{mark:?}");
        assert!((kept(mark.book_average) - (-5.0f64).exp()).abs() < 0.01, "{mark:?}");
    }

    #[test]
    fn m_1_the_mark_stays_inside_its_band() {
        let mut mark = Mark::default();
        for _ in 0..600 {
            mark = step(mark, "149", "151", "150");
        }
        assert!(price("102.999") < mark.price && mark.price <= price("103"), "{}", mark.price);
    }
}
