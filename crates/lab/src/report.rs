//! A run, or a comparison of rules, as one HTML page that needs no network.
//!
//! The charts are drawn by Plotly, whose source the `plotly` crate carries; everything else is
//! static text. Every figure says what it is held against: a basis stands beside the fair basis of
//! its rule, a half-life beside its sampling. Same record, same bytes.

mod html;

mod chart;

mod market;

mod classes;

mod rules;

mod stress;

mod frontier;

mod options;
mod hedging;

mod surface;

mod backtest;

mod sweep;

use crate::compare::{Comparison, Run};
use crate::metrics::Metrics;
use crate::option_compare::{OptionComparison, OptionRun};
use crate::option_metrics::OptionMetrics;
use crate::record::Record;
use crate::text::{count, duration, minute};
use html::escape;
use plotly::Plot;
use serde_json::Value;

/// Points of all lines of a page together; keeps a page below 8 MB.
const POINTS: usize = 90_000;

/// The report on one run.
pub fn page(record: &Record, metrics: &Metrics) -> String {
    let mut body = header(record);
    let mut charts = Vec::new();
    let each = POINTS / record.markets.len().max(1);
    for (at, (market, measured)) in record.markets.iter().zip(&metrics.markets).enumerate() {
        let section = market::Section { at, market, metrics: measured, points: each / 20 };
        body.push_str(&section.html(&mut charts));
    }
    if let Some(of_record) = &record.options {
        let measured = OptionMetrics::of(of_record);
        body.push_str(&options::section(record, of_record, &measured, &mut charts));
    }
    body.push_str(&classes::sections(record, &mut charts));
    body.push_str(&reproduction(record));
    body.push_str(DEFINITIONS);
    document(&format!("{} · seed {}", record.scenario, record.seed), &body, charts)
}

/// The report on several rules over several seeds.
pub fn compare_page(comparison: &Comparison, runs: &[Run]) -> String {
    let mut charts = Vec::new();
    let mut body = rules::sections(comparison, runs, &mut charts);
    body.push_str(DEFINITIONS);
    document(&format!("{} · funding rules", comparison.scenario), &body, charts)
}

/// The report on some agents off and on over several seeds.
pub fn agents_page(comparison: &OptionComparison, runs: &[OptionRun]) -> String {
    let mut charts = Vec::new();
    let body = options::comparison(comparison, runs, &mut charts);
    document(&format!("{} · agents", comparison.scenario), &body, charts)
}

/// The report on the incident library.
pub fn stress_page(report: &crate::stress::Report) -> String {
    let mut charts = Vec::new();
    let body = stress::sections(report, &mut charts);
    document("Incident library", &body, charts)
}

/// The report on the frontier of solvency of a scenario's markets.
pub fn frontier_page(scenario: &str, markets: &[crate::frontier::Frontier]) -> String {
    let mut charts = Vec::new();
    let body = frontier::sections(scenario, markets, &mut charts);
    document(&format!("{scenario} · frontier"), &body, charts)
}

/// The report on hedging recorded options.
pub fn hedging_page(study: &crate::hedging::Study) -> String {
    let mut charts = Vec::new();
    let body = hedging::sections(study, &mut charts);
    document(&format!("{} · gamma hedging", study.asset), &body, charts)
}

/// The report on one volatility surface.
pub fn surface_page(title: &str, model: &str, surface: &desk::surface::Surface) -> String {
    let mut charts = Vec::new();
    let body = surface::sections(title, model, surface, &mut charts);
    document(&format!("{title} · volatility"), &body, charts)
}

/// The report on one replay of recorded markets.
pub fn backtest_page(
    record: &crate::replay::record::Record,
    measures: &crate::replay::measure::Measures,
) -> String {
    let mut charts = Vec::new();
    let body = backtest::sections(record, measures, &mut charts);
    document(&format!("{} · replay", record.run.strategy), &body, charts)
}

/// The report on a sweep over a replay.
pub fn sweep_page(sweep: &crate::replay::sweep::Sweep) -> String {
    let mut charts = Vec::new();
    let body = sweep::sections(sweep, &mut charts);
    document(&format!("{} · sweep", sweep.run.strategy), &body, charts)
}

