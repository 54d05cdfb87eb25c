//! What a market design consists of. Every number has its unit in its type or name.

mod waterfall;
mod margin;
mod access;
mod matching;
mod options;
mod rules;
mod dated;

use std::fmt;

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Price, Qty, Rate, Span};

use crate::ids::AssetId;

pub use access::{
    CouncilParams, FlowLimits, FlowParams, OwnerParams, PlanParams, TwapParams, VotingTerms,
};
pub use dated::{FutureParams, Window};
pub use margin::{ConcentrationParams, EnvelopeParams, InterestParams, ScenarioParams};
pub use matching::Matching;
pub use options::{
    BookAuctionParams, ListingParams, OptionParams, ScanParams, SettlementParams, SurfaceParams,
};
pub use rules::{
    DepthParams, FeedbackParams, HaltParams, LadderParams, MarkParams, MarketRules, OrderingRule,
    Rules, ScoreParams, Target, Trigger,
};
pub use waterfall::{BackstopParams, LiquidationParams};

/// The time for which rates are quoted.
pub const EIGHT_HOURS: Span = Span::from_secs(8 * 3600);
/// Time constant of the first input.
pub const SLOW: Span = Span::from_secs(150);

/// The funding rule of a perpetual market (rules F-1 … F-6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum FundingRule {
    /// Accrues each block: `dF = (P/anchor + carry/8 h)·I·dt`. No dead band.
    Anchored {
        /// 1/κ: the time over which a premium is paid in full (8 h).
        anchor: Span,
        /// Interest term ι = r_quote − r_base, for each 8 h.
        carry: Rate,
        /// Bound on |rate| for 8 h.
        cap: Rate,
    },
    /// Settles each interval: `F = P̄ + clamp(interest − P̄, ±clamp)`, P̄ weighted linearly in
    /// time.
    Industry {
        /// Settlement interval (8 h).
        interval: Span,
        /// Interest for the interval (1 bp).
        interest: Rate,
        /// Half-width of the dead band (5 bp).
        clamp: Rate,
        /// Bound on |rate| for the interval.
        cap: Rate,
    },
    /// Samples the one-sided premium, settles hourly `(mean + interest)/8`.
    Dydx {
        /// Sampling period (60 s): the sample is the median of the blocks in it.
        sample: Span,
        /// Settlement interval (1 h).
        interval: Span,
        /// Default funding for each 8 h.
        interest: Rate,
        /// Bound on |rate| for 8 h.
        cap: Rate,
    },
    /// The rate itself moves with the premium: `dr = max_velocity·clamp(P/premium_scale, ±1)·dt`,
    /// an undamped integrator.
    Velocity {
        /// Change of the daily rate in one day at full velocity.
        max_velocity: Rate,
        /// Premium at which the velocity is full.
        premium_scale: Rate,
        /// Bound on |rate| for one day.
        cap: Rate,
    },
    /// Proportional and leaky integral controller on the premium, accrued each block.
    Pi {
        /// Rate for 8 h per unit of premium.
        proportional: Rate,
        /// Growth of the integral in 8 h per unit of premium.
        integral: Rate,
        /// Time constant of the leak of the integral.
        leak: Span,
        /// Interest term for each 8 h.
        carry: Rate,
        /// Bound on |rate| for 8 h, also on the integral.
        cap: Rate,
    },
    /// Accrues nothing: what a dated future has in place of a rule (rule X-1).
    Never,
}

/// Parameters of a perpetual market, and of a dated future as far as they are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct PerpetualParams {
    /// The funding rule.
    pub funding: FundingRule,
    /// Notional for which impact prices are measured, in quote.
    pub impact_notional: Amount,
    /// Initial margin of a naked position, as a share of its notional.
    pub margin_initial: Rate,
    /// Maintenance margin of a naked position.
    pub margin_maintenance: Rate,
    /// Largest distance of the mark from the index.
    pub mark_band: Rate,
    /// Largest distance of an order's price from the index on its aggressive side.
    pub price_band: Rate,
    /// Fee on liquidated notional, to the insurance fund.
    pub fee_liquidation: Rate,
    /// Largest |position| of one account.
    pub position_max: Qty,
}

/// What is traded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Kind {
    /// The base asset against the quote currency.
    Spot {
        /// Largest distance of an order's price from the index on its aggressive side.
        price_band: Rate,
    },
    /// A perpetual on the base asset's index.
    Perpetual(PerpetualParams),
    /// A future on the base asset's index that is settled in cash at its expiry (section X).
    Future(FutureParams),
}

impl Kind {
    /// What perpetuals and dated futures have in common; none for a spot market.
    #[inline]
    pub fn derivative(&self) -> Option<&PerpetualParams> {
        match self {
            Kind::Perpetual(params) => Some(params),
            Kind::Future(future) => Some(&future.terms),
            Kind::Spot { .. } => None,
        }
    }

    /// What a dated future adds.
    #[inline]
    pub fn future(&self) -> Option<&FutureParams> {
        match self {
            Kind::Future(future) => Some(future),
            Kind::Perpetual(_) | Kind::Spot { .. } => None,
        }
    }
}

/// Parameters of a market.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MarketParams {
    /// Name, as `BTC-PERP`.
    pub name: String,
    /// The base asset, whose index price the market follows.
    pub base: AssetId,
    /// What is traded.
    pub kind: Kind,
    /// Price step.
    pub tick: Price,
    /// Quantity step.
    pub lot: Qty,
    /// Fee of the resting side; negative is a rebate.
    pub fee_maker: Rate,
    /// Fee of the aggressor.
    pub fee_taker: Rate,
    /// What guards the market.
    pub rules: MarketRules,
}

/// Parameters of an asset as collateral and as an index.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct AssetParams {
    /// Name, as `BTC`.
    pub name: String,
    /// Part of an unhedged holding that does not count towards initial margin.
    pub haircut_initial: Rate,
    /// Part of an unhedged holding that does not count towards maintenance margin.
    pub haircut_maintenance: Rate,
    /// Charge on a holding hedged by a short perpetual, initial.
    pub basis_initial: Rate,
    /// Charge on a hedged holding, maintenance.
    pub basis_maintenance: Rate,
}

/// Parameters of the oracle.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct OracleParams {
    /// Stake of each publisher.
    pub stakes: Vec<u64>,
    /// Age beyond which a publisher's vote does not count.
    pub vote_age_max: Span,
    /// Age beyond which an index may not serve new risk or a liquidation.
    pub index_age_max: Span,
    /// Smallest confidence that counts, as a share of the price.
    pub confidence_min: Rate,
    /// Votes with a confidence above this share of the price do not count.
    pub confidence_max: Rate,
}

/// A whole market design.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Params {
    /// Assets; the first is the quote currency.
    pub assets: Vec<AssetParams>,
    /// Markets.
    pub markets: Vec<MarketParams>,
    /// The oracle.
    pub oracle: OracleParams,
    /// Largest number of open orders of one account in one market.
    pub open_orders_max: u32,
    /// Notional above which liquidating a position takes a share of the aged depth only, not all.
    pub liquidation_tranche_min: Amount,
    /// A full hash of the state enters the chain each so many blocks.
    pub checkpoint_blocks: u64,
    /// What guards the whole exchange.
    pub rules: Rules,
}

/// Why a market design was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DesignError(pub String);

impl fmt::Display for DesignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for DesignError {}
