//! Fitted volatility surfaces: CSV of `time_ms,expiry_ms,index,basis,a,b,rho,m,sigma`, one line for
//! each expiry of each snapshot, plain or gzip.
//!
//! A line is a raw SVI slice of total variance, `w(k) = a + b·(ρ(k−m) + √((k−m)² + σ²))` with
//! `k = ln(strike/forward)` and `forward = index·(1 + basis)`, as of `time`. Lines are sorted by
//! time, then by expiry, and an expiry lies after its snapshot. Every number is finite, the index
//! is above zero, σ > 0, b ≥ 0 and |ρ| < 1; freedom from arbitrage is for the reader to check.

use std::io::Read;
use std::path::Path;

use money::Time;

use crate::csv::{self, Fault, Fields, in_field};
use crate::error::{Cause, Error, excerpt};
use crate::lines::{Limits, Lines};
use crate::number::Clock;

const COLUMNS: [&str; 9] =
    ["time_ms", "expiry_ms", "index", "basis", "a", "b", "rho", "m", "sigma"];
const EXPECTED: &str = "surfaces as CSV: time_ms,expiry_ms,index,basis,a,b,rho,m,sigma";

/// One expiry of one snapshot.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SurfaceRow {
    /// When the quotes were taken.
    pub time: Time,
    /// The expiry.
    pub expiry: Time,
    /// The index, in quote.
    pub index: f64,
    /// forward/index − 1.
    pub basis: f64,
    /// a, b, ρ, m, σ of the slice.
    pub svi: [f64; 5],
}

/// Reads a file of surfaces.
pub fn open(path: impl AsRef<Path>) -> Result<Vec<SurfaceRow>, Error> {
    let path = path.as_ref();
    let file = path.display().to_string();
    let input = std::fs::File::open(path)
        .map_err(|error| Cause::Unreadable(error.to_string()).of_file(&file))?;
    read(&file, input, &Limits::default())
}

/// Reads surfaces; `file` is the name in errors.
pub fn read(file: &str, input: impl Read, limits: &Limits) -> Result<Vec<SurfaceRow>, Error> {
    let mut lines = Lines::new(file, input, limits, EXPECTED)?;
    if !lines.advance()? {
        return Err(Cause::Empty(EXPECTED).of_file(file));
    }
    let header = csv::split(lines.text());
    if header.count != COLUMNS.len() {
        let expected = format!("{}: {EXPECTED}", COLUMNS.len());
        return Err(lines.fail(Cause::ColumnCount(header.count, expected)));
    }
    if let Some((at, found)) = header.iter().enumerate().find(|(at, name)| COLUMNS[*at] != *name) {
        return Err(csv::fail(&lines, (at, Cause::UnknownHeader(excerpt(found), EXPECTED))));
    }
    let mut clock = Clock::default();
    let mut rows: Vec<SurfaceRow> = Vec::new();
    while lines.advance()? {
        if rows.len() == limits.rows {
            return Err(lines.fail(Cause::TooManyRows(limits.rows)));
        }
        let fields = csv::split(lines.text());
        csv::check_count(&lines, fields.count, COLUMNS.len())?;
        let row = row(&fields, &mut clock, rows.last());
        rows.push(row.map_err(|fault| csv::fail(&lines, fault))?);
    }
    if rows.is_empty() {
        return Err(Cause::Empty(EXPECTED).of_file(file));
    }
    Ok(rows)
}

fn row(
    fields: &Fields<'_>,
    clock: &mut Clock,
    before: Option<&SurfaceRow>,
) -> Result<SurfaceRow, Fault> {
    let time = in_field(0, clock.time(fields.get(0)))?;
    let expiry = in_field(1, clock.time(fields.get(1)))?;
    if expiry <= time {
        return Err((1, Cause::Unsorted(expiry, time)));
    }
    match before {
        Some(last) if time < last.time => return Err((0, Cause::Unsorted(time, last.time))),
        Some(last) if time == last.time && expiry == last.expiry => {
            return Err((1, Cause::Duplicate(expiry)));
        }
        Some(last) if time == last.time && expiry < last.expiry => {
            return Err((1, Cause::Unsorted(expiry, last.expiry)));
        }
        Some(_) | None => {}
    }
    let number = |at: usize, inside: fn(f64) -> bool| {
        let text = fields.get(at);
        let value = text.parse().ok().filter(|value: &f64| value.is_finite() && inside(*value));
        value.ok_or_else(|| (at, Cause::NotANumber(excerpt(text))))
    };
    let any = |_: f64| true;
    Ok(SurfaceRow {
        time,
        expiry,
        index: number(2, |x| x > 0.0)?,
        basis: number(3, |x| x.abs() < 1.0)?,
        svi: [
            number(4, any)?,
            number(5, |b| b >= 0.0)?,
            number(6, |rho| rho.abs() < 1.0)?,
            number(7, any)?,
            number(8, |sigma| sigma > 0.0)?,
        ],
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const HEADER: &str = "time_ms,expiry_ms,index,basis,a,b,rho,m,sigma\n";
    const FIRST: &str = "1770000000000,1770100000000,78000.5,0.0001,0.001,0.02,-0.3,0.01,0.05\n";

    fn check(rows: &str) -> Result<Vec<SurfaceRow>, String> {
        let text = format!("{HEADER}{rows}");
        read("s.csv", text.as_bytes(), &Limits::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_line_becomes_a_slice() {
        let rows = check(FIRST).unwrap();
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].svi, [0.001, 0.02, -0.3, 0.01, 0.05]);
        assert_eq!(rows[0].expiry.since(rows[0].time).nanos(), 100_000_000_000_000);
    }

    #[test]
    fn what_is_not_a_surface_is_refused_with_its_place() {
        let cases = [
            (FIRST.replace("-0.3", "-1"), "s.csv:2:7: `-1` is not a decimal number"),
            (FIRST.replace("0.05\n", "NaN\n"), "s.csv:2:9: `NaN` is not a decimal number"),
            (FIRST.replace("78000.5", "0"), "s.csv:2:3: `0` is not a decimal number"),
            (FIRST.replace(",0.0001", ""), "s.csv:2: 8 columns; expected 9 as in the first line"),
            (format!("{FIRST}{FIRST}"), "s.csv:3:2: time 2026-02-03 06:26:40.000 is that of"),
        ];
        for (rows, expected) in cases {
            let error = check(&rows).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
        assert!(check("").unwrap_err().contains("holds no rows"));
        let swapped = FIRST.replace("1770000000000,1770100000000", "1770100000000,1770000000000");
        assert!(check(&swapped).unwrap_err().contains("before"));
    }
}
