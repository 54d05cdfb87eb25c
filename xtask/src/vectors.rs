//! `cargo xtask vectors amm`: golden vectors from the contracts' own bytecode.
//!
//! Downloads pinned packages from the registry of npm into `target/npm`, unless they are there, and
//! runs the tool in `crates/amm/evm`, which checks their SHA-512. The packages are no part of the
//! repository.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

const REGISTRY: &str = "https://registry.npmjs.org";
const PACKAGES: [(&str, &str); 4] = [
    ("@uniswap/v3-core", "v3-core-1.0.1.tgz"),
    ("@uniswap/v2-core", "v2-core-1.0.1.tgz"),
    ("@uniswap/v4-core", "v4-core-1.0.2.tgz"),
    ("@openzeppelin/contracts", "contracts-4.9.6.tgz"),
];
const FILE: &str = "crates/amm/tests/vectors/uniswap.txt.gz";
const USAGE: &str = "usage: cargo xtask vectors amm [--check | --compare CALLS | --speed]

  amm                  makes crates/amm/tests/vectors anew
  amm --check          fails if they are not what the contracts answer
  amm --compare CALLS  compares so many random calls of each version
  amm --speed          times swaps here, in another library and in the EVM";

/// Runs the subcommand with what stands behind `vectors`.
pub fn run(root: &Path, arguments: &[String]) -> ExitCode {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let task: Vec<&str> = match words.as_slice() {
        ["amm"] => vec!["vectors", FILE],
        ["amm", "--check"] => vec!["check", FILE],
        ["amm", "--compare", calls] => vec!["compare", *calls],
        ["amm", "--speed"] => vec!["speed"],
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match downloaded(root).and_then(|folder| tool(root, &folder, &task)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(cause) => {
            eprintln!("xtask: vectors: {cause}");
            ExitCode::FAILURE
        }
    }
}

/// The folder with all packages.
fn downloaded(root: &Path) -> Result<PathBuf, String> {
    let folder = root.join("target/npm");
    std::fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    for (package, file) in PACKAGES {
        let path = folder.join(file);
        if path.exists() {
            continue;
        }
        let part = folder.join(format!("{file}.part"));
        let url = format!("{REGISTRY}/{package}/-/{file}");
        println!("downloading {url}");
        let mut curl = Command::new("curl");
        curl.args(["--fail", "--silent", "--show-error", "--location", "--output"]);
        finish(curl.arg(&part).arg(&url), "curl")?;
        std::fs::rename(&part, &path).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(folder)
}

fn tool(root: &Path, folder: &Path, task: &[&str]) -> Result<(), String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut cargo = Command::new(program);
    cargo.args(["run", "--locked", "--quiet", "--release", "--manifest-path"]);
    if std::env::var_os("CARGO_TARGET_DIR").is_none() {
        cargo.env("CARGO_TARGET_DIR", root.join("target/evm"));
    }
    cargo.arg("crates/amm/evm/Cargo.toml").arg("--").arg(folder).args(task);
    finish(cargo.current_dir(root), "the tool in crates/amm/evm")
}

fn finish(command: &mut Command, name: &str) -> Result<(), String> {
    let status = command.status().map_err(|error| format!("cannot run {name}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{name} failed ({status})")) }
}
