//! What the contracts answered, call by call, replayed here: `docs/amm.md` says how the vectors are
//! made from the contracts' own bytecode.

use std::collections::BTreeMap;
use std::io::Read;

use replay::{Own, line, parsed};

mod replay;

const VECTORS: &[u8] = include_bytes!("vectors/uniswap.txt.gz");

fn vectors() -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(VECTORS).read_to_string(&mut text).expect("the vectors are UTF-8");
    text
}

#[test]
fn every_call_is_answered_as_the_contract_does_and_leaves_its_state() {
    let text = vectors();
    let mut own = Own::default();
    for (number, expected) in text.lines().enumerate() {
        let call = expected.split_once(" = ").and_then(|(call, _)| parsed(call));
        let call = call.unwrap_or_else(|| panic!("line {}: no call: {expected}", number + 1));
        assert_eq!(line(&mut own, &call), expected, "line {}", number + 1);
    }
}

#[test]
fn the_vectors_hold_each_kind_of_call_and_of_refusal() {
    let text = vectors();
    let mut kinds: BTreeMap<String, u32> = BTreeMap::new();
    for line in text.lines() {
        let (call, rest) = line.split_once(" = ").expect("a line has a call");
        let name = call.split(' ').next().expect("a call has a name");
        let answer = rest.split(" ;").next().expect("a line has an answer");
        let refusal = answer.strip_prefix("no").map(|text| format!("no{text}"));
        *kinds.entry(refusal.unwrap_or_else(|| name.to_owned())).or_default() += 1;
    }
    for kind in [
        "swap",
        "mint",
        "burn",
        "collect",
        "modify",
        "share",
        "collect-protocol",
        "ticks",
        "initialise",
        "pair-mint",
        "pair-burn",
        "pair-swap",
        "pair-share",
        "no",
        "no AI",
        "no R",
        "no LOK",
        "no AS",
        "no SPL",
        "no TLU",
        "no TLM",
        "no TUM",
        "no LO",
        "no LS",
        "no NP",
        "no UniswapV2: K",
        "no UniswapV2: OVERFLOW",
        "no UniswapV2: INSUFFICIENT_LIQUIDITY",
        "no UniswapV2: INSUFFICIENT_INPUT_AMOUNT",
        "no UniswapV2: INSUFFICIENT_OUTPUT_AMOUNT",
        "no UniswapV2: INSUFFICIENT_LIQUIDITY_MINTED",
        "no UniswapV2: INSUFFICIENT_LIQUIDITY_BURNED",
        "no ds-math",
    ] {
        assert!(kinds.contains_key(kind), "no `{kind}` among {kinds:?}");
    }
}
