//! Which series there are (rules K-1 and K-2).
//!
//! An expiry is listed when its time comes and an index serves the mark; its strikes then, and
//! again whenever the index is further from where they were listed than half of their range. A call
//! and a put are listed together. Beyond `series_max` nothing is, until a series is settled.

use std::collections::BTreeSet;

use money::{Price, Time};

use crate::book::NaiveBook;
use crate::event::{Event, OptionEvent};
use crate::halt::TimeAverage;
use crate::ids::{ChainId, OptionKind, SeriesId};
use crate::ladder::Action;
use crate::option::{Chain, Contract, Expiry, Series, expiries, strike_range, strikes};
use crate::state::State;

/// Lists what is due; whether there was anything.
pub(super) fn list(state: &mut State, id: ChainId, events: &mut Vec<Event>) -> bool {
    let base = state.chains[id.index()].base();
    let Some(index) = state.serving(Action::Mark, base).map(|index| index.price) else {
        return false;
    };
    let now = state.time;
    let mut listed = list_expiries(&mut state.chains[id.index()], now);
    for at in 0..state.chains[id.index()].expiries.len() {
        let chain = &state.chains[id.index()];
        let expiry = chain.expiries[at];
        let far = 2 * i128::from((index - expiry.centre).abs().raw());
        let moved = far > i128::from(expiry.range.raw());
        if moved && !chain.full && is_open(chain, expiry.time, now) {
            list_strikes(state, (id, at), index, events);
            listed = true;
        }
    }
    listed
}

/// Whether something new may be listed in an expiry.
fn is_open(chain: &Chain, expiry: Time, now: Time) -> bool {
    expiry > now && expiry.since(now) >= chain.params.listing.closed_before
}

/// Rule K-1; whether there is a new expiry.
fn list_expiries(chain: &mut Chain, now: Time) -> bool {
    if now < chain.listed_until {
        return false;
    }
    let before = chain.expiries.len();
    let wanted = expiries(now, &chain.params.listing);
    // Without any there will never be one.
    chain.listed_until = wanted.first().copied().unwrap_or(Time::from_nanos(u64::MAX));
    for time in wanted {
        if chain.expiry(time).is_none() && is_open(chain, time, now) {
            let (centre, range, average) = (Price::ZERO, Price::ZERO, TimeAverage::default());
            chain.expiries.push(Expiry { time, centre, range, average });
        }
    }
    chain.expiries.sort_by_key(|expiry| expiry.time);
    chain.expiries.len() > before
}

/// Rule K-2.
fn list_strikes(
    state: &mut State,
    (id, at): (ChainId, usize),
    index: Price,
    events: &mut Vec<Event>,
) {
    let chain = &mut state.chains[id.index()];
    let listing = chain.params.listing;
    let expiry = chain.expiries[at].time;
    let left = expiry.since(state.time);
    let listed: BTreeSet<Price> = chain
        .series
        .iter()
        .filter(|series| series.contract.expiry == expiry)
        .map(|series| series.contract.strike)
        .collect();
    for strike in strikes(index, left, &listing) {
        if listed.contains(&strike) {
            continue;
        }
        if chain.series.len() + 2 > listing.series_max as usize {
            chain.full = true;
            events.push(Event::Option(OptionEvent::ChainFull { chain: id }));
            return; // looked at again when there is room
        }
        for kind in [OptionKind::Call, OptionKind::Put] {
            let series = state.series_next;
            state.series_next = SeriesId(series.0 + 1);
            chain.series.push(Series {
                id: series,
                contract: Contract { expiry, strike, kind },
                book: NaiveBook::default(),
                mark: None,
                open_interest: money::Qty::ZERO,
                sum: 0,
            });
            events.push(Event::Option(OptionEvent::SeriesListed {
                chain: id,
                series,
                expiry,
                strike,
                kind,
            }));
        }
    }
    let expiry = &mut chain.expiries[at];
    (expiry.centre, expiry.range) = (index, strike_range(index, left, &listing));
}
