//! What is written reads back, exact where it is exact; equal records give equal bytes.

use super::super::record::{Fill, MarketKind, Seen};
use super::super::sweep::Cell;
use super::*;
use money::{Price, Qty, Span, Time};
use parquet::file::reader::{FileReader, SerializedFileReader};
use parquet::record::Field;
use protocol::ids::ClientId;
use serde_json::Value;
use std::fs::{self, File};

fn record() -> Record {
    let start = Time::from_nanos(1_759_276_800_000_000_123);
    let run = Run {
        strategy: "touch".into(),
        parameters: vec![("size".into(), "0.1 BTC".into())],
        seed: 42,
        build: "0.1.0+abc".into(),
        start,
        end: start.after(Span::from_secs(3)),
        files: vec![DataFile { checksum: "blake3:00ff".into(), ..DataFile::default() }],
        ..Run::default()
    };
    let market = Market::new("BTC/USDT", "x", MarketKind::Spot, Price::ONE, Qty::ONE);
    let mut record = Record::new(run, vec![market], Amount::ONE, Span::SECOND);
    for raw in [100, 130, 90] {
        let seen = Seen { position: -Qty::ONE, mid: Price::ZERO, mark: Price::ONE };
        record.samples.push(Amount::from_raw(raw * 1_000_000), &[seen]);
    }
    record.fill(Fill {
        time: start.after(Span::from_nanos(1)),
        market: 0,
        side: Side::Sell,
        maker: true,
        price: Price::from_raw(1_234_567_800_000_001),
        qty: Qty::ONE,
        fee: Amount::from_raw(-1),
        mid: Price::ZERO,
        client: ClientId(9),
    });
    record.equity_end = "123456789012.00000001".parse().unwrap();
    record.account.add(Cause::Borrow, record.profit());
    record
}

fn rows(path: &Path) -> Vec<Vec<(String, Field)>> {
    let reader = SerializedFileReader::new(File::open(path).unwrap()).unwrap();
    let rows = reader.get_row_iter(None).unwrap();
    rows.map(|row| row.unwrap().into_columns()).collect()
}

fn field(row: &[(String, Field)], name: &str) -> String {
    row.iter().find(|(column, _)| column == name).unwrap().1.to_string()
}

fn json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn fills_and_samples_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let record = record();
    let files = write_all(folder.path(), &record, &Measures::of(&record)).unwrap();
    let fill = &rows(&files[0])[0];
    assert_eq!(field(fill, "market"), "\"BTC/USDT\"");
    assert_eq!((field(fill, "side"), field(fill, "maker")), ("\"sell\"".into(), "true".into()));
    assert!(field(fill, "time").ends_with("800000000124"), "{}", field(fill, "time"));
    assert_eq!(field(fill, "price"), "12345678.00000001");
    assert_eq!((field(fill, "mid"), field(fill, "markout_100ms_bp")), ("NaN".into(), "NaN".into()));
    let falls: Vec<Field> = rows(&files[1]).into_iter().map(|mut row| row.remove(2).1).collect();
    assert_eq!(falls, [0.0, 0.0, -0.4].map(Field::Double));
    assert_eq!(rows(&files[2])[2][2].1, Field::Double(-1.0));
    let market = &rows(&files[3])[0];
    assert_eq!(
        (field(market, "fills"), field(market, "maker")),
        ("1".into(), "12345678.00000001".into())
    );
}

#[test]
fn the_summary_holds_exact_money_and_what_makes_the_run_again() {
    let folder = tempfile::tempdir().unwrap();
    let record = record();
    let files = write_all(folder.path(), &record, &Measures::of(&record)).unwrap();
    let summary = json(&files[4]);
    assert_eq!(summary["equity_end"], "123456789012.00000001");
    assert_eq!(summary["balanced"], true);
    assert_eq!(summary["run"]["seed"], 42);
    assert_eq!(summary["run"]["build"], "0.1.0+abc");
    assert_eq!(summary["run"]["files"][0]["checksum"], "blake3:00ff");
    assert_eq!(summary["run"]["start"], "2025-10-01 00:00:00.000");
    assert_eq!(summary["ledger"][10]["value"], summary["profit"]);
    assert_eq!(summary["measures"]["performance"]["sharpe"], Value::Null);
}

#[test]
fn equal_records_give_equal_bytes_and_no_half_files() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str| {
        let record = record();
        write_all(&folder.path().join(name), &record, &Measures::of(&record)).unwrap()
    };
    let (one, two) = (write("one"), write("two"));
    for (one, two) in one.iter().zip(&two) {
        assert_eq!(fs::read(one).unwrap(), fs::read(two).unwrap());
    }
    assert_eq!(fs::read_dir(folder.path().join("one")).unwrap().count(), one.len());
}

#[test]
fn cells_hold_settings_outcomes_and_failures() {
    let labels = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect();
    let outcome = Outcome { profit: 1.5, ..Outcome::default() };
    let sweep = Sweep {
        run: Run::default(),
        axes: vec![
            Axis::new("one-way latency", "ms", labels(&["1.5", "20"])),
            Axis::new("strategy", "", labels(&["maker"])),
        ],
        cells: vec![Cell { outcome: Ok(outcome) }, Cell { outcome: Err("no data".into()) }],
    };
    let folder = tempfile::tempdir().unwrap();
    let files = write_sweep(&folder.path().join("new"), &sweep).unwrap();
    let cells = rows(&files[0]);
    assert_eq!(field(&cells[0], "set_one_way_latency"), "1.5");
    assert_eq!(
        (field(&cells[0], "profit"), field(&cells[0], "sharpe")),
        ("1.5".into(), "NaN".into())
    );
    assert_eq!(
        (field(&cells[1], "profit"), field(&cells[1], "failure")),
        ("NaN".into(), "\"no data\"".into())
    );
    let summary = json(&files[1]);
    assert_eq!((&summary["best"], &summary["richest"]), (&Value::Null, &Value::from(0)));
    assert_eq!(summary["cells"][1]["failure"], "no data");
    assert_eq!(summary["axes"][0]["numbers"][0], 1.5);
}
