//! A replay, and a sweep over one, in a terminal: every mean beside its standard error.

use super::{BARS, COLUMNS, Colour, align, plain};
use lab::replay::measure::markout::{Curve, Point};
use lab::replay::measure::{Measures, counts};
use lab::replay::record::{Cause, Ledger, Record};
use lab::replay::sweep::{Outcome, Sweep};
use lab::text::{NONE, count, duration, minute, money, number, percent, with_error};
use money::Amount;
use pricing::convert::amount_f64;

/// Markets whose profit has a column of its own.
const MARKETS: usize = 3;

/// Markets whose orders are listed.
const LISTED: usize = 4;

/// Cells of a sweep that are listed.
const CELLS: usize = 24;

/// The summary of one replay.
pub fn run(record: &Record, measures: &Measures, colour: Colour) -> String {
    let blank = String::new;
    let mut parts = vec![heading(record, measures, colour), blank()];
    parts.extend(lines(record, measures));
    parts.extend([trail(record), blank(), causes(record, colour), blank(), markouts(measures)]);
    parts.extend([blank(), orders(record, measures)]);
    if !record.incidents.is_empty() {
        let told = record.incidents.len() as u64;
        parts.push(format!("incidents told in the report: {}", count(told)));
    }
    parts.join("\n") + "\n"
}

fn heading(record: &Record, measures: &Measures, colour: Colour) -> String {
    let run = &record.run;
    let counts = counts(record);
    let time = |time: money::Time| minute(i64::try_from(time.millis()).unwrap_or(-1));
    format!(
        "{}\n{} – {} UTC, {}\n{} events · {} orders · {} fills · build {}",
        colour.paint("1", &format!("{} · seed {}", run.strategy, run.seed)),
        time(run.start),
        time(run.end),
        duration(measures.length_s),
        count(counts.events),
        count(counts.orders),
        count(counts.fills),
        run.build,
    )
}

/// One line for each question.
fn lines(record: &Record, measures: &Measures) -> Vec<String> {
    let quote = &record.run.quote;
    let some = |value: Option<f64>| value.map_or(NONE.to_owned(), money);
    let performance = &measures.performance;
    let sure = measures
        .profit_error
        .filter(|error| *error > 0.0)
        .map_or("tape too short for an error".to_owned(), |error| {
            format!("± {}, {} errors", money(error), number(measures.profit / error, 1))
        });
    let fall = measures.drawdown.map_or("none".to_owned(), |fall| {
        let back = if fall.recovered_ns.is_some() { "recovered" } else { "not recovered" };
        format!("{}, {} of the peak, {back}", money(fall.depth), percent(fall.share, 2))
    });
    let trips = &measures.trips;
    let rate = trips.hit_rate.map_or(NONE.to_owned(), |rate| {
        let error = trips.hit_rate_error.map(|error| error * 100.0);
        format!("{} %", with_error(rate * 100.0, error, 1))
    });
    let bp = trips.profit_bp.map_or(NONE.into(), |bp| with_error(bp.mean, bp.error, 2));
    let edge = measures
        .flow
        .edge_bp
        .map_or(NONE.to_owned(), |edge| with_error(edge, measures.flow.edge_error_bp, 2));
    vec![
        format!("profit     {} {quote} ({sure})", money(measures.profit)),
        format!(
            "return     {} on {} {quote}, {} a year",
            percent(performance.total, 2),
            money(measures.capital),
            percent(performance.annual, 1)
        ),
        format!("Sharpe     {}", sharpe(measures)),
        format!("drawdown   {fall}"),
        format!(
            "tail       VaR 95 % {} of {}, shortfall {}, worst minute {}",
            some(performance.var_95),
            duration(performance.period_s),
            some(performance.shortfall_95),
            some(performance.worst_minute)
        ),
        format!("edge       {edge} bp of {} {quote} traded", money(measures.flow.traded)),
        format!("trips      {}: {rate} won, {bp} bp", count(trips.count as u64)),
    ]
}

