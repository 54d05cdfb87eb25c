//! `plumb data`: market data files in and out: tables of bars and funding rates, tapes of events.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum};
use feed::{Content, Extremes, Info};

use crate::data_events::{self, Reading};
use crate::failure::{Failure, print, say};

/// Market data.
#[derive(Debug, Subcommand)]
pub enum Data {
    /// Read market data of any layout and write one file.
    ///
    /// Klines and funding rates become a Parquet table of rows, joined in order of time. Whatever
    /// holds events (tapes, hftbacktest's .npz and .npy, and what `plumb data info` knows) becomes
    /// a tape: by the name of the file one of .tape (for replays), .parquet (for polars, pandas and
    /// duckdb) and .npz or .npy (for numpy and hftbacktest). Several files are merged in the order
    /// of receipt. Every digit is kept, and memory does not grow with the length.
    #[command(after_help = IMPORT)]
    Import {
        /// Files to read.
        #[arg(required = true, value_name = "FILE")]
        inputs: Vec<PathBuf>,
        /// File to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// What to write, where the name of --out does not tell.
        #[arg(long, value_enum)]
        format: Option<Format>,
        #[command(flatten)]
        read: Reading,
    },
    /// Say what a file holds: rows or events, period, instruments, checksum.
    ///
    /// The checksum is of the rows or events, so it is the same in each layout. With --json a line
    /// of JSON for each file.
    /// Example: plumb data info data/binance-2025-10/*.gz btc.tape
    Info {
        /// Files to read.
        #[arg(required = true, value_name = "FILE")]
        inputs: Vec<PathBuf>,
        /// Print JSON, a line for each file.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        read: Reading,
    },
    /// Look for what is wrong with events: gaps, crossed books, clocks, repeats, bars, funding.
    ///
    /// One pass, whatever the length. Findings are errors (the data are wrong there), warnings (a
    /// result may be off near them) and notes; each has its count and the first places. Leaves with
    /// 1 when there are errors.
    #[command(after_help = CHECK)]
    Check {
        /// Files to read.
        #[arg(required = true, value_name = "FILE")]
        inputs: Vec<PathBuf>,
        /// Print JSON, a line for each file.
        #[arg(long)]
        json: bool,
        /// Longest time without news of an instrument's book or trades, in seconds.
        #[arg(long, value_name = "SECONDS", default_value_t = 60)]
        gap: u64,
        #[command(flatten)]
        read: Reading,
    },
    /// Write a file as CSV to the standard output.
    ///
    /// Bars and funding rates keep every digit and can be imported again. Events have the columns
    /// of the Parquet layout. Examples: plumb data export btc.parquet > btc.csv,
    /// plumb data export btc.tape | head
    Export {
        /// File to read.
        #[arg(value_name = "FILE")]
        input: PathBuf,
        #[command(flatten)]
        read: Reading,
    },
}

const IMPORT: &str = "\
Examples:
  plumb data import BTCUSDT-*.csv.gz --out btc.parquet             klines to a table
  plumb data import btc.npz --out btc.tape --symbol BTCUSDT        hftbacktest to a tape
  plumb data import book.tape trades.tape --out both.tape          merged by receipt
  plumb data import both.tape --symbol BTCUSDT --out btc.parquet   one instrument, for polars
  plumb data import x.npz --out x.tape --price-unit 0.1 --qty-unit 0.001";

const CHECK: &str = "\
Examples:
  plumb data check btc.tape
  plumb data check btc.npz --gap 5 --json | jq .findings";

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A tape, for replays.
    Tape,
    /// A tape in Parquet.
    Parquet,
    /// hftbacktest's events, packed.
    Npz,
    /// hftbacktest's events.
    Npy,
    /// A table of bars or funding rates in Parquet.
    Table,
}

