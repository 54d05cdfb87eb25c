//! Project chores: `cargo xtask ci` is the whole check, its steps can be called alone; `cargo xtask
//! vopr` throws a hostile market at the rules; `cargo xtask vectors amm` asks the contracts.

mod source;

mod project;

mod tidy;

mod steps;
mod vectors;

use std::path::PathBuf;
use std::process::ExitCode;

use steps::{STEPS, Step};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [word, rest @ ..] = arguments.as_slice()
        && word == "vopr"
    {
        return steps::vopr(&root(), rest);
    }
    if let [word, rest @ ..] = arguments.as_slice()
        && word == "vectors"
    {
        return vectors::run(&root(), rest);
    }
    let chosen: Vec<&Step> = match arguments.as_slice() {
        [] => return help(),
        [word] if matches!(word.as_str(), "help" | "-h" | "--help") => return help(),
        [word] if word == "ci" => STEPS.iter().collect(),
        [word] => STEPS.iter().filter(|step| step.name == word).collect(),
        [_, ..] => Vec::new(),
    };
    if chosen.is_empty() {
        eprintln!("xtask: no task `{}`; `cargo xtask` lists the tasks", arguments.join(" "));
        return ExitCode::from(2);
    }
    if steps::run(&root(), &chosen) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn help() -> ExitCode {
    println!("cargo xtask <task>\n");
    println!("  {:<8} all of the below in this order, until one fails", "ci");
    for step in &STEPS {
        println!("  {:<8} {}", step.name, step.what);
    }
    println!("\n  {:<8} a hostile market against the rules; `vopr --help` says more", "vopr");
    println!("  {:<8} pools against the contracts' bytecode; `vectors amm`", "vectors");
    ExitCode::SUCCESS
}

/// The repository: the parent of this package as cargo names it at run time, so that a build
/// directory can be shared between clones.
fn root() -> PathBuf {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    package.and_then(|path| path.parent().map(PathBuf::from)).unwrap_or_else(|| PathBuf::from("."))
}
