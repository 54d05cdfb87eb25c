//! The book in use: dense records linked into queues by 32-bit slot numbers, levels in a flat
//! window of ticks, no allocation for a message once the slab has grown.
//!
//! A slot is a record of 32 bytes and, in an array of its own, a link of 8: a cancel touches the
//! links of both neighbours but not their records, so a large book misses the cache less. A level
//! keeps the sum of its lots, so that a walk over levels does not visit orders. Matching
//! finds the next record by the link, which is often in the cache, so that the processor can wait
//! for the records of several makers at once.
//!
//! Invariants: a record is live if and only if it has lots; the queue of a level runs from its head
//! over `next` to its tail, oldest first; free slots are chained over `next`. All answers equal
//! those of [`super::NaiveBook`].

mod ladder;

use std::fmt;

use super::{
    Book, Fill, FillKind, LAST_GENERATION, NewResting, Resting, Snapshot, Taken, Taker, handle,
    parts,
};
use crate::command::SelfTrade;
use crate::ids::{AccountId, ClientId, Lots, OrderId, Side, Tick};
use ladder::{Ladder, Level, NIL, NO_KEY, key, tick};

/// The fast book.
#[derive(Clone)]
pub struct FastBook {
    records: Vec<Record>,
    /// One for each record.
    links: Vec<Link>,
    ladder: Ladder,
    /// The free slot that is used next.
    free: u32,
    /// Live records.
    live: usize,
}

/// The place of a slot in its level.
#[derive(Clone, Copy)]
struct Link {
    previous: u32,
    /// The next in the level, or the next free one.
    next: u32,
}

const ALONE: Link = Link { previous: NIL, next: NIL };

/// An order in a slot of the slab.
#[derive(Clone, Copy)]
struct Record {
    tick: u32,
    generation: u32,
    /// Zero when free.
    lots: u64,
    client: ClientId,
    owner: AccountId,
    side: Side,
    reduce_only: bool,
}

const _: () = assert!(size_of::<Record>() == 32 && size_of::<Link>() == 8);

impl Book for FastBook {
    #[inline]
    fn best(&self, side: Side) -> Option<Tick> {
        let best = self.ladder.best(side);
        (best != NO_KEY).then(|| Tick(tick(side, best)))
    }

    #[inline]
    fn insert(&mut self, order: NewResting) -> OrderId {
        assert!(order.lots.0 > 0, "a resting order has lots");
        assert!(!self.would_cross(order.side, order.tick), "a resting order does not cross");
        if self.live == 0 {
            self.ladder.centre(order.tick.0);
        }
        let (slot, generation) = self.allocate();
        self.link(slot, generation, order);
        handle(slot, generation)
    }

    #[inline]
    fn take(&mut self, taker: Taker, fills: &mut Vec<Fill>) -> Taken {
        let side = taker.side.opposite();
        let limit = key(side, taker.limit.0);
        let mut taken = Taken { left: taker.lots, self_trade: false };
        // An empty side has a key above every limit.
        while taken.left.0 > 0 && !taken.self_trade && self.ladder.best(side) <= limit {
            self.take_level(side, &taker, &mut taken, fills);
        }
        taken
    }

    #[inline]
    fn cancel(&mut self, id: OrderId) -> Option<Resting> {
        let (slot, generation) = parts(id);
        let record = self.records.get_mut(slot as usize)?;
        if record.generation != generation || record.lots == 0 {
            return None;
        }
        let order = record.seen(id);
        record.lots = 0;
        let link = self.links[slot as usize];
        self.unlink(order.side, order.tick.0, link, order.lots.0);
        self.release(slot);
        Some(order)
    }

    fn shrink(&mut self, id: OrderId, by: Lots) {
        let (slot, generation) = parts(id);
        let record = self.records.get_mut(slot as usize).expect("the order rests");
        assert!(record.generation == generation && record.lots > by.0, "an order keeps a lot");
        record.lots -= by.0;
        let Resting { side, tick, .. } = record.seen(id);
        self.ladder.level_mut(side, tick.0).subtract(by.0);
    }

