//! Parameters of the rules that guard a market: each with its default and its range (the tables in
//! `docs/protocol.md`).

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Rate, Span};

use super::DesignError;
use super::margin::{EnvelopeParams, InterestParams, ScenarioParams};

/// What holds for the whole exchange.
#[derive(Clone, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Rules {
    /// Order of the messages in a block (rule T-9).
    pub ordering: OrderingRule,
    /// Validity of an index (rules O-5 to O-8).
    pub ladder: LadderParams,
    /// Scores of publishers (rule O-10).
    pub scores: ScoreParams,
    /// Halts, restarts and delisting (rules ).
    pub halt: HaltParams,
    /// Limits on withdrawals (rules B-4 to B-6).
    pub flow: FlowParams,
    /// Orders spread over time (rule T-11).
    pub twap: TwapParams,
    /// Terms of voting (section G).
    pub voting: VotingTerms,
    /// Credit between underlyings (rule R-13).
    pub scenarios: ScenarioParams,
}

/// What holds for one perpetual market or dated future.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MarketRules {
    /// Aged depth (rules D-1 to D-3).
    pub depth: DepthParams,
    /// The promise of convergence (section C).
    pub target: Target,
    /// Deviation feedback (rules ).
    pub feedback: FeedbackParams,
    /// What maintenance margin must bear, and how it grows with size (rules ).
    pub envelope: EnvelopeParams,
    /// How initial margin grows with open interest (rule R-8).
    pub interest: InterestParams,
}

impl Rules {
    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        self.ladder.check()?;
        self.scores.check()?;
        self.halt.check()?;
        self.flow.check()?;
        self.twap.check()?;
        self.scenarios.check()
    }
}

impl MarketRules {
    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        self.depth.check()?;
        self.target.check()?;
        self.feedback.check()?;
        self.envelope.check()?;
        self.interest.check()
    }
}

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

/// Parameters of the ladder of one index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct LadderParams {
    /// Largest step up of the index in one block; down, the same ratio.
    pub jump_max: Rate,
    /// Aggregates in a row that must agree on a larger step.
    pub jump_confirmations: u32,
    /// Largest distance above the slow average; below, the same ratio.
    pub distance_max: Rate,
    /// Largest confidence of a valid index, as a share of its price.
    pub confidence_max: Rate,
    /// Age beyond which an index serves no margin.
    pub age_margin: Span,
    /// Age beyond which an index moves no mark.
    pub age_mark: Span,
    /// Time constant of the slow average.
    pub average: Span,
    /// How many confidences a price is widened by.
    pub widening: Rate,
}

impl Default for LadderParams {
    fn default() -> LadderParams {
        LadderParams {
            jump_max: Rate::from_bp(500),
            jump_confirmations: 3,
            distance_max: Rate::from_bp(40_000),
            confidence_max: Rate::from_bp(200),
            age_margin: Span::MINUTE,
            age_mark: Span::from_secs(10),
            average: Span::HOUR,
            widening: Rate::ONE,
        }
    }
}

impl LadderParams {
    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let ratio = |rate: Rate| rate.is_positive() && rate <= Rate::from_bp(1_000_000);
        let confident = self.confidence_max.is_positive() && self.confidence_max < Rate::ONE;
        let ages = Span::ZERO < self.age_mark
            && self.age_mark <= self.age_margin
            && self.age_margin <= Span::DAY;
        let sound = ratio(self.jump_max)
            && ratio(self.distance_max)
            && (2..=1000).contains(&self.jump_confirmations)
            && (Span::MINUTE <= self.average && self.average <= Span::DAY.times(30))
            && !self.widening.is_negative()
            && self.widening <= Rate::from_bp(100_000);
        if sound && confident && ages {
            return Ok(());
        }
        let text = "ladder: 0 < jump_max, distance_max ≤ 100; 2 ≤ jump_confirmations ≤ 1000; \
                    0 < confidence_max < 1; 0 < age_mark ≤ age_margin ≤ 1 day; \
                    1 min ≤ average ≤ 30 days; 0 ≤ widening ≤ 10";
        Err(DesignError(text.into()))
    }
}

