//! Votes, and attacks on them that have happened or could.

use money::{Amount, Rate, Span};
use protocol::governance::Refusal;
use protocol::governance::council::*;
use protocol::governance::guardian::{Action, Emergency};
use protocol::governance::keys::{Delay, Key, Setting};
use protocol::ids::{AccountId, MarketId};

use super::super::exchange::amount;
use super::{ANNA, BERT, CLEO, GUARDIAN, HOUR, Hall, bp, set};

const MARGIN: &str = "market.margin_initial";
const PERP: u16 = 2;

/// Initial margin of BTC-PERP; it stands at 1000 bp.
fn margin(points: i128) -> Setting {
    set(MARGIN, PERP, bp(points))
}

#[test]
fn g_4_drafts_are_refused_in_the_order_of_the_reasons() {
    let hall = &mut Hall::new();
    let unknown = Setting { key: Key(999), scope: 0, value: 0 };
    let table: [(&[Setting], Refusal); 9] = [
        (&[], Refusal::BadLength),
        (&[margin(1_010); 17], Refusal::BadLength),
        (&[margin(1_010), margin(1_020)], Refusal::KeyTwice),
        (&[unknown], Refusal::UnknownKey),
        (&[set(MARGIN, 0, bp(1_010))], Refusal::UnknownScope),
        (&[margin(1_000)], Refusal::Unchanged),
        (&[margin(10_001)], Refusal::OutsideRange),
        (&[margin(1_101)], Refusal::StepTooLarge),
        // A maintenance haircut above the initial one.
        (
            &[
                set("asset.basis_initial", 1, bp(360)),
                set("asset.basis_maintenance", 1, bp(180)),
                set("market.fee_maker", PERP, bp(-1) - 1),
                set("market.mark_band", PERP, bp(301)),
                set("market.fee_taker", PERP, bp(4) + bp(5) / 10),
                set("funding.carry", PERP, 1),
                set("asset.haircut_initial", 1, bp(1_900)),
                set("market.margin_maintenance", PERP, bp(451)),
                set("market.fee_liquidation", PERP, bp(101)),
                set("market.fee_maker", 3, bp(-1) + 1),
            ],
            Refusal::Envelope,
        ),
    ];
    for (settings, reason) in table {
        hall.proved.set(reason != Refusal::Envelope);
        assert_eq!(hall.propose(settings), Err(reason));
    }
    assert!(hall.governance.proposals().is_empty());
}

#[test]
fn g_4_a_design_out_of_order_is_refused_and_evidence_is_asked_for() {
    let mut hall = Hall::new();
    // The basis charge would exceed what the haircut of SOL becomes: 4 % against 3.6 %.
    hall.params.assets[2].haircut_initial = Rate::from_bp(401);
    hall.params.assets[2].haircut_maintenance = Rate::from_bp(390);
    let lower = set("asset.haircut_initial", 2, bp(399));
    assert_eq!(hall.propose(&[lower]), Err(Refusal::Design));
    let measure = Measure::Settings(vec![margin(1_010)]);
    let draft = Draft { proposer: ANNA, measure, evidence: [0; 32] };
    let refusal = hall.governance.check_propose(&draft, &hall.params, hall.now, &hall.proof());
    assert_eq!(refusal, Err(Refusal::NoEvidence));
}

#[test]
fn g_5_stake_of_the_block_of_the_proposal_has_no_vote() {
    let mut hall = Hall::new();
    let thief = AccountId(3);
    // Borrowed, staked and used within one block: ten times all other stake.
    hall.stake(thief, "1000");
    let own = hall.propose_as(thief, Measure::Settings(vec![margin(900)]));
    assert_eq!(own, Err(Refusal::UnderMinimum));
    let id = hall.propose(&[margin(900)]).unwrap();
    assert_eq!(hall.vote(id, thief, true), Err(Refusal::NoPower));
    hall.wait(HOUR);
    assert_eq!(hall.vote(id, thief, true), Err(Refusal::NoPower));
    assert_eq!(hall.governance.proposals()[0].tally().all, amount("100"));
    // In the next block it counts, for the next proposal.
    let id = hall.propose(&[margin(1_010)]).unwrap();
    assert_eq!(hall.vote(id, thief, true), Ok(()));
}

