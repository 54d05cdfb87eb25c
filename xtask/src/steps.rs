//! The steps of the continuous check, cheapest first, so that the tests' own closing lines stand
//! right above the closing table. The first failure ends the run.

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Instant;

use crate::tidy;

/// One step: its name, what it runs, and the function that does it. The function gives a remark
/// for the table, or the cause of the failure.
pub struct Step {
    /// Name on the command line.
    pub name: &'static str,
    /// What it runs, for the help and the table.
    pub what: &'static str,
    run: fn(&Path) -> Result<String, String>,
}

/// All steps in the order of `cargo xtask ci`.
pub const STEPS: [Step; 5] = [
    Step { name: "fmt", what: "cargo fmt --all --check", run: fmt },
    Step { name: "tidy", what: "the rules of STYLE.md that a machine can check", run: tidy::run },
    Step {
        name: "clippy",
        what: "cargo clippy --locked --workspace --all-targets -- -D warnings",
        run: clippy,
    },
    Step { name: "doc", what: "cargo doc --locked --workspace --no-deps", run: doc },
    Step { name: "test", what: "cargo test --locked --workspace", run: test },
];

/// Runs the steps at `root` and prints a closing table; false when one failed.
pub fn run(root: &Path, steps: &[&Step]) -> bool {
    let start = Instant::now();
    let mut rows = Vec::new();
    let mut failure = None;
    for step in steps {
        println!("== {}: {}", step.name, step.what);
        let begin = Instant::now();
        let outcome = (step.run)(root);
        let seconds = begin.elapsed().as_secs_f64();
        let (result, remark) = match &outcome {
            Ok(remark) => ("ok", remark),
            Err(cause) => ("FAILED", cause),
        };
        println!("== {}: {result} after {seconds:.1} s\n", step.name);
        let row = format!("{:<8} {result:<8} {seconds:>8.1} s  {remark}", step.name);
        rows.push(row.trim_end().to_owned());
        if let Err(cause) = outcome {
            failure = Some(format!("{}: {cause}", step.name));
            break;
        }
    }
    let missed = steps.iter().skip(rows.len()).map(|step| format!("{:<8} not run", step.name));
    rows.extend(missed.collect::<Vec<_>>());
    for row in rows {
        println!("{row}");
    }
    let seconds = start.elapsed().as_secs_f64();
    match &failure {
        None => println!("xtask: passed, {0} of {0} steps in {seconds:.1} s", steps.len()),
        Some(cause) => println!("xtask: FAILED at {cause} ({seconds:.1} s)"),
    }
    failure.is_none()
}

/// Builds `vopr` optimised and runs it with these arguments.
pub fn vopr(root: &Path, arguments: &[String]) -> ExitCode {
    let mut command = cargo(root, &["run", "--locked", "--quiet", "--release", "-p", "vopr", "--"]);
    match command.args(arguments).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("xtask: cannot run cargo: {error}");
            ExitCode::FAILURE
        }
    }
}

fn fmt(root: &Path) -> Result<String, String> {
    finish(cargo(root, &["fmt", "--all", "--check"]), "run `cargo fmt`")
}

fn clippy(root: &Path) -> Result<String, String> {
    let arguments = ["clippy", "--locked", "--workspace", "--all-targets", "--", "-D", "warnings"];
    finish(cargo(root, &arguments), "mend what clippy names above")
}

fn doc(root: &Path) -> Result<String, String> {
    let mut command = cargo(root, &["doc", "--locked", "--workspace", "--no-deps"]);
    command.env("RUSTDOCFLAGS", "-D warnings");
    finish(command, "mend the documentation named above")
}

/// Passes the tests' output on line by line, and counts.
fn test(root: &Path) -> Result<String, String> {
    let mut command = cargo(root, &["test", "--locked", "--workspace"]);
    command.stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| format!("cannot run cargo: {error}"))?;
    let total = forward(&mut child)?;
    let status = child.wait().map_err(|error| format!("cannot wait for cargo: {error}"))?;
    let counts =
        format!("{} passed, {} failed, {} ignored", total.passed, total.failed, total.ignored);
    match (status.success(), total.passed) {
        (true, 0) => Err("no test ran".to_owned()),
        (true, _) if total.failed == 0 => Ok(counts),
        (true, _) | (false, _) => Err(format!("{counts}; see the tests above ({status})")),
    }
}

fn forward(child: &mut Child) -> Result<Count, String> {
    let stdout = child.stdout.take().expect("the output of the tests is piped");
    let mut total = Count::default();
    let mut own = std::io::stdout().lock();
    for line in BufReader::new(stdout).split(b'\n') {
        let line = line.map_err(|error| format!("cannot read the tests' output: {error}"))?;
        total.add(&Count::of(&String::from_utf8_lossy(&line)));
        let written = own.write_all(&line).and_then(|()| own.write_all(b"\n"));
        written.and_then(|()| own.flush()).map_err(|error| format!("cannot print: {error}"))?;
    }
    Ok(total)
}

/// Tests of one closing line of a test binary, or the sum of several.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Count {
    /// Of `test result: ok. 3 passed; 0 failed; 1 ignored; ...`; zero for any other line.
    fn of(line: &str) -> Self {
        let Some(result) = line.trim().strip_prefix("test result: ") else {
            return Self::default();
        };
        let words: Vec<&str> = result.split([' ', ';']).filter(|word| !word.is_empty()).collect();
        let before = |name: &str| {
            let place = words.iter().position(|word| *word == name);
            place.and_then(|at| words[at.checked_sub(1)?].parse().ok()).unwrap_or(0)
        };
        Self { passed: before("passed"), failed: before("failed"), ignored: before("ignored") }
    }

    fn add(&mut self, other: &Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.ignored += other.ignored;
    }
}

fn cargo(root: &Path, arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root);
    command
}

fn finish(mut command: Command, advice: &str) -> Result<String, String> {
    let status = command.status().map_err(|error| format!("cannot run cargo: {error}"))?;
    if status.success() { Ok(String::new()) } else { Err(format!("{advice} ({status})")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_of_tests_are_summed() {
        let mut total = Count::default();
        for line in [
            "running 3 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out",
            "test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 9 filtered out",
        ] {
            total.add(&Count::of(line));
        }
        assert_eq!(total, Count { passed: 7, failed: 2, ignored: 1 });
    }

    #[test]
    fn a_failed_step_ends_the_run() {
        let pass = |_: &Path| Ok(String::new());
        let fail = |_: &Path| Err("broken".to_owned());
        let good = Step { name: "good", what: "", run: pass };
        let bad = Step { name: "bad", what: "", run: fail };
        let last = Step { name: "last", what: "", run: |_| panic!("ran after a failure") };
        assert!(run(Path::new("."), &[&good, &good]));
        assert!(!run(Path::new("."), &[&good, &bad, &last]));
    }
}
