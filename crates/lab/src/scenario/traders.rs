//! Traders that the lab and the back-test share, as their keys say. Ratios are plain.

use money::{Amount, Qty, Span};

use super::error::ScenarioError;
use super::section::{Section, coins_as_qty};

type Read<T> = Result<T, ScenarioError>;

/// How much: in quote at the first price, or in coins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// In quote.
    Quote(Amount),
    /// In coins.
    Coins(Qty),
}

/// A maker.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Maker {
    /// Price levels on each side, 1 … 16.
    pub levels: u8,
    /// Least distance of the first level from the fair price.
    pub half_spread: f64,
    /// The same, for each standard deviation of the reference between two wakes.
    pub volatility_multiple: f64,
    /// Distance between levels.
    pub level_step: f64,
    /// Size of each level.
    pub size: Size,
    /// Shift of the quotes at the largest position.
    pub skew: f64,
    /// Largest position.
    pub position_max: Size,
    /// Balance that counts as flat; none: that at the start.
    pub neutral: Option<Qty>,
    /// Move of the fair price that replaces the quotes.
    pub requote: f64,
    /// Memory of the basis, zero for no basis; none: an hour on a perpetual, zero on spot.
    pub basis_memory: Option<Span>,
    /// Memory of the volatility.
    pub volatility_memory: Span,
    /// Silence after which an order is followed up.
    pub patience: Span,
}

/// A maker at the best prices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Touch {
    /// Size of each quote.
    pub size: Size,
    /// Largest position.
    pub position_max: Size,
    /// Balance that counts as flat; none: that at the start.
    pub neutral: Option<Qty>,
    /// Ticks behind the best price.
    pub behind: u16,
    /// Silence after which an order is followed up.
    pub patience: Span,
}

/// A basis trader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Basis {
    /// Size of one order.
    pub order: Size,
    /// Largest position on each leg.
    pub position_max: Size,
    /// Spot balance that counts as flat; none: that at the start.
    pub neutral: Option<Qty>,
    /// Whether the spot balance may go below zero.
    pub may_borrow: bool,
    /// Profit beyond costs that is asked for.
    pub edge: f64,
    /// Shift of all premia at the largest position.
    pub skew: f64,
    /// Time over which funding is counted.
    pub horizon: Span,
    /// Own cost of money, a year; none: that of the file.
    pub financing_year: Option<f64>,
    /// Loss at which it stops.
    pub loss_max: Amount,
    /// Whether it rests quotes on the perpetual, or only takes.
    pub passive: bool,
    /// Move of a wanted price that replaces the quotes.
    pub requote: f64,
    /// How far through the best quote a position is closed.
    pub slippage: f64,
    /// Profit beyond fees for which a quote is taken.
    pub take_edge: f64,
    /// The same, more, for each standard deviation of spot between two wakes.
    pub take_volatility_multiple: f64,
    /// Memory of the volatility.
    pub volatility_memory: Span,
    /// Time between looks at the premium.
    pub valuation: Span,
    /// Memory of the mean premium and its reversion, in hours.
    pub memory_h: f64,
    /// Half-life of the premium before any is seen, in hours.
    pub half_life_h: f64,
    /// Silence after which an order is followed up.
    pub patience: Span,
}

/// A cross-venue trader.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Cross {
    /// Size of one order.
    pub order: Size,
    /// Most that either balance moves from its start.
    pub inventory_max: Size,
    /// Sum of both balances that counts as flat; none: that at the start.
    pub neutral: Option<Qty>,
    /// Whether a spot balance may go below zero.
    pub may_borrow: bool,
    /// Profit beyond costs that is asked for.
    pub edge: f64,
    /// The same, more, at the largest difference of the balances.
    pub skew: f64,
    /// Memory of the usual difference of the prices, zero for none; none: five minutes unless both
    /// are spot.
    pub usual_memory: Option<Span>,
    /// The same, more, for each standard deviation of the second market between two wakes.
    pub volatility_multiple: f64,
    /// Memory of the volatility.
    pub volatility_memory: Span,
    /// How far through the best quote an imbalance is closed.
    pub slippage: f64,
    /// Silence after which an order is followed up.
    pub patience: Span,
}

