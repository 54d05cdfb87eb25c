//! Accounts with options that are liquidated: their auctions (rules L-20 to L-23).

use money::{Amount, Qty, Rate, Span};
use protocol::command::*;
use protocol::event::{AuctionEnd, Event, OptionEvent};
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::margin::Health;
use protocol::reject::Reject;
use protocol::state::Level;

use super::floor::*;
use crate::exchange::*;

const CALL: OptionKind = OptionKind::Call;
const PUT: OptionKind = OptionKind::Put;

/// A short of calls that a rise has brought under maintenance margin.
struct Broken {
    floor: Floor,
    /// Short of one call, and auctioned.
    short: AccountId,
    /// Has it.
    long: AccountId,
    /// Has money.
    rich: AccountId,
    call: SeriesId,
}

impl Broken {
    /// The index rises to this, in ten minutes.
    fn at(index: &str) -> Broken {
        let mut floor = Floor::new();
        let [short, long, rich] = ["22000", "1000000", "1000000"].map(|cash| floor.x.user(cash));
        let call = floor.series(5, "100000", CALL);
        let mark = floor.about(call);
        floor.trade(long, short, option(call, Side::Buy, &mark, "1"));
        let mut broken = Broken { floor, short, long, rich, call };
        broken.move_to(index);
        broken
    }

    fn move_to(&mut self, index: &str) {
        self.floor.x.prices[1] = Some(price(index));
        self.minutes(10);
    }

    fn minutes(&mut self, count: u32) {
        self.floor.x.step = Span::MINUTE;
        for _ in 0..count {
            self.floor.run(&[]);
        }
        self.floor.x.step = Span::from_nanos(1_000_000);
    }

    /// Runs minutes until there is no auction; how many.
    fn until_over(&mut self) -> usize {
        (0..200)
            .find(|_| {
                let over = !self.is_auctioned();
                if !over {
                    self.minutes(1);
                }
                over
            })
            .expect("an auction ends")
    }

    fn is_auctioned(&self) -> bool {
        self.floor.x.state.offer(self.short).is_some()
    }

    fn health(&self, level: Level) -> Health {
        self.floor.x.state.health(self.short, level)
    }

    fn bid(&mut self, bidder: AccountId, fraction: &str) -> Result<(), Reject> {
        self.bid_for(bidder, fraction, "0")
    }

    fn bid_for(&mut self, bidder: AccountId, fraction: &str, least: &str) -> Result<(), Reject> {
        let bid = Bid { account: self.short, fraction: rate(fraction), least: rate(least) };
        let [was, owned] = [Level::Maintenance, Level::Initial].map(|level| self.health(level));
        let done = self.floor.send(user(bidder, Command::BidPortfolio(bid)));
        let is = self.health(Level::Maintenance);
        if done.is_ok() {
            // No lower ratio, and the bidder has margin.
            let (e, r) = (was.equity.raw(), was.requirement.raw());
            assert!(is.equity.raw() * r >= e * is.requirement.raw(), "{was:?}, now {is:?}");
            assert!(is.requirement <= was.requirement && owned.requirement >= was.requirement);
            let margin = self.floor.x.state.health(bidder, Level::Initial);
            assert!(margin.is_sound(), "{margin:?}");
        }
        done
    }

    fn taken(&self) -> Option<(Rate, Amount, Amount)> {
        self.floor.x.events.iter().find_map(|event| match event {
            Event::Option(OptionEvent::PortfolioTaken { fraction, paid, insured, .. }) => {
                Some((*fraction, *paid, *insured))
            }
            _ => None,
        })
    }

    fn ended(&self) -> Option<AuctionEnd> {
        self.floor.x.events.iter().find_map(|event| match event {
            Event::Option(OptionEvent::BookAuctionEnded { reason, .. }) => Some(*reason),
            _ => None,
        })
    }

    fn position(&self, account: AccountId) -> Qty {
        self.floor.position(account, self.call)
    }
}

