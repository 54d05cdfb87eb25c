//! Each row on a state that breaks its rule, and on one that does not.

use super::*;
use crate::book_auction::Auction;
use crate::command::{
    Block, Command, Lifetime, Message, OptionOrder, SelfTrade, Sender, SurfaceVote, Vote as Price_,
};
use crate::engine::apply;
use crate::ids::{AssetId, ChainId, ClientId, PublisherId, QUOTE};
use crate::invariants::tests::design;
use crate::invariants::{Invariant, TABLE, check};
use crate::ledger::Holder;
use crate::params::OptionParams;
use crate::surface::SliceVote;
use money::{Amount, Rate, Span, Time};

/// A position between two accounts, and an order of the first, in the first series.
fn traded() -> State {
    let mut params = design();
    params.rules.options = vec![OptionParams::new(AssetId(1), Price::ONE, Qty::ONE)];
    let mut state = State::new(params).unwrap();
    let custodian = |command| Message { sender: Sender::Custodian, command };
    let deposit = |account| {
        let amount = Amount::from_raw(10i128.pow(12));
        custodian(Command::Deposit { account: AccountId(account), asset: QUOTE, amount })
    };
    let mut first = vec![custodian(Command::OpenAccount), custodian(Command::OpenAccount)];
    first.extend([deposit(0), deposit(1), index(1)]);
    apply(&mut state, &Block { time: Time::from_nanos(1), messages: first });
    let listed = state.chains()[0].expiries.iter().map(|expiry| SliceVote {
        expiry: expiry.time,
        a: Rate::from_bp(2_000),
        b: Rate::from_bp(100),
        sigma: Rate::from_bp(1_000),
        ..SliceVote::default()
    });
    let vote = Vote { source_time: Time::from_nanos(2), slices: listed.collect() };
    let wish = SurfaceVote { chain: ChainId(0), vote };
    let surface = publisher(Command::PublishSurface(Box::new(wish)));
    let second = vec![
        index(2),
        surface,
        order(0, Side::Sell, 1),
        order(1, Side::Buy, 1),
        order(0, Side::Sell, 5),
    ];
    apply(&mut state, &Block { time: Time::from_nanos(2), messages: second });
    state
}

fn publisher(command: Command) -> Message {
    Message { sender: Sender::Publisher(PublisherId(0)), command }
}

/// A price of 100.
fn index(nanos: u64) -> Message {
    let (price, time) = ("100".parse().unwrap(), Time::from_nanos(nanos));
    let vote = Price_ { asset: AssetId(1), price, confidence: Price::ZERO, time };
    publisher(Command::Publish(vote))
}

fn order(account: u32, side: Side, price: i64) -> Message {
    let order = OptionOrder {
        series: SeriesId(0),
        side,
        price: Price::from_raw(Price::ONE.raw() * price),
        qty: Qty::ONE,
        lifetime: Lifetime::Resting,
        reduce_only: false,
        self_trade: SelfTrade::CancelTaker,
        client: ClientId(0),
    };
    Message { sender: Sender::User(AccountId(account)), command: Command::PlaceOption(order) }
}

fn row(name: &str) -> Invariant {
    *TABLE.iter().find(|invariant| invariant.name.starts_with(name)).unwrap()
}

