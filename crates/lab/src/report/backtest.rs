//! One replay as a page: is there an edge, where does it come from, and can it be believed?
//!
//! Every mean stands beside its standard error, and what a tape is too short for is a dash. Charts
//! of many points are thinned to the extremes of short buckets and say so.

mod equity;

mod market;

mod fills;

use super::facts;
use super::html::{card, escape, table};
use crate::replay::measure::{Measures, counts};
use crate::replay::record::{Incident, Record};
use crate::text::{NONE, count, duration, minute, money, number, percent, second, with_error};
use money::{Span, Time};
use serde_json::Value;

/// Points of all lines of a page together; keeps a page below 8 MB.
const POINTS: usize = 36_000;

/// Markets that have a section of their own; all of them stand in the tables.
const DRAWN: usize = 12;

/// The whole body.
pub fn sections(record: &Record, measures: &Measures, charts: &mut Vec<Value>) -> String {
    let mut body = header(record, measures);
    body.push_str(&cards(record, measures));
    body.push_str(&equity::sections(record, measures, charts));
    body.push_str("<h2 id=\"fills\">Fills and what followed</h2>");
    body.push_str(&fills::sections(record, measures, charts));
    let drawn = record.markets.len().min(DRAWN);
    for at in 0..drawn {
        let points = POINTS / drawn / 4;
        body.push_str(&market::Section { at, record, measures, points }.html(charts));
    }
    body.push_str(&fills::capacity(record, measures));
    body.push_str(&incidents(record));
    body.push_str(&made_of(record));
    body.push_str(include_str!("backtest.html"));
    body
}

/// Milliseconds for the axis of a chart.
fn millis(time: Time) -> i64 {
    i64::try_from(time.millis()).expect("milliseconds of 64-bit nanoseconds fit")
}

fn header(record: &Record, measures: &Measures) -> String {
    let link = |(at, market): (usize, &crate::replay::record::Market)| {
        format!("<a href=\"#market-{at}\">{}</a>", escape(&market.name))
    };
    let markets: String = record.markets.iter().enumerate().take(DRAWN).map(link).collect();
    let run = &record.run;
    let counts = counts(record);
    let names: Vec<&str> = record.markets.iter().map(|market| market.name.as_str()).collect();
    format!(
        "<header><p class=\"kicker\">Plumb lab · replay of recorded markets</p><h1>{} on {}</h1>\
         <p class=\"lead\">{}</p><dl class=\"facts\">{}</dl><nav><a href=\"#profit\">Profit</a>\
         <a href=\"#causes\">Causes</a><a href=\"#fills\">Fills</a>{markets}\
         <a href=\"#capacity\">Capacity</a><a href=\"#again\">Reproduce</a>\
         <a href=\"#definitions\">Definitions</a></nav></header>",
        escape(&run.strategy),
        escape(&listed(&names)),
        verdict(record, measures),
        facts(&[
            ("Period, UTC", period(record)),
            ("Length", duration(measures.length_s)),
            ("Initial equity", format!("{} {}", money(measures.capital), escape(&run.quote))),
            ("Events replayed", count(counts.events)),
            ("Orders", count(counts.orders)),
            ("Fills", count(counts.fills)),
            ("Samples", sampled(record)),
            ("Seed", run.seed.to_string()),
            ("Build", escape(&run.build)),
        ]),
    )
}

/// From and to: minutes for a long run, seconds for a short one.
fn period(record: &Record) -> String {
    let run = &record.run;
    if run.end.since(run.start) < Span::HOUR {
        return format!("{} – {}", second(run.start), second(run.end));
    }
    format!("{} – {}", minute(millis(run.start)), minute(millis(run.end)))
}

fn sampled(record: &Record) -> String {
    let step = record.samples.step.nanos() as f64 / 1e9;
    format!("{}, every {}", count(record.samples.len() as u64), duration(step))
}

