//! The queue of future events: earliest first, and first in first out among equal times.
//!
//! A calendar queue (Brown 1988) with two escapes. Time is cut into buckets of 2²⁰ ns (about a
//! millisecond); a ring holds the next 4,096 of them (4.3 s) as unsorted linked lists in one slab,
//! so a push is a few stores. A bucket is sorted when it is opened. What is pushed into the open
//! bucket (or the past) goes to a small heap beside it; what lies beyond the ring goes to another
//! heap and moves into the ring when its time comes near. So no pattern of times costs more than
//! the logarithm, and the usual one (a latency of milliseconds) costs no comparison with others.
//!
//! Invariant: `pop` order is exactly the order by (time, sequence of push).

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Width of a bucket is 2 to this power, in nanoseconds.
const BUCKET_BITS: u32 = 20;
/// Buckets in the ring; a multiple of 64.
const RING: u64 = 4_096;
/// The end of a linked list.
const NONE: u32 = u32::MAX;

/// Events in the order of their times (nanoseconds) and, among equal times, of their pushes.
#[derive(Clone, Debug)]
pub struct Queue<E> {
    /// The bucket that is open, counted from time 0.
    open: u64,
    /// The open bucket, sorted from late to early.
    sorted: Vec<Key>,
    /// Pushed into the open bucket or before it since it was opened.
    late: BinaryHeap<Reverse<Key>>,
    /// First node of each bucket of the ring.
    heads: Vec<u32>,
    /// One bit for each bucket of the ring that holds something.
    occupied: [u64; (RING / 64) as usize],
    /// All events, each written once and read once, and the list of free nodes.
    nodes: Vec<Node<E>>,
    free: u32,
    /// Beyond the ring.
    far: BinaryHeap<Reverse<Key>>,
    sequence: u64,
    len: usize,
}

/// The place of an event in the order, and its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    time: u64,
    sequence: u64,
    node: u32,
}

#[derive(Clone, Copy, Debug)]
struct Node<E> {
    time: u64,
    sequence: u64,
    event: E,
    /// The next in the bucket, or the next free one.
    next: u32,
}

impl<E: Copy> Default for Queue<E> {
    fn default() -> Queue<E> {
        Queue::new()
    }
}

impl<E: Copy> Queue<E> {
    /// An empty queue.
    pub fn new() -> Queue<E> {
        Queue {
            open: 0,
            sorted: Vec::new(),
            late: BinaryHeap::new(),
            heads: vec![NONE; RING as usize],
            occupied: [0; (RING / 64) as usize],
            nodes: Vec::new(),
            free: NONE,
            far: BinaryHeap::new(),
            sequence: 0,
            len: 0,
        }
    }

    /// How many events wait.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether no event waits.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Adds an event at `time` nanoseconds; a time already passed is legal and comes next.
    #[inline]
    pub fn push(&mut self, time: u64, event: E) {
        let sequence = self.sequence;
        self.sequence += 1;
        self.len += 1;
        let bucket = time >> BUCKET_BITS;
        let node = self.allocate(Node { time, sequence, event, next: NONE });
        if bucket <= self.open {
            self.late.push(Reverse(Key { time, sequence, node }));
        } else if bucket - self.open < RING {
            self.link(bucket, node);
        } else {
            self.far.push(Reverse(Key { time, sequence, node }));
        }
    }

    /// Takes the next event with its time.
    #[inline]
    pub fn pop(&mut self) -> Option<(u64, E)> {
        if self.sorted.is_empty() && self.late.is_empty() && !self.open_next() {
            return None;
        }
        self.len -= 1;
        let take_late = match (self.late.peek(), self.sorted.last()) {
            (Some(Reverse(late)), Some(sorted)) => late < sorted,
            (late, _) => late.is_some(),
        };
        let key = if take_late { self.late.pop().map(|late| late.0) } else { self.sorted.pop() }?;
        let node = &mut self.nodes[key.node as usize];
        let event = node.event;
        node.next = self.free;
        self.free = key.node;
        Some((key.time, event))
    }

    /// The time of the next event. May open its bucket, hence the exclusive borrow.
    pub fn peek_time(&mut self) -> Option<u64> {
        if self.sorted.is_empty() && self.late.is_empty() && !self.open_next() {
            return None;
        }
        let late = self.late.peek().map(|late| late.0.time);
        let sorted = self.sorted.last().map(|key| key.time);
        late.into_iter().chain(sorted).min()
    }

    /// A node for an event.
    #[inline]
    fn allocate(&mut self, node: Node<E>) -> u32 {
        if let Some(free) = self.nodes.get_mut(self.free as usize) {
            let at = self.free;
            self.free = free.next;
            *free = node;
            return at;
        }
        let at = u32::try_from(self.nodes.len()).expect("fewer than 2^32 events wait");
        self.nodes.push(node);
        at
    }

    /// Puts a node at the head of its bucket's list.
    #[inline]
    fn link(&mut self, bucket: u64, node: u32) {
        let slot = (bucket % RING) as usize;
        self.nodes[node as usize].next = self.heads[slot];
        self.heads[slot] = node;
        self.occupied[slot / 64] |= 1 << (slot % 64);
    }

