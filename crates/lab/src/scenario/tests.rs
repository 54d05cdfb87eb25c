//! Good scenarios read as meant; broken ones are refused with the exact message.

use std::path::Path;

use money::{Amount, Price, Qty, Rate, Span};
use protocol::ids::{AssetId, MarketId};
use protocol::params::{FundingRule, Kind};

use super::*;

const GOOD: &str = r#"name = "small"
start = 2025-10-01
end = 2025-10-02T12:00:00Z

[[asset]]
name = "BTC"
spot_bars = "btc-spot.csv.gz"

[[spot_market]]
name = "BTC-SPOT"
asset = "BTC"
tick = 0.1
lot = 0.0001

[[perpetual]]
name = "BTC-PERP"
asset = "BTC"
tick = 0.1
lot = 0.0001
position_max = 500
funding = { rule = "anchored", anchor_h = 4 }

[funding.anchored]
cap_bp_8h = 50

[oracle]
publishers = 3
outage = [{ publisher = 2, from = 2025-10-01T06:00:00Z, to = 2025-10-01T07:00:00Z }]

[venue]
half_spread_bp = 1

[venue.BTC]
depth_usd = 9_000_000.0

[link.default]
latency_ms = 30

[link.basis]
jitter_ms = 1.5

[[agents]]
class = "basis"
count = 3
instruments = ["BTC-PERP", "venue:BTC"]
cash_usd = 1_000_000
venue_coins = { BTC = 2.5 }
"#;

fn read(text: &str) -> Result<Scenario, String> {
    Scenario::parse(text, Path::new("small.toml")).map_err(|error| error.to_string())
}

fn broken(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    read(&GOOD.replacen(from, to, 1)).unwrap_err()
}

#[test]
fn a_good_scenario_reads_as_written_and_by_default() {
    let scenario = read(GOOD).unwrap();
    assert_eq!(scenario.start.to_string(), "2025-10-01 00:00:00.000");
    assert_eq!(scenario.end.to_string(), "2025-10-02 12:00:00.000");
    assert_eq!((scenario.seed, scenario.sample), (1, Span::MINUTE));
    assert_eq!(scenario.market("BTC-PERP"), Some(MarketId(1)));
    assert_eq!(scenario.markets[1].tick, "0.1".parse::<Price>().unwrap());
    assert_eq!(scenario.oracle.params.stakes, [1, 1, 1]);
    assert_eq!(scenario.oracle.outages[0].publisher.0, 2);
    let venue = scenario.venues[0];
    assert_eq!((venue.half_spread, venue.depth), (1e-4, 9e6));
    let link = scenario.links.of("basis");
    assert_eq!(link.latency, Span::from_millis(30));
    assert_eq!(link.jitter, Span::from_nanos(1_500_000));
    assert_eq!(scenario.links.of("maker"), scenario.links.of("no such class"));
    let agents = &scenario.agents[0];
    assert_eq!((agents.name.as_str(), agents.count), ("basis", 3));
    assert_eq!(agents.instruments, [Place::Venue(AssetId(1)), Place::Market(MarketId(1))]);
    assert_eq!(agents.cash, "1000000".parse::<Amount>().unwrap());
    assert_eq!(agents.venue_coins, [(AssetId(1), "2.5".parse::<Qty>().unwrap())]);
}

#[test]
fn a_rule_takes_the_market_first_then_the_funding_table_then_the_default() {
    let scenario = read(GOOD).unwrap();
    let funding = |scenario: &Scenario| match scenario.markets[1].kind {
        Kind::Perpetual(params) => params.funding,
        Kind::Spot { .. } | Kind::Future(_) => panic!("market 1 is a perpetual"),
    };
    let (carry, cap) = (Rate::from_raw(39_269_406), Rate::from_bp(50));
    let anchored = |hours| FundingRule::Anchored { anchor: Span::HOUR.times(hours), carry, cap };
    assert_eq!(funding(&scenario), anchored(4));
    assert_eq!(funding(&scenario.with_rule("anchored").unwrap()), anchored(8));
    for name in RULES {
        scenario.with_rule(name).unwrap();
    }
    let velocity = funding(&scenario.with_rule("velocity").unwrap());
    let FundingRule::Velocity { premium_scale, .. } = velocity else { panic!("{velocity:?}") };
    assert_eq!(premium_scale, Rate::from_bp(10));
    assert_eq!(
        scenario.with_rule("anchord").unwrap_err().to_string(),
        "unknown funding rule `anchord`; did you mean `anchored`?; \
         known: anchored, industry, dydx, velocity, pi"
    );
}

#[test]
fn the_design_is_the_rulebooks() {
    let params = read(GOOD).unwrap().params();
    let names: Vec<&str> = params.assets.iter().map(|asset| asset.name.as_str()).collect();
    assert_eq!(names, ["USD", "BTC"]);
    assert_eq!(params.markets.len(), 2);
    assert_eq!(params.markets[1].base, AssetId(1));
}

