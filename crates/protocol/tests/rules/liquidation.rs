//! Rules L-3 to L-6.

use money::{Amount, Qty, Rate, Round};
use protocol::command::*;
use protocol::event::Event;
use protocol::halt::{Action, Directive, Permit};
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::params::FutureParams;
use protocol::state::Level;

use crate::exchange::*;
use crate::futures::{BTC_DATED, dated, with_future};

/// A long of `size` BTC at 100 000, its counterparty, and a maker.
fn market(cash: &str, size: &str) -> (Exchange, [AccountId; 3]) {
    let mut x = Exchange::new();
    let accounts = [x.user(cash), x.user("10000000"), x.user("10000000")];
    let [long, short, _] = accounts;
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", size));
    (x, accounts)
}

/// Moves the index of BTC, and quotes 20 BTC on both sides.
fn quote(x: &mut Exchange, maker: AccountId, index: &str, [bid, ask]: [&str; 2]) {
    x.prices[1] = Some(price(index));
    let quotes = [(Side::Buy, bid), (Side::Sell, ask)];
    let place = |(side, at)| user(maker, Command::Place(order(BTC_PERP, side, at, "20")));
    x.run(&quotes.map(place));
    assert_eq!(x.state.market(BTC_PERP).entry(maker).orders, 2, "{:?}", x.events);
}

fn fees(x: &Exchange, account: AccountId) -> Amount {
    x.events
        .iter()
        .map(|event| match event {
            Event::LiquidationFee { account: who, amount } if *who == account => *amount,
            _ => Amount::ZERO,
        })
        .sum()
}

fn forced(x: &Exchange) -> Vec<(money::Price, Qty)> {
    let trades = x.events.iter().filter_map(|event| match event {
        Event::Traded { liquidation: true, price, qty, .. } => Some((*price, *qty)),
        _ => None,
    });
    trades.collect()
}

#[test]
fn l_3_l_4_l_9_a_large_position_is_closed_in_tranches_until_the_account_is_sound() {
    let (mut x, [long, _, maker]) = market("110000", "10");
    x.place(long, order(BTC_PERP, Side::Sell, "109000", "0.1")).unwrap();
    quote(&mut x, maker, "92000", ["91800", "92200"]);
    let mut tranches = u32::from(!forced(&x).is_empty());
    let fund = Holder::MarketInsurance(BTC_PERP);
    let mut insurance = x.balance(fund);
    for _ in 0..600 {
        let before = x.position(long, BTC_PERP);
        x.run(&[]);
        let closed: Qty = forced(&x).iter().map(|(_, qty)| *qty).sum();
        assert_eq!(before - x.position(long, BTC_PERP), closed);
        if !closed.is_positive() {
            continue;
        }
        tranches += 1;
        let tenth = x.state.market(BTC_PERP).depth(Side::Buy).aged();
        let tenth = tenth.share(rate("0.1"), Round::Down).unwrap();
        let most = tenth.buys(x.mark(BTC_PERP), Round::Down).unwrap();
        assert!(closed <= most.max(qty("0.0001")), "at most a tenth of what has rested");
        let notional: Amount =
            forced(&x).iter().map(|(price, qty)| price.notional(*qty, Round::Up)).sum();
        let fee = notional.share(rate("0.01"), Round::Up).unwrap();
        assert_eq!(fees(&x, long), fee);
        insurance += fee;
    }
    assert!(tranches > 1, "{tranches} tranches");
    assert_eq!(x.state.market(BTC_PERP).entry(long).orders, 0, "its orders are cancelled");
    assert_eq!(x.balance(fund), insurance);
    assert!(x.state.health(long, Level::Maintenance).is_sound());
    assert!(x.position(long, BTC_PERP).is_positive(), "no more than needed");
}

#[test]
fn l_4_a_small_position_is_closed_only_as_far_as_initial_margin_needs() {
    let (mut x, [long, _, maker]) = market("1100", "0.1");
    quote(&mut x, maker, "92000", ["91800", "92200"]);
    x.blocks(600);
    assert!(x.position(long, BTC_PERP).is_positive());
    assert!(x.position(long, BTC_PERP) < qty("0.1"));
    assert!(x.state.health(long, Level::Maintenance).is_sound());
}

