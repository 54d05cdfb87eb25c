//! What an expiry pays, and that nothing keeps it from ending (rules K-7 to K-9).

use money::{Amount, Span};
use protocol::event::{Event, Gone, OptionEvent};
use protocol::ids::*;
use protocol::ledger::Holder;
use protocol::option::Contract;
use protocol::params::OptionParams;
use protocol::reject::Reject;
use protocol::state::Level;

use super::floor::*;
use crate::exchange::*;

const CALL: OptionKind = OptionKind::Call;
const PUT: OptionKind = OptionKind::Put;

/// Runs blocks of a minute until so many minutes after midnight.
fn until(floor: &mut Floor, minute: u64) {
    floor.x.step = Span::MINUTE;
    stepping(floor, minute);
}

fn stepping(floor: &mut Floor, minute: u64) {
    let end = money::Time::from_nanos(START).after(Span::MINUTE.times(minute));
    while floor.x.state.time() < end {
        floor.run(&[]);
    }
}

fn settled(floor: &Floor) -> Option<(String, Amount)> {
    floor.x.events.iter().find_map(|event| match event {
        Event::Option(OptionEvent::ExpirySettled { price, uncovered, .. }) => {
            Some((price.to_string(), *uncovered))
        }
        _ => None,
    })
}

#[test]
fn k_7_k_8_an_expiry_settles_at_the_mean_of_half_an_hour_and_pays_exactly() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("100000"), floor.x.user("1000000"));
    let call = floor.series(0, "100000", CALL);
    let put = floor.series(0, "102500", PUT);
    let out = floor.series(0, "110000", CALL);
    let at = |floor: &Floor, series| floor.about(series);
    for (series, size) in [(call, "0.33"), (put, "0.07"), (out, "1")] {
        let price = at(&floor, series).parse::<i64>().unwrap().max(1).to_string();
        floor.trade(a, b, option(series, Side::Buy, &price, size));
    }
    floor.rest(b, option(call, Side::Sell, "6000", "0.1"));
    until(&mut floor, 450);
    let before = [floor.x.cash(a), floor.x.cash(b)];
    let fees = floor.x.balance(Holder::Fees);
    // The last half hour: a third at 101 000.5, two thirds at 101 200.
    floor.x.prices[1] = Some(price("101000.5"));
    until(&mut floor, 460);
    floor.x.prices[1] = Some(price("101200"));
    until(&mut floor, 479);
    assert_eq!(settled(&floor), None);
    floor.run(&[]);
    let (paid, uncovered) = settled(&floor).expect("the first block at eight");
    let mean: i64 = paid.parse::<money::Price>().unwrap().raw();
    assert!(price("101125").raw() < mean && mean < price("101134").raw(), "{paid}");
    assert_eq!(uncovered, Amount::ZERO);
    let gone = |event: &Event| {
        matches!(event, Event::Option(OptionEvent::Removed { reason: Gone::Halted, .. }))
    };
    assert_eq!(floor.count(gone), 1);
    assert_eq!(
        floor.count(|event| matches!(event, Event::Option(OptionEvent::Exercised { .. }))),
        6
    );
    // 0.33·1 133.5 + 0.07·1 366.5 for a, less the fee of settlement; b pays what a receives.
    let paid = floor.x.balance(Holder::Fees) - fees;
    let gain = floor.x.cash(a) - before[0] + paid;
    let owed = before[1] - floor.x.cash(b);
    let dust = owed - gain;
    assert!(dust >= Amount::ZERO && dust <= Amount::from_raw(3), "{dust}");
    assert_eq!(floor.x.balance(Holder::Dust), dust);
    // 1.5 bp of 40 453 of notional.
    assert!(amount("6") < paid && paid < amount("6.1"), "{paid}");
    let chain = &floor.x.state.chains()[0];
    assert!(chain.series(call).is_none() && chain.legs(a).is_empty());
}

#[test]
fn k_9_an_outage_over_the_expiry_ends_with_what_was_seen_or_the_last_index() {
    let mut floor = Floor::new();
    let (a, b) = (floor.x.user("100000"), floor.x.user("1000000"));
    let call = floor.series(0, "100000", CALL);
    let price_of = floor.about(call);
    floor.trade(a, b, option(call, Side::Buy, &price_of, "1"));
    floor.x.prices[1] = Some(price("103000"));
    until(&mut floor, 440);
    (floor.x.prices, floor.volatility) = ([None; 3], None);
    until(&mut floor, 500);
    assert!(floor.x.state.chains()[0].series(call).is_some(), "no index in the whole window");
    let mark = floor.mark(call);
    assert_eq!(mark, price("3000"), "intrinsic at the last index");
    let late = floor.place(a, option(call, Side::Sell, "3000", "1"));
    assert_eq!(late, Err(Reject::Expired));
    floor.x.step = Span::MINUTE.times(10);
    stepping(&mut floor, 480 + 1420);
    until(&mut floor, 480 + 1439);
    assert!(floor.x.state.chains()[0].series(call).is_some());
    floor.run(&[]);
    assert_eq!(settled(&floor), Some(("103000".into(), Amount::ZERO)));
    assert!(floor.x.state.chains()[0].series(call).is_none());
    // The second day ends in the same outage, a day later.
    floor.x.step = Span::MINUTE.times(10);
    stepping(&mut floor, 480 + 2 * 1440);
    let chain = &floor.x.state.chains()[0];
    let (now, next) = (floor.x.state.time(), chain.expiries[0].time);
    assert!(next.after(Span::DAY) > now, "nothing stays longer than a day");
    assert!(chain.legs(a).is_empty());
}

