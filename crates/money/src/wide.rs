//! Multiply before dividing, with a 256-bit intermediate: `a·b/c` is exact until its one rounding.

/// The direction of the one rounding in a product.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Round {
    /// Towards minus infinity: what a user gets.
    Down,
    /// Towards plus infinity: what a user pays.
    Up,
}

/// `a / 10^N` rounded, for N of 8, 12 or 18: a shift by N, then a division by the constant 5^N,
/// which the compiler turns into multiplications, as it does not with a division of 128 bits by a
/// variable.
#[inline]
pub(crate) fn div_ten_to<const N: u32>(a: i128, round: Round) -> i128 {
    const { assert!(N == 8 || N == 12 || N == 18) }
    let magnitude = a.unsigned_abs();
    let shifted_out = magnitude & ((1 << N) - 1);
    let quotient = magnitude >> N;
    let (quotient, remainder) = match N {
        8 => div_small::<390_625>(quotient),
        12 => div_small::<244_140_625>(quotient),
        _ => {
            let (quotient, first) = div_small::<1_953_125>(quotient);
            let (quotient, second) = div_small::<1_953_125>(quotient);
            (quotient, first | second)
        }
    };
    let inexact = shifted_out != 0 || remainder != 0;
    let away_from_zero = inexact && ((a < 0) == (round == Round::Down));
    let magnitude = i128::try_from(quotient).expect("a quotient by ten or more fits");
    let magnitude = magnitude + i128::from(away_from_zero);
    if a < 0 { -magnitude } else { magnitude }
}

/// Quotient and remainder by a small constant, 32 bits at a time where 64 do not hold the number.
#[inline]
fn div_small<const D: u64>(a: u128) -> (u128, u64) {
    if let Ok(narrow) = u64::try_from(a) {
        return (u128::from(narrow / D), narrow % D);
    }
    let (mut quotient, mut remainder) = (0u128, 0u64);
    for shift in [96, 64, 32, 0] {
        let part = (remainder << 32) | u64::from((a >> shift) as u32);
        quotient |= u128::from(part / D) << shift;
        remainder = part % D;
    }
    (quotient, remainder)
}

/// `a / b` rounded; `None` when `b` is zero or the quotient does not fit.
#[inline]
pub fn div_i128(a: i128, b: i128, round: Round) -> Option<i128> {
    if let (Ok(a), Ok(b)) = (i64::try_from(a), i64::try_from(b))
        && a != i64::MIN
        && b != 0
    {
        let (quotient, remainder) = (a / b, a % b);
        let negative = (remainder < 0) != (b < 0);
        let step = match round {
            Round::Down => -i128::from(remainder != 0 && negative),
            Round::Up => i128::from(remainder != 0 && !negative),
        };
        return Some(i128::from(quotient) + step);
    }
    div_wide_operands(a, b, round)
}

#[inline]
fn div_wide_operands(a: i128, b: i128, round: Round) -> Option<i128> {
    let quotient = a.checked_div(b)?;
    let remainder = a - quotient * b;
    let inexact = remainder != 0;
    let negative = (remainder < 0) != (b < 0);
    match round {
        Round::Down => Some(quotient - i128::from(inexact && negative)),
        Round::Up => Some(quotient + i128::from(inexact && !negative)),
    }
}

/// `a·b / c` rounded once; `None` when `c` is zero or the result does not fit an `i128`.
#[inline]
pub fn mul_div(a: i128, b: i128, c: i128, round: Round) -> Option<i128> {
    match a.checked_mul(b) {
        Some(product) => div_i128(product, c, round),
        None => mul_div_wide(a, b, c, round),
    }
}

#[cold]
fn mul_div_wide(a: i128, b: i128, c: i128, round: Round) -> Option<i128> {
    if c == 0 {
        return None;
    }
    let negative = (a < 0) ^ (b < 0) ^ (c < 0);
    let (high, low) = widening_mul(a.unsigned_abs(), b.unsigned_abs());
    let (quotient, remainder) = divide_wide(high, low, c.unsigned_abs())?;
    let away_from_zero = remainder != 0
        && match round {
            Round::Down => negative,
            Round::Up => !negative,
        };
    let magnitude = quotient.checked_add(u128::from(away_from_zero))?;
    if negative { 0i128.checked_sub_unsigned(magnitude) } else { i128::try_from(magnitude).ok() }
}

