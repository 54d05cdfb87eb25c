//! Bars to events.

use super::*;
use crate::tape::Header;

const DAY: &str = "1760054400000,110.2,112,110,111,5\n1760054700000,111,111.5,109,110.5,3.25\n";

fn read(name: &str, text: &str, options: &Options) -> Result<(Header, Vec<Event>), Error> {
    let mut source = open(name, text.as_bytes(), options)?;
    let events = units::drain(source.as_mut())?;
    Ok((source.header().clone(), events))
}

#[test]
fn a_bar_is_four_events_at_its_close() {
    let (header, events) = read("d/BTCUSDT-5m.csv", DAY, &Options::default()).unwrap();
    let listed = &header.instruments[0];
    assert_eq!((listed.name.as_str(), listed.venue.as_str()), ("BTCUSDT", ""));
    let seen: Vec<_> = events.iter().map(|e| (e.kind, e.price, e.qty, e.id, e.last)).collect();
    let length = 300_000_000_000;
    let bar = [
        (Kind::Open, 1102, 0, 0, false),
        (Kind::High, 1120, 0, 0, false),
        (Kind::Low, 1100, 0, 0, false),
        (Kind::Close, 1110, 500, length, true),
    ];
    assert_eq!(seen[..4], bar);
    assert_eq!((seen.len(), seen[7]), (8, (Kind::Close, 1105, 325, length, true)));
    let closes: Vec<_> = events.iter().map(|event| event.exchange.millis()).collect();
    assert_eq!(
        closes[..5],
        [1_760_054_700_000; 4].into_iter().chain([1_760_055_000_000]).collect::<Vec<_>>()
    );
}

#[test]
fn spot_and_perpetual_are_two_instruments_and_marks_are_of_the_perpetual() {
    let table = [
        ("a/BTCUSDT-spot-5m.csv.gz", "spot"),
        ("a/BTCUSDT-perp-5m.csv.gz", "perp"),
        ("a/BTCUSDT-mark-1h.csv.gz", "perp"),
        ("spot/BTCUSDT-1m-2024-08.csv", ""),
    ];
    for (name, venue) in table {
        let (header, _) = read(name, DAY, &Options::default()).unwrap();
        assert_eq!(header.instruments[0].venue, venue, "{name}");
    }
    let given = Options { venue: Some("binance".into()), ..Options::default() };
    let (header, _) = read("BTCUSDT-spot-5m.csv", DAY, &given).unwrap();
    assert_eq!(header.instruments[0].venue, "binance");
}

#[test]
fn marks_and_indices_are_told_by_name_or_option_and_give_closes() {
    let table = [
        ("BTCUSDT-5m.csv", None, Kind::Close),
        ("markPriceKlines/BTCUSDT-5m.csv", None, Kind::Mark),
        ("BTCUSDT-mark-1h.csv.gz", None, Kind::Mark),
        ("mark/d/BTCUSDT-5m.csv", None, Kind::Close),
        ("indexPriceKlines/BTCUSDT-5m.csv", None, Kind::Index),
        ("BTCUSDT-5m.csv", Some(Prices::Index), Kind::Index),
        ("BTCUSDT-mark-1h.csv.gz", Some(Prices::Trades), Kind::Close),
    ];
    for (name, prices, kind) in table {
        let (_, events) = read(name, DAY, &Options { prices, ..Options::default() }).unwrap();
        let last = events.last().unwrap();
        assert_eq!(
            (last.kind, last.price, last.exchange.millis()),
            (kind, 1105, 1_760_055_000_000)
        );
        assert_eq!(events.len(), if kind == Kind::Close { 8 } else { 2 }, "{name}");
        assert!(last.last);
    }
    let refused = read("premiumIndexKlines/BTCUSDT-5m.csv", DAY, &Options::default()).unwrap_err();
    let expected =
        "premiumIndexKlines/BTCUSDT-5m.csv: holds a premium index; expected bars of prices";
    assert_eq!(refused.to_string(), expected);
}

/// More rows than those that tell the interval, then some others.
fn long(end: &str) -> String {
    let mut text = String::new();
    for row in 0..Units::SNIFFED_ROWS as u64 + 5 {
        text.push_str(&format!("{},1,1,1,1,1\n", 1_760_054_400_000 + row * 60_000));
    }
    text + end
}

#[test]
fn rows_behind_the_first_keep_order_and_grid_and_gaps_are_counted() {
    let at = |minute: u64| 1_760_054_400_000 + minute * 60_000;
    let rows = |time: u64| long(&format!("{time},1,1,1,1,1\n"));
    let refusal = |text: &str| match read("B-1m.csv", text, &Options::default()) {
        Ok((_, events)) => format!("{}", events.len()),
        Err(error) => error.to_string(),
    };
    assert_eq!(refusal(&rows(at(10_005))), (10_006 * 4).to_string());
    assert_eq!(
        refusal(&rows(at(10_004))),
        "B-1m.csv:10006:1: time 2025-10-16 22:44:00.000 is that of the row above; remove the \
         duplicate"
    );
    assert_eq!(
        refusal(&rows(at(10_005) + 1_000)),
        "B-1m.csv:10006:1: time 2025-10-16 22:45:01.000 is off the grid of 1m"
    );
    let text = rows(at(10_008));
    let mut source = open("B", text.as_bytes(), &Options::default()).unwrap();
    units::drain(source.as_mut()).unwrap();
    let told: Vec<_> = source.findings().iter().map(Finding::to_string).collect();
    assert_eq!(told, ["rows missing: 3; first at line 10006"]);
}

#[test]
fn rows_of_json_give_the_same_bars_and_errors_name_the_row() {
    let json = "[[1760054400000, 110.2, 112, 110, 111, 5],\n \
                [1760054700000, 111, 111.5, 109, 110.5, 3.25]]";
    let plain = read("B", DAY, &Options::default()).unwrap().1;
    assert_eq!(read("B", json, &Options::default()).unwrap().1, plain);
    let named = format!("timestamp,open,high,low,close,volume\n{DAY}");
    assert_eq!(read("B", &named, &Options::default()).unwrap().1, plain);
    let refused = read("B", &json.replace("109", "\"x\""), &Options::default()).unwrap_err();
    assert_eq!(refused.to_string(), "B:2:4: `x` is not a decimal number");
    let cut = read("B", &json[..json.len() - 4], &Options::default()).unwrap_err();
    assert_eq!(
        cut.to_string(),
        "B:2: cannot be read: the JSON array does not end: fetch the file again"
    );
}
