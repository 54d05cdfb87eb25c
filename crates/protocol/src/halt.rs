//! When a market trades: halts, auctions, restart and the end of a market.
//!
//! [`next`] is called once a block and goes from a status to the next. Rule A-5: what each phase
//! permits is one table. Rule A-6: after an outage or a halt a market waits for consecutive blocks
//! with fresh indices, then holds a call auction, and liquidates nobody for some blocks after it.
//! Rule A-7: a market ends by formula: notice with reduce-only trading, then all is settled at the
//! time average of the index over the end of the notice, once.
//!
//! Always: with fresh indices and without orders from outside every phase leads to Open or Settled
//! in bounded time; whoever has an order can cancel it; a settlement price never changes.
//! Sources: `docs/protocol.md`.

mod average;
mod monitor;

use borsh::{BorshDeserialize, BorshSerialize};
use money::{Price, Span, Time};

pub use crate::params::HaltParams;

pub use average::TimeAverage;
pub use monitor::{Monitor, Trigger};

/// Which price broke a trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Source {
    /// A trade that would have happened.
    Trade,
    /// The mark.
    Mark,
}

/// A broken trigger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Breach {
    /// Which; its auction follows.
    pub trigger: Trigger,
    /// By which price.
    pub source: Source,
}

/// Where a market stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Phase {
    /// Continuous trading.
    Open,
    /// Trades only what makes positions smaller.
    ReduceOnly {
        /// Opens by itself.
        until: Time,
    },
    /// Orders are collected after a price move.
    Auction {
        /// Cleared in the first fresh block at or after.
        until: Time,
        /// What the price broke.
        reason: Breach,
    },
    /// Stopped by an order from outside.
    Halted {
        /// When.
        since: Time,
    },
    /// On the way back from an outage or a halt.
    Restarting {
        /// Fresh blocks in a row.
        fresh_blocks: u32,
        /// The end of the call auction; `None` while fresh blocks are counted.
        until: Option<Time>,
    },
    /// Reduce-only until it is settled.
    Delisting {
        /// When the notice was given.
        from: Time,
    },
    /// All positions are closed at this price. For ever.
    Settled {
        /// The settlement price.
        price: Price,
    },
    /// A dated future after its expiry, until its settlement price is known (rule X-4).
    Expired {
        /// The first block at or after expiry.
        since: Time,
    },
}

/// What has to be done with the orders of the book when a phase begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Orders {
    /// Nothing.
    Keep,
    /// The auction is held: `auction::clear`.
    Clear,
    /// Those go that are not reduce-only.
    Reducing,
    /// All go.
    CancelAll,
}

/// A market went from one phase to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Transition {
    /// Before.
    pub from: Phase,
    /// After.
    pub to: Phase,
    /// What happens to the book first.
    pub orders: Orders,
}

/// An order from outside (governance).
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub enum Directive {
    /// Stops an open market, an auction or a restart.
    Halt,
    /// Makes an open market reduce-only, or prolongs that.
    ReduceOnly,
    /// Ends a halt (through a restart) or reduce-only trading.
    Resume,
    /// Ends the market (rule A-7); cannot be taken back or stopped.
    Delist,
}

/// What a block says about a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inputs {
    /// Time of the block, not before the last.
    pub now: Time,
    /// The market's index if it is fresh (rule O-4).
    pub index: Option<Price>,
    /// Whether the indices of the other collateral are fresh; one that is being delisted is not
    /// asked, so that a dead oracle holds up no other market.
    pub others_fresh: bool,
    /// A trigger that a price broke.
    pub breach: Option<Breach>,
    /// An order from outside; one that does not fit the phase has no effect.
    pub directive: Option<Directive>,
}

/// What can be asked of a market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An order enters the book or the auction.
    Place,
    /// An order is cancelled.
    Cancel,
    /// Orders trade as they come.
    Take,
    /// Accounts with a position here are liquidated.
    Liquidate,
    /// Accounts with a position or an order here withdraw.
    Withdraw,
    /// Funding accrues.
    Fund,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// It is permitted.
    Yes,
    /// Only what makes a position smaller.
    Reducing,
    /// It is not permitted.
    No,
}

/// The state of a market with regard to halts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, BorshSerialize, BorshDeserialize)]
pub struct Status {
    phase: Phase,
    /// Fresh blocks that are left without liquidation.
    calm_blocks: u32,
    /// Reduce-only trading until then, also across auctions and restarts.
    reduce_until: Time,
    /// The last block.
    time: Time,
    /// The last block with a fresh index.
    fresh_time: Time,
    /// The index over the end of the notice.
    average: TimeAverage,
}

impl Status {
    /// An open market that was made now.
    pub fn open(now: Time) -> Status {
        Status {
            phase: Phase::Open,
            calm_blocks: 0,
            reduce_until: Time::ZERO,
            time: now,
            fresh_time: now,
            average: TimeAverage::default(),
        }
    }