#[test]
fn g_5_a_proposer_needs_a_hundredth_and_has_two_proposals_open() {
    let mut hall = Hall::new();
    let dora = AccountId(3);
    hall.stake(dora, "1.01");
    hall.wait(HOUR);
    let change = || Measure::Settings(vec![margin(1_010)]);
    assert_eq!(hall.propose_as(dora, change()), Err(Refusal::UnderMinimum));
    hall.stake(dora, "0.01");
    hall.wait(HOUR);
    assert!(hall.propose_as(dora, change()).is_ok());
    assert!(hall.propose_as(dora, change()).is_ok());
    assert_eq!(hall.propose_as(dora, change()), Err(Refusal::TooManyOpen));
    assert!(hall.propose_as(ANNA, change()).is_ok());
}

#[test]
fn g_5_sixteen_proposals_are_open_at_most() {
    let mut hall = Hall::new();
    for number in 3..12 {
        hall.stake(AccountId(number), "10");
    }
    hall.wait(HOUR);
    for number in 0..16 {
        let proposer = AccountId(3 + number / 2);
        hall.propose_as(proposer, Measure::Settings(vec![margin(1_010)])).unwrap();
    }
    assert_eq!(hall.propose(&[margin(1_010)]), Err(Refusal::TooManyOpen));
}

#[test]
fn g_6_votes_pass_at_the_quorum_and_above_half() {
    let tally = |yes, no| Tally { yes: amount(yes), no: amount(no), all: amount("100") };
    let quorum = Terms::default().quorum;
    let table = [
        ("33.4", "0", true),
        ("33.39999999", "0", false),
        ("16.70000001", "16.69999999", true),
        ("16.7", "16.7", false),
        ("40", "60", false),
        ("0", "0", false),
    ];
    for (yes, no, passes) in table {
        assert_eq!(tally(yes, no).passes(quorum), passes, "{yes} {no}");
    }
    assert!(!Tally::default().passes(quorum), "without stake nothing passes");
}

#[test]
fn g_6_the_last_vote_of_an_account_counts_and_none_after_the_end() {
    let mut hall = Hall::new();
    let id = hall.propose(&[margin(1_010)]).unwrap();
    hall.vote(id, ANNA, true).unwrap();
    hall.vote(id, BERT, true).unwrap();
    hall.vote(id, ANNA, false).unwrap();
    let tally = Tally { yes: amount("30"), no: amount("60"), all: amount("100") };
    assert_eq!(hall.governance.proposals()[0].tally(), tally);
    hall.now = hall.now.after(Span::DAY.times(3));
    assert_eq!(hall.vote(id, CLEO, true), Err(Refusal::VoteClosed));
    hall.wait(Span::ZERO);
    assert_eq!(hall.outcomes, [Outcome::Failed(id, tally)]);
    assert_eq!(hall.vote(id, CLEO, true), Err(Refusal::UnknownProposal));
}

#[test]
fn g_7_nothing_is_in_force_before_its_time_lock() {
    let table = [(margin(1_010), 24), (set("asset.haircut_initial", 1, bp(2_010)), 72)];
    for (setting, hours) in table {
        let mut hall = Hall::new();
        let before = hall.params.clone();
        let id = hall.propose(&[setting]).unwrap();
        for voter in [ANNA, BERT, CLEO] {
            hall.vote(id, voter, true).unwrap();
        }
        // All stake has said yes: still no shorter path.
        hall.wait(Span::from_nanos(HOUR.times(72).nanos() - 1));
        assert!(hall.outcomes.is_empty());
        hall.wait(Span::from_nanos(1));
        assert!(matches!(hall.outcomes[..], [Outcome::Passed(..)]));
        assert_eq!(hall.vote(id, ANNA, false), Err(Refusal::VoteClosed));
        hall.wait(Span::from_nanos(HOUR.times(hours).nanos() - 1));
        assert!(hall.outcomes.is_empty());
        assert_eq!(hall.params, before);
        hall.wait(Span::from_nanos(1));
        assert!(matches!(hall.outcomes[..], [Outcome::Executed(..)]));
        assert_ne!(hall.params, before);
    }
}

