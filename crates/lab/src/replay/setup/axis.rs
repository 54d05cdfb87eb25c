//! Axes of a sweep: `key=a,b,c`, or `key=from:to:count` in equal steps, or with `:log` in equal
//! ratios. Ends are part of it; times have their unit, as `latency=0ms:200ms:21`.

use money::Span;

use super::arguments::{Argument, BadArgument};
use crate::scenario::span;

/// Most values of one axis.
pub const VALUES_MAX: usize = 10_000;
/// Most cells of a grid.
pub const CELLS_MAX: usize = 100_000;

/// One key with the values that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Axis {
    /// The argument; its value is the whole list.
    pub argument: Argument,
    /// The values, in the order given.
    pub values: Vec<String>,
}

/// An end of a range.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Number(f64),
    Time(Span),
}

impl Axis {
    /// Reads an axis.
    ///
    /// # Errors
    /// What is no list and no range; a range whose ends, count or scale do not fit.
    pub fn parse(text: &str) -> Result<Axis, BadArgument> {
        let argument = Argument::parse("--sweep", text)?;
        let refuse = |message: String| BadArgument { shown: argument.shown.clone(), message };
        let parts: Vec<&str> = argument.value.split(':').map(str::trim).collect();
        let values = match parts[..] {
            [from, to, count] if !argument.value.contains(',') => range(from, to, count, false),
            [from, to, count, "log"] => range(from, to, count, true),
            [_, _, _, scale] if !argument.value.contains(',') => {
                Err(format!("`{scale}` is no scale; give `log` or leave it out"))
            }
            _ => Ok(argument.value.split(',').map(|value| value.trim().to_owned()).collect()),
        };
        let values: Vec<String> = values.map_err(refuse)?;
        let twice = (1..values.len()).find(|at| values[..*at].contains(&values[*at]));
        if values.iter().any(String::is_empty) {
            return Err(refuse("a value is empty; give values with one comma between".into()));
        }
        if let Some(at) = twice {
            return Err(refuse(format!("`{}` stands there twice; name each once", values[at])));
        }
        if values.len() > VALUES_MAX {
            return Err(refuse(format!("more than {VALUES_MAX} values")));
        }
        Ok(Axis { argument, values })
    }

    /// The values as numbers of one unit, if they are times: labels of a chart.
    pub fn labels(&self) -> (&'static str, Vec<String>) {
        let times: Option<Vec<Span>> = self.values.iter().map(|value| span::parse(value)).collect();
        match times {
            Some(times) => {
                let millis = |time: &Span| (time.nanos() as f64 / 1e6).to_string();
                ("ms", times.iter().map(millis).collect())
            }
            None => ("", self.values.clone()),
        }
    }
}

/// Every combination of the values, the last axis the fastest: what each cell sets.
///
/// # Errors
/// A key that stands on two axes, and a grid of too many cells.
pub fn grid(axes: &[Axis]) -> Result<Vec<Vec<Argument>>, BadArgument> {
    for (at, axis) in axes.iter().enumerate() {
        if axes[..at].iter().any(|other| other.argument.key == axis.argument.key) {
            let message = format!("`{}` has two axes; give it one", axis.argument.key);
            return Err(BadArgument { shown: axis.argument.shown.clone(), message });
        }
    }
    let mut cells: Vec<Vec<Argument>> = vec![Vec::new()];
    for axis in axes {
        if cells.len().saturating_mul(axis.values.len()) > CELLS_MAX {
            let message = format!("the grid has more than {CELLS_MAX} cells; take fewer values");
            return Err(BadArgument { shown: axis.argument.shown.clone(), message });
        }
        let with = |cell: &Vec<Argument>, value: &String| {
            let mut cell = cell.clone();
            cell.push(axis.argument.with_value(value));
            cell
        };
        cells = cells
            .iter()
            .flat_map(|cell| axis.values.iter().map(move |value| with(cell, value)))
            .collect();
    }
    Ok(cells)
}

fn range(from: &str, to: &str, count: &str, log: bool) -> Result<Vec<String>, String> {
    let count: usize =
        count.parse().ok().filter(|count| (2..=VALUES_MAX).contains(count)).ok_or_else(|| {
            format!("`{count}` is no count; give a whole number from 2 to {VALUES_MAX}")
        })?;
    let (from, to) = match (end(from), end(to)) {
        (Some(End::Number(0.0)), Some(End::Time(to))) => (End::Time(Span::ZERO), End::Time(to)),
        (Some(from), Some(to)) => (from, to),
        (None, _) => return Err(no_end(from)),
        (_, None) => return Err(no_end(to)),
    };
    match (from, to) {
        (End::Number(from), End::Number(to)) => {
            let values = between(from, to, count, log)?;
            Ok(values.into_iter().map(short).collect())
        }
        (End::Time(from), End::Time(to)) => {
            let values = between(from.nanos() as f64, to.nanos() as f64, count, log)?;
            let text = |nanos: f64| span::text(Span::from_nanos(nanos.round() as u64));
            Ok(values.into_iter().map(text).collect())
        }
        (End::Number(_), End::Time(_)) | (End::Time(_), End::Number(_)) => {
            Err("one end is a time and the other a number; give both a unit".into())
        }
    }
}

fn no_end(text: &str) -> String {
    format!("`{text}` is no end of a range; give a number, or a time with its unit")
}

fn end(text: &str) -> Option<End> {
    let number = || text.parse().ok().filter(|number: &f64| number.is_finite()).map(End::Number);
    span::parse(text).map(End::Time).or_else(number)
}

fn between(from: f64, to: f64, count: usize, log: bool) -> Result<Vec<f64>, String> {
    if from == to {
        return Err("both ends are the same; give one value".into());
    }
    if log && (from <= 0.0 || to <= 0.0) {
        return Err("with `log` both ends must be above zero".into());
    }
    let last = (count - 1) as f64;
    let value = |at: usize| match at as f64 / last {
        _ if at == 0 => from,
        _ if at == count - 1 => to,
        share if log => from * libm::pow(to / from, share),
        share => from + (to - from) * share,
    };
    Ok((0..count).map(value).collect())
}

/// A number to twelve digits, so that a third of a step does not fill the line.
fn short(value: f64) -> String {
    let text = format!("{value:.11e}");
    text.parse::<f64>().map_or(text, |rounded| rounded.to_string())
}
