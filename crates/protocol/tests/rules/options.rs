//! Options through blocks (section K): listing, trading, refusals, settlement.

mod auction;
mod floor;
mod expiry;
mod machine;
mod margin;
mod trading;

use money::{Span, Time};
use protocol::event::{Event, OptionEvent};
use protocol::ids::*;
use protocol::params::*;

use crate::exchange::*;
use floor::*;

/// The days, at 8:00, on which what is listed now ends.
fn expiries(floor: &Floor) -> Vec<String> {
    let chain = &floor.x.state.chains()[0];
    chain.expiries.iter().map(|expiry| expiry.time.to_string()[5..10].to_string()).collect()
}

#[test]
fn k_1_k_2_a_month_lists_and_drops_days_weeks_and_months() {
    let mut floor = Floor::new();
    let first = ["01-01", "01-02", "01-03", "01-09", "01-16", "01-30", "02-27", "03-27"];
    assert_eq!(expiries(&floor), first);
    floor.x.step = Span::HOUR;
    for _ in 0..31 * 24 {
        floor.run(&[]);
        let chain = &floor.x.state.chains()[0];
        let now = floor.x.state.time();
        assert!(chain.expiries.iter().all(|expiry| expiry.time > now), "{now}");
        // A new expiry has a surface from the next block on.
        let marked = chain.series.iter().all(|series| series.mark.is_some());
        let listed =
            floor.count(|event| matches!(event, Event::Option(OptionEvent::SeriesListed { .. })));
        assert!(marked || listed > 0, "{now}");
        // Every block's surface has every expiry that was listed before it.
        assert!(!floor.x.events.iter().any(|event| matches!(event, Event::Rejected { .. })));
    }
    assert_eq!(floor.x.state.time().to_string(), "2026-02-01 00:00:02.000");
    let later = ["02-01", "02-02", "02-03", "02-06", "02-13", "02-20", "02-27", "03-27", "04-24"];
    assert_eq!(expiries(&floor), later);
}

#[test]
fn k_2_strikes_follow_the_index_and_never_exceed_the_largest_number() {
    let mut floor = Floor::new();
    let strikes = |floor: &Floor| {
        let chain = &floor.x.state.chains()[0];
        let first = chain.expiries[0].time;
        let calls = chain.series.iter().filter(|series| {
            series.contract.expiry == first && series.contract.kind == OptionKind::Call
        });
        let mut strikes: Vec<i64> =
            calls.map(|series| series.contract.strike.raw() / 100_000_000).collect();
        strikes.sort_unstable();
        strikes
    };
    let first = [90_000, 92_500, 95_000, 97_500, 100_000, 102_500, 105_000, 107_500, 110_000];
    assert_eq!(strikes(&floor), first);
    floor.x.prices[1] = Some(price("104900"));
    floor.run(&[]);
    assert_eq!(strikes(&floor), first, "within half of the range");
    floor.x.prices[1] = Some(price("105100"));
    floor.run(&[]);
    let grown = strikes(&floor);
    assert!(first.iter().all(|strike| grown.contains(strike)), "nothing is taken away");
    assert_eq!(grown.last(), Some(&125_000));

    let mut params = design_with_options();
    params.rules.options[0].listing.series_max = 40;
    let mut floor = Floor::of(params);
    assert_eq!(floor.x.state.chains()[0].series.len(), 40);
    let full = |event: &Event| matches!(event, Event::Option(OptionEvent::ChainFull { .. }));
    floor.x.prices[1] = Some(price("150000"));
    floor.run(&[]);
    assert_eq!((floor.x.state.chains()[0].series.len(), floor.count(full)), (40, 0), "said once");
    floor.x.step = Span::HOUR;
    for _ in 0..9 {
        floor.run(&[]);
    }
    let chain = &floor.x.state.chains()[0];
    let listed = (chain.expiries[0].time.to_string()[5..10].to_string(), chain.series.len());
    assert_eq!(listed, ("01-02".into(), 40), "the room of what was settled is used");
}

#[test]
fn k_1_nothing_is_listed_without_an_index_or_close_to_the_end() {
    let mut x = Exchange::of(design_with_options());
    x.run(&[]);
    assert!(x.state.chains()[0].expiries.is_empty());
    x.prices[1] = Some(price("100000"));
    x.now = Time::from_nanos(START).after(Span::MINUTE.times(7 * 60 + 30));
    x.run(&[]);
    let first = x.state.chains()[0].expiries[0].time.to_string();
    assert_eq!(first, "2026-01-02 08:00:00.000", "half an hour before eight");
}

#[test]
fn options_change_nothing_where_there_are_none() {
    let hash = |params: Params| Exchange::started(params).state.content_hash();
    assert_eq!(hash(design()), hash(design()));
    assert!(Exchange::started(design()).state.chains().is_empty());
}
