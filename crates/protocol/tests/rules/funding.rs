//! Rules F-1 to F-8 end to end: what the payer pays, the receiver receives and the pool keeps.

use money::{Amount, Rate, Span};
use protocol::event::Event;
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::params::*;

use crate::exchange::*;

/// An exchange whose BTC perpetual has this rule, with a long and a short of 1.2345 BTC and deep
/// quotes from 100 400 to 100 600 on an index of 100 000: premium 50 bp, one-sided 40 bp.
fn premium_market(rule: FundingRule) -> (Exchange, AccountId, AccountId) {
    let mut params = design();
    params.markets[BTC_PERP.index()].kind =
        Kind::Perpetual(PerpetualParams { funding: rule, ..perpetual() });
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.blocks(1);
    let (long, short, maker) = (x.user("100000"), x.user("100000"), x.user("10000000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100500", "1.2345"));
    x.place(maker, order(BTC_PERP, Side::Buy, "100400", "10")).unwrap();
    x.place(maker, order(BTC_PERP, Side::Sell, "100600", "10")).unwrap();
    (x, long, short)
}

/// Runs for so long in blocks of 20 s; the sum of the rates charged, in bp.
fn charged_bp(x: &mut Exchange, time: Span) -> f64 {
    x.step = Span::from_secs(20);
    let mut sum = 0;
    for _ in 0..time.nanos() / x.step.nanos() {
        x.run(&[]);
        sum += x
            .events
            .iter()
            .map(|event| match event {
                Event::Funded { market: BTC_PERP, rate, .. } => rate.raw(),
                _ => 0,
            })
            .sum::<i64>();
    }
    sum as f64 / Rate::BASIS_POINT.raw() as f64
}

#[test]
fn f_1_to_f_6_each_rule_charges_its_own_rate_on_the_same_premium() {
    let hour = Span::HOUR;
    let cap = Rate::from_bp(1000);
    let table = [
        // 50 bp over 8 h and a carry of 8 bp: 58/8 an hour.
        (FundingRule::Anchored { anchor: hour.times(8), carry: Rate::from_bp(8), cap }, 7.25),
        // One-sided 40 bp, less the dead band of 5, settled once in the hour.
        (
            FundingRule::Industry {
                interval: hour,
                interest: Rate::from_bp(1),
                clamp: Rate::from_bp(5),
                cap,
            },
            35.0,
        ),
        // (40 + 1)/8.
        (
            FundingRule::Dydx {
                sample: Span::MINUTE,
                interval: hour,
                interest: Rate::from_bp(1),
                cap,
            },
            5.125,
        ),
        // Half the full velocity of 240 bp a day per day: after an hour the rate is 5 bp a day.
        (
            FundingRule::Velocity {
                max_velocity: Rate::from_bp(240),
                premium_scale: Rate::from_bp(100),
                cap,
            },
            5.0 / 2.0 / 24.0,
        ),
        // Proportional 50 bp for 8 h, and an integral that grows by 80·(1 − e^−t/τ) without a leak.
        (
            FundingRule::Pi {
                proportional: Rate::ONE,
                integral: Rate::ONE,
                leak: hour.times(720),
                carry: Rate::ZERO,
                cap,
            },
            50.0 / 8.0 + 50.0 / 8.0 / 2.0 / 8.0,
        ),
    ];
    for (rule, expected) in table {
        let (mut x, ..) = premium_market(rule);
        let charged = charged_bp(&mut x, hour);
        assert!((charged / expected - 1.0).abs() < 0.03, "{rule:?}: {charged} for {expected}");
        let index = x.state.market(BTC_PERP).perpetual.funding.index;
        assert!(index.raw() > 0, "longs pay: {rule:?}");
    }
}

