//! The frontier of solvency in a terminal.

use lab::frontier::Frontier;
use lab::text::{NONE, number};

use super::{Colour, align, plain};

/// A table for each market: the largest gap by maintenance margin and depth.
pub fn tables(markets: &[Frontier], colour: Colour) -> String {
    let mut text = String::new();
    for market in markets {
        let mut headings = vec!["margin, %".to_owned()];
        let depth = |usd: &f64| format!("{} M", number(usd / 1e6, 0));
        headings.extend(market.depths_usd.iter().map(depth));
        let mut table = plain(&headings);
        for row in &market.gaps_max {
            let cell = |gap: &Option<f64>| gap.map_or(NONE.to_owned(), |gap| number(gap, 2));
            let margin = number(row.margin_maintenance_pct, 2);
            table.add_row(std::iter::once(margin).chain(row.gap_pct.iter().map(cell)));
        }
        align(&mut table, 0);
        let title = format!(
            "{} · maintenance margin {} %, gap {} %, depth {} M USD",
            market.market,
            number(market.margin_maintenance_pct, 2),
            number(market.gap_pct, 2),
            number(market.depth_usd / 1e6, 0),
        );
        text.push_str(&format!("{}\n{table}\n\n", colour.paint("1", &title)));
    }
    text + "Largest move of the price in one block, %, by margin and depth in USD (R-6).\n"
}
