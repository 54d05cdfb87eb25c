//! Rows in strict order of time, their interval, and the gaps between them.
//!
//! The interval is the most frequent step (the shorter one of two equally frequent). Bars must lie
//! on its grid, counted from the epoch; settlements may come seconds late and may change their
//! interval, so theirs is rounded to the minute. A gap is data, not an error.

use std::collections::BTreeMap;

use money::{Span, Time};

use crate::error::Cause;
use crate::record::{Bar, Funding};

/// Rows of one market in order of time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series<T> {
    /// The usual step from row to row.
    pub interval: Span,
    /// The rows, strictly ascending in time; never empty.
    pub rows: Vec<T>,
    /// Where rows are missing.
    pub gaps: Vec<Gap>,
    /// How many volumes or rates had more decimals than their type and were rounded to nearest.
    pub rounded: u64,
}

/// Missing rows between two neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gap {
    /// Time of the last row before.
    pub after: Time,
    /// Time of the first row behind.
    pub before: Time,
    /// Rows that the interval lets expect between.
    pub missing: u64,
}

/// A row that has a time.
pub trait Record: Copy {
    /// Its place in the order of rows.
    fn time(&self) -> Time;
    /// Whether rows lie exactly on the grid of an interval of bars.
    const ON_GRID: bool;
}

impl Record for Bar {
    fn time(&self) -> Time {
        self.open_time
    }
    const ON_GRID: bool = true;
}

impl Record for Funding {
    fn time(&self) -> Time {
        self.time
    }
    const ON_GRID: bool = false;
}

const MINUTES: [u64; 12] = [1, 3, 5, 15, 30, 60, 120, 240, 360, 480, 720, 1440];

impl<T: Record> Series<T> {
    /// Checks order and grid and finds the gaps; the error holds the index of the row.
    ///
    /// `interval` is used where a single row does not tell it.
    pub(crate) fn new(rows: Vec<T>, interval: Option<Span>) -> Result<Series<T>, (usize, Cause)> {
        check_order(&rows)?;
        let interval = match usual_step(&rows).or(interval) {
            Some(interval) => interval,
            None => return Err((0, Cause::OneRow)),
        };
        if T::ON_GRID {
            check_grid(&rows, interval)?;
        }
        let gaps = rows.windows(2).filter_map(|pair| gap(&pair[0], &pair[1], interval)).collect();
        Ok(Series { interval, rows, gaps, rounded: 0 })
    }

    /// Time of the first row.
    pub fn first(&self) -> Time {
        self.rows.first().map_or(Time::ZERO, Record::time)
    }

    /// Time of the last row.
    pub fn last(&self) -> Time {
        self.rows.last().map_or(Time::ZERO, Record::time)
    }

    /// Rows missing in all gaps together.
    pub fn missing(&self) -> u64 {
        self.gaps.iter().fold(0, |total, gap| total.saturating_add(gap.missing))
    }
}

/// Refuses a time that is not behind the one before.
pub(crate) fn check_follows(before: Time, time: Time) -> Result<(), Cause> {
    if time == before {
        return Err(Cause::Duplicate(time));
    }
    if time < before { Err(Cause::Unsorted(time, before)) } else { Ok(()) }
}

fn check_order<T: Record>(rows: &[T]) -> Result<(), (usize, Cause)> {
    for (index, pair) in rows.windows(2).enumerate() {
        check_follows(pair[0].time(), pair[1].time()).map_err(|cause| (index + 1, cause))?;
    }
    Ok(())
}

fn check_grid<T: Record>(rows: &[T], interval: Span) -> Result<(), (usize, Cause)> {
    let known = MINUTES.iter().any(|minutes| Span::MINUTE.times(*minutes) == interval);
    if !known && interval != Span::SECOND {
        return Err((0, Cause::UnknownInterval(interval)));
    }
    match rows.iter().position(|row| row.time().floor(interval) != row.time()) {
        Some(index) => Err((index, Cause::OffGrid(rows[index].time(), interval))),
        None => Ok(()),
    }
}

fn usual_step<T: Record>(rows: &[T]) -> Option<Span> {
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for pair in rows.windows(2) {
        *counts.entry(step(&pair[0], &pair[1])).or_default() += 1;
    }
    let most = counts.values().copied().max()?;
    counts.into_iter().find(|(_, count)| *count == most).map(|(nanos, _)| Span::from_nanos(nanos))
}

/// Nanoseconds between two rows; off the grid, to the nearest minute and at least one.
fn step<T: Record>(row: &T, next: &T) -> u64 {
    let nanos = next.time().since(row.time()).nanos();
    let minute = Span::MINUTE.nanos();
    if T::ON_GRID { nanos } else { ((nanos + minute / 2) / minute).max(1) * minute }
}

fn gap<T: Record>(row: &T, next: &T, interval: Span) -> Option<Gap> {
    let steps = step(row, next).checked_div(interval.nanos())?;
    let missing = steps.checked_sub(1).filter(|missing| *missing > 0)?;
    Some(Gap { after: row.time(), before: next.time(), missing })
}
