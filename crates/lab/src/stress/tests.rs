//! Readers of broken files, determinism, the fields of the JSON, and incidents that run fast.

use std::path::{Path, PathBuf};

use super::*;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scenarios/incidents");

const SMALL: &str = r#"id = "E0"
title = "Small"
date = "2025"
venue = "V"
source = "nothing"
duration_min = 5
shock_min = 1

[[asset]]
name = "BTC"
price_usd = 100
depth_usd = 1_000_000
path = [{ minute = 3, change_pct = -20 }]

[[group]]
name = "longs"
side = "long"
count = 10
notional_usd = 100_000
leverage = 10

[[group]]
name = "flat"
side = "flat"
deposit_usd = 1_000

[theirs]
insurance_usd = 1_000
"#;

fn shipped(name: &str) -> Incident {
    Incident::load(&PathBuf::from(FOLDER).join(name)).unwrap()
}

fn files() -> Vec<PathBuf> {
    let files = std::fs::read_dir(FOLDER).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_some_and(|extension| extension == "toml")).collect()
}

fn refusal(from: &str, to: &str) -> String {
    let text = SMALL.replacen(from, to, 1);
    assert_ne!(text, SMALL, "{from}");
    Incident::parse(&text, Path::new("e.toml")).unwrap_err().to_string()
}

fn base(incident: Incident, rulebook: Rulebook) -> Outcome {
    run(&[incident], &Job { incident: 0, variant: Variant::BASE, rulebook }, 1)
}

#[test]
fn every_shipped_file_reads_and_the_catalogue_is_whole() {
    let mut ids: Vec<String> =
        files().iter().map(|file| Incident::load(file).unwrap().id).collect();
    ids.sort_by_key(|id| (id.len(), id.clone()));
    for number in 1..=18 {
        assert!(ids.contains(&format!("E{number}")), "E{number} is missing: {ids:?}");
    }
    ids.dedup();
    assert_eq!(ids.len(), files().len(), "an id stands twice");
}

#[test]
fn a_broken_file_is_refused_with_its_place_and_the_remedy() {
    let table = [
        (
            ("depth_usd", "depht_usd"),
            "e.toml:12:1: unknown key `depht_usd` in [[asset]] 1; did you mean `depth_usd`?",
        ),
        (
            ("side = \"long\"", "side = \"lung\""),
            "e.toml:17:8: unknown `side` \"lung\" in [[group]] 1; did you mean `long`?",
        ),
        (
            ("notional_usd = 100_000\n", ""),
            "e.toml:15:1: `notional_usd` in [[group]] 1 must be above zero for a long group",
        ),
        (
            ("leverage = 10", "leverage = 1000"),
            "e.toml:20:12: `leverage` = 1000 in [[group]] 1 is out of range; it must be between \
             0.05 and 100",
        ),
        (
            (
                "minute = 3, change_pct = -20",
                "minute = 3, change_pct = -20 }, { minute = 2, change_pct = 0",
            ),
            "e.toml:13:8: `path` in [[asset]] 1 must be in the order of time",
        ),
        (
            ("insurance_usd = 1_000", "expressible = false"),
            "e.toml:28:15: [theirs] is not expressible: say in `why` for what reason",
        ),
        (
            ("insurance_usd = 1_000", "margin_initial_pct = 5"),
            "e.toml:27:1: missing key `margin_maintenance_pct` in [theirs]",
        ),
    ];
    for ((from, to), expected) in table {
        assert_eq!(refusal(from, to), expected);
    }
}

#[test]
fn the_same_seed_gives_the_same_numbers_and_another_seed_another_state() {
    let incidents = [Incident::parse(SMALL, Path::new("e.toml")).unwrap()];
    let job = Job { incident: 0, variant: Variant::BASE, rulebook: Rulebook::Ours };
    let [first, again, other] = [1, 1, 2].map(|seed| run(&incidents, &job, seed));
    assert_eq!(first, again);
    assert_ne!(first.state_hash, other.state_hash);
    assert_eq!(first.liquidated, 10, "a fall of 20 % liquidates all longs at 10x: {first:?}");
}

#[test]
fn json_has_the_fields_of_the_catalogue() {
    let incidents = [Incident::parse(SMALL, Path::new("e.toml")).unwrap()];
    let jobs = jobs(&incidents, Extent::AsItWas);
    let outcomes: Vec<Outcome> = jobs.iter().map(|job| run(&incidents, job, 1)).collect();
    let report = serde_json::to_value(Report::of(&incidents, &jobs, &outcomes, 1)).unwrap();
    let row = report["incidents"][0].as_object().unwrap();
    assert_eq!(row["id"], "E0");
    for field in [
        "invariants_broken",
        "flat_user_loss",
        "bad_debt_ours",
        "bad_debt_theirs",
        "adl_volume",
        "minutes_beyond_50bp",
    ] {
        assert!(row[field].is_number(), "{field}: {}", row[field]);
    }
}

