//! Parameters of the solvency envelope and of what is charged above the flat margin (rules R-6 to
//! each with its default and its range (the table in `docs/protocol.md`).

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Rate, Span};

use super::DesignError;
use crate::ids::AssetId;

/// What the maintenance margin of a market must bear (rule R-6), and how it grows with size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct EnvelopeParams {
    /// Move of the price in one block that the design counts on (1.25 %).
    pub gap: Rate,
    /// Blocks until a liquidation is done (1).
    pub blocks: u32,
    /// Time for which funding at its cap is counted (1 min).
    pub accrual: Span,
    /// Aged depth of a side that the design counts on (10 000 000).
    pub depth_min: Amount,
    /// Notional up to which margin is flat (1 000 000).
    pub flat: Amount,
}

impl Default for EnvelopeParams {
    fn default() -> EnvelopeParams {
        EnvelopeParams {
            gap: Rate::from_bp(125),
            blocks: 1,
            accrual: Span::MINUTE,
            depth_min: Amount::from_raw(10_000_000 * Amount::ONE.raw()),
            flat: Amount::from_raw(1_000_000 * Amount::ONE.raw()),
        }
    }
}

impl EnvelopeParams {
    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let most = Amount::from_raw(10i128.pow(26));
        let sound = Rate::ZERO <= self.gap
            && self.gap < Rate::ONE
            && (1..=10_000).contains(&self.blocks)
            && self.accrual <= Span::DAY.times(30)
            && (Amount::ONE <= self.depth_min && self.depth_min <= most)
            && (Amount::ZERO <= self.flat && self.flat <= most);
        if sound {
            return Ok(());
        }
        let text = "envelope: 0 ≤ gap < 1, 1 ≤ blocks ≤ 10000, accrual ≤ 30 days, \
                    1 ≤ depth_min ≤ 10¹⁸, 0 ≤ flat ≤ 10¹⁸";
        Err(DesignError(text.into()))
    }
}

/// How initial margin grows with the open interest of a market (rule R-8).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct InterestParams {
    /// Open interest, in quote, above which initial margin rises (10⁹).
    pub lower: Amount,
    /// Open interest at which it is the whole (2·10⁹).
    pub upper: Amount,
}

impl Default for InterestParams {
    fn default() -> InterestParams {
        let billion = 1_000_000_000 * Amount::ONE.raw();
        InterestParams { lower: Amount::from_raw(billion), upper: Amount::from_raw(2 * billion) }
    }
}

impl InterestParams {
    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let most = Amount::from_raw(10i128.pow(26));
        if Amount::ZERO <= self.lower && self.lower < self.upper && self.upper <= most {
            return Ok(());
        }
        Err(DesignError("open interest: 0 ≤ lower < upper ≤ 10¹⁸".into()))
    }
}

/// How initial margin grows with an owner's share of a market (rule R-18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ConcentrationParams {
    /// Share of open interest up to which nothing is charged (25 %).
    pub threshold: Rate,
    /// Charge for each unit of share beyond (20 %).
    pub slope: Rate,
    /// Open interest, in quote, that a market counts as having at least (10 000 000).
    pub interest_min: Amount,
}

impl Default for ConcentrationParams {
    fn default() -> ConcentrationParams {
        ConcentrationParams {
            threshold: Rate::from_bp(2_500),
            slope: Rate::from_bp(2_000),
            interest_min: Amount::from_raw(10_000_000 * Amount::ONE.raw()),
        }
    }
}

impl ConcentrationParams {
    /// The threshold in whole basis points, rounded down.
    pub(crate) fn threshold_bp(&self) -> i128 {
        i128::from(self.threshold.raw() / Rate::BASIS_POINT.raw())
    }

    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let most = Amount::from_raw(10i128.pow(26));
        let sound = Rate::ZERO <= self.threshold
            && self.threshold <= Rate::ONE
            && (Rate::ZERO <= self.slope && self.slope <= Rate::from_bp(100_000))
            && (Amount::ONE <= self.interest_min && self.interest_min <= most);
        if sound {
            return Ok(());
        }
        let text = "concentration: threshold from 0 to 1, slope from 0 to 10, \
                    1 ≤ interest_min ≤ 10¹⁸";
        Err(DesignError(text.into()))
    }
}

/// Credit between underlyings (rule R-13).
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ScenarioParams {
    /// Share of each asset's charge that moves with the market: the floor under its correlation.
    /// Nothing for assets beyond the end of the list (none).
    pub offsets: Vec<Rate>,
    /// Share of an asset's tie to the market that breaks in a scenario (50 %).
    pub broken: Rate,
    /// Share of what moves with the market that is required in any case (30 %).
    pub floor: Rate,
}

impl Default for ScenarioParams {
    fn default() -> ScenarioParams {
        ScenarioParams {
            offsets: Vec::new(),
            broken: Rate::from_bp(5_000),
            floor: Rate::from_bp(3_000),
        }
    }
}

impl ScenarioParams {
    /// The share of an asset's charge that moves with the market.
    pub fn offset(&self, asset: AssetId) -> Rate {
        self.offsets.get(asset.index()).copied().unwrap_or(Rate::ZERO)
    }

    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let share = |rate: Rate| Rate::ZERO <= rate && rate <= Rate::ONE;
        let offsets = self.offsets.len() <= 1000 && self.offsets.iter().all(|&rate| share(rate));
        if offsets && share(self.broken) && share(self.floor) {
            return Ok(());
        }
        Err(DesignError("scenarios: offsets, broken and floor from 0 to 1".into()))
    }
}
