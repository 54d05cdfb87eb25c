//! The nine kinds of CSV files that Tardis.dev lets download, as tapes; plain or gzip, streamed.
//!
//! | file | events of a row |
//! |---|---|
//! | `incremental_book_L2` | `Level`; `Clear` before it where a snapshot begins |
//! | `book_snapshot_5`, `_25` | `Clear`, then a `Level` for each that is there |
//! | `trades` / `liquidations` | `Trade` / `Forced` |
//! | `quotes`, `book_ticker` | `Best` of both sides; an empty one has quantity zero |
//! | `derivative_ticker` | `Predicted`, `Mark`, `Index`, `OpenInterest`, where changed; `Funding` |
//! | `options_chain` | `Best`, `Volatility`, `Mark`, `Index`, `OpenInterest`, where changed |
//!
//! Columns and their meaning: docs.tardis.dev/downloadable-csv-files/data-types. `timestamp` is
//! the venue's time, `local_timestamp` that of receipt. Rows of one instrument and one time of
//! receipt are one message. Updates before an instrument's first snapshot are not of a known book:
//! they are skipped and counted in [`Left`], like all that a tape has no kind for.

mod text;
mod digits;
mod scale;
mod layout;
mod row;
mod listing;
mod writer;
mod state;
mod rows;
mod fast;
mod reader;

use std::io::Read;

use crate::error::{Cause, Error};
use crate::lines::{BYTE_ORDER_MARK, Limits};
use crate::tape::{Header, Slot, Source, Units};

use layout::Layout;
use reader::Reader;
use text::Text;

const EXPECTED: &str = "a Tardis file with its header";

/// Bytes asked for at once (they fit the second cache beside what is written) and slots of a batch.
const PORTIONS: (usize, usize) = (1 << 18, 1 << 14);

/// Bytes of rows that units are taken from, if they are fewer than the rows of [`Units`].
const SNIFFED_BYTES: usize = 1 << 20;

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataType {
    /// Changes of the whole book.
    IncrementalBookL2,
    /// The best five levels of each side.
    BookSnapshot5,
    /// The best 25 levels of each side.
    BookSnapshot25,
    /// Trades.
    Trades,
    /// Best prices, from the book.
    Quotes,
    /// Best prices, from the venue's own feed of them.
    BookTicker,
    /// Funding, open interest, mark and index of futures.
    DerivativeTicker,
    /// All options of a venue.
    OptionsChain,
    /// Forced trades.
    Liquidations,
}

impl DataType {
    /// Its name in addresses and files of the vendor.
    pub const fn name(self) -> &'static str {
        match self {
            DataType::IncrementalBookL2 => "incremental_book_L2",
            DataType::BookSnapshot5 => "book_snapshot_5",
            DataType::BookSnapshot25 => "book_snapshot_25",
            DataType::Trades => "trades",
            DataType::Quotes => "quotes",
            DataType::BookTicker => "book_ticker",
            DataType::DerivativeTicker => "derivative_ticker",
            DataType::OptionsChain => "options_chain",
            DataType::Liquidations => "liquidations",
        }
    }
}

/// How a file is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The units of its tape.
    pub units: Units,
    /// The one instrument to read; all where it is not given.
    pub symbol: Option<String>,
    /// What lines and bytes may not exceed.
    pub limits: Limits,
}

impl Default for Options {
    /// All instruments in units of their own; lines up to 1 MiB, any length.
    fn default() -> Options {
        let limits = Limits { total_bytes: u64::MAX, ..Limits::default() };
        Options { units: Units::default(), symbol: None, limits }
    }
}

/// What of a file is not in its tape, or not to the last digit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// Rows read.
    pub rows: u64,
    /// Of them, those of other instruments than the one asked for.
    pub other_symbols: u64,
    /// Of them, updates of a book before its first snapshot.
    pub before_snapshot: u64,
    /// Values of columns without a kind of event: last prices, funding after the next, and of
    /// options type, strike, expiry, name of the underlying, greeks, and a price without a
    /// quantity or the reverse.
    pub columns: u64,
    /// Rates (10⁻¹²), marks, indices, volatilities and open interest (10⁻⁸) that were rounded.
    pub rounded: u64,
}

