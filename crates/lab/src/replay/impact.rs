//! What own trades do to the market that is replayed: they move it, and the move wears off.
//!
//! The recorded market never reacts, so its prices are shifted by a displacement D, relative to
//! the middle, up after own buying. With `E = Σ ±q·G(t − t_i)` the own volume that still counts, in
//! quote (linear) or in days of market volume (square root):
//!
//! * linear: `D = λ·E`, G exponential (Gatheral 2010; the venue of [`crate::spot`] is the same);
//! * square root: `D = Y·σ·|E|^δ` in the direction of E, δ ½ (Almgren et al. 2005, Tóth et al.
//!   2011), σ the volatility and E in volumes of a day; G exponential, or the power law
//!   `(1 + t/t₀)^−γ` (Bouchaud et al. 2004), kept as a sum of exponentials.
//!
//! Slicing a trade into parts at one instant changes nothing, and a taker pays the average of D on
//! the way ([`Impact::path`]). With Φ = ∫D dE the cost of any trades is `Σ Φ(E + q) − Φ(E)`: under
//! exponential decay E only shrinks between them, so no sequence of trades earns anything (as in
//! Alfonsi and Schied 2010). If impact decayed in place of volume, a square root with exponential
//! decay would let round trips earn. Where both δ < 1 and a power law are asked for, no proof is
//! known: γ + δ ≥ 1 and γ ≥ 2 − log₂3, which Gatheral (2010) finds necessary, are demanded at
//! construction, and tests search for round trips that they let through (none is known).
//!
//! Always: D is finite, zero until something was traded, and at most half of the price.

mod kernel;
mod scale;
mod depletion;

pub use depletion::Depletion;
pub use scale::Scale;

use money::{Span, Time};
use protocol::ids::Side;

use kernel::Memory;
use scale::Estimate;

/// How own trades move the market.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Model {
    /// Not at all.
    None,
    /// In proportion to what is traded.
    Linear {
        /// Relative move for each unit of quote: 1 basis point for a million is 10⁻¹⁰.
        slope: f64,
        /// Time constant with which it wears off.
        decay: Span,
    },
    /// By the square root of what is traded, or another power.
    Root {
        /// Factor Y, near 1.
        factor: f64,
        /// Power δ of the volume, above 0 and up to 1: 0.5 for the square root.
        power: f64,
        /// How it wears off.
        decay: Decay,
    },
}

/// How the memory of a trade wears off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Decay {
    /// `exp(−t/τ)`.
    Exponential(Span),
    /// `(1 + t/onset)^−γ`.
    Power {
        /// Time until it begins to wear off.
        onset: Span,
        /// Exponent γ.
        exponent: f64,
    },
}

/// Why a model was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// A factor, slope or power that is no number in its range.
    #[error("an impact's slope or factor is 0 or more, and its power above 0 and at most 1")]
    Shape,
    /// A time constant of zero.
    #[error("an impact wears off over more than zero time")]
    Decay,
    /// A power law that decays too fast or too slowly.
    #[error(
        "the decay's exponent breaks the conditions under which round trips earn nothing \
         (Gatheral 2010): it is 0.416 to 2, and at least 1 less the power of the volume"
    )]
    Manipulable,
    /// Volatility or volume that is no number above zero.
    #[error("volatility and volume of a day are above zero, and the window is at least an hour")]
    Scale,
}

/// The impact of own trades on one market.
#[derive(Clone, Debug)]
pub struct Impact {
    model: Model,
    memory: Memory,
    estimate: Estimate,
}

impl Impact {
    /// Nothing traded yet.
    ///
    /// # Errors
    /// A parameter outside its range, or a decay that invites round trips.
    pub fn new(model: Model, scale: Scale) -> Result<Impact, Fault> {
        let estimate = Estimate::new(scale)?;
        let decay = match model {
            Model::None => Decay::Exponential(Span::SECOND),
            Model::Linear { slope, decay } => {
                check(slope.is_finite() && slope >= 0.0, Fault::Shape)?;
                Decay::Exponential(decay)
            }
            Model::Root { factor, power, decay } => {
                check(factor.is_finite() && factor >= 0.0, Fault::Shape)?;
                check(power > 0.0 && power <= 1.0, Fault::Shape)?;
                check_power_law(decay, power)?;
                decay
            }
        };
        check(decay.span() > Span::ZERO, Fault::Decay)?;
        Ok(Impact { model, memory: Memory::new(decay), estimate })
    }

