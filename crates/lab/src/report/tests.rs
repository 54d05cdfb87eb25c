//! Pages stand alone, show every chart, and hold hostile, empty and large records.

use super::*;
use crate::metrics::{MarketMetrics, Options};
use crate::record::{ClassRecord, InvariantRecord, MarketRecord, Sample, Samples};

fn record(rows: i64) -> Record {
    let mut samples = Samples::default();
    for row in 0..rows {
        let spot = if row > rows / 2 { 90.0 } else { 100.0 };
        samples.push(Sample {
            time_ms: 1_759_276_800_000 + row * 60_000,
            spot,
            index: spot,
            mark: spot,
            mid: if row % 50 == 0 { f64::NAN } else { spot * (1.0 + (row % 7) as f64 / 1e4) },
            recorded_perp: if row % 5 == 0 { spot * 0.9996 } else { f64::NAN },
            premium_bp: 0.0,
            funding_8h_bp: 1.0,
            open_interest_usd: 1e6,
            depth_10bp_usd: 1e6,
            spread_bp: 1.0,
        });
    }
    Record {
        scenario: "</script><b>crash & burn".into(),
        seed: 42,
        end_ms: rows * 60_000,
        markets: vec![MarketRecord {
            name: "BTC-PERP".into(),
            rule: "anchored".into(),
            fair_bp: Some((0.0, 0.0)),
            samples,
            ..MarketRecord::default()
        }],
        classes: vec![ClassRecord { class: "</script>".into(), ..ClassRecord::default() }],
        invariants: vec![InvariantRecord { name: "cash".into(), checks: 9, broken: 2 }],
        ..Record::default()
    }
}

fn page_of(record: &Record) -> String {
    page(record, &Metrics::of(record, &Options::default()))
}

/// The page without the chart library, whose text names addresses that it does not open.
pub(super) fn own_part(page: &str) -> String {
    page.replace(&chart_library(), "")
}

/// The chart data of a page.
pub(super) fn charts(page: &str) -> Vec<Value> {
    let (_, rest) = page.split_once("id=\"charts\">").unwrap();
    let (data, _) = rest.split_once("</script>").unwrap();
    serde_json::from_str(data).unwrap()
}

#[test]
fn page_asks_nothing_of_the_network() {
    let page = page_of(&record(2000));
    for tag in ["src=", "<link", "@import", "url(", "http://", "https://"] {
        assert!(!own_part(&page).contains(tag), "{tag} in the page");
    }
    assert!(page.contains("plotly.js v") && !page.contains("MathJax.js"));
    assert_eq!(page.matches("<script").count() - chart_library().matches("<script").count(), 3);
}

#[test]
fn every_chart_has_its_place_and_every_place_its_chart() {
    let page = page_of(&record(2000));
    let charts = charts(&page);
    assert_eq!(own_part(&page).matches("class=\"chart\"").count(), charts.len());
    for chart in &charts {
        let place = format!("id=\"{}\"", chart["id"].as_str().unwrap());
        assert_eq!(page.matches(&place).count(), 1, "{place}");
    }
}

#[test]
fn names_from_a_record_cannot_leave_their_text() {
    let page = own_part(&page_of(&record(100)));
    assert!(page.contains("&lt;/script&gt;&lt;b&gt;crash &amp; burn"));
    assert!(!page.contains("</script><b>"));
    assert_eq!(page.matches("</script>").count(), 3);
}

#[test]
fn a_broken_invariant_stands_in_the_head_of_the_page() {
    assert!(page_of(&record(10)).contains("broken 2 times"));
}

#[test]
fn empty_and_tiny_records_give_a_page() {
    for rows in [0, 1, 2] {
        let page = page_of(&record(rows));
        assert!(!own_part(&page).contains("NaN"), "{rows} rows");
        charts(&page);
    }
    charts(&page_of(&Record::default()));
}

#[test]
fn a_year_of_minutes_stays_below_eight_megabytes() {
    let page = page_of(&record(525_600));
    assert!(page.len() < 8_000_000, "{} bytes", page.len());
    assert!(page.len() > 4_600_000, "the chart library is missing");
}

#[test]
fn comparison_shows_every_rule_and_asks_nothing_of_the_network() {
    let records = [1, 2].map(|_| record(2000));
    let metrics = records.each_ref().map(|r| MarketMetrics::of(&r.markets[0], &Options::default()));
    let mut markets = records.map(|mut r| r.markets.remove(0));
    markets[1].rule = "industry".into();
    let runs: Vec<Run> = markets
        .iter()
        .zip(&metrics)
        .map(|(market, metrics)| Run { seed: 1, market, metrics })
        .collect();
    let page = compare_page(&Comparison::of("calm", &runs), &runs);
    assert!(page.contains("anchored") && page.contains("industry"));
    assert!(!own_part(&page).contains("https://"));
    assert_eq!(own_part(&page).matches("class=\"chart\"").count(), charts(&page).len());
}
