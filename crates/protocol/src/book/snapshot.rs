//! The canonical form of a book: what its future behaviour depends on, and nothing else.
//!
//! Little-endian bytes: count and generation (`u32`) of every slot; count and free slots (`u32`) in
//! the order of reuse; count and orders, bids then asks, in priority order, each as id `u64`, owner
//! `u32`, side `u8` (0 buy, 1 sell), tick `u32`, lots `u64`, client `u64`, reduce-only `u8`.
//!
//! Invariant of a [`Snapshot`] that was read or taken: each slot is live, free or used up, exactly
//! once; orders are in priority order, not crossed, with lots and a tick of at least one.

use std::fmt;

use super::{LAST_GENERATION, Resting, handle, parts, reaches};
use crate::ids::{AccountId, ClientId, Lots, OrderId, Side, Tick};

/// The canonical form of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// The generation of every slot.
    pub(super) generations: Vec<u32>,
    /// Free slots, the next to be used first.
    pub(super) free: Vec<u32>,
    /// All orders in priority order: bids, then asks.
    pub(super) orders: Vec<Resting>,
}

/// What is wrong with the bytes of a book.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSnapshot {
    /// The bytes end inside the book: read the whole file again.
    Truncated,
    /// The side or reduce-only byte of the order at this position is neither 0 nor 1.
    BadFlag(usize),
    /// The order at this position has no lots, or a tick of zero.
    NotPositive(usize),
    /// The order at this position has a handle that its slot does not have.
    BadHandle(usize),
    /// This slot is named twice, or is out of range.
    BadSlot(u32),
    /// This slot is neither live nor free, though its generations are not used up.
    LostSlot(u32),
    /// The order at this position should stand before the one above it.
    OutOfOrder(usize),
    /// The best bid is not below the best ask.
    Crossed,
}

impl fmt::Display for BadSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadSnapshot::Truncated => write!(f, "the book ends early; copy the snapshot again"),
            BadSnapshot::BadFlag(at) => write!(f, "order {at}: a flag is neither 0 nor 1"),
            BadSnapshot::NotPositive(at) => write!(f, "order {at}: lots or tick is zero"),
            BadSnapshot::BadHandle(at) => write!(f, "order {at}: its slot has another generation"),
            BadSnapshot::BadSlot(slot) => write!(f, "slot {slot} is out of range or named twice"),
            BadSnapshot::LostSlot(slot) => write!(f, "slot {slot} is neither live nor free"),
            BadSnapshot::OutOfOrder(at) => write!(f, "order {at} stands behind a worse price"),
            BadSnapshot::Crossed => write!(f, "the best bid is not below the best ask"),
        }
    }
}

impl std::error::Error for BadSnapshot {}

impl Snapshot {
    /// Appends the canonical bytes.
    pub fn write(&self, out: &mut Vec<u8>) {
        write_slots(&self.generations, out);
        write_slots(&self.free, out);
        write_count(self.orders.len(), out);
        for order in &self.orders {
            out.extend(order.id.0.to_le_bytes());
            out.extend(order.owner.0.to_le_bytes());
            out.push(match order.side {
                Side::Buy => 0,
                Side::Sell => 1,
            });
            out.extend(order.tick.0.to_le_bytes());
            out.extend(order.lots.0.to_le_bytes());
            out.extend(order.client.0.to_le_bytes());
            out.push(u8::from(order.reduce_only));
        }
    }

    /// Reads canonical bytes off the front of `input`; an error names the field that is wrong.
    pub fn read(input: &mut &[u8]) -> Result<Snapshot, BadSnapshot> {
        let generations = read_slots(input)?;
        let free = read_slots(input)?;
        let count = u32::from_le_bytes(bytes(input)?);
        let mut orders = Vec::new();
        for at in 0..count as usize {
            orders.push(read_order(at, input)?);
        }
        let snapshot = Snapshot { generations, free, orders };
        snapshot.check_slots()?;
        snapshot.check_priority()?;
        Ok(snapshot)
    }

