//! The files of Tardis.dev: what each type becomes, what is refused and why, hostile bytes.

use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use expect_test::expect_file;
use feed::tape::check::{self, check};
use feed::tape::{Decoder, Event, Header, Kind, Listed, Source};
use feed::tardis::{DataType, Left, Options, Tardis};
use feed::{Format, Layout, Limits, OpenOptions, create_sink, open_source};
use money::{Price, Qty};
use proptest::prelude::*;

use crate::gzip;

const TYPES: [&str; 9] = [
    "incremental_book_L2",
    "book_snapshot_5",
    "book_snapshot_25",
    "trades",
    "quotes",
    "book_ticker",
    "derivative_ticker",
    "options_chain",
    "liquidations",
];

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tardis"))
}

fn bytes_of(name: &str) -> Vec<u8> {
    fs::read(folder().join(format!("{name}.csv"))).unwrap()
}

/// Events up to the end or the error, and what the source then says.
fn events(source: &mut dyn Source) -> (Vec<Event>, Header, Option<String>) {
    let (mut slots, mut events, mut decoder) = (Vec::new(), Vec::new(), Decoder::default());
    let refused = loop {
        match source.fill(&mut slots) {
            Ok(true) => {}
            Ok(false) => break None,
            Err(error) => break Some(error.to_string()),
        }
        let mut batch = slots.as_slice();
        events.extend(std::iter::from_fn(|| decoder.next(&mut batch)));
        slots.clear();
    };
    (events, source.header().clone(), refused)
}

fn read(name: &str, input: &[u8], options: &Options) -> (Vec<Event>, Left, Option<String>) {
    match Tardis::new(name, input, options) {
        Ok(mut tardis) => {
            let (events, _, refused) = events(&mut tardis);
            (events, tardis.left(), refused)
        }
        Err(error) => (Vec::new(), Left::default(), Some(error.to_string())),
    }
}

/// A line for each event: times in microseconds, prices and quantities as decimals.
fn table(events: &[Event], header: &Header) -> String {
    let mut text = format!("{}\n", header.source);
    for listed in &header.instruments {
        let Listed { name, venue, price_unit, qty_unit } = listed;
        writeln!(text, "{venue} {name}: price {price_unit}, quantity {qty_unit}").unwrap();
    }
    for event in events {
        let listed = &header.instruments[usize::from(event.instrument)];
        let price = if matches!(event.kind, Kind::Funding | Kind::Predicted) {
            format!("{}e-12", event.price)
        } else if event.kind == Kind::Volatility {
            Price::from_raw(event.price).to_string()
        } else {
            Price::from_raw(event.price * listed.price_unit.raw()).to_string()
        };
        let qty = Qty::from_raw(event.qty * listed.qty_unit.raw());
        let (exchange, local) = (event.exchange.nanos() / 1_000, event.local.nanos() / 1_000);
        let side = event.side.map_or("-".to_owned(), |side| format!("{side:?}"));
        let flags = [(event.snapshot, " snapshot"), (event.last, " last")];
        let flags: String = flags.into_iter().filter(|flag| flag.0).map(|flag| flag.1).collect();
        let (name, kind, id) = (&listed.name, event.kind, event.id);
        writeln!(text, "{exchange} {local} {name} {kind:?} {side} {price} x {qty} #{id}{flags}")
            .unwrap();
    }
    text
}

#[test]
fn each_type_becomes_the_events_of_its_kind() {
    for name in TYPES {
        let input = bytes_of(name);
        let file = format!("example_{name}_2023-11-14_X.csv");
        let mut tardis = Tardis::new(&file, input.as_slice(), &Options::default()).unwrap();
        assert_eq!(tardis.data_type().name(), name);
        let (events, header, refused) = events(&mut tardis);
        assert_eq!(refused, None, "{name}");
        let text = table(&events, &header) + &format!("{:?}\n", tardis.left());
        expect_file![folder().join(format!("{name}.events"))].assert_eq(&text);
    }
}

