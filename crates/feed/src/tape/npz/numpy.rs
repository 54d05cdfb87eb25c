//! The head of numpy's `.npy`: magic, version, length, and a dictionary of Python that names the
//! fields, their types and the number of rows (numpy's NEP 1).

use std::io::Read;

use crate::error::{Cause, excerpt};

/// The fields of an event and their types.
pub(super) const FIELDS: [(&str, &str); 8] = [
    ("ev", "<u8"),
    ("exch_ts", "<i8"),
    ("local_ts", "<i8"),
    ("px", "<f8"),
    ("qty", "<f8"),
    ("order_id", "<u8"),
    ("ival", "<i8"),
    ("fval", "<f8"),
];

/// What the head says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    /// Number of rows.
    pub(super) rows: u64,
    /// Which word of a row each field of [`FIELDS`] is.
    pub(super) order: [u8; 8],
}

/// Longest dictionary that is read.
const HEAD: usize = 1 << 16;

/// Reads the head of an array of events.
pub(super) fn shape(input: &mut impl Read) -> Result<Shape, Cause> {
    let mut take = |length: usize| {
        let mut bytes = vec![0; length];
        let read = input.read_exact(&mut bytes);
        read.map(|()| bytes).map_err(|error| Cause::Unreadable(error.to_string()))
    };
    let start = take(8)?;
    if start[..6] != super::MAGIC {
        return Err(Cause::NotEvents("it does not begin as an array of numpy does".to_owned()));
    }
    let length = match start[6] {
        1 => take(2)?.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
        _ => take(4)?.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
    };
    if length > HEAD {
        return Err(Cause::NotEvents(format!("its head has {length} bytes")));
    }
    let head = String::from_utf8_lossy(&take(length)?).into_owned();
    parse(&head).ok_or_else(|| Cause::NotEvents(excerpt(head.trim())))
}

/// The head of an array of so many rows, the same length for any number.
pub(super) fn head(rows: u64) -> Vec<u8> {
    let fields: Vec<String> =
        FIELDS.iter().map(|(name, kind)| format!("('{name}', '{kind}')")).collect();
    let fields = fields.join(", ");
    let text = format!("{{'descr': [{fields}], 'fortran_order': False, 'shape': ({rows},), }}");
    let length = 256 - 10;
    let text = format!("{text:<width$}\n", width = length - 1);
    let length = u16::try_from(length).expect("a constant below 65,536");
    [&super::MAGIC[..], &[1, 0], &length.to_le_bytes(), text.as_bytes()].concat()
}

fn parse(head: &str) -> Option<Shape> {
    let text: String = head.chars().filter(|c| !c.is_whitespace()).collect();
    let (_, fields) = text.split_once("'descr':[")?;
    let (fields, _) = fields.split_once(']')?;
    let (_, shape) = text.split_once("'shape':(")?;
    let (rows, _) = shape.split_once(",)")?;
    let mut order = [u8::MAX; 8];
    let fields = fields.trim_end_matches(',');
    let tuples = fields.strip_prefix('(')?.strip_suffix(')')?.split("),(");
    let mut count = 0;
    for (place, tuple) in tuples.enumerate() {
        let (name, kind) = tuple.split_once(',')?;
        let name = name.trim_matches('\'');
        let field = FIELDS.iter().position(|(known, _)| *known == name)?;
        let same = kind.trim_matches('\'') == FIELDS[field].1;
        order[field] = u8::try_from(place).ok().filter(|_| same && order[field] == u8::MAX)?;
        count += 1;
    }
    (count == 8 && text.contains("'fortran_order':False"))
        .then_some(Shape { rows: rows.parse().ok()?, order })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_read_whatever_the_order_of_fields() {
        let written = head(5_000_000);
        assert_eq!(written.len(), 256);
        let order = [0, 1, 2, 3, 4, 5, 6, 7];
        assert_eq!(shape(&mut written.as_slice()).unwrap(), Shape { rows: 5_000_000, order });
        assert_eq!(head(0).len(), head(u64::MAX).len());
        let other = "{'descr': [('px', '<f8'), ('ev', '<u8'), ('exch_ts', '<i8'), ('local_ts', \
                     '<i8'), ('qty', '<f8'), ('order_id', '<u8'), ('ival', '<i8'), ('fval', \
                     '<f8')], 'fortran_order': False, 'shape': (7,), }";
        let order = [1, 2, 3, 0, 4, 5, 6, 7];
        assert_eq!(parse(other), Some(Shape { rows: 7, order }));
    }

    #[test]
    fn arrays_that_hold_no_events_are_refused() {
        let good = String::from_utf8_lossy(&head(3)[10..]).into_owned();
        let table = [
            ("'px', '<f8'", "'px', '<f4'"),
            ("'px'", "'price'"),
            ("'px'", "'qty'"),
            (", ('fval', '<f8')", ""),
            ("False", "True"),
            ("(3,)", "(3, 6)"),
            ("'shape'", "'size'"),
        ];
        assert!(parse(&good).is_some());
        for (from, to) in table {
            assert_eq!(parse(&good.replacen(from, to, 1)), None, "{to}");
        }
        assert_eq!(parse("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 6), }"), None);
    }
}
