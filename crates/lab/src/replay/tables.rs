//! A replay and a sweep as files: Parquet for analysis, JSON for programs.
//!
//! | file | rows | columns |
//! |---|---|---|
//! | `fills.parquet` | one a fill | what, when, at which price and fee, markouts |
//! | `equity.parquet` | one a sample | time, equity, drawdown |
//! | `positions.parquet` | one a sample and market | time, market, position, mid, mark |
//! | `markets.parquet` | one a market | counts of orders and fills, profit by cause |
//! | `summary.json` | one | what was run on what, exact ledger, every measure |
//! | `cells.parquet` | one a cell of a sweep | settings, outcome, failure |
//! | `sweep.json` | one | the same with axes and the best cell |
//!
//! Times are nanoseconds UTC. Columns of money are the floats nearest to the exact amounts, which
//! are exact themselves below 90 million; JSON has every amount as an exact decimal in a string. An
//! undefined number is `NaN` in Parquet and `null` in JSON. Same record, same bytes.

use super::measure::Measures;
use super::record::{Cause, Counts, DataFile, HORIZONS, Imbalance, Ledger, Market, Record, Run};
use super::sweep::{Axis, Best, Outcome, Sweep};
use crate::table::{Column, TableError, create, write_json, write_table};
use money::Amount;
use pricing::convert::{amount_f64, price_f64, qty_f64};
use protocol::ids::Side;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Writes all tables of a run and its summary into a folder, and names the files.
///
/// # Errors
/// Names the file that could not be written and why.
pub fn write_all(
    folder: &Path,
    record: &Record,
    measures: &Measures,
) -> Result<Vec<PathBuf>, TableError> {
    create(folder)?;
    let paths = ["fills", "equity", "positions", "markets"]
        .map(|name| folder.join(format!("{name}.parquet")));
    write_fills(&paths[0], record)?;
    write_equity(&paths[1], record)?;
    write_positions(&paths[2], record)?;
    write_markets(&paths[3], record)?;
    let summary = folder.join("summary.json");
    write_json(&summary, &Summary::of(record, measures))?;
    Ok(paths.into_iter().chain([summary]).collect())
}

/// Writes the cells of a sweep and their summary into a folder, and names the files.
///
/// # Errors
/// Names the file that could not be written and why.
pub fn write_sweep(folder: &Path, sweep: &Sweep) -> Result<Vec<PathBuf>, TableError> {
    create(folder)?;
    let (cells, summary) = (folder.join("cells.parquet"), folder.join("sweep.json"));
    write_cells(&cells, sweep)?;
    write_json(&summary, &SweepSummary::of(sweep))?;
    Ok(vec![cells, summary])
}

fn write_fills(path: &Path, record: &Record) -> Result<(), TableError> {
    let fills = &record.fills;
    let name = |market: &u16| record.markets[usize::from(*market)].name.as_str();
    let side = |side: &Side| match side {
        Side::Buy => "buy",
        Side::Sell => "sell",
    };
    let mid = |mid: &money::Price| if mid.is_zero() { f64::NAN } else { price_f64(*mid) };
    let mut columns = vec![
        ("time".to_owned(), Column::Nanos(fills.time.iter().map(|time| nanos(*time)).collect())),
        ("market".to_owned(), Column::Text(fills.market.iter().map(name).collect())),
        ("side".to_owned(), Column::Text(fills.side.iter().map(side).collect())),
        ("maker".to_owned(), Column::Flag(&fills.maker)),
        computed("price", fills.price.iter().map(|price| price_f64(*price))),
        computed("qty", fills.qty.iter().map(|qty| qty_f64(*qty))),
        computed("fee", fills.fee.iter().map(|fee| amount_f64(*fee))),
        computed("mid", fills.mid.iter().map(mid)),
        (
            "client".to_owned(),
            Column::Count(fills.client.iter().map(|client| client.0.cast_signed()).collect()),
        ),
    ];
    for (horizon, markouts) in HORIZONS.iter().zip(&fills.markout_bp) {
        let millis = horizon.nanos() / 1_000_000;
        columns.push((format!("markout_{millis}ms_bp"), Column::Single(markouts)));
    }
    write_table(path, "fills", &columns)
}

