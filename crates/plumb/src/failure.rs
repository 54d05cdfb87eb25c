//! Why a command did not do its work.

use std::io::{ErrorKind, Write};

/// Prints a line; a reader that has gone away ends the command in silence, as `head` expects.
pub fn say(text: &str) -> Result<(), Failure> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => std::process::exit(0),
        Err(source) => Err(Failure::File { path: "standard output".into(), source }),
    }
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
