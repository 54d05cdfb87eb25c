//! Rules O-1, O-3, O-4.

use money::{Price, Span};
use protocol::command::*;
use protocol::ids::*;
use protocol::reject::Reject;

use crate::exchange::*;

fn vote(x: &mut Exchange, publisher: u16, at: &str, confidence: &str) -> Result<(), Reject> {
    let time = x.now.after(x.step);
    let vote = Vote { asset: BTC, price: price(at), confidence: price(confidence), time };
    let sender = Sender::Publisher(PublisherId(publisher));
    x.send(Message { sender, command: Command::Publish(vote) })
}

fn index(x: &Exchange) -> Price {
    x.state.oracle().index(BTC).price
}

#[test]
fn o_1_a_vote_from_the_future_older_than_the_last_or_too_uncertain_is_refused() {
    let mut x = Exchange::of(design());
    assert_eq!(vote(&mut x, 0, "100", "5"), Ok(()));
    assert_eq!(vote(&mut x, 0, "100", "5.00000001"), Err(Reject::BadVote));
    let at = |time| Vote { asset: BTC, price: price("100"), confidence: Price::ZERO, time };
    let publish = |vote| Message {
        sender: Sender::Publisher(PublisherId(0)),
        command: Command::Publish(vote),
    };
    let future = x.now.after(Span::MINUTE);
    assert_eq!(x.send(publish(at(future))), Err(Reject::BadVote));
    let now = x.now;
    assert_eq!(x.send(publish(at(now))), Ok(()));
    assert_eq!(x.send(publish(at(now))), Err(Reject::BadVote), "not newer than the last");
}

#[test]
fn o_3_two_thirds_of_the_stake_form_an_index_and_less_lets_it_age() {
    let mut x = Exchange::of(design());
    vote(&mut x, 1, "100", "0").unwrap();
    vote(&mut x, 2, "100", "0").unwrap();
    assert_eq!(index(&x), Price::ZERO, "60 of 100 is no quorum");
    vote(&mut x, 0, "100", "0").unwrap();
    assert_eq!(index(&x), price("100"));
    // The votes of 1 and 2 grow too old to count: 40 of 100 change nothing.
    x.step = Span::from_secs(11);
    vote(&mut x, 0, "120", "0").unwrap();
    assert_eq!(index(&x), price("100"));
}

#[test]
fn o_2_one_liar_with_less_than_half_of_the_stake_cannot_move_the_index_outside_honest_votes() {
    let mut x = Exchange::of(design());
    vote(&mut x, 1, "100", "1").unwrap();
    vote(&mut x, 2, "101", "1").unwrap();
    vote(&mut x, 0, "9999999999", "0").unwrap();
    assert!(price("99") <= index(&x) && index(&x) <= price("102"), "{}", index(&x));
}

#[test]
fn o_4_an_aged_index_serves_no_new_risk_and_no_liquidation() {
    let mut x = Exchange::new();
    let (long, short) = (x.user("11000"), x.user("1000000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "1"));
    x.prices = [None; 3];
    x.step = Span::from_secs(31);
    let wish = order(BTC_PERP, Side::Buy, "99000", "0.01");
    assert_eq!(x.place(short, wish), Err(Reject::StaleIndex));
    assert_eq!(x.withdraw(long, QUOTE, "1"), Err(Reject::StaleIndex));
    assert_eq!(x.position(long, BTC_PERP), qty("1"));
}

#[test]
fn m_3_the_mark_stands_still_without_a_fresh_index() {
    let mut x = Exchange::new();
    let maker = x.user("10000000");
    x.place(maker, order(BTC_PERP, Side::Buy, "100900", "1")).unwrap();
    x.place(maker, order(BTC_PERP, Side::Sell, "101100", "1")).unwrap();
    x.prices = [None; 3];
    x.step = Span::from_secs(29);
    let mark = x.mark(BTC_PERP);
    x.run(&[]);
    assert!(x.mark(BTC_PERP) > mark, "still fresh: it follows the book");
    let mark = x.mark(BTC_PERP);
    x.blocks(3);
    assert_eq!(x.mark(BTC_PERP), mark);
}
