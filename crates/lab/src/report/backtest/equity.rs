//! Profit over time, where it came from to the last unit, and how returns are distributed.

use super::{millis, name};
use crate::replay::measure::series::Returns;
use crate::replay::measure::{Measures, sharpe};
use crate::replay::record::{Cause, Ledger, Record};
use crate::report::chart::{self, chart, colour, line, rounded, thin, with};
use crate::report::html::{escape, figure, table};
use crate::text::{NONE, count, duration, grouped, money, number, percent, with_error};
use money::{Amount, Time};
use pricing::convert::amount_f64;
use pricing::statistics::{mean, quantile, sort, standard_deviation};
use serde_json::{Value, json};

/// Points of a line: two for each pixel of a wide page.
const POINTS: usize = 2400;

/// Markets whose causes have a column; the table of files has all.
const COLUMNS: usize = 4;

/// Profit, causes, distribution.
pub fn sections(record: &Record, measures: &Measures, charts: &mut Vec<Value>) -> String {
    let mut body = profit(record, measures, charts);
    body.push_str(&causes(record, charts));
    body.push_str(&distribution(record, measures, charts));
    body
}

fn profit(record: &Record, measures: &Measures, charts: &mut Vec<Value>) -> String {
    let samples = &record.samples;
    let mut time: Vec<i64> = samples.time.iter().map(|time| millis(*time)).collect();
    let mut equity = samples.equity.clone();
    time.push(millis(record.run.end));
    equity.push(record.equity_end);
    let gained = |equity: &Amount| amount_f64(*equity - record.equity_start);
    let profit: Vec<f64> = equity.iter().map(gained).collect();
    let mut highest = equity[0];
    let fall = |equity: &Amount| {
        highest = highest.max(*equity);
        amount_f64(*equity - highest)
    };
    let falls: Vec<f64> = equity.iter().map(fall).collect();
    let (x, y) = thin(&time, &falls, POINTS);
    let quote = escape(&record.run.quote);
    let mut data = vec![
        line("profit", colour::SIMULATED, &time, &profit, POINTS),
        json!({ "type": "scatter", "mode": "lines", "name": "drawdown", "x": x, "y": rounded(&y),
            "yaxis": "y2", "line": { "color": colour::SERIES[1], "width": 1 },
            "fill": "tozeroy", "fillcolor": "#d55e0030" }),
    ];
    data.extend(marks(record, &time, &profit));
    let layout = json!({
        "xaxis": { "type": "date", "anchor": "y2" },
        "yaxis": { "title": { "text": format!("profit, {quote}") }, "domain": [0.36, 1.0],
            "tickformat": ",", "zeroline": true, "zerolinecolor": "#b9c0c8" },
        "yaxis2": { "title": { "text": format!("drawdown, {quote}") }, "domain": [0.0, 0.28],
            "tickformat": "," },
        "shapes": shade(measures),
    });
    charts.push(chart("profit-chart", data, layout));
    let drawn = if time.len() > POINTS {
        format!(
            "{} samples, drawn as the smallest and the largest of each of {} intervals.",
            count(time.len() as u64),
            count(POINTS as u64 / 2)
        )
    } else {
        format!("{} samples, all drawn.", count(time.len() as u64))
    };
    let under = measures.drawdown.map_or(String::new(), |fall| {
        format!(
            " Shaded: the largest drawdown, from peak to trough. Below the highest equity in {} \
             of samples, at most for {}.",
            percent(Some(fall.under_water), 0),
            duration(fall.longest_s)
        )
    });
    let figure = figure("profit-chart", 460, "", &format!("{drawn}{under}"));
    format!("<h2 id=\"profit\">Profit over time</h2>{figure}{}", risk(measures))
}

