//! Pages stand alone, show every chart, tell what they leave out, and hold hostile records.

use super::super::tests::{charts, own_part};
use super::super::{backtest_page, chart_library};
use super::*;
use crate::replay::record::{Cause, Fill, Fills, Market, MarketKind, Run, Seen};
use ::money::{Amount, Price, Qty};
use protocol::ids::{ClientId, Side};
use serde_json::json;

fn price(value: u64) -> Price {
    Price::from_raw((value * 100_000_000).cast_signed())
}

/// So many seconds, with a fill of alternating sides in every one.
fn record(seconds: u64) -> Record {
    let start = Time::from_nanos(1_759_276_800_000_000_000);
    let run = Run {
        strategy: "</script><b>touch".into(),
        quote: "USD<T".into(),
        command: "plumb desk backtest touch --seed 7 > out".into(),
        start,
        end: start.after(Span::from_secs(seconds)),
        ..Run::default()
    };
    let market = Market::new("BTC & co", "x", MarketKind::Perpetual, Price::ONE, Qty::ONE);
    let capital = Amount::from_raw(1000 * Amount::ONE.raw());
    let mut record = Record::new(run, vec![market], capital, Span::SECOND);
    for second in 0..seconds {
        let time = start.after(Span::from_secs(second));
        let mid = price(100 + second % 7);
        record.fills.look(time, |_| mid);
        let equity = capital + Amount::from_raw(i128::from(second * 7919 % 101) * 1_000_000);
        record.samples.push(equity, &[Seen { position: Qty::ONE, mid, mark: mid }]);
        let side = if second % 2 == 0 { Side::Buy } else { Side::Sell };
        let (qty, fee, client) = (Qty::ONE, Amount::ZERO, ClientId(second));
        let maker = second % 3 > 0;
        record.fill(Fill { time, market: 0, side, maker, price: mid, qty, fee, mid, client });
    }
    record.equity_end = "1000.00000007".parse().unwrap();
    record.markets[0].ledger.add(Cause::Spread, Amount::from_raw(7));
    record.incidents = vec![Incident { time: start, market: Some(0), text: "<i>gap".into() }];
    record
}

fn page_of(record: &Record) -> String {
    backtest_page(record, &Measures::of(record))
}

#[test]
fn every_chart_has_its_place_and_asks_nothing_of_the_network() {
    let page = page_of(&record(2000));
    let own = own_part(&page);
    for tag in ["src=", "<link", "@import", "url(", "http://", "https://"] {
        assert!(!own.contains(tag), "{tag} in the page");
    }
    let charts = charts(&page);
    assert_eq!(own.matches("class=\"chart\"").count(), charts.len());
    for chart in &charts {
        let place = format!("id=\"{}\"", chart["id"].as_str().unwrap());
        assert_eq!(own.matches(&place).count(), 1, "{place}");
    }
    assert!(charts.iter().any(|chart| chart["id"] == "close-chart-0"));
}

#[test]
fn names_from_a_record_cannot_leave_their_text() {
    let page = page_of(&record(100));
    let own = own_part(&page);
    assert!(own.contains("&lt;/script&gt;&lt;b&gt;touch") && own.contains("BTC &amp; co"));
    assert!(own.contains("&lt;i&gt;gap") && own.contains("--seed 7 &gt; out"));
    assert!(!own.contains("</script><b>") && !own.contains("<i>gap"));
    assert_eq!(page.matches("<script").count() - chart_library().matches("<script").count(), 3);
}

#[test]
fn what_is_thinned_keeps_its_extremes_and_says_so() {
    let page = page_of(&record(20_000));
    // Of 20,000 fills four kinds in 160 intervals.
    assert!(page.contains("640 of 20,000 fills: of each kind the largest in each of 160"));
    assert!(page.contains("20,001 samples, drawn as the smallest and the largest"));
    let profit = &charts(&page)[0]["data"][0]["y"];
    let highest = profit.as_array().unwrap().iter().filter_map(Value::as_f64);
    assert_eq!(highest.fold(f64::MIN, f64::max), 1.0);
    assert!(page.len() < 8_000_000, "{} bytes", page.len());
}

#[test]
fn the_balance_is_shown_to_the_last_unit_and_a_broken_one_is_loud() {
    let mut record = record(50);
    let page = page_of(&record);
    assert!(page.contains("1,000.00000007 − 1,000 = 0.00000007 USD&lt;T"));
    assert!(page.contains("equal to the sum of the causes, to the last unit"));
    record.equity_end += Amount::from_raw(1);
    let page = page_of(&record);
    assert!(page.contains("add up to 0.00000007, equity moved by 0.00000008; report this run"));
    assert!(!page.contains("to the last unit</span>"));
}

#[test]
fn a_short_tape_has_dashes_for_what_it_cannot_tell() {
    for seconds in [0, 1, 5] {
        let page = page_of(&record(seconds));
        let own = own_part(&page);
        assert!(!own.contains("NaN") && !own.contains(">inf"), "{seconds} seconds");
        assert!(own.contains("too short to say how sure that is"));
        assert!(own.contains("fewer than 20 returns"));
    }
    let run = Record::new(Run::default(), Vec::new(), Amount::ZERO, Span::SECOND);
    charts(&page_of(&run));
}

#[test]
fn dropped_fills_are_told() {
    let mut record = record(5);
    record.fills = Fills::new(0);
    record.fills.dropped = 12;
    assert!(page_of(&record).contains("12 later fills of the run are counted only"));
}

/// Errors are bars of 1.96 of them, and the fee of each kind is a line.
#[test]
fn markouts_have_their_intervals() {
    let record = record(500);
    let measures = Measures::of(&record);
    let page = backtest_page(&record, &measures);
    let charts = charts(&page);
    let chart = charts.iter().find(|chart| chart["id"] == "markout-chart").unwrap();
    let error = measures.maker.points[2].markout_bp.unwrap().error.unwrap();
    let drawn = chart["data"][0]["error_y"]["array"][2].as_f64().unwrap();
    assert!((drawn / (1.96 * error) - 1.0).abs() < 1e-3);
    assert_eq!(chart["data"][0]["x"][1], json!("0.1 s"));
    assert_eq!(chart["layout"]["shapes"].as_array().unwrap().len(), 2);
}
