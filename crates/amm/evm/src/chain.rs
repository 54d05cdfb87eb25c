//! A chain in memory: revm with the rules of Cancun, two tokens, and accounts that trade.
//!
//! The tokens are OpenZeppelin's ERC-20; the traders' balances are written to their storage.

use revm::bytecode::Bytecode;
use revm::context::result::{ExecutionResult, Output};
use revm::context::{BlockEnv, CfgEnv, Context, TxEnv};
use revm::database::{CacheDB, EmptyDB};
use revm::handler::{MainnetContext, MainnetEvm};
use revm::primitives::hardfork::SpecId;
use revm::primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use revm::state::AccountInfo;
use revm::{ExecuteCommitEvm, MainBuilder, MainContext};

use crate::artifacts::Artifacts;
use crate::callee;

/// Who deploys and owns everything.
pub const OWNER: Address = Address::repeat_byte(0x11);
/// Who receives the protocol's fees of version 2.
pub const FEE_TO: Address = Address::repeat_byte(0x22);
/// Traders, each a contract.
pub const TRADERS: u64 = 3;

/// Why a call failed: the text of the `require`, empty without one or for another failure.
pub type Refused = String;

/// The chain.
pub struct Chain {
    evm: MainnetEvm<MainnetContext<CacheDB<EmptyDB>>>,
    /// In the order of their addresses.
    pub tokens: [Address; 2],
    /// Gas used by all calls.
    pub gas: u64,
}

impl Chain {
    /// A chain with two tokens and the traders.
    pub fn new(artifacts: &Artifacts) -> Self {
        let mut db = CacheDB::new(EmptyDB::default());
        let rich = AccountInfo { balance: U256::from(1) << 100, ..AccountInfo::default() };
        db.insert_account_info(OWNER, rich);
        let mut cfg = CfgEnv::new_with_spec(SpecId::CANCUN);
        cfg.disable_nonce_check = true;
        cfg.tx_chain_id_check = false;
        // The tests' own routers of version 4 are longer than the limit of deployed code.
        cfg.limit_contract_code_size = Some(usize::MAX);
        cfg.limit_contract_initcode_size = Some(usize::MAX);
        let block = |block: &mut BlockEnv| {
            block.basefee = 0;
            block.gas_limit = u64::MAX;
            block.timestamp = U256::from(1_600_000_000);
        };
        let context = Context::mainnet().with_db(db).with_cfg(cfg).modify_block_chained(block);
        let mut chain = Self { evm: context.build_mainnet(), tokens: [Address::ZERO; 2], gas: 0 };
        let mut tokens = [0, 1].map(|_| chain.deploy(artifacts.code("token"), &token_arguments()));
        tokens.sort();
        chain.tokens = tokens;
        for trader in (0..TRADERS).map(trader) {
            let code = Bytecode::new_raw(Bytes::from(callee::code(OWNER, tokens)));
            let info = AccountInfo {
                code_hash: code.hash_slow(),
                code: Some(code),
                ..AccountInfo::default()
            };
            chain.db().insert_account_info(trader, info);
        }
        for holder in (0..TRADERS).map(trader).chain([OWNER]) {
            for token in tokens {
                chain.write(token, mapped(word(holder), 0), U256::from(1) << 250);
            }
        }
        chain
    }

    /// Deploys a contract.
    pub fn deploy(&mut self, mut code: Vec<u8>, arguments: &[u8]) -> Address {
        code.extend(arguments);
        let result = self.transact(TxKind::Create, code);
        match &result {
            ExecutionResult::Success { output: Output::Create(_, Some(address)), .. } => *address,
            ExecutionResult::Success { .. }
            | ExecutionResult::Revert { .. }
            | ExecutionResult::Halt { .. } => panic!("a contract was not deployed: {result:?}"),
        }
    }

    /// Calls a contract as the owner of the chain.
    pub fn call(&mut self, to: Address, data: Vec<u8>) -> Result<Vec<u8>, Refused> {
        match self.transact(TxKind::Call(to), data) {
            ExecutionResult::Success { output, .. } => Ok(output.into_data().to_vec()),
            ExecutionResult::Revert { output, .. } => Err(text(&output)),
            ExecutionResult::Halt { .. } => Err(Refused::new()),
        }
    }

    /// Calls a contract through a trader.
    pub fn call_as(&mut self, owner: u64, to: Address, data: &[u8]) -> Result<Vec<u8>, Refused> {
        self.call(trader(owner), [&word(to).to_be_bytes::<32>(), data].concat())
    }

