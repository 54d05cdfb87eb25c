//! `plumb vol check`: slices against butterfly and calendar arbitrage, and the nearest free ones.

use std::collections::BTreeMap;
use std::fs;

use lab::text::number;
use pricing::calibrate::{self, Target};
use pricing::svi::{Fault, Svi, crosses};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Fitted, Quotes};
use crate::failure::{Failure, refuse, say};
use crate::summary::{Colour, align, plain};

/// No number of a slice is beyond this, in either direction.
const LARGEST: f64 = 1e6;

/// A slice as a file gives it.
#[derive(Clone, Debug, Deserialize)]
struct Given {
    #[serde(default)]
    name: String,
    #[serde(default)]
    asset: String,
    years: f64,
    a: f64,
    b: f64,
    rho: f64,
    m: f64,
    sigma: f64,
}

/// A file of slices: a list, or what `plumb vol fit --json` prints.
#[derive(Deserialize)]
#[serde(untagged)]
enum Document {
    List(Vec<Given>),
    Fit { slices: Vec<Given> },
}

/// A slice, what stands against it, and what it is moved to.
struct Checked {
    given: Given,
    slice: Svi,
    faults: Vec<String>,
    repaired: Option<Svi>,
}

/// Checks a file, prints, and refuses if arbitrage is left.
pub fn run(quotes: &Quotes, repair: bool, as_json: bool) -> Result<(), Failure> {
    let mut checked = Vec::new();
    match slices(quotes)? {
        Some(given) => {
            for group in by_asset(given).into_values() {
                checked.extend(of_group(group, None, repair));
            }
        }
        None => {
            for fitted in quotes.first()? {
                checked.extend(of_fit(&fitted, repair));
            }
        }
    }
    if as_json {
        say(&serde_json::to_string_pretty(&document(&checked)).map_err(refuse)?)?;
    } else {
        say(table(&checked, repair, Colour::of_terminal()).trim_end())?;
    }
    let refused = checked.iter().filter(|checked| !checked.faults.is_empty()).count();
    let left = checked.iter().any(|checked| checked.repaired.is_none());
    match (refused, repair) {
        (0, _) => Ok(()),
        (_, true) if !left => Ok(()),
        (_, true) => Err(Failure::Lab("no nearest slices free of arbitrage were found".into())),
        (_, false) => Err(Failure::Lab(format!(
            "{refused} of {} slices refused; --repair moves them to the nearest free ones",
            checked.len()
        ))),
    }
}

/// Checks the slices of a coin as they were fitted alone.
fn of_fit(fitted: &Fitted, repair: bool) -> Vec<Checked> {
    let expiries = &fitted.surface.expiries;
    let targets = expiries.iter().map(|expiry| expiry.chain.targets()).collect();
    let given = expiries.iter().map(|expiry| {
        let name = format!("{} {}", fitted.asset, &expiry.chain.expiry.to_string()[..10]);
        let Svi { a, b, rho, m, sigma } = expiry.before;
        let asset = fitted.asset.to_string();
        Given { name, asset, years: expiry.chain.years, a, b, rho, m, sigma }
    });
    of_group(given.collect(), Some(targets), repair)
}

/// The slices of a file; `None` if it holds quotes.
fn slices(quotes: &Quotes) -> Result<Option<Vec<Given>>, Failure> {
    let path = quotes.file.display().to_string();
    let bytes =
        fs::read(&quotes.file).map_err(|source| Failure::File { path: path.clone(), source })?;
    let Ok(text) = std::str::from_utf8(&bytes) else { return Ok(None) };
    let given = match text.trim_start().chars().next() {
        Some('{' | '[') => match serde_json::from_str(text) {
            Ok(Document::List(list) | Document::Fit { slices: list }) => list,
            Err(_) => {
                return Err(Failure::Lab(format!(
                    "{path}: no slices; expected a list of {{years,a,b,rho,m,sigma}}, or what \
                     `plumb vol fit --json` prints for one snapshot"
                )));
            }
        },
        Some(_) | None => {
            let header: Vec<&str> = text.lines().next().unwrap_or("").split(',').collect();
            if !header.contains(&"sigma") {
                return Ok(None);
            }
            rows(&path, &header, text)?
        }
    };
    if given.is_empty() {
        return Err(Failure::Lab(format!("{path}: holds no slices")));
    }
    for (i, slice) in given.iter().enumerate() {
        if !(slice.years.is_finite() && slice.years > 0.0) {
            let text = format!("{path}: slice {}: years {} is not above zero", i + 1, slice.years);
            return Err(Failure::Lab(text));
        }
        let &Given { years, a, b, rho, m, sigma, .. } = slice;
        let fields =
            [("years", years), ("a", a), ("b", b), ("rho", rho), ("m", m), ("sigma", sigma)];
        if let Some((name, value)) = fields.into_iter().find(|(_, value)| value.abs() > LARGEST) {
            return Err(Failure::Lab(format!(
                "{path}: slice {}: {name} {value:e} is beyond ±{LARGEST}; give total variance",
                i + 1
            )));
        }
    }
    Ok(Some(given))
}

