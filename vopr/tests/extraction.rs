//! C6 and C26 of the survey: what a coalition can take out, by the stake of its publishers.
#![allow(missing_docs)]

use vopr::coalition::{Phase, siege};
use vopr::design::quote;
use vopr::extract::{Best, PUBLISHERS, play, search};

fn best(lying: u16) -> Best {
    let found = search(2, 60, lying, &|_| {});
    found.unwrap_or_else(|best| panic!("beyond the bound: {best:?}"))
}

#[test]
fn c6_a_coalition_below_half_of_the_stake_takes_nothing_worth_mentioning() {
    for lying in 0..=PUBLISHERS / 2 {
        let gain = best(lying).gain;
        // Honest noise is 2 bp, and the vote of an interval's end 1 bp.
        assert!(gain.index_off < 4e-4, "{lying}: {gain:?}");
        assert_eq!(gain.wronged, 0, "{lying}: {gain:?}");
        assert!(gain.extracted() < quote(100), "{lying}: {gain:?}");
    }
}

/// The search is worth something: with more than half of the stake it finds the way to the money,
/// past the confirmation of jumps and the auction, by a lie that is told for minutes.
#[test]
fn c6_a_coalition_above_half_of_the_stake_is_seen_to_break_the_market() {
    let gain = best(PUBLISHERS / 2 + 1).gain;
    assert!(gain.index_off > 0.1 && gain.wronged > 0, "{gain:?}");
    assert!(gain.extracted() > quote(10_000), "{gain:?}");
}

/// O-6, A-4 and A-5: the same lie, told for as long as the auction lasts, hurts nobody.
#[test]
fn c6_a_lie_of_above_half_of_the_stake_that_ends_before_the_auction_wrongs_nobody() {
    let held = siege();
    let brief =
        std::array::from_fn(|at| Phase { lie: if at == 3 { 0.7 } else { 1.0 }, ..held[at] });
    let gain = play(2, PUBLISHERS / 2 + 1, &brief);
    assert!(gain.index_off > 0.1, "{gain:?}");
    assert_eq!(gain.wronged, 0, "{gain:?}");
    assert!(gain.extracted() < quote(100), "{gain:?}");
}
