//! Option chains of a coin-settled venue: one row an option and snapshot, as CSV, plain or gzip.
//!
//! Two layouts: months (`snapshot_ms,instrument,bid,ask,mark,mark_iv,…`) and the collector's own
//! (`timestamp,instrument_name,underlying,…`, one snapshot). Prices are in coin per coin; an
//! instrument is `BTC-27MAR26-70000-C`, expiring at 08:00 UTC of its date; an empty or zero price
//! is no quote. Rows are read one snapshot at a time. A damaged row does not spoil its neighbours:
//! the snapshot carries an [`Error`] with line, column and cause for each; a broken file ends it.

mod instrument;
mod row;

use std::collections::BTreeSet;
use std::io::Read;

use money::{Span, Time};

use crate::error::{Cause, Error, excerpt};
use crate::lines::{Limits, Lines};

pub use instrument::{Asset, Kind};
pub(crate) use instrument::{instrument, iso_time, utc_time};

const EXPECTED: &str = "option quotes as CSV: snapshot_ms,instrument,bid,ask,mark,mark_iv,delta,\
    vega,underlying_price,underlying_name,index_price,open_interest,volume_24h";

/// One option as the venue showed it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionQuote {
    /// The coin that it is on and settles in.
    pub asset: Asset,
    /// When it was seen.
    pub time: Time,
    /// When it expires.
    pub expiry: Time,
    /// Strike in USD.
    pub strike: f64,
    /// Call or put.
    pub kind: Kind,
    /// Best bid in coin.
    pub bid: Option<f64>,
    /// Best ask in coin.
    pub ask: Option<f64>,
    /// The venue's mark in coin.
    pub mark: f64,
    /// The venue's volatility of the mark, a year, 1 = 100 %.
    pub mark_iv: f64,
    /// The venue's forward delta.
    pub delta: f64,
    /// The venue's vega in USD for one point (0.01) of volatility.
    pub vega: f64,
    /// Forward to the expiry in USD, as the venue states it.
    pub forward: f64,
    /// Index in USD.
    pub index: f64,
    /// Open interest in coin.
    pub open_interest: f64,
    /// Volume of 24 hours in coin.
    pub volume: f64,
}

impl OptionQuote {
    /// Years of 365 days to the expiry; zero when it is past.
    pub fn years(&self) -> f64 {
        self.expiry.since(self.time).nanos() as f64 / Span::DAY.times(365).nanos() as f64
    }
}

/// All rows of one time.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot {
    /// The time.
    pub time: Time,
    /// The rows that hold, in the file's order.
    pub quotes: Vec<OptionQuote>,
    /// The rows that do not, and why.
    pub damaged: Vec<Error>,
}

/// Snapshots of one file, in the order of time.
pub struct Reader<'a> {
    lines: Lines<'a>,
    layout: row::Layout,
    rows_max: usize,
    /// The row that ended the snapshot before, which opens the next.
    ahead: Option<OptionQuote>,
    ended: bool,
}

impl<'a> Reader<'a> {
    /// Opens a file's bytes and checks its header; `file` is the name in errors.
    pub fn open(file: &str, input: impl Read + 'a, limits: &Limits) -> Result<Reader<'a>, Error> {
        let mut lines = Lines::new(file, input, limits, EXPECTED)?;
        if !lines.advance()? {
            return Err(Cause::Empty(EXPECTED).of_file(file));
        }
        let layout = row::Layout::of_header(lines.text(), EXPECTED)
            .map_err(|(column, cause)| cause.at(file, 1, column))?;
        Ok(Reader { lines, layout, rows_max: limits.rows, ahead: None, ended: false })
    }

    /// Bytes read so far, unpacked.
    pub fn bytes(&self) -> u64 {
        self.lines.bytes()
    }

    /// The next snapshot; `None` behind the last.
    fn advance(&mut self) -> Result<Option<Snapshot>, Error> {
        let (mut quotes, mut damaged) = (Vec::from_iter(self.ahead.take()), vec![]);
        let mut seen: BTreeSet<Key> = quotes.iter().map(key).collect();
        while !self.ended {
            if !self.lines.advance()? {
                self.ended = true;
                break;
            }
            if quotes.len() + damaged.len() == self.rows_max {
                return Err(self.lines.fail(Cause::TooManyRows(self.rows_max)));
            }
            match self.row(quotes.last(), &seen) {
                Ok(quote) => match quotes.first() {
                    Some(OptionQuote { time, .. }) if *time != quote.time => {
                        self.ahead = Some(quote);
                        break;
                    }
                    Some(_) | None => {
                        seen.insert(key(&quote));
                        quotes.push(quote);
                    }
                },
                Err(error) => damaged.push(error),
            }
        }
        match (quotes.first(), damaged.first()) {
            (Some(first), _) => Ok(Some(Snapshot { time: first.time, quotes, damaged })),
            (None, Some(error)) => Err(error.clone()),
            (None, None) if self.lines.number() == 1 => {
                Err(Cause::Empty(EXPECTED).of_file(self.lines.file()))
            }
            (None, None) => Ok(None),
        }
    }

    fn row(
        &self,
        before: Option<&OptionQuote>,
        seen: &BTreeSet<Key>,
    ) -> Result<OptionQuote, Error> {
        let quote = self
            .layout
            .quote(self.lines.text())
            .map_err(|(column, cause)| cause.at(self.lines.file(), self.lines.number(), column))?;
        match before {
            Some(before) if quote.time < before.time => {
                Err(self.lines.fail(Cause::Unsorted(quote.time, before.time)))
            }
            Some(_) | None if seen.contains(&key(&quote)) => {
                let name = self.layout.instrument(self.lines.text());
                Err(self.lines.fail(Cause::RepeatedOption(excerpt(name), quote.time)))
            }
            Some(_) | None => Ok(quote),
        }
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Snapshot, Error>;

    fn next(&mut self) -> Option<Result<Snapshot, Error>> {
        let snapshot = self.advance();
        if snapshot.is_err() {
            self.ended = true;
        }
        snapshot.transpose()
    }
}

/// What only one row of a file may have: time, coin, expiry, right, and the strike's bits.
type Key = (Time, Asset, Time, Kind, u64);

fn key(quote: &OptionQuote) -> Key {
    (quote.time, quote.asset, quote.expiry, quote.kind, quote.strike.to_bits())
}

#[cfg(test)]
mod tests;
