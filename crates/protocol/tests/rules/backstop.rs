//! Rules L-16 to L-19: the backstop vault.

use money::{Amount, Price, Qty, Round, Span};
use protocol::command::*;
use protocol::event::Event;
use protocol::ids::*;
use protocol::reject::Reject;

use crate::exchange::*;

/// An exchange whose vault holds this much of a depositor.
fn vault(cash: &str) -> (Exchange, AccountId, AccountId) {
    vault_in(Exchange::new(), cash)
}

fn vault_in(mut x: Exchange, cash: &str) -> (Exchange, AccountId, AccountId) {
    let depositor = x.user(cash);
    x.send(custodian(Command::OpenBackstop)).unwrap();
    let account = x.state.backstop().account().unwrap();
    x.send(user(depositor, Command::BackstopDeposit { amount: amount(cash) })).unwrap();
    (x, account, depositor)
}

/// What the vault lost, insurance paid and the other side gave up in the last block.
fn paid(x: &Exchange) -> [Amount; 3] {
    let mut paid = [Amount::ZERO; 3];
    for event in &x.events {
        match event {
            Event::BackstopTook { loss, .. } => paid[0] += *loss,
            Event::InsurancePaid { amount, .. } => paid[1] += *amount,
            Event::Deleveraged { haircut, .. } => paid[2] += *haircut,
            _ => {}
        }
    }
    paid
}

fn deficit(x: &Exchange) -> Amount {
    let of = |event: &Event| match event {
        Event::LiquidationStarted { equity, .. } => (-*equity).max(Amount::ZERO),
        _ => Amount::ZERO,
    };
    x.events.iter().map(of).sum()
}

#[test]
fn l_16_shares_are_paid_after_the_delay_at_what_they_are_worth_then() {
    let (mut x, account, first) = vault("1000");
    let second = x.user("500");
    x.send(user(second, Command::BackstopDeposit { amount: amount("500") })).unwrap();
    assert_eq!(x.state.backstop().shares(second), amount("500"));
    x.give(account, QUOTE, "150"); // a profit
    let wish = Command::BackstopWithdraw { shares: amount("500.00000001") };
    assert_eq!(x.send(user(second, wish)), Err(Reject::InsufficientShares));
    x.send(user(second, Command::BackstopWithdraw { shares: amount("500") })).unwrap();
    x.step = Span::from_nanos(Span::DAY.times(4).nanos() - 1);
    x.run(&[]);
    assert_eq!(x.cash(second), Amount::ZERO);
    x.step = Span::SECOND;
    x.run(&[]);
    assert_eq!((x.cash(second), x.cash(account)), (amount("550"), amount("1100")));
    assert_eq!(x.state.backstop().total(), x.state.backstop().shares(first));
}

#[test]
fn l_16_the_vault_takes_no_holding_that_it_could_not_pay_its_shares_with() {
    let (mut x, account, first) = vault("1000");
    let second = x.user("1000");
    x.send(user(second, Command::BackstopDeposit { amount: amount("1000") })).unwrap();
    let gift = Command::Deposit { account, asset: BTC, amount: amount("0.01") };
    assert_eq!(x.send(custodian(gift)), Err(Reject::NotAllowed));
    for account in [first, second] {
        let shares = x.state.backstop().shares(account);
        x.send(user(account, Command::BackstopWithdraw { shares })).unwrap();
    }
    x.step = Span::DAY.times(4);
    x.run(&[]);
    assert_eq!([x.cash(first), x.cash(second)], [amount("1000"); 2]);
}

#[test]
fn l_16_nobody_commands_the_vault_and_only_the_custodian_opens_it_once() {
    let (mut x, account, first) = vault("1000");
    let bid = Command::Place(order(BTC_PERP, Side::Buy, "99000", "0.001"));
    assert_eq!(x.send(user(account, bid)), Err(Reject::NotAllowed));
    assert_eq!(x.send(custodian(Command::OpenBackstop)), Err(Reject::NoBackstop));
    assert_eq!(x.send(user(first, Command::OpenBackstop)), Err(Reject::NotAllowed));
    let poor = Command::BackstopDeposit { amount: amount("1") };
    assert_eq!(x.send(user(first, poor.clone())), Err(Reject::InsufficientBalance));
    let mut bare = Exchange::new();
    let someone = bare.user("10");
    assert_eq!(bare.send(user(someone, poor)), Err(Reject::NoBackstop));
}

