//! The incidents in a terminal: ours above the venue's.

use lab::stress::{Outcome, Pair, Report, Row};
use lab::text::{NONE, number, usd_short};

use super::{Colour, WIDTH, align, plain};

/// Difference of the opened part that is not worth a line of its own.
const SAME_SIZE: f64 = 0.005;

/// Most variants of an incident in which ours owes more that are listed.
const WORSE_LISTED: usize = 15;

const LEGEND: &str = "\
USD, of the incident as it was. Opened: part of the positions of the file; the third line of an
incident is theirs with the positions that ours let be opened, if those are fewer. Bad debt: what
neither account nor insurance nor vault bore. Vault: its result at the true price. Off price: what
others lost to deleveraging more than 50 bp off the true price. Wrongly: liquidated though sound at
the true price. >50 bp: minutes with the mark further off.";

/// The table of all incidents, and what it cannot show.
pub fn table(report: &Report, colour: Colour) -> String {
    let headings = [
        "",
        "",
        "opened",
        "bad debt",
        "insurance",
        "vault",
        "ADL",
        "off price",
        "wrongly",
        ">50 bp",
    ];
    let mut table = plain(&headings.map(str::to_owned));
    for row in &report.incidents {
        lines(row).into_iter().for_each(|line| {
            table.add_row(line);
        });
    }
    align(&mut table, 2);
    let runs: usize = report.incidents.iter().map(|row| row.runs.len()).sum();
    let flat = report.incidents.iter().map(|row| row.flat_user_loss).fold(0.0, f64::max);
    let broken: u32 = report.incidents.iter().map(|row| row.invariants_broken).sum();
    let variants = if runs == 1 { "variant" } else { "variants" };
    let title = format!(
        "Incidents · {runs} {variants} · seed {} · under ours flat accounts lost {} and {broken} \
         invariants broke",
        report.seed,
        usd_short(flat),
    );
    let mut text = format!("{}\n{table}\n{LEGEND}\n", colour.paint("1", &title));
    text.push_str(&worse(report, colour));
    for line in notes(report) {
        text.push_str(&wrapped(&line));
    }
    text
}

fn lines(row: &Row) -> Vec<Vec<String>> {
    let Some(base) = row.runs.first() else { return Vec::new() };
    let sound = |outcome: &Option<Outcome>| {
        outcome.as_ref().filter(|outcome| outcome.failure.is_none()).cloned()
    };
    let mut lines = vec![cells([&row.id, "ours"], &base.ours)];
    let theirs = sound(&base.theirs);
    lines.extend(theirs.iter().map(|theirs| cells(["", &row.venue], theirs)));
    let differs = |at: &Outcome| {
        let opened = |outcome: &Outcome| outcome.opened_share;
        theirs.as_ref().is_some_and(|theirs| opened(theirs) - opened(at) > SAME_SIZE)
    };
    let at_our_size = sound(&base.theirs_at_our_size).filter(differs);
    lines.extend(at_our_size.iter().map(|at| cells(["", "at our size"], at)));
    lines
}

fn cells(names: [&str; 2], outcome: &Outcome) -> Vec<String> {
    measures(&names, outcome, usd_short)
}

/// A line of names and of what a run came to, with money written in this way.
pub(super) fn measures(
    names: &[&str],
    outcome: &Outcome,
    usd: impl Fn(f64) -> String,
) -> Vec<String> {
    let mut cells: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    cells.extend([
        format!("{} %", number(outcome.opened_share * 100.0, 0)),
        usd(outcome.bad_debt),
        usd(outcome.insurance_used),
        if outcome.vault_took == 0.0 { NONE.to_owned() } else { usd(outcome.vault_result) },
        usd(outcome.adl_volume),
        usd(outcome.adl_price_loss),
        outcome.wrongly_liquidated.to_string(),
        number(outcome.minutes_beyond_50bp, 1),
    ]);
    cells
}

/// Variants in which ours owes more, with the reason that the file gives.
fn worse(report: &Report, colour: Colour) -> String {
    let rows: Vec<&Row> =
        report.incidents.iter().filter(|row| row.worse().next().is_some()).collect();
    if rows.is_empty() {
        return format!("\n{}\n", colour.paint("1", "Ours owes no more in any variant."));
    }
    let count: usize = rows.iter().map(|row| row.worse().count()).sum();
    let title = format!("Variants in which ours owes more: {count}");
    let headings = [
        "",
        "variant",
        "bad debt",
        "theirs",
        "our size",
        "fund",
        "theirs",
        "our size",
        "off price",
    ];
    let mut table = plain(&headings.map(str::to_owned));
    for row in &rows {
        for pair in worst(row) {
            table.add_row(compared(&row.id, pair));
        }
    }
    align(&mut table, 2);
    let mut text = format!("\n{}\n{table}\n", colour.paint("1", &title));
    text.push_str(
        "Fund: paid by insurance and lost by the vault. Off price: theirs, at our size.\n",
    );
    for row in rows {
        let why =
            if row.why_worse.is_empty() { "the file gives no reason" } else { &row.why_worse };
        let count = row.worse().count();
        text.push_str(&wrapped(&format!("{} owes more in {count}: {why}", row.id)));
    }
    text
}

/// All of them, or those with the largest excess where they are many.
fn worst(row: &Row) -> Vec<&Pair> {
    let mut pairs: Vec<&Pair> = row.worse().collect();
    if pairs.len() > WORSE_LISTED {
        let excess = |pair: &Pair| {
            let theirs = [&pair.theirs, &pair.theirs_at_our_size].into_iter().flatten();
            let least = theirs.map(|theirs| theirs.bad_debt).fold(f64::INFINITY, f64::min);
            pair.ours.bad_debt - least
        };
        pairs.sort_by(|a, b| excess(b).total_cmp(&excess(a)));
        pairs.truncate(WORSE_LISTED);
    }
    pairs
}

fn compared(id: &str, pair: &Pair) -> Vec<String> {
    let of = |outcome: &Option<Outcome>, take: fn(&Outcome) -> f64| {
        outcome.as_ref().map_or_else(|| NONE.to_owned(), |outcome| usd_short(take(outcome)))
    };
    let (bad, fund) = (|outcome: &Outcome| outcome.bad_debt, Outcome::fund_used);
    vec![
        id.to_owned(),
        pair.variant.clone(),
        usd_short(pair.ours.bad_debt),
        of(&pair.theirs, bad),
        of(&pair.theirs_at_our_size, bad),
        usd_short(pair.ours.fund_used()),
        of(&pair.theirs, fund),
        of(&pair.theirs_at_our_size, fund),
        of(&pair.theirs_at_our_size, |outcome| outcome.adl_price_loss),
    ]
}

/// What broke, and what is not expressible.
fn notes(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for row in &report.incidents {
        if row.flat_user_loss > 0.0 {
            lines.push(format!("{}: flat accounts lost {}", row.id, usd_short(row.flat_user_loss)));
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

/// A paragraph in lines of the terminal's width, those after the first indented.
fn wrapped(text: &str) -> String {
    let (mut lines, mut line) = (String::new(), String::new());
    for word in text.split_whitespace() {
        let length = line.chars().count() + 1 + word.chars().count();
        if length > usize::from(WIDTH) {
            lines.push_str(&format!("{line}\n"));
            line = "  ".to_owned();
        } else if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    lines + &line + "\n"
}