#[test]
fn l_7_l_8_the_price_is_never_worse_than_the_stake_can_bear_whatever_the_fund_holds() {
    // The bid at 87 400 is 4 400 below the mark: 2 200 for half a coin.
    for (cash, trades) in [("6000", false), ("6350", true)] {
        let (mut x, [long, _, maker]) = market(cash, "0.5");
        x.send(custodian(Command::FundInsurance { amount: amount("1000") })).unwrap();
        quote(&mut x, maker, "91000", ["87400", "91800"]);
        let mut traded = false;
        for _ in 0..100 {
            x.run(&[]);
            assert!(!x.equity(long).is_negative());
            traded |= !forced(&x).is_empty();
        }
        assert_eq!(traded, trades, "cash {cash}");
        assert_eq!(x.balance(Holder::Insurance), amount("1000"));
    }
}

#[test]
fn l_5_l_12_l_15_the_deficit_is_shared_to_the_last_unit_and_flat_accounts_are_untouched() {
    let mut x = Exchange::new();
    let long = x.user("5003.33");
    let shorts: Vec<AccountId> = (0..3).map(|_| x.user("100000")).collect();
    let flat = x.user("123.45678901");
    for (&short, size) in shorts.iter().zip(["0.2111", "0.1", "0.0333"]) {
        x.trade(long, short, order(BTC_PERP, Side::Buy, "99999.9", size));
    }
    x.send(custodian(Command::FundInsurance { amount: amount("77.7") })).unwrap();
    x.prices[1] = Some(price("78901.2345678"));
    let mut checked = false;
    for _ in 0..200 {
        let idle = x.cash(flat);
        x.run(&[]);
        assert_eq!(x.cash(flat), idle);
        let (mut haircuts, mut closed) = (Amount::ZERO, Qty::ZERO);
        let mut paid = Amount::ZERO;
        let mut deficit = Amount::ZERO;
        for event in &x.events {
            match event {
                Event::LiquidationStarted { equity, .. } => deficit = -*equity,
                Event::Deleveraged { haircut, qty, .. } => {
                    haircuts += *haircut;
                    closed += *qty;
                }
                Event::InsurancePaid { amount, .. } => paid += *amount,
                _ => {}
            }
        }
        if !closed.is_zero() {
            checked = true;
            assert_eq!(haircuts + paid, deficit, "Σ haircuts + insurance = deficit");
            assert_eq!(closed, -qty("0.3444"));
            assert_eq!(x.cash(long), Amount::ZERO, "nothing is left over");
            assert_eq!(x.balance(Holder::Insurance), amount("38.85"), "half of it in a day");
        }
    }
    assert!(checked, "the crash must lead to deleveraging");
    assert!(shorts.iter().all(|short| x.position(*short, BTC_PERP).is_zero()));
}

#[test]
fn l_5_a_bankrupt_short_is_deleveraged_as_exactly() {
    let mut x = Exchange::new();
    let short = x.user("3500");
    let longs: Vec<AccountId> = (0..3).map(|_| x.user("100000")).collect();
    for (&long, size) in longs.iter().zip(["0.2", "0.0007", "0.0333"]) {
        x.trade(long, short, order(BTC_PERP, Side::Buy, "99999.9", size));
    }
    x.prices[1] = Some(price("131313.1313131"));
    x.blocks(200);
    assert_eq!((x.position(short, BTC_PERP), x.cash(short)), (Qty::ZERO, Amount::ZERO));
}

#[test]
fn l_6_a_holding_is_sold_when_cash_is_short_and_the_rest_stays() {
    let mut x = Exchange::new();
    let (account, other) = (x.user("100"), x.user("10000000"));
    x.give(account, SOL, "150");
    // The holding of 15 000 carries a long of 0.5 BTC, which loses 13 250.
    x.trade(account, other, order(BTC_PERP, Side::Buy, "100000", "0.5"));
    x.place(other, order(SOL_SPOT, Side::Buy, "99", "1000")).unwrap();
    quote(&mut x, other, "73500", ["73400", "73600"]);
    x.blocks(200);
    assert_eq!(x.position(account, BTC_PERP), Qty::ZERO);
    // A hundredth more than the debt is sold at the index; the bid is a hundredth below it.
    assert!(x.cash(account).raw().abs() < amount("200").raw(), "{}", x.cash(account));
    assert!(x.state.health(account, Level::Maintenance).is_sound());
    assert!(x.held(account, SOL) > Amount::ZERO, "no more is sold than the debt");
    assert!(x.held(account, SOL) < amount("150"));
}