/// Parameters of the scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct ScoreParams {
    /// Distance from the index that is never an outlier, as a share of the price.
    pub outlier_min: Rate,
    /// What a past judgement keeps of its weight at the next one.
    pub kept: Rate,
}

impl Default for ScoreParams {
    fn default() -> ScoreParams {
        ScoreParams { outlier_min: Rate::from_bp(25), kept: Rate::from_bp(9_990) }
    }
}

impl ScoreParams {
    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let share = |rate: Rate| !rate.is_negative() && rate < Rate::ONE;
        if share(self.outlier_min) && share(self.kept) {
            return Ok(());
        }
        Err(DesignError("scores: 0 ≤ outlier_min < 1, 0 ≤ kept < 1".into()))
    }
}

/// Parameters of aged depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct DepthParams {
    /// Distance from the index within which depth counts.
    pub window: Rate,
    /// Time constant with which resting depth comes to count.
    pub time_constant: Span,
}

impl Default for DepthParams {
    fn default() -> DepthParams {
        DepthParams { window: Rate::from_bp(200), time_constant: Span::MINUTE.times(10) }
    }
}

impl DepthParams {
    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let time = Span::SECOND <= self.time_constant && self.time_constant <= Span::DAY;
        if self.window.is_positive() && self.window < Rate::ONE && time {
            return Ok(());
        }
        Err(DesignError("depth: 0 < window < 1, 1 s ≤ time_constant ≤ 1 day".into()))
    }
}

/// What a design promises: the mark is near the index for a share of each window.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Target {
    /// Largest |mark/index − 1| that keeps the promise.
    pub within: Rate,
    /// Share of the time observed.
    pub share: Rate,
    /// Length of a window; windows are counted from the epoch.
    pub window: Span,
}

impl Default for Target {
    fn default() -> Target {
        Target { within: Rate::from_bp(8), share: Rate::from_bp(9_990), window: Span::DAY }
    }
}

impl Target {
    /// Refuses a target outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let window = Span::MINUTE <= self.window && self.window <= Span::DAY.times(30);
        let share = self.share.is_positive() && self.share <= Rate::ONE;
        if self.within.is_positive() && self.within < Rate::ONE && share && window {
            return Ok(());
        }
        let text = "target: 0 < within < 1, 0 < share ≤ 1, 1 min ≤ window ≤ 30 days";
        Err(DesignError(text.into()))
    }
}

/// Parameters of deviation feedback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct FeedbackParams {
    /// Average |mark/index − 1| below which nothing happens.
    pub threshold: Rate,
    /// θ for each unit of deviation beyond it.
    pub gain: Rate,
    /// Largest θ.
    pub theta_max: Rate,
    /// Time constant of the average deviation.
    pub average: Span,
    /// Time constant with which θ falls.
    pub release: Span,
    /// Time constant with which maintenance margin follows.
    pub delay: Span,
    /// Largest rise of the maintenance margin's θ in a day.
    pub step: Rate,
    /// Largest branching ratio that θ may lead to.
    pub branching_max: Rate,
}

impl Default for FeedbackParams {
    fn default() -> FeedbackParams {
        FeedbackParams {
            threshold: Rate::from_bp(25),
            gain: Rate::from_bp(500_000),
            theta_max: Rate::ONE,
            average: Span::MINUTE.times(5),
            release: Span::HOUR.times(100),
            delay: Span::HOUR.times(6),
            step: Rate::from_bp(1_000),
            branching_max: Rate::from_bp(7_000),
        }
    }
}

/// When a move stops continuous trading, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Trigger {
    /// The time over which the move is measured.
    pub horizon: Span,
    /// Largest move, as a share of the price at the start of the horizon.
    pub move_max: Rate,
    /// Length of the auction that follows.
    pub auction: Span,
}

