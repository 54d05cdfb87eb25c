//! The status machine: single paths by hand, and what holds on every path.

use super::*;
use money::{Rate, Span};
use proptest::prelude::*;

fn params() -> HaltParams {
    let trigger = |horizon: u64, bp, auction| Trigger {
        horizon: Span::from_secs(horizon),
        move_max: Rate::from_bp(bp),
        auction: Span::from_secs(auction),
    };
    HaltParams {
        triggers: vec![trigger(60, 500, 60), trigger(3600, 1000, 300)],
        outage_min: Span::MINUTE,
        fresh_blocks: 3,
        auction_restart: Span::MINUTE,
        calm_blocks: 20,
        cancel_all: true,
        halt_max: Span::DAY,
        reduce_only_max: Span::DAY.times(7),
        notice: Span::DAY,
        average: Span::HOUR,
        average_min: Span::MINUTE.times(30),
    }
}

fn breach() -> Breach {
    Breach { trigger: params().triggers[0], source: Source::Mark }
}

/// A market and its clock.
struct Run {
    status: Status,
    now: Time,
    params: HaltParams,
}

impl Run {
    fn new() -> Run {
        let now = Time::from_nanos(1_000_000_000_000);
        Run { status: Status::open(now), now, params: params() }
    }

    /// A block so many seconds later.
    fn block(&mut self, seconds: u64, change: impl Fn(&mut Inputs)) -> Option<Transition> {
        self.now = self.now.after(Span::from_secs(seconds));
        let mut inputs = Inputs {
            now: self.now,
            index: Some(Price::ONE),
            others_fresh: true,
            breach: None,
            directive: None,
        };
        change(&mut inputs);
        let (status, transition) = next(self.status, &inputs, &self.params);
        self.status = status;
        transition
    }

    /// A fresh block after a second.
    fn fresh(&mut self) -> Option<Transition> {
        self.block(1, |_| ())
    }

    fn order(&mut self, directive: Directive) -> Option<Transition> {
        self.block(1, |inputs| inputs.directive = Some(directive))
    }

    fn restarting(&self) -> Option<(u32, bool)> {
        match self.status.phase() {
            Phase::Restarting { fresh_blocks, until } => Some((fresh_blocks, until.is_some())),
            Phase::Open
            | Phase::ReduceOnly { .. }
            | Phase::Auction { .. }
            | Phase::Halted { .. }
            | Phase::Delisting { .. }
            | Phase::Settled { .. }
            | Phase::Expired { .. } => None,
        }
    }
}

#[test]
fn a_4_a_price_move_stops_trading_for_the_length_of_its_auction() {
    let mut run = Run::new();
    let began = run.block(1, |inputs| inputs.breach = Some(breach())).expect("a transition");
    assert_eq!((began.from, began.orders), (Phase::Open, Orders::Keep));
    assert_eq!(run.status.permits(Action::Place), Permit::Yes);
    assert_eq!(run.status.permits(Action::Take), Permit::No);
    assert_eq!(run.block(59, |_| ()), None);
    assert_eq!(run.block(1, |inputs| inputs.index = None), None);
    let ended = run.fresh().expect("a transition");
    assert_eq!((ended.to, ended.orders), (Phase::Open, Orders::Clear));
}

#[test]
fn a_4_trading_stops_in_the_middle_of_a_block_and_only_once() {
    let run = Run::new();
    let (status, transition) = run.status.suspended(breach()).expect("an open market");
    assert_eq!(
        transition.to,
        Phase::Auction { until: run.now.after(Span::MINUTE), reason: breach() }
    );
    assert_eq!(status.suspended(breach()), None);
}

