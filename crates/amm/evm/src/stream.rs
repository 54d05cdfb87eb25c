//! Random calls from a seed: mostly such as succeed, and each kind that must be refused.

use amm::concentrated::{Amount, Range, Swap};
use amm::tick::{MAX, MAX_SQRT, MIN, MIN_SQRT, sqrt_price};
use amm::{Step, U256};
use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

use crate::chain::TRADERS;
use crate::replay::{Call, Own, Venue};

/// A stream of random numbers.
pub struct Draw(Xoshiro256PlusPlus);

impl Draw {
    /// A stream from its seed.
    pub fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// Below `end`.
    pub fn below(&mut self, end: u64) -> u64 {
        self.0.next_u64() % end
    }

    /// Whether something happens that does in so many of a hundred cases.
    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    fn between(&mut self, from: i32, to: i32) -> i32 {
        let width = u64::from(to.abs_diff(from)) + 1;
        from + i32::try_from(self.below(width)).expect("a difference of ticks")
    }

    /// A number of `from` to `to` bits, each length alike.
    fn bits(&mut self, (from, to): (u32, u32)) -> u128 {
        let length = u64::from(to - from) + 1;
        let bits = from + u32::try_from(self.below(length)).expect("at most 128");
        let number = u128::from(self.0.next_u64()) << 64 | u128::from(self.0.next_u64());
        if bits == 0 { 0 } else { number >> (128 - bits) | 1 << (bits - 1) }
    }
}

/// What pools of a stream are like.
#[derive(Clone, Copy)]
pub struct Profile {
    /// Whose swap step.
    pub step: Step,
    /// Fee, 10⁻⁶.
    pub fee_pips: u32,
    /// Tick spacing.
    pub spacing: i32,
    /// Where the price begins.
    pub tick: i32,
    /// Widest range, in spacings.
    pub width: i32,
    /// Bits of the liquidity of a mint.
    pub liquidity: (u32, u32),
    /// Bits of an amount.
    pub amount: (u32, u32),
    /// Positions at most.
    pub positions: usize,
    /// Whether a position over all prices, and some about the first, come before all swaps.
    pub seeded: bool,
}

/// Calls to one pool of concentrated liquidity.
pub struct PoolStream {
    profile: Profile,
    draw: Draw,
    /// Owners and ranges that have been minted.
    pub held: Vec<(u64, Range)>,
    opening: Vec<Call>,
    count: u64,
}

impl PoolStream {
    /// A stream from its seed.
    pub fn new(profile: Profile, seed: u64) -> Self {
        let mut stream = Self {
            profile,
            draw: Draw::new(seed),
            held: Vec::new(),
            opening: Vec::new(),
            count: 0,
        };
        stream.opening = stream.opening();
        if profile.seeded {
            let seeds = stream.seeds();
            stream.opening.splice(0..0, seeds);
        }
        stream
    }

    /// The next call, in view of the pool as it is.
    pub fn next(&mut self, own: &mut Own) -> Call {
        if let Some(call) = self.opening.pop() {
            return call;
        }
        self.count += 1;
        if self.count.is_multiple_of(40) {
            return Call::Ticks;
        }
        let v4 = self.profile.step == Step::V4;
        match self.draw.below(100) {
            0..55 => self.swap(own),
            55..75 => self.mint(own),
            75..87 => self.burn(own),
            87..91 => self.poke(),
            91..95 if !v4 => self.collect(),
            95 if !v4 => Call::Share { parts: self.parts() },
            96..99 if !v4 => {
                let most = [self.draw.bits((0, 128)), self.draw.bits((0, 128))];
                Call::CollectProtocol { most }
            }
            99 => Call::Initialise { sqrt: sqrt_price(self.profile.tick).expect("a tick") },
            _ => self.swap(own),
        }
    }

