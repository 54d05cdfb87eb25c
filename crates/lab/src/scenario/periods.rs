//! Times at which something is so: of publishers, links and paths.

use money::Time;
use protocol::ids::PublisherId;

use super::error::ScenarioError;
use super::keys::{OUTAGE, PUBLISHER};
use super::section::Section;

type Read<T> = Result<T, ScenarioError>;

/// A publisher is silent from `from` until `to`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outage {
    /// Which.
    pub publisher: PublisherId,
    /// First instant.
    pub from: Time,
    /// The instant at which it is over.
    pub to: Time,
}

/// From one instant to a later one.
pub(super) fn period(section: &Section<'_>, from: &str, to: &str) -> Read<(Time, Time)> {
    let (start, end) = (section.instant(from)?, section.instant(to)?);
    if start < end {
        return Ok((start, end));
    }
    Err(section.wrong(to, format!("`{to}` in {} must be after `{from}`", section.title)))
}

/// The periods of publishers in a list of a section.
pub(super) fn outages_of(
    section: &Section<'_>,
    list: &str,
    publishers: usize,
) -> Read<Vec<Outage>> {
    let outage = |place| {
        let title = format!("{list} of {}", section.title);
        let section = Section::open(section.source, title, place, &[PUBLISHER, OUTAGE])?;
        let number = section.whole("publisher")?;
        let (from, to) = period(&section, "from", "to")?;
        match u16::try_from(number) {
            Ok(number) if usize::from(number) < publishers => {
                Ok(Outage { publisher: PublisherId(number), from, to })
            }
            _ => {
                let last = publishers - 1;
                let message = format!("no publisher {number}; they are 0 to {last}");
                Err(section.wrong("publisher", message))
            }
        }
    };
    section.tables(list)?.into_iter().map(outage).collect()
}