#[test]
fn l_20_an_account_with_options_is_auctioned_and_its_orders_are_cancelled() {
    let mut b = Broken::at("106000");
    assert!(!b.is_auctioned() && !b.health(Level::Initial).is_sound());
    let close = option(b.call, Side::Buy, "6000", "0.1");
    b.floor.place(b.short, close).unwrap();
    b.move_to("109500");
    assert!(b.is_auctioned(), "{:?}", b.health(Level::Maintenance));
    assert_eq!(b.floor.leg(b.short, b.call).orders, 0);
    assert_eq!(b.position(b.short), qty("-1"), "nothing is sold");
    // Bids of the book would be met at once by a sale.
    let traded = |event: &Event| matches!(event, Event::Option(OptionEvent::Traded { .. }));
    b.minutes(1);
    assert_eq!(b.floor.count(traded), 0);
    assert_eq!(b.floor.x.equity(b.short), b.health(Level::Maintenance).equity);
}

#[test]
fn l_21_a_bidder_takes_what_restores_initial_margin_for_a_part_of_the_equity() {
    let mut b = Broken::at("109500");
    let offer = b.floor.x.state.offer(b.short).unwrap();
    assert!(offer.equity.is_positive());
    let before = b.floor.x.equity(b.rich);
    b.bid(b.rich, "1").unwrap();
    let (fraction, paid, insured) = b.taken().unwrap();
    assert_eq!(insured, Amount::ZERO);
    assert!(fraction < Rate::ONE && fraction >= offer.largest() - rate("0.001"));
    assert!(paid.is_positive() && paid < offer.equity);
    let moved = b.floor.x.equity(b.rich) - before - paid;
    assert!(moved <= Amount::ZERO && moved >= Amount::from_raw(-1), "at marks: {moved}");
    let lots = -b.position(b.rich).raw() / qty("0.01").raw();
    let wanted = (fraction.raw() as f64 / 1e10).ceil() as i64;
    assert_eq!((lots, b.position(b.rich) + b.position(b.short)), (wanted, qty("-1")));
    // Initial margin, and less than a lot's more.
    let health = b.health(Level::Initial);
    assert!(health.is_sound());
    let slack = (health.equity - health.requirement).raw() as f64;
    assert!(slack < 0.02 * health.requirement.raw() as f64 + 2.0e10, "{health:?}");
    assert_eq!(b.ended(), Some(AuctionEnd::Restored));
    assert_eq!(b.bid(b.rich, "1"), Err(Reject::NoAuction));
}

#[test]
fn l_21_several_bidders_share_and_a_small_account_goes_whole() {
    let mut b = Broken::at("109500");
    for _ in 0..3 {
        b.bid(b.rich, "0.01").unwrap();
    }
    assert_eq!(b.position(b.rich), qty("-0.03"));
    assert!(b.is_auctioned());
    let mut params = design_with_options();
    params.rules.liquidation.whole_below = amount("100000");
    let mut floor = Floor::of(params);
    let [short, long, rich] = ["22000", "1000000", "1000000"].map(|cash| floor.x.user(cash));
    let call = floor.series(5, "100000", CALL);
    let mark = floor.about(call);
    floor.trade(long, short, option(call, Side::Buy, &mark, "1"));
    let mut b = Broken { floor, short, long, rich, call };
    b.move_to("109500");
    b.bid(rich, "1").unwrap();
    assert_eq!((b.position(short), b.position(rich)), (Qty::ZERO, qty("-1")));
    assert!(b.floor.x.cash(short).is_positive());
    assert_eq!(b.ended(), Some(AuctionEnd::NothingLeft));
}

#[test]
fn l_21_bids_are_refused_that_nobody_could_bear_or_that_are_not_a_strangers() {
    let mut b = Broken::at("109500");
    let poor = b.floor.x.user("100");
    assert_eq!(b.bid(poor, "1"), Err(Reject::InsufficientMargin));
    assert_eq!(b.bid(b.short, "1"), Err(Reject::OwnBook));
    b.floor.send(user(b.short, Command::OpenSubAccount)).unwrap();
    let sub = AccountId(b.floor.x.state.accounts() - 1);
    b.floor.x.give(sub, QUOTE, "1000000");
    assert_eq!(b.bid(sub, "1"), Err(Reject::OwnBook));
    assert_eq!(b.bid(b.rich, "0"), Err(Reject::NotPositive));
    assert_eq!(b.bid_for(b.rich, "1", "0.9"), Err(Reject::PaidTooLittle));
    let other = Bid { account: b.long, fraction: Rate::ONE, least: Rate::ZERO };
    let other = user(b.rich, Command::BidPortfolio(other));
    assert_eq!(b.floor.send(other), Err(Reject::NoAuction));
    assert_eq!(b.position(b.short), qty("-1"));
    // The family may give, and then it is over.
    let (from, to) = (sub, b.short);
    let gift = Command::Transfer { from, to, asset: QUOTE, amount: amount("50000") };
    b.floor.send(user(b.short, gift)).unwrap();
    assert_eq!(b.ended(), Some(AuctionEnd::Restored));
}

