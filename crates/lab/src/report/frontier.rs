//! The frontier of solvency on a page: the largest price gap over maintenance margin, by depth.

use super::chart::{chart, colour};
use super::facts;
use super::html::{escape, figure, table};
use crate::frontier::Frontier;
use crate::text::{NONE, number};
use serde_json::{Value, json};

/// Header, the two charts and the table they come from, for each market.
pub fn sections(scenario: &str, markets: &[Frontier], charts: &mut Vec<Value>) -> String {
    let mut body = format!(
        "<header><p class=\"kicker\">Plumb lab · frontier of solvency</p><h1>{}</h1>\
         <p class=\"lead\">The largest move of the price in one block that maintenance margin \
         still bears, by the depth that the design counts on (rule R-6).</p></header>",
        escape(scenario)
    );
    for (at, market) in markets.iter().enumerate() {
        body.push_str(&one(at, market, charts));
    }
    body
}

fn one(at: usize, market: &Frontier, charts: &mut Vec<Value>) -> String {
    let (lines, map) = (format!("lines-{at}"), format!("map-{at}"));
    charts.push(gaps(&lines, market));
    charts.push(margins(&map, market));
    let mut headings = vec!["maintenance margin".to_owned()];
    headings.extend(market.depths_usd.iter().map(|depth| millions(*depth)));
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let percent = |value: f64| format!("{} %", number(value, 2));
    let rows: Vec<Vec<String>> = market
        .gaps_max
        .iter()
        .map(|row| {
            let cells = row.gap_pct.iter().map(|gap| gap.map_or(NONE.to_owned(), percent));
            std::iter::once(percent(row.margin_maintenance_pct)).chain(cells).collect()
        })
        .collect();
    format!(
        "<h2>{}</h2><dl class=\"facts\">{}</dl>{}{}{}",
        escape(&market.market),
        facts(&[
            ("Maintenance margin", percent(market.margin_maintenance_pct)),
            ("Gap of the design", percent(market.gap_pct)),
            ("Depth of the design", usd(market.depth_usd)),
            ("Margin is flat up to", usd(market.flat_usd)),
        ]),
        figure(
            &lines,
            420,
            "Largest gap per block, %",
            "One line for each depth of one side, USD. The point is this market: its margin, and \
             the gap that it is designed for. It is sound where the line of its depth is not \
             below."
        ),
        figure(
            &map,
            420,
            "Least maintenance margin, %",
            "Percent, by price gap in one block and depth of one side."
        ),
        format_args!(
            "<h3>Largest gap per block, by maintenance margin and depth of one side, USD</h3>{}",
            table(&headings, &rows)
        ),
    )
}

fn gaps(id: &str, market: &Frontier) -> Value {
    let margins: Vec<f64> = market.gaps_max.iter().map(|row| row.margin_maintenance_pct).collect();
    let line = |(at, depth): (usize, &f64)| {
        let gaps: Vec<Option<f64>> = market.gaps_max.iter().map(|row| row.gap_pct[at]).collect();
        json!({ "type": "scatter", "mode": "lines", "name": millions(*depth), "x": margins,
            "y": gaps, "line": { "color": colour::SERIES[at % 7], "width": 2 } })
    };
    let mut data: Vec<Value> = market.depths_usd.iter().enumerate().map(line).collect();
    data.push(json!({ "type": "scatter", "mode": "markers", "name": "this market",
        "x": [market.margin_maintenance_pct], "y": [market.gap_pct],
        "marker": { "color": colour::SPOT, "size": 10, "symbol": "diamond" } }));
    let layout = json!({ "hovermode": "closest",
        "xaxis": { "title": { "text": "maintenance margin, %" } },
        "yaxis": { "title": { "text": "largest gap per block, %" }, "rangemode": "tozero" } });
    chart(id, data, layout)
}

fn margins(id: &str, market: &Frontier) -> Value {
    let depths: Vec<String> = market.depths_usd.iter().map(|depth| millions(*depth)).collect();
    let gaps: Vec<String> =
        market.margins_min.iter().map(|row| format!("{} %", number(row.gap_pct, 2))).collect();
    let values: Vec<Vec<f64>> = market
        .margins_min
        .iter()
        .map(|row| {
            row.margin_maintenance_pct.iter().map(|pct| (pct * 100.0).round() / 100.0).collect()
        })
        .collect();
    let data = json!({ "type": "heatmap", "x": depths, "y": gaps, "z": values,
        "texttemplate": "%{z:.2f}", "showscale": false,
        "textfont": { "color": colour::SPOT }, "colorscale": [[0, "#f3f7fb"], [1, "#6aa9d6"]] });
    let layout = json!({ "hovermode": "closest",
        "xaxis": { "title": { "text": "depth of one side, USD" }, "type": "category" },
        "yaxis": { "title": { "text": "gap per block" }, "type": "category" } });
    chart(id, vec![data], layout)
}

fn usd(usd: f64) -> String {
    format!("{} USD", millions(usd))
}

fn millions(usd: f64) -> String {
    format!("{} M", number(usd / 1e6, if usd < 1e6 { 1 } else { 0 }))
}
