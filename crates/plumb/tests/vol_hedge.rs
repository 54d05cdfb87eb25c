//! `plumb vol hedge` as a user meets it: a small market of nine days, and what is refused.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

/// 2026-01-01 00:00 UTC.
const START_MS: u64 = 1_767_225_600_000;
const HOUR_MS: u64 = 3_600_000;

fn plumb(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plumb"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Hourly bars that swing by 1 %, and a straddle quoted every six hours until 2026-01-09.
fn market() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("bars")).unwrap();
    let mut bars = String::from("open_time_ms,open,high,low,close,volume\n");
    for hour in 0..9 * 24 {
        let close = if hour % 2 == 0 { 100_000 } else { 101_000 };
        let time = START_MS + hour * HOUR_MS;
        writeln!(bars, "{time},100000,101000,100000,{close},1").unwrap();
    }
    let mut funding = String::from("funding_time_ms,funding_rate\n");
    for at in 0..28 {
        writeln!(funding, "{},0.0001", START_MS + at * 8 * HOUR_MS).unwrap();
    }
    let mut chain = String::from(
        "snapshot_ms,instrument,bid,ask,mark,mark_iv,delta,vega,underlying_price,underlying_name,\
         index_price,open_interest,volume_24h\n",
    );
    for at in 0..35 {
        for (kind, delta) in [("C", 0.5), ("P", -0.5)] {
            let time = START_MS + HOUR_MS + at * 6 * HOUR_MS;
            writeln!(
                chain,
                "{time},BTC-9JAN26-100000-{kind},0.02,0.03,0.025,0.5,{delta},50,100000,BTC-9JAN26,\
                 100000,1,1"
            )
            .unwrap();
        }
    }
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("bars/BTCUSDT-spot-1h.csv", &bars);
    write("bars/BTCUSDT-perp-1h.csv", &bars);
    write("bars/BTCUSDT-funding-8h.csv", &funding);
    write("chain.csv", &chain);
    folder
}

fn refusal(folder: &TempDir, arguments: &[&str]) -> String {
    let output = plumb(folder.path(), &[&["vol", "hedge"], arguments].concat());
    let said = text(&output.stderr).to_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    said
}