    fn order(&self, id: OrderId) -> Option<Resting> {
        let (slot, generation) = parts(id);
        let record = self.records.get(slot as usize)?;
        (record.generation == generation && record.lots > 0).then(|| record.seen(id))
    }

    fn len(&self) -> usize {
        self.live
    }

    fn levels(&self, side: Side) -> impl Iterator<Item = (Tick, Lots)> {
        self.ladder.levels(side).map(|(tick, level)| {
            let sum = level.lots().unwrap_or_else(|| self.sum(level));
            debug_assert_eq!(sum, self.sum(level));
            (Tick(tick), Lots(sum))
        })
    }

    fn orders(&self) -> Vec<Resting> {
        let mut orders = Vec::with_capacity(self.live);
        for side in [Side::Buy, Side::Sell] {
            for (_, level) in self.ladder.levels(side) {
                let queue = self.chain(level.head);
                orders.extend(queue.map(|(slot, r)| r.seen(handle(slot, r.generation))));
            }
        }
        orders
    }

    fn snapshot(&self) -> Snapshot {
        Snapshot {
            generations: self.records.iter().map(|record| record.generation).collect(),
            free: self.chain(self.free).map(|(slot, _)| slot).collect(),
            orders: self.orders(),
        }
    }

    fn restore(snapshot: &Snapshot) -> FastBook {
        let mut book = FastBook::new();
        book.records = snapshot.generations.iter().map(|g| Record::unused(*g)).collect();
        book.links = vec![ALONE; book.records.len()];
        for slot in snapshot.free.iter().rev() {
            book.links[*slot as usize].next = book.free;
            book.free = *slot;
        }
        if let Some(first) = snapshot.orders.first() {
            book.ladder.centre(first.tick.0);
        }
        for order in &snapshot.orders {
            let (slot, generation) = parts(order.id);
            book.link(
                slot,
                generation,
                NewResting {
                    owner: order.owner,
                    side: order.side,
                    tick: order.tick,
                    lots: order.lots,
                    client: order.client,
                    reduce_only: order.reduce_only,
                },
            );
        }
        book
    }
}

impl FastBook {
    /// An empty book.
    pub fn new() -> FastBook {
        FastBook {
            records: Vec::new(),
            links: Vec::new(),
            ladder: Ladder::new(),
            free: NIL,
            live: 0,
        }
    }

    /// A slot for an order, and its generation.
    #[inline]
    fn allocate(&mut self) -> (u32, u32) {
        if let Some(record) = self.records.get_mut(self.free as usize) {
            let slot = self.free;
            self.free = self.links[slot as usize].next;
            record.generation += 1;
            return (slot, record.generation);
        }
        let slot = u32::try_from(self.records.len()).ok().filter(|slot| *slot != NIL);
        self.records.push(Record::unused(0));
        self.links.push(ALONE);
        (slot.expect("fewer than 2^32 − 1 orders"), 0)
    }

    /// Fills a slot and puts it at the end of its level.
    #[inline]
    fn link(&mut self, slot: u32, generation: u32, order: NewResting) {
        let previous = self.ladder.append(order.side, order.tick.0, slot, order.lots.0);
        if let Some(link) = self.links.get_mut(previous as usize) {
            link.next = slot;
        }
        self.links[slot as usize] = Link { previous, next: NIL };
        self.records[slot as usize] = Record {
            tick: order.tick.0,
            generation,
            lots: order.lots.0,
            client: order.client,
            owner: order.owner,
            side: order.side,
            reduce_only: order.reduce_only,
        };
        self.live += 1;
    }

    /// Joins the neighbours of a record of so many lots that leaves its level.
    #[inline]
    fn unlink(&mut self, side: Side, tick: u32, Link { previous, next }: Link, lots: u64) {
        if previous == NIL && next == NIL {
            return self.ladder.remove(side, tick);
        }
        let level = self.ladder.level_mut(side, tick);
        level.subtract(lots);
        match self.links.get_mut(previous as usize) {
            Some(link) => link.next = next,
            None => level.head = next,
        }
        match self.links.get_mut(next as usize) {
            Some(link) => link.previous = previous,
            None => level.tail = previous,
        }
    }

