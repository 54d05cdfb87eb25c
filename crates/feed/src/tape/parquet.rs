//! Tapes as Parquet, for polars, pandas and duckdb, and back without a change.
//!
//! A row is an event. Times are `TIMESTAMP(ns, UTC)`; `instrument`, `kind` and `side` are texts;
//! `price` and `qty` are `DECIMAL(18,8)` in the instrument's currency; `rate` is `DECIMAL(18,12)`
//! and holds funding rates and implied volatilities. What is none of these, as a pool's tick, or
//! has more digits, stands as the tape's whole number in `price_units` and `qty_units`, with null
//! in the decimal's place; a value of 128 bits is `price_units · 2⁶⁴ + id`. The file's metadata
//! hold the instruments (JSON), the number of events and the CRC-32 of their canonical slots.
//!
//! Invariant: what is read is what was written, or an error; memory is one group of rows.

pub(super) mod columns;
mod read;
mod write;

pub use read::Reader;
pub(crate) use read::recognises;
pub use write::Writer;

use std::collections::{BTreeMap, BTreeSet};

use flate2::Crc;
use parquet::errors::ParquetError;

use super::{Encoder, Event, Header, Slot};
use crate::error::{Cause, excerpt};

const SCHEMA: &str = "message tape {
    required int64 exchange_ns (TIMESTAMP(NANOS,true));
    required int64 local_ns (TIMESTAMP(NANOS,true));
    required binary instrument (STRING);
    required binary kind (STRING);
    optional binary side (STRING);
    required boolean last;
    required boolean snapshot;
    optional int64 price (DECIMAL(18,8));
    optional int64 qty (DECIMAL(18,8));
    optional int64 rate (DECIMAL(18,12));
    optional int64 price_units;
    optional int64 qty_units;
    required int64 id (INTEGER(64,false));
}";

/// The key of the instruments in a file's metadata.
pub const INSTRUMENTS: &str = "plumb.tape";
const EVENTS: &str = "plumb.events";
const CHECKSUM: &str = "plumb.crc32";

fn broken(error: ParquetError) -> Cause {
    Cause::BrokenParquet(excerpt(&error.to_string()))
}

/// The texts of the column `instrument`: the name, with the venue where two have one name, with
/// the index where they have one venue too.
pub(super) fn labels(header: &Header) -> Vec<String> {
    let (mut taken, mut counts) = (BTreeSet::new(), BTreeMap::new());
    for listed in &header.instruments {
        *counts.entry(listed.name.as_str()).or_insert(0) += 1;
    }
    let label = |(index, listed): (usize, &super::Listed)| {
        let mut label = listed.name.clone();
        if counts.get(listed.name.as_str()).is_some_and(|count| *count > 1) {
            label = format!("{label}@{}", listed.venue);
        }
        while !taken.insert(label.clone()) {
            label = format!("{label}#{index}");
        }
        label
    };
    header.instruments.iter().enumerate().map(label).collect()
}

/// Counts events and sums up their slots, the same however they came.
#[derive(Default)]
pub struct Sum {
    encoder: Encoder,
    crc: Crc,
    slots: Vec<Slot>,
    events: u64,
}

impl Sum {
    /// Adds an event.
    pub fn add(&mut self, event: &Event) {
        self.slots.clear();
        self.encoder.push(event, &mut self.slots);
        self.slots.iter().for_each(|slot| self.crc.update(&slot.to_bytes()));
        self.events += 1;
    }

    /// CRC-32 of the slots that these events take from an empty tape on.
    pub fn checksum(&self) -> u32 {
        self.crc.sum()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