fn write_equity(path: &Path, record: &Record) -> Result<(), TableError> {
    let samples = &record.samples;
    let mut highest = Amount::from_raw(i128::MIN);
    let fall = |equity: &Amount| {
        highest = highest.max(*equity);
        amount_f64(*equity - highest)
    };
    let columns = [
        ("time".to_owned(), Column::Nanos(samples.time.iter().map(|time| nanos(*time)).collect())),
        computed("equity", samples.equity.iter().map(|equity| amount_f64(*equity))),
        computed("drawdown", samples.equity.iter().map(fall)),
    ];
    write_table(path, "equity", &columns)
}

fn write_positions(path: &Path, record: &Record) -> Result<(), TableError> {
    let samples = &record.samples;
    let times = record.markets.iter().flat_map(|_| samples.time.iter().map(|time| nanos(*time)));
    let names = record.markets.iter().flat_map(|m| samples.time.iter().map(|_| m.name.as_str()));
    let seen = || samples.markets.iter().flatten();
    let price = |price: money::Price| if price.is_zero() { f64::NAN } else { price_f64(price) };
    let columns = [
        ("time".to_owned(), Column::Nanos(times.collect())),
        ("market".to_owned(), Column::Text(names.collect())),
        computed("position", seen().map(|seen| qty_f64(seen.position))),
        computed("mid", seen().map(|seen| price(seen.mid))),
        computed("mark", seen().map(|seen| price(seen.mark))),
    ];
    write_table(path, "positions", &columns)
}

fn write_markets(path: &Path, record: &Record) -> Result<(), TableError> {
    let markets = &record.markets;
    let text = |of: fn(&Market) -> &str| Column::Text(markets.iter().map(of).collect());
    let mut columns = vec![
        ("market".to_owned(), text(|market| &market.name)),
        ("venue".to_owned(), text(|market| &market.venue)),
        ("kind".to_owned(), text(|market| market.kind.name())),
    ];
    let count = |name: &str, of: fn(&Counts) -> u64| {
        let values = markets.iter().map(|market| of(&market.counts).cast_signed());
        (name.to_owned(), Column::Count(values.collect()))
    };
    columns.extend([
        count("events", |counts| counts.events),
        count("trades", |counts| counts.trades),
        count("orders", |counts| counts.orders),
        count("orders_filled", |counts| counts.orders_filled),
        count("cancels", |counts| counts.cancels),
        count("refused", |counts| counts.refused),
        count("fills", |counts| counts.fills),
    ]);
    let amount = |name: &str, of: fn(&Counts) -> Amount| {
        computed(name, markets.iter().map(|market| amount_f64(of(&market.counts))))
    };
    columns.extend([
        amount("volume", |counts| counts.volume),
        amount("ordered", |counts| counts.ordered),
        amount("filled", |counts| counts.filled),
        amount("maker", |counts| counts.maker),
        amount("taker", |counts| counts.taker),
    ]);
    columns.extend(Cause::ALL.map(|cause| {
        let name = cause.name().replace(' ', "_");
        computed(&name, markets.iter().map(|market| amount_f64(market.ledger.part(cause))))
    }));
    write_table(path, "markets", &columns)
}

