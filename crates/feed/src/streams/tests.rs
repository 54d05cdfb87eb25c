//! Captures to events: sequences, clocks, symbols.

use super::*;
use crate::tape::Header;

const SECOND: u64 = 1_723_161_256;

fn diff(at: u64, (first, last): (u64, u64), bid: &str) -> String {
    let time = (SECOND + at) * 1_000;
    format!(
        "{SECOND}{at:09} {{\"stream\":\"btcusdt@depth\",\"data\":{{\"E\":{time},\"U\":{first},\
         \"u\":{last},\"b\":[[\"{bid}\",\"1.5\"]],\"a\":[[\"110\",\"0\"]]}}}}\n"
    )
}

fn snapshot(at: u64, last: u64) -> String {
    format!(
        "{SECOND}{at:09} {{\"lastUpdateId\":{last},\"bids\":[[\"99\",\"1\"]],\
         \"asks\":[[\"101.5\",\"2\"]]}}\n"
    )
}

fn read(text: &str, options: &Options) -> Result<(Header, Vec<Event>, Vec<String>), Error> {
    let mut source = open("capture.gz", text.as_bytes(), options)?;
    let events = units::drain(source.as_mut())?;
    let findings = source.findings().iter().map(Finding::to_string).collect();
    Ok((source.header().clone(), events, findings))
}

fn kinds(events: &[Event]) -> Vec<(Kind, i64, bool, bool)> {
    events.iter().map(|e| (e.kind, e.price, e.snapshot, e.last)).collect()
}

#[test]
fn changes_before_the_snapshot_are_folded_into_it_as_one_message() {
    let text = [
        diff(1, (1, 2), "90"),
        diff(2, (3, 6), "91"),
        diff(3, (7, 8), "92"),
        snapshot(4, 5),
        diff(5, (9, 9), "93"),
        diff(6, (8, 9), "94"),
    ];
    let (header, events, findings) = read(&text.concat(), &Options::default()).unwrap();
    let whole = [
        (Kind::Clear, 0, true, false),
        (Kind::Level, 990, true, false),
        (Kind::Level, 1015, true, false),
        (Kind::Level, 910, true, false),
        (Kind::Level, 1100, true, false),
        (Kind::Level, 920, true, false),
        (Kind::Level, 1100, true, true),
        (Kind::Level, 930, false, false),
        (Kind::Level, 1100, false, true),
    ];
    assert_eq!(kinds(&events), whole);
    let second = |index: usize| events[index].exchange.nanos() / 1_000_000_000 - SECOND;
    assert_eq!((second(0), second(6), second(7)), (3, 3, 5), "the latest that is known");
    assert!(events[..7].iter().all(|event| event.local.nanos() % 1_000_000_000 == 4));
    let listed = &header.instruments[0];
    assert_eq!((listed.name.as_str(), listed.venue.as_str()), ("BTCUSDT", "binance"));
    let told = [
        "messages without the exchange's time, given the last known: 1; first at line 4",
        "changes of the book older than it, left out: 2; first at line 1",
        "changes of the book before its snapshot, now in it: 2; first at line 1",
        "the recorder's clock is at least 6000 ms behind the exchange's: raise --shift by as much",
    ];
    assert_eq!(findings, told);
}

#[test]
fn a_snapshot_is_no_older_than_the_changes_in_it() {
    let early = snapshot(4, 5).replace("\"bids\"", &format!("\"E\":{SECOND}000,\"bids\""));
    let text = [diff(3, (5, 8), "92"), early];
    let (_, events, findings) = read(&text.concat(), &Options::default()).unwrap();
    assert!(events.iter().all(|event| event.exchange.nanos() == (SECOND + 3) * 1_000_000_000));
    assert_eq!((events.len(), findings.len()), (5, 2), "{findings:?}");
}

#[test]
fn messages_before_the_first_time_of_the_exchange_have_that() {
    let text = [snapshot(1, 5), diff(3, (6, 6), "90"), diff(4, (7, 7), "90")].concat();
    let (_, events, _) = read(&text, &Options::default()).unwrap();
    let seconds = |event: &Event| event.exchange.nanos() / 1_000_000_000 - SECOND;
    assert_eq!(events.iter().map(seconds).collect::<Vec<_>>(), [3, 3, 3, 3, 3, 4, 4]);
    assert_eq!(events[0].local.nanos(), SECOND * 1_000_000_000 + 1);
}