#[test]
fn l_21_nobody_takes_more_than_their_largest_position() {
    let mut params = design_with_options();
    params.rules.options[0].position_max = qty("1");
    let mut floor = Floor::of(params);
    let cash = ["22000", "1000000", "1000000", "1000000"];
    let [short, long, rich, other] = cash.map(|cash| floor.x.user(cash));
    let call = floor.series(5, "100000", CALL);
    let mark = floor.about(call);
    floor.trade(long, short, option(call, Side::Buy, &mark, "1"));
    floor.trade(other, rich, option(call, Side::Buy, &mark, "0.95"));
    let mut b = Broken { floor, short, long, rich, call };
    b.move_to("109500");
    assert_eq!(b.bid(rich, "1"), Err(Reject::PositionLimit));
    assert_eq!(b.bid(rich, "0.05"), Ok(()));
    assert_eq!(b.position(rich), qty("-1"));
}

#[test]
fn l_21_a_part_whose_lots_would_leave_more_to_bear_is_refused() {
    let mut floor = Floor::new();
    let [short, long, rich] = ["11500", "1000000", "1000000"].map(|cash| floor.x.user(cash));
    let call = floor.series(5, "100000", CALL);
    let mark = floor.about(call);
    floor.trade(short, long, option(call, Side::Buy, &mark, "1"));
    floor.x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "1"));
    floor.x.trade(short, long, order(SOL_PERP, Side::Buy, "100", "200"));
    let mut b = Broken { floor, short, long, rich, call };
    b.floor.x.prices[2] = Some(price("67"));
    b.minutes(10);
    assert!(b.is_auctioned(), "{:?}", b.health(Level::Maintenance));
    // A lot of the calls, a hundredth, with a hundredth of that of the short that they protect.
    assert_eq!(b.bid(b.rich, "0.0001"), Err(Reject::NotFreeing));
    assert_eq!(b.bid(b.rich, "0.01"), Ok(()));
    assert_eq!(b.floor.x.position(rich, BTC_PERP), qty("-0.01"));
    assert_eq!(b.floor.x.position(rich, SOL_PERP), qty("2"));
}

#[test]
fn l_21_what_is_paid_rises_in_time() {
    let mut b = Broken::at("109500");
    let mut last = Amount::ZERO;
    for _ in 0..5 {
        b.bid(b.rich, "0.01").unwrap();
        let (_, paid, _) = b.taken().unwrap();
        assert!(paid > last, "{paid} after {last}");
        last = paid;
        b.minutes(1);
    }
}

#[test]
fn l_21_a_hedged_book_moves_with_its_perpetual_and_its_coins() {
    let mut floor = Floor::new();
    let [short, long, rich] = ["18000", "1000000", "1000000"].map(|cash| floor.x.user(cash));
    let (call, put) = (floor.series(5, "100000", CALL), floor.series(5, "100000", PUT));
    let mark = floor.about(call);
    floor.trade(long, short, option(call, Side::Buy, &mark, "1"));
    floor.x.give(short, BTC, "0.2");
    floor.x.trade(short, long, order(BTC_PERP, Side::Buy, "100000", "0.5"));
    let mark = floor.about(put);
    floor.trade(long, short, option(put, Side::Buy, &mark, "1"));
    let mut b = Broken { floor, short, long, rich, call };
    b.move_to("80000");
    assert!(b.is_auctioned(), "{:?}", b.health(Level::Maintenance));
    let traded = |event: &Event| matches!(event, Event::Traded { .. });
    assert_eq!(b.floor.count(traded), 0);
    let before = b.floor.x.equity(b.rich);
    b.bid(b.rich, "0.3").unwrap();
    let (fraction, paid, insured) = b.taken().unwrap();
    assert_eq!(fraction, rate("0.3"));
    let position = |account| b.floor.x.position(account, BTC_PERP);
    assert_eq!((position(rich), position(short)), (qty("0.15"), qty("0.35")));
    assert_eq!(b.floor.x.held(rich, BTC), amount("0.06"));
    assert_eq!((b.position(rich), b.floor.position(rich, put)), (qty("-0.3"), qty("-0.3")));
    let gained = b.floor.x.equity(rich) - before - paid - insured;
    assert!(gained <= Amount::ZERO && gained >= Amount::from_raw(-4), "{gained}");
}

