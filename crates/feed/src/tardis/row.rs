//! One line as fields, and each field as what its column holds.

use memchr::memchr_iter;
use money::Time;

use super::layout::Layout;
use crate::error::{Cause, excerpt};
use crate::number::{self, Clock};
use crate::tape::Side;

/// What is wrong, and the column from 1; 0 when the whole line is meant.
pub(super) type Fault = (usize, Cause);

/// The commas of a line, kept from row to row.
#[derive(Default)]
pub(super) struct Commas(Vec<usize>);

impl Commas {
    /// Bytes up to and with a comma, by its number from 0.
    pub(super) fn end_of(&self, comma: usize) -> usize {
        self.0[comma] + 1
    }
}

/// A line of as many fields as its header.
pub(super) struct Row<'r> {
    text: &'r str,
    commas: &'r [usize],
    layout: &'r Layout,
}

impl<'r> Row<'r> {
    /// Divides a line.
    pub(super) fn new(
        text: &'r str,
        commas: &'r mut Commas,
        layout: &'r Layout,
    ) -> Result<Row<'r>, Fault> {
        commas.0.clear();
        commas.0.extend(memchr_iter(b',', text.as_bytes()).take(layout.columns() + 1));
        let found = commas.0.len() + 1;
        if found != layout.columns() {
            let found = text.split(',').count();
            let expected = format!("{} as in the first line", layout.columns());
            return Err((0, Cause::ColumnCount(found, expected)));
        }
        Ok(Row { text, commas: &commas.0, layout })
    }

    /// A column's text, by its number in the type's own order.
    pub(super) fn text(&self, role: usize) -> &'r str {
        let place = self.layout.place(role);
        let start = if place == 0 { 0 } else { self.commas[place - 1] + 1 };
        let end = self.commas.get(place).copied().unwrap_or(self.text.len());
        &self.text[start..end]
    }

    /// What reading a column gave, with its place and name if it failed.
    pub(super) fn in_column<T>(&self, role: usize, read: Result<T, Cause>) -> Result<T, Fault> {
        read.map_err(|cause| {
            let place = self.layout.place(role);
            let name = self.layout.name(place).to_owned();
            (place + 1, Cause::Column(name, Box::new(cause)))
        })
    }

    /// A text that may not be empty.
    pub(super) fn name(&self, role: usize) -> Result<&'r str, Fault> {
        let text = self.text(role);
        let read = if text.is_empty() { Err(Cause::MissingValue) } else { Ok(text) };
        self.in_column(role, read)
    }

    /// A time.
    pub(super) fn time(&self, role: usize, clock: &mut Clock) -> Result<Time, Fault> {
        self.in_column(role, clock.time(self.text(role)))
    }

    /// What stands in a column, read by a function; `None` where it is empty.
    pub(super) fn optional<T>(
        &self,
        role: usize,
        read: impl FnOnce(&str) -> Result<T, Cause>,
    ) -> Result<Option<T>, Fault> {
        match self.text(role) {
            "" => Ok(None),
            text => self.in_column(role, read(text)).map(Some),
        }
    }

    /// `true` or `false`.
    pub(super) fn flag(&self, role: usize) -> Result<bool, Fault> {
        let read = match self.text(role) {
            "true" => Ok(true),
            "false" => Ok(false),
            text => Err(Cause::NotOneOf(excerpt(text), "true or false")),
        };
        self.in_column(role, read)
    }

    /// `bid` or `ask`.
    pub(super) fn book_side(&self, role: usize) -> Result<Side, Fault> {
        let read = match self.text(role) {
            "bid" => Ok(Side::Buy),
            "ask" => Ok(Side::Sell),
            text => Err(Cause::NotOneOf(excerpt(text), "bid or ask")),
        };
        self.in_column(role, read)
    }

    /// `buy`, `sell`, or `unknown` as `None`.
    pub(super) fn taker(&self, role: usize) -> Result<Option<Side>, Fault> {
        let read = match self.text(role) {
            "buy" => Ok(Some(Side::Buy)),
            "sell" => Ok(Some(Side::Sell)),
            "unknown" => Ok(None),
            text => Err(Cause::NotOneOf(excerpt(text), "buy, sell or unknown")),
        };
        self.in_column(role, read)
    }
}

/// A computed value to the nearest 10^-places, adding to the count if it was rounded.
pub(super) fn nearest(text: &str, places: u32, rounded: &mut u64) -> Result<i64, Cause> {
    let (raw, inexact) = number::scaled(text, places)?;
    *rounded += u64::from(inexact);
    Ok(raw)
}
