//! Rules T-13 to T-15: a market whose orders meet in batches.

use money::{Amount, Qty, Rate};
use proptest::prelude::*;
use protocol::book::Book;
use protocol::command::*;
use protocol::event::{Event, Gone};
use protocol::halt::{Directive, Phase};
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::params::*;
use protocol::reject::Reject;
use protocol::schedule::trigger::{Execution, Kind};
use protocol::state::Level;

use crate::exchange::*;

/// Every market in batches of so many blocks; the next block is the first of a batch.
fn batches(every: u32) -> Exchange {
    let mut params = matched(design(), Matching::Batch { every });
    for market in &mut params.markets {
        market.rules.envelope.gap = Rate::from_bp(125 / i64::from(every));
    }
    let mut x = Exchange::started(params);
    until_first(&mut x, every);
    x
}

/// Runs until the next block is the first of a batch.
fn until_first(x: &mut Exchange, every: u32) {
    while !x.state.height().is_multiple_of(u64::from(every)) {
        x.run(&[]);
    }
}

fn immediate(order: NewOrder) -> NewOrder {
    NewOrder { lifetime: Lifetime::Immediate, ..order }
}

fn post(order: NewOrder) -> NewOrder {
    NewOrder { lifetime: Lifetime::PostOnly, ..order }
}

fn says(account: AccountId, order: NewOrder) -> Message {
    user(account, Command::Place(order))
}

fn traded(x: &Exchange) -> Vec<(AccountId, AccountId, String, String)> {
    let trades = x.events.iter().filter_map(|event| match event {
        Event::Traded { maker, taker, price, qty, .. } => {
            Some((*maker, *taker, price.to_string(), qty.to_string()))
        }
        _ => None,
    });
    trades.collect()
}

fn removed(x: &Exchange) -> Vec<(AccountId, Gone)> {
    let gone = x.events.iter().filter_map(|event| match event {
        Event::Removed { account, reason, .. } => Some((*account, *reason)),
        _ => None,
    });
    gone.collect()
}

#[test]
fn t_13_the_orders_of_a_batch_trade_at_one_price_when_it_ends() {
    let mut x = batches(3);
    let [a, b, c] = ["1000000"; 3].map(|cash| x.user(cash));
    until_first(&mut x, 3);
    x.run(&[says(a, order(BTC_PERP, Side::Buy, "100200", "0.3"))]);
    let ask = order(BTC_PERP, Side::Sell, "99900", "0.1");
    x.run(&[says(b, ask), says(c, order(BTC_PERP, Side::Sell, "100100", "0.1"))]);
    assert!(traded(&x).is_empty() && x.state.market(BTC_PERP).book.is_empty());
    x.run(&[says(c, immediate(order(BTC_PERP, Side::Buy, "99800", "0.1")))]);
    // Of 0.3 bid 0.2 trade at the highest price that bids in surplus bear.
    let at = |lots: &str| ("100200".to_owned(), lots.to_owned());
    let seen: Vec<_> = traded(&x).into_iter().map(|(_, _, price, qty)| (price, qty)).collect();
    assert_eq!(seen, [at("0.1"), at("0.1")]);
    assert_eq!(removed(&x), [(c, Gone::Unfilled)]);
    let market = x.state.market(BTC_PERP);
    assert_eq!(market.top(Side::Buy), Some((price("100200"), qty("0.1"))));
    assert_eq!(market.last, Some(price("100200")));
    assert_eq!([a, b, c].map(|who| x.position(who, BTC_PERP)), ["0.2", "-0.1", "-0.1"].map(qty));
}

