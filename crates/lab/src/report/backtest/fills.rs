//! What the price did after own fills, how orders fared, round trips, and what the markets bear.

use super::mean;
use crate::replay::measure::inventory::SHARES;
use crate::replay::measure::markout::{Curve, Point};
use crate::replay::measure::{Flow, Measures, counts};
use crate::replay::record::{Counts, Record};
use crate::report::chart::{chart, colour, rounded};
use crate::report::html::{escape, figure, table};
use crate::text::{NONE, count, duration, money, number, percent};
use serde_json::{Value, json};

/// Half of a 95 % interval in standard errors.
const HALF: f64 = 1.96;

/// Markouts, orders and round trips.
pub fn sections(record: &Record, measures: &Measures, charts: &mut Vec<Value>) -> String {
    charts.push(markouts(measures));
    let caption = "Mid then against the price of the fill, weighted by notional; bars are 95 % \
                   intervals, clustered in time. A dotted line is the fee: a curve above it has \
                   earned its fee by then.";
    let curve = figure("markout-chart", 380, "Markout, bp", caption);
    let mut body = format!(
        "<div class=\"pair\">{curve}<div><h3>Markout by horizon, bp</h3>{}{}</div></div>",
        horizons(measures),
        trips(record, measures),
    );
    body.push_str("<h3>Orders and fills</h3>");
    body.push_str(&orders(record, measures));
    body
}

fn horizon(point: &Point) -> String {
    match point.horizon_s {
        0.0 => "at fill".to_owned(),
        seconds => format!("{seconds} s"),
    }
}

fn markouts(measures: &Measures) -> Value {
    let mut data = Vec::new();
    let mut shapes = Vec::new();
    for (name, curve, colour) in [
        ("maker", &measures.maker, colour::SIMULATED),
        ("taker", &measures.taker, colour::SERIES[1]),
    ] {
        let seen: Vec<&Point> = curve.points.iter().filter(|p| p.markout_bp.is_some()).collect();
        if seen.is_empty() {
            continue;
        }
        let x: Vec<String> = seen.iter().map(|point| horizon(point)).collect();
        let means = seen.iter().filter_map(|point| point.markout_bp);
        let y: Vec<f64> = means.clone().map(|mean| mean.mean).collect();
        let half: Vec<f64> = means.map(|mean| HALF * mean.error.unwrap_or(0.0)).collect();
        data.push(json!({ "type": "scatter", "mode": "lines+markers", "name": name, "x": x,
            "y": rounded(&y), "line": { "color": colour, "width": 1.8 }, "marker": { "size": 6 },
            "error_y": { "type": "data", "array": rounded(&half), "color": colour,
                "thickness": 1.2, "width": 4 } }));
        if let Some(fee) = curve.fee_bp {
            shapes.push(json!({ "type": "line", "layer": "above", "xref": "paper", "x0": 0,
                "x1": 1, "yref": "y", "y0": fee, "y1": fee,
                "line": { "color": colour, "width": 1.6, "dash": "dot" } }));
        }
    }
    let layout = json!({
        "xaxis": { "type": "category", "title": { "text": "time after the fill" } },
        "yaxis": { "title": { "text": "bp of the price" }, "zeroline": true,
            "zerolinecolor": "#333a42" }, "shapes": shapes });
    chart("markout-chart", data, layout)
}

fn horizons(measures: &Measures) -> String {
    let (maker, taker) = (&measures.maker, &measures.taker);
    let mut rows: Vec<Vec<String>> = maker
        .points
        .iter()
        .zip(&taker.points)
        .map(|(m, t)| vec![horizon(m), mean(m.markout_bp, 2), mean(t.markout_bp, 2)])
        .collect();
    let bp = |curve: &Curve| curve.fee_bp.map_or(NONE.to_owned(), |fee| number(fee, 2));
    rows.push(vec!["fee".into(), bp(maker), bp(taker)]);
    let fills = |curve: &Curve| count(curve.fills as u64);
    rows.push(vec!["fills".into(), fills(maker), fills(taker)]);
    table(&["", "maker", "taker"], &rows)
}

