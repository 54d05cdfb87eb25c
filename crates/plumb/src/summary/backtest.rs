//! What a back-test, a sweep and the list of strategies say in a terminal.

use lab::replay::measure::{self, Measures};
use lab::replay::record::{Cause, Record};
use lab::replay::setup::Setup;
use lab::replay::setup::trader::Class;
use lab::replay::sweep::{Outcome, Sweep};
use lab::text::{NONE, count, number};
use pricing::convert::{amount_f64, qty_f64};

use super::{Colour, align, plain};

/// Most cells of a sweep that are listed; the file has them all.
const LISTED: usize = 40;

/// Every strategy in a line.
pub fn strategies() -> String {
    let mut table = plain(&["strategy".into(), "trades".into(), "what it does".into()]);
    for class in Class::ALL {
        let parts = class.parts().join(", ");
        let parts = if parts.is_empty() { NONE.to_owned() } else { parts };
        table.add_row([class.name().to_owned(), parts, class.help().to_owned()]);
    }
    align(&mut table, 9);
    format!("{table}\n\nParameters of one: plumb desk strategies NAME\n")
}

/// One strategy with its parameters.
pub fn strategy(class: Class) -> String {
    let headings = ["key", "values", "default", "meaning"].map(str::to_owned);
    let mut table = plain(&headings);
    for parameter in class.parameters() {
        let (name, help) = (parameter.name.to_owned(), parameter.help.to_owned());
        table.add_row([name, parameter.range, parameter.default, help]);
    }
    align(&mut table, 9);
    let parts = match class.parts() {
        [] => String::new(),
        parts => format!("\nTrades, by their part: {}", parts.join(", ")),
    };
    format!("{} {}{parts}\n\n{table}\n", class.name(), class.help())
}

/// What would run.
pub fn check(setup: &Setup, cells: usize) -> String {
    let mut lines = vec![format!("{}, seed {}", setup.name, setup.seed)];
    if !setup.description.is_empty() {
        lines.push(setup.description.clone());
    }
    lines.extend(setup.notes.iter().map(|note| format!("  {note}")));
    let parts = setup.trader.class().parts();
    for (part, market) in parts.iter().zip(&setup.trades) {
        lines.push(format!("  {part}: {}", setup.markets[*market].name));
    }
    let pairs = setup.models.iter().chain(&setup.parameters);
    lines.extend(pairs.map(|(name, value)| format!("  {name:<26} {value}")));
    if cells > 1 {
        lines.push(format!("{cells} cells, of which this is the first"));
    }
    lines.join("\n") + "\n"
}

/// The summary of one run that took so many seconds.
pub fn run(record: &Record, measures: &Measures, took_s: f64, colour: Colour) -> String {
    let run = &record.run;
    let counts = measure::counts(record);
    let quote = &run.quote;
    let title = format!("{} · seed {}", run.strategy, run.seed);
    let rate = counts.events as f64 / took_s.max(1e-9) / 1e6;
    let period = format!("{} … {} UTC", run.start, run.end);
    let mut lines = vec![colour.paint("1", &title), period];
    lines.extend(run.models.iter().map(|(part, model)| format!("  {part:<12} {model}")));
    lines.push(String::new());
    lines.push(format!("{} {quote}", profit(measures)));
    for cause in Cause::ALL {
        let amount = record.ledger().part(cause);
        if !amount.is_zero() {
            lines.push(format!("  {:<20}{:>16}", cause.name(), number(amount_f64(amount), 2)));
        }
    }
    lines.push(String::new());
    lines.push(markets(record, measures));
    lines.push(String::new());
    lines.push(risk(measures));
    for incident in record.incidents.iter().take(5) {
        lines.push(format!("{} {}", incident.time, incident.text));
    }
    let events = count(counts.events);
    lines.push(format!("{events} events in {took_s:.1} s ({rate:.1} M/s)"));
    lines.join("\n")
}

fn profit(measures: &Measures) -> String {
    let error = measures.profit_error.map_or(String::new(), |it| format!(" ± {}", number(it, 2)));
    let share = measures.performance.total.map(|total| format!(" ({} %)", number(total * 1e2, 3)));
    format!("profit {}{error}{}", number(measures.profit, 2), share.unwrap_or_default())
}

