//! What a run has reached: a row for each thing that must happen somewhere, or the run proves
//! nothing about it. Refusals are counted by their reason.

use std::collections::BTreeMap;
use std::fmt;

use money::{Qty, Span};
use protocol::event::{AuctionEnd, Event, Gone, OptionEvent};
use protocol::halt::Phase;
use protocol::ids::MarketId;
use protocol::reject::Reject;

use crate::exit::Aid;
use crate::optioneer::HEDGED;
use crate::voice::TWO_LEGS;
use crate::weather::{KINDS, Kind};

/// A thing that an event shows.
pub struct Row {
    /// What.
    pub name: &'static str,
    shows: fn(&Event) -> bool,
}

/// Everything that must happen.
pub const TABLE: [Row; 71] = [
    Row { name: "trades", shows: |e| matches!(e, Event::Traded { liquidation: false, .. }) },
    Row {
        name: "spot trades",
        shows: |e| matches!(e, Event::Traded { market: MarketId(0 | 1), .. }),
    },
    Row { name: "liquidations", shows: |e| matches!(e, Event::LiquidationStarted { .. }) },
    Row { name: "forced trades", shows: |e| matches!(e, Event::Traded { liquidation: true, .. }) },
    Row { name: "liquidation fees", shows: |e| matches!(e, Event::LiquidationFee { .. }) },
    Row { name: "ADL", shows: |e| matches!(e, Event::Deleveraged { .. }) },
    Row { name: "insurance", shows: |e| matches!(e, Event::InsurancePaid { .. }) },
    Row { name: "accruals", shows: |e| matches!(e, Event::Funded { .. }) },
    Row { name: "funding paid", shows: |e| matches!(e, Event::FundingPaid { .. }) },
    Row { name: "realised", shows: |e| matches!(e, Event::Realised { .. }) },
    Row { name: "rested", shows: |e| matches!(e, Event::Rested { .. }) },
    Row { name: "refused", shows: |e| matches!(e, Event::Rejected { .. }) },
    Row { name: "cancelled", shows: |e| gone(e, Gone::Cancelled) },
    Row { name: "unfilled", shows: |e| gone(e, Gone::Unfilled) },
    Row { name: "self-trades", shows: |e| gone(e, Gone::SelfTrade) },
    Row { name: "nothing to reduce", shows: |e| gone(e, Gone::NothingLeftToReduce) },
    Row { name: "cancelled by force", shows: |e| gone(e, Gone::Liquidation) },
    Row { name: "breaches", shows: |e| matches!(e, Event::Breach { begun: true, .. }) },
    Row { name: "breaches over", shows: |e| matches!(e, Event::Breach { begun: false, .. }) },
    Row { name: "windows met", shows: |e| window(e, Some(true)) },
    Row { name: "halts", shows: |e| begins(e, |to| matches!(to, Phase::Halted { .. })) },
    Row { name: "auctions", shows: |e| begins(e, |to| matches!(to, Phase::Auction { .. })) },
    Row {
        name: "restarts",
        shows: |e| begins(e, |to| matches!(to, Phase::Restarting { until: Some(_), .. })),
    },
    Row { name: "reduce-only", shows: |e| begins(e, |to| matches!(to, Phase::ReduceOnly { .. })) },
    Row { name: "settlements", shows: |e| begins(e, |to| matches!(to, Phase::Settled { .. })) },
    Row { name: "expiries", shows: |e| begins(e, |to| matches!(to, Phase::Expired { .. })) },
    Row { name: "expiries of a stopped market", shows: stopped_expiry },
    Row { name: "settled futures with positions", shows: |e| future_settled(e, false) },
    Row { name: "settlements without an index", shows: |e| future_settled(e, true) },
    Row { name: "haircuts at a settlement", shows: settlement_haircut },
    Row { name: "collected", shows: |e| matches!(e, Event::Collected { .. }) },
    Row { name: "withdrawals shut", shows: |e| matches!(e, Event::WithdrawalsShut { .. }) },
    Row { name: "sub-accounts", shows: |e| matches!(e, Event::Owned { .. }) },
    Row { name: "transfers", shows: |e| matches!(e, Event::Transferred { .. }) },
    Row { name: "agents", shows: |e| matches!(e, Event::AgentApproved { .. }) },
    Row { name: "switches", shows: |e| matches!(e, Event::SwitchActed { .. }) },
    Row {
        name: "slices",
        shows: |e| matches!(e, Event::TwapOver { filled, .. } if filled.is_positive()),
    },
    Row { name: "triggers", shows: |e| matches!(e, Event::TriggerGone { fired: true, .. }) },
    Row { name: "takeovers", shows: |e| matches!(e, Event::BackstopTook { .. }) },
    Row { name: "vault shares", shows: |e| matches!(e, Event::BackstopMoved { .. }) },
    Row { name: "stakes", shows: |e| matches!(e, Event::Staked { .. }) },
    Row { name: "proposals counted", shows: |e| matches!(e, Event::Counted { .. }) },
    Row { name: "proposals executed", shows: |e| matches!(e, Event::Executed { .. }) },
    Row { name: "guardian acts", shows: |e| matches!(e, Event::OnlyReduces { .. }) },
    Row { name: "changes", shows: |e| matches!(e, Event::Changed { .. }) },
    Row {
        name: "trades of two legs",
        shows: |e| matches!(e, Event::Traded { taker_client: TWO_LEGS, .. }),
    },
    Row { name: "windows missed", shows: |e| window(e, Some(false)) },
    Row { name: "series", shows: |e| option(e, |e| matches!(e, OptionEvent::SeriesListed { .. })) },
    Row {
        name: "chains full",
        shows: |e| option(e, |e| matches!(e, OptionEvent::ChainFull { .. })),
    },
    Row {
        name: "surfaces",
        shows: |e| option(e, |e| matches!(e, OptionEvent::SurfaceAccepted { .. })),
    },
    Row {
        name: "option trades",
        shows: |e| option(e, |e| matches!(e, OptionEvent::Traded { .. })),
    },
    Row { name: "options written with a hedge", shows: |e| option(e, hedged) },
    Row {
        name: "option orders rested",
        shows: |e| option(e, |e| matches!(e, OptionEvent::Rested { .. })),
    },
    Row { name: "option orders cancelled", shows: |e| option_gone(e, Gone::Cancelled) },
    Row { name: "option orders unfilled", shows: |e| option_gone(e, Gone::Unfilled) },
    Row { name: "option self-trades", shows: |e| option_gone(e, Gone::SelfTrade) },
    Row { name: "no option left to reduce", shows: |e| option_gone(e, Gone::NothingLeftToReduce) },
    Row { name: "option orders cancelled by force", shows: |e| option_gone(e, Gone::Liquidation) },
    Row { name: "option orders ended by expiry", shows: |e| option_gone(e, Gone::Halted) },
    Row {
        name: "exercises",
        shows: |e| {
            option(
                e,
                |e| matches!(e, OptionEvent::Exercised { payoff, .. } if payoff.is_positive()),
            )
        },
    },
    Row { name: "expiries of options", shows: |e| option(e, |e| expiry(e, false)) },
    Row { name: "expiries of options without an index", shows: |e| option(e, |e| expiry(e, true)) },
    Row {
        name: "haircuts of options",
        shows: |e| option(e, |e| matches!(e, OptionEvent::Haircut { .. })),
    },
    Row {
        name: "book auctions",
        shows: |e| option(e, |e| matches!(e, OptionEvent::BookAuctionStarted { .. })),
    },
    Row { name: "books restored", shows: |e| option(e, |e| ended(e, AuctionEnd::Restored)) },
    Row { name: "books emptied", shows: |e| option(e, |e| ended(e, AuctionEnd::NothingLeft)) },
    Row { name: "books deleveraged", shows: |e| option(e, |e| ended(e, AuctionEnd::Deleveraged)) },
    Row {
        name: "books taken",
        shows: |e| option(e, |e| matches!(e, OptionEvent::PortfolioTaken { .. })),
    },
    Row { name: "books taken for insurance", shows: |e| option(e, rewarded) },
    Row {
        name: "positions taken with a book",
        shows: |e| option(e, |e| matches!(e, OptionEvent::PositionTaken { .. })),
    },
    Row {
        name: "options deleveraged",
        shows: |e| option(e, |e| matches!(e, OptionEvent::Deleveraged { .. })),
    },
];

