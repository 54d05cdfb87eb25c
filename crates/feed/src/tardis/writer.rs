//! Events to slots, and where the venue's messages end: the rows of one instrument and one time of
//! receipt are one message.
//!
//! Whether an event is the last of its message is known with the next one, so the newest event
//! waits for it, also from one batch to the next.

use money::Time;

use crate::tape::{Encoder, Event, Kind, Slot};

/// Writes events of one file.
#[derive(Default)]
pub(super) struct Writer {
    encoder: Encoder,
    /// Slots of the newest event between two batches.
    held: Vec<Slot>,
    /// Where the newest event begins in the batch.
    newest: usize,
    /// Instrument and time of receipt of the newest event.
    message: Option<(u16, Time)>,
}

impl Writer {
    /// Begins a batch with the event that waits.
    pub(super) fn begin(&mut self, slots: &mut Vec<Slot>) {
        self.newest = slots.len();
        slots.append(&mut self.held);
    }

    /// Appends an event, whose `last` is not read.
    #[inline]
    pub(super) fn push(&mut self, event: &Event, slots: &mut Vec<Slot>) {
        let message = Some((event.instrument, event.local));
        if self.message != message {
            self.close(slots);
            self.message = message;
        }
        self.newest = slots.len();
        self.encoder.push(event, slots);
    }

    /// Ends the message of the newest event, if there is one in the batch.
    #[inline]
    pub(super) fn close(&mut self, slots: &mut [Slot]) {
        let newest = &mut slots[self.newest..];
        let event = newest.iter_mut().find(|slot| slot.kind() != Kind::Base as u8);
        if let Some(slot) = event {
            *slot = slot.ended();
        }
    }

    /// Ends a batch: the newest event waits.
    pub(super) fn hold(&mut self, slots: &mut Vec<Slot>) {
        self.held.extend(slots.drain(self.newest..));
    }
}