#[test]
fn g_7_the_slowest_key_decides_the_time_lock() {
    let oracle = set("oracle.index_age_max", 0, 0);
    assert_eq!(Measure::Settings(vec![margin(1), oracle]).delay(), Delay::ThreeDays);
    assert_eq!(Measure::Settings(vec![margin(1)]).delay(), Delay::Day);
    assert_eq!(Measure::Guardian(None).delay(), Delay::ThreeDays);
}

#[test]
fn g_7_two_proposals_that_together_exceed_a_step_do_not_both_pass() {
    let mut hall = Hall::new();
    let first = hall.propose(&[margin(1_100)]).unwrap();
    hall.wait(HOUR);
    let second = hall.propose(&[margin(900)]).unwrap();
    for id in [first, second] {
        hall.vote(id, ANNA, true).unwrap();
    }
    hall.wait(HOUR.times(71));
    hall.wait(HOUR);
    hall.wait(HOUR.times(23));
    assert!(matches!(&hall.outcomes[..], [Outcome::Executed(id, _)] if *id == first));
    hall.wait(HOUR);
    assert_eq!(hall.outcomes, [Outcome::Expired(second, Refusal::StepTooLarge)]);
    assert_eq!(hall.value(MARGIN, PERP), bp(1_100));
}

#[test]
fn g_7_a_proposal_whose_ground_has_moved_expires() {
    let mut hall = Hall::new();
    let id = hall.propose(&[margin(1_050)]).unwrap();
    hall.vote(id, ANNA, true).unwrap();
    hall.wait(Span::DAY.times(3));
    // Within the time-lock the guardian has gone much further.
    let emergency = Emergency::Tighten(margin(3_000));
    let (params, proof) = (&mut hall.params, |_: &_| Ok(()));
    let action = hall.governance.check_emergency(GUARDIAN, emergency, params, &proof).unwrap();
    hall.governance.commit_emergency(action, params, hall.now);
    hall.wait(Span::DAY);
    assert_eq!(hall.outcomes, [Outcome::Expired(id, Refusal::StepTooLarge)]);
    assert_eq!(hall.value(MARGIN, PERP), bp(3_000));
}

#[test]
fn g_7_the_envelope_is_proved_again_at_execution() {
    let mut hall = Hall::new();
    let id = hall.propose(&[margin(950)]).unwrap();
    hall.vote(id, ANNA, true).unwrap();
    hall.wait(Span::DAY.times(3));
    hall.proved.set(false);
    hall.wait(Span::DAY);
    assert_eq!(hall.outcomes, [Outcome::Expired(id, Refusal::Envelope)]);
    assert_eq!(hall.value(MARGIN, PERP), bp(1_000));
}

#[test]
fn g_7_who_voted_is_bound_until_the_result() {
    let mut hall = Hall::new();
    let id = hall.propose(&[set("asset.haircut_initial", 1, bp(1_900))]).unwrap();
    hall.vote(id, ANNA, true).unwrap();
    let all = amount("60");
    hall.governance.stakes().check_unstake(ANNA, all).unwrap();
    hall.governance.stakes_mut().commit_unstake(ANNA, all, hall.now);
    assert_eq!(hall.governance.stakes().of(ANNA), Amount::ZERO);
    // The chain stands still for ten days: the vote is counted only now, and the stake waits.
    hall.wait(Span::DAY.times(10));
    assert!(matches!(hall.outcomes[..], [Outcome::Passed(..)]));
    assert!(hall.governance.release(hall.now).is_empty());
    hall.wait(Span::DAY.times(3));
    assert!(matches!(hall.outcomes[..], [Outcome::Executed(..)]));
    let released = hall.governance.release(hall.now);
    assert_eq!(released.iter().map(|leaving| leaving.amount).collect::<Vec<_>>(), [all]);
    assert!(hall.governance.release(hall.now).is_empty());
}