#[test]
fn a_5_the_table_of_permits_is_the_page_of_the_rules() {
    let time = Time::ZERO;
    let phases = [
        ("Open", Phase::Open),
        ("ReduceOnly", Phase::ReduceOnly { until: time }),
        ("Auction", Phase::Auction { until: time, reason: breach() }),
        ("Halted", Phase::Halted { since: time }),
        ("Restarting, gate", Phase::Restarting { fresh_blocks: 1, until: None }),
        ("Restarting, auction", Phase::Restarting { fresh_blocks: 3, until: Some(time) }),
        ("Delisting", Phase::Delisting { from: time }),
        ("Settled", Phase::Settled { price: Price::ONE }),
    ];
    let page = include_str!("../../../../docs/protocol.md");
    let actions = [
        Action::Place,
        Action::Cancel,
        Action::Take,
        Action::Liquidate,
        Action::Withdraw,
        Action::Fund,
    ];
    for (name, phase) in phases {
        let status = Status { phase, ..Status::open(time) };
        let words = actions.map(|action| match status.permits(action) {
            Permit::Yes => "yes",
            Permit::Reducing => "reducing",
            Permit::No => "no",
        });
        let row = format!("| {name} | {} |", words.join(" | "));
        assert!(page.contains(&row), "the page has no row {row}");
    }
}

#[test]
fn a_6_an_outage_leads_through_fresh_blocks_and_an_auction_to_calm_blocks() {
    let mut run = Run::new();
    assert_eq!(run.block(60, |_| ()), None);
    let stopped = run.block(61, |_| ()).expect("a transition");
    assert_eq!(stopped.orders, Orders::CancelAll);
    run.fresh();
    run.fresh();
    assert_eq!(run.restarting(), Some((2, false)));
    run.block(1, |inputs| inputs.others_fresh = false);
    assert_eq!(run.restarting(), Some((0, false)));
    for _ in 0..3 {
        run.fresh();
    }
    assert_eq!(run.restarting(), Some((3, true)));
    assert_eq!(run.block(59, |_| ()), None);
    let opened = run.fresh().expect("a transition");
    assert_eq!((opened.to, opened.orders), (Phase::Open, Orders::Clear));
    for block in 0..20 {
        assert_eq!(run.status.permits(Action::Liquidate), Permit::No, "block {block}");
        run.block(1, |inputs| inputs.others_fresh = false); // does not count
        run.block(1, |inputs| inputs.index = None);
        run.fresh();
    }
    assert_eq!(run.status.permits(Action::Liquidate), Permit::Yes);
}

#[test]
fn a_6_an_index_that_goes_stale_is_an_outage_while_blocks_go_on() {
    let mut run = Run::new();
    for _ in 0..60 {
        assert_eq!(run.block(1, |inputs| inputs.index = None), None);
    }
    assert!(run.block(1, |inputs| inputs.index = None).is_some());
    assert_eq!(run.restarting(), Some((0, false)));
}

#[test]
fn a_6_an_outage_in_an_auction_leads_to_the_gate_and_its_orders_go_or_wait_by_parameter() {
    for (cancel_all, orders) in [(true, Orders::CancelAll), (false, Orders::Keep)] {
        let mut run = Run::new();
        run.params.cancel_all = cancel_all;
        run.block(1, |inputs| inputs.breach = Some(breach()));
        assert_eq!(run.block(61, |_| ()).map(|stopped| stopped.orders), Some(orders));
        assert_eq!(run.restarting(), Some((0, false)));
    }
}

#[test]
fn a_6_reduce_only_trading_survives_a_restart() {
    let mut run = Run::new();
    let began = run.order(Directive::ReduceOnly).expect("a transition");
    assert_eq!(began.orders, Orders::Reducing);
    run.block(61, |_| ());
    for _ in 0..3 {
        run.fresh();
    }
    assert_eq!(run.status.permits(Action::Place), Permit::Reducing);
    let opened = run.block(60, |_| ()).expect("a transition");
    assert!(matches!(opened.to, Phase::ReduceOnly { .. }), "{opened:?}");
    assert_eq!(run.order(Directive::Resume).map(|opened| opened.to), Some(Phase::Open));
}

