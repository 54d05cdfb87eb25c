//! Constant product: a pair that computes what a Uniswap v2 pair does, to the last unit ("Uniswap
//! v2 Core", 2020, sections 2.4, 3.2.1 and 3.4).
//!
//! A swap is accepted if (x − f·in₀)·(y − f·in₁) ≥ x₀·y₀, with the balances after and the reserves
//! before it, all times the fee's whole. Shares are ⌊√(x·y)⌋ at first, then in proportion, rounded
//! down; the first thousand belong to nobody.
//!
//! Always: a reserve has at most 112 bits; a swap never lowers x·y; a share never loses reserves to
//! a mint or a burn. Donations (`skim`, `sync`) are not here: reserves and balances are one.

use ruint::aliases::U256;

use crate::refusal::Refusal;
use crate::wide::{extended, mul, narrowed, product, quotient, root, small};

/// Shares that the first mint gives to nobody.
pub const LOCKED: u128 = 1_000;
/// Reserves are below this.
const RESERVE_END: u128 = 1 << 112;

/// The part of an input that trades: 997 of 1000 on Uniswap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fee {
    /// What is left of `whole` after the fee; above zero, at most `whole`.
    pub keep: u16,
    /// The denominator.
    pub whole: u16,
}

impl Fee {
    /// 0.3 % of the input.
    pub const UNISWAP: Self = Self { keep: 997, whole: 1_000 };
}

/// Two reserves and the number of shares in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair {
    fee: Fee,
    reserves: [u128; 2],
    shares: U256,
    /// Whether the protocol takes a sixth of the growth of √(x·y), and the shares it has got.
    protocol: bool,
    protocol_shares: U256,
    /// x·y after the last mint or burn under the protocol's fee; zero without.
    product_last: U256,
}

impl Pair {
    /// An empty pair.
    ///
    /// # Errors
    /// `Terms` for a fee of nothing kept, or of more than all.
    pub fn new(fee: Fee) -> Result<Self, Refusal> {
        if fee.keep == 0 || fee.keep > fee.whole {
            return Err(Refusal::Terms);
        }
        let zero = U256::ZERO;
        let (shares, protocol_shares, product_last) = (zero, zero, zero);
        Ok(Self { fee, reserves: [0; 2], shares, protocol: false, protocol_shares, product_last })
    }

    /// Turns the protocol's fee on or off, from the next mint or burn on.
    pub fn share_growth(&mut self, on: bool) {
        self.protocol = on;
    }

    /// Raw units of token 0 and token 1.
    pub fn reserves(&self) -> [u128; 2] {
        self.reserves
    }

    /// All shares, with those of nobody and of the protocol.
    pub fn shares(&self) -> U256 {
        self.shares
    }

    /// Shares that the protocol has got.
    pub fn protocol_shares(&self) -> U256 {
        self.protocol_shares
    }

    /// The fee.
    pub fn fee(&self) -> Fee {
        self.fee
    }

    /// What the pair gives for an input, rounded down; `None` for an input of zero or of more than
    /// 112 bits, or without reserves.
    pub fn output_of(&self, zero_for_one: bool, amount_in: u128) -> Option<u128> {
        let [reserve_in, reserve_out] = self.sides(zero_for_one);
        if amount_in == 0 || amount_in >= RESERVE_END {
            return None;
        }
        let kept = amount_in * u128::from(self.fee.keep);
        let whole = U256::from(reserve_in) * U256::from(self.fee.whole) + U256::from(kept);
        let numerator = extended(mul(kept, reserve_out));
        let (output, _) = quotient(numerator, *whole.as_limbs())?;
        (output > 0 || reserve_in > 0 && reserve_out > 0).then_some(output)
    }

