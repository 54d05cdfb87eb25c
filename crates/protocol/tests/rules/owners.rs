//! Several accounts of one owner and keys that trade for them (rules B-7 and B-8).

use money::{Span, Time};
use protocol::command::*;
use protocol::event::Event;
use protocol::ids::*;
use protocol::params::FlowParams;
use protocol::reject::Reject;

use crate::exchange::*;

/// An owner with cash, another account of theirs, and somebody else.
fn family() -> (Exchange, [AccountId; 3]) {
    // Long enough to outlast the restart of the markets.
    let flow = FlowParams { gate_blocks: 500, ..FlowParams::default() };
    let mut params = design();
    params.rules.flow = flow;
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.run(&[]);
    let (first, other) = (x.user("20000"), x.user("1000000"));
    x.send(user(first, Command::OpenSubAccount)).unwrap();
    (x, [first, AccountId(2), other])
}

fn transfer(from: AccountId, to: AccountId, text: &str) -> Command {
    Command::Transfer { from, to, asset: QUOTE, amount: amount(text) }
}

#[test]
fn b_7_an_owner_opens_accounts_up_to_the_largest_number() {
    let (mut x, [first, second, other]) = family();
    assert!(x.events.contains(&Event::Opened { account: second }));
    assert!(x.events.contains(&Event::Owned { account: second, owner: first }));
    assert_eq!((x.state.owner(second), x.state.owner(other)), (first, other));
    for _ in 2..32 {
        assert_eq!(x.send(user(second, Command::OpenSubAccount)), Ok(()));
    }
    assert_eq!(x.send(user(first, Command::OpenSubAccount)), Err(Reject::TooManyAccounts));
    assert_eq!(x.state.owner(AccountId(33 - 1)), first);
    assert_eq!(x.send(user(other, Command::OpenSubAccount)), Ok(()));
}

#[test]
fn b_7_money_moves_between_accounts_of_one_owner_and_of_no_other() {
    let (mut x, [first, second, other]) = family();
    assert_eq!(x.send(user(first, transfer(first, second, "5000"))), Ok(()));
    assert_eq!((x.cash(first), x.cash(second)), (amount("15000"), amount("5000")));
    // Any account of the owner may ask for it.
    assert_eq!(x.send(user(first, transfer(second, first, "1000"))), Ok(()));
    for (sender, from, to) in [(other, first, second), (first, first, other), (first, first, first)]
    {
        assert_eq!(x.send(user(sender, transfer(from, to, "1"))), Err(Reject::NotOwner));
    }
    assert_eq!((x.cash(first), x.cash(second)), (amount("16000"), amount("4000")));
}

#[test]
fn b_7_a_transfer_leaves_margin_behind_and_needs_no_open_gate() {
    let (mut x, [first, second, other]) = family();
    x.trade(first, other, order(BTC_PERP, Side::Buy, "100000", "1"));
    // The gate stays shut for long after the markets have restarted.
    x.step = Span::from_secs(3_601);
    x.run(&[]);
    x.step = Span::SECOND;
    x.blocks(120);
    let refused = x.send(user(first, transfer(first, second, "9950.00000001")));
    assert_eq!(refused, Err(Reject::InsufficientMargin));
    assert_eq!(x.send(user(first, transfer(first, second, "9950"))), Ok(()));
    assert_eq!(x.withdraw(second, QUOTE, "1"), Err(Reject::WithdrawalsShut));
}

#[test]
fn b_7_own_deposits_are_those_of_the_owner() {
    let mut params = design();
    params.rules.flow.limits.hour_share = money::Rate::ZERO;
    params.rules.flow.limits.hour_min = amount("0");
    let mut x = Exchange::of(params);
    let first = x.user("100");
    x.send(user(first, Command::OpenSubAccount)).unwrap();
    let second = AccountId(1);
    x.send(user(first, transfer(first, second, "60"))).unwrap();
    assert_eq!(x.withdraw(second, QUOTE, "60"), Ok(()));
    assert_eq!(x.withdraw(first, QUOTE, "40"), Ok(()));
}

