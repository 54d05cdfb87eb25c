//! The pools of crate `amm` against the contracts' own bytecode in an EVM.
//!
//! `compare` makes random calls on both and compares each answer and the whole state after it;
//! `vectors` writes what the contracts answered, for `cargo test -p amm` to replay; `check` says
//! whether the file is what `vectors` would write; `speed` times swaps here, in another library,
//! and in the EVM. `docs/amm.md` says more.

mod artifacts;
mod callee;
#[allow(missing_docs)]
#[path = "../../tests/replay/mod.rs"]
mod replay;
mod chain;
mod v3;
mod v2;
mod v4;
mod stream;
mod vectors;
#[path = "../../benches/clock/mod.rs"]
mod clock;
#[path = "../../benches/workload/mod.rs"]
mod workload;
mod speed;

use std::collections::BTreeMap;
use std::path::Path;
use std::process::ExitCode;

use amm::Step;

use artifacts::Artifacts;
use replay::{Call, Own, Venue, line, parsed};
use stream::{PairStream, PoolStream, Profile};
use v2::V2;
use v3::V3;
use v4::V4;

const USAGE: &str = "usage: evm FOLDER compare [CALLS] | vectors FILE | check FILE | speed
FOLDER holds the npm packages; CALLS are made of each version (default 12000)";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        [folder, "compare"] => compare(Path::new(folder), 12_000),
        [folder, "compare", calls] => match calls.parse() {
            Ok(calls) => compare(Path::new(folder), calls),
            Err(_) => Err(format!("`{calls}` is no number of calls\n{USAGE}")),
        },
        [folder, "vectors", file] => {
            text(Path::new(folder)).and_then(|text| vectors::write(Path::new(file), &text))
        }
        [folder, "check", file] => {
            text(Path::new(folder)).and_then(|text| vectors::check(Path::new(file), &text))
        }
        [folder, "speed"] => {
            Artifacts::read(Path::new(folder)).and_then(|artifacts| speed::run(&artifacts))
        }
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(report) => {
            println!("{report}");
            ExitCode::SUCCESS
        }
        Err(cause) => {
            eprintln!("evm: {cause}");
            ExitCode::FAILURE
        }
    }
}

/// Pools of version 3: usual ones, then such as end where numbers do.
const POOLS: [Profile; 8] = [
    USUAL,
    Profile { fee_pips: 3_000, spacing: 60, width: 30, ..USUAL },
    Profile { fee_pips: 10_000, spacing: 200, tick: -201_000, width: 40, ..USUAL },
    // Ranges over many empty words of the bitmap, from no liquidity to little.
    Profile { fee_pips: 100, spacing: 1, tick: 70_000, width: 3_000, positions: 6, ..USUAL },
    Profile { seeded: false, ..USUAL },
    WIDE,
    LOW,
    DEAR,
];

const USUAL: Profile = Profile {
    step: Step::V3,
    fee_pips: 500,
    spacing: 10,
    tick: 0,
    width: 60,
    liquidity: (50, 85),
    amount: (20, 84),
    positions: 60,
    seeded: true,
};

const WIDE: Profile =
    Profile { tick: 600_000, liquidity: (30, 105), amount: (1, 120), width: 3_000, ..USUAL };
const LOW: Profile = Profile { tick: -880_000, amount: (1, 127), width: 90, ..THIN };
const DEAR: Profile = Profile { fee_pips: 999_999, spacing: 16_383, width: 5, ..THIN };
/// Little liquidity, where a unit of √price is worth many units of a token.
const THIN: Profile = Profile { liquidity: (1, 70), seeded: false, ..USUAL };

/// Pools of version 4, whose contract has amounts of 128 bits.
const POOLS_V4: [Profile; 4] = [
    Profile { step: Step::V4, ..USUAL },
    Profile { step: Step::V4, fee_pips: 3_000, spacing: 60, tick: -150_000, ..USUAL },
    Profile { step: Step::V4, fee_pips: 1, spacing: 1, tick: 70_000, width: 3_000, ..USUAL },
    Profile { step: Step::V4, amount: (1, 90), tick: -700_000, ..THIN },
];

/// Bits of the first deposits of pairs.
const PAIRS: [(u32, u32); 4] = [(40, 80), (11, 30), (100, 112), (20, 112)];