/// The incidents as marks on the line of profit.
fn marks(record: &Record, time: &[i64], profit: &[f64]) -> Option<Value> {
    const MARKED: usize = 200;
    if record.incidents.is_empty() {
        return None;
    }
    let shown = || record.incidents.iter().take(MARKED);
    let x: Vec<i64> = shown().map(|incident| millis(incident.time)).collect();
    let row = |at: &i64| time.partition_point(|time| time <= at).saturating_sub(1);
    let y: Vec<f64> = x.iter().map(|at| profit[row(at)]).collect();
    let text: Vec<String> = shown()
        .map(|incident| {
            let market = incident.market.map(|at| name(record, usize::from(at)) + ": ");
            market.unwrap_or_default() + &escape(&incident.text)
        })
        .collect();
    Some(json!({ "type": "scatter", "mode": "markers", "name": "incident", "x": x,
        "y": rounded(&y), "text": text, "hovertemplate": "%{text}<extra></extra>",
        "marker": { "color": colour::SPOT, "size": 9, "symbol": "x-thin-open" } }))
}

/// The largest drawdown behind both panels.
fn shade(measures: &Measures) -> Vec<Value> {
    let fall = measures.drawdown.map(|fall| {
        let at = |ns: u64| millis(Time::from_nanos(ns));
        json!({ "type": "rect", "layer": "below", "xref": "x", "yref": "paper",
            "x0": at(fall.peak_ns), "x1": at(fall.trough_ns), "y0": 0, "y1": 1,
            "fillcolor": colour::SERIES[1], "opacity": 0.08, "line": { "width": 0 } })
    });
    fall.into_iter().collect()
}

/// The ratios and their errors.
fn risk(measures: &Measures) -> String {
    let of = &measures.performance;
    let some = |value: Option<f64>, decimals| {
        value.map_or(NONE.to_owned(), |value: f64| number(value, decimals))
    };
    let mut rows = vec![
        ["return".into(), percent_error(of.total, of.total_error), "over initial equity".into()],
        ["return a year".into(), percent(of.annual, 1), "from 30 days on".into()],
        ["volatility a year".into(), percent(of.volatility, 2), "from a day on".into()],
        ["Sortino ratio a year".into(), some(of.sortino, 2), "downside against zero".into()],
        ["Calmar ratio".into(), some(of.calmar, 2), "from 30 days on".into()],
    ];
    let mut errors = Vec::new();
    if let Some(ratio) = of.sharpe {
        let annual = of.sharpe_annual.map(|_| ratio.over(YEAR_S / of.period_s));
        let scale = annual.map_or(1.0, |_| (YEAR_S / of.period_s).sqrt());
        let decimals = if annual.is_some() { 2 } else { 4 };
        let value = number(ratio.ratio * scale, decimals);
        rows.push(["skew of returns".into(), number(ratio.skew, 2), "0 if symmetric".into()]);
        rows.push(["kurtosis".into(), number(ratio.kurtosis, 1), "3 if normal".into()]);
        let unit = if annual.is_some() { "a year" } else { "a period" };
        errors.extend([
            [format!("Sharpe ratio {unit}"), value, format!("{} returns", count_of(&ratio))],
            error("if independent and normal", ratio.error_normal * scale, "Lo 2002"),
            error("with their skew and kurtosis", ratio.error_moments * scale, "Mertens 2002"),
            error("and their dependence", ratio.error * scale, "Lo 2002, Newey–West"),
            [
                "ratio with dependence".into(),
                some(of.sharpe_annual_dependent, 2),
                format!("long-run variance × {}", number(ratio.dependence, 2)),
            ],
            [
                "probability above 0".into(),
                percent(Some(ratio.probability), 1),
                "if the only one tried".into(),
            ],
        ]);
    }
    let list = |rows: &[[String; 3]]| rows.iter().map(|row| row.to_vec()).collect::<Vec<_>>();
    let errors = match errors.is_empty() {
        true => "<p class=\"caption\">Fewer than 20 returns, or all alike: no ratio.</p>".into(),
        false => table(&["how sure", "", ""], &list(&errors)),
    };
    let rows = table(&["return and risk", "", ""], &list(&rows));
    format!("<div class=\"pair\"><div>{rows}</div><div>{errors}</div></div>")
}

const YEAR_S: f64 = 365.0 * 86_400.0;