#[test]
fn f_7_payer_and_receiver_settle_and_the_pool_keeps_the_remainder_exactly() {
    let (mut x, long, short) = premium_market(ANCHORED);
    charged_bp(&mut x, Span::HOUR);
    let cash = (x.cash(long), x.cash(short));
    x.trade(short, long, order(BTC_PERP, Side::Buy, "100500", "0.0001"));
    let paid = |who| -> Amount {
        let of = |event: &Event| match event {
            Event::FundingPaid { account, amount, .. } if *account == who => *amount,
            _ => Amount::ZERO,
        };
        x.events.iter().map(of).sum()
    };
    let (payer, receiver) = (paid(long), paid(short));
    assert!(payer.is_negative() && receiver.is_positive(), "{payer} {receiver}");
    let kept = -(payer + receiver);
    assert!(Amount::ZERO <= kept && kept <= Amount::from_raw(1), "funding never mints: {kept}");
    assert!(x.cash(long) < cash.0 && x.cash(short) > cash.1);
    let pool = x.balance(Holder::Funding(BTC_PERP)) + x.balance(Holder::Dust);
    assert!(Amount::ZERO <= pool && pool <= Amount::from_raw(1), "{pool}");
}

#[test]
fn f_7_remainders_of_many_accounts_become_dust() {
    let (mut x, _, short) = premium_market(ANCHORED);
    let small: Vec<AccountId> = (0..6).map(|_| x.user("10000")).collect();
    for &account in &small {
        x.trade(account, short, order(BTC_PERP, Side::Buy, "100500", "0.0001"));
    }
    for round in 0..10 {
        x.blocks(3);
        for &account in &small {
            let lot = order(BTC_PERP, Side::Buy, "100500", "0.0001");
            match round % 2 {
                0 => x.trade(account, short, lot),
                _ => x.trade(short, account, lot),
            }
        }
    }
    assert!(x.balance(Holder::Dust).is_positive(), "whole units of remainders are booked");
}

#[test]
fn f_8_time_without_a_fresh_index_is_not_charged() {
    let (mut x, ..) = premium_market(ANCHORED);
    x.blocks(3);
    let funding = |x: &Exchange| x.state.market(BTC_PERP).perpetual.funding.index;
    x.blocks(1);
    let second = funding(&x).raw();
    x.blocks(1);
    let second = funding(&x).raw() - second;
    // Silence, then one late block without votes and one with them again.
    let prices = std::mem::take(&mut x.prices);
    x.step = Span::MINUTE.times(20);
    let before = funding(&x).raw();
    x.run(&[]);
    x.prices = prices;
    x.run(&[]);
    assert_eq!(funding(&x).raw(), before);
    // A jump between two blocks with votes counts only as long as an index may be old.
    x.run(&[]);
    let jump = funding(&x).raw() - before;
    assert!(jump <= 31 * second && jump >= 29 * second, "{jump} against {second} a second");
}

#[test]
fn f_8_an_interval_is_charged_only_for_its_time_with_a_fresh_index() {
    let interval = Span::HOUR;
    let (interest, clamp, cap) = (rate("0.001"), rate("1"), rate("1"));
    let rules = [
        FundingRule::Industry { interval, interest, clamp, cap },
        FundingRule::Dydx { sample: Span::MINUTE, interval, interest, cap },
    ];
    for rule in rules {
        let charged = |silent: u32| {
            let (mut x, ..) = premium_market(rule);
            x.step = Span::from_secs(30);
            x.now = x.now.floor(x.step);
            while !x.now.nanos().is_multiple_of(interval.nanos()) {
                x.run(&[]);
            }
            let before = x.state.market(BTC_PERP).perpetual.funding.index.raw();
            let prices = x.prices;
            for block in 0..120 {
                x.prices = if block < silent { [None; 3] } else { prices };
                x.run(&[]);
            }
            x.state.market(BTC_PERP).perpetual.funding.index.raw() - before
        };
        // 61 blocks of silence: the last index ages for one of them, the first fresh one pays none.
        let (whole, half) = (charged(0), charged(61));
        let share = half as f64 / whole as f64;
        assert!(whole > 0 && (0.47..=0.53).contains(&share), "{rule:?}: {share}");
    }
}
