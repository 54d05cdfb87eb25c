//! The solvency envelope: no accepted design lets one liquidation lose more than it is margined by.
//!
//! Rule R-6: maintenance margin ≥ gap·blocks + funding + fee + impact, each for a unit of notional:
//! what the price moves before the liquidation is done (a batch of `every` blocks adds every − 1),
//! funding at its cap for `accrual`, the liquidation fee on a notional that has grown by the gap,
//! and the move of the price (D-3) by a sale of `flat` into the aged depth that the design counts
//! on. Beyond `flat` the margin grows by
//! the impact of what is beyond, so a proof at `flat` is a proof for every notional. After
//! Percolator's envelope (v16 §1.3), which has no impact term because it uses no book.
//!
//! Always holds: the need never falls when gap, blocks, cap, fee or `flat` rise or depth falls.
//! Every term is rounded up. A price that moves further than `gap`, or a book that is thinner than
//! `depth_min`, is outside of what is proved: that is what INSURANCE is for.

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Amount, Rate, Round, Span, mul_div};

use crate::ids::MarketId;
use crate::params::{DepthParams, DesignError, FundingRule, MarketRules, Params, PerpetualParams};

/// What a unit of notional can lose until its liquidation is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Need {
    /// Moves of the price: gap·blocks.
    pub gap: Rate,
    /// Funding at its cap.
    pub funding: Rate,
    /// The liquidation fee, on a notional grown by the gap.
    pub fee: Rate,
    /// Impact of selling `flat`.
    pub impact: Rate,
}

impl Need {
    /// The smallest maintenance margin; at most the largest rate.
    pub fn total(&self) -> Rate {
        let terms = [self.gap, self.funding, self.fee, self.impact];
        saturated(terms.iter().map(|term| i128::from(term.raw())).sum())
    }
}

/// A point of the frontier: the least maintenance margin at a gap and a depth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// Move of the price in one block.
    pub gap: Rate,
    /// Aged depth of a side, in quote.
    pub depth: Amount,
    /// The smallest maintenance margin that R-6 accepts there.
    pub maintenance: Rate,
}

/// What the maintenance margin of a market must bear (rule R-6).
pub fn need(perpetual: &PerpetualParams, rules: &MarketRules) -> Need {
    let envelope = &rules.envelope;
    // A forced order waits for the end of a batch (rule T-15).
    let blocks = i128::from(envelope.blocks) + i128::from(rules.matching.delay());
    let gap = saturated(i128::from(envelope.gap.raw()) * blocks);
    let grown = saturated(i128::from(Rate::ONE.raw()) + i128::from(gap.raw()));
    Need {
        gap,
        funding: funding(&perpetual.funding, envelope.accrual),
        fee: perpetual.fee_liquidation.times(grown, Round::Up).unwrap_or(Rate::MAX),
        impact: impact(envelope.flat, envelope.depth_min, &rules.depth),
    }
}

/// Proves rule R-6 of every perpetual and dated future; the error has the numbers of the first that
/// fails.
pub fn prove(params: &Params) -> Result<(), DesignError> {
    let derivatives =
        params.markets.iter().filter_map(|market| Some((market, market.kind.derivative()?)));
    let mut proofs =
        derivatives.map(|(market, terms)| prove_market(&market.name, terms, &market.rules));
    proofs.try_for_each(|proof| proof)
}

fn prove_market(
    name: &str,
    perpetual: &PerpetualParams,
    rules: &MarketRules,
) -> Result<(), DesignError> {
    let need = need(perpetual, rules);
    if perpetual.margin_maintenance >= need.total() {
        return Ok(());
    }
    let Need { gap, funding, fee, impact } = need;
    Err(DesignError(format!(
        "{name}: margin_maintenance {} is below the envelope of {}: price gap {gap} + funding \
         {funding} + fee {fee} + impact {impact}",
        perpetual.margin_maintenance,
        need.total(),
    )))
}

/// The first perpetual or dated future whose maintenance margin is below its need.
pub fn shortfall(params: &Params) -> Option<(MarketId, Rate, Need)> {
    (0u16..).map(MarketId).zip(&params.markets).find_map(|(id, market)| {
        let terms = market.kind.derivative()?;
        let (margin, need) = (terms.margin_maintenance, need(terms, &market.rules));
        (margin < need.total()).then_some((id, margin, need))
    })
}

/// The least maintenance margin for each gap per block and each depth, in this order, everything
/// else as in the market.
pub fn frontier(
    perpetual: &PerpetualParams,
    rules: &MarketRules,
    gaps: &[Rate],
    depths: &[Amount],
) -> Vec<Point> {
    let at = |gap: Rate, depth: Amount| {
        let mut rules = *rules;
        (rules.envelope.gap, rules.envelope.depth_min) = (gap, depth);
        Point { gap, depth, maintenance: need(perpetual, &rules).total() }
    };
    gaps.iter().flat_map(|&gap| depths.iter().map(move |&depth| at(gap, depth))).collect()
}

/// The largest gap per block, rounded down to 10⁻⁸, that the market's maintenance margin bears.
pub fn gap_max(perpetual: &PerpetualParams, rules: &MarketRules) -> Option<Rate> {
    const STEP: i64 = 10_000;
    let bears = |steps: i64| {
        let mut rules = *rules;
        rules.envelope.gap = Rate::from_raw(steps * STEP);
        need(perpetual, &rules).total() <= perpetual.margin_maintenance
    };
    if !bears(0) {
        return None;
    }
    let (mut low, mut high) = (0, Rate::ONE.raw() / STEP);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if bears(middle) { low = middle } else { high = middle }
    }
    Some(Rate::from_raw(low * STEP))
}

