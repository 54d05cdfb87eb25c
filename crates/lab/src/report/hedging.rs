//! The gamma-hedging study on a page: profit by rule and cause, cost against risk, implied against
//! realised, and the law of hedge errors.

use super::chart::{chart, colour, rounded, with};
use super::facts;
use super::html::{escape, figure, table};
use crate::hedging::{BookResult, GbmLaw, PathLaw, RuleResult, Scan, Score, Signal, Study};
use crate::text::{NONE, count, duration, minute, number};
use serde_json::{Value, json};

/// Lines of rules: no two neighbours alike, the last ones dashed.
fn shade(at: usize) -> (&'static str, &'static str) {
    let dash = ["solid", "dot", "dash"][(at / colour::SERIES.len()).min(2)];
    (colour::SERIES[at % colour::SERIES.len()], dash)
}

/// Header, books, law, signal and scan.
pub fn sections(study: &Study, charts: &mut Vec<Value>) -> String {
    let mut body = header(study);
    for (at, book) in study.books.iter().enumerate() {
        body.push_str(&one_book(at, book, &study.parts, charts));
    }
    body.push_str(&many(study, charts));
    body.push_str(&law(study, charts));
    body.push_str(&signal(study, charts));
    body.push_str(&scan(&study.scan));
    body
}

fn header(study: &Study) -> String {
    let unopened = match study.unopened.as_slice() {
        [] => NONE.to_owned(),
        books => books.join("; "),
    };
    format!(
        "<header><p class=\"kicker\">Plumb · gamma hedging on recorded options</p><h1>{} options, \
         {} – {}</h1><p class=\"lead\">Options of a real venue, sold or bought at its quotes and \
         hedged along the recorded path under several rules. Every profit is split by cause; the \
         causes add up to the ledger to the last unit.</p><dl class=\"facts\">{}</dl></header>",
        escape(&study.asset),
        day(study.from_ms),
        day(study.to_ms),
        facts(&[
            ("Snapshots", count(study.snapshots as u64)),
            (
                "Options and bars, UTC",
                format!("{} – {}", minute(study.hedged_from_ms), minute(study.hedged_to_ms)),
            ),
            ("Bars missing", count(study.bars_missing)),
            ("Too long for this period", unopened),
            ("Damaged rows left out", count(study.damaged_rows as u64)),
            ("Hedge trade, bp", number(study.one_way * 1e4, 2)),
            ("Accounts", "USD; premium in coin is converted at once".to_owned()),
        ]),
    )
}

fn one_book(at: usize, book: &BookResult, parts: &[String], charts: &mut Vec<Value>) -> String {
    let ids = ["profit", "causes", "frontier", "vol"].map(|name| format!("{name}-{at}"));
    charts.push(profit(&ids[0], book));
    charts.push(causes(&ids[1], book, parts));
    charts.push(frontier_of_book(&ids[2], book));
    charts.push(volatility(&ids[3], book));
    let title = format!("{}{}", book.book[..1].to_uppercase(), &book.book[1..]);
    format!(
        "<h2>{}</h2>{}{}{}<div class=\"pair\">{}{}</div>{}",
        escape(&title),
        figure(
            &ids[0],
            420,
            "Profit over time, USD",
            "A name in the legend shows or hides its line."
        ),
        figure(
            &ids[1],
            420,
            "Profit by cause, USD",
            "Delta is options and hedge together; unexplained holds what is beyond second order."
        ),
        rule_table(book, parts),
        figure(
            &ids[2],
            380,
            "Costs against risk",
            "Each point is a rule: costs over the period, and the deviation of the profit of a \
             day. Lower left is better."
        ),
        figure(
            &ids[3],
            380,
            "Implied and realised volatility, %",
            "One pair for each stretch from opening to closing."
        ),
        period_table(book),
    )
}

fn profit(id: &str, book: &BookResult) -> Value {
    // Of many rules those of the middle of each family are drawn at once.
    let crowded = book.rules.len() > colour::SERIES.len();
    let drawn = ["none", "1h", "1d", "band:0.05", "ww:0.001", "zak:0.001"];
    let shown = |at: usize, rule: &str| !crowded || at == 0 || drawn.contains(&rule);
    let line = |(at, rule): (usize, &RuleResult)| {
        let (colour, dash) = shade(at);
        let visible = if shown(at, &rule.rule) { json!(true) } else { json!("legendonly") };
        json!({ "type": "scatter", "mode": "lines", "name": rule.rule, "x": rule.path_ms,
            "y": rule.path_usd, "visible": visible,
            "line": { "color": colour, "dash": dash, "width": 1.6 } })
    };
    let data = book.rules.iter().enumerate().map(line).collect();
    let layout = json!({ "xaxis": { "type": "date" }, "yaxis": { "title": { "text": "USD" },
        "zeroline": true, "zerolinecolor": "#b9c0c8" } });
    chart(id, data, layout)
}

