//! Files of market events of any layout, told by their first bytes, as sources of a tape; and
//! files that tapes are written to.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::bars;
use crate::capture;
use crate::chains;
use crate::csv;
use crate::dumps;
use crate::error::{Cause, Error, excerpt};
use crate::files;
use crate::funding;
use crate::klines;
use crate::lines::{Limits, Lines};
use crate::meter::{Meter, Metered};
use crate::part::Part;
use crate::pools;
use crate::settlements;
use crate::streams;
use crate::tape::{self, Sink, Source, Units};
use crate::tardis::{self, Tardis};
use crate::units::{Options, Prices};

const PARQUET: &[u8] = b"PAR1";

/// How a file of events is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A tape.
    Tape,
    /// A tape in Parquet.
    Parquet,
    /// hftbacktest's events in a ZIP archive.
    Npz,
    /// hftbacktest's events.
    Npy,
    /// A websocket capture.
    Capture,
    /// A dump of trades or best prices.
    Dump,
    /// Klines.
    Bars,
    /// Funding rates.
    Funding,
    /// Option chains.
    Chain,
    /// Minutes of a pool.
    Pool,
    /// One of the files that Tardis.dev lets download.
    Tardis,
}

/// What an importer is told beside the file.
#[derive(Clone, Debug, Default)]
pub struct OpenOptions {
    /// Units of price and quantity where the file does not say.
    pub units: Units,
    /// The symbol to read of a file that has several, and the name of one that has none.
    pub symbol: Option<String>,
    /// The layout, where it is not to be told by the first bytes.
    pub layout: Option<Layout>,
    /// The venue, where the file does not tell it.
    pub venue: Option<String>,
    /// What bars are of, where the file's name does not tell it.
    pub prices: Option<Prices>,
    /// What to add to the recorder's clock, in nanoseconds.
    pub shift_ns: i64,
    /// Counts the bytes of the file that have been read.
    pub meter: Meter,
}

impl OpenOptions {
    /// What importers of rows are told.
    fn of_rows(&self) -> Options {
        let (units, shift_ns) = (self.units, self.shift_ns);
        let (symbol, venue) = (self.symbol.clone(), self.venue.clone());
        Options { units, symbol, venue, prices: self.prices, shift_ns, ..Options::default() }
    }
}

impl Format {
    /// The format that the ending of a file's name tells.
    pub fn of_name(path: &Path) -> Option<Format> {
        match path.extension()?.to_str()? {
            "tape" => Some(Format::Tape),
            "parquet" => Some(Format::Parquet),
            "npz" => Some(Format::Npz),
            "npy" => Some(Format::Npy),
            _ => None,
        }
    }
}

impl Layout {
    /// All layouts.
    pub const ALL: [Layout; 11] = [
        Layout::Tape,
        Layout::Parquet,
        Layout::Npz,
        Layout::Npy,
        Layout::Capture,
        Layout::Dump,
        Layout::Bars,
        Layout::Funding,
        Layout::Chain,
        Layout::Pool,
        Layout::Tardis,
    ];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Layout::Tape => "tape",
            Layout::Parquet => "parquet",
            Layout::Npz => "npz",
            Layout::Npy => "npy",
            Layout::Capture => "capture",
            Layout::Dump => "dump",
            Layout::Bars => "bars",
            Layout::Funding => "funding",
            Layout::Chain => "chain",
            Layout::Pool => "pool",
            Layout::Tardis => "tardis",
        }
    }

    /// Tells the layout of a file from its first bytes.
    ///
    /// # Errors
    /// A file that cannot be read, and one of no known layout.
    pub fn detect(path: impl AsRef<Path>) -> Result<Layout, Error> {
        let (file, input) = open(path.as_ref(), &Meter::default())?;
        let mut start = Vec::new();
        let read = input.take(8).read_to_end(&mut start);
        read.map_err(|error| Cause::Unreadable(error.to_string()).of_file(&file))?;
        if let Some(layout) = of_bytes(&start, path.as_ref()) {
            return Ok(layout);
        }
        if start.starts_with(PARQUET) {
            files::detect(&path)?;
            let found = Cause::WrongContent("a table of bars or funding rates", "market events");
            return Err(found.of_file(&file));
        }
        let (file, input) = open(path.as_ref(), &Meter::default())?;
        let mut lines = Lines::new(&file, input, &Limits::default(), "market events")?;
        if !lines.advance()? {
            return Err(Cause::Empty("market events").of_file(&file));
        }
        of_line(lines.text()).ok_or_else(|| lines.fail(Cause::UnknownEvents(excerpt(lines.text()))))
    }
}

