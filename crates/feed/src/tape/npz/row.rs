//! A row of an event file and the event that it is, both ways.

use money::Time;

use super::float::{Misfit, Unit};
use super::{Event, Kind};
use crate::error::Cause;
use crate::tape::Side;

/// Eight words in the order of [`super::numpy::FIELDS`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Row(pub(super) [u64; 8]);

/// Who a row is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Copy {
    Both,
    Exchange,
    Local,
}

/// The unit that a file's times are in, told by the first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    nanos: u64,
}

pub(super) const EXCHANGE: u64 = 1 << 31;
pub(super) const LOCAL: u64 = 1 << 30;
const BUY: u64 = 1 << 29;
const SELL: u64 = 1 << 28;

/// hftbacktest's numbers of kinds; a snapshot's levels are levels.
const KINDS: [(u64, Kind); 8] = [
    (1, Kind::Level),
    (2, Kind::Trade),
    (3, Kind::Clear),
    (5, Kind::Best),
    (10, Kind::Add),
    (11, Kind::Remove),
    (12, Kind::Change),
    (13, Kind::Execute),
];
const SNAPSHOT: u64 = 4;

/// Seconds of 2000-01-01 and of 2100-01-01: in this century the units cannot be confused.
const CENTURY: std::ops::Range<u64> = 946_684_800..4_102_444_800;

impl Row {
    /// Bytes of a row.
    pub(super) const BYTES: usize = 64;
    /// Index of the price.
    pub(super) const PRICE: usize = 3;
    /// Index of the quantity.
    pub(super) const QTY: usize = 4;

    /// From its bytes; `order` tells where each field stands.
    #[inline]
    pub(super) fn new(bytes: &[u8; Row::BYTES], order: &[u8; 8]) -> Row {
        let (words, _) = bytes.as_chunks::<8>();
        Row(order.map(|at| u64::from_le_bytes(words[usize::from(at & 7)])))
    }

    /// One field that is a float.
    pub(super) fn float(bytes: &[u8; Row::BYTES], order: &[u8; 8], field: usize) -> f64 {
        f64::from_bits(Row::new(bytes, order).0[field])
    }

    /// Its bytes.
    pub(super) fn to_bytes(self) -> [u8; Row::BYTES] {
        let mut bytes = [0; Row::BYTES];
        bytes.copy_from_slice(self.0.map(u64::to_le_bytes).as_flattened());
        bytes
    }

    /// Who it is for.
    #[inline]
    pub(super) fn copy(&self) -> Result<Copy, Cause> {
        match (self.0[0] & EXCHANGE != 0, self.0[0] & LOCAL != 0) {
            (true, true) => Ok(Copy::Both),
            (true, false) => Ok(Copy::Exchange),
            (false, true) => Ok(Copy::Local),
            (false, false) => Err(Cause::NobodysEvent(self.0[0])),
        }
    }

    /// What its two copies have in common.
    pub(super) fn identity(&self) -> [u64; 6] {
        let [event, exchange, local, price, qty, order, ..] = self.0;
        [event & !(EXCHANGE | LOCAL), exchange, local, price, qty, order]
    }

    /// The event; `last` is not known to a row. The error holds the field, from 1.
    #[inline]
    pub(super) fn event(
        &self,
        clock: &mut Clock,
        units: &[Unit; 2],
    ) -> Result<Event, (u64, Cause)> {
        let [event, exchange, local, price, qty, id, ..] = self.0;
        let (kind, snapshot) = kind(event).ok_or((1, Cause::UnknownEvent(event)))?;
        let side = match (event & BUY != 0, event & SELL != 0) {
            (true, false) => Some(Side::Buy),
            (false, true) => Some(Side::Sell),
            (false, false) | (true, true) => None,
        };
        if side.is_none() && !matches!(kind, Kind::Clear | Kind::Trade | Kind::Remove) {
            return Err((1, Cause::NoSide(event)));
        }
        let exchange = clock.time(exchange).map_err(|cause| (2, cause))?;
        let local = clock.time(local).map_err(|cause| (3, cause))?;
        // hftbacktest ignores the price of a clear that is for both sides.
        let price = if kind == Kind::Clear && side.is_none() { 0 } else { price };
        let price = count(f64::from_bits(price), units[0], PRICE).map_err(|cause| (4, cause))?;
        let qty = count(f64::from_bits(qty), units[1], QTY).map_err(|cause| (5, cause))?;
        if qty < 0 {
            let qty = money::Qty::from_raw(qty.saturating_mul(units[1].raw()));
            return Err((5, Cause::Negative("quantity", qty)));
        }
        let (instrument, last) = (0, false);
        Ok(Event { exchange, local, instrument, kind, side, last, snapshot, price, qty, id })
    }

    /// The row of an event, for both, with price and quantity in 10⁻⁸; `None` for a kind that
    /// hftbacktest does not have.
    pub(super) fn of_event(event: &Event, price: f64, qty: f64) -> Option<Row> {
        let (number, _) = KINDS.into_iter().find(|(_, kind)| *kind == event.kind)?;
        let in_snapshot = event.kind == Kind::Level && event.snapshot;
        let number = if in_snapshot { SNAPSHOT } else { number };
        let side = match event.side {
            None => 0,
            Some(Side::Buy) => BUY,
            Some(Side::Sell) => SELL,
        };
        let (exchange, local) = (event.exchange.nanos(), event.local.nanos());
        let word = number | side | EXCHANGE | LOCAL;
        Some(Row([word, exchange, local, price.to_bits(), qty.to_bits(), event.id, 0, 0]))
    }
}

const PRICE: [&str; 2] = ["price", "--price-unit"];
const QTY: [&str; 2] = ["quantity", "--qty-unit"];

#[inline]
fn count(value: f64, unit: Unit, [name, flag]: [&'static str; 2]) -> Result<i64, Cause> {
    unit.count(value).map_err(|misfit| match misfit {
        Misfit::NoNumber => {
            Cause::OutOfRange(name, value.to_string(), "what 64 bits count in its unit".to_owned())
        }
        Misfit::Finer(power) => {
            let [unit, finer] = [unit.raw(), power].map(money::Price::from_raw);
            let unit = Box::new([unit.to_string(), finer.to_string()]);
            Cause::NoMultiple { name, value: value.to_string(), unit, flag }
        }
    })
}

/// The kind of a row and whether it is part of a snapshot.
#[inline]
fn kind(event: u64) -> Option<(Kind, bool)> {
    match event & !(EXCHANGE | LOCAL | BUY | SELL) {
        1 => Some((Kind::Level, false)),
        SNAPSHOT => Some((Kind::Level, true)),
        number => {
            let (_, kind) = KINDS.into_iter().find(|(known, _)| *known == number)?;
            Some((kind, false))
        }
    }
}

impl Clock {
    #[inline]
    pub(super) fn time(&mut self, count: u64) -> Result<Time, Cause> {
        if self.nanos == 0 {
            let units = [1_000_000_000, 1_000_000, 1_000, 1];
            let fits = |nanos: &u64| CENTURY.contains(&(count / (1_000_000_000 / nanos)));
            self.nanos = units.into_iter().find(fits).unwrap_or(1);
        }
        let nanos = count.saturating_mul(self.nanos);
        if CENTURY.contains(&(nanos / 1_000_000_000)) {
            Ok(Time::from_nanos(nanos))
        } else {
            Err(Cause::NotATime(count.cast_signed().to_string()))
        }
    }
}
