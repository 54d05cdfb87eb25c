//! Section X: dated futures from listing to settlement.

use money::{Amount, Price, Qty, Rate, Span, Time};
use protocol::command::*;
use protocol::event::{Event, Gone};
use protocol::halt::{Directive, Phase};
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::params::*;
use protocol::reject::Reject;
use protocol::schedule::trigger::{Execution, Kind as Waits};
use protocol::state::{Level, State};

use crate::exchange::*;

pub const BTC_DATED: MarketId = MarketId(4);

/// Expires so many seconds after [`START`]; averaged over half an hour, waits for a day at most.
pub fn dated(seconds: u64) -> FutureParams {
    FutureParams {
        terms: PerpetualParams { funding: FundingRule::Never, ..perpetual() },
        expiry: Time::from_nanos(START).after(Span::from_secs(seconds)),
        averaging: Span::MINUTE.times(30),
        extension_max: Span::DAY,
        spread_initial: rate("0.02"),
        spread_maintenance: rate("0.01"),
    }
}

/// The markets of [`design`], and a future on BTC without fees.
pub fn with_future(future: FutureParams) -> Params {
    let mut params = design();
    let mut market = params.markets[BTC_PERP.index()].clone();
    (market.name, market.kind) = ("BTC-DATED".into(), Kind::Future(future));
    (market.fee_maker, market.fee_taker) = (Rate::ZERO, Rate::ZERO);
    params.markets.push(market);
    params
}

/// The future expires an hour after the start.
fn exchange() -> Exchange {
    exchange_of(with_future(dated(3600)))
}

fn exchange_of(params: Params) -> Exchange {
    let mut x = Exchange::of(params);
    x.prices = [None, Some(price("100000")), Some(price("100"))];
    x.run(&[]);
    x
}

/// Blocks of ten seconds until so many seconds after the start.
fn until(x: &mut Exchange, seconds: u64) {
    let end = Time::from_nanos(START).after(Span::from_secs(seconds));
    while x.now < end {
        x.step = end.since(x.now).min(Span::from_secs(10));
        x.run(&[]);
    }
    x.step = Span::SECOND;
}

/// To the end of a block that opens this long after the start.
fn pass(x: &mut Exchange, seconds: u64, messages: &[Message]) {
    x.step = Time::from_nanos(START).after(Span::from_secs(seconds)).since(x.now);
    x.run(messages);
    x.step = Span::SECOND;
}

fn phase(x: &Exchange) -> Phase {
    x.state.phase(BTC_DATED)
}

fn settled(x: &Exchange) -> Option<Price> {
    match phase(x) {
        Phase::Settled { price } => Some(price),
        _ => None,
    }
}

fn clearing(x: &Exchange) -> Amount {
    x.balance(Holder::Clearing(BTC_DATED))
}

#[test]
fn x_1_a_future_is_listed_only_with_parameters_in_range() {
    let sound = dated(3600);
    let table: [(&str, FutureParams); 8] = [
        ("averaging", FutureParams { averaging: Span::ZERO, ..sound }),
        ("averaging", FutureParams { averaging: Span::DAY.times(2), ..sound }),
        ("window", FutureParams { expiry: Time::from_nanos(1), ..sound }),
        ("window", FutureParams { expiry: Time::from_nanos(u64::MAX), ..sound }),
        ("extension_max", FutureParams { extension_max: Span::SECOND, ..sound }),
        ("funding", FutureParams { terms: perpetual(), ..sound }),
        ("spreads", FutureParams { spread_maintenance: rate("0.03"), ..sound }),
        ("spreads", FutureParams { spread_initial: rate("0.91"), ..sound }),
    ];
    assert!(State::new(with_future(sound)).is_ok());
    for (what, future) in table {
        let error = State::new(with_future(future)).unwrap_err().to_string();
        assert!(error.starts_with("BTC-DATED: ") && error.contains(what), "{error}");
    }
    let thin = PerpetualParams { margin_maintenance: rate("0.022"), ..sound.terms };
    let error = State::new(with_future(FutureParams { terms: thin, ..sound })).unwrap_err();
    assert!(error.to_string().contains("funding 0 "), "the envelope without funding: {error}");
    let mut params = design();
    let never = PerpetualParams { funding: FundingRule::Never, ..perpetual() };
    params.markets[2].kind = Kind::Perpetual(never);
    assert!(State::new(params).is_err(), "a perpetual needs a rule");
}