fn trips(record: &Record, measures: &Measures) -> String {
    let trips = &measures.trips;
    if trips.count == 0 {
        return String::new();
    }
    let quote = escape(&record.run.quote);
    let some = |value: Option<f64>| value.map_or(NONE.to_owned(), money);
    let rate = match trips.hit_rate_error {
        Some(error) => {
            let rate = trips.hit_rate.unwrap_or(0.0) * 100.0;
            format!("{} ± {} %", number(rate, 1), number(error * 100.0, 1))
        }
        None => percent(trips.hit_rate, 1),
    };
    let rows = [
        vec!["closed".into(), count(trips.count as u64)],
        vec!["with a profit".into(), rate],
        vec!["profit, bp of entry".into(), mean(trips.profit_bp, 2)],
        vec![
            format!("mean win / loss, {quote}"),
            format!("{} / {}", some(trips.mean_win), some(trips.mean_loss)),
        ],
        vec!["wins over losses".into(), some(trips.profit_factor)],
        vec!["median time open".into(), trips.held_median_s.map_or(NONE.into(), duration)],
    ];
    format!("<h3>Round trips, first in first out</h3>{}", table(&["", "all markets"], &rows))
}

fn orders(record: &Record, measures: &Measures) -> String {
    let row = |name: String, counts: &Counts, flow: &Flow| {
        vec![
            name,
            count(counts.orders),
            percent(flow.orders_filled, 1),
            count(counts.cancels),
            count(counts.refused),
            count(counts.fills),
            flow.messages_per_fill.map_or(NONE.into(), |value| number(value, 1)),
            percent(flow.maker_share, 0),
            money(flow.traded),
            flow.turnover_day.map_or(NONE.into(), |value| number(value, 2)),
            flow.edge_bp.map_or(NONE.into(), |value| number(value, 2)),
        ]
    };
    let mut rows: Vec<Vec<String>> = record
        .markets
        .iter()
        .zip(&measures.markets)
        .map(|(market, measured)| row(escape(&market.name), &market.counts, &measured.flow))
        .collect();
    if rows.len() > 1 {
        rows.push(row("all".into(), &counts(record), &measures.flow));
    }
    let notional = format!("notional, {}", escape(&record.run.quote));
    let headings = [
        "market",
        "orders",
        "filled",
        "cancels",
        "refused",
        "fills",
        "messages a fill",
        "maker",
        &notional,
        "turnover a day",
        "edge, bp",
    ];
    table(&headings, &rows)
}

/// How much more each market would bear.
pub fn capacity(record: &Record, measures: &Measures) -> String {
    let some = |value: Option<f64>| value.map_or(NONE.to_owned(), money);
    let bp = |value: Option<f64>, decimals| {
        value.map_or(NONE.to_owned(), |value: f64| number(value, decimals))
    };
    let rows: Vec<Vec<String>> = measures
        .markets
        .iter()
        .map(|market| {
            let of = &market.capacity;
            let mut row = vec![
                escape(&market.market),
                bp(of.edge_bp, 2),
                bp(of.volatility_day_bp, 0),
                some(of.volume_day),
                percent(of.participation, 3),
                some(of.break_even_day),
            ];
            row.extend(of.profit_day_at.map(some));
            row
        })
        .collect();
    let quote = escape(&record.run.quote);
    let shares = SHARES.map(|share| format!("profit a day at {} %", share * 100.0));
    let headings = [
        "market",
        "edge, bp",
        "volatility a day, bp",
        "volume a day",
        "own share",
        "own volume where impact eats the edge",
        &shares[0],
        &shares[1],
    ];
    format!(
        "<h2 id=\"capacity\">Capacity</h2><p>If the replayed edge held and all that is traded in a \
         day moved the price as one order of Y·σ·√(Q/V), Y = 1. In {quote} a day. An estimate of \
         scale and no forecast; a dash where there is no edge or too little data. Read it for the \
         leg that earns: a hedging leg has no edge of its own.</p>{}",
        table(&headings, &rows)
    )
}