#[test]
fn b_7_an_order_that_would_meet_another_account_of_its_owner_is_refused() {
    let (mut x, [first, second, other]) = family();
    x.send(user(first, transfer(first, second, "9000"))).unwrap();
    x.place(second, order(BTC_PERP, Side::Sell, "100010", "0.01")).unwrap();
    x.place(other, order(BTC_PERP, Side::Sell, "100000", "1")).unwrap();
    let bid = |at| order(BTC_PERP, Side::Buy, at, "0.01");
    assert_eq!(x.place(first, bid("100010")), Err(Reject::OwnOrder));
    assert_eq!(x.place(first, bid("100009.9")), Ok(()));
    assert_eq!(x.place(other, bid("100010")), Ok(()));
    // Also the other way around: the older account's bid is met by the younger one's sale.
    x.place(first, bid("99990")).unwrap();
    assert_eq!(
        x.place(second, order(BTC_PERP, Side::Sell, "99990", "0.01")),
        Err(Reject::OwnOrder)
    );
}

fn agent(account: AccountId, command: Command) -> Message {
    Message { sender: Sender::Agent { agent: AgentId(9), account }, command }
}

#[test]
fn b_8_an_agent_places_and_cancels_until_it_is_revoked_or_its_time_is_up() {
    let (mut x, [first, second, _]) = family();
    let bid = order(BTC_PERP, Side::Buy, "90000", "0.01");
    let place = || Command::Place(bid);
    assert_eq!(x.send(agent(first, place())), Err(Reject::NotAgent));
    let approve = |x: &Exchange, secs| Command::ApproveAgent {
        agent: AgentId(9),
        expires: x.now.after(Span::from_secs(secs)),
    };
    let now = approve(&x, 1);
    assert_eq!(x.send(user(first, now)), Err(Reject::BadTime));
    let later = approve(&x, 5);
    assert_eq!(x.send(user(first, later)), Ok(()));
    assert_eq!(x.send(agent(first, place())), Ok(()));
    assert_eq!(x.send(agent(second, place())), Err(Reject::NotAgent));
    assert_eq!(x.send(agent(first, Command::CancelAll { market: None })), Ok(()));
    assert_eq!(x.send(agent(first, place())), Err(Reject::NotAgent), "its time is up");
    let long = approve(&x, 1000);
    assert_eq!(x.send(user(first, long)), Ok(()));
    assert_eq!(x.send(agent(first, place())), Ok(()));
    assert_eq!(x.send(user(first, Command::RevokeAgent { agent: AgentId(9) })), Ok(()));
    assert_eq!(x.send(agent(first, place())), Err(Reject::NotAgent));
    let again = Command::RevokeAgent { agent: AgentId(9) };
    assert_eq!(x.send(user(first, again)), Err(Reject::NotAgent));
}

#[test]
fn b_8_an_agent_moves_no_money_and_names_no_agents() {
    let (mut x, [first, second, _]) = family();
    let expires = Time::from_nanos(u64::MAX);
    let approve = |agent| Command::ApproveAgent { agent: AgentId(agent), expires };
    x.send(user(first, approve(9))).unwrap();
    let commands = [
        Command::Withdraw { asset: QUOTE, amount: amount("1") },
        transfer(first, second, "1"),
        Command::OpenSubAccount,
        approve(3),
        Command::RevokeAgent { agent: AgentId(9) },
    ];
    for command in commands {
        assert_eq!(x.send(agent(first, command)), Err(Reject::NotAllowed));
    }
    for other in 10..17 {
        x.send(user(first, approve(other))).unwrap();
    }
    assert_eq!(x.send(user(first, approve(17))), Err(Reject::TooManyAgents));
    // One that acts already may be given another time.
    assert_eq!(x.send(user(first, approve(16))), Ok(()));
}
