//! Properties of the survey's list (table in section I of `docs/protocol.md`) that are no
//! predicates of one state; the number is the survey's.

use money::{Price, Qty, Rate, Round, Span, Time};
use proptest::prelude::*;
use protocol::command::*;
use protocol::convergence::fair::fair_basis;
use protocol::engine::apply;
use protocol::event::Event;
use protocol::funding::{Funding, Observation};
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::params::*;
use protocol::state::Level;

use crate::exchange::*;
use crate::machine::SplitMix;

/// A random order of BTC: up to 9 % off the index, mostly near.
fn random_order(random: &mut SplitMix, market: MarketId, lots: u64) -> NewOrder {
    let wide = if random.below(3) == 0 { 9_000 } else { 300 };
    let off = random.below(2 * wide) as i64 - wide as i64;
    let lifetimes = [Lifetime::Resting, Lifetime::Immediate, Lifetime::PostOnly];
    NewOrder {
        side: if random.below(2) == 0 { Side::Buy } else { Side::Sell },
        price: Price::from_raw((1_000_000 + 10 * (off / 10)) * 10_000_000),
        qty: Qty::from_raw((1 + random.below(lots)) as i64 * 10_000),
        lifetime: lifetimes[random.below(3) as usize],
        reduce_only: random.below(6) == 0,
        ..order(market, Side::Buy, "1", "1")
    }
}

/// Whoever lacks initial margin can do nothing that asks for more of it, but for what closing may
/// lose (rule R-4): the maintenance margin of what it closes.
#[test]
fn c9_under_initial_margin_no_accepted_order_raises_the_requirement() {
    let (mut tried, mut accepted) = (0, 0);
    for seed in 0..40 {
        let mut random = SplitMix(seed);
        let mut x = Exchange::new();
        let users: Vec<AccountId> = ["9000", "9000", "9000", "900000"].map(|c| x.user(c)).into();
        for _ in 0..250 {
            if random.below(20) == 0 {
                let move_to = 96_000 + random.below(8_000) as i64;
                x.prices[1] = Some(Price::from_raw(move_to * 100_000_000));
                x.blocks(1);
            }
            let account = users[random.below(4) as usize];
            let market = if random.below(4) == 0 { BTC_SPOT } else { BTC_PERP };
            let order = random_order(&mut random, market, 9_000);
            let placed = Command::Place(order);
            // A block without time: nothing but the order can change the account.
            let time = x.state.time();
            apply(&mut x.state, &Block { time, messages: Vec::new() });
            let before = x.state.health(account, Level::Initial);
            let maintained = user_requirement(&x, account, Level::Maintenance);
            let messages = vec![user(account, placed.clone())];
            let events = apply(&mut x.state, &Block { time, messages });
            let refused = events.iter().any(|event| matches!(event, Event::Rejected { .. }));
            let after = x.state.health(account, Level::Initial);
            if before.is_sound() {
                continue;
            }
            (tried, accepted) = (tried + 1, accepted + i32::from(!refused));
            let loss = order.price.notional(order.qty, Round::Up);
            let loss = loss.share(rate("0.05"), Round::Up).unwrap();
            let kept = user_requirement(&x, account, Level::Maintenance);
            let calmer = after.is_sound()
                || after.requirement <= before.requirement + loss
                    && kept <= maintained
                    && after.equity >= before.equity - loss;
            assert!(calmer, "seed {seed}: {before:?} {after:?} {placed:?}");
        }
    }
    assert!(tried > 100 && accepted > 10, "{accepted} of {tried}");
}

fn user_requirement(x: &Exchange, account: AccountId, level: Level) -> money::Amount {
    x.state.health(account, level).requirement
}

/// A ring of accounts that is alone with the exchange and an index that stands still.
#[test]
fn c26_a_ring_that_trades_with_itself_takes_nothing_out() {
    let mut trades = 0;
    for seed in 0..60 {
        let mut random = SplitMix(1_000 + seed);
        let mut x = Exchange::new();
        x.send(custodian(Command::FundInsurance { amount: amount("10000") })).unwrap();
        let ring: Vec<AccountId> = ["5000", "5000", "20000"].map(|c| x.user(c)).into();
        for _ in 0..80 {
            let messages: Vec<Message> = (0..3)
                .map(|_| {
                    let account = ring[random.below(3) as usize];
                    user(account, Command::Place(random_order(&mut random, BTC_PERP, 6_000)))
                })
                .collect();
            let events = x.run(&messages);
            trades += events.iter().filter(|event| matches!(event, Event::Traded { .. })).count();
            let together: money::Amount = ring.iter().map(|&member| x.equity(member)).sum();
            assert!(together <= amount("30000"), "seed {seed}: {together}");
            let insured = x.balance(Holder::Insurance);
            assert!(insured >= amount("10000"), "seed {seed}: {insured}");
        }
    }
    assert!(trades > 1_000, "{trades} trades");
}

fn rules() -> [FundingRule; 5] {
    let (hour, cap) = (Span::HOUR, Rate::from_bp(400));
    let one = Rate::from_bp(1);
    [
        FundingRule::Anchored { anchor: hour.times(8), carry: one, cap },
        FundingRule::Industry { interval: hour, interest: one, clamp: Rate::from_bp(5), cap },
        FundingRule::Dydx { sample: Span::MINUTE, interval: hour, interest: one, cap },
        FundingRule::Velocity { max_velocity: Rate::ONE, premium_scale: one, cap },
        FundingRule::Pi {
            proportional: Rate::ONE,
            integral: Rate::ONE,
            leak: hour,
            carry: one,
            cap,
        },
    ]
}

/// Σ of rates over two hours of one premium.
fn charged(rule: &FundingRule, premium: Rate) -> i128 {
    let (mut funding, index) = (Funding::default(), price("100"));
    let minutes = 0..=120u64;
    minutes
        .filter_map(|minute| {
            let now = Time::from_nanos(START).after(Span::MINUTE.times(minute));
            let seen = Observation { now, index, symmetric: premium, one_sided: premium };
            funding.accrue(rule, &seen).map(|accrual| i128::from(accrual.rate.raw()))
        })
        .sum()
}

proptest! {
    #[test]
    fn c25_funding_never_falls_as_the_premium_rises(low in -500i64..500, more in 0i64..500) {
        for rule in rules() {
            let (low, high) = (Rate::from_bp(low), Rate::from_bp(low + more));
            prop_assert!(charged(&rule, low) <= charged(&rule, high), "{rule:?}");
        }
    }

    /// No dead band: the anchored rule is zero at its fair basis alone.
    #[test]
    fn c25_the_anchored_rule_charges_by_the_sign_of_the_distance_from_fair(bp in -500i64..500) {
        let rule = rules()[0];
        let fair = fair_basis(&rule, Rate::ZERO).unwrap();
        let premium = Rate::from_bp(bp);
        let sign = i128::from((premium - fair).raw()).signum();
        prop_assert_eq!(charged(&rule, premium).signum(), sign);
    }
}
