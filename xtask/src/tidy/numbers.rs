//! Rule numbers such as `F-1` bind code, page and tests (rule 25 of `STYLE.md`): a number cited in
//! `crates/protocol/src` stands in `docs/protocol.md`, and a number of the page is named by a test
//! of the crate, in its name (`f_1_...`) or in a comment.
//!
//! Without the page nothing is checked.

use std::collections::{BTreeMap, BTreeSet};

use super::Config;
use crate::project::{Finding, Project, TextFile};

const PAGE: &str = "docs/protocol.md";
const CRATE: &str = "crates/protocol/";
const CODE: &str = "crates/protocol/src/";

/// Numbers without a rule, and rules without a test.
pub fn check(project: &Project, _config: &Config) -> Vec<Finding> {
    let Some(page) = project.file(PAGE) else { return Vec::new() };
    let rules = cited(&page.text);
    let mut findings = Vec::new();
    let mut tested = BTreeSet::new();
    for file in project.files.iter().filter(|file| file.path.starts_with(CRATE)) {
        if file.path.starts_with(CODE) {
            let unknown =
                cited(&file.text).into_iter().filter(|(rule, _)| !rules.contains_key(rule));
            findings.extend(unknown.map(|(rule, line)| {
                let message = format!("{rule} has no rule in {PAGE} (style 25)");
                Finding::new(&file.path, line, message)
            }));
        }
        tested.extend(named_by_tests(file));
    }
    for (rule, line) in rules {
        if !tested.contains(&rule) {
            let message = format!("no test of `protocol` names {rule} (style 25)");
            findings.push(Finding::new(PAGE, line, message));
        }
    }
    findings
}

/// Rule numbers in a text, each with the line of its first citation: one or two capitals, a
/// hyphen, up to three digits.
fn cited(text: &str) -> BTreeMap<String, usize> {
    let mut rules = BTreeMap::new();
    for (index, line) in text.lines().enumerate() {
        let joins = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_');
        for word in line.split(|c: char| !joins(c)).filter(|word| is_rule(word)) {
            rules.entry(word.to_owned()).or_insert(index + 1);
        }
    }
    rules
}

fn is_rule(word: &str) -> bool {
    word.split_once('-').is_some_and(|(letters, digits)| {
        (1..=2).contains(&letters.len())
            && letters.bytes().all(|b| b.is_ascii_uppercase())
            && (1..=3).contains(&digits.len())
            && digits.bytes().all(|b| b.is_ascii_digit())
    })
}

fn named_by_tests(file: &TextFile) -> BTreeSet<String> {
    let mut rules = BTreeSet::new();
    if file.test {
        rules.extend(cited(&file.text).into_keys());
    }
    let Some(source) = &file.source else { return rules };
    for module in source.modules().filter(|module| module.test && module.inline) {
        let count = module.line_last - module.line + 1;
        let lines: Vec<&str> = file.text.lines().skip(module.line - 1).take(count).collect();
        rules.extend(cited(&lines.join("\n")).into_keys());
    }
    for index in 1..source.tokens.len() {
        if source.text(index - 1) == "fn" && file.in_test(index) {
            rules.extend(in_name(source.text(index)));
        }
    }
    rules
}

/// `F-1` of `f_1_a_payment_is_rounded_up`; any two neighbours that look like a number count.
fn in_name(name: &str) -> Vec<String> {
    let parts: Vec<&str> = name.split('_').collect();
    let pairs = parts.windows(2).map(|pair| format!("{}-{}", pair[0].to_uppercase(), pair[1]));
    pairs.filter(|rule| is_rule(rule)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE_TEXT: &str = "# Rules\n\n**F-1** funding\n";
    const TESTED: &str = "mod tests {\n#[test] fn f_1_is_paid() {}\n}";

    fn check(files: &[(&str, &str)]) -> Vec<String> {
        let findings = super::check(&Project::of(files.iter().copied()), &Config::default());
        findings.iter().map(|f| format!("{}:{} {}", f.path, f.line, f.message)).collect()
    }

    #[test]
    fn a_rule_that_is_cited_and_tested_passes() {
        let comment = "//! F-1\nmod tests {\n// F-1: the payer\nfn a() {}\n}";
        for code in [TESTED, comment] {
            assert!(check(&[(PAGE, PAGE_TEXT), ("crates/protocol/src/a.rs", code)]).is_empty());
        }
        let outside = ("crates/protocol/tests/book.rs", "// F-1");
        assert!(check(&[(PAGE, PAGE_TEXT), outside]).is_empty());
    }

    #[test]
    fn a_number_without_a_rule_is_found() {
        let code = format!("//! A.\n//! L-5\n{TESTED}");
        let found = check(&[(PAGE, PAGE_TEXT), ("crates/protocol/src/a.rs", &code)]);
        let expected = "crates/protocol/src/a.rs:2 L-5 has no rule in docs/protocol.md (style 25)";
        assert_eq!(found, [expected]);
    }

    #[test]
    fn a_rule_that_only_the_code_cites_has_no_test() {
        let found = check(&[(PAGE, PAGE_TEXT), ("crates/protocol/src/a.rs", "//! F-1\nfn f() {}")]);
        assert_eq!(found, ["docs/protocol.md:3 no test of `protocol` names F-1 (style 25)"]);
    }

    #[test]
    fn without_the_page_nothing_is_asked() {
        assert!(check(&[("crates/protocol/src/a.rs", "//! L-5")]).is_empty());
    }

    #[test]
    fn other_words_with_hyphens_are_no_rules() {
        assert!(cited("SHA-256 Black-76 X25-1 A-1b BTC-1 2026-01-02").is_empty());
        assert_eq!(cited("see (MM-12), `L-5`.").len(), 2);
    }
}