#[test]
fn t_13_what_waits_can_be_cancelled_and_is_counted_as_open() {
    let mut x = batches(3);
    let account = x.user("1000000");
    until_first(&mut x, 3);
    let bid = immediate(order(BTC_PERP, Side::Buy, "100000", "0.1"));
    let waits = x.wait(account, bid);
    assert_eq!(x.state.market(BTC_PERP).entry(account).orders, 1);
    let cancel = Command::Cancel { market: BTC_PERP, order: waits };
    assert_eq!(x.send(user(account, cancel)), Ok(()));
    until_first(&mut x, 3);
    x.run(&vec![says(account, bid); 9]);
    // At most open_orders_max of them wait (rule T-7).
    let refused = x
        .events
        .iter()
        .filter(|event| matches!(event, Event::Rejected { reason: Reject::TooManyOrders, .. }));
    assert_eq!((refused.count(), x.state.market(BTC_PERP).entry(account).orders), (1, 8));
}

#[test]
fn t_14_older_batches_come_first_and_one_batch_shares_in_proportion() {
    let mut x = batches(1);
    let [a, b, c, d] = ["10000000"; 4].map(|cash| x.user(cash));
    let bid = |size| order(BTC_PERP, Side::Buy, "99000", size);
    x.run(&[says(a, bid("0.0003"))]);
    x.run(&[says(b, bid("0.0002")), says(c, bid("0.0008"))]);
    x.place(d, immediate(order(BTC_PERP, Side::Sell, "99000", "0.0008"))).unwrap();
    // 3 to the first batch; of 5 over 2 and 8 lots one and four.
    let held = [a, b, c].map(|who| x.position(who, BTC_PERP));
    assert_eq!(held, ["0.0003", "0.0001", "0.0004"].map(qty));
    // What is left keeps its batch: a newer bid waits behind both.
    x.run(&[says(a, bid("0.01")), says(d, order(BTC_PERP, Side::Sell, "99000", "0.0005"))]);
    let held = [a, b, c].map(|who| x.position(who, BTC_PERP));
    assert_eq!(held, ["0.0003", "0.0002", "0.0008"].map(qty));
}

#[test]
fn t_14_a_post_only_order_minds_older_batches_and_is_passive_in_its_own() {
    let mut x = batches(1);
    let [a, b, c] = ["1000000"; 3].map(|cash| x.user(cash));
    x.place(a, order(SOL_PERP, Side::Sell, "100", "1")).unwrap();
    let bid = order(SOL_PERP, Side::Buy, "100", "2");
    assert_eq!(x.place(b, post(bid)), Err(Reject::WouldTrade));
    x.send(user(a, Command::CancelAll { market: None })).unwrap();
    let before = x.balance(Holder::Fees);
    x.run(&[says(c, immediate(order(SOL_PERP, Side::Sell, "100", "2"))), says(b, post(bid))]);
    assert_eq!(traded(&x), [(b, c, "100".into(), "2".into())]);
    // 200 of notional: the rebate of 1 bp, the fee of 5 bp.
    assert_eq!([b, c].map(|who| x.cash(who)), ["1000000.02", "999999.9"].map(amount));
    // Two passive orders pay no fee and get no rebate; two aggressors pay both.
    let ask = NewOrder { side: Side::Sell, ..bid };
    x.run(&[says(b, post(bid)), says(c, post(ask))]);
    assert_eq!([b, c].map(|who| x.cash(who)), ["1000000.02", "999999.9"].map(amount));
    x.run(&[says(b, bid), says(c, ask)]);
    assert_eq!([b, c].map(|who| x.cash(who)), ["999999.92", "999999.8"].map(amount));
    assert_eq!(x.balance(Holder::Fees) - before, amount("0.28"));
}

#[test]
fn t_14_accounts_of_one_owner_do_not_trade_with_each_other_in_a_batch() {
    let mut x = batches(1);
    let first = x.user("1000000");
    x.send(user(first, Command::OpenSubAccount)).unwrap();
    let second = AccountId(first.0 + 1);
    x.give(second, QUOTE, "1000000");
    let bid = order(BTC_PERP, Side::Buy, "100000", "0.1");
    x.run(&[says(second, NewOrder { side: Side::Sell, ..bid }), says(first, bid)]);
    assert_eq!((traded(&x), removed(&x)), (Vec::new(), vec![(second, Gone::SelfTrade)]));
}

