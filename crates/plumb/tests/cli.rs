//! The built command as a user meets it: help, refusals with their exit code and text, and JSON.
#![allow(clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/binance-2025-10");

fn plumb(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_plumb"));
    command.args(arguments).current_dir(folder).env("NO_COLOR", "1").env_remove("CLICOLOR_FORCE");
    command.output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

fn shipped(name: &str) -> String {
    format!("{DATA}/{name}.csv.gz")
}

/// A folder with ten minutes of a market nobody trades in, and its data.
struct Desk {
    folder: TempDir,
}

const SCENARIO: &str = r#"name = "ten-minutes"
start = 2025-10-01T00:00:00Z
end = 2025-10-01T00:10:00Z

[[asset]]
name = "BTC"
spot_bars = "spot.csv"

[[perpetual]]
name = "BTC-PERP"
asset = "BTC"
tick = 0.1
lot = 0.0001
position_max = 500
funding = { rule = "anchored" }

[venue]
half_spread_bp = 1

[[agents]]
class = "maker"
instruments = ["BTC-PERP"]
cash_usd = 100_000
"#;

const SPOT: &str = "open_time,open,high,low,close,volume\n\
    1759276500000,100,101,99,100,1\n1759276800000,100,101,99,100,1\n\
    1759277100000,100,101,99,100,1\n1759277400000,100,101,99,100,1\n";

impl Desk {
    fn new() -> Desk {
        let desk = Desk { folder: tempfile::tempdir().unwrap() };
        desk.write("small.toml", SCENARIO.as_bytes());
        desk.write("spot.csv", SPOT.as_bytes());
        desk
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path(name), bytes).unwrap();
    }

    /// What a refused command says; it must leave with 2 and print nothing else.
    fn refusal(&self, arguments: &[&str]) -> String {
        let output = plumb(self.folder.path(), arguments);
        let said = text(&output.stderr).to_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        assert_eq!(text(&output.stdout), "", "{arguments:?}");
        said
    }

    /// The refusal of a scenario with one text replaced.
    fn broken(&self, from: &str, to: &str) -> String {
        assert!(SCENARIO.contains(from), "{from}");
        self.write("small.toml", SCENARIO.replacen(from, to, 1).as_bytes());
        self.refusal(&["lab", "run", "small.toml"])
    }

    /// The refusal of a scenario whose spot bars are these bytes.
    fn bad_spot(&self, name: &str, bytes: &[u8]) -> String {
        self.write(name, bytes);
        self.broken("spot.csv", name)
    }

    fn verify(&self, files: [&str; 3]) -> String {
        let [spot, perp, funding] = files;
        let flags = ["--spot", spot, "--perp", perp, "--funding", funding];
        self.refusal(&[&["lab", "verify", "funding"][..], &flags].concat())
    }
}

#[test]
fn every_command_has_help_that_says_what_it_does() {
    let desk = Desk::new();
    let table: [(&[&str], &[&str]); 14] = [
        (&["--help"], &["Keeps synthetic markets true to their spot", "lab", "data"]),
        (&["lab", "--help"], &["run", "compare", "verify"]),
        (&["lab", "run", "--help"], &["byte for byte", "--seed", "--out", "--rule", "--json"]),
        (&["lab", "compare", "--help"], &["only the rule differs", "--rules", "--seeds"]),
        (&["lab", "stress", "--help"], &["E15,E3", "--incidents", "--full", "--markdown"]),
        (&["lab", "frontier", "--help"], &["which price gap", "--out"]),
        (&["lab", "verify", "funding", "--help"], &["--spot", "--perp", "--funding", "--json"]),
        (&["data", "import", "--help"], &["plumb data import btc.npz", "--out", "--price-unit"]),
        (&["data", "check", "--help"], &["plumb data check btc.tape", "crossed books", "--gap"]),
        (&["data", "info", "--help"], &["checksum", "--json"]),
        (&["data", "export", "--help"], &["CSV"]),
        (
            &["vol", "fit", "--help"],
            &["Example: plumb vol fit", "--asset", "--snapshot", "--model"],
        ),
        (&["vol", "check", "--help"], &["years,a,b,rho,m,sigma", "--repair", "--json"]),
        (&["vol", "plot", "--help"], &["surface.html", "--out"]),
    ];
    for (arguments, expected) in table {
        let output = plumb(desk.folder.path(), arguments);
        assert!(output.status.success(), "{arguments:?}");
        for part in expected {
            assert!(text(&output.stdout).contains(part), "{arguments:?}: {part}");
        }
    }
    let bare = plumb(desk.folder.path(), &[]);
    assert_eq!(bare.status.code(), Some(2));
    assert!(text(&bare.stderr).contains("Usage: plumb"), "{}", text(&bare.stderr));
}

