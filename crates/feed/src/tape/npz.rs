//! hftbacktest's event files (`.npz`, `.npy`), read and written: rows of 64 bytes
//! `ev, exch_ts, local_ts, px, qty, order_id, ival, fval` (crate hftbacktest 0.9, `types::Event`).
//!
//! A row that its exchange and its recorder apply in another order than their neighbours stands
//! there twice, once for each (flags `EXCH_EVENT`, `LOCAL_EVENT`). Both are made one event again,
//! in the order of receipt: the exchange's copy is dropped once its twin has been seen, and a copy
//! without a twin is an error. Neighbours of the same two times are one message. `DEPTH_CLEAR`
//! empties its side and keeps the price that it reaches to; `ival` and `fval`, which are the
//! user's, are left out. Prices and quantities are floats and read as the decimals that they stand
//! for: the multiple of the unit that is this float, or is within 10⁻⁹ of it where no decimal is.

mod archive;
mod float;
mod numpy;
mod row;
mod write;

pub use archive::{is_npz, member};
pub use write::Writer;

use std::collections::BTreeMap;
use std::io::Read;

use money::{Price, Qty};

use self::float::Unit;
use self::numpy::Shape;
use self::row::{Copy, Row};
use super::{Encoder, Event, Header, Kind, Listed, Slot, Source, Units};
use crate::error::{Cause, Error};

/// The first bytes of an array of numpy.
pub const MAGIC: [u8; 6] = *b"\x93NUMPY";
/// Rows read at once: 256 KiB.
const BATCH: usize = 1 << 12;
/// Most copies that wait for their twins.
const WAITING: usize = 1 << 22;

/// Reads the rows of an array of events.
pub struct Reader<R> {
    file: String,
    input: R,
    shape: Shape,
    header: Header,
    units: [Unit; 2],
    clock: row::Clock,
    /// Bytes of rows that were read and not yet taken.
    bytes: Vec<u8>,
    /// Rows taken.
    row: u64,
    /// Rows of one copy that wait for the other: more of the exchange's, or of the recorder's.
    waiting: BTreeMap<[u64; 6], Waiting>,
    /// The last event, until its neighbour tells whether its message ends.
    held: Option<Event>,
    encoder: Encoder,
    ended: bool,
}

struct Waiting {
    surplus: i64,
    row: u64,
}

impl<R: Read> Reader<R> {
    /// Opens an array; `file` is the name in errors, `symbol` that of the instrument.
    ///
    /// # Errors
    /// Anything but an array of events, and values of its first rows that have no unit.
    pub fn new(
        file: &str,
        input: R,
        units: &Units,
        symbol: Option<&str>,
    ) -> Result<Reader<R>, Error> {
        let mut input = input;
        let shape = numpy::shape(&mut input).map_err(|cause| cause.of_file(file))?;
        let mut reader = Reader {
            file: file.to_owned(),
            input,
            shape,
            header: Header::default(),
            units: [Unit::new(Price::from_raw(1).raw()); 2],
            clock: row::Clock::default(),
            bytes: Vec::new(),
            row: 0,
            waiting: BTreeMap::new(),
            held: None,
            encoder: Encoder::default(),
            ended: false,
        };
        reader.read_rows(Units::SNIFFED_ROWS)?;
        let price = units.price.map_or_else(|| reader.sniffed(Row::PRICE), Price::raw);
        let qty = units.qty.map_or_else(|| reader.sniffed(Row::QTY), Qty::raw);
        reader.units = [Unit::new(price), Unit::new(qty)];
        reader.header = Header {
            source: "hftbacktest".to_owned(),
            instruments: vec![Listed {
                name: symbol.map_or_else(|| stem(file), str::to_owned),
                venue: String::new(),
                price_unit: Price::from_raw(price),
                qty_unit: Qty::from_raw(qty),
            }],
        };
        Ok(reader)
    }

    /// The largest power of ten, at most one, that the values of the rows read are multiples of.
    fn sniffed(&self, field: usize) -> i64 {
        let (rows, _) = self.bytes.as_chunks::<{ Row::BYTES }>();
        let values = rows.iter().map(|bytes| Row::float(bytes, &self.shape.order, field));
        float::finest(values)
    }

