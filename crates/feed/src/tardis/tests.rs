//! The plain way against the exact one, and both against a naive reader of the same rows.

use std::collections::BTreeMap;

use money::{Price, Qty, Time};
use proptest::prelude::*;

use super::digits::{self, Decimal};
use super::scale::Scale;
use super::*;
use crate::error::excerpt;
use crate::lines::Lines;
use crate::number::{self, Clock};
use crate::tape::{Decoder, Event, Kind, Side};

const HEADER: &str = "exchange,symbol,timestamp,local_timestamp,is_snapshot,side,price,amount\n";
const UNITS: Units =
    Units { price: Some(Price::from_raw(10_000_000)), qty: Some(Qty::from_raw(100_000)) };

/// Line, column and cause.
type Place = (u64, u64, Cause);

/// All events of an input, and where it is refused.
fn read(input: &[u8], limits: &Limits, portions: (usize, usize)) -> (Vec<Event>, Option<Place>) {
    let place = |error: Error| Some((error.line, error.column, error.cause));
    let options = Options { units: UNITS, symbol: None, limits: *limits };
    let mut tape = match Tardis::in_portions("book", input, &options, portions) {
        Ok(tape) => tape,
        Err(error) => return (Vec::new(), place(error)),
    };
    let (mut slots, mut events, mut decoder) = (Vec::new(), Vec::new(), Decoder::default());
    loop {
        match tape.fill(&mut slots) {
            Ok(true) => {}
            Ok(false) => break,
            Err(error) => {
                assert!(!tape.fill(&mut slots).unwrap(), "an error ends the tape");
                return (events, place(error));
            }
        }
        let mut batch = slots.as_slice();
        while let Some(event) = decoder.next(&mut batch) {
            events.push(event);
        }
        assert!(batch.is_empty(), "a batch has whole events only");
        slots.clear();
    }
    (events, None)
}

/// The same by lines, fields and the exact readers of numbers.
struct Naive {
    clock: Clock,
    numbers: BTreeMap<(String, String), u16>,
    /// Whether a snapshot is being read, by instrument; none before the first.
    books: BTreeMap<u16, bool>,
    local: Time,
    events: Vec<Event>,
    rows: u64,
    skipped: u64,
}

impl Naive {
    fn read(input: &[u8], limits: &Limits) -> (Vec<Event>, Option<Place>) {
        let mut naive = Naive {
            clock: Clock::default(),
            numbers: BTreeMap::new(),
            books: BTreeMap::new(),
            local: Time::ZERO,
            events: Vec::new(),
            rows: 0,
            skipped: 0,
        };
        let refused = naive.lines(input, limits).err();
        let refused = refused.map(|error| (error.line, error.column, error.cause));
        let key = |event: &Event| (event.instrument, event.local);
        for index in 0..naive.events.len() {
            let next = naive.events.get(index + 1).map(key);
            naive.events[index].last =
                next.map_or(refused.is_none(), |next| next != key(&naive.events[index]));
        }
        (naive.events, refused)
    }

    fn lines(&mut self, input: &[u8], limits: &Limits) -> Result<(), Error> {
        let mut lines = Lines::new("book", input, limits, EXPECTED)?;
        assert!(lines.advance()?, "there is a header");
        while lines.advance()? {
            self.row(lines.text())
                .map_err(|(column, cause)| cause.at("book", lines.number(), column))?;
        }
        match (self.rows, self.rows == self.skipped) {
            (0, _) => Err(Cause::Empty(EXPECTED).of_file("book")),
            (_, true) => Err(Cause::NoSnapshot.of_file("book")),
            (_, false) => Ok(()),
        }
    }