/// The move of the price by a sale of `notional`, rounded up (rule D-3).
fn impact(notional: Amount, depth: Amount, params: &DepthParams) -> Rate {
    let raw = mul_div(notional.raw(), i128::from(params.window.raw()), depth.raw(), Round::Up);
    raw.map_or(Rate::MAX, saturated)
}

/// Funding at its cap, in proportion to time. A rule that settles at once is charged its share of
/// the interval: what it will charge is known before, and `accrual` can be set to the interval.
fn funding(rule: &FundingRule, accrual: Span) -> Rate {
    let eight_hours = Span::HOUR.times(8);
    let (cap, per) = match *rule {
        FundingRule::Anchored { cap, .. }
        | FundingRule::Dydx { cap, .. }
        | FundingRule::Pi { cap, .. } => (cap, eight_hours),
        FundingRule::Industry { interval, cap, .. } => (cap, interval),
        FundingRule::Velocity { cap, .. } => (cap, Span::DAY),
        FundingRule::Never => return Rate::ZERO,
    };
    cap.over(accrual, per, Round::Up).unwrap_or(Rate::MAX)
}

fn saturated(raw: i128) -> Rate {
    Rate::from_raw(i64::try_from(raw).unwrap_or(i64::MAX))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::params::EnvelopeParams;
    use money::Qty;

    fn perpetual() -> PerpetualParams {
        PerpetualParams {
            funding: FundingRule::Anchored {
                anchor: Span::HOUR.times(8),
                carry: Rate::ZERO,
                cap: Rate::from_bp(400),
            },
            impact_notional: Amount::ONE,
            margin_initial: Rate::from_bp(500),
            margin_maintenance: Rate::from_bp(250),
            mark_band: Rate::from_bp(300),
            price_band: Rate::from_bp(1000),
            fee_liquidation: Rate::from_bp(100),
            position_max: Qty::ONE,
        }
    }

    fn with(change: impl Fn(&mut EnvelopeParams)) -> MarketRules {
        let mut rules = MarketRules::default();
        change(&mut rules.envelope);
        rules
    }

    #[test]
    fn r_6_the_defaults_bear_a_fee_of_one_percent_at_a_margin_of_two_and_a_half() {
        let need = need(&perpetual(), &MarketRules::default());
        // 4 % for 8 h is 0.0083 % a minute; the fee is charged on 1.0125; 2 %·1 M/10 M.
        let raw = [12_500_000_000, 83_333_334, 10_125_000_000, 2_000_000_000];
        let terms = [need.gap, need.funding, need.fee, need.impact].map(Rate::raw);
        assert_eq!(terms, raw);
        assert_eq!(need.total(), Rate::from_raw(raw.iter().sum()));
        assert_eq!(prove_market("BTC-PERP", &perpetual(), &MarketRules::default()), Ok(()));
    }

    #[test]
    fn r_6_a_refusal_has_its_numbers() {
        let rules = with(|envelope| envelope.blocks = 2);
        let error = prove_market("BTC-PERP", &perpetual(), &rules).unwrap_err();
        let text = "BTC-PERP: margin_maintenance 0.025 is below the envelope of 0.037333333334: \
                    price gap 0.025 + funding 0.000083333334 + fee 0.01025 + impact 0.002";
        assert_eq!(error.to_string(), text);
    }

    #[test]
    fn r_6_a_batch_counts_as_the_blocks_that_a_forced_order_waits() {
        let need = |every, blocks| {
            let mut rules = with(|envelope| envelope.blocks = blocks);
            rules.matching = crate::params::Matching::Batch { every };
            super::need(&perpetual(), &rules)
        };
        assert_eq!(need(1, 1), super::need(&perpetual(), &MarketRules::default()));
        assert_eq!(need(4, 2), need(1, 5));
        assert_eq!(need(4, 2).gap, Rate::from_bp(625));
    }

    #[test]
    fn r_6_the_frontier_rises_with_the_gap_and_falls_with_depth() {
        let [thin, deep] = [1_000_000, 100_000_000].map(|m| Amount::from_raw(m * 100_000_000));
        let gaps = [Rate::from_bp(50), Rate::from_bp(200)];
        let points = frontier(&perpetual(), &MarketRules::default(), &gaps, &[thin, deep]);
        let maintenance: Vec<i64> =
            points.iter().map(|point| point.maintenance.raw() / 1_000_000).collect();
        assert_eq!(maintenance, [35_133, 15_333, 50_283, 30_483]);
        let most = gap_max(&perpetual(), &MarketRules::default()).unwrap();
        // 2.5 % − 1 % − 0.2 % − 0.0083 %, over 1.01.
        assert_eq!(most.raw(), 12_788_770_000 / 10_000 * 10_000);
    }

    #[test]
    fn r_6_an_index_that_settles_at_once_can_be_charged_its_whole_cap() {
        let cap = Rate::from_bp(200);
        let interval = Span::HOUR.times(8);
        let rule = FundingRule::Industry { interval, interest: Rate::ZERO, clamp: Rate::ZERO, cap };
        assert_eq!(funding(&rule, interval), cap);
        assert_eq!(funding(&rule, Span::HOUR), Rate::from_bp(25));
    }
}