fn begins(event: &Event, phase: fn(&Phase) -> bool) -> bool {
    matches!(event, Event::Phase { to, .. } if phase(to))
}

fn stopped_expiry(event: &Event) -> bool {
    let stopped = |from: &Phase| matches!(from, Phase::Halted { .. } | Phase::Restarting { .. });
    matches!(event, Event::Phase { from, to: Phase::Expired { .. }, .. } if stopped(from))
}

/// A future with positions is settled; `unseen`: after the longest wait, at the last index.
fn future_settled(event: &Event, unseen: bool) -> bool {
    matches!(event, Event::Settled { market: MarketId(4 | 5), covered, interest, .. }
        if interest.is_positive() && (!unseen || *covered == Span::ZERO))
}

fn settlement_haircut(event: &Event) -> bool {
    matches!(event, Event::Deleveraged { qty: Qty::ZERO, haircut, .. } if haircut.is_positive())
}

fn gone(event: &Event, why: Gone) -> bool {
    matches!(event, Event::Removed { reason, .. } if *reason == why)
}

fn option(event: &Event, shows: fn(&OptionEvent) -> bool) -> bool {
    matches!(event, Event::Option(event) if shows(event))
}

fn option_gone(event: &Event, why: Gone) -> bool {
    matches!(event, Event::Option(OptionEvent::Removed { reason, .. }) if *reason == why)
}

