//! `plumb data`: market data files in and out of Parquet.

use std::path::PathBuf;

use clap::Subcommand;
use feed::{Content, Extremes, Info};

use crate::failure::{Failure, print, say};

/// Market data.
#[derive(Debug, Subcommand)]
pub enum Data {
    /// Read klines or funding rates (CSV, gzip or Parquet) and write one Parquet file.
    ///
    /// Several inputs of one kind are joined in order of time. Prices are kept to the last digit,
    /// as decimals of eight places. Example: plumb data import BTCUSDT-*.csv.gz --out btc.parquet
    Import {
        /// Files to read.
        #[arg(required = true, value_name = "FILE")]
        inputs: Vec<PathBuf>,
        /// File to write.
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// The symbol to take from a funding file that holds several.
        #[arg(long)]
        symbol: Option<String>,
    },
    /// Say what a file holds: rows, period, interval, gaps, extremes, checksum.
    ///
    /// Klines and funding rates in the exchange's layout (CSV, gzip) or as Parquet. The checksum
    /// is of the rows, so it is the same in each layout. With --json a line of JSON for each file.
    /// Example: plumb data info data/binance-2025-10/*.gz
    Info {
        /// Files to read.
        #[arg(required = true, value_name = "FILE")]
        inputs: Vec<PathBuf>,
        /// The symbol to take from a funding file that holds several.
        #[arg(long)]
        symbol: Option<String>,
        /// Print JSON, a line for each file.
        #[arg(long)]
        json: bool,
    },
    /// Write a file of bars or funding rates as CSV to the standard output.
    ///
    /// Prices keep every digit, and what is written can be imported again.
    /// Example: plumb data export btc.parquet > btc.csv
    Export {
        /// File to read.
        #[arg(value_name = "FILE")]
        input: PathBuf,
        /// The symbol to take from a funding file that holds several.
        #[arg(long)]
        symbol: Option<String>,
    },
}

/// Runs one of the commands.
pub fn run(command: Data) -> Result<(), Failure> {
    match command {
        Data::Import { inputs, out, symbol } => {
            if inputs.iter().any(|input| is_same(input, &out)) {
                let text = format!("{}: is also an input; name another file", out.display());
                return Err(Failure::Lab(text));
            }
            let info = feed::import(&inputs, symbol.as_deref(), &out)?;
            say(&text(&out, &info))?;
        }
        Data::Info { inputs, symbol, json } => {
            for input in &inputs {
                let info = feed::info(input, symbol.as_deref())?;
                say(&if json { as_json(input, &info) } else { text(input, &info) })?;
            }
        }
        Data::Export { input, symbol } => {
            let (table, _) = feed::open_table(&input, symbol.as_deref())?;
            let mut bytes = Vec::new();
            feed::export_csv("standard output", &mut bytes, &table)?;
            print(&bytes)?;
        }
    }
    Ok(())
}

/// Whether two paths name one file that exists.
fn is_same(left: &std::path::Path, right: &std::path::Path) -> bool {
    matches!((left.canonicalize(), right.canonicalize()), (Ok(left), Ok(right)) if left == right)
}

fn kind(info: &Info) -> &'static str {
    match info.content {
        Content::Bars => "bars",
        Content::Funding => "funding rates",
        Content::Capture => "capture",
    }
}

fn text(path: &std::path::Path, info: &Info) -> String {
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

fn as_json(path: &std::path::Path, info: &Info) -> String {
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
