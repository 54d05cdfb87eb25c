//! Hours of options on recorded surfaces: repeatable, exact in their accounts, and open to faults.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use lab::option_metrics::OptionMetrics;
use lab::option_record::OptionRecord;
use lab::record::Record;
use lab::scenario::Scenario;
use lab::setup::{self, Tapes};
use lab::world::World;

/// Over the expiry of 5 February at 08:00.
const HOURS: (&str, &str) = ("2026-02-05T06:30:00Z", "2026-02-05T09:00:00Z");

fn text() -> String {
    let text = std::fs::read_to_string("../../scenarios/gamma-february-2026.toml").unwrap();
    text.replace("2026-02-05T00:00:00Z", HOURS.0)
        .replace("2026-02-06T18:00:00Z", HOURS.1)
        .replace("orders_per_hour = 1.5", "orders_per_hour = 12")
        .replace("../data", "../../data")
}

fn run(text: &str, off: &[&str]) -> Record {
    let scenario = Scenario::parse(text, Path::new("options.toml")).unwrap();
    let off: Vec<String> = off.iter().map(|name| (*name).to_owned()).collect();
    let scenario = scenario.without(&off).unwrap();
    let tapes = Tapes::read(&scenario).unwrap();
    World::new(setup::world(&scenario, &tapes, 5).unwrap()).unwrap().run(|_| {})
}

fn options(record: &Record) -> &OptionRecord {
    record.options.as_ref().unwrap()
}

#[test]
fn an_expiry_passes_and_every_account_closes() {
    let record = run(&text(), &[]);
    let total = record.accounting.iter().find(|(row, _)| row == "sum").unwrap();
    assert_eq!(total.1.exact, "0");
    assert!(record.invariants.iter().all(|row| row.broken == 0));
    let seen = options(&record);
    assert_eq!(seen.expiries.len(), 1, "{:?}", seen.expiries);
    let expiry = &seen.expiries[0];
    assert!((expiry.price / expiry.spot - 1.0).abs() < 0.02, "{expiry:?}");
    assert!(seen.counts.trades > 50 && seen.counts.surfaces > 100, "{:?}", seen.counts);
    let metrics = OptionMetrics::of(seen);
    assert!(metrics.quoted_share > 0.5, "{}", metrics.quoted_share);
    assert!(metrics.mark_abs_pt.mean < 3.0, "{:?}", metrics.mark_abs_pt);
}

#[test]
fn profit_by_cause_adds_up_to_the_change_of_equity() {
    let record = run(&text(), &[]);
    let classes: Vec<&str> =
        options(&record).attributions.iter().map(|row| row.class.as_str()).collect();
    assert_eq!(classes, ["option-maker", "option-customer", "surface", "gamma"]);
    for row in &options(&record).attributions {
        let parts: f64 = row.parts.iter().map(|(_, part)| part.usd).sum();
        assert!((parts - row.total.usd).abs() < 1e-3, "{row:?}");
    }
}

#[test]
fn a_run_repeats_and_an_agent_that_is_off_leaves_the_path_as_it_is() {
    let (on, again) = (run(&text(), &[]), run(&text(), &[]));
    assert_eq!(on.state_hash, again.state_hash);
    assert_eq!(options(&on).samples.deviation_pt.len(), options(&again).samples.len());
    let off = run(&text(), &["surface", "gamma desk"]);
    assert_ne!(on.state_hash, off.state_hash);
    assert_eq!(on.markets[0].samples.spot, off.markets[0].samples.spot);
    assert_eq!(options(&on).samples.fair_atm_pct, options(&off).samples.fair_atm_pct);
    let traded = |record: &Record, class: &str| {
        record.classes.iter().find(|row| row.class == class).unwrap().traded_usd
    };
    assert_eq!([traded(&off, "surface"), traded(&off, "gamma")], [0.0, 0.0]);
    assert!(traded(&on, "surface") > 0.0);
}

#[test]
fn a_surface_that_can_be_arbitraged_is_refused_and_the_others_carry_on() {
    let fault = format!(
        "noise_pct = 0.5\nfault = [{{ publisher = 0, from = {}, to = {} }}]",
        HOURS.0, HOURS.1
    );
    let record = run(&text().replace("noise_pct = 0.5", &fault), &[]);
    let counts = &options(&record).counts;
    assert!(counts.surfaces_refused > 200, "{counts:?}");
    assert!(counts.surfaces > 100, "{counts:?}");
}

#[test]
fn without_a_quorum_of_publishers_the_surface_ages_and_trading_stops() {
    let outage = |publisher: u32| {
        format!("{{ publisher = {publisher}, from = 2026-02-05T07:00:00Z, to = {} }}", HOURS.1)
    };
    let outages = format!("noise_pct = 0.5\noutage = [{}, {}]", outage(0), outage(1));
    let record = run(&text().replace("noise_pct = 0.5", &outages), &[]);
    let ages = &options(&record).samples.surface_age_s;
    assert!(*ages.last().unwrap() > 6_000.0, "{:?}", ages.last());
    assert_eq!(options(&record).expiries.len(), 1, "an expiry settles on the index all the same");
}