#[test]
fn i_27_to_i_35_fire_when_their_rule_is_broken() {
    type Corrupt = fn(&mut State);
    let table: [(&str, Corrupt); 14] = [
        ("I-27", |state| state.chains[0].series[0].sum = 1),
        ("I-27", |state| state.chains[0].series[0].open_interest = Qty::ZERO),
        ("I-27", |state| state.chains[0].legs[1][0].position = Qty::from_raw(1)),
        ("I-28", |state| state.chains[0].series[0].mark = Some(Price::ONE)),
        ("I-28", |state| drop(state.chains[0].series.pop())),
        ("I-29", |state| {
            let far = state.chains[0].surface.slices().last().unwrap().expiry;
            let slice = SliceVote { expiry: far, a: Rate::from_bp(-1), ..SliceVote::default() };
            let bad = Vote { source_time: Time::from_nanos(2), slices: vec![slice] };
            let params = state.chains[0].params.surface;
            state.chains[0].surface = surface::Surface::default();
            state.chains[0].surface.consider(&bad, &[far], &params);
        }),
        ("I-30", |state| state.time = state.chains[0].expiries[0].time),
        ("I-30", |state| {
            state.time = state.chains[0].expiries[0].time.after(Span::DAY);
            state.chains[0].series.iter_mut().for_each(|series| series.book = Default::default());
        }),
        ("I-31", |state| state.chains[0].legs[0][0].ask_lots = 7),
        ("I-31", |state| state.chains[0].holders.clear()),
        ("I-31", |state| state.chains[0].legs[1].push(Leg::new(SeriesId(1)))),
        ("I-34", |state| {
            let calls = state.chains[0].series.iter_mut();
            let mut calls = calls.filter(|series| series.contract.kind == OptionKind::Call);
            calls.next().unwrap().mark = Some("99".parse().unwrap());
        }),
        ("I-34", |state| {
            let mut slices = state.chains[0].surface.slices().to_vec();
            slices[0].a = Rate::ONE;
            let expected: Vec<Time> = slices.iter().map(|slice| slice.expiry).collect();
            let bad = Vote { source_time: Time::from_nanos(2), slices };
            let params = state.chains[0].params.surface;
            state.chains[0].surface = surface::Surface::default();
            state.chains[0].surface.consider(&bad, &expected, &params);
        }),
        ("I-35", |state| state.chains[0].params.scan.range = Rate::from_bp(5_000)),
    ];
    for (name, corrupt) in table {
        let mut state = traded();
        assert_eq!(check(&state, true), Ok(()));
        assert_eq!(state.chains()[0].series[0].open_interest, Qty::ONE);
        corrupt(&mut state);
        assert!((row(name).holds)(&state, Depth::Folds).is_err(), "{name} must fire");
    }
}

/// Account 0 is short, and its money is gone.
fn auctioned() -> State {
    let mut state = traded();
    let cash = state.ledger.cash(AccountId(0));
    state.ledger.transfer(Holder::User(AccountId(0)), Holder::Outside, QUOTE, cash);
    state.auctions.insert(AccountId(0), Auction::new(ChainId(0)));
    state
}

#[test]
fn i_33_fires_when_an_auction_has_no_reason() {
    assert_eq!(auctions(&auctioned(), Depth::Sums), Ok(()));
    type Corrupt = fn(&mut State);
    let table: [Corrupt; 4] = [
        |state| {
            let cash = Amount::from_raw(10i128.pow(12));
            state.ledger.transfer(Holder::Outside, Holder::User(AccountId(0)), QUOTE, cash);
        },
        |state| state.chains[0].legs[0].clear(),
        |state| {
            let auction = Auction::new(ChainId(0)).after(Span::HOUR, true);
            state.auctions.insert(AccountId(0), auction);
        },
        |state| {
            state.auctions.insert(AccountId(9), Auction::new(ChainId(0)));
        },
    ];
    for (at, corrupt) in table.into_iter().enumerate() {
        let mut state = auctioned();
        corrupt(&mut state);
        assert!((row("I-33").holds)(&state, Depth::Sums).is_err(), "case {at}");
    }
}

#[test]
fn i_32_payoffs_that_do_not_sum_to_zero_are_seen() {
    let (chain, expiry, account, series) = (ChainId(0), Time::ZERO, AccountId(0), SeriesId(0));
    let paid = |qty, payoff, fee| {
        let [payoff, fee] = [payoff, fee].map(Amount::from_raw);
        Event::Option(OptionEvent::Exercised {
            account,
            series,
            position: Qty::from_raw(qty),
            payoff,
            fee,
        })
    };
    let end = Event::Option(OptionEvent::ExpirySettled {
        chain,
        expiry,
        price: Price::ONE,
        covered: Span::ZERO,
        interest: Qty::ONE,
        uncovered: Amount::ZERO,
    });
    assert_eq!(payoffs(&[paid(3, 30, 1), paid(-3, -31, 0), end]), Ok(()));
    assert_eq!(payoffs(&[]), Ok(()));
    let broken = [
        vec![paid(3, 31, 1), paid(-3, -30, 0), end],
        vec![paid(3, 30, 1), paid(-3, -33, 0), end],
        vec![paid(3, 30, 1), paid(-2, -30, 0), end],
        vec![paid(3, 30, 31), paid(-3, -30, 0), end],
        vec![paid(3, 30, 1), paid(-3, -30, 0)],
    ];
    for events in broken {
        assert!(payoffs(&events).is_err(), "{events:?}");
    }
}
