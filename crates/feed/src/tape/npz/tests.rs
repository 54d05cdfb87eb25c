//! Event files there and back, by hand and at random.

use super::*;
use crate::meter::Meter;
use crate::tape::tests::level;
use crate::tape::{Decoder, Side, Sink};
use proptest::prelude::*;

const BOTH: u64 = row::EXCHANGE | row::LOCAL;
const BUY: u64 = 1 << 29;
const SELL: u64 = 1 << 28;
const START: u64 = 1_700_000_000_000_000_000;

/// A row at so many nanoseconds, received so many later.
fn row(event: u64, exchange: u64, delay: u64, price: f64, qty: f64) -> Row {
    let exchange = START + exchange;
    Row([event, exchange, exchange + delay, price.to_bits(), qty.to_bits(), 0, 0, 0])
}

fn array(rows: &[Row]) -> Vec<u8> {
    let rows_bytes: Vec<u8> = rows.iter().flat_map(|row| row.to_bytes()).collect();
    [numpy::head(rows.len() as u64), rows_bytes].concat()
}

fn drained(mut source: impl Source) -> Result<(Header, Vec<Event>), Error> {
    let (mut events, mut decoder, mut slots) = (Vec::new(), Decoder::default(), Vec::new());
    while source.fill(&mut slots)? {
        let mut left = slots.as_slice();
        events.extend(std::iter::from_fn(|| decoder.next(&mut left)));
        assert!(left.is_empty());
        slots.clear();
    }
    assert!(!source.fill(&mut slots)?);
    Ok((source.header().clone(), events))
}

fn read(bytes: &[u8]) -> Result<(Header, Vec<Event>), Error> {
    drained(Reader::new("btc.npy", bytes, &Units::default(), None)?)
}

/// The units of what [`written`] writes.
fn units() -> Units {
    Units { price: "0.1".parse().ok(), qty: "0.001".parse().ok() }
}

fn refusal(rows: &[Row]) -> String {
    read(&array(rows)).unwrap_err().to_string()
}

fn listed(price_unit: &str, qty_unit: &str) -> Header {
    Header {
        source: "hftbacktest".to_owned(),
        instruments: vec![Listed {
            name: "btc".to_owned(),
            venue: String::new(),
            price_unit: price_unit.parse().unwrap(),
            qty_unit: qty_unit.parse().unwrap(),
        }],
    }
}

/// What these events become in a file.
fn written(events: &[Event], packed: bool) -> Result<Vec<u8>, Error> {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("out");
    let writer = if packed { Writer::npz(&place)? } else { Writer::npy(&place)? };
    let mut writer = Box::new(writer);
    let (mut slots, mut encoder) = (Vec::new(), Encoder::default());
    events.iter().for_each(|event| encoder.push(event, &mut slots));
    let done = writer.write(&listed("0.1", "0.001"), &slots).and_then(|()| writer.finish());
    let left = std::fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, usize::from(done.is_ok()), "nothing is left behind");
    done.map(|_| std::fs::read(place).unwrap())
}

