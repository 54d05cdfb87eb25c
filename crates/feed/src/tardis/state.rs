//! What is known of one instrument from the rows before.

use crate::tape::Event;

/// What is known of one instrument.
#[derive(Clone, Default)]
pub(super) struct State {
    pub(super) book: Book,
    /// The newest event of each kind and side that is told when it changes.
    pub(super) told: [Option<Event>; 8],
}

/// How far an incremental book is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Book {
    /// No snapshot has been there.
    #[default]
    Unknown,
    /// A snapshot is being read.
    Snapshot,
    /// Updates follow a snapshot.
    Live,
}
