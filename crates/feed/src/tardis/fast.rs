//! The rows of an incremental book that are as plain as nearly all are, without any detour.
//!
//! A row follows one that was read the exact way: it begins with the same names, so they need no
//! reading, and mostly with the same times. What is in any way different ends the run and is left
//! to the exact way, which decides what it is worth. So this adds speed and no rule.

use money::Time;

use super::digits::{self, REACH};
use super::listing::Scales;
use super::writer::Writer;
use crate::number::CENTURY;
use crate::tape::{Event, Side, Slot};

/// `1700000000000000,1700000000000000,`
pub(super) const TIMES: usize = 34;

/// A run of plain rows.
pub(super) struct Run<'w> {
    /// Whole lines; the first is read.
    pub(super) window: &'w [u8],
    /// Bytes of the first line.
    pub(super) first: usize,
    /// Bytes of venue, instrument and their commas.
    pub(super) names: usize,
    /// Slots to stop at.
    pub(super) target: usize,
    /// Longest line.
    pub(super) line_bytes: usize,
}

/// Bytes and lines that a run took, the first line not counted.
#[derive(Default)]
pub(super) struct Taken {
    pub(super) bytes: usize,
    pub(super) lines: u64,
}

impl Run<'_> {
    /// Writes rows as long as they are plain; `event` is the first row's and becomes the last's.
    pub(super) fn write(
        &self,
        event: &mut Event,
        scales: &Scales,
        writer: &mut Writer,
        slots: &mut Vec<Slot>,
    ) -> Taken {
        let head_bytes = self.names + TIMES;
        let mut head = &self.window[..head_bytes];
        let mut rest = &self.window[self.first..];
        let mut lines = 0;
        while slots.len() < self.target {
            let mut next = *event;
            if !rest.starts_with(head) {
                let Some(new) = self.times(head, rest, &mut next) else { break };
                head = new;
            }
            let Some(length) = level(&rest[head_bytes..], &mut next, scales) else { break };
            if head_bytes + length > self.line_bytes {
                break;
            }
            *event = next;
            writer.push(event, slots);
            rest = &rest[head_bytes + length + 1..];
            lines += 1;
        }
        let bytes = self.window.len() - self.first - rest.len();
        Taken { bytes, lines }
    }

    /// The head of a row with the same names and other times, not received before the last one.
    #[inline]
    fn times<'r>(&self, head: &[u8], rest: &'r [u8], event: &mut Event) -> Option<&'r [u8]> {
        let new = rest.get(..head.len())?;
        if new[..self.names] != head[..self.names] {
            return None;
        }
        let times: &[u8; TIMES] = new[self.names..].first_chunk()?;
        if times[16] != b',' || times[33] != b',' {
            return None;
        }
        event.exchange = time(times[..16].first_chunk()?)?;
        let local = time(times[17..33].first_chunk()?)?;
        if local < event.local {
            return None;
        }
        event.local = local;
        Some(new)
    }
}

/// Sixteen digits as a time in microseconds.
#[inline]
fn time(text: &[u8; 16]) -> Option<Time> {
    const MICROS: std::ops::Range<u64> = CENTURY.start * 1_000_000..CENTURY.end * 1_000_000;
    let micros = digits::sixteen(text)?;
    MICROS.contains(&micros).then(|| Time::from_nanos(micros * 1_000))
}

/// What stands behind the times, if the part of a snapshot is as in the row before; the bytes
/// without the end of the line.
#[inline]
fn level(text: &[u8], event: &mut Event, scales: &Scales) -> Option<usize> {
    let flag = if event.snapshot { &b"true,"[..] } else { &b"false,"[..] };
    let side_at = flag.len();
    if !text.starts_with(flag) {
        return None;
    }
    let side: &[u8; 4] = text.get(side_at..)?.first_chunk()?;
    let is_bid = side == b"bid,";
    if !is_bid && side != b"ask," {
        return None;
    }
    event.side = Some(if is_bid { Side::Buy } else { Side::Sell });
    let price_at = side_at + 4;
    let price: &[u8; REACH] = text.get(price_at..)?.first_chunk()?;
    let price = digits::decimal(price)?;
    let qty_at = price_at + price.length + 1;
    let qty: &[u8; REACH] = text.get(qty_at..)?.first_chunk()?;
    let qty = digits::decimal(qty)?;
    let end = qty_at + qty.length;
    if text[qty_at - 1] != b',' || *text.get(end)? != b'\n' {
        return None;
    }
    event.price = scales.price.quick(price)?;
    event.qty = scales.qty.quick(qty)?;
    Some(end)
}
