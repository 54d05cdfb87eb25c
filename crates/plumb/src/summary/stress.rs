//! The incidents in a terminal: ours beside the venue's.

use lab::stress::{Report, Row};
use lab::text::{NONE, number};

use super::{Colour, align, plain};

/// The table of all incidents, and a line for each that needs one.
pub fn table(report: &Report, colour: Colour) -> String {
    let headings = [
        "", "venue", "fund", "theirs", "bad debt", "theirs", "ADL", "wrongly", "theirs", ">50 bp",
        "flat", "broken",
    ];
    let mut table = plain(&headings.map(str::to_owned));
    for row in &report.incidents {
        table.add_row(cells(row));
    }
    align(&mut table, 2);
    let runs: usize = report.incidents.iter().map(|row| row.runs.len()).sum();
    let title = format!("Incidents · {runs} variants · seed {}", report.seed);
    let mut text = format!("{}\n{table}\n", colour.paint("1", &title));
    text.push_str(
        "USD, of the incident as it was. Fund: paid by insurance. Wrongly: liquidated though sound \
         at the\ntrue price. >50 bp: minutes with the mark further off. Flat: what flat accounts \
         lost, and broken\ninvariants, over all variants.",
    );
    for line in notes(report) {
        text.push('\n');
        text.push_str(&line);
    }
    text + "\n"
}

fn cells(row: &Row) -> Vec<String> {
    let Some(base) = row.runs.first() else { return vec![row.id.clone()] };
    let theirs = base.theirs.as_ref().filter(|theirs| theirs.failure.is_none());
    let none = || NONE.to_owned();
    vec![
        row.id.clone(),
        row.venue.chars().take(9).collect(),
        short(base.ours.insurance_used),
        theirs.map_or_else(none, |outcome| short(outcome.insurance_used)),
        short(row.bad_debt_ours),
        row.bad_debt_theirs.map_or_else(none, short),
        short(row.adl_volume),
        base.ours.wrongly_liquidated.to_string(),
        theirs.map_or_else(none, |outcome| outcome.wrongly_liquidated.to_string()),
        number(row.minutes_beyond_50bp, 1),
        short(row.flat_user_loss),
        row.invariants_broken.to_string(),
    ]
}

/// An amount in thousands or millions.
fn short(usd: f64) -> String {
    match usd {
        usd if usd >= 999_500.0 => format!("{} M", number(usd / 1e6, 1)),
        usd if usd >= 999.5 => format!("{} k", number(usd / 1e3, 0)),
        usd => number(usd, 0),
    }
}

/// What the table cannot show: where ours is worse, what broke, and what is not expressible.
fn notes(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &report.incidents {
        if !row.worse_in.is_empty() {
            let note = if row.note.is_empty() { String::new() } else { format!(": {}", row.note) };
            lines.push(format!(
                "{} worse than theirs in: {}{note}",
                row.id,
                row.worse_in.join("; ")
            ));
        }
        let failed = row.runs.iter().filter_map(|pair| pair.ours.failure.as_ref());
        if let Some(failure) = failed.into_iter().next() {
            lines.push(format!("{} failed: {failure}", row.id));
        }
        if row.bad_debt_theirs.is_none() {
            lines.push(format!("{} theirs: {}", row.id, row.theirs));
        }
    }
    let absent = report.not_expressible.iter();
    lines.extend(absent.map(|left| format!("{} not expressible: {}", left.id, left.why)));
    lines
}