    /// The phase.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Rule A-5: what the market permits now.
    pub fn permits(&self, action: Action) -> Permit {
        let [place, take, liquidate, withdraw, fund] = row(self.phase);
        match action {
            Action::Cancel => Permit::Yes,
            Action::Place if place == Permit::Yes && self.time < self.reduce_until => {
                Permit::Reducing
            }
            Action::Place => place,
            Action::Take => take,
            Action::Liquidate if self.calm_blocks > 0 => Permit::No,
            Action::Liquidate => liquidate,
            Action::Withdraw => withdraw,
            Action::Fund => fund,
        }
    }

    /// Continuous trading stops in the middle of a block; `None` if there is none to stop.
    pub fn suspended(&self, breach: Breach) -> Option<(Status, Transition)> {
        let phase = suspension(self.phase, self.time, breach)?;
        let transition = Transition { from: self.phase, to: phase, orders: Orders::Keep };
        Some((Status { phase, ..*self }, transition))
    }

    /// The time that the average of the index covers (rule A-7).
    pub fn averaged(&self) -> Span {
        self.average.covered()
    }

    /// A dated future's trading ends, or it is settled, now (section X): from any phase but the
    /// last.
    pub fn ended(&self, phase: Phase, now: Time) -> (Status, Transition) {
        let transition = Transition { from: self.phase, to: phase, orders: Orders::CancelAll };
        (Status { phase, time: now, ..*self }, transition)
    }

    /// The phase after an auction.
    fn reopened(&self) -> Phase {
        if self.time < self.reduce_until {
            Phase::ReduceOnly { until: self.reduce_until }
        } else {
            Phase::Open
        }
    }
}

/// Place, take, liquidate, withdraw, fund.
fn row(phase: Phase) -> [Permit; 5] {
    use Permit::{No, Reducing, Yes};
    match phase {
        Phase::Open => [Yes, Yes, Yes, Yes, Yes],
        Phase::ReduceOnly { .. } | Phase::Delisting { .. } => [Reducing, Reducing, Yes, Yes, Yes],
        Phase::Auction { .. } | Phase::Restarting { until: Some(_), .. } => [Yes, No, No, No, No],
        Phase::Halted { .. } | Phase::Restarting { until: None, .. } => [No, No, No, No, No],
        Phase::Settled { .. } | Phase::Expired { .. } => [No, No, No, Yes, No],
    }
}

/// The status after a block, and what changed. An order from outside comes first, then an outage,
/// then what the phase does by itself.
pub fn next(status: Status, inputs: &Inputs, params: &HaltParams) -> (Status, Option<Transition>) {
    let outage = inputs.now.since(status.fresh_time) > params.outage_min;
    let mut after = clocked(status, inputs, outage, params);
    let (phase, orders) = directed(&mut after, inputs.directive, params)
        .or_else(|| interrupted(after.phase, outage, params))
        .or_else(|| by_itself(&after, inputs, params))
        .unwrap_or((after.phase, Orders::Keep));
    let restarted = matches!(status.phase, Phase::Halted { .. } | Phase::Restarting { .. })
        && !matches!(phase, Phase::Halted { .. } | Phase::Restarting { .. });
    if restarted {
        after.calm_blocks = params.calm_blocks;
    }
    after.phase = phase;
    let transition = Transition { from: status.phase, to: phase, orders };
    (after, (phase != status.phase).then_some(transition))
}

/// Clocks, the countdown of calm blocks, and the average of the index.
fn clocked(status: Status, inputs: &Inputs, outage: bool, params: &HaltParams) -> Status {
    let mut after = Status { time: inputs.now, ..status };
    if inputs.index.is_some() {
        after.fresh_time = inputs.now;
        if inputs.others_fresh {
            after.calm_blocks = after.calm_blocks.saturating_sub(1);
        }
    }
    let Phase::Delisting { from } = status.phase else { return after };
    if outage {
        after.calm_blocks = params.calm_blocks;
    } else if let Some(index) = inputs.index {
        let start = from.after(params.notice).nanos() - params.average.nanos();
        let since = status.time.max(Time::from_nanos(start));
        after.average = after.average.with(index, inputs.now.since(since));
    }
    after
}