    fn row(&mut self, line: &str) -> Result<(), (u64, Cause)> {
        let fields: Vec<&str> = line.split(',').collect();
        if fields.len() != 8 {
            let expected = "8 as in the first line".to_owned();
            return Err((0, Cause::ColumnCount(fields.len(), expected)));
        }
        let names: Vec<&str> = HEADER.trim().split(',').collect();
        let fault = |column: usize, cause: Cause| {
            (column as u64 + 1, Cause::Column(names[column].to_owned(), Box::new(cause)))
        };
        for column in [0, 1] {
            if fields[column].is_empty() {
                return Err(fault(column, Cause::MissingValue));
            }
        }
        let exchange = self.clock.time(fields[2]).map_err(|cause| fault(2, cause))?;
        let local = self.clock.time(fields[3]).map_err(|cause| fault(3, cause))?;
        if local < self.local {
            return Err(fault(3, Cause::Unsorted(local, self.local)));
        }
        let count = self.numbers.len() as u16;
        let key = (fields[0].to_owned(), fields[1].to_owned());
        let instrument = *self.numbers.entry(key).or_insert(count);
        let one_of = |column: usize, expected: [&str; 2], text: &'static str| {
            let cause = Cause::NotOneOf(excerpt(fields[column]), text);
            let place = expected.iter().position(|word| *word == fields[column]);
            place.ok_or_else(|| fault(column, cause))
        };
        let snapshot = one_of(4, ["true", "false"], "true or false")? == 0;
        let bid = one_of(5, ["bid", "ask"], "bid or ask")? == 0;
        let price = price(fields[6]).map_err(|cause| fault(6, cause))?;
        let qty = qty(fields[7]).map_err(|cause| fault(7, cause))?;
        let side = Some(if bid { Side::Buy } else { Side::Sell });
        let (kind, last, id) = (Kind::Level, false, 0);
        let event =
            Event { exchange, local, instrument, kind, side, last, snapshot, price, qty, id };
        let book = self.books.get(&instrument).copied();
        self.local = local;
        self.rows += 1;
        if !snapshot && book.is_none() {
            self.skipped += 1;
            return Ok(());
        }
        if snapshot && book != Some(true) {
            let (kind, side, price, qty) = (Kind::Clear, None, 0, 0);
            self.events.push(Event { kind, side, price, qty, ..event });
        }
        self.books.insert(instrument, snapshot);
        self.events.push(event);
        Ok(())
    }
}

fn divided(raw: i64, unit: i64, name: &'static str) -> Result<i64, Cause> {
    if raw % unit == 0 {
        return Ok(raw / unit);
    }
    let mut fitting = unit;
    while raw % fitting != 0 {
        fitting /= 10;
    }
    let [raw, unit, fitting] = [raw, unit, fitting].map(Price::from_raw);
    Err(Cause::FinerThanUnit(name, raw, unit, fitting))
}

fn price(text: &str) -> Result<i64, Cause> {
    divided(number::price(text)?.raw(), 10_000_000, "price")
}

fn qty(text: &str) -> Result<i64, Cause> {
    match number::qty(text)? {
        (_, true) => Err(Cause::DoesNotFit(excerpt(text), money::ParseError::TooPrecise)),
        (qty, false) if qty.is_negative() => Err(Cause::Negative("amount", qty)),
        (qty, false) => divided(qty.raw(), 100_000, "qty"),
    }
}

/// Rows as the vendor writes them, and some that it would not.
fn rows() -> impl Strategy<Value = String> {
    let names = prop_oneof![
        20 => Just("binance-futures,BTCUSDT"),
        2 => Just("binance-futures,ETHUSDT"),
        1 => Just("binance,BTCUSDT"),
        1 => Just("x,币安"),
    ];
    let steps = (prop_oneof![4 => Just(0u64), 1 => 1u64..2_000_000], 0u64..3_000, 0u8..100);
    let flags = prop_oneof![1 => Just(true), 8 => Just(false)];
    let numbers = || {
        prop_oneof![
            6 => (0u64..100_000, 0u64..10).prop_map(|(whole, part)| format!("{whole}.{part}")),
            4 => (0u64..100_000).prop_map(|whole| whole.to_string()),
            2 => (0u64..5).prop_map(|whole| format!("{whole}e-1")),
            1 => "[0-9]{1,9}\\.[0-9]0{0,7}",
            1 => "[0-9]{0,3}",
        ]
    };
    let qtys =
        prop_oneof![3 => Just("0".to_owned()), 9 => "[0-9]{1,6}\\.[0-9]{1,3}", 4 => numbers()];
    let row = (names, steps, flags, any::<bool>(), numbers(), qtys);
    prop::collection::vec(row, 1..80).prop_map(|rows| {
        let (mut text, mut exchange) = (HEADER.to_owned(), 1_700_000_000_000_000u64);
        let mut local = exchange;
        for (names, (step, delay, order), snapshot, bid, price, qty) in rows {
            if step > 0 {
                exchange += step;
                let back = if order == 0 { 4_000 } else { 0 };
                local = local.max(exchange + delay) - back;
            }
            let side = if bid { "bid" } else { "ask" };
            text += &format!("{names},{exchange},{local},{snapshot},{side},{price},{qty}\n");
        }
        text
    })
}

