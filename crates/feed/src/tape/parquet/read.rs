//! Groups of rows to events.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use money::Time;
use parquet::column::reader::{ColumnReader, ColumnReaderImpl};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::file::metadata::ParquetMetaData;
use parquet::file::reader::FileReader;
use parquet::file::serialized_reader::SerializedFileReader;
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::{ColumnDescriptor, SchemaDescriptor};

use super::columns::Numbers;
use super::{CHECKSUM, EVENTS, INSTRUMENTS, SCHEMA, Sum, broken, labels};
use crate::error::{Cause, Error, excerpt};
use crate::meter::Meter;
use crate::table::{check_offsets, guarded};
use crate::tape::file::parse_listing;
use crate::tape::{Encoder, Event, Header, Kind, Side, Slot, Source};

/// Rows read at once.
const BATCH: usize = 1 << 13;

/// Reads a tape from Parquet.
pub struct Reader {
    file: String,
    input: SerializedFileReader<File>,
    meter: Meter,
    header: Header,
    labels: BTreeMap<Vec<u8>, u16>,
    /// Groups opened.
    groups: usize,
    /// The open group, and how many of its rows are left.
    open: Option<(Columns, usize)>,
    batch: Batch,
    sum: Sum,
    encoder: Encoder,
    ended: bool,
}

/// The columns of a group in the order of the schema.
struct Columns {
    times: [ColumnReaderImpl<Int64Type>; 2],
    texts: [ColumnReaderImpl<ByteArrayType>; 3],
    marks: [ColumnReaderImpl<BoolType>; 2],
    numbers: [ColumnReaderImpl<Int64Type>; 5],
    id: ColumnReaderImpl<Int64Type>,
}

/// Some rows, by column: values, and of each row whether it has one.
#[derive(Default)]
struct Batch {
    times: [Cells<i64>; 2],
    texts: [Cells<ByteArray>; 3],
    marks: [Cells<bool>; 2],
    numbers: [Cells<i64>; 5],
    id: Cells<i64>,
}

#[derive(Default)]
struct Cells<T> {
    values: Vec<T>,
    levels: Vec<i16>,
    /// Values taken.
    at: usize,
}

/// Whether a Parquet file is a tape.
pub(crate) fn recognises(input: File) -> bool {
    guarded(|| {
        let reader = SerializedFileReader::new(input).map_err(broken)?;
        Ok(metadata(reader.metadata(), INSTRUMENTS).is_some())
    })
    .unwrap_or(false)
}

impl Reader {
    /// Opens a file; `file` is the name in errors.
    ///
    /// # Errors
    /// Anything but a tape in Parquet.
    pub fn new(file: &str, input: File, meter: &Meter) -> Result<Reader, Error> {
        let opened = guarded(|| {
            let input = SerializedFileReader::new(input).map_err(broken)?;
            check_schema(input.metadata().file_metadata().schema_descr())?;
            let listing = metadata(input.metadata(), INSTRUMENTS);
            let listing = listing.ok_or_else(|| {
                Cause::BrokenParquet(format!("its metadata lack `{INSTRUMENTS}`"))
            })?;
            let header = parse_listing(listing.as_bytes()).map_err(Cause::BrokenParquet)?;
            Ok((input, header))
        });
        let (input, header) = opened.map_err(|cause| cause.of_file(file))?;
        let labels = labels(&header).into_iter().map(String::into_bytes).zip(0..).collect();
        Ok(Reader {
            file: file.to_owned(),
            input,
            meter: meter.clone(),
            header,
            labels,
            groups: 0,
            open: None,
            batch: Batch::default(),
            sum: Sum::default(),
            encoder: Encoder::default(),
            ended: false,
        })
    }

    fn advance(&mut self, slots: &mut Vec<Slot>) -> Result<bool, Error> {
        let start = slots.len();
        let rows = guarded(|| self.read()).map_err(|cause| cause.of_file(&self.file))?;
        if rows == 0 {
            self.check_end().map_err(|cause| cause.of_file(&self.file))?;
            return Ok(false);
        }
        for _ in 0..rows {
            let event = self.event();
            let event = event.map_err(|cause| cause.at(&self.file, self.sum.events + 1, 0))?;
            self.sum.add(&event);
            self.encoder.push(&event, slots);
        }
        Ok(slots.len() > start)
    }

