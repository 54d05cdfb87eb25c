//! `plumb vol` as a user meets it: fits of the shipped excerpt, checks, refusals, the page.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const CRASH: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/deribit-2026-02/btc-crash.csv.gz");
const HEADER: &str = "snapshot_ms,instrument,bid,ask,mark,mark_iv,delta,vega,underlying_price,\
                      underlying_name,index_price,open_interest,volume_24h\n";
const VOGT: &str = "name,years,a,b,rho,m,sigma\nVogt,1,-0.0410,0.1331,0.3060,0.3586,0.4153\n";

fn plumb(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plumb"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn folder(name: &str, content: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(name), content).unwrap();
    folder
}

fn refusal(folder: &TempDir, arguments: &[&str]) -> String {
    let output = plumb(folder.path(), arguments);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    text(&output.stderr).to_owned()
}

#[test]
fn the_crash_is_fitted_free_of_arbitrage_and_inside_bid_and_ask() {
    let folder = tempfile::tempdir().unwrap();
    let output = plumb(folder.path(), &["vol", "fit", CRASH, "--json"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let fit: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(fit["arbitrage_free_share"], 1.0);
    assert!(fit["inside_bid_ask_share"].as_f64().unwrap() >= 0.95, "{fit}");
    assert!(fit["mark_error_median_coin"].as_f64().unwrap() < 3e-5);
    assert_eq!(fit["slices"].as_array().unwrap().len(), 12);
    // What is printed can be checked again, and passes.
    std::fs::write(folder.path().join("fit.json"), &output.stdout).unwrap();
    let check = plumb(folder.path(), &["vol", "check", "fit.json"]);
    assert!(check.status.success(), "{}", text(&check.stderr));
    assert!(text(&check.stdout).contains("Free of butterfly and calendar arbitrage"));
}

#[test]
fn the_table_of_a_fit_has_a_row_for_each_expiry() {
    let folder = tempfile::tempdir().unwrap();
    let output = plumb(folder.path(), &["vol", "fit", CRASH, "--snapshot", "2026-02-05T21"]);
    let said = text(&output.stdout);
    for part in ["BTC 2026-02-07", "BTC 2026-12-25", "inside bid and ask", "time a slice"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn a_power_law_fits_worse_and_is_free() {
    let folder = tempfile::tempdir().unwrap();
    let output = plumb(folder.path(), &["vol", "fit", CRASH, "--json", "--model", "ssvi"]);
    let fit: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(fit["arbitrage_free_share"], 1.0);
    assert!(fit["power_laws"][0]["eta"].as_f64().unwrap() > 0.0);
}

#[test]
fn the_slice_of_vogt_is_refused_with_place_and_size_and_repaired() {
    let folder = folder("vogt.csv", VOGT);
    let output = plumb(folder.path(), &["vol", "check", "vogt.csv"]);
    assert_eq!(output.status.code(), Some(2));
    let expected = "Vogt: butterfly: g = -0.032864 at k = 0.8793, below zero 0.6424 to 1.2569";
    assert!(text(&output.stdout).contains(expected), "{}", text(&output.stdout));
    let arguments = ["vol", "check", "vogt.csv", "--repair", "--json"];
    let output = plumb(folder.path(), &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let check: Value = serde_json::from_slice(&output.stdout).unwrap();
    let slice = &check["slices"][0];
    assert_eq!(slice["free"], false);
    let output = plumb(folder.path(), &["vol", "check", "vogt.csv", "--repair"]);
    assert!(
        text(&output.stdout).contains("1 of 1 slices admit arbitrage; the repaired ones do not.")
    );
    assert!(slice["repaired"]["least_g"].as_f64().unwrap() > 0.0);
    assert!(slice["moved_points_max"].as_f64().unwrap() < 3.0);
}

#[test]
fn crossing_slices_are_refused_with_both_variances() {
    let rows = "years,a,b,rho,m,sigma\n0.1,0.02,0.1,0,0,0.2\n0.2,0.01,0.1,0,0,0.2\n";
    let folder = folder("crossed.csv", rows);
    let output = plumb(folder.path(), &["vol", "check", "crossed.csv"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stdout).contains("slice 2: calendar: variance"));
}

#[test]
fn the_page_of_a_surface_stands_alone() {
    let folder = tempfile::tempdir().unwrap();
    let output = plumb(folder.path(), &["vol", "plot", CRASH, "--out", "page"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let page = std::fs::read_to_string(folder.path().join("page/surface.html")).unwrap();
    for part in ["BTC · 2026-02-05 21:29:37 UTC", "Total variance", "smile-11", "plotly.js"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<script src="));
}

#[test]
fn what_cannot_be_fitted_is_refused_by_name() {
    let folder = folder("bad.csv", "years,a,b,rho,m,sigma\n1,x,0.1,0,0,0.1\n");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    write("huge.csv", "years,a,b,rho,m,sigma\n1,0.1,1e300,0,0,0.1\n");
    write("heading.csv", HEADER);
    let table = [
        (vec!["vol", "fit", "none.csv"], "none.csv: No such file"),
        (vec!["vol", "fit", "bad.csv"], "bad.csv:1: no column is named `snapshot_ms`"),
        (vec!["vol", "check", "bad.csv"], "bad.csv:2: a `x` is not a number"),
        (vec!["vol", "check", "huge.csv"], "slice 1: b 1e300 is beyond ±1000000"),
        (vec!["vol", "fit", "heading.csv"], "heading.csv: the file holds no rows"),
        (vec!["vol", "fit", CRASH, "--asset", "DOGE"], "no expiry of DOGE"),
        (vec!["vol", "fit", CRASH, "--asset", "DOGE"], "it has quotes of BTC"),
        (vec!["vol", "fit", CRASH, "--asset", "doge!"], "`doge!` is no coin"),
        (
            vec!["vol", "fit", CRASH, "--snapshot", "7"],
            "has no snapshot `7`; give a number from 1 to 1",
        ),
        (
            vec!["vol", "plot", CRASH, "--snapshot", "2026-03-01", "--out", "o"],
            "to 2026-02-05T21:29",
        ),
    ];
    for (arguments, expected) in table {
        let said = refusal(&folder, &arguments);
        assert!(said.contains(expected), "{arguments:?}: {said}");
    }
    assert!(!folder.path().join("o").exists(), "a refused plot leaves no folder");
}

/// A heading and, for each coin, quotes at three strikes a week ahead.
fn chain(coins: &[&str]) -> String {
    let mut text = HEADER.to_owned();
    for coin in coins {
        for right in ["95000-P", "100000-C", "105000-C"] {
            text += &format!(
                "1767225600000,{coin}-9JAN26-{right},0.02,0.03,0.025,0.5,0,50,100000,x,100000,1,1\n"
            );
        }
    }
    text
}

#[test]
fn a_check_of_quotes_covers_every_coin() {
    let folder = folder("two.csv", &chain(&["BTC", "ETH"]));
    let output = plumb(folder.path(), &["vol", "check", "two.csv", "--repair"]);
    let said = text(&output.stdout);
    for part in ["BTC 2026-01-09", "ETH 2026-01-09"] {
        assert!(said.contains(part), "{part}: {said}{}", text(&output.stderr));
    }
    let arguments = ["vol", "plot", "two.csv", "--asset", "ETH", "--out", "page"];
    let output = plumb(folder.path(), &arguments);
    assert!(
        text(&output.stdout).starts_with("Page of ETH · 2026-01-01 00:00:00 UTC: page/surface")
    );
}

#[test]
fn rows_that_are_left_out_are_named_by_every_command() {
    let content = chain(&["BTC"]);
    let again = content.lines().nth(1).unwrap().to_owned();
    let folder = folder("twice.csv", &format!("{content}{again}\n"));
    for command in [&["fit"][..], &["check"], &["plot", "--out", "page"]] {
        let output = plumb(folder.path(), &[&["vol"], command, &["twice.csv"]].concat());
        let expected = "twice.csv:5: `BTC-9JAN26-95000-P` stands twice at 2026-01-01 00:00:00.000";
        assert!(text(&output.stderr).contains(expected), "{command:?}: {}", text(&output.stderr));
    }
}
