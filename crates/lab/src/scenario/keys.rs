//! The table of all keys of a scenario: name, kind, range, default and meaning.
//!
//! Invariant: a key with a dimension ends in its unit (a test checks it).

use std::fmt::Write;

pub(crate) use super::key::{Fallback, Key, Kind, flag, key, needed, number, optional, whole};
use super::option_keys::{
    GAMMA, GAP, HEDGE, HESTON, OPTION_CUSTOMER, OPTION_MAKER, OPTION_TAKER, OPTIONS, PIN,
};
use super::span;
pub(crate) use super::trader_keys::{BASIS, CROSS, MAKER, TOUCH, WAKE};
use Fallback::{Absent, Required};
use Kind::{Coins, File, Flag, Instant, Names, Table, Tables, Text, Wholes};

const USD: (f64, f64) = (0.0, 1e12);
const USD_SOME: (f64, f64) = (0.01, 1e12);
const STEP: (f64, f64) = (1e-8, 1e6);
const FEE: (f64, f64) = (-50.0, 500.0);
const SHARE: (f64, f64) = (0.0, 100.0);
const MARGIN: (f64, f64) = (0.01, 100.0);
const HOURS: (f64, f64) = (0.01, 8_760.0);
const YEARLY: (f64, f64) = (-1_000.0, 1_000.0);
const CAP: (f64, f64) = (0.01, 100_000.0);
const LEVERAGE: (f64, f64) = (0.1, 100.0);
const BP: (f64, f64) = (0.0, 10_000.0);

pub(crate) const ROOT: &[Key] = &[
    key("name", Text, Required, "name of the scenario"),
    key("description", Text, Absent, "what it shows, in a sentence"),
    key("start", Instant, Required, "first instant, UTC (`2025-10-01T00:00:00Z` or a date)"),
    key("end", Instant, Required, "the run stops before this instant"),
    whole("seed", (0, i64::MAX), 1, "seed of the run, unless the command names another"),
    number("sample_s", (1.0, 86_400.0), 60.0, "time between samples of the metrics"),
    key("chain", Table, Absent, "the chain"),
    key("asset", Tables, Required, "base assets; the quote currency is USD, asset 0"),
    key("spot_market", Tables, Absent, "spot markets of the chain, the first markets by number"),
    key("perpetual", Tables, Absent, "perpetuals of the chain, numbered after the spot markets"),
    key("funding", Table, Absent, "defaults of the funding rules: `[funding.anchored]` and so on"),
    key("oracle", Table, Absent, "price publishers and how their votes are used"),
    key("venue", Table, Absent, "the external spot venue; `[venue.BTC]` overrides for one asset"),
    key(
        "link",
        Table,
        Absent,
        "links by class: `[link.default]`, `oracle`, `venue`, agent classes",
    ),
    key("options", Table, Absent, "options on one asset"),
    key("gap", Tables, Absent, "jumps put into a recorded path"),
    key("pin", Tables, Absent, "prices that a recorded path is drawn to"),
    key("financing", Table, Absent, "true cost of money"),
    key("insurance", Table, Absent, "the insurance fund"),
    key("agents", Tables, Absent, "groups of agents"),
];

pub(crate) const CHAIN: &[Key] = &[
    number("block_ms", (1.0, 60_000.0), 500.0, "time between blocks"),
    whole("checkpoint_blocks", (1, 1_000_000_000), 1_000, "blocks between full state hashes"),
    whole("open_orders_max", (1, 1_024), 1_000, "open orders of one account in one market"),
    number("liquidation_tranche_min_usd", USD, 100_000.0, "notional liquidated in one piece"),
];

pub(crate) const ASSET: &[Key] = &[
    key("name", Text, Required, "name, as `BTC`"),
    key("spot_bars", File, Required, "recorded spot bars: the path of the price"),
    key("perp_bars", File, Absent, "recorded perpetual bars, for comparison"),
    key("funding", File, Absent, "recorded funding, for comparison"),
    number("haircut_initial_pct", SHARE, 10.0, "unhedged holding not counted, initial margin"),
    number("haircut_maintenance_pct", SHARE, 5.0, "the same, maintenance margin"),
    number("basis_initial_pct", SHARE, 2.0, "charge on a holding hedged by a short, initial"),
    number("basis_maintenance_pct", SHARE, 1.0, "the same, maintenance margin"),
];