#[test]
fn the_scenario_that_the_refusals_start_from_runs() {
    let desk = Desk::new();
    let output = plumb(desk.folder.path(), &["lab", "run", "small.toml", "--out", "out"]);
    assert!(output.status.success(), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("ten-minutes · seed 1"), "{}", text(&output.stdout));
    for name in ["report.html", "summary.json", "classes.parquet", "samples-BTC-PERP.parquet"] {
        assert!(desk.path("out").join(name).is_file(), "{name}");
    }
}

#[test]
fn an_unknown_key_is_refused_with_the_nearest() {
    assert_eq!(
        Desk::new().broken("half_spread_bp", "half_spred_bp"),
        "plumb: small.toml:18:1: unknown key `half_spred_bp` in [venue]; did you mean \
         `half_spread_bp`?\n"
    );
}

#[test]
fn a_value_out_of_range_is_refused_with_the_range() {
    assert_eq!(
        Desk::new().broken("half_spread_bp = 1", "half_spread_bp = 600"),
        "plumb: small.toml:18:18: `half_spread_bp` = 600 in [venue] is out of range; it must be \
         between 0 and 500\n"
    );
}

#[test]
fn an_unknown_rule_is_refused_with_the_nearest() {
    let desk = Desk::new();
    let known = "known: anchored, industry, dydx, velocity, pi\n";
    assert_eq!(
        desk.refusal(&["lab", "run", "small.toml", "--rule", "industri"]),
        format!("plumb: unknown funding rule `industri`; did you mean `industry`?; {known}")
    );
    assert_eq!(
        desk.refusal(&["lab", "compare", "small.toml", "--rules", "anchored,dydy"]),
        format!("plumb: unknown funding rule `dydy`; did you mean `dydx`?; {known}")
    );
}

#[test]
fn a_missing_data_file_is_refused_with_the_paths_tried() {
    let desk = Desk::new();
    std::fs::create_dir(desk.path("market")).unwrap();
    desk.write("market/small.toml", SCENARIO.replace("spot.csv", "none.csv").as_bytes());
    assert_eq!(
        desk.refusal(&["lab", "run", "market/small.toml"]),
        "plumb: market/small.toml:7:13: `spot_bars` in [[asset]] \"BTC\": no such file; tried \
         market/none.csv and none.csv\n"
    );
}

#[test]
fn a_missing_scenario_is_refused_by_name() {
    let said = Desk::new().refusal(&["lab", "run", "none.toml"]);
    assert!(said.starts_with("plumb: cannot read none.toml: "), "{said}");
}

#[test]
fn a_bar_whose_high_is_below_its_close_is_refused_with_line_and_column() {
    let wrong = SPOT.replace("1759277100000,100,101,", "1759277100000,100,100,99,101,1\n#");
    let wrong = wrong.split('#').next().unwrap();
    assert_eq!(
        Desk::new().bad_spot("wrong.csv", wrong.as_bytes()),
        "plumb: wrong.csv:4:3: high 100 is below close 101\n"
    );
}

#[test]
fn truncated_gzip_is_refused() {
    let whole = std::fs::read(shipped("BTCUSDT-spot-5m")).unwrap();
    let said = Desk::new().bad_spot("cut.csv.gz", &whole[..whole.len() / 2]);
    assert!(said.starts_with("plumb: cut.csv.gz"), "{said}");
    assert!(said.contains(": the gzip data is cut short or damaged ("), "{said}");
    assert!(said.ends_with("): fetch the file again\n"), "{said}");
}