#[test]
fn broken_keys_and_values_say_where_and_what_to_do() {
    let table = [
        (
            "half_spread_bp",
            "half_spred_bp",
            "small.toml:31:1: unknown key `half_spred_bp` in [venue]; did you mean \
             `half_spread_bp`?",
        ),
        (
            "half_spread_bp = 1",
            "half_spread_bp = 600",
            "small.toml:31:18: `half_spread_bp` = 600 in [venue] is out of range; it must be \
             between 0 and 500",
        ),
        (
            "tick = 0.1\nlot = 0.0001\n\n",
            "lot = 0.0001\n\n",
            "small.toml:9:1: missing key `tick` in [[spot_market]] \"BTC-SPOT\"",
        ),
        (
            "publishers = 3",
            "publishers = \"three\"",
            "small.toml:27:14: `publishers` in [oracle] must be a whole number, not text",
        ),
        (
            "end = 2025-10-02T12:00:00Z",
            "end = 2025-10-02T12:00:00",
            "small.toml:3:7: `end` = 2025-10-02T12:00:00 in the scenario must be a time in UTC, \
             as 2025-10-01T00:00:00Z, or a date",
        ),
        (
            "end = 2025-10-02T12:00:00Z",
            "end = 2025-09-02",
            "small.toml:3:7: `end` in the scenario must be after `start`",
        ),
    ];
    let seen = table.map(|(from, to, _)| broken(from, to));
    assert_eq!(seen, table.map(|(_, _, message)| message));
}

#[test]
fn broken_names_and_combinations_say_where_and_what_to_do() {
    let table = [
        (
            "asset = \"BTC\"",
            "asset = \"BTX\"",
            "small.toml:11:9: unknown asset `BTX` in [[spot_market]] \"BTC-SPOT\"; did you mean \
             `BTC`?",
        ),
        (
            "rule = \"anchored\"",
            "rule = \"industri\"",
            "small.toml:21:20: unknown funding rule `industri`; did you mean `industry`?; known: \
             anchored, industry, dydx, velocity, pi",
        ),
        (
            "anchor_h = 4",
            "clamp_bp = 4",
            "small.toml:21:32: unknown key `clamp_bp` in funding of [[perpetual]] \"BTC-PERP\"; \
             known: rule, anchor_h, carry_pct_year, cap_bp_8h",
        ),
        ("publisher = 2", "publisher = 3", "small.toml:28:25: no publisher 3; they are 0 to 2"),
        (
            "class = \"basis\"",
            "class = \"bases\"",
            "small.toml:43:9: unknown class `bases`; did you mean `basis`?",
        ),
        (
            "\"BTC-PERP\", \"venue:BTC\"",
            "\"BTC-PERP\", \"BTC-SPOTT\"",
            "small.toml:45:28: unknown instrument `BTC-SPOTT` in [[agents]] \"basis\"; did you \
             mean `BTC-SPOT`?",
        ),
        (
            "\"BTC-PERP\", \"venue:BTC\"",
            "\"BTC-SPOT\", \"venue:BTC\"",
            "small.toml:45:15: `instruments` of [[agents]] \"basis\" must be one spot market or \
             `venue:…`, and one perpetual, of the same asset",
        ),
        (
            "position_max = 500",
            "position_max = 500\nmargin_maintenance_pct = 5",
            "small.toml:21:26: `margin_maintenance_pct` in [[perpetual]] \"BTC-PERP\" must be \
             below `margin_initial_pct`",
        ),
        (
            "count = 3",
            "count = ",
            "small.toml:44:9: string values must be quoted, expected literal string",
        ),
    ];
    let seen = table.map(|(from, to, _)| broken(from, to));
    assert_eq!(seen, table.map(|(_, _, message)| message));
}

#[test]
fn nan_and_infinity_are_out_of_range() {
    for value in ["nan", "inf", "-inf", "1e400"] {
        let message = broken("half_spread_bp = 1", &format!("half_spread_bp = {value}"));
        assert!(message.contains("is out of range"), "{message}");
    }
}

#[test]
fn a_missing_data_file_is_named_with_the_paths_tried() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("small.toml");
    std::fs::write(&file, GOOD).unwrap();
    let beside = folder.path().join("btc-spot.csv.gz");
    assert_eq!(
        Scenario::load(&file).unwrap_err().to_string(),
        format!(
            "{}:7:13: `spot_bars` in [[asset]] \"BTC\": no such file; tried {} and btc-spot.csv.gz",
            file.display(),
            beside.display()
        )
    );
    std::fs::write(&beside, "").unwrap();
    assert_eq!(Scenario::load(&file).unwrap().assets[0].spot_bars, beside);
    let missing = folder.path().join("none.toml");
    let error = Scenario::load(&missing).unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot read {}: ", missing.display())), "{error}");
}

#[test]
fn shipped_scenarios_are_good() {
    for name in ["october-2025", "calm-october"] {
        let file = Path::new("../../scenarios").join(name).with_extension("toml");
        let text = std::fs::read_to_string(&file).unwrap();
        let scenario = Scenario::parse(&text, &file).unwrap();
        assert_eq!(scenario.name, name);
    }
}

/// With `UPDATE_EXPECT=1` the page is written instead of compared.
#[test]
fn the_page_of_keys_is_printed_from_the_table() {
    let file = Path::new("../../docs/scenarios.md");
    let page = std::fs::read_to_string(file).unwrap();
    let marker = "<!-- keys: printed from the table in `lab::scenario` -->\n";
    let (intro, keys) = page.split_once(marker).unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(file, format!("{intro}{marker}{}", reference())).unwrap();
        return;
    }
    for (written, printed) in keys.lines().zip(reference().lines()) {
        assert_eq!(written, printed, "run this test with UPDATE_EXPECT=1");
    }
    assert!(keys == reference(), "run this test with UPDATE_EXPECT=1");
}
