//! Who earned what, and whether the exchange stayed solvent.

use super::chart::{chart, colour};
use super::html::{escape, figure, table};
use crate::record::{ClassRecord, Record};
use crate::text::{count, grouped, usd};
use serde_json::{Value, json};

/// Profit and loss by class, insurance, invariants and the exact totals.
pub fn sections(record: &Record, charts: &mut Vec<Value>) -> String {
    let height = 110 + 44 * u32::try_from(record.classes.len()).unwrap_or(10).min(20);
    charts.push(flows_chart(&record.classes));
    format!(
        "<h2 id=\"classes\">Profit and loss by class</h2>{}{}\
         <h2 id=\"safety\">Solvency</h2>\
         <div class=\"pair\"><div><h3>Insurance fund, USD</h3>{}<h3>Events</h3>{}</div>\
         <div><h3>Invariants</h3>{}<h3>Exact totals of the ledger, USD</h3>{}</div></div>",
        figure(
            "classes-flows",
            height,
            "Where it came from, USD",
            "Right of zero: received. Diamond: total."
        ),
        classes_table(&record.classes),
        insurance(record),
        events(record),
        invariants(record),
        totals(record),
    )
}

fn flows_chart(classes: &[ClassRecord]) -> Value {
    let names: Vec<&str> = classes.iter().rev().map(|class| class.class.as_str()).collect();
    let flow = |at: usize| classes.iter().rev().map(|c| c.flows()[at].1.round()).collect();
    let mut traces = Vec::new();
    for (at, (name, _)) in ClassRecord::default().flows().iter().enumerate() {
        let values: Vec<f64> = flow(at);
        if values.iter().any(|v| *v != 0.0) {
            traces.push(json!({
                "type": "bar", "orientation": "h", "name": name, "y": names, "x": values,
                "marker": { "color": colour::SERIES[at] },
            }));
        }
    }
    let totals: Vec<f64> = classes.iter().rev().map(|class| class.total_usd.round()).collect();
    traces.push(json!({
        "type": "scatter", "mode": "markers", "name": "total", "y": names, "x": totals,
        "marker": { "color": "#111", "symbol": "diamond", "size": 9,
            "line": { "color": "#fff", "width": 1.5 } },
    }));
    let layout = json!({
        "barmode": "relative", "hovermode": "y unified",
        "xaxis": { "title": { "text": "USD" }, "zeroline": true, "zerolinecolor": "#1b1f24" },
        "yaxis": { "ticks": "" },
    });
    chart("classes-flows", traces, layout)
}

fn classes_table(classes: &[ClassRecord]) -> String {
    let numbers = |class: &ClassRecord| -> Vec<f64> {
        let flows = class.flows().map(|(_, usd)| usd);
        let rest = [class.total_usd, class.equity_end_usd, class.traded_usd];
        flows.into_iter().chain(rest).collect()
    };
    let row = |class: &ClassRecord| {
        let mut row = vec![escape(&class.class), class.agents.to_string()];
        row.extend(numbers(class).into_iter().map(usd));
        row.push(usd(class.inventory_max_usd));
        row
    };
    let mut rows: Vec<Vec<String>> = classes.iter().map(row).collect();
    let mut sums = vec![0.0; 10];
    for class in classes {
        sums.iter_mut().zip(numbers(class)).for_each(|(sum, number)| *sum += number);
    }
    let strong = |text: String| format!("<b>{text}</b>");
    let agents: u32 = classes.iter().map(|class| class.agents).sum();
    let mut last = vec![strong("all".into()), strong(agents.to_string())];
    last.extend(sums.into_iter().map(|sum| strong(usd(sum))));
    last.push(String::new());
    rows.push(last);
    let headings = [
        "class",
        "agents",
        "price",
        "funding",
        "fees",
        "liquidation",
        "insurance",
        "deleveraging",
        "financing",
        "total",
        "equity at end",
        "traded",
        "largest inventory",
    ];
    table(&headings, &rows)
}

fn insurance(record: &Record) -> String {
    let fund = &record.insurance;
    let rows = [
        ("at start", &fund.start),
        ("received", &fund.received),
        ("paid for bankrupt accounts", &fund.paid),
        ("at end", &fund.end),
    ];
    let rows = rows.map(|(name, money)| vec![name.to_owned(), escape(&grouped(&money.exact))]);
    table(&["", "exact"], &rows)
}

fn events(record: &Record) -> String {
    let counts = &record.counts;
    let rows = [
        ("blocks", counts.blocks),
        ("messages", counts.messages),
        ("quotes heard", counts.quotes),
        ("commands", counts.commands),
        ("refused commands", counts.rejects),
        ("trades", counts.trades),
        ("liquidations", counts.liquidations),
        ("auto-deleveraged positions", counts.deleveraged),
    ];
    table(&["", "number"], &rows.map(|(name, number)| vec![name.to_owned(), count(number)]))
}

fn invariants(record: &Record) -> String {
    let row = |invariant: &crate::record::InvariantRecord| {
        let class = if invariant.broken == 0 { "good" } else { "bad" };
        let broken = format!("<span class=\"{class}\">{}</span>", count(invariant.broken));
        vec![escape(&invariant.name), count(invariant.checks), broken]
    };
    let rows: Vec<Vec<String>> = record.invariants.iter().map(row).collect();
    table(&["", "checks", "broken"], &rows)
}

fn totals(record: &Record) -> String {
    let row = |(name, money): &(String, crate::record::Money)| {
        vec![escape(name), escape(&grouped(&money.exact))]
    };
    let rows: Vec<Vec<String>> = record.accounting.iter().map(row).collect();
    table(&["", "exact"], &rows)
}
