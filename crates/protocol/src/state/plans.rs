//! What accounts have asked for later (rules T-10 to T-12).

use borsh::BorshSerialize;

use crate::schedule::Switches;
use crate::schedule::trigger::Triggers;
use crate::schedule::twap::Twaps;

/// Everything that is due at a later time or at another mark.
#[derive(Clone, Debug, Default, BorshSerialize)]
pub(crate) struct Plans {
    /// Dead-man switches.
    pub(crate) switches: Switches,
    /// Orders spread over time.
    pub(crate) twaps: Twaps,
    /// Orders that wait for the mark, by market.
    pub(crate) triggers: Vec<Triggers>,
}

impl Plans {
    pub(crate) fn new(markets: usize) -> Plans {
        Plans { triggers: vec![Triggers::default(); markets], ..Plans::default() }
    }
}
