//! Words that have no place in the project's text (rules 6, 19 and 24 of `STYLE.md`): work left
//! undone, the history of the code, paths of one machine, names that say nothing.
//!
//! A word is matched whole; one of capitals by case, any other in any case.

use super::Config;
use crate::project::{Finding, Project, TextFile};

/// Where history is the subject.
const CHRONICLES: [&str; 2] = ["CHANGELOG.md", "docs/decisions/"];

/// Banned words in texts, and banned names of modules, crates and functions.
pub fn check(project: &Project, config: &Config) -> Vec<Finding> {
    let named = |path: &str, prefixes: &[String]| prefixes.iter().any(|p| path.starts_with(p));
    let mut findings = Vec::new();
    for file in &project.files {
        if !named(&file.path, &config.skip) {
            findings.extend(texts(file, config));
        }
        if file.is_rust() {
            findings.extend(path_names(file, config));
            findings.extend(item_names(file, config));
        }
    }
    findings
}

fn texts(file: &TextFile, config: &Config) -> Vec<Finding> {
    let mut words: Vec<(&String, &str)> = Vec::new();
    words.extend(config.everywhere.iter().map(|word| (word, "the text speaks of what is there")));
    if !CHRONICLES.iter().any(|path| file.path.starts_with(path)) {
        words.extend(config.history.iter().map(|word| (word, "history belongs in CHANGELOG.md")));
    }
    if file.path.ends_with(".md") {
        words.extend(config.documents.iter().map(|word| (word, "a path of one machine")));
    }
    let mut findings = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let lower = line.to_lowercase();
        for (word, reason) in &words {
            if has(line, &lower, word) {
                let message = format!("`{word}`: {reason} (style 24)");
                findings.push(Finding::new(&file.path, index + 1, message));
            }
        }
    }
    findings
}

fn has(line: &str, lower: &str, word: &str) -> bool {
    let capitals = !word.chars().any(char::is_lowercase) && word.chars().any(char::is_uppercase);
    let line = if capitals { line } else { lower };
    let sought = if capitals { word.to_owned() } else { word.to_lowercase() };
    let joins = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(&sought).any(|(start, found)| {
        let before = line[..start].chars().next_back();
        let after = line[start + found.len()..].chars().next();
        let path = found.starts_with('/');
        let starts =
            !before.is_some_and(|c| joins(c) || path && matches!(c, '.' | '-' | '/' | '}'));
        let ends = !(found.ends_with(joins) && after.is_some_and(joins));
        starts && ends
    })
}

fn path_names(file: &TextFile, config: &Config) -> Vec<Finding> {
    let parts = file.path.split('/').map(|part| part.strip_suffix(".rs").unwrap_or(part));
    parts
        .filter(|part| config.modules.iter().any(|banned| banned == part))
        .map(|part| Finding::new(&file.path, 1, nothing(part)))
        .collect()
}

fn item_names(file: &TextFile, config: &Config) -> Vec<Finding> {
    let Some(source) = &file.source else { return Vec::new() };
    let mut findings = Vec::new();
    for module in source.modules().filter(|module| config.modules.contains(&module.name)) {
        findings.push(Finding::new(&file.path, module.line, nothing(&module.name)));
    }
    for index in 1..source.tokens.len() {
        let name = &source.tokens[index];
        let begins = |start: &String| name.text.starts_with(start.as_str());
        let declared = name.word && source.text(index - 1) == "fn";
        if declared && let Some(start) = config.functions.iter().find(|start| begins(start)) {
            let message = format!(
                "`{}`: name what it gives or does, without `{start}` (style 19)",
                name.text
            );
            findings.push(Finding::new(&file.path, name.line, message));
        }
    }
    findings
}

fn nothing(name: &str) -> String {
    format!("`{name}` says nothing about what is inside; name the topic (style 6)")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn shipped() -> Config {
        Config::parse(include_str!("../../tidy.toml")).unwrap()
    }

    fn count(path: &str, text: &str) -> usize {
        super::check(&Project::of([(path, text)]), &shipped()).len()
    }

    #[test]
    fn every_listed_word_is_found() {
        let config = shipped();
        for word in config.everywhere.iter().chain(&config.history) {
            assert_eq!(count("crates/a/src/lib.rs", &format!("//! So {word} it.")), 1, "{word}");
        }
        for word in &config.documents {
            assert_eq!(count("docs/a.md", &format!("See `{word}x`.")), 1, "{word}");
        }
    }

    #[test]
    fn a_word_is_matched_whole_and_capitals_by_case() {
        let config =
            Config { everywhere: vec!["OOPS".into(), "oh no".into()], ..Config::default() };
        let count = |text: &str| super::check(&Project::of([("a.md", text)]), &config).len();
        assert_eq!(count("an OOPS, Oh No"), 2);
        assert_eq!(count("oops OOPSY SOOPS oh nothing"), 0);
    }

    #[test]
    fn a_path_of_one_machine_is_not_the_end_of_another_path() {
        let word = shipped().everywhere.iter().find(|word| word.starts_with('/')).unwrap().clone();
        assert_eq!(count("README.md", &format!("in `{word}x`")), 1);
        assert_eq!(count("README.md", &format!("in `target{word}x`")), 0);
    }

    #[test]
    fn history_is_told_in_the_changelog_and_the_decisions() {
        let word = &shipped().history[0];
        assert_eq!(count("CHANGELOG.md", word), 0);
        assert_eq!(count("docs/decisions/0001-a.md", word), 0);
        assert_eq!(count("docs/protocol.md", word), 1);
    }

    #[test]
    fn names_that_say_nothing_are_found() {
        assert_eq!(count("crates/a/src/utils.rs", "//! A."), 1);
        assert_eq!(count("crates/common/src/book.rs", "//! A."), 1);
        assert_eq!(count("crates/a/src/lib.rs", "//! A.\nmod helpers { }"), 1);
        assert_eq!(count("crates/a/src/lib.rs", "//! A.\nfn get_price() {}"), 1);
        assert_eq!(count("crates/a/src/lib.rs", "//! A.\nfn handle_order() {}"), 1);
        assert_eq!(count("crates/a/src/lib.rs", "//! A.\nfn target_price() {}"), 0);
    }
}
