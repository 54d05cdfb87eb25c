//! Real captures: the book rebuilt from snapshot and changes agrees with the best bid and ask that
//! the exchange sent beside them.

use std::collections::BTreeMap;
use std::fs::File;

use feed::book::{L2Book, Step};
use feed::capture::{Capture, Received};
use feed::{BookTicker, DepthUpdate, Limits, MarketEvent};

use crate::excerpt;

const SPOT: &str = "binance-spot-btcusdt-20240808.gz";
const FUTURES: &str = "binance-usdm-btcusdt-20240808.gz";

fn events(name: &str) -> Vec<Received> {
    let file = File::open(excerpt(name)).unwrap();
    Capture::new(name, file, &Limits::default()).unwrap().map(Result::unwrap).collect()
}

fn depth(event: &Received) -> Option<&DepthUpdate> {
    if let MarketEvent::Depth(update) = &event.event { Some(update) } else { None }
}

/// Changes applied and best prices compared, where all must agree.
fn rebuilt(events: &[Received]) -> (usize, usize) {
    let mut tickers: BTreeMap<u64, BookTicker> = BTreeMap::new();
    for event in events {
        if let MarketEvent::Ticker(ticker) = event.event {
            tickers.insert(ticker.update_id, ticker);
        }
    }
    let newest = *tickers.last_key_value().unwrap().0;
    let (mut book, mut applied, mut compared) = (L2Book::new(), 0, 0);
    for update in events.iter().filter_map(depth) {
        let step = book.apply(update);
        assert!(!matches!(step, Step::Gap(_)), "{step:?}");
        assert!(!book.is_crossed());
        applied += usize::from(step == Step::Applied);
        let Some(id) = book.last_id().filter(|id| *id <= newest) else { continue };
        if let Some((_, ticker)) = tickers.range(..=id).next_back() {
            assert_eq!(book.best_bid(), Some(ticker.bid), "bid after change {id}");
            assert_eq!(book.best_ask(), Some(ticker.ask), "ask after change {id}");
            compared += 1;
        }
    }
    (applied, compared)
}

#[test]
fn a_rebuilt_spot_book_agrees_with_the_ticker() {
    let (applied, compared) = rebuilt(&events(SPOT));
    assert!(applied > 200 && compared > 200, "{applied} applied, {compared} compared");
}

#[test]
fn a_rebuilt_futures_book_agrees_with_the_ticker() {
    let (applied, compared) = rebuilt(&events(FUTURES));
    assert!(applied > 100 && compared > 100, "{applied} applied, {compared} compared");
}

#[test]
fn a_lost_update_is_reported_and_empties_the_book() {
    for name in [SPOT, FUTURES] {
        let events = events(name);
        let updates: Vec<_> = events.iter().filter_map(depth).collect();
        let snapshot = updates.iter().position(|update| update.snapshot).unwrap();
        let mut book = L2Book::new();
        for update in &updates[..snapshot + 20] {
            book.apply(update);
        }
        let had = book.last_id().unwrap();
        let Step::Gap(gap) = book.apply(updates[snapshot + 21]) else { panic!("{name}: no gap") };
        assert_eq!((gap.had, gap.claimed), (had, updates[snapshot + 20].last_id), "{name}");
        assert_eq!((book.best_bid(), book.last_id()), (None, None));
        assert_eq!(book.apply(updates[snapshot + 22]), Step::Buffered);
    }
}

#[test]
fn an_old_update_changes_nothing() {
    let events = events(SPOT);
    let updates: Vec<_> = events.iter().filter_map(depth).collect();
    let mut book = L2Book::new();
    for update in &updates {
        book.apply(update);
    }
    let before = (book.best_bid(), book.best_ask(), book.last_id());
    assert_eq!(book.apply(updates[updates.len() - 2]), Step::Stale);
    assert_eq!((book.best_bid(), book.best_ask(), book.last_id()), before);
}
