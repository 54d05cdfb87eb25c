//! What may leave (rules B-4 to B-6).

use money::{Amount, Rate, Span};
use protocol::command::{AtLoss, Command};
use protocol::event::Event;
use protocol::ids::*;
use protocol::ledger::Holder::Insurance;
use protocol::params::*;
use protocol::reject::Reject;

use crate::exchange::*;

/// 100 quote may leave in an hour and 1000 in a day, beyond own deposits.
fn limited() -> Exchange {
    let mut params = design();
    params.rules.flow.limits = FlowLimits {
        hour_share: Rate::ZERO,
        day_share: Rate::ZERO,
        hour_min: amount("100"),
        day_min: amount("1000"),
    };
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.run(&[]);
    x
}

#[test]
fn b_4_profit_leaves_slowly_and_own_deposits_at_once() {
    let mut x = limited();
    let (winner, loser) = (x.user("50000"), x.user("50000"));
    x.trade(winner, loser, order(BTC_PERP, Side::Buy, "100000", "0.1"));
    x.prices[1] = Some(price("105000"));
    x.blocks(300);
    x.trade(loser, winner, order(BTC_PERP, Side::Buy, "105000", "0.1"));
    assert!(x.cash(winner) > amount("50400"));
    assert_eq!(x.withdraw(winner, QUOTE, "50100.00000001"), Err(Reject::OutflowLimit));
    assert_eq!(x.withdraw(winner, QUOTE, "50000"), Ok(()));
    assert_eq!(x.withdraw(winner, QUOTE, "100"), Ok(()));
    assert_eq!(x.withdraw(winner, QUOTE, "0.00000001"), Err(Reject::OutflowLimit));
    // The limit is one of the asset and not of an account: the loser's deposit is not held back.
    assert_eq!(x.withdraw(loser, QUOTE, "49000"), Ok(()));
    x.step = Span::MINUTE;
    x.blocks(65);
    assert_eq!(x.withdraw(winner, QUOTE, "100"), Ok(()));
}

#[test]
fn b_4_the_minimum_of_a_base_asset_is_what_its_quote_buys_at_the_index() {
    let mut x = limited();
    let (buyer, seller) = (x.user("100000"), x.user("0"));
    x.give(seller, SOL, "50");
    x.trade(buyer, seller, order(SOL_SPOT, Side::Buy, "100", "50"));
    assert_eq!(x.withdraw(buyer, SOL, "1.00000001"), Err(Reject::OutflowLimit));
    assert_eq!(x.withdraw(buyer, SOL, "1"), Ok(()));
}

#[test]
fn b_5_withdrawals_are_shut_while_a_debt_exceeds_insurance_and_for_fifty_blocks_after() {
    let mut x = Exchange::new();
    let (account, other) = (x.user("60"), x.user("10000000"));
    let idle = x.user("5");
    x.give(account, SOL, "100");
    x.trade(account, other, order(BTC_PERP, Side::Buy, "100000", "0.05"));
    let ask = order(BTC_PERP, Side::Sell, "91100", "10");
    x.prices[1] = Some(price("91000"));
    x.place(other, ask).unwrap();
    x.place(other, order(BTC_PERP, Side::Buy, "90900", "10")).unwrap();
    x.prices[2] = Some(price("3.9"));
    x.blocks(200);
    for left in ["0.1", "0.02"] {
        x.prices[2] = Some(price(left));
        x.blocks(2);
    }
    assert!(x.equity(account).is_negative() && x.balance(Insurance) < -x.equity(account));
    assert_eq!(x.withdraw(idle, QUOTE, "5"), Err(Reject::WithdrawalsShut));
    // Insurance can pay what the account owes from this block on.
    let fund = protocol::command::Command::FundInsurance { amount: amount("5000") };
    x.send(custodian(fund)).unwrap();
    x.blocks(47);
    assert_eq!(x.withdraw(idle, QUOTE, "5"), Err(Reject::WithdrawalsShut));
    assert_eq!(x.withdraw(idle, QUOTE, "5"), Ok(()));
}