fn header(record: &Record) -> String {
    let length = (record.end_ms - record.start_ms) as f64 / 1e3;
    let link = |(at, market): (usize, &crate::record::MarketRecord)| {
        format!("<a href=\"#market-{at}\">{}</a>", escape(&market.name))
    };
    let markets: String = record.markets.iter().enumerate().map(link).collect();
    format!(
        "<header><p class=\"kicker\">Plumb lab · run report</p><h1>{}</h1>\
         <p class=\"lead\">{}</p><dl class=\"facts\">{}</dl>\
         <nav>{markets}{}<a href=\"#classes\">Profit and loss</a><a href=\"#safety\">Solvency</a>\
         <a href=\"#again\">Reproduce</a><a href=\"#definitions\">Definitions</a></nav></header>",
        escape(&record.scenario),
        escape(&record.description),
        facts(&[
            ("Period, UTC", format!("{} – {}", minute(record.start_ms), minute(record.end_ms))),
            ("Length", duration(length)),
            ("Prices", escape(&record.data)),
            ("Seed", record.seed.to_string()),
            ("Blocks", format!("{} of {} ms", count(record.counts.blocks), record.block_ms)),
            ("Samples", format!("every {}", duration(record.sample_s as f64))),
            ("Commands", count(record.counts.commands)),
            ("Trades", count(record.counts.trades)),
            ("Invariants", held(record)),
            ("Liquidations", count(record.counts.liquidations)),
            ("Auto-deleveraged", count(record.counts.deleveraged)),
            ("State hash", format!("<span class=\"mono\">{}</span>", escape(&record.state_hash))),
        ]),
        if record.options.is_some() { "<a href=\"#options\">Options</a>" } else { "" },
    )
}

fn held(record: &Record) -> String {
    let checks: u64 = record.invariants.iter().map(|i| i.checks).sum();
    match record.invariants.iter().map(|i| i.broken).sum() {
        0 if checks == 0 => "not checked".to_owned(),
        0 => format!("<span class=\"good\">held</span> in {} checks", count(checks)),
        broken => format!(
            "<span class=\"bad\">broken {} times</span> in {} checks",
            count(broken),
            count(checks)
        ),
    }
}

/// A list of names and ready values.
fn facts(rows: &[(&str, String)]) -> String {
    let fact = |(name, value): &(&str, String)| {
        let class = if value.contains("mono") { " class=\"wide\"" } else { "" };
        format!("<div{class}><dt>{name}</dt><dd>{value}</dd></div>")
    };
    rows.iter().map(fact).collect()
}

fn reproduction(record: &Record) -> String {
    format!(
        "<h2 id=\"again\">Reproduce</h2><p>The same command gives the same state hash, byte for \
         byte, on every machine.</p><pre>{}</pre>",
        escape(&record.command)
    )
}

const DEFINITIONS: &str = include_str!("report/definitions.html");

/// A whole page: style, text, the chart library, the charts as data, and what draws them.
fn document(title: &str, body: &str, charts: Vec<Value>) -> String {
    // A closing tag inside the data would end the script early.
    let data = Value::Array(charts).to_string().replace("</", "<\\/");
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{}</title><style>{}</style></head><body><main>{body}\
         <footer>Made by plumb {}. Charts drag to zoom; a double click shows everything. \
         Chart library: plotly.js, MIT licence.</footer></main>\
         <script>{}</script>\n<script type=\"application/json\" id=\"charts\">{data}</script>\n\
         <script>{}</script></body></html>\n",
        escape(title),
        include_str!("report/page.css"),
        env!("CARGO_PKG_VERSION"),
        chart_library(),
        include_str!("report/page.js"),
    )
}

/// The source of Plotly alone; the crate's text also holds MathJax, which no chart here needs.
fn chart_library() -> String {
    let tags = Plot::offline_js_sources();
    let scripts = tags.split("<script type=\"text/javascript\">");
    let bodies = scripts.filter_map(|script| script.split_once("</script>"));
    let library = bodies.map(|(body, _)| body).find(|body| body.contains("plotly.js v"));
    library.expect("the plotly crate carries plotly.js in a script of its own").to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
