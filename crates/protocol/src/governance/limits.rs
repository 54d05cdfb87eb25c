//! Limits that no vote can lift: the gain of a funding rule over its delay, and the proof that a
//! changed design must pass (rules G-3 and G-4).
//!
//! A premium that is averaged over one interval and paid over the next dies out without ringing
//! iff the part k that funding removes in an interval is at most 6 − 4√2 = 0.3431 (`theory.md` 8,
//! `pricing::stability`). Rules that accrue have no interval; their delay is that of what they
//! read: an index as old as its key allows, and the 150 s average that stands in for a side of the
//! book. For that delay 0.343 is the stricter of both limits, as a pure delay allows 1/e.
//!
//! The gain assumes that a unit of funding removes at most a unit of premium. An industry rule
//! removes all of the premium outside its dead band (k = 1: it stays bounded below k = 2, and it
//! rings); it has no gain that could be chosen.

use money::{Rate, Span};

use super::Refusal;
use crate::design;
use crate::params::{EIGHT_HOURS, FundingRule, Kind, Params, SLOW};

/// What the caller proves of a design, as the solvency envelope; the error says what fails.
pub type Proof = dyn Fn(&Params) -> Result<(), String>;

/// Largest part of a premium that a rule may remove within its delay: 6 − 4√2, rounded down.
pub const GAIN_MAX: Rate = Rate::from_raw(343_000_000_000);
/// Oldest index that `oracle.index_age_max` can allow.
pub const INDEX_AGE: Span = Span::from_secs(300);

/// Longest delay of what an accruing rule reads: that, and the average of rule P-2.
pub const LAG: Span = Span::from_nanos(INDEX_AGE.nanos() + SLOW.nanos());
/// Shortest `anchor`: [`LAG`]/[`GAIN_MAX`], rounded up to the second.
pub const ANCHOR_MIN: Span = Span::from_secs(1_312);
/// Largest `proportional`: [`GAIN_MAX`]·8 h/[`LAG`].
pub const PROPORTIONAL_MAX: Rate = Rate::from_raw(21_952_000_000_000);
/// Delays that the integral of a PI rule needs at least to grow to its proportional part (SIMC).
const INTEGRAL_LAGS: i128 = 8;

/// Checks a design that shall follow on another: `design::check`, the gains of every funding rule
/// that is not as before, and the caller's proof.
pub fn check(before: &Params, after: &Params, proof: &Proof) -> Result<(), Refusal> {
    design::check(after).map_err(|_| Refusal::Design)?;
    let mut markets = before.markets.iter().zip(&after.markets);
    let sound = markets.all(|(before, after)| match (&before.kind, &after.kind) {
        (Kind::Perpetual(old), Kind::Perpetual(new)) => {
            old.funding == new.funding || gain_is_sound(&new.funding)
        }
        (
            Kind::Spot { .. } | Kind::Perpetual(_) | Kind::Future(_),
            Kind::Spot { .. } | Kind::Perpetual(_) | Kind::Future(_),
        ) => true,
    });
    if !sound {
        return Err(Refusal::Gain);
    }
    proof(after).map_err(|_| Refusal::Envelope)
}

/// Whether a funding rule removes at most [`GAIN_MAX`] of a premium within its delay (rule G-3).
pub fn gain_is_sound(rule: &FundingRule) -> bool {
    let nanos = |span: Span| i128::from(span.nanos());
    let secs = |span: Span| i128::from(span.nanos() / Span::SECOND.nanos());
    let raw = |rate: Rate| i128::from(rate.raw());
    let (one, gain) = (raw(Rate::ONE), raw(GAIN_MAX));
    match *rule {
        FundingRule::Anchored { anchor, .. } => nanos(LAG) * one <= gain * nanos(anchor),
        // Fixed by the rule itself.
        FundingRule::Industry { .. } => true,
        FundingRule::Never => true,
        // The mean of an interval pays interval/8 h of the premium at its end.
        FundingRule::Dydx { interval, .. } => nanos(interval) * one <= gain * nanos(EIGHT_HOURS),
        // What is removed in one delay by the rate that was gained in one delay.
        FundingRule::Velocity { max_velocity, premium_scale, .. } => {
            let removed = raw(max_velocity) * secs(LAG) * secs(LAG) * one;
            removed <= gain * raw(premium_scale) * secs(Span::DAY) * secs(Span::DAY)
        }
        FundingRule::Pi { proportional, integral, .. } => {
            raw(proportional) * nanos(LAG) <= gain * nanos(EIGHT_HOURS)
                && raw(integral) * INTEGRAL_LAGS * nanos(LAG)
                    <= raw(proportional) * nanos(EIGHT_HOURS)
        }
    }
}
