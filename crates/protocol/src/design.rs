//! Which market designs the exchange accepts: every number within the range that `docs/protocol.md`
//! gives it.
//!
//! Keeps that a state is only ever built from a design whose rules cannot overflow, and whose
//! margins, charges and bands stand in the order that the proofs of solvency need.

use money::{Amount, Price, Qty, Rate, Span};

use crate::envelope;
use crate::ids::QUOTE;
pub use crate::params::DesignError;
use crate::params::{AssetParams, FundingRule as Rule, Kind, MarketParams, OracleParams};
use crate::params::{Params, PerpetualParams};

/// Largest |quantity| that enters the state, so that every sum of quantities fits.
pub const QTY_MAX: Qty = Qty::from_raw(i64::MAX / 4096);
/// Largest amount that one deposit brings and that the state holds of one asset.
pub const AMOUNT_MAX: Amount = Amount::from_raw(10i128.pow(26));

/// Refuses a design that the rules are not made for (the ranges in `docs/protocol.md`).
pub(crate) fn check(params: &Params) -> Result<(), DesignError> {
    let refuse = |text: String| Err(DesignError(text));
    if params.assets.is_empty() || params.assets.len() > 1000 {
        return refuse("a design needs a quote asset and at most 999 others".into());
    }
    let stake: u128 = params.oracle.stakes.iter().map(|&stake| u128::from(stake)).sum();
    if stake == 0 || params.oracle.stakes.len() > 1000 {
        return refuse("the oracle needs stake, and at most 1000 publishers".into());
    }
    if params.open_orders_max > 1024 || params.checkpoint_blocks == 0 {
        return refuse("open_orders_max is at most 1024, checkpoint_blocks at least 1".into());
    }
    if params.markets.len() > 1000 {
        return refuse("a design has at most 1000 markets".into());
    }
    params.rules.check()?;
    check_oracle(&params.oracle)?;
    params.assets.iter().try_for_each(check_asset)?;
    params.markets.iter().try_for_each(|market| check_market(market, params))?;
    check_options(params)?;
    envelope::prove(params)
}

/// Rule B-2: so many accounts at the largest position, with open orders of twice that on each side,
/// keep every sum of quantities inside its type.
pub(crate) fn positions_fit(position_max: Qty, accounts: u32) -> bool {
    let most = i128::from(position_max.raw()) * i128::from(accounts);
    2 * most <= i128::from(i64::MAX)
}

fn check_oracle(oracle: &OracleParams) -> Result<(), DesignError> {
    let refuse = |text: &str| Err(DesignError(format!("oracle: {text}")));
    if oracle.vote_age_max > Span::DAY
        || oracle.index_age_max == Span::ZERO
        || oracle.index_age_max > Span::DAY
    {
        return refuse("vote_age_max is at most a day, index_age_max above zero and at most a day");
    }
    let (min, max) = (oracle.confidence_min, oracle.confidence_max);
    if min < Rate::ZERO || max < min || max >= Rate::ONE {
        return refuse("confidences need 0 ≤ confidence_min ≤ confidence_max < 1");
    }
    Ok(())
}

fn check_asset(asset: &AssetParams) -> Result<(), DesignError> {
    let ordered = |initial: Rate, maintenance: Rate| {
        Rate::ZERO <= maintenance && maintenance <= initial && initial <= Rate::ONE
    };
    if !ordered(asset.haircut_initial, asset.haircut_maintenance)
        || !ordered(asset.basis_initial, asset.basis_maintenance)
    {
        return Err(DesignError(format!(
            "{}: haircut and basis need 0 ≤ maintenance ≤ initial ≤ 1",
            asset.name
        )));
    }
    Ok(())
}

fn check_market(market: &MarketParams, params: &Params) -> Result<(), DesignError> {
    let refuse = |text: &str| Err(DesignError(format!("{}: {text}", market.name)));
    if market.base == QUOTE || market.base.index() >= params.assets.len() {
        return refuse("the base must be an asset other than the quote");
    }
    if !is_exact(market.tick, market.lot) {
        return refuse("tick·lot must be a positive whole number of 10⁻⁸ quote, at most 10000");
    }
    let one = Rate::ONE;
    let taker = market.fee_taker;
    if taker < Rate::ZERO || taker >= one || market.fee_maker > taker || market.fee_maker < -taker {
        return refuse("fees need 0 ≤ taker < 1, |maker| ≤ taker");
    }
    market.rules.check().map_err(|error| DesignError(format!("{}: {error}", market.name)))?;
    match &market.kind {
        Kind::Spot { price_band } if Rate::ZERO < *price_band && *price_band < one => Ok(()),
        Kind::Spot { .. } => refuse("price_band must lie between 0 and 1"),
        Kind::Perpetual(perpetual) if perpetual.funding == Rule::Never => {
            refuse("a perpetual needs a funding rule")
        }
        Kind::Perpetual(perpetual) => {
            check_perpetual(market, perpetual, &params.assets[market.base.index()])
        }
        Kind::Future(future) => {
            check_perpetual(market, &future.terms, &params.assets[market.base.index()])?;
            future.check().map_err(|error| DesignError(format!("{}: {error}", market.name)))
        }
    }
}