/// A long of 0.1 that somebody can sell into, at the first block of a batch.
fn long(every: u32) -> (Exchange, AccountId) {
    let mut x = batches(every);
    let (long, other) = (x.user("100000"), x.user("10000000"));
    until_first(&mut x, every);
    x.run(&[
        says(long, order(BTC_PERP, Side::Buy, "100000", "0.1")),
        says(other, order(BTC_PERP, Side::Sell, "100000", "0.1")),
        says(other, order(BTC_PERP, Side::Buy, "97000", "5")),
    ]);
    until_first(&mut x, every);
    (x, long)
}

#[test]
fn t_14_reduce_only_orders_that_rest_give_way_to_an_immediate_one() {
    let (mut x, long) = long(2);
    let close = |at| NewOrder { reduce_only: true, ..order(BTC_PERP, Side::Sell, at, "0.1") };
    x.run(&[says(long, close("101000"))]);
    x.run(&[]);
    x.place(long, immediate(close("97000"))).unwrap();
    assert_eq!(removed(&x), [(long, Gone::NothingLeftToReduce)]);
    assert_eq!(x.place(long, immediate(close("97000"))), Err(Reject::NothingToReduce));
    assert_eq!(x.position(long, BTC_PERP), Qty::ZERO);
    assert_eq!(x.state.market(BTC_PERP).entry(long).orders, 0);
}

#[test]
fn t_15_a_stop_joins_the_batch_in_which_the_mark_reaches_it() {
    let (mut x, long) = long(4);
    let stop = TriggerOrder {
        market: BTC_PERP,
        side: Side::Sell,
        kind: Kind::Stop,
        level: price("98000"),
        qty: None,
        execution: Execution::Market(rate("0.05")),
        client: ClientId(6),
    };
    x.send(user(long, Command::PlaceTrigger(Box::new(stop)))).unwrap();
    x.prices[1] = Some(price("97500"));
    x.run(&[]);
    let fired = |event: &Event| matches!(event, Event::TriggerGone { fired: true, .. });
    assert!(x.events.iter().any(fired) && traded(&x).is_empty(), "{:?}", x.events);
    until_first(&mut x, 4);
    assert_eq!(x.position(long, BTC_PERP), Qty::ZERO);
}

#[test]
fn t_15_the_slices_of_an_order_over_time_trade_at_the_end_of_a_batch() {
    let mut x = batches(4);
    let (account, other) = (x.user("50000"), x.user("10000000"));
    x.step = money::Span::from_secs(10);
    x.place(other, order(BTC_PERP, Side::Sell, "100100", "0.025")).unwrap();
    until_first(&mut x, 4);
    let twap = TwapOrder {
        market: BTC_PERP,
        side: Side::Buy,
        qty: qty("0.04"),
        duration: money::Span::from_secs(120),
        reduce_only: false,
        client: ClientId(5),
    };
    x.send(user(account, Command::PlaceTwap(twap))).unwrap();
    let mut held = Vec::new();
    while !x.events.iter().any(|event| matches!(event, Event::TwapOver { .. })) {
        x.run(&[]);
        held.push((x.state.height() % 4, x.position(account, BTC_PERP)));
    }
    // A batch of 40 s reaches two slices of 30 s; the next one of 0.01 finds half of it.
    held.dedup_by_key(|(_, position)| *position);
    let expected = [(2, "0"), (0, "0.02"), (0, "0.025")];
    assert_eq!(held, expected.map(|(height, held)| (height, qty(held))));
    let over = Event::TwapOver { account, number: 0, filled: qty("0.025") };
    assert!(x.events.contains(&over), "{:?}", x.events);
}

