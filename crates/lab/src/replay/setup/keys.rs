//! The table of all keys of a back-test: name, kind, range, default and meaning.
//!
//! The keys of a strategy are those of the lab's agents of the same class. Times that are not a
//! strategy's are written with their unit, as `"5ms"`.

use money::Span;

use crate::scenario::key::{Fallback, Key, Kind, flag, key, number, optional, whole};
use crate::scenario::keys::{
    ANCHORED, BASIS, CROSS, DYDX, INDUSTRY, MAKER, PI, RULE, TOUCH, VELOCITY, WAKE, tables,
};
use Fallback::{Absent, Required, Text};
use Kind::{Choice, Coins, Instant, Names, Table, Tables};

const FEE: (f64, f64) = (-50.0, 500.0);
const STEP: (f64, f64) = (1e-8, 1e6);
const MARGIN: (f64, f64) = (0.01, 100.0);
const SHARE: (f64, f64) = (0.0, 100.0);

pub(super) const ROOT: &[Key] = &[
    key("name", Kind::Text, Absent, "name of the back-test; else its strategy's"),
    key("description", Kind::Text, Absent, "what it shows, in a sentence"),
    whole("seed", (0, i64::MAX), 1, "seed of every random choice"),
    key("start", Instant, Absent, "first instant, UTC; else that of the data"),
    key("end", Instant, Absent, "the run stops before this instant; else with the data"),
    key("sample", Kind::Span(Span::from_millis(1), Span::DAY), Text("1s"), "time between samples"),
    key(
        "hear",
        Choice(&["change", "wake"]),
        Text("change"),
        "quotes are told when they arrive (change) or at wakes only, as in the lab (wake)",
    ),
    key("strategy", Table, Absent, "what trades; or its name on the command line"),
    key("market", Tables, Absent, "markets, or `--data` on the command line"),
    key("latency", Table, Absent, "time on the road"),
    key("exchange", Table, Absent, "how own orders meet the recorded market"),
    key("impact", Table, Absent, "how own trades move the recorded markets"),
    key("account", Table, Absent, "what there is at the start, and what borrowing costs"),
    key("outage", Tables, Absent, "times at which an exchange or the way to it fails"),
];

pub(super) const STRATEGY: &[Key] = &[
    key("name", Kind::Text, Absent, "maker, touch, cross, basis or idle"),
    key("trades", Names, Absent, "markets by their part, as below; else in the order of the data"),
    WAKE,
];

pub(super) const MARKET: &[Key] = &[
    key("name", Kind::Text, Required, "name, as `perp`"),
    key("data", Names, Absent, "files of its events, merged by their time"),
    key("symbol", Kind::Text, Absent, "the instrument, of files that have several"),
    key(
        "kind",
        Choice(&["spot", "perpetual", "inverse", "future", "pool"]),
        Absent,
        "what is traded; else as the venue's name tells",
    ),
    key("venue", Kind::Text, Absent, "whose fees and steps hold; else as the data tell"),
    optional("tick", STEP, "price step, in quote; else the venue's, else the finest of the data"),
    optional("lot", STEP, "quantity step, in coins; else the venue's, else the finest of the data"),
    optional("price_unit", STEP, "finest price that the data hold; else of their first rows"),
    optional("qty_unit", STEP, "finest quantity that the data hold; else of their first rows"),
    optional(
        "fee_maker_bp",
        FEE,
        "fee of the resting side, a rebate if negative; else the venue's",
    ),
    optional("fee_taker_bp", FEE, "fee of the aggressor; else the venue's"),
    number(
        "margin_initial_pct",
        MARGIN,
        5.0,
        "initial margin of a position, 100 over the leverage",
    ),
    number("margin_maintenance_pct", MARGIN, 2.5, "maintenance margin; below the initial one"),
    number("fee_liquidation_bp", (0.0, 500.0), 50.0, "fee of being liquidated"),
    key("expiry", Instant, Absent, "when a future settles, UTC"),
    number("contract", STEP, 1.0, "coins of one contract; of an inverse one, quote"),
    optional("pool_fee_pips", (0.0, 999_999.0), "fee of a pool, in 10⁻⁶; else of a known address"),
    optional("decimals_0", (0.0, 36.0), "decimals of a pool's token 0; else of a known address"),
    optional("decimals_1", (0.0, 36.0), "decimals of a pool's token 1; else of a known address"),
    optional("base_token", (0.0, 1.0), "which of a pool's tokens is the base, 0 or 1"),
    key("funding", Table, Absent, "the rule that strategies expect; else the industry's"),
    key("latency", Table, Absent, "time on the road to it, where that differs from `[latency]`"),
];

pub(super) const LATENCY: &[Key] = &[
    key("feed", Kind::Text, Absent, "to hear of the market; else as recorded, or as an order"),
    key("order", Kind::Text, Text("5ms"), "of an order or a cancellation to the exchange"),
    key("answer", Kind::Text, Text("5ms"), "of the exchange's answer back"),
    number("loss_pct", (0.0, 90.0), 0.0, "messages of orders lost and sent again"),
    key(
        "resend",
        Kind::Span(Span::from_millis(1), Span::HOUR),
        Text("200ms"),
        "time until a lost message is sent again",
    ),
];

