//! Parameters of the rules that guard a market: each with its default and its range (the tables in
//! `docs/protocol.md`).

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Rate, Span};

use super::DesignError;
use super::access::{CouncilParams, FlowParams, OwnerParams, PlanParams, TwapParams, VotingTerms};
use super::margin::{ConcentrationParams, EnvelopeParams, InterestParams, ScenarioParams};
use super::matching::Matching;
use super::options::OptionParams;
use super::waterfall::{BackstopParams, LiquidationParams};

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
    /// Liquidation and insurance (rules L-8 to L-15).
    pub liquidation: LiquidationParams,
    /// The backstop vault.
    pub backstop: BackstopParams,
    /// Credit between underlyings (rule R-13).
    pub scenarios: ScenarioParams,
    /// Who acts in emergencies, and what is staked (section G).
    pub council: CouncilParams,
    /// Accounts and agents of one owner (rules B-7 and B-8).
    pub owners: OwnerParams,
    /// Bounds on what waits and what is due (rules T-10 to T-12).
    pub plans: PlanParams,
    /// Options, at most once for each asset (sections V, K and S).
    pub options: Vec<OptionParams>,
}

/// What holds for one market.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MarketRules {
    /// Aged depth (rules D-1 to D-3).
    pub depth: DepthParams,
    /// The promise of convergence (section C).
    pub target: Target,
    /// Deviation feedback (rules ).
    pub feedback: FeedbackParams,
    /// The mark (rule M-1).
    pub mark: MarkParams,
    /// What maintenance margin must bear, and how it grows with size (rules ).
    pub envelope: EnvelopeParams,
    /// How initial margin grows with open interest (rule R-8).
    pub interest: InterestParams,
    /// r_quote − r_base for each 8 h, which makes a basis fair (rule C-4).
    pub carry_8h: Rate,
    /// How orders meet (rule T-13).
    pub matching: Matching,
    /// How initial margin grows with an owner's share of the market (rule R-18).
    pub concentration: ConcentrationParams,
}

impl Rules {
    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        self.ladder.check()?;
        self.scores.check()?;
        self.halt.check()?;
        self.liquidation.check()?;
        self.backstop.check()?;
        self.flow.check()?;
        self.twap.check()?;
        self.scenarios.check()?;
        self.owners.check()?;
        self.options.iter().try_for_each(OptionParams::check)?;
        self.plans.check()
    }
}

impl MarketRules {
    /// Refuses parameters outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        self.depth.check()?;
        self.target.check()?;
        self.feedback.check()?;
        self.mark.check()?;
        self.envelope.check()?;
        self.interest.check()?;
        self.matching.check()?;
        self.concentration.check()?;
        if -Rate::ONE <= self.carry_8h && self.carry_8h <= Rate::ONE {
            return Ok(());
        }
        Err(DesignError("carry_8h must lie within ±1".into()))
    }
}

/// Parameters of the mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct MarkParams {
    /// Age beyond which the last trade is no input (60 s).
    pub last_age_max: Span,
}

impl Default for MarkParams {
    fn default() -> MarkParams {
        MarkParams { last_age_max: Span::MINUTE }
    }
}

impl MarkParams {
    /// Refuses what is outside the ranges of `docs/protocol.md`.
    pub fn check(&self) -> Result<(), DesignError> {
        if Span::SECOND <= self.last_age_max && self.last_age_max <= Span::DAY {
            return Ok(());
        }
        Err(DesignError("mark: last_age_max is 1 s to 1 day".into()))
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
    /// Time for which a price must stand after a silence to be believed (rule O-11).
    pub gap_confirmation: Span,
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
            gap_confirmation: Span::MINUTE.times(5),
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
            && (Span::MINUTE <= self.gap_confirmation && self.gap_confirmation <= Span::DAY)
            && !self.widening.is_negative()
            && self.widening <= Rate::from_bp(100_000);
        if sound && confident && ages {
            return Ok(());
        }
        let text = "ladder: 0 < jump_max, distance_max ≤ 100; 2 ≤ jump_confirmations ≤ 1000; \
                    0 < confidence_max < 1; 0 < age_mark ≤ age_margin ≤ 1 day; \
                    1 min ≤ average ≤ 30 days; 1 min ≤ gap_confirmation ≤ 1 day; \
                    0 ≤ widening ≤ 10";
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
                    auction: Span::MINUTE,
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
