//! Why a command did not do its work.

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