#[test]
fn x_1_a_future_pays_no_funding_whatever_its_premium() {
    let mut x = exchange();
    let (long, short) = (x.user("100000"), x.user("1000000"));
    x.trade(long, short, order(BTC_DATED, Side::Buy, "101000", "1"));
    x.place(short, order(BTC_DATED, Side::Sell, "102000", "1")).unwrap();
    x.place(short, order(BTC_DATED, Side::Buy, "101900", "1")).unwrap();
    let cash = x.cash(long);
    for _ in 0..600 {
        x.run(&[]);
        let accrued = |event: &Event| matches!(event, Event::Funded { market: BTC_DATED, .. });
        assert!(!x.events.iter().any(accrued));
    }
    assert!(x.mark(BTC_DATED) > price("101500"), "{}", x.mark(BTC_DATED));
    assert!(x.state.market(BTC_DATED).perpetual.funding.index.is_zero());
    assert_eq!(x.cash(long), cash);
    assert_eq!(
        x.equity(long),
        cash + x.state.market(BTC_DATED).entry(long).profit(x.mark(BTC_DATED))
    );
}

#[test]
fn x_2_a_carry_moves_the_bands_the_mark_and_what_is_promised() {
    // Ten times 8 h at 1 %: fair is 10 % above the index.
    let mut params = with_future(dated(80 * 3600 + 1));
    params.markets[BTC_DATED.index()].rules.carry_8h = rate("0.01");
    let mut x = exchange_of(params);
    assert_eq!(x.mark(BTC_DATED), price("110000"));
    let user = x.user("1000000");
    let wish = order(BTC_DATED, Side::Buy, "120000", "0.1");
    assert_eq!(x.place(user, wish), Ok(()), "within 10 % of the fair price");
    let beyond = order(BTC_DATED, Side::Buy, "121000.1", "0.1");
    assert_eq!(x.place(user, beyond), Err(Reject::OutsideBand));
    let tally = x.state.market(BTC_DATED).perpetual.convergence.lifetime();
    assert_eq!(tally.share(), Some(Rate::ONE), "near its fair price all the time");
}

#[test]
fn x_3_within_the_window_the_mark_goes_over_to_the_mean_of_the_index() {
    let mut x = exchange();
    let maker = x.user("1000000");
    until(&mut x, 1700);
    x.place(maker, order(BTC_DATED, Side::Sell, "101100", "1")).unwrap();
    x.place(maker, order(BTC_DATED, Side::Buy, "100900", "1")).unwrap();
    until(&mut x, 1800);
    let premium = x.mark(BTC_DATED) - price("100000");
    assert!(premium > price("400"), "{premium}");
    // Twenty minutes at 100 000, then ten at 103 000: the mean is 101 000.
    until(&mut x, 3000);
    x.prices[1] = Some(price("103000"));
    x.run(&[]);
    assert!(x.mark(BTC_DATED) < price("101900"), "{}", x.mark(BTC_DATED));
    until(&mut x, 3590);
    assert!((x.mark(BTC_DATED) - price("101000")).abs() < price("20"), "{}", x.mark(BTC_DATED));
    until(&mut x, 3600);
    let price = settled(&x).expect("at expiry");
    assert_eq!(x.mark(BTC_DATED), price);
    assert!((price - self::price("101000")).abs() < self::price("3"), "{price}");
}

fn plans(x: &mut Exchange, account: AccountId) {
    let stop = TriggerOrder {
        market: BTC_DATED,
        side: Side::Sell,
        kind: Waits::Stop,
        level: price("90000"),
        execution: Execution::Market(rate("0.01")),
        qty: None,
        client: ClientId(1),
    };
    let twap = TwapOrder {
        market: BTC_DATED,
        side: Side::Buy,
        qty: qty("1"),
        duration: Span::HOUR.times(2),
        reduce_only: false,
        client: ClientId(2),
    };
    x.send(user(account, Command::PlaceTrigger(Box::new(stop)))).unwrap();
    x.send(user(account, Command::PlaceTwap(twap))).unwrap();
}

