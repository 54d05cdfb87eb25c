//! Gamma hedging on recorded options: what each hedging rule makes of one path, cause by cause, and
//! how the error of a hedge falls with the number of its trades.
//!
//! `chain` and `tape` read what exchanges published, `ledger` runs one book under one rule, `law`
//! measures hedge errors against `g/√N`, `signal` scores forecasts of variance and reads implied
//! against forecast, `scan` looks for riskless packages. No clock, no thread, no randomness but the
//! named streams of a seed.

mod rule;
mod chain;
mod tape;
mod ledger;
mod frontier;
mod law;
mod signal;
mod scan;
mod study;

pub use chain::{Chain, Quote, load as load_chains, years};
pub use frontier::RuleFrontier;
pub use law::{GbmLaw, GbmPoint, PathLaw, PathPoint};
pub use ledger::{Outcome, Period};
pub use rule::{rule_of, rule_text};
pub use scan::{Scan, ScanShape};
pub use signal::{Score, Signal, SignalReading};
pub use study::{BookResult, RuleResult, Study, StudyInput};
pub use tape::{Close, Tape};

use std::path::PathBuf;

use money::{Qty, Span, Time};

/// Which way the options are traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Short options: short gamma, long theta.
    Sell,
    /// Long options.
    Buy,
}

/// What is traded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// Put and call of the strike nearest to the forward.
    Straddle,
    /// Put and call of about this delta.
    Strangle {
        /// Of each, without sign.
        delta: f64,
    },
}

/// What hedges.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hedge {
    /// The perpetual, with its funding.
    Perp,
    /// Spot.
    Spot,
}

/// What trading costs, as shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fees {
    /// Of an option, of one underlying.
    pub option: f64,
    /// The most that it may be, of the premium.
    pub option_cap: f64,
    /// Of an option that ends in the money, of one underlying, with the same cap.
    pub delivery: f64,
    /// Of the hedge, of notional.
    pub hedge_taker: f64,
    /// Half of the hedge's spread.
    pub hedge_half_spread: f64,
}

impl Fees {
    /// λ: what one trade of the hedge costs.
    pub fn one_way(&self) -> f64 {
        self.hedge_taker + self.hedge_half_spread
    }
}

impl Default for Fees {
    fn default() -> Fees {
        Fees {
            option: 0.0003,
            option_cap: 0.125,
            delivery: 0.000_15,
            hedge_taker: 0.0005,
            hedge_half_spread: 0.000_05,
        }
    }
}

/// A book to run: what is traded when, hedged with what, at what cost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// Which way.
    pub side: Side,
    /// What.
    pub shape: Shape,
    /// Time to the expiry that is looked for.
    pub tenor: Span,
    /// How long options are held at most; until expiry if that is sooner or nothing is given.
    pub roll: Option<Span>,
    /// Quantity of each option.
    pub size: Qty,
    /// What hedges.
    pub hedge: Hedge,
    /// Quantity step of the hedge.
    pub lot: Qty,
    /// Costs.
    pub fees: Fees,
}

/// Why the data cannot be studied; each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// A file.
    #[error(transparent)]
    File(#[from] feed::Error),
    /// A file of options that cannot be opened.
    #[error("{0}: cannot be read: {1}")]
    Unreadable(PathBuf, std::io::Error),
    /// A snapshot that an earlier file holds already.
    #[error("{0}: its snapshot of {1} is in a file named before it; name each snapshot once")]
    TwoFiles(PathBuf, Time),
    /// A folder that cannot be listed.
    #[error("{0}: cannot be listed ({1}); give folders of bars with --bars")]
    Folder(PathBuf, String),
    /// A folder without a file that is needed.
    #[error("{0}: has no {1}; give folders that hold spot, perp and funding of the asset")]
    NoFile(PathBuf, String),
    /// A folder where it is not clear which file is meant.
    #[error("{0}: has {2} files {1}; leave one")]
    ManyFiles(PathBuf, String, usize),
    /// Spot and perpetual of a folder have bars of different length.
    #[error("{0}: spot bars of {1} and perpetual bars of {2}; give bars of one length")]
    Steps(PathBuf, String, String),
    /// No common bars.
    #[error("{0}: spot and perpetual have no bar in common")]
    NoPrices(PathBuf),
    /// No chain of the asset.
    #[error("the option files hold no quote of {0} (of others: {1})")]
    NoOptions(String, String),
    /// Too few snapshots.
    #[error("the option files hold {0} snapshot of {1}; hedging needs two or more")]
    FewSnapshots(usize, String),
    /// Options and bars do not meet.
    #[error("options run from {0} to {1}, bars from {2} to {3}; give bars of the same period")]
    NoOverlap(Time, Time, Time, Time),
    /// The period is too short for these plans.
    #[error(
        "{0}: nothing could be opened: no expiry near --days (half to twice of it), quoted on both \
         sides, ends while there are options and bars ({1} to {2}); give a longer period, or \
         another --days or --roll"
    )]
    NothingOpened(String, Time, Time),
    /// A value beyond what the ledger holds.
    #[error("a value is too large for the ledger; give a smaller --size")]
    TooLarge,
    /// Text that is no rule.
    #[error("`{0}` is no hedging rule; give none, a time as 4h, band:0.05, ww:0.001 or zak:0.001")]
    NoRule(String),
}

/// The closes from the first snapshot to the last; at least two.
fn overlap<'t>(tape: &'t Tape, chains: &[Chain]) -> Result<&'t [Close], Refusal> {
    let (Some(first), Some(last)) = (chains.first(), chains.last()) else {
        return Err(Refusal::FewSnapshots(0, tape.asset.clone()));
    };
    if chains.len() < 2 {
        return Err(Refusal::FewSnapshots(chains.len(), tape.asset.clone()));
    }
    let closes = tape.between(first.time, last.time);
    let ends = |closes: &[Close]| closes.last().map_or(Time::ZERO, |close| close.time);
    if closes.len() < 2 {
        let from = tape.closes.first().map_or(Time::ZERO, |close| close.time);
        return Err(Refusal::NoOverlap(first.time, last.time, from, ends(&tape.closes)));
    }
    Ok(closes)
}

/// Milliseconds since 1970, as JSON and pages have them.
fn millis(time: Time) -> i64 {
    i64::try_from(time.millis()).expect("milliseconds up to the year 2554 fit")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
