//! Full-precision products and quotients: ⌊a·b/d⌋ and ⌈a·b/d⌉ with a product of 512 bits.
//!
//! [`quotient`] is the kernel of the fast paths: a numerator of six words by a divisor of four,
//! with a quotient of two words, or `None` where the quotient has more. Knuth's Algorithm D (TAOCP
//! 4.3.1) with word quotients from a reciprocal: Möller and Granlund, "Improved division by
//! invariant integers" (2011), algorithms 4 and 6. The words of a number go from low to high.

use ruint::Uint;
use ruint::aliases::U256;

type U512 = Uint<512, 8>;

/// ⌊a·b/d⌋; `None` for d = 0 and for a result of more than 256 bits.
pub fn mul_div(a: U256, b: U256, d: U256) -> Option<U256> {
    divide(a, b, d).map(|(quotient, _)| quotient)
}

/// ⌈a·b/d⌉; `None` for d = 0 and for a result of more than 256 bits.
pub fn mul_div_up(a: U256, b: U256, d: U256) -> Option<U256> {
    let (quotient, rest) = divide(a, b, d)?;
    if rest { quotient.checked_add(U256::ONE) } else { Some(quotient) }
}

/// ⌈a/d⌉; `None` for d = 0.
pub fn div_up(a: U256, d: U256) -> Option<U256> {
    (!d.is_zero()).then(|| a.div_ceil(d))
}

/// ⌊√n⌋ by Newton's method from above.
pub fn root(n: U512) -> U256 {
    let mut root = U512::ONE << n.bit_len().div_ceil(2);
    if n.is_zero() {
        return U256::ZERO;
    }
    loop {
        let next = (root + n / root) >> 1;
        if next >= root {
            let limbs = root.as_limbs();
            return U256::from_limbs([limbs[0], limbs[1], limbs[2], limbs[3]]);
        }
        root = next;
    }
}

/// a·b with all its 512 bits.
pub fn product(a: U256, b: U256) -> U512 {
    a.widening_mul(b)
}

/// The low 256 bits of a number that has no more; `None` if it has.
pub fn narrowed(n: U512) -> Option<U256> {
    let limbs = n.as_limbs();
    let high = limbs[4] | limbs[5] | limbs[6] | limbs[7];
    (high == 0).then(|| U256::from_limbs([limbs[0], limbs[1], limbs[2], limbs[3]]))
}

fn divide(a: U256, b: U256, d: U256) -> Option<(U256, bool)> {
    if let (Some(a), Some(b)) = (small(a), small(b))
        && let Some((quotient, rest)) = quotient(extended(mul(a, b)), *d.as_limbs())
    {
        return Some((U256::from(quotient), rest));
    }
    if d.is_zero() {
        return None;
    }
    let (quotient, rest) = product(a, b).div_rem(U512::from(d));
    Some((narrowed(quotient)?, !rest.is_zero()))
}

/// The value if it has at most 128 bits.
#[inline]
pub fn small(n: U256) -> Option<u128> {
    let limbs = n.as_limbs();
    (limbs[2] | limbs[3] == 0).then(|| join(limbs[1], limbs[0]))
}

/// a·b.
#[inline]
pub const fn mul(a: u128, b: u128) -> [u64; 4] {
    let (a0, a1, b0, b1) = (low(a), high(a), low(b), high(b));
    let zero = a0 as u128 * b0 as u128;
    let left = a1 as u128 * b0 as u128 + high(zero) as u128;
    let right = a0 as u128 * b1 as u128 + low(left) as u128;
    let top = a1 as u128 * b1 as u128 + high(left) as u128 + high(right) as u128;
    [low(zero), low(right), low(top), high(top)]
}

/// a·b.
#[inline]
pub const fn mul_wide(a: [u64; 4], b: u128) -> [u64; 6] {
    let mut result = [0; 6];
    let words = [low(b), high(b)];
    let mut at = 0;
    while at < 2 {
        let mut carry = 0;
        let mut place = 0;
        while place < 4 {
            let sum = a[place] as u128 * words[at] as u128 + result[place + at] as u128 + carry;
            result[place + at] = low(sum);
            carry = high(sum) as u128;
            place += 1;
        }
        result[at + 4] = low(carry);
        at += 1;
    }
    result
}

/// n·2⁹⁶.
#[inline]
pub const fn scaled(n: u128) -> [u64; 4] {
    let words = n << 32;
    [0, low(words), high(words), high(n) >> 32]
}

/// The number in six words.
#[inline]
pub const fn extended(n: [u64; 4]) -> [u64; 6] {
    [n[0], n[1], n[2], n[3], 0, 0]
}

/// a + b; `None` for a sum of more than 256 bits.
#[inline]
pub fn sum(a: [u64; 4], b: [u64; 4]) -> Option<[u64; 4]> {
    let mut result = [0; 4];
    let mut carry = 0;
    for place in 0..4 {
        let sum = a[place] as u128 + b[place] as u128 + carry as u128;
        result[place] = low(sum);
        carry = high(sum);
    }
    (carry == 0).then_some(result)
}

/// ⌊n/2⁹⁶⌋ and whether a rest remains; `None` for a quotient of more than 128 bits.
#[inline]
pub fn high_words(n: [u64; 4]) -> Option<(u128, bool)> {
    let rest = n[0] != 0 || n[1] << 32 != 0;
    let quotient = join(n[2], n[1]) >> 32 | (n[3] as u128) << 96;
    (n[3] >> 32 == 0).then_some((quotient, rest))
}

