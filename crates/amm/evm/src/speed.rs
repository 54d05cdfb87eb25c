//! The same swaps here, in `uniswap_v3_math`, and in the EVM, for CPU time of this thread.
//!
//! The library has the step, the ticks and the bitmap; the loop around them, with the fee growth
//! that a pool must keep, is written here as its documentation tells.

use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;

use alloy_primitives::{I256, U256};
use amm::Step;
use amm::concentrated::{Amount, Pool, Range, Swap};
use amm::tick::sqrt_price;
use uniswap_v3_math::full_math::mul_div;
use uniswap_v3_math::swap_math::compute_swap_step;
use uniswap_v3_math::tick_bitmap::{flip_tick, next_initialized_tick_within_one_word};
use uniswap_v3_math::tick_math::{get_sqrt_ratio_at_tick, get_tick_at_sqrt_ratio};

use crate::artifacts::Artifacts;
use crate::clock::cpu_nanos;
use crate::replay::{Call, Venue};
use crate::v3::V3;
use crate::workload::{FEE_PIPS, LARGE, SMALL, SPACING, Sizes, pool, positions, swaps};

const CALLS: usize = 100_000;
const CALLS_EVM: usize = 3_000;
const PASSES: usize = 9;

/// Prints the table.
pub fn run(artifacts: &Artifacts) -> Result<String, String> {
    let sizes = [SMALL, LARGE];
    let [small, large] = sizes.each_ref().map(|sizes| sizes.name);
    let mut report = format!("{:<30} {small:>12} {large:>12}\n", "swaps a second of CPU time");
    let own = sizes.each_ref().map(own);
    let library = sizes.each_ref().map(library);
    let evm = sizes.each_ref().map(|sizes| evm(artifacts, sizes));
    for (own, library) in own.iter().zip(&library) {
        if own.1 != library.1 {
            return Err(format!("prices after all swaps differ: {} {}", own.1, library.1));
        }
    }
    for (name, [small, large]) in [
        ("amm", own.map(|(rate, _)| rate)),
        ("uniswap_v3_math and a loop", library.map(|(rate, _)| rate)),
        ("revm, the contract", evm),
    ] {
        report += &format!("{name:<30} {small:>12} {large:>12}\n");
    }
    Ok(report)
}

/// Swaps a second, by the median pass, and the price after all.
fn rate<S>(fresh: impl Fn() -> S, mut pass: impl FnMut(&mut S) -> U256) -> (u64, U256) {
    let mut samples = Vec::with_capacity(PASSES);
    let mut price = U256::ZERO;
    for _ in 0..PASSES {
        let mut state = fresh();
        let start = cpu_nanos();
        price = pass(&mut state);
        samples.push(cpu_nanos() - start);
    }
    samples.sort_unstable();
    (CALLS as u64 * 1_000_000_000 / samples[PASSES / 2], price)
}

fn own(sizes: &Sizes) -> (u64, U256) {
    let (stream, start) = (swaps(sizes, CALLS), pool());
    let pass = |pool: &mut Pool| {
        for swap in &stream {
            black_box(pool.swap(black_box(swap))).ok();
        }
        pool.sqrt_price()
    };
    rate(|| start.clone(), pass)
}

fn library(sizes: &Sizes) -> (u64, U256) {
    let (stream, start) = (swaps(sizes, CALLS), Library::new());
    let pass = |pool: &mut Library| {
        for swap in &stream {
            black_box(pool.swap(black_box(swap)));
        }
        pool.sqrt
    };
    rate(|| start.clone(), pass)
}