#[test]
fn k_7_half_of_the_window_is_enough_and_is_frozen() {
    let mut floor = Floor::new();
    floor.x.prices[1] = Some(price("101000"));
    until(&mut floor, 466);
    let silent = floor.x.prices;
    floor.x.prices = [None; 3];
    until(&mut floor, 480);
    assert_eq!(settled(&floor), Some(("101000".into(), Amount::ZERO)), "16 of 30 minutes");
    floor.x.prices = silent;
}

#[test]
fn k_8_a_deficit_is_paid_by_insurance_and_then_by_those_who_gained() {
    let mut floor = Floor::new();
    let (a, b, c) = (floor.x.user("100000"), floor.x.user("60000"), floor.x.user("100000"));
    let call = floor.series(0, "100000", CALL);
    let price_of = floor.about(call);
    floor.trade(a, b, option(call, Side::Buy, &price_of, "2"));
    floor.trade(c, b, option(call, Side::Buy, &price_of, "1"));
    floor
        .send(custodian(protocol::command::Command::FundInsurance { amount: amount("1000") }))
        .unwrap();
    // Nothing is liquidated at once: the gap is in the window, without a surface that serves.
    until(&mut floor, 418);
    floor.volatility = None;
    until(&mut floor, 449);
    floor.x.prices[1] = Some(price("130000"));
    until(&mut floor, 479);
    let equity = floor.x.state.health(b, Level::Maintenance).equity;
    assert!(equity.is_negative(), "{equity}");
    let before = [a, c].map(|account| floor.x.cash(account));
    floor.run(&[]);
    let (_, uncovered) = settled(&floor).expect("settled");
    assert_eq!(uncovered, Amount::ZERO);
    assert_eq!(floor.x.cash(b), Amount::ZERO, "owes nothing any more");
    let cuts: Vec<(AccountId, Amount)> = floor
        .x
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Option(OptionEvent::Haircut { counterparty, haircut, account, .. })
                if *account == b =>
            {
                Some((*counterparty, *haircut))
            }
            _ => None,
        })
        .collect();
    assert_eq!(cuts.len(), 2);
    assert_eq!((cuts[0].0, cuts[1].0), (a, c));
    // In proportion to what they gained, two to one but for roundings.
    let off = cuts[0].1 - cuts[1].1 - cuts[1].1;
    assert!(off.abs() < amount("0.01"), "{cuts:?}");
    assert!(floor.x.balance(Holder::Insurance) < amount("1000"), "insurance first");
    for (account, before) in [a, c].into_iter().zip(before) {
        assert!(floor.x.cash(account) > before, "a haircut takes no more than the gain");
    }
}

#[test]
fn k_9_an_expiry_that_waits_for_its_price_keeps_no_other_waiting() {
    let mut params = design_with_options();
    params.rules.options[0].settlement.extension_max = Span::DAY.times(3);
    let mut floor = Floor::of(params);
    let a = floor.x.user("100000");
    let [first, second] = [0, 1].map(|expiry| floor.series(expiry, "100000", CALL));
    floor.rest(a, option(second, Side::Buy, "100", "1"));
    (floor.x.prices, floor.volatility) = ([None; 3], None);
    floor.x.step = Span::MINUTE.times(10);
    stepping(&mut floor, 480 + 1430);
    assert_eq!(floor.leg(a, second).orders, 1);
    floor.run(&[]);
    let chain = &floor.x.state.chains()[0];
    assert!(chain.series(first).is_some() && chain.series(second).is_some(), "both wait");
    assert_eq!(floor.leg(a, second).orders, 0, "nothing rests in what is over");
}

#[test]
fn k_8_a_deficit_is_measured_at_the_marks_of_the_same_block() {
    const WEEK: usize = 3;
    let mut params = design_with_options();
    params.rules.options.push(OptionParams::new(SOL, price("0.01"), qty("1")));
    let mut floor = Floor::of(params);
    floor.x.prices[2] = Some(price("150"));
    floor.run(&[]);
    floor.run(&[]);
    let (a, b, c) = (floor.x.user("100000"), floor.x.user("30000"), floor.x.user("100000"));
    let call = floor.series(0, "100000", CALL);
    let price_of = floor.about(call);
    floor.trade(a, b, option(call, Side::Buy, &price_of, "1"));
    let other = &floor.x.state.chains()[1];
    let contract = Contract { expiry: other.expiries[WEEK].time, strike: price("120"), kind: CALL };
    let long = other.find(contract).expect("it is listed").id;
    floor.trade(b, c, option(long, Side::Buy, "31", "300"));
    until(&mut floor, 449);
    floor.x.prices[1] = Some(price("124000"));
    until(&mut floor, 479);
    let equity = floor.x.state.equity(b);
    assert!(amount("5000") < equity, "{equity}: by its other options");
    floor.x.prices[2] = Some(price("100"));
    floor.run(&[]);
    assert!(settled(&floor).is_some());
    let cut = |event: &Event| {
        matches!(event, Event::Option(OptionEvent::Haircut { account, counterparty, .. })
            if (*account, *counterparty) == (b, a))
    };
    assert_eq!(floor.count(cut), 1, "those are worth nothing in this block");
}