#[test]
fn x_4_at_expiry_trading_ends_and_every_order_and_plan_is_gone() {
    let mut x = exchange();
    let (long, short) = (x.user("100000"), x.user("1000000"));
    x.trade(long, short, order(BTC_DATED, Side::Buy, "100000", "1"));
    x.place(short, order(BTC_DATED, Side::Sell, "105000", "1")).unwrap();
    plans(&mut x, long);
    until(&mut x, 3599);
    let wish = order(BTC_DATED, Side::Buy, "100000", "0.1");
    assert_eq!(x.state.phase(BTC_DATED), Phase::Open);
    pass(&mut x, 3600, &[user(short, Command::Place(wish))]);
    let told = |shows: fn(&Event) -> bool| x.events.iter().any(shows);
    assert!(told(|e| matches!(e, Event::Removed { market: BTC_DATED, reason: Gone::Halted, .. })));
    assert!(told(|e| matches!(e, Event::TriggerGone { market: BTC_DATED, fired: false, .. })));
    assert!(told(|e| matches!(e, Event::TwapOver { .. })));
    assert!(told(|e| matches!(e, Event::Rejected { reason: Reject::Expired, .. })));
    assert!(told(|e| matches!(e, Event::Settled { market: BTC_DATED, .. })));
    assert_eq!(x.place(long, wish), Err(Reject::Expired));
    let cancel = Command::CancelAll { market: Some(BTC_DATED) };
    assert_eq!(x.send(user(long, cancel)), Ok(()));
    let twap = Command::PlaceTwap(TwapOrder {
        market: BTC_DATED,
        side: Side::Buy,
        qty: qty("1"),
        duration: Span::HOUR,
        reduce_only: false,
        client: ClientId(2),
    });
    assert_eq!(x.send(user(long, twap)), Err(Reject::Expired));
    assert_eq!(x.withdraw(long, QUOTE, "1"), Ok(()));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "0.1"));
}

#[test]
fn x_4_a_stale_index_at_expiry_delays_settlement_until_half_of_the_window_was_seen() {
    let mut x = exchange();
    let (long, short) = (x.user("100000"), x.user("1000000"));
    x.trade(long, short, order(BTC_DATED, Side::Buy, "100000", "1"));
    until(&mut x, 2400);
    // Ten minutes of the window are seen.
    x.prices[1] = None;
    until(&mut x, 3700);
    assert!(matches!(phase(&x), Phase::Expired { .. }), "{:?}", phase(&x));
    assert_eq!(x.position(long, BTC_DATED), qty("1"));
    x.prices[1] = Some(price("106000"));
    until(&mut x, 3950);
    assert!(matches!(phase(&x), Phase::Expired { .. }), "{:?}", phase(&x));
    until(&mut x, 4020);
    // The index serves for half a minute after its last vote: (10.5·100 000 + 4.5·106 000)/15.
    assert_eq!(settled(&x), Some(price("101800")));
    assert_eq!(x.position(long, BTC_DATED), Qty::ZERO);
}

#[test]
fn x_4_a_gap_between_blocks_is_time_that_nobody_saw() {
    let mut params = with_future(dated(3600));
    params.rules.halt.outage_min = Span::MINUTE;
    let mut x = exchange_of(params);
    until(&mut x, 2400);
    pass(&mut x, 3500, &[]);
    until(&mut x, 3600);
    // Ten minutes before the gap, and 100 s after it.
    assert!(matches!(phase(&x), Phase::Expired { .. }), "{:?}", phase(&x));
    assert_eq!(x.state.market(BTC_DATED).perpetual.dated.covered(), Span::from_secs(700));
    until(&mut x, 3800);
    assert_eq!(settled(&x), Some(price("100000")));
}

