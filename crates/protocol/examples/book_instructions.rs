//! Plays an order stream a number of times, to count instructions without noise: the difference
//! between three repetitions and one, halved, is what a million messages cost.
//!
//! ```sh
//! cargo build --release -p protocol --example book_instructions
//! for n in 1 3; do valgrind --tool=callgrind --callgrind-out-file=/dev/null \
//!   target/release/examples/book_instructions A $n 2>&1 | grep -E 'refs|trades'; done
//! ```

use std::process::ExitCode;

use protocol::book::FastBook;

#[allow(dead_code)]
#[path = "../benches/streams/mod.rs"]
mod streams;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [name, repetitions] = arguments.as_slice() else {
        eprintln!("usage: book_instructions A|B REPETITIONS");
        return ExitCode::FAILURE;
    };
    let known = [streams::STREAM_A, streams::STREAM_B];
    let stream = known.iter().find(|stream| stream.name == name);
    let (Some(stream), Ok(repetitions)) = (stream, repetitions.parse::<u32>()) else {
        eprintln!("the stream is A or B, repetitions a whole number; got {name} {repetitions}");
        return ExitCode::FAILURE;
    };
    let messages = streams::generate::<FastBook>(stream);
    for _ in 0..repetitions {
        let totals = streams::play::<FastBook>(std::hint::black_box(&messages)).totals;
        println!("{name}: {} trades, {} lots", totals.trades, totals.volume);
    }
    ExitCode::SUCCESS
}
