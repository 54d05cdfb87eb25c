//! Why a command did not do its work.

use std::io::{ErrorKind, Write};

/// Prints a line; a reader that has gone away ends the command in silence, as `head` expects.
pub fn say(text: &str) -> Result<(), Failure> {
    print(format!("{text}\n").as_bytes())
}

/// Prints bytes, as [`say`] does.
pub fn print(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(source) => Err(Failure::File { path: "standard output".into(), source }),
    }
}

/// The standard output; a reader that has gone away ends the command, as with [`print()`].
pub struct Screen;

impl Write for Screen {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        match std::io::stdout().lock().write(bytes) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
            written => written,
        }
    }

    fn flush(&mut self) -> std::io::Result<()> {
        std::io::stdout().lock().flush()
    }
}

/// A whole number from 0 on, as seeds are.
pub fn whole(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("give a whole number from 0 to {}", u64::MAX))
}

/// A whole number, as widths in basis points are.
pub fn signed(text: &str) -> Result<i64, String> {
    text.parse().map_err(|_| "give a whole number".to_owned())
}

/// A failure to print; the text says what to do.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A market data file.
    #[error(transparent)]
    Feed(#[from] feed::Error),
    /// Anything that the lab refuses.
    #[error("{0}")]
    Lab(String),
    /// A file or folder.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// Why.
        source: std::io::Error,
    },
}

/// What the lab refuses.
pub fn refuse(error: impl std::fmt::Display) -> Failure {
    Failure::Lab(error.to_string())
}
