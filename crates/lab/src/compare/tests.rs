//! Means and intervals against hand computation, and the layout of the JSON.

use super::*;
use crate::metrics::Options;
use crate::record::{Sample, Samples};

fn market(rule: &str, basis: f64) -> MarketRecord {
    let mut samples = Samples::default();
    for row in 0..4i64 {
        samples.push(Sample {
            time_ms: row * 60_000,
            spot: 10_000.0,
            index: 10_000.0,
            mark: 10_000.0,
            mid: 10_000.0 + basis,
            recorded_perp: 9_995.0,
            premium_bp: basis,
            funding_8h_bp: 0.0,
            open_interest_usd: 0.0,
            depth_10bp_usd: 0.0,
            spread_bp: 0.0,
        });
    }
    MarketRecord {
        name: "BTC-PERP".into(),
        rule: rule.into(),
        fair_bp: Some((0.0, 0.0)),
        recorded_fair_bp: Some((-4.0, -4.0)),
        samples,
        ..MarketRecord::default()
    }
}

fn compared() -> Comparison {
    let markets = [("anchored", 1.0), ("industry", -4.0), ("anchored", 3.0)];
    let markets = markets.map(|(rule, basis)| market(rule, basis));
    let metrics = markets.each_ref().map(|m| MarketMetrics::of(m, &Options::default()));
    let runs: Vec<Run> = markets
        .iter()
        .zip(&metrics)
        .zip([2, 1, 1])
        .map(|((market, metrics), seed)| Run { seed, market, metrics })
        .collect();
    Comparison::of("two rules", &runs)
}

#[test]
fn interval_over_three_seeds_is_four_point_three_standard_errors() {
    let found = Estimate::of(vec![1.0, 2.0, 3.0, f64::NAN]);
    // s = 1, n = 3, t(2) = 4.302653.
    let reach = 4.302_653 / 3f64.sqrt();
    let (low, high) = found.interval.unwrap();
    assert_eq!(found.mean, 2.0);
    assert!((low - (2.0 - reach)).abs() < 1e-6 && (high - (2.0 + reach)).abs() < 1e-6);
}

#[test]
fn one_seed_has_a_mean_and_no_interval() {
    let found = Estimate::of(vec![2.5]);
    assert_eq!((found.mean, found.interval), (2.5, None));
}

#[test]
fn runs_are_grouped_by_rule_in_order_of_appearance() {
    let found = compared();
    assert_eq!(found.seeds, [1, 2]);
    let rules: Vec<(&str, u64)> = found.rules.iter().map(|r| (r.rule.as_str(), r.runs)).collect();
    assert_eq!(rules, [("anchored", 2), ("industry", 1)]);
    assert!((found.rules[0].estimates[0].mean - 2.0).abs() < 1e-9);
}

#[test]
fn json_gives_each_metric_as_a_number_with_its_interval_beside_it() {
    let json = serde_json::to_value(compared()).unwrap();
    let anchored = &json["rules"][0];
    assert_eq!(anchored["rule"], "anchored");
    for measure in MEASURES {
        assert!(anchored.get(measure.key).is_some(), "{} is missing", measure.key);
        assert!(anchored.get(format!("{}_ci95", measure.key)).is_some());
    }
    for key in ["basis_mean_bp", "basis_mean_abs_bp", "basis_sd_bp", "deviation_mean_abs_bp"] {
        assert!(anchored[key].is_number(), "{key}");
        assert_eq!(anchored[format!("{key}_ci95")].as_array().unwrap().len(), 2, "{key}");
    }
    assert!(json["rules"][1]["basis_mean_bp_ci95"].is_null(), "one seed has no interval");
    assert!((json["recorded"]["deviation_mean_abs_bp"].as_f64().unwrap() - 1.0).abs() < 1e-9);
    assert_eq!(json["scenario"], "two rules");
    assert_eq!(json["seeds"], serde_json::json!([1, 2]));
}
