//! Rule R-18: what an owner's share of a market adds to initial margin.

use money::Amount;
use protocol::command::*;
use protocol::ids::*;
use protocol::reject::Reject;
use protocol::state::Level;

use crate::exchange::*;

/// 20 % of what an owner has beyond a quarter of the open interest, which is at least 100 000.
fn exchange() -> Exchange {
    let mut params = design();
    for market in &mut params.markets {
        market.rules.concentration.interest_min = amount("100000");
    }
    Exchange::started(params)
}

fn needs(x: &Exchange, account: AccountId) -> [Amount; 2] {
    [Level::Initial, Level::Maintenance].map(|level| x.state.health(account, level).requirement)
}

/// An owner with two accounts.
fn family(x: &mut Exchange) -> [AccountId; 2] {
    let first = x.user("1000000");
    x.send(user(first, Command::OpenSubAccount)).unwrap();
    let second = AccountId(first.0 + 1);
    x.give(second, QUOTE, "1000000");
    [first, second]
}

#[test]
fn r_18_initial_margin_grows_with_the_share_of_open_interest_and_maintenance_does_not() {
    let mut x = exchange();
    let [a, b, c] = ["1000000"; 3].map(|cash| x.user(cash));
    // Half of the least open interest is half of the market.
    x.trade(a, c, order(BTC_PERP, Side::Buy, "100000", "0.5"));
    assert_eq!(needs(&x, a), ["7500", "2500"].map(amount));
    x.trade(b, c, order(BTC_PERP, Side::Buy, "100000", "1.5"));
    // A quarter; three quarters: 10 % of 150 000; all: 15 % of 200 000.
    assert_eq!(needs(&x, a), ["5000", "2500"].map(amount));
    assert_eq!(needs(&x, b), ["30000", "7500"].map(amount));
    assert_eq!(needs(&x, c), ["50000", "10000"].map(amount));
    // Others close, and the share of who stays grows; only new risk and withdrawals mind.
    x.trade(c, b, order(BTC_PERP, Side::Buy, "100000", "1.5"));
    assert_eq!(needs(&x, a), ["7500", "2500"].map(amount));
}

#[test]
fn r_18_open_orders_count_as_filled() {
    let mut x = exchange();
    let (account, other) = (x.user("10000"), x.user("1000000"));
    x.place(other, order(BTC_PERP, Side::Sell, "109000", "1")).unwrap();
    let bid = |size| order(BTC_PERP, Side::Buy, "99000", size);
    x.place(account, bid("0.25")).unwrap();
    assert_eq!(needs(&x, account)[0], amount("2500"));
    // 10 % and 9 % of 70 000 are more than there is; without R-18 it would pass.
    assert_eq!(x.place(account, bid("0.45")), Err(Reject::InsufficientMargin));
    x.place(account, bid("0.15")).unwrap();
    assert_eq!(needs(&x, account)[0], amount("5200"));
}

#[test]
fn r_18_accounts_of_an_owner_are_counted_together() {
    let mut x = exchange();
    let ([first, second], other) = (family(&mut x), x.user("1000000"));
    x.trade(first, other, order(BTC_PERP, Side::Buy, "100000", "0.2"));
    assert_eq!(needs(&x, first)[0], amount("2000"));
    x.trade(second, other, order(BTC_PERP, Side::Buy, "100000", "0.4"));
    // Together 60 %: 7 % of each part, 4 200 in all, which one account with 0.6 would pay.
    assert_eq!([first, second].map(|who| needs(&x, who)[0]), ["3400", "6800"].map(amount));
    // Orders of the one count for the other, the opposite side does not.
    x.place(first, order(BTC_PERP, Side::Buy, "99000", "0.2")).unwrap();
    assert_eq!(needs(&x, second)[0], amount("8400"));
    x.send(user(first, Command::CancelAll { market: None })).unwrap();
    x.trade(other, first, order(BTC_PERP, Side::Buy, "100000", "0.4"));
    assert_eq!(needs(&x, second)[0], amount("5200"));
}

#[test]
fn r_18_another_account_of_an_owner_is_refused_what_a_stranger_may_order() {
    let mut x = exchange();
    let ([first, second], other) = (family(&mut x), x.user("1000000"));
    x.send(user(second, Command::Withdraw { asset: QUOTE, amount: amount("996600") })).unwrap();
    let stranger = x.user("3400");
    x.trade(first, other, order(BTC_PERP, Side::Buy, "100000", "0.2"));
    // 2 500 are needed for 0.25; 3 500 by an owner who then has 0.45.
    let bid = order(BTC_PERP, Side::Buy, "100000", "0.25");
    assert_eq!(x.place(second, bid), Err(Reject::InsufficientMargin));
    assert_eq!(x.place(stranger, bid), Ok(()));
    assert_eq!(x.place(second, NewOrder { qty: qty("0.05"), ..bid }), Ok(()));
}

#[test]
fn r_18_a_short_that_a_holding_covers_is_not_charged() {
    let mut x = exchange();
    let (hedger, other) = (x.user("1000000"), x.user("1000000"));
    x.give(hedger, BTC, "0.6");
    x.trade(other, hedger, order(BTC_PERP, Side::Buy, "100000", "0.6"));
    // Its basis alone, 4 %.
    assert_eq!(needs(&x, hedger)[0], amount("2400"));
    // A further 0.3 is naked and above a quarter: 1 % of 30 000.
    x.trade(other, hedger, order(BTC_PERP, Side::Buy, "100000", "0.3"));
    assert_eq!(needs(&x, hedger)[0], amount("5700"));
}

#[test]
fn r_18_a_concentrated_account_may_always_close() {
    let mut x = exchange();
    let (account, other) = (x.user("20100"), x.user("1000000"));
    x.trade(account, other, order(BTC_PERP, Side::Buy, "100000", "0.75"));
    assert!(x.state.health(account, Level::Initial).is_sound());
    // 7 500 of margin and 10 % for a share of three quarters.
    x.prices[1] = Some(price("92000"));
    x.blocks(2);
    let more = order(BTC_PERP, Side::Buy, "92000", "0.1");
    assert_eq!(x.place(account, more), Err(Reject::InsufficientMargin));
    assert_eq!(x.withdraw(account, QUOTE, "5000"), Err(Reject::InsufficientMargin));
    x.place(other, order(BTC_PERP, Side::Buy, "91900", "1")).unwrap();
    let close =
        NewOrder { lifetime: Lifetime::Immediate, ..order(BTC_PERP, Side::Sell, "91900", "0.75") };
    x.place(account, close).unwrap();
    assert_eq!(x.position(account, BTC_PERP), qty("0"));
}
