//! What a run leaves behind: plain data, filled by the world and read by metrics and reports.
//!
//! Times are milliseconds since 1970-01-01 UTC. Money is US dollars: `f64` for reading, and beside
//! it the exact decimal where it was computed exactly. A cash flow is positive when the class or
//! the fund receives it. `bp` is 10⁻⁴ of the spot price; funding rates are for 8 h.

use serde::Serialize;

pub use crate::money_record::Money;
use crate::option_record::OptionRecord;

/// One run of one scenario from one seed.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Record {
    /// Name of the scenario.
    pub scenario: String,
    /// One paragraph on what the scenario asks.
    pub description: String,
    /// Command line that repeats the run.
    pub command: String,
    /// Where the price path comes from: data set and range, or generator.
    pub data: String,
    /// Seed of every random choice.
    pub seed: u64,
    /// First instant, ms UTC.
    pub start_ms: i64,
    /// Last instant, ms UTC.
    pub end_ms: i64,
    /// Time between blocks, ms.
    pub block_ms: u64,
    /// Time between samples, s.
    pub sample_s: u64,
    /// One entry for each market.
    pub markets: Vec<MarketRecord>,
    /// One entry for each class of agents.
    pub classes: Vec<ClassRecord>,
    /// One entry for each invariant of the rulebook.
    pub invariants: Vec<InvariantRecord>,
    /// The insurance fund.
    pub insurance: InsuranceRecord,
    /// How much happened.
    pub counts: Counts,
    /// Hash of the final state, hexadecimal.
    pub state_hash: String,
    /// The options, if there are any.
    pub options: Option<OptionRecord>,
    /// Exact totals of the ledger, each a name and its amount.
    pub accounting: Vec<(String, Money)>,
}

/// One market of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct MarketRecord {
    /// Name, such as `BTC-PERP`.
    pub name: String,
    /// Funding rule, such as `anchored`.
    pub rule: String,
    /// Financing cost of the quote currency over the base currency, bp for 8 h.
    pub carry_8h_bp: f64,
    /// Basis at which the rule's own funding pays the carry: (low, high), equal for a point, bp.
    pub fair_bp: Option<(f64, f64)>,
    /// The same for the rule of the exchange whose prices were recorded, bp.
    pub recorded_fair_bp: Option<(f64, f64)>,
    /// The samples.
    pub samples: Samples,
    /// Funding paid by longs, net of what they received, USD.
    pub funding_by_longs_usd: f64,
    /// Funding paid by shorts, net of what they received, USD.
    pub funding_by_shorts_usd: f64,
    /// Traded notional, each trade counted once, USD.
    pub traded_usd: f64,
    /// Open interest at the end, one side, USD.
    pub open_interest_usd: f64,
}

/// One row for each sample, as a struct of columns of one length; `NaN` where nothing is known.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Samples {
    /// Time, ms UTC, rising.
    pub time_ms: Vec<i64>,
    /// True spot price, USD.
    pub spot: Vec<f64>,
    /// The market's index, USD.
    pub index: Vec<f64>,
    /// The market's mark, USD.
    pub mark: Vec<f64>,
    /// Mid of the perpetual's book, USD; `NaN` while a side is empty.
    pub mid: Vec<f64>,
    /// Close of the recorded exchange's perpetual, USD; `NaN` between bar closes.
    pub recorded_perp: Vec<f64>,
    /// Premium as the funding rule sees it, bp.
    pub premium_bp: Vec<f64>,
    /// Funding rate for 8 h, bp.
    pub funding_8h_bp: Vec<f64>,
    /// Open interest, one side, USD.
    pub open_interest_usd: Vec<f64>,
    /// Resting notional within 10 bp of the mid, both sides, USD.
    pub depth_10bp_usd: Vec<f64>,
    /// Best ask over best bid, bp of the mid.
    pub spread_bp: Vec<f64>,
}

/// One row of [`Samples`].
#[derive(Clone, Copy, Debug)]
pub struct Sample {
    /// Time, ms UTC.
    pub time_ms: i64,
    /// True spot price, USD.
    pub spot: f64,
    /// The market's index, USD.
    pub index: f64,
    /// The market's mark, USD.
    pub mark: f64,
    /// Mid of the perpetual's book, USD.
    pub mid: f64,
    /// Close of the recorded perpetual, USD.
    pub recorded_perp: f64,
    /// Premium, bp.
    pub premium_bp: f64,
    /// Funding rate for 8 h, bp.
    pub funding_8h_bp: f64,
    /// Open interest, USD.
    pub open_interest_usd: f64,
    /// Resting notional within 10 bp of the mid, USD.
    pub depth_10bp_usd: f64,
    /// Spread, bp.
    pub spread_bp: f64,
}

