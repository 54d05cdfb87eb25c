//! The rules of `STYLE.md` that a machine can check and that neither the compiler nor clippy
//! knows. A rule is a function from the project's files to findings; the table lists them all.

mod config;

mod code;
mod numbers;
mod order;
mod size;
mod walls;
mod words;

use std::path::Path;

use crate::project::{Finding, Project};

pub use config::Config;

type Rule = fn(&Project, &Config) -> Vec<Finding>;

const RULES: [Rule; 7] =
    [lexes, walls::check, order::check, size::check, code::check, words::check, numbers::check];

/// Checks the repository at `root` and prints the findings; the error counts them.
pub fn run(root: &Path) -> Result<String, String> {
    let project = Project::read(root)?;
    let list = root.join("xtask/tidy.toml");
    let text = std::fs::read_to_string(&list).map_err(|e| format!("{}: {e}", list.display()))?;
    let config = Config::parse(&text)?;
    let findings = findings(&project, &config);
    for finding in &findings {
        println!("{}:{}: {}", finding.path, finding.line, finding.message);
    }
    match findings.len() {
        0 => Ok(format!("{} files", project.files.len())),
        1 => Err("1 finding".to_owned()),
        count => Err(format!("{count} findings")),
    }
}

fn findings(project: &Project, config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> = RULES.iter().flat_map(|rule| rule(project, config)).collect();
    findings.sort();
    findings.dedup();
    findings
}

/// A file that is not Rust would pass every rule on tokens.
fn lexes(project: &Project, _config: &Config) -> Vec<Finding> {
    let broken = project.files.iter().filter(|file| file.is_rust() && file.source.is_none());
    broken.map(|file| Finding::new(&file.path, 1, "this is not valid Rust")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_rust_is_found() {
        let project = Project::of([("crates/a/src/lib.rs", "//! A.\nfn f( {")]);
        let found = findings(&project, &Config::default());
        assert_eq!(found, [Finding::new("crates/a/src/lib.rs", 1, "this is not valid Rust")]);
    }

    #[test]
    fn findings_of_all_rules_come_in_the_order_of_the_files() {
        let project = Project::of([
            ("crates/b/src/lib.rs", "//! A.\nfn f() { a.unwrap() }"),
            ("crates/a/src/lib.rs", "fn f() {}"),
        ]);
        let found = findings(&project, &Config::default());
        let places: Vec<(&str, usize)> = found.iter().map(|f| (f.path.as_str(), f.line)).collect();
        assert_eq!(places, [("crates/a/src/lib.rs", 1), ("crates/b/src/lib.rs", 2)]);
    }
}