/// The first names, and how many more there are.
fn listed(names: &[&str]) -> String {
    const NAMED: usize = 3;
    let first = names.iter().take(NAMED).copied().collect::<Vec<&str>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// One sentence on how far the profit is from nothing.
fn verdict(record: &Record, measures: &Measures) -> String {
    let quote = escape(&record.run.quote);
    let profit = format!("{} {quote}", money(measures.profit));
    let Some(error) = measures.profit_error.filter(|error| *error > 0.0) else {
        return format!("Profit {profit}. The tape is too short to say how sure that is.");
    };
    let distance = measures.profit / error;
    let judged = match distance {
        d if d >= 3.0 => "far from nothing",
        d if d >= 2.0 => "unlikely to be luck, if it was the only one tried",
        d if d > -2.0 => "not to be told from nothing",
        _ => "a loss that is unlikely to be bad luck",
    };
    format!(
        "Profit {profit} ± {}: {} standard errors, {judged}.",
        money(error),
        number(distance, 1)
    )
}

fn cards(record: &Record, measures: &Measures) -> String {
    let quote = escape(&record.run.quote);
    let (performance, flow, trips) = (&measures.performance, &measures.flow, &measures.trips);
    let some = |value: Option<f64>, decimals: usize| {
        value.map_or(NONE.to_owned(), |value| number(value, decimals))
    };
    let hundred = |value: Option<f64>| value.map(|value| value * 100.0);
    let error = measures.profit_error.map_or("tape too short for an error".into(), |error| {
        format!("± {} standard error, dependence allowed for", money(error))
    });
    let annual = match performance.annual {
        Some(annual) => format!("{} a year, nothing reinvested", percent(Some(annual), 1)),
        None => "of initial equity; no annual figure below 30 days".into(),
    };
    let edge = match flow.edge_error_bp {
        Some(error) => format!("± {} of {} {quote} traded", number(error, 2), money(flow.traded)),
        None => format!("of {} {quote} traded", money(flow.traded)),
    };
    let trips_note = match trips.held_median_s {
        Some(held) => format!(
            "of {} round trips ± {}; median {}",
            count(trips.count as u64),
            some(hundred(trips.hit_rate_error), 1),
            duration(held)
        ),
        None => "no round trip was closed".into(),
    };
    let filled = format!(
        "{} of orders; {} messages a fill",
        percent(flow.orders_filled, 1),
        some(flow.messages_per_fill, 1)
    );
    let maker = format!("{} of notional as maker", percent(flow.maker_share, 0));
    let (sharpe, sharpe_note) = sharpe(measures);
    let (fall, fall_note) = fall(record, measures);
    let cells = [
        card("Profit", &money(measures.profit), &quote, &error),
        card("Return", &some(hundred(performance.total), 2), "%", &annual),
        card("Sharpe ratio", &sharpe.0, sharpe.1, &sharpe_note),
        card("Edge", &some(flow.edge_bp, 2), "bp", &edge),
        card("Largest drawdown", &fall, &quote, &fall_note),
        card("Hit rate", &some(hundred(trips.hit_rate), 1), "%", &trips_note),
        card("Turnover", &some(flow.turnover_day, 2), "× equity a day", &maker),
        card("Fills", &count(counts(record).fills), "", &filled),
        tail(measures, &quote),
    ];
    format!("<div class=\"cards\">{}</div>", cells.concat())
}

fn sharpe(measures: &Measures) -> ((String, &'static str), String) {
    let performance = &measures.performance;
    let Some(ratio) = performance.sharpe else {
        return ((NONE.into(), ""), "fewer than 20 returns, or all alike".into());
    };
    let of = format!("{} returns of {}", ratio.count, duration(performance.period_s));
    let likely = format!("above 0 with {}", percent(Some(ratio.probability), 1));
    match (performance.sharpe_annual, performance.sharpe_annual_error) {
        (Some(annual), Some(error)) => {
            let value = number(annual, 1);
            ((value, "a year"), format!("± {}; {likely}; {of}", number(error, 1)))
        }
        (_, _) => {
            let period = format!("± {}; {likely}; {of}", number(ratio.error, 3));
            ((number(ratio.ratio, 3), "a period"), period)
        }
    }
}

fn fall(record: &Record, measures: &Measures) -> (String, String) {
    let Some(fall) = measures.drawdown else {
        return ("0".into(), "equity never fell".into());
    };
    let peak = Time::from_nanos(fall.peak_ns);
    let back = match fall.recovered_ns {
        Some(back) => {
            let after = Time::from_nanos(back).since(peak).nanos() as f64 / 1e9;
            format!("back after {}", duration(after))
        }
        None => {
            let left = record.run.end.since(peak).nanos() as f64 / 1e9;
            format!("not back after {}", duration(left))
        }
    };
    (money(fall.depth), format!("{} of the peak; {back}", percent(fall.share, 2)))
}

fn tail(measures: &Measures, quote: &str) -> String {
    let performance = &measures.performance;
    let some = |value: Option<f64>| value.map_or(NONE.to_owned(), money);
    let note = format!(
        "or more lost in 1 of 20; then {} on average; worst minute {}",
        some(performance.shortfall_95),
        some(performance.worst_minute)
    );
    let label = format!("VaR 95 % of {}", duration(performance.period_s));
    card(&label, &some(performance.var_95), quote, &note)
}

fn incidents(record: &Record) -> String {
    if record.incidents.is_empty() {
        return String::new();
    }
    const LISTED: usize = 200;
    let row = |incident: &Incident| {
        let market = incident.market.map_or("run".to_owned(), |at| name(record, usize::from(at)));
        vec![second(incident.time), market, escape(&incident.text)]
    };
    let rows: Vec<Vec<String>> = record.incidents.iter().take(LISTED).map(row).collect();
    let more = record.incidents.len().saturating_sub(LISTED);
    let note = match more {
        0 => String::new(),
        more => format!("<p class=\"caption\">And {} more.</p>", count(more as u64)),
    };
    let body = table(&["time, UTC", "market", "what"], &rows);
    let body = body.replacen("<table>", "<table class=\"words\">", 1);
    format!("<h2 id=\"incidents\">What to know beside the numbers</h2>{body}{note}")
}

fn name(record: &Record, market: usize) -> String {
    record.markets.get(market).map_or(NONE.to_owned(), |market| escape(&market.name))
}

/// Parameters, models, data and the command.
fn made_of(record: &Record) -> String {
    let run = &record.run;
    let pairs = |title: &str, pairs: &[(String, String)]| {
        let row = |(name, value): &(String, String)| vec![escape(name), escape(value)];
        let rows: Vec<Vec<String>> = pairs.iter().map(row).collect();
        let body = table(&["part", "as"], &rows).replacen("<table>", "<table class=\"words\">", 1);
        format!("<div><h3>{title}</h3>{body}</div>")
    };
    let file = |file: &crate::replay::record::DataFile| {
        vec![
            escape(&file.path),
            count(file.events),
            format!("{} MB", number(file.bytes as f64 / 1e6, 1)),
            format!("<span class=\"mono\">{}</span>", escape(&file.checksum)),
        ]
    };
    let files: Vec<Vec<String>> = run.files.iter().map(file).collect();
    format!(
        "<h2 id=\"again\">What it is made of</h2><div class=\"pair\">{}{}</div><h3>Data</h3>{}\
         <h3>Reproduce</h3><p>The same command on the same data gives the same numbers, byte for \
         byte, on every machine.</p><pre>{}</pre>",
        pairs("Models", &run.models),
        pairs("Parameters", &run.parameters),
        table(&["file", "events", "size", "checksum"], &files),
        escape(&run.command)
    )
}

/// A mean with its error as text.
fn mean(mean: Option<crate::replay::measure::clusters::Mean>, decimals: usize) -> String {
    mean.map_or(NONE.to_owned(), |mean| with_error(mean.mean, mean.error, decimals))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
