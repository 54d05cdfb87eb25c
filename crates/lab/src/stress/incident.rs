//! An incident: what happened to prices, depth, oracle and chain, and who held what.
//!
//! Plain numbers with their unit in the name; minutes count from the moment at which all positions
//! stand.

/// An incident, read and checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Incident {
    /// Number in the catalogue.
    pub id: String,
    /// What happened.
    pub title: String,
    /// When.
    pub date: String,
    /// Where.
    pub venue: String,
    /// Figures of the source in words.
    pub source: String,
    /// What the file leaves out; may be empty.
    pub note: String,
    /// Why ours owes more than theirs in some variants; may be empty.
    pub worse: String,
    /// Why the rules cannot be put into it; `None` if they can.
    pub inexpressible: Option<String>,
    /// Numbers of the source.
    pub figures: Vec<(String, f64)>,
    /// Length of the run.
    pub duration_min: f64,
    /// When faults and halts of the variants begin.
    pub shock_min: f64,
    /// What is traded.
    pub assets: Vec<Asset>,
    /// Who holds what.
    pub groups: Vec<Group>,
    /// What an attacker does.
    pub moves: Vec<Move>,
    /// Faults of the oracle.
    pub faults: Vec<Fault>,
    /// Times without blocks.
    pub halts: Vec<Halt>,
    /// Parameters of our rules.
    pub ours: Terms,
    /// How the venue's rules differ.
    pub theirs: Terms,
}

/// An asset and its perpetual.
#[derive(Clone, Debug, PartialEq)]
pub struct Asset {
    /// Name.
    pub name: String,
    /// First price.
    pub price_usd: f64,
    /// Initial margin as a share.
    pub margin_initial: f64,
    /// Maintenance margin as a share.
    pub margin_maintenance: f64,
    /// Minute and price over the first price.
    pub path: Vec<(f64, f64)>,
    /// Minute and notional of one side within 2 %.
    pub depth: Vec<(f64, f64)>,
}

/// Which position a group holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stance {
    /// Long.
    Long,
    /// Short.
    Short,
    /// Short, and the coin held.
    Hedged,
    /// A deposit and nothing else.
    Flat,
}

/// Accounts that hold the same.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Name.
    pub name: String,
    /// Which position.
    pub stance: Stance,
    /// Which asset, from 0.
    pub asset: usize,
    /// Accounts.
    pub count: u32,
    /// Position of each.
    pub notional_usd: f64,
    /// Deposit of each.
    pub deposit_usd: f64,
    /// What the venue lets each owe its depositors; ours lends nothing.
    pub credit_usd: f64,
}

/// A fault of the oracle.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// Which asset, from 0; all if none.
    pub asset: Option<usize>,
    /// First second.
    pub from_s: f64,
    /// The second at which it is over.
    pub to_s: f64,
}

/// What is wrong with the votes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FaultKind {
    /// There are none.
    Stale,
    /// They are the true price times this and say a share of the price as their confidence.
    Wide {
        /// The confidence.
        share: f64,
        /// The price over the true one.
        factor: f64,
    },
    /// They are the true price times this.
    Factor(f64),
    /// One publisher is off by this share.
    Outlier(f64),
    /// Two publishers are above and two below by this share, the fifth is silent.
    Split(f64),
}

/// A time without blocks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Halt {
    /// First second without blocks.
    pub from_s: f64,
    /// Second of the next block.
    pub to_s: f64,
}

/// What an attacker does.
#[derive(Clone, Debug, PartialEq)]
pub struct Move {
    /// What.
    pub kind: MoveKind,
    /// Who, as a place in the groups.
    pub group: usize,
    /// First second.
    pub from_s: f64,
    /// Last second.
    pub to_s: f64,
}

impl Move {
    /// Whether a group, by its place, takes part.
    pub(super) fn involves(&self, group: usize) -> bool {
        let taker = match self.kind {
            MoveKind::Cross(to) => Some(to),
            MoveKind::Withdraw | MoveKind::Trade(_) | MoveKind::Wall { .. } => None,
        };
        self.group == group || taker == Some(group)
    }
}

/// A kind of move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MoveKind {
    /// Withdraws as much as is paid out.
    Withdraw,
    /// Buys, or sells if negative, so much notional at any price, evenly over the time.
    Trade(f64),
    /// Hands its positions to another group at the true price, which realises their profit.
    Cross(usize),
    /// Shows a bid of this notional at this distance below the price, and pulls it at the end.
    Wall {
        /// Its size.
        notional_usd: f64,
        /// Its distance as a share of the price.
        distance: f64,
    },
}

/// Parameters in which rules differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// Why parameters cannot stand for these rules; `None` if they can.
    pub inexpressible: Option<String>,
    /// What stands for what; may be empty.
    pub why: String,
    /// Accounts may owe what their group's credit says.
    pub lends: bool,
    /// Insurance fund.
    pub insurance_usd: f64,
    /// Deposit in the backstop vault.
    pub vault_usd: f64,
    /// Initial and maintenance margin of every asset, as shares.
    pub margins: Option<(f64, f64)>,
    /// Which of our bounds hold.
    pub bounds: Bounds,
    /// Coins held beside a short are collateral.
    pub coin_collateral: bool,
    /// The mark is the index itself.
    pub mark_is_index: bool,
    /// Publishers quote the market's own mark.
    pub own_book_index: bool,
    /// Notional liquidated in one piece.
    pub liquidation_tranche_usd: f64,
    /// Notional of a position that is liquidated whole whatever the depth; ours if none.
    pub whole_below_usd: Option<f64>,
}

/// Which of our bounds hold; one that does not is open to the end of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Steps and distance of an index are bounded (rules O-5, O-6).
    pub oracle_clamp: bool,
    /// An old index serves nothing (rules O-4, O-5).
    pub oracle_age: bool,
    /// An uncertain index is refused (rules O-1, O-5).
    pub confidence_check: bool,
    /// What leaves in an hour and a day is limited (rule B-4).
    pub outflow_limits: bool,
    /// An insolvency shuts withdrawals (rule B-5).
    pub insolvency_gate: bool,
    /// A withdrawal leaves a share of the notional (rule B-6).
    pub withdrawal_share: bool,
    /// A fast move leads to an auction, an outage to a calm restart (rules ).
    pub halts: bool,
    /// Only depth that has rested counts (rule D-1).
    pub aged_depth: bool,
    /// Liquidations take a part of the depth in a block (rule L-9).
    pub depth_share: bool,
    /// Liquidation waits for the mean of the index as well (rule L-13).
    pub index_mean: bool,
    /// One market's use of insurance in a day is limited (rule L-15).
    pub insurance_day_share: bool,
    /// Inventory and losses of the vault are limited in each market (rule L-18).
    pub vault_limits: bool,
    /// Margin grows with size, open interest and a share of it (rules ).
    pub size_margin: bool,
    /// Margin rises off the index (rules ).
    pub feedback: bool,
}