/// Places to damage, how, and with what.
fn damage() -> impl Strategy<Value = Vec<(prop::sample::Index, u8, u8)>> {
    let byte = prop_oneof![
        6 => prop::sample::select(b",.\n\r-+e019btf ".to_vec()),
        1 => any::<u8>(),
    ];
    prop::collection::vec((any::<prop::sample::Index>(), 0u8..3, byte), 0..4)
}

fn damaged(text: &str, damage: &[(prop::sample::Index, u8, u8)]) -> Vec<u8> {
    let (header, rows) = text.as_bytes().split_at(HEADER.len());
    let mut rows = rows.to_vec();
    for (place, how, byte) in damage {
        let at = place.index(rows.len());
        match how {
            0 => rows[at] = *byte,
            1 => rows.insert(at, *byte),
            _ => rows.truncate(at.max(1)),
        }
    }
    [header, &rows].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn the_plain_way_reads_what_a_naive_reader_reads_and_refuses_where_it_does(
        text in rows(),
        damage in damage(),
        // Of a line beyond both limits either may be told.
        (line_bytes, total_bytes) in prop_oneof![
            4 => Just((1usize << 20, u64::MAX)),
            1 => (76usize..100, Just(u64::MAX)),
            1 => (Just(1usize << 20), 80u64..5_000),
        ],
        portions in (1usize..4_000, 1usize..40),
    ) {
        let input = damaged(&text, &damage);
        let limits = Limits { line_bytes, total_bytes, rows: 0 };
        let (events, refused) = Naive::read(&input, &limits);
        let (read, place) = read(&input, &limits, portions);
        prop_assert_eq!(&place, &refused);
        prop_assert_eq!(read, events);
    }

    #[test]
    fn eight_digits_at_a_time_are_the_decimal_that_they_spell(
        whole in "[0-9]{1,8}",
        part in "[0-9]{0,8}",
        end in "[^0-9.]?",
    ) {
        let point = if part.is_empty() { "" } else { "." };
        let text = format!("{whole}{point}{part}");
        let mut bytes = [0; digits::REACH];
        let with_end: Vec<u8> = format!("{text}{end}").bytes().take(digits::REACH).collect();
        bytes[..with_end.len()].copy_from_slice(&with_end);
        let value: u64 = format!("{whole}{part}").parse().unwrap();
        let expected = Decimal { value, places: part.len(), length: text.len() };
        prop_assert_eq!(digits::decimal(&bytes), Some(expected));
    }

    #[test]
    fn sixteen_bytes_are_a_number_if_all_are_digits(
        bytes in any::<[u8; 16]>(),
        number in 0u64..10_000_000_000_000_000,
    ) {
        let read = |bytes: [u8; 16]| {
            let text = std::str::from_utf8(&bytes).ok()?;
            if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
        };
        prop_assert_eq!(digits::sixteen(&bytes), read(bytes));
        let mut text = format!("{number:016}").into_bytes();
        let array = *text.first_chunk().unwrap();
        prop_assert_eq!(digits::sixteen(&array), Some(number));
        let at = usize::from(bytes[0] % 16);
        text[at] = bytes[1];
        let array = *text.first_chunk().unwrap();
        prop_assert_eq!(digits::sixteen(&array), read(array));
    }

    #[test]
    fn any_unit_divides_exactly_or_names_one_that_would(
        text in "-?[0-9]{0,10}\\.?[0-9]{0,9}(e-?[0-9])?",
        unit in prop_oneof![
            2 => prop::sample::select(vec![1i64, 50_000_000, 2_500_000_000, 10_000_000]),
            1 => 1i64..1_000_000_000_000,
        ],
    ) {
        let scale = Scale::of_price(Price::from_raw(unit));
        match (number::price(&text), scale.price(&text)) {
            (Ok(price), Ok(units)) => {
                prop_assert_eq!(i128::from(units) * i128::from(unit), i128::from(price.raw()));
            }
            (Ok(price), Err(Cause::FinerThanUnit(_, _, _, fitting))) => {
                prop_assert!(price.raw() % unit != 0);
                prop_assert_eq!((price.raw() % fitting.raw(), unit % fitting.raw()), (0, 0));
            }
            (read, units) => prop_assert_eq!(read.map(|_| 0), units),
        }
    }
}
