//! Summaries fit a terminal, and say what is broken or unknown.

use super::*;
use lab::compare::Run;
use lab::metrics::Options;
use lab::record::{Counts, InvariantRecord, Sample, Samples};

fn record() -> Record {
    let mut samples = Samples::default();
    for row in 0..600i64 {
        let basis = if row == 300 { 45.0 } else { 1.5 * (row % 7 - 3) as f64 / 3.0 };
        samples.push(Sample {
            time_ms: 1_759_276_800_000 + row * 60_000,
            spot: 100_000.0,
            index: 100_000.0,
            mark: 100_000.0,
            mid: if row == 301 { f64::NAN } else { 1e5 * (1.0 + basis / 1e4) },
            recorded_perp: if row % 5 == 0 { 99_956.0 } else { f64::NAN },
            premium_bp: basis,
            funding_8h_bp: 0.4,
            open_interest_usd: 1e6,
            depth_10bp_usd: 1e6,
            spread_bp: 0.5,
        });
    }
    let market = |name: &str| MarketRecord {
        name: name.into(),
        rule: "anchored".into(),
        fair_bp: Some((0.0, 0.0)),
        recorded_fair_bp: Some((-4.61, 5.39)),
        samples: samples.clone(),
        ..MarketRecord::default()
    };
    let class = ClassRecord {
        class: "market maker".into(),
        agents: 4,
        price_usd: -1_234_567.0,
        total_usd: -1_234_567.0,
        ..ClassRecord::default()
    };
    Record {
        scenario: "Ten quiet hours".into(),
        seed: 7,
        start_ms: 1_759_276_800_000,
        end_ms: 1_759_312_800_000,
        block_ms: 500,
        markets: ["BTC-PERP", "ETH-PERP", "SOL-PERP"].map(market).into(),
        classes: vec![class; 6],
        invariants: vec![InvariantRecord { name: "cash".into(), checks: 10, broken: 0 }],
        counts: Counts { blocks: 72_000, trades: 1_234_567, ..Counts::default() },
        state_hash: "9f2c".repeat(16),
        ..Record::default()
    }
}

fn fits(text: &str) {
    assert!(text.lines().count() <= 45, "{} lines", text.lines().count());
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
}

#[test]
fn summary_of_three_markets_fits_a_terminal() {
    let record = record();
    let text = run(&record, &Metrics::of(&record, &Options::default()), Colour::Off);
    fits(&text);
    assert!(!text.contains('\x1b'));
    assert!(text.contains("held in 10 checks") && text.contains("−1,234,567"));
    assert!(text.contains("45.0"), "the worst deviation is named");
}

#[test]
fn a_broken_invariant_is_named_in_red() {
    let mut record = record();
    record.invariants[0].broken = 1;
    let text = run(&record, &Metrics::of(&record, &Options::default()), Colour::On);
    assert!(text.contains("\x1b[1;31mBROKEN: cash\x1b[0m"));
}

#[test]
fn summary_of_an_empty_record_has_dashes() {
    let mut record = Record::default();
    record.markets.push(MarketRecord::default());
    let text = run(&record, &Metrics::of(&record, &Options::default()), Colour::Off);
    fits(&text);
    assert!(text.contains(NONE));
}

#[test]
fn comparison_of_three_rules_fits_a_terminal() {
    let record = record();
    let metrics = Metrics::of(&record, &Options::default());
    let mut runs = Vec::new();
    let mut markets = record.markets.clone();
    for (market, rule) in markets.iter_mut().zip(["anchored", "industry", "velocity"]) {
        market.rule = rule.into();
    }
    for market in &markets {
        runs.extend([1, 2].map(|seed| Run { seed, market, metrics: &metrics.markets[0] }));
    }
    let text = comparison(&Comparison::of("Ten quiet hours", &runs), Colour::Off);
    fits(&text);
    assert!(text.contains("velocity") && text.contains("over 2 seeds"));
}

#[test]
fn sparkline_marks_the_worst_of_each_bucket_on_a_fixed_scale_and_leaves_gaps() {
    let values = [0.0, 0.9, -12.0, 1.0, f64::NAN, f64::NAN, 2.0, -250.0, 9.99, 10.0];
    assert_eq!(sparkline(&values, 5), "▁▅ █▅");
}