    /// From the last to the first: what a pool refuses without a price, a price outside the range,
    /// then the price.
    fn opening(&mut self) -> Vec<Call> {
        let Profile { step, fee_pips, spacing, tick, .. } = self.profile;
        let range = Range { lower: -spacing, upper: spacing };
        let early = match step {
            Step::V3 => Call::Mint { owner: 0, range, amount: 1 },
            Step::V4 => Call::Modify { owner: 0, range, change: 1 },
        };
        let off = U256::from(self.draw.bits((0, 60)));
        let sqrt = sqrt_price(tick).expect("a tick") + off;
        let swap = Swap::new(true, Amount::In(U256::from(1_000)));
        vec![
            Call::Initialise { sqrt },
            Call::Initialise { sqrt: MAX_SQRT },
            Call::Initialise { sqrt: MIN_SQRT - U256::from(1) },
            Call::Swap(swap),
            early,
            Call::Pool { step, fee_pips, spacing },
        ]
    }

    fn seeds(&mut self) -> Vec<Call> {
        let Profile { step, spacing, tick, width, liquidity: (_, bits), .. } = self.profile;
        let (low, high, centre) = (MIN / spacing, MAX / spacing, tick.div_euclid(spacing));
        let near = |part: i32| (centre - width / part, centre + width / part + 1);
        let mut seeds = match step {
            Step::V3 => vec![Call::Share { parts: [4, 10] }],
            Step::V4 => Vec::new(),
        };
        for (lower, upper) in [near(2), near(5), near(1), (low, high)] {
            let range = Range { lower: lower * spacing, upper: upper * spacing };
            let amount = self.draw.bits((bits, bits));
            self.held.push((0, range));
            seeds.push(match step {
                Step::V3 => Call::Mint { owner: 0, range, amount },
                Step::V4 => Call::Modify { owner: 0, range, change: amount.cast_signed() },
            });
        }
        seeds
    }

    fn swap(&mut self, own: &mut Own) -> Call {
        let pool = own.pool();
        let zero_for_one = self.draw.chance(50);
        let amount = if self.draw.chance(1) { 0 } else { self.draw.bits(self.profile.amount) };
        let amount = U256::from(amount);
        let out = self.draw.chance(40);
        let amount = if out { Amount::Out(amount) } else { Amount::In(amount) };
        let mut swap = Swap::new(zero_for_one, amount);
        let away = if zero_for_one { -1 } else { 1 };
        let reach = self.profile.width * self.profile.spacing * 2;
        let near = pool.tick + away * self.draw.between(1, reach);
        let wrong = pool.tick - away * self.draw.between(2, reach);
        let at = |tick: i32| sqrt_price(tick.clamp(MIN, MAX)).expect("clamped");
        let beyond = |tick: i32| if zero_for_one { tick <= pool.tick } else { tick > pool.tick };
        let ticks: Vec<i32> =
            own.ticks().iter().map(|entry| entry.tick).filter(|tick| beyond(*tick)).collect();
        swap.limit = match self.draw.below(100) {
            0..55 => swap.limit,
            55..75 => at(near) + U256::from(self.draw.bits((0, 20))),
            75..94 if !ticks.is_empty() => {
                let place = usize::try_from(self.draw.below(ticks.len() as u64)).expect("a place");
                at(ticks[place])
            }
            94..97 => at(wrong),
            97 => pool.sqrt,
            98 => MIN_SQRT,
            99 => MAX_SQRT,
            _ => swap.limit,
        };
        Call::Swap(swap)
    }