/// Slices of a CSV.
fn rows(path: &str, header: &[&str], text: &str) -> Result<Vec<Given>, Failure> {
    let wrong = |line: usize, why: String| Failure::Lab(format!("{path}:{line}: {why}"));
    for column in ["years", "a", "b", "rho", "m", "sigma"] {
        if !header.contains(&column) {
            return Err(wrong(1, format!("no column is named `{column}`")));
        }
    }
    let mut given = Vec::new();
    for (i, line) in text.lines().enumerate().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        if fields.len() != header.len() {
            let why = format!("{} columns; expected {}", fields.len(), header.len());
            return Err(wrong(i + 1, why));
        }
        let field = |name: &str| {
            header.iter().position(|column| *column == name).map_or("", |at| fields[at])
        };
        let value = |name: &str| {
            let text = field(name);
            let finite = text.parse().ok().filter(|value: &f64| value.is_finite());
            finite.ok_or_else(|| wrong(i + 1, format!("{name} `{text}` is not a number")))
        };
        given.push(Given {
            name: field("name").to_owned(),
            asset: field("asset").to_owned(),
            years: value("years")?,
            a: value("a")?,
            b: value("b")?,
            rho: value("rho")?,
            m: value("m")?,
            sigma: value("sigma")?,
        });
    }
    Ok(given)
}

/// Slices by coin, the nearest expiry first.
fn by_asset(given: Vec<Given>) -> BTreeMap<String, Vec<Given>> {
    let mut groups: BTreeMap<String, Vec<Given>> = BTreeMap::new();
    for slice in given {
        groups.entry(slice.asset.clone()).or_default().push(slice);
    }
    for group in groups.values_mut() {
        group.sort_by(|left, right| left.years.total_cmp(&right.years));
    }
    groups
}

/// Checks the slices of one coin, with the quotes to repair them by, if there are any.
fn of_group(given: Vec<Given>, targets: Option<Vec<Vec<Target>>>, repair: bool) -> Vec<Checked> {
    let slices: Vec<Svi> = given
        .iter()
        .map(|&Given { a, b, rho, m, sigma, .. }| Svi { a, b, rho, m, sigma })
        .collect();
    let mut repaired: Vec<Option<Svi>> = slices.iter().map(|_| None).collect();
    if repair {
        let targets =
            targets.unwrap_or_else(|| slices.iter().map(around).collect::<Vec<Vec<Target>>>());
        let targets: Vec<&[Target]> = targets.iter().map(Vec::as_slice).collect();
        // Runs of rising years are surfaces; slices of equal years are alternatives.
        if given.windows(2).all(|pair| pair[0].years < pair[1].years) {
            let mut moved = slices.clone();
            if calibrate::surface(&targets, &mut moved) {
                repaired = moved.into_iter().map(Some).collect();
            }
        } else {
            for ((slot, slice), targets) in repaired.iter_mut().zip(&slices).zip(&targets) {
                *slot = calibrate::repaired(targets, slice);
            }
        }
    }
    let nearer = |i: usize| {
        let j = i.checked_sub(1)?;
        (given[j].years < given[i].years).then_some(j)
    };
    let faults: Vec<Vec<String>> =
        (0..given.len()).map(|i| faults(&given, &slices, i, nearer(i))).collect();
    let both = given.into_iter().zip(slices).zip(faults).zip(repaired);
    both.map(|(((given, slice), faults), repaired)| Checked { given, slice, faults, repaired })
        .collect()
}

/// What stands against the `i`-th slice: where, and how much.
fn faults(given: &[Given], slices: &[Svi], i: usize, nearer: Option<usize>) -> Vec<String> {
    let slice = &slices[i];
    let mut faults = Vec::new();
    match slice.check() {
        Ok(()) => {}
        Err(Fault::Domain) => faults.push("outside b ≥ 0, |ρ| < 1, σ > 0".to_owned()),
        Err(Fault::Variance { k, variance }) => {
            faults.push(format!("variance {variance:.6} at k = {k:.4} is not above zero"));
        }
        Err(Fault::Slope { slope }) => {
            faults.push(format!("a wing rises by {slope:.4}; below 2 is free (Lee)"));
        }
        Err(Fault::Butterfly { k, g }) => {
            let (low, high) = (edge(slice, k, -1.0), edge(slice, k, 1.0));
            faults.push(format!("butterfly: g = {g:.6} at k = {k:.4}, below zero {low} to {high}"));
        }
    }
    if let Some(j) = nearer
        && let Some(k) = crosses(&slices[j], slice)
    {
        let (near, far) = (slices[j].variance(k), slice.variance(k));
        let name = label(&given[j], j);
        faults.push(format!(
            "calendar: variance {far:.6} at k = {k:.4} is below {near:.6} of {name}"
        ));
    }
    faults
}

