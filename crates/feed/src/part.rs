//! A file that is there when it is whole: written beside its place and moved there at the end.
//!
//! What is there and is no file (a pipe, a device) is written to. Invariant: a part that is not
//! finished leaves nothing behind, and what stood in the place stays.

use std::fs::File;
use std::io::{BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use crate::error::{Cause, Error};

/// A file that is being written.
#[derive(Debug)]
pub(crate) struct Part {
    place: PathBuf,
    /// Where it stands until it is whole; `None` once it is moved or where nothing is to be moved.
    beside: Option<PathBuf>,
    out: BufWriter<File>,
}

impl Part {
    /// Begins a file.
    pub(crate) fn create(place: &Path) -> Result<Part, Error> {
        let beside = (!place.exists() || place.is_file()).then(|| {
            let mut name = place.file_name().unwrap_or_default().to_owned();
            name.push(".part");
            place.with_file_name(name)
        });
        let created = match &beside {
            Some(beside) => {
                File::options().read(true).write(true).create(true).truncate(true).open(beside)
            }
            None => File::options().write(true).open(place),
        };
        let file = created.map_err(|error| unwritable(place, &error))?;
        let out = BufWriter::with_capacity(1 << 18, file);
        Ok(Part { place: place.to_owned(), beside, out })
    }

    /// The name of its place in errors.
    pub(crate) fn name(&self) -> String {
        self.place.to_string_lossy().into_owned()
    }

    /// The file from its start, which leaves no trace when it is closed.
    ///
    /// # Errors
    /// A place that is no file.
    pub(crate) fn reread(mut self) -> Result<File, Error> {
        let read = self.out.flush().and_then(|()| match &self.beside {
            Some(beside) => File::open(beside),
            None => Err(std::io::Error::other("only a file can be read again")),
        });
        read.map_err(|error| unwritable(&self.place, &error))
    }

    /// Moves the file to its place.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.out.flush().map_err(|error| unwritable(&self.place, &error))?;
        if let Some(beside) = &self.beside {
            std::fs::rename(beside, &self.place)
                .map_err(|error| unwritable(&self.place, &error))?;
            self.beside = None;
        }
        Ok(())
    }
}

impl Write for Part {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl Seek for Part {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.out.seek(to)
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if let Some(beside) = &self.beside {
            // The error that left it unfinished is the one to tell.
            let _ = std::fs::remove_file(beside);
        }
    }
}

fn unwritable(place: &Path, error: &std::io::Error) -> Error {
    Cause::Unwritable(error.to_string()).of_file(&place.to_string_lossy())
}
