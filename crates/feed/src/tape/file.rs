//! Tapes as files (`.tape`): eight bytes of magic, four of version, then records.
//!
//! A record has a head of 20 bytes — kind, number from 0, length, CRC-32 of the content, CRC-32 of
//! the head's first 16 bytes, each 32 bits, little-endian — and its content: instruments (JSON, the
//! first record and again where some are added), a block of slots (24 bytes each, whole events), or
//! the end with the counts of blocks, slots and events (64 bits each).
//!
//! Invariant: a file that was cut, or had any byte changed, is refused with the block and the byte;
//! slots that are handed out are whole events of known kinds and listed instruments.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};

use flate2::Crc;
use money::{Price, Qty};
use serde::{Deserialize, Serialize};

use super::{Header, Kind, Listed, Sink, Slot, Source};
use crate::error::{Cause, Error};

/// The first bytes of a tape.
pub const MAGIC: [u8; 8] = *b"\x89TAPE\r\n\x1a";
const VERSION: u32 = 1;
const HEAD: usize = 20;
/// Slots of a block: 192 KiB, so that its bytes and its slots share the second cache.
const BLOCK: usize = 1 << 13;
/// Most bytes of a record.
const RECORD: u32 = 1 << 26;

const LISTING: u32 = 1;
const SLOTS: u32 = 2;
const END: u32 = 3;

/// How much a tape holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Blocks of slots.
    pub blocks: u64,
    /// Slots.
    pub slots: u64,
    /// Events.
    pub events: u64,
}

/// Writes a tape.
pub struct Writer<W: Write> {
    file: String,
    out: W,
    number: u32,
    listed: Option<usize>,
    block: Vec<u8>,
    block_events: u64,
    counts: Counts,
}

impl<W: Write> Writer<W> {
    /// Begins a tape; `file` is the name in errors.
    ///
    /// # Errors
    /// What the output refuses.
    pub fn new(file: &str, out: W) -> Result<Writer<W>, Error> {
        let block = Vec::with_capacity((BLOCK + 1) * 24);
        let (number, listed, block_events, counts) = (0, None, 0, Counts::default());
        let file = file.to_owned();
        let mut writer = Writer { file, out, number, listed, block, block_events, counts };
        writer.put(&MAGIC)?;
        writer.put(&VERSION.to_le_bytes())?;
        Ok(writer)
    }

    /// Writes what is left and the end; returns the output and how much it holds.
    ///
    /// # Errors
    /// What the output refuses.
    pub fn end(mut self) -> Result<(W, Counts), Error> {
        if self.listed.is_none() {
            self.list(&Header::default())?;
        }
        self.close_block()?;
        let Counts { blocks, slots, events } = self.counts;
        let counts = [blocks, slots, events].map(u64::to_le_bytes);
        self.record(END, counts.as_flattened())?;
        self.out.flush().map_err(|error| self.unwritable(&error))?;
        Ok((self.out, self.counts))
    }

    /// Appends whole events and the instruments that the header has gained.
    ///
    /// # Errors
    /// What the output refuses, and slots that are no whole events of the header's instruments.
    pub fn append(&mut self, header: &Header, slots: &[Slot]) -> Result<(), Error> {
        if self.listed.is_none_or(|listed| listed < header.instruments.len()) {
            self.close_block()?;
            self.list(header)?;
        }
        let mut left = slots;
        while !left.is_empty() {
            // A block may be one slot longer than said, so that a wide event stays whole.
            let room = BLOCK.saturating_sub(self.block.len() / 24).max(1);
            let taken = check(left, room, header.instruments.len()).map_err(|fault| {
                let written = self.counts.slots + (self.block.len() / 24) as u64;
                Cause::BadSlot(written + fault.at as u64, fault.why).of_file(&self.file)
            })?;
            let (now, later) = left.split_at(taken.slots);
            now.iter().for_each(|slot| self.block.extend_from_slice(&slot.to_bytes()));
            self.block_events += taken.events;
            left = later;
            if self.block.len() >= BLOCK * 24 {
                self.close_block()?;
            }
        }
        Ok(())
    }

