//! Rust as a flat list of tokens: each knows its line, its inline module and whether it is test
//! code; an opening bracket knows where it closes. Comments are gone, a string is one token, so
//! no rule can be misled by either.
//!
//! Test code is an item below `#[test]` or `#[cfg(test)]`, and all of a `mod tests`.

use std::str::FromStr;

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// One token.
#[derive(Debug)]
pub struct Token {
    /// The text; brackets are tokens of their own and `::` is two tokens.
    pub text: String,
    /// Line, counted from one.
    pub line: usize,
    /// Last line; differs from `line` for a string over several lines.
    pub line_last: usize,
    /// Inside test code.
    pub test: bool,
    /// An identifier or keyword.
    pub word: bool,
    /// Inline modules around the token, outermost first, as an index of [`Source::scopes`].
    pub scope: usize,
    /// Index of the matching bracket, for an opening one.
    pub close: Option<usize>,
}

/// The tokens of one file.
#[derive(Debug)]
pub struct Source {
    /// The tokens in the order of the text.
    pub tokens: Vec<Token>,
    /// Names of the inline modules around a token.
    pub scopes: Vec<Vec<String>>,
}

/// A function with its extent.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    /// The name.
    pub name: String,
    /// Line of `fn`.
    pub line: usize,
    /// Lines from `fn` to the closing brace.
    pub lines: usize,
}

/// A `mod` item.
#[derive(Debug, PartialEq, Eq)]
pub struct Module {
    /// The name.
    pub name: String,
    /// Inline modules around the item.
    pub scope: Vec<String>,
    /// Line of `mod`.
    pub line: usize,
    /// Last line; of the closing brace when the module is inline.
    pub line_last: usize,
    /// Whether the body stands here.
    pub inline: bool,
    /// Whether it is test code.
    pub test: bool,
}

/// A path of a `use` or an expression, with groups written out: `crate::{a, b}` is two.
#[derive(Debug, PartialEq, Eq)]
pub struct PathTo {
    /// Line of the last segment.
    pub line: usize,
    /// Segments, the first perhaps `crate`, `self` or `super`; a glob ends in `*`.
    pub segments: Vec<String>,
    /// The name that the path brings in: the last segment, or what follows `as`.
    pub name: String,
}

impl Source {
    /// The tokens of `text`, or nothing when it is not valid Rust.
    pub fn of(text: &str) -> Option<Self> {
        let stream = TokenStream::from_str(text).ok()?;
        let mut source = Self { tokens: Vec::new(), scopes: vec![Vec::new()] };
        source.walk(stream, false, 0);
        Some(source)
    }

    /// The text of the token at `index`, empty past the end.
    pub fn text(&self, index: usize) -> &str {
        self.tokens.get(index).map_or("", |token| token.text.as_str())
    }

    /// Whether the tokens from `index` on have these texts.
    pub fn matches(&self, index: usize, texts: &[&str]) -> bool {
        texts.iter().enumerate().all(|(offset, text)| self.text(index + offset) == *text)
    }

    /// All functions that have a body.
    pub fn functions(&self) -> impl Iterator<Item = Function> {
        (0..self.tokens.len()).filter_map(|index| self.function(index))
    }

    /// All `mod` items.
    pub fn modules(&self) -> impl Iterator<Item = Module> {
        (0..self.tokens.len()).filter_map(|index| self.module(index))
    }

    /// Paths of the `use` tree or expression that starts at `index`.
    pub fn paths(&self, index: usize) -> Vec<PathTo> {
        let mut paths = Vec::new();
        self.expand(index, &[], &mut paths);
        paths
    }

    fn function(&self, index: usize) -> Option<Function> {
        let name = self.tokens.get(index + 1).filter(|name| name.word)?;
        if self.text(index) != "fn" {
            return None;
        }
        let mut at = index + 2;
        loop {
            let token = self.tokens.get(at)?;
            match (token.text.as_str(), token.close) {
                ("{", Some(close)) => {
                    let line = self.tokens[index].line;
                    let lines = self.tokens[close].line - line + 1;
                    return Some(Function { name: name.text.clone(), line, lines });
                }
                (_, Some(close)) => at = close + 1,
                (";", None) => return None,
                (_, None) => at += 1,
            }
        }
    }

    fn module(&self, index: usize) -> Option<Module> {
        let keyword = &self.tokens[index];
        let name = self.tokens.get(index + 1).filter(|name| name.word)?;
        let body = self.tokens.get(index + 2)?;
        if keyword.text != "mod" || !keyword.word || !matches!(body.text.as_str(), ";" | "{") {
            return None;
        }
        Some(Module {
            name: name.text.clone(),
            scope: self.scopes[keyword.scope].clone(),
            line: keyword.line,
            line_last: body.close.map_or(body.line, |close| self.tokens[close].line),
            inline: body.close.is_some(),
            test: keyword.test || name.text == "tests",
        })
    }

    fn expand(&self, mut index: usize, before: &[String], paths: &mut Vec<PathTo>) {
        let mut segments = before.to_vec();
        while let Some(token) = self.tokens.get(index) {
            if let ("{", Some(close)) = (token.text.as_str(), token.close) {
                for start in self.parts(index, close) {
                    self.expand(start, &segments, paths);
                }
                return;
            }
            if !token.word && token.text != "*" {
                break;
            }
            segments.push(token.text.clone());
            if !self.matches(index + 1, &[":", ":"]) {
                break;
            }
            index += 3;
        }
        let Some(last) = segments.last() else { return };
        let renamed = self.text(index + 1) == "as";
        let name = if renamed { self.text(index + 2).to_owned() } else { last.clone() };
        let line = self.tokens[index.min(self.tokens.len() - 1)].line;
        paths.push(PathTo { line, segments, name });
    }

