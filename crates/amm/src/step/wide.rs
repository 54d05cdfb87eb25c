//! The step and its parts for every number that the contract takes.
//!
//! Within a pool nothing here overflows: a step that stops short of its target lies between two
//! prices that ticks have.

use ruint::aliases::U256;

use super::{Left, Moved, PIPS, Step, Terms};
use crate::wide::{div_up, mul_div, mul_div_up, scaled};

const FITS: &str = "between two prices of ticks amounts have less than 256 bits";
const Q96: U256 = U256::from_limbs([0, 1 << 32, 0, 0]);

/// Token 0 between two prices, of which the lower is above zero.
pub(crate) fn amount0(a: U256, b: U256, liquidity: u128, up: bool) -> U256 {
    let (low, high) = if a < b { (a, b) } else { (b, a) };
    let scaled = U256::from_limbs(scaled(liquidity));
    if up {
        let part = mul_div_up(scaled, high - low, high).expect(FITS);
        div_up(part, low).expect("a price is above zero")
    } else {
        mul_div(scaled, high - low, high).expect(FITS) / low
    }
}

/// Token 1 between two prices.
pub(crate) fn amount1(a: U256, b: U256, liquidity: u128, up: bool) -> U256 {
    let distance = a.abs_diff(b);
    let divided = if up { mul_div_up } else { mul_div };
    divided(U256::from(liquidity), distance, Q96).expect(FITS)
}

/// See [`super::moved`].
#[cold]
pub(crate) fn moved(terms: Terms, sqrt: U256, target: U256, liquidity: u128, left: Left) -> Moved {
    let [amount_into, amount_out_of]: [Amount; 2] =
        if terms.zero_for_one { [amount0, amount1] } else { [amount1, amount0] };
    let (pips, whole) = (U256::from(terms.fee_pips), U256::from(PIPS));
    let next = match left {
        Left::In(left) => {
            let less_fee =
                mul_div(left, whole - pips, whole).expect("a part is not above the whole");
            let reaches = less_fee >= amount_into(sqrt, target, liquidity, true);
            if reaches { target } else { after_input(terms, sqrt, liquidity, less_fee) }
        }
        Left::Out(left) => {
            let reaches = left >= amount_out_of(sqrt, target, liquidity, false);
            if reaches { target } else { after_output(terms, sqrt, liquidity, left) }
        }
    };
    let amount_in = amount_into(sqrt, next, liquidity, true);
    let amount_out = amount_out_of(sqrt, next, liquidity, false);
    let fee_of = |amount_in| mul_div_up(amount_in, pips, whole - pips).expect(FITS);
    match left {
        Left::In(left) if next != target => {
            let amount_in = match terms.step {
                Step::V3 => amount_in,
                Step::V4 => mul_div(left, whole - pips, whole).expect("a part of the whole"),
            };
            Moved { sqrt: next, amount_in, amount_out, fee: left - amount_in }
        }
        Left::In(_) => Moved { sqrt: next, amount_in, amount_out, fee: fee_of(amount_in) },
        Left::Out(left) => {
            let amount_out = amount_out.min(left);
            Moved { sqrt: next, amount_in, amount_out, fee: fee_of(amount_in) }
        }
    }
}

type Amount = fn(U256, U256, u128, bool) -> U256;

fn after_input(terms: Terms, sqrt: U256, liquidity: u128, amount: U256) -> U256 {
    if !terms.zero_for_one {
        return sqrt + mul_div(amount, Q96, U256::from(liquidity)).expect(FITS);
    }
    let scaled = U256::from_limbs(scaled(liquidity));
    let exact = amount.checked_mul(sqrt).and_then(|product| product.checked_add(scaled));
    match exact {
        Some(denominator) => mul_div_up(scaled, sqrt, denominator).expect(FITS),
        // The contract's second choice where the denominator overflows: less exact, still safe.
        None => div_up(scaled, scaled / sqrt + amount).expect("liquidity is above zero"),
    }
}

fn after_output(terms: Terms, sqrt: U256, liquidity: u128, amount: U256) -> U256 {
    if terms.zero_for_one {
        return sqrt - mul_div_up(amount, Q96, U256::from(liquidity)).expect(FITS);
    }
    let scaled = U256::from_limbs(scaled(liquidity));
    mul_div_up(scaled, sqrt, scaled - amount * sqrt).expect(FITS)
}
