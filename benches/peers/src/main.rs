//! Replays against other back-testers: the same fills, and how fast.
//!
//! `peers race STREAM.npy [ROUNDS]`: time of a run, round by round in turn; the last word of the
//! output is the smallest ratio of the peer's fastest book to ours. Exit 0 when it is 3 or more.
//! `peers agree [CASES]`: the same fills on random streams. Exit 0 when all are.
//! `peers lengthen STREAM.npy COPIES OUT.npy OUT.slots`: the stream behind itself, for both.
//! `peers memory ours OUT.slots`, `peers memory theirs OUT.npy`: the peak of memory of one run.

mod agree;
mod ours;
mod outcome;
mod race;
mod stream;
mod theirs;

use std::error::Error;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match command(&words) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("peers: {error}");
            ExitCode::from(2)
        }
    }
}

fn command(words: &[&str]) -> Result<bool, Box<dyn Error>> {
    match words {
        ["race", path] => race::run(path, 7),
        ["race", path, rounds] => race::run(path, rounds.parse()?),
        ["lengthen", path, copies, npy, raw] => stream::lengthen(path, copies.parse()?, npy, raw),
        ["memory", who, path] => race::memory(who, path),
        ["agree"] => Ok(agree::run(200)),
        ["agree", cases] => Ok(agree::run(cases.parse()?)),
        _ => Err("race, agree, lengthen or memory; see main.rs".into()),
    }
}
