//! Parameters of a dated future (rule X-1): each with its range (the table in `docs/protocol.md`).

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Rate, Span, Time};

use super::{DesignError, FundingRule, PerpetualParams};

/// A future that is settled in cash at the mean of its index before its expiry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FutureParams {
    /// What it has in common with a perpetual; its funding rule is [`FundingRule::Never`].
    pub terms: PerpetualParams,
    /// When trading ends.
    pub expiry: Time,
    /// The time before expiry over which the index is averaged (30 min).
    pub averaging: Span,
    /// How long after expiry settlement waits for an index at most (1 day).
    pub extension_max: Span,
    /// Charge on a position for its basis, above the margin of its underlying, initial.
    pub spread_initial: Rate,
    /// The same, maintenance.
    pub spread_maintenance: Rate,
}

/// The window over whose index something settles (rules X-4 and K-7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// When it ends.
    pub expiry: Time,
    /// How long it is.
    pub averaging: Span,
    /// How long after expiry settlement waits for an index at most.
    pub extension_max: Span,
}

impl Window {
    /// When it begins.
    pub fn start(&self) -> Time {
        Time::from_nanos(self.expiry.nanos().saturating_sub(self.averaging.nanos()))
    }

    /// How much of it must have been seen to settle: half.
    pub fn quorum(&self) -> Span {
        Span::from_nanos(self.averaging.nanos().div_ceil(2))
    }
}

impl FutureParams {
    /// The window over whose index it settles.
    pub fn window(&self) -> Window {
        let FutureParams { expiry, averaging, extension_max, .. } = *self;
        Window { expiry, averaging, extension_max }
    }

    /// Refuses what is outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let refuse = |text: &str| Err(DesignError(text.into()));
        let month = Span::DAY.times(30);
        let last = u64::MAX / 2;
        if self.averaging < Span::SECOND || self.averaging > Span::DAY {
            return refuse("averaging is 1 s to 1 day");
        }
        if self.expiry.nanos() < self.averaging.nanos() || self.expiry.nanos() > last {
            return refuse("the whole settlement window must lie after 1970 and before 2262");
        }
        if self.extension_max < Span::MINUTE || self.extension_max > month {
            return refuse("extension_max is 1 min to 30 days");
        }
        if self.terms.funding != FundingRule::Never {
            return refuse("a dated future has no funding");
        }
        let spreads = Rate::ZERO <= self.spread_maintenance
            && self.spread_maintenance <= self.spread_initial
            && self.spread_initial <= Rate::ONE - self.terms.margin_initial;
        if !spreads {
            return refuse("spreads need 0 ≤ maintenance ≤ initial ≤ 1 − margin_initial");
        }
        Ok(())
    }
}
