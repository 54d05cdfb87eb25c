//! What a market's trades are measured against: its volatility and volume of a day.
//!
//! Both may be given, or estimated from the trades of the tape as rates that forget: over each
//! whole minute, `V ← V·e^(−dt/w) + volume·day/w` and `σ² ← σ²·e^(−dt/w) + r²·day/w` with the
//! minute's log return r, starting from the values given. Only what has happened is used.

use money::{Span, Time};

use super::Fault;

/// Volatility and volume of a market.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// Standard deviation of a day's log return.
    pub volatility: f64,
    /// Quote traded in a day.
    pub volume: f64,
    /// With a window (its time constant, at least an hour) the two are where estimates start.
    pub window: Option<Span>,
}

#[derive(Clone, Debug)]
pub(super) struct Estimate {
    variance: f64,
    volatility: f64,
    volume: f64,
    window: Option<f64>,
    /// Start of the minute that is being added up, and its trades.
    minute: Time,
    traded: f64,
    first: f64,
    last: f64,
}

impl Estimate {
    pub(super) fn new(scale: Scale) -> Result<Estimate, Fault> {
        let sound = |value: f64| value.is_finite() && value > 0.0;
        let window = scale.window.is_none_or(|window| window >= Span::HOUR);
        if !sound(scale.volatility) || !sound(scale.volume) || !window {
            return Err(Fault::Scale);
        }
        Ok(Estimate {
            variance: scale.volatility * scale.volatility,
            volatility: scale.volatility,
            volume: scale.volume,
            window: scale.window.map(|window| window.nanos() as f64),
            minute: Time::ZERO,
            traded: 0.0,
            first: 0.0,
            last: 0.0,
        })
    }

    #[inline]
    pub(super) fn volatility(&self) -> f64 {
        self.volatility
    }

    #[inline]
    pub(super) fn volume(&self) -> f64 {
        self.volume
    }

    #[inline]
    pub(super) fn observe(&mut self, now: Time, price: f64, notional: f64) {
        let Some(window) = self.window else { return };
        if !(price > 0.0 && price.is_finite() && notional >= 0.0 && notional.is_finite()) {
            return;
        }
        if self.first == 0.0 {
            (self.minute, self.first) = (now, price);
        } else if now.since(self.minute) >= Span::MINUTE {
            self.close(now, window);
        }
        self.traded += notional;
        self.last = price;
    }

    /// Ends the minute: its trades become part of the estimates.
    fn close(&mut self, now: Time, window: f64) {
        let kept = libm::exp(-(now.since(self.minute).nanos() as f64) / window);
        let gain = Span::DAY.nanos() as f64 / window;
        let change = libm::log(self.last / self.first);
        self.volume = (self.volume * kept + self.traded * gain).max(f64::MIN_POSITIVE);
        self.variance = self.variance * kept + change * change * gain;
        self.volatility = self.variance.sqrt();
        (self.minute, self.first, self.traded) = (now, self.last, 0.0);
    }
}