fn sharpe(measures: &Measures) -> String {
    let performance = &measures.performance;
    let Some(ratio) = performance.sharpe else {
        return format!("{NONE} (fewer than 20 returns, or all alike)");
    };
    let (value, unit) = match performance.sharpe_annual {
        Some(annual) => (with_error(annual, performance.sharpe_annual_error, 1), "a year"),
        None => (with_error(ratio.ratio, Some(ratio.error), 3), "a period"),
    };
    format!(
        "{value} {unit}, above 0 with {}, {} returns of {}",
        percent(Some(ratio.probability), 1),
        count(ratio.count as u64),
        duration(performance.period_s)
    )
}

/// Profit over time from its lowest to its highest.
fn trail(record: &Record) -> String {
    let profit = |equity: &Amount| amount_f64(*equity - record.equity_start);
    let profits: Vec<f64> = record.samples.equity.iter().map(profit).collect();
    let low = profits.iter().copied().fold(f64::INFINITY, f64::min);
    let high = profits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    if low >= high {
        return "path       flat".to_owned();
    }
    let bar = |bucket: &[f64]| {
        let last = bucket.last().copied().unwrap_or(low);
        let step = ((last - low) / (high - low) * (BARS.len() - 1) as f64).round();
        BARS.get(step as usize).copied().unwrap_or(' ')
    };
    let size = profits.len().div_ceil(COLUMNS).max(1);
    let path: String = profits.chunks(size).map(bar).collect();
    format!("path       {path} {} … {}", money(low), money(high))
}

fn causes(record: &Record, colour: Colour) -> String {
    let sum = record.ledger();
    let shown: Vec<_> = record.markets.iter().take(MARKETS).collect();
    let mut headings = vec![format!("P&L, {}", record.run.quote)];
    headings.extend(shown.iter().map(|market| market.name.clone()));
    headings.extend(["account".to_owned(), "all".to_owned()]);
    let mut table = plain(&headings);
    let row = |label: &str, of: &dyn Fn(&Ledger) -> Amount| {
        let cell = |ledger: &Ledger| match of(ledger) {
            Amount::ZERO => NONE.to_owned(),
            amount => money(amount_f64(amount)),
        };
        let mut row = vec![label.to_owned()];
        row.extend(shown.iter().map(|market| cell(&market.ledger)));
        row.extend([cell(&record.account), cell(&sum)]);
        row
    };
    for cause in Cause::ALL.into_iter().filter(|cause| !sum.part(*cause).is_zero()) {
        table.add_row(row(cause.name(), &|ledger| ledger.part(cause)));
    }
    table.add_row(row("sum", &Ledger::total));
    align(&mut table, 1);
    let verdict = match record.check() {
        Ok(()) => format!(
            "{}: {} to the last unit",
            colour.paint("32", "sum = change of equity"),
            record.profit()
        ),
        Err(imbalance) => colour.paint("1;31", &imbalance.to_string()),
    };
    format!("{table}\n{verdict}")
}

fn markouts(measures: &Measures) -> String {
    let mut headings = vec!["markout, bp".to_owned()];
    headings.extend(measures.maker.points.iter().map(|point| match point.horizon_s {
        0.0 => "at fill".to_owned(),
        seconds => format!("{seconds} s"),
    }));
    headings.extend(["fee".to_owned(), "fills".to_owned()]);
    let mut table = plain(&headings);
    let cell = |point: &Point| {
        point.markout_bp.map_or(NONE.into(), |mean| with_error(mean.mean, mean.error, 2))
    };
    for (name, curve) in [("maker", &measures.maker), ("taker", &measures.taker)] {
        let Curve { fills, notional: _, fee_bp, points } = curve;
        let mut row = vec![name.to_owned()];
        row.extend(points.iter().map(cell));
        row.push(fee_bp.map_or(NONE.to_owned(), |fee| number(fee, 2)));
        row.push(count(*fills as u64));
        table.add_row(row);
    }
    align(&mut table, 1);
    table.to_string()
}