/// Parameters of rules.
#[derive(Clone, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct HaltParams {
    /// Price monitoring (rule A-4); at most 8.
    pub triggers: Vec<Trigger>,
    /// Time without a fresh index beyond which a market must restart (60 s).
    pub outage_min: Span,
    /// Consecutive fresh blocks before the auction of a restart (3).
    pub fresh_blocks: u32,
    /// Length of that auction (60 s or more).
    pub auction_restart: Span,
    /// Blocks after a restart without liquidation (20).
    pub calm_blocks: u32,
    /// Whether all orders are cancelled when a restart begins.
    pub cancel_all: bool,
    /// Time after which a halted market restarts by itself (1 day).
    pub halt_max: Span,
    /// Time after which a reduce-only market opens by itself (7 days).
    pub reduce_only_max: Span,
    /// Notice before a market is settled (1 day).
    pub notice: Span,
    /// The last part of the notice, over which the index is averaged (1 h).
    pub average: Span,
    /// Time that the average must cover; the notice goes on until then (30 min).
    pub average_min: Span,
}

impl HaltParams {
    /// Refuses what is outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let refuse = |text: &str| Err(DesignError(format!("halts: {text}")));
        let up_to = |span: Span, low: Span, high: Span| low <= span && span <= high;
        let (second, day) = (Span::SECOND, Span::DAY);
        let sound = |trigger: &Trigger| {
            up_to(trigger.horizon, second, day)
                && up_to(trigger.auction, second, Span::HOUR)
                && trigger.move_max > Rate::ZERO
                && trigger.move_max <= Rate::ONE
        };
        if self.triggers.len() > 8 || !self.triggers.iter().all(sound) {
            return refuse(
                "at most 8 triggers: horizon 1 s to 1 day, move to 1, auction 1 s to 1 h",
            );
        }
        if !up_to(self.outage_min, second, Span::HOUR) || !(1..=1000).contains(&self.fresh_blocks) {
            return refuse("outage_min is 1 s to 1 h, fresh_blocks 1 to 1000");
        }
        if !up_to(self.auction_restart, Span::MINUTE, day) || self.calm_blocks > 10_000 {
            return refuse("auction_restart is 1 min to 1 day, calm_blocks at most 10000");
        }
        let month = day.times(30);
        if !up_to(self.halt_max, second, month) || !up_to(self.reduce_only_max, second, month) {
            return refuse("halt_max and reduce_only_max are 1 s to 30 days");
        }
        if !up_to(self.notice, self.average, month)
            || !up_to(self.average, self.average_min, day)
            || self.average_min < second
        {
            return refuse("1 s ≤ average_min ≤ average ≤ 1 day, average ≤ notice ≤ 30 days");
        }
        Ok(())
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

impl FeedbackParams {
    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        let (zero, one) = (Rate::ZERO, Rate::ONE);
        let time = |span: Span| Span::MINUTE <= span && span <= Span::DAY.times(30);
        let sound = (zero <= self.threshold && self.threshold < one)
            && (zero <= self.gain && self.gain <= Rate::from_bp(10_000_000))
            && (zero <= self.theta_max && self.theta_max <= Rate::from_bp(90_000))
            && (zero <= self.step && self.step <= one)
            && (zero < self.branching_max && self.branching_max < one);
        if sound && [self.average, self.release, self.delay].into_iter().all(time) {
            return Ok(());
        }
        let text = "feedback: 0 ≤ threshold < 1, 0 ≤ gain ≤ 1000, 0 ≤ theta_max ≤ 9, \
                    0 ≤ step ≤ 1, 0 < branching_max < 1, times from 1 min to 30 days";
        Err(DesignError(text.into()))
    }
}

/// How the messages of a block are put in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum OrderingRule {
    /// As the block lists them.
    Arrival,
    /// By class, stable inside a class (rule T-9).
    #[default]
    CancelsFirst,
}

impl Default for HaltParams {
    fn default() -> HaltParams {
        HaltParams {
            triggers: vec![
                Trigger {
                    horizon: Span::MINUTE,
                    move_max: Rate::from_bp(500),
                    auction: Span::MINUTE,
                },
                Trigger {
                    horizon: Span::HOUR,
                    move_max: Rate::from_bp(1_000),
                    auction: Span::MINUTE.times(5),
                },
            ],
            outage_min: Span::MINUTE,
            fresh_blocks: 3,
            auction_restart: Span::MINUTE,
            calm_blocks: 20,
            cancel_all: false,
            halt_max: Span::DAY,
            reduce_only_max: Span::DAY.times(7),
            notice: Span::DAY,
            average: Span::HOUR,
            average_min: Span::MINUTE.times(30),
        }
    }
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