/// The layout of a file that is no text.
fn of_bytes(start: &[u8], path: &Path) -> Option<Layout> {
    if start == tape::file::MAGIC {
        return Some(Layout::Tape);
    }
    if start.starts_with(&tape::npz::MAGIC) {
        return Some(Layout::Npy);
    }
    if start.starts_with(PARQUET) {
        let file = File::open(path).ok()?;
        return tape::parquet::recognises(file).then_some(Layout::Parquet);
    }
    let archive = start.starts_with(b"PK").then(|| File::open(path).ok()).flatten();
    archive.and_then(|file| tape::npz::is_npz(file).then_some(Layout::Npz))
}

/// The layout of a text that begins with this line.
fn of_line(line: &str) -> Option<Layout> {
    if capture::recognises(line) {
        return Some(Layout::Capture);
    }
    let fields = csv::split(line);
    // Klines without a header are any six to twelve numbers: they come last.
    let layouts = [
        (tardis::recognises(line), Layout::Tardis),
        (dumps::recognises(&fields), Layout::Dump),
        (funding::recognises(&fields), Layout::Funding),
        (chains::recognises(line), Layout::Chain),
        (pools::recognises(&fields), Layout::Pool),
        (klines::recognises(&fields), Layout::Bars),
    ];
    layouts.into_iter().find(|(is, _)| *is).map(|(_, layout)| layout)
}

/// Opens a file of market events of any layout.
///
/// # Errors
/// A file that cannot be read or is of no known layout, and what its importer refuses.
pub fn open_source(
    path: impl AsRef<Path>,
    options: &OpenOptions,
) -> Result<Box<dyn Source>, Error> {
    let path = path.as_ref();
    let layout = options.layout.map_or_else(|| Layout::detect(path), Ok)?;
    let (file, input) = open(path, &options.meter)?;
    let symbol = options.symbol.as_deref();
    match layout {
        Layout::Tape => only(&file, Box::new(tape::file::Reader::new(&file, input)?), symbol),
        Layout::Parquet => {
            let reader = tape::parquet::Reader::new(&file, input.into_inner(), &options.meter)?;
            only(&file, Box::new(reader), symbol)
        }
        Layout::Npz => {
            let member = tape::npz::member(input.into_inner(), &options.meter);
            let member = member.map_err(|cause| cause.of_file(&file))?;
            Ok(Box::new(tape::npz::Reader::new(&file, member, &options.units, symbol)?))
        }
        Layout::Npy => Ok(Box::new(tape::npz::Reader::new(&file, input, &options.units, symbol)?)),
        Layout::Capture => streams::open(&file, input, &options.of_rows()),
        Layout::Dump => dumps::open(&file, input, &options.of_rows()),
        Layout::Bars => bars::open(&file, input, &options.of_rows()),
        Layout::Funding => settlements::open(&file, input, &options.of_rows()),
        Layout::Chain => chains::open(&file, input, &options.of_rows()),
        Layout::Pool => pools::open(&file, input, &options.of_rows()),
        Layout::Tardis => {
            let (units, symbol) = (options.units, options.symbol.clone());
            let told = tardis::Options { units, symbol, ..tardis::Options::default() };
            Ok(Box::new(Tardis::new(&file, input, &told)?))
        }
    }
}

/// The events of one symbol, if one is asked for.
fn only(
    file: &str,
    source: Box<dyn Source>,
    symbol: Option<&str>,
) -> Result<Box<dyn Source>, Error> {
    match symbol {
        Some(symbol) => Ok(Box::new(tape::merge::Only::new(file, source, symbol)?)),
        None => Ok(source),
    }
}

/// How a tape is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// A tape.
    Tape,
    /// A tape in Parquet.
    Parquet,
    /// hftbacktest's events in a ZIP archive.
    Npz,
    /// hftbacktest's events.
    Npy,
}

/// Begins a file of events.
///
/// # Errors
/// A place that cannot be written to.
pub fn create_sink(path: impl AsRef<Path>, format: Format) -> Result<Box<dyn Sink>, Error> {
    let path = path.as_ref();
    match format {
        Format::Tape => {
            let part = Part::create(path)?;
            Ok(Box::new(tape::file::Writer::new(&part.name(), part)?))
        }
        Format::Parquet => Ok(Box::new(tape::parquet::Writer::new(path)?)),
        Format::Npz => Ok(Box::new(tape::npz::Writer::npz(path)?)),
        Format::Npy => Ok(Box::new(tape::npz::Writer::npy(path)?)),
    }
}

fn open(path: &Path, meter: &Meter) -> Result<(String, Metered<File>), Error> {
    let file = path.to_string_lossy().into_owned();
    match File::open(path) {
        Ok(input) => Ok((file, Metered::new(input, meter))),
        Err(error) => Err(Cause::Unreadable(error.to_string()).of_file(&file)),
    }
}
