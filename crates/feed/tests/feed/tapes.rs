//! Recorded files as tapes: the book that a tape gives is that of its capture and of the
//! exchange's own ticker, and what ships is read whole.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use feed::book::{L2Book, Step};
use feed::capture::Capture;
use feed::tape::check::{self, check};
use feed::tape::{Decoder, Event, Header, Kind, Side, Slot, Source};
use feed::{BookTicker, Limits, MarketEvent, Notice, OpenOptions, open_source};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data");
const SPOT: &str = "binance-2024-08-08/binance-spot-btcusdt.gz";
const FUTURES: &str = "binance-2024-08-08/binance-usdm-btcusdt.gz";
/// Larger data that may lie beside the repository.
const BESIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/data");

fn captures() -> Vec<PathBuf> {
    let own = [SPOT, FUTURES].map(|name| format!("{FOLDER}/{name}"));
    let beside =
        ["spot", "usdm"].map(|name| format!("{BESIDE}/binance-l2/{name}/btcusdt_20240808.gz"));
    let beside = beside.into_iter().map(PathBuf::from).filter(|path| path.exists());
    own.into_iter().map(PathBuf::from).chain(beside).collect()
}

/// The events of a source, one at a time.
struct Events {
    source: Box<dyn Source>,
    slots: Vec<Slot>,
    at: usize,
    decoder: Decoder,
}

impl Events {
    fn open(path: &Path) -> Events {
        let source = open_source(path, &OpenOptions::default()).unwrap();
        Events { source, slots: vec![], at: 0, decoder: Decoder::default() }
    }
}

impl Iterator for Events {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.at == self.slots.len() {
            self.slots.clear();
            self.at = 0;
            if !self.source.fill(&mut self.slots).unwrap() {
                return None;
            }
        }
        let mut left = &self.slots[self.at..];
        let event = self.decoder.next(&mut left).expect("whole events");
        self.at = self.slots.len() - left.len();
        Some(event)
    }
}

/// A book made of nothing but the events of a tape, in their units.
#[derive(Default)]
struct Rebuilt {
    sides: [BTreeMap<i64, i64>; 2],
}

impl Rebuilt {
    fn apply(&mut self, event: &Event) {
        match (event.kind, event.side) {
            (Kind::Clear, None) => self.sides = Default::default(),
            (Kind::Level, Some(side)) if event.qty == 0 => {
                self.sides[side as usize].remove(&event.price);
            }
            (Kind::Level, Some(side)) => {
                self.sides[side as usize].insert(event.price, event.qty);
            }
            other => panic!("{other:?} in a book"),
        }
    }

    fn best(&self) -> [Option<(i64, i64)>; 2] {
        let [bids, asks] = &self.sides;
        [bids.last_key_value(), asks.first_key_value()].map(|best| best.map(|(p, q)| (*p, *q)))
    }
}

/// Steps through a capture and its tape; counts changes and comparisons with the ticker.
struct Walk {
    events: Events,
    header: Header,
    tickers: BTreeMap<u64, BookTicker>,
    book: L2Book,
    rebuilt: Rebuilt,
    changes: usize,
    compared: usize,
    /// Lines of the capture that gave no message.
    silent: u64,
}

impl Walk {
    /// The next message of the tape.
    fn message(&mut self) -> Vec<Event> {
        let mut message = vec![];
        loop {
            message.push(self.events.next().expect("a message"));
            if message[message.len() - 1].last {
                return message;
            }
        }
    }

    fn units(&self, level: feed::Level) -> (i64, i64) {
        let listed = &self.header.instruments[0];
        let counts = |raw: i64, unit: i64| {
            assert_eq!(raw % unit, 0);
            raw / unit
        };
        let price = counts(level.price.raw(), listed.price_unit.raw());
        (price, counts(level.qty.raw(), listed.qty_unit.raw()))
    }

    fn depth(&mut self, update: &feed::DepthUpdate) {
        match self.book.apply(update) {
            Step::Buffered | Step::Stale => {
                self.silent += 1;
                return;
            }
            Step::Applied => {}
            Step::Gap(gap) => panic!("{gap:?}"),
        }
        if update.bids.len() + update.asks.len() > 0 {
            let message = self.message();
            message.iter().for_each(|event| self.rebuilt.apply(event));
        }
        self.changes += 1;
        if self.changes % 50 == 1 {
            let levels = |levels: Vec<feed::Level>| -> BTreeMap<i64, i64> {
                levels.into_iter().map(|level| self.units(level)).collect()
            };
            let sides = [levels(self.book.bids().collect()), levels(self.book.asks().collect())];
            assert_eq!(sides, self.rebuilt.sides);
        }
        let id = self.book.last_id().unwrap();
        let newest = *self.tickers.last_key_value().unwrap().0;
        if let Some((_, ticker)) = self.tickers.range(..=id).next_back().filter(|_| id <= newest) {
            let best = [self.units(ticker.bid), self.units(ticker.ask)].map(Some);
            assert_eq!(self.rebuilt.best(), best, "after change {id}");
            self.compared += 1;
        }
    }
}