#[test]
fn g_7_stake_is_checked_and_leaves_after_a_week() {
    let mut hall = Hall::new();
    let stakes = hall.governance.stakes();
    assert_eq!(stakes.check_stake(Amount::ZERO), Err(Refusal::NotPositive));
    assert_eq!(stakes.check_stake(Amount::MAX), Err(Refusal::Overflow));
    assert_eq!(stakes.check_unstake(CLEO, -Amount::ONE), Err(Refusal::NotPositive));
    assert_eq!(stakes.check_unstake(CLEO, amount("10.00000001")), Err(Refusal::InsufficientStake));
    assert_eq!(stakes.check_unstake(AccountId(77), Amount::ONE), Err(Refusal::InsufficientStake));
    hall.governance.stakes_mut().commit_unstake(CLEO, amount("4"), hall.now);
    hall.wait(Span::DAY.times(6));
    // Asking for more restarts the wait for both.
    hall.governance.stakes_mut().commit_unstake(CLEO, amount("5"), hall.now);
    hall.wait(Span::DAY);
    assert!(hall.governance.release(hall.now).is_empty());
    assert_eq!(hall.governance.stakes().total(), amount("100"));
    hall.wait(Span::DAY.times(6));
    assert_eq!(hall.governance.release(hall.now)[0].amount, amount("9"));
    assert_eq!(hall.governance.stakes().total(), amount("91"));
}

#[test]
fn g_7_terms_that_let_voters_leave_before_the_result_are_refused() {
    let terms = |days| Terms { unstake_delay: Span::DAY.times(days), ..Terms::default() };
    assert!(Governance::new(terms(6), None).is_ok());
    assert_eq!(Governance::new(terms(5), None).err(), Some(Refusal::BadTerms));
    let no_quorum = Terms { quorum: Rate::ZERO, ..Terms::default() };
    assert_eq!(Governance::new(no_quorum, None).err(), Some(Refusal::BadTerms));
}

#[test]
fn g_9_only_the_guardian_acts_and_only_against_risk() {
    let hall = Hall::new();
    let check = |sender, emergency| {
        hall.governance.check_emergency(sender, emergency, &hall.params, &hall.proof())
    };
    let tighten = |name, scope, value| check(GUARDIAN, Emergency::Tighten(set(name, scope, value)));
    let raise = Emergency::Tighten(margin(5_000));
    assert_eq!(check(ANNA, raise), Err(Refusal::NotGuardian));
    assert!(
        matches!(check(GUARDIAN, raise), Ok(Action::Tightened(change)) if change.to == bp(5_000))
    );
    assert_eq!(tighten(MARGIN, PERP, bp(999)), Err(Refusal::NotReducing), "more leverage");
    assert_eq!(tighten(MARGIN, PERP, bp(10_001)), Err(Refusal::OutsideRange));
    let liquidates = tighten("market.margin_maintenance", PERP, bp(900));
    assert_eq!(liquidates, Err(Refusal::NotReducing));
    assert_eq!(tighten("asset.haircut_initial", 1, bp(10_000)).map(|_| ()), Ok(()));
    assert_eq!(tighten("asset.basis_initial", 1, bp(1_001)), Err(Refusal::Design));
    assert_eq!(tighten("oracle.index_age_max", 0, 25_000_000_000), Err(Refusal::NotReducing));
    let close = Emergency::ReduceOnly(MarketId(3));
    assert_eq!(check(GUARDIAN, close), Ok(Action::ReduceOnly(MarketId(3))));
    let nowhere = Emergency::ReduceOnly(MarketId(4));
    assert_eq!(check(GUARDIAN, nowhere), Err(Refusal::UnknownScope));
}

#[test]
fn g_9_a_vote_dismisses_the_guardian() {
    let mut hall = Hall::new();
    let same = hall.propose_as(ANNA, Measure::Guardian(Some(GUARDIAN)));
    assert_eq!(same, Err(Refusal::Unchanged));
    let outcomes = hall.enact(Measure::Guardian(None));
    assert!(matches!(outcomes[..], [Outcome::Executed(..)]));
    let close = Emergency::ReduceOnly(MarketId(3));
    let refusal = hall.governance.check_emergency(GUARDIAN, close, &hall.params, &hall.proof());
    assert_eq!(refusal, Err(Refusal::NotGuardian));
}

#[test]
fn refusals_have_their_numbers_for_ever() {
    let first = [Refusal::BadTerms, Refusal::NotGuardian].map(Refusal::number);
    let last = [Refusal::StepTooLarge, Refusal::Envelope].map(Refusal::number);
    assert_eq!([first, last], [[1, 2], [20, 24]]);
    assert_eq!(borsh::to_vec(&Refusal::Envelope).unwrap(), [24]);
}
