//! One key of a scenario: its kind, its range, what holds when it is missing.

use money::Span;

/// One key.
#[derive(Debug)]
pub(crate) struct Key {
    pub name: &'static str,
    pub kind: Kind,
    pub fallback: Fallback,
    pub help: &'static str,
}

/// What a key's value is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Text,
    Instant,
    File,
    Flag,
    Number(f64, f64),
    Whole(i64, i64),
    Names,
    Wholes,
    Coins,
    Table,
    Tables,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A time with its unit, as `5ms`.
    Span(Span, Span),
}

/// What holds when the key is missing.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Fallback {
    Required,
    Absent,
    Number(f64),
    Whole(i64),
    Flag(bool),
    Text(&'static str),
}

use Fallback::{Absent, Required};
use Kind::Flag;

pub(crate) const fn key(
    name: &'static str,
    kind: Kind,
    fallback: Fallback,
    help: &'static str,
) -> Key {
    Key { name, kind, fallback, help }
}

pub(crate) const fn number(
    name: &'static str,
    range: (f64, f64),
    default: f64,
    help: &'static str,
) -> Key {
    key(name, Kind::Number(range.0, range.1), Fallback::Number(default), help)
}

pub(crate) const fn needed(name: &'static str, range: (f64, f64), help: &'static str) -> Key {
    key(name, Kind::Number(range.0, range.1), Required, help)
}

pub(crate) const fn optional(name: &'static str, range: (f64, f64), help: &'static str) -> Key {
    key(name, Kind::Number(range.0, range.1), Absent, help)
}

pub(crate) const fn whole(
    name: &'static str,
    range: (i64, i64),
    default: i64,
    help: &'static str,
) -> Key {
    key(name, Kind::Whole(range.0, range.1), Fallback::Whole(default), help)
}

pub(crate) const fn flag(name: &'static str, default: bool, help: &'static str) -> Key {
    key(name, Flag, Fallback::Flag(default), help)
}
