//! Rule T-9 in the engine.

use protocol::command::*;
use protocol::event::Event;
use protocol::ids::*;
use protocol::params::*;
use protocol::reject::Reject;

use crate::exchange::*;

/// A maker with one resting ask, and a block in which a taker stands before the maker's cancel.
fn race(rule: OrderingRule, matching: Matching) -> (Exchange, AccountId) {
    let params = Params { rules: Rules { ordering: rule, ..unguarded() }, ..design() };
    let mut x = Exchange::started(matched(params, matching));
    let (maker, taker) = (x.user("1000000"), x.user("1000000"));
    let ask = x.rest(maker, order(BTC_PERP, Side::Sell, "100000", "0.1"));
    let buy =
        NewOrder { lifetime: Lifetime::Immediate, ..order(BTC_PERP, Side::Buy, "100000", "0.1") };
    let take = user(taker, Command::Place(buy));
    x.run(&[take, user(maker, Command::Cancel { market: BTC_PERP, order: ask })]);
    (x, taker)
}

#[test]
fn t_9_a_cancel_is_applied_before_a_taker_of_its_block() {
    for matching in BOTH {
        let (x, taker) = race(OrderingRule::CancelsFirst, matching);
        assert_eq!(x.position(taker, BTC_PERP), qty("0"));
    }
    let (x, taker) = race(OrderingRule::Arrival, Matching::Continuous);
    assert_eq!(x.position(taker, BTC_PERP), qty("0.1"));
    // A refusal names the place in the block, whatever was applied first: six votes, then two.
    let refused = x.events.iter().find_map(|event| match event {
        Event::Rejected { message, reason, .. } => Some((*message, *reason)),
        _ => None,
    });
    assert_eq!(refused, Some((7, Reject::UnknownOrder)));
}

/// Rule T-13: nothing trades before the batch ends, so the order of arrival does no harm.
#[test]
fn t_13_in_a_batch_a_cancel_counts_wherever_it_stands() {
    let (x, taker) = race(OrderingRule::Arrival, Matching::Batch { every: 1 });
    assert_eq!(x.position(taker, BTC_PERP), qty("0"));
}

#[test]
fn t_9_refusals_name_the_position_in_the_block_when_the_order_changes() {
    for matching in BOTH {
        let mut x = Exchange::with(matching);
        let account = x.user("1000");
        let wish = Command::Place(order(MarketId(9), Side::Buy, "1", "1"));
        let cancel = Command::Cancel { market: BTC_PERP, order: OrderId(77) };
        x.run(&[user(account, wish), user(account, cancel)]);
        let refused: Vec<(u32, Reject)> = x
            .events
            .iter()
            .filter_map(|event| match event {
                Event::Rejected { message, reason, .. } => Some((*message, *reason)),
                _ => None,
            })
            .collect();
        assert_eq!(refused, [(7, Reject::UnknownOrder), (6, Reject::UnknownMarket)]);
    }
}

#[test]
fn t_9_a_post_only_quote_stands_before_a_taker_of_its_block() {
    for matching in BOTH {
        let mut x = Exchange::with(matching);
        let (maker, taker) = (x.user("1000000"), x.user("1000000"));
        let quote = order(BTC_PERP, Side::Sell, "100000", "0.1");
        let buy = NewOrder { side: Side::Buy, lifetime: Lifetime::Immediate, ..quote };
        let post = NewOrder { lifetime: Lifetime::PostOnly, ..quote };
        x.run(&[user(taker, Command::Place(buy)), user(maker, Command::Place(post))]);
        assert_eq!(x.position(taker, BTC_PERP), qty("0.1"));
    }
}