    /// Calls without keeping what it changed when the closure refuses.
    pub fn all_or_nothing<T>(
        &mut self,
        calls: impl FnOnce(&mut Self) -> Result<T, Refused>,
    ) -> Result<T, Refused> {
        let saved = self.db().clone();
        let result = calls(self);
        if result.is_err() {
            *self.db() = saved;
        }
        result
    }

    /// A word of a contract's storage.
    pub fn read(&mut self, contract: Address, slot: U256) -> U256 {
        use revm::Database;
        self.db().storage(contract, slot).expect("an empty database has no errors")
    }

    /// Seconds pass.
    pub fn wait(&mut self, seconds: u64) {
        self.evm.ctx.block.timestamp += U256::from(seconds);
    }

    /// A holder's balance of a token.
    pub fn balance(&mut self, token: usize, holder: Address) -> U256 {
        self.read(self.tokens[token], mapped(word(holder), 0))
    }

    fn write(&mut self, contract: Address, slot: U256, value: U256) {
        let written = self.db().insert_account_storage(contract, slot, value);
        written.expect("an empty database has no errors");
    }

    fn db(&mut self) -> &mut CacheDB<EmptyDB> {
        &mut self.evm.ctx.journaled_state.database
    }

    fn transact(&mut self, kind: TxKind, data: Vec<u8>) -> ExecutionResult {
        let transaction = TxEnv {
            caller: OWNER,
            kind,
            data: data.into(),
            gas_limit: 100_000_000,
            gas_price: 0,
            ..TxEnv::default()
        };
        let result = self.evm.transact_commit(transaction).expect("the transaction is valid");
        self.gas += result.tx_gas_used();
        result
    }
}

/// The address of a trader.
pub fn trader(owner: u64) -> Address {
    Address::with_last_byte(0x80 | u8::try_from(owner).expect("there are few traders"))
}

/// Name and symbol empty, no supply.
fn token_arguments() -> Vec<u8> {
    words(&[U256::from(128), U256::from(160), U256::ZERO, word(OWNER), U256::ZERO, U256::ZERO])
}

/// The text of `Error(string)`; empty for any other answer.
fn text(output: &[u8]) -> Refused {
    let Some(body) = output.strip_prefix(&[0x08, 0xc3, 0x79, 0xa0]) else { return Refused::new() };
    let length = body.get(63).map_or(0, |length| usize::from(*length));
    body.get(64..64 + length)
        .map(|text| String::from_utf8_lossy(text).into_owned())
        .unwrap_or_default()
}

/// An address as a word.
pub fn word(address: Address) -> U256 {
    U256::from_be_bytes(address.into_word().0)
}

/// A signed number as a word.
pub fn signed(n: i128) -> U256 {
    let size = U256::from(n.unsigned_abs());
    if n < 0 { U256::ZERO.wrapping_sub(size) } else { size }
}

/// Words one after another, as all arguments here are encoded.
pub fn words(words: &[U256]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_be_bytes::<32>()).collect()
}

/// Calldata: the selector of a signature, then the words.
pub fn calldata(signature: &str, arguments: &[U256]) -> Vec<u8> {
    let selector = keccak256(signature.as_bytes());
    [&selector[..4], &words(arguments)].concat()
}

/// The slot of a mapping's entry.
pub fn mapped(key: U256, slot: u64) -> U256 {
    mapped_at(B256::from(key), U256::from(slot))
}

/// The slot of an entry of a mapping at any slot.
pub fn mapped_at(key: B256, slot: U256) -> U256 {
    let text = [key.0, slot.to_be_bytes::<32>()].concat();
    U256::from_be_bytes(keccak256(text).0)
}

/// The word at a place of an answer.
pub fn word_at(answer: &[u8], place: usize) -> U256 {
    U256::from_be_slice(&answer[32 * place..32 * place + 32])
}

/// Bits `from` to below `from + bits` of a word.
pub fn bits(word: U256, from: usize, bits: usize) -> U256 {
    (word >> from) & ((U256::from(1) << bits) - U256::from(1))
}

/// As [`bits`], for a number of at most 128 bits.
pub fn short(word: U256, from: usize) -> u128 {
    let part = bits(word, from, 128);
    u128::try_from(part).expect("128 bits were cut")
}

/// A tick of 24 bits.
pub fn tick(word: U256, from: usize) -> i32 {
    let part = u32::try_from(bits(word, from, 24)).expect("24 bits were cut");
    (part << 8).cast_signed() >> 8
}
