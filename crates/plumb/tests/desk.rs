//! `plumb desk` as a user meets it: help, lists, checks, runs, sweeps, refusals with their text.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/binance-2024-08-08");

fn plumb(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plumb"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// A working directory with the data that ship under short names.
fn desk() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["spot", "usdm"] {
        let data = format!("{DATA}/binance-{name}-btcusdt.gz");
        std::fs::copy(data, folder.path().join(format!("{name}.gz"))).unwrap();
    }
    folder
}

fn said(folder: &Path, arguments: &[&str]) -> String {
    let output = plumb(folder, &[&["desk"], arguments].concat());
    assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

fn refusal(folder: &Path, arguments: &[&str]) -> String {
    let output = plumb(folder, &[&["desk", "backtest"], arguments].concat());
    let said = text(&output.stderr).to_owned();
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
    assert_eq!(text(&output.stdout), "", "{arguments:?}");
    said
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn help_teaches_with_examples_and_the_lists_name_every_parameter() {
    let desk = tempfile::tempdir().unwrap();
    let help = said(desk.path(), &["backtest", "--help"]);
    for part in
        ["--data data/binance-2024-08-08", "--sweep latency=0ms:200ms:5", "docs/backtest.md"]
    {
        assert!(help.contains(part), "{part}: {help}");
    }
    let list = said(desk.path(), &["strategies"]);
    for name in ["maker", "touch", "cross", "basis", "idle"] {
        assert!(list.contains(name), "{list}");
        assert!(said(desk.path(), &["strategies", name]).contains("wake_ms"));
    }
    let all = json(&said(desk.path(), &["strategies", "--json"]));
    assert_eq!(all[0]["name"], "maker");
    assert_eq!(all[0]["parameters"][1]["name"], "levels");
    assert_eq!(all[0]["parameters"][1]["default"], "3");
}

#[test]
fn bad_arguments_end_with_two_and_say_what_to_do() {
    let desk = desk();
    let data = ["--data", "usdm.gz"];
    let table: [(&[&str], &str); 9] = [
        (&["makr"], "plumb: no strategy `makr`; did you mean `maker`?\n"),
        (&["none.toml"], "plumb: cannot read none.toml: No such file or directory (os error 2)\n"),
        (
            &["touch", "--set", "behind_tick=1"],
            "plumb: --set behind_tick=1: unknown key `behind_tick`; did you mean `behind_ticks`?\n",
        ),
        (&["touch", "--set", "behind"], "plumb: --set behind: give a key and a value: key=value\n"),
        (
            &["touch", "--latency", "soon"],
            "plumb: --latency soon: `order` = `soon` in [latency] must be a delay of up to a day",
        ),
        (
            &["touch", "--sweep", "behind_ticks=0:5:1"],
            "plumb: --sweep behind_ticks=0:5:1: `1` is no count; give a whole number from 2 to \
             10000\n",
        ),
        (
            &["touch", "--sweep", "behind_ticks=0,-1"],
            "plumb: --sweep behind_ticks=-1: `behind_ticks` = -1 in [strategy] is out of range; it \
             must be between 0 and 10000\n",
        ),
        (
            &["cross"],
            "plumb: back-test cross: `cross` trades 2 different markets, `trades = [first, \
             second]`; there are BTCUSDT: give --data for each, or name them\n",
        ),
        (&["touch", "--data", "gone.gz"], "plumb: gone.gz: cannot be read: "),
    ];
    for (arguments, message) in table {
        let said = refusal(desk.path(), &[arguments, &data].concat());
        assert!(said.starts_with(message), "{said}\n{message}");
    }
    let unknown = refusal(desk.path(), &["touch", "--data", "usdm.gz", "--threads", "0"]);
    assert!(unknown.contains("give a whole number from 1 to 1024"), "{unknown}");
    assert!(!desk.path().join("runs").exists(), "nothing was begun");
}

#[test]
fn a_check_says_what_would_run_and_runs_nothing() {
    let desk = desk();
    let arguments = ["backtest", "maker", "--data", "perp=usdm.gz", "--check", "--latency", "7ms"];
    let said = said(desk.path(), &arguments);
    for part in [
        "maker, seed 1",
        "perp: BTCUSDT, binance-usdm perpetual; tick 0.1 of the venue; lot 0.001 of the venue",
        "own: perp",
        "order 7ms; answer 7ms",
        "half_spread_bp             3",
    ] {
        assert!(said.contains(part), "{part}: {said}");
    }
    assert!(!desk.path().join("runs").exists());
}

#[test]
fn a_run_is_repeated_byte_for_byte_and_names_its_data() {
    let desk = desk();
    let pair = ["--data", "spot=spot.gz", "--data", "perp=usdm.gz", "--json", "--out", "out"];
    let run = |set: &[&str]| said(desk.path(), &[&["backtest", "cross"], &pair[..], set].concat());
    let sets = ["usual_memory_min=0.1", "edge_bp=0", "market.fee_taker_bp=0"];
    let sets = sets.map(|set| ["--set", set]).concat();
    let (first, again) = (run(&sets), run(&sets));
    assert_eq!(first, again);
    let summary = json(&first);
    assert_eq!(summary["run"]["strategy"], "cross");
    assert!(summary.to_string().contains("blake3:"), "{summary}");
    for name in ["fills.parquet", "equity.parquet", "report.html", "markets.parquet"] {
        assert!(desk.path().join("out").join(name).is_file(), "{name}");
    }
    let files = summary["run"]["files"].as_array().unwrap();
    assert!(files.iter().all(|file| file["events"].as_u64().unwrap() > 10_000), "{files:?}");
    assert!(summary["fills"].as_u64().unwrap() > 20, "it trades");
    assert_eq!(summary["balanced"], true);
}

#[test]
fn a_sweep_is_the_same_on_any_number_of_threads_and_keeps_the_order_of_the_grid() {
    let desk = desk();
    let sweep = |threads: &str| {
        let arguments = [
            "backtest",
            "touch",
            "--data",
            "usdm.gz",
            "--set",
            "order_qty=0.01",
            "--sweep",
            "latency=0ms:200ms:3",
            "--sweep",
            "behind_ticks=0,5",
            "--json",
            "--threads",
            threads,
            "--out",
            "out",
        ];
        let said = said(desk.path(), &arguments);
        said.replace(&format!("--threads {threads}"), "--threads")
    };
    let (one, three) = (sweep("1"), sweep("3"));
    assert_eq!(one, three);
    let sweep = json(&one);
    assert_eq!(sweep["axes"][0]["labels"], serde_json::json!(["0", "100", "200"]));
    assert_eq!(sweep["axes"][0]["unit"], "ms");
    assert_eq!(sweep["cells"].as_array().unwrap().len(), 6);
    let parameters = sweep["run"]["parameters"].to_string();
    assert!(parameters.contains("order_qty") && !parameters.contains("behind_ticks"));
}

#[test]
fn a_file_says_everything_and_the_command_line_goes_before_it() {
    let desk = desk();
    let file = "[strategy]\nname = \"touch\"\norder_qty = 0.01\n\n[[market]]\nname = \"perp\"\n\
                data = \"usdm.gz\"\n\n[exchange]\nqueue = \"pro-rata\"\n";
    std::fs::write(desk.path().join("touch.toml"), file).unwrap();
    let check = said(desk.path(), &["backtest", "touch.toml", "--check", "--set", "queue=log"]);
    assert!(check.contains("queue log") && check.contains("order_qty                  0.01"));
    let broken = file.replace("order_qty", "order_qt");
    std::fs::write(desk.path().join("touch.toml"), broken).unwrap();
    assert_eq!(
        refusal(desk.path(), &["touch.toml"]),
        "plumb: touch.toml:3:1: unknown key `order_qt` in [strategy]; did you mean `order_qty`?\n"
    );
}