#[test]
fn l_22_without_equity_insurance_pays_the_debt_and_the_bidder() {
    let mut b = Broken::at("100000");
    b.floor.send(custodian(Command::FundInsurance { amount: amount("100000") })).unwrap();
    b.floor.x.prices[1] = Some(price("130000"));
    b.minutes(3);
    assert!(b.is_auctioned());
    let offer = b.floor.x.state.offer(b.short).unwrap();
    assert!(offer.equity.is_negative() && offer.is_insured());
    let fund = b.floor.x.balance(Holder::Insurance);
    let cash = b.floor.x.equity(b.rich);
    b.bid(b.rich, "0.5").unwrap();
    let (_, paid, insured) = b.taken().unwrap();
    assert!(paid.is_zero() && insured.is_positive());
    let spent = fund - b.floor.x.balance(Holder::Insurance);
    let debt = b.floor.x.events.iter().find_map(|event| match event {
        Event::InsurancePaid { account, amount } if *account == b.short => Some(*amount),
        _ => None,
    });
    let debt = debt.unwrap();
    assert_eq!(spent, insured + debt, "the debt of what was taken, and the reward");
    let left = -b.floor.x.equity(b.short);
    assert!((debt - left).abs() < amount("1"), "half of what it owed");
    assert!((b.floor.x.equity(b.rich) - cash - insured).abs() <= Amount::from_raw(2));
    b.bid(b.rich, "1").unwrap();
    assert_eq!(b.floor.x.cash(b.short), Amount::ZERO);
    assert_eq!(b.position(b.short), Qty::ZERO);
    assert_eq!(b.ended(), Some(AuctionEnd::NothingLeft));
}

#[test]
fn l_22_without_insurance_options_are_closed_against_the_other_side_at_once() {
    let mut b = Broken::at("100000");
    let second = b.floor.x.user("1000000");
    let mark = b.floor.about(b.call);
    b.floor.trade(second, b.long, option(b.call, Side::Buy, &mark, "0.25"));
    b.floor.x.prices[1] = Some(price("135000"));
    b.floor.x.step = Span::SECOND;
    let before = [b.long, second].map(|account| b.floor.x.equity(account));
    b.floor.run(&[]);
    assert!(b.is_auctioned());
    assert_eq!(b.bid(b.rich, "1"), Err(Reject::NotInsured));
    b.minutes(1);
    let equity = b.floor.x.equity(b.short);
    assert_eq!((b.position(b.short), b.position(b.long)), (Qty::ZERO, Qty::ZERO));
    assert_eq!((b.position(second), equity), (Qty::ZERO, Amount::ZERO), "nobody else is short");
    for (account, before) in [b.long, second].into_iter().zip(before) {
        assert!(b.floor.x.equity(account) > before, "a haircut of a gain");
    }
    assert_eq!(b.floor.x.state.deficits(), Amount::ZERO);
}

