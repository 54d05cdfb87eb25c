//! Files of events through the built command: in, out, what they hold and what is wrong with them.
#![allow(clippy::unwrap_used)]

use std::process::{Command, Output};

use tempfile::TempDir;

struct Desk(TempDir);

impl Desk {
    /// A folder with an event file of hftbacktest, sound or with a crossed book.
    fn new() -> Desk {
        let desk = Desk(tempfile::tempdir().unwrap());
        desk.write("btc.npy", &array(&ROWS));
        let crossed = [&ROWS[..], &[(DEPTH | BUY, 4, 60_000.3, 1.0)]].concat();
        desk.write("crossed.npy", &array(&crossed));
        desk
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.0.path().join(name), bytes).unwrap();
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.0.path().join(name)).unwrap()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_plumb"));
        command.arg("data").args(arguments).current_dir(self.0.path()).output().unwrap()
    }

    /// What a command that succeeds prints.
    fn said(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        let refusal = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), refusal.as_str()), (Some(0), ""), "{arguments:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// What a refused command says.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
        String::from_utf8(output.stderr).unwrap()
    }
}

/// Flags and kind, second, price, quantity.
type Row = (u64, u64, f64, f64);

const BOTH: u64 = 3 << 30;
const BUY: u64 = 1 << 29;
const SELL: u64 = 1 << 28;
const DEPTH: u64 = 1;
const TRADE: u64 = 2;
const SNAPSHOT: u64 = 4;

const ROWS: [Row; 5] = [
    (SNAPSHOT | BUY, 1, 60_000.1, 1.5),
    (SNAPSHOT | SELL, 1, 60_000.2, 0.25),
    (TRADE | BUY, 2, 60_000.2, 0.05),
    (DEPTH | SELL, 2, 60_000.2, 0.2),
    (DEPTH | BUY, 3, 60_000.0, 2.0),
];

fn array(rows: &[Row]) -> Vec<u8> {
    let fields = "('ev', '<u8'), ('exch_ts', '<i8'), ('local_ts', '<i8'), ('px', '<f8'), \
                  ('qty', '<f8'), ('order_id', '<u8'), ('ival', '<i8'), ('fval', '<f8')";
    let count = rows.len();
    let head = format!("{{'descr': [{fields}], 'fortran_order': False, 'shape': ({count},), }}");
    let head = format!("{head:<245}\n");
    let mut bytes = [&b"\x93NUMPY\x01\x00\xf6\x00"[..], head.as_bytes()].concat();
    for (event, second, price, qty) in rows {
        let time = 1_700_000_000_000_000_000 + second * 1_000_000_000;
        let words = [event | BOTH, time, time + 7_000_000, price.to_bits(), qty.to_bits(), 0, 0, 0];
        bytes.extend(words.map(u64::to_le_bytes).as_flattened());
    }
    bytes
}

const CSV: &str = "\
exchange_ns,local_ns,instrument,kind,side,last,snapshot,price,qty,rate,price_units,qty_units,id
1700000001000000000,1700000001007000000,BTC,level,buy,false,true,60000.1,1.5,,,,0
1700000001000000000,1700000001007000000,BTC,level,sell,true,true,60000.2,0.25,,,,0
1700000002000000000,1700000002007000000,BTC,trade,buy,false,false,60000.2,0.05,,,,0
1700000002000000000,1700000002007000000,BTC,level,sell,true,false,60000.2,0.2,,,,0
1700000003000000000,1700000003007000000,BTC,level,buy,true,false,60000,2,,,,0
";

#[test]
fn events_pass_through_every_format_unchanged() {
    let desk = Desk::new();
    let units = ["--price-unit", "0.1", "--qty-unit", "0.01"];
    let path = ["btc.npy", "a.tape", "b.parquet", "c.npz", "d.npy", "e.tape"];
    for pair in path.windows(2) {
        let arguments = ["import", pair[0], "--out", pair[1], "--symbol", "BTC"];
        let said = desk.said(&[&arguments[..], &units].concat());
        let start = format!("{}: 5 events of 1 instrument\n", pair[1]);
        assert!(said.starts_with(&start), "{said}");
        let named = ["export", pair[1], "--symbol", "BTC"];
        assert_eq!(desk.said(&[&named[..], &units].concat()), CSV);
    }
    assert_eq!(desk.bytes("a.tape"), desk.bytes("e.tape"));
    let left = std::fs::read_dir(desk.0.path()).unwrap().count();
    assert_eq!(left, 7, "no part of a file is left behind");
}

