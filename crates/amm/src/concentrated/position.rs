//! Positions: liquidity between two ticks, what it is owed, and how it comes and goes.
//!
//! A change first counts the fees of the position since its last change, then alters both ticks
//! and, with the price inside, the liquidity in range. A mint is paid for rounded up; a burn books
//! what it frees rounded down to `owed`, and `collect` pays from there.

use ruint::aliases::U256;

use super::Pool;
use super::swap::{added, low};
use super::ticks::Border;
use crate::refusal::Refusal;
use crate::step::wide::{amount0, amount1};
use crate::tick::{self, sqrt_price_within};
use crate::wide::mul_div;

/// Who holds a position.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Owner(pub u64);

/// From the lower tick up to below the upper.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Range {
    /// The lower tick.
    pub lower: i32,
    /// The upper tick.
    pub upper: i32,
}

/// One owner's liquidity in one range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Liquidity.
    pub liquidity: u128,
    /// Fee growth inside the range at the last change, at 2⁻¹²⁸, wrapping.
    pub growth_inside: [U256; 2],
    /// Raw units of each token that can be collected; wraps at 2¹²⁸ as the contract's does.
    pub owed: [u128; 2],
}

impl Pool {
    /// Adds liquidity; what the owner pays of each token.
    ///
    /// # Errors
    /// `PriceIsUnset`, `MintOfZero`, `AmountTooLarge`, `TickOrder`, `TickLow`, `TickHigh`,
    /// `LiquidityOverflow`, `TickLiquidity` or `TickSpacing`.
    pub fn mint(&mut self, owner: Owner, range: Range, amount: u128) -> Result<[U256; 2], Refusal> {
        self.check_initialised()?;
        if amount == 0 {
            return Err(Refusal::MintOfZero);
        }
        let change = i128::try_from(amount).map_err(|_| Refusal::AmountTooLarge)?;
        let amounts = self.modify(owner, range, change)?;
        for (balance, amount) in self.balances.iter_mut().zip(amounts) {
            *balance += amount;
        }
        Ok(amounts)
    }

    /// Takes liquidity away and books what it frees; a burn of zero counts the fees only. What was
    /// booked of each token, without fees.
    ///
    /// # Errors
    /// `PriceIsUnset`, `AmountTooLarge`, `TickOrder`, `TickLow`, `TickHigh`,
    /// `LiquidityUnderflow` or `PositionEmpty`.
    pub fn burn(&mut self, owner: Owner, range: Range, amount: u128) -> Result<[U256; 2], Refusal> {
        self.check_initialised()?;
        let change = i128::try_from(amount).map_err(|_| Refusal::AmountTooLarge)?;
        let amounts = self.modify(owner, range, -change)?;
        let position = self.positions.get_mut(&(owner, range)).expect("a burnt position exists");
        for (owed, amount) in position.owed.iter_mut().zip(amounts) {
            *owed = owed.wrapping_add(low(amount));
        }
        Ok(amounts)
    }

    /// Pays out what a position is owed, at most so much of each token.
    ///
    /// # Errors
    /// `PriceIsUnset`.
    pub fn collect(
        &mut self,
        owner: Owner,
        range: Range,
        most: [u128; 2],
    ) -> Result<[u128; 2], Refusal> {
        self.check_initialised()?;
        let Some(position) = self.positions.get_mut(&(owner, range)) else { return Ok([0; 2]) };
        let mut paid = [0; 2];
        for side in [0, 1] {
            paid[side] = most[side].min(position.owed[side]);
            position.owed[side] -= paid[side];
        }
        self.pay(0, paid[0]);
        self.pay(1, paid[1]);
        Ok(paid)
    }

    /// A position, if there ever was one.
    pub fn position(&self, owner: Owner, range: Range) -> Option<&Position> {
        self.positions.get(&(owner, range))
    }

    /// All positions that there ever were.
    pub fn positions(&self) -> impl Iterator<Item = (Owner, Range, &Position)> {
        self.positions.iter().map(|((owner, range), position)| (*owner, *range, position))
    }

    fn modify(&mut self, owner: Owner, range: Range, change: i128) -> Result<[U256; 2], Refusal> {
        check_range(range)?;
        let before = self.positions.get(&(owner, range)).copied().unwrap_or_default();
        let gross = self.check_ticks(range, change)?;
        if change == 0 && before.liquidity == 0 {
            return Err(Refusal::PositionEmpty);
        }
        let liquidity = added(before.liquidity, change)?;
        let inside = (range.lower..range.upper).contains(&self.tick);
        let in_range = if inside { added(self.liquidity, change)? } else { self.liquidity };
        let amounts = self.amounts(range, change);

        if change != 0 {
            self.commit_tick(range.lower, gross[0], change);
            self.commit_tick(range.upper, gross[1], -change);
        }
        let growth_inside = self.growth_inside(range);
        let owed = owed(&before, growth_inside);
        self.positions.insert((owner, range), Position { liquidity, growth_inside, owed });
        self.liquidity = in_range;
        if change != 0 {
            self.commit_removals(range);
        }
        Ok(amounts)
    }