#[test]
fn causes_add_up_to_the_cent_and_the_report_is_written() {
    let folder = market();
    let rules = "none,4h,band:0.1,ww:0.001,zak:0.001";
    let flags = ["--bars", "bars", "--rule", rules, "--days", "8", "--paths", "100"];
    let output = plumb(
        folder.path(),
        &[&["vol", "hedge", "chain.csv", "--out", "out", "--json"][..], &flags].concat(),
    );
    assert!(output.status.success(), "{}", text(&output.stderr));
    let study: serde_json::Value = serde_json::from_str(text(&output.stdout)).unwrap();
    let books = study["books"].as_array().unwrap();
    assert_eq!(books.len(), 2, "sold and bought");
    for rule in books.iter().flat_map(|book| book["rules"].as_array().unwrap()) {
        let cents: Vec<i64> =
            rule["cents"].as_array().unwrap().iter().map(|c| c.as_i64().unwrap()).collect();
        assert_eq!(cents[..9].iter().sum::<i64>(), cents[9], "{rule}");
        assert_eq!(rule["trades"] == 0, rule["rule"] == "none", "{rule}");
    }
    let page = std::fs::read_to_string(folder.path().join("out/hedge.html")).unwrap();
    for part in ["Sell straddle 8d", "Profit by cause", "Hedge error", "Riskless packages"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(folder.path().join("out/hedge.json").is_file());
    let again =
        plumb(folder.path(), &[&["vol", "hedge", "chain.csv", "--json"][..], &flags].concat());
    assert_eq!(output.stdout, again.stdout, "same input, same bytes");
    let table = plumb(folder.path(), &[&["vol", "hedge", "chain.csv"][..], &flags].concat());
    assert!(text(&table.stdout).contains("sell straddle 8d, held to expiry"));
    let widest = text(&table.stdout).lines().map(|line| line.chars().count()).max();
    assert!(widest <= Some(100), "{widest:?}");
}

/// The shipped week of the crash: what the docs say to run gives the table that they show.
#[test]
fn the_shipped_week_is_hedged() {
    let folder = tempfile::tempdir().unwrap();
    let data = |name: &str| format!("{}/../../data/{name}", env!("CARGO_MANIFEST_DIR"));
    let (chain, bars) = (data("deribit-2026-02/btc-week.csv.gz"), data("binance-2026-02"));
    let flags = ["--days", "5,30", "--paths", "0", "--rule", "none,1h,ww:0.001"];
    let output =
        plumb(folder.path(), &[&["vol", "hedge", &chain, "--bars", &bars][..], &flags].concat());
    let said = text(&output.stdout);
    assert!(output.status.success(), "{}", text(&output.stderr));
    for part in [
        "hedged from 2026-02-01 04:55 to 2026-02-08 04:55",
        "too long for this period: sell straddle 30d",
        "sell straddle 5d, held to expiry, hedged in perpetual: 1 stretch, implied 51.1 %",
        "none      −10,309",
        "ww:0.001   −1,263",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn missing_bars_are_counted() {
    let folder = market();
    for name in ["bars/BTCUSDT-spot-1h.csv", "bars/BTCUSDT-perp-1h.csv"] {
        let path = folder.path().join(name);
        let whole = std::fs::read_to_string(&path).unwrap();
        let kept = whole.lines().enumerate().filter(|(at, _)| !(50..60).contains(at));
        let kept: Vec<&str> = kept.map(|(_, line)| line).collect();
        std::fs::write(&path, kept.join("\n")).unwrap();
    }
    let flags = ["--bars", "bars", "--rule", "4h", "--days", "8", "--paths", "0"];
    let output = plumb(folder.path(), &[&["vol", "hedge", "chain.csv"][..], &flags].concat());
    assert!(text(&output.stdout).contains("\n10 bars missing"), "{}", text(&output.stdout));
}

#[test]
fn what_cannot_be_studied_is_refused_with_the_reason() {
    let folder = market();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let chain = std::fs::read_to_string(folder.path().join("chain.csv")).unwrap();
    let lines = |count: usize| chain.lines().take(count).collect::<Vec<_>>().join("\n");
    write("one.csv", &lines(3));
    write("broken.csv", &lines(1));
    let table: [(&[&str], &str); 11] = [
        (&["chain.csv"], "--bars <DIR>"),
        (&["none.csv", "--bars", "bars"], "none.csv: cannot be read"),
        (&["broken.csv", "--bars", "bars"], "broken.csv: the file holds no rows"),
        (
            &["chain.csv", "--bars", "bars", "--days", "40", "--roll", "30"],
            "nothing could be opened",
        ),
        (&["chain.csv", "chain.csv", "--bars", "bars"], "is in a file named before it"),
        (&["one.csv", "--bars", "bars"], "1 snapshot of BTC; hedging needs two or more"),
        (&["chain.csv", "--bars", "."], "has no BTCUSDT-spot-*"),
        (&["chain.csv", "--bars", "bars", "--rule", "often"], "`often` is no hedging rule"),
        (&["chain.csv", "--bars", "bars", "--size", "2000000"], "at most 1000000 coins"),
        (&["chain.csv", "--bars", "bars", "--strangle", "2"], "a delta between 0 and 1"),
        (&["chain.csv", "--bars", "bars", "--taker-bp", "20000"], "a fee is below zero or above"),
    ];
    for (arguments, expected) in table {
        let said = refusal(&folder, arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    let eth = refusal(&folder, &["chain.csv", "--bars", "bars", "--asset", "ETH"]);
    assert!(eth.contains("has no ETHUSDT-spot-*"), "{eth}");
}
