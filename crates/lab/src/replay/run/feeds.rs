//! Both views of every source brought to an instant.

use feed::tape::Event;
use money::Time;

use super::market::Market;
use super::{Hear, Run, RunError};
use crate::replay::latency::Latency;
use crate::replay::window::{Cursor, Window};

/// Most events that one view takes before the loop looks round: bounds what a window holds.
const STRETCH: u32 = 1 << 16;

/// One source with its two views, and the roads between its venue and the strategy.
pub(super) struct Feed {
    window: Window,
    exchange: Cursor,
    local: Cursor,
    pub(super) latency: Latency,
    /// Index of the market of each of the source's instruments.
    markets: Vec<Option<u16>>,
    /// When the change that is next to be told arrives, and of which market it is.
    told: Option<(u64, u16)>,
    /// Whether the event that arrives next was lost on its way: a desk learns the book again from
    /// a snapshot, but is told of nothing that happened.
    lost: bool,
    /// Whether the exchange has seen all of it, and whether the desk has.
    is_over: bool,
    is_heard: bool,
    /// Markets on it at which own orders rest.
    busy: u32,
}

impl Feed {
    /// A source at its start.
    pub(super) fn new(window: Window, latency: Latency, markets: Vec<Option<u16>>) -> Feed {
        let (exchange, local) = (Cursor::default(), Cursor::default());
        let (told, lost, busy) = (None, false, 0);
        let (is_over, is_heard) = (false, false);
        Feed { window, exchange, local, latency, markets, told, lost, is_over, is_heard, busy }
    }

    /// Whether both views have seen all of it.
    pub(super) fn is_over(&self) -> bool {
        self.is_over && self.is_heard && self.told.is_none()
    }

    /// Whether the desk's view has gone beyond an instant, to what it tells next.
    pub(super) fn is_ahead(&self, now: u64) -> bool {
        self.local.time() > now
    }

    /// How many events the exchange has seen.
    pub(super) fn seen(&self) -> u64 {
        self.exchange.seen()
    }

    /// Time of the next event at the exchange; `None` at the end.
    pub(super) fn next_at_exchange(&mut self) -> Result<Option<u64>, RunError> {
        let next = self.exchange.peek(&mut self.window, &mut |event| event.exchange.nanos())?;
        self.is_over = next.is_none();
        Ok(next)
    }

    /// Brings the desk's view to a time, or to the first change that a strategy is to be told;
    /// whether it stopped before that time for another reason.
    fn advance_local(
        &mut self,
        markets: &mut [Market],
        until: u64,
        tells: bool,
    ) -> Result<bool, RunError> {
        let Feed { window, local, latency, markets: table, lost, .. } = self;
        let told = std::cell::Cell::new(None);
        let was_lost = std::cell::Cell::new(*lost);
        let delay = std::cell::Cell::new(None);
        let mut left = STRETCH;
        let see = |event: &Event, time: u64| {
            left -= 1;
            delay.set(Some(event.local.nanos().wrapping_sub(event.exchange.nanos())));
            if let Some(&Some(at)) = table.get(usize::from(event.instrument)) {
                let local = &mut markets[usize::from(at)].local;
                if was_lost.get() {
                    local.learn(event);
                } else if local.hear(event, tells) {
                    told.set(Some((time, at)));
                    return true;
                }
            }
            left == 0
        };
        let stopped = match latency.constant_feed() {
            Some(span) => {
                let arrival = |event: &Event| event.exchange.nanos() + span.nanos();
                local.advance(window, until, arrival, see)?
            }
            None => {
                let arrival = |event: &Event| {
                    let delay = event.local.nanos().wrapping_sub(event.exchange.nanos());
                    let receipt = latency.receipt(event.exchange, delay.cast_signed());
                    was_lost.set(receipt.is_none());
                    receipt.map_or(0, Time::nanos)
                };
                local.advance(window, until, arrival, see)?
            }
        };
        if let Some(delay) = delay.get() {
            self.latency.received(delay.cast_signed());
        }
        self.is_heard = !stopped && self.local.due().is_none();
        self.lost = was_lost.get();
        self.told = told.get();
        self.window.release(&self.exchange, &self.local);
        Ok(stopped)
    }
}