    fn list(&mut self, header: &Header) -> Result<(), Error> {
        let content = listing(header, self.listed.unwrap_or(0));
        self.listed = Some(header.instruments.len());
        self.record(LISTING, content.as_bytes())
    }

    fn close_block(&mut self) -> Result<(), Error> {
        if self.block.is_empty() {
            return Ok(());
        }
        let block = std::mem::take(&mut self.block);
        self.counts.blocks += 1;
        self.counts.slots += (block.len() / 24) as u64;
        self.counts.events += std::mem::take(&mut self.block_events);
        self.record(SLOTS, &block)?;
        self.block = block;
        self.block.clear();
        Ok(())
    }

    fn record(&mut self, kind: u32, content: &[u8]) -> Result<(), Error> {
        let too_large = || Cause::Unwritable("too many records or instruments".to_owned());
        let length = u32::try_from(content.len()).ok().filter(|length| *length <= RECORD);
        let length = length.ok_or_else(|| too_large().of_file(&self.file))?;
        let head = Head { kind, number: self.number, length, content: crc(content) };
        self.number = self.number.checked_add(1).ok_or_else(|| too_large().of_file(&self.file))?;
        self.put(&head.to_bytes())?;
        self.put(content)
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.out.write_all(bytes).map_err(|error| self.unwritable(&error))
    }

    fn unwritable(&self, error: &std::io::Error) -> Error {
        Cause::Unwritable(error.to_string()).of_file(&self.file)
    }
}

impl Sink for Writer<crate::part::Part> {
    fn write(&mut self, header: &Header, slots: &[Slot]) -> Result<(), Error> {
        self.append(header, slots)
    }

    fn finish(self: Box<Self>) -> Result<BTreeMap<Kind, u64>, Error> {
        self.end()?.0.finish()?;
        Ok(BTreeMap::new())
    }
}

/// Reads a tape, a block at a time.
pub struct Reader<R> {
    file: String,
    input: R,
    header: Header,
    content: Vec<u8>,
    /// Bytes read.
    at: u64,
    /// Number of the next record.
    number: u32,
    counts: Counts,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Opens a tape; `file` is the name in errors.
    ///
    /// # Errors
    /// Anything but a tape of this version, and damage in its first record.
    pub fn new(file: &str, input: R) -> Result<Reader<R>, Error> {
        let mut reader = Reader {
            file: file.to_owned(),
            input,
            header: Header::default(),
            content: Vec::new(),
            at: 0,
            number: 0,
            counts: Counts::default(),
            ended: false,
        };
        let mut start = [0; 12];
        reader.take(&mut start)?;
        let version = u32::from_le_bytes(*start.last_chunk().expect("twelve bytes have four"));
        if start[..8] != MAGIC {
            return Err(reader.broken(0, "it does not begin as a tape does"));
        }
        if version != VERSION {
            return Err(Cause::TapeVersion(version, VERSION).of_file(file));
        }
        match reader.record()? {
            LISTING => reader.add_listing()?,
            _ => return Err(reader.broken(12, "its first record lists no instruments")),
        }
        Ok(reader)
    }

    /// How much has been read; behind the end, all that there is.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Reads records up to the next block of slots; false at the end.
    fn advance(&mut self, slots: &mut Vec<Slot>) -> Result<bool, Error> {
        loop {
            let at = self.at;
            match self.record()? {
                LISTING => self.add_listing()?,
                SLOTS => return self.add_slots(at, slots).map(|()| true),
                END => return self.check_end(at).map(|()| false),
                _ => return Err(self.broken(at, "its record is of an unknown kind")),
            }
        }
    }

    /// Reads the next record into `content` and returns its kind.
    fn record(&mut self) -> Result<u32, Error> {
        let (start, mut bytes) = (self.at, [0; HEAD]);
        self.take(&mut bytes)?;
        let head = Head::from_bytes(bytes).ok_or_else(|| {
            self.broken(start, "the head of its record does not give the checksum stored with it")
        })?;
        if head.number != self.number {
            return Err(self.broken(start, "records are missing or out of order"));
        }
        if head.length > RECORD {
            return Err(self.broken(start, "its record is too long"));
        }
        let mut content = std::mem::take(&mut self.content);
        content.resize(head.length as usize, 0);
        self.take(&mut content)?;
        self.content = content;
        if crc(&self.content) != head.content {
            return Err(self.broken(start, "its content does not give the checksum stored with it"));
        }
        self.number = self.number.wrapping_add(1);
        Ok(head.kind)
    }

