//! Funding rates to events.

use super::*;

const TWO: &str = "symbol,funding_time,funding_rate\n\
                   B,1760054400000,-0.0001\nB,1760083200000,0.01\nA,1760054400001,0.0002\nA,1760083200000,0.0003\n";

#[test]
fn rates_of_all_symbols_are_in_order_of_time() {
    let mut source = open("f.csv", TWO.as_bytes(), &Options::default()).unwrap();
    let names: Vec<_> = source.header().instruments.iter().map(|l| l.name.clone()).collect();
    assert_eq!(names, ["A", "B"]);
    let events = units::drain(source.as_mut()).unwrap();
    let seen: Vec<_> = events.iter().map(|e| (e.instrument, e.price, e.kind, e.last)).collect();
    let rates = [(1, -100_000_000), (0, 200_000_000), (0, 300_000_000), (1, 10_000_000_000)];
    assert_eq!(seen, rates.map(|(index, rate)| (index, rate, Kind::Funding, true)));
    assert_eq!(events[1].exchange.nanos(), 1_760_054_400_001_000_000);
}

#[test]
fn one_symbol_is_picked_and_a_nameless_file_takes_the_name() {
    let pick = |symbol: &str| Options { symbol: Some(symbol.into()), ..Options::default() };
    let source = open("f.csv", TWO.as_bytes(), &pick("B")).unwrap();
    assert_eq!(source.header().instruments.len(), 1);
    let refused = open("f.csv", TWO.as_bytes(), &pick("C")).err().unwrap().to_string();
    assert_eq!(refused, "f.csv: has no rows of symbol `C`; it has A, B");
    let nameless = "1760054400000,0.0001\n1760083200000,0.0001\n";
    let source = open("BTCUSDT-f.csv", nameless.as_bytes(), &pick("X")).unwrap();
    assert_eq!(source.header().instruments[0].name, "X");
}
