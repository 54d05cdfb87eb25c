//! The options of a run, or of a comparison with agents off and on: deviation, volatility, greeks.

use super::chart::{chart, colour, level, line, with};
use super::facts;
use super::html::{card, escape, figure, table};
use crate::option_compare::{ARMS, OPTION_MEASURES, OptionComparison, OptionRun, standard_error};
use crate::option_metrics::{OptionMetrics, SeriesMetrics};
use crate::option_record::OptionRecord;
use crate::record::Record;
use crate::text::{self, count, duration, minute, number, usd};
use serde_json::{Value, json};

/// Points of one line.
const POINTS: usize = 4_000;
/// Series shown in the table, the most traded first.
const SERIES: usize = 14;

/// The section on the options of a run.
pub fn section(
    record: &Record,
    options: &OptionRecord,
    metrics: &OptionMetrics,
    charts: &mut Vec<Value>,
) -> String {
    deviation_chart(options, charts);
    volatility_chart(record, options, charts);
    greeks_chart(options, charts);
    format!(
        "<h2 id=\"options\">Options on {}</h2><p>True surface: {}. A deviation is the mid of a \
         series less its fair premium at the true surface and the path’s price, over vega, in \
         volatility points; series with a delta of 5 to 95 % and more than an hour to expiry.</p>\
         <div class=\"cards\">{}</div>{}{}{}\
         <div class=\"pair\"><div><h3>Series, the most traded first</h3>{}</div>\
         <div><h3>Expiries</h3>{}<h3>Profit by cause, USD</h3>{}</div></div>",
        escape(&options.asset),
        escape(&options.source),
        cards(options, metrics),
        figure(
            "options-deviation",
            420,
            "Books against the surface",
            "Above: mean deviation, weighted by vega, and the mean of its absolute value over the \
             series. Below: the spread that is quoted, and how far the marks are off."
        ),
        figure(
            "options-volatility",
            420,
            "Volatility at the money and the price",
            "Expiry nearest to three days: true, and as the chain accepted it. Below: spot."
        ),
        figure(
            "options-greeks",
            560,
            "Greeks of the gamma desk",
            "Delta with its hedge, coins; gamma, coins for a move of 1 %; vega, USD for a point; \
             theta, USD a day."
        ),
        series_table(metrics),
        expiries_table(options),
        attribution_table(options),
    )
}

fn cards(options: &OptionRecord, metrics: &OptionMetrics) -> String {
    let half = |s| metrics.half_life_s(s).map_or("not defined".to_owned(), duration);
    let counts = &options.counts;
    [
        card(
            "Books off the surface, mean |·|",
            &number(metrics.deviation_abs_pt.mean, 2),
            "points",
            &format!(
                "95 % of series {}; in spreads {}",
                number(metrics.deviation_p95_pt.mean, 2),
                number(metrics.deviation_spreads.mean, 2)
            ),
        ),
        card(
            "Level of the books, mean |·|",
            &number(metrics.deviation_pt.mean_abs, 2),
            "points",
            &format!("signed mean {}", number(metrics.deviation_pt.mean, 2)),
        ),
        card(
            "Half-life of the level at 1 min",
            &half(60),
            "",
            &format!(
                "at 5 min {}; of a series, median, {}",
                half(300),
                metrics.series_half_life_s.map_or("not defined".to_owned(), duration)
            ),
        ),
        card(
            "Spread",
            &number(metrics.spread_pt.mean, 2),
            "points",
            &format!("quoted on both sides {} %", number(100.0 * metrics.quoted_share, 1)),
        ),
        card(
            "Marks off the surface, mean |·|",
            &number(metrics.mark_abs_pt.mean, 2),
            "points",
            &format!(
                "{} surfaces accepted, {} refused",
                count(counts.surfaces),
                count(counts.surfaces_refused)
            ),
        ),
        card(
            "Traded",
            &number(counts.traded_coins, 1),
            "coins",
            &format!("{} trades, premium {} USD", count(counts.trades), usd(counts.premium_usd)),
        ),
    ]
    .concat()
}