    /// First tokens of the parts between commas of the group from `open` to `close`.
    fn parts(&self, open: usize, close: usize) -> Vec<usize> {
        let mut starts = Vec::new();
        let mut fresh = true;
        let mut at = open + 1;
        while at < close {
            if fresh {
                starts.push(at);
            }
            fresh = self.text(at) == ",";
            at = self.tokens[at].close.unwrap_or(at) + 1;
        }
        starts
    }

    fn walk(&mut self, stream: TokenStream, test: bool, scope: usize) {
        let mut whole = test;
        let mut item = false; // an attribute made the item that follows test code
        for tree in stream {
            let span = tree.span();
            let (line, line_last) = (span.start().line, span.end().line);
            let text = match &tree {
                TokenTree::Group(group) => {
                    let attribute = group.delimiter() == Delimiter::Bracket;
                    if attribute && marks_test(&group.stream()) {
                        whole |= self.ends_with(&["#", "!"]);
                        item |= self.ends_with(&["#"]);
                    }
                    let braces = group.delimiter() == Delimiter::Brace;
                    let inner = if braces { self.inner_scope(scope) } else { scope };
                    let tests = braces && self.ends_with(&["mod", "tests"]);
                    let inside = whole || item || tests;
                    self.group(group, inside, (scope, inner));
                    item &= !braces;
                    continue;
                }
                TokenTree::Ident(ident) => ident.to_string(),
                TokenTree::Punct(punct) => {
                    debug_assert!(matches!(punct.spacing(), Spacing::Alone | Spacing::Joint));
                    punct.as_char().to_string()
                }
                TokenTree::Literal(literal) => literal.to_string(),
            };
            let word = matches!(tree, TokenTree::Ident(_));
            let ends = text == ";";
            let test = whole || item;
            self.tokens.push(Token { text, line, line_last, test, word, scope, close: None });
            item &= !ends;
        }
    }

    fn group(&mut self, group: &proc_macro2::Group, test: bool, scopes: (usize, usize)) {
        let (open, close) = match group.delimiter() {
            Delimiter::Brace => ("{", "}"),
            Delimiter::Bracket => ("[", "]"),
            Delimiter::Parenthesis | Delimiter::None => ("(", ")"),
        };
        let bracket = |text: &str, line, close| Token {
            text: text.to_owned(),
            line,
            line_last: line,
            test,
            word: false,
            scope: scopes.0,
            close,
        };
        let start = self.tokens.len();
        self.tokens.push(bracket(open, group.span_open().start().line, None));
        self.walk(group.stream(), test, scopes.1);
        self.tokens[start].close = Some(self.tokens.len());
        self.tokens.push(bracket(close, group.span_close().start().line, None));
    }

    fn ends_with(&self, texts: &[&str]) -> bool {
        self.tokens.len() >= texts.len() && self.matches(self.tokens.len() - texts.len(), texts)
    }

    /// The scope inside a brace: one deeper when `mod name` stands before it.
    fn inner_scope(&mut self, scope: usize) -> usize {
        let count = self.tokens.len();
        if count < 2 || self.tokens[count - 2].text != "mod" {
            return scope;
        }
        let mut names = self.scopes[scope].clone();
        names.push(self.tokens[count - 1].text.clone());
        self.scopes.push(names);
        self.scopes.len() - 1
    }
}

/// `test`, or a `cfg` that asks for `test` and does not negate.
fn marks_test(attribute: &TokenStream) -> bool {
    let text: String = attribute.to_string().split_whitespace().collect();
    let asks = |condition: &str| {
        condition.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == "test")
    };
    text == "test" || text.strip_prefix("cfg(").is_some_and(|c| asks(c) && !c.contains("not("))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source::of(text).expect("the sample is Rust")
    }

    #[test]
    fn only_the_item_below_the_attribute_is_test_code() {
        let source = source("#[cfg(test)] fn a() { x } fn b() { y } #[cfg(not(test))] fn c() {z}");
        let test = |name: &str| source.tokens.iter().find(|t| t.text == name).map(|t| t.test);
        assert_eq!(test("x"), Some(true));
        assert_eq!(test("y"), Some(false));
        assert_eq!(test("z"), Some(false));
    }

    #[test]
    fn groups_of_a_use_are_written_out() {
        let source = source("use crate::{a, b::{self, C as D}, e::*};");
        let paths: Vec<String> = source
            .paths(1)
            .iter()
            .map(|p| format!("{}={}", p.segments.join("."), p.name))
            .collect();
        assert_eq!(paths, ["crate.a=a", "crate.b.self=self", "crate.b.C=D", "crate.e.*=*"]);
    }

    #[test]
    fn a_function_reaches_from_its_keyword_to_its_brace() {
        let source =
            source("trait T { fn none(&self); }\nfn long(\n  a: [u8; 2],\n) -> u8\n{\n  1\n}\n");
        let expected = Function { name: "long".to_owned(), line: 2, lines: 6 };
        assert_eq!(source.functions().collect::<Vec<_>>(), [expected]);
    }

    #[test]
    fn inline_modules_are_scopes() {
        let source = source("mod a { mod b { fn f() {} } } mod c;");
        let modules: Vec<String> =
            source.modules().map(|m| format!("{}/{}", m.scope.join("/"), m.name)).collect();
        assert_eq!(modules, ["/a", "a/b", "/c"]);
    }
}
