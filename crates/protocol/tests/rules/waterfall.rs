//! Rules L-9 to L-15: depth, references, insurance and deleveraging, and the stories behind them.

use money::{Amount, Price, Qty, Rate, Round};
use proptest::prelude::*;
use protocol::command::*;
use protocol::event::Event;
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::state::Level;

use crate::exchange::*;

fn haircuts(x: &Exchange) -> Amount {
    let of = |event: &Event| match event {
        Event::Deleveraged { haircut, .. } => *haircut,
        _ => Amount::ZERO,
    };
    x.events.iter().map(of).sum()
}

fn insured(x: &Exchange) -> Amount {
    let of = |event: &Event| match event {
        Event::InsurancePaid { amount, .. } => *amount,
        _ => Amount::ZERO,
    };
    x.events.iter().map(of).sum()
}

fn forced_qty(x: &Exchange, market: MarketId) -> Qty {
    let of = |event: &Event| match event {
        Event::Traded { liquidation: true, market: id, qty, .. } if *id == market => *qty,
        _ => Qty::ZERO,
    };
    x.events.iter().map(of).sum()
}

#[test]
fn d_1_depth_in_the_state_ages_with_the_time_constant_and_is_gone_when_pulled() {
    let mut x = Exchange::new();
    let maker = x.user("10000000");
    x.place(maker, order(BTC_PERP, Side::Buy, "99900", "10")).unwrap();
    let depth = |x: &Exchange| x.state.market(BTC_PERP).depth(Side::Buy);
    assert_eq!((depth(&x).displayed(), depth(&x).aged()), (amount("999000"), Amount::ZERO));
    x.blocks(60);
    let tenth = depth(&x).aged();
    assert!(amount("90000") < tenth && tenth < amount("99900"), "{tenth}");
    x.send(user(maker, Command::CancelAll { market: None })).unwrap();
    assert_eq!(depth(&x).aged(), Amount::ZERO);
}

/// E13 (POPCAT): a wall that is pulled has let nobody be liquidated into it, and E6 (YFI): a
/// position that is split over many accounts takes no more of the depth than one.
#[test]
fn l_9_many_accounts_together_take_no_more_than_the_share_of_aged_depth() {
    let mut x = Exchange::new();
    let (short, maker) = (x.user("100000000"), x.user("100000000"));
    let longs: Vec<AccountId> = (0..12).map(|_| x.user("33000")).collect();
    for &long in &longs {
        x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "3"));
    }
    x.prices[1] = Some(price("93000"));
    x.blocks(300);
    let wall = [(Side::Buy, "92900", "30"), (Side::Sell, "93100", "30")];
    let place = |(side, at, size)| user(maker, Command::Place(order(BTC_PERP, side, at, size)));
    x.run(&wall.map(place));
    let mut closed = 0;
    for _ in 0..30 {
        x.run(&[]);
        let now = forced_qty(&x, BTC_PERP);
        let aged = x.state.market(BTC_PERP).depth(Side::Buy).aged();
        let most = aged.share(rate("0.1"), Round::Down).unwrap();
        let worth = price("92900").notional(now, Round::Up);
        // Each account may close one lot whatever the depth is.
        let lots = price("93100").notional(qty("0.0012"), Round::Up);
        assert!(worth <= most + lots, "{worth} of {aged}");
        closed += now.raw();
    }
    assert!(closed > 0);
    x.send(user(maker, Command::CancelAll { market: None })).unwrap();
    x.run(&[]);
    assert_eq!(forced_qty(&x, BTC_PERP), Qty::ZERO);
}

