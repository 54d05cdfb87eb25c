//! Rules, B-3 and T-3 on whole accounts.

use money::{Amount, Price, Rate, Span};
use protocol::command::*;
use protocol::engine::apply;
use protocol::event::Event;
use protocol::ids::*;
use protocol::reject::Reject;
use protocol::state::Level;

use crate::exchange::*;

fn requirement(x: &Exchange, account: AccountId, level: Level) -> Amount {
    x.state.health(account, level).requirement
}

#[test]
fn r_1_a_long_spot_short_perpetual_account_is_margined_as_one() {
    let mut x = Exchange::new();
    let (hedger, other) = (x.user("100300"), x.user("1000000"));
    x.give(other, BTC, "1");
    // All but 250 of the cash goes into spot, and the short needs 4 % of basis, not 10 %.
    x.trade(hedger, other, order(BTC_SPOT, Side::Buy, "100000", "1"));
    assert_eq!(x.cash(hedger), amount("250"));
    x.trade(other, hedger, order(BTC_PERP, Side::Buy, "100000", "1"));
    assert_eq!(x.position(hedger, BTC_PERP), qty("-1"));
    assert_eq!(requirement(&x, hedger, Level::Initial), amount("4000"));
    assert_eq!(requirement(&x, hedger, Level::Maintenance), amount("2000"));
    // The hedge holds while the price rises: what the short loses the holding gains.
    let equity = x.equity(hedger);
    x.prices[1] = Some(price("109000"));
    x.place(other, order(BTC_PERP, Side::Buy, "108900", "1")).unwrap();
    x.place(other, order(BTC_PERP, Side::Sell, "109100", "1")).unwrap();
    x.blocks(400);
    let moved = (x.equity(hedger) - equity).raw() as f64 / 1e8;
    assert!(moved.abs() < 400.0, "{moved}");
    assert_eq!(x.position(hedger, BTC_PERP), qty("-1"), "not liquidated");
}

#[test]
fn r_2_open_orders_count_at_their_worst() {
    let mut x = Exchange::new();
    let account = x.user("10000");
    let bid = order(BTC_PERP, Side::Buy, "100000", "0.5");
    x.place(account, bid).unwrap();
    assert_eq!(requirement(&x, account, Level::Initial), amount("5000"));
    assert_eq!(requirement(&x, account, Level::Maintenance), Amount::ZERO);
    // An ask of the same size fills in the other direction: no more margin.
    x.place(account, NewOrder { side: Side::Sell, price: price("100100"), ..bid }).unwrap();
    assert_eq!(requirement(&x, account, Level::Initial), amount("5000"));
    assert_eq!(x.place(account, bid), Err(Reject::InsufficientMargin), "and the fees");
    x.place(account, NewOrder { qty: qty("0.49"), ..bid }).unwrap();
    assert_eq!(requirement(&x, account, Level::Initial), amount("9900"));
}

#[test]
fn r_2_an_open_sale_of_the_hedge_counts_as_if_the_short_were_naked() {
    let mut x = Exchange::new();
    let (hedger, other) = (x.user("3000"), x.user("10000000"));
    x.give(hedger, BTC, "1");
    x.trade(other, hedger, order(BTC_PERP, Side::Buy, "100000", "1"));
    // 103 000 after the sale carry a naked short of 1, not of 10.5.
    let sale = order(BTC_SPOT, Side::Sell, "100000", "1");
    assert_eq!(x.place(hedger, sale), Ok(()));
    let short = order(BTC_PERP, Side::Sell, "100000", "9.5");
    assert_eq!(x.place(hedger, short), Err(Reject::InsufficientMargin));
    assert_eq!(x.withdraw(hedger, BTC, "0.5"), Err(Reject::InsufficientBalance));
}

/// A long of 1 BTC at 100 000 whose equity is between maintenance and initial margin at 95 000.
fn thin() -> (Exchange, AccountId, AccountId) {
    let mut x = Exchange::new();
    let (long, other) = (x.user("11000"), x.user("10000000"));
    x.trade(long, other, order(BTC_PERP, Side::Buy, "100000", "1"));
    x.prices[1] = Some(price("95000"));
    x.place(other, order(BTC_PERP, Side::Buy, "94900", "5")).unwrap();
    x.place(other, order(BTC_PERP, Side::Sell, "95100", "5")).unwrap();
    x.blocks(1000);
    let health = x.state.health(long, Level::Initial);
    assert!(!health.is_sound(), "{health:?}");
    assert!(x.state.health(long, Level::Maintenance).is_sound());
    (x, long, other)
}

