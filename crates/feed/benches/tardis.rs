//! What one row of a Tardis file costs: an incremental book of two million rows in gzip, level 6.
//!
//! `messages` has rows as a futures venue sends them, some twenty to a message and its times in
//! milliseconds; `singles` has each row with times of its own in microseconds, which packs and
//! reads worst. Statistics of price, side and size: a tenth of a tick random walk, levels
//! geometric with mean 20 ticks, a fifth of the levels removed. `inflate` unpacks alone, `text`
//! reads what is unpacked already, `gzip` is the whole.
//! Run: `cargo bench -p feed --bench tardis [-- FILE.csv.gz]`. Prints the median and the best of
//! seven rounds in CPU time of the thread (Linux).
#![allow(missing_docs)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::{Read, Write as _};

use feed::tape::{Slot, Source};
use feed::tardis::{Options, Tardis};
use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

const ROWS: u64 = 2_000_000;
const ROUNDS: usize = 7;

fn main() {
    let file = std::env::args().skip(1).find(|argument| argument.ends_with(".gz"));
    if let Some(file) = file {
        let packed = std::fs::read(&file).expect("the file named can be read");
        return measure(&file, &unpack(&packed), &packed);
    }
    for (name, rows_of_message) in [("messages", 20.0), ("singles", 1.0)] {
        let text = generate(rows_of_message);
        let mut packer = GzEncoder::new(Vec::new(), Compression::new(6));
        packer.write_all(text.as_bytes()).expect("memory takes all");
        let packed = packer.finish().expect("memory takes all");
        measure(name, text.as_bytes(), &packed);
    }
}

fn measure(name: &str, text: &[u8], packed: &[u8]) {
    let rows = text.iter().filter(|byte| **byte == b'\n').count() as f64 - 1.0;
    println!(
        "{name}: {rows} rows, {:.1} bytes each, {:.1} packed",
        text.len() as f64 / rows,
        packed.len() as f64 / rows
    );
    let mut buffer = vec![0; 1 << 18];
    print("inflate", rows, || {
        let mut reader = MultiGzDecoder::new(packed);
        while reader.read(&mut buffer).expect("sound gzip") > 0 {}
        black_box(&buffer);
    });
    print("text", rows, || read(name, text));
    print("gzip", rows, || read(name, packed));
}

fn print(what: &str, rows: f64, mut work: impl FnMut()) {
    let round = |work: &mut dyn FnMut()| {
        let start = cpu_nanos();
        work();
        (cpu_nanos() - start) as f64 / rows
    };
    let mut rounds: Vec<f64> = (0..ROUNDS).map(|_| round(&mut work)).collect();
    rounds.sort_by(f64::total_cmp);
    let (median, least) = (rounds[ROUNDS / 2], rounds[0]);
    println!(
        "  {what:8} {median:6.1} ns a row, least {least:6.1}: {:5.2} M rows/s, at best {:5.2}",
        1e3 / median,
        1e3 / least
    );
}

fn read(name: &str, input: &[u8]) {
    let mut source = Tardis::new(name, input, &Options::default()).expect("a header");
    let mut slots: Vec<Slot> = Vec::new();
    while source.fill(&mut slots).expect("sound rows") {
        black_box(&slots);
        slots.clear();
    }
}

fn unpack(packed: &[u8]) -> Vec<u8> {
    let mut text = Vec::new();
    MultiGzDecoder::new(packed).read_to_end(&mut text).expect("sound gzip");
    text
}

/// A book of one contract; the mean number of rows of a message.
fn generate(rows_of_message: f64) -> String {
    let mut draw = Draw(5);
    let mut text = String::with_capacity(ROWS as usize * 84);
    text.push_str("exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n");
    let (mut micros, mut mid, mut rows_left) = (1_700_000_000_000_000.0f64, 600_000u64, 0u64);
    let (mut exchange, mut local) = (0, 0);
    let grid = if rows_of_message > 1.0 { 1_000 } else { 1 };
    for row in 0..ROWS {
        if rows_left == 0 {
            rows_left = draw.geometric(1.0 / rows_of_message);
            micros += -libm::log(draw.unit()) * 720.0 * rows_of_message;
            exchange = micros as u64 / grid * grid;
            local = local.max(exchange + 2_000 + (draw.unit() * 3_000.0) as u64);
        }
        rows_left -= 1;
        let step = draw.unit();
        mid = if step < 0.01 { mid - 1 } else { mid + u64::from(step > 0.99) };
        let bid = draw.unit() < 0.5;
        let offset = draw.geometric(0.05);
        let price = if bid { mid - offset } else { mid + offset };
        let removed = offset > 1 && draw.unit() < 0.2;
        let size = if removed { 0.0 } else { -libm::log(draw.unit()) + 0.001 };
        let (price, size) = (price as f64 / 10.0, libm::round(size * 1e3) / 1e3);
        let side = if bid { "bid" } else { "ask" };
        let snapshot = row < 1_000;
        writeln!(
            text,
            "binance-futures,BTCUSDT,{exchange},{local},{snapshot},{side},{price},{size}"
        )
        .expect("memory takes all");
    }
    text
}

/// Pseudo-random numbers by SplitMix64.
struct Draw(u64);

impl Draw {
    /// Above 0, at most 1.
    fn unit(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ mixed >> 31) >> 11) as f64 / (1u64 << 53) as f64 + f64::EPSILON / 4.0
    }

    /// At least one.
    fn geometric(&mut self, chance: f64) -> u64 {
        if chance >= 1.0 {
            return 1;
        }
        1 + (libm::log(self.unit()) / libm::log(1.0 - chance)) as u64
    }
}

/// Nanoseconds that this thread has been on a core: the wall clock would time our neighbours too.
fn cpu_nanos() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells it");
    let first = text.split(' ').next().expect("three numbers");
    first.parse().expect("a number")
}
