//! A sweep as a page: lines over one setting, maps over two, facets over more, and every cell in a
//! table. The best cell stands beside what the best of so many would show by luck.

mod lines;

mod maps;

use super::facts;
use super::html::{card, escape, table};
use crate::replay::sweep::{Axis, Best, Outcome, Sweep};
use crate::text::{NONE, count, minute, money, number, percent, with_error};
use serde_json::Value;

/// Cells that the table shows; the file has all.
const LISTED: usize = 600;

/// Something that is drawn of each cell.
#[derive(Clone, Copy)]
struct Measure {
    id: &'static str,
    title: &'static str,
    value: fn(&Outcome) -> Option<f64>,
    error: fn(&Outcome) -> Option<f64>,
    /// The value as text in a cell.
    show: fn(f64) -> String,
}

/// What is drawn: profit, and the ratio of a year, or of a period where the tape is too short.
fn drawn(sweep: &Sweep) -> [Measure; 2] {
    let annual = annual(sweep);
    let ratio = Measure {
        id: "sharpe",
        title: if annual { "Sharpe ratio a year" } else { "Sharpe ratio a period" },
        value: if annual { |of| of.sharpe_annual } else { |of| of.sharpe },
        error: if annual { annual_error } else { |of| of.sharpe_error },
        show: if annual { |value| number(value, 1) } else { |value| number(value, 3) },
    };
    let profit = Measure {
        id: "profit",
        title: "Profit",
        value: |of| Some(of.profit),
        error: |of| of.profit_error,
        show: money,
    };
    [profit, ratio]
}

/// Whether every finished cell has a ratio of a year.
fn annual(sweep: &Sweep) -> bool {
    let finished = || (0..sweep.cells.len()).filter_map(|cell| sweep.outcome(cell));
    finished().any(|of| of.sharpe_annual.is_some())
        && finished().all(|of| of.sharpe.is_none() || of.sharpe_annual.is_some())
}

fn annual_error(of: &Outcome) -> Option<f64> {
    let scale = of.sharpe_annual? / of.sharpe?;
    of.sharpe_error.map(|error| error * scale)
}

/// The whole body.
pub fn sections(sweep: &Sweep, charts: &mut Vec<Value>) -> String {
    let best = sweep.best();
    let mut body = header(sweep, best.as_ref());
    if let Some(best) = &best {
        body.push_str(&cards(sweep, best));
    }
    let numbers: Vec<usize> = axes(sweep, |axis| axis.numbers.is_some());
    let words: Vec<usize> = axes(sweep, |axis| axis.numbers.is_none());
    body.push_str("<h2 id=\"settings\">Over the settings</h2>");
    body.push_str(&match (numbers.as_slice(), words.as_slice()) {
        ([over], families) => lines::sections(sweep, *over, families, charts),
        ([], [over]) => lines::sections(sweep, *over, &[], charts),
        (_, _) => maps::sections(sweep, best.map(|best| best.cell), charts),
    });
    body.push_str(&cells(sweep, best.map(|best| best.cell)));
    body.push_str(&reproduction(sweep));
    body.push_str(include_str!("sweep.html"));
    body
}

fn axes(sweep: &Sweep, chosen: fn(&Axis) -> bool) -> Vec<usize> {
    (0..sweep.axes.len()).filter(|at| chosen(&sweep.axes[*at])).collect()
}

fn header(sweep: &Sweep, best: Option<&Best>) -> String {
    let run = &sweep.run;
    let titles: Vec<&str> = sweep.axes.iter().map(|axis| axis.name.as_str()).collect();
    let failed = sweep.failures().count();
    let failures = match failed {
        0 => "none".to_owned(),
        failed => format!("<span class=\"bad\">{}</span>", count(failed as u64)),
    };
    format!(
        "<header><p class=\"kicker\">Plumb lab · sweep over a replay</p><h1>{} by {}</h1>\
         <p class=\"lead\">{}</p><dl class=\"facts\">{}</dl><nav><a href=\"#settings\">Charts</a>\
         <a href=\"#cells\">Cells</a><a href=\"#again\">Reproduce</a>\
         <a href=\"#definitions\">Definitions</a></nav></header>",
        escape(&run.strategy),
        escape(&joined(&titles)),
        verdict(sweep, best),
        facts(&[
            ("Period, UTC", period(run)),
            ("Cells", count(sweep.cells.len() as u64)),
            ("Failed", failures),
            ("Account in", escape(&run.quote)),
            ("Seed", run.seed.to_string()),
            ("Build", escape(&run.build)),
        ]),
    )
}