#[test]
fn rows_become_events() {
    let mut rows = vec![
        row(3 | BOTH | BUY, 0, 5, 60_000.0, 0.0),
        row(4 | BOTH | BUY, 0, 5, 60_000.1, 1.5),
        row(4 | BOTH | SELL, 0, 5, 60_000.2, 0.25),
        row(1 | BOTH | SELL, 7, 5, 60_000.2, 0.0),
        row(2 | BOTH | SELL, 7, 6, 60_000.1, 0.5),
        row(3 | BOTH, 8, 6, f64::NAN, 0.0),
        row(5 | BOTH | BUY, 9, 6, 60_000.1, 1.0),
    ];
    for (kind, id) in [(10, 41), (12, 41), (13, 41), (11, 41)] {
        let mut order = row(kind | BOTH | BUY, 10, 6, 59_000.0, 2.0);
        order.0[5] = id;
        rows.push(order);
    }
    let (header, events) = read(&array(&rows)).unwrap();
    assert_eq!(header, listed("0.1", "0.01"));
    let found: Vec<_> =
        events.iter().map(|e| (e.kind, e.side, e.price, e.qty, e.id, e.snapshot, e.last)).collect();
    let (buy, sell) = (Some(Side::Buy), Some(Side::Sell));
    let expected = [
        (Kind::Clear, buy, 600_000, 0, 0, false, false),
        (Kind::Level, buy, 600_001, 150, 0, true, false),
        (Kind::Level, sell, 600_002, 25, 0, true, true),
        (Kind::Level, sell, 600_002, 0, 0, false, true),
        (Kind::Trade, sell, 600_001, 50, 0, false, true),
        (Kind::Clear, None, 0, 0, 0, false, true),
        (Kind::Best, buy, 600_001, 100, 0, false, true),
        (Kind::Add, buy, 590_000, 200, 41, false, false),
        (Kind::Change, buy, 590_000, 200, 41, false, false),
        (Kind::Execute, buy, 590_000, 200, 41, false, false),
        (Kind::Remove, buy, 590_000, 200, 41, false, true),
    ];
    assert_eq!(found, expected);
    assert_eq!(events[4].exchange.nanos(), START + 7);
    assert_eq!(events[4].local.nanos(), START + 13);
}

#[test]
fn copies_are_paired_in_the_order_of_receipt() {
    let first = row(1 | BUY, 10, 100, 5.0, 1.0);
    let second = row(1 | SELL, 20, 50, 6.0, 1.0);
    let marked = |row: Row, mark: u64| {
        let mut row = row;
        row.0[0] |= mark;
        row
    };
    let rows = [
        marked(first, row::EXCHANGE),
        marked(second, BOTH),
        marked(first, row::LOCAL),
        row(1 | BUY | BOTH, 200, 5, 5.0, 2.0),
    ];
    let (_, events) = read(&array(&rows)).unwrap();
    let prices: Vec<(i64, i64)> = events.iter().map(|event| (event.price, event.qty)).collect();
    assert_eq!(prices, [(6, 1), (5, 1), (5, 2)]);
    let said = refusal(&rows[1..]);
    assert!(said.starts_with("btc.npy:2:1: row 2 is for the exchange or the recorder"), "{said}");
    let said = refusal(&rows[..2]);
    assert!(said.starts_with("btc.npy:1:1: row 1 is for the exchange or the recorder"), "{said}");
}

#[test]
fn what_is_wrong_is_named_with_its_row_and_field() {
    let good = row(1 | BOTH | BUY, 0, 5, 60_000.1, 1.5);
    let table: [(Row, &str); 8] = [
        (row(1 | BUY, 1, 5, 1.0, 1.0), "btc.npy:2:1: ev 0x20000001 is neither"),
        (row(9 | BOTH | BUY, 1, 5, 1.0, 1.0), "btc.npy:2:1: ev 0xe0000009 is of no known kind"),
        (row(1 | BOTH, 1, 5, 1.0, 1.0), "btc.npy:2:1: ev 0xc0000001 has no side"),
        (Row([1 | BOTH | BUY, 5, START, 0, 0, 0, 0, 0]), "btc.npy:2:2: `5` is not a time"),
        (Row([1 | BOTH | BUY, START, u64::MAX, 0, 0, 0, 0, 0]), "btc.npy:2:3: `-1` is not a time"),
        (row(1 | BOTH | BUY, 1, 5, f64::NAN, 1.0), "btc.npy:2:4: price `NaN` is outside"),
        (row(1 | BOTH | BUY, 1, 5, 1.0, f64::INFINITY), "btc.npy:2:5: quantity `inf` is outside"),
        (row(1 | BOTH | BUY, 1, 5, 1.0, -2.0), "btc.npy:2:5: quantity -2 is negative"),
    ];
    for (bad, expected) in table {
        let said = refusal(&[good, bad]);
        assert!(said.starts_with(expected), "{said}");
    }
    let mut rows = vec![good; Units::SNIFFED_ROWS];
    rows.push(row(1 | BOTH | BUY, 1, 5, 60_000.125, 1.5));
    let said = refusal(&rows);
    let expected = "btc.npy:10001:4: price 60000.125 is no multiple of the unit 0.1; give \
                    --price-unit 0.001";
    assert_eq!(said, expected);
    let units = Units { price: "0.001".parse().ok(), qty: None };
    let bytes = array(&rows);
    let reader = Reader::new("btc.npy", bytes.as_slice(), &units, Some("BTC")).unwrap();
    let (header, events) = drained(reader).unwrap();
    assert_eq!(header.instruments[0].name, "BTC");
    assert_eq!(events.last().unwrap().price, 60_000_125);
}

