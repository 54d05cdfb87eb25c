//! Writes a report, a comparison and tables from an invented record, to look at their layout.
//!
//! `cargo run -p lab --example report_demo -- <folder>`. The numbers are random walks from printed
//! seeds with one crash in them; they are no result about any market.

use lab::compare::{Comparison, Run};
use lab::metrics::{Metrics, Options};
use lab::record::{
    ClassRecord, Counts, InsuranceRecord, InvariantRecord, MarketRecord, Money, Record, Sample,
    Samples,
};
use lab::{report, table};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::path::PathBuf;

const START_MS: i64 = 1_759_276_800_000; // 2025-10-01
const ROWS: i64 = 20 * 1440;
const CRASH: i64 = 9 * 1440 + 21 * 60;

fn main() -> Result<(), table::TableError> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "report-demo".into()));
    let options = Options::default();
    let record = invented(7, "anchored");
    let metrics = Metrics::of(&record, &options);
    table::write_all(&folder, &record, &metrics)?;
    table::write_file(&folder.join("report.html"), report::page(&record, &metrics).as_bytes())?;
    let records: Vec<Record> = ["anchored", "industry", "velocity"]
        .iter()
        .flat_map(|rule| (1..=5).map(|seed| invented(seed, rule)))
        .collect();
    let metrics: Vec<Metrics> = records.iter().map(|r| Metrics::of(r, &options)).collect();
    let runs: Vec<Run> = records
        .iter()
        .zip(&metrics)
        .map(|(r, m)| Run { seed: r.seed, market: &r.markets[0], metrics: &m.markets[0] })
        .collect();
    let comparison = Comparison::of("Invented walk with a crash", &runs);
    table::write_json(&folder.join("compare.json"), &comparison)?;
    let page = report::compare_page(&comparison, &runs);
    table::write_file(&folder.join("compare.html"), page.as_bytes())
}

/// A standard normal deviate, near enough: twelve uniforms less six.
fn normal(random: &mut Xoshiro256PlusPlus) -> f64 {
    let uniform = |r: &mut Xoshiro256PlusPlus| (r.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
    (0..12).map(|_| uniform(random)).sum::<f64>() - 6.0
}

fn invented(seed: u64, rule: &str) -> Record {
    let fair = match rule {
        "anchored" => (0.0, 0.0),
        "industry" => (-4.61, -4.61),
        _ => (-1.2, 1.2),
    };
    Record {
        options: None,
        scenario: "Invented walk with a crash".into(),
        description: "A layout sample: random prices with one fall of 13 %, two markets, four \
                      classes of agents. No result about any market."
            .into(),
        command: format!("cargo run -p lab --example report_demo  # seed {seed}"),
        data: "invented, see examples/report_demo.rs".into(),
        seed,
        start_ms: START_MS,
        end_ms: START_MS + ROWS * 60_000,
        block_ms: 500,
        sample_s: 60,
        markets: vec![
            market("BTC-PERP", rule, fair, 118_000.0, seed),
            market("ETH-PERP", rule, fair, 4_300.0, seed + 100),
        ],
        classes: classes(),
        invariants: ["cash is conserved", "positions net to zero", "margin covers the envelope"]
            .map(|name| InvariantRecord { name: name.into(), checks: 3_456_000, broken: 0 })
            .into(),
        insurance: InsuranceRecord {
            start: money(1_000_000.0),
            end: money(1_003_211.5),
            paid: money(18_204.25),
            received: money(21_415.75),
        },
        counts: Counts {
            blocks: 3_456_000,
            messages: 98_120_331,
            quotes: 120_441_002,
            commands: 21_400_112,
            trades: 1_820_113,
            rejects: 40_112,
            liquidations: 311,
            deleveraged: 0,
        },
        state_hash: "9f2c".repeat(16),
        accounting: vec![
            ("deposits".into(), money(250_000_000.0)),
            ("equity of all accounts".into(), money(248_996_788.5)),
            ("insurance".into(), money(1_003_211.5)),
            ("difference".into(), money(0.0)),
        ],
    }
}

fn money(usd: f64) -> Money {
    Money { usd, exact: format!("{usd:.8}") }
}

fn market(name: &str, rule: &str, fair: (f64, f64), price: f64, seed: u64) -> MarketRecord {
    let mut path = Xoshiro256PlusPlus::seed_from_u64(41 + price as u64);
    let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
    let (mut samples, mut spot) = (Samples::default(), price);
    let (mut basis, mut recorded) = ((fair.0 + fair.1) / 2.0, -4.4);
    for row in 0..=ROWS {
        let after = row - CRASH;
        let falling = (0..20).contains(&after);
        spot *= 1.0 + 0.0005 * normal(&mut path) - if falling { 0.007 } else { 0.0 };
        let stress = if after < 0 { 0.0 } else { libm::exp(-after as f64 / 60.0) };
        let middle = (fair.0 + fair.1) / 2.0;
        basis += 0.06 * (middle - basis) + (0.35 + 6.0 * stress) * normal(&mut random);
        recorded += 0.03 * (-4.4 - recorded) + (0.3 + 7.0 * stress) * normal(&mut path);
        let mid = spot * (1.0 + basis / 1e4);
        let empty = (3..9).contains(&after);
        samples.push(Sample {
            time_ms: START_MS + row * 60_000,
            spot,
            index: spot * (1.0 + 0.2e-4 * normal(&mut random)),
            mark: spot * (1.0 + 0.8 * basis / 1e4),
            mid: if empty { f64::NAN } else { mid },
            recorded_perp: if row % 5 == 0 { spot * (1.0 + recorded / 1e4) } else { f64::NAN },
            premium_bp: basis,
            funding_8h_bp: 0.39 + basis - middle,
            open_interest_usd: 4e7 * (1.0 + 0.1 * libm::sin(row as f64 / 700.0) - 0.3 * stress),
            depth_10bp_usd: 3e6 * (1.0 - 0.8 * stress) * (1.0 + 0.1 * normal(&mut random)),
            spread_bp: 0.4 + 5.0 * stress + 0.05 * normal(&mut random).abs(),
        });
    }
    MarketRecord {
        name: name.into(),
        rule: rule.into(),
        carry_8h_bp: 0.39,
        fair_bp: Some(fair),
        recorded_fair_bp: Some((-4.61, -4.61)),
        samples,
        funding_by_longs_usd: 91_230.0,
        funding_by_shorts_usd: -91_230.0,
        traded_usd: 2.31e9,
        open_interest_usd: 4.02e7,
    }
}

fn classes() -> Vec<ClassRecord> {
    let class = |class: &str, agents, price_usd, funding_usd, fees_usd, financing_usd| {
        let total_usd = price_usd + funding_usd + fees_usd + financing_usd;
        ClassRecord {
            class: class.into(),
            agents,
            price_usd,
            funding_usd,
            fees_usd,
            financing_usd,
            total_usd,
            equity_start_usd: 5e7,
            equity_end_usd: 5e7 + total_usd,
            traded_usd: 1.1e9,
            inventory_max_usd: 2.2e7,
            ..ClassRecord::default()
        }
    };
    vec![
        class("arbitrage", 6, 402_113.0, 88_210.0, -121_400.0, -96_300.0),
        class("market maker", 4, 611_020.0, -4_310.0, 73_500.0, -20_100.0),
        class("momentum", 40, -310_440.0, -51_200.0, -140_320.0, 0.0),
        class("noise", 400, -702_693.0, -32_700.0, -402_100.0, 0.0),
    ]
}
