//! The fast step against the step for all numbers.

use proptest::prelude::*;

use super::*;
use crate::tick::{MAX, MIN, sqrt_price_within};

fn short(bits: u32) -> impl Strategy<Value = u128> {
    (any::<u128>(), 1..=bits).prop_map(|(n, bits)| (n >> (128 - bits)).max(1))
}

/// A price near a tick, and another near it or far.
fn prices() -> impl Strategy<Value = (U256, U256)> {
    let tick = MIN + 1..MAX;
    (tick.clone(), prop_oneof![tick, -300..300_i32], short(40), any::<bool>()).prop_map(
        |(a, b, off, near)| {
            let b = if near { (a + b % 300).clamp(MIN + 1, MAX - 1) } else { b };
            (sqrt_price_within(a), sqrt_price_within(b) + U256::from(off))
        },
    )
}

fn terms() -> impl Strategy<Value = Terms> {
    let step = prop_oneof![Just(Step::V3), Just(Step::V4)];
    let fee = prop_oneof![Just(0), Just(100), Just(500), Just(3_000), 0..PIPS];
    (step, fee).prop_map(|(step, fee_pips)| Terms { step, fee_pips, zero_for_one: false })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60_000))]

    #[test]
    fn the_fast_step_is_the_step(
        terms in terms(),
        (sqrt, target) in prices(),
        liquidity in short(128),
        amount in short(128),
        out in any::<bool>(),
    ) {
        let terms = Terms { zero_for_one: target <= sqrt, ..terms };
        let amount = U256::from(amount);
        let left = if out { Left::Out(amount) } else { Left::In(amount) };
        if let Some(fast) = narrow::moved(terms, sqrt, target, liquidity, left) {
            prop_assert_eq!(fast, wide::moved(terms, sqrt, target, liquidity, left));
        }
    }

    /// Amounts that just reach the target, and just do not.
    #[test]
    fn the_fast_step_is_the_step_at_the_target(
        terms in terms(),
        (sqrt, target) in prices(),
        liquidity in short(128),
        off in 0..5_u8,
        out in any::<bool>(),
    ) {
        let terms = Terms { zero_for_one: target <= sqrt, ..terms };
        let most = U256::ONE << 250;
        let left = |amount| if out { Left::Out(amount) } else { Left::In(amount) };
        let whole = wide::moved(terms, sqrt, target, liquidity, left(most));
        let exact = if out { whole.amount_out } else { whole.amount_in + whole.fee };
        let near = (exact + U256::from(off)).saturating_sub(U256::from(2_u8)).max(U256::ONE);
        if let Some(fast) = narrow::moved(terms, sqrt, target, liquidity, left(near)) {
            prop_assert_eq!(fast, wide::moved(terms, sqrt, target, liquidity, left(near)));
        }
    }

    #[test]
    fn the_fast_step_serves_what_trades_in_practice(
        terms in terms().prop_filter("usual fees", |terms| terms.fee_pips <= 10_000),
        tick in -400_000..400_000_i32,
        liquidity in short(90),
        amount in short(80),
        out in any::<bool>(),
    ) {
        let (sqrt, target) = (sqrt_price_within(tick), sqrt_price_within(tick + 60));
        let left = if out { Left::Out } else { Left::In }(U256::from(amount));
        prop_assert!(narrow::moved(terms, sqrt, target, liquidity, left).is_some());
        let terms = Terms { zero_for_one: true, ..terms };
        prop_assert!(narrow::moved(terms, target, sqrt, liquidity, left).is_some());
    }
}
