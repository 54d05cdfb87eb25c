//! The one error of every importer: file, line, column, cause, and what was expected instead.
//!
//! Printed as `file:line:column: cause`, all counted from 1. In CSV the column is the number of
//! the field; in a capture it is the byte of the line. A part that does not apply is left out.

use std::fmt;

use money::{ParseError, Price, Qty, Span, Time};

/// Where and why reading stopped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Error {
    /// The file as it was named by the caller.
    pub file: String,
    /// The line, or in a table the row, from 1; 0 when the whole file is meant.
    pub line: u64,
    /// The field of the line (CSV) or its byte (capture), from 1; 0 when the whole line is meant.
    pub column: u64,
    /// What is wrong, and what was expected.
    pub cause: Cause,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}", self.line)?;
        }
        if self.column > 0 {
            write!(f, ":{}", self.column)?;
        }
        write!(f, ": {}", self.cause)
    }
}

/// Why the input was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Cause {
    /// The operating system's answer.
    #[error("cannot be read: {0}")]
    Unreadable(String),
    /// The operating system's answer.
    #[error("cannot be written: {0}")]
    Unwritable(String),
    /// No bytes, or a header alone; holds what was expected.
    #[error("the file holds no rows; expected {0}")]
    Empty(&'static str),
    /// A page of a web server where data was expected.
    #[error("an HTML or XML page, not {0}: the download was refused, fetch the file again")]
    WebPage(&'static str),
    /// A ZIP archive.
    #[error("a ZIP archive: unpack it and give the file inside")]
    Archive,
    /// Damaged or truncated gzip data; holds the decoder's answer.
    #[error("the gzip data is cut short or damaged ({0}): fetch the file again")]
    BrokenGzip(String),
    /// Bytes that are not text.
    #[error("bytes that are not UTF-8; expected {0}")]
    NotUtf8(&'static str),
    /// A line beyond the limit in bytes.
    #[error("the line is longer than {0} bytes")]
    LineTooLong(usize),
    /// Unpacked data beyond the limit in bytes.
    #[error("more than {0} bytes when unpacked; raise the limit if this is no attack")]
    TooManyBytes(u64),
    /// Rows beyond the limit.
    #[error("more than {0} rows; split the file")]
    TooManyRows(usize),
    /// An empty line before the last row.
    #[error("an empty line between rows; remove it")]
    BlankLine,
    /// The fields found and what was expected.
    #[error("{0} columns; expected {1}")]
    ColumnCount(usize, String),
    /// A header's unknown name and the names expected.
    #[error("unknown column name `{0}`; expected {1}")]
    UnknownHeader(String, &'static str),
    /// A name that the header lacks and the names expected.
    #[error("no column is named `{0}`; expected {1}")]
    MissingHeader(&'static str, &'static str),
    /// Not a decimal number (NaN and infinities included).
    #[error("`{0}` is not a decimal number")]
    NotANumber(String),
    /// A decimal that the type cannot hold; holds the text and why.
    #[error("`{0}` does not fit: {1}")]
    DoesNotFit(String, ParseError),
    /// A number that is no time in any known unit.
    #[error("`{0}` is not a time: expected whole s, ms, µs or ns since 1970, in 2000 to 2099")]
    NotATime(String),
    /// A text that is no time of a day.
    #[error("`{0}` is not a time: expected UTC as 2026-02-05 21:29:00")]
    NotUtc(String),
    /// The unit of this time and that of the rows above.
    #[error("a time in {0}, while the rows above are in {1}; one file has one unit")]
    MixedUnits(&'static str, &'static str),
    /// A price that is zero or negative, with its name.
    #[error("{0} {1} is not above zero")]
    NotPositive(&'static str, Price),
    /// A quantity below zero, with its name.
    #[error("{0} {1} is negative")]
    Negative(&'static str, Qty),
    /// A high and the price above it, with its name.
    #[error("high {0} is below {1} {2}")]
    HighTooLow(Price, &'static str, Price),
    /// A low and the price below it, with its name.
    #[error("low {0} is above {1} {2}")]
    LowTooHigh(Price, &'static str, Price),
    /// A best bid and best ask that cross.
    #[error("best bid {0} is above best ask {1}")]
    Crossed(Price, Price),
    /// A funding interval outside 1 to 24 hours.
    #[error("`{0}` is not a funding interval: expected 1 to 24 hours")]
    BadHours(String),
    /// The same time as the row above.
    #[error("time {0} is that of the row above; remove the duplicate")]
    Duplicate(Time),
    /// A time and the later one of the row above.
    #[error("time {0} is before {1} of the row above; sort the file by time")]
    Unsorted(Time, Time),
    /// A time that is no multiple of the file's interval.
    #[error("time {0} is off the grid of {interval}", interval = interval_text(*.1))]
    OffGrid(Time, Span),
    /// The usual step of a file of bars, when it is no interval.
    #[error("rows are {step} apart; expected 1s, 1m, 3m, 5m, 15m, 30m, 1h, 2h, 4h, 6h, 8h, 12h \
             or 1d", step = interval_text(*.0))]
    UnknownInterval(Span),
    /// A single row, whose interval nothing tells.
    #[error("one row does not tell its interval; expected two or more")]
    OneRow,
    /// Several symbols where one is needed; holds the first few.
    #[error("holds {0} symbols ({1}); name the one to read")]
    ManySymbols(usize, String),
    /// A symbol that the file does not have.
    #[error("has no rows of symbol `{0}`; it has {1}")]
    NoSuchSymbol(String, String),
    /// A symbol asked of a file whose rows name none.
    #[error("its rows name no symbol, so `{0}` cannot be picked; leave the symbol out")]
    NoSymbols(String),
    /// Where one file ends, and where the next, which is to follow it, begins.
    #[error("a file that ends at {0} overlaps one that begins at {1}; name each period once")]
    Overlap(Time, Time),
    /// A capture line without a time and a JSON object.
    #[error("expected `<local time in ns> <JSON object>`")]
    NotACapture,
    /// Broken or unexpected JSON; holds the parser's answer.
    #[error("broken JSON: {0}")]
    Json(String),
    /// A stream that is not read.
    #[error("unknown stream `{0}`; expected one of @depth, @bookTicker, @trade")]
    UnknownStream(String),
    /// Damaged Parquet; holds the reader's answer.
    #[error("the Parquet data is damaged: {0}")]
    BrokenParquet(String),
    /// A Parquet column that is not as expected.
    #[error("the Parquet columns are {0}; expected {1}")]
    WrongColumns(String, String),
    /// A Parquet file whose rows do not give the checksum stored with them.
    #[error("the rows have checksum {0:08x}, but {1} is stored: the file was damaged")]
    WrongChecksum(u32, String),
    /// A row that has no value.
    #[error("a missing value; every column must be filled")]
    MissingValue,
    /// What the file holds and what was expected.
    #[error("holds {0}; expected {1}")]
    WrongContent(&'static str, &'static str),
    /// A file whose first line fits no layout.
    #[error("no known layout: `{0}`; expected klines, funding rates, a capture or Parquet")]
    UnknownLayout(String),
    /// A file whose first line is that of no source of events.
    #[error(
        "no known layout of events: `{0}`; expected a tape, a capture, a dump, klines, funding \
             rates, an option chain or pool minutes"
    )]
    UnknownEvents(String),
    /// A damaged tape: the block (from 1) and the byte (from 0) where it was found, and what is
    /// wrong.
    #[error("block {block}, byte {byte}: {why}; the tape is damaged: fetch or make it again")]
    BrokenTape {
        /// Number of the block, from 1.
        block: u64,
        /// Place in the file, from 0.
        byte: u64,
        /// What is wrong.
        why: String,
    },
    /// The version of a tape and the one that is read.
    #[error("a tape of version {0}; this program reads version {1}")]
    TapeVersion(u32, u32),
    /// The number of a slot, from 0, that is no event, and why.
    #[error("slot {0}: {1}")]
    BadSlot(u64, &'static str),
    /// A value that is no multiple of the unit that the file's values count.
    #[error("{name} {value} is no multiple of the unit {}; give {flag} {}", unit[0], unit[1])]
    NoMultiple {
        /// What it is a value of.
        name: &'static str,
        /// The value as the file has it.
        value: String,
        /// The unit, and one that would do.
        unit: Box<[String; 2]>,
        /// The option that sets the unit.
        flag: &'static str,
    },
    /// The head of an array that holds no events.
    #[error(
        "an array of numpy that holds no events: `{0}`; expected fields ev, exch_ts, local_ts, \
             px, qty, order_id, ival, fval of eight bytes each, in one dimension"
    )]
    NotEvents(String),
    /// Rows that are there and that were promised.
    #[error("ends in row {0} of {1}: it was cut short, fetch it again")]
    CutShort(u64, u64),
    /// Rows behind which there are more bytes.
    #[error("bytes stand behind the last of its {0} rows: the file is damaged")]
    BytesBehind(u64),
    /// A damaged archive; holds the reader's answer.
    #[error("the ZIP archive is damaged or not read here: {0}")]
    BrokenZip(String),
    /// The arrays of an archive, none of which is the one looked for.
    #[error("holds the arrays `{0}`; expected one, or one that is named `data`")]
    NoArray(String),
    /// The first word of a row that is for nobody.
    #[error(
        "ev {0:#x} is neither EXCH_EVENT (1 << 31) nor LOCAL_EVENT (1 << 30): no view of the \
             market has this row; remove it"
    )]
    NobodysEvent(u64),
    /// The first word of a row of no known kind.
    #[error("ev {0:#x} is of no known kind; expected 1 to 5 or 10 to 13 in its low bits")]
    UnknownEvent(u64),
    /// The first word of a row that needs a side.
    #[error("ev {0:#x} has no side; expected one of BUY_EVENT (1 << 29) and SELL_EVENT (1 << 28)")]
    NoSide(u64),
    /// The row of a copy whose twin is not in the file.
    #[error(
        "row {0} is for the exchange or the recorder alone and its twin is missing; expected \
             a copy with the other flag"
    )]
    Unpaired(u64),
    /// A decimal that no float is read back as.
    #[error("`{0}` has more digits than a float keeps; write .tape or .parquet")]
    NoFloat(String),
    /// How far back the exchange's times may step.
    #[error("the exchange's time steps back more than {}; hftbacktest needs it in order",
            interval_text(*.0))]
    TooDisordered(Span),
    /// Why an event cannot be merged with those of other files.
    #[error("{0}")]
    BadEvent(&'static str),
    /// An instrument that a file lists late, in a unit that the files before it do not have.
    #[error(
        "`{0}` is listed behind its first events in a finer unit than in another file; give \
             --price-unit and --qty-unit"
    )]
    LateUnit(String),
    /// Instruments beyond what a tape can number.
    #[error("more than 65,536 instruments together; import them into several tapes")]
    TooManyInstruments,
    /// A column of a row and what is wrong with it.
    #[error("{0}: {1}")]
    BadCell(&'static str, &'static str),
    /// What a column is to name, and the text that it has.
    #[error("no {0} is named `{1}`")]
    UnknownText(String, String),
    /// A text that names no option.
    #[error("`{0}` names no option; expected e.g. BTC-27MAR26-70000-C")]
    NotAnOption(String),
    /// An option and the time that two rows give it.
    #[error("`{0}` stands twice at {1}; remove one of the rows")]
    RepeatedOption(String, Time),
    /// A bid and the ask below it, as the file writes them.
    #[error("bid {0} is above ask {1}")]
    CrossedQuote(String, String),
    /// A column by its name, and what is wrong in it.
    #[error("{0}: {1}")]
    Column(String, Box<Cause>),
    /// A text and what it had to be.
    #[error("`{0}` is not {1}")]
    NotOneOf(String, &'static str),
    /// A symbol asked for that no row has.
    #[error("no row is of symbol `{0}`; look at the second column for those there are")]
    NoneOf(String),
    /// An incremental book that never says what the whole book is.
    #[error("no row is part of a snapshot, so the book is unknown; give the file from its start")]
    NoSnapshot,
    /// Two kinds of files with the same columns, when the file's name does not tell which it is.
    #[error("the columns fit both {0} and {1}; have the file's name say which")]
    Ambiguous(&'static str, &'static str),
    /// A column's name, its text, and the range that it must lie in.
    #[error("{0} `{1}` is outside {2}")]
    OutOfRange(&'static str, String, String),
    /// A value (a price, or a quantity as one) that is no multiple of its tape's unit; holds
    /// `price` or `qty`, the value, the unit and the unit that it needs.
    #[error("{0} {1} is no multiple of the tape's unit {2}: give --{0}-unit {3}")]
    FinerThanUnit(&'static str, Price, Price, Price),
    /// A text that is no yes or no.
    #[error("`{0}` is neither true nor false")]
    NotABool(String),
    /// A text that is no number of a trade or of a change.
    #[error("`{0}` is not a whole number from 0, or it is too large")]
    NotWhole(String),
    /// The number of a trade, the same as that of the row above.
    #[error("trade {0} stands in the row above too; remove the duplicate")]
    RepeatedTrade(u64),
    /// A number of a trade or change, and the larger one of the row above.
    #[error("number {0} is below {1} of the row above; sort the file by number")]
    NumberOrder(u64, u64),
    /// A snapshot of the book without a symbol, and the symbols that it may be of.
    #[error("a snapshot of the book without a symbol, among {0}: split the capture by symbol")]
    SnapshotOfWhom(String),
}

impl Cause {
    /// The error of a whole file.
    pub(crate) fn of_file(self, file: &str) -> Error {
        self.at(file, 0, 0)
    }

    /// The error at a line and column of a file.
    pub(crate) fn at(self, file: &str, line: u64, column: u64) -> Error {
        Error { file: file.to_owned(), line, column, cause: self }
    }
}

/// A span in its largest whole unit: `5m`, `8h`, `1d`.
pub fn interval_text(span: Span) -> String {
    let units = [("d", Span::DAY), ("h", Span::HOUR), ("m", Span::MINUTE), ("s", Span::SECOND)];
    let whole = |unit: Span| span.nanos() > 0 && span.nanos().is_multiple_of(unit.nanos());
    match units.into_iter().find(|(_, unit)| whole(*unit)) {
        Some((name, unit)) => format!("{}{name}", span.nanos() / unit.nanos()),
        None => format!("{}ns", span.nanos()),
    }
}

/// The beginning of a text for a message, with control characters escaped.
pub(crate) fn excerpt(text: &str) -> String {
    const SHOWN: usize = 40;
    let mut shown: String = text.chars().take(SHOWN).flat_map(char::escape_debug).collect();
    if text.chars().nth(SHOWN).is_some() {
        shown.push('…');
    }
    shown
}
