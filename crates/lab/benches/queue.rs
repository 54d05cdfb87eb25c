//! What one message costs in the event queue, against the two simpler queues.
//!
//! `hold`: 5,000 events wait; take one, put one back later (exponential, mean 1 s). `kernel`:
//! 1,000 agents, each answers every message with one to a random agent after a latency of 10 ms
//! plus exponential jitter of 40 ms; a tenth of the answers is a wake-up up to 60 s ahead.
//! Run: `cargo bench -p lab --bench queue`. Prints median and least CPU time of
//! seven rounds (Linux).
#![allow(missing_docs)]

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::hint::black_box;

use lab::queue::Queue;
use lab::random::{Seed, Stream};

const ROUND: u64 = 1_000_000;

trait Pending: Default {
    fn push(&mut self, time: u64, event: Message);
    fn pop(&mut self) -> Option<(u64, Message)>;
}

/// An event of the size that a world uses.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Message {
    agent: u32,
    kind: u32,
}

impl Pending for Queue<Message> {
    fn push(&mut self, time: u64, event: Message) {
        Queue::push(self, time, event);
    }

    fn pop(&mut self) -> Option<(u64, Message)> {
        Queue::pop(self)
    }
}

#[derive(Default)]
struct Binary {
    heap: BinaryHeap<Reverse<(u64, u64, Message)>>,
    sequence: u64,
}

impl Pending for Binary {
    fn push(&mut self, time: u64, event: Message) {
        self.heap.push(Reverse((time, self.sequence, event)));
        self.sequence += 1;
    }

    fn pop(&mut self) -> Option<(u64, Message)> {
        self.heap.pop().map(|Reverse((time, _, event))| (time, event))
    }
}

/// Four children a node; keys of 16 bytes beside the payload.
#[derive(Default)]
struct Quaternary {
    heap: Vec<(u128, Message)>,
    sequence: u64,
}

impl Pending for Quaternary {
    fn push(&mut self, time: u64, event: Message) {
        let item = ((u128::from(time) << 64) | u128::from(self.sequence), event);
        self.sequence += 1;
        let mut at = self.heap.len();
        self.heap.push(item);
        while at > 0 {
            let parent = (at - 1) / 4;
            if self.heap[parent].0 <= item.0 {
                break;
            }
            self.heap[at] = self.heap[parent];
            at = parent;
        }
        self.heap[at] = item;
    }

    fn pop(&mut self) -> Option<(u64, Message)> {
        let top = *self.heap.first()?;
        let item = self.heap.pop()?;
        if !self.heap.is_empty() {
            let mut at = 0;
            loop {
                let first = at * 4 + 1;
                let last = (first + 4).min(self.heap.len());
                let Some(least) = (first..last).min_by_key(|&child| self.heap[child].0) else {
                    break;
                };
                if item.0 <= self.heap[least].0 {
                    break;
                }
                self.heap[at] = self.heap[least];
                at = least;
            }
            self.heap[at] = item;
        }
        Some(((top.0 >> 64) as u64, top.1))
    }
}

/// Random numbers drawn before the clock starts, so that only the queue is timed.
fn tape(mut draw: impl FnMut(&mut Stream) -> u64) -> Vec<u64> {
    let mut stream = Seed(1).stream("bench", 0);
    (0..1 << 16).map(|_| draw(&mut stream)).collect()
}

fn hold<Q: Pending>(waits: &[u64], pending: usize) -> f64 {
    let mut queue = Q::default();
    for agent in 0..pending {
        queue.push(waits[agent % waits.len()], Message { agent: agent as u32, kind: 0 });
    }
    let start = cpu_nanos();
    for round in 0..ROUND {
        let (time, event) = queue.pop().expect("events wait");
        queue.push(time + waits[round as usize & 0xffff], black_box(event));
    }
    (cpu_nanos() - start) as f64 / ROUND as f64
}

fn kernel<Q: Pending>(waits: &[u64]) -> f64 {
    let mut queue = Q::default();
    let mut received = vec![[0u64; 4]; 1_000];
    for agent in 0..5_000u32 {
        queue.push(waits[agent as usize], Message { agent: agent % 1_000, kind: 0 });
    }
    let start = cpu_nanos();
    let mut mixer = 1u64;
    for _ in 0..ROUND {
        let (time, event) = queue.pop().expect("events wait");
        let agent = &mut received[event.agent as usize];
        agent[0] += 1;
        agent[1] = time;
        mixer = mixer.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(event.kind.into());
        let to = (((mixer >> 32) * 1_000) >> 32) as u32;
        let wait = waits[(mixer >> 48) as usize];
        queue.push(time + wait, Message { agent: to, kind: event.kind + 1 });
    }
    black_box(&received);
    (cpu_nanos() - start) as f64 / ROUND as f64
}

fn report(name: &str, mut measure: impl FnMut() -> f64) {
    let mut rounds: Vec<f64> = (0..7).map(|_| measure()).collect();
    rounds.sort_by(f64::total_cmp);
    println!("{name:<40} {:7.1} ns   least {:7.1} ns", rounds[3], rounds[0]);
}

fn main() {
    let second = tape(|stream| stream.exponential(1e9) as u64);
    let latency = tape(|stream| {
        if stream.chance(0.1) {
            stream.between(1e9, 6e10) as u64
        } else {
            (1e7 + stream.exponential(4e7)) as u64
        }
    });
    for pending in [500, 5_000, 50_000] {
        report(&format!("hold {pending}: binary heap"), || hold::<Binary>(&second, pending));
        report(&format!("hold {pending}: 4-ary heap"), || hold::<Quaternary>(&second, pending));
        report(&format!("hold {pending}: calendar (in use)"), || {
            hold::<Queue<Message>>(&second, pending)
        });
    }
    report("kernel 1000 agents: binary heap", || kernel::<Binary>(&latency));
    report("kernel 1000 agents: 4-ary heap", || kernel::<Quaternary>(&latency));
    report("kernel 1000 agents: calendar (in use)", || kernel::<Queue<Message>>(&latency));
}

/// Nanoseconds that this thread has been on a core: the wall clock would time our neighbours too.
fn cpu_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    let first = text.split(' ').next().expect("three numbers");
    first.parse().expect("a number")
}