#[test]
fn r_4_closing_is_allowed_under_initial_margin_and_opening_is_not() {
    let (mut x, long, _) = thin();
    let wish =
        NewOrder { lifetime: Lifetime::Immediate, ..order(BTC_PERP, Side::Buy, "95100", "0.001") };
    assert_eq!(x.place(long, wish), Err(Reject::InsufficientMargin));
    let close = NewOrder { side: Side::Sell, price: price("90000"), qty: qty("0.4"), ..wish };
    assert_eq!(x.place(long, close), Ok(()), "a market order loses what the book takes");
    assert_eq!(x.position(long, BTC_PERP), qty("0.6"));
    let flip = NewOrder { qty: qty("9"), ..close };
    assert_eq!(x.place(long, flip), Err(Reject::InsufficientMargin));
    assert_eq!(x.place(long, NewOrder { reduce_only: true, ..flip }), Ok(()));
}

#[test]
fn r_4_an_account_cannot_hand_its_deficit_to_insurance_by_closing_at_a_bad_price() {
    let (mut x, long, other) = thin();
    x.send(user(other, Command::CancelAll { market: None })).unwrap();
    // Its friend bids 9 % under the index; the position would lose all equity and more.
    x.place(other, order(BTC_PERP, Side::Buy, "86000", "1")).unwrap();
    let gift =
        NewOrder { lifetime: Lifetime::Immediate, ..order(BTC_PERP, Side::Sell, "86000", "1") };
    assert_eq!(x.place(long, gift), Err(Reject::InsufficientMargin));
    let resting = order(BTC_PERP, Side::Sell, "86000.1", "1");
    assert_eq!(x.place(long, resting), Err(Reject::InsufficientMargin));
}

#[test]
fn r_4_orders_that_close_are_counted_together() {
    let (mut x, long, other) = thin();
    x.send(user(other, Command::CancelAll { market: None })).unwrap();
    let close = order(BTC_PERP, Side::Sell, "96000", "1");
    assert_eq!(x.place(long, close), Ok(()));
    assert_eq!(x.place(long, close), Err(Reject::InsufficientMargin), "the first closes it all");
}

#[test]
fn b_3_what_leaves_must_leave_initial_margin_behind_and_profit_counts_once_realised() {
    let mut x = Exchange::new();
    let (long, other) = (x.user("20050"), x.user("10000000"));
    x.trade(long, other, order(BTC_PERP, Side::Buy, "100000", "1"));
    assert_eq!(x.withdraw(long, QUOTE, "10000.01"), Err(Reject::InsufficientMargin));
    assert_eq!(x.withdraw(long, QUOTE, "9999"), Ok(()));
    x.prices[1] = Some(price("120000"));
    x.blocks(200);
    assert!(x.equity(long) > amount("20000"));
    assert_eq!(x.withdraw(long, QUOTE, "10002"), Err(Reject::InsufficientBalance));
    // What is not pledged needs no index at all.
    let idle = x.user("5");
    x.prices = [None; 3];
    x.step = money::Span::from_secs(31);
    assert_eq!(x.withdraw(idle, QUOTE, "5"), Ok(()));
}

#[test]
fn b_2_accounts_beyond_what_every_sum_can_hold_are_refused() {
    let mut params = design();
    let huge = protocol::design::QTY_MAX;
    params.markets[2].kind = protocol::params::Kind::Perpetual(protocol::params::PerpetualParams {
        position_max: huge,
        ..perpetual()
    });
    let mut x = Exchange::of(params);
    let open = custodian(Command::OpenAccount);
    x.run(&vec![open.clone(); 2049]);
    assert_eq!(x.state.accounts(), 2048);
    assert_eq!(x.send(open), Err(Reject::Overflow));
}

