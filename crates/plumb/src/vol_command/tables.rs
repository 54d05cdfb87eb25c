//! Fits and checks in a terminal.

use desk::surface::Errors;
use lab::text::{NONE, count, number};

use super::measures::{Group, Measures, TENORS};
use crate::summary::{Colour, align, plain};

const HEADINGS: [&str; 9] =
    ["", "slices", "free alone", "free", "quotes", "inside %", "off, pts", "off, spreads", "worst"];

/// The table of a fit and its totals.
pub fn fit(measures: &Measures, colour: Colour) -> String {
    let title = format!(
        "{} · {} · {} snapshots, {} surfaces",
        measures.file,
        measures.model,
        count(measures.snapshots as u64),
        count(measures.surfaces as u64)
    );
    let mut table = plain(&HEADINGS.map(str::to_owned));
    if measures.snapshots == 1 {
        for row in &measures.rows {
            let date = &row.expiry.chain.expiry.to_string()[..10];
            table.add_row(cells(&format!("{} {date}", row.asset), &row.group));
        }
    } else {
        for (group, (_, name)) in measures.tenors.iter().zip(TENORS) {
            if group.slices > 0 {
                table.add_row(cells(name, group));
            }
        }
        for (asset, group) in &measures.assets {
            table.add_row(cells(asset.as_str(), group));
        }
    }
    table.add_row(cells("all", &measures.total));
    align(&mut table, 1);
    format!("{}\n\n{table}\n\n{}", colour.paint("1", &title), totals(measures))
}

fn cells(name: &str, group: &Group) -> Vec<String> {
    let Errors { narrow, narrow_inside, distance, spreads, outside_max, .. } = group.after;
    let each = narrow as f64;
    vec![
        name.to_owned(),
        count(group.slices as u64),
        percent(group.free_before, group.slices),
        percent(group.free_after, group.slices),
        count(narrow as u64),
        percent(narrow_inside, narrow),
        number(distance / each * 100.0, 2),
        number(spreads / each, 2),
        number(outside_max * 100.0, 1),
    ]
}

fn totals(measures: &Measures) -> String {
    let Measures { total, surfaces, .. } = measures;
    let mut lines = vec![
        format!(
            "free of arbitrage   surfaces {} % → {} %, slices {} % → {} %",
            percent(measures.surfaces_free_before, *surfaces),
            percent(measures.surfaces_free_after, *surfaces),
            percent(total.free_before, total.slices),
            percent(total.free_after, total.slices),
        ),
        format!(
            "inside bid and ask  {} % → {} % of {} quotes narrower than 5 points",
            percent(total.before.narrow_inside, total.before.narrow),
            percent(total.after.narrow_inside, total.after.narrow),
            count(total.after.narrow as u64),
        ),
        format!(
            "venue's marks       {} coin off Black-76 at its own volatility, median",
            format_args!("{:.1e}", measures.mark_error_median())
        ),
        format!(
            "time a slice        {} µs alone, {} µs more for the repair of its surface",
            number(measures.fit_us(), 0),
            number(measures.repair_us(), 0)
        ),
    ];
    if measures.left_out > 0 {
        lines.push(format!(
            "left out            {} expiries with too few quotes",
            measures.left_out
        ));
    }
    if !measures.damaged.is_empty() {
        let first = &measures.damaged[0];
        lines.push(format!("damaged rows        {}, first: {first}", measures.damaged.len()));
    }
    lines.push(
        "free: butterfly and calendar, proven for every strike, each expiry alone and after the \
         repair.\noff: distance from the middle of bid and ask; worst: outside them, points of \
         volatility."
            .to_owned(),
    );
    lines.join("\n")
}

fn percent(part: usize, whole: usize) -> String {
    if whole == 0 { NONE.to_owned() } else { number(part as f64 * 100.0 / whole as f64, 1) }
}
