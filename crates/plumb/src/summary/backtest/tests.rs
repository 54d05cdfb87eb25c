//! Summaries fit a terminal and tell what is broken, failed or unknown.

use super::*;
use lab::replay::record::{Fill, Incident, Market, MarketKind, Run, Seen};
use lab::replay::sweep::{Axis, Cell};
use money::{Price, Qty, Span, Time};
use protocol::ids::{ClientId, Side};

fn record(markets: usize, seconds: u64) -> Record {
    let start = Time::from_nanos(1_759_276_800_000_000_000);
    let run = Run {
        strategy: "touch".into(),
        seed: 7,
        quote: "USDT".into(),
        build: "0.1.0".into(),
        start,
        end: start.after(Span::from_secs(seconds)),
        ..Run::default()
    };
    let market = |at: usize| {
        let name = format!("INSTRUMENT-{at}-PERP");
        Market::new(&name, "venue", MarketKind::Perpetual, Price::ONE, Qty::ONE)
    };
    let capital = Amount::from_raw(1_000_000 * Amount::ONE.raw());
    let all = (0..markets).map(market).collect();
    let mut record = Record::new(run, all, capital, Span::SECOND);
    let mid = Price::from_raw(100 * Price::ONE.raw());
    for second in 0..seconds {
        let time = start.after(Span::from_secs(second));
        record.fills.look(time, |_| mid);
        let equity = capital + Amount::from_raw(i128::from(second * 7919 % 1013) * 100_000_000);
        record.samples.push(equity, &vec![Seen { position: Qty::ONE, mid, mark: mid }; markets]);
        let side = if second % 2 == 0 { Side::Buy } else { Side::Sell };
        let market = (second % markets as u64) as u16;
        let (qty, fee, maker, client) = (Qty::ONE, Amount::ONE, second % 5 > 0, ClientId(second));
        record.fill(Fill { time, market, side, maker, price: mid, qty, fee, mid, client });
    }
    for (at, cause) in Cause::ALL.into_iter().enumerate() {
        record.markets[0].ledger.add(cause, Amount::from_raw(123_456_700_000_000 + at as i128));
    }
    record.equity_end = capital + record.ledger().total();
    record
}

fn fits(text: &str) {
    assert!(text.lines().count() <= 45, "{} lines", text.lines().count());
    for line in text.lines() {
        assert!(line.chars().count() <= 100, "{} columns: {line}", line.chars().count());
    }
}

#[test]
fn a_replay_of_many_markets_fits_a_terminal() {
    let mut record = record(12, 3000);
    record.incidents = vec![Incident { time: Time::ZERO, market: None, text: "gap".into() }];
    let text = run(&record, &Measures::of(&record), Colour::Off);
    fits(&text);
    assert!(text.contains("12345670.00000045 to the last unit") && text.contains("8 more markets"));
    assert!(text.contains("spread captured") && text.contains("incidents told in the report: 1"));
    assert!(text.contains("fills") && !text.contains("NaN") && !text.contains('\x1b'));
}

#[test]
fn a_broken_balance_is_red_and_a_short_tape_has_dashes() {
    let mut record = record(1, 5);
    record.equity_end += Amount::from_raw(1);
    let text = run(&record, &Measures::of(&record), Colour::On);
    assert!(text.contains("\x1b[1;31mthe causes of profit add up to"));
    assert!(text.contains("fewer than 20 returns") && text.contains("tape too short"));
}

#[test]
fn a_sweep_lists_its_best_cells_and_names_failures() {
    let cell = |at: usize| Cell {
        outcome: Ok(Outcome {
            profit: 1e6 * at as f64,
            profit_error: Some(123_456.0),
            sharpe: Some(0.01 * at as f64),
            sharpe_error: Some(0.02),
            skew: Some(0.0),
            kurtosis: Some(3.0),
            period_s: 60.0,
            periods: 300,
            ..Outcome::default()
        }),
    };
    let labels: Vec<String> = (0..30).map(|at| at.to_string()).collect();
    let mut swept = Sweep {
        run: Run { strategy: "touch".into(), quote: "USDT".into(), ..Run::default() },
        axes: vec![Axis::new("latency", "ms", labels)],
        cells: (0..30).map(cell).collect(),
    };
    swept.cells[3].outcome = Err("out of memory".into());
    let text = sweep(&swept, Colour::Off);
    fits(&text);
    assert!(text.contains("best       latency 29 ms") && text.contains("29 trials"));
    assert!(text.contains("cells failed: 1") && text.contains("latency 3 ms: out of memory"));
    assert!(text.contains("the best of 29 by Sharpe ratio"));
    for cell in &mut swept.cells {
        cell.outcome = Ok(Outcome::default());
    }
    assert!(sweep(&swept, Colour::Off).contains("no cell has a Sharpe ratio"));
}