#[test]
fn t_3_orders_far_from_the_index_are_refused_on_their_aggressive_side_only() {
    let mut x = Exchange::new();
    let account = x.user("1000000");
    let table = [
        (Side::Buy, "110000", Ok(())),
        (Side::Buy, "110000.1", Err(Reject::OutsideBand)),
        (Side::Buy, "1", Ok(())),
        (Side::Sell, "90000", Ok(())),
        (Side::Sell, "89999.9", Err(Reject::OutsideBand)),
        (Side::Sell, "900000", Ok(())),
    ];
    for (side, at, expected) in table {
        let lifetime = Lifetime::Immediate;
        let wish = NewOrder { lifetime, ..order(BTC_PERP, side, at, "0.001") };
        assert_eq!(x.place(account, wish), expected, "{side:?} {at}");
    }
}

#[test]
fn designs_out_of_range_are_refused_with_the_name_of_what_is_wrong() {
    type Spoil = fn(&mut protocol::params::Params);
    let table: [(Spoil, &str); 7] = [
        (|p| p.assets.clear(), "quote asset"),
        (|p| p.oracle.stakes.clear(), "stake"),
        (|p| p.oracle.confidence_max = Rate::ONE, "confidence"),
        (|p| p.oracle.index_age_max = money::Span::ZERO, "index_age_max"),
        (|p| p.markets[0].fee_maker = Rate::from_bp(6), "fees"),
        (|p| p.markets[1].fee_taker = Rate::MAX, "fees"),
        (|p| p.markets[3].lot = qty("0.0000001"), "tick·lot"),
    ];
    for (spoil, word) in table {
        let mut params = design();
        spoil(&mut params);
        let error = protocol::state::State::new(params).expect_err(word);
        assert!(error.to_string().contains(word), "{error}");
    }
}

#[test]
fn r_3_equity_is_cash_holdings_profit_and_funding_due() {
    let mut x = Exchange::new();
    let (long, other) = (x.user("20000"), x.user("10000000"));
    x.give(long, SOL, "3");
    x.trade(long, other, order(BTC_PERP, Side::Buy, "100000", "0.5"));
    x.place(other, order(BTC_PERP, Side::Buy, "100400", "1")).unwrap();
    x.place(other, order(BTC_PERP, Side::Sell, "100600", "1")).unwrap();
    x.blocks(20);
    let market = x.state.market(BTC_PERP);
    let entry = market.entry(long);
    let due = (entry.funding_index - market.perpetual.funding.index).split(entry.position);
    let due = due.unwrap().0;
    assert!(due.is_negative());
    let profit = entry.profit(x.mark(BTC_PERP));
    assert_eq!(x.equity(long), x.cash(long) + amount("300") + profit + due);
}

/// Bids far above the mark on an empty book, each of them small enough to pass alone.
#[test]
fn r_4_the_losses_of_all_resting_orders_are_counted_together() {
    let mut x = Exchange::new();
    let (attacker, friend) = (x.user("10000"), x.user("10000000"));
    let gift = order(BTC_PERP, Side::Buy, "109000", "0.1");
    let mut placed = 0;
    while x.place(attacker, gift).is_ok() {
        placed += 1;
    }
    // Each costs 0.1·9 000 against the mark, 1 000 of initial margin and 5 of fees: five fit.
    assert_eq!(placed, 5);
    let equity = x.equity(attacker);
    let take = NewOrder { side: Side::Sell, lifetime: Lifetime::Immediate, ..gift };
    x.run(&[user(friend, Command::Place(NewOrder { qty: qty("10"), ..take }))]);
    assert_eq!(x.position(attacker, BTC_PERP), qty("0.5"));
    assert!(equity - x.equity(attacker) <= amount("4500"), "{}", x.equity(attacker));
    assert!(x.state.health(attacker, Level::Initial).is_sound());
}

#[test]
fn r_4_what_rests_at_a_loss_cannot_be_withdrawn() {
    let mut x = Exchange::new();
    let account = x.user("10000");
    x.place(account, order(BTC_PERP, Side::Buy, "109000", "0.1")).unwrap();
    // 1 000 of margin, 900 of loss.
    assert_eq!(x.withdraw(account, QUOTE, "8100.01"), Err(Reject::InsufficientMargin));
    assert_eq!(x.withdraw(account, QUOTE, "8100"), Ok(()));
}