/// A call on both sides; the line that both tell, or where they part.
fn both(venue: &mut impl Venue, own: &mut Own, call: &Call) -> Result<String, String> {
    if parsed(&call.to_string()) != Some(*call) {
        return Err(format!("`{call}` is not read as it is written"));
    }
    let (theirs, ours) = (line(venue, call), line(own, call));
    if theirs != ours {
        return Err(format!(
            "the contract and `amm` differ\n  contract {theirs}\n  amm      {ours}"
        ));
    }
    Ok(theirs)
}

/// Ticks and positions that the call should not have touched.
fn whole(venue: &mut impl Venue, own: &mut Own, stream: &PoolStream) -> Result<(), String> {
    if venue.ticks() != own.ticks() {
        return Err(format!("ticks differ: {:?} {:?}", venue.ticks(), own.ticks()));
    }
    for (owner, range) in &stream.held {
        let (theirs, ours) = (venue.position(*owner, *range), own.position(*owner, *range));
        if theirs != ours {
            return Err(format!("position {owner} {range:?}: contract {theirs} amm {ours}"));
        }
    }
    Ok(())
}

fn pool_lines(
    venue: &mut impl Venue,
    profile: Profile,
    seed: u64,
    calls: usize,
) -> Result<Vec<String>, String> {
    let (mut own, mut stream) = (Own::default(), PoolStream::new(profile, seed));
    let mut lines = Vec::with_capacity(calls);
    for number in 0..calls {
        let call = stream.next(&mut own);
        let at = |cause| format!("seed {seed}, call {number}: {cause}");
        lines.push(both(venue, &mut own, &call).map_err(at)?);
        whole(venue, &mut own, &stream).map_err(at)?;
    }
    Ok(lines)
}

fn pair_lines(
    venue: &mut V2,
    size: (u32, u32),
    seed: u64,
    calls: usize,
) -> Result<Vec<String>, String> {
    let (mut own, mut stream) = (Own::default(), PairStream::new(size, seed));
    let mut lines = Vec::with_capacity(calls);
    for number in 0..calls {
        let held = if number == 0 { amm::U256::ZERO } else { venue.held() };
        let call = stream.next(&mut own, held);
        let line = both(venue, &mut own, &call);
        lines.push(line.map_err(|cause| format!("seed {seed}, call {number}: {cause}"))?);
    }
    Ok(lines)
}

/// All lines of so many calls of each version, a seed and a chain for each pool.
fn lines(artifacts: &Artifacts, calls: usize) -> Result<[Vec<String>; 3], String> {
    let [mut v3, mut v2, mut v4] = [const { Vec::new() }; 3];
    for (seed, profile) in (1..).zip(POOLS) {
        let mut venue = V3::new(artifacts);
        v3.extend(pool_lines(&mut venue, profile, seed, calls / POOLS.len())?);
    }
    for (seed, size) in (101..).zip(PAIRS) {
        v2.extend(pair_lines(&mut V2::new(artifacts), size, seed, calls / PAIRS.len())?);
    }
    for (seed, profile) in (201..).zip(POOLS_V4) {
        let mut venue = V4::new(artifacts);
        v4.extend(pool_lines(&mut venue, profile, seed, calls / POOLS_V4.len())?);
    }
    Ok([v3, v2, v4])
}

fn compare(folder: &Path, calls: usize) -> Result<String, String> {
    let lines = lines(&Artifacts::read(folder)?, calls)?;
    let mut report = String::new();
    for (name, lines) in ["v3", "v2", "v4"].iter().zip(&lines) {
        report += &format!("{name}: {} calls, all answers and states alike\n", lines.len());
        let mut kinds: BTreeMap<&str, [u64; 2]> = BTreeMap::new();
        for line in lines {
            let kind = line.split(' ').next().expect("a line has a call");
            let refused = line.split_once(" = ").is_some_and(|(_, rest)| rest.starts_with("no"));
            kinds.entry(kind).or_default()[usize::from(refused)] += 1;
        }
        for (kind, [done, refused]) in kinds {
            report += &format!("  {kind:<18} {done:>7} done {refused:>6} refused\n");
        }
    }
    Ok(report)
}

/// The vectors: fewer calls, the same seeds.
fn text(folder: &Path) -> Result<String, String> {
    let [v3, v2, v4] = lines(&Artifacts::read(folder)?, vectors::CALLS)?;
    let mut text = [v3, v2, v4].concat().join("\n");
    text.push('\n');
    Ok(text)
}
