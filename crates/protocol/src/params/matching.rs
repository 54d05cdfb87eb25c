//! How the orders of a market meet (rule T-13).

use borsh::{BorshDeserialize, BorshSerialize};

use super::DesignError;

/// Largest number of blocks of a batch.
const EVERY_MAX: u32 = 1000;

/// How the orders of a market meet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Matching {
    /// Each as it comes, at the prices of the orders that rest.
    #[default]
    Continuous,
    /// All orders of a batch together at one price.
    Batch {
        /// Blocks of a batch, which ends with each block whose height is a multiple of it.
        every: u32,
    },
}

impl Matching {
    /// Whether orders wait for the end of a batch.
    pub fn is_batch(self) -> bool {
        match self {
            Matching::Continuous => false,
            Matching::Batch { .. } => true,
        }
    }

    /// Whether orders trade at the end of the block of this height.
    pub fn trades_at(self, height: u64) -> bool {
        match self {
            Matching::Continuous => true,
            Matching::Batch { every } => height.is_multiple_of(u64::from(every)),
        }
    }

    /// Blocks for which a trade may have to wait.
    pub fn delay(self) -> u32 {
        match self {
            Matching::Continuous => 0,
            Matching::Batch { every } => every.saturating_sub(1),
        }
    }

    /// Refuses what is outside the range of `docs/protocol.md`.
    pub fn check(self) -> Result<(), DesignError> {
        match self {
            Matching::Continuous => Ok(()),
            Matching::Batch { every } if (1..=EVERY_MAX).contains(&every) => Ok(()),
            Matching::Batch { .. } => {
                Err(DesignError("matching: a batch has 1 to 1000 blocks".into()))
            }
        }
    }
}