    /// An input that suffices for an output: at most one unit more than the least; `None` for an
    /// output of zero or of the whole reserve, or without reserves.
    pub fn input_of(&self, zero_for_one: bool, amount_out: u128) -> Option<u128> {
        let [reserve_in, reserve_out] = self.sides(zero_for_one);
        if amount_out == 0 || amount_out >= reserve_out || reserve_in == 0 {
            return None;
        }
        let keep = mul(reserve_out - amount_out, u128::from(self.fee.keep));
        let whole = reserve_in * u128::from(self.fee.whole);
        let (input, _) = quotient(extended(mul(whole, amount_out)), keep)?;
        input.checked_add(1)
    }

    /// Pays an input and takes all that it buys; what that is.
    ///
    /// # Errors
    /// `InputZero`, `OutputZero` or `OutputAboveReserve` where nothing can be bought, else as
    /// [`Self::swap`].
    pub fn swap_in(&mut self, zero_for_one: bool, amount_in: u128) -> Result<u128, Refusal> {
        if amount_in == 0 {
            return Err(Refusal::InputZero);
        }
        if amount_in >= RESERVE_END {
            return Err(Refusal::ReserveOverflow);
        }
        let output = self.output_of(zero_for_one, amount_in).ok_or(Refusal::OutputAboveReserve)?;
        self.swap(placed(zero_for_one, amount_in), placed(!zero_for_one, output))?;
        Ok(output)
    }

    /// Takes an output and pays for it; what was paid.
    ///
    /// # Errors
    /// `OutputZero` or `OutputAboveReserve`, else as [`Self::swap`].
    pub fn swap_out(&mut self, zero_for_one: bool, amount_out: u128) -> Result<u128, Refusal> {
        if amount_out == 0 {
            return Err(Refusal::OutputZero);
        }
        let input = self.input_of(zero_for_one, amount_out).ok_or(Refusal::OutputAboveReserve)?;
        self.swap(placed(zero_for_one, input), placed(!zero_for_one, amount_out))?;
        Ok(input)
    }

    /// The contract's swap: pays and takes any amounts of both tokens, if the product allows it.
    ///
    /// # Errors
    /// `OutputZero`, `OutputAboveReserve`, `InputZero`, `Arithmetic`, `ProductFalls` or
    /// `ReserveOverflow`, checked in this order.
    pub fn swap(&mut self, paid: [u128; 2], taken: [u128; 2]) -> Result<(), Refusal> {
        if taken == [0; 2] {
            return Err(Refusal::OutputZero);
        }
        if taken[0] >= self.reserves[0] || taken[1] >= self.reserves[1] {
            return Err(Refusal::OutputAboveReserve);
        }
        if paid == [0; 2] {
            return Err(Refusal::InputZero);
        }
        let mut after = [U256::ZERO; 2];
        for side in [0, 1] {
            after[side] = U256::from(self.reserves[side] - taken[side]) + U256::from(paid[side]);
        }
        self.check_product(paid, after)?;
        self.reserves = bounded(after)?;
        Ok(())
    }

    /// Adds both tokens; the shares they are worth. What is paid beyond the proportion of the
    /// reserves is a gift to all shares.
    ///
    /// # Errors
    /// `Arithmetic`, `MintTooSmall` or `ReserveOverflow`.
    pub fn mint(&mut self, paid: [u128; 2]) -> Result<U256, Refusal> {
        let growth = self.protocol_growth()?;
        let shares = self.shares + growth;
        let (minted, locked) = if shares.is_zero() {
            let root = root(product(U256::from(paid[0]), U256::from(paid[1])));
            let minted = root.checked_sub(U256::from(LOCKED)).ok_or(Refusal::Arithmetic)?;
            (minted, U256::from(LOCKED))
        } else {
            let worth = |side: usize| {
                let worth =
                    U256::from(paid[side]).checked_mul(shares).ok_or(Refusal::Arithmetic)?;
                worth.checked_div(U256::from(self.reserves[side])).ok_or(Refusal::Arithmetic)
            };
            (worth(0)?.min(worth(1)?), U256::ZERO)
        };
        if minted.is_zero() {
            return Err(Refusal::MintTooSmall);
        }
        let shares = shares.checked_add(minted + locked).ok_or(Refusal::Arithmetic)?;
        let mut after = [U256::ZERO; 2];
        for side in [0, 1] {
            after[side] = U256::from(self.reserves[side]) + U256::from(paid[side]);
        }
        self.commit(bounded(after)?, shares, growth);
        Ok(minted)
    }