#[test]
fn a_gap_empties_the_book_until_the_next_snapshot() {
    let text = [
        snapshot(1, 5),
        diff(2, (6, 7), "90"),
        diff(3, (9, 9), "91"),
        diff(4, (10, 12), "92"),
        snapshot(5, 9),
        diff(6, (14, 14), "93"),
    ];
    let (_, events, findings) = read(&text.concat(), &Options::default()).unwrap();
    let seen: Vec<_> = events.iter().map(|e| (e.kind, e.last)).collect();
    let level = (Kind::Level, false);
    let ends = (Kind::Level, true);
    let emptied = (Kind::Clear, true);
    let begins = (Kind::Clear, false);
    let whole =
        [begins, level, ends, level, ends, emptied, begins, level, level, level, ends, emptied];
    assert_eq!(seen, whole);
    assert!(
        findings.contains(
            &"the book emptied because changes are missing (first: behind 7, \
        up to 8): 2; first at line 3"
                .to_owned()
        ),
        "{findings:?}"
    );
    assert!(
        findings.contains(
            &"changes of the book without a snapshot, left out: 1; first at line 6".to_owned()
        ),
        "{findings:?}"
    );
}

#[test]
fn a_snapshot_older_than_the_book_is_left_out() {
    let text = [snapshot(1, 5), diff(2, (6, 7), "90"), snapshot(3, 6), diff(4, (8, 8), "91")];
    let (_, events, findings) = read(&text.concat(), &Options::default()).unwrap();
    assert_eq!(events.iter().filter(|event| event.kind == Kind::Clear).count(), 1);
    assert_eq!(events.len(), 3 + 2 + 2);
    let old = "changes of the book older than it, left out: 1; first at line 3".to_owned();
    assert!(findings.contains(&old), "{findings:?}");
}

#[test]
fn the_recorders_clock_is_shifted_and_trades_keep_their_number() {
    let trade = |at: u64, id: u64| {
        let time = SECOND * 1_000 + 1_272;
        format!(
            "{SECOND}{at:09} {{\"stream\":\"btcusdt@trade\",\"data\":{{\"E\":1,\"T\":{time},\
             \"t\":{id},\"p\":\"1.5\",\"q\":\"2\",\"m\":true}}}}\n"
        )
    };
    let text = [trade(500_000, 7), trade(400_000, 7), trade(600_000, 8)].concat();
    let (_, events, findings) = read(&text, &Options::default()).unwrap();
    let seen: Vec<_> = events.iter().map(|e| (e.id, e.price, e.qty, e.side, e.last)).collect();
    assert_eq!(seen, [(7, 15, 2, Some(Side::Sell), true), (8, 15, 2, Some(Side::Sell), true)]);
    let delay = events[0].local.nanos().cast_signed() - events[0].exchange.nanos().cast_signed();
    assert_eq!(delay, 500_000 - 1_272_000_000);
    let told = [
        "recorder's clock before that of the line above: 1; first at line 2",
        "trades not numbered above the last, left out: 1; first at line 2",
        "the recorder's clock is at least 1272 ms behind the exchange's: raise --shift by as much",
    ];
    assert_eq!(findings, told);
    let shifted = Options { shift_ns: 1_272_000_000, ..Options::default() };
    let (_, events, findings) = read(&text, &shifted).unwrap();
    assert_eq!(events[0].local.nanos() - events[0].exchange.nanos(), 500_000);
    assert_eq!(findings.len(), 2);
}

#[test]
fn one_symbol_of_several_is_read_and_a_snapshot_is_of_one() {
    let other = diff(2, (1, 1), "5").replace("btcusdt", "ethusdt");
    let text = [diff(1, (1, 2), "90"), other.clone()].concat();
    let (header, ..) = read(&text, &Options::default()).unwrap();
    assert_eq!(header.instruments.len(), 2);
    let eth = Options { symbol: Some("ETHUSDT".into()), ..Options::default() };
    let (header, _, findings) = read(&text, &eth).unwrap();
    let names: Vec<_> = header.instruments.iter().map(|listed| listed.name.as_str()).collect();
    assert_eq!(names, ["ETHUSDT"]);
    assert!(findings[0].ends_with("first at line 2"), "{findings:?}");
    let none = Options { symbol: Some("SOLUSDT".into()), ..Options::default() };
    let refused = read(&text, &none).unwrap_err().to_string();
    assert_eq!(refused, "capture.gz: has no rows of symbol `solusdt`; it has btcusdt, ethusdt");
    let refused = "capture.gz:3: a snapshot of the book without a symbol, among btcusdt, ethusdt: \
                   split the capture by symbol";
    for text in [format!("{text}{}", snapshot(3, 1)), format!("{}{text}", snapshot(0, 1))] {
        assert_eq!(read(&text, &Options::default()).unwrap_err().to_string(), refused);
    }
}