#[test]
fn l_6_a_hedged_account_is_liquidated_as_a_pair() {
    let mut x = Exchange::new();
    let (hedger, other, maker) = (x.user("100"), x.user("10000000"), x.user("1000000000"));
    x.give(hedger, BTC, "1");
    x.trade(other, hedger, order(BTC_PERP, Side::Buy, "100000", "1"));
    // At 60 times the price the equity is still 100 000, and the basis charge is 120 000.
    quote(&mut x, maker, "6000000", ["5994000", "6006000"]);
    x.place(maker, order(BTC_SPOT, Side::Buy, "5994000", "5")).unwrap();
    for _ in 0..600 {
        x.run(&[]);
        let hedge = x.held(hedger, BTC);
        assert_eq!(x.position(hedger, BTC_PERP).as_amount(), -hedge, "both legs at once");
    }
    assert!(x.held(hedger, BTC) < amount("1") && x.held(hedger, BTC).is_positive());
    assert!(x.state.health(hedger, Level::Maintenance).is_sound());
}

/// Without the spot bids that its other leg needs, no leg of a hedge is closed.
#[test]
fn l_4_a_hedge_whose_holding_nobody_buys_is_not_torn_apart() {
    let mut x = Exchange::new();
    let (hedger, other, maker) = (x.user("100"), x.user("10000000"), x.user("1000000000"));
    x.give(hedger, BTC, "1");
    x.trade(other, hedger, order(BTC_PERP, Side::Buy, "100000", "1"));
    quote(&mut x, maker, "6000000", ["5994000", "6006000"]);
    x.blocks(600);
    assert!(!x.state.health(hedger, Level::Maintenance).is_sound());
    assert_eq!(x.position(hedger, BTC_PERP), qty("-1"));
    // A bid for a quarter closes a quarter.
    x.place(maker, order(BTC_SPOT, Side::Buy, "5994000", "0.25")).unwrap();
    x.blocks(100);
    assert_eq!(x.position(hedger, BTC_PERP), qty("-0.75"));
    assert_eq!(x.held(hedger, BTC), amount("0.75"));
}

/// The holding's market has just come out of a halt: nothing is sold by force there yet.
#[test]
fn l_4_a_5_a_hedge_waits_for_the_calm_blocks_of_the_market_of_its_holding() {
    let mut x = Exchange::new();
    let (hedger, other, maker) = (x.user("100"), x.user("10000000"), x.user("1000000000"));
    x.give(hedger, BTC, "1");
    x.trade(other, hedger, order(BTC_PERP, Side::Buy, "100000", "1"));
    quote(&mut x, maker, "6000000", ["5994000", "6006000"]);
    x.blocks(600);
    let direct = |directive| custodian(Command::Direct { market: BTC_SPOT, directive });
    x.send(direct(Directive::Halt)).unwrap();
    x.blocks(2);
    x.send(direct(Directive::Resume)).unwrap();
    while x.state.permits(BTC_SPOT, Action::Take) != Permit::Yes {
        x.run(&[]);
    }
    x.place(maker, order(BTC_SPOT, Side::Buy, "5994000", "0.25")).unwrap();
    while x.state.permits(BTC_SPOT, Action::Liquidate) != Permit::Yes {
        assert_eq!(x.position(hedger, BTC_PERP), qty("-1"));
        x.run(&[]);
    }
    x.blocks(100);
    assert_eq!(x.position(hedger, BTC_PERP), qty("-0.75"));
}

/// Two perpetuals on one underlying, long one and short the other: no leg is closed alone, and none
/// goes by more lots than both markets trade.
#[test]
fn l_4_a_spread_between_two_perpetuals_is_closed_leg_by_leg() {
    const OTHER: MarketId = MarketId(4);
    let mut params = design();
    let mut market = params.markets[BTC_PERP.index()].clone();
    market.name = "BTC-PERP-2".into();
    market.lot = qty("0.0003");
    params.markets.push(market);
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.blocks(1);
    let (spreader, maker) = (x.user("9200"), x.user("1000000000"));
    x.trade(spreader, maker, order(BTC_PERP, Side::Buy, "100000", "0.9"));
    x.trade(maker, spreader, order(OTHER, Side::Buy, "100000", "0.9"));
    // Six times the price: the basis charge of 2 % is 10 800.
    quote(&mut x, maker, "600000", ["599900", "600100"]);
    x.blocks(700);
    assert!(!x.state.health(spreader, Level::Maintenance).is_sound());
    assert_eq!(x.position(spreader, BTC_PERP), qty("0.9"), "nobody sells the other leg");
    for _ in 0..20 {
        x.place(maker, order(OTHER, Side::Sell, "600100", "0.6")).unwrap();
        x.blocks(60);
        assert_eq!(x.position(spreader, BTC_PERP), -x.position(spreader, OTHER));
        x.send(user(maker, Command::CancelAll { market: Some(OTHER) })).unwrap();
    }
    assert!(x.position(spreader, BTC_PERP) < qty("0.9"));
    assert!(x.state.health(spreader, Level::Maintenance).is_sound());
}

