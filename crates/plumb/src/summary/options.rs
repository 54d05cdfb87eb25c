//! What a run with options, or a comparison of agents, says of them in a terminal.

use lab::option_compare::{ARMS, OPTION_MEASURES, OptionComparison, standard_error};
use lab::option_metrics::OptionMetrics;
use lab::option_record::OptionRecord;
use lab::record::Record;
use lab::text::{NONE, count, duration, minute, number, usd};

use super::{Colour, align, plain};

/// The lines about the options of a run; empty without any.
pub fn run(record: &Record) -> String {
    let Some(options) = &record.options else { return String::new() };
    let metrics = OptionMetrics::of(options);
    let half = |half: Option<f64>| half.map_or(NONE.to_owned(), duration);
    let counts = &options.counts;
    let mut lines = vec![
        format!("options on {}, surface: {}", options.asset, options.source),
        format!(
            "  mid off fair {} points mean |·| (95 % of series {}), {} spreads; level {} |·|, \
             {} signed",
            number(metrics.deviation_abs_pt.mean, 2),
            number(metrics.deviation_p95_pt.mean, 2),
            number(metrics.deviation_spreads.mean, 2),
            number(metrics.deviation_pt.mean_abs, 2),
            number(metrics.deviation_pt.mean, 2),
        ),
        format!(
            "  half-life of the level {} at 1 min, {} at 5 min; of a series, median, {}",
            half(metrics.half_life_s(60)),
            half(metrics.half_life_s(300)),
            half(metrics.series_half_life_s),
        ),
        format!(
            "  spread {} points, {} % quoted on both sides; marks off {} points; surfaces: {} \
             accepted, {} refused",
            number(metrics.spread_pt.mean, 2),
            number(100.0 * metrics.quoted_share, 1),
            number(metrics.mark_abs_pt.mean, 2),
            count(counts.surfaces),
            count(counts.surfaces_refused),
        ),
        format!(
            "  {} trades of {} coins, premium {} USD; {} auctions of books, {} bids, {} \
             deleveraged",
            count(counts.trades),
            number(counts.traded_coins, 1),
            usd(counts.premium_usd),
            count(counts.auctions),
            count(counts.bids),
            count(counts.deleveraged),
        ),
    ];
    lines.extend(options.expiries.iter().map(|expiry| {
        format!(
            "  expiry {}: settled at {}, {} coins, {} USD paid",
            minute(expiry.time_ms),
            number(expiry.price, 2),
            number(expiry.open_interest, 2),
            usd(expiry.paid_usd),
        )
    }));
    lines.push(String::new());
    lines.push(attribution(options));
    lines.join("\n") + "\n"
}

/// Profit of each class by cause.
fn attribution(options: &OptionRecord) -> String {
    let Some(first) = options.attributions.first() else { return String::new() };
    let mut headings = vec!["options P&L, USD".to_owned()];
    headings.extend(options.attributions.iter().map(|row| row.class.clone()));
    let mut table = plain(&headings);
    for (at, (name, _)) in first.parts.iter().enumerate() {
        let mut row = vec![name.clone()];
        row.extend(options.attributions.iter().map(|class| usd(class.parts[at].1.usd)));
        table.add_row(row);
    }
    let mut total = vec!["total".to_owned()];
    total.extend(options.attributions.iter().map(|class| usd(class.total.usd)));
    table.add_row(total);
    align(&mut table, 1);
    table.to_string()
}

/// The comparison of agents off and on.
pub fn comparison(comparison: &OptionComparison, colour: Colour) -> String {
    let title = format!("{} · {} off and on", comparison.scenario, comparison.agents.join(", "));
    let mut headings = vec![String::new()];
    headings.extend(ARMS.iter().map(|arm| (*arm).to_owned()));
    headings.push("95 %".to_owned());
    let mut table = plain(&headings);
    for (at, measure) in OPTION_MEASURES.iter().enumerate() {
        let mut row = vec![measure.label.to_owned()];
        row.extend(comparison.arms.iter().map(|arm| {
            let mean = number(arm[at].mean, measure.decimals);
            format!("{mean} ± {}", number(standard_error(&arm[at]), measure.decimals))
        }));
        row.push(comparison.arms[2][at].interval.map_or(NONE.to_owned(), |(low, high)| {
            format!("{} … {}", number(low, measure.decimals), number(high, measure.decimals))
        }));
        table.add_row(row);
    }
    align(&mut table, 1);
    let seeds = comparison.seeds.len();
    let note = format!(
        "mean ± standard error over {seeds} seeds; the difference and its 95 % interval within \
         seeds"
    );
    format!("{}\n{}\n{note}\n", colour.paint("1", &title), table)
}