#[test]
fn cut_and_long_arrays_are_refused() {
    let rows = vec![row(1 | BOTH | BUY, 0, 5, 60_000.1, 1.5); 30_000];
    let bytes = array(&rows);
    assert_eq!(read(&bytes).unwrap().1.len(), 30_000);
    let said = read(&bytes[..bytes.len() - 1]).unwrap_err().to_string();
    assert!(said.starts_with("btc.npy: ends in row 30000 of 30000"), "{said}");
    let said = read(&bytes[..256 + 64 * 10]).unwrap_err().to_string();
    assert!(said.starts_with("btc.npy: ends in row 11 of 30000"), "{said}");
    let said = read(&[bytes.as_slice(), b"x"].concat()).unwrap_err().to_string();
    assert!(said.starts_with("btc.npy: bytes stand behind the last of its 30000 rows"), "{said}");
}

#[test]
fn damage_to_an_archive_is_refused() {
    let events: Vec<Event> = (1..200).map(|number| level(number, 600_000)).collect();
    let bytes = written(&events, true).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("btc.npz");
    let opened = |bytes: &[u8]| {
        std::fs::write(&place, bytes).unwrap();
        let file = std::fs::File::open(&place).unwrap();
        let member = member(file, &Meter::default()).map_err(|cause| cause.of_file("btc.npz"))?;
        drained(Reader::new("btc.npz", member, &units(), None)?)
    };
    assert_eq!(opened(&bytes).unwrap().1, events);
    let name = bytes.windows(8).position(|part| part == b"data.npy").unwrap();
    for at in [name + 40, name + 200, bytes.len() / 2] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 16;
        assert!(opened(&damaged).is_err(), "byte {at}");
    }
    assert!(opened(&bytes[..bytes.len() - 30]).is_err());
}

#[test]
fn damage_to_an_array_that_is_stored_unpacked_is_refused() {
    let rows = array(&[
        row(1 | BOTH | BUY, 0, 5, 60_000.1, 1.5),
        row(2 | BOTH | BUY, 1, 5, 60_000.2, 1.0),
    ]);
    let mut zip = rawzip::ZipArchiveWriter::new(Vec::new());
    let file = zip.new_file("data.npy").compression_method(rawzip::CompressionMethod::STORE);
    let (mut entry, config) = file.start().unwrap();
    let mut writer = config.wrap(&mut entry);
    std::io::Write::write_all(&mut writer, &rows).unwrap();
    let (_, descriptor) = writer.finish().unwrap();
    entry.finish(descriptor).unwrap();
    let bytes = zip.finish().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("btc.npz");
    let opened = |bytes: &[u8]| {
        std::fs::write(&place, bytes).unwrap();
        let member = member(std::fs::File::open(&place).unwrap(), &Meter::default()).unwrap();
        drained(Reader::new("btc.npz", member, &Units::default(), None)?)
    };
    assert_eq!(opened(&bytes).unwrap().1.len(), 2);
    let order = bytes.windows(rows.len()).position(|part| part == rows).unwrap() + 256 + 40;
    let mut damaged = bytes;
    damaged[order] ^= 1;
    let said = opened(&damaged).unwrap_err().to_string();
    assert!(said.contains("its checksum does not agree"), "{said}");
}

