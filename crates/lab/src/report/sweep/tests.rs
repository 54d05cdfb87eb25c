//! Each number of settings has its kind of chart; failures and luck are told.

use super::super::sweep_page;
use super::super::tests::{charts, own_part};
use super::*;
use crate::replay::record::Run;
use crate::replay::sweep::Cell;
use serde_json::json;

fn axis(name: &str, labels: &[&str]) -> Axis {
    Axis::new(name, "u", labels.iter().map(|label| (*label).to_owned()).collect())
}

/// Cells whose profit is their number.
fn sweep(axes: Vec<Axis>) -> Sweep {
    let count: usize = axes.iter().map(|axis| axis.labels.len()).product();
    let cell = |at: usize| Cell {
        outcome: Ok(Outcome {
            profit: at as f64,
            profit_error: Some(2.0),
            sharpe: Some(at as f64 / 100.0),
            sharpe_error: Some(0.05),
            skew: Some(0.0),
            kurtosis: Some(3.0),
            period_s: 60.0,
            periods: 100,
            ..Outcome::default()
        }),
    };
    let run = Run { strategy: "touch</b>".into(), quote: "USDT".into(), ..Run::default() };
    Sweep { run, axes, cells: (0..count).map(cell).collect() }
}

fn ids(sweep: &Sweep) -> Vec<String> {
    let page = sweep_page(sweep);
    let charts = charts(&page);
    for chart in &charts {
        let place = format!("id=\"{}\"", chart["id"].as_str().unwrap());
        assert_eq!(own_part(&page).matches(&place).count(), 1, "{place}");
    }
    assert_eq!(own_part(&page).matches("id=\"charts\"").count(), 1);
    charts.iter().map(|chart| chart["id"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn one_axis_of_numbers_makes_lines_and_two_make_maps() {
    let (speed, spread) = (axis("latency", &["1", "10", "100"]), axis("spread", &["1", "2"]));
    let words = axis("strategy", &["maker", "taker"]);
    let lines = ["lines-profit", "lines-sharpe"];
    assert_eq!(ids(&sweep(vec![speed.clone()])), lines);
    assert_eq!(ids(&sweep(vec![speed.clone(), words.clone()])), lines);
    assert_eq!(ids(&sweep(vec![words.clone()])), lines);
    let maps = ["map-profit-0", "map-sharpe-0"];
    assert_eq!(ids(&sweep(vec![speed.clone(), spread.clone()])), maps);
    assert_eq!(ids(&sweep(vec![words.clone(), words.clone()])), maps);
    assert_eq!(ids(&sweep(vec![words, speed, spread])).len(), 4);
    assert_eq!(ids(&sweep(Vec::new())), Vec::<String>::new());
}

#[test]
fn a_cell_stands_where_its_settings_are() {
    let mut sweep = sweep(vec![
        axis("strategy", &["maker", "taker"]),
        axis("latency", &["1", "10", "100"]),
        axis("spread", &["1", "2"]),
    ]);
    sweep.cells[9].outcome = Err("disk full <".into());
    let page = sweep_page(&sweep);
    let charts = charts(&page);
    let second = charts.iter().find(|chart| chart["id"] == "map-profit-1").unwrap();
    // Cells 6 to 11 are those of the taker, two spreads for each latency.
    assert_eq!(second["data"][0]["z"], json!([[6.0, 7.0], [8.0, null], [10.0, 11.0]]));
    assert_eq!(second["data"][0]["text"][1][1], "×");
    assert_eq!(second["layout"]["shapes"][0]["x0"], 0.5);
    assert!(page.contains("disk full &lt;") && page.contains(">failed</span>"));
    assert!(page.contains("touch&lt;/b&gt;"));
}

#[test]
fn bands_are_intervals_of_95_percent_and_long_scales_are_logarithms() {
    let page = sweep_page(&sweep(vec![axis("latency", &["1", "100", "10"])]));
    let chart = &charts(&page)[0];
    assert_eq!(chart["layout"]["xaxis"]["type"], "log");
    assert_eq!(chart["data"][2]["x"], json!([1.0, 10.0, 100.0]));
    assert_eq!(chart["data"][2]["y"], json!([0.0, 2.0, 1.0]));
    assert_eq!(chart["data"][0]["y"][1], json!(2.0 - 3.92));
    assert_eq!(chart["data"][1]["y"][1], json!(2.0 + 3.92));
    let near = sweep_page(&sweep(vec![axis("latency", &["1", "10"])]));
    assert_eq!(charts(&near)[0]["layout"]["xaxis"]["type"], json!(null));
}

#[test]
fn the_best_of_many_is_not_believed_by_accident() {
    let labels: Vec<String> = (0..40).map(|at| at.to_string()).collect();
    let labels: Vec<&str> = labels.iter().map(String::as_str).collect();
    let page = sweep_page(&sweep(vec![axis("seed", &labels)]));
    assert!(page.contains("The best of 40 cells is seed 39 u."));
    assert!(page.contains("does not tell it from luck") || page.contains("luck would show"));
    let mut none = sweep(vec![axis("seed", &["1", "2"])]);
    for cell in &mut none.cells {
        cell.outcome = Ok(Outcome::default());
    }
    assert!(sweep_page(&none).contains("No cell has a Sharpe ratio"));
}