    /// Gives a dead record back, unless its generations are used up.
    #[inline]
    fn release(&mut self, slot: u32) {
        self.live -= 1;
        if self.records[slot as usize].generation != LAST_GENERATION {
            self.links[slot as usize].next = self.free;
            self.free = slot;
        }
    }

    /// Matches against the best level of a side until the level, the taker or its right to trade
    /// ends.
    #[inline]
    fn take_level(&mut self, side: Side, taker: &Taker, taken: &mut Taken, fills: &mut Vec<Fill>) {
        let tick = tick(side, self.ladder.best(side));
        let Level { mut head, tail, .. } = *self.ladder.level_mut(side, tick);
        let mut gone = 0;
        while taken.left.0 > 0 {
            let maker = &mut self.records[head as usize];
            let before = maker.lots;
            let done = maker.meet(head, taker, taken, fills);
            gone = before.wrapping_sub(maker.lots).wrapping_add(gone);
            if !done {
                break;
            }
            let next = self.links[head as usize].next;
            self.release(head);
            // Said by the level and not by `next`, because the level is in the cache.
            if head == tail {
                return self.ladder.remove_best(side);
            }
            head = next;
        }
        self.links[head as usize].previous = NIL;
        let level = self.ladder.level_mut(side, tick);
        level.head = head;
        level.subtract(gone);
    }

    /// The lots of a level, by its orders.
    fn sum(&self, level: Level) -> u64 {
        self.chain(level.head).fold(0, |sum, (_, record)| sum.saturating_add(record.lots))
    }

    /// The records from a slot on: the rest of a level, or of the free ones.
    fn chain(&self, first: u32) -> impl Iterator<Item = (u32, &Record)> {
        let record = |slot: u32| self.records.get(slot as usize).map(|record| (slot, record));
        std::iter::successors(record(first), move |(slot, _)| {
            record(self.links[*slot as usize].next)
        })
    }
}

impl Default for FastBook {
    fn default() -> FastBook {
        FastBook::new()
    }
}

impl fmt::Debug for FastBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FastBook").field(&self.snapshot()).finish()
    }
}

impl Record {
    const fn unused(generation: u32) -> Record {
        Record {
            tick: 0,
            generation,
            lots: 0,
            client: ClientId(0),
            owner: AccountId(0),
            side: Side::Buy,
            reduce_only: false,
        }
    }

    #[inline]
    fn seen(&self, id: OrderId) -> Resting {
        Resting {
            id,
            owner: self.owner,
            side: self.side,
            tick: Tick(self.tick),
            lots: Lots(self.lots),
            client: self.client,
            reduce_only: self.reduce_only,
        }
    }

    /// Matches with a taker; whether this order is gone.
    #[inline]
    fn meet(&mut self, slot: u32, taker: &Taker, taken: &mut Taken, fills: &mut Vec<Fill>) -> bool {
        let own = self.owner == taker.owner;
        if own && taker.self_trade == SelfTrade::CancelTaker {
            taken.self_trade = true;
            return false;
        }
        let maker_only = own && taker.self_trade == SelfTrade::CancelMaker;
        let lots = if maker_only { self.lots } else { self.lots.min(taken.left.0) };
        self.lots -= lots;
        taken.left.0 -= if maker_only { 0 } else { lots };
        fills.push(Fill {
            maker: self.owner,
            maker_order: handle(slot, self.generation),
            maker_client: self.client,
            tick: Tick(self.tick),
            lots: Lots(lots),
            maker_left: Lots(self.lots),
            reduce_only: self.reduce_only,
            kind: if own { FillKind::SelfTradeCancel } else { FillKind::Trade },
        });
        self.lots == 0
    }
}