#[test]
fn a_fault_is_told_with_file_line_column_and_what_to_do() {
    let mut files: Vec<PathBuf> =
        fs::read_dir(folder().join("damaged")).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    let mut text = String::new();
    for file in files {
        let name = file.file_name().unwrap().to_str().unwrap();
        let (events, _, refused) = read(name, &fs::read(&file).unwrap(), &Options::default());
        let refused = refused.unwrap_or_else(|| panic!("{name} is read"));
        writeln!(text, "{refused} ({} events before)", events.len()).unwrap();
    }
    expect_file![folder().join("damaged.txt")].assert_eq(&text);
}

#[test]
fn packed_files_of_one_or_more_members_hold_the_same_events() {
    for name in TYPES {
        let text = bytes_of(name);
        let plain = read(name, &text, &Options::default());
        assert_eq!(read(name, &gzip(&text), &Options::default()), plain);
        let (first, second) = text.split_at(text.len() / 2);
        let members = [gzip(first), gzip(second)].concat();
        assert_eq!(read(name, &members, &Options::default()), plain);
    }
}

#[test]
fn packed_data_that_is_cut_short_is_an_error() {
    let packed = gzip(&bytes_of("trades"));
    for length in [packed.len() - 1, packed.len() - 9, packed.len() / 2, 12] {
        let (_, _, refused) = read("trades.csv.gz", &packed[..length], &Options::default());
        let refused = refused.expect("a part is not the whole");
        assert!(refused.contains("gzip data is cut short or damaged"), "{refused}");
    }
}

#[test]
fn the_door_for_files_of_events_knows_these_and_a_tape_keeps_them() {
    let folder_out = tempfile::tempdir().unwrap();
    for name in TYPES {
        let file = folder().join(format!("{name}.csv"));
        assert_eq!(Layout::detect(&file).unwrap(), Layout::Tardis);
        let mut source = open_source(&file, &OpenOptions::default()).unwrap();
        let out = folder_out.path().join(name);
        let mut sink = create_sink(&out, Format::Tape).unwrap();
        let mut slots = Vec::new();
        while source.fill(&mut slots).unwrap() {
            sink.write(source.header(), &slots).unwrap();
            slots.clear();
        }
        sink.finish().unwrap();
        let mut kept = open_source(&out, &OpenOptions::default()).unwrap();
        let mut again = open_source(&file, &OpenOptions::default()).unwrap();
        assert_eq!(events(kept.as_mut()), events(again.as_mut()), "{name}");
        let mut source = open_source(&file, &OpenOptions::default()).unwrap();
        let found = check(source.as_mut(), &check::Limits::default()).unwrap();
        assert!(!found.has_errors(), "{name}: {found:?}");
    }
}

#[test]
fn one_instrument_of_several_can_be_read() {
    let input = bytes_of("incremental_book_L2");
    let of = |symbol: &str| {
        let options = Options { symbol: Some(symbol.to_owned()), ..Options::default() };
        read("book", &input, &options)
    };
    let (all, _, _) = read("book", &input, &Options::default());
    let (btc, left, refused) = of("BTCUSDT");
    let expected: Vec<Event> = all.into_iter().filter(|event| event.instrument == 0).collect();
    // Rows of another instrument stand between two of this one's messages only.
    assert_eq!((btc, left.other_symbols, refused), (expected, 1, None));
    let refusal = "book: no row is of symbol `DOGEUSDT`; look at the second column for those there \
                   are";
    assert_eq!(of("DOGEUSDT").2.as_deref(), Some(refusal));
}

#[test]
fn units_are_those_of_the_first_rows_or_given_and_never_too_coarse() {
    let header = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n";
    let row = |name: &str, second: u64, price: &str, qty: &str| {
        format!("x,{name},{second}000000,{second}000000,1,buy,{price},{qty}\n")
    };
    let mut text = header.to_owned();
    for number in 0..10_000 {
        text += &row("A", 1_700_000_000 + number, "100.5", "0.25");
    }
    text += &row("A", 1_700_010_000, "100.25", "3");
    text += &row("B", 1_700_010_000, "1e-8", "3");
    let (events, _, refused) = read("trades", text.as_bytes(), &Options::default());
    let message = "trades:10002:7: price: price 100.25 is no multiple of the tape's unit 0.1: give \
                   --price-unit 0.01";
    assert_eq!((events.len(), refused.as_deref()), (10_000, Some(message)));
    let mut options = Options::default();
    options.units.price = Some(Price::from_raw(50_000_000));
    let (_, _, refused) = read("trades", text.as_bytes(), &options);
    assert!(refused.unwrap().contains("unit 0.5: give --price-unit 0.01"));
    options.units.price = Some(Price::from_raw(1));
    let (events, _, refused) = read("trades", text.as_bytes(), &options);
    assert_eq!((events.len(), refused), (10_002, None));
    assert_eq!((events[0].price, events[0].qty), (10_050_000_000, 25));
    // An instrument that comes late counts in the finest unit there is.
    assert_eq!((events[10_001].price, events[10_001].qty), (1, 300_000_000));
    options.units.qty = Some(Qty::ZERO);
    let (_, _, refused) = read("trades", text.as_bytes(), &options);
    assert_eq!(refused.as_deref(), Some("trades: quantity unit 0 is not above zero"));
}