/// The 256-bit product of two `u128`, as (high, low).
fn widening_mul(a: u128, b: u128) -> (u128, u128) {
    const MASK: u128 = u64::MAX as u128;
    let (a_high, a_low, b_high, b_low) = (a >> 64, a & MASK, b >> 64, b & MASK);
    let low = a_low * b_low;
    let middle = a_high * b_low + (low >> 64);
    let middle_low = (middle & MASK) + a_low * b_high;
    let high = a_high * b_high + (middle >> 64) + (middle_low >> 64);
    (high, (middle_low << 64) | (low & MASK))
}

/// Schoolbook long division of a 256-bit number; `None` when the quotient exceeds 128 bits.
fn divide_wide(high: u128, low: u128, divisor: u128) -> Option<(u128, u128)> {
    if high >= divisor {
        return None;
    }
    let (mut remainder, mut quotient) = (high, 0u128);
    for bit in (0..128).rev() {
        let carry = remainder >> 127;
        remainder = (remainder << 1) | ((low >> bit) & 1);
        if carry == 1 || remainder >= divisor {
            remainder = remainder.wrapping_sub(divisor);
            quotient |= 1 << bit;
        }
    }
    Some((quotient, remainder))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn division_rounds_towards_the_named_infinity() {
        let table = [
            (7, 2, 3, 4),
            (-7, 2, -4, -3),
            (7, -2, -4, -3),
            (-7, -2, 3, 4),
            (6, 2, 3, 3),
            (0, 5, 0, 0),
        ];
        for (a, b, down, up) in table {
            assert_eq!(div_i128(a, b, Round::Down), Some(down), "{a}/{b} down");
            assert_eq!(div_i128(a, b, Round::Up), Some(up), "{a}/{b} up");
        }
        assert_eq!(div_i128(1, 0, Round::Down), None);
        assert_eq!(div_i128(i128::MIN, -1, Round::Down), None);
    }

    #[test]
    fn wide_products_keep_every_bit() {
        let big = i128::MAX;
        assert_eq!(mul_div(big, big, big, Round::Down), Some(big));
        assert_eq!(mul_div(i128::MIN, big, big, Round::Up), Some(i128::MIN));
        assert_eq!(mul_div(big, big, 1, Round::Down), None);
        assert_eq!(mul_div(big, 3, 2, Round::Down), None);
        assert_eq!(mul_div(big, 2, 3, Round::Up).map(|q| q - big / 3 * 2), Some(1));
        assert_eq!(mul_div(big, 2, 0, Round::Up), None);
    }

    proptest! {
        #[test]
        fn division_by_constants_agrees_with_division(a in any::<i128>(), small in any::<i64>()) {
            prop_assume!(a != i128::MIN);
            for a in [a, i128::from(small), a >> 32, a >> 64] {
                for round in [Round::Down, Round::Up] {
                    let expected = div_wide_operands(a, 100_000_000, round);
                    prop_assert_eq!(Some(div_ten_to::<8>(a, round)), expected);
                    prop_assert_eq!(div_i128(a, 100_000_000, round), expected);
                    let expected = div_wide_operands(a, 1_000_000_000_000, round);
                    prop_assert_eq!(Some(div_ten_to::<12>(a, round)), expected);
                    let expected = div_wide_operands(a, 1_000_000_000_000_000_000, round);
                    prop_assert_eq!(Some(div_ten_to::<18>(a, round)), expected);
                }
            }
        }

        #[test]
        fn wide_and_narrow_paths_agree(a in any::<i64>(), b in any::<i64>(), c in any::<i64>()) {
            prop_assume!(c != 0);
            for round in [Round::Down, Round::Up] {
                let (a, b, c) = (i128::from(a), i128::from(b), i128::from(c));
                prop_assert_eq!(mul_div(a, b, c, round), mul_div_wide(a, b, c, round));
            }
        }

        #[test]
        fn down_and_up_bracket_the_quotient(a in any::<i128>(), b in any::<i64>(), c in 1i64..) {
            let (b, c) = (i128::from(b), i128::from(c));
            let down = mul_div(a, b, c, Round::Down);
            let up = mul_div(a, b, c, Round::Up);
            if let (Some(down), Some(up)) = (down, up) {
                prop_assert!(up - down == 0 || up - down == 1);
                let negated = mul_div(a, -b, c, Round::Up).map(|q| -q);
                prop_assert_eq!(Some(down), negated);
            }
        }
    }
}