/// A file as a tape.
pub struct Tardis<'a> {
    text: Text<'a>,
    reader: Reader,
    batch: usize,
    failed: Option<Error>,
    ended: bool,
}

/// Whether a first line is the header of such a file.
pub fn recognises(first: &str) -> bool {
    let first = first.trim_start_matches(BYTE_ORDER_MARK);
    layout::SHARED.iter().all(|shared| first.split(',').any(|name| name == *shared))
}

impl<'a> Tardis<'a> {
    /// Opens an input; `file` is its name, in errors and where the columns are those of both
    /// trades and liquidations.
    ///
    /// # Errors
    /// Names a header that is none of the nine, an empty file, units that are not above zero.
    pub fn new(file: &str, input: impl Read + 'a, options: &Options) -> Result<Tardis<'a>, Error> {
        Tardis::in_portions(file, input, options, PORTIONS)
    }

    fn in_portions(
        file: &str,
        input: impl Read + 'a,
        options: &Options,
        (bytes, batch): (usize, usize),
    ) -> Result<Tardis<'a>, Error> {
        let mut text = Text::new(file, input, &options.limits, bytes)?;
        let layout = header(&mut text)?;
        let mut reader = Reader::new(layout, options).map_err(|cause| cause.of_file(file))?;
        text.widen(SNIFFED_BYTES);
        reader.sniff(text.window(), Units::SNIFFED_ROWS);
        Ok(Tardis { text, reader, batch, failed: None, ended: false })
    }

    /// What the file holds.
    pub fn data_type(&self) -> DataType {
        self.reader.data_type()
    }

    /// What has been left out so far.
    pub fn left(&self) -> Left {
        self.reader.left()
    }

    /// Reads until the batch is full; false at the end of the file.
    fn read(&mut self, target: usize, slots: &mut Vec<Slot>) -> Result<bool, Error> {
        while slots.len() < target {
            if !self.text.refill()? {
                let ended = self.reader.check_end();
                return ended.map(|()| false).map_err(|cause| cause.of_file(self.text.file()));
            }
            let first = self.text.line();
            let (taken, read) = self.reader.read(self.text.window(), first, target, slots);
            self.text.consume(taken.bytes, taken.lines);
            read.map_err(|(line, (column, cause))| {
                cause.at(self.text.file(), line, column as u64)
            })?;
        }
        Ok(true)
    }
}

impl Source for Tardis<'_> {
    fn header(&self) -> &Header {
        self.reader.header()
    }

    /// An error comes after the events before it, whose last message then has no end.
    fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, Error> {
        if let Some(error) = self.failed.take() {
            return Err(error);
        }
        if self.ended {
            return Ok(false);
        }
        let before = slots.len();
        self.reader.begin(slots);
        match self.read(slots.len() + self.batch, slots) {
            Ok(true) => self.reader.hold(slots),
            Ok(false) => {
                self.reader.close(slots);
                self.ended = true;
            }
            Err(error) => {
                self.ended = true;
                if slots.len() == before {
                    return Err(error);
                }
                self.failed = Some(error);
            }
        }
        Ok(slots.len() > before)
    }
}

/// Reads the first line.
fn header(text: &mut Text<'_>) -> Result<Layout, Error> {
    let file = text.file().to_owned();
    let mut blank = None;
    loop {
        if !text.refill()? {
            return Err(Cause::Empty(EXPECTED).of_file(&file));
        }
        let line = text.line() + 1;
        let fail = |(column, cause): row::Fault| cause.at(&file, line, column as u64);
        let window = text.window();
        let bytes = reader::line_bytes(window);
        let first = reader::checked(&window[..bytes], text.limits(), EXPECTED)
            .map_err(|cause| fail((0, cause)))?;
        if first.is_empty() {
            blank.get_or_insert(line);
            text.consume(bytes, 1);
            continue;
        }
        if let Some(blank) = blank {
            return Err(Cause::BlankLine.at(&file, blank, 0));
        }
        let first = first.trim_start_matches(BYTE_ORDER_MARK);
        if first.trim_start().starts_with('<') {
            return Err(fail((0, Cause::WebPage(EXPECTED))));
        }
        let layout = Layout::new(first, &file).map_err(fail)?;
        text.consume(bytes, 1);
        return Ok(layout);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
