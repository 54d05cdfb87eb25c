//! Funding rules side by side: intervals over seeds, the table, and the basis of each rule laid over
//! the recorded exchange.

use super::chart::{chart, colour, line};
use super::html::{NONE, escape, fair, figure, number, table};
use super::{POINTS, facts};
use crate::compare::{Comparison, Estimate, MEASURES, RuleComparison, Run};
use crate::metrics::basis_bp;
use serde_json::{Value, json};

/// Measures that are drawn; the table has them all.
const DRAWN: [&str; 6] = [
    "deviation_mean_abs_bp",
    "basis_mean_bp",
    "basis_sd_bp",
    "deviation_p999_bp",
    "half_life_5min_s",
    "recovery_longest_s",
];

/// Header, intervals, tables and overlay.
pub fn sections(comparison: &Comparison, runs: &[Run], charts: &mut Vec<Value>) -> String {
    let mut intervals = String::new();
    for (at, measure) in MEASURES.iter().enumerate().filter(|(_, m)| DRAWN.contains(&m.key)) {
        let id = format!("interval-{}", measure.key);
        charts.push(interval_chart(&id, comparison, at));
        let height = 120 + 42 * u32::try_from(comparison.rules.len()).unwrap_or(8).min(12);
        intervals.push_str(&figure(&id, height, measure.label, ""));
    }
    let overlay = overlay(comparison, runs, charts);
    let closes = match comparison.rules_at_closes.is_empty() {
        true => String::new(),
        false => format!(
            "<h2>Like with like: at the closes of the recorded exchange</h2>{}",
            measures_table(comparison, &comparison.rules_at_closes)
        ),
    };
    format!(
        "{}<h2>Each rule over its seeds</h2><p class=\"caption\">Point: a seed. Bar: mean with its \
         95 % interval. Dashed: the recorded exchange on the same path, against its own fair \
         basis.</p><div class=\"three\">{intervals}</div>{overlay}<h2>Every measure</h2>{}{closes}",
        header(comparison),
        measures_table(comparison, &comparison.rules),
    )
}

fn header(comparison: &Comparison) -> String {
    let seeds: Vec<String> = comparison.seeds.iter().map(u64::to_string).collect();
    let rule = |r: &RuleComparison| format!("{} (fair {})", escape(&r.rule), fair(r.fair_bp));
    let rules: Vec<String> = comparison.rules.iter().map(rule).collect();
    format!(
        "<header><p class=\"kicker\">Plumb lab · comparison of funding rules</p><h1>{}</h1>\
         <dl class=\"facts\">{}</dl></header>",
        escape(&comparison.scenario),
        facts(&[
            ("Market", escape(&comparison.market)),
            ("Seeds", seeds.join(", ")),
            ("Rules", rules.join("<br>")),
        ]),
    )
}

fn interval_chart(id: &str, comparison: &Comparison, at: usize) -> Value {
    let mut traces = Vec::new();
    for (rule, colour) in comparison.rules.iter().zip(colour::SERIES.iter().cycle()) {
        let Estimate { mean, interval, values } = &rule.estimates[at];
        let names = vec![&rule.rule; values.len()];
        traces.push(json!({
            "type": "scatter", "mode": "markers", "x": values, "y": names, "hoverinfo": "x",
            "marker": { "color": colour, "size": 6, "opacity": 0.35 },
        }));
        let reach = interval.map_or(0.0, |(_, high)| high - mean);
        traces.push(json!({
            "type": "scatter", "mode": "markers", "x": [mean], "y": [rule.rule], "hoverinfo": "x",
            "marker": { "color": colour, "size": 11, "symbol": "line-ns-open",
                "line": { "width": 2.5, "color": colour } },
            "error_x": { "type": "data", "array": [reach], "thickness": 2.5, "width": 0,
                "color": colour },
        }));
    }
    let recorded = comparison.recorded.as_ref().map(|row| row.values[at]);
    let shapes: Vec<Value> = recorded
        .filter(|value| value.is_finite())
        .map(|value| {
            json!({ "type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": value, "x1": value,
                "line": { "color": colour::RECORDED, "width": 1.5, "dash": "dash" } })
        })
        .into_iter()
        .collect();
    let layout = json!({
        "showlegend": false, "shapes": shapes, "hovermode": "closest",
        "margin": { "l": 10, "r": 12, "t": 8, "b": 36 },
        "xaxis": { "rangemode": if MEASURES[at].key == "basis_mean_bp" { "normal" } else { "tozero" } },
        "yaxis": { "autorange": "reversed", "ticks": "", "type": "category" },
    });
    chart(id, traces, layout)
}

