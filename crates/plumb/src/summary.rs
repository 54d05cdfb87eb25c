//! What a run, or a comparison of rules, says in a terminal: at most 45 lines of 100 columns.
//!
//! Bold and colour only where standard output is a terminal and `NO_COLOR` is unset or empty; the
//! text is the same without them.

pub mod backtest;
pub mod desk;
pub mod frontier;
pub mod options;
pub mod hedging;
pub mod stress;
pub mod stress_page;

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};
use lab::compare::{Comparison, MEASURES, RuleComparison};
use lab::metrics::{Distribution, MarketMetrics, Metrics, SeriesMetrics, basis_bp, deviation_bp};
use lab::record::{ClassRecord, MarketRecord, Record};
use lab::text::{NONE, count, duration, minute, number, usd};
use std::io::IsTerminal;

/// Columns of a terminal that the summary fills.
const WIDTH: u16 = 100;
/// Most markets and most classes that are listed.
const LISTED: usize = 8;
/// A line under the headings and nothing else.
const RULED: TableStyle =
    TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
/// Buckets of a sparkline.
const COLUMNS: usize = 64;
/// Upper edges of all bars but the last, bp: what stands above the fourth is out of ±10 bp.
const EDGES_BP: [f64; 7] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
const SCALE: &str =
    "worst off fair over time, bp:  ▁ <1  ▂ <2  ▃ <5  ▄ <10  ▅ <20  ▆ <50  ▇ <100  █ more";
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Whether text may carry colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Bold, green and red.
    On,
    /// Plain text.
    Off,
}

impl Colour {
    /// On if standard output is a terminal and `NO_COLOR` is unset or empty.
    pub fn of_terminal() -> Colour {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        if std::io::stdout().is_terminal() && !refused { Colour::On } else { Colour::Off }
    }

    /// Text in a colour of the terminal.
    pub fn paint(self, code: &str, text: &str) -> String {
        match self {
            Colour::On => format!("\x1b[{code}m{text}\x1b[0m"),
            Colour::Off => text.to_owned(),
        }
    }
}

/// The summary of one run.
pub fn run(record: &Record, metrics: &Metrics, colour: Colour) -> String {
    let mut parts = vec![heading(record, colour), String::new(), tracking(metrics), String::new()];
    parts.push(SCALE.to_owned());
    for (market, measured) in record.markets.iter().zip(&metrics.markets).take(LISTED) {
        parts.push(trail(market, &measured.simulated.basis_bp));
    }
    let blank = String::new;
    if record.options.is_some() {
        parts.extend([blank(), options::run(record)]);
    }
    parts.extend([blank(), classes(&record.classes), blank(), solvency(record, colour)]);
    parts.join("\n") + "\n"
}

/// The summary of a comparison: each rule's mean ± half of its 95 % interval.
pub fn comparison(comparison: &Comparison, colour: Colour) -> String {
    let title = format!("{} · {}", comparison.scenario, comparison.market);
    let seeds = comparison.seeds.len();
    let mut headings = vec![String::new()];
    headings.extend(comparison.rules.iter().map(|rule| rule.rule.clone()));
    headings.push("recorded".to_owned());
    let mut table = plain(&headings);
    for (at, measure) in MEASURES.iter().enumerate() {
        let estimate = |rule: &RuleComparison| {
            let estimate = &rule.estimates[at];
            let mean = number(estimate.mean, measure.decimals);
            estimate.interval.map_or(mean.clone(), |(_, high)| {
                format!("{mean} ± {}", number(high - estimate.mean, measure.decimals))
            })
        };
        let mut row = vec![measure.label.to_owned()];
        row.extend(comparison.rules.iter().map(estimate));
        let recorded = comparison.recorded.as_ref().map(|r| number(r.values[at], measure.decimals));
        row.push(recorded.unwrap_or_else(|| NONE.to_owned()));
        table.add_row(row);
    }
    align(&mut table, 1);
    let noun = if seeds == 1 { "seed" } else { "seeds" };
    let note =
        format!("mean ± half of the 95 % interval over {seeds} {noun}; recorded: its closes");
    format!("{}\n{}\n{note}\n", colour.paint("1", &title), table)
}

fn heading(record: &Record, colour: Colour) -> String {
    let title = format!("{} · seed {}", record.scenario, record.seed);
    let length = duration((record.end_ms - record.start_ms) as f64 / 1e3);
    let hash: String = record.state_hash.chars().take(16).collect();
    format!(
        "{}\n{} – {} UTC, {length}\n{} blocks of {} ms · {} commands · {} trades · state {hash}",
        colour.paint("1", &title),
        minute(record.start_ms),
        minute(record.end_ms),
        count(record.counts.blocks),
        record.block_ms,
        count(record.counts.commands),
        count(record.counts.trades),
    )
}

