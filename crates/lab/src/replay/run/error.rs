//! Why a run did not come to its end.

use money::Time;

use crate::replay::account::Fault;
use crate::replay::record::Imbalance;
use crate::replay::{impact, latency};

/// Why a run did not come to its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The data.
    #[error(transparent)]
    Feed(#[from] feed::Error),
    /// A model of latency.
    #[error("latency: {0}")]
    Latency(#[from] latency::Fault),
    /// A model of impact.
    #[error("impact: {0}")]
    Impact(#[from] impact::Fault),
    /// An account.
    #[error("account of {market} at {time} UTC: {fault}")]
    Account {
        /// The market.
        market: String,
        /// When.
        time: Time,
        /// What.
        fault: Fault,
    },
    /// What an account starts with.
    #[error("account {account}: cannot be opened: {fault}")]
    Deposit {
        /// Its place in the list.
        account: usize,
        /// Why.
        fault: Fault,
    },
    /// A tick or lot that the tape's units do not divide.
    #[error("{market}: a {what} of {step} is no multiple of the tape's unit {unit}; import finer")]
    Step {
        /// The market.
        market: String,
        /// `tick` or `lot`.
        what: &'static str,
        /// The step.
        step: String,
        /// The unit.
        unit: String,
    },
    /// A start behind all events.
    #[error("no events after the start at {0} UTC: give an earlier one, or leave it out")]
    Late(Time),
    /// A market without a price.
    #[error("{0}: has no price before the tapes end, so the account cannot be valued")]
    NoPrice(String),
    /// A fault of the replay.
    #[error(transparent)]
    Imbalance(#[from] Imbalance),
}