/// From and to, minutes UTC.
fn period(run: &crate::replay::record::Run) -> String {
    let text = |time: money::Time| minute(i64::try_from(time.millis()).unwrap_or(-1));
    format!("{} – {}", text(run.start), text(run.end))
}

/// `a, b and c`.
fn joined(names: &[&str]) -> String {
    match names {
        [] => "nothing".to_owned(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

fn verdict(sweep: &Sweep, best: Option<&Best>) -> String {
    let Some(best) = best else {
        return "No cell has a Sharpe ratio: the tape is too short, or nothing was traded.".into();
    };
    let judged = match (best.deflated, best.deflated_by_errors) {
        (all, own) if all >= 0.95 && own >= 0.95 => "more than luck, most likely",
        (_, own) if own >= 0.95 => {
            "beyond its own error, but the cells differ so much that the deflated ratio does not \
             tell it from luck"
        }
        (_, own) if own >= 0.5 => "more than luck perhaps, but not surely",
        (_, _) => "no more than luck would show",
    };
    format!(
        "The best of {} cells is {}. Counting that it was picked from so many, it is {judged}: {} \
         if all that tells the cells apart is luck, {} if luck is their standard errors.",
        count(best.trials as u64),
        escape(&sweep.setting(best.cell)),
        percent(Some(best.deflated), 1),
        percent(Some(best.deflated_by_errors), 1),
    )
}

fn cards(sweep: &Sweep, best: &Best) -> String {
    let [_, ratio] = drawn(sweep);
    let outcome = sweep.outcome(best.cell).copied().unwrap_or_default();
    let value = (ratio.value)(&outcome).unwrap_or(best.sharpe);
    let scale = if best.sharpe == 0.0 { 1.0 } else { value / best.sharpe };
    let unit = if annual(sweep) { "a year" } else { "a period" };
    let error = (ratio.error)(&outcome);
    let error = error.map_or("no error".into(), |error| format!("± {}", (ratio.show)(error)));
    let luck = format!(
        "expected of the best of {} without skill; {} from standard errors",
        best.trials,
        (ratio.show)(best.luck_by_errors * scale)
    );
    let quote = escape(&sweep.run.quote);
    let richest = sweep.richest().map_or(NONE.to_owned(), |cell| escape(&sweep.setting(cell)));
    let highest = sweep.richest().and_then(|cell| sweep.outcome(cell)).map_or(0.0, |of| of.profit);
    let alone = format!(
        "probability to be above luck; {} from standard errors, {} as if tried alone",
        percent(Some(best.deflated_by_errors), 1),
        percent(Some(best.probability), 1)
    );
    let cells = [
        card("Best Sharpe ratio", &(ratio.show)(value), unit, &error),
        card("Ratio by luck", &(ratio.show)(best.luck * scale), unit, &luck),
        card("Deflated Sharpe ratio", &number(best.deflated * 100.0, 1), "%", &alone),
        card(
            "Profit of that cell",
            &money(outcome.profit),
            &quote,
            &escape(&sweep.setting(best.cell)),
        ),
        card("Highest profit", &money(highest), &quote, &richest),
        card(
            "Cells with a profit",
            &count(won(sweep) as u64),
            &format!("of {}", count(finished(sweep) as u64)),
            "finished cells",
        ),
    ];
    format!("<div class=\"cards\">{}</div>", cells.concat())
}

fn finished(sweep: &Sweep) -> usize {
    sweep.cells.iter().filter(|cell| cell.outcome.is_ok()).count()
}

fn won(sweep: &Sweep) -> usize {
    let profit = |cell: usize| sweep.outcome(cell).is_some_and(|of| of.profit > 0.0);
    (0..sweep.cells.len()).filter(|cell| profit(*cell)).count()
}

/// What a pointer over a cell shows.
fn hover(sweep: &Sweep, cell: usize) -> String {
    let setting = escape(&sweep.setting(cell));
    let Some(of) = sweep.outcome(cell) else {
        let failure = sweep.cells[cell].outcome.as_ref().err();
        return format!("{setting}<br>{}", escape(failure.map_or("", String::as_str)));
    };
    let [_, ratio] = drawn(sweep);
    let sharpe = (ratio.value)(of).map_or(NONE.to_owned(), |value| {
        let error = (ratio.error)(of).map(|error| format!(" ± {}", (ratio.show)(error)));
        (ratio.show)(value) + &error.unwrap_or_default()
    });
    let error = of.profit_error.map_or(String::new(), |error| format!(" ± {}", money(error)));
    format!(
        "{setting}<br>profit {}{error} {}<br>{} {sharpe}<br>drawdown {}<br>{} fills, edge {} bp",
        money(of.profit),
        escape(&sweep.run.quote),
        ratio.title,
        money(of.drawdown),
        count(of.fills),
        of.edge_bp.map_or(NONE.to_owned(), |edge| number(edge, 2)),
    )
}

fn cells(sweep: &Sweep, best: Option<usize>) -> String {
    let [_, ratio] = drawn(sweep);
    let quote = escape(&sweep.run.quote);
    let titles: Vec<String> = sweep.axes.iter().map(|axis| escape(&axis.title())).collect();
    let (profit, fall) = (format!("profit, {quote}"), format!("drawdown, {quote}"));
    let mut headings: Vec<&str> = titles.iter().map(String::as_str).collect();
    headings.extend([&profit, "return", ratio.title, &fall, "fills", "edge, bp", "maker", "hits"]);
    let shown = 0..sweep.cells.len().min(LISTED);
    let rows: Vec<Vec<String>> = shown.map(|cell| row(sweep, cell, best == Some(cell))).collect();
    let more = sweep.cells.len().saturating_sub(LISTED);
    let note = match more {
        0 => "The best by Sharpe ratio is bold; ± is one standard error.".to_owned(),
        more => format!("The first {LISTED}; the file has {} more.", count(more as u64)),
    };
    format!(
        "<h2 id=\"cells\">All cells</h2>{}<p class=\"caption\">{note}</p>{}",
        table(&headings, &rows),
        failures(sweep)
    )
}

/// Why cells failed.
fn failures(sweep: &Sweep) -> String {
    const SHOWN: usize = 20;
    let rows: Vec<Vec<String>> = sweep
        .failures()
        .take(SHOWN)
        .map(|(cell, cause)| vec![escape(&sweep.setting(cell)), escape(cause)])
        .collect();
    if rows.is_empty() {
        return String::new();
    }
    let body = table(&["cell", "cause"], &rows);
    format!("<h3>Failed</h3>{}", body.replacen("<table>", "<table class=\"words\">", 1))
}

fn row(sweep: &Sweep, cell: usize, best: bool) -> Vec<String> {
    let [_, ratio] = drawn(sweep);
    let place = sweep.place(cell);
    let label = |(axis, at): (&Axis, &usize)| escape(axis.labels.get(*at).map_or("", |l| l));
    let mut row: Vec<String> = sweep.axes.iter().zip(&place).map(label).collect();
    match &sweep.cells[cell].outcome {
        Ok(of) => row.extend([
            with_error(of.profit, of.profit_error, 2),
            percent(of.total, 3),
            (ratio.value)(of).map_or(NONE.to_owned(), |value| {
                let error = (ratio.error)(of).map(|error| format!(" ± {}", (ratio.show)(error)));
                (ratio.show)(value) + &error.unwrap_or_default()
            }),
            money(of.drawdown),
            count(of.fills),
            of.edge_bp.map_or(NONE.to_owned(), |edge| number(edge, 2)),
            percent(of.maker_share, 0),
            percent(of.hit_rate, 1),
        ]),
        Err(_) => {
            row.push("<span class=\"bad\">failed</span>".to_owned());
            row.extend(std::iter::repeat_n(NONE.to_owned(), 7));
        }
    }
    if best {
        row.iter_mut().for_each(|cell| *cell = format!("<b>{cell}</b>"));
    }
    row
}

fn reproduction(sweep: &Sweep) -> String {
    format!(
        "<h2 id=\"again\">Reproduce</h2><p>The same command on the same data gives the same \
         numbers, byte for byte, on every machine and with any number of threads.</p><pre>{}</pre>",
        escape(&sweep.run.command)
    )
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