#[test]
fn l_16_a_trader_cannot_deposit_what_margins_a_position() {
    let (mut x, _, _) = vault("1000");
    let (long, short) = (x.user("1100"), x.user("100000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "0.1"));
    let wish = Command::BackstopDeposit { amount: amount("500") };
    assert_eq!(x.send(user(long, wish)), Err(Reject::InsufficientMargin));
}

/// E9 (JELLY): a short far beyond the depth, pumped. The cap holds, and deleveraging begins.
#[test]
fn l_17_l_18_a_pumped_short_fills_the_vault_to_its_caps_and_the_longs_bear_the_rest() {
    let (mut x, account, _) = vault("20000");
    let (short, long) = (x.user("11000"), x.user("100000"));
    x.trade(long, short, order(SOL_PERP, Side::Buy, "100", "1000"));
    for at in ["107", "113", "140", "400"] {
        x.prices[2] = Some(price(at));
        let value = x.equity(account);
        x.run(&[]);
        let position = x.position(account, SOL_PERP).abs();
        let notional = price("100").notional(position, Round::Up);
        assert!(notional <= amount("1000"), "{notional}");
        assert!(x.equity(account) >= value - amount("3000"), "the inventory's own loss at most");
        let [vault, insurance, haircuts] = paid(&x);
        assert!(vault <= amount("200"), "1 % of its value");
        assert_eq!(vault + insurance + haircuts, deficit(&x));
    }
    assert!(x.position(account, SOL_PERP).is_negative());
    assert_eq!(x.position(short, SOL_PERP), Qty::ZERO);
    assert!(!x.equity(long).is_negative() && !x.equity(account).is_negative());
}

/// What it takes over it must trade away: no more than the depth that the design counts on.
#[test]
fn l_18_the_vault_takes_over_no_more_than_the_depth_of_the_design() {
    let taken = |depth: &str| {
        let mut params = design();
        for market in &mut params.markets {
            market.rules.envelope.depth_min = amount(depth);
            market.rules.envelope.flat = amount("500");
        }
        let (mut x, account, _) = vault_in(Exchange::started(params), "100000");
        let (trader, friend) = (x.user("400"), x.user("1000000"));
        x.trade(trader, friend, order(BTC_PERP, Side::Buy, "100000", "0.03"));
        x.prices[1] = Some(price("86000"));
        x.run(&[]);
        price("86000").notional(x.position(account, BTC_PERP), Round::Up)
    };
    assert_eq!(taken("10000000"), amount("2580"), "the whole");
    let bound = taken("2000");
    assert!(amount("1900") < bound && bound <= amount("2000"), "{bound}");
}

/// E8 (ETH, March 2025): a trader takes out all that margin lets go and leaves the position to the
/// vault.
#[test]
fn l_17_l_18_withdrawing_before_liquidation_costs_the_vault_no_more_than_its_caps() {
    let (mut x, account, depositor) = vault("100000");
    let (trader, friend) = (x.user("60000"), x.user("1000000"));
    x.trade(trader, friend, order(BTC_PERP, Side::Buy, "100000", "3"));
    let out = (1..60_000)
        .rev()
        .step_by(500)
        .find(|out| x.withdraw(trader, QUOTE, &out.to_string()).is_ok());
    assert!(out.unwrap() > 20_000, "all beyond initial margin");
    x.prices[1] = Some(price("84000"));
    let before = x.equity(account);
    x.run(&[]);
    let taken = x.position(account, BTC_PERP);
    assert!(taken.is_positive());
    assert!(price("84000").notional(taken, Round::Up) <= amount("5000"));
    let [vault, insurance, haircuts] = paid(&x);
    assert!(vault <= amount("1000"));
    assert_eq!(vault + insurance + haircuts, deficit(&x));
    assert!(before - x.equity(account) <= amount("1000.00000002"));
    assert_eq!(x.position(trader, BTC_PERP), Qty::ZERO);
    assert_eq!(x.state.backstop().total(), x.state.backstop().shares(depositor));
}

#[test]
fn l_19_the_vault_sells_its_inventory_into_depth_that_has_rested() {
    let (mut x, account, _) = vault("200000");
    let (long, short, maker) = (x.user("1200"), x.user("1000000"), x.user("10000000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "0.1"));
    x.prices[1] = Some(price("88000"));
    x.run(&[]);
    let taken = x.position(account, BTC_PERP);
    assert!(taken.is_positive(), "{:?}", x.events);
    let far = Price::from_raw(price("88000").raw() / 100 * 98);
    let quotes = [(Side::Buy, far.to_string()), (Side::Sell, "88200".to_string())];
    let place =
        |(side, at): (Side, String)| user(maker, Command::Place(order(BTC_PERP, side, &at, "5")));
    x.run(&quotes.map(place));
    x.blocks(100);
    assert_eq!(x.position(account, BTC_PERP), taken, "bids beyond the slippage are left alone");
    x.place(maker, order(BTC_PERP, Side::Buy, "88000", "5")).unwrap();
    let mut most = Amount::ZERO;
    for _ in 0..300 {
        let before = x.position(account, BTC_PERP);
        x.run(&[]);
        let aged = x.state.market(BTC_PERP).depth(Side::Buy).aged();
        let sold = price("88000").notional(before - x.position(account, BTC_PERP), Round::Up);
        assert!(sold <= aged.share(rate("0.1"), Round::Down).unwrap());
        most = most.max(sold);
    }
    assert!(most.is_positive());
    assert_eq!(x.position(account, BTC_PERP), Qty::ZERO);
}
