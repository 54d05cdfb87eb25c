//! The recorded stream in the layouts of both sides.

use std::error::Error;
use std::fs::{self, File};
use std::io::{BufReader, BufWriter, Read, Write};
use std::sync::Arc;

use feed::tape::{Encoder, Event, Kind, Side, Slot};
use hftbacktest::backtest::data::{Data, read_npy_file};
use hftbacktest::types::{BUY_EVENT, Event as Foreign, TRADE_EVENT};
use money::Time;

/// Ticks in one of price, and lots in one of quantity.
pub const TICKS: f64 = 10.0;
pub const LOTS: f64 = 1_000.0;
pub const TICK: f64 = 0.1;
pub const LOT: f64 = 0.001;

/// Reads the peer's layout.
pub fn read(path: &str) -> Result<Data<Foreign>, Box<dyn Error>> {
    Ok(read_npy_file(path).map_err(|error| format!("{path}: {error}: make it with stream.py"))?)
}

/// The same events as slots of a tape.
pub fn slots(events: &Data<Foreign>) -> Vec<Slot> {
    let (mut slots, mut encoder) = (Vec::with_capacity(events.len()), Encoder::default());
    for at in 0..events.len() {
        encoder.push(&event(&events[at]), &mut slots);
    }
    slots
}

fn event(foreign: &Foreign) -> Event {
    let trade = foreign.ev & 0xff == TRADE_EVENT;
    let buy = foreign.ev & BUY_EVENT == BUY_EVENT;
    Event {
        exchange: Time::from_nanos(foreign.exch_ts.cast_unsigned()),
        local: Time::from_nanos(foreign.local_ts.cast_unsigned()),
        instrument: 0,
        kind: if trade { Kind::Trade } else { Kind::Level },
        side: Some(if buy { Side::Buy } else { Side::Sell }),
        last: true,
        snapshot: false,
        price: (foreign.px * TICKS).round() as i64,
        qty: (foreign.qty * LOTS).round() as i64,
        id: 0,
    }
}

/// Slots in a batch.
const BATCH: usize = 4 * 1_024;

/// Appends the next slots of a tape, whole events only; false when there are none left.
pub type Fill = Box<dyn FnMut(&mut Vec<Slot>) -> bool>;

/// A tape in memory.
pub fn from_memory(tape: Arc<Vec<Slot>>) -> Fill {
    let mut at = 0;
    Box::new(move |slots| {
        let end = tape.len().min(at + BATCH);
        slots.extend_from_slice(&tape[at..end]);
        at = end;
        at < tape.len()
    })
}

/// A file that holds nothing but slots.
pub fn from_file(path: &str) -> Result<Fill, Box<dyn Error>> {
    let file = File::open(path).map_err(|error| format!("{path}: {error}"))?;
    let mut file = BufReader::with_capacity(1 << 16, file);
    Ok(Box::new(move |slots: &mut Vec<Slot>| {
        let before = slots.len();
        let mut bytes = [0; 24];
        while slots.len() < before + BATCH && file.read_exact(&mut bytes).is_ok() {
            slots.push(Slot::from_bytes(bytes));
        }
        slots.len() > before
    }))
}

/// Writes the stream `copies` times behind itself, in the peer's layout and as slots.
pub fn lengthen(path: &str, copies: u64, npy: &str, raw: &str) -> Result<bool, Box<dyn Error>> {
    let bytes = fs::read(path)?;
    let length = 10 + usize::from(u16::from_le_bytes([bytes[8], bytes[9]]));
    let header = std::str::from_utf8(&bytes[10..length])?.trim_end();
    let events = read(path)?;
    let count = events.len() as u64;
    let shape = format!("({count},)");
    let header = header.replace(&shape, &format!("({},)", count * copies));
    let mut npy = BufWriter::new(File::create(npy)?);
    let mut raw = BufWriter::new(File::create(raw)?);
    let padded = (header.len() + 11).next_multiple_of(64) - 10;
    npy.write_all(&bytes[..8])?;
    npy.write_all(&u16::try_from(padded)?.to_le_bytes())?;
    npy.write_all(format!("{header:<width$}\n", width = padded - 1).as_bytes())?;
    let span = (events[events.len() - 1].exch_ts - events[0].exch_ts) + 1_000_000;
    let (mut slots, mut encoder) = (Vec::new(), Encoder::default());
    for copy in 0..copies.cast_signed() {
        for (at, record) in bytes[length..].chunks_exact(64).enumerate() {
            let mut moved = events[at].clone();
            moved.exch_ts += span * copy;
            moved.local_ts += span * copy;
            npy.write_all(&record[..8])?;
            npy.write_all(&moved.exch_ts.to_le_bytes())?;
            npy.write_all(&moved.local_ts.to_le_bytes())?;
            npy.write_all(&record[24..])?;
            encoder.push(&event(&moved), &mut slots);
            for slot in slots.drain(..) {
                raw.write_all(&slot.to_bytes())?;
            }
        }
    }
    Ok(true)
}