impl Samples {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.time_ms.len()
    }

    /// True without a row.
    pub fn is_empty(&self) -> bool {
        self.time_ms.is_empty()
    }

    /// Appends one row.
    pub fn push(&mut self, row: Sample) {
        self.time_ms.push(row.time_ms);
        self.spot.push(row.spot);
        self.index.push(row.index);
        self.mark.push(row.mark);
        self.mid.push(row.mid);
        self.recorded_perp.push(row.recorded_perp);
        self.premium_bp.push(row.premium_bp);
        self.funding_8h_bp.push(row.funding_8h_bp);
        self.open_interest_usd.push(row.open_interest_usd);
        self.depth_10bp_usd.push(row.depth_10bp_usd);
        self.spread_bp.push(row.spread_bp);
    }

    /// The price columns and measures by name, in the order in which they are written.
    pub fn columns(&self) -> [(&'static str, &[f64]); 10] {
        [
            ("spot", &self.spot),
            ("index", &self.index),
            ("mark", &self.mark),
            ("mid", &self.mid),
            ("recorded_perp", &self.recorded_perp),
            ("premium_bp", &self.premium_bp),
            ("funding_8h_bp", &self.funding_8h_bp),
            ("open_interest_usd", &self.open_interest_usd),
            ("depth_10bp_usd", &self.depth_10bp_usd),
            ("spread_bp", &self.spread_bp),
        ]
    }
}

/// Profit and loss of one class of agents; the seven flows add up to `total_usd`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ClassRecord {
    /// Name, such as `arbitrage`.
    pub class: String,
    /// How many agents it has.
    pub agents: u32,
    /// From prices: trades and revaluation, on every venue, USD.
    pub price_usd: f64,
    /// From funding, USD.
    pub funding_usd: f64,
    /// From trading fees, USD.
    pub fees_usd: f64,
    /// From liquidation fees, USD.
    pub liquidation_usd: f64,
    /// Losses that insurance bore for the class, USD.
    pub insurance_usd: f64,
    /// From auto-deleveraging, USD.
    pub deleveraging_usd: f64,
    /// The class's own cost of capital, charged by the lab, USD.
    pub financing_usd: f64,
    /// Sum of the flows, USD.
    pub total_usd: f64,
    /// Equity at the start, USD.
    pub equity_start_usd: f64,
    /// Equity at the end, USD.
    pub equity_end_usd: f64,
    /// Traded notional, USD.
    pub traded_usd: f64,
    /// Largest |inventory| of the class at any sample, USD.
    pub inventory_max_usd: f64,
}

impl ClassRecord {
    /// The flows by name, in the order of the reports, USD.
    pub fn flows(&self) -> [(&'static str, f64); 7] {
        [
            ("price", self.price_usd),
            ("funding", self.funding_usd),
            ("fees", self.fees_usd),
            ("liquidation", self.liquidation_usd),
            ("insurance", self.insurance_usd),
            ("deleveraging", self.deleveraging_usd),
            ("financing", self.financing_usd),
        ]
    }

    /// Every number of the class by the name of its column, USD.
    pub fn numbers(&self) -> Vec<(&'static str, f64)> {
        vec![
            ("price_usd", self.price_usd),
            ("funding_usd", self.funding_usd),
            ("fees_usd", self.fees_usd),
            ("liquidation_usd", self.liquidation_usd),
            ("insurance_usd", self.insurance_usd),
            ("deleveraging_usd", self.deleveraging_usd),
            ("financing_usd", self.financing_usd),
            ("total_usd", self.total_usd),
            ("equity_start_usd", self.equity_start_usd),
            ("equity_end_usd", self.equity_end_usd),
            ("traded_usd", self.traded_usd),
            ("inventory_max_usd", self.inventory_max_usd),
        ]
    }
}

/// How often an invariant was checked, and how often it was broken.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InvariantRecord {
    /// Name in the rulebook's table.
    pub name: String,
    /// Number of checks.
    pub checks: u64,
    /// Number of checks that failed.
    pub broken: u64,
}

/// The insurance fund over the run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct InsuranceRecord {
    /// Balance at the start.
    pub start: Money,
    /// Balance at the end.
    pub end: Money,
    /// Paid for bankrupt accounts.
    pub paid: Money,
    /// Received from liquidation fees and gains.
    pub received: Money,
}

/// How much happened in a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Counts {
    /// Blocks applied.
    pub blocks: u64,
    /// Messages delivered between agents, venues and the chain.
    pub messages: u64,
    /// Quotes and funding data that agents heard, each after its latency.
    pub quotes: u64,
    /// Commands applied.
    pub commands: u64,
    /// Trades.
    pub trades: u64,
    /// Refused commands.
    pub rejects: u64,
    /// Accounts of which a part was liquidated.
    pub liquidations: u64,
    /// Positions reduced by auto-deleveraging.
    pub deleveraged: u64,
}