pub(crate) const SPOT_MARKET: &[Key] = &[
    key("name", Text, Required, "name, as `BTC-SPOT`"),
    key("asset", Text, Required, "name of its base asset"),
    needed("tick", STEP, "price step, in quote"),
    needed("lot", STEP, "quantity step, in coins"),
    number("fee_maker_bp", FEE, 0.0, "fee of the resting side; negative is a rebate"),
    number("fee_taker_bp", FEE, 4.0, "fee of the aggressor"),
    number("price_band_pct", MARGIN, 10.0, "largest distance of an order from the index"),
];

pub(crate) const PERPETUAL: &[Key] = &[
    number("impact_notional_usd", USD_SOME, 10_000.0, "size for which impact prices are measured"),
    number("margin_initial_pct", MARGIN, 5.0, "initial margin of a naked position"),
    number("margin_maintenance_pct", MARGIN, 2.5, "maintenance margin; below the initial one"),
    number("mark_band_pct", MARGIN, 5.0, "largest distance of the mark from the index"),
    number("fee_liquidation_bp", BP, 50.0, "fee on liquidated notional, to insurance"),
    needed("position_max", (1e-8, 2e7), "largest position of one account, in coins"),
    key("funding", Table, Required, "its funding rule: `{ rule = \"anchored\", … }`"),
];

pub(crate) const RULE: &[Key] =
    &[key("rule", Text, Required, "anchored, industry, dydx, velocity or pi")];

pub(crate) const ANCHORED: &[Key] = &[
    number("anchor_h", HOURS, 8.0, "time in which a premium is paid in full"),
    number("carry_pct_year", YEARLY, 4.3, "interest of quote less base"),
    number("cap_bp_8h", CAP, 200.0, "bound on the rate for 8 h"),
];

pub(crate) const INDUSTRY: &[Key] = &[
    number("interval_h", HOURS, 8.0, "settlement interval"),
    number("interest_bp", BP, 1.0, "interest for the interval"),
    number("clamp_bp", BP, 5.0, "half-width of the dead band"),
    number("cap_bp", CAP, 200.0, "bound on the rate for the interval"),
];

pub(crate) const DYDX: &[Key] = &[
    number("sample_s", (1.0, 3_600.0), 60.0, "time of one premium sample"),
    number("interval_h", HOURS, 1.0, "settlement interval"),
    number("interest_bp_8h", BP, 1.0, "default funding for 8 h"),
    number("cap_bp_8h", CAP, 200.0, "bound on the rate for 8 h"),
];

pub(crate) const VELOCITY: &[Key] = &[
    number("velocity_pct_day2", CAP, 900.0, "change of the daily rate in a day at full velocity"),
    number("premium_scale_bp", (0.01, 1_000.0), 10.0, "premium at full velocity"),
    number("cap_pct_day", CAP, 100.0, "bound on the rate for a day"),
];

pub(crate) const PI: &[Key] = &[
    number("proportional", (0.0, 100.0), 1.0, "rate for 8 h per unit of premium"),
    number("integral", (0.0, 100.0), 0.1, "growth of the integral in 8 h per unit of premium"),
    number("leak_h", HOURS, 72.0, "time constant of the integral's leak"),
    number("carry_pct_year", YEARLY, 4.3, "interest of quote less base"),
    number("cap_bp_8h", CAP, 200.0, "bound on the rate for 8 h, also on the integral"),
];