    /// Reads the next rows into the batch and tells how many.
    fn read(&mut self) -> Result<usize, Cause> {
        while self.open.as_ref().is_none_or(|(_, left)| *left == 0) {
            if self.groups == self.input.num_row_groups() {
                return Ok(0);
            }
            self.open = Some(self.open_group()?);
        }
        let Some((columns, left)) = &mut self.open else { return Ok(0) };
        let rows = BATCH.min(*left);
        *left -= rows;
        columns.read(rows, &mut self.batch)?;
        Ok(rows)
    }

    fn open_group(&mut self) -> Result<(Columns, usize), Cause> {
        let group = self.input.get_row_group(self.groups).map_err(broken)?;
        check_offsets(&*group)?;
        self.groups += 1;
        let rows = usize::try_from(group.metadata().num_rows());
        let rows =
            rows.map_err(|_| Cause::BrokenParquet("a negative number of rows".to_owned()))?;
        self.meter.add(group.metadata().compressed_size().unsigned_abs());
        let column = |index: usize| group.get_column_reader(index).map_err(broken);
        let columns = Columns {
            times: [integers(column(0)?)?, integers(column(1)?)?],
            texts: [texts(column(2)?)?, texts(column(3)?)?, texts(column(4)?)?],
            marks: [marks(column(5)?)?, marks(column(6)?)?],
            numbers: [
                integers(column(7)?)?,
                integers(column(8)?)?,
                integers(column(9)?)?,
                integers(column(10)?)?,
                integers(column(11)?)?,
            ],
            id: integers(column(12)?)?,
        };
        Ok((columns, rows))
    }

    /// The next event of the batch.
    fn event(&mut self) -> Result<Event, Cause> {
        let Batch { times, texts, marks, numbers, id } = &mut self.batch;
        let [exchange, local] = times;
        let (exchange, local) = (time(exchange.next())?, time(local.next())?);
        let [instrument, kind, side] = texts;
        let label = instrument.next().map_or(&[][..], ByteArray::data);
        let unknown = |what: &str, text: &[u8]| {
            Cause::UnknownText(what.to_owned(), excerpt(&String::from_utf8_lossy(text)))
        };
        let instrument = self.labels.get(label).ok_or_else(|| unknown("instrument", label))?;
        let name = kind.next().map_or(&[][..], ByteArray::data);
        let kind = Kind::ALL.into_iter().skip(1).find(|kind| kind.name().as_bytes() == name);
        let kind = kind.ok_or_else(|| unknown("kind", name))?;
        let side = match side.next().map(ByteArray::data) {
            None => None,
            Some(b"buy") => Some(Side::Buy),
            Some(b"sell") => Some(Side::Sell),
            Some(text) => return Err(unknown("side", text)),
        };
        let [last, snapshot] = marks;
        let (last, snapshot) = (last.next() == Some(&true), snapshot.next() == Some(&true));
        let [price, qty, rate, price_units, qty_units] =
            numbers.each_mut().map(|cells| cells.next().copied());
        let numbers = Numbers { price, qty, rate, price_units, qty_units };
        let listed = &self.header.instruments[usize::from(*instrument)];
        let (price, qty) = numbers.values(kind, listed)?;
        let id = id.next().copied().unwrap_or(0).cast_unsigned();
        let instrument = *instrument;
        Ok(Event { exchange, local, instrument, kind, side, last, snapshot, price, qty, id })
    }

    fn check_end(&self) -> Result<(), Cause> {
        let stored = |key: &str| metadata(self.input.metadata(), key).unwrap_or_default();
        let (events, found) = (stored(EVENTS), self.sum.checksum());
        if events != self.sum.events.to_string() {
            let why = format!("{} events where {} were written", self.sum.events, excerpt(events));
            return Err(Cause::BrokenParquet(why));
        }
        if stored(CHECKSUM) != format!("{found:08x}") {
            return Err(Cause::WrongChecksum(found, excerpt(stored(CHECKSUM))));
        }
        Ok(())
    }
}