impl Maker {
    pub(crate) fn read(section: &Section<'_>) -> Read<Maker> {
        let basis_memory = section.number_if("basis_memory_min")?;
        Ok(Maker {
            levels: u8::try_from(section.whole("levels")?).expect("its range is checked"),
            half_spread: bp(section, "half_spread_bp")?,
            volatility_multiple: section.number("volatility_multiple")?,
            level_step: bp(section, "level_step_bp")?,
            size: size(section, "order_qty", "size_usd")?,
            skew: bp(section, "skew_bp")?,
            position_max: size(section, "position_max", "position_usd_max")?,
            neutral: coins(section, "neutral")?,
            requote: bp(section, "requote_bp")?,
            basis_memory: basis_memory.map(minutes),
            volatility_memory: section.span("volatility_memory_min", Span::MINUTE)?,
            patience: section.span("patience_s", Span::SECOND)?,
        })
    }
}

impl Touch {
    pub(crate) fn read(section: &Section<'_>) -> Read<Touch> {
        Ok(Touch {
            size: size(section, "order_qty", "size_usd")?,
            position_max: size(section, "position_max", "position_usd_max")?,
            neutral: coins(section, "neutral")?,
            behind: u16::try_from(section.whole("behind_ticks")?).expect("its range is checked"),
            patience: section.span("patience_s", Span::SECOND)?,
        })
    }
}

impl Basis {
    pub(crate) fn read(section: &Section<'_>) -> Read<Basis> {
        let financing = section.number_if("financing_pct_year")?;
        Ok(Basis {
            order: size(section, "order_qty", "order_usd")?,
            position_max: size(section, "position_max", "position_usd_max")?,
            neutral: coins(section, "neutral")?,
            may_borrow: section.flag("may_borrow")?,
            edge: bp(section, "edge_bp")?,
            skew: bp(section, "skew_bp")?,
            horizon: section.span("horizon_h", Span::HOUR)?,
            financing_year: financing.map(|percent| percent / 100.0),
            loss_max: section.amount("loss_max_usd")?,
            passive: section.flag("passive")?,
            requote: bp(section, "requote_bp")?,
            slippage: bp(section, "slippage_bp")?,
            take_edge: bp(section, "take_edge_bp")?,
            take_volatility_multiple: section.number("take_volatility_multiple")?,
            volatility_memory: section.span("volatility_memory_min", Span::MINUTE)?,
            valuation: section.span("valuation_s", Span::SECOND)?,
            memory_h: section.number("memory_h")?,
            half_life_h: section.number("half_life_h")?,
            patience: section.span("patience_s", Span::SECOND)?,
        })
    }
}

impl Cross {
    pub(crate) fn read(section: &Section<'_>) -> Read<Cross> {
        let usual_memory = section.number_if("usual_memory_min")?;
        Ok(Cross {
            usual_memory: usual_memory.map(minutes),
            order: size(section, "order_qty", "order_usd")?,
            inventory_max: size(section, "inventory_max", "inventory_usd_max")?,
            neutral: coins(section, "neutral")?,
            may_borrow: section.flag("may_borrow")?,
            edge: bp(section, "edge_bp")?,
            skew: bp(section, "skew_bp")?,
            volatility_multiple: section.number("volatility_multiple")?,
            volatility_memory: section.span("volatility_memory_min", Span::MINUTE)?,
            slippage: bp(section, "slippage_bp")?,
            patience: section.span("patience_s", Span::SECOND)?,
        })
    }
}

fn bp(section: &Section<'_>, name: &str) -> Read<f64> {
    section.number(name).map(|bp| bp / 1e4)
}

fn minutes(count: f64) -> Span {
    Span::from_nanos((count * Span::MINUTE.nanos() as f64).round() as u64)
}

fn coins(section: &Section<'_>, name: &str) -> Read<Option<Qty>> {
    Ok(section.number_if(name)?.map(coins_as_qty))
}

/// Keys of sizes: in coins, and in quote where that is not given.
pub(crate) const SIZES: [(&str, &str); 4] = [
    ("order_qty", "size_usd"),
    ("order_qty", "order_usd"),
    ("position_max", "position_usd_max"),
    ("inventory_max", "inventory_usd_max"),
];

/// A size in coins if that is given, and else in quote.
fn size(section: &Section<'_>, in_coins: &'static str, in_quote: &'static str) -> Read<Size> {
    if section.either(in_coins, in_quote)? == in_coins {
        return section.qty(in_coins).map(Size::Coins);
    }
    section.amount(in_quote).map(Size::Quote)
}