#[test]
fn t_15_a_slice_that_waits_goes_with_its_order() {
    let mut x = batches(1);
    let (account, other) = (x.user("50000"), x.user("10000000"));
    x.place(other, order(BTC_PERP, Side::Sell, "100100", "1")).unwrap();
    let twap = TwapOrder {
        market: BTC_PERP,
        side: Side::Buy,
        qty: qty("0.04"),
        duration: money::Span::from_secs(120),
        reduce_only: false,
        client: ClientId(5),
    };
    x.send(user(account, Command::PlaceTwap(twap))).unwrap();
    x.send(user(account, Command::CancelTwap { number: 0 })).unwrap();
    assert_eq!((traded(&x), removed(&x)), (Vec::new(), vec![(account, Gone::Cancelled)]));
}

/// A long of 1 BTC with so much cash; somebody bids 5 BTC at 94 000.
fn unsound(every: u32, cash: &str) -> (Exchange, AccountId) {
    let mut x = batches(every);
    let (long, other) = (x.user(cash), x.user("10000000"));
    until_first(&mut x, every);
    for _ in 0..every {
        x.run(&[
            says(long, order(BTC_PERP, Side::Buy, "100000", "0.2")),
            says(other, order(BTC_PERP, Side::Sell, "100000", "0.2")),
        ]);
    }
    x.place(other, order(BTC_PERP, Side::Buy, "94000", "5")).unwrap();
    until_first(&mut x, every);
    (x, long)
}

#[test]
fn t_15_a_liquidation_waits_for_the_end_of_a_batch_and_never_sets_the_last_price() {
    let (mut x, long) = unsound(5, "10100");
    x.prices[1] = Some(price("93500"));
    let mut waited = 0;
    // The five-minute mean has to follow (rule L-13); the end of a batch is far more frequent.
    while x.position(long, BTC_PERP) == qty("1") {
        let height = x.state.height();
        x.run(&[]);
        waited += 1;
        assert!(waited < 400);
        if x.position(long, BTC_PERP) != qty("1") {
            assert!((height + 1).is_multiple_of(5), "at height {height}");
        }
    }
    let prices: Vec<String> = traded(&x).into_iter().map(|trade| trade.2).collect();
    assert_eq!(prices, ["94000"]);
    assert_eq!(x.state.market(BTC_PERP).last, Some(price("100000")));
    // Once it is seen to be unsound, it waits for less than a batch.
    assert!(x.events.iter().any(|event| matches!(event, Event::LiquidationStarted { .. })));
}

/// Nobody bids, and more is lost than there is.
#[test]
fn t_15_deleveraging_waits_until_the_book_was_asked() {
    let (mut x, long) = unsound(5, "10100");
    let other = AccountId(long.0 + 1);
    x.send(user(other, Command::CancelAll { market: None })).unwrap();
    x.prices[1] = Some(price("88000"));
    let mut waited = 0;
    while x.position(long, BTC_PERP) == qty("1") {
        x.run(&[]);
        waited += 1;
        assert!(waited < 400);
    }
    assert!(x.events.iter().any(|event| matches!(event, Event::Deleveraged { .. })));
    assert!(x.state.height().is_multiple_of(5), "at height {}", x.state.height());
    // The events of the blocks in which it waited do not repeat that it began.
    x.run(&[]);
    assert!(!x.events.iter().any(|event| matches!(event, Event::LiquidationStarted { .. })));
}

/// R-4 in a batch: an open order may have to pay the taker's fee.
#[test]
fn t_13_open_orders_of_a_batch_need_the_fee_of_the_taker() {
    for (matching, fee) in BOTH.into_iter().zip(["0", "4.95001"]) {
        let mut x = Exchange::with(matching);
        let account = x.user("100000");
        x.place(account, order(BTC_PERP, Side::Buy, "99000", "0.1")).unwrap();
        let needs = x.state.health(account, Level::Initial).requirement;
        assert_eq!(needs - amount("1000"), amount(fee), "{matching:?}");
    }
}