#[test]
fn x_4_without_any_index_the_last_accepted_one_settles_after_the_longest_wait() {
    let mut x = exchange();
    let (long, short) = (x.user("100000"), x.user("1000000"));
    x.trade(long, short, order(BTC_DATED, Side::Buy, "100000", "1"));
    until(&mut x, 1000);
    x.prices = [None; 3];
    let day = 3600 + 86_400;
    pass(&mut x, day - 1, &[]);
    assert!(matches!(phase(&x), Phase::Expired { .. }), "{:?}", phase(&x));
    pass(&mut x, day, &[]);
    assert_eq!(settled(&x), Some(price("100000")));
    let zero = |event: &Event| matches!(event, Event::Settled { covered: Span::ZERO, .. });
    assert!(x.events.iter().any(zero));
    assert_eq!(x.position(short, BTC_DATED), Qty::ZERO);
}

#[test]
fn x_4_a_future_that_never_had_an_index_ends_as_well() {
    let mut x = Exchange::of(with_future(dated(3600)));
    x.run(&[]);
    pass(&mut x, 3600, &[]);
    assert!(matches!(phase(&x), Phase::Expired { .. }), "{:?}", phase(&x));
    pass(&mut x, 3600 + 86_400, &[]);
    assert_eq!(settled(&x), Some(Price::ZERO));
}

#[test]
fn x_4_a_halted_or_delisted_future_still_expires() {
    for directive in [Directive::Halt, Directive::Delist, Directive::ReduceOnly] {
        let mut x = exchange();
        let (long, short) = (x.user("100000"), x.user("1000000"));
        x.trade(long, short, order(BTC_DATED, Side::Buy, "100000", "1"));
        x.place(short, order(BTC_DATED, Side::Sell, "101000", "1")).unwrap();
        x.send(custodian(Command::Direct { market: BTC_DATED, directive })).unwrap();
        until(&mut x, 3600);
        assert_eq!(settled(&x), Some(price("100000")), "{directive:?}");
        assert_eq!(x.position(long, BTC_DATED), Qty::ZERO);
        until(&mut x, 3700);
        assert_eq!(settled(&x), Some(price("100000")), "for ever");
    }
}

#[test]
fn x_5_payoffs_and_dust_sum_to_zero_and_nobody_pays_a_fee() {
    let mut x = exchange();
    let users: Vec<AccountId> = (0..5).map(|_| x.user("100000")).collect();
    for (at, (buyer, seller)) in [(0, 1), (2, 3), (0, 4), (2, 1)].into_iter().enumerate() {
        let at = format!("{}", 99_990 + 7 * at);
        let wish = order(BTC_DATED, Side::Buy, &at, "0.0301");
        x.trade(users[buyer], users[seller], wish);
    }
    until(&mut x, 2500);
    x.prices[1] = Some(price("100777.77777777"));
    until(&mut x, 3599);
    let before: Amount = users.iter().map(|user| x.cash(*user)).sum();
    let dust = x.balance(Holder::Dust);
    let worth: Vec<(Qty, Amount)> = users
        .iter()
        .map(|user| {
            let entry = x.state.market(BTC_DATED).entry(*user);
            (entry.position, x.cash(*user) - entry.cost)
        })
        .collect();
    pass(&mut x, 3600, &[]);
    let price = settled(&x).unwrap();
    for (user, (position, base)) in users.iter().zip(worth) {
        let payoff = price.notional(position, money::Round::Down);
        assert_eq!(x.cash(*user), base + payoff, "no fee");
    }
    let after: Amount = users.iter().map(|user| x.cash(*user)).sum();
    let kept = x.balance(Holder::Dust) - dust;
    assert_eq!(after + kept, before);
    assert!(Amount::ZERO <= kept && kept < Amount::from_raw(5), "{kept}");
    assert_eq!(
        (clearing(&x), x.state.market(BTC_DATED).perpetual.open_interest),
        Default::default()
    );
}

