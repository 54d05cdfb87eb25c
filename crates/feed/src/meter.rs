//! Bytes read so far, told to whoever shows progress while somebody else reads.

use std::io::{Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A count of bytes; clones show the same count.
#[derive(Clone, Debug, Default)]
pub struct Meter(Arc<AtomicU64>);

impl Meter {
    /// Bytes read so far.
    pub fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds to the count.
    pub(crate) fn add(&self, bytes: u64) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// An input that counts.
#[derive(Debug)]
pub(crate) struct Metered<R> {
    input: R,
    meter: Meter,
}

impl<R> Metered<R> {
    /// Counts what is read of the input.
    pub(crate) fn new(input: R, meter: &Meter) -> Metered<R> {
        Metered { input, meter: meter.clone() }
    }

    /// The input, no longer counted.
    pub(crate) fn into_inner(self) -> R {
        self.input
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let count = self.input.read(bytes)?;
        self.meter.add(count as u64);
        Ok(count)
    }
}

impl<R: Seek> Seek for Metered<R> {
    fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
        self.input.seek(to)
    }
}