#[test]
fn a_5_a_halt_and_reduce_only_trading_end_by_themselves_at_their_time() {
    let mut run = Run::new();
    run.order(Directive::ReduceOnly);
    for _ in 0..7 * 24 * 60 - 1 {
        assert_eq!(run.block(60, |_| ()), None);
    }
    assert_eq!(run.block(59, |_| ()), None);
    assert_eq!(run.fresh().map(|opened| opened.to), Some(Phase::Open));
    run.order(Directive::Halt);
    for _ in 0..24 * 60 - 1 {
        assert_eq!(run.block(60, |_| ()), None);
    }
    assert_eq!(run.block(59, |_| ()), None);
    assert!(run.fresh().is_some());
    assert_eq!(run.restarting(), Some((0, false)));
}

#[test]
fn a_7_a_market_is_settled_at_the_average_of_the_last_hour_of_its_notice() {
    let mut run = Run::new();
    let began = run.order(Directive::Delist).expect("a transition");
    assert_eq!(began.orders, Orders::Reducing);
    let price = |raw| move |inputs: &mut Inputs| inputs.index = Some(Price::from_raw(raw));
    // 23 hours that do not count, then 40 minutes at 100 and 20 minutes at 131.
    for _ in 0..23 * 60 * 2 {
        assert_eq!(run.block(30, price(1_000_000)), None);
    }
    for _ in 0..80 {
        assert_eq!(run.block(30, price(100)), None);
    }
    for _ in 0..39 {
        assert_eq!(run.block(30, price(131)), None);
    }
    let settled = run.block(30, price(131)).expect("a transition");
    let expected = Phase::Settled { price: Price::from_raw((4000 + 20 * 131) / 60) };
    assert_eq!((settled.to, settled.orders), (expected, Orders::CancelAll));
}

#[test]
fn a_7_without_half_an_hour_of_index_the_notice_goes_on() {
    let mut run = Run::new();
    run.order(Directive::Delist);
    for _ in 0..24 * 120 {
        assert_eq!(run.block(30, |inputs| inputs.index = None), None);
    }
    run.block(3600, |_| ()); // an outage: the hour counts for nothing
    for _ in 0..59 {
        assert_eq!(run.block(30, |_| ()), None);
    }
    let settled = run.block(30, |_| ()).expect("a transition");
    assert_eq!(settled.to, Phase::Settled { price: Price::ONE });
}

#[test]
fn a_6_a_design_outside_its_ranges_is_refused() {
    assert_eq!(params().check(), Ok(()));
    let broken: [fn(&mut HaltParams); 6] = [
        |params| params.triggers[0].move_max = Rate::ZERO,
        |params| params.fresh_blocks = 0,
        |params| params.auction_restart = Span::from_secs(59),
        |params| params.halt_max = Span::ZERO,
        |params| params.notice = Span::MINUTE,
        |params| params.average_min = Span::ZERO,
    ];
    for (case, breaks) in broken.iter().enumerate() {
        let mut params = params();
        breaks(&mut params);
        assert!(params.check().is_err(), "case {case}");
    }
}

/// A block of a history: what happens, and after how many seconds.
#[derive(Clone, Copy, Debug)]
struct Step {
    seconds: u64,
    stale: bool,
    others_stale: bool,
    breach: bool,
    directive: Option<Directive>,
    price: i64,
}

fn step() -> impl Strategy<Value = Step> {
    let directive = prop_oneof![
        40 => Just(None),
        2 => Just(Some(Directive::Halt)),
        2 => Just(Some(Directive::ReduceOnly)),
        2 => Just(Some(Directive::Resume)),
        1 => Just(Some(Directive::Delist)),
    ];
    let seconds = prop_oneof![30 => 0u64..10, 3 => 10u64..60, 2 => 61u64..40_000];
    let rare = |one_in: u32| prop::bool::weighted(1.0 / f64::from(one_in));
    (seconds, rare(8), rare(8), rare(12), directive, 1i64..1000).prop_map(
        |(seconds, stale, others_stale, breach, directive, price)| Step {
            seconds,
            stale,
            others_stale,
            breach,
            directive,
            price,
        },
    )
}

