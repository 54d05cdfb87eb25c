//! The incident library on a page: what each cost under both rulebooks, and every variant.

use super::chart::{chart, colour, with};
use super::facts;
use super::html::{escape, figure, table};
use crate::stress::{Outcome, Pair, Report, Row};
use crate::text::{NONE, number, usd, usd_short};
use serde_json::{Value, json};

/// Header, chart, table of all incidents, and the variants of each.
pub fn sections(report: &Report, charts: &mut Vec<Value>) -> String {
    charts.push(costs("costs", report));
    let height = 180 + 52 * u32::try_from(report.incidents.len()).unwrap_or(18).min(40);
    let caption = "Bad debt: deficits that neither account nor insurance nor vault bore. Fund: \
                   paid by insurance and lost by the backstop vault. At our size: the venue's \
                   rules with the positions that ours let be opened. Scale: logarithm of 1 USD \
                   and more.";
    let mut body = header(report);
    body.push_str(&figure("costs", height, "Bad debt and fund used", caption));
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
    let worse: usize = report.incidents.iter().map(|row| row.worse().count()).sum();
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
            ("Variants in which ours owes more", worse.to_string()),
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
    let at_our_size =
        base(&|pair: &Pair| pair.theirs_at_our_size.as_ref().map(|theirs| theirs.bad_debt));
    let data = vec![
        bars("bad debt, ours", colour::SIMULATED, base(&|pair| Some(pair.ours.bad_debt))),
        bars("bad debt, theirs", colour::RECORDED, theirs(|outcome| outcome.bad_debt)),
        bars("bad debt, theirs at our size", colour::SERIES[4], at_our_size),
        bars("fund, ours", colour::SERIES[5], base(&|pair| Some(pair.ours.fund_used()))),
        bars("fund, theirs", FUND_THEIRS, theirs(Outcome::fund_used)),
    ];
    let layout = json!({ "barmode": "group", "hovermode": "closest",
        "xaxis": { "type": "log", "title": { "text": "USD" } },
        "yaxis": { "autorange": "reversed", "ticks": "", "showgrid": false, "automargin": true } });
    // Above the bars: below them it would cover the axis of a page with few incidents.
    let legend = json!({ "legend": { "orientation": "h", "y": 1.0, "yanchor": "bottom", "x": 0.0 },
        "margin": { "t": 48 } });
    chart(id, data, with(layout, legend))
}

/// Lighter than what the venue's bad debt has.
const FUND_THEIRS: &str = "#f2c879";

/// What is measured, and how many of ours, theirs and theirs at our size stand below it.
const MEASURES: [(&str, usize); 6] = [
    ("bad debt, USD", 3),
    ("fund, USD", 3),
    ("ADL, USD", 2),
    ("wrongly liquidated", 2),
    ("min &gt; 50 bp", 2),
    ("opened", 2),
];

/// A table with the measures above the sides.
fn sides(rows: &[Vec<String>]) -> String {
    let group = |(name, columns): &(&str, usize)| {
        format!("<th class=\"group\" colspan=\"{columns}\">{name}</th>")
    };
    let under =
        |(_, columns): &(&str, usize)| ["ours", "theirs", "at our size"].into_iter().take(*columns);
    let groups: String = MEASURES.iter().map(group).collect();
    let headings: Vec<&str> = std::iter::once("").chain(MEASURES.iter().flat_map(under)).collect();
    let body = table(&headings, rows);
    let head = format!("<table class=\"sides\"><thead><tr><th></th>{groups}</tr>");
    body.replacen("<table><thead>", &head, 1)
}

fn overview(report: &Report) -> String {
    let line = |row: &Row| {
        let name = format!("{} {}", row.id, row.venue);
        row.runs.first().map(|pair| cells(&name, pair))
    };
    let rows: Vec<Vec<String>> = report.incidents.iter().filter_map(line).collect();
    sides(&rows)
}

fn incident(row: &Row) -> String {
    let note = match row.note.is_empty() {
        true => String::new(),
        false => format!("<p><b>Note:</b> {}</p>", escape(&row.note)),
    };
    let rows: Vec<Vec<String>> = row.runs.iter().map(|pair| cells(&pair.variant, pair)).collect();
    let worse = match row.worse_in.is_empty() && row.worse_at_our_size_in.is_empty() {
        true => "Ours owes no more in any variant.".to_owned(),
        false => format!(
            "<b>Ours owes more</b> in: {}. At our size: {}. {}",
            listed(&row.worse_in),
            listed(&row.worse_at_our_size_in),
            escape(&row.why_worse)
        ),
    };
    format!(
        "<h2>{} {}</h2><p>{}, {}. {}</p><p><b>Theirs:</b> {}</p><p>{worse}</p>{}{}",
        escape(&row.id),
        escape(&row.title),
        escape(&row.venue),
        escape(&row.date),
        escape(&row.source),
        escape(&row.theirs),
        note,
        sides(&rows),
    )
}

fn listed(variants: &[String]) -> String {
    if variants.is_empty() { "none".to_owned() } else { escape(&variants.join("; ")) }
}

fn cells(name: &str, pair: &Pair) -> Vec<String> {
    let show = |outcome: &Option<Outcome>, show: &dyn Fn(&Outcome) -> String| {
        let outcome = outcome.as_ref().filter(|outcome| outcome.failure.is_none());
        outcome.map_or_else(|| NONE.to_owned(), show)
    };
    let (ours, theirs, at_our_size) = (&pair.ours, &pair.theirs, &pair.theirs_at_our_size);
    let bad = |outcome: &Outcome| usd_short(outcome.bad_debt);
    let fund = |outcome: &Outcome| usd_short(outcome.fund_used());
    let opened = |outcome: &Outcome| format!("{} %", number(outcome.opened_share * 100.0, 0));
    vec![
        escape(name),
        bad(ours),
        show(theirs, &bad),
        show(at_our_size, &bad),
        fund(ours),
        show(theirs, &fund),
        show(at_our_size, &fund),
        usd_short(ours.adl_volume),
        show(theirs, &|outcome| usd_short(outcome.adl_volume)),
        ours.wrongly_liquidated.to_string(),
        show(theirs, &|outcome| outcome.wrongly_liquidated.to_string()),
        number(ours.minutes_beyond_50bp, 1),
        show(theirs, &|outcome| number(outcome.minutes_beyond_50bp, 1)),
        opened(ours),
        show(theirs, &opened),
    ]
}