fn directed(
    after: &mut Status,
    directive: Option<Directive>,
    params: &HaltParams,
) -> Option<(Phase, Orders)> {
    let now = after.time;
    match (directive?, after.phase) {
        (_, Phase::Delisting { .. } | Phase::Settled { .. } | Phase::Expired { .. }) => None,
        (Directive::Delist, Phase::Open | Phase::ReduceOnly { .. }) => {
            Some((Phase::Delisting { from: now }, Orders::Reducing))
        }
        // A book that was collected may be crossed.
        (
            Directive::Delist,
            Phase::Auction { .. } | Phase::Halted { .. } | Phase::Restarting { .. },
        ) => Some((Phase::Delisting { from: now }, Orders::CancelAll)),
        (Directive::ReduceOnly, Phase::Open | Phase::ReduceOnly { .. }) => {
            after.reduce_until = now.after(params.reduce_only_max);
            Some((after.reopened(), Orders::Reducing))
        }
        (Directive::Resume, Phase::ReduceOnly { .. }) => {
            after.reduce_until = Time::ZERO;
            Some((Phase::Open, Orders::Keep))
        }
        (Directive::Resume, Phase::Halted { .. }) => Some(restart(params)),
        (
            Directive::Halt,
            Phase::Open
            | Phase::ReduceOnly { .. }
            | Phase::Auction { .. }
            | Phase::Restarting { .. },
        ) => Some((Phase::Halted { since: now }, Orders::Keep)),
        (Directive::Halt, Phase::Halted { .. })
        | (
            Directive::ReduceOnly,
            Phase::Auction { .. } | Phase::Halted { .. } | Phase::Restarting { .. },
        )
        | (Directive::Resume, Phase::Open | Phase::Auction { .. } | Phase::Restarting { .. }) => {
            None
        }
    }
}

/// Rule A-6: an outage sends a market that trades, or collects orders, to the gate.
fn interrupted(phase: Phase, outage: bool, params: &HaltParams) -> Option<(Phase, Orders)> {
    match phase {
        Phase::Open
        | Phase::ReduceOnly { .. }
        | Phase::Auction { .. }
        | Phase::Restarting { until: Some(_), .. } => outage.then(|| restart(params)),
        Phase::Halted { .. }
        | Phase::Restarting { until: None, .. }
        | Phase::Delisting { .. }
        | Phase::Settled { .. }
        | Phase::Expired { .. } => None,
    }
}

/// The beginning of a restart.
fn restart(params: &HaltParams) -> (Phase, Orders) {
    let orders = if params.cancel_all { Orders::CancelAll } else { Orders::Keep };
    (Phase::Restarting { fresh_blocks: 0, until: None }, orders)
}

fn suspension(phase: Phase, now: Time, breach: Breach) -> Option<Phase> {
    match phase {
        Phase::Open | Phase::ReduceOnly { .. } => {
            Some(Phase::Auction { until: now.after(breach.trigger.auction), reason: breach })
        }
        Phase::Auction { .. }
        | Phase::Halted { .. }
        | Phase::Restarting { .. }
        | Phase::Delisting { .. }
        | Phase::Settled { .. }
        | Phase::Expired { .. } => None,
    }
}

fn by_itself(after: &Status, inputs: &Inputs, params: &HaltParams) -> Option<(Phase, Orders)> {
    let now = after.time;
    let fresh = inputs.index.is_some();
    let breach = inputs.breach.and_then(|breach| suspension(after.phase, now, breach));
    if let Some(auction) = breach {
        return Some((auction, Orders::Keep));
    }
    match after.phase {
        Phase::Open | Phase::Settled { .. } | Phase::Expired { .. } => None,
        Phase::ReduceOnly { until } => (now >= until).then_some((Phase::Open, Orders::Keep)),
        Phase::Auction { until, .. } => {
            (fresh && now >= until).then(|| (after.reopened(), Orders::Clear))
        }
        Phase::Halted { since } => (now.since(since) >= params.halt_max).then(|| restart(params)),
        Phase::Restarting { fresh_blocks, until } => {
            restarting(after, fresh && inputs.others_fresh, (fresh_blocks, until), params)
        }
        Phase::Delisting { from } => {
            let due =
                now >= from.after(params.notice) && after.average.covered() >= params.average_min;
            let price = after.average.value().filter(|_| due)?;
            Some((Phase::Settled { price }, Orders::CancelAll))
        }
    }
}

/// Rule A-6: counts fresh blocks, then holds the auction; a stale block begins anew.
fn restarting(
    after: &Status,
    fresh: bool,
    (fresh_blocks, until): (u32, Option<Time>),
    params: &HaltParams,
) -> Option<(Phase, Orders)> {
    if !fresh {
        return Some((Phase::Restarting { fresh_blocks: 0, until: None }, Orders::Keep));
    }
    match until {
        Some(until) => (after.time >= until).then(|| (after.reopened(), Orders::Clear)),
        None => {
            let fresh_blocks = fresh_blocks + 1;
            let until = (fresh_blocks >= params.fresh_blocks)
                .then(|| after.time.after(params.auction_restart));
            Some((Phase::Restarting { fresh_blocks, until }, Orders::Keep))
        }
    }
}

#[cfg(test)]
mod tests;
