//! Fee schedules of some venues as tables, with where and when each was read.
//!
//! Venues change their fees often and add conditions (balances of their own coin, stakes,
//! programmes) that are not modelled: a table says what a member without them pays.

use money::{Amount, Rate};

use super::{Basis, Schedule, Tier};

/// A published schedule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The name by which it is asked for.
    pub name: &'static str,
    /// Where the figures stand.
    pub source: &'static str,
    /// As of when, year-month-day.
    pub date: &'static str,
    /// Days of the trailing volume.
    pub days: usize,
    /// What the rates are shares of.
    pub basis: Basis,
    /// (trailing volume in whole USD, maker, taker), the rates in 10⁻⁶: 100 is one basis point.
    pub tiers: &'static [(u64, i64, i64)],
}

impl Published {
    /// The schedule of that name.
    pub fn find(name: &str) -> Option<&'static Published> {
        PUBLISHED.iter().find(|published| published.name == name)
    }

    /// The table as a schedule.
    pub fn schedule(&self) -> Schedule {
        let rate = |millionths: i64| Rate::from_raw(millionths * 1_000_000);
        let tier = |&(volume, maker, taker): &(u64, i64, i64)| Tier {
            volume: Amount::from_raw(i128::from(volume) * Amount::ONE.raw()),
            maker: rate(maker),
            taker: rate(taker),
        };
        let tiers = self.tiers.iter().map(tier).collect();
        Schedule::new(tiers, self.days, self.basis).expect("a test builds every table")
    }
}

const MILLION: u64 = 1_000_000;

/// The tables.
pub const PUBLISHED: &[Published] = &[
    Published {
        name: "binance-spot",
        source: "binance.com, VIP programme upgrade of 2021-12-21 (volumes; its BNB balances are \
                 not modelled); rates of 2026 as listed by zb-binance.com",
        date: "2026-01-09",
        days: 30,
        basis: Basis::Received,
        tiers: &[
            (0, 1000, 1000),
            (MILLION, 900, 1000),
            (5 * MILLION, 800, 1000),
            (20 * MILLION, 420, 600),
            (120 * MILLION, 420, 540),
            (200 * MILLION, 360, 480),
            (500 * MILLION, 300, 420),
            (1_000 * MILLION, 240, 360),
            (2_500 * MILLION, 180, 300),
            (5_000 * MILLION, 120, 240),
        ],
    },
    Published {
        name: "binance-usdm",
        source: "binance.com, VIP programme upgrade of 2021-12-21 (volume of VIP 1; the others by \
                 its rule of five times spot from VIP 3 on); rates of 2026 as listed by \
                 zb-binance.com",
        date: "2026-01-09",
        days: 30,
        basis: Basis::Value,
        tiers: &[
            (0, 200, 500),
            (15 * MILLION, 160, 400),
            (50 * MILLION, 140, 350),
            (100 * MILLION, 120, 320),
            (600 * MILLION, 100, 300),
            (1_000 * MILLION, 80, 270),
            (2_500 * MILLION, 60, 250),
            (5_000 * MILLION, 40, 220),
            (12_500 * MILLION, 20, 200),
            (25_000 * MILLION, 0, 170),
        ],
    },
    Published {
        name: "deribit-futures",
        source: "support.deribit.com, Fees: BTC and ETH futures and perpetuals",
        date: "2025-11-01",
        days: 30,
        basis: Basis::Value,
        tiers: &[(0, 0, 500)],
    },
    Published {
        name: "deribit-options",
        source: "support.deribit.com, Fees: BTC and ETH options, at most 12.5 % of the price",
        date: "2025-11-01",
        days: 30,
        basis: Basis::Underlying { cap: Rate::from_bp(1_250) },
        tiers: &[(0, 300, 300)],
    },
    Published {
        name: "hyperliquid-perpetual",
        source: "hyperliquid.gitbook.io, trading/fees, base rate without stake",
        date: "2025-05-05",
        days: 14,
        basis: Basis::Value,
        tiers: &[
            (0, 150, 450),
            (5 * MILLION, 120, 400),
            (25 * MILLION, 80, 350),
            (100 * MILLION, 40, 300),
            (500 * MILLION, 0, 280),
            (2_000 * MILLION, 0, 260),
            (7_000 * MILLION, 0, 240),
        ],
    },
    Published {
        name: "hyperliquid-spot",
        source: "hyperliquid.gitbook.io, trading/fees, base rate without stake",
        date: "2025-05-05",
        days: 14,
        basis: Basis::Received,
        tiers: &[
            (0, 400, 700),
            (5 * MILLION, 300, 600),
            (25 * MILLION, 200, 500),
            (100 * MILLION, 100, 400),
            (500 * MILLION, 0, 350),
            (2_000 * MILLION, 0, 300),
            (7_000 * MILLION, 0, 250),
        ],
    },
    Published {
        name: "uniswap",
        source: "Uniswap v2 and v3 core: the pool keeps its fee out of what is swapped in",
        date: "2021-05-05",
        days: 30,
        basis: Basis::Value,
        tiers: &[(0, 0, 0)],
    },
];