fn write_cells(path: &Path, sweep: &Sweep) -> Result<(), TableError> {
    let cells = || 0..sweep.cells.len();
    let mut columns = Vec::new();
    for (at, axis) in sweep.axes.iter().enumerate() {
        let name = column_name(&axis.name);
        let place = |cell: usize| sweep.place(cell)[at];
        columns.push(match &axis.numbers {
            Some(numbers) => computed(&name, cells().map(|cell| numbers[place(cell)])),
            None => {
                let labels = cells().map(|cell| axis.labels[place(cell)].as_str());
                (name, Column::Text(labels.collect()))
            }
        });
    }
    let number = |name: &str, of: fn(&Outcome) -> Option<f64>| {
        let value = |cell| sweep.outcome(cell).and_then(of).unwrap_or(f64::NAN);
        computed(name, cells().map(value))
    };
    columns.extend([
        number("profit", |of| Some(of.profit)),
        number("profit_error", |of| of.profit_error),
        number("total", |of| of.total),
        number("sharpe", |of| of.sharpe),
        number("sharpe_error", |of| of.sharpe_error),
        number("sharpe_annual", |of| of.sharpe_annual),
        number("period_s", |of| Some(of.period_s)),
        number("periods", |of| Some(of.periods as f64)),
        number("skew", |of| of.skew),
        number("kurtosis", |of| of.kurtosis),
        number("drawdown", |of| Some(of.drawdown)),
        number("fills", |of| Some(of.fills as f64)),
        number("traded", |of| Some(of.traded)),
        number("edge_bp", |of| of.edge_bp),
        number("maker_share", |of| of.maker_share),
        number("hit_rate", |of| of.hit_rate),
        number("fees", |of| Some(of.fees)),
    ]);
    let failure = |cell: usize| sweep.cells[cell].outcome.as_ref().err().map_or("", String::as_str);
    columns.push(("failure".to_owned(), Column::Text(cells().map(failure).collect())));
    write_table(path, "cells", &columns)
}

/// A setting's name as a column: what is no letter or digit becomes `_`, and it cannot be mistaken
/// for a column of the outcome.
fn column_name(name: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    format!("set_{}", name.chars().map(safe).collect::<String>())
}

fn computed<'a>(name: &str, values: impl Iterator<Item = f64>) -> (String, Column<'a>) {
    (name.to_owned(), Column::Computed(values.collect()))
}

fn nanos(time: money::Time) -> i64 {
    i64::try_from(time.nanos()).unwrap_or(i64::MAX) // after the year 2262
}

/// A name and its value.
#[derive(Serialize)]
struct Named {
    name: String,
    value: String,
}

fn named(pairs: &[(String, String)]) -> Vec<Named> {
    pairs.iter().map(|(name, value)| Named { name: name.clone(), value: value.clone() }).collect()
}

/// A ledger by the names of its causes, with their sum.
fn ledger(ledger: &Ledger) -> Vec<Named> {
    let part =
        |cause: Cause| Named { name: cause.name().into(), value: ledger.part(cause).to_string() };
    let total = Named { name: "total".into(), value: ledger.total().to_string() };
    Cause::ALL.into_iter().map(part).chain([total]).collect()
}

/// What was run.
#[derive(Serialize)]
struct RunSummary<'a> {
    strategy: &'a str,
    parameters: Vec<Named>,
    models: Vec<Named>,
    seed: u64,
    build: &'a str,
    command: &'a str,
    quote: &'a str,
    start: String,
    end: String,
    start_ns: u64,
    end_ns: u64,
    files: Vec<FileSummary<'a>>,
}

#[derive(Serialize)]
struct FileSummary<'a> {
    path: &'a str,
    checksum: &'a str,
    bytes: u64,
    events: u64,
}

impl<'a> RunSummary<'a> {
    fn of(run: &'a Run) -> RunSummary<'a> {
        let file = |file: &'a DataFile| FileSummary {
            path: &file.path,
            checksum: &file.checksum,
            bytes: file.bytes,
            events: file.events,
        };
        RunSummary {
            strategy: &run.strategy,
            parameters: named(&run.parameters),
            models: named(&run.models),
            seed: run.seed,
            build: &run.build,
            command: &run.command,
            quote: &run.quote,
            start: run.start.to_string(),
            end: run.end.to_string(),
            start_ns: run.start.nanos(),
            end_ns: run.end.nanos(),
            files: run.files.iter().map(file).collect(),
        }
    }
}

