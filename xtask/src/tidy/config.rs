//! The lists of `xtask/tidy.toml`: banned words, walls between crates, and the sizes above the
//! limits that are still allowed.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// The parsed file.
#[derive(Default)]
pub struct Config {
    /// Paths, or directories ending in `/`, that are not read for words.
    pub skip: Vec<String>,
    /// Banned in every text.
    pub everywhere: Vec<String>,
    /// Banned except where history is told.
    pub history: Vec<String>,
    /// Banned in Markdown.
    pub documents: Vec<String>,
    /// Banned as names of modules and crates.
    pub modules: Vec<String>,
    /// Banned beginnings of function names.
    pub functions: Vec<String>,
    /// For each crate the workspace crates that it may use.
    pub walls: BTreeMap<String, Vec<String>>,
    /// Lines of files above the limit.
    pub excess_file: BTreeMap<String, usize>,
    /// Lines of functions above the limit.
    pub excess_function: BTreeMap<String, usize>,
}

impl Config {
    /// Parses the file; the error names the key that is missing or of the wrong kind.
    pub fn parse(text: &str) -> Result<Self, String> {
        let root: Table = text.parse().map_err(|error| format!("xtask/tidy.toml: {error}"))?;
        let words = table(&root, "words")?;
        let excess = table(&root, "excess")?;
        let walls = table(&root, "walls")?;
        let crates: Result<_, String> =
            walls.keys().map(|name| Ok((name.clone(), strings(walls, name)?))).collect();
        Ok(Self {
            skip: strings(&root, "skip")?,
            everywhere: strings(words, "everywhere")?,
            history: strings(words, "history")?,
            documents: strings(words, "documents")?,
            modules: strings(words, "modules")?,
            functions: strings(words, "functions")?,
            walls: crates?,
            excess_file: sizes(excess, "file")?,
            excess_function: sizes(excess, "function")?,
        })
    }
}

fn table<'a>(parent: &'a Table, key: &str) -> Result<&'a Table, String> {
    let value = parent.get(key).and_then(Value::as_table);
    value.ok_or_else(|| format!("xtask/tidy.toml: table `{key}` is missing"))
}

fn strings(parent: &Table, key: &str) -> Result<Vec<String>, String> {
    let list = parent.get(key).and_then(Value::as_array);
    let list = list.ok_or_else(|| format!("xtask/tidy.toml: list `{key}` is missing"))?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let texts: Option<Vec<String>> = list.iter().map(text).collect();
    texts.ok_or_else(|| format!("xtask/tidy.toml: `{key}` must hold strings only"))
}

fn sizes(parent: &Table, key: &str) -> Result<BTreeMap<String, usize>, String> {
    let size = |(name, value): (&String, &Value)| {
        let lines = value.as_integer().and_then(|lines| usize::try_from(lines).ok());
        let lines = lines.ok_or_else(|| format!("xtask/tidy.toml: `{name}` needs lines"))?;
        Ok((name.clone(), lines))
    };
    table(parent, key)?.iter().map(size).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_file_parses() {
        let config = Config::parse(include_str!("../../tidy.toml")).unwrap();
        assert!(config.walls["money"].is_empty());
        assert!(!config.everywhere.is_empty());
    }

    #[test]
    fn a_missing_list_is_named() {
        let error = Config::parse("[words]\n[excess]\n[walls]\n").err().unwrap();
        assert_eq!(error, "xtask/tidy.toml: list `skip` is missing");
    }
}
