//! Tables of a file with what the command line sets in place of their values.

use std::path::Path;

use toml::de::DeTable;

use crate::scenario::error::{ScenarioError, Source, hint};
use crate::scenario::key::Key;
use crate::scenario::section::Section;

use super::arguments::{BadArgument, Line, Place};

/// Everything that the command line sets.
pub(super) struct Overlays<'a> {
    pub lines: &'a [Line],
}

/// Where a table stands in a file, and how it is called: the text, the title, the table.
pub(super) type Base<'a> = (Source<'a>, String, (usize, &'a DeTable<'a>));

impl Overlays<'_> {
    /// Reads a table of the file, values of the command line first.
    pub(super) fn read<T, E: From<ScenarioError>>(
        &self,
        place: &Place,
        (source, title, base): Base<'_>,
        keys: &'static [&'static [Key]],
        read: impl FnOnce(&Section<'_>) -> Result<T, E>,
    ) -> Result<T, E> {
        let lines = self.lines_of(place);
        let text: String =
            lines.iter().map(|line| format!("{} = {}\n", line.key, line.literal)).collect();
        let arguments: Vec<String> = lines.iter().map(|line| line.shown.clone()).collect();
        let set = Source { file: Path::new(""), text: &text, arguments: &arguments };
        let document = DeTable::parse(&text).map_err(|error| {
            set.wrong(error.span().map_or(0, |span| span.start), error.message())
        })?;
        let over = Section::open(set, title.clone(), (0, document.get_ref()), keys)?;
        let section = Section::open(source, title, base, keys)?.overridden(&over);
        read(&section)
    }

    /// The lines of a place; those of one market before those of all.
    fn lines_of(&self, place: &Place) -> Vec<&Line> {
        let own: Vec<&Line> = self.lines.iter().filter(|line| line.place == *place).collect();
        let Place::Market(Some(_)) = place else { return own };
        let all = self.lines.iter().filter(|line| line.place == Place::Market(None));
        let all = all.filter(|line| own.iter().all(|other| other.key != line.key));
        all.chain(own.iter().copied()).collect()
    }

    /// Refuses an argument for a market that there is not.
    pub(super) fn check_markets(&self, names: &[&str]) -> Result<(), BadArgument> {
        for line in self.lines {
            if let Place::Market(Some(name)) = &line.place
                && !names.contains(&name.as_str())
            {
                let message = format!("no market `{name}`{}", hint(name, names));
                return Err(BadArgument { shown: line.shown.clone(), message });
            }
        }
        Ok(())
    }
}
