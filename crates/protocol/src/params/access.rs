//! Parameters of what users may ask for: withdrawals, owners and agents, what waits, votes.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Rate, Span};

use super::DesignError;
use crate::ids::{AccountId, AssetId, QUOTE};

/// Parameters of rules B-4 to B-6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FlowParams {
    /// Limits on what leaves beyond an account's own deposits: shares of each asset's total, minima
    /// of the quote currency.
    pub limits: FlowLimits,
    /// Blocks for which withdrawals stay closed after an insolvency (50).
    pub gate_blocks: u64,
    /// Share of its gross notional that an account keeps when it withdraws (10 %).
    pub withdrawal_share: Rate,
}

impl Default for FlowParams {
    fn default() -> FlowParams {
        FlowParams {
            limits: FlowLimits::default(),
            gate_blocks: 50,
            withdrawal_share: Rate::from_bp(1_000),
        }
    }
}

impl FlowParams {
    /// Refuses what is outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        self.limits.check()?;
        let share = self.withdrawal_share;
        if self.gate_blocks <= 1_000_000 && !share.is_negative() && share <= Rate::ONE {
            return Ok(());
        }
        Err(DesignError("flow: gate_blocks ≤ 1000000, 0 ≤ withdrawal_share ≤ 1".into()))
    }
}

/// The limits of one asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FlowLimits {
    /// Share of the total that may leave in an hour (1 %).
    pub hour_share: Rate,
    /// Share of the total that may leave in a day (10 %).
    pub day_share: Rate,
    /// What may leave in an hour whatever the total.
    pub hour_min: Amount,
    /// What may leave in a day whatever the total.
    pub day_min: Amount,
}

impl Default for FlowLimits {
    fn default() -> FlowLimits {
        FlowLimits {
            hour_share: Rate::from_bp(100),
            day_share: Rate::from_bp(1_000),
            hour_min: Amount::from_raw(1_000_000 * Amount::ONE.raw()),
            day_min: Amount::from_raw(10_000_000 * Amount::ONE.raw()),
        }
    }
}

impl FlowLimits {
    /// Refuses what is outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let shares = Rate::ZERO <= self.hour_share
            && self.hour_share <= self.day_share
            && self.day_share <= Rate::ONE;
        let minima = Amount::ZERO <= self.hour_min && self.hour_min <= self.day_min;
        if shares && minima {
            return Ok(());
        }
        Err(DesignError("flow: 0 ≤ hour_share ≤ day_share ≤ 1 and 0 ≤ hour_min ≤ day_min".into()))
    }
}

/// The start of governance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct CouncilParams {
    /// The first guardian (rule G-9); none unless one is voted in.
    pub guardian: Option<AccountId>,
    /// What is staked to vote: the quote currency.
    pub asset: AssetId,
}

impl Default for CouncilParams {
    fn default() -> CouncilParams {
        CouncilParams { guardian: None, asset: QUOTE }
    }
}

/// The terms of voting. Nobody can vote on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct VotingTerms {
    /// Time from a proposal to the end of its vote (3 days).
    pub voting: Span,
    /// Share of all stake that must vote (33.4 %).
    pub quorum: Rate,
    /// Share of all stake that a proposer has at least (1 %).
    pub proposer_share: Rate,
    /// Most open proposals (16).
    pub open_max: usize,
    /// Most open proposals of one account (2).
    pub open_own_max: usize,
    /// Time from asking a stake back to its release (7 days).
    pub unstake_delay: Span,
}

impl Default for VotingTerms {
    fn default() -> VotingTerms {
        VotingTerms {
            voting: Span::DAY.times(3),
            quorum: Rate::from_bp(3_340),
            proposer_share: Rate::from_bp(100),
            open_max: 16,
            open_own_max: 2,
            unstake_delay: Span::DAY.times(7),
        }
    }
}

/// Parameters of rules B-7 and B-8.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OwnerParams {
    /// Most accounts of one owner (32).
    pub accounts_max: u32,
    /// Most agents of one account (8).
    pub agents_max: u32,
}

impl Default for OwnerParams {
    fn default() -> OwnerParams {
        OwnerParams { accounts_max: 32, agents_max: 8 }
    }
}

impl OwnerParams {
    /// Refuses what is outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        if self.accounts_max <= 1024 && self.agents_max <= 64 {
            return Ok(());
        }
        Err(DesignError("owners: accounts_max ≤ 1024, agents_max ≤ 64".into()))
    }
}

/// Bounds on orders for later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PlanParams {
    /// Most switches, triggers of a market, and slices that one block sets off (64 each).
    pub due_max: u32,
    /// Most orders of an account that wait in one market (16).
    pub triggers_max: u32,
}

impl Default for PlanParams {
    fn default() -> PlanParams {
        PlanParams { due_max: 64, triggers_max: 16 }
    }
}

impl PlanParams {
    /// Refuses what is outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        if (1..=10_000).contains(&self.due_max) && self.triggers_max <= 1024 {
            return Ok(());
        }
        Err(DesignError("plans: due_max 1 to 10000, triggers_max at most 1024".into()))
    }
}

/// Parameters of rule T-11.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct TwapParams {
    /// Time between two slices (30 s); above zero.
    pub interval: Span,
    /// Largest number of slices (2880, a day).
    pub slices_max: u32,
    /// Largest slice, in normal slices (3); at least 1.
    pub catch_up: u32,
    /// Largest distance of a slice's price from the mark (3 %).
    pub slippage: Rate,
    /// Largest number of them for an account.
    pub open_max: u32,
}

impl Default for TwapParams {
    fn default() -> TwapParams {
        TwapParams {
            interval: Span::from_secs(30),
            slices_max: 2_880,
            catch_up: 3,
            slippage: Rate::from_bp(300),
            open_max: 16,
        }
    }
}

impl TwapParams {
    /// Refuses what is outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let sound = self.interval >= Span::SECOND
            && self.interval <= Span::DAY
            && (1..=100_000).contains(&self.slices_max)
            && (1..=100).contains(&self.catch_up)
            && self.slippage.is_positive()
            && self.slippage < Rate::ONE
            && self.open_max <= 1024;
        if sound {
            return Ok(());
        }
        let text = "twap: interval 1 s to 1 day, 1 to 100000 slices, catch_up 1 to 100, \
                    0 < slippage < 1, open_max at most 1024";
        Err(DesignError(text.into()))
    }
}