    fn check_slots(&self) -> Result<(), BadSnapshot> {
        let mut seen = vec![false; self.generations.len()];
        let mut see = |slot: u32| match seen.get_mut(slot as usize) {
            Some(seen) if !*seen => {
                *seen = true;
                Ok(())
            }
            Some(_) | None => Err(BadSnapshot::BadSlot(slot)),
        };
        for (at, order) in self.orders.iter().enumerate() {
            let (slot, _) = parts(order.id);
            see(slot)?;
            if order.id != handle(slot, self.generations[slot as usize]) {
                return Err(BadSnapshot::BadHandle(at));
            }
        }
        for slot in &self.free {
            see(*slot)?;
            if self.generations[*slot as usize] == LAST_GENERATION {
                return Err(BadSnapshot::BadSlot(*slot));
            }
        }
        let mut slots = (0_u32..).zip(&self.generations).zip(&seen);
        match slots.find(|((_, generation), seen)| !**seen && **generation != LAST_GENERATION) {
            Some(((slot, _), _)) => Err(BadSnapshot::LostSlot(slot)),
            None => Ok(()),
        }
    }

    fn check_priority(&self) -> Result<(), BadSnapshot> {
        for (at, order) in self.orders.iter().enumerate() {
            if order.lots == Lots(0) || order.tick == Tick(0) {
                return Err(BadSnapshot::NotPositive(at));
            }
        }
        for (at, pair) in self.orders.windows(2).enumerate() {
            let in_order = match (pair[0].side, pair[1].side) {
                (Side::Buy, Side::Buy) => pair[0].tick >= pair[1].tick,
                (Side::Sell, Side::Sell) => pair[0].tick <= pair[1].tick,
                (Side::Buy, Side::Sell) => true,
                (Side::Sell, Side::Buy) => false,
            };
            if !in_order {
                return Err(BadSnapshot::OutOfOrder(at + 1));
            }
        }
        let bid = self.orders.first().filter(|order| order.side == Side::Buy);
        let ask = self.orders.iter().find(|order| order.side == Side::Sell);
        match (bid, ask) {
            (Some(bid), Some(ask)) if reaches(Side::Buy, bid.tick, ask.tick) => {
                Err(BadSnapshot::Crossed)
            }
            (Some(_), Some(_)) | (None, _) | (_, None) => Ok(()),
        }
    }
}

fn read_order(at: usize, input: &mut &[u8]) -> Result<Resting, BadSnapshot> {
    Ok(Resting {
        id: OrderId(u64::from_le_bytes(bytes(input)?)),
        owner: AccountId(u32::from_le_bytes(bytes(input)?)),
        side: if flag(at, input)? { Side::Sell } else { Side::Buy },
        tick: Tick(u32::from_le_bytes(bytes(input)?)),
        lots: Lots(u64::from_le_bytes(bytes(input)?)),
        client: ClientId(u64::from_le_bytes(bytes(input)?)),
        reduce_only: flag(at, input)?,
    })
}

fn flag(at: usize, input: &mut &[u8]) -> Result<bool, BadSnapshot> {
    match bytes(input)? {
        [0] => Ok(false),
        [1] => Ok(true),
        [_] => Err(BadSnapshot::BadFlag(at)),
    }
}

fn write_count(count: usize, out: &mut Vec<u8>) {
    out.extend(u32::try_from(count).expect("fewer than 2^32 orders").to_le_bytes());
}

fn write_slots(slots: &[u32], out: &mut Vec<u8>) {
    write_count(slots.len(), out);
    for slot in slots {
        out.extend(slot.to_le_bytes());
    }
}

/// Reads a counted list; memory grows only as bytes are there.
fn read_slots(input: &mut &[u8]) -> Result<Vec<u32>, BadSnapshot> {
    let count = u32::from_le_bytes(bytes(input)?) as usize;
    let length = count.checked_mul(4).ok_or(BadSnapshot::Truncated)?;
    let (list, rest) = input.split_at_checked(length).ok_or(BadSnapshot::Truncated)?;
    *input = rest;
    let (slots, _) = list.as_chunks::<4>();
    Ok(slots.iter().map(|slot| u32::from_le_bytes(*slot)).collect())
}

fn bytes<const N: usize>(input: &mut &[u8]) -> Result<[u8; N], BadSnapshot> {
    let (head, rest) = input.split_first_chunk::<N>().ok_or(BadSnapshot::Truncated)?;
    *input = rest;
    Ok(*head)
}
