//! The account that trades: a contract of some two hundred bytes, assembled here.
//!
//! A pool asks for its payment by a call back, so its caller must be a contract. Called by the
//! owner with an address and calldata behind it, it passes the calldata on to the address and hands
//! the answer back, or reverts with it. Called by anybody else it takes the call for
//! `…Callback(amount0, amount1, …)` and sends the caller each amount above zero of the two tokens.

use revm::primitives::Address;

const SELECTOR_TRANSFER: [u8; 4] = [0xa9, 0x05, 0x9c, 0xbb];

const STOP: u8 = 0x00;
const SUB: u8 = 0x03;
const SLT: u8 = 0x12;
const EQ: u8 = 0x14;
const ISZERO: u8 = 0x15;
const SHL: u8 = 0x1b;
const CALLER: u8 = 0x33;
const CALLDATALOAD: u8 = 0x35;
const CALLDATASIZE: u8 = 0x36;
const CALLDATACOPY: u8 = 0x37;
const RETURNDATASIZE: u8 = 0x3d;
const RETURNDATACOPY: u8 = 0x3e;
const POP: u8 = 0x50;
const MSTORE: u8 = 0x52;
const JUMPI: u8 = 0x57;
const GAS: u8 = 0x5a;
const JUMPDEST: u8 = 0x5b;
const DUP1: u8 = 0x80;
const DUP3: u8 = 0x82;
const SWAP2: u8 = 0x91;
const CALL: u8 = 0xf1;
const RETURN: u8 = 0xf3;
const REVERT: u8 = 0xfd;

/// A place to jump to.
#[derive(Clone, Copy, PartialEq)]
enum Label {
    Forward,
    Fail,
    Done,
    Skip(u8),
}

#[derive(Default)]
struct Assembly {
    code: Vec<u8>,
    /// Where two bytes wait for the place of a label.
    open: Vec<(usize, Label)>,
    places: Vec<(Label, usize)>,
}

impl Assembly {
    fn op(&mut self, ops: &[u8]) -> &mut Self {
        self.code.extend(ops);
        self
    }

    fn push(&mut self, bytes: &[u8]) -> &mut Self {
        self.code.push(0x5f + u8::try_from(bytes.len()).expect("a push has at most 32 bytes"));
        self.op(bytes)
    }

    fn jump_if(&mut self, label: Label) -> &mut Self {
        self.open.push((self.code.len() + 1, label));
        self.push(&[0, 0]).op(&[JUMPI])
    }

    fn label(&mut self, label: Label) -> &mut Self {
        self.places.push((label, self.code.len()));
        self.op(&[JUMPDEST])
    }

    fn finished(mut self) -> Vec<u8> {
        for (at, label) in &self.open {
            let place = self.places.iter().find(|(name, _)| name == label);
            let (_, place) = place.expect("each label is placed");
            let place = u16::try_from(*place).expect("the code is short");
            self.code[*at..*at + 2].copy_from_slice(&place.to_be_bytes());
        }
        self.code
    }
}

/// The runtime code for an owner and two tokens.
pub fn code(owner: Address, tokens: [Address; 2]) -> Vec<u8> {
    let mut code = Assembly::default();
    code.op(&[CALLER]).push(owner.as_slice()).op(&[EQ]).jump_if(Label::Forward);
    pay(&mut code, tokens[0], 4, Label::Skip(0));
    pay(&mut code, tokens[1], 36, Label::Skip(1));
    code.op(&[STOP]);
    code.label(Label::Fail).push(&[0]).push(&[0]).op(&[REVERT]);
    forward(&mut code);
    code.finished()
}

/// Sends the amount at `offset` of the calldata to the caller, if it is above zero.
fn pay(code: &mut Assembly, token: Address, offset: u8, skip: Label) {
    code.push(&[offset]).op(&[CALLDATALOAD]);
    code.op(&[DUP1]).push(&[0]).op(&[SLT, ISZERO]).jump_if(skip);
    code.push(&SELECTOR_TRANSFER).push(&[0xe0]).op(&[SHL]).push(&[0]).op(&[MSTORE]);
    code.op(&[CALLER]).push(&[4]).op(&[MSTORE]);
    code.op(&[DUP1]).push(&[36]).op(&[MSTORE]);
    // Where and how long the answer and the calldata are, no value, whom to call.
    code.push(&[32]).push(&[0]).push(&[68]).push(&[0]).push(&[0]).push(token.as_slice());
    code.op(&[GAS, CALL, ISZERO]).jump_if(Label::Fail);
    code.label(skip).op(&[POP]);
}

/// Calls the address in the first word with the rest of the calldata.
fn forward(code: &mut Assembly) {
    code.label(Label::Forward);
    code.push(&[32]).op(&[CALLDATASIZE, SUB]);
    code.op(&[DUP1]).push(&[32]).push(&[0]).op(&[CALLDATACOPY]);
    code.push(&[0]).push(&[0]).op(&[SWAP2]).push(&[0]).push(&[0]);
    code.push(&[0]).op(&[CALLDATALOAD, GAS, CALL]);
    code.op(&[RETURNDATASIZE]).push(&[0]).push(&[0]).op(&[RETURNDATACOPY]);
    code.op(&[RETURNDATASIZE]).push(&[0]).op(&[DUP3]).jump_if(Label::Done);
    code.op(&[REVERT]);
    code.label(Label::Done).op(&[RETURN]);
}