/// The exchange of the test before, in which 5 idle and a part of `other`'s cash are claims.
fn insolvent() -> (Exchange, [AccountId; 3]) {
    let mut x = Exchange::new();
    let (account, other) = (x.user("60"), x.user("10000000"));
    let idle = [x.user("5"), x.user("7")];
    x.give(account, SOL, "100");
    x.trade(account, other, order(BTC_PERP, Side::Buy, "100000", "0.05"));
    x.prices[1] = Some(price("91000"));
    x.place(other, order(BTC_PERP, Side::Sell, "91100", "10")).unwrap();
    x.place(other, order(BTC_PERP, Side::Buy, "90900", "10")).unwrap();
    x.prices[2] = Some(price("3.9"));
    x.blocks(200);
    for left in ["0.1", "0.02"] {
        x.prices[2] = Some(price(left));
        x.blocks(2);
    }
    (x, [other, idle[0], idle[1]])
}

#[test]
fn b_9_after_a_week_of_insolvency_each_may_leave_at_the_share_that_is_covered() {
    let (mut x, [_, first, second]) = insolvent();
    let leave = |account, text, least| {
        let wish = AtLoss { amount: amount(text), least: amount(least) };
        user(account, Command::WithdrawAtLoss(Box::new(wish)))
    };
    assert_eq!(x.send(leave(first, "5", "0")), Err(Reject::NotInsolvent));
    x.step = Span::HOUR;
    x.blocks(24 * 7 + 1);
    let [lacking, claims] = x.state.insolvency();
    assert!(lacking.is_positive() && lacking < claims);
    let left = |text: &str| amount(text).portion(lacking, claims, money::Round::Up).unwrap();
    assert_eq!(x.send(leave(first, "5", "5")), Err(Reject::PaidTooLittle));
    let insurance = x.balance(Insurance);
    let messages = [leave(first, "5", "4.9"), leave(second, "7", "0")];
    x.run(&messages);
    let told = [first, second].map(|account| {
        x.events.iter().find_map(|event| match event {
            Event::LeftBehind { account: who, amount } if *who == account => Some(*amount),
            _ => None,
        })
    });
    // The same share for both, whoever comes first, to a unit.
    assert_eq!(told[0], Some(left("5")));
    assert!((told[1].unwrap() - left("7")).abs() <= amount("0.00000001"));
    assert_eq!(x.cash(first) + x.cash(second), Amount::ZERO);
    let paid = x.balance(Insurance) - insurance;
    assert!(paid <= left("5") + left("7"), "INSURANCE pays on with it");
    let [after, _] = x.state.insolvency();
    assert!(after < lacking);
    // Nobody else was asked for anything.
    assert_eq!(x.send(leave(first, "1", "0")), Err(Reject::InsufficientBalance));
}

#[test]
fn b_5_a_gap_between_blocks_shuts_withdrawals_once() {
    let mut x = Exchange::new();
    let account = x.user("5");
    x.step = Span::from_secs(3_601);
    x.run(&[]);
    assert!(x.events.contains(&Event::WithdrawalsShut { blocks: 50 }));
    x.step = Span::SECOND;
    // The markets begin to restart a few blocks later, which shuts for as long again.
    x.blocks(51);
    assert_eq!(x.withdraw(account, QUOTE, "5"), Err(Reject::WithdrawalsShut));
    assert_eq!(x.withdraw(account, QUOTE, "5"), Ok(()));
}

#[test]
fn b_6_a_withdrawal_leaves_a_share_of_the_gross_notional() {
    let mut params = design();
    params.rules.flow.withdrawal_share = rate("0.25");
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.run(&[]);
    let (long, other) = (x.user("50050"), x.user("10000000"));
    x.trade(long, other, order(BTC_PERP, Side::Buy, "100000", "1"));
    assert_eq!(x.cash(long), amount("50000"));
    assert_eq!(x.withdraw(long, QUOTE, "25000.00000001"), Err(Reject::InsufficientMargin));
    assert_eq!(x.withdraw(long, QUOTE, "25000"), Ok(()));
    assert_eq!(x.cash(long), Amount::from_raw(25_000 * Amount::ONE.raw()));
}
