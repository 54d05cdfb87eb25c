//! What a run gives, to be compared.

/// Time between two looks of the strategies, and latencies of orders and answers, in nanoseconds.
pub const LOOK: u64 = 100_000_000;
pub const LATENCY: u64 = 5_000_000;

/// What the strategies do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Strategy {
    /// Reads the best quotes.
    Null,
    /// Keeps a bid and an ask of 0.1 at the touch, post-only.
    Maker,
}

/// Sums that must not differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub looks: u64,
    /// Sum of best bids and asks that were seen, in ticks.
    pub quotes: i64,
    pub orders: u64,
    pub fills: u64,
    /// In lots, at the end.
    pub position: i64,
    /// Of times of looks and positions then, all along.
    pub digest: u64,
}

impl Outcome {
    /// Notes a look.
    pub fn look(&mut self, time: u64, bid: i64, ask: i64, position: i64) {
        self.looks += 1;
        self.quotes = self.quotes.wrapping_add(bid).wrapping_add(ask);
        self.position = position;
        let mixed = self.digest.rotate_left(7) ^ time ^ position.cast_unsigned();
        self.digest = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }
}

/// CPU time of this thread, in nanoseconds (Linux).
pub fn cpu_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    let first = text.split(' ').next().expect("three numbers");
    first.parse().expect("a number")
}