    fn add_listing(&mut self) -> Result<(), Error> {
        let start = self.at - self.content.len() as u64;
        match parse_listing(&self.content) {
            Ok(header) => {
                self.header.instruments.extend(header.instruments);
                if self.header.source.is_empty() {
                    self.header.source = header.source;
                }
                Ok(())
            }
            Err(why) => Err(self.broken(start, &why)),
        }
    }

    fn add_slots(&mut self, start: u64, slots: &mut Vec<Slot>) -> Result<(), Error> {
        let (whole, rest) = self.content.as_chunks::<24>();
        if !rest.is_empty() {
            return Err(self.broken(start, "its length is no multiple of a slot's"));
        }
        let first = slots.len();
        let mut scan = Scan::new(self.header.instruments.len());
        slots.extend(whole.iter().map(|bytes| scan.seen(Slot::from_bytes(*bytes))));
        let taken = scan.taken(&slots[first..]).map_err(|fault| {
            let at = start + (HEAD + fault.at * 24) as u64;
            self.broken(at, fault.why)
        });
        let taken = taken.inspect_err(|_| slots.truncate(first))?;
        self.counts.blocks += 1;
        self.counts.slots += taken.slots as u64;
        self.counts.events += taken.events;
        Ok(())
    }

    fn check_end(&mut self, start: u64) -> Result<(), Error> {
        let Counts { blocks, slots, events } = self.counts;
        let counts = [blocks, slots, events].map(u64::to_le_bytes);
        if self.content != counts.as_flattened() {
            return Err(self.broken(start, "the counts at its end are not those of its blocks"));
        }
        match self.input.by_ref().take(1).read_to_end(&mut self.content) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.broken(self.at, "bytes stand behind its end")),
            Err(error) => Err(Cause::Unreadable(error.to_string()).of_file(&self.file)),
        }
    }

    fn take(&mut self, bytes: &mut [u8]) -> Result<(), Error> {
        if let Err(error) = self.input.read_exact(bytes) {
            return Err(if error.kind() == ErrorKind::UnexpectedEof {
                self.broken(self.at, "it is cut short")
            } else {
                Cause::Unreadable(error.to_string()).of_file(&self.file)
            });
        }
        self.at += bytes.len() as u64;
        Ok(())
    }

    fn broken(&self, byte: u64, why: &str) -> Error {
        let block = self.counts.blocks + 1;
        Cause::BrokenTape { block, byte, why: why.to_owned() }.of_file(&self.file)
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

struct Head {
    kind: u32,
    number: u32,
    length: u32,
    content: u32,
}

impl Head {
    fn to_bytes(&self) -> [u8; HEAD] {
        let Head { kind, number, length, content } = *self;
        let mut bytes = [0; HEAD];
        bytes[..16]
            .copy_from_slice([kind, number, length, content].map(u32::to_le_bytes).as_flattened());
        let own = crc(&bytes[..16]);
        bytes[16..].copy_from_slice(&own.to_le_bytes());
        bytes
    }

    fn from_bytes(bytes: [u8; HEAD]) -> Option<Head> {
        let word = |at: usize| {
            let part = bytes[at..at + 4].first_chunk().expect("four of 20 bytes");
            u32::from_le_bytes(*part)
        };
        let head = Head { kind: word(0), number: word(4), length: word(8), content: word(12) };
        (crc(&bytes[..16]) == word(16)).then_some(head)
    }
}

fn crc(bytes: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Slots and the events that they hold.
struct Taken {
    slots: usize,
    events: u64,
}

/// Where slots are no events, and why.
struct Fault {
    at: usize,
    why: &'static str,
}

/// The checks of [`check`] without a branch, which tell whether there is a fault but not where.
/// Bits are numbers, so that what hangs on the slot before is one operation.
struct Scan {
    instruments: u32,
    /// One if the slot before says that the next belongs to it.
    wide: u32,
    bad: u32,
    events: u64,
}

impl Scan {
    fn new(instruments: usize) -> Scan {
        let instruments = u32::try_from(instruments).unwrap_or(u32::MAX);
        Scan { instruments, wide: 0, bad: 0, events: 0 }
    }

    #[inline]
    fn seen(&mut self, slot: Slot) -> Slot {
        let kind = u32::from(slot.kind());
        let event = u32::from(kind != Kind::Base as u32);
        let unlisted = event & u32::from(u32::from(slot.instrument()) >= self.instruments);
        let bad = unlisted | u32::from(kind >= Kind::ALL.len() as u32);
        let wide = event & u32::from(slot.is_wide());
        let own = self.wide ^ 1;
        self.bad |= own & bad;
        self.events += u64::from(own & event);
        self.wide = own & wide;
        slot
    }

    fn taken(self, slots: &[Slot]) -> Result<Taken, Fault> {
        if self.bad | self.wide != 0 {
            return check(slots, slots.len(), self.instruments as usize);
        }
        Ok(Taken { slots: slots.len(), events: self.events })
    }
}

/// Takes whole events until `most` slots are reached, at most one slot beyond.
fn check(slots: &[Slot], most: usize, instruments: usize) -> Result<Taken, Fault> {
    let (mut at, mut bases) = (0, 0);
    let mut wide = 0;
    while at < most.min(slots.len()) {
        let slot = slots[at];
        if usize::from(slot.kind()) >= Kind::ALL.len() {
            return Err(Fault { at, why: "a slot is of an unknown kind" });
        }
        if slot.kind() == Kind::Base as u8 {
            bases += 1;
            at += 1;
            continue;
        }
        if usize::from(slot.instrument()) >= instruments {
            return Err(Fault { at, why: "a slot is of an instrument that is not listed" });
        }
        wide += usize::from(slot.is_wide());
        at += 1 + usize::from(slot.is_wide());
    }
    if at > slots.len() {
        return Err(Fault { at: at - 2, why: "a wide event lacks its second slot" });
    }
    Ok(Taken { slots: at, events: (at - bases - wide) as u64 })
}

#[derive(Serialize, Deserialize)]
struct Listing {
    #[serde(default)]
    source: String,
    instruments: Vec<Item>,
}

#[derive(Serialize, Deserialize)]
struct Item {
    name: String,
    venue: String,
    price_unit: String,
    qty_unit: String,
}

/// The instruments of a header from one on, as JSON.
pub(crate) fn listing(header: &Header, from: usize) -> String {
    let item = |listed: &Listed| Item {
        name: listed.name.clone(),
        venue: listed.venue.clone(),
        price_unit: listed.price_unit.to_string(),
        qty_unit: listed.qty_unit.to_string(),
    };
    let instruments = header.instruments.iter().skip(from).map(item).collect();
    let listing = Listing { source: header.source.clone(), instruments };
    serde_json::to_string(&listing).expect("texts always become JSON")
}

/// A header from JSON, or why not.
pub(crate) fn parse_listing(bytes: &[u8]) -> Result<Header, String> {
    let listing: Listing = serde_json::from_slice(bytes)
        .map_err(|error| format!("its list of instruments is no such JSON: {error}"))?;
    let listed = |item: Item| {
        let unit = |why: &str| format!("instrument `{}` has {why}", item.name.escape_debug());
        let price_unit = item.price_unit.parse().ok().filter(|unit: &Price| unit.is_positive());
        let qty_unit = item.qty_unit.parse().ok().filter(|unit: &Qty| unit.is_positive());
        Ok(Listed {
            price_unit: price_unit.ok_or_else(|| unit("no unit of price above zero"))?,
            qty_unit: qty_unit.ok_or_else(|| unit("no unit of quantity above zero"))?,
            name: item.name,
            venue: item.venue,
        })
    };
    let instruments = listing.instruments.into_iter().map(listed);
    Ok(Header { source: listing.source, instruments: instruments.collect::<Result<_, String>>()? })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