pub(crate) const ORACLE: &[Key] = &[
    whole("publishers", (1, 1_000), 4, "number of publishers"),
    key("stakes", Wholes, Absent, "stake of each, from 1 to 10^12; else 1 each"),
    number("noise_bp", BP, 1.0, "standard deviation of a publisher's error"),
    number("delay_ms", (0.0, 600_000.0), 200.0, "age of what a publisher sees when it signs"),
    number("interval_ms", (1.0, 600_000.0), 1_000.0, "time between votes of one publisher"),
    number("confidence_bp", (0.01, 5_000.0), 2.0, "confidence that a publisher states"),
    number("confidence_min_bp", (0.0, 5_000.0), 0.5, "smallest confidence that counts"),
    number("confidence_max_bp", (0.01, 5_000.0), 1_000.0, "votes less certain do not count"),
    number("vote_age_max_s", (0.001, 86_400.0), 10.0, "age at which a vote stops counting"),
    number("index_age_max_s", (0.001, 86_400.0), 30.0, "age at which an index allows no new risk"),
    key("outage", Tables, Absent, "`{ publisher = 0, from = …, to = … }`: it is silent"),
];

pub(crate) const PUBLISHER: &[Key] =
    &[key("publisher", Kind::Whole(0, 999), Required, "number of the publisher, from 0")];

pub(crate) const OUTAGE: &[Key] = &[
    key("from", Instant, Required, "first instant"),
    key("to", Instant, Required, "the instant at which it is over"),
];

pub(crate) const VENUE: &[Key] = &[
    number("tick", STEP, 0.01, "price step, in quote"),
    number("lot", STEP, 0.00001, "quantity step, in coins"),
    number("half_spread_bp", (0.0, 500.0), 0.5, "half of the spread"),
    number("depth_usd", USD_SOME, 5_000_000.0, "notional offered on each side"),
    number("impact_bp_per_musd", (0.0, 1_000.0), 2.0, "move of the price for a million taken"),
    number("impact_decay_s", (0.001, 86_400.0), 30.0, "time constant of impact and refill"),
    number("fee_taker_bp", FEE, 2.0, "fee of the aggressor"),
];

pub(crate) const LINK: &[Key] = &[
    number("latency_ms", (0.0, 600_000.0), 20.0, "least time on the road"),
    number("jitter_ms", (0.0, 600_000.0), 5.0, "mean of the exponential time on top"),
    number("loss_pct", (0.0, 90.0), 0.0, "messages lost and sent again"),
    number("resend_ms", (1.0, 600_000.0), 200.0, "time until a lost message is sent again"),
    flag("fifo", true, "whether messages keep their order"),
    key("outage", Tables, Absent, "`{ from = …, to = … }`: nothing departs"),
];

/// Classes of links.
pub(crate) const LINKS: &[Key] = &[
    key("default", Table, Absent, "every class that has no table; classes inherit its values"),
    key("maker", Table, Absent, "makers to the chain"),
    key("touch", Table, Absent, "makers at the best prices to the chain"),
    key("noise", Table, Absent, "noise traders to the chain"),
    key("momentum", Table, Absent, "momentum traders to the chain"),
    key("basis", Table, Absent, "basis traders to the chain"),
    key("cross", Table, Absent, "cross-venue traders to the chain"),
    key("option-maker", Table, Absent, "option makers to the chain"),
    key("gamma", Table, Absent, "gamma desks to the chain"),
    key("surface", Table, Absent, "surface arbitrageurs to the chain"),
    key("option-customer", Table, Absent, "customers of options to the chain"),
];

pub(crate) const FUNDING: &[Key] = &[
    key("anchored", Table, Absent, "defaults of the anchored rule"),
    key("industry", Table, Absent, "defaults of the industry rule"),
    key("dydx", Table, Absent, "defaults of the dYdX rule"),
    key("velocity", Table, Absent, "defaults of the velocity rule"),
    key("pi", Table, Absent, "defaults of the PI rule"),
];

pub(crate) const FINANCING: &[Key] =
    &[number("rate_pct_year", YEARLY, 4.3, "true financing cost of the arbitrageurs")];

pub(crate) const INSURANCE: &[Key] =
    &[number("fund_usd", USD, 1_000_000.0, "insurance fund at the start")];

