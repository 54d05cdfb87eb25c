//! What fits of many snapshots add up to: shares free of arbitrage, distance from the quotes, time.

use std::collections::BTreeMap;
use std::path::Path;

use desk::surface::{Errors, Expiry, mark_error};
use feed::options::{Asset, Snapshot};
use pricing::calibrate::is_surface_free;
use pricing::ssvi::Ssvi;
use pricing::svi::{Svi, crosses};
use serde_json::{Value, json};

use super::{Fitted, Model};

/// Edges of the groups by time to expiry, in days, and their names.
pub const TENORS: [(f64, &str); 7] = [
    (1.0, "to 1 day"),
    (3.0, "to 3 days"),
    (7.0, "to 7 days"),
    (30.0, "to 30 days"),
    (90.0, "to 90 days"),
    (180.0, "to 180 days"),
    (f64::INFINITY, "longer"),
];

/// Slices of a kind, and their distance from the quotes.
#[derive(Clone, Copy, Debug, Default)]
pub struct Group {
    /// How many.
    pub slices: usize,
    /// Those free of butterfly arbitrage and not crossing the nearer one, fitted alone.
    pub free_before: usize,
    /// The same in the repaired surface.
    pub free_after: usize,
    /// Distance of the slices fitted alone.
    pub before: Errors,
    /// Distance of the repaired ones.
    pub after: Errors,
}

impl Group {
    fn add(&mut self, other: &Group) {
        self.slices += other.slices;
        self.free_before += other.free_before;
        self.free_after += other.free_after;
        self.before.add(&other.before);
        self.after.add(&other.after);
    }
}

/// One expiry of the only snapshot.
pub struct Row {
    /// The coin.
    pub asset: Asset,
    /// Quotes and slices.
    pub expiry: Expiry,
    /// Their measures.
    pub group: Group,
}

/// The sum of all fits.
pub struct Measures {
    pub file: String,
    pub model: &'static str,
    pub snapshots: usize,
    pub surfaces: usize,
    pub surfaces_free_before: usize,
    pub surfaces_free_after: usize,
    pub total: Group,
    pub assets: BTreeMap<Asset, Group>,
    pub tenors: [Group; TENORS.len()],
    /// Expiries with too few quotes.
    pub left_out: usize,
    /// Quotes without a volatility on both sides.
    pub without: usize,
    pub damaged: Vec<feed::Error>,
    /// Of the first snapshot; all there is if `snapshots` is one.
    pub rows: Vec<Row>,
    laws: Vec<Value>,
    marks: Vec<f64>,
    fit_s: f64,
    repair_s: f64,
}

