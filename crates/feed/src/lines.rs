//! Bytes, plain or gzip, to lines of text under limits: of a line, of all unpacked bytes, of rows.
//! A JSON array of rows gives a line for each.
//!
//! Memory stays at one line, whatever the input; a gzip bomb meets a limit, not the machine's end.

use std::io::{self, BufRead, BufReader, Cursor, Read};

use flate2::bufread::MultiGzDecoder;

use crate::error::{Cause, Error};
use crate::json_rows::{self, JsonRows};

/// What an input may not exceed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest line, in bytes.
    pub line_bytes: usize,
    /// Most bytes after unpacking.
    pub total_bytes: u64,
    /// Most rows kept in memory.
    pub rows: usize,
}

impl Default for Limits {
    /// Lines of 1 MiB, 4 GiB in all, 50 million rows.
    fn default() -> Limits {
        Limits { line_bytes: 1 << 20, total_bytes: 4 << 30, rows: 50_000_000 }
    }
}

/// The bytes of an input as they are or out of gzip, and whether it is gzip.
pub(crate) fn unpacked<'a>(
    file: &str,
    mut input: impl Read + 'a,
) -> Result<(Box<dyn Read + 'a>, bool), Error> {
    let mut magic = Vec::with_capacity(4);
    let unreadable = |error: io::Error| Cause::Unreadable(error.to_string()).of_file(file);
    input.by_ref().take(4).read_to_end(&mut magic).map_err(unreadable)?;
    if magic == ZIP {
        return Err(Cause::Archive.of_file(file));
    }
    let gzip = magic.starts_with(&GZIP);
    let whole = Cursor::new(magic).chain(input);
    if !gzip {
        return Ok((Box::new(whole), false));
    }
    let whole = BufReader::with_capacity(1 << 16, whole);
    Ok((Box::new(MultiGzDecoder::new(whole)), true))
}

/// Lines of one file, with the place of each.
pub(crate) struct Lines<'a> {
    file: String,
    expected: &'static str,
    reader: Box<dyn BufRead + 'a>,
    gzip: bool,
    limits: Limits,
    text: String,
    line: u64,
    total: u64,
}

const GZIP: [u8; 2] = [0x1f, 0x8b];
const ZIP: [u8; 4] = *b"PK\x03\x04";
pub(crate) const BYTE_ORDER_MARK: &str = "\u{feff}";

impl<'a> Lines<'a> {
    /// Opens an input; `expected` names in errors what it should have been.
    pub(crate) fn new(
        file: &str,
        reader: impl Read + 'a,
        limits: &Limits,
        expected: &'static str,
    ) -> Result<Lines<'a>, Error> {
        let (reader, gzip) = unpacked(file, reader)?;
        let mut reader: Box<dyn BufRead + 'a> = Box::new(BufReader::with_capacity(1 << 16, reader));
        // What cannot be read is told where the first line is asked for.
        if reader.fill_buf().is_ok_and(json_rows::recognises) {
            reader = Box::new(BufReader::with_capacity(1 << 16, JsonRows::new(reader)));
        }
        let (file, limits) = (file.to_owned(), *limits);
        Ok(Lines { file, expected, reader, gzip, limits, text: String::new(), line: 0, total: 0 })
    }

    /// Goes to the next line; false behind the last. Blank lines may only end a file.
    pub(crate) fn advance(&mut self) -> Result<bool, Error> {
        let mut blank_line = None;
        loop {
            if !self.fill()? {
                return Ok(false);
            }
            if !self.text.is_empty() {
                break;
            }
            blank_line.get_or_insert(self.line);
        }
        if let Some(line) = blank_line {
            return Err(Cause::BlankLine.at(&self.file, line, 0));
        }
        if self.line == 1 && self.text().trim_start().starts_with('<') {
            return Err(self.fail(Cause::WebPage(self.expected)));
        }
        Ok(true)
    }

    /// The line without its end.
    pub(crate) fn text(&self) -> &str {
        if self.line == 1 { self.text.trim_start_matches(BYTE_ORDER_MARK) } else { &self.text }
    }

    /// Number of the line last read, from 1.
    pub(crate) fn number(&self) -> u64 {
        self.line
    }

    /// Bytes read so far, after unpacking.
    pub(crate) fn bytes(&self) -> u64 {
        self.total
    }

    /// Whether the input is gzip.
    pub(crate) fn is_gzip(&self) -> bool {
        self.gzip
    }

    /// The input's name.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// An error at the line last read.
    pub(crate) fn fail(&self, cause: Cause) -> Error {
        cause.at(&self.file, self.line, 0)
    }

    /// Reads one line; false at the end.
    fn fill(&mut self) -> Result<bool, Error> {
        let mut bytes = std::mem::take(&mut self.text).into_bytes();
        bytes.clear();
        let most = self.limits.line_bytes as u64 + 2; // with `\r\n`
        let length = match self.reader.by_ref().take(most).read_until(b'\n', &mut bytes) {
            Ok(0) => return Ok(false),
            Ok(length) => length,
            Err(error) => return Err(self.unreadable(&error)),
        };
        self.line += 1;
        self.total += length as u64;
        for end in [b'\n', b'\r'] {
            if bytes.last() == Some(&end) {
                bytes.pop();
            }
        }
        if bytes.len() > self.limits.line_bytes {
            return Err(self.fail(Cause::LineTooLong(self.limits.line_bytes)));
        }
        if self.total > self.limits.total_bytes {
            return Err(self.fail(Cause::TooManyBytes(self.limits.total_bytes)));
        }
        self.text =
            String::from_utf8(bytes).map_err(|_| self.fail(Cause::NotUtf8(self.expected)))?;
        Ok(true)
    }

    fn unreadable(&self, error: &io::Error) -> Error {
        let text = error.to_string();
        let cause = if self.gzip { Cause::BrokenGzip(text) } else { Cause::Unreadable(text) };
        cause.at(&self.file, self.line + 1, 0)
    }
}
