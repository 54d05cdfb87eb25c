//! Sizes (rules 21 and 23 of `STYLE.md`): a file has at most 600 lines without its tests, a
//! function 70, a line 100 columns, a header 20 lines.
//!
//! What was above a limit when the limit came stands in `[excess]` of `xtask/tidy.toml` with its
//! exact size. So a listed size can go down, never up.

use std::collections::{BTreeMap, BTreeSet};

use super::Config;
use crate::project::{Finding, Project, TextFile};
use crate::source::Source;

const FILE_LINES_MAX: usize = 600;
const FUNCTION_LINES_MAX: usize = 70;
const COLUMNS_MAX: usize = 100;
const HEADER_LINES_MAX: usize = 20;
const LIST: &str = "xtask/tidy.toml";

/// Files, functions, lines and headers that are too long, and entries of the list that are not
/// exact.
pub fn check(project: &Project, config: &Config) -> Vec<Finding> {
    let mut findings: Vec<Finding> =
        project.files.iter().flat_map(|file| [columns(file), header(file)].concat()).collect();
    let mut files = BTreeMap::new();
    let mut functions = BTreeMap::new();
    for (file, source) in project.rust() {
        files.insert(file.path.clone(), (file, 1, lines_without_tests(file, source)));
        for function in source.functions() {
            let name = format!("{}::{}", file.path, function.name);
            let entry = functions.entry(name).or_insert((file, function.line, function.lines));
            if function.lines > entry.2 {
                *entry = (file, function.line, function.lines);
            }
        }
    }
    findings.extend(ratchet("file", FILE_LINES_MAX, &files, &config.excess_file));
    findings.extend(ratchet("function", FUNCTION_LINES_MAX, &functions, &config.excess_function));
    findings
}

type Measured<'a> = BTreeMap<String, (&'a TextFile, usize, usize)>;

fn ratchet(
    kind: &str,
    limit: usize,
    measured: &Measured,
    allowed: &BTreeMap<String, usize>,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (name, (file, line, lines)) in measured {
        let most = allowed.get(name).copied().unwrap_or(limit).max(limit);
        if *lines > most {
            let message = format!("{kind} of {lines} lines, at most {most}: divide it (style 21)");
            findings.push(Finding::new(&file.path, *line, message));
        }
    }
    for (name, most) in allowed {
        let lines = measured.get(name).map_or(0, |(_, _, lines)| *lines);
        let advice = if lines <= limit { "remove the entry" } else { "lower the entry" };
        if lines < *most || *most <= limit {
            let message = format!("{kind} `{name}` has {lines} lines now: {advice} (style 21)");
            findings.push(Finding::new(LIST, 1, message));
        }
    }
    findings
}

fn lines_without_tests(file: &TextFile, source: &Source) -> usize {
    let tests: usize = source
        .modules()
        .filter(|module| module.name == "tests" && module.inline)
        .map(|module| module.line_last - module.line + 1)
        .sum();
    file.text.lines().count() - tests
}

/// Lines that are too long; inside a string of several lines, width is data.
fn columns(file: &TextFile) -> Vec<Finding> {
    let checked = [".rs", ".sh", ".py", ".sol"];
    if !checked.iter().any(|ending| file.path.ends_with(ending)) {
        return Vec::new();
    }
    let tokens = file.source.iter().flat_map(|source| &source.tokens);
    let data: BTreeSet<usize> = tokens.flat_map(|token| token.line..token.line_last).collect();
    let long = |(index, text): (usize, &str)| {
        let columns = text.chars().count();
        let line = index + 1;
        let free = data.contains(&index) || text.contains("://"); // `index` is the line before
        (columns > COLUMNS_MAX && !free).then(|| {
            let message = format!("{columns} columns, at most {COLUMNS_MAX} (style 21)");
            Finding::new(&file.path, line, message)
        })
    };
    file.text.lines().enumerate().filter_map(long).collect()
}

fn header(file: &TextFile) -> Vec<Finding> {
    if !file.is_rust() {
        return Vec::new();
    }
    let lines = file.text.lines().take_while(|line| line.starts_with("//!")).count();
    let message = match lines {
        0 => "open the file with `//!`: what it is and what it keeps (style 23)".to_owned(),
        1..=HEADER_LINES_MAX => return Vec::new(),
        _ => format!("header of {lines} lines, at most {HEADER_LINES_MAX} (style 23)"),
    };
    vec![Finding::new(&file.path, 1, message)]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "crates/a/src/lib.rs";

    fn check(text: &str, config: &Config) -> Vec<String> {
        let findings = super::check(&Project::of([(PATH, text)]), config);
        findings.iter().map(|finding| format!("{}: {}", finding.path, finding.message)).collect()
    }

    fn function(lines: usize) -> String {
        format!("//! A.\nfn long() {{\n{}}}\n", "    a();\n".repeat(lines - 2))
    }

    #[test]
    fn a_function_of_seventy_lines_passes_and_of_one_more_does_not() {
        assert!(check(&function(70), &Config::default()).is_empty());
        let expected = format!("{PATH}: function of 71 lines, at most 70: divide it (style 21)");
        assert_eq!(check(&function(71), &Config::default()), [expected]);
    }

    #[test]
    fn a_listed_excess_may_not_grow_and_must_be_lowered_when_it_shrinks() {
        let name = format!("{PATH}::long");
        let config = Config { excess_function: BTreeMap::from([(name, 80)]), ..Config::default() };
        assert!(check(&function(80), &config).is_empty());
        assert!(check(&function(81), &config)[0].ends_with("at most 80: divide it (style 21)"));
        assert!(check(&function(79), &config)[0].ends_with("lower the entry (style 21)"));
        assert!(check(&function(70), &config)[0].ends_with("remove the entry (style 21)"));
        assert!(check("//! A.\n", &config)[0].ends_with("remove the entry (style 21)"));
    }

    #[test]
    fn tests_do_not_count_in_the_size_of_a_file() {
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "    use a;\n".repeat(300));
        let text = |lines| format!("//! A.\n{}{tests}", "use a;\n".repeat(lines));
        assert!(check(&text(598), &Config::default()).is_empty());
        let expected = format!("{PATH}: file of 601 lines, at most 600: divide it (style 21)");
        assert_eq!(check(&text(599), &Config::default()), [expected]);
    }

    #[test]
    fn a_line_has_a_hundred_columns_counted_in_characters() {
        let text = |count| format!("//! {}\n", "é".repeat(count));
        assert!(check(&text(96), &Config::default()).is_empty());
        assert_eq!(
            check(&text(97), &Config::default()),
            [format!("{PATH}: 101 columns, at most 100 (style 21)")]
        );
    }

    #[test]
    fn width_is_free_inside_a_string_of_several_lines() {
        let text = format!("//! A.\nconst A: &str = \"\n{}\n\";\n", "x".repeat(120));
        assert!(check(&text, &Config::default()).is_empty());
    }

    #[test]
    fn a_header_is_there_and_short() {
        assert_eq!(check("fn f() {}\n", &Config::default()).len(), 1);
        assert!(check(&"//! A.\n".repeat(20), &Config::default()).is_empty());
        assert_eq!(check(&"//! A.\n".repeat(21), &Config::default()).len(), 1);
    }
}