fn evm(artifacts: &Artifacts, sizes: &Sizes) -> u64 {
    let mut venue = V3::new(artifacts);
    let mut call = |call: Call| venue.apply(&call).map(drop);
    let made = "the workload's pool is a usual one";
    call(Call::Pool { step: Step::V3, fee_pips: FEE_PIPS, spacing: SPACING }).expect(made);
    call(Call::Initialise { sqrt: sqrt_price(0).expect("a tick") }).expect(made);
    for (lower, upper, amount) in positions() {
        let range = Range { lower, upper };
        call(Call::Mint { owner: 0, range, amount }).expect(made);
    }
    let stream = swaps(sizes, CALLS_EVM);
    let start = cpu_nanos();
    for swap in stream {
        call(Call::Swap(swap)).ok();
    }
    CALLS_EVM as u64 * 1_000_000_000 / (cpu_nanos() - start)
}

#[derive(Clone)]
struct Library {
    sqrt: U256,
    tick: i32,
    liquidity: u128,
    growth: [U256; 2],
    words: HashMap<i16, U256>,
    ticks: BTreeMap<i32, (i128, [U256; 2])>,
}

const FINE: &str = "the workload has usual numbers";

impl Library {
    fn new() -> Self {
        let sqrt = get_sqrt_ratio_at_tick(0).expect(FINE);
        let (growth, liquidity) = ([U256::ZERO; 2], 0);
        let (words, ticks) = (HashMap::new(), BTreeMap::new());
        let mut pool = Self { sqrt, tick: 0, liquidity, growth, words, ticks };
        for (lower, upper, amount) in positions() {
            for (tick, net) in [(lower, amount.cast_signed()), (upper, -amount.cast_signed())] {
                let words = &mut pool.words;
                let entry = pool.ticks.entry(tick).or_insert_with(|| {
                    flip_tick(words, tick, SPACING).expect(FINE);
                    (0, [U256::ZERO; 2])
                });
                entry.0 += net;
            }
            pool.liquidity += if lower <= 0 && 0 < upper { amount } else { 0 };
        }
        pool
    }

    fn swap(&mut self, swap: &Swap) -> [U256; 2] {
        let down = swap.zero_for_one;
        let side = usize::from(!down);
        let mut left = match swap.amount {
            Amount::In(amount) => I256::from_raw(amount),
            Amount::Out(amount) => -I256::from_raw(amount),
        };
        let mut amounts = [U256::ZERO; 2];
        while left != I256::ZERO && self.sqrt != swap.limit {
            let next = next_initialized_tick_within_one_word(&self.words, self.tick, SPACING, down);
            let (next, initialised) = next.expect(FINE);
            let next = next.clamp(amm::tick::MIN, amm::tick::MAX);
            let border = get_sqrt_ratio_at_tick(next).expect(FINE);
            let target = if down { border.max(swap.limit) } else { border.min(swap.limit) };
            let start = self.sqrt;
            let step = compute_swap_step(start, target, self.liquidity, left, FEE_PIPS);
            let (sqrt, amount_in, amount_out, fee) = step.expect(FINE);
            self.sqrt = sqrt;
            left = if left.is_negative() {
                left + I256::from_raw(amount_out)
            } else {
                left - I256::from_raw(amount_in + fee)
            };
            amounts[0] += amount_in + fee;
            amounts[1] += amount_out;
            if self.liquidity > 0 {
                let unit = U256::from(1) << 128;
                let growth = mul_div(fee, unit, U256::from(self.liquidity)).expect(FINE);
                self.growth[side] = self.growth[side].wrapping_add(growth);
            }
            if sqrt == border {
                if initialised {
                    self.cross(next, down);
                }
                self.tick = next - i32::from(down);
            } else if sqrt != start {
                self.tick = get_tick_at_sqrt_ratio(sqrt).expect(FINE);
            }
        }
        amounts
    }

    fn cross(&mut self, tick: i32, down: bool) {
        let (net, outside) = self.ticks.get_mut(&tick).expect("the tick is initialised");
        for (outside, growth) in outside.iter_mut().zip(self.growth) {
            *outside = growth.wrapping_sub(*outside);
        }
        let net = if down { -*net } else { *net };
        self.liquidity = self.liquidity.checked_add_signed(net).expect(FINE);
    }
}
