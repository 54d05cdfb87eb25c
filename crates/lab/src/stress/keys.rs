//! The keys of an incident file: name, kind, range, default and meaning.
//!
//! Read by the same sections as a scenario: a key that is not here is refused, and one with a
//! dimension ends in its unit.

use crate::scenario::keys::Fallback::{Absent, Required};
use crate::scenario::keys::Kind::{Coins, Table, Tables, Text};
use crate::scenario::keys::{Key, flag, key, needed, number, optional, whole};

const USD: (f64, f64) = (0.0, 1e12);
const MINUTE: (f64, f64) = (0.0, 2_880.0);
const PERCENT: (f64, f64) = (0.01, 100.0);

pub(super) const ROOT: &[Key] = &[
    key("id", Text, Required, "number of the incident in the catalogue, as `E15`"),
    key("title", Text, Required, "what happened, in a few words"),
    key("date", Text, Required, "when"),
    key("venue", Text, Required, "where"),
    key("source", Text, Required, "the shock and the damage with the figures of the source"),
    key("note", Text, Absent, "what this file leaves out or takes differently"),
    key("worse", Text, Absent, "why ours owes more than theirs in some variants"),
    flag("expressible", true, "whether the rules can be put into this incident"),
    key("why", Text, Absent, "why they cannot"),
    key("figures", Coins, Absent, "numbers of the source, unit last in each name"),
    number("duration_min", (1.0, 1_440.0), 30.0, "length of the run after the positions stand"),
    number("shock_min", MINUTE, 1.0, "when the faults and halts of the variants begin"),
    key("asset", Tables, Absent, "what is traded"),
    key("group", Tables, Absent, "who holds what"),
    key("move", Tables, Absent, "what an attacker does"),
    key("fault", Tables, Absent, "faults of the oracle"),
    key("halt", Tables, Absent, "times without blocks"),
    key("ours", Table, Absent, "parameters of our rules"),
    key("theirs", Table, Absent, "how the venue's rules differ from ours"),
];

pub(super) const ASSET: &[Key] = &[
    key("name", Text, Required, "name, as `BTC` or `1000 MNGO`"),
    needed("price_usd", (1e-3, 1e7), "price when the positions are opened"),
    needed("depth_usd", (1.0, 1e12), "notional that one side of the book shows within 2 %"),
    number("margin_initial_pct", PERCENT, 5.0, "initial margin"),
    number("margin_maintenance_pct", PERCENT, 2.5, "maintenance margin"),
    key("path", Tables, Absent, "`{ minute, change_pct }`: the true price, against the first"),
    key("depth", Tables, Absent, "`{ minute, depth_usd }`: what the book shows from then on"),
];

pub(super) const POINT: &[Key] = &[
    needed("minute", MINUTE, "when"),
    needed("change_pct", (-99.99, 100_000.0), "change of the price since the start"),
];

pub(super) const DEPTH: &[Key] =
    &[needed("minute", MINUTE, "when"), needed("depth_usd", (1.0, 1e12), "notional within 2 %")];

pub(super) const GROUP: &[Key] = &[
    key("name", Text, Required, "name of the group"),
    key("side", Text, Required, "long, short, hedged (short, the coin held) or flat"),
    key("asset", Text, Absent, "name of the asset; the first by default"),
    whole("count", (1, 1_000), 1, "accounts"),
    number("notional_usd", USD, 0.0, "position of each account"),
    number("leverage", (0.05, 100.0), 1.0, "position over deposit"),
    number("deposit_usd", USD, 0.0, "deposit of each account that is flat"),
    number("credit_usd", USD, 0.0, "what the venue, not we, lets each account owe its depositors"),
];

pub(super) const FAULT: &[Key] = &[
    key("kind", Text, Required, "stale, wide, factor, outlier or split"),
    key("asset", Text, Absent, "name of the asset; all by default"),
    needed("from_min", MINUTE, "first minute"),
    needed("to_min", MINUTE, "the minute at which it is over"),
    number("confidence_pct", (0.01, 90.0), 15.0, "what a wide vote says of itself"),
    number("factor", (0.0, 1e4), 1.0, "what the votes are the true price times"),
    number("outlier_pct", (-99.0, 1e4), 30.0, "how far the one publisher is off"),
    number("split_pct", (0.01, 50.0), 5.0, "how far each half is off, up and down"),
];

pub(super) const HALT: &[Key] = &[
    needed("from_min", MINUTE, "first minute without blocks"),
    needed("to_min", MINUTE, "minute of the next block"),
];

pub(super) const MOVE: &[Key] = &[
    key("kind", Text, Required, "withdraw, buy, sell, cross or wall"),
    key("group", Text, Required, "who"),
    key("to_group", Text, Absent, "who takes the position over (cross)"),
    needed("from_min", MINUTE, "first minute"),
    optional("to_min", MINUTE, "last minute; one minute by default"),
    number("notional_usd", USD, 0.0, "size (buy, sell, wall)"),
    number("distance_pct", (0.0, 50.0), 1.0, "distance of the wall below the price"),
];

/// Keys of `[ours]`: every bound holds unless the file opens it.
pub(super) const OURS: &[Key] = &terms(true);
/// Keys of `[theirs]`: a bound holds only if the file says that the venue had it.
pub(super) const THEIRS: &[Key] = &terms(false);

const fn terms(bounded: bool) -> [Key; 25] {
    [
        flag("expressible", true, "whether parameters can stand for the venue's rules"),
        key("why", Text, Absent, "why not, or what stands for what"),
        optional("insurance_usd", USD, "insurance fund"),
        number("vault_usd", USD, 0.0, "deposit in the backstop vault"),
        optional("margin_initial_pct", PERCENT, "initial margin of every asset"),
        optional("margin_maintenance_pct", PERCENT, "maintenance margin of every asset"),
        flag("oracle_clamp", bounded, "whether steps and distance of an index are bounded"),
        flag("oracle_age", bounded, "whether an old index serves nothing"),
        flag("confidence_check", bounded, "whether an uncertain index is refused"),
        flag("outflow_limits", bounded, "whether what leaves in an hour and a day is limited"),
        flag("insolvency_gate", bounded, "whether an insolvency shuts withdrawals"),
        flag("withdrawal_share", bounded, "whether a withdrawal leaves a share of the notional"),
        flag("halts", bounded, "whether a fast move leads to an auction, an outage to a restart"),
        flag("aged_depth", bounded, "whether only depth that has rested counts"),
        flag("depth_share", bounded, "whether liquidations take a part of the depth in a block"),
        flag("index_mean", bounded, "whether liquidation waits for the mean of the index as well"),
        flag("insurance_day_share", bounded, "whether a market's use of insurance is limited"),
        flag("vault_limits", bounded, "whether the vault's part in each market is limited"),
        flag("size_margin", bounded, "whether margin grows with size and open interest"),
        flag("feedback", bounded, "whether margin rises off the index"),
        flag("coin_collateral", true, "whether coins held beside a short are collateral"),
        flag("mark_is_index", false, "whether the mark is the index itself"),
        flag("own_book_index", false, "whether publishers quote the market's own mark"),
        optional("liquidation_tranche_usd", USD, "notional liquidated in one piece"),
        optional("whole_below_usd", (0.0, 1e6), "notional of a position that is closed whole"),
    ]
}