    /// Opens the next bucket that holds something; false when nothing waits.
    fn open_next(&mut self) -> bool {
        let far = self.far.peek().map(|far| far.0.time >> BUCKET_BITS);
        let Some(bucket) = self.next_occupied().or(far) else {
            return false;
        };
        self.open = bucket;
        self.unlink(bucket);
        while let Some(Reverse(far)) = self.far.peek() {
            let bucket = far.time >> BUCKET_BITS;
            if bucket - self.open >= RING {
                break;
            }
            let key = self.far.pop().expect("peeked").0;
            if bucket == self.open { self.sorted.push(key) } else { self.link(bucket, key.node) }
        }
        if self.sorted.len() > 1 {
            self.sorted.sort_unstable_by(|a, b| b.cmp(a));
        }
        true
    }

    /// The first bucket after the open one that holds something.
    fn next_occupied(&self) -> Option<u64> {
        let start = (self.open + 1) % RING;
        let (word, bit) = ((start / 64) as usize, start % 64);
        let words = self.occupied.len();
        for step in 0..=words {
            let at = (word + step) % words;
            let mask = match step {
                0 => u64::MAX << bit,
                step if step == words => !(u64::MAX << bit),
                _ => u64::MAX,
            };
            let bits = self.occupied[at] & mask;
            if bits != 0 {
                let slot = at as u64 * 64 + u64::from(bits.trailing_zeros());
                return Some(self.open + 1 + (slot + RING - start) % RING);
            }
        }
        None
    }

    /// Moves the keys of a bucket's list to `sorted`, unsorted as yet.
    fn unlink(&mut self, bucket: u64) {
        let slot = (bucket % RING) as usize;
        let mut at = self.heads[slot];
        while at != NONE {
            let Node { time, sequence, next, .. } = self.nodes[at as usize];
            self.sorted.push(Key { time, sequence, node: at });
            at = next;
        }
        self.heads[slot] = NONE;
        self.occupied[slot / 64] &= !(1 << (slot % 64));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    /// The same queue, written so that it is plainly right.
    #[derive(Default)]
    struct Naive {
        events: BTreeMap<(u64, u64), u32>,
        sequence: u64,
    }

    impl Naive {
        fn push(&mut self, time: u64, event: u32) {
            self.events.insert((time, self.sequence), event);
            self.sequence += 1;
        }

        fn pop(&mut self) -> Option<(u64, u32)> {
            self.events.pop_first().map(|((time, _), event)| (time, event))
        }

        fn peek_time(&self) -> Option<u64> {
            self.events.first_key_value().map(|((time, _), _)| *time)
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Push(u64),
        Ahead(u64),
        Pop,
        Peek,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            1 => any::<u64>().prop_map(Step::Push),
            2 => (0u64..20_000_000_000).prop_map(Step::Push),
            2 => (0u64..5).prop_map(Step::Ahead),
            4 => (0u64..3_000_000).prop_map(Step::Ahead),
            2 => (0u64..9_000_000_000).prop_map(Step::Ahead),
            7 => Just(Step::Pop),
            2 => Just(Step::Peek),
        ]
    }

    proptest! {
        #[test]
        fn order_is_that_of_the_naive_queue(steps in prop::collection::vec(step(), 0..400)) {
            let (mut queue, mut naive, mut now) = (Queue::new(), Naive::default(), 0u64);
            for (number, step) in steps.iter().enumerate() {
                match step {
                    Step::Push(time) => {
                        queue.push(*time, number as u32);
                        naive.push(*time, number as u32);
                    }
                    Step::Ahead(by) => {
                        queue.push(now.saturating_add(*by), number as u32);
                        naive.push(now.saturating_add(*by), number as u32);
                    }
                    Step::Pop => {
                        let popped = queue.pop();
                        prop_assert_eq!(popped, naive.pop());
                        now = popped.map_or(now, |(time, _)| time);
                    }
                    Step::Peek => prop_assert_eq!(queue.peek_time(), naive.peek_time()),
                }
                prop_assert_eq!(queue.len(), naive.events.len());
            }
            while let Some(popped) = queue.pop() {
                prop_assert_eq!(Some(popped), naive.pop());
            }
            prop_assert!(naive.events.is_empty() && queue.is_empty());
        }
    }

    #[test]
    fn equal_times_leave_in_the_order_of_arrival() {
        let mut queue = Queue::new();
        for event in 0..1_000u32 {
            queue.push(7 << BUCKET_BITS, event);
        }
        assert_eq!(queue.pop(), Some((7 << BUCKET_BITS, 0)));
        queue.push(7 << BUCKET_BITS, 1_000);
        let rest: Vec<u32> = std::iter::from_fn(|| queue.pop()).map(|(_, event)| event).collect();
        assert_eq!(rest, (1..=1_000).collect::<Vec<_>>());
    }

    #[test]
    fn slots_are_used_again() {
        let mut queue = Queue::new();
        for round in 0..100_000u64 {
            queue.push((round + 2) << BUCKET_BITS, round);
            if round >= 10 {
                queue.pop();
            }
        }
        assert!(queue.nodes.len() < 20, "{}", queue.nodes.len());
    }
}