impl Run {
    fn step(&mut self, step: Step) -> Option<Transition> {
        self.block(step.seconds, |inputs| {
            inputs.index = (!step.stale).then_some(Price::from_raw(step.price));
            inputs.others_fresh = !step.others_stale;
            inputs.breach = step.breach.then(breach);
            inputs.directive = step.directive;
        })
    }
}

fn history() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(step(), 0..120)
}

proptest! {
    #[test]
    fn a_5_no_phase_is_a_trap(steps in history(), breaches in any::<bool>()) {
        let mut run = Run::new();
        for step in steps {
            run.step(step);
        }
        let params = params();
        // Whatever ends latest, then a restart; in blocks of 30 seconds.
        let bound = params.reduce_only_max.nanos().max(params.halt_max.nanos())
            + params.notice.nanos() + params.average_min.nanos()
            + 2 * params.auction_restart.nanos() + 300_000_000_000;
        let free = |run: &Run| {
            matches!(run.status.phase(), Phase::Open | Phase::Settled { .. })
        };
        let end = run.now.after(Span::from_nanos(bound));
        while !free(&run) && run.now < end {
            run.block(30, |inputs| inputs.breach = breaches.then(breach));
        }
        prop_assert!(free(&run), "still {:?}", run.status.phase());
    }

    #[test]
    fn a_6_nobody_is_liquidated_within_the_calm_blocks_of_a_restart(steps in history()) {
        let mut run = Run::new();
        let mut since_restart = u32::MAX;
        for step in steps {
            let before = run.status.phase();
            run.step(step);
            let stopped =
                |phase| matches!(phase, Phase::Halted { .. } | Phase::Restarting { .. });
            if stopped(before) || stopped(run.status.phase()) {
                since_restart = 0;
            } else {
                since_restart = since_restart.saturating_add(1);
            }
            if since_restart < 20 {
                prop_assert_eq!(run.status.permits(Action::Liquidate), Permit::No);
            }
        }
    }

    #[test]
    fn a_7_a_settlement_price_never_changes_and_lies_within_the_index(steps in history()) {
        let mut run = Run::new();
        run.order(Directive::Delist);
        // To the last half hour, so that short histories reach the settlement.
        for _ in 0..2 * 60 * 23 + 60 {
            run.block(30, |_| ());
        }
        let mut settled = None;
        let long = steps.iter().cycle().take(600 * usize::from(!steps.is_empty()));
        for step in long.copied() {
            let transition = run.step(step);
            prop_assert!(settled.is_none() || transition.is_none());
            match run.status.phase() {
                Phase::Settled { price } => {
                    prop_assert!(settled.is_none_or(|first| first == price));
                    prop_assert!(price >= Price::from_raw(1) && price <= Price::ONE);
                    settled = Some(price);
                }
                Phase::Delisting { .. } => prop_assert!(settled.is_none()),
                Phase::Open
                | Phase::ReduceOnly { .. }
                | Phase::Auction { .. }
                | Phase::Halted { .. }
                | Phase::Restarting { .. }
                | Phase::Expired { .. } => prop_assert!(false, "a delisting was stopped"),
            }
        }
    }

    #[test]
    fn a_5_an_order_can_always_be_cancelled_and_a_book_that_may_cross_never_trades_freely(
        steps in history()
    ) {
        let mut run = Run::new();
        let mut may_cross = false;
        for step in steps {
            if let Some(transition) = run.step(step) {
                match transition.orders {
                    Orders::Keep | Orders::Reducing => {}
                    Orders::Clear | Orders::CancelAll => may_cross = false,
                }
            }
            let permits = |action| run.status.permits(action);
            let collects = permits(Action::Place) != Permit::No;
            may_cross |= collects && permits(Action::Take) == Permit::No;
            prop_assert_eq!(permits(Action::Cancel), Permit::Yes);
            prop_assert!(!may_cross || permits(Action::Take) == Permit::No);
        }
    }
}
