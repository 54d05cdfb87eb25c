//! Why a scenario was refused: where, and what to do.

use std::path::{Path, PathBuf};

/// A refusal of a scenario file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScenarioError {
    /// The file itself cannot be read.
    #[error("cannot read {}: {cause}", file.display())]
    Unreadable {
        /// Which file.
        file: PathBuf,
        /// What the system said.
        cause: String,
    },
    /// Something in the file is wrong.
    #[error("{}:{line}:{column}: {message}", file.display())]
    Wrong {
        /// Which file.
        file: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong and what to do.
        message: String,
    },
    /// An argument of the command is wrong.
    #[error("{argument}: {message}")]
    Argument {
        /// The argument as it was given.
        argument: String,
        /// What is wrong and what to do.
        message: String,
    },
}

/// The text of a scenario and the name of its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub file: &'a Path,
    pub text: &'a str,
    /// Of a text that was made from arguments of the command, the argument of each line.
    pub arguments: &'a [String],
}

impl<'a> Source<'a> {
    /// The text of a file.
    pub fn of_file(file: &'a Path, text: &'a str) -> Source<'a> {
        Source { file, text, arguments: &[] }
    }

    /// A refusal at a byte offset.
    pub fn wrong(&self, at: usize, message: impl Into<String>) -> ScenarioError {
        let before = self.text.get(..at).unwrap_or("");
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line = before.matches('\n').count();
        if let Some(argument) = self.arguments.get(line) {
            return ScenarioError::Argument { argument: argument.clone(), message: message.into() };
        }
        ScenarioError::Wrong {
            file: self.file.to_path_buf(),
            line: line + 1,
            column: before[line_start..].chars().count() + 1,
            message: message.into(),
        }
    }
}

/// The known name that is nearest to a misspelt one, if any is near.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let far = (name.chars().count() / 3).max(2);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= far)
        .min()
        .map(|(_, candidate)| candidate)
}

/// `; did you mean …?`, or a list of what is known.
pub(crate) fn hint(name: &str, known: &[&str]) -> String {
    match nearest(name, known.iter().copied()) {
        Some(candidate) => format!("; did you mean `{candidate}`?"),
        None if known.is_empty() => String::new(),
        None => format!("; known: {}", known.join(", ")),
    }
}
