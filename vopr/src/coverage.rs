//! What a run has reached: a row for each thing that must happen somewhere, or the run proves
//! nothing about it.

use std::collections::BTreeSet;
use std::fmt;

use protocol::event::{Event, Gone};
use protocol::ids::MarketId;

use crate::exit::Aid;
use crate::weather::{KINDS, Kind};

/// A thing that an event shows.
pub struct Row {
    /// What.
    pub name: &'static str,
    shows: fn(&Event) -> bool,
}

/// Everything that must happen.
pub const TABLE: [Row; 21] = [
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
    Row { name: "windows missed", shows: |e| window(e, Some(false)) },
];

fn gone(event: &Event, why: Gone) -> bool {
    matches!(event, Event::Removed { reason, .. } if *reason == why)
}

fn window(event: &Event, verdict: Option<bool>) -> bool {
    matches!(event, Event::ConvergenceWindow { met, .. } if *met == verdict)
}

/// Counts of a run, or of many.
#[derive(Clone, Debug, Default)]
pub struct Coverage {
    /// Commands sent.
    pub commands: u64,
    /// Blocks applied.
    pub blocks: u64,
    /// What it took from outside to get everybody out.
    pub aid: Aid,
    counts: [u64; TABLE.len()],
    weather: [u64; KINDS.len()],
    refusals: BTreeSet<u8>,
}

impl Coverage {
    /// Counts an event.
    pub fn hear(&mut self, event: &Event) {
        for (count, row) in self.counts.iter_mut().zip(&TABLE) {
            *count += u64::from((row.shows)(event));
        }
        if let Event::Rejected { reason, .. } = event {
            self.refusals.insert(*reason as u8);
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
        self.aid.margins += other.aid.margins;
        self.aid.bailouts += other.aid.bailouts;
        self.counts.iter_mut().zip(other.counts).for_each(|(sum, count)| *sum += count);
        self.weather.iter_mut().zip(other.weather).for_each(|(sum, count)| *sum += count);
        self.refusals.extend(&other.refusals);
    }

    /// What never happened.
    pub fn missing(&self) -> Vec<String> {
        let events = self.counts.iter().zip(&TABLE).filter(|(count, _)| **count == 0);
        let kinds = self.weather.iter().zip(&KINDS).filter(|(count, _)| **count == 0);
        let mut missing: Vec<String> = events.map(|(_, row)| row.name.to_owned()).collect();
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
        write!(f, ", refusals of {} kinds", self.refusals.len())?;
        let Aid { margins, bailouts } = self.aid;
        write!(f, ", {margins} deposits to close, {bailouts} to withdraw")
    }
}