#[test]
fn trades_and_liquidations_are_told_apart_by_name_alone() {
    let input = bytes_of("trades");
    let what = |name: &str| {
        Tardis::new(name, input.as_slice(), &Options::default()).map(|tardis| tardis.data_type())
    };
    assert_eq!(what("x_trades_2023-11-14_LIQ.csv.gz"), Ok(DataType::Trades));
    assert_eq!(what("trades/2023/liquidations.csv"), Ok(DataType::Liquidations));
    assert!(what("a.csv").is_err());
}

#[test]
fn funding_is_settled_when_its_time_is_past_and_the_next_is_named() {
    let settled = |rows: &[(u64, &str, &str)]| -> Vec<(u64, i64)> {
        let mut text = String::from_utf8(bytes_of("derivative_ticker")).unwrap();
        text.truncate(text.find('\n').unwrap() + 1);
        for (second, settles, rate) in rows {
            let times = format!("{second}000000,{second}000000");
            writeln!(text, "x,A,{times},{settles},{rate},,,,,1").unwrap();
        }
        let (events, _, refused) = read("ticker", text.as_bytes(), &Options::default());
        assert_eq!(refused, None);
        let funding = events.into_iter().filter(|event| event.kind == Kind::Funding);
        funding.map(|event| (event.exchange.nanos() / 1_000_000_000, event.price)).collect()
    };
    let (first, second) = ("1700000100000000", "1700000200000000");
    let early = (1_700_000_000, first, "1e-12");
    assert_eq!(settled(&[early, (1_700_000_101, second, "5e-12")]), [(1_700_000_100, 1)]);
    // Named while the first is to come, not named yet, moved back, or without a time.
    assert_eq!(settled(&[early, (1_700_000_099, second, "5e-12")]), []);
    assert_eq!(settled(&[early, (1_700_000_101, first, "5e-12")]), []);
    assert_eq!(settled(&[(1_700_000_201, second, "1e-12"), (1_700_000_202, first, "0")]), []);
    assert_eq!(settled(&[(1_700_000_000, "", "1e-12"), (1_700_000_101, second, "0")]), []);
}

fn broken_rows() -> impl Strategy<Value = Vec<u8>> {
    let damage = prop::collection::vec(
        (
            any::<prop::sample::Index>(),
            prop_oneof![
                4 => prop::sample::select(b",.\n\r-+e0159[]\"".to_vec()),
                1 => any::<u8>(),
            ],
        ),
        0..12,
    );
    (prop::sample::select(TYPES.to_vec()), damage, any::<bool>()).prop_map(
        |(name, damage, insert)| {
            let mut bytes = bytes_of(name);
            for (place, byte) in damage {
                let at = place.index(bytes.len());
                if insert { bytes.insert(at, byte) } else { bytes[at] = byte }
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn whatever_the_bytes_there_is_an_answer(
        rows in broken_rows(),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        line_bytes in 0usize..2_000,
    ) {
        let limits = Limits { line_bytes, total_bytes: 1 << 20, rows: 0 };
        let options = Options { limits, ..Options::default() };
        let packed = gzip(&rows);
        let header = b"exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n";
        for input in [&rows, &bytes, &packed, &[header.as_slice(), &bytes].concat()] {
            read("trades", input, &options);
            read("trades", input, &Options::default());
        }
    }
}