/// Rule T-1: whether the value of a lot is a whole number of 10⁻⁸ quote at every tick.
fn is_exact(tick: Price, lot: Qty) -> bool {
    let product = i128::from(tick.raw()) * i128::from(lot.raw());
    let scale = i128::from(Price::ONE.raw());
    let positive = tick.is_positive() && lot.is_positive();
    positive && product % scale == 0 && product / scale <= 1_000_000_000_000
}

/// Options name base assets, each once, and their ticks and lots are exact.
fn check_options(params: &Params) -> Result<(), DesignError> {
    for (at, options) in params.rules.options.iter().enumerate() {
        let refuse = |text: &str| Err(DesignError(format!("options {at}: {text}")));
        if options.base == QUOTE || options.base.index() >= params.assets.len() {
            return refuse("the base is not a base asset of the design");
        }
        if params.rules.options[..at].iter().any(|other| other.base == options.base) {
            return refuse("another design of options has the same base");
        }
        if !is_exact(options.tick, options.lot) || options.position_max > QTY_MAX {
            return refuse("tick·lot must be a whole number of 10⁻⁸ quote, at most 10000");
        }
    }
    Ok(())
}

fn check_perpetual(
    market: &MarketParams,
    perpetual: &PerpetualParams,
    base: &AssetParams,
) -> Result<(), DesignError> {
    let refuse = |text: &str| Err(DesignError(format!("{}: {text}", market.name)));
    let bands = [perpetual.mark_band, perpetual.price_band];
    let ordered = perpetual.fee_liquidation < perpetual.margin_maintenance
        && perpetual.margin_maintenance < perpetual.margin_initial
        && perpetual.margin_initial <= Rate::ONE
        && !perpetual.fee_liquidation.is_negative();
    if !ordered {
        return refuse("margins need 0 ≤ fee_liquidation < maintenance < initial ≤ 1");
    }
    if base.basis_initial > perpetual.margin_initial.min(base.haircut_initial)
        || base.basis_maintenance > perpetual.margin_maintenance.min(base.haircut_maintenance)
    {
        return refuse("the basis charge must not exceed the haircut or the margin");
    }
    if bands.iter().any(|band| *band <= Rate::ZERO || *band >= Rate::ONE) {
        return refuse("mark_band and price_band must lie between 0 and 1");
    }
    if !perpetual.impact_notional.is_positive()
        || !perpetual.position_max.is_positive()
        || perpetual.position_max > QTY_MAX
    {
        return refuse("impact_notional and position_max must be positive, and in range");
    }
    check_funding(market, &perpetual.funding)
}

fn check_funding(market: &MarketParams, rule: &Rule) -> Result<(), DesignError> {
    const GAIN_MAX: Rate = Rate::from_bp(10_000_000);
    let time = |span: Span| Span::SECOND <= span && span <= Span::DAY.times(30);
    let capped = |cap: Rate| Rate::ZERO < cap && cap <= Rate::from_bp(100_000);
    let gain = |gain: Rate| Rate::ZERO <= gain && gain <= GAIN_MAX;
    let term = |term: Rate| -Rate::ONE <= term && term <= Rate::ONE;
    let sound = match *rule {
        Rule::Anchored { anchor, carry, cap } => time(anchor) && term(carry) && capped(cap),
        Rule::Industry { interval, interest, clamp, cap } => {
            let dead_band = Rate::ZERO <= clamp && clamp <= Rate::ONE;
            time(interval) && term(interest) && dead_band && capped(cap)
        }
        Rule::Dydx { sample, interval, interest, cap } => {
            time(sample) && time(interval) && interval >= sample && term(interest) && capped(cap)
        }
        Rule::Velocity { max_velocity, premium_scale, cap } => {
            gain(max_velocity) && premium_scale.is_positive() && capped(cap)
        }
        Rule::Pi { proportional, integral, leak, carry, cap } => {
            gain(proportional) && gain(integral) && time(leak) && term(carry) && capped(cap)
        }
        Rule::Never => true,
    };
    if sound {
        Ok(())
    } else {
        let text = "a funding rule needs times from a second to 30 days, 0 < cap ≤ 10, \
                    gains from 0 to 1000, interest and carry within ±1";
        Err(DesignError(format!("{}: {text}", market.name)))
    }
}