pub(super) const EXCHANGE: &[Key] = &[
    key(
        "fill",
        Choice(&["partial", "whole"]),
        Text("partial"),
        "orders trade as much as the market shows, or always all of it",
    ),
    key("queue", Kind::Text, Text("risk-averse"), "where an order stands at its price, as below"),
    flag("consume", true, "whether what own orders took is gone until the feed shows it anew"),
];

pub(super) const IMPACT: &[Key] = &[
    key(
        "model",
        Choice(&["none", "linear", "root"]),
        Text("none"),
        "not at all, in proportion to what own takers take, or by its root",
    ),
    number("slope_bp_per_musd", (0.0, 1_000.0), 2.0, "move for a million taken, if linear"),
    number("factor", (0.0, 100.0), 1.0, "factor of a root, of the volatility"),
    number("power", (0.01, 1.0), 0.5, "power of the volume, of a root"),
    key(
        "decay",
        Kind::Span(Span::from_millis(1), Span::DAY),
        Text("10min"),
        "time constant with which it wears off",
    ),
    optional("exponent", (0.416, 2.0), "of a root that wears off by this power after `decay`"),
    number("volatility_pct_day", (0.01, 1_000.0), 3.0, "volatility that a root counts with"),
    number("market_usd_day", (1.0, 1e13), 1e9, "volume of the market that a root counts with"),
    key(
        "window",
        Kind::Span(Span::HOUR, Span::DAY),
        Absent,
        "memory with which the data replace both; else they stay",
    ),
];

pub(super) const ACCOUNT: &[Key] = &[
    key("currency", Kind::Text, Absent, "what profit is counted in; else the first market's quote"),
    number("cash", (0.0, 1e12), 100_000.0, "of the currency, at the start"),
    key("coins", Coins, Absent, "coins at the start: `{ BTC = 1.5 }`"),
    key(
        "borrow",
        Coins,
        Absent,
        "most that may be borrowed: `{ BTC = 2 }`; else what margin allows",
    ),
    number("borrow_initial_pct", SHARE, 10.0, "initial margin of what is borrowed"),
    number("borrow_maintenance_pct", SHARE, 5.0, "maintenance margin of what is borrowed"),
    number("interest_pct_year", (0.0, 1_000.0), 10.0, "on what is borrowed"),
    number("collateral_pct", SHARE, 95.0, "share of the value of coins that backs positions"),
    number("volume_usd_day", (0.0, 1e12), 0.0, "own volume a day before, for the tier of fees"),
];

pub(super) const OUTAGE: &[Key] = &[
    key("from", Instant, Required, "first instant"),
    key("to", Instant, Required, "the instant at which it is over"),
    key("market", Kind::Text, Absent, "which; else all"),
    key(
        "feed",
        Choice(&["none", "late", "lost"]),
        Text("late"),
        "news are told as ever, all at the end, or never",
    ),
    key(
        "orders",
        Choice(&["none", "held", "refused"]),
        Text("held"),
        "orders are met as ever, at the end, or refused",
    ),
];

const GROUPS: &[(&str, &[Key])] = &[
    ("Top of the file", ROOT),
    ("`[strategy]`", STRATEGY),
    ("`[strategy]` with `name = \"maker\"`", MAKER),
    ("`[strategy]` with `name = \"touch\"`", TOUCH),
    ("`[strategy]` with `name = \"cross\"`", CROSS),
    ("`[strategy]` with `name = \"basis\"`", BASIS),
    ("`[[market]]`", MARKET),
    ("`funding = { … }` of a market, besides the keys of its rule", RULE),
    ("`funding` with `rule = \"industry\"`", INDUSTRY),
    ("`funding` with `rule = \"anchored\"`", ANCHORED),
    ("`funding` with `rule = \"dydx\"`", DYDX),
    ("`funding` with `rule = \"velocity\"`", VELOCITY),
    ("`funding` with `rule = \"pi\"`", PI),
    ("`[latency]`", LATENCY),
    ("`[exchange]`", EXCHANGE),
    ("`[impact]`", IMPACT),
    ("`[account]`", ACCOUNT),
    ("`[[outage]]`", OUTAGE),
];

/// The tables of `docs/backtest.md`: every key with its value, default and meaning.
pub fn reference() -> String {
    tables(GROUPS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_lie_in_their_ranges() {
        for key in GROUPS.iter().flat_map(|(_, keys)| *keys) {
            let inside = match (key.kind, key.fallback) {
                (Kind::Number(least, most), Fallback::Number(value)) => {
                    least <= value && value <= most
                }
                (Kind::Whole(least, most), Fallback::Whole(value)) => {
                    least <= value && value <= most
                }
                (Choice(words), Text(word)) => words.contains(&word),
                (Kind::Span(least, most), Text(written)) => {
                    let span = crate::scenario::span::parse(written);
                    span.is_some_and(|span| least <= span && span <= most)
                }
                (_, fallback) => !matches!(fallback, Fallback::Number(_) | Fallback::Whole(_)),
            };
            assert!(inside, "{}", key.name);
        }
    }
}
