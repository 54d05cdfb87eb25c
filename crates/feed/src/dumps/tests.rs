//! Dumps to events, with every layout.

use super::*;
use crate::tape::Header;
use crate::tape::Units;

const FUTURES: &str = "agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,\
    is_buyer_maker\n10,61800.30,0.006,7,7,1723161256322,false\n12,61800.2,1,8,9,1723161256322,true\n";

fn read(name: &str, text: &str, options: &Options) -> Result<(Header, Vec<Event>), Error> {
    let mut source = open(name, text.as_bytes(), options)?;
    let events = units::drain(source.as_mut())?;
    Ok((source.header().clone(), events))
}

fn refusal(text: &str, options: &Options) -> String {
    match read("BTCUSDT-x.csv", text, options) {
        Ok((_, events)) => format!("{} events", events.len()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn aggregate_trades_have_number_side_and_units_of_their_decimals() {
    let name = "data/BTCUSDT-aggTrades-2024-08-08.csv";
    let (header, events) = read(name, FUTURES, &Options::default()).unwrap();
    let listed = &header.instruments[0];
    assert_eq!((listed.name.as_str(), listed.venue.as_str()), ("BTCUSDT", "binance-futures"));
    assert_eq!(
        (listed.price_unit.to_string(), listed.qty_unit.to_string()),
        ("0.1".into(), "0.001".into())
    );
    let seen: Vec<_> = events.iter().map(|e| (e.id, e.side.unwrap(), e.price, e.qty)).collect();
    assert_eq!(seen, [(10, Side::Buy, 618_003, 6), (12, Side::Sell, 618_002, 1_000)]);
    assert!(events.iter().all(|e| e.kind == Kind::Trade && e.last && e.local == e.exchange));
    assert_eq!(events[0].exchange.millis(), 1_723_161_256_322);
    let findings = open(name, FUTURES.as_bytes(), &Options::default()).unwrap().findings();
    let finding = Finding { notice: Notice::Skipped, count: 1, line: 3 };
    assert_eq!(findings, [finding]);
}

#[test]
fn headers_are_optional_and_spot_has_a_column_more() {
    let plain = read("a", FUTURES, &Options::default()).unwrap().1;
    let (_, bare) = FUTURES.split_once('\n').unwrap();
    assert_eq!(read("a", bare, &Options::default()).unwrap().1, plain);
    let spot = bare.replace("false", "False,True").replace("true", "True,True");
    let spot = spot.replace("322,", "322000,");
    let (header, events) = read("a", &spot, &Options::default()).unwrap();
    assert_eq!((header.instruments[0].venue.as_str(), events), ("binance", plain.clone()));
    let trades = "10,61800.30,0.006,370.8,1723161256322,false\n12,61800.2,1,1,1723161256322,true\n";
    assert_eq!(read("a", trades, &Options::default()).unwrap().1, plain);
    let named = format!("id,price,qty,quote_qty,time,is_buyer_maker\n{trades}");
    assert_eq!(read("a", &named, &Options::default()).unwrap().1, plain);
}

#[test]
fn a_ticker_holds_from_its_transaction_and_is_known_when_sent() {
    let text = "update_id,best_bid_price,best_bid_qty,best_ask_price,best_ask_qty,\
        transaction_time,event_time\n5,9.5,1,9.6,0,1723161256322,1723161256325\n";
    for text in [text, text.split_once('\n').unwrap().1] {
        let (_, events) = read("a", text, &Options::default()).unwrap();
        let seen: Vec<_> =
            events.iter().map(|e| (e.side.unwrap(), e.price, e.qty, e.last)).collect();
        assert_eq!(seen, [(Side::Buy, 95, 1, false), (Side::Sell, 96, 0, true)]);
        assert_eq!(events[1].exchange.millis(), 1_723_161_256_322);
        assert_eq!(events[1].local.millis(), 1_723_161_256_325);
    }
}

#[test]
fn given_units_hold_and_a_finer_value_is_refused_with_the_unit_to_give() {
    let coarse = Units { price: Some("0.5".parse().unwrap()), qty: None };
    let options = Options { units: coarse, ..Options::default() };
    let refused = "BTCUSDT-x.csv:2:2: price 61800.3 is no multiple of the tape's unit 0.5: \
                   give --price-unit 0.1";
    assert_eq!(refusal(FUTURES, &options), refused);
    let mut late = FUTURES.to_owned();
    for number in 13..12_000 {
        late.push_str(&format!("{number},1,1,1,1,1723161256322,true\n"));
    }
    late.push_str("12001,1,0.0001,1,1,1723161256322,true\n");
    let refused = "BTCUSDT-x.csv:11991:3: qty 0.0001 is no multiple of the tape's unit 0.001: \
                   give --qty-unit 0.0001";
    assert_eq!(refusal(&late, &Options::default()), refused);
    let none = Units { price: Some(Price::ZERO), qty: None };
    let refused = "BTCUSDT-x.csv: price unit 0 is not above zero";
    assert_eq!(refusal(FUTURES, &Options { units: none, ..Options::default() }), refused);
}

#[test]
fn rows_are_in_order_of_number_and_time() {
    let again = format!("{FUTURES}12,61800.2,1,8,9,1723161256322,true\n");
    let refused = "BTCUSDT-x.csv:4:1: trade 12 stands in the row above too; remove the duplicate";
    assert_eq!(refusal(&again, &Options::default()), refused);
    let back = format!("{FUTURES}11,61800.2,1,8,9,1723161256322,true\n");
    let refused =
        "BTCUSDT-x.csv:4:1: number 11 is below 12 of the row above; sort the file by number";
    assert_eq!(refusal(&back, &Options::default()), refused);
    let early = format!("{FUTURES}13,61800.2,1,8,9,1723161256321,true\n");
    let refused = "BTCUSDT-x.csv:4:6: time 2024-08-08 23:54:16.321 is before 2024-08-08 \
                   23:54:16.322 of the row above; sort the file by time";
    assert_eq!(refusal(&early, &Options::default()), refused);
}
