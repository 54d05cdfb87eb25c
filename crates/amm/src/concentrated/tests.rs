//! What holds of a pool after any sequence of calls.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::tick::{MAX_SQRT, MIN_SQRT, sqrt_price_within};

const SPACING: i32 = 60;
const TERMS: [(u32, i32); 3] = [(500, 10), (3_000, 60), (10_000, 200)];
const MOST: [u128; 2] = [u128::MAX; 2];

#[derive(Debug, Clone)]
enum Call {
    Mint(u64, Range, u128),
    Burn(u64, Range, u128),
    Collect(u64, Range, [u128; 2]),
    Swap(bool, bool, u128, i32),
    Share([u8; 2]),
    CollectProtocol([u128; 2]),
}

fn short(bits: u32) -> impl Strategy<Value = u128> {
    (any::<u128>(), 1..=bits).prop_map(|(n, bits)| n >> (128 - bits))
}

/// Few ranges, so that positions share ticks; on both sides of tick 0, over word borders.
fn range() -> impl Strategy<Value = Range> {
    prop_oneof![
        (-6..6_i32, 1..5_i32).prop_map(|(at, width)| (at, at + width)),
        (-600..600_i32, 1..600_i32).prop_map(|(at, width)| (at, at + width)),
        Just((-14_787, 14_787)),
    ]
    .prop_map(|(lower, upper)| Range { lower: lower * SPACING, upper: upper * SPACING })
}

fn call() -> impl Strategy<Value = Call> {
    let owner = 0..3_u64;
    let limit = -50_000..50_000_i32;
    prop_oneof![
        3 => (owner.clone(), range(), short(90)).prop_map(|(o, r, a)| Call::Mint(o, r, a)),
        2 => (owner.clone(), range(), short(90)).prop_map(|(o, r, a)| Call::Burn(o, r, a)),
        1 => (owner, range(), [short(128), short(128)])
            .prop_map(|(o, r, m)| Call::Collect(o, r, m)),
        6 => (any::<bool>(), any::<bool>(), short(100), limit)
            .prop_map(|(down, out, amount, limit)| Call::Swap(down, out, amount, limit)),
        1 => [0..12_u8, 0..12_u8].prop_map(Call::Share),
        1 => [short(90), short(90)].prop_map(Call::CollectProtocol),
    ]
}

fn swap(zero_for_one: bool, out: bool, amount: u128, limit: i32) -> Swap {
    let amount = U256::from(amount);
    let amount = if out { Amount::Out(amount) } else { Amount::In(amount) };
    Swap { zero_for_one, amount, limit: sqrt_price_within(limit) }
}

fn apply(pool: &mut Pool, call: &Call) -> Result<(), Refusal> {
    match *call {
        Call::Mint(owner, range, amount) => pool.mint(Owner(owner), range, amount).map(drop),
        Call::Burn(owner, range, amount) => {
            let held = pool.position(Owner(owner), range).map_or(0, |held| held.liquidity);
            pool.burn(Owner(owner), range, amount.min(held)).map(drop)
        }
        Call::Collect(owner, range, most) => pool.collect(Owner(owner), range, most).map(drop),
        Call::Swap(zero_for_one, out, amount, limit) => {
            let swap = swap(zero_for_one, out, amount, limit);
            let quote = pool.quote(&swap);
            let done = pool.swap(&swap);
            assert_eq!(quote, done, "a quote is what the swap does");
            done.map(drop)
        }
        Call::Share(parts) => pool.share_fees(parts),
        Call::CollectProtocol(most) => pool.collect_protocol(most).map(drop),
    }
}

/// Everything that a caller can see.
fn seen(pool: &Pool) -> String {
    let ticks: Vec<_> = pool.ticks().collect();
    let positions: Vec<_> = pool.positions().collect();
    let (price, fees) = (pool.sqrt_price(), pool.protocol_fees());
    let numbers = (price, pool.tick(), pool.liquidity(), pool.fee_growth(), fees, pool.balances());
    format!("{numbers:?} {ticks:?} {positions:?}")
}

