//! A sum of money in a record.

use money::Amount;
use serde::Serialize;

/// A sum of money: rounded for reading, and exact.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Money {
    /// US dollars, rounded.
    pub usd: f64,
    /// The exact decimal.
    pub exact: String,
}

impl From<Amount> for Money {
    fn from(amount: Amount) -> Money {
        let unit = Amount::ONE.raw() as f64;
        Money { usd: amount.raw() as f64 / unit, exact: amount.to_string() }
    }
}