/// Stacked bars of all causes, and a mark at the total.
fn causes(id: &str, book: &BookResult, parts: &[String]) -> Value {
    let names: Vec<&str> = book.rules.iter().map(|rule| rule.rule.as_str()).collect();
    let last = parts.len() - 1;
    let dollars = |at: usize| -> Vec<f64> {
        book.rules.iter().map(|rule| rule.cents[at] as f64 / 100.0).collect()
    };
    let bar = |(at, part): (usize, &String)| {
        let colour = CAUSES[at % CAUSES.len()];
        json!({ "type": "bar", "name": part, "x": names, "y": dollars(at),
            "marker": { "color": colour } })
    };
    let mut data: Vec<Value> = parts[..last].iter().enumerate().map(bar).collect();
    data.push(json!({ "type": "scatter", "mode": "markers", "name": "total", "x": names,
        "y": dollars(last), "marker": { "color": colour::SPOT, "size": 9, "symbol": "diamond" } }));
    let layout = json!({ "barmode": "relative", "xaxis": { "type": "category" },
        "yaxis": { "title": { "text": "USD" }, "zeroline": true, "zerolinecolor": "#333a42" } });
    chart(id, data, layout)
}

/// Colours of the causes, in their order.
const CAUSES: [&str; 9] = [
    "#8a8f98", "#0072b2", "#d98c00", "#8c5fb0", "#cc4c8a", "#56b4e9", "#009e73", "#d55e00",
    "#c9ced4",
];

/// A rule as a point: its name, costs, risk.
type Point<'a> = (&'a str, f64, f64);

fn frontier_of_book(id: &str, book: &BookResult) -> Value {
    let hedged = book.rules.iter().filter(|rule| rule.trades > 0);
    let points: Vec<Point<'_>> = hedged
        .map(|rule| (rule.rule.as_str(), -rule.part_usd("costs"), rule.sd_daily_usd))
        .collect();
    frontier(id, &points, ["costs, USD", "deviation of a day, USD"])
}

