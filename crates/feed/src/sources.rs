//! Files of market events of any layout, told by their first bytes, as sources of a tape; and
//! files that tapes are written to.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::error::{Cause, Error, excerpt};
use crate::lines::{Limits, Lines};
use crate::meter::{Meter, Metered};
use crate::part::Part;
use crate::tape::{self, Sink, Source, Units};
use crate::tardis::{self, Tardis};

/// How a file of events is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// A tape.
    Tape,
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
    /// Counts the bytes of the file that have been read.
    pub meter: Meter,
}

impl Layout {
    /// All layouts.
    pub const ALL: [Layout; 2] = [Layout::Tape, Layout::Tardis];

    /// Its name on a command line.
    pub const fn name(self) -> &'static str {
        match self {
            Layout::Tape => "tape",
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
        if start == tape::file::MAGIC {
            return Ok(Layout::Tape);
        }
        let (file, input) = open(path.as_ref(), &Meter::default())?;
        let mut lines = Lines::new(&file, input, &Limits::default(), "market events")?;
        if !lines.advance()? {
            return Err(Cause::Empty("market events").of_file(&file));
        }
        of_line(lines.text()).ok_or_else(|| lines.fail(Cause::UnknownLayout(excerpt(lines.text()))))
    }
}

/// The layout of a text that begins with this line.
fn of_line(line: &str) -> Option<Layout> {
    tardis::recognises(line).then_some(Layout::Tardis)
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
    match layout {
        Layout::Tape => Ok(Box::new(tape::file::Reader::new(&file, input)?)),
        Layout::Tardis => {
            let (units, symbol) = (options.units, options.symbol.clone());
            let told = tardis::Options { units, symbol, ..tardis::Options::default() };
            Ok(Box::new(Tardis::new(&file, input, &told)?))
        }
    }
}

/// Begins a file of events in a layout that is written.
///
/// # Errors
/// A place that cannot be written to.
pub fn create_sink(path: impl AsRef<Path>) -> Result<Box<dyn Sink>, Error> {
    let part = Part::create(path.as_ref())?;
    Ok(Box::new(tape::file::Writer::new(&part.name(), part)?))
}

fn open(path: &Path, meter: &Meter) -> Result<(String, Metered<File>), Error> {
    let file = path.to_string_lossy().into_owned();
    match File::open(path) {
        Ok(input) => Ok((file, Metered::new(input, meter))),
        Err(error) => Err(Cause::Unreadable(error.to_string()).of_file(&file)),
    }
}