fn deviation_chart(options: &OptionRecord, charts: &mut Vec<Value>) {
    let samples = &options.samples;
    let draw = |name, colour, values: &[f64]| line(name, colour, &samples.time_ms, values, POINTS);
    let lower = |trace: Value| with(trace, json!({ "yaxis": "y2" }));
    let traces = vec![
        draw("mean |·|", colour::SERIES[0], &samples.deviation_abs_pt),
        draw("signed mean", colour::SERIES[1], &samples.deviation_pt),
        lower(draw("spread", colour::SERIES[3], &samples.spread_pt)),
        lower(draw("marks off", colour::SERIES[4], &samples.mark_abs_pt)),
    ];
    let layout = json!({
        "xaxis": { "type": "date", "anchor": "y2" },
        "yaxis": { "title": { "text": "points" }, "domain": [0.38, 1.0] },
        "yaxis2": { "title": { "text": "points" }, "domain": [0.0, 0.32], "rangemode": "tozero" },
        "shapes": [level(0.0, "y", colour::SPOT, "dot")],
    });
    charts.push(chart("options-deviation", traces, layout));
}

fn volatility_chart(record: &Record, options: &OptionRecord, charts: &mut Vec<Value>) {
    let samples = &options.samples;
    let time = &samples.time_ms;
    let mut traces = vec![
        line("accepted", colour::SERIES[1], time, &samples.mark_atm_pct, POINTS),
        line("true", colour::SPOT, time, &samples.fair_atm_pct, POINTS),
    ];
    if let Some(market) = record.markets.first() {
        let spot =
            line("spot", colour::INDEX, &market.samples.time_ms, &market.samples.spot, POINTS);
        traces.push(with(spot, json!({ "yaxis": "y2" })));
    }
    let layout = json!({
        "xaxis": { "type": "date", "anchor": "y2" },
        "yaxis": { "title": { "text": "% a year" }, "domain": [0.46, 1.0] },
        "yaxis2": { "title": { "text": "USD" }, "domain": [0.0, 0.4] },
    });
    charts.push(chart("options-volatility", traces, layout));
}

fn greeks_chart(options: &OptionRecord, charts: &mut Vec<Value>) {
    let samples = &options.samples;
    let columns = [
        ("delta", &samples.desk_delta),
        ("gamma", &samples.desk_gamma),
        ("vega", &samples.desk_vega),
        ("theta", &samples.desk_theta),
    ];
    let mut layout = json!({ "xaxis": { "type": "date", "anchor": "free", "position": 0 } });
    let mut traces = Vec::new();
    for (at, (name, values)) in columns.into_iter().enumerate() {
        let axis = if at == 0 { "y".to_owned() } else { format!("y{}", at + 1) };
        let drawn = line(name, colour::SERIES[at], &samples.time_ms, values, POINTS);
        traces.push(with(drawn, json!({ "yaxis": axis })));
        let top = 1.0 - at as f64 * 0.25;
        let key = if at == 0 { "yaxis".to_owned() } else { format!("yaxis{}", at + 1) };
        let fields = json!({ "title": { "text": name }, "domain": [top - 0.22, top] });
        layout = with(layout, json!({ key: fields }));
    }
    charts.push(chart("options-greeks", traces, layout));
}

fn series_table(metrics: &OptionMetrics) -> String {
    let mut series: Vec<&SeriesMetrics> = metrics.series.iter().collect();
    series.sort_by(|a, b| b.traded_coins.total_cmp(&a.traded_coins).then(a.name.cmp(&b.name)));
    let row = |series: &&SeriesMetrics| {
        vec![
            escape(&series.name),
            number(series.traded_coins, 2),
            number(series.mean_pt, 2),
            number(series.mean_abs_pt, 2),
            number(series.p95_pt, 2),
            series.half_life_s.map_or(text::NONE.to_owned(), duration),
        ]
    };
    let rows: Vec<Vec<String>> = series.iter().take(SERIES).map(row).collect();
    table(&["", "coins", "mean, pt", "mean |·|, pt", "95 % |·|, pt", "half-life, 1 min"], &rows)
}

fn expiries_table(options: &OptionRecord) -> String {
    let row = |expiry: &crate::option_record::ExpiryRecord| {
        vec![
            minute(expiry.time_ms),
            number(expiry.price, 0),
            number(expiry.spot, 0),
            number(expiry.open_interest, 2),
            usd(expiry.paid_usd),
        ]
    };
    let rows: Vec<Vec<String>> = options.expiries.iter().map(row).collect();
    table(&["expiry, UTC", "settled at", "spot", "coins", "paid, USD"], &rows)
}