/// Runs one of the commands.
pub fn run(command: Data) -> Result<ExitCode, Failure> {
    match command {
        Data::Import { inputs, out, format, read } => import(&inputs, &out, format, &read)?,
        Data::Info { inputs, json, read } => {
            for input in &inputs {
                if is_table(input) {
                    let info = feed::info(input, read.symbol())?;
                    say(&if json { as_json(input, &info) } else { text(input, &info) })?;
                } else {
                    data_events::info(input, &read, json)?;
                }
            }
        }
        Data::Check { inputs, json, gap, read } => {
            let mut sound = true;
            for input in &inputs {
                sound &= data_events::check(input, &read, gap, json)?;
            }
            return Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
        Data::Export { input, read } => {
            if !is_table(&input) {
                data_events::export(&input, &read)?;
                return Ok(ExitCode::SUCCESS);
            }
            let (table, _) = feed::open_table(&input, read.symbol())?;
            let mut bytes = Vec::new();
            feed::export_csv("standard output", &mut bytes, &table)?;
            print(&bytes)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn import(
    inputs: &[PathBuf],
    out: &Path,
    format: Option<Format>,
    read: &Reading,
) -> Result<(), Failure> {
    if inputs.iter().any(|input| is_same(input, out)) {
        let text = format!("{}: is also an input; name another file", out.display());
        return Err(Failure::Lab(text));
    }
    let tables = inputs.iter().all(|input| is_table(input));
    let named = feed::Format::of_name(out);
    let format = match format {
        Some(Format::Tape) => feed::Format::Tape,
        Some(Format::Parquet) => feed::Format::Parquet,
        Some(Format::Npz) => feed::Format::Npz,
        Some(Format::Npy) => feed::Format::Npy,
        Some(Format::Table) => return import_table(inputs, out, read),
        None if tables && matches!(named, None | Some(feed::Format::Parquet)) => {
            return import_table(inputs, out, read);
        }
        None => named.ok_or_else(|| {
            let text = "its name tells no format; end it in .tape, .parquet, .npz or .npy, or give \
                        --format";
            Failure::Lab(format!("{}: {text}", out.display()))
        })?,
    };
    data_events::import(inputs, out, format, read)
}

fn import_table(inputs: &[PathBuf], out: &Path, read: &Reading) -> Result<(), Failure> {
    let info = feed::import(inputs, read.symbol(), out)?;
    say(&text(out, &info))
}

/// Whether a file is to be read as a table: it is one, or nothing that is known.
fn is_table(path: &Path) -> bool {
    match feed::detect(path) {
        Ok(kind) => kind.content != Content::Capture,
        Err(_) => feed::Layout::detect(path).is_err(),
    }
}

/// Whether two paths name one file that exists.
fn is_same(left: &Path, right: &Path) -> bool {
    matches!((left.canonicalize(), right.canonicalize()), (Ok(left), Ok(right)) if left == right)
}

fn kind(info: &Info) -> &'static str {
    match info.content {
        Content::Bars => "bars",
        Content::Funding => "funding rates",
        Content::Capture => "capture",
    }
}

fn text(path: &Path, info: &Info) -> String {
    let missing: u64 = info.gaps.iter().map(|gap| gap.missing).sum();
    let extremes = match info.extremes {
        Extremes::Prices(low, high) => format!("prices    {low} … {high}"),
        Extremes::Rates(low, high) => format!("rates     {low} … {high}"),
    };
    let mut lines = vec![
        format!("{}: {} {}", path.display(), info.rows, kind(info)),
        format!("  period    {} … {} UTC", info.first, info.last),
        format!("  interval  {}", feed::interval_text(info.interval)),
        format!("  gaps      {} ({missing} rows missing)", info.gaps.len()),
        format!("  {extremes}"),
        format!("  checksum  {:08x} (CRC-32 of the rows, equal in every layout)", info.checksum),
    ];
    if info.rounded > 0 {
        lines.push(format!("  rounded   {} values to the decimals of their type", info.rounded));
    }
    lines.extend(info.source.iter().map(|source| format!("  source    {source}")));
    lines.join("\n")
}

fn as_json(path: &Path, info: &Info) -> String {
    let (low, high) = match info.extremes {
        Extremes::Prices(low, high) => (low.to_string(), high.to_string()),
        Extremes::Rates(low, high) => (low.to_string(), high.to_string()),
    };
    serde_json::json!({
        "file": path.display().to_string(),
        "content": kind(info),
        "rows": info.rows,
        "first_ms": info.first.millis(),
        "last_ms": info.last.millis(),
        "interval_s": info.interval.nanos() / 1_000_000_000,
        "gaps": info.gaps.len(),
        "missing": info.gaps.iter().map(|gap| gap.missing).sum::<u64>(),
        "low": low,
        "high": high,
        "rounded": info.rounded,
        "checksum": format!("{:08x}", info.checksum),
        "source": info.source,
    })
    .to_string()
}
