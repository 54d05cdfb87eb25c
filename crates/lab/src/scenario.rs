//! Scenarios: TOML files that say what a run consists of, with every unit in the key's name.
//!
//! One table of keys (`keys`) holds name, kind, range, default and meaning of each key; the reader
//! checks against it and `docs/scenarios.md` is printed from it, so they cannot disagree. A key
//! that is not in the table is refused with the nearest one that is; a value outside its range
//! with the range; a file that is missing with each place where it was looked for. Every refusal
//! names file, line and column.
//!
//! What enters the rulebook has its money type and is a `protocol::params` struct already; the
//! rest is `f64` as a plain ratio (1 bp is 0.0001), in quote currency or in hours as named.

pub(crate) mod error;
pub(crate) mod span;
pub(crate) mod key;
mod option_keys;
mod trader_keys;
pub(crate) mod keys;
pub(crate) mod section;
pub(crate) mod rules;
mod periods;
mod option_model;
pub(crate) mod traders;
mod model;
mod option_agents;
mod agents;
mod files;
mod options;
mod read;

use std::path::{Path, PathBuf};

pub use error::ScenarioError;
pub use keys::reference;
pub use model::{Agents, Asset, Chain, Class, Links, Momentum, Noise, Oracle, Place, Scenario};
pub use option_model::{
    Bend, HedgeKeys, HestonKeys, OptionCustomerKeys, OptionMakerKeys, OptionTakerKeys, Options,
    Reach, SurfacePublishers,
};
pub use periods::Outage;
pub use rules::{RULES, Rules, UnknownRule};
pub use traders::{Basis, Cross, Maker, Size, Touch};

impl Scenario {
    /// Reads a scenario file; data files are looked for beside it, then in the working directory.
    pub fn load(file: &Path) -> Result<Scenario, ScenarioError> {
        let text = std::fs::read_to_string(file).map_err(|cause| ScenarioError::Unreadable {
            file: file.to_path_buf(),
            cause: cause.to_string(),
        })?;
        let beside = file.parent().unwrap_or(Path::new("")).to_path_buf();
        read::scenario(file, &text, &|written| find(&beside, written))
    }

    /// Reads a scenario from text; data files stay as written and are not looked for.
    pub fn parse(text: &str, file: &Path) -> Result<Scenario, ScenarioError> {
        read::scenario(file, text, &|written| Ok(PathBuf::from(written)))
    }
}

/// The first place that holds the file, or all places tried.
fn find(beside: &Path, written: &str) -> Result<PathBuf, Vec<PathBuf>> {
    let mut tried = vec![beside.join(written)];
    if !tried.contains(&PathBuf::from(written)) {
        tried.push(PathBuf::from(written));
    }
    match tried.iter().find(|path| path.is_file()) {
        Some(found) => Ok(found.clone()),
        None => Err(tried),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