#[test]
fn a_web_page_instead_of_data_is_refused() {
    assert_eq!(
        Desk::new().bad_spot("page.csv", b"<!DOCTYPE html>\n<html><body>403</body></html>"),
        "plumb: page.csv:1: an HTML or XML page, not klines as CSV: \
         open_time,open,high,low,close,volume[,\u{2026}]: the download was refused, fetch the \
         file again\n"
    );
}

#[test]
fn a_scenario_outside_of_its_data_is_refused_with_both_periods() {
    let desk = Desk::new();
    let text = SCENARIO.replace("2025-10-01", "2025-11-01");
    desk.write("small.toml", text.as_bytes());
    assert_eq!(
        desk.refusal(&["lab", "run", "small.toml"]),
        "plumb: spot.csv: has no bar at 2025-11-01 00:00:00.000 UTC, where the scenario starts; \
         it covers 2025-09-30 23:55:00.000 to 2025-10-01 00:10:00.000\n"
    );
}

#[test]
fn a_scenario_that_outlasts_its_data_is_refused_with_both_periods() {
    assert_eq!(
        Desk::new().broken("2025-10-01T00:10:00Z", "2025-10-01T00:20:00Z"),
        "plumb: price path of BTC: bars cover 2025-10-01 00:00:00.000 to \
         2025-10-01 00:15:00.000, the run needs 2025-10-01 00:00:00.000 to \
         2025-10-01 00:20:00.000\n"
    );
}

#[test]
fn agents_beyond_what_the_exchange_can_hold_are_refused() {
    let desk = Desk::new();
    let text = SCENARIO.replace("position_max = 500", "position_max = 20_000_000");
    desk.write("small.toml", format!("{text}count = 2_500\n").as_bytes());
    assert_eq!(
        desk.refusal(&["lab", "run", "small.toml"]),
        "plumb: the exchange refuses to open with these agents (OpenAccount: Overflow): give \
         fewer accounts, smaller balances or a smaller position_max\n"
    );
}

#[test]
fn flags_out_of_range_are_refused_with_the_range() {
    let desk = Desk::new();
    assert_eq!(
        desk.refusal(&["lab", "compare", "small.toml", "--seeds", "0"]),
        "plumb: --seeds: give a number from 1 to 10000\n"
    );
    let files = ["--spot", "spot.csv", "--perp", "spot.csv", "--funding", "spot.csv"];
    let wide = ["lab", "verify", "funding", "--clamp-bp", "1001"];
    assert_eq!(
        desk.refusal(&[&wide[..], &files].concat()),
        "plumb: --interest-bp and --clamp-bp: give 0 to 1000\n"
    );
    let said = desk.refusal(&["lab", "run", "small.toml", "--seed", "many"]);
    assert!(said.contains("invalid value 'many' for '--seed <N>'"), "{said}");
}

#[test]
fn a_number_that_is_none_is_refused_with_the_range() {
    let desk = Desk::new();
    let range = "give a whole number from 0 to 18446744073709551615";
    for seed in ["-1", "1.5", "18446744073709551616", "many"] {
        for command in [&["lab", "run", "small.toml"][..], &["lab", "stress"]] {
            let said = desk.refusal(&[command, &["--seed", seed]].concat());
            assert!(said.contains(&format!("invalid value '{seed}' for '--seed <N>': {range}")));
        }
    }
    let said = desk.refusal(&["lab", "compare", "small.toml", "--seeds", "-3"]);
    assert!(said.contains(range), "{said}");
}

#[test]
fn a_rule_named_twice_is_refused() {
    assert_eq!(
        Desk::new().refusal(&["lab", "compare", "small.toml", "--rules", "pi,anchored,pi"]),
        "plumb: --rules: `pi` stands there twice; name each once\n"
    );
}

#[test]
fn a_folder_without_incidents_is_refused_with_the_flag_that_names_one() {
    let said = Desk::new().refusal(&["lab", "stress"]);
    let start = "plumb: no incidents in scenarios/incidents: give their folder with --incidents: ";
    assert!(said.starts_with(start), "{said}");
}

