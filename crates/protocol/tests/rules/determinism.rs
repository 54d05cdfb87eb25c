//! Rules E-1, H-1 and H-2: one chain of blocks, one state.

use money::Time;
use protocol::command::*;
use protocol::engine::apply;
use protocol::event::Event;
use protocol::ids::*;
use protocol::state::State;

use crate::exchange::*;
use crate::machine::recorded;

fn replay(blocks: &[Block]) -> State {
    let mut state = State::new(design()).unwrap();
    for block in blocks {
        apply(&mut state, block);
    }
    state
}

fn hex(hash: [u8; 32]) -> String {
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn h_1_equal_blocks_give_equal_hashes() {
    let (blocks, _) = recorded(7, 100);
    let (first, second) = (replay(&blocks), replay(&blocks));
    assert_eq!(first.chain_hash(), second.chain_hash());
    assert_eq!(first.hash(), second.hash());
}

/// A new value means that the rules or the layout of the state changed: say so in the changelog.
#[test]
fn h_2_the_hash_of_a_fixed_run_is_known() {
    let (blocks, _) = recorded(1, 100);
    let expected =
        expect_test::expect!["8749e5dfab9a5a9c06ee71ab80f3706cece8ad4f043a8c79be29ed6d72a48074"];
    expected.assert_eq(&hex(replay(&blocks).chain_hash()));
}

#[test]
fn h_1_a_different_message_gives_a_different_chain_even_if_both_are_refused() {
    let (mut blocks, _) = recorded(3, 20);
    let chain = replay(&blocks).chain_hash();
    let content = replay(&blocks).content_hash();
    blocks[10].messages.push(user(AccountId(99), Command::CancelAll { market: None }));
    let other = replay(&blocks);
    assert_ne!(other.chain_hash(), chain);
    assert_eq!(other.content_hash(), content);
    let wrong = Command::CancelAll { market: Some(MarketId(8)) };
    blocks[10].messages.pop();
    blocks[10].messages.push(user(AccountId(99), wrong));
    assert_ne!(replay(&blocks).chain_hash(), other.chain_hash());
}

#[test]
fn e_1_time_never_runs_backwards() {
    let mut x = Exchange::new();
    let now = x.state.time();
    let early = Block { time: Time::from_nanos(5), messages: Vec::new() };
    apply(&mut x.state, &early);
    assert_eq!((x.state.time(), x.state.height()), (now, 2));
}

#[test]
fn e_1_an_empty_block_only_closes_and_votes_count_before_commands() {
    let mut x = Exchange::of(design());
    assert_eq!(x.run(&[]), [Event::Closed { height: 1 }]);
    let account = x.user("100000");
    // The index is formed from the votes of the same block, wherever they stand in it.
    x.prices[1] = Some(price("100000"));
    assert_eq!(x.place(account, order(BTC_PERP, Side::Buy, "100000", "0.01")), Ok(()));
}
