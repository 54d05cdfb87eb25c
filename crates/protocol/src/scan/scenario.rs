//! The moves that an account must bear (rules S-1 and S-2).
//!
//! 33 of index and volatility: 0, ±¼, ±½, ±¾ of `range` with volatility up, same and down (21),
//! ±`range` with volatility up and same (4), and eight tails with volatility up of which a part
//! counts (8). Source: Derive PMRM_2, whose two shocks of the skew give way here to ±`range` at the
//! same volatility.

use money::{Rate, Round};

/// Scenarios that every account must bear.
pub const SCENARIOS: usize = 33;
/// Most strikes of what is about to expire that are scenarios as well.
pub const PINS_MAX: usize = 31;

/// What becomes of volatility.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shock {
    /// It rises, to `volatility_min` at least.
    Up,
    /// It stays.
    Same,
    /// It falls.
    Down,
}

/// One move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Move of the index, as a ratio.
    pub price: Rate,
    /// Move of every volatility.
    pub volatility: Shock,
    /// Share of the loss that counts.
    pub damping: Rate,
}

/// Tails: price as a multiple, share of the loss that counts, in hundredths of a percent.
const TAILS: [(i64, Rate); 8] = [
    (3_400, Rate::from_bp(2_100)),
    (6_700, Rate::from_bp(4_200)),
    (15_000, Rate::from_bp(2_772)),
    (20_000, Rate::from_bp(1_386)),
    (30_000, Rate::from_bp(693)),
    (40_000, Rate::from_bp(462)),
    (50_000, Rate::from_raw(34_650_000_000)),
    (60_000, Rate::from_raw(27_720_000_000)),
];

/// The scenarios for this largest move that counts in full.
pub fn scenarios(range: Rate) -> [Scenario; SCENARIOS] {
    let full = |price, volatility| Scenario { price, volatility, damping: Rate::ONE };
    let part = |quarters: i64| {
        range.times(Rate::from_bp(2_500 * quarters), Round::Down).expect("a part of the range")
    };
    let inner = [0, 1, -1, 2, -2, 3, -3].into_iter().flat_map(|quarters| {
        [Shock::Up, Shock::Same, Shock::Down].map(|shock| full(part(quarters), shock))
    });
    let outer = [range, -range]
        .into_iter()
        .flat_map(|price| [Shock::Up, Shock::Same].map(|shock| full(price, shock)));
    let tails = TAILS.into_iter().map(|(multiple, damping)| {
        let price = Rate::from_bp(multiple) - Rate::ONE;
        Scenario { price, volatility: Shock::Up, damping }
    });
    let mut all = inner.chain(outer).chain(tails);
    std::array::from_fn(|_| all.next().expect("21, 4 and 8 are 33"))
}