/// A short of 1 with this much cash against two longs, and an index that ends 20 % higher while
/// nobody trades.
fn deficit(cash: &str, insurance: &str) -> (Exchange, [AccountId; 4]) {
    let mut params = with_future(dated(3600));
    // So that the short is not liquidated before: the market stands still.
    params.rules.halt.halt_max = Span::DAY.times(30);
    let mut x = exchange_of(params);
    let (short, idle) = (x.user(cash), x.user("1000000"));
    let (one, two) = (x.user("100000"), x.user("50000"));
    if amount(insurance).is_positive() {
        x.send(custodian(Command::FundInsurance { amount: amount(insurance) })).unwrap();
    }
    x.trade(one, short, order(BTC_DATED, Side::Buy, "100000", "0.75"));
    x.trade(two, short, order(BTC_DATED, Side::Buy, "100000", "0.25"));
    let directive = Directive::Halt;
    x.send(custodian(Command::Direct { market: BTC_DATED, directive })).unwrap();
    x.run(&[]);
    x.prices[1] = Some(price("120000"));
    until(&mut x, 3600);
    assert_eq!(settled(&x), Some(price("120000")));
    (x, [short, idle, one, two])
}

#[test]
fn x_5_a_deficit_is_paid_by_insurance_then_by_the_gains_in_proportion() {
    // Loses 20 000 and has 13 000: 7000 are missing, half of the fund's 10 000 is a day's budget.
    let (x, [short, idle, one, two]) = deficit("13000", "10000");
    let paid = x.events.iter().find_map(|event| match event {
        Event::InsurancePaid { account, amount } if *account == short => Some(*amount),
        _ => None,
    });
    let paid = paid.expect("insurance pays first");
    let missing = amount("7000") - paid;
    assert!(paid.is_positive() && missing.is_positive(), "{paid}");
    assert_eq!(x.cash(short), Amount::ZERO);
    let share = |part: &str| missing.share(rate(part), money::Round::Down).unwrap();
    assert_eq!(x.cash(one), amount("115000") - share("0.75"));
    assert_eq!(x.cash(two), amount("55000") - share("0.25"));
    assert_eq!(x.cash(idle), amount("1000000"), "who has no position is untouched");
    let uncovered = |event: &Event| matches!(event, Event::Settled { uncovered: Amount::ZERO, .. });
    assert!(x.events.iter().any(uncovered));
    assert_eq!(x.state.deficits(), Amount::ZERO);
}

#[test]
fn x_5_a_gain_that_another_position_lost_pays_only_what_equity_is_left() {
    let mut x = exchange();
    let (short, idle, hedged) = (x.user("12000"), x.user("1000000"), x.user("13000"));
    x.trade(hedged, short, order(BTC_DATED, Side::Buy, "100000", "1"));
    x.trade(idle, hedged, order(BTC_PERP, Side::Buy, "100000", "1"));
    let (directive, paid) = (Directive::Halt, x.cash(idle));
    x.send(custodian(Command::Direct { market: BTC_DATED, directive })).unwrap();
    x.prices[1] = Some(price("130000"));
    // So that its perpetual is worth what the index is.
    until(&mut x, 3590);
    let equity = x.equity(hedged);
    pass(&mut x, 3600, &[]);
    let uncovered = x.events.iter().find_map(|event| match event {
        Event::Settled { uncovered, .. } => Some(*uncovered),
        _ => None,
    });
    assert!(equity.is_positive() && equity < amount("18000"), "{equity}");
    assert_eq!(uncovered, Some(amount("18000") - equity));
    assert_eq!(x.equity(hedged), Amount::ZERO);
    assert_eq!(x.cash(short), -uncovered.unwrap(), "a debt, told and counted");
    assert_eq!(x.state.deficits(), uncovered.unwrap());
    assert_eq!(x.cash(idle), paid, "who was not in this market pays nothing");
}

#[test]
fn x_5_a_deficit_beside_a_position_that_cannot_be_closed_waits() {
    let mut x = exchange();
    let (short, other, long) = (x.user("13000"), x.user("1000000"), x.user("100000"));
    x.send(custodian(Command::FundInsurance { amount: amount("50000") })).unwrap();
    x.trade(long, short, order(BTC_DATED, Side::Buy, "100000", "1"));
    x.trade(short, other, order(SOL_PERP, Side::Buy, "100", "1"));
    for market in [BTC_DATED, SOL_PERP] {
        x.send(custodian(Command::Direct { market, directive: Directive::Halt })).unwrap();
    }
    x.run(&[]);
    x.prices[1] = Some(price("120000"));
    until(&mut x, 3600);
    assert_eq!(settled(&x), Some(price("120000")));
    assert!(x.events.iter().all(|event| !matches!(event, Event::InsurancePaid { .. })));
    assert_eq!(x.cash(long), amount("120000"));
    assert!(x.equity(short).is_negative() && x.position(short, SOL_PERP).is_positive());
    // What is owed is paid once the other market serves again.
    let (market, directive) = (SOL_PERP, Directive::Resume);
    x.send(custodian(Command::Direct { market, directive })).unwrap();
    x.blocks(200);
    assert_eq!(x.equity(short), Amount::ZERO);
}