#[test]
fn clocks_that_step_back_make_two_copies_of_a_row() {
    let second = |second: u64, delay: u64| {
        let event = level(second, 600_000 + second.cast_signed());
        Event { local: event.exchange.after(money::Span::from_secs(delay)), ..event }
    };
    let events = [second(1, 1), second(4, 3), second(3, 5), second(20, 1)];
    let bytes = written(&events, false).unwrap();
    let (rows, _) = bytes[256..].as_chunks::<64>();
    let order = [0, 1, 2, 3, 4, 5, 6, 7];
    let rows = rows.iter().map(|bytes| Row::new(bytes, &order));
    let seconds = rows.map(|row| (row.0[1] / 1_000_000_000 - 1_700_000_000, row.copy().unwrap()));
    let expected =
        [(1, Copy::Both), (3, Copy::Exchange), (4, Copy::Both), (3, Copy::Local), (20, Copy::Both)];
    assert_eq!(seconds.collect::<Vec<_>>(), expected);
    let reader = Reader::new("btc.npy", bytes.as_slice(), &units(), None).unwrap();
    assert_eq!(drained(reader).unwrap().1, events);
    let far = written(&[second(1, 0), second(30, 0), second(41, 0), second(2, 50)], false);
    let said = far.unwrap_err().to_string();
    assert!(said.contains("out:4: the exchange's time steps back more than 10s"), "{said}");
}

#[test]
fn what_has_no_row_is_left_out_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Box::new(Writer::npy(&folder.path().join("x.npy")).unwrap());
    let (mut slots, mut encoder) = (Vec::new(), Encoder::default());
    let events = [level(1, 5), Event { kind: Kind::Funding, side: None, ..level(2, 5) }];
    events.iter().for_each(|event| encoder.push(event, &mut slots));
    writer.write(&listed("0.1", "0.001"), &slots).unwrap();
    assert_eq!(writer.finish().unwrap(), BTreeMap::from([(Kind::Funding, 1)]));
    let long = Event { qty: (1 << 53) + 1, ..level(1, 5) };
    let said = written(&[long], false).unwrap_err().to_string();
    assert!(said.contains("has more digits than a float keeps"), "{said}");
}

/// Events that an event file can hold, in messages that differ in time.
fn storable() -> impl Strategy<Value = Vec<Event>> {
    let kinds = prop::sample::select(vec![
        Kind::Level,
        Kind::Trade,
        Kind::Clear,
        Kind::Best,
        Kind::Add,
        Kind::Change,
        Kind::Remove,
        Kind::Execute,
    ]);
    let values = (kinds, any::<bool>(), any::<bool>(), 1i64..1 << 29, 0i64..1 << 33, any::<u64>());
    let step = (0u64..3, -3i64..3, values);
    prop::collection::vec(step, 0..40).prop_map(|steps| {
        let mut seconds = 100;
        let mut events: Vec<Event> = Vec::new();
        for (step, back, (kind, buy, snapshot, price, qty, id)) in steps {
            seconds += step;
            let base = level(seconds.saturating_add_signed(back), price);
            let local = level(seconds + 50, 0).local;
            if let Some(last) = events.last_mut() {
                last.last = last.exchange != base.exchange || last.local != local;
            }
            let side = Some(if buy { Side::Buy } else { Side::Sell });
            let snapshot = snapshot && kind == Kind::Level;
            events.push(Event { local, kind, side, snapshot, qty, id, ..base });
        }
        events
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(events in storable(), packed in any::<bool>()) {
        let bytes = written(&events, packed).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join("btc.npz");
        std::fs::write(&place, &bytes).unwrap();
        let file = std::fs::File::open(&place).unwrap();
        let input: Box<dyn Read> =
            if packed { member(file, &Meter::default()).unwrap() } else { Box::new(file) };
        let reader = Reader::new("btc", input, &units(), None).unwrap();
        let (header, found) = drained(reader).unwrap();
        prop_assert_eq!(found, events);
        prop_assert_eq!(header, listed("0.1", "0.001"));
    }

    #[test]
    fn any_row_is_an_event_or_an_error(words in prop::collection::vec(any::<[u64; 8]>(), 0..5)) {
        let rows: Vec<Row> = words.into_iter().map(Row).collect();
        let _ = read(&array(&rows));
    }
}
