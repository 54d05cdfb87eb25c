//! The incident library on a page: what each cost under both rulebooks, and every variant.

use super::chart::{chart, colour, with};
use super::facts;
use super::html::{escape, figure, table};
use crate::stress::{Outcome, Pair, Report, Row};
use crate::text::{NONE, number, usd};
use serde_json::{Value, json};

/// Header, chart, table of all incidents, and the variants of each.
pub fn sections(report: &Report, charts: &mut Vec<Value>) -> String {
    charts.push(costs("costs", report));
    let height = 140 + 44 * u32::try_from(report.incidents.len()).unwrap_or(18).min(40);
    let caption = "Bad debt: deficits that neither the account nor the insurance fund paid. \
                   Scale: logarithm of 1 USD and more.";
    let mut body = header(report);
    body.push_str(&figure("costs", height, "Bad debt and insurance used", caption));
    body.push_str("<h2 id=\"incidents\">The incidents as they were</h2>");
    body.push_str(&overview(report));
    for row in &report.incidents {
        body.push_str(&incident(row));
    }
    if !report.not_expressible.is_empty() {
        body.push_str("<h2>Not expressible</h2>");
        let cells = report.not_expressible.iter();
        let cells: Vec<Vec<String>> = cells
            .map(|left| [&left.id, &left.title, &left.why].map(|s| escape(s)).into())
            .collect();
        body.push_str(&table(&["", "incident", "why"], &cells));
    }
    body
}

fn header(report: &Report) -> String {
    let broken: u32 = report.incidents.iter().map(|row| row.invariants_broken).sum();
    let lost = report.incidents.iter().map(|row| row.flat_user_loss).fold(0.0, f64::max);
    let worse = report.incidents.iter().filter(|row| !row.worse_in.is_empty()).count();
    let runs: usize = report.incidents.iter().map(|row| row.runs.len()).sum();
    format!(
        "<header><p class=\"kicker\">Plumb lab · incident library</p><h1>What went wrong at real \
         venues, under these rules and theirs</h1><dl class=\"facts\">{}</dl></header>",
        facts(&[
            ("Incidents", report.incidents.len().to_string()),
            ("Variants", runs.to_string()),
            ("Seed", report.seed.to_string()),
            ("Invariants broken", broken.to_string()),
            ("Most lost by a flat account", usd(lost)),
            ("Incidents with a variant worse than theirs", worse.to_string()),
        ]),
    )
}

/// Bars of what each incident cost, ours and theirs.
fn costs(id: &str, report: &Report) -> Value {
    let names: Vec<String> =
        report.incidents.iter().map(|row| format!("{} {}", row.id, row.venue)).collect();
    let base = |take: &dyn Fn(&Pair) -> Option<f64>| -> Vec<Option<f64>> {
        let first = |row: &Row| row.runs.first().and_then(take).filter(|usd| *usd >= 1.0);
        report.incidents.iter().map(first).collect()
    };
    let theirs =
        |take: fn(&Outcome) -> f64| base(&move |pair: &Pair| pair.theirs.as_ref().map(take));
    let bars = |name: &str, colour: &str, values: Vec<Option<f64>>| {
        json!({ "type": "bar", "orientation": "h", "name": name, "x": values, "y": names,
            "marker": { "color": colour } })
    };
    let data = vec![
        bars("bad debt, ours", colour::SIMULATED, base(&|pair| Some(pair.ours.bad_debt))),
        bars("bad debt, theirs", colour::RECORDED, theirs(|outcome| outcome.bad_debt)),
        bars("insurance, ours", colour::SERIES[5], base(&|pair| Some(pair.ours.insurance_used))),
        bars("insurance, theirs", colour::SERIES[3], theirs(|outcome| outcome.insurance_used)),
    ];
    let layout = json!({ "barmode": "group", "hovermode": "closest",
        "xaxis": { "type": "log", "title": { "text": "USD" } },
        "yaxis": { "autorange": "reversed", "ticks": "", "showgrid": false, "automargin": true } });
    chart(id, data, with(layout, json!({ "legend": { "orientation": "h" } })))
}

const HEADINGS: [&str; 11] = [
    "incident",
    "bad debt",
    "theirs",
    "insurance",
    "theirs",
    "ADL",
    "theirs",
    "wrongly liquidated",
    "theirs",
    "minutes > 50 bp",
    "theirs",
];

fn overview(report: &Report) -> String {
    let line = |row: &Row| {
        let name = format!("{} {}", row.id, row.title);
        row.runs.first().map(|pair| cells(&name, pair))
    };
    let rows: Vec<Vec<String>> = report.incidents.iter().filter_map(line).collect();
    table(&HEADINGS, &rows)
}

fn incident(row: &Row) -> String {
    let rows: Vec<Vec<String>> = row.runs.iter().map(|pair| cells(&pair.variant, pair)).collect();
    let worse = match row.worse_in.is_empty() {
        true => "Better or equal on bad debt in every variant.".to_owned(),
        false => format!("Worse on bad debt in: {}.", escape(&row.worse_in.join("; "))),
    };
    let mut headings = HEADINGS;
    headings[0] = "variant";
    format!(
        "<h2>{} {}</h2><p>{}, {}. {}</p><p><b>Theirs:</b> {}</p><p>{worse} {}</p>{}",
        escape(&row.id),
        escape(&row.title),
        escape(&row.venue),
        escape(&row.date),
        escape(&row.source),
        escape(&row.theirs),
        escape(&row.note),
        table(&headings, &rows),
    )
}

fn cells(name: &str, pair: &Pair) -> Vec<String> {
    let theirs = |show: &dyn Fn(&Outcome) -> String| {
        let outcome = pair.theirs.as_ref().filter(|outcome| outcome.failure.is_none());
        outcome.map_or_else(|| NONE.to_owned(), show)
    };
    let ours = &pair.ours;
    vec![
        escape(name),
        usd(ours.bad_debt),
        theirs(&|outcome| usd(outcome.bad_debt)),
        usd(ours.insurance_used),
        theirs(&|outcome| usd(outcome.insurance_used)),
        usd(ours.adl_volume),
        theirs(&|outcome| usd(outcome.adl_volume)),
        ours.wrongly_liquidated.to_string(),
        theirs(&|outcome| outcome.wrongly_liquidated.to_string()),
        number(ours.minutes_beyond_50bp, 1),
        theirs(&|outcome| number(outcome.minutes_beyond_50bp, 1)),
    ]
}
