//! No neighbour of the size found earns more.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::concentrated::{Owner, Range};
use crate::product::Fee;
use crate::tick::sqrt_price_within;

/// What the trade earns in token 1 at the outside price, times the price's denominator.
fn profit(zero_for_one: bool, paid: U256, received: U256, price: Ratio) -> i128 {
    let value = |zero: bool, amount: U256| {
        let times = if zero { price.one } else { price.zero };
        i128::try_from(amount * U256::from(times)).unwrap()
    };
    value(!zero_for_one, received) - value(zero_for_one, paid)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_other_size_earns_more_in_a_pair(
        reserves in [1_000_000..1_u128 << 60, 1_000_000..1_u128 << 60],
        one in 1..1_000_u128, zero in 1..1_000_u128,
    ) {
        let mut pair = Pair::new(Fee::UNISWAP).unwrap();
        pair.mint(reserves).unwrap();
        let price = Ratio { one, zero };
        let earned = |zero_for_one: bool, amount: u128| {
            let output = pair.output_of(zero_for_one, amount).unwrap_or(0);
            profit(zero_for_one, U256::from(amount), U256::from(output), price)
        };
        // One unit of output may be lost to rounding.
        let slack = i128::try_from(one.max(zero)).unwrap();
        match pair_to(&pair, price) {
            None => {
                for amount in [1_000, 1 << 40] {
                    prop_assert!(earned(true, amount) <= slack);
                    prop_assert!(earned(false, amount) <= slack);
                }
            }
            Some(Trade { zero_for_one, amount_in }) => {
                let best = earned(zero_for_one, amount_in);
                prop_assert!(best >= -slack);
                for parts in [1, 2, 10, 100, 500, 990, 1_010, 2_000] {
                    let other = (amount_in * parts / 1_000).max(1);
                    prop_assert!(earned(zero_for_one, other) <= best + 2 * slack);
                }
            }
        }
    }

    #[test]
    fn no_other_limit_earns_more_in_a_pool(at in -2_000..2_000_i32, outside in -2_000..2_000_i32) {
        let mut pool = Pool::new(3_000, 60).unwrap();
        pool.initialise(sqrt_price_within(at)).unwrap();
        for (width, liquidity) in [(600, 1 << 60), (1_800, 1 << 59), (6_000, 1 << 58)] {
            pool.mint(Owner(1), Range { lower: -width, upper: width }, liquidity).unwrap();
        }
        let sqrt = sqrt_price_within(outside);
        let one = u128::try_from(product(sqrt, sqrt) >> 152).unwrap();
        let price = Ratio { one, zero: 1 << 40 };
        let earned = |swap: &Swap| {
            let done = pool.quote(swap);
            done.map_or(0, |done| profit(swap.zero_for_one, done.paid, done.received, price))
        };
        match pool_to(&pool, sqrt) {
            None => prop_assert!((at - outside).abs() <= 31),
            Some(swap) => {
                prop_assert!((at - outside).abs() >= 29);
                let best = earned(&swap);
                prop_assert!(best >= 0);
                for parts in [99_900, 99_999, 100_001, 100_100] {
                    let limit = swap.limit * U256::from(parts) / U256::from(100_000);
                    let other = earned(&Swap { limit, ..swap });
                    prop_assert!(other <= best + (2 << 40), "{other} {best}");
                }
            }
        }
    }
}

#[test]
fn the_published_root_of_a_ratio() {
    let price = |one, zero| sqrt_price(Ratio { one, zero });
    assert_eq!(price(1, 1), Some(U256::ONE << 96));
    // `encodePriceSqrt(1, 10)` and `(100, 1)` of v3-core's tests.
    assert_eq!(price(1, 10).unwrap().to_string(), "25054144837504793118641380156");
    assert_eq!(price(100, 1).unwrap().to_string(), "792281625142643375935439503360");
    assert_eq!((price(0, 1), price(1, 0), price(u128::MAX, 1)), (None, None, None));
}