fn walk(path: &Path) -> (usize, usize) {
    let open = || Capture::new("capture", File::open(path).unwrap(), &Limits::default()).unwrap();
    let mut tickers = BTreeMap::new();
    for received in open() {
        if let MarketEvent::Ticker(ticker) = received.unwrap().event {
            tickers.insert(ticker.update_id, ticker);
        }
    }
    let events = Events::open(path);
    let header = events.source.header().clone();
    let (book, rebuilt) = (L2Book::new(), Rebuilt::default());
    let mut walk =
        Walk { events, header, tickers, book, rebuilt, changes: 0, compared: 0, silent: 0 };
    for received in open() {
        let received = received.unwrap();
        match &received.event {
            MarketEvent::Depth(update) => walk.depth(update),
            MarketEvent::Ticker(ticker) => {
                let message = walk.message();
                let seen: Vec<_> = message.iter().map(|e| (e.side, (e.price, e.qty))).collect();
                let (bid, ask) = (walk.units(ticker.bid), walk.units(ticker.ask));
                assert_eq!(seen, [(Some(Side::Buy), bid), (Some(Side::Sell), ask)]);
                assert!(message.iter().all(|e| e.kind == Kind::Best && e.local == received.at));
            }
            MarketEvent::Trade(trade) => {
                let message = walk.message();
                let [event] = message.as_slice() else { panic!("{message:?}") };
                assert_eq!(
                    (event.kind, event.id, event.exchange),
                    (Kind::Trade, trade.id, trade.time)
                );
            }
            MarketEvent::Bar(_) | MarketEvent::Funding(_) => unreachable!(),
        }
    }
    assert!(walk.events.next().is_none());
    let findings = walk.events.source.findings();
    let told = findings.iter().filter(|finding| match finding.notice {
        Notice::Folded | Notice::Old | Notice::Unused | Notice::Repeated => true,
        Notice::Missing(_)
        | Notice::Timeless
        | Notice::Skipped
        | Notice::Rounded
        | Notice::Gap
        | Notice::Damaged(_)
        | Notice::ClockBack
        | Notice::ClockBehind(_) => false,
    });
    assert_eq!(told.map(|finding| finding.count).sum::<u64>(), walk.silent, "nothing in silence");
    (walk.changes, walk.compared)
}

#[test]
fn a_tape_holds_the_book_of_its_capture_and_of_the_ticker() {
    for path in captures() {
        let (changes, compared) = walk(&path);
        let least = changes * 95 / 100;
        assert!(changes > 500 && compared > least, "{path:?}: {compared} of {changes}");
    }
}

/// Instruments, events, and what was found.
fn summary(name: &str) -> (usize, usize, Vec<String>) {
    let path = Path::new(FOLDER).join(name);
    let mut source = open_source(&path, &OpenOptions::default()).unwrap();
    let checked = check(source.as_mut(), &check::Limits::default()).unwrap();
    assert!(!checked.has_errors(), "{name}: {:?}", checked.findings);
    let mut events = Events::open(&path);
    let count = events.by_ref().count();
    let findings = events.source.findings().iter().map(ToString::to_string).collect();
    (events.source.header().instruments.len(), count, findings)
}

#[test]
fn what_ships_is_read_whole() {
    let pool = "uniswap-2022-08/\
        Polygon-0x45dda9cb7c25131df268515131f647d726f50608-2022-08-19.csv.gz";
    let timeless = "messages without the exchange's time, given the last known: 7124; first at \
        line 1";
    let behind = |millis: u32| {
        format!(
            "the recorder's clock is at least {millis} ms behind the exchange's: raise --shift by \
             as much"
        )
    };
    let week = "values rounded to the decimals held: 867; first at line 2";
    let rounded = "values rounded to the decimals held: 378; first at line 14";
    let table = [
        ("binance-2025-10/SOLUSDT-perp-5m.csv.gz", 1, 4 * 4_992, vec![]),
        ("binance-2025-10/SOLUSDT-funding-8h.csv.gz", 1, 52, vec![]),
        ("deribit-2026-02/btc-week.csv.gz", 91, 8_828, vec![week.to_owned()]),
        ("deribit-2026-02/btc-crash.csv.gz", 903, 6_309, vec![rounded.to_owned()]),
        (SPOT, 1, 59_275, vec![timeless.to_owned(), behind(1_275)]),
        (FUTURES, 1, 174_523, vec![behind(1_273)]),
        (pool, 1, 4 * 1_440, vec![]),
    ];
    for (name, instruments, events, findings) in table {
        assert_eq!(summary(name), (instruments, events, findings), "{name}");
    }
}