#[test]
fn t_15_the_backstop_takes_a_deep_shortfall_before_the_batch_ends() {
    let (mut x, long) = unsound(5, "10100");
    x.send(custodian(Command::OpenBackstop)).unwrap();
    let rich = x.user("50000000");
    let deposit = Command::BackstopDeposit { amount: amount("20000000") };
    x.send(user(rich, deposit)).unwrap();
    until_first(&mut x, 5);
    x.prices[1] = Some(price("90000"));
    x.run(&[]);
    let mut blocks = 1;
    while !x.events.iter().any(|event| matches!(event, Event::BackstopTook { .. })) {
        x.run(&[]);
        blocks += 1;
        assert!(blocks < 400);
    }
    assert!(!x.state.height().is_multiple_of(5), "at height {}", x.state.height());
    assert_eq!(x.position(long, BTC_PERP), Qty::ZERO);
}

fn guarded(every: u32) -> Exchange {
    let mut params = matched(design(), Matching::Batch { every });
    params.rules = Rules::default();
    params.markets.iter_mut().for_each(|market| market.rules.envelope.gap = Rate::from_bp(50));
    let mut x = Exchange::started(params);
    x.blocks(120);
    x
}

#[test]
fn a_4_a_batch_that_would_clear_beyond_a_trigger_stops_the_market() {
    let mut x = guarded(2);
    let [a, b, c] = ["1000000"; 3].map(|cash| x.user(cash));
    until_first(&mut x, 2);
    x.run(&[
        says(a, order(BTC_PERP, Side::Sell, "106000", "0.1")),
        says(b, order(BTC_PERP, Side::Buy, "106000", "0.1")),
        says(c, immediate(order(BTC_PERP, Side::Buy, "106000", "0.1"))),
    ]);
    x.run(&[]);
    assert!(matches!(x.state.phase(BTC_PERP), Phase::Auction { .. }));
    assert_eq!((traded(&x), removed(&x)), (Vec::new(), vec![(c, Gone::Suspended)]));
    x.blocks(70);
    // The auction is not stopped again: who still wants to trade there does.
    assert_eq!(x.state.phase(BTC_PERP), Phase::Open);
    assert_eq!(x.position(b, BTC_PERP), qty("0.1"));
}

#[test]
fn a_5_a_halt_in_the_middle_of_a_batch_keeps_what_rests_and_drops_what_is_immediate() {
    let mut x = guarded(4);
    let [a, b] = ["1000000"; 2].map(|cash| x.user(cash));
    until_first(&mut x, 4);
    x.run(&[
        says(a, order(BTC_PERP, Side::Sell, "100000", "0.1")),
        says(b, immediate(order(BTC_PERP, Side::Buy, "100000", "0.1"))),
        custodian(Command::Direct { market: BTC_PERP, directive: Directive::Halt }),
    ]);
    x.blocks(3);
    assert_eq!((traded(&x), removed(&x)), (Vec::new(), vec![(b, Gone::Suspended)]));
    assert_eq!(x.state.market(BTC_PERP).entry(a).orders, 1);
    x.send(custodian(Command::Direct { market: BTC_PERP, directive: Directive::ReduceOnly }))
        .unwrap();
    x.send(custodian(Command::Direct { market: BTC_PERP, directive: Directive::Resume })).unwrap();
    x.blocks(70);
    assert_eq!(x.state.phase(BTC_PERP), Phase::Open);
    assert_eq!(x.state.market(BTC_PERP).top(Side::Sell), Some((price("100000"), qty("0.1"))));
}

#[test]
fn a_7_a_notice_takes_what_waits_and_adds_risk() {
    let mut x = guarded(4);
    let [a, b] = ["1000000"; 2].map(|cash| x.user(cash));
    until_first(&mut x, 4);
    x.run(&[
        says(a, order(BTC_PERP, Side::Sell, "100000", "0.1")),
        says(b, order(BTC_PERP, Side::Buy, "100000", "0.1")),
        custodian(Command::Direct { market: BTC_PERP, directive: Directive::Delist }),
    ]);
    x.run(&[]);
    assert_eq!(removed(&x), [(a, Gone::Halted), (b, Gone::Halted)]);
}

