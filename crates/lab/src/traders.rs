//! Desk strategies from what a file says of them: the same for the lab's agents and for replays.

use desk::basis::{Basis, BasisConfig};
use desk::cross::{Cross, CrossConfig, Venue};
use desk::leg::BadConfig;
use desk::maker::{Maker, MakerConfig};
use desk::strategy::{Instrument, Listing};
use desk::touch::{Touch, TouchConfig};
use money::{Price, Qty, Round, Span};

use crate::scenario::{self, Size};

/// An instrument that a strategy trades or follows.
#[derive(Clone, Copy, Debug)]
pub struct Leg<'a> {
    /// Its number.
    pub instrument: Instrument,
    /// What is listed about it.
    pub listing: &'a Listing,
    /// The price at which sizes in quote are turned into coins.
    pub price: Price,
    /// Balance or position at the start.
    pub start: Qty,
    /// Whether the balance is of coins that one has, and not a position.
    pub is_spot: bool,
}

impl Leg<'_> {
    fn coins(&self, size: Size) -> Qty {
        match size {
            Size::Quote(amount) => amount.buys(self.price, Round::Down).unwrap_or(Qty::MAX),
            Size::Coins(qty) => qty,
        }
    }
}

/// A maker on `own` that follows `reference`.
///
/// # Errors
/// What the strategy refuses.
pub fn maker(
    maker: &scenario::Maker,
    period: Span,
    own: Leg<'_>,
    reference: Leg<'_>,
) -> Result<Maker, BadConfig> {
    let usual = if own.is_spot { Span::ZERO } else { Span::HOUR };
    let basis_memory = maker.basis_memory.unwrap_or(usual);
    let config = MakerConfig {
        instrument: own.instrument,
        reference: reference.instrument,
        order_qty: own.coins(maker.size),
        layers: maker.levels,
        layer_step: maker.level_step,
        half_spread: maker.half_spread,
        volatility_multiple: maker.volatility_multiple,
        skew: maker.skew,
        position_max: own.coins(maker.position_max),
        neutral: maker.neutral.unwrap_or(own.start),
        tolerance: maker.requote,
        basis_memory: (basis_memory > Span::ZERO).then_some(basis_memory),
        volatility_memory: maker.volatility_memory,
        period,
        patience: maker.patience,
    };
    Maker::new(config, own.listing, reference.listing)
}

/// A maker at the best prices of `own`.
///
/// # Errors
/// What the strategy refuses.
pub fn touch(touch: &scenario::Touch, period: Span, own: Leg<'_>) -> Result<Touch, BadConfig> {
    let config = TouchConfig {
        instrument: own.instrument,
        order_qty: own.coins(touch.size),
        position_max: own.coins(touch.position_max),
        neutral: touch.neutral.unwrap_or(own.start),
        behind: touch.behind,
        period,
        patience: touch.patience,
    };
    Touch::new(config, own.listing)
}

/// A basis trader on a spot market and a perpetual; `financing_year` is the cost of money where
/// the trader names none.
///
/// # Errors
/// What the strategy refuses.
pub fn basis(
    basis: &scenario::Basis,
    (period, financing_year): (Span, f64),
    spot: Leg<'_>,
    perpetual: Leg<'_>,
) -> Result<Basis, BadConfig> {
    let financing_year = basis.financing_year.unwrap_or(financing_year);
    let config = BasisConfig {
        perpetual: perpetual.instrument,
        spot: spot.instrument,
        financing_8h: financing_year * 8.0 / YEAR_H,
        horizon_h: pricing::convert::hours(basis.horizon),
        edge: basis.edge,
        skew: basis.skew,
        position_max: spot.coins(basis.position_max),
        order_max: spot.coins(basis.order),
        drawdown_max: basis.loss_max,
        spot_neutral: basis.neutral.unwrap_or(spot.start),
        may_borrow: basis.may_borrow,
        passive: basis.passive,
        tolerance: basis.requote,
        slippage: basis.slippage,
        take_edge: basis.take_edge,
        take_volatility_multiple: basis.take_volatility_multiple,
        volatility_memory: basis.volatility_memory,
        period,
        valuation: basis.valuation,
        memory_h: basis.memory_h,
        half_life_h: basis.half_life_h,
        patience: basis.patience,
    };
    Basis::new(config, perpetual.listing, spot.listing)
}

/// A cross-venue trader on two markets of one asset.
///
/// # Errors
/// What the strategy refuses.
pub fn cross(
    cross: &scenario::Cross,
    period: Span,
    legs: [Leg<'_>; 2],
) -> Result<Cross, BadConfig> {
    let reach = legs[0].coins(cross.inventory_max);
    let venue = |leg: Leg<'_>| {
        let least = leg.start - reach;
        let borrows = cross.may_borrow || !leg.is_spot;
        Venue {
            instrument: leg.instrument,
            balance_min: if borrows { least } else { least.max(Qty::ZERO) },
            balance_max: leg.start + reach,
        }
    };
    let one_asset = legs.iter().all(|leg| leg.is_spot);
    let usual = if one_asset { Span::ZERO } else { Span::MINUTE.times(5) };
    let usual_memory = cross.usual_memory.unwrap_or(usual);
    let config = CrossConfig {
        venues: legs.map(venue),
        neutral: cross.neutral.unwrap_or(legs[0].start + legs[1].start),
        order_max: legs[0].coins(cross.order),
        edge: cross.edge,
        volatility_multiple: cross.volatility_multiple,
        volatility_memory: cross.volatility_memory,
        skew: cross.skew,
        slippage: cross.slippage,
        usual_memory: (usual_memory > Span::ZERO).then_some(usual_memory),
        period,
        patience: cross.patience,
    };
    Cross::new(config, legs.map(|leg| leg.listing))
}

/// Hours of a year.
const YEAR_H: f64 = 365.0 * 24.0;
