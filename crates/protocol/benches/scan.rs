//! Scenario margin of options: the table of a block (S-1, S-2) and the requirement of 10 000
//! accounts with 20 legs each, without and with what is linear (S-5), in CPU time where the system
//! tells it; and what a vote for a surface costs (V-2, V-3). The least of several rounds. Goal:
//! well below 100 ms a block on one core.
#![allow(missing_docs, clippy::disallowed_types)]

use clock::cpu_nanos;
use money::{Amount, Price, Qty, Rate, Span, Time};
use protocol::halt::TimeAverage;
use protocol::ids::{AssetId, OptionKind};
use protocol::margin::{Charges, Exposure};
use protocol::params::{OptionParams, ScanParams, SettlementParams, SurfaceParams};
use protocol::scan::{Leg, Moment, SCENARIOS, Series, Table, Terms};
use protocol::surface::{self, SliceVote, Smile, Surface, Vote};

mod clock;

const ACCOUNTS: usize = 10_000;
const LEGS: usize = 20;
const ROUNDS: usize = 7;
const INDEX: Price = Price::from_raw(60_000 * Price::ONE.raw());
const CHARGES: Charges =
    Charges { haircut: Rate::from_bp(1000), margin: Rate::from_bp(500), basis: Rate::from_bp(100) };

fn main() {
    votes();
    for (expiries, strikes, window) in [(6, 25, 0), (6, 25, 1), (8, 50, 0), (8, 50, 1)] {
        let params = ScanParams { pin_window: Span::DAY.times(window), ..ScanParams::default() };
        let market = Market::new(expiries, strikes, params);
        market.measure();
    }
}

/// What one vote of 14 slices costs, and the choice among 12 of them.
fn votes() {
    let mut options = OptionParams::new(AssetId(1), Price::ONE, Qty::ONE);
    options.surface.vote_age_max = Span::DAY;
    let now = Time::from_nanos(1_700_000_000_000_000_000);
    let vote = Vote { source_time: now, slices: slices(now, 14) };
    let expected: Vec<Time> = vote.slices.iter().map(|slice| slice.expiry).collect();
    let checked = least(|| surface::check(&vote, &expected, now, &options).expect("sound"));
    let votes = vec![(Some(&vote), 1); 12];
    let choose = || assert!(surface::choose(&votes, &expected, now, &options).is_some());
    println!("a vote of 14 slices: check {checked:.4} ms, choice of 12 {:.4} ms", least(choose));
}

/// Slices of so many expiries.
fn slices(now: Time, expiries: u64) -> Vec<SliceVote> {
    let slice = |at: u64| SliceVote {
        expiry: now.after(Span::HOUR.times(20).plus(Span::DAY.times(at * at * 5))),
        basis: Rate::ZERO,
        a: Rate::from_bp(2_500),
        b: Rate::from_bp(1_000),
        rho: Rate::from_bp(-2_000),
        m: Rate::ZERO,
        sigma: Rate::from_bp(2_000),
    };
    (0..expiries).map(slice).collect()
}

struct Market {
    smiles: Vec<Option<Smile>>,
    series: Vec<Series>,
    params: ScanParams,
}

impl Market {
    /// So many strikes, 1 % apart, in each of so many expiries.
    fn new(expiries: u64, strikes: i64, params: ScanParams) -> Market {
        let now = Time::from_nanos(1_700_000_000_000_000_000);
        let slices = slices(now, expiries);
        let expected: Vec<Time> = slices.iter().map(|slice| slice.expiry).collect();
        let mut surface = Surface::default();
        surface.consider(&Vote { source_time: now, slices }, &expected, &SurfaceParams::default());
        let settlement = SettlementParams::default();
        let smile = |&expiry: &Time| {
            surface.smile(expiry, INDEX, now, &TimeAverage::default(), &settlement)
        };
        let smiles = expected.iter().map(smile).collect();
        let mut series = Vec::new();
        for smile in 0..expected.len() {
            for at in 0..strikes {
                let away = Rate::from_bp(100 * (at - strikes / 2));
                let strike = INDEX.offset(away, money::Round::Down).expect("near the index");
                for kind in [OptionKind::Call, OptionKind::Put] {
                    series.push(Series { smile, kind, strike });
                }
            }
        }
        Market { smiles, series, params }
    }

    fn measure(&self) {
        let mut table = Table::default();
        let moment = Moment { index: INDEX, widening: Rate::ONE };
        let build = least(|| {
            table.build(self.series.iter().copied(), &self.smiles, moment, &self.params);
        });
        let (rows, columns) = (table.len(), table.columns());
        println!("{rows} series, {columns} columns: table {build:>8.3} ms");
        let books = books(rows);
        let terms = Terms::maintenance(&self.params);
        let measured = |name: &str, linear: &dyn Fn(usize) -> Exposure| {
            let mut sum = Amount::ZERO;
            let spent = least(|| {
                sum = Amount::ZERO;
                for (account, legs) in books.chunks_exact(LEGS).enumerate() {
                    let legs = legs.iter().copied();
                    sum += table.requirement(legs, linear(account), CHARGES, terms);
                }
            });
            let each = spent * 1e6 / (ACCOUNTS * LEGS * columns) as f64;
            println!("  {name:<22} {spent:>8.3} ms, {each:.3} ns each; together {sum}");
        };
        measured("options alone", &|_| Exposure::default());
        measured("with what is linear", &|account| {
            let size = Qty::from_raw((account as i64 % 7 + 1) * 100_000_000);
            match account % 3 {
                0 => Exposure { holding: size, ..Exposure::default() },
                1 => Exposure { long: size, short: size + Qty::ONE, ..Exposure::default() },
                _ => Exposure { short: size, ..Exposure::default() },
            }
        });
        assert!(columns >= SCENARIOS);
    }
}

/// The legs of all accounts, one account after the other.
fn books(rows: usize) -> Vec<Leg> {
    let mut seed = 1u64;
    let mut draw = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below
    };
    let leg = |_| {
        let row = draw(rows as u64) as usize;
        let qty = Qty::from_raw(draw(2_000) as i64 * 1_000_000 - 1_000_000_000);
        Leg { row, qty }
    };
    (0..ACCOUNTS * LEGS).map(leg).collect()
}

/// The least time of several rounds, in ms.
fn least(mut work: impl FnMut()) -> f64 {
    let round = |_| {
        let start = cpu_nanos();
        work();
        (cpu_nanos() - start) as f64 * 1e-6
    };
    (0..ROUNDS).map(round).fold(f64::INFINITY, f64::min)
}