#[test]
fn x_5_a_market_pays_the_part_of_a_deficit_that_its_position_has_in_all() {
    let mut x = exchange();
    let (short, other, long) = (x.user("16000"), x.user("1000000"), x.user("100000"));
    x.send(custodian(Command::FundInsurance { amount: amount("1000000") })).unwrap();
    x.trade(long, short, order(BTC_DATED, Side::Buy, "100000", "1"));
    x.trade(short, other, order(SOL_PERP, Side::Buy, "100", "200"));
    let (market, directive) = (BTC_DATED, Directive::Halt);
    x.send(custodian(Command::Direct { market, directive })).unwrap();
    x.run(&[]);
    x.prices[1] = Some(price("120000"));
    until(&mut x, 3590);
    let deficit = -(x.equity(short));
    pass(&mut x, 3600, &[]);
    let paid = x.events.iter().filter_map(|event| match event {
        Event::InsurancePaid { account, amount } if *account == short => Some(*amount),
        _ => None,
    });
    let paid: Vec<Amount> = paid.collect();
    // 120 000 of 140 000, and what is left belongs to the other market.
    let part = deficit.portion(amount("120000"), amount("140000"), money::Round::Up).unwrap();
    assert!(deficit > amount("4000"), "{deficit}");
    assert_eq!(paid, vec![part, deficit - part]);
}

#[test]
fn x_5_an_insurance_that_suffices_leaves_the_gains_whole() {
    let (x, [short, _, one, two]) = deficit("13000", "1000000");
    assert_eq!(
        [x.cash(short), x.cash(one), x.cash(two)],
        [Amount::ZERO, amount("115000"), amount("55000"),]
    );
}

#[test]
fn x_6_a_future_nets_with_spot_and_perpetual_at_the_basis_and_its_spread() {
    let mut x = exchange();
    let (a, b) = (x.user("1000000"), x.user("10000000"));
    let needed = |x: &Exchange, level| x.state.health(a, level).requirement;
    x.trade(a, b, order(BTC_DATED, Side::Buy, "100000", "1"));
    // Naked: 10 % and 2 %, maintenance 5 % and 1 %.
    assert_eq!(needed(&x, Level::Initial), amount("12000"));
    assert_eq!(needed(&x, Level::Maintenance), amount("6000"));
    x.trade(b, a, order(BTC_PERP, Side::Buy, "100000", "1"));
    // Against a perpetual: the basis of 4 % and 2 %, maintenance 2 % and 1 %.
    assert_eq!(needed(&x, Level::Initial), amount("6000"));
    assert_eq!(needed(&x, Level::Maintenance), amount("3000"));
    // The other way round with a holding.
    x.trade(b, a, order(BTC_DATED, Side::Buy, "100000", "2"));
    x.trade(a, b, order(BTC_PERP, Side::Buy, "100000", "1"));
    x.give(a, BTC, "1");
    assert_eq!(needed(&x, Level::Initial), amount("6000"));
    assert_eq!(x.state.margin_sweep(), Vec::new());
}

#[test]
fn x_6_a_settled_future_no_longer_sets_the_margin_of_its_underlying() {
    let mut future = dated(3600);
    future.terms.margin_initial = rate("0.2");
    let mut x = exchange_of(with_future(future));
    let (long, short) = (x.user("100000"), x.user("1000000"));
    x.trade(long, short, order(BTC_PERP, Side::Buy, "100000", "1"));
    let needed = |x: &Exchange| x.state.health(long, Level::Initial).requirement;
    assert_eq!(needed(&x), amount("20000"), "the highest of the markets");
    until(&mut x, 3600);
    assert_eq!(needed(&x), amount("10000"));
}

