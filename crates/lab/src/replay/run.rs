//! The loop: tapes, own orders, answers and wakes on one clock.
//!
//! The loop looks for the next instant at which anything can happen to the strategy (a scheduled
//! item, or a quote that arrives), brings every exchange there, and stops earlier when an exchange
//! answers: what the strategy does about it may meet events that are not yet seen. Feeds on which
//! own orders rest are merged event by event; the others follow, as nothing of theirs answers.
//! At one instant the exchange comes first, then quotes, then scheduled items in the order of
//! their scheduling. The run ends when every tape has been seen in both views, or at a set time.

mod error;
mod market;
mod feeds;
mod moved;
mod orders;
mod accounts;
mod start;

pub use error::RunError;
pub use start::{AccountSetup, FeedSetup, MarketSetup, Setup, run};

use desk::strategy::{self, Intent, Strategy};
use money::Time;

use super::account::Account;
use super::order::{Answer, Order};
use super::record::{Record, Seen};
use crate::queue::Queue;
use feeds::Feed;
use market::Market;

/// When a strategy is told of quotes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hear {
    /// Each time that a message has changed the best quotes, when it arrives.
    Change,
    /// At its wakes only, the last quotes that have arrived; so the laboratory tells them.
    Wake,
}

/// What waits for its time.
#[derive(Clone, Copy, Debug)]
enum Item {
    /// The strategy wakes.
    Wake,
    /// A request reaches its exchange.
    Arrive(u16, Request),
    /// A message reaches the strategy.
    Hear(strategy::Event),
    /// A market of dated contracts settles.
    Expire(u16),
    /// A market that own trades have moved is looked at again.
    Ease(u16),
    /// The strategy hears that a market stands so many units above its tape.
    Shift(u16, i64),
}

/// What is asked of an exchange.
#[derive(Clone, Copy, Debug)]
enum Request {
    Place {
        order: Order,
        reduce_only: bool,
    },
    /// An order off the tick or between two lots.
    Refuse(protocol::ids::ClientId),
    Cancel(protocol::ids::ClientId),
    CancelAll,
}

/// A replay on its way.
struct Run<'a> {
    now: u64,
    end: u64,
    hear: Hear,
    queue: Queue<Item>,
    feeds: Vec<Feed>,
    markets: Vec<Market>,
    accounts: Vec<Account>,
    strategy: &'a mut dyn Strategy,
    intents: Vec<Intent>,
    answers: Vec<Answer>,
    /// Messages on their way to the strategy: while there are any, a statement would count a fill
    /// twice.
    inbound: u32,
    /// Units by which fills of the order that is being placed are worse than the tape's.
    worse: i64,
    /// Whether an own order has taken since the market was last looked at.
    pushed: bool,
    record: Record,
    seen: Vec<Seen>,
}

/// Rounds of the loop between two reports of progress.
const REPORT: u32 = 1 << 14;

impl Run<'_> {
    fn run(&mut self, progress: &mut dyn FnMut(Time, u64)) -> Result<(), RunError> {
        let mut rounds = 0u32;
        loop {
            rounds = rounds.wrapping_add(1);
            if rounds.is_multiple_of(REPORT) {
                let seen = self.feeds.iter().map(Feed::seen).sum();
                progress(Time::from_nanos(self.now), seen);
            }
            let scheduled = self.scheduled();
            let told = match self.hear {
                Hear::Wake => u64::MAX,
                Hear::Change => self.seek(scheduled)?,
            };
            let target = scheduled.min(told);
            if self.meet(target)? {
                continue; // stopped before the target: what follows from it may come first
            }
            if target >= self.end || self.feeds.iter().all(Feed::is_over) {
                return Ok(());
            }
            self.now = self.now.max(target);
            self.observe()?;
            if told <= target {
                self.tell(target);
            } else {
                self.take()?;
            }
        }
    }

    /// The next instant at which something is due without a quote.
    fn scheduled(&mut self) -> u64 {
        let queued = self.queue.peek_time().unwrap_or(u64::MAX);
        let looks = self.record.fills.due().min(self.record.samples.due()).nanos();
        queued.min(looks).min(self.end)
    }

    /// Takes what is scheduled now, if anything is.
    fn take(&mut self) -> Result<(), RunError> {
        if self.queue.peek_time().is_none_or(|time| time > self.now) {
            return Ok(());
        }
        let Some((_, item)) = self.queue.pop() else { return Ok(()) };
        match item {
            Item::Wake => self.wake()?,
            Item::Arrive(market, request) => self.arrive(market, request)?,
            Item::Hear(event) => {
                self.inbound -= 1;
                self.strategy.on(&event, &mut self.intents);
                self.send();
            }
            Item::Expire(market) => self.expire(usize::from(market))?,
            Item::Ease(market) => self.ease(usize::from(market))?,
            Item::Shift(market, units) => {
                let Market { local, feed, .. } = &mut self.markets[usize::from(market)];
                let ahead = self.feeds[*feed].is_ahead(self.now);
                if local.shift(units) && self.hear == Hear::Change && !ahead {
                    local.tell(|event| self.strategy.on(event, &mut self.intents));
                    self.send();
                }
            }
        }
        Ok(())
    }

    /// Tells the strategy what it can know by now, and then that it is awake.
    fn wake(&mut self) -> Result<(), RunError> {
        if self.hear == Hear::Wake {
            self.listen()?;
            if self.feeds.iter().all(Feed::is_over) {
                return Ok(());
            }
        }
        for market in &mut self.markets {
            // A view that is ahead of now, at the quote that it tells next, has nothing to say yet.
            let ahead = self.feeds[market.feed].is_ahead(self.now);
            if !ahead && market.local.look() {
                market.local.tell(|event| self.strategy.on(event, &mut self.intents));
            }
        }
        if self.inbound == 0 {
            self.state()?;
        }
        let now = Time::from_nanos(self.now);
        self.strategy.on(&strategy::Event::Wake { now }, &mut self.intents);
        self.send();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
