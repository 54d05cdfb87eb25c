//! The study of gamma hedging in a terminal: one table for each book, then law, signal and scan.

use super::{Colour, align, plain};
use lab::hedging::{BookResult, Study};
use lab::text::{NONE, count, minute, number, usd};

/// All tables.
pub fn tables(study: &Study, colour: Colour) -> String {
    let title = format!(
        "{} options, {} – {} UTC, {} snapshots",
        study.asset,
        minute(study.from_ms),
        minute(study.to_ms),
        count(study.snapshots as u64)
    );
    let mut parts = vec![colour.paint("1", &title)];
    parts.push(format!(
        "hedged from {} to {}, where options and bars meet",
        minute(study.hedged_from_ms),
        minute(study.hedged_to_ms)
    ));
    if study.bars_missing > 0 {
        parts.push(format!(
            "{} bars missing: nothing is hedged there, and realised volatility reads low",
            count(study.bars_missing)
        ));
    }
    if !study.unopened.is_empty() {
        parts.push(format!("too long for this period: {}", study.unopened.join("; ")));
    }
    if study.damaged_rows > 0 {
        parts.push(format!("{} damaged rows left out", count(study.damaged_rows as u64)));
    }
    parts.extend(study.books.iter().map(|each| book(each, colour)));
    parts.extend(frontier(study));
    parts.extend(law(study));
    parts.extend(signal(study));
    let scan = &study.scan;
    parts.push(format!(
        "riskless packages after fees: in {} of {} snapshots",
        scan.snapshots_riskless, scan.snapshots
    ));
    parts.join("\n") + "\n"
}

/// Profit by cause, whole dollars; the page and the JSON have the cents.
fn book(book: &BookResult, colour: Colour) -> String {
    let headings = [
        "USD", "total", "delta", "gamma", "theta", "vega", "2nd", "fund", "costs", "rest",
        "trades", "sd/day",
    ];
    let mut table = plain(&headings.map(str::to_owned));
    for rule in &book.rules {
        let part = |name| usd(rule.part_usd(name));
        table.add_row(vec![
            rule.rule.clone(),
            usd(rule.total_usd()),
            part("delta"),
            part("gamma"),
            part("theta"),
            part("vega"),
            usd(rule.part_usd("vanna") + rule.part_usd("volga")),
            part("funding"),
            part("costs"),
            part("unexplained"),
            count(rule.trades),
            usd(rule.sd_daily_usd),
        ]);
    }
    align(&mut table, 1);
    let square = |of: fn(&lab::hedging::Period) -> f64| {
        let sum: f64 = book.periods.iter().map(|period| of(period).powi(2)).sum();
        number((sum / book.periods.len() as f64).sqrt() * 100.0, 1)
    };
    format!(
        "\n{}: {} {}, implied {} %, realised {} %\n{table}",
        colour.paint("1", &book.book),
        book.periods.len(),
        if book.periods.len() == 1 { "stretch" } else { "stretches" },
        square(|period| period.implied),
        square(|period| period.realised),
    )
}

/// Cost and risk of each rule over many options.
fn frontier(study: &Study) -> Option<String> {
    let first = study.frontier.first()?;
    let headings = ["bp of spot", "cost", "sd", "sd with costs", "trades"];
    let mut table = plain(&headings.map(str::to_owned));
    for rule in &study.frontier {
        table.add_row(vec![
            rule.rule.clone(),
            number(rule.cost_bp, 2),
            number(rule.sd_bp, 2),
            number(rule.sd_net_bp, 2),
            number(rule.trades, 1),
        ]);
    }
    align(&mut table, 1);
    Some(format!("\n{} straddles of a week, one a day\n{table}", count(first.options)))
}

fn law(study: &Study) -> Option<String> {
    let gbm = study.law_gbm.as_ref()?;
    let headings = ["hedge error, % of spot", "sd", "published", "g/√N", "sd over g/√N"];
    let mut table = plain(&headings.map(str::to_owned));
    for point in &gbm.points {
        table.add_row(vec![
            format!("simulated, N = {}", point.trades),
            number(point.sd, 4),
            number(point.published, 4),
            number(point.theory, 4),
            number(point.sd / point.theory, 3),
        ]);
    }
    for (law, name) in [(&study.law_path, "recorded"), (&study.law_shuffled, "shuffled")] {
        for point in law.iter().flat_map(|law| &law.points) {
            table.add_row(vec![
                format!("{name}, N = {}", point.trades),
                number(point.sd, 4),
                NONE.to_owned(),
                number(point.theory, 4),
                number(point.sd / point.theory, 3),
            ]);
        }
    }
    align(&mut table, 1);
    Some(format!("\n{table}"))
}

fn signal(study: &Study) -> Option<String> {
    if study.scores.is_empty() {
        return None;
    }
    let headings =
        ["QLIKE out of sample", "days", "count", "log-HAR", "EWMA", "naive", "DM vs naive"];
    let mut table = plain(&headings.map(str::to_owned));
    for score in &study.scores {
        let statistic = score.har_against_naive;
        table.add_row(vec![
            score.source.clone(),
            score.horizon.to_string(),
            count(score.count as u64),
            number(score.har, 4),
            number(score.ewma, 4),
            number(score.naive, 4),
            statistic.map_or(NONE.to_owned(), |value| number(value, 2)),
        ]);
    }
    align(&mut table, 1);
    let mut lines = vec![format!("\n{table}")];
    for signal in &study.signals {
        lines.push(format!(
            "{} d ahead: QLIKE of implied {}, log-HAR {}, naive {} over {} days; spoke on {}, \
             right on {}",
            signal.horizon,
            number(signal.implied, 3),
            number(signal.har, 3),
            number(signal.naive, 3),
            signal.scored,
            signal.spoken,
            signal.right
        ));
    }
    Some(lines.join("\n"))
}
