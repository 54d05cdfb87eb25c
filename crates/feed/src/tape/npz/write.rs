//! Events to rows of hftbacktest: each once, for both, as long as the exchange's times ascend in
//! the order of receipt; where they do not, one copy for each, as hftbacktest expects it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::DeflateEncoder;
use money::{Price, Span};

use super::float::Unit;
use super::row::{self, Row};
use super::{archive, numpy};
use crate::error::{Cause, Error};
use crate::part::Part;
use crate::tape::{Decoder, Event, Header, Kind, Sink, Slot};

/// How far the exchange's clock may step back from one event received to the next.
const WINDOW: Span = Span::from_secs(10);

/// Writes the events of one instrument as `.npy` or `.npz`.
pub struct Writer {
    file: String,
    /// The array; on its way into an archive it stands beside it.
    rows: Part,
    archive: Option<Part>,
    order: Order,
    decoder: Decoder,
    events: u64,
    written: u64,
    left_out: BTreeMap<Kind, u64>,
}

impl Writer {
    /// Begins an array.
    ///
    /// # Errors
    /// A place that cannot be written to.
    pub fn npy(place: &Path) -> Result<Writer, Error> {
        Writer::new(Part::create(place)?, None)
    }

    /// Begins an archive with the array `data` in it.
    ///
    /// # Errors
    /// A place that cannot be written to.
    pub fn npz(place: &Path) -> Result<Writer, Error> {
        let mut name = place.file_name().unwrap_or_default().to_owned();
        name.push(".rows");
        let archive = Part::create(place)?;
        Writer::new(Part::create(&place.with_file_name(name))?, Some(archive))
    }

    fn new(rows: Part, archive: Option<Part>) -> Result<Writer, Error> {
        let mut writer = Writer {
            file: archive.as_ref().unwrap_or(&rows).name(),
            rows,
            archive,
            order: Order::default(),
            decoder: Decoder::default(),
            events: 0,
            written: 0,
            left_out: BTreeMap::new(),
        };
        writer.put(&numpy::head(0))?;
        Ok(writer)
    }

    fn take(&mut self, event: &Event, units: [Unit; 2]) -> Result<(), Cause> {
        for time in [event.exchange, event.local] {
            row::Clock::default().time(time.nanos())?;
        }
        let price = float(event.price, units[0])?;
        let Some(row) = Row::of_event(event, price, float(event.qty, units[1])?) else {
            *self.left_out.entry(event.kind).or_default() += 1;
            return Ok(());
        };
        self.order.add(row)
    }

    /// Writes the rows that are ready, or at the end all.
    fn drain(&mut self, all: bool) -> Result<(), Error> {
        while let Some(row) = self.order.next(all) {
            self.written += 1;
            self.put(&row.to_bytes())?;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Error> {
        self.rows.write_all(bytes).map_err(|error| unwritable(&self.file, &error))
    }
}

impl Sink for Writer {
    fn write(&mut self, header: &Header, slots: &[Slot]) -> Result<(), Error> {
        let [listed] = header.instruments.as_slice() else {
            let shown = header.instruments.iter().map(|listed| listed.name.as_str()).take(3);
            let names = shown.collect::<Vec<_>>().join(", ");
            let cause = Cause::ManySymbols(header.instruments.len(), names);
            return Err(cause.of_file(&self.file));
        };
        let units = [Unit::new(listed.price_unit.raw()), Unit::new(listed.qty_unit.raw())];
        let mut left = slots;
        while let Some(event) = self.decoder.next(&mut left) {
            self.events += 1;
            let taken = self.take(&event, units);
            taken.map_err(|cause| cause.at(&self.file, self.events, 0))?;
            self.drain(false)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<BTreeMap<Kind, u64>, Error> {
        let mut writer = *self;
        writer.drain(true)?;
        let head = numpy::head(writer.written);
        let rewound = writer.rows.seek(SeekFrom::Start(0)).map(drop);
        let named = rewound.and_then(|()| writer.rows.write_all(&head));
        named.map_err(|error| unwritable(&writer.file, &error))?;
        match writer.archive {
            None => writer.rows.finish()?,
            Some(archive) => {
                let mut rows = writer.rows.reread()?;
                let packed = pack(&mut rows, archive);
                let packed = packed
                    .map_err(|error| Cause::Unwritable(error.to_string()).of_file(&writer.file))?;
                packed.finish()?;
            }
        }
        Ok(writer.left_out)
    }
}

/// Writes an archive that holds one array.
fn pack(rows: &mut impl Read, archive: Part) -> Result<Part, rawzip::Error> {
    let io = rawzip::Error::from;
    let mut zip = rawzip::ZipArchiveWriter::new(archive);
    let file = zip.new_file(archive::DATA);
    let (mut entry, config) =
        file.compression_method(rawzip::CompressionMethod::DEFLATE).start()?;
    let mut writer = config.wrap(DeflateEncoder::new(&mut entry, Compression::fast()));
    std::io::copy(rows, &mut writer).map_err(io)?;
    let (encoder, descriptor) = writer.finish()?;
    encoder.finish().map_err(io)?;
    entry.finish(descriptor)?;
    zip.finish()
}

fn unwritable(file: &str, error: &std::io::Error) -> Error {
    Cause::Unwritable(error.to_string()).of_file(file)
}

/// The float that is read back as this count.
fn float(count: i64, unit: Unit) -> Result<f64, Cause> {
    let raw = count.checked_mul(unit.raw());
    let value = raw.map(|raw| Price::from_raw(raw).to_string()).unwrap_or_default();
    let float = raw.map_or(f64::NAN, |raw| raw as f64 / 1e8);
    if unit.count(float) == Ok(count) { Ok(float) } else { Err(Cause::NoFloat(value)) }
}

/// Rows in the order of receipt, and when the exchange had each.
#[derive(Default)]
struct Order {
    received: VecDeque<(Row, bool)>,
    /// Number of the first row in `received`.
    first: u64,
    exchange: BinaryHeap<Reverse<(u64, u64)>>,
    latest: u64,
    released: u64,
}

impl Order {
    fn add(&mut self, row: Row) -> Result<(), Cause> {
        let exchange = row.0[1];
        if exchange < self.released {
            return Err(Cause::TooDisordered(WINDOW));
        }
        self.exchange.push(Reverse((exchange, self.first + self.received.len() as u64)));
        self.received.push_back((row, false));
        self.latest = self.latest.max(exchange);
        Ok(())
    }

    /// The next row of the file; `None` until more rows are known.
    fn next(&mut self, all: bool) -> Option<Row> {
        let &(row, had) = self.received.front()?;
        let marked = |row: Row, mark: u64| {
            let mut words = row.0;
            words[0] = words[0] & !(row::EXCHANGE | row::LOCAL) | mark;
            Row(words)
        };
        if had {
            self.received.pop_front();
            self.first += 1;
            return Some(marked(row, row::LOCAL));
        }
        let &Reverse((exchange, number)) = self.exchange.peek()?;
        if !all && exchange.saturating_add(WINDOW.nanos()) > self.latest {
            return None;
        }
        self.exchange.pop();
        self.released = exchange;
        if number == self.first {
            self.received.pop_front();
            self.first += 1;
            return Some(row);
        }
        let index = usize::try_from(number - self.first).expect("an index of what is in memory");
        self.received[index].1 = true;
        Some(marked(self.received[index].0, row::EXCHANGE))
    }
}
