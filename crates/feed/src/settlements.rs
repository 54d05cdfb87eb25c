//! Histories of funding rates (see `funding`) as a tape: each rate at the time of its settlement,
//! an instrument for each symbol, of the venue `perp` unless another is given.
//!
//! A file lists one symbol behind the other, so all of it is read before the first event: three
//! rows a day and symbol.

use std::io::Read;

use crate::error::Cause;
use crate::error::Error;
use crate::findings::{Finding, Findings, Notice};
use crate::funding;
use crate::record::Funding;
use crate::tape::{Event, Kind, Source};
use crate::units::{self, Drafts, Options, Rows};

/// Opens funding rates, plain or gzip; `file` is the name in errors.
///
/// # Errors
/// Whatever is wrong with the file.
pub fn open<'a>(
    file: &str,
    input: impl Read + 'a,
    options: &Options,
) -> Result<Box<dyn Source + 'a>, Error> {
    let mut all = funding::read_all(file, input, &options.limits)?;
    if let Some(symbol) = &options.symbol
        && !all.contains_key("")
    {
        let names = all.keys().take(5).cloned().collect::<Vec<_>>().join(", ");
        all.retain(|name, _| name == symbol);
        if all.is_empty() {
            return Err(Cause::NoSuchSymbol(symbol.clone(), names).of_file(file));
        }
    }
    let mut drafts = Drafts::new(file, options, false);
    let venue = units::venue_of(file, options, "perp");
    let (mut rates, mut findings) = (Vec::new(), Findings::default());
    for (symbol, series) in &all {
        let own = units::name_of(file, options);
        let name = if symbol.is_empty() { &own } else { symbol };
        let index =
            drafts.list(name, &venue).ok_or_else(|| Cause::TooManyInstruments.of_file(file))?;
        rates.extend(series.rows.iter().map(|row| (*row, index)));
        findings.add(Notice::Gap, series.missing(), 0);
        findings.add(Notice::Rounded, series.rounded, 0);
    }
    rates.sort_by_key(|(row, index)| (row.time, *index));
    units::source(file, Settlements { rates: rates.into_iter(), findings }, drafts)
}

struct Settlements {
    rates: std::vec::IntoIter<(Funding, u16)>,
    findings: Findings,
}

impl Rows for Settlements {
    fn advance(&mut self, drafts: &mut Drafts) -> Result<bool, Error> {
        let Some((Funding { time, rate }, instrument)) = self.rates.next() else {
            return Ok(false);
        };
        let event = Event { instrument, price: rate.raw(), ..units::plain(time, Kind::Funding) };
        drafts.push(event, 0, [0, 0]);
        Ok(true)
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings.list()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
