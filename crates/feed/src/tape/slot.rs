//! The 24 bytes of an event and the way in and out of them.
//!
//! Invariant: what [`Encoder`] writes, [`Decoder`] reads back, whatever the values.

use money::Time;

use super::{Event, Kind, Side};

/// Three words; see the module above for their parts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Slot(pub [u64; 3]);

const BUY: u8 = 1;
const SELL: u8 = 2;
const LAST: u8 = 4;
const SNAPSHOT: u8 = 8;
const WIDE: u8 = 16;

impl Slot {
    /// The venue's time, in nanoseconds.
    #[inline]
    pub const fn exchange_ns(self) -> u64 {
        self.0[0]
    }

    /// Receipt less venue's time less base, in nanoseconds.
    #[inline]
    pub const fn delay_ns(self) -> i32 {
        (self.0[1] as u32).cast_signed()
    }

    /// Price in units; of a wide event it stands in the next slot.
    #[inline]
    pub const fn price(self) -> i32 {
        ((self.0[1] >> 32) as u32).cast_signed()
    }

    /// Quantity in units; of a wide event it stands in the next slot.
    #[inline]
    pub const fn qty(self) -> u32 {
        self.0[2] as u32
    }

    /// Index of the instrument.
    #[inline]
    pub const fn instrument(self) -> u16 {
        (self.0[2] >> 32) as u16
    }

    /// Number of the kind.
    #[inline]
    pub const fn kind(self) -> u8 {
        (self.0[2] >> 48) as u8
    }

    /// Bits of side, end of message, snapshot and width.
    #[inline]
    const fn flags(self) -> u8 {
        (self.0[2] >> 56) as u8
    }

    /// Whether it is about bids or a buyer.
    #[inline]
    pub const fn is_buy(self) -> bool {
        self.flags() & BUY != 0
    }

    /// Whether it is about asks or a seller.
    #[inline]
    pub const fn is_sell(self) -> bool {
        self.flags() & SELL != 0
    }

    /// Whether the venue's message ends here.
    #[inline]
    pub const fn is_last(self) -> bool {
        self.flags() & LAST != 0
    }

    /// The same with the end of the venue's message.
    #[must_use]
    pub const fn ended(self) -> Slot {
        Slot([self.0[0], self.0[1], self.0[2] | (LAST as u64) << 56])
    }

    /// Whether the next slot belongs to this event.
    #[inline]
    pub const fn is_wide(self) -> bool {
        self.flags() & WIDE != 0
    }

    /// From its bytes.
    #[inline]
    pub fn from_bytes(bytes: [u8; 24]) -> Slot {
        let word = |at: usize| {
            let part = bytes[at..at + 8].first_chunk().expect("eight of 24 bytes");
            u64::from_le_bytes(*part)
        };
        Slot([word(0), word(8), word(16)])
    }

    /// Its bytes.
    pub fn to_bytes(self) -> [u8; 24] {
        let mut bytes = [0; 24];
        for (part, word) in bytes.chunks_exact_mut(8).zip(self.0) {
            part.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }
}

/// Events to slots.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    base_ns: i64,
}

impl Encoder {
    /// Appends an event: one slot, two if it is wide, one more if the base of delays moves.
    #[inline]
    pub fn push(&mut self, event: &Event, slots: &mut Vec<Slot>) {
        let exchange = event.exchange.nanos();
        let delay = event.local.nanos().wrapping_sub(exchange).cast_signed();
        let delay = match i32::try_from(delay.wrapping_sub(self.base_ns)) {
            Ok(delay) => delay,
            Err(_) => {
                self.base_ns = delay;
                slots.push(Slot([exchange, delay.cast_unsigned(), 0]));
                0
            }
        };
        let side = match event.side {
            None => 0,
            Some(Side::Buy) => BUY,
            Some(Side::Sell) => SELL,
        };
        let mut flags = side;
        flags |= if event.last { LAST } else { 0 };
        flags |= if event.snapshot { SNAPSHOT } else { 0 };
        let (price, qty) = match (i32::try_from(event.price), u32::try_from(event.qty), event.id) {
            (Ok(price), Ok(qty), 0) => (price, qty),
            (Ok(_) | Err(_), Ok(_) | Err(_), _) => {
                flags |= WIDE;
                (0, 0)
            }
        };
        slots.push(Slot([
            exchange,
            u64::from(delay.cast_unsigned()) | u64::from(price.cast_unsigned()) << 32,
            u64::from(qty)
                | u64::from(event.instrument) << 32
                | u64::from(event.kind as u8) << 48
                | u64::from(flags) << 56,
        ]));
        if flags & WIDE != 0 {
            let (price, qty) = (event.price.cast_unsigned(), event.qty.cast_unsigned());
            slots.push(Slot([event.id, price, qty]));
        }
    }
}

/// Slots to events.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    base_ns: i64,
}

impl Decoder {
    /// Takes one event from the front of the slots; `None` when they are used up, end inside an
    /// event, or hold a kind that there is not (then they are left as they are).
    #[inline(always)]
    pub fn next(&mut self, slots: &mut &[Slot]) -> Option<Event> {
        loop {
            let (&slot, rest) = slots.split_first()?;
            let kind = Kind::from_number(slot.kind())?;
            if kind == Kind::Base {
                self.base_ns = slot.0[1].cast_signed();
                *slots = rest;
                continue;
            }
            let mut event = self.narrow(slot, kind);
            *slots = rest;
            if slot.is_wide() {
                let (&Slot([id, price, qty]), rest) = slots.split_first()?;
                *slots = rest;
                (event.id, event.price) = (id, price.cast_signed());
                event.qty = qty.cast_signed();
            }
            return Some(event);
        }
    }

    #[inline(always)]
    fn narrow(&self, slot: Slot, kind: Kind) -> Event {
        let delay = self.base_ns.wrapping_add(i64::from(slot.delay_ns()));
        let exchange = slot.exchange_ns();
        let side = match (slot.is_buy(), slot.is_sell()) {
            (true, _) => Some(Side::Buy),
            (false, true) => Some(Side::Sell),
            (false, false) => None,
        };
        Event {
            exchange: Time::from_nanos(exchange),
            local: Time::from_nanos(exchange.wrapping_add(delay.cast_unsigned())),
            instrument: slot.instrument(),
            kind,
            side,
            last: slot.is_last(),
            snapshot: slot.flags() & SNAPSHOT != 0,
            price: i64::from(slot.price()),
            qty: i64::from(slot.qty()),
            id: 0,
        }
    }
}