fn count_of(ratio: &sharpe::Sharpe) -> String {
    count(ratio.count as u64)
}

fn error(label: &str, error: f64, source: &str) -> [String; 3] {
    let decimals = if error < 0.1 { 4 } else { 2 };
    [format!("± {label}"), number(error, decimals), source.to_owned()]
}

fn percent_error(value: Option<f64>, error: Option<f64>) -> String {
    value.map_or(NONE.to_owned(), |value| {
        let error = error.map(|error| error * 100.0);
        format!("{} %", with_error(value * 100.0, error, 3))
    })
}

fn causes(record: &Record, charts: &mut Vec<Value>) -> String {
    let ledger = record.ledger();
    let quote = escape(&record.run.quote);
    let shown: Vec<Cause> =
        Cause::ALL.into_iter().filter(|cause| !ledger.part(*cause).is_zero()).collect();
    let mut names: Vec<&str> = shown.iter().map(|cause| cause.name()).collect();
    names.push("profit");
    let mut values: Vec<f64> = shown.iter().map(|cause| amount_f64(ledger.part(*cause))).collect();
    values.push(amount_f64(record.profit()));
    let texts: Vec<String> = values.iter().map(|value| money(*value)).collect();
    let mut measures = vec!["relative"; shown.len()];
    measures.push("total");
    let bar = |colour: &str| json!({ "marker": { "color": colour } });
    let data = json!({
        "type": "waterfall", "x": names, "y": rounded(&values), "measure": measures,
        "text": texts, "textposition": "outside", "cliponaxis": false,
        "hovertemplate": format!("%{{x}}: %{{text}} {quote}<extra></extra>"),
        "increasing": bar(colour::SIMULATED), "decreasing": bar(colour::SERIES[1]),
        "totals": bar("#5b6470"), "connector": { "line": { "color": "#b9c0c8", "width": 1 } },
    });
    let layout = json!({ "hovermode": "closest", "showlegend": false, "xaxis": { "type":
        "category", "automargin": true }, "yaxis": { "title": { "text": quote }, "zeroline": true,
        "zerolinecolor": "#b9c0c8", "tickformat": "," },
        "margin": { "l": 64, "r": 12, "t": 24, "b": 36 } });
    charts.push(chart("causes-chart", vec![data], layout));
    format!(
        "<h2 id=\"causes\">Where it came from</h2>{}{}{}",
        figure("causes-chart", 340, "", "From left to right each cause adds to those before it."),
        ledgers(record, &shown),
        balance(record)
    )
}

/// Exact profit by cause and market.
fn ledgers(record: &Record, causes: &[Cause]) -> String {
    let columns: Vec<(String, &Ledger)> = record
        .markets
        .iter()
        .take(COLUMNS)
        .map(|market| (escape(&market.name), &market.ledger))
        .chain([("account".to_owned(), &record.account)])
        .collect();
    let sum = record.ledger();
    let others = record.markets.len() > COLUMNS;
    let row = |label: &str, of: &dyn Fn(&Ledger) -> Amount| {
        let cell = |amount: Amount| match amount.is_zero() {
            true => NONE.to_owned(),
            false => grouped(&amount.to_string()),
        };
        let cells = columns.iter().map(|(_, ledger)| cell(of(ledger)));
        std::iter::once(label.to_owned()).chain(cells).chain([cell(of(&sum))]).collect()
    };
    let mut rows: Vec<Vec<String>> =
        causes.iter().map(|cause| row(cause.name(), &|ledger| ledger.part(*cause))).collect();
    rows.push(row("sum", &Ledger::total));
    let headings: Vec<&str> = std::iter::once("")
        .chain(columns.iter().map(|(name, _)| name.as_str()))
        .chain(["all"])
        .collect();
    let note = match others {
        true => format!(
            "<p class=\"caption\">The first {COLUMNS} of {} markets; the last column has all.</p>",
            record.markets.len()
        ),
        false => String::new(),
    };
    let body = table(&headings, &rows);
    let last = body.rfind("<tr>").expect("a table has rows");
    format!("{}<tr class=\"sum\">{}{note}", &body[..last], &body[last + 4..])
}