/// A holding is sold for a debt at half a per cent below the index at the worst, once no equity is
/// left: insurance does not pay for what a friend would bid.
#[test]
fn l_6_a_sale_at_the_expense_of_insurance_goes_no_further_than_the_slippage() {
    let mut x = Exchange::new();
    let (account, other) = (x.user("60"), x.user("10000000"));
    x.send(custodian(Command::FundInsurance { amount: amount("5000") })).unwrap();
    x.give(account, SOL, "100");
    x.trade(account, other, order(BTC_PERP, Side::Buy, "100000", "0.05"));
    quote(&mut x, other, "91000", ["90900", "91100"]);
    x.prices[2] = Some(price("3"));
    x.blocks(200);
    assert_eq!(x.position(account, BTC_PERP), Qty::ZERO);
    let held = x.held(account, SOL);
    assert!(held.is_positive() && x.cash(account).is_negative());
    let index = price("3");
    x.place(other, order(SOL_SPOT, Side::Buy, "2.8", "1000")).unwrap();
    x.blocks(5);
    let worst = index.offset(-rate("0.005"), money::Round::Up).unwrap();
    let sold = forced(&x);
    assert!(sold.is_empty() || x.equity(account).is_positive(), "{sold:?}");
    x.place(other, order(SOL_SPOT, Side::Buy, "2.99", "1000")).unwrap();
    x.run(&[]);
    assert!(forced(&x).iter().all(|(at, _)| *at >= worst));
}

#[test]
fn l_6_a_debt_without_any_asset_is_paid_by_insurance_as_it_fills() {
    let mut x = Exchange::new();
    let (account, other) = (x.user("60"), x.user("10000000"));
    x.give(account, SOL, "100");
    x.trade(account, other, order(BTC_PERP, Side::Buy, "100000", "0.05"));
    quote(&mut x, other, "91000", ["90900", "91100"]);
    x.prices[2] = Some(price("3"));
    x.blocks(200);
    x.prices[2] = Some(price("2"));
    x.blocks(1);
    x.place(other, order(SOL_SPOT, Side::Buy, "2", "1000")).unwrap();
    x.blocks(50);
    x.send(custodian(Command::FundInsurance { amount: amount("5000") })).unwrap();
    x.blocks(10);
    assert!(!x.equity(account).is_negative(), "{}", x.equity(account));
    assert_eq!(x.position(account, BTC_PERP), Qty::ZERO);
    // A debt that nothing can reduce is not announced again and again.
    x.run(&[]);
    assert!(!x.events.iter().any(|event| matches!(event, Event::LiquidationStarted { .. })));
}

#[test]
fn t_6_m_2_a_forced_trade_pays_no_rebate_and_does_not_set_the_last_price() {
    let mut params = design();
    params.markets[BTC_PERP.index()].fee_maker = Rate::from_bp(-5);
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.blocks(1);
    let (long, short) = (x.user("1100"), x.user("1000000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "0.1"));
    let fees = x.balance(Holder::Fees);
    quote(&mut x, short, "92000", ["91900", "92100"]);
    x.blocks(100);
    assert!(x.position(long, BTC_PERP) < qty("0.1"));
    assert_eq!(x.balance(Holder::Fees), fees);
    assert_eq!(x.state.market(BTC_PERP).last, Some(price("100000")));
}

/// Long a future against the perpetual, where a hedge is charged nothing but the spread.
#[test]
fn x_6_l_7_a_pair_with_a_future_stands_for_the_spread_that_closing_it_frees() {
    let spread = rate("0.05");
    let mut params = with_future(FutureParams {
        spread_initial: spread,
        spread_maintenance: spread,
        ..dated(3600)
    });
    params.assets[1].basis_initial = Rate::ZERO;
    params.assets[1].basis_maintenance = Rate::ZERO;
    let mut x = Exchange::started(params);
    let (account, maker) = (x.user("15400"), x.user("10000000"));
    x.trade(account, maker, order(BTC_DATED, Side::Buy, "100000", "1"));
    x.trade(maker, account, order(BTC_PERP, Side::Buy, "100000", "1"));
    x.trade(account, maker, order(SOL_PERP, Side::Buy, "100", "1000"));
    x.place(maker, order(BTC_DATED, Side::Buy, "99990", "20")).unwrap();
    x.place(maker, order(BTC_PERP, Side::Sell, "100010", "20")).unwrap();
    x.blocks(900);
    x.prices[2] = Some(price("93")); // 7000 are lost, and nobody buys SOL
    let closed = (0..600).any(|_| {
        x.run(&[]);
        x.position(account, BTC_DATED) < qty("1")
    });
    assert!(closed, "{:?}", x.state.health(account, Level::Maintenance));
}