/// What a sandwich around a victim's order of 3 BTC earns its two accounts before fees. The book is
/// thin: 1 BTC at 100 000 and at each 100 above. The attacker buys 2 in front of the victim, and
/// sells them in the next block.
fn sandwich(matching: Matching) -> Amount {
    let mut params = matched(design(), matching);
    params.rules.ordering = OrderingRule::Arrival;
    params.markets[BTC_PERP.index()].rules.envelope.gap = Rate::from_bp(60);
    let mut x = Exchange::started(params);
    let [maker, victim, front, back] = ["10000000"; 4].map(|cash| x.user(cash));
    for step in 0..5 {
        let at = format!("{}", 100_000 + 100 * step);
        x.place(maker, order(BTC_PERP, Side::Sell, &at, "1")).unwrap();
    }
    until_first(&mut x, 2);
    x.run(&[
        says(front, immediate(order(BTC_PERP, Side::Buy, "101000", "2"))),
        says(victim, order(BTC_PERP, Side::Buy, "100200", "3")),
    ]);
    x.run(&[says(back, immediate(order(BTC_PERP, Side::Sell, "100000", "2")))]);
    let held = [front, back].map(|who| x.position(who, BTC_PERP));
    assert_eq!(held, ["2", "-2"].map(qty));
    // Both were flat: minus what they cost is what the round trip earned.
    -[front, back].map(|who| x.state.market(BTC_PERP).entry(who).cost).into_iter().sum::<Amount>()
}

#[test]
fn t_13_a_sandwich_earns_when_orders_trade_as_they_come_and_nothing_in_a_batch() {
    assert_eq!(sandwich(Matching::Continuous), amount("300"));
    assert_eq!(sandwich(Matching::Batch { every: 2 }), Amount::ZERO);
}

/// What a batch leaves of every account: cash, position, open lots and values.
type Outcome = Vec<(Amount, Qty, [u64; 2], [u128; 2])>;

/// A wish of one of six accounts.
#[derive(Clone, Copy, Debug)]
struct Wish {
    account: u32,
    side: Side,
    tick: i64,
    lots: i64,
    lifetime: Lifetime,
}

fn any_wish() -> impl Strategy<Value = Wish> {
    let lifetime =
        prop_oneof![Just(Lifetime::Resting), Just(Lifetime::Immediate), Just(Lifetime::PostOnly)];
    (0u32..6, any::<bool>(), -4i64..=4, 1i64..9, lifetime).prop_map(
        |(account, buy, tick, lots, lifetime)| {
            let side = if buy { Side::Buy } else { Side::Sell };
            Wish { account, side, tick, lots, lifetime }
        },
    )
}

impl Wish {
    fn message(&self, client: u64) -> Message {
        let at = price("100").raw() + self.tick * price("0.01").raw();
        let wish = NewOrder {
            price: money::Price::from_raw(at),
            qty: Qty::from_raw(qty("0.01").raw() * self.lots),
            lifetime: self.lifetime,
            client: ClientId(client),
            ..order(SOL_PERP, self.side, "1", "1")
        };
        says(AccountId(self.account), wish)
    }
}

/// Six rich accounts, and what rests of a first batch.
fn crowd(first: &[Wish]) -> Exchange {
    let mut params = design();
    params.open_orders_max = 64;
    let mut x = Exchange::started(matched(params, Matching::Batch { every: 1 }));
    for _ in 0..6 {
        x.user("1000000");
    }
    x.run(&(0..).zip(first).map(|(client, wish)| wish.message(client)).collect::<Vec<_>>());
    x
}

