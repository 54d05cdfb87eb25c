//! The order book: stories told to both books, long random comparisons, and a published stream.
#![allow(clippy::unwrap_used)]

mod agreement;
mod snapshots;
mod stories;
mod story;
#[allow(dead_code)]
#[path = "../../benches/streams/mod.rs"]
mod streams;