/// ⌊n/d⌋ and whether a rest remains; `None` for d = 0 and for a quotient of more than 128 bits.
#[inline]
pub fn quotient(n: [u64; 6], d: [u64; 4]) -> Option<(u128, bool)> {
    let shift = zeros_above(&d);
    if shift == 256 || zeros_above(&n) < shift {
        return None;
    }
    let d = shifted(d, shift);
    let mut n = shifted(n, shift);
    if !less([n[2], n[3], n[4], n[5]], d) {
        return None;
    }
    let reciprocal = reciprocal(d[3], d[2]);
    let mut digits = [0; 2];
    for at in [1, 0] {
        let window = [n[at], n[at + 1], n[at + 2], n[at + 3], n[at + 4]];
        let (digit, rest) = digit(window, d, reciprocal);
        digits[at] = digit;
        n[at..at + 4].copy_from_slice(&rest);
        n[at + 4] = 0;
    }
    Some((join(digits[1], digits[0]), n[0] | n[1] | n[2] | n[3] != 0))
}

/// One digit of the quotient and the rest; the upper four words of `n` are less than `d`, whose top
/// bit is set.
#[inline]
fn digit(n: [u64; 5], d: [u64; 4], reciprocal: u64) -> (u64, [u64; 4]) {
    if n[4] == 0 && less([n[0], n[1], n[2], n[3]], d) {
        return (0, [n[0], n[1], n[2], n[3]]);
    }
    let top = join(n[4], n[3]);
    let mut digit = if top < join(d[3], d[2]) {
        three_by_two(top, n[2], join(d[3], d[2]), reciprocal)
    } else {
        u64::MAX
    };
    let (mut rest, mut borrow) = (n, 0);
    let mut carry = 0;
    for place in 0..4 {
        let product = digit as u128 * d[place] as u128 + carry as u128;
        carry = high(product);
        (rest[place], borrow) = less_with_borrow(rest[place], low(product), borrow);
    }
    (rest[4], borrow) = less_with_borrow(rest[4], carry, borrow);
    while borrow != 0 {
        digit -= 1;
        let mut carry = 0;
        for place in 0..4 {
            let sum = rest[place] as u128 + d[place] as u128 + carry as u128;
            rest[place] = low(sum);
            carry = high(sum);
        }
        let sum = rest[4] as u128 + carry as u128;
        rest[4] = low(sum);
        borrow -= high(sum);
    }
    (digit, [rest[0], rest[1], rest[2], rest[3]])
}

/// a − b − borrow and the new borrow.
#[inline]
const fn less_with_borrow(a: u64, b: u64, borrow: u64) -> (u64, u64) {
    let (first, one) = a.overflowing_sub(b);
    let (second, two) = first.overflowing_sub(borrow);
    (second, (one | two) as u64)
}

/// ⌊(2¹⁹² − 1)/(d1·2⁶⁴ + d0)⌋ − 2⁶⁴ of a divisor with its top bit set.
#[inline]
fn reciprocal(d1: u64, d0: u64) -> u64 {
    let mut v = low(join(!d1, u64::MAX) / d1 as u128);
    let mut p = d1.wrapping_mul(v).wrapping_add(d0);
    if p < d0 {
        v = v.wrapping_sub(1);
        if p >= d1 {
            v = v.wrapping_sub(1);
            p = p.wrapping_sub(d1);
        }
        p = p.wrapping_sub(d1);
    }
    let t = v as u128 * d0 as u128;
    let (sum, over) = p.overflowing_add(high(t));
    if over {
        v = v.wrapping_sub(1);
        if join(sum, low(t)) >= join(d1, d0) {
            v = v.wrapping_sub(1);
        }
    }
    v
}

/// ⌊(top·2⁶⁴ + n0)/d⌋ for top < d.
#[inline]
fn three_by_two(top: u128, n0: u64, d: u128, reciprocal: u64) -> u64 {
    let q = (reciprocal as u128 * high(top) as u128).wrapping_add(top);
    let (mut q1, q0) = (high(q), low(q));
    let r1 = low(top).wrapping_sub(q1.wrapping_mul(high(d)));
    let t = low(d) as u128 * q1 as u128;
    let mut r = join(r1, n0).wrapping_sub(t).wrapping_sub(d);
    q1 = q1.wrapping_add(1);
    if high(r) >= q0 {
        q1 = q1.wrapping_sub(1);
        r = r.wrapping_add(d);
    }
    if r >= d { q1.wrapping_add(1) } else { q1 }
}

#[inline]
fn zeros_above<const N: usize>(n: &[u64; N]) -> u32 {
    let mut zeros = 0;
    for word in n.iter().rev() {
        zeros += word.leading_zeros();
        if *word != 0 {
            return zeros;
        }
    }
    zeros
}

/// n·2^shift; no bit that is set may leave at the top.
#[inline]
fn shifted<const N: usize>(n: [u64; N], shift: u32) -> [u64; N] {
    let (words, bits) = ((shift / 64) as usize, shift % 64);
    let mut result = [0; N];
    let mut below = 0;
    for (word, from) in result[words..].iter_mut().zip(n) {
        *word = high(join(from, below) << bits);
        below = from;
    }
    result
}

#[inline]
fn less(a: [u64; 4], b: [u64; 4]) -> bool {
    (join(a[3], a[2]), join(a[1], a[0])) < (join(b[3], b[2]), join(b[1], b[0]))
}

#[inline]
const fn join(high: u64, low: u64) -> u128 {
    (high as u128) << 64 | low as u128
}

#[inline]
const fn low(n: u128) -> u64 {
    n as u64
}

#[inline]
const fn high(n: u128) -> u64 {
    (n >> 64) as u64
}

#[cfg(test)]
mod tests;