fn outcome(x: &Exchange) -> Outcome {
    let of = |account| {
        let entry = x.state.market(SOL_PERP).entry(account);
        let lots = [entry.bid_lots, entry.ask_lots];
        (x.cash(account), entry.position, lots, [entry.bid_tick_lots, entry.ask_tick_lots])
    };
    (0..6).map(AccountId).map(of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Two batches upon a book, the messages of each in any order; post-only orders are refused by
    /// the book before them, which is the same.
    #[test]
    fn t_14_the_result_of_a_batch_does_not_depend_on_the_order_of_its_messages(
        first in prop::collection::vec(any_wish(), 0..12),
        second in prop::collection::vec(any_wish(), 0..20),
        third in prop::collection::vec(any_wish(), 0..20),
        keys in prop::collection::vec(any::<u32>(), 40),
    ) {
        let start = crowd(&first);
        let batch = |wishes: &[Wish], from: u64| -> Vec<Message> {
            (from..).zip(wishes).map(|(client, wish)| wish.message(client)).collect()
        };
        let mut ends = Vec::new();
        for shuffled in [false, true] {
            let mut x = Exchange { state: start.state.clone(), events: Vec::new(), ..start };
            let mut fees = Vec::new();
            for (wishes, from) in [(&second, 100), (&third, 200)] {
                let mut messages = batch(wishes, from);
                if shuffled {
                    let mut keyed: Vec<_> = keys.iter().zip(messages).collect();
                    keyed.sort_by_key(|(key, _)| **key);
                    messages = keyed.into_iter().map(|(_, message)| message).collect();
                }
                x.run(&messages);
                fees.push(x.balance(Holder::Fees));
            }
            ends.push((outcome(&x), fees, x.state.market(SOL_PERP).last));
        }
        prop_assert_eq!(&ends[0], &ends[1]);
    }

    #[test]
    fn t_13_a_batch_has_one_price_and_nobody_trades_beyond_a_limit(
        first in prop::collection::vec(any_wish(), 0..12),
        second in prop::collection::vec(any_wish(), 0..30),
    ) {
        let mut x = crowd(&first);
        let wishes: Vec<(u64, Wish)> = (0..).zip(first).chain((100..).zip(second)).collect();
        let new = wishes.iter().filter(|(client, _)| *client >= 100);
        let messages: Vec<Message> = new.map(|(client, wish)| wish.message(*client)).collect();
        x.run(&messages);
        let mut seen = Vec::new();
        for event in &x.events {
            let Event::Traded { price, side, maker_client, taker_client, .. } = event else {
                continue;
            };
            seen.push(*price);
            for (client, side) in [(taker_client, *side), (maker_client, side.opposite())] {
                let (_, wish) = wishes.iter().find(|(at, _)| at == &client.0).expect("a wish");
                let limit = money::Price::from_raw(
                    self::price("100").raw() + wish.tick * self::price("0.01").raw(),
                );
                prop_assert_eq!(wish.side, side);
                let signed = (*price - limit).raw() * side.sign();
                prop_assert!(signed <= 0, "{:?} at {}", wish, price);
            }
        }
        seen.dedup();
        prop_assert!(seen.len() <= 1, "{:?}", seen);
    }
}

/// A leg could not be matched at once, and so not with the other.
#[test]
fn t_17_no_leg_of_two_may_be_in_a_market_of_batches() {
    let mut params = design();
    params.markets[BTC_PERP.index()].rules.matching = Matching::Batch { every: 1 };
    let mut x = Exchange::started(params);
    let (account, maker) = (x.user("1000000"), x.user("1000000"));
    x.give(account, BTC, "1");
    x.place(maker, order(BTC_PERP, Side::Sell, "100000", "1")).unwrap();
    x.place(maker, order(BTC_SPOT, Side::Buy, "100000", "1")).unwrap();
    let leg = |market, side| Leg { market, side, price: price("100000"), qty: qty("1") };
    let legs = [leg(BTC_SPOT, Side::Sell), leg(BTC_PERP, Side::Buy)];
    let order = SpreadOrder { legs, client: ClientId(1) };
    let sent = x.send(user(account, Command::PlaceSpread(Box::new(order))));
    assert_eq!(sent, Err(Reject::NoSpread));
}