fn orders(record: &Record, measures: &Measures) -> String {
    let headings = [
        "market",
        "orders",
        "filled",
        "fills",
        "msg/fill",
        "maker",
        "turnover",
        "edge, bp",
        "of volume",
        "capacity",
    ];
    let mut table = plain(&headings.map(str::to_owned));
    for (market, measured) in record.markets.iter().zip(&measures.markets).take(LISTED) {
        let (flow, capacity) = (&measured.flow, &measured.capacity);
        let some = |value: Option<f64>, decimals| {
            value.map_or(NONE.to_owned(), |value: f64| number(value, decimals))
        };
        table.add_row(vec![
            market.name.clone(),
            count(market.counts.orders),
            percent(flow.orders_filled, 1),
            count(market.counts.fills),
            some(flow.messages_per_fill, 1),
            percent(flow.maker_share, 0),
            some(flow.turnover_day, 2),
            some(flow.edge_bp, 2),
            percent(capacity.participation, 2),
            capacity.break_even_day.map_or(NONE.to_owned(), money),
        ]);
    }
    align(&mut table, 1);
    let more = record.markets.len().saturating_sub(LISTED);
    let more = if more > 0 { format!("; {more} more markets") } else { String::new() };
    format!("{table}\nturnover: × equity a day; capacity: {} a day{more}", record.run.quote)
}

/// The summary of a sweep.
pub fn sweep(sweep: &Sweep, colour: Colour) -> String {
    let failed = sweep.failures().count() as u64;
    let title = format!("{} · {} cells", sweep.run.strategy, count(sweep.cells.len() as u64));
    let mut parts = vec![colour.paint("1", &title)];
    match sweep.best() {
        Some(best) => parts.push(format!(
            "best       {}\ndeflated   {}: its Sharpe ratio {} a period against {} by luck of {} \
             trials\n           {} with luck from standard errors, {} as if tried alone",
            sweep.setting(best.cell),
            percent(Some(best.deflated), 1),
            number(best.sharpe, 3),
            number(best.luck, 3),
            count(best.trials as u64),
            percent(Some(best.deflated_by_errors), 1),
            percent(Some(best.probability), 1),
        )),
        None => parts.push("no cell has a Sharpe ratio: tape too short or no trades".to_owned()),
    }
    if failed > 0 {
        parts.push(colour.paint("1;31", &format!("cells failed: {}", count(failed))));
        let causes = sweep.failures().take(3);
        parts.extend(causes.map(|(cell, cause)| format!("  {}: {cause}", sweep.setting(cell))));
    }
    parts.extend([String::new(), cells(sweep)]);
    parts.join("\n") + "\n"
}

/// All cells, or the best of them.
fn cells(sweep: &Sweep) -> String {
    let mut finished: Vec<(usize, &Outcome)> =
        (0..sweep.cells.len()).filter_map(|cell| Some((cell, sweep.outcome(cell)?))).collect();
    let more = finished.len().saturating_sub(CELLS);
    if more > 0 {
        let ratio = |of: &Outcome| of.sharpe.unwrap_or(f64::NEG_INFINITY);
        finished.sort_by(|a, b| ratio(b.1).total_cmp(&ratio(a.1)));
        finished.truncate(CELLS);
    }
    let mut headings: Vec<String> = sweep.axes.iter().map(|axis| axis.title()).collect();
    let profit = format!("profit, {}", sweep.run.quote);
    headings.extend([profit, "Sharpe".into(), "drawdown".into(), "fills".into(), "edge".into()]);
    let mut table = plain(&headings);
    for (cell, of) in finished {
        let label = |(axis, at): (&lab::replay::sweep::Axis, usize)| axis.labels[at].clone();
        let mut row: Vec<String> = sweep.axes.iter().zip(sweep.place(cell)).map(label).collect();
        let sharpe = of.sharpe.map_or(NONE.into(), |ratio| with_error(ratio, of.sharpe_error, 3));
        row.extend([
            with_error(of.profit, of.profit_error, 2),
            sharpe,
            money(of.drawdown),
            count(of.fills),
            of.edge_bp.map_or(NONE.to_owned(), |edge| number(edge, 2)),
        ]);
        table.add_row(row);
    }
    align(&mut table, sweep.axes.len());
    let note = match more {
        0 => "± one standard error; Sharpe of a period".to_owned(),
        more => format!("the best of {} by Sharpe ratio; ± one standard error", more + CELLS),
    };
    format!("{table}\n{note}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