    /// The gross liquidity of both ticks after a change.
    fn check_ticks(&self, range: Range, change: i128) -> Result<[u128; 2], Refusal> {
        if change == 0 {
            return Ok([0; 2]);
        }
        let mut after = [0; 2];
        let mut aligned = true;
        for (gross, tick) in after.iter_mut().zip([range.lower, range.upper]) {
            let before = self.ticks.find(tick).map_or(0, |place| self.ticks.entries[place].gross);
            *gross = added(before, change)?;
            if *gross > self.tick_liquidity_max {
                return Err(Refusal::TickLiquidity);
            }
            aligned &= tick % self.spacing == 0;
        }
        if aligned { Ok(after) } else { Err(Refusal::TickSpacing) }
    }

    /// Both tokens of so much liquidity: rounded up where it comes, down where it goes.
    fn amounts(&self, range: Range, change: i128) -> [U256; 2] {
        let (size, up) = (change.unsigned_abs(), change > 0);
        let (lower, upper) = (sqrt_price_within(range.lower), sqrt_price_within(range.upper));
        let price = self.sqrt_price;
        if self.tick < range.lower {
            [amount0(lower, upper, size, up), U256::ZERO]
        } else if self.tick < range.upper {
            [amount0(price, upper, size, up), amount1(lower, price, size, up)]
        } else {
            [U256::ZERO, amount1(lower, upper, size, up)]
        }
    }

    fn commit_tick(&mut self, tick: i32, gross: u128, change: i128) {
        let place = self.ticks.find(tick).unwrap_or_else(|place| {
            // By convention all growth so far was below the tick.
            let outside = if tick <= self.tick { self.fee_growth } else { [U256::ZERO; 2] };
            self.ticks.insert(place, tick, outside);
            self.commit_order();
            place
        });
        let entry = &mut self.ticks.entries[place];
        entry.gross = gross;
        entry.net =
            entry.net.checked_add(change).expect("net is at most gross, and that is bounded");
    }

    fn commit_removals(&mut self, range: Range) {
        for tick in [range.lower, range.upper] {
            if let Ok(place) = self.ticks.find(tick)
                && self.ticks.entries[place].gross == 0
            {
                self.ticks.remove(place);
                self.commit_order();
            }
        }
    }

    /// After a change in the list of ticks.
    fn commit_order(&mut self) {
        self.below = self.ticks.below(self.tick);
        self.borders = [Border::UNKNOWN; 2];
    }

    /// Fee growth inside a range: the whole less what is below the lower and above the upper tick.
    fn growth_inside(&self, range: Range) -> [U256; 2] {
        let outside = |tick| {
            let place = self.ticks.find(tick).expect("ticks of a position are initialised");
            self.ticks.outside[place]
        };
        let (lower, upper) = (outside(range.lower), outside(range.upper));
        let mut inside = [U256::ZERO; 2];
        for side in [0, 1] {
            let whole = self.fee_growth[side];
            let flip = |beyond: bool, growth: U256| {
                if beyond { growth } else { whole.wrapping_sub(growth) }
            };
            let below = flip(self.tick >= range.lower, lower[side]);
            let above = flip(self.tick < range.upper, upper[side]);
            inside[side] = whole.wrapping_sub(below).wrapping_sub(above);
        }
        inside
    }
}

fn check_range(range: Range) -> Result<(), Refusal> {
    if range.lower >= range.upper {
        return Err(Refusal::TickOrder);
    }
    if range.lower < tick::MIN {
        return Err(Refusal::TickLow);
    }
    if range.upper > tick::MAX {
        return Err(Refusal::TickHigh);
    }
    Ok(())
}

/// What is owed with the fees since the last change, rounded down.
fn owed(before: &Position, growth_inside: [U256; 2]) -> [u128; 2] {
    let mut owed = before.owed;
    for side in [0, 1] {
        let growth = growth_inside[side].wrapping_sub(before.growth_inside[side]);
        let fees = mul_div(growth, U256::from(before.liquidity), U256::ONE << 128);
        let fees = fees.expect("a product of 384 bits less 128");
        owed[side] = owed[side].wrapping_add(low(fees));
    }
    owed
}