    /// Gives shares back for their part of both reserves, rounded down; what that is.
    ///
    /// # Errors
    /// `Arithmetic` for more shares than anybody holds, or `BurnTooSmall`.
    pub fn burn(&mut self, shares: U256) -> Result<[u128; 2], Refusal> {
        let growth = self.protocol_growth()?;
        let all = self.shares + growth;
        if self.shares.saturating_sub(U256::from(LOCKED)) < shares {
            return Err(Refusal::Arithmetic);
        }
        let mut taken = [0; 2];
        for side in [0, 1] {
            let worth =
                shares.checked_mul(U256::from(self.reserves[side])).ok_or(Refusal::Arithmetic)?;
            let worth = worth.checked_div(all).ok_or(Refusal::Arithmetic)?;
            taken[side] = small(worth).expect("a part of a reserve");
            if taken[side] == 0 {
                return Err(Refusal::BurnTooSmall);
            }
        }
        let after = [self.reserves[0] - taken[0], self.reserves[1] - taken[1]];
        self.commit(after, all - shares, growth);
        Ok(taken)
    }

    fn sides(&self, zero_for_one: bool) -> [u128; 2] {
        let [zero, one] = self.reserves;
        if zero_for_one { [zero, one] } else { [one, zero] }
    }

    fn check_product(&self, paid: [u128; 2], after: [U256; 2]) -> Result<(), Refusal> {
        let whole = u128::from(self.fee.whole);
        let lost = u128::from(self.fee.whole - self.fee.keep);
        let adjusted =
            |side: usize| after[side] * U256::from(whole) - U256::from_limbs(mul(paid[side], lost));
        let sides = product(adjusted(0), adjusted(1));
        let sides = narrowed(sides).ok_or(Refusal::Arithmetic)?;
        let before = U256::from_limbs(mul(self.reserves[0], self.reserves[1]));
        let before = before.checked_mul(U256::from(whole * whole)).ok_or(Refusal::Arithmetic)?;
        if sides >= before { Ok(()) } else { Err(Refusal::ProductFalls) }
    }

    /// The protocol's new shares: a sixth of the growth of √(x·y) since the last mint or burn.
    fn protocol_growth(&self) -> Result<U256, Refusal> {
        if !self.protocol || self.product_last.is_zero() {
            return Ok(U256::ZERO);
        }
        let now = root(product(U256::from(self.reserves[0]), U256::from(self.reserves[1])));
        let last = root(product(self.product_last, U256::ONE));
        if now <= last {
            return Ok(U256::ZERO);
        }
        let numerator = self.shares.checked_mul(now - last).ok_or(Refusal::Arithmetic)?;
        Ok(numerator / (now * U256::from(5) + last))
    }

    fn commit(&mut self, reserves: [u128; 2], shares: U256, growth: U256) {
        self.reserves = reserves;
        self.shares = shares;
        self.protocol_shares += growth;
        self.product_last = if self.protocol {
            U256::from_limbs(mul(reserves[0], reserves[1]))
        } else {
            U256::ZERO
        };
    }
}

fn placed(zero: bool, amount: u128) -> [u128; 2] {
    if zero { [amount, 0] } else { [0, amount] }
}

fn bounded(reserves: [U256; 2]) -> Result<[u128; 2], Refusal> {
    let bounded = |reserve| small(reserve).filter(|reserve| *reserve < RESERVE_END);
    match reserves.map(bounded) {
        [Some(zero), Some(one)] => Ok([zero, one]),
        [_, _] => Err(Refusal::ReserveOverflow),
    }
}

#[cfg(test)]
mod tests;