#[test]
fn l_13_an_account_that_only_the_mark_calls_unsound_is_left_alone() {
    let mut x = Exchange::new();
    let (long, short, maker) = (x.user("1010"), x.user("1000000"), x.user("10000000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "0.1"));
    // The mark falls towards 94 000 with the book, the index stays at 96 000.
    x.prices[1] = Some(price("96000"));
    x.place(maker, order(BTC_PERP, Side::Sell, "94100", "50")).unwrap();
    x.place(maker, order(BTC_PERP, Side::Buy, "93900", "50")).unwrap();
    x.blocks(600);
    let health = x.state.health(long, Level::Maintenance);
    assert!(!health.is_sound(), "at the mark {}", x.mark(BTC_PERP));
    assert!(x.state.health_at(long, |asset| x.state.oracle().index(asset).price).is_sound());
    assert_eq!(x.position(long, BTC_PERP), qty("0.1"));
    // The index follows, and nothing protects it any more.
    x.prices[1] = Some(price("94000"));
    x.blocks(300);
    assert!(x.position(long, BTC_PERP) < qty("0.1"));
}

#[test]
fn l_14_a_deficit_draws_on_the_market_s_fund_before_the_common_one() {
    let mut x = Exchange::new();
    let (rich, maker) = (x.user("10000000"), x.user("100000000"));
    let (first, second) = (x.user("7000"), x.user("5000"));
    x.trade(first, rich, order(BTC_PERP, Side::Buy, "100000", "0.5"));
    x.trade(second, rich, order(BTC_PERP, Side::Buy, "100000", "0.49"));
    x.prices[1] = Some(price("90200"));
    let quotes = [(Side::Buy, "90100"), (Side::Sell, "90300")];
    let place = |(side, at)| user(maker, Command::Place(order(BTC_PERP, side, at, "50")));
    x.run(&quotes.map(place));
    x.blocks(60);
    let own = x.balance(Holder::MarketInsurance(BTC_PERP));
    assert!(own.is_positive());
    assert_eq!(x.balance(Holder::MarketInsurance(SOL_PERP)), Amount::ZERO);
    x.send(custodian(Command::FundInsurance { amount: amount("100") })).unwrap();
    // The market gaps through what is left of them.
    x.send(user(maker, Command::CancelAll { market: None })).unwrap();
    x.prices[1] = Some(price("60000"));
    x.run(&[]);
    assert_eq!(x.balance(Holder::MarketInsurance(BTC_PERP)), Amount::ZERO);
    assert_eq!(x.balance(Holder::Insurance), amount("50"), "half of the common fund in a day");
    assert_eq!(insured(&x), own + amount("50"));
    assert!(haircuts(&x).is_positive());
}

/// E12c (dYdX, October 2025): one liquidation closes all open interest of a market.
#[test]
fn l_5_a_liquidation_of_the_last_position_leaves_an_empty_market_and_exact_funds() {
    let mut x = Exchange::new();
    let (long, short) = (x.user("6000"), x.user("6000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "0.5"));
    x.send(custodian(Command::FundInsurance { amount: amount("1000") })).unwrap();
    x.prices[1] = Some(price("80000"));
    x.run(&[]);
    let market = x.state.market(BTC_PERP);
    assert_eq!(market.perpetual.open_interest, Qty::ZERO);
    for holder in [Holder::Clearing(BTC_PERP), Holder::Funding(BTC_PERP)] {
        assert_eq!(x.balance(holder), Amount::ZERO, "{holder:?}");
    }
    assert_eq!((x.cash(long), x.balance(Holder::Insurance)), (Amount::ZERO, amount("500")));
    assert_eq!(
        x.cash(long) + x.cash(short) + amount("500"),
        amount("13000") - x.balance(Holder::Fees)
    );
    assert_eq!(x.state.deficits(), Amount::ZERO);
}

/// E12b (Hyperliquid, October 2025): the queue by past profit broke hedges of accounts that risked
/// nothing.
#[test]
fn l_11_a_hedged_counterparty_keeps_its_position_while_naked_lots_suffice() {
    let mut x = Exchange::new();
    let (long, naked, hedged) = (x.user("6000"), x.user("50000"), x.user("1000"));
    let late = x.user("12000");
    x.give(hedged, BTC, "0.3");
    x.trade(long, hedged, order(BTC_PERP, Side::Buy, "100000", "0.3"));
    x.trade(long, naked, order(BTC_PERP, Side::Buy, "100000", "0.2"));
    x.trade(late, naked, order(BTC_PERP, Side::Buy, "100000", "0.8"));
    let outlook = x.state.deleveraging_preview(BTC_PERP, Side::Sell, Lots(5_000));
    let of = |account| outlook.iter().find(|(who, _)| *who == account).unwrap().1;
    assert_eq!((of(naked).closed, of(hedged).closed), (Lots(5_000), Lots(0)));
    x.prices[1] = Some(price("86500"));
    x.run(&[]);
    assert_eq!(x.position(long, BTC_PERP), Qty::ZERO, "{:?}", x.events);
    assert_eq!(x.position(hedged, BTC_PERP), qty("-0.3"));
    assert!(!x.events.iter().any(|event| matches!(event, Event::HedgeLost { .. })));
    // With the naked lots gone the hedge is the last resort, and the event says so.
    x.prices[1] = Some(price("80000"));
    x.run(&[]);
    assert_eq!(x.position(late, BTC_PERP), Qty::ZERO);
    assert!(x.position(hedged, BTC_PERP) > qty("-0.3"));
    let lost = x.events.iter().find_map(|event| match event {
        Event::HedgeLost { account, qty, .. } => Some((*account, *qty)),
        _ => None,
    });
    assert_eq!(lost, Some((hedged, x.position(hedged, BTC_PERP) + qty("0.3"))));
}

proptest! {
    /// A crash over a random book: sums are exact, flat accounts are untouched, and deleveraging
    /// makes nobody's equity negative.
    #[test]
    fn l_12_after_any_crash_the_sums_are_exact_and_nobody_else_is_bankrupt(
        cash in prop::collection::vec(3_000i64..60_000, 2..7),
        trades in prop::collection::vec((0usize..7, 0usize..7, 1i64..60, any::<bool>()), 1..16),
        moves in ((-40i64..40), (-40i64..40)), fund in 0i64..3_000, spot in 0i64..20,
    ) {
        let mut x = Exchange::new();
        let users: Vec<AccountId> = cash.iter().map(|cash| x.user(&cash.to_string())).collect();
        x.give(users[0], BTC, &format!("0.{:02}", spot + 1));
        let flat = x.user("777.77777777");
        let fund = amount(&(fund + 1).to_string());
        x.send(custodian(Command::FundInsurance { amount: fund })).unwrap();
        for (buyer, seller, size, btc) in trades {
            let (buyer, seller) = (users[buyer % users.len()], users[seller % users.len()]);
            let wish = if btc {
                order(BTC_PERP, Side::Sell, "100000", &format!("0.{size:02}"))
            } else {
                order(SOL_PERP, Side::Sell, "100", &format!("{size}0"))
            };
            let bid = NewOrder { side: Side::Buy, lifetime: Lifetime::Immediate, ..wish };
            x.run(&[user(seller, Command::Place(wish)), user(buyer, Command::Place(bid))]);
            let clear = |account: &AccountId| user(*account, Command::CancelAll { market: None });
            x.run(&users.iter().map(clear).collect::<Vec<_>>());
        }
        let idle = x.cash(flat);
        let step = |percent: i64, from: &str| {
            price(from).offset(Rate::from_bp(percent * 100), Round::Down)
        };
        x.prices = [None, step(moves.0, "100000"), step(moves.1, "100")];
        for _ in 0..40 {
            x.run(&[]);
            prop_assert_eq!(x.cash(flat), idle);
            let mut deficits = Amount::ZERO;
            for user in &users {
                let equity = x.equity(*user);
                deficits += (-equity).max(Amount::ZERO);
                let has = |test: &dyn Fn(&Event) -> bool| x.events.iter().any(test);
                let gave = has(&|event| matches!(
                    event, Event::Deleveraged { counterparty, .. } if counterparty == user
                ));
                let bankrupt = has(&|event| matches!(
                    event, Event::LiquidationStarted { account, equity, .. }
                        if account == user && equity.is_negative()
                ));
                prop_assert!(!gave || bankrupt || !equity.is_negative(), "{}", equity);
            }
            prop_assert_eq!(deficits, x.state.deficits());
        }
    }
}

#[test]
fn l_12_what_all_equity_together_cannot_pay_stays_as_a_deficit_that_can_be_asked_for() {
    let mut x = Exchange::new();
    let (long, short, rich) = (x.user("5030"), x.user("10700"), x.user("1000000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "0.5"));
    // What the short wins of the long it has lost to somebody else.
    x.trade(short, rich, order(SOL_PERP, Side::Buy, "100", "540"));
    x.prices = [None, Some(price("5000")), Some(price("5"))];
    x.run(&[]);
    assert!(x.state.deficits() > amount("30000"), "{}", x.state.deficits());
    assert_eq!(x.equity(long) + x.state.deficits(), Amount::ZERO);
    assert!(!x.equity(short).is_negative());
}

proptest! {
    /// Whatever bids a long of BTC and SOL is closed into, equity/maintenance does not fall (but
    /// for a unit a trade), and equity that was not negative stays so.
    #[test]
    fn l_8_l_10_liquidation_through_the_book_never_lowers_the_margin_ratio(
        cash in 6_500i64..7_600, fall in 600i64..1_100,
        bids in prop::collection::vec((0i64..300, 1i64..20), 2..7),
    ) {
        let mut x = Exchange::new();
        let (long, short) = (x.user(&cash.to_string()), x.user("10000000"));
        let maker = x.user("10000000");
        x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "0.5"));
        x.trade(long, short, order(SOL_PERP, Side::Buy, "100", "100"));
        let step = |from: &str, bp: i64| {
            price(from).offset(-Rate::from_bp(bp), Round::Down).unwrap()
        };
        x.prices = [None, Some(step("100000", fall)), Some(step("100", fall))];
        x.run(&[]);
        let markets = [(BTC_PERP, "100000", 10_000_000, "0."), (SOL_PERP, "100", 1_000_000, "")];
        for (market, from, tick, whole) in markets {
            let bids = bids.iter().take(8).map(|(below, size)| {
                let at = step(from, fall + below).raw() / tick * tick;
                let size = format!("{whole}{size:02}");
                let wish = order(market, Side::Buy, &Price::from_raw(at).to_string(), &size);
                user(maker, Command::Place(wish))
            });
            x.run(&bids.collect::<Vec<_>>());
            let at = Price::from_raw(step(from, fall - 10).raw() / tick * tick).to_string();
            x.place(maker, order(market, Side::Sell, &at, "1")).unwrap();
        }
        for _ in 0..400 {
            x.run(&[]);
            let started = x.events.iter().find_map(|event| match event {
                Event::LiquidationStarted { account, equity, maintenance } if *account == long => {
                    Some((equity.raw(), maintenance.raw()))
                }
                _ => None,
            });
            let Some((equity, maintenance)) = started.filter(|(equity, _)| *equity >= 0) else {
                continue;
            };
            let after = x.state.health(long, Level::Maintenance);
            let trades = i128::try_from(x.events.len()).unwrap();
            prop_assert!(!after.equity.is_negative(), "{} from {}", after.equity, equity);
            let (left, right) =
                ((after.equity.raw() + trades) * maintenance, equity * after.requirement.raw());
            prop_assert!(left >= right, "{} < {}", left, right);
        }
    }
}
