//! Data files that a scenario names.

use std::path::PathBuf;

use super::error::ScenarioError;
use super::section::Section;

/// Finds a data file, or says where it was looked for.
pub(super) type Find<'a> = &'a dyn Fn(&str) -> Result<PathBuf, Vec<PathBuf>>;

/// The file that a key names, if it is there.
pub(super) fn data_file(
    section: &Section<'_>,
    key: &str,
    find: Find<'_>,
) -> Result<Option<PathBuf>, ScenarioError> {
    let Some(written) = section.text_if(key)? else { return Ok(None) };
    find(written).map(Some).map_err(|tried| {
        let tried: Vec<String> = tried.iter().map(|path| path.display().to_string()).collect();
        let title = &section.title;
        let message = format!("`{key}` in {title}: no such file; tried {}", tried.join(" and "));
        section.wrong(key, message)
    })
}