    fn range(&mut self, own: &mut Own) -> Range {
        let Profile { spacing, width, .. } = self.profile;
        let (low, high) = (MIN / spacing * spacing, MAX / spacing * spacing);
        if self.draw.chance(4) {
            return Range { lower: low, upper: high };
        }
        // Sometimes from, or to, the tick of the price or just below it.
        let aside = if self.draw.chance(20) { 0 } else { self.draw.between(-width, width) };
        let centre = own.pool().tick.div_euclid(spacing) + aside;
        let (below, above) = match self.draw.below(8) {
            0 => (0, self.draw.between(1, width)),
            1 => (self.draw.between(1, width), 0),
            _ => (self.draw.between(0, width), self.draw.between(1, width)),
        };
        let lower = ((centre - below) * spacing).clamp(low, high - spacing);
        let upper = ((centre + above) * spacing).clamp(lower + spacing, high);
        match self.draw.below(30) {
            0 => Range { lower: upper, upper: lower },
            1 => Range { lower: MIN - 1, upper },
            2 => Range { lower, upper: MAX + 1 },
            3 if spacing > 1 => Range { lower: lower + 1, upper },
            4 if spacing > 1 => Range { lower, upper: upper - 1 },
            _ => Range { lower, upper },
        }
    }

    fn mint(&mut self, own: &mut Own) -> Call {
        let again = self.held.len() >= self.profile.positions
            || !self.held.is_empty() && self.draw.chance(25);
        if self.draw.chance(3) {
            return self.mint_most(own);
        }
        let (owner, range) =
            if again { self.pick() } else { (self.draw.below(TRADERS), self.range(own)) };
        let amount = match self.draw.below(100) {
            0 => 0,
            1 => u128::MAX - self.draw.bits((0, 127)),
            2 => self.draw.bits((116, 127)),
            _ => self.draw.bits(self.profile.liquidity),
        };
        if !again {
            self.held.push((owner, range));
        }
        match self.profile.step {
            Step::V3 => Call::Mint { owner, range, amount },
            Step::V4 => {
                let change = i128::try_from(amount).unwrap_or(i128::MAX);
                Call::Modify { owner, range, change }
            }
        }
    }

    /// As much as one tick bears, or one unit more, far above the price.
    fn mint_most(&mut self, own: &mut Own) -> Call {
        let Profile { step, spacing, .. } = self.profile;
        let high = MAX / spacing * spacing;
        let (owner, range) = (0, Range { lower: high - spacing, upper: high });
        let amount = own.tick_liquidity_max() + u128::from(self.draw.below(2));
        self.held.push((owner, range));
        match step {
            Step::V3 => Call::Mint { owner, range, amount },
            Step::V4 => Call::Modify { owner, range, change: amount.cast_signed() },
        }
    }

    fn burn(&mut self, own: &mut Own) -> Call {
        let (owner, range) = self.pick();
        let held = own.position(owner, range).liquidity;
        let amount = match self.draw.below(10) {
            0 => held + 1,
            1..5 => held,
            _ => held / 100 * u128::from(self.draw.below(100)),
        };
        match self.profile.step {
            Step::V3 => Call::Burn { owner, range, amount },
            Step::V4 => {
                let change = i128::try_from(amount).unwrap_or(i128::MAX);
                Call::Modify { owner, range, change: -change }
            }
        }
    }

    fn poke(&mut self) -> Call {
        let (owner, range) = self.pick();
        match self.profile.step {
            Step::V3 => Call::Burn { owner, range, amount: 0 },
            Step::V4 => Call::Modify { owner, range, change: 0 },
        }
    }

    fn collect(&mut self) -> Call {
        let (owner, range) = self.pick();
        let all = self.draw.chance(60);
        let most = [0, 1].map(|_| if all { u128::MAX } else { self.draw.bits((0, 80)) });
        Call::Collect { owner, range, most }
    }

    fn parts(&mut self) -> [u8; 2] {
        [0, 1].map(|_| {
            let part = self.draw.below(12);
            let part = if (1..4).contains(&part) { part + 3 } else { part };
            u8::try_from(part).expect("below twelve")
        })
    }

