//! Bars and settlements of one instrument: their order, their values, their steps.

use money::{Span, Time};

use super::{Fault, Summary, length};
use crate::tape::{Event, Kind};

#[derive(Default)]
pub(super) struct Rows {
    /// The prices of the bar that is coming: open, high, low.
    bar: Vec<Event>,
    /// Time and length of the last bar.
    last: Option<(Time, u64)>,
    settled: Option<Time>,
    interval: Option<Span>,
}

const ORDER: [Kind; 4] = [Kind::Open, Kind::High, Kind::Low, Kind::Close];

impl Rows {
    /// Takes an event of any kind.
    pub(super) fn take(&mut self, summary: &mut Summary, event: &Event) {
        if let Some(place) = ORDER.iter().position(|kind| *kind == event.kind) {
            self.bar_event(summary, event, place);
        } else if !self.bar.is_empty() {
            self.bar.clear();
            let name = event.kind.name();
            summary.found(Fault::BadBar, event, || format!("{name} stands within a bar"));
        }
        if event.kind == Kind::Funding {
            self.funding(summary, event);
        }
    }

    fn bar_event(&mut self, summary: &mut Summary, event: &Event, place: usize) {
        if place != self.bar.len() {
            let expected = ORDER[self.bar.len()].name();
            let name = event.kind.name();
            self.bar.clear();
            summary.found(Fault::BadBar, event, || format!("{name} where {expected} is due"));
            return;
        }
        if place < 3 {
            self.bar.push(*event);
            return;
        }
        let [open, high, low] = [0, 1, 2].map(|index| self.bar[index].price);
        let close = event.price;
        let same_time = self.bar.iter().all(|part| part.exchange == event.exchange);
        self.bar.clear();
        if high < open.max(close) || low > open.min(close) || high < low || !same_time {
            summary.found(Fault::BadBar, event, || {
                format!("open {open}, high {high}, low {low}, close {close} units")
            });
        }
        self.step(summary, event);
    }

    fn step(&mut self, summary: &mut Summary, event: &Event) {
        let before = self.last.replace((event.exchange, event.id));
        let Some((before, _)) = before.filter(|(_, span)| *span == event.id && *span > 0) else {
            return;
        };
        if event.exchange <= before {
            summary.found(Fault::BadBar, event, || format!("not behind the bar of {before}"));
            return;
        }
        let step = event.exchange.since(before).nanos();
        if !step.is_multiple_of(event.id) {
            summary.found(Fault::BadBar, event, || {
                format!("{} behind the one before, off the grid", length(Span::from_nanos(step)))
            });
        } else if step > event.id {
            let missing = step / event.id - 1;
            summary.found(Fault::MissingBars, event, || format!("{missing} since {before}"));
        }
    }

    fn funding(&mut self, summary: &mut Summary, event: &Event) {
        let Some(before) = self.settled.replace(event.exchange) else { return };
        if event.exchange <= before {
            summary.found(Fault::RepeatedFunding, event, || format!("as that of {before}"));
            return;
        }
        // Settlements may come seconds late.
        let minute = Span::MINUTE.nanos();
        let step = (event.exchange.since(before).nanos() + minute / 2) / minute * minute;
        let step = Span::from_nanos(step);
        let usual = *self.interval.get_or_insert(step);
        if step != usual {
            self.interval = Some(step);
            summary.found(Fault::FundingInterval, event, || {
                format!("{} where it was {}", length(step), length(usual))
            });
        }
    }
}