    /// Reads at most so many rows behind those that wait; fewer only at the end.
    fn read_rows(&mut self, most: usize) -> Result<(), Error> {
        let had = (self.bytes.len() / Row::BYTES) as u64;
        let left = self.shape.rows - self.row - had;
        let count = usize::try_from(left).map_or(most, |left| left.min(most));
        let start = self.bytes.len();
        self.bytes.resize(start + count * Row::BYTES, 0);
        let mut at = start;
        while at < self.bytes.len() {
            match self.input.read(&mut self.bytes[at..]) {
                Ok(0) => {
                    let row = self.row + (at / Row::BYTES) as u64 + 1;
                    return Err(Cause::CutShort(row, self.shape.rows).of_file(&self.file));
                }
                Ok(read) => at += read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Cause::Unreadable(error.to_string()).of_file(&self.file));
                }
            }
        }
        Ok(())
    }

    fn advance(&mut self, slots: &mut Vec<Slot>) -> Result<bool, Error> {
        if self.bytes.is_empty() {
            self.read_rows(BATCH)?;
        }
        if self.bytes.is_empty() {
            self.check_end()?;
            return match self.held.take() {
                Some(event) => {
                    self.encoder.push(&Event { last: true, ..event }, slots);
                    Ok(true)
                }
                None => Ok(false),
            };
        }
        let bytes = std::mem::take(&mut self.bytes);
        for chunk in bytes.as_chunks::<{ Row::BYTES }>().0 {
            self.row += 1;
            let taken = self.take(chunk, slots);
            taken.map_err(|(field, cause)| cause.at(&self.file, self.row, field))?;
        }
        self.bytes = bytes;
        self.bytes.clear();
        Ok(true)
    }

    /// Takes one row; the error holds the field, from 1.
    #[inline]
    fn take(
        &mut self,
        bytes: &[u8; Row::BYTES],
        slots: &mut Vec<Slot>,
    ) -> Result<(), (u64, Cause)> {
        let row = Row::new(bytes, &self.shape.order);
        match row.copy().map_err(|cause| (1, cause))? {
            Copy::Both => {}
            Copy::Exchange => return self.pair(&row, 1),
            Copy::Local => self.pair(&row, -1)?,
        }
        let event = row.event(&mut self.clock, &self.units)?;
        if let Some(held) = self.held.replace(event) {
            let last = held.exchange != event.exchange || held.local != event.local;
            self.encoder.push(&Event { last, ..held }, slots);
        }
        Ok(())
    }

    /// Matches a row of one copy with its twin.
    fn pair(&mut self, row: &Row, surplus: i64) -> Result<(), (u64, Cause)> {
        let waiting = self.waiting.entry(row.identity());
        let waiting = waiting.or_insert(Waiting { surplus: 0, row: self.row });
        waiting.surplus += surplus;
        if waiting.surplus == 0 {
            self.waiting.remove(&row.identity());
        }
        if self.waiting.len() > WAITING {
            return Err((1, Cause::Unpaired(self.first_waiting())));
        }
        Ok(())
    }

    fn first_waiting(&self) -> u64 {
        self.waiting.values().map(|waiting| waiting.row).min().unwrap_or(0)
    }

    fn check_end(&mut self) -> Result<(), Error> {
        if !self.waiting.is_empty() {
            let row = self.first_waiting();
            return Err(Cause::Unpaired(row).at(&self.file, row, 1));
        }
        let mut beyond = [0; 1];
        match self.input.read(&mut beyond) {
            Ok(0) => Ok(()),
            Ok(_) => Err(Cause::BytesBehind(self.shape.rows).of_file(&self.file)),
            Err(error) => Err(Cause::Unreadable(error.to_string()).of_file(&self.file)),
        }
    }
}

impl<R: Read> Source for Reader<R> {
    fn header(&self) -> &Header {
        &self.header
    }

    fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, Error> {
        if self.ended {
            return Ok(false);
        }
        let filled = self.advance(slots);
        self.ended = !matches!(filled, Ok(true));
        filled
    }
}

/// The name of a file without folder and ending.
fn stem(file: &str) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    name.split('.').next().unwrap_or(name).to_owned()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