/// The basis of each rule's first run over the recorded exchange.
fn overlay(comparison: &Comparison, runs: &[Run], charts: &mut Vec<Value>) -> String {
    let points = (POINTS / 2 / (comparison.rules.len() + 1)).min(5000);
    let mut traces = Vec::new();
    let basis = |run: &Run, prices: &[f64], dense: bool| -> (Vec<i64>, Vec<f64>) {
        let samples = &run.market.samples;
        let rows = samples.time_ms.iter().zip(prices).zip(&samples.spot);
        rows.map(|((time, price), spot)| (*time, basis_bp(*price, *spot)))
            .filter(|(_, basis)| !dense || basis.is_finite())
            .unzip()
    };
    if let Some(run) = runs.iter().find(|run| run.metrics.recorded.is_some()) {
        let (x, y) = basis(run, &run.market.samples.recorded_perp, true);
        traces.push(line("recorded exchange", "#9aa1aa", &x, &y, points));
    }
    let (mut low, mut high) = (0.0f64, 0.0f64);
    for (rule, colour) in comparison.rules.iter().zip(colour::SERIES.iter().cycle()) {
        let Some(run) = runs.iter().find(|run| run.market.rule == rule.rule) else { continue };
        let (x, y) = basis(run, &run.market.samples.mid, false);
        traces.push(line(&rule.rule, colour, &x, &y, points));
        low = low.min(run.metrics.simulated.basis_bp.signed_quantile(0.001));
        high = high.max(run.metrics.simulated.basis_bp.signed_quantile(0.999));
    }
    let pad = 0.12 * (high - low).max(1.0);
    let layout = json!({
        "xaxis": { "type": "date" },
        "yaxis": { "title": { "text": "basis, bp" }, "range": [low - pad, high + pad] },
    });
    charts.push(chart("overlay", traces, layout));
    let caption = "First seed of each rule. A click in the legend hides a line, a double click \
                   shows it alone; a double click in the chart shows the whole range.";
    format!("<h2>Basis over spot</h2>{}", figure("overlay", 420, "", caption))
}

fn measures_table(comparison: &Comparison, rules: &[RuleComparison]) -> String {
    let row = |(at, measure): (usize, &crate::compare::Measure)| {
        let mut row = vec![measure.label.to_owned()];
        row.extend(rules.iter().map(|rule| estimate(&rule.estimates[at])));
        if let Some(recorded) = &comparison.recorded {
            row.push(number(recorded.values[at], 2));
        }
        row
    };
    let rows: Vec<Vec<String>> = MEASURES.iter().enumerate().map(row).collect();
    let names: Vec<String> = rules.iter().map(|rule| escape(&rule.rule)).collect();
    let mut headings = vec!["mean ± half of the 95 % interval"];
    headings.extend(names.iter().map(String::as_str));
    if comparison.recorded.is_some() {
        headings.push("recorded");
    }
    table(&headings, &rows)
}

fn estimate(estimate: &Estimate) -> String {
    match estimate.interval {
        _ if !estimate.mean.is_finite() => NONE.to_owned(),
        Some((_, high)) => format!(
            "{} <span class=\"soft\">± {}</span>",
            number(estimate.mean, 2),
            number(high - estimate.mean, 2)
        ),
        None => number(estimate.mean, 2),
    }
}
