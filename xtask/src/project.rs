//! The text files of the repository as values: read once, so that a rule is a function of a
//! `Project` and can be tested on files that exist only in the test.
//!
//! Read is what git tracks, and what it neither tracks nor ignores. A file that is not UTF-8 or
//! holds a zero byte is binary and left out.

use std::path::Path;
use std::process::Command;

use crate::source::Source;

/// One breach of the style, pointing at the line to change.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Path from the repository's root.
    pub path: String,
    /// Line, counted from one.
    pub line: usize,
    /// What is wrong and what to do, with the rule's number in `STYLE.md`.
    pub message: String,
}

impl Finding {
    /// A finding at one line of one file.
    pub fn new(path: &str, line: usize, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, message: message.into() }
    }
}

/// One text file; `source` holds its tokens when it is Rust.
pub struct TextFile {
    /// Path from the repository's root, with `/`.
    pub path: String,
    /// The whole text.
    pub text: String,
    /// Tokens; `None` for other languages and for Rust that has no valid tokens.
    pub source: Option<Source>,
    /// The whole file is compiled for tests or benchmarks alone.
    pub test: bool,
}

impl TextFile {
    /// Whether the name ends in `.rs`.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether the token at `index` belongs to test code.
    pub fn in_test(&self, index: usize) -> bool {
        self.test || self.source.as_ref().is_some_and(|source| source.tokens[index].test)
    }
}

/// All text files, in the order of their paths.
pub struct Project {
    /// The files.
    pub files: Vec<TextFile>,
}

impl Project {
    /// Reads the repository at `root`; the error says which command or file failed.
    pub fn read(root: &Path) -> Result<Self, String> {
        let mut files = Vec::new();
        for path in listed(root)? {
            let Ok(bytes) = std::fs::read(root.join(&path)) else {
                continue; // listed by git, deleted on disk
            };
            if bytes.contains(&0) {
                continue;
            }
            if let Ok(text) = String::from_utf8(bytes) {
                files.push((path, text));
            }
        }
        Ok(Self::of(files))
    }

    /// A project of the given paths and texts.
    pub fn of<P: Into<String>, T: Into<String>>(files: impl IntoIterator<Item = (P, T)>) -> Self {
        let mut files: Vec<TextFile> = files
            .into_iter()
            .map(|(path, text)| {
                let (path, text) = (path.into(), text.into());
                let source = path.ends_with(".rs").then(|| Source::of(&text)).flatten();
                let test = is_test_path(&path);
                TextFile { path, text, source, test }
            })
            .collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        mark_test_modules(&mut files);
        Self { files }
    }

    /// Rust files that have tokens.
    pub fn rust(&self) -> impl Iterator<Item = (&TextFile, &Source)> {
        self.files.iter().filter_map(|file| file.source.as_ref().map(|source| (file, source)))
    }

    /// The file at exactly this path.
    pub fn file(&self, path: &str) -> Option<&TextFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// The directory in which the children of a module file live: `src/lib.rs` has them in `src/`,
/// `src/book.rs` in `src/book/`.
pub fn children_directory(path: &str) -> String {
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    let (parent, name) = stem.rsplit_once('/').unwrap_or(("", stem));
    if matches!(name, "lib" | "main" | "mod") { format!("{parent}/") } else { format!("{stem}/") }
}

fn listed(root: &Path) -> Result<Vec<String>, String> {
    // A clone may belong to another user than the one who checks it.
    let arguments = ["-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"];
    let output = Command::new("git")
        .args(arguments)
        .current_dir(root)
        .output()
        .map_err(|error| format!("cannot run git: {error}; tidy reads the files git knows"))?;
    if !output.status.success() {
        let cause = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(format!("git ls-files failed in {}: {cause}", root.display()));
    }
    let text = String::from_utf8_lossy(&output.stdout);
    Ok(text.split('\0').filter(|path| !path.is_empty()).map(str::to_owned).collect())
}

fn is_test_path(path: &str) -> bool {
    let in_directory = path.split('/').any(|part| matches!(part, "tests" | "benches"));
    in_directory || path.ends_with("/tests.rs")
}

fn mark_test_modules(files: &mut [TextFile]) {
    let mut below: Vec<String> = Vec::new();
    for file in files.iter() {
        let Some(source) = &file.source else { continue };
        for module in source.modules().filter(|module| !module.inline && module.test) {
            let directory = children_directory(&file.path);
            let inner: String = module.scope.iter().map(|part| format!("{part}/")).collect();
            below.push(format!("{directory}{inner}{}", module.name));
        }
    }
    for file in files {
        file.test |= below.iter().any(|module| {
            file.path
                .strip_prefix(module.as_str())
                .is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_declared_for_tests_makes_its_file_test_code() {
        let project = Project::of([
            ("crates/a/src/lib.rs", "#[cfg(test)]\nmod oracle;\nmod book;\n"),
            ("crates/a/src/oracle.rs", "fn f() {}\n"),
            ("crates/a/src/oracle/deep.rs", "fn f() {}\n"),
            ("crates/a/src/book.rs", "fn f() {}\n"),
        ]);
        let test = |path| project.file(path).map(|file| file.test);
        assert_eq!(test("crates/a/src/oracle.rs"), Some(true));
        assert_eq!(test("crates/a/src/oracle/deep.rs"), Some(true));
        assert_eq!(test("crates/a/src/book.rs"), Some(false));
    }

    #[test]
    fn children_live_beside_a_root_and_below_a_module() {
        assert_eq!(children_directory("crates/a/src/lib.rs"), "crates/a/src/");
        assert_eq!(children_directory("crates/a/src/book.rs"), "crates/a/src/book/");
        assert_eq!(children_directory("crates/a/src/book/mod.rs"), "crates/a/src/book/");
    }
}
