//! The first rows; the others are in `rules`. A place is a number in proposals.
//!
//! Ranges: the widest that somebody serious uses, within `design::check`; steps of a tenth a day
//! and time-locks of 24 h and 72 h by `protocols.md` I10. Funding gains by rule G-3.

use money::{Rate, Span};

use super::super::limits;
use super::{Delay, Field, Row, Safer, Slot, Step, Unit};
use crate::design::QTY_MAX;
use crate::params::{FundingRule, Kind, MarketParams};

/// Raw units of an amount or quantity of one.
pub(super) const UNIT: i128 = 100_000_000;
/// Raw units of a gain of one.
pub(super) const GAIN: i128 = 1_000_000_000_000;
/// Raw units of a second.
pub(super) const SECOND: i128 = 1_000_000_000;
/// Raw units of a day.
pub(super) const DAY: i128 = 86_400 * SECOND;
/// The largest relative step in a day.
const TENTH: Rate = Rate::from_bp(1_000);

/// Of assets, the oracle, the exchange, markets and funding rules.
pub(super) const ROWS: [Row; 31] = [
    Row {
        name: "asset.haircut_initial",
        unit: Unit::Rate,
        range: [0, bp(10_000)],
        step: tenth(bp(1)),
        delay: Delay::ThreeDays,
        safer: Safer::Up,
        field: Field::Asset(|asset| asset.haircut_initial, |asset| &mut asset.haircut_initial),
    },
    Row {
        name: "asset.haircut_maintenance",
        unit: Unit::Rate,
        range: [0, bp(10_000)],
        step: tenth(bp(1)),
        delay: Delay::ThreeDays,
        // Up would liquidate holders.
        safer: Safer::Neither,
        field: Field::Asset(
            |asset| asset.haircut_maintenance,
            |asset| &mut asset.haircut_maintenance,
        ),
    },
    Row {
        name: "asset.basis_initial",
        unit: Unit::Rate,
        range: [0, bp(5_000)],
        step: tenth(bp(1)),
        delay: Delay::ThreeDays,
        safer: Safer::Up,
        field: Field::Asset(|asset| asset.basis_initial, |asset| &mut asset.basis_initial),
    },
    Row {
        name: "asset.basis_maintenance",
        unit: Unit::Rate,
        range: [0, bp(5_000)],
        step: tenth(bp(1)),
        delay: Delay::ThreeDays,
        // Up would liquidate hedged accounts.
        safer: Safer::Neither,
        field: Field::Asset(|asset| asset.basis_maintenance, |asset| &mut asset.basis_maintenance),
    },
    Row {
        name: "oracle.vote_age_max",
        unit: Unit::Span,
        range: [SECOND, 60 * SECOND],
        step: Step::Fixed(SECOND),
        delay: Delay::ThreeDays,
        // Down can make the index stale, and then nobody can close.
        safer: Safer::Neither,
        field: Field::Global(
            |params| nanos(params.oracle.vote_age_max),
            |params| Slot::Span(&mut params.oracle.vote_age_max),
        ),
    },
    Row {
        name: "oracle.index_age_max",
        unit: Unit::Span,
        range: [5 * SECOND, nanos(limits::INDEX_AGE)],
        step: Step::Fixed(5 * SECOND),
        delay: Delay::ThreeDays,
        // The same. The largest value is part of the delay in rule G-3.
        safer: Safer::Neither,
        field: Field::Global(
            |params| nanos(params.oracle.index_age_max),
            |params| Slot::Span(&mut params.oracle.index_age_max),
        ),
    },
    Row {
        name: "oracle.confidence_min",
        unit: Unit::Rate,
        range: [0, bp(100)],
        step: tenth(bp(1) / 10),
        delay: Delay::ThreeDays,
        safer: Safer::Neither,
        field: Field::Global(
            |params| raw(params.oracle.confidence_min),
            |params| Slot::Rate(&mut params.oracle.confidence_min),
        ),
    },
    Row {
        name: "oracle.confidence_max",
        unit: Unit::Rate,
        range: [bp(10), bp(2_000)],
        step: tenth(bp(1)),
        delay: Delay::ThreeDays,
        safer: Safer::Neither,
        field: Field::Global(
            |params| raw(params.oracle.confidence_max),
            |params| Slot::Rate(&mut params.oracle.confidence_max),
        ),
    },
    Row {
        name: "exchange.open_orders_max",
        unit: Unit::Count,
        range: [8, 1_024],
        step: tenth(8),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Global(
            |params| i128::from(params.open_orders_max),
            |params| Slot::Count(&mut params.open_orders_max),
        ),
    },
    Row {
        name: "exchange.liquidation_tranche_min",
        unit: Unit::Amount,
        range: [1_000 * UNIT, 10_000_000 * UNIT],
        step: tenth(UNIT),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Global(
            |params| params.liquidation_tranche_min.raw(),
            |params| Slot::Amount(&mut params.liquidation_tranche_min),
        ),
    },
    Row {
        name: "exchange.checkpoint_blocks",
        unit: Unit::Count,
        range: [1, 1_000_000],
        step: tenth(1),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Global(
            |params| i128::from(params.checkpoint_blocks),
            |params| Slot::Long(&mut params.checkpoint_blocks),
        ),
    },
    Row {
        name: "market.fee_maker",
        unit: Unit::Rate,
        range: [bp(-5), bp(20)],
        step: tenth(bp(1) / 10),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Market(|market| market.fee_maker, |market| &mut market.fee_maker),
    },
    Row {
        name: "market.fee_taker",
        unit: Unit::Rate,
        range: [0, bp(50)],
        step: tenth(bp(1) / 10),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Market(|market| market.fee_taker, |market| &mut market.fee_taker),
    },
    Row {
        name: "market.price_band",
        unit: Unit::Rate,
        range: [bp(100), bp(5_000)],
        step: tenth(bp(1)),
        delay: Delay::Day,
        // Down can shut in whoever must close, and liquidations too.
        safer: Safer::Neither,
        field: Field::Market(price_band, price_band_slot),
    },
    Row {
        name: "market.impact_notional",
        unit: Unit::Amount,
        range: [100 * UNIT, 10_000_000 * UNIT],
        step: tenth(UNIT),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Perpetual(|perpetual| Slot::Amount(&mut perpetual.impact_notional)),
    },
    Row {
        name: "market.margin_initial",
        unit: Unit::Rate,
        range: [bp(100), bp(10_000)],
        step: tenth(bp(1)),
        delay: Delay::Day,
        safer: Safer::Up,
        field: Field::Perpetual(|perpetual| Slot::Rate(&mut perpetual.margin_initial)),
    },
    Row {
        name: "market.margin_maintenance",
        unit: Unit::Rate,
        range: [bp(50), bp(5_000)],
        step: tenth(bp(1)),
        delay: Delay::Day,
        // Up would liquidate accounts that were sound.
        safer: Safer::Neither,
        field: Field::Perpetual(|perpetual| Slot::Rate(&mut perpetual.margin_maintenance)),
    },
    Row {
        name: "market.mark_band",
        unit: Unit::Rate,
        range: [bp(50), bp(2_000)],
        step: tenth(bp(1)),
        delay: Delay::Day,
        // Either direction moves marks, and so value.
        safer: Safer::Neither,
        field: Field::Perpetual(|perpetual| Slot::Rate(&mut perpetual.mark_band)),
    },
    Row {
        name: "market.fee_liquidation",
        unit: Unit::Rate,
        range: [0, bp(250)],
        step: tenth(bp(1)),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Perpetual(|perpetual| Slot::Rate(&mut perpetual.fee_liquidation)),
    },
    Row {
        name: "market.position_max",
        unit: Unit::Qty,
        range: [UNIT / 100, QTY_MAX.as_amount().raw()],
        step: tenth(UNIT / 100),
        delay: Delay::Day,
        safer: Safer::Down,
        field: Field::Perpetual(|perpetual| Slot::Qty(&mut perpetual.position_max)),
    },
    Row {
        name: "funding.anchor",
        unit: Unit::Span,
        range: [nanos(limits::ANCHOR_MIN), 7 * DAY],
        step: Step::Fixed(1_800 * SECOND),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Funding(|rule| {
            if let FundingRule::Anchored { anchor, .. } = rule {
                Some(Slot::Span(anchor))
            } else {
                None
            }
        }),
    },
    Row {
        name: "funding.carry",
        unit: Unit::Rate,
        range: [bp(-10), bp(10)],
        step: tenth(bp(1) / 10),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Funding(|rule| {
            if let FundingRule::Anchored { carry, .. } | FundingRule::Pi { carry, .. } = rule {
                Some(Slot::Rate(carry))
            } else {
                None
            }
        }),
    },
    Row {
        name: "funding.interest",
        unit: Unit::Rate,
        range: [bp(-10), bp(10)],
        step: tenth(bp(1) / 10),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Funding(|rule| {
            if let FundingRule::Industry { interest, .. } | FundingRule::Dydx { interest, .. } =
                rule
            {
                Some(Slot::Rate(interest))
            } else {
                None
            }
        }),
    },
    Row {
        name: "funding.clamp",
        unit: Unit::Rate,
        range: [0, bp(20)],
        step: tenth(bp(1) / 10),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Funding(|rule| {
            if let FundingRule::Industry { clamp, .. } = rule {
                Some(Slot::Rate(clamp))
            } else {
                None
            }
        }),
    },
    Row {
        name: "funding.cap",
        unit: Unit::Rate,
        range: [bp(10), bp(3_200)],
        step: tenth(bp(1)),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Funding(|rule| {
            if let FundingRule::Anchored { cap, .. }
            | FundingRule::Industry { cap, .. }
            | FundingRule::Dydx { cap, .. }
            | FundingRule::Pi { cap, .. } = rule
            {
                Some(Slot::Rate(cap))
            } else {
                None
            }
        }),
    },
    Row {
        name: "funding.cap_day",
        unit: Unit::Rate,
        range: [bp(10), bp(10_000)],
        step: tenth(bp(1)),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Funding(|rule| {
            if let FundingRule::Velocity { cap, .. } = rule { Some(Slot::Rate(cap)) } else { None }
        }),
    },
    Row {
        name: "funding.max_velocity",
        unit: Unit::Gain,
        range: [GAIN / 100, 36 * GAIN],
        step: tenth(GAIN / 100),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Funding(|rule| {
            if let FundingRule::Velocity { max_velocity, .. } = rule {
                Some(Slot::Rate(max_velocity))
            } else {
                None
            }
        }),
    },
    Row {
        name: "funding.premium_scale",
        unit: Unit::Rate,
        range: [bp(1), bp(500)],
        step: tenth(bp(1) / 10),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Funding(|rule| {
            if let FundingRule::Velocity { premium_scale, .. } = rule {
                Some(Slot::Rate(premium_scale))
            } else {
                None
            }
        }),
    },
    Row {
        name: "funding.proportional",
        unit: Unit::Gain,
        range: [0, raw(limits::PROPORTIONAL_MAX)],
        step: tenth(GAIN / 100),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Funding(|rule| {
            if let FundingRule::Pi { proportional, .. } = rule {
                Some(Slot::Rate(proportional))
            } else {
                None
            }
        }),
    },
    Row {
        name: "funding.integral",
        unit: Unit::Gain,
        range: [0, 8 * GAIN],
        step: tenth(GAIN / 100),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Funding(|rule| {
            if let FundingRule::Pi { integral, .. } = rule {
                Some(Slot::Rate(integral))
            } else {
                None
            }
        }),
    },
    Row {
        name: "funding.leak",
        unit: Unit::Span,
        range: [8 * 3_600 * SECOND, 30 * DAY],
        step: Step::Fixed(4 * 3_600 * SECOND),
        delay: Delay::Day,
        safer: Safer::Neither,
        field: Field::Funding(|rule| {
            if let FundingRule::Pi { leak, .. } = rule { Some(Slot::Span(leak)) } else { None }
        }),
    },
];

/// Raw units of basis points.
pub(super) const fn bp(count: i128) -> i128 {
    count * 100_000_000
}

/// A tenth in a day, but at least so much.
pub(super) const fn tenth(least: i128) -> Step {
    Step::Share(TENTH, least)
}

const fn nanos(span: Span) -> i128 {
    span.nanos() as i128
}

const fn raw(rate: Rate) -> i128 {
    rate.raw() as i128
}

fn price_band(market: &MarketParams) -> Rate {
    match &market.kind {
        Kind::Spot { price_band } => *price_band,
        Kind::Perpetual(perpetual) => perpetual.price_band,
        Kind::Future(future) => future.terms.price_band,
    }
}

fn price_band_slot(market: &mut MarketParams) -> &mut Rate {
    match &mut market.kind {
        Kind::Spot { price_band } => price_band,
        Kind::Perpetual(perpetual) => &mut perpetual.price_band,
        Kind::Future(future) => &mut future.terms.price_band,
    }
}
