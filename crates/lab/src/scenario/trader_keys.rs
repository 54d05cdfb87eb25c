//! The keys of the traders that also trade recorded markets: every parameter that they have.

use super::key::{Key, flag, number, optional, whole};

const USD_SOME: (f64, f64) = (0.01, 1e12);
const COINS: (f64, f64) = (1e-8, 2e7);
const HELD: (f64, f64) = (-2e7, 2e7);
const BP: (f64, f64) = (0.0, 10_000.0);
const EDGE: (f64, f64) = (0.0, 10_000.0);
const MULTIPLE: (f64, f64) = (0.0, 1_000.0);
const HOURS: (f64, f64) = (0.01, 8_760.0);
const MINUTES: (f64, f64) = (0.001, 100_000.0);
const SECONDS: (f64, f64) = (0.001, 86_400.0);
const YEARLY: (f64, f64) = (-1_000.0, 1_000.0);

pub(crate) const WAKE: Key =
    number("wake_ms", (1.0, 86_400_000.0), 1_000.0, "time between decisions");
const PATIENCE: Key =
    number("patience_s", SECONDS, 10.0, "silence after which an order is followed up");
const VOLATILITY: &str = "memory of the volatility";
const IN_COINS: &str = "the same in coins, in its place";
const NEUTRAL: Key = optional("neutral", HELD, "coins that count as flat; else those at the start");
const SLIPPAGE: Key =
    number("slippage_bp", BP, 20.0, "how far through the best quote a position is closed");
const MAY_BORROW: Key = flag("may_borrow", false, "whether coins of a spot market may be borrowed");

pub(crate) const MAKER: &[Key] = &[
    whole("levels", (1, 16), 3, "price levels on each side"),
    number("half_spread_bp", BP, 3.0, "distance of the first level from the fair price"),
    number("volatility_multiple", MULTIPLE, 0.5, "the same, at least, by deviations in a wake"),
    number("level_step_bp", BP, 3.0, "distance between levels"),
    number("size_usd", USD_SOME, 10_000.0, "size of each level"),
    optional("order_qty", COINS, IN_COINS),
    number("skew_bp", BP, 5.0, "shift of the quotes at the largest position"),
    number("position_usd_max", USD_SOME, 250_000.0, "largest position"),
    optional("position_max", COINS, IN_COINS),
    NEUTRAL,
    number("requote_bp", BP, 1.0, "move of the fair price that replaces the quotes"),
    optional(
        "basis_memory_min",
        (0.0, 100_000.0),
        "memory of the basis, 0 for no basis; else 60 on a perpetual and 0 on spot",
    ),
    number("volatility_memory_min", MINUTES, 10.0, VOLATILITY),
    PATIENCE,
];

pub(crate) const TOUCH: &[Key] = &[
    number("size_usd", USD_SOME, 10_000.0, "size of each of its two quotes"),
    optional("order_qty", COINS, IN_COINS),
    number("position_usd_max", USD_SOME, 250_000.0, "largest position"),
    optional("position_max", COINS, IN_COINS),
    NEUTRAL,
    whole("behind_ticks", (0, 10_000), 0, "ticks behind the best price"),
    PATIENCE,
];

pub(crate) const BASIS: &[Key] = &[
    number("order_usd", USD_SOME, 25_000.0, "size of one order"),
    optional("order_qty", COINS, IN_COINS),
    number("position_usd_max", USD_SOME, 1_000_000.0, "largest position on each leg"),
    optional("position_max", COINS, IN_COINS),
    NEUTRAL,
    MAY_BORROW,
    number("edge_bp", EDGE, 2.0, "profit beyond costs that is asked for"),
    number("skew_bp", BP, 1.0, "shift of all premia at the largest position"),
    number("horizon_h", HOURS, 24.0, "time over which funding is counted"),
    optional("financing_pct_year", YEARLY, "own cost of money; else that of the file"),
    number("loss_max_usd", USD_SOME, 100_000.0, "loss at which it stops"),
    flag("passive", true, "whether it rests quotes on the perpetual, or only takes"),
    number("requote_bp", BP, 0.2, "move of a wanted price that replaces the quotes"),
    SLIPPAGE,
    number("take_edge_bp", BP, 3.0, "profit beyond fees for which a quote is taken"),
    number("take_volatility_multiple", MULTIPLE, 4.0, "the same, more, by deviations in a wake"),
    number("volatility_memory_min", MINUTES, 5.0, VOLATILITY),
    number("valuation_s", SECONDS, 60.0, "time between looks at the premium"),
    number("memory_h", HOURS, 24.0, "memory of the mean premium and its reversion"),
    number("half_life_h", HOURS, 2.0, "half-life of the premium before any is seen"),
    PATIENCE,
];

pub(crate) const CROSS: &[Key] = &[
    number("order_usd", USD_SOME, 25_000.0, "size of one order"),
    optional("order_qty", COINS, IN_COINS),
    number(
        "inventory_usd_max",
        USD_SOME,
        500_000.0,
        "most that either balance moves from its start",
    ),
    optional("inventory_max", COINS, IN_COINS),
    optional("neutral", HELD, "sum of both balances that is flat; else that at the start"),
    MAY_BORROW,
    number("edge_bp", EDGE, 1.0, "profit beyond costs that is asked for"),
    number("skew_bp", BP, 1.0, "the same, more, at the largest difference of the balances"),
    optional(
        "usual_memory_min",
        (0.0, 100_000.0),
        "memory of the usual difference of the prices, 0 for none; else 5 if one is no spot",
    ),
    number("volatility_multiple", MULTIPLE, 2.0, "the same, more, by deviations in a wake"),
    number("volatility_memory_min", MINUTES, 5.0, VOLATILITY),
    SLIPPAGE,
    PATIENCE,
];
