//! Parameters of liquidation, insurance (rules L-8 to L-15): each with its
//! default and its range (the table in `docs/protocol.md`).

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Rate, Span};

use super::DesignError;

/// Parameters of liquidation and insurance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LiquidationParams {
    /// The largest part of a side's aged depth that liquidations take in one block.
    pub depth_share: Rate,
    /// A position of less notional is closed whole.
    pub whole_below: Amount,
    /// Part of maintenance margin below which equity is a deep shortfall.
    pub deep_below: Rate,
    /// The part of the common insurance fund that one market's deficits may use in a day.
    pub insurance_day_share: Rate,
}

impl Default for LiquidationParams {
    fn default() -> LiquidationParams {
        LiquidationParams {
            depth_share: Rate::from_bp(1_000),
            whole_below: Amount::from_raw(50 * Amount::ONE.raw()),
            deep_below: Rate::from_raw(666_666_666_666),
            insurance_day_share: Rate::from_bp(5_000),
        }
    }
}

impl LiquidationParams {
    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let share = |rate: Rate| !rate.is_negative() && rate <= Rate::ONE;
        let most = Amount::from_raw(1_000_000 * Amount::ONE.raw());
        let whole = !self.whole_below.is_negative() && self.whole_below <= most;
        let shares = [self.depth_share, self.deep_below, self.insurance_day_share];
        if self.depth_share.is_positive() && shares.into_iter().all(share) && whole {
            return Ok(());
        }
        let text = "liquidation: 0 < depth_share ≤ 1, 0 ≤ whole_below ≤ 10⁶, \
                    0 ≤ deep_below, insurance_day_share ≤ 1";
        Err(DesignError(text.into()))
    }
}

/// Parameters of the backstop vault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct BackstopParams {
    /// Largest notional of its position in one market, as a part of its value.
    pub inventory_share: Rate,
    /// Largest loss that it takes over in one market in a day, as a part of its value.
    pub loss_day_share: Rate,
    /// Time from asking for a share back to its payment.
    pub delay: Span,
    /// How far from the mark it trades to reduce its inventory.
    pub slippage: Rate,
}

impl Default for BackstopParams {
    fn default() -> BackstopParams {
        BackstopParams {
            inventory_share: Rate::from_bp(500),
            loss_day_share: Rate::from_bp(100),
            delay: Span::DAY.times(4),
            slippage: Rate::from_bp(50),
        }
    }
}

impl BackstopParams {
    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let share = |rate: Rate| !rate.is_negative() && rate <= Rate::ONE;
        let shares = share(self.inventory_share) && share(self.loss_day_share);
        let slippage = !self.slippage.is_negative() && self.slippage < Rate::ONE;
        if shares && slippage && self.delay <= Span::DAY.times(30) {
            return Ok(());
        }
        let text = "backstop: 0 ≤ inventory_share, loss_day_share ≤ 1, 0 ≤ slippage < 1, \
                    delay ≤ 30 days";
        Err(DesignError(text.into()))
    }
}