/// Where the negative density around `k` ends to one side.
fn edge(slice: &Svi, k: f64, side: f64) -> String {
    let step = slice.sigma / 50.0;
    let Some(reach) = (1..20_000).find(|i| slice.g(k + side * step * f64::from(*i)) >= 0.0) else {
        return format!("{}∞", if side < 0.0 { "−" } else { "" });
    };
    let (mut bad, mut good) = (f64::from(reach - 1), f64::from(reach));
    for _ in 0..50 {
        let middle = (bad + good) / 2.0;
        if slice.g(k + side * step * middle) >= 0.0 { good = middle } else { bad = middle }
    }
    format!("{:.4}", k + side * step * good)
}

/// A percent of variance to each side of a slice that has no quotes, within eight deviations.
fn around(slice: &Svi) -> Vec<Target> {
    let deviation = slice.variance(0.0).max(1e-6).sqrt();
    let place = |i: i32| f64::from(i) / 20.0 * 8.0 * deviation;
    let target = |k: f64| {
        let w = slice.variance(k).max(deviation * deviation / 100.0);
        Target { k, low: w * 0.99, high: w * 1.01 }
    };
    (-20..=20).map(place).map(target).collect()
}

/// The greatest move within eight deviations, in points of volatility.
fn moved_points(checked: &Checked, repaired: &Svi) -> f64 {
    let years = checked.given.years;
    let apart = |target: &Target| {
        let before = checked.slice.volatility(target.k, years);
        (repaired.volatility(target.k, years) - before).abs() * 100.0
    };
    around(&checked.slice).iter().map(apart).fold(0.0, f64::max)
}

fn label(given: &Given, at: usize) -> String {
    if given.name.is_empty() { format!("slice {}", at + 1) } else { given.name.clone() }
}

fn table(checked: &[Checked], repair: bool, colour: Colour) -> String {
    let headings = ["", "years", "a", "b", "rho", "m", "sigma", "least g", "verdict"];
    let mut table = plain(&headings.map(str::to_owned));
    let mut said = String::new();
    for (at, checked) in checked.iter().enumerate() {
        let name = label(&checked.given, at);
        let free = checked.faults.is_empty();
        let verdict = if free { "free" } else { "refused" };
        table.add_row(cells(&name, checked.given.years, &checked.slice, verdict));
        for fault in &checked.faults {
            said.push_str(&format!("{name}: {fault}\n"));
        }
        if let Some(slice) = checked.repaired.filter(|slice| *slice != checked.slice) {
            table.add_row(cells("  repaired", checked.given.years, &slice, "free"));
            let moved = number(moved_points(checked, &slice), 2);
            said.push_str(&format!("{name}: repaired, moved by at most {moved} points\n"));
        }
    }
    align(&mut table, 1);
    let refused = checked.iter().filter(|checked| !checked.faults.is_empty()).count();
    let repaired = repair && checked.iter().all(|checked| checked.repaired.is_some());
    let verdict = match (refused, repaired) {
        (0, _) => "Free of butterfly and calendar arbitrage, for every strike.".to_owned(),
        (_, false) => format!("{refused} of {} slices admit arbitrage.", checked.len()),
        (_, true) => format!(
            "{refused} of {} slices admit arbitrage; the repaired ones do not.",
            checked.len()
        ),
    };
    format!("{table}\n\n{said}{}\n", colour.paint("1", &verdict))
}

fn cells(name: &str, years: f64, slice: &Svi, verdict: &str) -> Vec<String> {
    let mut cells = vec![name.to_owned(), number(years, 4)];
    let Svi { a, b, rho, m, sigma } = *slice;
    cells.extend([a, b, rho, m, sigma].map(|value| number(value, 5)));
    cells.push(number(slice.lowest_g().1, 5));
    cells.push(verdict.to_owned());
    cells
}

fn document(checked: &[Checked]) -> Value {
    let parameters = |slice: &Svi| {
        let Svi { a, b, rho, m, sigma } = *slice;
        json!({ "a": a, "b": b, "rho": rho, "m": m, "sigma": sigma, "least_g": slice.lowest_g().1 })
    };
    let slice = |(at, checked): (usize, &Checked)| {
        let mut value = parameters(&checked.slice);
        value["name"] = json!(label(&checked.given, at));
        value["years"] = json!(checked.given.years);
        value["free"] = json!(checked.faults.is_empty());
        value["faults"] = json!(checked.faults);
        value["repaired"] = json!(checked.repaired.as_ref().map(parameters));
        value["moved_points_max"] =
            json!(checked.repaired.map(|slice| moved_points(checked, &slice)));
        value
    };
    json!({
        "free": checked.iter().all(|checked| checked.faults.is_empty()),
        "slices": checked.iter().enumerate().map(slice).collect::<Vec<Value>>(),
    })
}
