//! Funding rules side by side: intervals over seeds, the table, and the basis of each rule laid
//! over the recorded exchange.

use super::chart::{band, chart, colour, line, path, with};
use super::html::{escape, figure, table};
use super::market::largest_move;
use super::{POINTS, facts};
use crate::compare::{Comparison, Estimate, MEASURES, RuleComparison, Run};
use crate::metrics::basis_bp;
use crate::text::{fair, number};
use serde_json::{Value, json};
use std::ops::Range;

const RECORDED: &str = "#8a9099";

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
    let mut overlay = panels(comparison, runs, charts);
    overlay.push_str(&close_up(comparison, runs, charts));
    let closes = match comparison.rules_at_closes.is_empty() {
        true => String::new(),
        false => format!(
            "<h2>Like with like: at the closes of the recorded exchange</h2>{}",
            measures_table(comparison, &comparison.rules_at_closes)
        ),
    };
    format!(
        "{}<h2>Each rule over its seeds</h2><p class=\"caption\">Small points: \
         seeds. Large point: mean with its 95 % interval. Dashed: the recorded exchange on the same path, against its own fair \
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

/// Seeds as points above, mean with its interval below, one row for each rule.
fn interval_chart(id: &str, comparison: &Comparison, at: usize) -> Value {
    let mut traces = Vec::new();
    let rules = comparison.rules.iter().zip(colour::SERIES.iter().cycle());
    for (row, (rule, colour)) in rules.enumerate() {
        let Estimate { mean, interval, values } = &rule.estimates[at];
        let above = vec![row as f64 - 0.16; values.len()];
        traces.push(json!({
            "type": "scatter", "mode": "markers", "x": values, "y": above, "hoverinfo": "x",
            "marker": { "color": colour, "size": 6, "opacity": 0.45 },
        }));
        let reach = interval.map_or(0.0, |(_, high)| high - mean);
        traces.push(json!({
            "type": "scatter", "mode": "markers", "x": [mean], "y": [row as f64 + 0.12],
            "hoverinfo": "x", "marker": { "color": colour, "size": 8 },
            "error_x": { "type": "data", "array": [reach], "thickness": 2, "width": 4,
                "color": colour },
        }));
    }
    let recorded = comparison.recorded.as_ref().map(|row| row.values[at]);
    let dashed = |value: f64| {
        json!({ "type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": value, "x1": value,
            "layer": "below", "line": { "color": RECORDED, "width": 1.5, "dash": "dash" } })
    };
    let shapes: Vec<Value> = recorded.filter(|v| v.is_finite()).map(dashed).into_iter().collect();
    let names: Vec<&str> = comparison.rules.iter().map(|rule| rule.rule.as_str()).collect();
    let signed = MEASURES[at].key == "basis_mean_bp";
    let layout = json!({
        "showlegend": false, "shapes": shapes, "hovermode": "closest",
        "margin": { "l": 10, "r": 12, "t": 4, "b": 36 },
        "xaxis": { "rangemode": if signed { "normal" } else { "tozero" }, "nticks": 6 },
        "yaxis": { "range": [names.len() as f64 - 0.5, -0.5], "ticks": "", "showgrid": false,
            "tickvals": (0..names.len()).collect::<Vec<usize>>(), "ticktext": names },
    });
    chart(id, traces, layout)
}

/// The basis of a run over the recorded exchange, over some of its rows.
fn basis(run: &Run, prices: &[f64], rows: Range<usize>, dense: bool) -> (Vec<i64>, Vec<f64>) {
    let samples = &run.market.samples;
    rows.map(|row| (samples.time_ms[row], basis_bp(prices[row], samples.spot[row])))
        .filter(|(_, basis)| !dense || basis.is_finite())
        .unzip()
}

fn recorded_path(runs: &[Run], rows: Range<usize>, points: usize) -> Vec<Value> {
    let recorded = runs.iter().find(|run| run.metrics.recorded.is_some());
    let Some(run) = recorded else { return Vec::new() };
    let rows = rows.start..rows.end.min(run.market.samples.len());
    let (x, y) = basis(run, &run.market.samples.recorded_perp, rows, true);
    path("recorded exchange", RECORDED, &x, &y, points)
}

/// First run of each rule, with the rule's colour.
fn first_runs<'a>(comparison: &Comparison, runs: &'a [Run]) -> Vec<(&'a Run<'a>, &'static str)> {
    let rules = comparison.rules.iter().zip(colour::SERIES.iter().cycle());
    let first = |rule: &RuleComparison| runs.iter().find(|run| run.market.rule == rule.rule);
    rules.filter_map(|(rule, colour)| Some((first(rule)?, *colour))).collect()
}