impl Measures {
    pub fn new(file: &Path, model: Model) -> Measures {
        Measures {
            file: file.display().to_string(),
            model: model.name(),
            snapshots: 0,
            surfaces: 0,
            surfaces_free_before: 0,
            surfaces_free_after: 0,
            total: Group::default(),
            assets: BTreeMap::new(),
            tenors: [Group::default(); TENORS.len()],
            left_out: 0,
            without: 0,
            damaged: vec![],
            rows: vec![],
            laws: vec![],
            marks: vec![],
            fit_s: 0.0,
            repair_s: 0.0,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.surfaces == 0
    }

    /// Counts a snapshot and compares its marks.
    pub fn add_snapshot(&mut self, snapshot: &Snapshot) {
        self.snapshots += 1;
        self.marks.extend(snapshot.quotes.iter().filter(|q| q.years() > 0.0).map(mark_error));
    }

    /// Takes in one surface of a snapshot.
    pub fn add(&mut self, fitted: &Fitted) {
        let expiries = &fitted.surface.expiries;
        let before: Vec<Svi> = expiries.iter().map(|expiry| expiry.before).collect();
        let after: Vec<Svi> = expiries.iter().map(|expiry| expiry.after).collect();
        self.surfaces += 1;
        self.surfaces_free_before += usize::from(is_surface_free(&before));
        self.surfaces_free_after += usize::from(fitted.free);
        self.left_out += fitted.surface.left_out;
        self.fit_s += fitted.fit_s;
        self.repair_s += fitted.repair_s;
        if let Some(Ssvi { rho, eta, gamma }) = fitted.law
            && self.snapshots == 1
        {
            let asset = fitted.asset.to_string();
            self.laws.push(json!({ "asset": asset, "rho": rho, "eta": eta, "gamma": gamma }));
        }
        for (i, expiry) in expiries.iter().enumerate() {
            let group = Group {
                slices: 1,
                free_before: usize::from(is_free(&before, i)),
                free_after: usize::from(is_free(&after, i)),
                before: Errors::of(&expiry.chain, &expiry.before),
                after: Errors::of(&expiry.chain, &expiry.after),
            };
            let days = expiry.chain.years * 365.0;
            let tenor = TENORS.iter().position(|(edge, _)| days <= *edge).unwrap_or(0);
            self.without += expiry.chain.without;
            self.total.add(&group);
            self.tenors[tenor].add(&group);
            self.assets.entry(fitted.asset).or_default().add(&group);
            if self.snapshots == 1 {
                self.rows.push(Row { asset: fitted.asset, expiry: expiry.clone(), group });
            }
        }
    }

    /// Median distance of the venue's marks from Black-76 at its own volatilities, in coin.
    pub fn mark_error_median(&self) -> f64 {
        let mut marks = self.marks.clone();
        marks.sort_by(f64::total_cmp);
        marks.get(marks.len() / 2).copied().unwrap_or(f64::NAN)
    }

    /// Microseconds a slice, fitted alone.
    pub fn fit_us(&self) -> f64 {
        self.fit_s * 1e6 / self.total.slices as f64
    }

    /// Microseconds a slice for the repair of whole surfaces.
    pub fn repair_us(&self) -> f64 {
        self.repair_s * 1e6 / self.total.slices as f64
    }

    /// Everything as JSON; the slices too if there is one snapshot.
    pub fn json(&self) -> Value {
        let assets: serde_json::Map<String, Value> =
            self.assets.iter().map(|(asset, group)| (asset.to_string(), of_group(group))).collect();
        let tenor = |(group, (_, name)): (&Group, &(f64, &str))| {
            let mut value = of_group(group);
            value["tenor"] = json!(name);
            value
        };
        let slices = |row: &Row| slice_json(row.asset, &row.expiry);
        json!({
            "file": self.file,
            "model": self.model,
            "snapshots": self.snapshots,
            "surfaces": self.surfaces,
            "inside_bid_ask_share": share(self.total.after.narrow_inside, self.total.after.narrow),
            "inside_bid_ask_share_before":
                share(self.total.before.narrow_inside, self.total.before.narrow),
            "arbitrage_free_share": share(self.surfaces_free_after, self.surfaces),
            "arbitrage_free": {
                "surfaces_before": share(self.surfaces_free_before, self.surfaces),
                "surfaces_after": share(self.surfaces_free_after, self.surfaces),
                "slices_before": share(self.total.free_before, self.total.slices),
                "slices_after": share(self.total.free_after, self.total.slices),
            },
            "total": of_group(&self.total),
            "assets": assets,
            "tenors": self.tenors.iter().zip(&TENORS).map(tenor).collect::<Vec<Value>>(),
            "mark_error_median_coin": self.mark_error_median(),
            "times": { "fit_us_per_slice": self.fit_us(), "repair_us_per_slice": self.repair_us() },
            "expiries_left_out": self.left_out,
            "quotes_without_two_volatilities": self.without,
            "damaged_rows": self.damaged.len(),
            "power_laws": self.laws,
            "slices": if self.snapshots == 1 {
                self.rows.iter().map(slices).collect::<Vec<Value>>()
            } else {
                vec![]
            },
        })
    }
}

/// Whether the `i`-th slice is free of butterfly arbitrage and does not cross the nearer one.
fn is_free(slices: &[Svi], i: usize) -> bool {
    let nearer = i.checked_sub(1).map(|j| slices[j]);
    slices[i].is_butterfly_free() && nearer.is_none_or(|near| crosses(&near, &slices[i]).is_none())
}

fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

fn of_group(group: &Group) -> Value {
    json!({
        "slices": group.slices,
        "free_before": group.free_before,
        "free_after": group.free_after,
        "before": of_errors(&group.before),
        "after": of_errors(&group.after),
    })
}

fn of_errors(errors: &Errors) -> Value {
    let narrow = errors.narrow.max(1) as f64;
    json!({
        "quotes": errors.quotes,
        "inside_share": share(errors.inside, errors.quotes),
        "narrow_quotes": errors.narrow,
        "narrow_inside_share": share(errors.narrow_inside, errors.narrow),
        "mean_distance_points": errors.distance / narrow * 100.0,
        "rms_distance_points": (errors.square / narrow).sqrt() * 100.0,
        "mean_distance_spreads": errors.spreads / narrow,
        "outside_max_points": errors.outside_max * 100.0,
    })
}

fn slice_json(asset: Asset, expiry: &Expiry) -> Value {
    let Svi { a, b, rho, m, sigma } = expiry.after;
    json!({
        "name": format!("{asset} {}", &expiry.chain.expiry.to_string()[..10]),
        "asset": asset.to_string(),
        "years": expiry.chain.years,
        "forward": expiry.chain.forward,
        "a": a, "b": b, "rho": rho, "m": m, "sigma": sigma,
    })
}