#[test]
fn a_symbol_of_a_file_that_names_none_is_refused() {
    let desk = Desk::new();
    desk.write("funding.csv", b"1759276800000,0.0001\n1759305600000,0.0002\n");
    assert_eq!(
        desk.refusal(&["data", "info", "funding.csv", "--symbol", "BTC"]),
        "plumb: funding.csv: its rows name no symbol, so `BTC` cannot be picked; leave the symbol \
         out\n"
    );
}

#[test]
fn an_export_ends_in_silence_when_its_reader_has_gone() {
    let desk = Desk::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_plumb"));
    command.args(["data", "export", &shipped("BTCUSDT-spot-5m")]).current_dir(desk.folder.path());
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let mut child = command.spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), ""));
}

#[test]
fn a_summary_names_the_command_that_repeats_it() {
    let desk = Desk::new();
    let output = plumb(desk.folder.path(), &["lab", "run", "small.toml", "--json", "--seed", "3"]);
    let summary: serde_json::Value = serde_json::from_str(text(&output.stdout)).unwrap();
    assert_eq!(summary["command"], "plumb lab run small.toml --seed 3");
}

#[test]
fn a_folder_that_cannot_be_written_is_refused_before_the_run() {
    let desk = Desk::new();
    let said = desk.refusal(&["lab", "run", "small.toml", "--out", "spot.csv/out"]);
    assert!(said.starts_with("plumb: cannot write to spot.csv/out: "), "{said}");
    let said = desk.refusal(&["lab", "compare", "small.toml", "--out", "spot.csv/out"]);
    assert!(said.starts_with("plumb: cannot write to spot.csv/out: "), "{said}");
}

#[test]
fn a_market_that_is_not_there_is_refused_with_those_that_are() {
    assert_eq!(
        Desk::new().refusal(&["lab", "compare", "small.toml", "--market", "ETH-PERP"]),
        "plumb: --market ETH-PERP: ten-minutes has the perpetuals BTC-PERP\n"
    );
}

#[test]
fn a_bad_funding_file_is_refused_with_line_and_cause() {
    let desk = Desk::new();
    let bars = shipped("BTCUSDT-spot-5m");
    desk.write("funding.csv", b"1759276800000,0.0001\n1759305600000,much\n");
    let said = desk.verify([&bars, &bars, "funding.csv"]);
    assert_eq!(said, "plumb: funding.csv:2:2: `much` is not a decimal number\n");
    let said = desk.verify([&bars, &bars, &bars]);
    assert!(said.contains("BTCUSDT-spot-5m.csv.gz"), "{said}");
}

#[test]
fn bars_of_two_intervals_are_refused_with_both() {
    let desk = Desk::new();
    desk.write("perp.csv", b"1759276800000,1,1,1,1,1\n1759280400000,1,1,1,1,1\n");
    let spot = shipped("BTCUSDT-spot-5m");
    assert_eq!(
        desk.verify([&spot, "perp.csv", &shipped("BTCUSDT-funding-8h")]),
        "plumb: spot bars are 5m apart and perpetual bars 1h: both need one interval\n"
    );
}

#[test]
fn bars_and_settlements_of_different_times_are_refused_with_both_periods() {
    let desk = Desk::new();
    desk.write("funding.csv", b"1790812800000,0.0001\n1790841600000,0.0001\n");
    let said = desk.verify(["spot.csv", "spot.csv", "funding.csv"]);
    assert_eq!(
        said,
        "plumb: no settlement has a full interval of both bars before it: bars run \
         2025-09-30 23:55:00.000 to 2025-10-01 00:10:00.000, settlements \
         2026-10-01 00:00:00.000 to 2026-10-01 08:00:00.000\n"
    );
}