#[test]
fn x_6_a_future_under_maintenance_is_liquidated_like_a_perpetual() {
    let spread = rate("0.06");
    let future = dated(3600);
    let mut x = exchange_of(with_future(FutureParams {
        spread_initial: spread,
        spread_maintenance: spread,
        ..future
    }));
    let (long, maker) = (x.user("16400"), x.user("1000000"));
    x.trade(long, maker, order(BTC_DATED, Side::Buy, "100000", "1"));
    x.prices[1] = Some(price("93000"));
    x.place(maker, order(BTC_DATED, Side::Buy, "92950", "2")).unwrap();
    // The last trade is too old, and the mean of the index has not followed. Above 5 %, below 5 %
    // and the spread of 6 %.
    x.blocks(100);
    assert!(x.equity(long) > amount("9000") && x.equity(long) < amount("10230"));
    assert!(!x.state.is_clearly_sound(long));
    assert_eq!(x.state.margin_sweep(), vec![long]);
    let mut sold = Amount::ZERO;
    for _ in 0..400 {
        x.run(&[]);
        for event in &x.events {
            if let Event::Traded { market: BTC_DATED, liquidation: true, price, qty, .. } = event {
                sold += price.notional(*qty, money::Round::Down);
            }
        }
    }
    assert!(sold.is_positive());
    assert!(x.state.health(long, Level::Maintenance).is_sound());
}

/// Long a future, short the perpetual, and long SOL, which falls by 18 %.
#[test]
fn x_6_a_hedge_of_two_derivatives_is_closed_leg_against_leg() {
    let mut x = exchange();
    let (account, maker) = (x.user("24000"), x.user("10000000"));
    x.trade(account, maker, order(BTC_DATED, Side::Buy, "100000", "1"));
    x.trade(maker, account, order(BTC_PERP, Side::Buy, "100000", "1"));
    x.trade(account, maker, order(SOL_PERP, Side::Buy, "100", "1000"));
    x.place(maker, order(BTC_DATED, Side::Buy, "99990", "20")).unwrap();
    x.place(maker, order(BTC_PERP, Side::Sell, "100010", "20")).unwrap();
    x.place(maker, order(SOL_PERP, Side::Buy, "81.9", "1500")).unwrap();
    x.blocks(900);
    x.prices[2] = Some(price("82"));
    let ratio = |x: &Exchange| {
        let health = x.state.health(account, Level::Maintenance);
        health.equity.ratio(health.requirement, money::Round::Down)
    };
    let (mut closed, mut before) = (false, ratio(&x));
    for _ in 0..600 {
        x.run(&[]);
        let forced = |e: &Event| matches!(e, Event::Traded { liquidation: true, .. });
        if x.events.iter().any(forced) {
            closed = true;
            let now = ratio(&x);
            assert!(now >= before, "{now:?} after {before:?}");
            let net = x.position(account, BTC_DATED) + x.position(account, BTC_PERP);
            assert!(net.abs() <= qty("0.0002"), "{net}");
        }
        before = ratio(&x);
    }
    assert!(closed && x.position(account, BTC_DATED) < qty("1"));
}

/// The index falls before a window of four hours and rises far ten minutes before its end: what the
/// future is worth follows by a twenty-fourth, what it is charged for the size at once.
#[test]
fn x_2_an_index_that_comes_too_late_for_the_mean_saves_nobody() {
    let averaging = Span::HOUR.times(4);
    let mut x = exchange_of(with_future(FutureParams { averaging, ..dated(5 * 3600) }));
    let (long, short) = (x.user("15450"), x.user("1000000"));
    x.trade(long, short, order(BTC_DATED, Side::Buy, "100000", "1"));
    x.prices[1] = Some(price("90000"));
    until(&mut x, 5 * 3600 - 600);
    assert!(x.state.health(long, Level::Maintenance).is_sound());
    x.prices[1] = Some(price("110000"));
    let mut started = false;
    while x.now < dated(5 * 3600 - 10).expiry {
        x.step = Span::from_secs(10);
        x.run(&[]);
        started |= x.events.iter().any(|e| matches!(e, Event::LiquidationStarted { .. }));
    }
    assert!(started, "{:?}", x.state.health(long, Level::Maintenance));
}