impl Run<'_> {
    /// When the next change of a quote arrives, up to a limit and not further than a view goes at
    /// once.
    pub(super) fn seek(&mut self, limit: u64) -> Result<u64, RunError> {
        let mut first = u64::MAX;
        for feed in &mut self.feeds {
            if feed.told.is_none() && feed.advance_local(&mut self.markets, limit, true)? {
                first = first.min(feed.told.map_or(feed.local.time(), |(time, _)| time));
            } else if let Some((time, _)) = feed.told {
                first = first.min(time);
            }
        }
        Ok(first)
    }

    /// Tells the changes that arrive at an instant.
    pub(super) fn tell(&mut self, now: u64) {
        for feed in &mut self.feeds {
            if let Some((_, at)) = feed.told.take_if(|(time, _)| *time <= now) {
                let local = &mut self.markets[usize::from(at)].local;
                local.tell(|event| self.strategy.on(event, &mut self.intents));
            }
        }
        self.send();
    }

    /// Brings every desk's view to now, without telling.
    pub(super) fn listen(&mut self) -> Result<(), RunError> {
        for feed in &mut self.feeds {
            while feed.advance_local(&mut self.markets, self.now, false)? {}
        }
        Ok(())
    }

    /// Brings the exchanges to an instant, or to the first answer before it; whether it stopped
    /// before.
    pub(super) fn meet(&mut self, target: u64) -> Result<bool, RunError> {
        loop {
            let (mut first, mut limit) = (None, target);
            for at in 0..self.feeds.len() {
                if self.feeds[at].busy == 0 {
                    continue;
                }
                let Some(next) = self.feeds[at].next_at_exchange()? else { continue };
                match first {
                    Some((_, earlier)) if earlier <= next => limit = limit.min(next),
                    Some((_, later)) => (first, limit) = (Some((at, next)), limit.min(later)),
                    None => first = Some((at, next)),
                }
            }
            let Some((at, next)) = first.filter(|&(_, next)| next <= target) else { break };
            if self.advance_exchange(at, limit.max(next))? {
                return Ok(true);
            }
        }
        for at in 0..self.feeds.len() {
            if self.feeds[at].busy == 0 && self.advance_exchange(at, target)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Brings the exchange's view of one feed to a time, or to the first event that the loop must
    /// look at; whether it stopped before.
    fn advance_exchange(&mut self, at: usize, until: u64) -> Result<bool, RunError> {
        let feed = &mut self.feeds[at];
        let (markets, answers, table) = (&mut self.markets, &mut self.answers, &feed.markets);
        let (mut left, mut stop) = (STRETCH, None);
        let stopped = feed.exchange.advance(
            &mut feed.window,
            until,
            |event| event.exchange.nanos(),
            |event, time| {
                left -= 1;
                if let Some(&Some(at)) = table.get(usize::from(event.instrument))
                    && markets[usize::from(at)].meet(event, answers)
                {
                    stop = Some((usize::from(at), *event, time));
                }
                left == 0 || stop.is_some()
            },
        )?;
        feed.is_over = !stopped && feed.exchange.due().is_none();
        self.now = self.now.max(feed.exchange.time().min(until));
        let many = feed.window.held() > 4 * STRETCH as usize;
        if self.hear == Hear::Wake && (stopped || many) {
            feed.advance_local(&mut self.markets, self.now, false)?;
        }
        if let Some((market, event, _)) = stop {
            self.notice(market, &event)?;
            self.settle(market)?;
        }
        Ok(stopped)
    }

    /// Counts for its feed whether own orders rest at a market.
    pub(super) fn count_busy(&mut self, at: usize) {
        let market = &mut self.markets[at];
        let is_busy = !market.exchange.is_idle();
        if is_busy != market.was_busy {
            market.was_busy = is_busy;
            let busy = &mut self.feeds[market.feed].busy;
            *busy = if is_busy { *busy + 1 } else { *busy - 1 };
        }
    }
}