    /// One that has been minted, or one that nobody has.
    fn pick(&mut self) -> (u64, Range) {
        let Profile { spacing, .. } = self.profile;
        if self.held.is_empty() || self.draw.chance(3) {
            return (0, Range { lower: -spacing * 7, upper: spacing * 11 });
        }
        let place = self.draw.below(self.held.len() as u64);
        self.held[usize::try_from(place).expect("a place")]
    }
}

/// Calls to one pair.
pub struct PairStream {
    draw: Draw,
    /// Bits of the first deposit.
    size: (u32, u32),
    made: bool,
}

impl PairStream {
    /// A stream from its seed, with first deposits of so many bits.
    pub fn new(size: (u32, u32), seed: u64) -> Self {
        Self { draw: Draw::new(seed), size, made: false }
    }

    /// The next call; `held` are the shares that can be burnt.
    pub fn next(&mut self, own: &mut Own, held: U256) -> Call {
        if !self.made {
            self.made = true;
            return Call::Pair;
        }
        let pair = own.pair();
        if pair.shares.is_zero() {
            let size = if self.draw.chance(30) { (0, 12) } else { self.size };
            return Call::PairMint { paid: [self.draw.bits(size), self.draw.bits(size)] };
        }
        let reserves = pair.reserves;
        match self.draw.below(100) {
            0..60 => self.swap(reserves),
            60..78 => self.mint(reserves),
            78..94 => self.burn(held),
            94..97 => Call::PairShare { on: self.draw.chance(60) },
            _ => self.odd(reserves),
        }
    }

    /// The greatest output for an input, or near it.
    fn swap(&mut self, reserves: [u128; 2]) -> Call {
        let down = self.draw.chance(50);
        let [paid, held] = if down { reserves } else { [reserves[1], reserves[0]] };
        let amount = (self.draw.bits((1, 112)) >> (112 - bit_length(paid).min(112))).max(1);
        let kept = U256::from(amount) * U256::from(997);
        let output = kept * U256::from(held) / (U256::from(paid) * U256::from(1_000) + kept);
        let output = u128::try_from(output).expect("at most the reserve");
        let output = match self.draw.below(10) {
            0 => output + 1,
            1 => output / 2,
            2 => self.draw.bits((0, 112)),
            _ => output,
        };
        // Sometimes a little comes back in the other token.
        let back = if self.draw.chance(10) { self.draw.bits((0, 40)) } else { 0 };
        let (paid, taken) =
            if down { ([amount, back], [0, output]) } else { ([back, amount], [output, 0]) };
        Call::PairSwap { paid, taken }
    }

    fn mint(&mut self, reserves: [u128; 2]) -> Call {
        let part = self.draw.bits((0, 20));
        let mut paid = reserves.map(|reserve| ((reserve >> 10) * part) >> 12);
        match self.draw.below(10) {
            0 => paid[0] = self.draw.bits((0, 112)),
            1 => paid[1] = self.draw.bits((0, 64)),
            2 => paid = [1, 1],
            _ => {}
        }
        Call::PairMint { paid: paid.map(|amount| amount.min(1 << 112)) }
    }

    fn burn(&mut self, held: U256) -> Call {
        let shares = match self.draw.below(20) {
            0 => held,
            1 => U256::from(self.draw.below(3)).min(held),
            2 => U256::MAX >> 8,
            _ => held / U256::from(100) * U256::from(self.draw.below(100)),
        };
        Call::PairBurn { shares }
    }

    fn odd(&mut self, [zero, one]: [u128; 2]) -> Call {
        let (paid, taken) = match self.draw.below(6) {
            0 => ([1, 1], [0, 0]),
            1 => ([1, 1], [zero, 0]),
            2 => ([0, 0], [1, 0]),
            3 => ([1 << 112, 0], [0, 1]),
            4 => ([u128::MAX, u128::MAX], [1, 1]),
            _ => ([zero, one], [zero / 2, one / 2]),
        };
        Call::PairSwap { paid, taken }
    }
}

fn bit_length(n: u128) -> u32 {
    128 - n.leading_zeros()
}