fn markets(record: &Record, measures: &Measures) -> String {
    let headings =
        ["market", "profit", "fills", "orders", "cancels", "refused", "traded", "edge bp", "held"];
    let mut table = plain(&headings.map(str::to_owned));
    for (market, measured) in record.markets.iter().zip(&measures.markets) {
        let counts = market.counts;
        let at = record.markets.iter().position(|other| other.name == market.name);
        let held = at.and_then(|at| record.samples.markets[at].last());
        table.add_row([
            market.name.clone(),
            number(measured.profit, 2),
            count(counts.fills),
            count(counts.orders),
            count(counts.cancels),
            count(counts.refused),
            number(measured.flow.traded, 0),
            some(measured.flow.edge_bp, 3),
            held.map_or(NONE.to_owned(), |seen| number(qty_f64(seen.position), 4)),
        ]);
    }
    align(&mut table, 1);
    table.to_string()
}

fn risk(measures: &Measures) -> String {
    let drawdown = measures.drawdown.map_or(0.0, |drawdown| drawdown.depth);
    let sharpe = measures.performance.sharpe.map(|sharpe| sharpe.ratio);
    let maker = measures.flow.maker_share.map(|share| share * 100.0);
    format!(
        "drawdown {} · Sharpe {} in {} s · resting {} % of {} traded",
        number(drawdown, 2),
        some(sharpe, 3),
        number(measures.performance.period_s, 0),
        some(maker, 1),
        number(measures.flow.traded, 0)
    )
}

fn some(value: Option<f64>, decimals: usize) -> String {
    value.map_or(NONE.to_owned(), |value| number(value, decimals))
}

/// The cells of a sweep: in the order of the grid, or the most profitable of many.
pub fn sweep(sweep: &Sweep, colour: Colour) -> String {
    let cells = sweep.cells.len();
    let mut shown: Vec<usize> = (0..cells).collect();
    if cells > LISTED {
        let profit = |cell: &usize| sweep.outcome(*cell).map_or(f64::MIN, |it| it.profit);
        shown.sort_by(|a, b| profit(b).total_cmp(&profit(a)).then(a.cmp(b)));
        shown.truncate(LISTED);
    }
    let mut headings: Vec<String> = sweep.axes.iter().map(|axis| axis.title()).collect();
    let measured = ["profit", "±", "Sharpe", "drawdown", "fills", "edge bp", "resting %"];
    headings.extend(measured.map(str::to_owned));
    let mut table = plain(&headings);
    for cell in &shown {
        let place = sweep.place(*cell);
        let mut row: Vec<String> =
            sweep.axes.iter().zip(place).map(|(axis, at)| axis.labels[at].clone()).collect();
        row.extend(sweep.outcome(*cell).map_or_else(failed, outcome));
        table.add_row(row);
    }
    align(&mut table, 0);
    let title = colour.paint("1", &format!("{} · {cells} cells", sweep.run.strategy));
    let mut lines = vec![title, table.to_string()];
    if cells > LISTED {
        lines.push(format!("The {LISTED} most profitable of {cells}; the files have all."));
    }
    if let Some(best) = sweep.best() {
        lines.push(format!(
            "Best Sharpe at {}: the chance that it is more than luck of {} tries is {} %.",
            sweep.setting(best.cell),
            best.trials,
            number(best.deflated * 100.0, 1)
        ));
    }
    lines.join("\n")
}

fn outcome(outcome: &Outcome) -> [String; 7] {
    [
        number(outcome.profit, 2),
        some(outcome.profit_error, 2),
        some(outcome.sharpe, 3),
        number(outcome.drawdown, 2),
        count(outcome.fills),
        some(outcome.edge_bp, 3),
        some(outcome.maker_share.map(|share| share * 100.0), 1),
    ]
}

fn failed() -> [String; 7] {
    let mut row = [const { String::new() }; 7];
    row[0] = "failed".to_owned();
    row
}
