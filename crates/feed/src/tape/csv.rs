//! Events as CSV, with the columns of the Parquet layout: for a look at a tape and for tools that
//! read text. Every digit is kept.

use std::io::Write;

use money::{Price, Qty, Rate};

use super::parquet::columns::Numbers;
use super::parquet::labels;
use super::{Decoder, Event, Header, Side, Slot};
use crate::error::{Cause, Error};

const HEAD: &str = "exchange_ns,local_ns,instrument,kind,side,last,snapshot,price,qty,rate,\
                    price_units,qty_units,id";

/// Writes events as lines.
pub struct CsvWriter<W> {
    file: String,
    out: W,
    decoder: Decoder,
    labels: Vec<String>,
}

impl<W: Write> CsvWriter<W> {
    /// Begins a table; `file` is the name in errors.
    ///
    /// # Errors
    /// What the output refuses.
    pub fn new(file: &str, out: W) -> Result<CsvWriter<W>, Error> {
        let (file, decoder, labels) = (file.to_owned(), Decoder::default(), Vec::new());
        let mut writer = CsvWriter { file, out, decoder, labels };
        let written = writeln!(writer.out, "{HEAD}");
        written.map_err(|error| writer.unwritable(&error))?;
        Ok(writer)
    }

    /// Writes events of a header's instruments.
    ///
    /// # Errors
    /// What the output refuses, and events of an instrument that is not listed.
    pub fn write(&mut self, header: &Header, slots: &[Slot]) -> Result<(), Error> {
        if self.labels.len() < header.instruments.len() {
            self.labels = labels(header);
        }
        let mut left = slots;
        while let Some(event) = self.decoder.next(&mut left) {
            let listed = header.instruments.get(usize::from(event.instrument));
            let unlisted = "an event is of an instrument that is not listed";
            let listed = listed.ok_or_else(|| Cause::BadEvent(unlisted).of_file(&self.file))?;
            let written = self.line(&event, &Numbers::of(&event, listed));
            written.map_err(|error| self.unwritable(&error))?;
        }
        self.out.flush().map_err(|error| self.unwritable(&error))
    }

    fn line(&mut self, event: &Event, numbers: &Numbers) -> std::io::Result<()> {
        let Event { exchange, local, kind, last, snapshot, id, .. } = event;
        let label = &self.labels[usize::from(event.instrument)];
        let (side, kind) = (event.side.map_or("", Side::name), kind.name());
        let (exchange, local) = (exchange.nanos(), local.nanos());
        write!(self.out, "{exchange},{local},{label},{kind},{side},{last},{snapshot},")?;
        let out = &mut self.out;
        numbers.price.map_or(Ok(()), |raw| write!(out, "{}", Price::from_raw(raw)))?;
        out.write_all(b",")?;
        numbers.qty.map_or(Ok(()), |raw| write!(out, "{}", Qty::from_raw(raw)))?;
        out.write_all(b",")?;
        numbers.rate.map_or(Ok(()), |raw| write!(out, "{}", Rate::from_raw(raw)))?;
        out.write_all(b",")?;
        numbers.price_units.map_or(Ok(()), |units| write!(out, "{units}"))?;
        out.write_all(b",")?;
        numbers.qty_units.map_or(Ok(()), |units| write!(out, "{units}"))?;
        writeln!(out, ",{id}")
    }

    fn unwritable(&self, error: &std::io::Error) -> Error {
        Cause::Unwritable(error.to_string()).of_file(&self.file)
    }
}
