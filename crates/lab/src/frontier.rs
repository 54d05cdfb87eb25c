//! The frontier of solvency of a market: which price gap in one block its margin bears, by depth.
//!
//! Rule R-6 read the other way: for each maintenance margin and each depth the largest gap that
//! `protocol::envelope` still accepts, and for each gap and depth the least margin.

use money::{Amount, Rate};
use pricing::convert::{amount_f64, rate_f64};
use protocol::envelope;
use protocol::params::{MarketRules, PerpetualParams};
use serde::Serialize;

/// Maintenance margins, bp.
const MARGINS_BP: [i64; 10] = [50, 100, 150, 200, 250, 300, 400, 500, 750, 1_000];
/// Gaps, bp.
const GAPS_BP: [i64; 8] = [25, 50, 100, 125, 200, 300, 500, 800];
/// Depths of one side within the window, in millions of quote.
const DEPTHS_M: [i128; 7] = [2, 5, 10, 20, 50, 100, 500];

/// The frontier of one market; shares as percent, money in USD.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Frontier {
    /// Name of the market.
    pub market: String,
    /// Its maintenance margin.
    pub margin_maintenance_pct: f64,
    /// The gap for which it was designed.
    pub gap_pct: f64,
    /// The depth that its design counts on.
    pub depth_usd: f64,
    /// Notional for which margin is flat.
    pub flat_usd: f64,
    /// Depths of the tables.
    pub depths_usd: Vec<f64>,
    /// For each maintenance margin the largest gap at each depth; none where nothing is borne.
    pub gaps_max: Vec<GapsMax>,
    /// For each gap the least maintenance margin at each depth.
    pub margins_min: Vec<MarginsMin>,
}

/// The largest gaps at one maintenance margin.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GapsMax {
    /// The margin.
    pub margin_maintenance_pct: f64,
    /// The gap of one block at each depth.
    pub gap_pct: Vec<Option<f64>>,
}

/// The least margins at one gap.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MarginsMin {
    /// The gap of one block.
    pub gap_pct: f64,
    /// The least maintenance margin at each depth.
    pub margin_maintenance_pct: Vec<f64>,
}

impl Frontier {
    /// The frontier of a market.
    pub fn of(market: &str, perpetual: &PerpetualParams, rules: &MarketRules) -> Frontier {
        let depths = DEPTHS_M.map(|millions| Amount::from_raw(millions * 1_000_000 * WHOLE));
        let margins = MARGINS_BP.map(Rate::from_bp);
        let rows = margins.map(|margin| GapsMax {
            margin_maintenance_pct: percent(margin),
            gap_pct: depths.map(|depth| gap_max(perpetual, rules, (margin, depth))).to_vec(),
        });
        let gaps = GAPS_BP.map(Rate::from_bp);
        let points = envelope::frontier(perpetual, rules, &gaps, &depths);
        let margins_min = points.chunks(depths.len()).map(|points| MarginsMin {
            gap_pct: percent(points[0].gap),
            margin_maintenance_pct: points.iter().map(|p| percent(p.maintenance)).collect(),
        });
        Frontier {
            market: market.into(),
            margin_maintenance_pct: percent(perpetual.margin_maintenance),
            gap_pct: percent(rules.envelope.gap),
            depth_usd: amount_f64(rules.envelope.depth_min),
            flat_usd: amount_f64(rules.envelope.flat),
            depths_usd: depths.map(amount_f64).to_vec(),
            gaps_max: rows.to_vec(),
            margins_min: margins_min.collect(),
        }
    }
}

/// Units of an amount in one of its wholes.
const WHOLE: i128 = Amount::ONE.raw();

/// The largest gap that this margin bears at this depth; the fee is at most half of the margin.
fn gap_max(
    perpetual: &PerpetualParams,
    rules: &MarketRules,
    (margin, depth): (Rate, Amount),
) -> Option<f64> {
    let (mut perpetual, mut rules) = (*perpetual, *rules);
    let half = Rate::from_raw(margin.raw() / 2);
    perpetual.margin_maintenance = margin;
    perpetual.fee_liquidation = perpetual.fee_liquidation.min(half);
    rules.envelope.depth_min = depth;
    envelope::gap_max(&perpetual, &rules).map(percent)
}

fn percent(rate: Rate) -> f64 {
    rate_f64(rate) * 100.0
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::scenario::Scenario;
    use std::path::Path;

    fn frontier() -> Frontier {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/october-2025.toml");
        let scenario = Scenario::load(Path::new(file)).unwrap();
        let perpetual = |market: &protocol::params::MarketParams| {
            Some(Frontier::of(&market.name, market.kind.derivative()?, &market.rules))
        };
        scenario.params().markets.iter().find_map(perpetual).unwrap()
    }

    #[test]
    fn more_margin_and_more_depth_bear_a_larger_gap() {
        let frontier = frontier();
        for rows in frontier.gaps_max.windows(2) {
            for (less, more) in rows[0].gap_pct.iter().zip(&rows[1].gap_pct) {
                assert!(less <= more, "{rows:?}");
            }
        }
        for row in &frontier.gaps_max {
            assert!(row.gap_pct.windows(2).all(|pair| pair[0] <= pair[1]), "{row:?}");
        }
    }

    #[test]
    fn both_tables_draw_the_same_line() {
        let frontier = frontier();
        for margins in &frontier.margins_min {
            for row in &frontier.gaps_max {
                for (gap, least) in row.gap_pct.iter().zip(&margins.margin_maintenance_pct) {
                    // The fee of a thin margin is its half; elsewhere both mean rule R-6.
                    let borne = gap.is_some_and(|gap| gap >= margins.gap_pct - 1e-6);
                    if row.margin_maintenance_pct >= 1.0 {
                        assert_eq!(borne, row.margin_maintenance_pct >= least - 1e-9, "{row:?}");
                    }
                }
            }
        }
    }
}
