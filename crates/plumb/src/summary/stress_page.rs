//! The page `docs/incidents-figures.md`: what the incidents cost under both rulebooks.

use lab::stress::{Outcome, Pair, Report, Row};
use lab::text::{NONE, usd};

use super::stress::measures;

/// The whole page.
pub fn page(report: &Report) -> String {
    let runs: usize = report.incidents.iter().map(|row| row.runs.len()).sum();
    let mut page = format!(
        "# Figures of the incidents\n\nWritten by `plumb lab stress --seed {} --markdown`; {} \
         incidents, {runs} variants. [incidents.md](incidents.md) says what the columns are.\n\n\
         {}\n## As they were\n\nUSD. *At our size*: the venue's rules with the positions that \
         ours let be opened.\n\n",
        report.seed,
        report.incidents.len(),
        totals(report),
    );
    let columns = [
        "#",
        "venue",
        "rules",
        "opened",
        "bad debt",
        "insurance",
        "vault",
        "ADL",
        "off price",
        "wrongly liquidated",
        "minutes > 50 bp",
    ];
    let lines: Vec<Vec<String>> = report.incidents.iter().flat_map(as_it_was).collect();
    page.push_str(&table(&columns, 3, &lines));
    page.push_str("\n## Variants in which ours owes more\n\n");
    page.push_str(&worse(report));
    page.push_str("\n## Expressed or not\n\n");
    let expressed = report.incidents.iter().map(|row| {
        let theirs = if row.bad_debt_theirs.is_none() { "not expressible: " } else { "" };
        let title = format!("{}: {}", row.venue, row.title);
        vec![row.id.clone(), title, "yes".into(), format!("{theirs}{}", row.theirs)]
    });
    let absent = report.not_expressible.iter();
    let absent = absent.map(|left| {
        vec![left.id.clone(), left.title.clone(), format!("no: {}", left.why), NONE.into()]
    });
    let lines: Vec<Vec<String>> = expressed.chain(absent).collect();
    page + &table(&["#", "incident", "expressed", "theirs"], 4, &lines)
}

fn totals(report: &Report) -> String {
    let pairs = || report.incidents.iter().flat_map(|row| &row.runs);
    let broken: u32 = report.incidents.iter().map(|row| row.invariants_broken).sum();
    let flat = report.incidents.iter().map(|row| row.flat_user_loss).fold(0.0, f64::max);
    let compared = pairs().filter(|pair| pair.theirs.is_some()).count();
    let less = |take: fn(&Pair) -> Option<&Outcome>| {
        let theirs = pairs().filter_map(|pair| Some((pair, take(pair)?)));
        theirs.filter(|(pair, theirs)| pair.ours.bad_debt < theirs.bad_debt).count()
    };
    format!(
        "Under our rules {broken} invariants broke and a flat account lost at most {}. Of \
         {compared} variants that both can express, ours owes more in {} and less in {}; at our \
         size more in {} and less in {}; the rest are equal.\n",
        usd(flat),
        pairs().filter(|pair| pair.is_worse()).count(),
        less(|pair| pair.theirs.as_ref()),
        pairs().filter(|pair| pair.is_worse_at_our_size()).count(),
        less(|pair| pair.theirs_at_our_size.as_ref()),
    )
}

fn as_it_was(row: &Row) -> Vec<Vec<String>> {
    let Some(base) = row.runs.first() else { return Vec::new() };
    let ours = cells([&row.id, &row.venue, "ours"], &base.ours);
    let theirs = base.theirs.as_ref().map(|theirs| cells(["", "", "theirs"], theirs));
    let at_our_size = base.theirs_at_our_size.as_ref();
    let at_our_size = at_our_size.map(|theirs| cells(["", "", "at our size"], theirs));
    std::iter::once(ours).chain(theirs).chain(at_our_size).collect()
}

fn cells(names: [&str; 3], outcome: &Outcome) -> Vec<String> {
    measures(&names, outcome, usd)
}

fn worse(report: &Report) -> String {
    let rows: Vec<&Row> =
        report.incidents.iter().filter(|row| row.worse().next().is_some()).collect();
    if rows.is_empty() {
        return "None.\n".to_owned();
    }
    let columns = [
        "#",
        "variant",
        "bad debt",
        "theirs",
        "at our size",
        "insurance and vault",
        "theirs",
        "at our size",
        "off price, theirs",
        "at our size",
    ];
    let line = |id: &str, pair: &Pair| {
        let of = |take: &dyn Fn(&Outcome) -> f64| {
            [&pair.theirs, &pair.theirs_at_our_size].map(|outcome| {
                outcome.as_ref().map_or_else(|| NONE.to_owned(), |outcome| usd(take(outcome)))
            })
        };
        let mut cells = vec![id.to_owned(), pair.variant.clone(), usd(pair.ours.bad_debt)];
        cells.extend(of(&|outcome| outcome.bad_debt));
        cells.push(usd(pair.ours.fund_used()));
        cells.extend(of(&Outcome::fund_used));
        cells.extend(of(&|outcome| outcome.adl_price_loss));
        cells
    };
    let lines: Vec<Vec<String>> =
        rows.iter().flat_map(|row| row.worse().map(|pair| line(&row.id, pair))).collect();
    let mut text = table(&columns, 2, &lines) + "\n";
    for row in rows {
        let why =
            if row.why_worse.is_empty() { "The file gives no reason." } else { &row.why_worse };
        text.push_str(&format!("* **{}** {why}\n", row.id));
    }
    text
}

/// A table whose columns from `first` hold numbers.
fn table(columns: &[&str], first: usize, lines: &[Vec<String>]) -> String {
    let rules = (0..columns.len()).map(|at| if at < first { "---" } else { "---:" }.to_owned());
    let head = columns.iter().map(|name| (*name).to_owned());
    let line = |cells: &[String]| format!("| {} |\n", cells.join(" | "));
    let mut text = line(&head.collect::<Vec<_>>()) + &line(&rules.collect::<Vec<_>>());
    lines.iter().for_each(|cells| text.push_str(&line(cells)));
    text
}
