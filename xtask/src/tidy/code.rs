//! Code that the style forbids (rules 13, 16 and 27 of `STYLE.md`): `unwrap` outside tests, tests
//! that are ignored or must panic, floats where money is counted.

use super::Config;
use crate::project::{Finding, Project, TextFile};
use crate::source::{Source, Token};

/// Crates whose own code holds no float.
const FIXED_POINT: [&str; 3] = ["crates/money/", "crates/protocol/", "crates/amm/"];

/// Forbidden calls, attributes and numbers.
pub fn check(project: &Project, _config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (file, source) in project.rust() {
        let exact = FIXED_POINT.iter().any(|path| file.path.starts_with(path));
        for (index, token) in source.tokens.iter().enumerate() {
            let message = attribute(source, index)
                .or_else(|| unwrap(file, source, index))
                .or_else(|| float(source, index).filter(|_| exact && !file.in_test(index)));
            findings.extend(message.map(|text| Finding::new(&file.path, token.line, text)));
        }
    }
    findings
}

fn attribute(source: &Source, index: usize) -> Option<&'static str> {
    let opens = |at: usize| at > 0 && source.text(at) == "[" && source.text(at - 1) == "#";
    match source.text(index) {
        "ignore" if index > 0 && opens(index - 1) => {
            Some("a test that does not run proves nothing: make it pass or remove it (style 27)")
        }
        "should_panic" if source.tokens[index].word => {
            Some("assert the named error, not a panic (style 27)")
        }
        _ => None,
    }
}

fn unwrap(file: &TextFile, source: &Source, index: usize) -> Option<&'static str> {
    let called = source.matches(index, &[".", "unwrap", "("]);
    (called && !file.in_test(index))
        .then_some("say why it cannot happen: `expect(\"...\")` (style 16)")
}

fn float(source: &Source, index: usize) -> Option<&'static str> {
    let token = &source.tokens[index];
    let named = token.word && matches!(token.text.as_str(), "f32" | "f64");
    let field = index > 0 && source.text(index - 1) == "."; // `pair.0.1` is not a number
    (named || !field && is_float_literal(token))
        .then_some("no float here: compute in `pricing`, quantise at its boundary (style 13)")
}

fn is_float_literal(token: &Token) -> bool {
    let rest = token.text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '_');
    let number = token.text.starts_with(|c: char| c.is_ascii_digit());
    number
        && (rest.starts_with(['.', 'e', 'E']) || rest.starts_with("f32") || rest.starts_with("f64"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(path: &str, text: &str) -> usize {
        super::check(&Project::of([(path, text)]), &Config::default()).len()
    }

    #[test]
    fn unwrap_is_for_tests() {
        let path = "crates/lab/src/lib.rs";
        assert_eq!(count(path, "fn f() { a.unwrap() }"), 1);
        assert_eq!(count(path, "fn f() { a.unwrap_or(b); \"a.unwrap()\"; } // a.unwrap()"), 0);
        assert_eq!(count(path, "#[cfg(test)] mod tests { fn f() { a.unwrap() } }"), 0);
        assert_eq!(count(path, "#[test] fn f<A, B>() { a.unwrap() }"), 0);
        assert_eq!(count("crates/lab/tests/worlds.rs", "fn f() { a.unwrap() }"), 0);
    }

    #[test]
    fn a_test_runs_and_does_not_wait_for_a_panic() {
        let test = |attribute| format!("mod tests {{ #[test] {attribute} fn f() {{}} }}");
        for attribute in ["#[ignore]", "#[ignore = \"slow\"]", "#[should_panic]"] {
            assert_eq!(count("crates/lab/src/lib.rs", &test(attribute)), 1, "{attribute}");
        }
        assert_eq!(count("crates/lab/src/lib.rs", "fn f(ignore: bool) {}"), 0);
    }

    #[test]
    fn money_and_protocol_have_no_floats() {
        for text in ["fn f(a: f64) {}", "const A: B = 1.5;", "fn f() { g(1e3) }", "type A = f32;"] {
            assert_eq!(count("crates/protocol/src/a.rs", text), 1, "{text}");
            assert_eq!(count("crates/money/src/a.rs", text), 1, "{text}");
            assert_eq!(count("crates/pricing/src/a.rs", text), 0, "{text}");
        }
    }

    #[test]
    fn integers_and_fields_are_not_floats() {
        let text = "fn f() { 1_usize + 0xfe + 0x1e3 + a.0.1 + 1..2; b.0 }";
        assert_eq!(count("crates/money/src/a.rs", text), 0);
        assert_eq!(count("crates/money/src/a.rs", "#[cfg(test)] mod t { const A: f64 = 1.0; }"), 0);
    }
}
