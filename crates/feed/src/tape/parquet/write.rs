//! Events to groups of rows.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use parquet::basic::{Compression, Encoding};
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use parquet::schema::parser::parse_message_type;
use parquet::schema::types::ColumnPath;

use super::columns::Numbers;
use super::{CHECKSUM, EVENTS, INSTRUMENTS, SCHEMA, Sum, labels};
use crate::error::{Cause, Error};
use crate::part::Part;
use crate::tape::file::listing;
use crate::tape::{Decoder, Event, Header, Kind, Side, Sink, Slot};

/// Rows of a group.
const GROUP: usize = 1 << 17;

/// Writes a tape as Parquet.
pub struct Writer {
    file: String,
    out: SerializedFileWriter<Part>,
    header: Header,
    labels: Vec<ByteArray>,
    decoder: Decoder,
    sum: Sum,
    rows: Rows,
}

/// The columns of a group.
#[derive(Default)]
struct Rows {
    exchange: Vec<i64>,
    local: Vec<i64>,
    instrument: Vec<ByteArray>,
    kind: Vec<ByteArray>,
    side: Vec<Option<Side>>,
    last: Vec<bool>,
    snapshot: Vec<bool>,
    numbers: Vec<Numbers>,
    id: Vec<i64>,
}

impl Writer {
    /// Begins a file.
    ///
    /// # Errors
    /// A place that cannot be written to.
    pub fn new(place: &Path) -> Result<Writer, Error> {
        let part = Part::create(place)?;
        let file = part.name();
        let out = begin(part).map_err(|error| unwritable(&file, &error))?;
        let (header, labels) = (Header::default(), Vec::new());
        let (decoder, sum, rows) = (Decoder::default(), Sum::default(), Rows::default());
        Ok(Writer { file, out, header, labels, decoder, sum, rows })
    }

    fn take(&mut self, event: &Event) -> Result<(), Cause> {
        let index = usize::from(event.instrument);
        let listed = self.header.instruments.get(index);
        let unlisted = "an event is of an instrument that is not listed";
        let listed = listed.ok_or(Cause::BadEvent(unlisted))?;
        let numbers = Numbers::of(event, listed);
        let [exchange, local] = [event.exchange, event.local].map(|time| {
            i64::try_from(time.nanos()).map_err(|_| Cause::NotATime(time.nanos().to_string()))
        });
        self.rows.exchange.push(exchange?);
        self.rows.local.push(local?);
        self.rows.instrument.push(self.labels[index].clone());
        self.rows.kind.push(ByteArray::from(event.kind.name()));
        self.rows.side.push(event.side);
        self.rows.last.push(event.last);
        self.rows.snapshot.push(event.snapshot);
        self.rows.numbers.push(numbers);
        self.rows.id.push(event.id.cast_signed());
        self.sum.add(event);
        Ok(())
    }

    fn flush(&mut self) -> Result<(), Error> {
        let rows = std::mem::take(&mut self.rows);
        if rows.id.is_empty() {
            return Ok(());
        }
        let group = self.out.next_row_group().and_then(|group| rows.write(group));
        group.map_err(|error| unwritable(&self.file, &error))
    }
}

impl Sink for Writer {
    fn write(&mut self, header: &Header, slots: &[Slot]) -> Result<(), Error> {
        if header.instruments.len() > self.header.instruments.len() {
            self.header = header.clone();
            let labels = labels(header);
            // A text that rows already have must not come to mean another instrument.
            let kept =
                self.labels.iter().zip(&labels).all(|(had, label)| had.data() == label.as_bytes());
            if !kept {
                let cause = Cause::BadEvent("an instrument of an earlier one's name came late");
                return Err(cause.of_file(&self.file));
            }
            self.labels = labels.iter().map(|label| ByteArray::from(label.as_str())).collect();
        }
        let mut left = slots;
        while let Some(event) = self.decoder.next(&mut left) {
            let taken = self.take(&event);
            taken.map_err(|cause| cause.at(&self.file, self.sum.events + 1, 0))?;
            if self.rows.id.len() == GROUP {
                self.flush()?;
            }
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<BTreeMap<Kind, u64>, Error> {
        let mut writer = *self;
        writer.flush()?;
        let metadata = [
            (INSTRUMENTS, listing(&writer.header, 0)),
            (EVENTS, writer.sum.events.to_string()),
            (CHECKSUM, format!("{:08x}", writer.sum.checksum())),
        ];
        for (key, value) in metadata {
            writer.out.append_key_value_metadata(KeyValue::new(key.to_owned(), value));
        }
        let part = writer.out.into_inner().map_err(|error| unwritable(&writer.file, &error))?;
        part.finish()?;
        Ok(BTreeMap::new())
    }
}

fn unwritable(file: &str, error: &ParquetError) -> Error {
    Cause::Unwritable(error.to_string()).of_file(file)
}

fn begin(part: Part) -> Result<SerializedFileWriter<Part>, ParquetError> {
    let schema = Arc::new(parse_message_type(SCHEMA)?);
    let mut properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false);
    for name in ["instrument", "kind", "side"] {
        properties = properties.set_column_dictionary_enabled(ColumnPath::from(name), true);
    }
    for name in
        ["exchange_ns", "local_ns", "price", "qty", "rate", "price_units", "qty_units", "id"]
    {
        let encoding = Encoding::DELTA_BINARY_PACKED;
        properties = properties.set_column_encoding(ColumnPath::from(name), encoding);
    }
    SerializedFileWriter::new(part, schema, Arc::new(properties.build()))
}

impl Rows {
    fn write(self, mut group: SerializedRowGroupWriter<'_, Part>) -> Result<(), ParquetError> {
        column::<Int64Type>(&mut group, &self.exchange, None)?;
        column::<Int64Type>(&mut group, &self.local, None)?;
        column::<ByteArrayType>(&mut group, &self.instrument, None)?;
        column::<ByteArrayType>(&mut group, &self.kind, None)?;
        let side = |side: &Side| ByteArray::from(side.name());
        let sides: Vec<ByteArray> = self.side.iter().flatten().map(side).collect();
        let levels: Vec<i16> = self.side.iter().map(|side| i16::from(side.is_some())).collect();
        column::<ByteArrayType>(&mut group, &sides, Some(&levels))?;
        column::<BoolType>(&mut group, &self.last, None)?;
        column::<BoolType>(&mut group, &self.snapshot, None)?;
        let parts: [fn(&Numbers) -> Option<i64>; 5] = [
            |numbers| numbers.price,
            |numbers| numbers.qty,
            |numbers| numbers.rate,
            |numbers| numbers.price_units,
            |numbers| numbers.qty_units,
        ];
        for part in parts {
            let values: Vec<i64> = self.numbers.iter().filter_map(part).collect();
            let level = |numbers: &Numbers| i16::from(part(numbers).is_some());
            let levels: Vec<i16> = self.numbers.iter().map(level).collect();
            column::<Int64Type>(&mut group, &values, Some(&levels))?;
        }
        column::<Int64Type>(&mut group, &self.id, None)?;
        group.close().map(drop)
    }
}

fn column<T: DataType>(
    group: &mut SerializedRowGroupWriter<'_, Part>,
    values: &[T::T],
    levels: Option<&[i16]>,
) -> Result<(), ParquetError> {
    let column = group.next_column()?;
    let mut column = column.expect("as many columns are written as the schema has");
    column.typed::<T>().write_batch(values, levels, None)?;
    column.close()
}