fn pool_at(tick: i32) -> Pool {
    let mut pool = Pool::new(3_000, SPACING).unwrap();
    pool.initialise(sqrt_price_within(tick)).unwrap();
    pool
}

/// The sums that hold always, and that all can be paid at once.
fn check(pool: &Pool) {
    let net: i128 = pool.ticks().map(|(entry, _)| entry.net).sum();
    assert_eq!(net, 0);
    let held = |range: &Range| range.lower <= pool.tick() && pool.tick() < range.upper;
    let in_range: u128 = pool
        .positions()
        .filter(|(_, range, _)| held(range))
        .map(|(_, _, held)| held.liquidity)
        .sum();
    assert_eq!(in_range, pool.liquidity());
    let passed: i128 = pool
        .ticks()
        .filter(|(entry, _)| entry.tick <= pool.tick())
        .map(|(entry, _)| entry.net)
        .sum();
    assert_eq!(passed.cast_unsigned(), pool.liquidity());

    let mut rest = pool.clone();
    let all: Vec<_> = pool.positions().map(|(owner, range, held)| (owner, range, *held)).collect();
    for (owner, range, held) in all {
        if held.liquidity > 0 {
            rest.burn(owner, range, held.liquidity).unwrap();
        }
        rest.collect(owner, range, MOST).unwrap();
    }
    rest.collect_protocol(MOST).unwrap();
    assert_eq!(rest.ticks().count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn sums_hold_and_all_can_be_paid_after_any_calls(
        start in -300..300_i32,
        calls in prop::collection::vec(call(), 1..60),
    ) {
        let mut pool = pool_at(start);
        pool.mint(Owner(9), Range { lower: -887_220, upper: 887_220 }, 1_000_000_007).unwrap();
        for call in calls {
            let before = seen(&pool);
            if apply(&mut pool, &call).is_err() {
                prop_assert_eq!(before, seen(&pool), "a refused call changes nothing");
            }
            check(&pool);
        }
    }

    #[test]
    fn a_round_trip_never_gains(
        calls in prop::collection::vec(call(), 1..30),
        amount in short(90),
        zero_for_one in any::<bool>(),
    ) {
        let mut pool = pool_at(17);
        for call in calls {
            apply(&mut pool, &call).ok();
        }
        let there = Swap::new(zero_for_one, Amount::In(U256::from(amount)));
        let Ok(there) = pool.swap(&there) else { return Ok(()) };
        let back = Swap::new(!zero_for_one, Amount::In(there.received));
        let Ok(back) = pool.swap(&back) else { return Ok(()) };
        prop_assert!(back.received <= there.paid);
    }

    #[test]
    fn a_mint_and_its_burn_never_gain(
        calls in prop::collection::vec(call(), 1..30),
        range in range(),
        amount in short(90),
    ) {
        let mut pool = pool_at(-17);
        for call in calls {
            apply(&mut pool, &call).ok();
        }
        let Ok(paid) = pool.mint(Owner(77), range, amount) else { return Ok(()) };
        let freed = pool.burn(Owner(77), range, amount).unwrap();
        for side in [0, 1] {
            prop_assert!(freed[side] <= paid[side]);
            prop_assert!(paid[side] - freed[side] <= U256::ONE);
        }
        let collected = pool.collect(Owner(77), range, MOST).unwrap();
        prop_assert_eq!(collected.map(U256::from), freed, "no fee without a swap");
    }

    /// The output falls by less than one unit a step when a swap is cut in two.
    #[test]
    fn a_swap_in_two_halves_never_beats_the_whole(amount in short(66), cut in 1..99_u128) {
        let mut pool = pool_at(0);
        pool.mint(Owner(1), Range { lower: -6_000, upper: 6_000 }, 1 << 70).unwrap();
        pool.mint(Owner(1), Range { lower: -600, upper: 1_200 }, 1 << 72).unwrap();
        let first = amount * cut / 100;
        if first == 0 || first == amount {
            return Ok(());
        }
        let whole = pool.quote(&Swap::new(true, Amount::In(U256::from(amount)))).unwrap();
        let one = pool.swap(&Swap::new(true, Amount::In(U256::from(first)))).unwrap();
        let two = pool.swap(&Swap::new(true, Amount::In(U256::from(amount - first)))).unwrap();
        prop_assert!(one.received + two.received <= whole.received + U256::ONE);
    }
}

#[test]
fn an_input_reached_by_its_output_is_enough() {
    let mut pool = pool_at(0);
    pool.mint(Owner(1), Range { lower: -6_000, upper: 6_000 }, 1 << 70).unwrap();
    let out = pool.quote(&Swap::new(false, Amount::Out(U256::from(1_000_000)))).unwrap();
    assert_eq!(out.received, U256::from(1_000_000));
    let again = pool.quote(&Swap::new(false, Amount::In(out.paid))).unwrap();
    assert!(again.received >= out.received);
}

#[test]
fn refusals_come_in_the_contract_s_order() {
    let range = Range { lower: -60, upper: 60 };
    let owner = Owner(1);
    let mut pool = Pool::new(3_000, SPACING).unwrap();
    let bad = Swap::new(true, Amount::In(U256::ZERO));
    assert_eq!(pool.mint(owner, range, 0), Err(Refusal::PriceIsUnset));
    assert_eq!(pool.swap(&bad), Err(Refusal::SwapOfZero));
    let good = Swap::new(true, Amount::In(U256::ONE));
    assert_eq!(pool.swap(&good), Err(Refusal::PriceIsUnset));
    assert_eq!(pool.collect(owner, range, MOST), Err(Refusal::PriceIsUnset));
    assert_eq!(pool.share_fees([1; 2]), Err(Refusal::PriceIsUnset));
    assert_eq!(pool.initialise(MIN_SQRT - U256::ONE), Err(Refusal::PriceOutOfRange));
    pool.initialise(U256::ONE << 96).unwrap();
    assert_eq!(pool.initialise(U256::ZERO), Err(Refusal::PriceIsSet));

    let most = pool.tick_liquidity_max();
    for (lower, upper, amount, cause) in [
        (60, -60, 0, Refusal::MintOfZero),
        (60, 60, 1 << 127, Refusal::AmountTooLarge),
        (60, 60, 1, Refusal::TickOrder),
        (-887_273, 887_273, 1, Refusal::TickLow),
        (-60, 887_273, 1, Refusal::TickHigh),
        (-61, 60, most + 1, Refusal::TickLiquidity),
        (-61, 60, most, Refusal::TickSpacing),
    ] {
        assert_eq!(pool.mint(owner, Range { lower, upper }, amount), Err(cause));
    }
    pool.mint(owner, range, 100).unwrap();
    assert_eq!(pool.burn(owner, range, 101), Err(Refusal::LiquidityUnderflow));
    assert_eq!(pool.burn(Owner(2), range, 0), Err(Refusal::PositionEmpty));
    assert_eq!(pool.collect(Owner(2), range, MOST), Ok([0; 2]));
    assert_eq!(pool.share_fees([4, 11]), Err(Refusal::FeeProtocol));
    for limit in [U256::ONE << 96, MIN_SQRT, MAX_SQRT] {
        assert_eq!(pool.swap(&Swap { limit, ..good }), Err(Refusal::PriceLimit));
    }
    let wide = Swap::new(false, Amount::In(U256::ONE << 255));
    assert_eq!(pool.swap(&wide), Err(Refusal::AmountTooLarge));
}

#[test]
fn terms_outside_the_factory_s_are_refused() {
    for (fee, spacing) in TERMS {
        assert!(Pool::new(fee, spacing).is_ok());
    }
    for (fee, spacing) in [(1_000_000, 60), (3_000, 0), (3_000, -1), (3_000, 16_384)] {
        assert_eq!(Pool::new(fee, spacing).map(drop), Err(Refusal::Terms));
    }
}

#[test]
fn virtual_reserves_trade_like_the_pool() {
    let mut pool = pool_at(0);
    pool.mint(Owner(1), Range { lower: -600, upper: 600 }, 5_000_000).unwrap();
    assert_eq!(pool.virtual_reserves(), Some([U256::from(5_000_000); 2]));
}