#[test]
fn l_23_without_any_bidder_it_ends_after_an_hour_against_the_other_side_pro_rata() {
    let mut b = Broken::at("109500");
    let (second, hedge) = (b.floor.x.user("1000000"), b.floor.x.user("1000000"));
    let mark = b.floor.about(b.call);
    // Of three longs the auctioned one's other side is two thirds and a third.
    b.floor.trade(second, hedge, option(b.call, Side::Buy, &mark, "0.5"));
    let equity = b.floor.x.equity(b.short);
    let minutes = b.until_over();
    assert!((40..=60).contains(&minutes), "{minutes}");
    assert_eq!(b.ended(), Some(AuctionEnd::Deleveraged));
    assert_eq!((b.position(b.short), b.position(hedge)), (Qty::ZERO, qty("-0.5")));
    assert_eq!((b.position(b.long), b.position(second)), (qty("0.33"), qty("0.17")));
    assert!(b.floor.x.equity(b.short).is_positive() && equity.is_positive());
    let haircut = b.floor.x.events.iter().any(|event| {
        matches!(event, Event::Option(OptionEvent::Deleveraged { haircut, .. })
            if !haircut.is_zero())
    });
    assert!(!haircut, "it owed nothing");
}

#[test]
fn l_23_margin_that_comes_back_ends_it_and_a_fall_begins_another() {
    let mut b = Broken::at("109500");
    b.move_to("108000");
    assert!(b.is_auctioned(), "initial margin is asked for, not maintenance");
    b.move_to("100000");
    assert!(!b.is_auctioned());
    b.move_to("109500");
    assert!(b.is_auctioned());
    b.floor.x.give(b.short, QUOTE, "40000");
    assert_eq!(b.ended(), Some(AuctionEnd::Restored));
    assert_eq!(b.position(b.short), qty("-1"));
}

#[test]
fn l_20_without_index_or_surface_nothing_begins_and_the_clock_stands() {
    let mut b = Broken::at("109500");
    let discount = |b: &Broken| b.floor.x.state.offer(b.short).unwrap().discount;
    b.floor.volatility = None;
    b.minutes(40);
    let frozen = discount(&b);
    b.minutes(60);
    assert_eq!(discount(&b), frozen);
    assert_eq!(b.bid(b.rich, "1"), Err(Reject::NoSurface));
    b.floor.x.prices = [None; 3];
    b.minutes(2);
    assert_eq!(b.bid(b.rich, "1"), Err(Reject::StaleIndex));
    assert!(b.is_auctioned());
    let mut b = Broken::at("100000");
    b.floor.volatility = None;
    b.minutes(31);
    b.move_to("109500");
    assert!(!b.health(Level::Maintenance).is_sound() && !b.is_auctioned());
    b.floor.volatility = Some(0.5);
    b.minutes(1);
    assert!(b.is_auctioned());
}

#[test]
fn l_23_an_expiry_pays_in_the_middle_of_an_auction() {
    let mut floor = Floor::new();
    let [short, long, rich] = ["20000", "1000000", "1000000"].map(|cash| floor.x.user(cash));
    let call = floor.series(0, "100000", CALL);
    let mark = floor.about(call);
    floor.trade(long, short, option(call, Side::Buy, &mark, "1"));
    let mut b = Broken { floor, short, long, rich, call };
    b.minutes(430);
    b.move_to("112000");
    assert!(b.is_auctioned(), "{:?}", b.health(Level::Maintenance));
    b.floor.x.step = Span::MINUTE.times(45);
    b.floor.run(&[]);
    assert_eq!(b.ended(), Some(AuctionEnd::NothingLeft));
    assert_eq!(b.position(short), Qty::ZERO);
    assert!(b.floor.x.cash(short).is_positive());
}

#[test]
fn l_21_an_account_that_is_auctioned_may_reduce_and_not_add() {
    let mut b = Broken::at("109500");
    let mark = b.floor.about(b.call);
    let add = option(b.call, Side::Sell, &mark, "0.01");
    assert_eq!(b.floor.place(b.short, add), Err(Reject::InsufficientMargin));
    assert_eq!(b.floor.x.withdraw(b.short, QUOTE, "1"), Err(Reject::InsufficientMargin));
    let other = b.rich;
    b.floor.rest(other, option(b.call, Side::Sell, &mark, "0.5"));
    let reduce =
        OptionOrder { lifetime: Lifetime::Immediate, ..option(b.call, Side::Buy, &mark, "0.5") };
    assert_eq!(b.floor.place(b.short, reduce), Ok(()));
    assert_eq!(b.position(b.short), qty("-0.5"));
}