/// One panel for each rule, all with the same axes, over the recorded exchange.
fn panels(comparison: &Comparison, runs: &[Run], charts: &mut Vec<Value>) -> String {
    let first = first_runs(comparison, runs);
    let points = (POINTS / 3 / first.len().max(1)).min(5000);
    let (mut low, mut high) = (0.0f64, 0.0f64);
    for (run, _) in &first {
        for series in std::iter::once(&run.metrics.simulated).chain(&run.metrics.recorded) {
            low = low.min(series.basis_bp.signed_quantile(0.001));
            high = high.max(series.basis_bp.signed_quantile(0.999));
        }
    }
    let pad = 0.08 * (high - low).max(1.0);
    let (mut traces, mut shapes) = (Vec::new(), Vec::new());
    let mut layout = json!({ "xaxis": { "type": "date", "anchor": "free", "position": 0 } });
    for (at, (run, colour)) in first.iter().enumerate() {
        let axis = if at == 0 { "y".to_owned() } else { format!("y{}", at + 1) };
        let rows = 0..run.market.samples.len();
        let mut lines = recorded_path(runs, rows.clone(), points);
        if let Some(again) = lines.last_mut().filter(|_| at > 0) {
            *again = with(again.take(), json!({ "showlegend": false }));
        }
        let (x, y) = basis(run, &run.market.samples.mid, rows, false);
        lines.extend(path(&run.market.rule, colour, &x, &y, points));
        traces.extend(lines.into_iter().map(|trace| with(trace, json!({ "yaxis": axis }))));
        shapes.extend(run.market.fair_bp.map(|(low, high)| band(low, high, &axis, colour::FAIR)));
        let share = 1.0 / first.len() as f64;
        let top = 1.0 - at as f64 * share;
        let domain = [(top - 0.88 * share).max(0.0), top];
        let title = json!({ "text": format!("{}, bp", run.market.rule) });
        let fields = json!({ "title": title, "range": [low - pad, high + pad], "domain": domain });
        let name = if at == 0 { "yaxis".to_owned() } else { format!("yaxis{}", at + 1) };
        layout = with(layout, json!({ name: fields }));
    }
    charts.push(chart("overlay", traces, with(layout, json!({ "shapes": shapes }))));
    let caption = "First seed of each rule; green: its own fair basis. A click in the legend hides \
                   a line; a double click in the chart shows the whole range.";
    let height = 70 + 160 * u32::try_from(first.len()).unwrap_or(8).clamp(1, 8);
    format!("<h2>Basis over spot</h2>{}", figure("overlay", height, "", caption))
}

/// Every rule in one chart around the largest hourly move of spot.
fn close_up(comparison: &Comparison, runs: &[Run], charts: &mut Vec<Value>) -> String {
    let first = first_runs(comparison, runs);
    let moved = first.first().and_then(|(run, _)| largest_move(&run.market.samples));
    let Some(rows) = moved else { return String::new() };
    let mut traces = recorded_path(runs, rows.clone(), 2000);
    for (run, colour) in &first {
        let rows = rows.start..rows.end.min(run.market.samples.len());
        let (x, y) = basis(run, &run.market.samples.mid, rows, false);
        traces.push(line(&run.market.rule, colour, &x, &y, 2000));
    }
    let layout = json!({
        "xaxis": { "type": "date" }, "yaxis": { "title": { "text": "basis, bp" } },
    });
    charts.push(chart("move", traces, layout));
    let title = "Close-up: the largest hourly move of spot";
    figure("move", 380, title, "One hour before to five hours after its start; uncut.")
}

fn measures_table(comparison: &Comparison, rules: &[RuleComparison]) -> String {
    let row = |(at, measure): (usize, &crate::compare::Measure)| {
        let mut row = vec![measure.label.to_owned()];
        row.extend(rules.iter().map(|rule| estimate(&rule.estimates[at], measure.decimals)));
        if let Some(recorded) = &comparison.recorded {
            row.push(number(recorded.values[at], measure.decimals));
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

fn estimate(estimate: &Estimate, decimals: usize) -> String {
    let mean = number(estimate.mean, decimals);
    match estimate.interval {
        Some((_, high)) => {
            let reach = number(high - estimate.mean, decimals);
            format!("{mean} <span class=\"soft\">± {reach}</span>")
        }
        None => mean,
    }
}