fn frontier(id: &str, points: &[Point<'_>], axes: [&str; 2]) -> Value {
    let family = |rule: &str| match rule.split_once(':') {
        Some(("ww", _)) => "Whalley–Wilmott",
        Some(("zak", _)) => "Zakamouline",
        Some(_) => "fixed band",
        None => "fixed time",
    };
    let mut data = Vec::new();
    let families = ["fixed time", "fixed band", "Whalley–Wilmott", "Zakamouline"];
    for (at, name) in families.iter().enumerate() {
        let mut of_family: Vec<&Point<'_>> =
            points.iter().filter(|(rule, ..)| family(rule) == *name).collect();
        of_family.sort_by(|a, b| a.1.total_cmp(&b.1));
        let texts: Vec<&str> = of_family.iter().map(|point| point.0).collect();
        let x: Vec<f64> = of_family.iter().map(|point| point.1).collect();
        let y: Vec<f64> = of_family.iter().map(|point| point.2).collect();
        let places = ["top center", "bottom center", "middle left", "middle right"];
        data.push(json!({ "type": "scatter", "mode": "lines+markers+text", "name": name,
            "x": rounded(&x), "y": rounded(&y), "text": texts, "textposition": places[at],
            "textfont": { "size": 10, "color": colour::SERIES[at] }, "cliponaxis": false,
            "line": { "color": colour::SERIES[at], "width": 1 }, "marker": { "size": 7 } }));
    }
    let layout = json!({ "hovermode": "closest", "xaxis": { "title": { "text": axes[0] } },
        "yaxis": { "title": { "text": axes[1] } } });
    chart(id, data, layout)
}

/// Every rule over many options.
fn many(study: &Study, charts: &mut Vec<Value>) -> String {
    let Some(first) = study.frontier.first() else { return String::new() };
    let hedged = study.frontier.iter().filter(|rule| rule.trades > 0.0);
    let points: Vec<Point<'_>> =
        hedged.map(|rule| (rule.rule.as_str(), rule.cost_bp, rule.sd_bp)).collect();
    let axes = ["mean cost of the hedge, bp of spot", "deviation of the error, bp of spot"];
    charts.push(frontier("many", &points, axes));
    let headings = ["rule", "cost, bp", "sd, bp", "sd with costs, bp", "trades"];
    let row = |rule: &crate::hedging::RuleFrontier| {
        vec![
            escape(&rule.rule),
            number(rule.cost_bp, 2),
            number(rule.sd_bp, 2),
            number(rule.sd_net_bp, 2),
            number(rule.trades, 1),
        ]
    };
    let rows: Vec<Vec<String>> = study.frontier.iter().map(row).collect();
    let caption = format!(
        "{} straddles at the money of a week, one sold each day at the volatility that its week \
         realised. Lower left is better.",
        count(first.options)
    );
    format!(
        "<h2>Rules over many options</h2>{}{}",
        figure("many", 460, "Costs against risk", &caption),
        table(&headings, &rows)
    )
}

fn volatility(id: &str, book: &BookResult) -> Value {
    let labels: Vec<String> = book.periods.iter().map(|period| day(period.open_ms)).collect();
    let percent = |of: fn(&crate::hedging::Period) -> f64| -> Vec<f64> {
        rounded(&book.periods.iter().map(|period| of(period) * 100.0).collect::<Vec<f64>>())
    };
    let bar = |name: &str, colour: &str, y: Vec<f64>| {
        let marker = json!({ "color": colour });
        json!({ "type": "bar", "name": name, "x": labels, "y": y, "marker": marker })
    };
    let data = vec![
        bar("implied at the opening", colour::RECORDED, percent(|period| period.implied)),
        bar("realised after", colour::SIMULATED, percent(|period| period.realised)),
    ];
    let layout = json!({ "barmode": "group", "xaxis": { "type": "category" },
        "yaxis": { "title": { "text": "% a year" } } });
    chart(id, data, layout)
}

fn rule_table(book: &BookResult, parts: &[String]) -> String {
    let mut headings = vec!["rule"];
    headings.extend(parts.iter().map(String::as_str));
    headings.extend(["trades", "sd of a day", "worst day"]);
    let row = |rule: &RuleResult| {
        let mut cells = vec![escape(&rule.rule)];
        cells.extend(rule.cents.iter().map(|cents| number(*cents as f64 / 100.0, 2)));
        cells.extend([
            count(rule.trades),
            number(rule.sd_daily_usd, 1),
            number(rule.worst_day_usd, 1),
        ]);
        cells
    };
    let rows: Vec<Vec<String>> = book.rules.iter().map(row).collect();
    format!("<h3>Every cause, USD</h3>{}", table(&headings, &rows))
}

fn period_table(book: &BookResult) -> String {
    let headings = ["opened", "closed", "put / call strike", "implied %", "realised %", "premium"];
    let row = |period: &crate::hedging::Period| {
        let [put, call] = period.strikes.map(|strike| number(strike, 0));
        vec![
            minute(period.open_ms),
            minute(period.close_ms),
            format!("{put} / {call}"),
            number(period.implied * 100.0, 1),
            number(period.realised * 100.0, 1),
            number(period.premium_usd, 0),
        ]
    };
    let rows: Vec<Vec<String>> = book.periods.iter().map(row).collect();
    format!("<h3>Stretches</h3>{}", table(&headings, &rows))
}

fn law(study: &Study, charts: &mut Vec<Value>) -> String {
    let Some(gbm) = &study.law_gbm else { return String::new() };
    charts.push(gbm_chart("law-gbm", gbm));
    let mut html = format!(
        "<h2>Hedge error against the number of hedges</h2><div class=\"pair\">{}",
        figure(
            "law-gbm",
            420,
            "Simulated prices",
            "A call at the money, one month, 20 %: deviation of the error, percent of spot, \
             against the published values and g/√N."
        )
    );
    if let Some(path) = &study.law_path {
        charts.push(path_chart("law-path", path, study.law_shuffled.as_ref()));
        html.push_str(&figure(
            "law-path",
            420,
            "Recorded prices",
            "A call at the money over a week, one each day, hedged at the volatility of its own \
             week. Percent of spot.",
        ));
    }
    html.push_str("</div>");
    html.push_str(&gbm_table(gbm));
    let tables =
        [(&study.law_path, "Recorded path"), (&study.law_shuffled, "Same returns, shuffled")];
    for (law, title) in tables {
        html.push_str(&law.as_ref().map_or_else(String::new, |law| path_table(title, law)));
    }
    html
}

/// Axes of both charts: logarithms of hedges and of the deviation.
fn law_layout() -> Value {
    json!({ "hovermode": "closest",
        "xaxis": { "type": "log", "title": { "text": "hedges N" }, "dtick": 1 },
        "yaxis": { "type": "log", "title": { "text": "deviation, % of spot" }, "dtick": "D2" } })
}

fn trace(name: &str, colour: &str, x: &[usize], y: &[f64]) -> Value {
    json!({ "type": "scatter", "name": name, "x": x, "y": rounded(y), "line": { "color": colour },
        "marker": { "color": colour, "size": 8 } })
}

fn gbm_chart(id: &str, law: &GbmLaw) -> Value {
    let trades: Vec<usize> = law.points.iter().map(|point| point.trades).collect();
    let y = |of: fn(&crate::hedging::GbmPoint) -> f64| -> Vec<f64> {
        law.points.iter().map(of).collect()
    };
    let marks = |value, symbol| with(value, json!({ "mode": "markers", "marker": symbol }));
    let data = vec![
        with(trace("g/√N", "#8a9099", &trades, &y(|p| p.theory)), json!({ "mode": "lines" })),
        marks(
            trace("published", colour::RECORDED, &trades, &y(|p| p.published)),
            json!({ "symbol": "circle-open", "size": 13, "color": colour::RECORDED }),
        ),
        marks(
            trace("simulated here", colour::SIMULATED, &trades, &y(|p| p.sd)),
            json!({ "size": 7, "color": colour::SIMULATED }),
        ),
    ];
    chart(id, data, law_layout())
}

fn path_chart(id: &str, law: &PathLaw, shuffled: Option<&PathLaw>) -> Value {
    let trades: Vec<usize> = law.points.iter().map(|point| point.trades).collect();
    let y = |law: &PathLaw, of: fn(&crate::hedging::PathPoint) -> f64| -> Vec<f64> {
        law.points.iter().map(of).collect()
    };
    let lines = |value: Value, dash: &str, colour: &str| {
        with(value, json!({ "mode": "lines", "line": { "color": colour, "dash": dash } }))
    };
    let mut data = vec![
        lines(trace("g/√N", "#8a9099", &trades, &y(law, |p| p.theory)), "solid", "#8a9099"),
        lines(
            trace("g/√N · √((κ−1)/2)", "#8a9099", &trades, &y(law, |p| p.theory_kurtosis)),
            "dash",
            "#8a9099",
        ),
        trace("recorded", colour::SIMULATED, &trades, &y(law, |p| p.sd)),
        trace(
            "recorded, from the finest hedge",
            "#d55e00",
            &trades[..trades.len() - 1],
            &y(law, |p| p.sd_finest)[..trades.len() - 1],
        ),
    ];
    if let Some(law) = shuffled {
        data.push(trace("returns shuffled", colour::INDEX, &trades, &y(law, |p| p.sd)));
    }
    chart(id, data, law_layout())
}

fn gbm_table(law: &GbmLaw) -> String {
    let headings = ["hedges N", "simulated", "published", "ratio", "g/√N", "ratio"];
    let row = |point: &crate::hedging::GbmPoint| {
        vec![
            count(point.trades as u64),
            number(point.sd, 4),
            number(point.published, 4),
            number(point.sd / point.published, 3),
            number(point.theory, 4),
            number(point.sd / point.theory, 3),
        ]
    };
    let rows: Vec<Vec<String>> = law.points.iter().map(row).collect();
    format!("<h3>Simulated, {} paths</h3>{}", count(law.paths), table(&headings, &rows))
}

fn path_table(title: &str, law: &PathLaw) -> String {
    let headings = [
        "hedged every",
        "N",
        "kurtosis",
        "sd",
        "g/√N",
        "with κ",
        "sd / with κ",
        "from finest",
        "theory",
        "ratio",
    ];
    let row = |point: &crate::hedging::PathPoint| {
        let finest = point.theory_finest > 0.0;
        let or_none = |text: String| if finest { text } else { NONE.to_owned() };
        vec![
            duration(point.step_s as f64),
            count(point.trades as u64),
            number(point.kurtosis, 1),
            number(point.sd, 4),
            number(point.theory, 4),
            number(point.theory_kurtosis, 4),
            number(point.sd / point.theory_kurtosis, 3),
            or_none(number(point.sd_finest, 4)),
            or_none(number(point.theory_finest, 4)),
            or_none(number(point.sd_finest / point.theory_finest, 3)),
        ]
    };
    let rows: Vec<Vec<String>> = law.points.iter().map(row).collect();
    format!(
        "<h3>{title}: {} options of {} d; slope {}, from the finest {}</h3>{}",
        count(law.windows as u64),
        number(law.days, 0),
        number(law.slope, 3),
        number(law.slope_finest, 3),
        table(&headings, &rows)
    )
}

fn signal(study: &Study, charts: &mut Vec<Value>) -> String {
    if study.scores.is_empty() {
        return String::new();
    }
    let mut html = String::from("<h2>Implied against forecast volatility</h2>");
    for (at, signal) in study.signals.iter().enumerate() {
        let id = format!("signal-{at}");
        charts.push(signal_chart(&id, signal));
        let title = format!("{} days ahead", signal.horizon);
        let caption = format!(
            "QLIKE over {} days: log-HAR {}, last {} days {}, implied {}. Implied was above \
             realised on {} % of days. The signal spoke on {} days and was right on {}.",
            signal.scored,
            number(signal.har, 3),
            signal.horizon,
            number(signal.naive, 3),
            number(signal.implied, 3),
            number(signal.implied_above * 100.0, 0),
            signal.spoken,
            signal.right,
        );
        html.push_str(&figure(&id, 360, &title, &caption));
    }
    html + &score_table(&study.scores)
}

fn signal_chart(id: &str, signal: &Signal) -> Value {
    let time: Vec<i64> = signal.readings.iter().map(|reading| reading.time_ms).collect();
    let percent = |of: fn(&crate::hedging::SignalReading) -> Option<f64>| -> Vec<f64> {
        let value = |reading| of(reading).map_or(f64::NAN, |v| v * 100.0);
        rounded(&signal.readings.iter().map(value).collect::<Vec<f64>>())
    };
    let line = |name: &str, colour: &str, y: Vec<f64>| {
        json!({ "type": "scatter", "mode": "lines", "name": name, "x": time, "y": y,
            "line": { "color": colour, "width": 1.8 } })
    };
    let spoken = |stance: i8| -> (Vec<i64>, Vec<f64>) {
        let of = signal.readings.iter().filter(|reading| reading.stance == stance);
        of.map(|reading| (reading.time_ms, (reading.implied * 1e4).round() / 100.0)).unzip()
    };
    let marks = |name: &str, symbol: &str, colour: &str, (x, y): (Vec<i64>, Vec<f64>)| {
        json!({ "type": "scatter", "mode": "markers", "name": name, "x": x, "y": y,
            "marker": { "symbol": symbol, "size": 9, "color": colour } })
    };
    let data = vec![
        line("implied", colour::RECORDED, percent(|reading| Some(reading.implied))),
        line("forecast (log-HAR)", colour::SIMULATED, percent(|reading| Some(reading.forecast))),
        line("realised after", "#8a9099", percent(|reading| reading.realised)),
        marks("sell volatility", "triangle-down", "#d55e00", spoken(-1)),
        marks("buy volatility", "triangle-up", colour::INDEX, spoken(1)),
    ];
    let layout = json!({ "xaxis": { "type": "date" },
        "yaxis": { "title": { "text": "% a year" }, "rangemode": "tozero" } });
    chart(id, data, layout)
}

fn score_table(scores: &[Score]) -> String {
    let headings = [
        "realised variance of",
        "days ahead",
        "forecasts",
        "log-HAR",
        "EWMA 0.94",
        "naive",
        "DM against naive",
        "DM against EWMA",
    ];
    let statistic = |value: Option<f64>| value.map_or(NONE.to_owned(), |value| number(value, 2));
    let row = |score: &Score| {
        vec![
            escape(&score.source),
            score.horizon.to_string(),
            count(score.count as u64),
            number(score.har, 4),
            number(score.ewma, 4),
            number(score.naive, 4),
            statistic(score.har_against_naive),
            statistic(score.har_against_ewma),
        ]
    };
    let rows: Vec<Vec<String>> = scores.iter().map(row).collect();
    format!("<h3>Mean QLIKE out of sample, walking forward</h3>{}", table(&headings, &rows))
}

fn scan(scan: &Scan) -> String {
    let headings = [
        "package",
        "snapshots without fees",
        "snapshots after fees",
        "packages after fees",
        "best, coin",
    ];
    let row = |shape: &crate::hedging::ScanShape| {
        vec![
            escape(&shape.shape),
            count(shape.snapshots_free as u64),
            count(shape.snapshots as u64),
            count(shape.packages as u64),
            number(shape.best_coin, 6),
        ]
    };
    let rows: Vec<Vec<String>> = scan.shapes.iter().map(row).collect();
    format!(
        "<h2>Riskless packages</h2><p class=\"caption\">{} snapshots with {} quotes; {} show a \
         riskless package after fees (calendars, which carry the risk of the curve, left \
         out).</p>{}",
        count(scan.snapshots as u64),
        count(scan.quotes as u64),
        count(scan.snapshots_riskless as u64),
        table(&headings, &rows)
    )
}

fn day(time_ms: i64) -> String {
    minute(time_ms).chars().take(10).collect()
}
