//! A pool of Uniswap v4 on the chain, as a venue: the pool manager, with the routers that its
//! package brings for tests. The owner of a position is the salt of its key.

use amm::U256;
use amm::concentrated::{Amount, Range, Swap};
use revm::primitives::{Address, B256, keccak256};

use crate::artifacts::Artifacts;
use crate::chain::{
    Chain, OWNER, Refused, bits, calldata, mapped_at, short, signed, tick, word, word_at, words,
};
use crate::replay::{Call, PairState, PoolState, PositionState, TickState, Venue, hex};
use crate::v3::tick_state;

const KEY: &str = "(address,address,uint24,int24,address)";

/// The manager, its routers, and one pool.
pub struct V4 {
    /// The chain.
    pub chain: Chain,
    manager: Address,
    swaps: Address,
    changes: Address,
    key: [U256; 5],
    named: std::collections::BTreeSet<i32>,
}

impl V4 {
    /// A chain with a manager and routers that may spend the owner's tokens.
    pub fn new(artifacts: &Artifacts) -> Self {
        let mut chain = Chain::new(artifacts);
        let manager = chain.deploy(artifacts.code("v4 manager"), &words(&[word(OWNER)]));
        let [swaps, changes] = ["v4 swap", "v4 modify"]
            .map(|name| chain.deploy(artifacts.code(name), &words(&[word(manager)])));
        for token in chain.tokens {
            for router in [swaps, changes] {
                let data = calldata("approve(address,uint256)", &[word(router), U256::MAX]);
                chain.call(token, data).expect("a token can be approved");
            }
        }
        let (key, named) = ([U256::ZERO; 5], Default::default());
        Self { chain, manager, swaps, changes, key, named }
    }

    /// The slot of the pool's state.
    fn slot(&self) -> U256 {
        mapped_at(keccak256(words(&self.key)), U256::from(6))
    }

    fn swap(&mut self, swap: &Swap) -> Result<[i128; 2], Refused> {
        // Here an input is below zero.
        let amount = match swap.amount {
            Amount::In(amount) => U256::ZERO.wrapping_sub(amount),
            Amount::Out(amount) => amount,
        };
        let down = U256::from(u8::from(swap.zero_for_one));
        let rest = [down, amount, swap.limit, U256::ZERO, U256::ZERO, U256::from(352), U256::ZERO];
        let signature = format!("swap({KEY},(bool,int256,uint160),(bool,bool),bytes)");
        let data = calldata(&signature, &[&self.key[..], &rest].concat());
        let answer = self.chain.call(self.swaps, data)?;
        let [zero, one] = delta(&answer);
        let [paid, received] = if swap.zero_for_one { [zero, one] } else { [one, zero] };
        Ok([-paid, received])
    }

    fn modify(&mut self, owner: u64, range: Range, change: i128) -> Result<[i128; 2], Refused> {
        self.named.extend([range.lower, range.upper]);
        let [lower, upper] = [range.lower, range.upper].map(|tick| signed(i128::from(tick)));
        let salt = U256::from(owner);
        let rest = [lower, upper, signed(change), salt, U256::from(320), U256::ZERO];
        let signature = format!("modifyLiquidity({KEY},(int24,int24,int256,bytes32),bytes)");
        let data = calldata(&signature, &[&self.key[..], &rest].concat());
        self.chain.call(self.changes, data).map(|answer| delta(&answer))
    }

    fn answer(&mut self, call: &Call) -> Result<[String; 2], Refused> {
        let none = || [hex(U256::ZERO), hex(U256::ZERO)];
        match *call {
            Call::Pool { fee_pips, spacing, .. } => {
                let [zero, one] = self.chain.tokens.map(word);
                let spacing = signed(i128::from(spacing));
                self.key = [zero, one, U256::from(fee_pips), spacing, U256::ZERO];
                Ok(none())
            }
            Call::Initialise { sqrt } => {
                let signature = format!("initialize({KEY},uint160)");
                let data = calldata(&signature, &[&self.key[..], &[sqrt]].concat());
                self.chain.call(self.manager, data).map(|_| none())
            }
            Call::Modify { owner, range, change } => {
                Ok(self.modify(owner, range, change)?.map(|amount| amount.to_string()))
            }
            Call::Swap(swap) => {
                Ok(self.swap(&swap)?.map(|amount| hex(U256::from(amount.unsigned_abs()))))
            }
            Call::Mint { .. }
            | Call::Burn { .. }
            | Call::Collect { .. }
            | Call::Share { .. }
            | Call::CollectProtocol { .. }
            | Call::Ticks
            | Call::Pair
            | Call::PairMint { .. }
            | Call::PairBurn { .. }
            | Call::PairSwap { .. }
            | Call::PairShare { .. } => Ok(none()),
        }
    }
}

/// Both amounts of a packed `BalanceDelta`, as the caller sees them.
fn delta(answer: &[u8]) -> [i128; 2] {
    let packed = word_at(answer, 0);
    [short(packed, 128).cast_signed(), short(packed, 0).cast_signed()]
}

impl Venue for V4 {
    fn apply(&mut self, call: &Call) -> Result<[String; 2], String> {
        // Version 4 has errors with names of their own: that it refuses is compared, not why.
        self.answer(call).map_err(|_| Refused::new())
    }

    fn pool(&mut self) -> PoolState {
        let at = self.slot();
        let [slot, zero, one, liquidity] =
            [0, 1, 2, 3].map(|place| self.chain.read(self.manager, at + U256::from(place)));
        PoolState {
            sqrt: bits(slot, 0, 160),
            tick: tick(slot, 160),
            liquidity: short(liquidity, 0),
            growth: [zero, one],
            fees: [0; 2],
            balances: [U256::ZERO; 2],
        }
    }

    fn ticks(&mut self) -> Vec<TickState> {
        let at = self.slot() + U256::from(4);
        let (chain, manager) = (&mut self.chain, self.manager);
        self.named.iter().filter_map(|tick| tick_state(chain, manager, at, *tick)).collect()
    }

    fn position(&mut self, owner: u64, range: Range) -> PositionState {
        let mut text = self.changes.to_vec();
        for tick in [range.lower, range.upper] {
            text.extend(&tick.to_be_bytes()[1..]);
        }
        text.extend(B256::from(U256::from(owner)).0);
        let at = mapped_at(keccak256(text), self.slot() + U256::from(6));
        let [liquidity, zero, one] =
            [0, 1, 2].map(|place| self.chain.read(self.manager, at + U256::from(place)));
        PositionState { liquidity: short(liquidity, 0), growth_inside: [zero, one], owed: [0; 2] }
    }

    fn pair(&mut self) -> PairState {
        unreachable!("a pool is asked for a pair")
    }
}
