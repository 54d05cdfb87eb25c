//! The files of back-tests: looked at once, kept in memory for a sweep, counted and summed.

use std::cell::RefCell;
use std::sync::Arc;

use feed::tape::{self, Header, Slot};
use feed::{Meter, OpenOptions, open_source};
use lab::replay::record::DataFile;
use lab::replay::setup::look::look;
use lab::replay::setup::market::{Opened, Source};

use crate::failure::Failure;

/// Slots of all files together that are kept in memory for a sweep: 768 MiB.
const KEPT_MAX: usize = 1 << 25;

/// What files begin with, each looked at once.
#[derive(Default)]
pub struct Looks(RefCell<Vec<(Source, Opened)>>);

impl Looks {
    /// What a file begins with.
    pub fn open(&self, source: &Source) -> Result<Opened, feed::Error> {
        let known = self.0.borrow().iter().find(|(known, _)| known == source).cloned();
        if let Some((_, opened)) = known {
            return Ok(opened);
        }
        let opened = look(open(source, &Meter::default())?.as_mut())?;
        self.0.borrow_mut().push((source.clone(), opened.clone()));
        Ok(opened)
    }
}

/// Opens a file; `meter` counts its bytes as they are read.
pub fn open(source: &Source, meter: &Meter) -> Result<Box<dyn tape::Source>, feed::Error> {
    let (price, qty) = source.units;
    let options = OpenOptions {
        units: tape::Units { price, qty },
        symbol: source.symbol.clone(),
        meter: meter.clone(),
        ..OpenOptions::default()
    };
    open_source(&source.path, &options)
}

/// Files that were read into memory once, for many runs.
#[derive(Default)]
pub struct Kept(Vec<(Source, Header, Arc<Vec<Slot>>)>);

impl Kept {
    /// Reads these files, as many of them as memory is set aside for.
    pub fn read(sources: &[Source], mut told: impl FnMut(u64)) -> Result<Kept, feed::Error> {
        let (mut kept, mut total) = (Kept::default(), 0);
        for source in sources {
            let (meter, mut slots) = (Meter::default(), Vec::new());
            let mut tape = open(source, &meter)?;
            let mut before = 0;
            while total + slots.len() <= KEPT_MAX && tape.fill(&mut slots)? {
                told(meter.bytes() - before);
                before = meter.bytes();
            }
            if total + slots.len() > KEPT_MAX {
                break;
            }
            total += slots.len();
            kept.0.push((source.clone(), tape.header().clone(), Arc::new(slots)));
        }
        Ok(kept)
    }

    /// The tape of a file: from memory if it is there.
    pub fn open(&self, source: &Source) -> Result<Box<dyn tape::Source>, feed::Error> {
        match self.0.iter().find(|(known, _, _)| known == source) {
            Some((_, header, slots)) => {
                Ok(Box::new(Replayed { header: header.clone(), slots: slots.clone(), at: 0 }))
            }
            None => open(source, &Meter::default()),
        }
    }
}

/// A tape in memory.
struct Replayed {
    header: Header,
    slots: Arc<Vec<Slot>>,
    at: usize,
}

/// Slots of a batch, about.
const BATCH: usize = 1 << 14;

impl tape::Source for Replayed {
    fn header(&self) -> &Header {
        &self.header
    }

    fn fill(&mut self, slots: &mut Vec<Slot>) -> Result<bool, feed::Error> {
        // A batch ends where an event does: a wide one takes two slots.
        let mut end = self.at;
        while end < self.slots.len() && end < self.at + BATCH {
            end += 1 + usize::from(self.slots[end].is_wide());
        }
        slots.extend_from_slice(&self.slots[self.at..end]);
        self.at = end;
        Ok(end < self.slots.len())
    }
}

/// What the record says of the files, with their checksums.
pub fn files(sources: &[Source]) -> Result<Vec<DataFile>, Failure> {
    let file = |source: &Source| {
        let path = source.path.display().to_string();
        let failed = |source| Failure::File { path: path.clone(), source };
        let mut hasher = blake3::Hasher::new();
        let mut input = std::fs::File::open(&source.path).map_err(failed)?;
        let bytes = std::io::copy(&mut input, &mut hasher).map_err(failed)?;
        let checksum = format!("blake3:{}", hasher.finalize().to_hex());
        Ok(DataFile { path: path.clone(), checksum, bytes, events: 0 })
    };
    let mut first: Vec<&Source> = Vec::new();
    for source in sources {
        if first.iter().all(|known| known.path != source.path) {
            first.push(source);
        }
    }
    first.into_iter().map(file).collect()
}