fn hedged(event: &OptionEvent) -> bool {
    matches!(event, OptionEvent::Traded { taker_client, maker_client, .. }
        if *taker_client == HEDGED || *maker_client == HEDGED)
}

fn ended(event: &OptionEvent, why: AuctionEnd) -> bool {
    matches!(event, OptionEvent::BookAuctionEnded { reason, .. } if *reason == why)
}

fn rewarded(event: &OptionEvent) -> bool {
    matches!(event, OptionEvent::PortfolioTaken { insured, .. } if insured.is_positive())
}

/// Options with positions are settled; `unseen`: after the longest wait, at the last index.
fn expiry(event: &OptionEvent, unseen: bool) -> bool {
    matches!(event, OptionEvent::ExpirySettled { covered, interest, .. }
        if interest.is_positive() && (!unseen || *covered == Span::ZERO))
}

fn window(event: &Event, verdict: Option<bool>) -> bool {
    matches!(event, Event::ConvergenceWindow { met, .. } if *met == verdict)
}

/// Counts of a run, or of many.
#[derive(Clone, Debug)]
pub struct Coverage {
    /// Commands sent.
    pub commands: u64,
    /// Blocks applied.
    pub blocks: u64,
    /// Auctions in which something was traded.
    auctioned: u64,
    /// Trades of this block so far.
    traded: u64,
    /// What it took from outside to get everybody out.
    pub aid: Aid,
    counts: [u64; TABLE.len()],
    weather: [u64; KINDS.len()],
    refusals: BTreeMap<Reject, u64>,
}

impl Default for Coverage {
    fn default() -> Coverage {
        Coverage {
            commands: 0,
            blocks: 0,
            auctioned: 0,
            traded: 0,
            aid: Aid::default(),
            counts: [0; TABLE.len()],
            weather: [0; KINDS.len()],
            refusals: BTreeMap::new(),
        }
    }
}

impl Coverage {
    /// Counts an event.
    #[allow(clippy::wildcard_enum_match_arm)]
    pub fn hear(&mut self, event: &Event) {
        for (count, row) in self.counts.iter_mut().zip(&TABLE) {
            *count += u64::from((row.shows)(event));
        }
        if let Event::Rejected { reason, .. } = event {
            *self.refusals.entry(*reason).or_default() += 1;
        }
        // An auction is held before anything else trades in its block.
        let collected = |from: &Phase| {
            matches!(from, Phase::Auction { .. } | Phase::Restarting { until: Some(_), .. })
        };
        match event {
            Event::Traded { .. } => self.traded += 1,
            Event::Phase { from, .. } if collected(from) && self.traded > 0 => {
                self.auctioned += 1;
                self.traded = 0;
            }
            Event::Closed { .. } => self.traded = 0,
            _ => {}
        }
    }

    /// Counts a block of a kind of weather.
    pub fn block(&mut self, kind: Kind) {
        self.blocks += 1;
        let at = KINDS.iter().position(|known| *known == kind).expect("all kinds are listed");
        self.weather[at] += 1;
    }

    /// Adds another run.
    pub fn add(&mut self, other: &Coverage) {
        self.commands += other.commands;
        self.blocks += other.blocks;
        self.auctioned += other.auctioned;
        self.aid.margins += other.aid.margins;
        self.aid.losses += other.aid.losses;
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, count)| *sum += count);
        self.weather.iter_mut().zip(other.weather).for_each(|(sum, count)| *sum += count);
        for (&reason, count) in &other.refusals {
            *self.refusals.entry(reason).or_default() += count;
        }
    }

    /// What never happened.
    pub fn missing(&self) -> Vec<String> {
        let events = self.counts.iter().zip(&TABLE).filter(|(count, _)| **count == 0);
        let kinds = self.weather.iter().zip(&KINDS).filter(|(count, _)| **count == 0);
        let mut missing: Vec<String> = events.map(|(_, row)| row.name.to_owned()).collect();
        missing.extend((self.auctioned == 0).then(|| "auctions with trades".to_owned()));
        missing.extend(kinds.map(|(_, kind)| format!("{kind:?}")));
        missing
    }
}

impl fmt::Display for Coverage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} commands in {} blocks", self.commands, self.blocks)?;
        for (count, row) in self.counts.iter().zip(&TABLE) {
            write!(f, ", {} {count}", row.name)?;
        }
        write!(f, ", auctions with trades {}", self.auctioned)?;
        let Aid { margins, losses } = self.aid;
        write!(f, ", {margins} deposits to close, {losses} exits at a loss")?;
        write!(f, "; refused for {} reasons:", self.refusals.len())?;
        self.refusals.iter().try_for_each(|(reason, count)| write!(f, " {reason:?} {count}"))
    }
}