fn attribution_table(options: &OptionRecord) -> String {
    let mut headings = vec![""];
    headings.extend(options.attributions.iter().map(|row| row.class.as_str()));
    let Some(first) = options.attributions.first() else { return String::new() };
    let mut rows: Vec<Vec<String>> = Vec::new();
    for (at, (name, _)) in first.parts.iter().enumerate() {
        let mut row = vec![name.clone()];
        row.extend(options.attributions.iter().map(|class| usd(class.parts[at].1.usd)));
        rows.push(row);
    }
    let mut total = vec!["total".to_owned()];
    total.extend(options.attributions.iter().map(|class| usd(class.total.usd)));
    rows.push(total);
    table(&headings, &rows)
}

/// The page body of a comparison of agents.
pub fn comparison(
    comparison: &OptionComparison,
    runs: &[OptionRun],
    charts: &mut Vec<Value>,
) -> String {
    let seeds: Vec<String> = comparison.seeds.iter().map(u64::to_string).collect();
    overlay(runs, charts);
    format!(
        "<header><p class=\"kicker\">Plumb lab · agents off and on</p><h1>{}</h1>\
         <dl class=\"facts\">{}</dl></header>\
         <h2>Books against the surface</h2>{}\
         <h2>Every measure</h2>{}<p class=\"caption\">Mean over seeds ± standard error. Both arms \
         of a seed have the same path, publishers and customers; the difference is taken within \
         the seed, with its 95 % interval by Student’s t.</p>",
        escape(&comparison.scenario),
        facts(&[("Switched", escape(&comparison.agents.join(", "))), ("Seeds", seeds.join(", ")),]),
        figure(
            "options-overlay",
            520,
            "",
            "First seed. Above: mean |deviation| over the series; middle: mean deviation weighted \
             by vega; below: volatility at the money."
        ),
        comparison_table(comparison),
    )
}

fn overlay(runs: &[OptionRun], charts: &mut Vec<Value>) {
    let mut traces = Vec::new();
    for (on, name, hue) in [(false, "off", colour::SERIES[1]), (true, "on", colour::SERIES[0])] {
        let Some(run) = runs.iter().find(|run| run.on == on) else { continue };
        let Some(options) = &run.record.options else { continue };
        let samples = &options.samples;
        for (axis, values) in [("y", &samples.deviation_abs_pt), ("y2", &samples.deviation_pt)] {
            let drawn = line(name, hue, &samples.time_ms, values, POINTS);
            let fields = json!({ "yaxis": axis, "legendgroup": name, "showlegend": axis == "y" });
            traces.push(with(drawn, fields));
        }
        if on {
            let fair = line(
                "true volatility",
                colour::SPOT,
                &samples.time_ms,
                &samples.fair_atm_pct,
                POINTS,
            );
            traces.push(with(fair, json!({ "yaxis": "y3" })));
        }
    }
    let layout = json!({
        "xaxis": { "type": "date", "anchor": "y3" },
        "yaxis": { "title": { "text": "points" }, "domain": [0.68, 1.0], "rangemode": "tozero" },
        "yaxis2": { "title": { "text": "points" }, "domain": [0.34, 0.64] },
        "yaxis3": { "title": { "text": "% a year" }, "domain": [0.0, 0.3] },
        "shapes": [level(0.0, "y2", colour::SPOT, "dot")],
    });
    charts.push(chart("options-overlay", traces, layout));
}

fn comparison_table(comparison: &OptionComparison) -> String {
    let row = |(at, measure): (usize, &crate::option_compare::OptionMeasure)| {
        let mut row = vec![measure.label.to_owned()];
        for arm in &comparison.arms {
            let estimate = &arm[at];
            let mean = number(estimate.mean, measure.decimals);
            let error = number(standard_error(estimate), measure.decimals);
            row.push(format!("{mean} <span class=\"soft\">± {error}</span>"));
        }
        let interval = comparison.arms[2][at].interval;
        row.push(interval.map_or(text::NONE.to_owned(), |(low, high)| {
            format!("{} … {}", number(low, measure.decimals), number(high, measure.decimals))
        }));
        row
    };
    let rows: Vec<Vec<String>> = OPTION_MEASURES.iter().enumerate().map(row).collect();
    table(&["mean ± standard error", ARMS[0], ARMS[1], ARMS[2], "95 % of the difference"], &rows)
}