#[test]
fn verified_funding_prints_as_json() {
    let desk = Desk::new();
    let (spot, perp) = (shipped("BTCUSDT-spot-5m"), shipped("BTCUSDT-perp-5m"));
    let funding = shipped("BTCUSDT-funding-8h");
    let flags = ["--spot", &spot, "--perp", &perp, "--funding", &funding, "--json"];
    let arguments = [&["lab", "verify", "funding"][..], &flags].concat();
    let output = plumb(desk.folder.path(), &arguments);
    assert!(output.status.success(), "{}", text(&output.stderr));
    let value: serde_json::Value = serde_json::from_str(text(&output.stdout)).unwrap();
    assert_eq!(value["settlements"], 52);
    assert!(value["correlation"].as_f64().unwrap() > 0.93, "{value}");
    assert!(value["mae_bp"].as_f64().unwrap() < 0.13, "{value}");
}

#[test]
fn an_unknown_incident_is_refused_with_those_there_are() {
    let desk = Desk::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/incidents");
    let said = desk.refusal(&["lab", "stress", "E99", "--incidents", folder]);
    assert!(said.starts_with("plumb: `E99`: no such incident; there are E1, E2, E3, E4"), "{said}");
}

#[test]
fn every_incident_has_a_row_with_each_field_in_its_type_and_no_loss_of_a_flat_account() {
    let desk = Desk::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/incidents");
    let arguments = ["lab", "stress", "--as-it-was", "--json", "--incidents", folder];
    let output = plumb(desk.folder.path(), &arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let report: serde_json::Value = serde_json::from_str(text(&output.stdout)).unwrap();
    let rows = report["incidents"].as_array().unwrap();
    let absent = report["not_expressible"].as_array().unwrap();
    let files = std::fs::read_dir(folder).unwrap().count();
    assert_eq!(rows.len() + absent.len(), files, "a row for each file");
    for row in rows {
        let id = row["id"].as_str().unwrap();
        for field in ["bad_debt_ours", "adl_volume", "minutes_beyond_50bp", "opened_ours"] {
            assert!(row[field].as_f64().is_some_and(|value| value >= 0.0), "{id} {field}: {row}");
        }
        assert_eq!(row["invariants_broken"].as_u64(), Some(0), "{id}: {row}");
        assert_eq!(row["flat_user_loss"].as_f64(), Some(0.0), "{id}: {row}");
        let theirs = ["bad_debt_theirs", "bad_debt_theirs_at_our_size", "opened_theirs"];
        let run = theirs.map(|field| row[field].as_f64().is_some_and(|value| value >= 0.0));
        let not = theirs.map(|field| row[field].is_null());
        assert!(run == [true; 3] || not == [true; 3], "{id}: {row}");
        let explained = row["worse_in"].as_array().unwrap().is_empty()
            || !row["why_worse"].as_str().unwrap().is_empty();
        assert!(explained, "{id} owes more than theirs and does not say why: {row}");
        assert!(row["title"].is_string() && row["theirs"].is_string(), "{id}: {row}");
    }
    for left in absent {
        assert!(left["id"].is_string() && left["why"].is_string(), "{left}");
    }
}

#[test]
fn the_markdown_and_the_page_of_an_incident_show_all_three_runs() {
    let desk = Desk::new();
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/incidents");
    let flags = ["--as-it-was", "--markdown", "--out", "stress", "--incidents", folder];
    let output = plumb(desk.folder.path(), &[&["lab", "stress", "e12c"][..], &flags].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let markdown = text(&output.stdout);
    assert!(markdown.contains("Written by `plumb lab stress --seed 1 --markdown`"), "{markdown}");
    for line in ["| E12c | dYdX v4 | ours | ", "|  |  | theirs | ", "|  |  | at our size | "] {
        assert!(markdown.contains(line), "{line}: {markdown}");
    }
    let page = std::fs::read_to_string(desk.path("stress/stress.html")).unwrap();
    assert!(page.contains("E12c dYdX v4") && page.contains("at our size"));
}

#[test]
fn the_frontier_of_a_scenario_is_a_table_with_its_markets() {
    let desk = Desk::new();
    let output = plumb(desk.folder.path(), &["lab", "frontier", "small.toml", "--out", "frontier"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).starts_with("BTC-PERP · maintenance margin 2.50 %"));
    assert!(desk.path("frontier/frontier.html").is_file());
}
