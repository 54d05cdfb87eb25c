//! Recorded prices of a hedge: spot, perpetual and funding on one grid of closes.
//!
//! A folder of bars holds `{ASSET}USDT-{spot,perp}-{step}.csv.gz` and `{ASSET}USDT-funding-*`.
//! Folders are given finest first: a later one only continues what the earlier ones have not. A bar
//! opened at T gives its close at the end of its interval, so a price is used when it is known.

use std::path::{Path, PathBuf};

use feed::{Bar, Funding, Series};
use money::{Price, Rate, Span, Time};

use super::Refusal;

/// One close of spot and perpetual.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Close {
    /// When the bars ended.
    pub time: Time,
    /// Spot, the index of the options.
    pub spot: Price,
    /// Perpetual.
    pub perp: Price,
    /// Length of the bars.
    pub step: Span,
}

/// Prices and funding of one asset in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tape {
    /// The asset, as `BTC`.
    pub asset: String,
    /// Closes, strictly ascending in time.
    pub closes: Vec<Close>,
    /// Settled funding rates, strictly ascending in time.
    pub funding: Vec<Funding>,
}

impl Tape {
    /// Reads an asset from one folder of bars.
    pub fn load(asset: &str, folder: &Path) -> Result<Tape, Refusal> {
        let (spot, perp) = (bars(folder, asset, "spot")?, bars(folder, asset, "perp")?);
        if spot.interval != perp.interval {
            let text = [spot.interval, perp.interval].map(feed::interval_text);
            let [spot, perp] = text;
            return Err(Refusal::Steps(folder.to_owned(), spot, perp));
        }
        let funding = feed::open_funding(find(folder, asset, "funding")?)?.rows;
        let closes = closes(&spot, &perp);
        match closes.is_empty() {
            true => Err(Refusal::NoPrices(folder.to_owned())),
            false => Ok(Tape { asset: asset.to_owned(), closes, funding }),
        }
    }

    /// One tape of several, finest first: each continues with what lies behind the one before.
    pub fn join(tapes: &[Tape]) -> Tape {
        let asset = tapes.first().map_or_else(String::new, |tape| tape.asset.clone());
        let mut joined = Tape { asset, closes: Vec::new(), funding: Vec::new() };
        for tape in tapes {
            let end = joined.closes.last().map(|close| close.time);
            let behind = |close: &&Close| end.is_none_or(|end| close.time > end);
            joined.closes.extend(tape.closes.iter().filter(behind));
            let settled = joined.funding.last().map(|funding| funding.time);
            // Settlements come up to seconds late, and in two files not by the same.
            let fresh = |row: &&Funding| {
                settled.is_none_or(|settled| row.time.since(settled) > Span::MINUTE)
            };
            joined.funding.extend(tape.funding.iter().filter(fresh));
        }
        joined
    }

    /// The closes of a stretch of time, both ends included.
    pub fn between(&self, start: Time, end: Time) -> &[Close] {
        let from = self.closes.partition_point(|close| close.time < start);
        let to = self.closes.partition_point(|close| close.time <= end);
        &self.closes[from..to.max(from)]
    }

    /// Funding settled after `start` and up to `end`.
    pub fn settled(&self, start: Time, end: Time) -> impl Iterator<Item = Rate> {
        let from = self.funding.partition_point(|row| row.time <= start);
        let to = self.funding.partition_point(|row| row.time <= end);
        self.funding[from..to.max(from)].iter().map(|row| row.rate)
    }

    /// The mean of the last settlements up to `time`, as a rate of a year; zero before the first.
    pub fn funding_expected(&self, time: Time) -> f64 {
        const LOOKED_AT: usize = 9;
        const A_YEAR: f64 = 3.0 * 365.0;
        let to = self.funding.partition_point(|row| row.time <= time);
        let seen = &self.funding[to.saturating_sub(LOOKED_AT)..to];
        let sum: f64 = seen.iter().map(|row| pricing::convert::rate_f64(row.rate)).sum();
        if seen.is_empty() { 0.0 } else { sum / seen.len() as f64 * A_YEAR }
    }
}

/// The closes that both markets have.
fn closes(spot: &Series<Bar>, perp: &Series<Bar>) -> Vec<Close> {
    let (mut perps, mut closes) = (perp.rows.iter().peekable(), Vec::new());
    for bar in &spot.rows {
        while perps.next_if(|perp| perp.open_time < bar.open_time).is_some() {}
        if let Some(other) = perps.next_if(|perp| perp.open_time == bar.open_time) {
            let (time, step) = (bar.open_time.after(spot.interval), spot.interval);
            closes.push(Close { time, spot: bar.close, perp: other.close, step });
        }
    }
    closes
}

fn bars(folder: &Path, asset: &str, market: &str) -> Result<Series<Bar>, Refusal> {
    Ok(feed::open_bars(find(folder, asset, market)?)?)
}

/// The one file of a folder whose name begins with asset and market.
fn find(folder: &Path, asset: &str, market: &str) -> Result<PathBuf, Refusal> {
    let unreadable =
        |source: std::io::Error| Refusal::Folder(folder.to_owned(), source.to_string());
    let wanted = format!("{asset}USDT-{market}-");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(&wanted) {
            found.push(path);
        }
    }
    found.sort();
    match found.len() {
        1 => Ok(found.swap_remove(0)),
        0 => Err(Refusal::NoFile(folder.to_owned(), format!("{wanted}*"))),
        count => Err(Refusal::ManyFiles(folder.to_owned(), format!("{wanted}*"), count)),
    }
}