#[test]
fn an_incident_that_cannot_be_expressed_has_no_run_and_says_why() {
    let incidents = [shipped("e10-gmx-reentrancy.toml")];
    assert_eq!(jobs(&incidents, Extent::Product), []);
    let report = Report::of(&incidents, &[], &[], 1);
    assert!(report.incidents.is_empty());
    assert!(report.not_expressible[0].why.contains("re-entered"));
}

#[test]
fn the_product_holds_each_variant_once_and_the_incident_first() {
    let all = Variant::all(Extent::Product);
    assert_eq!(all.len(), 4 * 3 * 9 * 4);
    assert_eq!(all[0], Variant::BASE);
    let mut names: Vec<String> = all.iter().map(Variant::name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all.len());
    assert!(Variant::all(Extent::Chosen).iter().all(|variant| all.contains(variant)));
}

#[test]
fn a_wall_that_is_pulled_and_a_cascade_cost_no_flat_account() {
    for name in ["e13-hyperliquid-popcat.toml", "e01-bitmex.toml", "e12c-dydx-isolated.toml"] {
        let ours = base(shipped(name), Rulebook::Ours);
        assert_eq!((ours.invariants_broken, ours.flat_user_loss), (0, 0.0), "{name}: {ours:?}");
        assert!(ours.liquidated > 0, "{name}: {ours:?}");
    }
}

#[test]
fn credit_on_paper_profit_empties_the_depositors_and_ours_does_not() {
    let theirs = base(shipped("e05-mango-mngo.toml"), Rulebook::Theirs);
    let ours = base(shipped("e05-mango-mngo.toml"), Rulebook::Ours);
    assert!((100e6..120e6).contains(&theirs.bad_debt), "{theirs:?}");
    assert!(ours.bad_debt < theirs.bad_debt / 100.0, "{ours:?}");
    assert_eq!(ours.flat_user_loss, 0.0);
}

#[test]
fn both_sides_have_the_same_money_in_insurance_and_vault() {
    for file in files() {
        let incident = Incident::load(&file).unwrap();
        let money = |terms: &incident::Terms| terms.insurance_usd + terms.vault_usd;
        assert_eq!(money(&incident.ours), money(&incident.theirs), "{}", incident.id);
    }
}

#[test]
fn a_bound_that_the_file_does_not_name_holds_for_ours_and_not_for_theirs() {
    let incident = Incident::parse(SMALL, Path::new("e.toml")).unwrap();
    let [ours, theirs] =
        [&incident.ours, &incident.theirs].map(|terms| rules::design(&incident, terms, 10));
    let defaults = protocol::params::Rules::default();
    assert_eq!(ours.rules, defaults);
    let (zero, one) = (money::Rate::ZERO, money::Rate::ONE);
    let opened = &theirs.rules;
    assert_eq!((opened.liquidation.depth_share, opened.liquidation.deep_below), (one, one));
    assert_eq!(opened.liquidation.insurance_day_share, one);
    assert_eq!((opened.backstop.inventory_share, opened.backstop.loss_day_share), (one, one));
    assert_eq!((opened.flow.limits.hour_share, opened.flow.gate_blocks), (one, 0));
    assert!(opened.halt.triggers.is_empty() && opened.ladder.jump_max > defaults.ladder.jump_max);
    let market = &theirs.markets[0].rules;
    assert_eq!((market.feedback.gain, market.concentration.slope), (zero, zero));
    let named = SMALL.replace("insurance_usd", "insolvency_gate = true\ninsurance_usd");
    let named = Incident::parse(&named, Path::new("e.toml")).unwrap();
    let gate = rules::design(&named, &named.theirs, 10).rules.flow.gate_blocks;
    assert_eq!(gate, defaults.flow.gate_blocks);
}

#[test]
fn theirs_at_our_size_opens_what_ours_lets_be_opened() {
    let run = |rulebook| base(shipped("e12c-dydx-isolated.toml"), rulebook).opened_share;
    let [ours, theirs, at_our_size] =
        [Rulebook::Ours, Rulebook::Theirs, Rulebook::TheirsAtOurSize].map(run);
    assert!(ours < 0.9 && theirs > 0.999, "{ours} {theirs}");
    assert!((at_our_size - ours).abs() < 0.001, "{at_our_size} against {ours}");
}

#[test]
fn what_the_vault_takes_over_and_loses_is_counted() {
    let theirs = base(shipped("e09-hyperliquid-jelly.toml"), Rulebook::Theirs);
    assert!(theirs.vault_took > 1e6 && theirs.vault_result < -1e6, "{theirs:?}");
    assert_eq!(theirs.fund_used(), theirs.insurance_used - theirs.vault_result);
    let without = base(shipped("e12c-dydx-isolated.toml"), Rulebook::Theirs);
    assert_eq!((without.vault_took, without.vault_result), (0.0, 0.0));
}

#[test]
fn a_wrong_price_of_wide_confidence_liquidates_only_where_confidence_is_not_read() {
    let [ours, theirs] = [Rulebook::Ours, Rulebook::Theirs]
        .map(|rulebook| base(shipped("e03-mango-msol.toml"), rulebook));
    assert_eq!((ours.wrongly_liquidated, ours.bad_debt), (0, 0.0));
    assert_eq!(theirs.wrongly_liquidated, 40);
}
