//! The importers from outside: what they refuse and why, what they keep, and hostile bytes.
#![allow(clippy::unwrap_used)]

mod broken;
mod captures;
mod damaged;
mod hostile;
mod tables;
mod tapes;
mod tardis;

use std::io::Write;
use std::path::PathBuf;

/// A file of the repository's `data/binance-2025-10`.
fn sample(name: &str) -> PathBuf {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/binance-2025-10");
    PathBuf::from(data).join(name)
}

/// A file of this crate's `tests/data`.
fn excerpt(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data")).join(name)
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