impl Source for Reader {
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

impl Columns {
    fn read(&mut self, rows: usize, batch: &mut Batch) -> Result<(), Cause> {
        for (column, cells) in self.times.iter_mut().zip(&mut batch.times) {
            cells.read(column, rows)?;
        }
        for (column, cells) in self.texts.iter_mut().zip(&mut batch.texts) {
            cells.read(column, rows)?;
        }
        for (column, cells) in self.marks.iter_mut().zip(&mut batch.marks) {
            cells.read(column, rows)?;
        }
        for (column, cells) in self.numbers.iter_mut().zip(&mut batch.numbers) {
            cells.read(column, rows)?;
        }
        batch.id.read(&mut self.id, rows)
    }
}

impl<T> Cells<T> {
    fn read<D: DataType<T = T>>(
        &mut self,
        column: &mut ColumnReaderImpl<D>,
        rows: usize,
    ) -> Result<(), Cause> {
        self.values.clear();
        self.levels.clear();
        self.at = 0;
        let (mut records, mut values) = (0, 0);
        while records < rows {
            let levels = Some(&mut self.levels);
            let (read, present, _) = column
                .read_records(rows - records, levels, None, &mut self.values)
                .map_err(broken)?;
            if read == 0 {
                return Err(Cause::BrokenParquet("a column has too few rows".to_owned()));
            }
            records += read;
            values += present;
        }
        // A column that must be filled has no levels.
        if self.levels.is_empty() {
            self.levels.resize(rows, 1);
        }
        let expected = self.levels.iter().filter(|level| **level > 0).count();
        if self.levels.len() != rows || values != expected || self.values.len() != values {
            return Err(Cause::BrokenParquet("a column's values and nulls disagree".to_owned()));
        }
        self.levels.reverse();
        Ok(())
    }

    /// The next cell, `None` for null.
    fn next(&mut self) -> Option<&T> {
        if self.levels.pop()? == 0 {
            return None;
        }
        self.at += 1;
        self.values.get(self.at - 1)
    }
}

fn time(cell: Option<&i64>) -> Result<Time, Cause> {
    let count = cell.copied().unwrap_or(-1);
    let nanos = u64::try_from(count).map_err(|_| Cause::NotATime(count.to_string()))?;
    Ok(Time::from_nanos(nanos))
}

fn metadata<'a>(metadata: &'a ParquetMetaData, key: &str) -> Option<&'a str> {
    let pairs = metadata.file_metadata().key_value_metadata()?;
    pairs.iter().find(|pair| pair.key == key)?.value.as_deref()
}

fn check_schema(found: &SchemaDescriptor) -> Result<(), Cause> {
    let expected = parse_message_type(SCHEMA).map_err(broken)?;
    let expected = SchemaDescriptor::new(Arc::new(expected));
    let same = |(left, right): (&Arc<ColumnDescriptor>, &Arc<ColumnDescriptor>)| {
        left.path() == right.path()
            && left.physical_type() == right.physical_type()
            && left.logical_type_ref() == right.logical_type_ref()
            && left.max_def_level() == right.max_def_level()
            && left.max_rep_level() == 0
    };
    let columns = (found.columns(), expected.columns());
    if columns.0.len() == columns.1.len() && columns.0.iter().zip(columns.1).all(same) {
        return Ok(());
    }
    let names = |columns: &[Arc<ColumnDescriptor>]| {
        let names: Vec<&str> = columns.iter().map(|column| column.name()).collect();
        names.join(", ").escape_debug().to_string()
    };
    let expected = format!("{} as a tape has them", names(columns.1));
    Err(Cause::WrongColumns(names(columns.0), expected))
}

fn integers(reader: ColumnReader) -> Result<ColumnReaderImpl<Int64Type>, Cause> {
    let ColumnReader::Int64ColumnReader(reader) = reader else {
        return Err(Cause::BrokenParquet("a column is not of 64-bit integers".to_owned()));
    };
    Ok(reader)
}

fn texts(reader: ColumnReader) -> Result<ColumnReaderImpl<ByteArrayType>, Cause> {
    let ColumnReader::ByteArrayColumnReader(reader) = reader else {
        return Err(Cause::BrokenParquet("a column is not of texts".to_owned()));
    };
    Ok(reader)
}

fn marks(reader: ColumnReader) -> Result<ColumnReaderImpl<BoolType>, Cause> {
    let ColumnReader::BoolColumnReader(reader) = reader else {
        return Err(Cause::BrokenParquet("a column is not of marks".to_owned()));
    };
    Ok(reader)
}
