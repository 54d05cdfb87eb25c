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
            self.labels = labels(header).into_iter().map(quoted).collect();
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

/// A text as one field.
fn quoted(text: String) -> String {
    if text.contains([',', '"', '\n', '\r']) {
        return format!("\"{}\"", text.replace('"', "\"\""));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::tape::tests::level;
    use crate::tape::{Encoder, Kind, Listed};

    #[test]
    fn lines_keep_every_digit() {
        let listed = |name: &str| Listed {
            name: name.to_owned(),
            venue: String::new(),
            price_unit: "0.1".parse().unwrap(),
            qty_unit: "0.001".parse().unwrap(),
        };
        let instruments = vec![listed("BTC"), listed("a,\"b\"")];
        let header = Header { source: String::new(), instruments };
        let funding = Event { kind: Kind::Funding, side: None, qty: 0, id: 7, ..level(2, 123_456) };
        let events = [level(1, 600_001), Event { instrument: 1, ..funding }, level(3, i64::MAX)];
        let (mut slots, mut encoder) = (Vec::new(), Encoder::default());
        events.iter().for_each(|event| encoder.push(event, &mut slots));
        let mut bytes = Vec::new();
        let mut writer = CsvWriter::new("out", &mut bytes).unwrap();
        writer.write(&header, &slots).unwrap();
        let text = String::from_utf8(bytes).unwrap();
        let lines: Vec<&str> = text.lines().skip(1).collect();
        let start = |second: u64| format!("170000000{second}000000000,170000000{second}005000000");
        let expected = [
            format!("{},BTC,level,buy,true,false,60000.1,1.5,,,,0", start(1)),
            format!(r#"{},"a,""b""",funding,,true,false,,,0.000000123456,,,7"#, start(2)),
            format!("{},BTC,level,buy,true,false,,1.5,,9223372036854775807,,0", start(3)),
        ];
        assert_eq!(lines, expected);
    }
}
