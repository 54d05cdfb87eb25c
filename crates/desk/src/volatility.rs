//! How far a price moves from look to look: the square root of an exponential average of squared
//! returns, `v ← v + w·(r² − v)` with `w = 1 − e^(−period/memory)`.

use money::Span;
use pricing::convert::{decay, rate_f64};

/// The standard deviation of a price's return over one period.
#[derive(Clone, Copy, Debug)]
pub struct Volatility {
    last: Option<f64>,
    variance: f64,
    weight: f64,
}

impl Volatility {
    /// Of a price looked at every `period`, averaged over about `memory`.
    pub fn new(period: Span, memory: Span) -> Volatility {
        Volatility { last: None, variance: 0.0, weight: sample_weight(period, memory) }
    }

    /// Takes the price of one look.
    pub fn push(&mut self, price: f64) {
        if let Some(last) = self.last.replace(price) {
            let change = price / last - 1.0;
            self.variance += self.weight * (change * change - self.variance);
        }
    }

    /// The standard deviation over one period, zero before the second look.
    pub fn per_period(&self) -> f64 {
        self.variance.sqrt()
    }
}

/// What one sample of a period weighs in an exponential average with this memory.
pub fn sample_weight(period: Span, memory: Span) -> f64 {
    1.0 - rate_f64(decay(period, memory))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_that_swings_by_one_percent_has_that_deviation() {
        let mut volatility = Volatility::new(Span::SECOND, Span::from_secs(10));
        assert_eq!(volatility.per_period(), 0.0);
        for look in 0..200 {
            volatility.push(if look % 2 == 0 { 100.0 } else { 101.0 });
        }
        let expected = (0.5 * (0.01 * 0.01 + 1.0 / 101.0 / 101.0_f64)).sqrt();
        assert!((volatility.per_period() - expected).abs() < 1e-5);
    }
}