pub(crate) const AGENTS: &[Key] = &[
    key(
        "class",
        Text,
        Required,
        "maker, touch, noise, momentum, basis, cross, option-maker, gamma, surface or \
         option-customer",
    ),
    key("name", Text, Absent, "name of the group; else its class"),
    whole("count", (0, 10_000_000), 1, "number of agents, each with all that follows"),
    key("instruments", Names, Required, "names of markets, or `venue:BTC`"),
    number("cash_usd", USD, 0.0, "quote currency on the chain at the start"),
    key("coins", Coins, Absent, "coins on the chain at the start: `{ BTC = 1.5 }`"),
    number("venue_cash_usd", USD, 0.0, "quote currency on the external venue"),
    key("venue_coins", Coins, Absent, "coins on the external venue"),
    WAKE,
    flag("enabled", true, "whether they take part"),
];

pub(crate) const NOISE: &[Key] = &[
    number("orders_per_hour", (0.0, 1_000_000.0), 6.0, "mean number of orders"),
    number("size_usd_median", USD_SOME, 1_000.0, "median size of an order"),
    number("size_sigma", (0.0, 5.0), 1.0, "standard deviation of the logarithm of the size"),
    number("long_bias", (-1.0, 1.0), 0.0, "probability of a buy is (1 + bias)/2"),
    optional("target_position_usd", (-1e12, 1e12), "position that orders tend to; else none"),
    number("leverage_max", LEVERAGE, 5.0, "largest position over equity"),
];

pub(crate) const MOMENTUM: &[Key] = &[
    number("lookback_min", (0.1, 100_000.0), 60.0, "time over which the return is taken"),
    number("threshold_bp", BP, 30.0, "return that triggers an order in its direction"),
    number("size_usd", USD_SOME, 5_000.0, "size of an order"),
    number("position_usd_max", USD_SOME, 50_000.0, "largest position"),
    number("leverage_max", LEVERAGE, 5.0, "largest position over equity"),
];

const GROUPS: &[(&str, &[Key])] = &[
    ("Top of the file", ROOT),
    ("`[chain]`", CHAIN),
    ("`[[asset]]`", ASSET),
    ("`[[spot_market]]` and `[[perpetual]]`", SPOT_MARKET),
    ("`[[perpetual]]`, besides", PERPETUAL),
    ("`funding = { … }` of a perpetual, besides the keys of its rule", RULE),
    ("`[funding]`", FUNDING),
    ("`[funding.anchored]`", ANCHORED),
    ("`[funding.industry]`", INDUSTRY),
    ("`[funding.dydx]`", DYDX),
    ("`[funding.velocity]`", VELOCITY),
    ("`[funding.pi]`", PI),
    ("`[oracle]`", ORACLE),
    ("`oracle.outage`, besides `from` and `to`", PUBLISHER),
    ("`outage`", OUTAGE),
    ("`[venue]` and `[venue.ASSET]`", VENUE),
    ("`[link]`", LINKS),
    ("`[link.CLASS]`", LINK),
    ("`[financing]`", FINANCING),
    ("`[insurance]`", INSURANCE),
    ("`[[agents]]`", AGENTS),
    ("`[[agents]]` with `class = \"maker\"`", MAKER),
    ("`[[agents]]` with `class = \"touch\"`", TOUCH),
    ("`[[agents]]` with `class = \"noise\"`", NOISE),
    ("`[[agents]]` with `class = \"momentum\"`", MOMENTUM),
    ("`[[agents]]` with `class = \"basis\"`", BASIS),
    ("`[[agents]]` with `class = \"cross\"`", CROSS),
    ("`[options]`", OPTIONS),
    ("`[options.heston]`", HESTON),
    ("`[[gap]]`", GAP),
    ("`[[pin]]`, besides `from` and `to`", PIN),
    ("`[[agents]]` with `class = \"option-maker\"`", OPTION_MAKER),
    ("`[[agents]]` with `class = \"gamma\"` or `\"surface\"`", OPTION_TAKER),
    ("`[[agents]]` with `class = \"gamma\"`, besides", GAMMA),
    ("`[[agents]]` with `class = \"option-customer\"`", OPTION_CUSTOMER),
    ("agents that hedge options, besides", HEDGE),
];