#[test]
fn a_merge_holds_the_events_of_all_and_one_symbol_is_picked() {
    let desk = Desk::new();
    desk.said(&["import", "btc.npy", "--out", "a.tape", "--symbol", "A"]);
    desk.said(&["import", "btc.npy", "--out", "b.tape", "--symbol", "B"]);
    let said = desk.said(&["import", "a.tape", "b.tape", "--out", "ab.tape"]);
    assert!(said.starts_with("ab.tape: 10 events of 2 instruments\n"), "{said}");
    desk.said(&["import", "ab.tape", "--symbol", "B", "--out", "again.tape"]);
    let of = |file: &str| desk.said(&["export", file]);
    assert_eq!(of("again.tape"), of("b.tape"));
    let said = desk.refusal(&["import", "ab.tape", "--out", "ab.npz"]);
    assert!(said.contains("ab.npz: holds 2 symbols (A, B); name the one to read"), "{said}");
}

#[test]
fn a_check_leaves_with_one_when_there_are_errors() {
    let desk = Desk::new();
    let said = desk.said(&["check", "btc.npy"]);
    assert!(said.contains("nothing found"), "{said}");
    let output = desk.run(&["check", "crossed.npy"]);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stdout).unwrap();
    let found = "error     crossed book, once\n            event 6, 2023-11-14 22:13:24.007, \
                 crossed: bid 600003 and ask 600002 units";
    assert!(said.contains(found), "{said}");
    let output = desk.run(&["check", "crossed.npy", "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["findings"][0]["fault"], "crossed book");
    assert_eq!((json["errors"].as_bool(), json["events"].as_u64()), (Some(true), Some(6)));
}

#[test]
fn what_an_importer_noticed_is_said_after_import_info_and_check() {
    let desk = Desk::new();
    let broken = concat!(env!("CARGO_MANIFEST_DIR"), "/../feed/tests/damaged/missing-changes.txt");
    let told = "  noticed   changes of the book without a snapshot, left out: 2; first at line 4\n";
    for arguments in [&["import", broken, "--out", "a.tape"][..], &["info", broken]] {
        let said = desk.said(arguments);
        assert!(said.contains(told), "{said}");
    }
    let said = desk.said(&["check", broken]);
    assert!(said.contains(told), "{said}");
    let json: serde_json::Value =
        serde_json::from_str(&desk.said(&["info", broken, "--json"])).unwrap();
    assert_eq!(json["noticed"].as_array().map(Vec::len), Some(3), "{json}");
    assert!(!desk.said(&["info", "a.tape"]).contains("noticed"), "a tape is read as it stands");
    let capture = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../data/binance-2024-08-08/binance-spot-btcusdt.gz"
    );
    assert!(desk.said(&["info", capture]).contains("raise --shift by as much"));
    let shifted = desk.said(&["info", capture, "--shift", "1400"]);
    assert!(!shifted.contains("raise --shift"), "{shifted}");
}

#[test]
fn damage_and_wrong_requests_are_refused_with_their_cause() {
    let desk = Desk::new();
    desk.said(&["import", "btc.npy", "--out", "a.tape"]);
    let bytes = desk.bytes("a.tape");
    desk.write("cut.tape", &bytes[..bytes.len() - 9]);
    let said = desk.refusal(&["info", "cut.tape"]);
    assert!(said.contains("cut.tape: block 2, byte") && said.contains("cut short"), "{said}");
    let said = desk.refusal(&["import", "a.tape", "--out", "a.tape"]);
    assert!(said.contains("a.tape: is also an input"), "{said}");
    let said = desk.refusal(&["import", "a.tape", "--out", "b.xyz"]);
    assert!(said.contains("b.xyz: its name tells no format"), "{said}");
    let said = desk.refusal(&["import", "btc.npy", "--out", "b.tape", "--price-unit", "1"]);
    let expected = "btc.npy:1:4: price 60000.1 is no multiple of the unit 1; give --price-unit 0.1";
    assert!(said.contains(expected), "{said}");
    assert!(!desk.0.path().join("b.tape").exists());
    let said = desk.refusal(&["info", "a.tape", "--symbol", "X"]);
    assert!(said.contains("a.tape: has no rows of symbol `X`; it has btc"), "{said}");
    let said = desk.refusal(&["import", "btc.npy", "--out", "b.tape", "--price-unit", "0"]);
    assert!(said.contains("give a decimal above zero"), "{said}");
}
