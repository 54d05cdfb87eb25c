//! Writes the pages and tables of a replay and of sweeps from invented records, to look at them.
//!
//! `cargo run --release -p lab --example backtest_demo -- <folder>`. A maker of a perpetual hedges
//! in spot; prices are random walks from printed seeds. No result about any market.

use lab::replay::measure::Measures;
use lab::replay::record::{Cause, DataFile, Fill, Incident, Market, MarketKind, Record, Run, Seen};
use lab::replay::sweep::{Axis, Cell, Outcome, Sweep};
use lab::replay::tables;
use lab::{report, table};
use money::{Amount, Price, Qty, Rate, Round, Span, Time};
use protocol::ids::{ClientId, Side};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use std::path::PathBuf;

const START: Time = Time::from_nanos(1_759_968_000_000_000_000); // 2025-10-09
const SECONDS: u64 = 40 * 3600;
const SWEEP: u64 = 26 * 3600;
const FEES: [Rate; 2] = [Rate::from_bp(0), Rate::from_bp(1)];

fn main() -> Result<(), table::TableError> {
    let folder = PathBuf::from(std::env::args().nth(1).unwrap_or_else(|| "backtest-demo".into()));
    let record = Desk::new(7, Setting::default()).run();
    let measures = Measures::of(&record);
    tables::write_all(&folder, &record, &measures)?;
    let page = report::backtest_page(&record, &measures);
    table::write_file(&folder.join("report.html"), page.as_bytes())?;
    for (name, sweep) in [("speed", speed()), ("map", map()), ("cube", cube())] {
        tables::write_sweep(&folder.join(name), &sweep)?;
        let page = report::sweep_page(&sweep);
        table::write_file(&folder.join(format!("{name}.html")), page.as_bytes())?;
    }
    Ok(())
}

/// What is varied.
#[derive(Clone, Copy)]
struct Setting {
    latency_ms: f64,
    half_spread_bp: f64,
    hedges: bool,
    seconds: u64,
}

impl Default for Setting {
    fn default() -> Setting {
        Setting { latency_ms: 5.0, half_spread_bp: 1.6, hedges: true, seconds: SECONDS }
    }
}

/// One account on two invented markets.
struct Desk {
    random: Xoshiro256PlusPlus,
    setting: Setting,
    record: Record,
    cash: Amount,
    position: [Qty; 2],
    mid: [f64; 2],
    drift: f64,
}

fn price(value: f64) -> Price {
    Price::from_raw((value * 10.0).round() as i64 * 10_000_000)
}

impl Desk {
    fn new(seed: u64, setting: Setting) -> Desk {
        let market = |name, venue, kind, tick: &str| {
            let lot = "0.001".parse().expect("a decimal");
            Market::new(name, venue, kind, tick.parse().expect("a decimal"), lot)
        };
        let markets = vec![
            market("BTCUSDT-PERP", "binance-futures", MarketKind::Perpetual, "0.1"),
            market("BTCUSDT", "binance", MarketKind::Spot, "0.1"),
        ];
        let equity = Amount::from_raw(100_000 * Amount::ONE.raw());
        let end = START.after(Span::from_secs(setting.seconds));
        let run = described(seed, setting, end);
        Desk {
            random: Xoshiro256PlusPlus::seed_from_u64(seed),
            setting,
            record: Record::new(run, markets, equity, Span::from_secs(10)),
            cash: equity,
            position: [Qty::ZERO; 2],
            mid: [121_000.0, 121_010.0],
            drift: 0.0,
        }
    }