/// The tables of `docs/scenarios.md`: every key with its value, default and meaning.
pub fn reference() -> String {
    tables(GROUPS)
}

/// Tables of keys, each with its title.
pub(crate) fn tables(groups: &[(&str, &[Key])]) -> String {
    let mut page = String::new();
    for (title, keys) in groups {
        let _ = write!(
            page,
            "\n## {title}\n\n| key | value | default | meaning |\n|---|---|---|---|\n"
        );
        for key in *keys {
            let (kind, fallback) = (key.kind.describe(), key.fallback.describe());
            let _ = writeln!(page, "| `{}` | {kind} | {fallback} | {} |", key.name, key.help);
        }
    }
    page
}

impl Kind {
    /// The kind in words.
    pub(crate) fn describe(self) -> String {
        match self {
            Text => "text".into(),
            Instant => "time".into(),
            File => "path".into(),
            Flag => "true or false".into(),
            Kind::Number(least, most) => format!("{least} to {most}"),
            Kind::Whole(least, i64::MAX) => format!("whole, from {least}"),
            Kind::Whole(least, most) => format!("whole, {least} to {most}"),
            Names => "list of names".into(),
            Wholes => "list of whole numbers".into(),
            Coins => "table of asset and coins".into(),
            Table => "table".into(),
            Tables => "tables".into(),
            Kind::Choice(words) => words.join(", "),
            Kind::Span(least, most) => format!("{} to {}", span::text(least), span::text(most)),
        }
    }
}

impl Fallback {
    /// The value that holds, in words.
    pub(crate) fn describe(self) -> String {
        match self {
            Required => "needed".into(),
            Absent => "none".into(),
            Fallback::Number(value) => value.to_string(),
            Fallback::Whole(value) => value.to_string(),
            Fallback::Flag(value) => value.to_string(),
            Fallback::Text(value) => value.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_names_its_unit_or_has_none() {
        let units = [
            "_bp",
            "_pct",
            "_ms",
            "_s",
            "_h",
            "_min",
            "_usd",
            "_year",
            "_8h",
            "_day",
            "_day2",
            "_musd",
            "_per_hour",
            "_usd_max",
            "_usd_median",
            "_usd_min",
            "_min_usd",
            "_bp_8h",
        ];
        // Ratios, counts, and what is in coins or in quote for each coin, as its meaning says.
        let plain = [
            "tick",
            "lot",
            "position_max",
            "proportional",
            "integral",
            "size_sigma",
            "long_bias",
            "leverage_max",
            "reversion",
            "volatility",
            "volatility_multiple",
            "take_volatility_multiple",
            "order_qty",
            "inventory_max",
            "neutral",
            "correlation",
            "hedge_delta",
            "risk_aversion",
            "delta_min",
            "delta_max",
            "lean",
            "put_bias",
            "buy_bias",
            "panic",
        ];
        for key in GROUPS.iter().flat_map(|(_, keys)| *keys) {
            if let Kind::Number(..) = key.kind {
                let has_unit =
                    units.iter().any(|unit| key.name.ends_with(unit)) || key.name.contains("_s_");
                let limit = key.name.strip_suffix("_max_s").is_some();
                assert!(has_unit || limit || plain.contains(&key.name), "{}", key.name);
            }
        }
    }

    #[test]
    fn defaults_lie_in_their_ranges() {
        for key in GROUPS.iter().flat_map(|(_, keys)| *keys) {
            match (key.kind, key.fallback) {
                (Kind::Number(least, most), Fallback::Number(value)) => {
                    assert!(least <= value && value <= most, "{}", key.name);
                }
                (Kind::Whole(least, most), Fallback::Whole(value)) => {
                    assert!(least <= value && value <= most, "{}", key.name);
                }
                (_, fallback) => {
                    assert!(!matches!(fallback, Fallback::Number(_) | Fallback::Whole(_)));
                }
            }
        }
    }
}
