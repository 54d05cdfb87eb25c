//! Any recorded file as a source of market events; its first line tells the layout.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use crate::capture;
use crate::csv;
use crate::dumps;
use crate::error::{Cause, Error, excerpt};
use crate::lines::Lines;
use crate::streams;
use crate::tape::Source;
use crate::units::Options;

/// Bytes that are looked at to tell a layout, as they stand in the file.
const LOOK: u64 = 1 << 18;
const EXPECTED: &str = "recorded market data";

/// What a file holds, as far as its first line tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    Dump,
    Capture,
}

/// Opens a recorded file.
///
/// # Errors
/// Names file, line and cause where it cannot be read, fits no layout, or its first rows are
/// damaged.
pub fn open_source(path: impl AsRef<Path>, options: &Options) -> Result<Box<dyn Source>, Error> {
    let file = path.as_ref().to_string_lossy().into_owned();
    let input = File::open(path.as_ref())
        .map_err(|error| Cause::Unreadable(error.to_string()).of_file(&file))?;
    source(&file, input, options)
}

/// Opens recorded bytes, plain or gzip; `file` is the name in errors and may tell the instrument.
///
/// # Errors
/// As [`open_source`].
pub fn source<'a>(
    file: &str,
    mut input: impl Read + 'a,
    options: &Options,
) -> Result<Box<dyn Source + 'a>, Error> {
    let mut look = Vec::new();
    let unreadable = |error: std::io::Error| Cause::Unreadable(error.to_string()).of_file(file);
    input.by_ref().take(LOOK).read_to_end(&mut look).map_err(unreadable)?;
    let layout = layout(file, &look, options)?;
    let input = Cursor::new(look).chain(input);
    match layout {
        Layout::Dump => dumps::open(file, input, options),
        Layout::Capture => streams::open(file, input, options),
    }
}

fn layout(file: &str, look: &[u8], options: &Options) -> Result<Layout, Error> {
    let mut lines = Lines::new(file, look, &options.limits, EXPECTED)?;
    if !lines.advance()? {
        return Err(Cause::Empty(EXPECTED).of_file(file));
    }
    if capture::recognises(lines.text()) {
        return Ok(Layout::Capture);
    }
    let fields = csv::split(lines.text());
    if dumps::recognises(&fields) {
        return Ok(Layout::Dump);
    }
    Err(lines.fail(Cause::UnknownLayout(excerpt(lines.text()))))
}