fn tracking(metrics: &Metrics) -> String {
    let headings = [
        "basis, bp",
        "rule",
        "fair",
        "mean",
        "sd",
        "off fair",
        "99.9 %",
        "worst",
        "t½ 5 min",
        "longest out",
    ];
    let mut table = plain(&headings.map(str::to_owned));
    for market in metrics.markets.iter().take(LISTED) {
        table.add_row(tracking_row(&market.market, market, &market.simulated));
        if let Some(recorded) = &market.recorded {
            let mut row = tracking_row("  recorded", market, recorded);
            row[1] = "exchange".to_owned();
            row[2] = bounds(market.recorded_fair_bp);
            table.add_row(row);
        }
    }
    align(&mut table, 2);
    table.to_string()
}

fn tracking_row(name: &str, market: &MarketMetrics, series: &SeriesMetrics) -> Vec<String> {
    let deviation = &series.deviation_bp;
    let recovery = &series.recovery;
    let longest = if recovery.count == 0 { "none".into() } else { duration(recovery.longest_s) };
    vec![
        name.to_owned(),
        market.rule.clone(),
        bounds(market.fair_bp),
        number(series.basis_bp.mean, 2),
        number(series.basis_bp.sd, 2),
        number(deviation.mean_abs, 2),
        number(deviation.absolute_quantile(0.999), 1),
        number(deviation.max.abs().max(deviation.min.abs()), 1),
        series.half_life_s(300).map_or(NONE.to_owned(), duration),
        longest,
    ]
}

/// The fair basis without its unit.
fn bounds(fair_bp: Option<(f64, f64)>) -> String {
    match fair_bp {
        None => NONE.to_owned(),
        Some((low, high)) if low == high => number(low, 2),
        Some((low, high)) => format!("{}…{}", number(low, 1), number(high, 1)),
    }
}

/// The deviation over time, and the smallest and largest basis.
fn trail(market: &MarketRecord, measured: &Distribution) -> String {
    let samples = &market.samples;
    let prices = samples.mid.iter().zip(&samples.spot);
    let deviation: Vec<f64> =
        prices.map(|(mid, spot)| deviation_bp(basis_bp(*mid, *spot), market.fair_bp)).collect();
    let edges = format!("{} … {} bp", number(measured.min, 1), number(measured.max, 1));
    format!("{:<10.10} {} {edges}", market.name, sparkline(&deviation, COLUMNS))
}

/// The largest |deviation| of each bucket, on the fixed scale of [`EDGES_BP`]; a gap without one.
fn sparkline(deviation_bp: &[f64], columns: usize) -> String {
    let size = deviation_bp.len().div_ceil(columns).max(1);
    let bar = |bucket: &[f64]| {
        let finite = bucket.iter().map(|d| d.abs()).filter(|d| d.is_finite());
        let worst = finite.max_by(f64::total_cmp)?;
        BARS.get(EDGES_BP.partition_point(|edge| *edge <= worst)).copied()
    };
    deviation_bp.chunks(size).map(|bucket| bar(bucket).unwrap_or(' ')).collect()
}

fn classes(classes: &[ClassRecord]) -> String {
    let headings =
        ["P&L, USD", "agents", "price", "funding", "fees", "liq+ins+adl", "financing", "total"];
    let mut table = plain(&headings.map(str::to_owned));
    for class in classes.iter().take(LISTED) {
        table.add_row(vec![
            class.class.clone(),
            class.agents.to_string(),
            usd(class.price_usd),
            usd(class.funding_usd),
            usd(class.fees_usd),
            usd(class.liquidation_usd + class.insurance_usd + class.deleveraging_usd),
            usd(class.financing_usd),
            usd(class.total_usd),
        ]);
    }
    align(&mut table, 1);
    table.to_string()
}

fn solvency(record: &Record, colour: Colour) -> String {
    let checks: u64 = record.invariants.iter().map(|i| i.checks).sum();
    let broken: Vec<&str> =
        record.invariants.iter().filter(|i| i.broken > 0).map(|i| i.name.as_str()).collect();
    let verdict = if checks == 0 {
        "not checked:".to_owned()
    } else if broken.is_empty() {
        colour.paint("32", "held") + " in"
    } else {
        let shown = format!("BROKEN: {}", broken.join(", "));
        colour.paint("1;31", &shown.chars().take(60).collect::<String>()) + " in"
    };
    let fund = &record.insurance;
    format!(
        "invariants  {verdict} {} checks\ninsurance   {} → {} USD, paid {}\n\
         stress      {} liquidations, {} auto-deleveraged",
        count(checks),
        usd(fund.start.usd),
        usd(fund.end.usd),
        usd(fund.paid.usd),
        count(record.counts.liquidations),
        count(record.counts.deleveraged),
    )
}

/// A table with a line under its headings.
pub fn plain(headings: &[String]) -> Table {
    let mut table = Table::new();
    table.load_style(RULED);
    table.set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(WIDTH);
    table.set_header(headings);
    table
}

/// Columns from `first` hold numbers.
pub fn align(table: &mut Table, first: usize) {
    for column in table.column_iter_mut().skip(first) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 1));
    }
}

#[cfg(test)]
mod tests;
