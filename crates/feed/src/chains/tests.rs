//! Chains to events.

use super::*;
use crate::tape::Header;

const HEAD: &str = "snapshot_ms,instrument,bid,ask,mark,mark_iv,delta,vega,underlying_price,\
    underlying_name,index_price,open_interest,volume_24h\n";
const CALL: &str = "1767115875944,BTC-16JAN26-100000-C,0.0029,0.0033,0.00305802,0.3924,0.08285,\
    28.88959,88728.94666666667,SYN.BTC-16JAN26,88530.6,221.2,51.9\n";
const PUT: &str = "1767115875944,BTC-16JAN26-100000-P,,0.18,0.13005308,0.3924,-0.91715,28.88596,\
    88728.9,SYN.BTC-16JAN26,88521.61,0.2,0.2\n";
const ETH: &str = "1767115875944,ETH-16JAN26-3000-C,0.01,0.02,0.015,0.5,0.4,1,2950,x,2940,7,0\n";

type Told = (Header, Vec<Event>, Vec<String>);

fn read(text: &str, options: &Options) -> Result<Told, Error> {
    let mut source = open("chain.csv", text.as_bytes(), options)?;
    let events = units::drain(source.as_mut())?;
    let findings = source.findings().iter().map(Finding::to_string).collect();
    Ok((source.header().clone(), events, findings))
}

fn rows(rows: &[&str]) -> String {
    [&[HEAD], rows].concat().concat()
}

#[test]
fn a_snapshot_is_one_message_of_quotes_in_coin() {
    let (header, events, findings) = read(&rows(&[CALL, PUT, ETH]), &Options::default()).unwrap();
    let names: Vec<_> = header.instruments.iter().map(|listed| listed.name.as_str()).collect();
    let expected = [
        "BTC-16JAN26-100000-C",
        "btc_usd",
        "BTC-16JAN26-100000-P",
        "ETH-16JAN26-3000-C",
        "eth_usd",
    ];
    assert_eq!(names, expected);
    let listed = &header.instruments[3];
    assert_eq!((listed.price_unit.raw(), listed.qty_unit.raw()), (1, ONE / 10));
    assert!(header.instruments.iter().all(|listed| listed.venue == "deribit"));
    let seen: Vec<_> =
        events[..8].iter().map(|e| (e.instrument, e.kind, e.side, e.price, e.qty)).collect();
    let call = [
        (1, Kind::Index, None, 8_853_060_000_000, 0),
        (0, Kind::Best, Some(Side::Buy), 290_000, 1),
        (0, Kind::Best, Some(Side::Sell), 330_000, 1),
        (0, Kind::Volatility, None, 39_240_000, 0),
        (0, Kind::Mark, None, 305_802, 0),
        (0, Kind::Index, None, 8_872_894_666_667, 0),
        (0, Kind::OpenInterest, None, 0, 2_212),
        (1, Kind::Index, None, 8_852_161_000_000, 0),
    ];
    assert_eq!(seen, call);
    let none = &events[8];
    assert_eq!((none.kind, none.side, none.price, none.qty), (Kind::Best, Some(Side::Buy), 0, 0));
    assert_eq!(events.iter().find(|e| e.instrument == 3).map(|e| e.qty), Some(10));
    let ends: Vec<_> = (0..events.len()).filter(|index| events[*index].last).collect();
    assert_eq!(ends, [events.len() - 1]);
    assert_eq!(findings, ["values rounded to the decimals held: 1; first at line 2"]);
}

#[test]
fn the_index_is_told_when_it_changes_and_options_keep_their_number() {
    let later = |row: &str| row.replace("5944", "9999");
    let next = [later(PUT), later(CALL)];
    let text = rows(&[CALL, &next[0], &next[1].replace("88530.6", "88521.61")]);
    let (header, events, _) = read(&text, &Options::default()).unwrap();
    let index: Vec<_> = events.iter().filter(|e| e.instrument == 1).map(|e| e.price).collect();
    assert_eq!(index, [8_853_060_000_000, 8_852_161_000_000]);
    assert_eq!(header.instruments.len(), 3);
    let ends: Vec<_> = events.iter().filter(|e| e.last).map(|e| e.exchange.millis()).collect();
    assert_eq!(ends, [1_767_115_875_944, 1_767_115_879_999]);
    let last = events.last().unwrap();
    assert_eq!((last.instrument, last.kind), (0, Kind::OpenInterest));
}

#[test]
fn other_layouts_have_other_names_and_may_lack_columns() {
    let text = ",creation_timestamp,underlying_price,mark_price,open_interest,ask_price,bid_price,\
        instrument_name,estimated_delivery_price\n\
        0,1767115875944,88728.9,0.00305802,221.2,0.0033,0.0029,BTC-16JAN26-100000-C,88530.6\n";
    let (_, events, _) = read(text, &Options::default()).unwrap();
    let kinds: Vec<_> = events.iter().map(|e| (e.instrument, e.kind)).collect();
    let expected = [
        (1, Kind::Index),
        (0, Kind::Best),
        (0, Kind::Best),
        (0, Kind::Mark),
        (0, Kind::Index),
        (0, Kind::OpenInterest),
    ];
    assert_eq!(kinds, expected);
    let iso = text.replace("creation_timestamp", "timestamp");
    let iso = iso.replace("1767115875944", "2025-12-30T17:31:15.944+00:00");
    assert_eq!(read(&iso, &Options::default()).unwrap().1, events);
}

#[test]
fn a_damaged_row_is_left_out_and_counted_and_time_may_not_go_back() {
    let crossed = CALL.replace("0.0029", "0.0039").replace("100000", "90000");
    let text = rows(&[CALL, CALL, &crossed, PUT]);
    let (header, _, findings) = read(&text, &Options::default()).unwrap();
    assert_eq!(header.instruments.len(), 3);
    let told = "rows left out (first: chain.csv:3:2: `BTC-16JAN26-100000-C` stands twice at \
                2025-12-30 17:31:15.944; remove one of the rows): 2; first at line 3";
    assert_eq!(findings[1], told);
    let alone = read(&rows(&[&crossed]), &Options::default()).unwrap_err().to_string();
    assert_eq!(alone, "chain.csv:2:3: bid 0.0039 is above ask 0.0033");
    let back = rows(&[CALL, &PUT.replace("5944", "5943")]);
    let refused = read(&back, &Options::default()).unwrap_err().to_string();
    let expected = "chain.csv:3:1: time 2025-12-30 17:31:15.943 is before 2025-12-30 \
                    17:31:15.944 of the row above; sort the file by time";
    assert_eq!(refused, expected);
}

#[test]
fn one_coin_or_option_is_picked() {
    let pick = |symbol: &str| Options { symbol: Some(symbol.into()), ..Options::default() };
    let text = rows(&[CALL, PUT, ETH]);
    let count = |symbol| read(&text, &pick(symbol)).map(|(header, ..)| header.instruments.len());
    assert_eq!((count("BTC"), count("ETH"), count("BTC-16JAN26-100000-P")), (Ok(3), Ok(2), Ok(2)));
    let refused = count("SOL").unwrap_err().to_string();
    assert_eq!(refused, "chain.csv: has no rows of symbol `SOL`; it has BTC, ETH");
}
