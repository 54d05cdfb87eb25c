//! Unpacked bytes in windows of whole lines: memory stays at one window and one line.
//!
//! A line longer than allowed, bytes beyond the limit and a broken stream stop the text behind the
//! last line that is whole; what came before is handed out first.

use std::io::{self, Read};

use memchr::memrchr;

use crate::error::{Cause, Error};
use crate::lines::{Limits, unpacked};

/// A file's text.
pub(super) struct Text<'a> {
    file: String,
    reader: Box<dyn Read + 'a>,
    gzip: bool,
    limits: Limits,
    /// Bytes asked for at once.
    portion: usize,
    bytes: Vec<u8>,
    /// Where the unread begins.
    start: usize,
    /// Where the last whole line ends.
    whole: usize,
    /// Where the bytes read end.
    end: usize,
    total: u64,
    line: u64,
    stop: Option<Stop>,
}

enum Stop {
    End,
    Broken(Cause),
}

impl<'a> Text<'a> {
    /// Opens an input, plain or gzip; `file` is the name in errors.
    pub(super) fn new(
        file: &str,
        input: impl Read + 'a,
        limits: &Limits,
        portion: usize,
    ) -> Result<Text<'a>, Error> {
        let (reader, gzip) = unpacked(file, input)?;
        let (file, limits) = (file.to_owned(), *limits);
        let (start, whole, end, total, line, bytes, stop) = (0, 0, 0, 0, 0, vec![], None);
        Ok(Text {
            file,
            reader,
            gzip,
            limits,
            portion,
            bytes,
            start,
            whole,
            end,
            total,
            line,
            stop,
        })
    }

    /// The input's name.
    pub(super) fn file(&self) -> &str {
        &self.file
    }

    /// What a line and the whole may hold.
    pub(super) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Number of the line last consumed, from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// Whole lines that are not consumed.
    pub(super) fn window(&self) -> &[u8] {
        &self.bytes[self.start..self.whole]
    }

    /// Goes on behind so many bytes, which are so many whole lines.
    pub(super) fn consume(&mut self, bytes: usize, lines: u64) {
        self.start += bytes;
        self.line += lines;
    }

    /// Sees to it that there is a whole line to read; false at the end.
    pub(super) fn refill(&mut self) -> Result<bool, Error> {
        while self.start == self.whole {
            match &self.stop {
                None => self.read_more(self.portion),
                Some(Stop::End) => return Ok(false),
                Some(Stop::Broken(cause)) => {
                    return Err(cause.clone().at(&self.file, self.line + 1, 0));
                }
            }
        }
        Ok(true)
    }

    /// Widens the window to so many bytes or to the end.
    pub(super) fn widen(&mut self, bytes: usize) {
        while self.stop.is_none() && self.end - self.start < bytes {
            self.read_more(bytes);
        }
    }

    fn read_more(&mut self, bytes: usize) {
        self.bytes.copy_within(self.start..self.end, 0);
        (self.whole, self.end) = (self.whole - self.start, self.end - self.start);
        self.start = 0;
        let most = self.end + bytes;
        if self.bytes.len() < most {
            self.bytes.resize(most, 0);
        }
        let fresh = self.end;
        while self.end < most && self.stop.is_none() {
            self.read_once(most);
        }
        if let Some(at) = memrchr(b'\n', &self.bytes[fresh..self.end]) {
            self.whole = fresh + at + 1;
        }
        if matches!(self.stop, Some(Stop::End)) {
            self.whole = self.end;
        } else if self.end - self.whole > self.limits.line_bytes + 1 {
            self.stop = Some(Stop::Broken(Cause::LineTooLong(self.limits.line_bytes)));
        }
    }

    fn read_once(&mut self, most: usize) {
        let left = self.limits.total_bytes - self.total;
        let room = (most - self.end).min(usize::try_from(left).unwrap_or(usize::MAX));
        let mut probe = [0];
        let into = if left == 0 { &mut probe[..] } else { &mut self.bytes[self.end..][..room] };
        match self.reader.read(into) {
            Ok(0) => self.stop = Some(Stop::End),
            Ok(_) if left == 0 => {
                self.stop = Some(Stop::Broken(Cause::TooManyBytes(self.limits.total_bytes)));
            }
            Ok(count) => {
                self.end += count;
                self.total += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => {
                let text = error.to_string();
                let cause =
                    if self.gzip { Cause::BrokenGzip(text) } else { Cause::Unreadable(text) };
                self.stop = Some(Stop::Broken(cause));
            }
        }
    }
}