    fn uniform(&mut self) -> f64 {
        (self.random.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Near enough to normal.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }

    fn run(mut self) -> Record {
        for second in 0..self.setting.seconds {
            let now = START.after(Span::from_secs(second));
            let mids = self.mid.map(price);
            if now >= self.record.fills.due() {
                self.record.fills.look(now, |market| mids[usize::from(market)]);
            }
            while self.record.samples.due() <= now {
                self.sample();
            }
            self.step(second);
            self.quote(now);
            if second % 28_800 == 28_799 {
                self.funding();
            }
        }
        self.record.equity_end = self.equity();
        self.balance();
        self.record.incidents = vec![
            Incident {
                time: START.after(Span::from_secs(52_000)),
                market: Some(1),
                text: "feed of the tape interrupted for 41 s, book cleared".into(),
            },
            Incident {
                time: START.after(Span::from_secs(96_500)),
                market: None,
                text: "12 orders refused by rate limit".into(),
            },
        ];
        self.record
    }

    /// One second of prices, with a storm in the middle.
    fn step(&mut self, second: u64) {
        let storm = if (90_000..99_000).contains(&second) { 3.0 } else { 1.0 };
        let moved = (1.1 * storm * self.normal() + self.drift) / 1e4;
        self.drift *= 0.55;
        self.mid[0] *= 1.0 + moved;
        let basis = (self.mid[1] / self.mid[0] - 1.0) * 1e4;
        self.mid[1] *= 1.0 + moved - 0.05 * (basis - 0.8) / 1e4 + 0.15e-4 * self.normal();
        for (market, volume) in [40_000i128, 15_000].into_iter().enumerate() {
            let counts = &mut self.record.markets[market].counts;
            counts.events += 180;
            counts.trades += 9;
            counts.volume += Amount::from_raw(volume * Amount::ONE.raw());
        }
    }

    fn quote(&mut self, now: Time) {
        let half = self.setting.half_spread_bp;
        for side in [Side::Buy, Side::Sell] {
            let counts = &mut self.record.markets[0].counts;
            counts.orders += 1;
            counts.ordered += Qty::from_raw(5_000_000).as_amount();
            counts.cancels += 1;
            let chance = 0.035 * libm::exp(-(half - 1.0) / 1.5);
            if self.uniform() < chance {
                let counts = &mut self.record.markets[0].counts;
                counts.orders_filled += 1;
                counts.cancels -= 1;
                let sign = if side == Side::Buy { -1.0 } else { 1.0 };
                let at = self.mid[0] * (1.0 + sign * half / 1e4);
                // The slower the quotes, the more of the fills are those that others wanted.
                self.drift += sign * (0.42 + 0.006 * self.setting.latency_ms);
                self.fill(now, 0, side, true, at);
            }
        }
        let open = self.position[0].raw() + self.position[1].raw();
        if self.setting.hedges && open.abs() > 12_000_000 {
            let side = if open > 0 { Side::Sell } else { Side::Buy };
            let sign = if open > 0 { -1.0 } else { 1.0 };
            let counts = &mut self.record.markets[1].counts;
            counts.orders += 1;
            counts.orders_filled += 1;
            counts.ordered += Qty::from_raw(5_000_000).as_amount();
            let at = self.mid[1] * (1.0 + sign * 0.05e-4);
            self.fill(now, 1, side, false, at);
        }
    }

    fn fill(&mut self, now: Time, market: u16, side: Side, maker: bool, at: f64) {
        let (price, qty, mid) =
            (price(at), Qty::from_raw(5_000_000), price(self.mid[usize::from(market)]));
        let notional = price.notional(qty, Round::Down);
        let fee = notional.share(FEES[usize::from(!maker)], Round::Up).expect("a small fee");
        let worth = mid.notional(qty, Round::Down);
        let ledger = &mut self.record.markets[usize::from(market)].ledger;
        let (signed, gained) = match side {
            Side::Buy => (qty, worth - notional),
            Side::Sell => (-qty, notional - worth),
        };
        ledger.add(Cause::Spread, gained);
        ledger.add(if maker { Cause::MakerFee } else { Cause::TakerFee }, -fee);
        self.cash -= fee;
        self.cash += if side == Side::Buy { -notional } else { notional };
        self.position[usize::from(market)] += signed;
        let client = ClientId(self.record.fills.len() as u64);
        self.record.fill(Fill { time: now, market, side, maker, price, qty, fee, mid, client });
    }

    fn funding(&mut self) {
        let paid = price(self.mid[0]).notional(self.position[0], Round::Down);
        let paid = paid.share(Rate::from_bp(1), Round::Up).expect("a small rate");
        self.cash -= paid;
        self.record.markets[0].ledger.add(Cause::Funding, -paid);
    }

    fn equity(&self) -> Amount {
        let worth = |at: usize| price(self.mid[at]).notional(self.position[at], Round::Down);
        self.cash + worth(0) + worth(1)
    }

    fn sample(&mut self) {
        let seen = [0, 1].map(|at| Seen {
            position: self.position[at],
            mid: price(self.mid[at]),
            mark: price(self.mid[at]),
        });
        let equity = self.equity();
        self.record.samples.push(equity, &seen);
    }

    /// What is left of the change of equity is price moves, by what each market's cash says.
    fn balance(&mut self) {
        let cash: Amount = (0..self.record.fills.len())
            .filter(|row| self.record.fills.market[*row] == 1)
            .map(|row| {
                let fill = self.record.fills.row(row);
                let notional = fill.price.notional(fill.qty, Round::Down);
                (if fill.side == Side::Buy { -notional } else { notional }) - fill.fee
            })
            .sum();
        let spot = cash + price(self.mid[1]).notional(self.position[1], Round::Down);
        let left = spot - self.record.markets[1].ledger.total();
        self.record.markets[1].ledger.add(Cause::Price, left);
        let left = self.record.profit() - self.record.ledger().total();
        self.record.markets[0].ledger.add(Cause::Price, left);
    }
}

fn described(seed: u64, setting: Setting, end: Time) -> Run {
    let pair = |name: &str, value: String| (name.to_owned(), value);
    Run {
        strategy: "touch maker".into(),
        parameters: vec![
            pair("half spread", format!("{} bp", setting.half_spread_bp)),
            pair("order size", "0.05 BTC".into()),
            pair("hedge beyond", "0.12 BTC".into()),
        ],
        models: vec![
            pair("latency", format!("constant, {} ms each way", setting.latency_ms)),
            pair("queue", "power law of the level ahead, exponent 3".into()),
            pair("fills", "partial, no more than the tape traded".into()),
            pair("impact", "none: the tape is not moved".into()),
            pair("fees", "maker 0 bp, taker 1 bp".into()),
        ],
        seed,
        build: concat!("plumb ", env!("CARGO_PKG_VERSION")).into(),
        command: format!(
            "plumb desk backtest touch --data btcusdt-perp.tape --data btcusdt.tape --latency {}ms \
             --seed {seed} --out run",
            setting.latency_ms
        ),
        quote: "USDT".into(),
        start: START,
        end,
        files: ["btcusdt-perp.tape", "btcusdt.tape"]
            .map(|path| DataFile {
                path: path.into(),
                checksum: format!("blake3:{}", "9f2c41d07be6a85e".repeat(4)),
                bytes: 622_080_000,
                events: 25_920_000,
            })
            .into(),
    }
}

fn cell(seed: u64, setting: Setting) -> Cell {
    let setting = Setting { seconds: SWEEP, ..setting };
    let record = Desk::new(seed, setting).run();
    Cell { outcome: Ok(Outcome::of(&record, &Measures::of(&record))) }
}

fn labels<T: ToString>(values: &[T]) -> Vec<String> {
    values.iter().map(T::to_string).collect()
}

/// Two strategies over latency: what speed is worth.
fn speed() -> Sweep {
    let latencies = [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0];
    let cells = latencies.iter().flat_map(|latency_ms| {
        [true, false].map(|hedges| {
            cell(7, Setting { latency_ms: *latency_ms, hedges, ..Setting::default() })
        })
    });
    Sweep {
        run: described(7, Setting::default(), START.after(Span::from_secs(SWEEP))),
        cells: cells.collect(),
        axes: vec![
            Axis::new("latency", "ms", labels(&latencies)),
            Axis::new("strategy", "", labels(&["touch, hedged", "touch, unhedged"])),
        ],
    }
}

/// Latency against spread.
fn map() -> Sweep {
    let latencies = [1.0, 5.0, 10.0, 20.0, 50.0, 100.0];
    let spreads = [0.8, 1.2, 1.6, 2.0, 2.4, 3.0, 4.0];
    let mut cells: Vec<Cell> = latencies
        .iter()
        .flat_map(|latency_ms| spreads.map(|half_spread_bp| (*latency_ms, half_spread_bp)))
        .map(|(latency_ms, half_spread_bp)| {
            cell(7, Setting { latency_ms, half_spread_bp, ..Setting::default() })
        })
        .collect();
    cells[20].outcome = Err("tape btcusdt.tape ends before it begins; import it again".into());
    Sweep {
        run: described(7, Setting::default(), START.after(Span::from_secs(SWEEP))),
        cells,
        axes: vec![
            Axis::new("latency", "ms", labels(&latencies)),
            Axis::new("half spread", "bp", labels(&spreads)),
        ],
    }
}

/// Both again with and without a hedge, so that there are three axes.
fn cube() -> Sweep {
    let (latencies, spreads) = ([1.0, 10.0, 50.0, 100.0], [0.8, 1.6, 2.4, 4.0]);
    let cells = [true, false].iter().flat_map(|hedges| {
        latencies.iter().flat_map(move |latency_ms| {
            spreads.map(|half_spread_bp| {
                let setting = Setting {
                    latency_ms: *latency_ms,
                    half_spread_bp,
                    hedges: *hedges,
                    seconds: 0,
                };
                cell(7, setting)
            })
        })
    });
    Sweep {
        run: described(7, Setting::default(), START.after(Span::from_secs(SWEEP))),
        cells: cells.collect(),
        axes: vec![
            Axis::new("hedge", "", labels(&["spot", "none"])),
            Axis::new("latency", "ms", labels(&latencies)),
            Axis::new("half spread", "bp", labels(&spreads)),
        ],
    }
}