/// A run without its columns, with its measures.
#[derive(Serialize)]
struct Summary<'a> {
    run: RunSummary<'a>,
    equity_start: String,
    equity_end: String,
    profit: String,
    balanced: bool,
    imbalance: Option<String>,
    ledger: Vec<Named>,
    ledger_account: Vec<Named>,
    markets: Vec<MarketSummary<'a>>,
    sample_s: f64,
    samples: usize,
    fills: usize,
    fills_dropped: u64,
    incidents: Vec<IncidentSummary<'a>>,
    measures: &'a Measures,
}

#[derive(Serialize)]
struct MarketSummary<'a> {
    name: &'a str,
    venue: &'a str,
    kind: &'static str,
    tick: String,
    lot: String,
    counts: CountSummary,
    ledger: Vec<Named>,
}

#[derive(Serialize)]
struct CountSummary {
    events: u64,
    trades: u64,
    volume: String,
    orders: u64,
    ordered: String,
    orders_filled: u64,
    cancels: u64,
    refused: u64,
    fills: u64,
    filled: String,
    maker: String,
    taker: String,
}

#[derive(Serialize)]
struct IncidentSummary<'a> {
    time: String,
    market: Option<&'a str>,
    text: &'a str,
}

impl<'a> Summary<'a> {
    fn of(record: &'a Record, measures: &'a Measures) -> Summary<'a> {
        let name = |market: u16| record.markets[usize::from(market)].name.as_str();
        let incidents = record.incidents.iter().map(|incident| IncidentSummary {
            time: incident.time.to_string(),
            market: incident.market.map(name),
            text: &incident.text,
        });
        let imbalance: Option<Imbalance> = record.check().err();
        Summary {
            run: RunSummary::of(&record.run),
            equity_start: record.equity_start.to_string(),
            equity_end: record.equity_end.to_string(),
            profit: record.profit().to_string(),
            balanced: imbalance.is_none(),
            imbalance: imbalance.map(|imbalance| imbalance.to_string()),
            ledger: ledger(&record.ledger()),
            ledger_account: ledger(&record.account),
            markets: record.markets.iter().map(MarketSummary::of).collect(),
            sample_s: record.samples.step.nanos() as f64 / 1e9,
            samples: record.samples.len(),
            fills: record.fills.len(),
            fills_dropped: record.fills.dropped,
            incidents: incidents.collect(),
            measures,
        }
    }
}

impl<'a> MarketSummary<'a> {
    fn of(market: &'a Market) -> MarketSummary<'a> {
        let counts = &market.counts;
        MarketSummary {
            name: &market.name,
            venue: &market.venue,
            kind: market.kind.name(),
            tick: market.tick.to_string(),
            lot: market.lot.to_string(),
            counts: CountSummary {
                events: counts.events,
                trades: counts.trades,
                volume: counts.volume.to_string(),
                orders: counts.orders,
                ordered: counts.ordered.to_string(),
                orders_filled: counts.orders_filled,
                cancels: counts.cancels,
                refused: counts.refused,
                fills: counts.fills,
                filled: counts.filled.to_string(),
                maker: counts.maker.to_string(),
                taker: counts.taker.to_string(),
            },
            ledger: ledger(&market.ledger),
        }
    }
}

#[derive(Serialize)]
struct SweepSummary<'a> {
    run: RunSummary<'a>,
    axes: &'a [Axis],
    best: Option<Best>,
    richest: Option<usize>,
    cells: Vec<CellSummary<'a>>,
}

#[derive(Serialize)]
struct CellSummary<'a> {
    setting: String,
    place: Vec<usize>,
    outcome: Option<&'a Outcome>,
    failure: Option<&'a str>,
}

impl<'a> SweepSummary<'a> {
    fn of(sweep: &'a Sweep) -> SweepSummary<'a> {
        let cell = |at: usize| CellSummary {
            setting: sweep.setting(at),
            place: sweep.place(at),
            outcome: sweep.outcome(at),
            failure: sweep.cells[at].outcome.as_ref().err().map(String::as_str),
        };
        SweepSummary {
            run: RunSummary::of(&sweep.run),
            axes: &sweep.axes,
            best: sweep.best(),
            richest: sweep.richest(),
            cells: (0..sweep.cells.len()).map(cell).collect(),
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