    /// Whether the market stands where it would without own trades.
    #[inline]
    pub fn is_idle(&self) -> bool {
        self.memory.is_empty()
    }

    /// Takes note of a trade of the market, from which volatility and volume are estimated.
    #[inline]
    pub fn observe(&mut self, now: Time, price: f64, notional: f64) {
        self.estimate.observe(now, price, notional);
    }

    /// Takes note of an own aggressive trade of so much quote.
    pub fn traded(&mut self, now: Time, side: Side, notional: f64) {
        let volume = self.volume(side, notional);
        if volume != 0.0 {
            self.memory.add(now, volume);
        }
    }

    /// The relative displacement of the market.
    #[inline]
    pub fn displacement(&mut self, now: Time) -> f64 {
        if self.is_idle() {
            return 0.0;
        }
        let volume = self.memory.left(now);
        self.at(volume)
    }

    /// The displacement in whole steps of a price that counts so many, towards zero.
    #[inline]
    pub fn steps(&mut self, now: Time, price: i64) -> i64 {
        if self.is_idle() { 0 } else { (self.displacement(now) * price as f64) as i64 }
    }

    /// The mean displacement that an aggressive trade of so much quote meets on its way, if it
    /// comes now: what its price is worse by, beyond what the book shows.
    pub fn path(&mut self, now: Time, side: Side, notional: f64) -> f64 {
        let (from, volume) = (self.memory.left(now), self.volume(side, notional));
        if volume == 0.0 {
            return self.at(from);
        }
        let mean = (self.swept(from + volume) - self.swept(from)) / volume;
        // Of a trade that is tiny beside what came before, the difference is lost in rounding.
        let (one, other) = (self.at(from), self.at(from + volume));
        mean.clamp(one.min(other), one.max(other))
    }

    /// Signed volume as the model counts it.
    fn volume(&self, side: Side, notional: f64) -> f64 {
        let sound = if notional > 0.0 { notional.min(NOTIONAL_MAX) } else { 0.0 };
        let signed = sound * side.sign() as f64;
        match self.model {
            Model::None => 0.0,
            Model::Linear { .. } => signed,
            Model::Root { .. } => signed / self.estimate.volume(),
        }
    }

    /// Displacement when so much volume counts.
    fn at(&self, volume: f64) -> f64 {
        let moved = match self.model {
            Model::None => 0.0,
            Model::Linear { slope, .. } => slope * volume,
            Model::Root { factor, power, .. } => {
                let size = factor * self.estimate.volatility() * raised(volume.abs(), power);
                size.copysign(volume)
            }
        };
        moved.clamp(-DISPLACEMENT_MAX, DISPLACEMENT_MAX)
    }

    /// Integral of the displacement over the volume from zero.
    fn swept(&self, volume: f64) -> f64 {
        let power = match self.model {
            Model::None => return 0.0,
            Model::Linear { .. } => 1.0,
            Model::Root { power, .. } => power,
        };
        self.at(volume) * volume / (1.0 + power)
    }
}

/// Half of the price.
const DISPLACEMENT_MAX: f64 = 0.5;
/// More than this, in quote, counts as this; so no sum overflows.
const NOTIONAL_MAX: f64 = 1e30;

impl Decay {
    /// Its time constant.
    fn span(self) -> Span {
        match self {
            Decay::Exponential(span) | Decay::Power { onset: span, .. } => span,
        }
    }
}

fn raised(volume: f64, power: f64) -> f64 {
    if power == 0.5 { volume.sqrt() } else { libm::pow(volume, power) }
}

fn check_power_law(decay: Decay, power: f64) -> Result<(), Fault> {
    match decay {
        Decay::Exponential(_) => Ok(()),
        Decay::Power { exponent, .. } => {
            let least = 2.0 - libm::log2(3.0);
            let sound = exponent.is_finite() && exponent >= least && exponent + power >= 1.0;
            check(sound && exponent <= EXPONENT_MAX, Fault::Manipulable)
        }
    }
}

/// Steeper power laws are exponential in all but name.
const EXPONENT_MAX: f64 = 2.0;

fn check(sound: bool, fault: Fault) -> Result<(), Fault> {
    if sound { Ok(()) } else { Err(fault) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
