//! What a run leaves behind about its options: plain data, as [`crate::record`].
//!
//! Fair is the true surface at the path's price; a deviation is the mid of a series less its fair
//! premium, in volatility points (over vega) and in its own spreads. Only series with a delta of 5
//! to 95 % and more than an hour to expiry are measured.

use serde::Serialize;

use crate::money_record::Money;

/// Options of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OptionRecord {
    /// The asset.
    pub asset: String,
    /// Where the true surface comes from.
    pub source: String,
    /// The samples.
    pub samples: OptionSamples,
    /// One entry for each series that was ever listed.
    pub series: Vec<SeriesRecord>,
    /// One entry for each expiry that was settled.
    pub expiries: Vec<ExpiryRecord>,
    /// One entry for each class of agents that trades options.
    pub attributions: Vec<AttributionRecord>,
    /// How much happened.
    pub counts: OptionCounts,
}

/// How much happened in the options.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OptionCounts {
    /// Surfaces that were accepted.
    pub surfaces: u64,
    /// Votes on the surface that were refused.
    pub surfaces_refused: u64,
    /// Times that a series found no room.
    pub full: u64,
    /// Trades.
    pub trades: u64,
    /// Coins traded, each trade once.
    pub traded_coins: f64,
    /// Premium traded, USD.
    pub premium_usd: f64,
    /// Accounts whose books were auctioned.
    pub auctions: u64,
    /// Pieces of books that bidders took.
    pub bids: u64,
    /// Legs that were deleveraged.
    pub deleveraged: u64,
}

/// One row for each sample, as a struct of columns of one length; `NaN` where nothing is known.
#[derive(Clone, Debug, Default, Serialize)]
pub struct OptionSamples {
    /// Time, ms UTC, rising.
    pub time_ms: Vec<i64>,
    /// Series that are measured: quoted on both sides.
    pub quoted: Vec<f64>,
    /// Series that could be quoted.
    pub measured: Vec<f64>,
    /// Mean deviation, weighted by vega, volatility points.
    pub deviation_pt: Vec<f64>,
    /// Mean |deviation|, volatility points.
    pub deviation_abs_pt: Vec<f64>,
    /// 95 % of |deviation| over the series, volatility points.
    pub deviation_p95_pt: Vec<f64>,
    /// Mean |deviation| in spreads.
    pub deviation_spreads: Vec<f64>,
    /// Mean spread, volatility points.
    pub spread_pt: Vec<f64>,
    /// Mean |mark − fair|, volatility points.
    pub mark_abs_pt: Vec<f64>,
    /// Fair volatility at the money of the expiry nearest to three days, percent.
    pub fair_atm_pct: Vec<f64>,
    /// The same of the accepted surface.
    pub mark_atm_pct: Vec<f64>,
    /// Age of the accepted surface, s.
    pub surface_age_s: Vec<f64>,
    /// Open interest, coins.
    pub open_interest: Vec<f64>,
    /// Net delta of the gamma desks, options and hedge, coins.
    pub desk_delta: Vec<f64>,
    /// Their gamma: coins for a move of 1 %.
    pub desk_gamma: Vec<f64>,
    /// Their vega, USD for a point.
    pub desk_vega: Vec<f64>,
    /// Their theta, USD a day.
    pub desk_theta: Vec<f64>,
}

/// One row of [`OptionSamples`] but its time.
#[derive(Clone, Copy, Debug, Default)]
pub struct OptionSample {
    /// The columns in the order of [`OptionSamples::columns`].
    pub values: [f64; 16],
}

impl OptionSamples {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.time_ms.len()
    }

    /// True without a row.
    pub fn is_empty(&self) -> bool {
        self.time_ms.is_empty()
    }

    /// Appends one row.
    pub fn push(&mut self, time_ms: i64, row: OptionSample) {
        self.time_ms.push(time_ms);
        for (column, value) in self.columns_mut().into_iter().zip(row.values) {
            column.push(value);
        }
    }

    fn columns_mut(&mut self) -> [&mut Vec<f64>; 16] {
        [
            &mut self.quoted,
            &mut self.measured,
            &mut self.deviation_pt,
            &mut self.deviation_abs_pt,
            &mut self.deviation_p95_pt,
            &mut self.deviation_spreads,
            &mut self.spread_pt,
            &mut self.mark_abs_pt,
            &mut self.fair_atm_pct,
            &mut self.mark_atm_pct,
            &mut self.surface_age_s,
            &mut self.open_interest,
            &mut self.desk_delta,
            &mut self.desk_gamma,
            &mut self.desk_vega,
            &mut self.desk_theta,
        ]
    }

    /// The columns by name, in the order in which they are written.
    pub fn columns(&self) -> [(&'static str, &[f64]); 16] {
        [
            ("quoted", &self.quoted),
            ("measured", &self.measured),
            ("deviation_pt", &self.deviation_pt),
            ("deviation_abs_pt", &self.deviation_abs_pt),
            ("deviation_p95_pt", &self.deviation_p95_pt),
            ("deviation_spreads", &self.deviation_spreads),
            ("spread_pt", &self.spread_pt),
            ("mark_abs_pt", &self.mark_abs_pt),
            ("fair_atm_pct", &self.fair_atm_pct),
            ("mark_atm_pct", &self.mark_atm_pct),
            ("surface_age_s", &self.surface_age_s),
            ("open_interest", &self.open_interest),
            ("desk_delta", &self.desk_delta),
            ("desk_gamma", &self.desk_gamma),
            ("desk_vega", &self.desk_vega),
            ("desk_theta", &self.desk_theta),
        ]
    }
}

/// One series of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SeriesRecord {
    /// Name, as `BTC-6FEB26-70000-P`.
    pub name: String,
    /// Trades.
    pub trades: u64,
    /// Coins traded.
    pub traded_coins: f64,
    /// Time of each measured sample, ms UTC.
    #[serde(skip)]
    pub time_ms: Vec<i64>,
    /// Deviation at each, volatility points.
    #[serde(skip)]
    pub deviation_pt: Vec<f64>,
}

/// One settled expiry.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ExpiryRecord {
    /// When, ms UTC.
    pub time_ms: i64,
    /// Settlement price, USD.
    pub price: f64,
    /// The path's price at expiry, USD.
    pub spot: f64,
    /// Open interest that was settled, coins.
    pub open_interest: f64,
    /// Paid to those in the money, USD.
    pub paid_usd: f64,
}

/// Profit of one class of agents by cause; the parts add up to the change of equity.
#[derive(Clone, Debug, Default, Serialize)]
pub struct AttributionRecord {
    /// The class.
    pub class: String,
    /// Each cause and its amount.
    pub parts: Vec<(String, Money)>,
    /// Their sum.
    pub total: Money,
}