#[test]
fn r_4_resting_sales_of_a_holding_below_the_index_count_too() {
    let mut x = Exchange::new();
    let (account, other) = (x.user("20000"), x.user("10000000"));
    x.give(account, BTC, "1");
    x.trade(account, other, order(BTC_PERP, Side::Buy, "100000", "1"));
    let before = requirement(&x, account, Level::Initial);
    x.place(account, order(BTC_SPOT, Side::Sell, "95000", "0.5")).unwrap();
    // 2 500 of loss if they sell, while the requirement stays that of the unsold holding.
    assert_eq!(requirement(&x, account, Level::Initial), before + amount("2500"));
}

/// A block without time does not liquidate, and the next one knows what prices did in it.
#[test]
fn r_5_a_move_in_a_block_without_time_is_seen_in_the_next() {
    let mut x = Exchange::new();
    let (long, short) = (x.user("1100"), x.user("100000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "0.1"));
    let now = x.now.after(Span::from_secs(5));
    for (second, at) in [(1, "100000"), (5, "91000")] {
        let time = x.now.after(Span::from_secs(second));
        let vote = Vote { asset: BTC, price: price(at), confidence: Price::ZERO, time };
        let votes = (0..3).map(|publisher| Message {
            sender: Sender::Publisher(PublisherId(publisher)),
            command: Command::Publish(vote),
        });
        let events = apply(&mut x.state, &Block { time: now, messages: votes.collect() });
        assert!(!events.iter().any(|event| matches!(event, Event::LiquidationStarted { .. })));
    }
    assert!(!x.state.health(long, Level::Maintenance).is_sound());
    let later = now.after(Span::SECOND);
    let events = apply(&mut x.state, &Block { time: later, messages: Vec::new() });
    assert!(events.iter().any(|event| matches!(event, Event::LiquidationStarted { .. })));
}

/// The exact surplus of two units of 10⁻⁸ is less than what the terms round on the way.
#[test]
fn r_5_roundings_cannot_use_up_a_surplus_of_a_few_units_unseen() {
    let mut params = design();
    let perpetual = protocol::params::PerpetualParams {
        margin_initial: rate("1"),
        margin_maintenance: rate("0.999999999999"),
        ..perpetual()
    };
    params.markets[2].kind = protocol::params::Kind::Perpetual(perpetual);
    for market in &mut params.markets {
        (market.fee_maker, market.fee_taker) = (Rate::ZERO, Rate::ZERO);
    }
    let asset = &mut params.assets[1];
    (asset.haircut_initial, asset.haircut_maintenance) = (rate("1"), rate("1"));
    (asset.basis_initial, asset.basis_maintenance) = (rate("0.999"), rate("0.999"));
    // I-9 is checked in every block.
    params.checkpoint_blocks = 1;
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.run(&[]);
    let (hedger, other) = (x.user("999.00000001"), x.user("10000000"));
    x.give(hedger, BTC, "0.01");
    x.trade(other, hedger, order(BTC_PERP, Side::Buy, "100000", "0.02"));
    for units in 1..9 {
        x.prices[1] = Some(price(&format!("100000.0000000{units}")));
        x.run(&[]);
    }
}

#[test]
fn r_4_new_risk_needs_the_index_of_all_that_an_account_has_a_stake_in() {
    let mut x = Exchange::new();
    let (account, other, friend) = (x.user("20100"), x.user("100000000"), x.user("100000"));
    x.trade(account, other, order(SOL_PERP, Side::Buy, "100", "1000"));
    x.prices[2] = None;
    x.blocks(40);
    assert_eq!(x.withdraw(account, QUOTE, "9000"), Err(Reject::StaleIndex));
    x.place(friend, order(BTC_PERP, Side::Sell, "109000", "0.4")).unwrap();
    let take =
        NewOrder { lifetime: Lifetime::Immediate, ..order(BTC_PERP, Side::Buy, "109000", "0.4") };
    assert_eq!(x.place(account, take), Err(Reject::StaleIndex));
    let small = order(BTC_PERP, Side::Buy, "100000", "0.001");
    assert_eq!(x.place(account, small), Err(Reject::StaleIndex));
    // Whoever has nothing of it trades on.
    let free = x.user("20100");
    assert_eq!(x.place(free, small), Ok(()));
}

/// A hedged lot frees its basis and adds the haircut of what it hedged, so it frees nothing.
#[test]
fn r_16_closing_a_hedge_does_not_count_as_freeing_its_whole_margin() {
    let mut x = Exchange::new();
    x.prices[1] = Some(price("54000"));
    x.run(&[]);
    let (account, other, friend) = (x.user("0"), x.user("100000000"), x.user("10000000"));
    x.give(account, BTC, "1");
    x.trade(other, account, order(BTC_PERP, Side::Buy, "54000", "2"));
    for at in (55_000..=100_000).step_by(1000) {
        x.prices[1] = Some(price(&at.to_string()));
        x.run(&[user(other, Command::CancelAll { market: None })]);
        x.place(other, order(BTC_PERP, Side::Buy, &(at - 10).to_string(), "5")).unwrap();
        x.place(other, order(BTC_PERP, Side::Sell, &(at + 10).to_string(), "5")).unwrap();
        x.blocks(120);
    }
    x.blocks(2000);
    x.send(user(other, Command::CancelAll { market: None })).unwrap();
    let before = x.state.health(account, Level::Maintenance);
    assert!(before.is_sound() && before.equity < amount("9000"), "{before:?}");
    x.place(friend, order(BTC_PERP, Side::Sell, "104600", "1.5")).unwrap();
    let take =
        NewOrder { lifetime: Lifetime::Immediate, ..order(BTC_PERP, Side::Buy, "104600", "1.5") };
    assert_eq!(x.place(account, take), Err(Reject::InsufficientMargin));
}

/// Long in one perpetual, short in another of the same base, each mark at an end of its band.
#[test]
fn r_3_marks_that_were_pushed_apart_pay_for_no_withdrawal() {
    let mut params = design();
    let mut twin = params.markets[2].clone();
    twin.name = "BTC-PERP-2".into();
    params.markets.push(twin);
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.run(&[]);
    let twin = MarketId(4);
    let (account, friend) = (x.user("10400"), x.user("1000000"));
    for _ in 0..10 {
        x.trade(account, friend, order(BTC_PERP, Side::Buy, "100000", "0.1"));
        x.trade(friend, account, order(twin, Side::Buy, "100000", "0.1"));
    }
    let quotes = [(BTC_PERP, "102990", "103010"), (twin, "96990", "97010")];
    for (market, bid, ask) in quotes {
        x.place(friend, order(market, Side::Buy, bid, "0.01")).unwrap();
        x.place(friend, order(market, Side::Sell, ask, "0.01")).unwrap();
    }
    x.blocks(900);
    assert!(x.mark(BTC_PERP) > price("102900") && x.mark(twin) < price("97100"));
    let shown = x.state.health(account, Level::Maintenance).equity;
    let counted = x.state.health(account, Level::Initial).equity;
    assert!(shown - counted > amount("5800"), "{shown} {counted}");
    assert_eq!(x.withdraw(account, QUOTE, "9000"), Err(Reject::InsufficientMargin));
}

/// A bid of 100 SOL at 100 against 1 010 of cash, left by an index that falls to 80.
#[test]
fn r_17_orders_that_an_account_cannot_bear_any_more_are_cancelled() {
    let mut x = Exchange::new();
    let (account, friend) = (x.user("1010"), x.user("100000"));
    x.send(custodian(Command::FundInsurance { amount: amount("100000") })).unwrap();
    x.place(account, order(SOL_PERP, Side::Buy, "100", "100")).unwrap();
    for at in (80..100).rev() {
        x.prices[2] = Some(price(&at.to_string()));
        x.blocks(60);
    }
    assert_eq!(x.state.market(SOL_PERP).entry(account).orders, 0);
    let take =
        NewOrder { lifetime: Lifetime::Immediate, ..order(SOL_PERP, Side::Sell, "100", "100") };
    x.place(friend, take).unwrap();
    x.blocks(400);
    assert_eq!((x.equity(account), x.equity(friend)), (amount("1010"), amount("100000")));
    assert_eq!(x.balance(protocol::ledger::Holder::Insurance), amount("100000"));
}

#[test]
fn r_17_orders_that_an_account_still_bears_stay() {
    let mut x = Exchange::new();
    let account = x.user("2600");
    x.place(account, order(SOL_PERP, Side::Buy, "100", "100")).unwrap();
    for at in (80..100).rev() {
        x.prices[2] = Some(price(&at.to_string()));
        x.blocks(60);
    }
    assert_eq!(x.state.market(SOL_PERP).entry(account).orders, 1);
}
