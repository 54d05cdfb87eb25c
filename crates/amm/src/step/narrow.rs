//! The step where prices and amounts have at most 128 bits: the same answer with fewer divisions,
//! or `None`.

use ruint::aliases::U256;

use super::{Left, Moved, PIPS, Step, Terms};
use crate::wide::{extended, high_words, mul, mul_wide, quotient, scaled, small, sum};

/// See [`super::moved`].
#[inline]
pub(crate) fn moved(
    terms: Terms,
    sqrt: U256,
    target: U256,
    liquidity: u128,
    left: Left,
) -> Option<Moved> {
    if liquidity == 0 {
        return None;
    }
    let stretch = Stretch { terms, sqrt: small(sqrt)?, target: small(target)?, liquidity };
    let [next, amount_in, amount_out, fee] = match left {
        Left::In(left) => stretch.input(small(left)?)?,
        Left::Out(left) => stretch.output(small(left)?)?,
    };
    Some(Moved {
        sqrt: U256::from(next),
        amount_in: U256::from(amount_in),
        amount_out: U256::from(amount_out),
        fee: U256::from(fee),
    })
}

struct Stretch {
    terms: Terms,
    sqrt: u128,
    target: u128,
    liquidity: u128,
}

impl Stretch {
    /// Price, input, output and fee of an input, fee included.
    #[inline]
    fn input(&self, left: u128) -> Option<[u128; 4]> {
        let less_fee = part(left, PIPS - self.terms.fee_pips, PIPS)?;
        let next = if self.terms.zero_for_one {
            self.after_input0(less_fee)?.max(self.target)
        } else {
            self.after_input1(less_fee).min(self.target)
        };
        let amount_out = self.output_to(next)?;
        if next == self.target {
            let amount_in = self.input_to(next)?;
            return Some([next, amount_in, amount_out, self.fee(amount_in)?]);
        }
        let amount_in = match self.terms.step {
            Step::V4 => less_fee,
            Step::V3 if self.terms.zero_for_one && self.price_is_fine(next) => less_fee,
            Step::V3 => self.input_to(next)?,
        };
        Some([next, amount_in, amount_out, left - amount_in])
    }

    /// Price, input, output and fee of an output.
    #[inline]
    fn output(&self, left: u128) -> Option<[u128; 4]> {
        let most = self.output_to(self.target)?;
        let (next, amount_out) = if left >= most {
            (self.target, most)
        } else if self.terms.zero_for_one {
            let (fall, rest) = quotient(extended(scaled(left)), wide(self.liquidity))?;
            (self.sqrt - fall - u128::from(rest), left)
        } else {
            (self.after_output0(left)?, left)
        };
        let amount_in = self.input_to(next)?;
        Some([next, amount_in, amount_out, self.fee(amount_in)?])
    }

    /// ⌈L·2⁹⁶·s/(L·2⁹⁶ + x·s)⌉.
    #[inline]
    fn after_input0(&self, amount: u128) -> Option<u128> {
        let scaled = scaled(self.liquidity);
        let denominator = sum(scaled, mul(amount, self.sqrt))?;
        rounded_up(quotient(mul_wide(scaled, self.sqrt), denominator)?)
    }

    /// s + ⌊y·2⁹⁶/L⌋, or the greatest number where that is beyond it.
    #[inline]
    fn after_input1(&self, amount: u128) -> u128 {
        let rise = quotient(extended(scaled(amount)), wide(self.liquidity));
        rise.map_or(u128::MAX, |(rise, _)| self.sqrt.saturating_add(rise))
    }

    /// ⌈L·2⁹⁶·s/(L·2⁹⁶ − x·s)⌉ of an output that does not reach the target.
    #[inline]
    fn after_output0(&self, amount: u128) -> Option<u128> {
        let scaled = U256::from_limbs(scaled(self.liquidity));
        let denominator = scaled.checked_sub(U256::from_limbs(mul(amount, self.sqrt)))?;
        let numerator = mul_wide(*scaled.as_limbs(), self.sqrt);
        rounded_up(quotient(numerator, *denominator.as_limbs())?)
    }

    #[inline]
    fn input_to(&self, next: u128) -> Option<u128> {
        if self.terms.zero_for_one {
            rounded_up(self.amount0(next)?)
        } else {
            rounded_up(self.amount1(next)?)
        }
    }

    #[inline]
    fn output_to(&self, next: u128) -> Option<u128> {
        let (amount, _) =
            if self.terms.zero_for_one { self.amount1(next) } else { self.amount0(next) }?;
        Some(amount)
    }

    /// ⌊L·2⁹⁶·|s − s′|/(s·s′)⌋ and whether a rest remains.
    #[inline]
    fn amount0(&self, next: u128) -> Option<(u128, bool)> {
        let numerator = mul_wide(scaled(self.liquidity), self.sqrt.abs_diff(next));
        quotient(numerator, mul(self.sqrt, next))
    }

    /// ⌊L·|s − s′|/2⁹⁶⌋ and whether a rest remains.
    #[inline]
    fn amount1(&self, next: u128) -> Option<(u128, bool)> {
        high_words(mul(self.liquidity, self.sqrt.abs_diff(next)))
    }

    #[inline]
    fn fee(&self, amount_in: u128) -> Option<u128> {
        let pips = self.terms.fee_pips;
        let up = PIPS - pips - 1;
        let product = amount_in.checked_mul(u128::from(pips))?.checked_add(u128::from(up))?;
        Some(product / u128::from(PIPS - pips))
    }

    /// L·2⁹⁶ < s′·(s′ − 1): a price rounded up by less than one costs less than one unit of token
    /// 0.
    #[inline]
    fn price_is_fine(&self, next: u128) -> bool {
        2 * (128 - next.leading_zeros()) > 2 + 96 + 128 - self.liquidity.leading_zeros()
    }
}

/// ⌊n·part/whole⌋ for part ≤ whole.
#[inline]
fn part(n: u128, part: u32, whole: u32) -> Option<u128> {
    Some(n.checked_mul(u128::from(part))? / u128::from(whole))
}

#[inline]
fn rounded_up((quotient, rest): (u128, bool)) -> Option<u128> {
    quotient.checked_add(u128::from(rest))
}

#[inline]
fn wide(n: u128) -> [u64; 4] {
    mul(n, 1)
}