/// That the sum is the change of equity.
fn balance(record: &Record) -> String {
    let quote = escape(&record.run.quote);
    let exact = |amount: Amount| grouped(&amount.to_string());
    let sums = format!(
        "{} − {} = {} {quote}",
        exact(record.equity_end),
        exact(record.equity_start),
        exact(record.profit())
    );
    match record.check() {
        Ok(()) => format!(
            "<p>Equity moved by {sums}: <span class=\"good\">equal to the sum of the causes, to \
             the last unit</span>.</p>"
        ),
        Err(imbalance) => {
            format!("<p class=\"bad\">{sums}: {}</p>", escape(&imbalance.to_string()))
        }
    }
}

fn distribution(record: &Record, measures: &Measures, charts: &mut Vec<Value>) -> String {
    let returns = Returns::of(&record.samples);
    let deviation = standard_deviation(&returns.profits).filter(|sd| *sd > 0.0);
    let (Some(centre), Some(deviation)) = (mean(&returns.profits), deviation) else {
        return String::new();
    };
    let mut sorted = returns.profits.clone();
    sort(&mut sorted);
    let edge = |p| quantile(&sorted, p).unwrap_or(centre);
    let low = edge(0.002).min(centre - 3.5 * deviation);
    let high = edge(0.998).max(centre + 3.5 * deviation);
    let bins = (returns.profits.len() / 6).clamp(12, 80);
    let (x, y) = chart::histogram(&returns.profits, low, high, bins);
    let width = (high - low) / bins as f64;
    let bell = |at: f64| {
        let z = (at - centre) / deviation;
        let density = libm::exp(-z * z / 2.0) / (2.0 * std::f64::consts::PI).sqrt();
        100.0 * width * density / deviation
    };
    let fine: Vec<f64> = (0..=160).map(|at| low + (high - low) * f64::from(at) / 160.0).collect();
    let normal: Vec<f64> = fine.iter().map(|at| bell(*at)).collect();
    let data = vec![
        json!({ "type": "bar", "name": "returns", "x": rounded(&x), "y": rounded(&y),
            "marker": { "color": "#7fb8d9" } }),
        json!({ "type": "scatter", "mode": "lines", "name": "normal, same mean and deviation",
            "x": rounded(&fine), "y": rounded(&normal), "hoverinfo": "skip",
            "line": { "color": "#5b6470", "width": 1.4, "dash": "dot" } }),
    ];
    let quote = escape(&record.run.quote);
    let period = duration(measures.performance.period_s);
    let layout = json!({ "bargap": 0.04, "xaxis": { "title": { "text":
        format!("profit of {period}, {quote}") } }, "yaxis": { "title": { "text": "share, %" } },
        "shapes": tail(measures), "annotations": label(measures) });
    charts.push(chart("returns-chart", data, with(layout, json!({ "hovermode": "closest" }))));
    let caption = format!(
        "{} periods of {period}; the outer bins hold the tails.",
        count(returns.profits.len() as u64)
    );
    figure("returns-chart", 320, "Distribution of returns", &caption)
}

/// A line at the value at risk.
fn tail(measures: &Measures) -> Vec<Value> {
    let at = measures.performance.var_95.map(|loss| -loss);
    at.map(|at| {
        json!({ "type": "line", "xref": "x", "yref": "paper", "x0": at, "x1": at, "y0": 0,
            "y1": 1, "line": { "color": colour::SERIES[1], "width": 1.2, "dash": "dash" } })
    })
    .into_iter()
    .collect()
}

fn label(measures: &Measures) -> Vec<Value> {
    let at = measures.performance.var_95;
    at.map(|loss| {
        json!({ "x": -loss, "y": 1, "xref": "x", "yref": "paper", "xanchor": "right",
            "yanchor": "top", "showarrow": false, "text": "VaR 95 % ",
            "font": { "color": colour::SERIES[1], "size": 12 } })
    })
    .into_iter()
    .collect()
}
