//! A line of comma-separated fields and the header that names them.
//!
//! A header is a line no field of which starts like a number. Market data quotes no fields, so a
//! quote is a bad number like any other.

use crate::error::{Cause, Error, excerpt};
use crate::lines::Lines;

/// Most columns of a layout.
const COLUMNS: usize = 16;

/// The fields of a line.
pub(crate) struct Fields<'a> {
    fields: [&'a str; COLUMNS],
    /// How many there are; those beyond sixteen are counted only.
    pub(crate) count: usize,
}

/// Splits a line at its commas.
pub(crate) fn split(line: &str) -> Fields<'_> {
    let mut fields = [""; COLUMNS];
    let mut count = 0;
    for field in line.split(',') {
        if let Some(slot) = fields.get_mut(count) {
            *slot = field;
        }
        count += 1;
    }
    Fields { fields, count }
}

impl<'a> Fields<'a> {
    /// A field, empty where the line has none.
    pub(crate) fn get(&self, index: usize) -> &'a str {
        self.fields.get(index).copied().unwrap_or("")
    }

    /// The fields that are kept.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &'a str> {
        self.fields.into_iter().take(self.count)
    }

    /// Whether they name columns rather than hold values.
    pub(crate) fn is_header(&self) -> bool {
        let number = |field: &str| {
            field.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.'))
        };
        !self.iter().any(number)
    }

    /// Where a column of any of these names stands.
    pub(crate) fn position(&self, names: &[&str]) -> Option<usize> {
        self.iter().position(|field| names.contains(&field))
    }

    /// The first field that none of the names is equal to.
    pub(crate) fn stranger(&self, names: &[&[&str]]) -> Option<(usize, &'a str)> {
        let known = |field: &str| names.iter().any(|alias| alias.contains(&field));
        self.iter().enumerate().find(|(_, field)| !known(field))
    }
}

/// A cause and the index of the field that it is about.
pub(crate) type Fault = (usize, Cause);

/// Marks the index of the field on a cause.
pub(crate) fn in_field<T>(index: usize, result: Result<T, Cause>) -> Result<T, Fault> {
    result.map_err(|cause| (index, cause))
}

/// The error of a field on the line last read.
pub(crate) fn fail(lines: &Lines<'_>, (index, cause): Fault) -> Error {
    cause.at(lines.file(), lines.number(), index as u64 + 1)
}

/// Refuses a line whose number of fields differs from the first line's.
pub(crate) fn check_count(lines: &Lines<'_>, found: usize, columns: usize) -> Result<(), Error> {
    if found == columns {
        return Ok(());
    }
    Err(lines.fail(Cause::ColumnCount(found, format!("{columns} as in the first line"))))
}

/// A whole number from zero.
pub(crate) fn whole(text: &str) -> Result<u64, Cause> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| Cause::NotWhole(excerpt(text)))
}

/// Yes or no, as `true`, `True`, `false` or `False`.
pub(crate) fn truth(text: &str) -> Option<bool> {
    match text.as_bytes() {
        [b't' | b'T', b'r', b'u', b'e'] => Some(true),
        [b'f' | b'F', b'a', b'l', b's', b'e'] => Some(false),
        _ => None,
    }
}
