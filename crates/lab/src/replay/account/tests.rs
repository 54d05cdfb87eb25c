//! Accounts: published examples of exchanges, each cause by itself, and a naive twin that reckons
//! equity from the list of what happened.

mod margins;
mod twin;

use pricing::black::OptionKind;

use super::super::fees::{Basis, Tier};
use super::*;

pub(super) const NOW: Time = Time::from_nanos(1_700_000_000 * Span::SECOND.nanos());

pub(super) fn price(text: &str) -> Price {
    text.parse().unwrap()
}

pub(super) fn qty(text: &str) -> Qty {
    text.parse().unwrap()
}

pub(super) fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

pub(super) fn rate(text: &str) -> Rate {
    text.parse().unwrap()
}

pub(super) fn after(seconds: u64) -> Time {
    NOW.after(Span::from_secs(seconds))
}

pub(super) fn flat(maker: &str, taker: &str, basis: Basis) -> Schedule {
    let tier = Tier { volume: Amount::ZERO, maker: rate(maker), taker: rate(taker) };
    Schedule::new(vec![tier], 30, basis).unwrap()
}

/// A market without fees or margin.
pub(super) fn market(kind: Kind) -> MarketTerms {
    MarketTerms {
        kind,
        fees: Schedule::free(),
        delivery: Schedule::free(),
        liquidation: Schedule::free(),
        margin: Margin::None,
    }
}

pub(super) fn spot() -> Kind {
    Kind::Spot { base: Asset(1), quote: Asset(0) }
}

pub(super) fn linear() -> Kind {
    Kind::Linear { settle: Asset(0), size: Qty::ONE }
}

pub(super) fn inverse() -> Kind {
    Kind::Inverse { settle: Asset(0), face: Price::ONE }
}

pub(super) fn option(right: OptionKind, strike: &str, in_coin: bool) -> Kind {
    let (settle, size) = (Asset(0), Qty::ONE);
    Kind::Option { settle, size, right, strike: price(strike), in_coin }
}

/// An account with two assets and a deposit of its currency.
pub(super) fn account(markets: Vec<MarketTerms>, deposit: &str) -> Account {
    let assets = [AssetTerms::CASH; 2];
    let turnover = Turnover::steady(Amount::ZERO, NOW);
    let mut account = Account::new(&assets, markets, turnover, NOW).unwrap();
    account.deposit(Asset(0), amount(deposit), NOW).unwrap();
    account
}

pub(super) fn fill(market: usize, side: Side, price_text: &str, qty_text: &str) -> Fill {
    let price = price(price_text);
    let qty = qty(qty_text);
    Fill { market, side, price, qty, maker: false, mid: price, moved: price }
}

fn causes(account: &Account) -> Vec<(Cause, String)> {
    assert_eq!(account.equity() - account.deposited(), account.ledger().total());
    let of = |cause: Cause| (cause, account.ledger().of(cause));
    let some = |(_, sum): &(Cause, Amount)| !sum.is_zero();
    Cause::ALL.into_iter().map(of).filter(some).map(|(c, sum)| (c, sum.to_string())).collect()
}

fn booked(list: &[(Cause, &str)]) -> Vec<(Cause, String)> {
    list.iter().map(|&(cause, sum)| (cause, amount(sum).to_string())).collect()
}

#[test]
fn a_round_trip_in_inverse_futures_earns_what_deribit_says() {
    // Docs of Deribit, Example (futures): $1000 bought at $600 and sold at $700 earn
    // 1000/600 - 1000/700 = 0.238095 BTC; as taker orders they cost 0.5/600 + 0.5/700 BTC.
    let fees = flat("0", "0.0005", Basis::Value);
    let mut account = account(vec![MarketTerms { fees, ..market(inverse()) }], "1");
    let bought = account.fill(&fill(0, Side::Buy, "600", "1000"), NOW).unwrap();
    assert_eq!(bought.amount, amount("0.00083334"));
    assert_eq!(account.entry(0), Some(price("600.0000024")), "1.66666666 coins");
    let sold = account.fill(&fill(0, Side::Sell, "700", "1000"), NOW).unwrap();
    assert_eq!(sold.amount, amount("0.00071429"));
    assert_eq!((account.position(0), account.entry(0)), (Qty::ZERO, None));
    // Each trade is rounded against the account, by 10⁻⁸ coins at most.
    assert_eq!(account.realised(0), amount("0.23809523"));
    assert_eq!(account.balance(Asset(0)), account.equity());
    // 1.42857142 are taken out of the market for what is worth 1.42857143 at its middle.
    let expected = [
        (Cause::Spread, "-0.00000001"),
        (Cause::PriceMoves, "0.23809524"),
        (Cause::TakerFees, "-0.00154763"),
    ];
    assert_eq!(causes(&account), booked(&expected));
}

#[test]
fn inverse_profit_is_that_of_bitmex() {
    // Inverse Futures Guide: 100,000 contracts from 10,000 to 10,500 earn
    // 100,000 · (1/10,000 − 1/10,500) = 0.47619 XBT; a short of them loses as much.
    for (side, back, profit) in
        [(Side::Buy, Side::Sell, "0.47619047"), (Side::Sell, Side::Buy, "-0.47619048")]
    {
        let mut account = account(vec![market(inverse())], "0");
        account.fill(&fill(0, side, "10000", "100000"), NOW).unwrap();
        account.see(0, price("10500")).unwrap();
        assert_eq!(account.unrealised(0).unwrap(), amount(profit));
        account.fill(&fill(0, back, "10500", "100000"), NOW).unwrap();
        assert_eq!((account.realised(0), account.equity()), (amount(profit), amount(profit)));
    }
}

#[test]
fn a_fill_is_split_into_spread_impact_fee_and_the_moves_that_follow() {
    let fees = flat("-0.0001", "0.0005", Basis::Value);
    let mut account = account(vec![MarketTerms { fees, ..market(linear()) }], "1000");
    // The middle is 100, own buying before has moved it to 100.2, the ask is 100.5.
    let (mid, moved) = (price("100"), price("100.2"));
    let buy = Fill { mid, moved, ..fill(0, Side::Buy, "100.5", "2") };
    let fee = account.fill(&buy, NOW).unwrap();
    assert_eq!((fee.amount, fee.value), (amount("0.1005"), amount("0.1005")));
    let expected =
        [(Cause::Spread, "-0.6"), (Cause::TakerFees, "-0.1005"), (Cause::Impact, "-0.4")];
    assert_eq!(causes(&account), booked(&expected));
    // Sold as a maker above the middle of 103, for a rebate.
    let mid = price("103");
    let sell = Fill { mid, moved: mid, maker: true, ..fill(0, Side::Sell, "104", "1") };
    assert_eq!(account.fill(&sell, NOW).unwrap().amount, amount("-0.0104"));
    let expected = [
        (Cause::Spread, "0.4"),
        (Cause::PriceMoves, "6"),
        (Cause::TakerFees, "-0.1005"),
        (Cause::Rebates, "0.0104"),
        (Cause::Impact, "-0.4"),
    ];
    assert_eq!(causes(&account), booked(&expected));
    assert_eq!((account.entry(0), account.realised(0)), (Some(price("100.5")), amount("3.5")));
    assert_eq!(account.unrealised(0), Ok(amount("2.5")));
}

#[test]
fn crossing_zero_realises_the_old_side_and_opens_the_new() {
    let mut account = account(vec![market(linear())], "0");
    account.fill(&fill(0, Side::Buy, "100", "3"), NOW).unwrap();
    account.fill(&fill(0, Side::Sell, "110", "5"), NOW).unwrap();
    assert_eq!((account.position(0), account.entry(0)), (qty("-2"), Some(price("110"))));
    assert_eq!((account.realised(0), account.equity()), (amount("30"), amount("30")));
    account.see(0, price("105")).unwrap();
    assert_eq!((account.unrealised(0), account.equity()), (Ok(amount("10")), amount("40")));
}

#[test]
fn a_spot_buy_may_be_charged_in_coins() {
    // 2 coins at 0.1 %: 0.002 of them stay with the exchange, worth 0.2 of quote at 100.
    let fees = flat("0.001", "0.001", Basis::Received);
    let mut account = account(vec![MarketTerms { fees, ..market(spot()) }], "1000");
    let fee = account.fill(&fill(0, Side::Buy, "100", "2"), NOW).unwrap();
    assert_eq!(fee, Fee { asset: Asset(1), amount: amount("0.002"), value: amount("0.2") });
    assert_eq!((account.position(0), account.equity()), (qty("1.998"), amount("999.8")));
    // A sell is charged in quote.
    let fee = account.fill(&fill(0, Side::Sell, "100", "1"), NOW).unwrap();
    assert_eq!((fee.asset, fee.amount), (Asset(0), amount("0.1")));
    assert_eq!(account.balance(Asset(0)), amount("899.9"));
    account.see(0, price("110")).unwrap();
    assert_eq!(account.equity(), amount("899.9") + amount("109.78"));
    assert_eq!(
        causes(&account),
        booked(&[(Cause::PriceMoves, "9.98"), (Cause::TakerFees, "-0.3")])
    );
}

#[test]
fn longs_pay_positive_funding_and_what_is_paid_is_rounded_up() {
    let contract = Kind::Linear { settle: Asset(0), size: qty("0.001") };
    let mut account = account(vec![market(contract)], "100");
    account.fill(&fill(0, Side::Buy, "30000", "1"), NOW).unwrap();
    let paid = account.fund(0, rate("0.0001"), price("30000.00000001"), NOW).unwrap();
    assert_eq!(paid, amount("0.00300001"));
    account.fill(&fill(0, Side::Sell, "30000", "2"), NOW).unwrap();
    let paid = account.fund(0, rate("0.0001"), price("30000.00000001"), NOW).unwrap();
    assert_eq!(paid, amount("-0.003"));
    assert_eq!(causes(&account), booked(&[(Cause::Funding, "-0.00000001")]));
    let refused = account.fund(0, rate("1.000000000001"), price("1"), NOW);
    assert_eq!(refused, Err(Fault::FundingRate));

    let mut account = super::tests::account(vec![market(inverse())], "1");
    account.fill(&fill(0, Side::Buy, "40000", "8000"), NOW).unwrap();
    // 8000/50000 coins at 1 basis point.
    assert_eq!(account.fund(0, rate("0.0001"), price("50000"), NOW), Ok(amount("0.000016")));
    assert_eq!(account.fund(0, rate("-0.0001"), price("50000"), NOW), Ok(amount("-0.000016")));
}

#[test]
fn options_are_paid_at_once_and_settle_in_coin_or_quote() {
    let call = MarketTerms {
        fees: flat("0.0003", "0.0003", Basis::Underlying { cap: rate("0.125") }),
        delivery: flat("0", "0.00015", Basis::Underlying { cap: rate("0.125") }),
        ..market(option(OptionKind::Call, "50000", true))
    };
    let mut account = account(vec![call.clone()], "1");
    account.fill(&fill(0, Side::Buy, "0.05", "2"), NOW).unwrap();
    assert_eq!((account.balance(Asset(0)), account.equity()), (amount("0.8994"), amount("0.9994")));
    // At 62,500 the call is worth 12,500/62,500 = 0.2 coins.
    let fee = account.settle(0, price("62500"), NOW).unwrap();
    assert_eq!((fee.amount, account.position(0)), (amount("0.0003"), Qty::ZERO));
    assert_eq!(account.equity(), amount("1.2991"));
    assert_eq!(account.balance(Asset(0)), amount("1.2991"));
    let expected = [(Cause::PriceMoves, "0.3"), (Cause::TakerFees, "-0.0009")];
    assert_eq!(causes(&account), booked(&expected));

    // A short put in quote: premium 1000, and 3000 owed at 47,000.
    let put = market(option(OptionKind::Put, "50000", false));
    let mut account = super::tests::account(vec![put.clone(), call], "5000");
    let sell = fill(0, Side::Sell, "1000", "1");
    assert_eq!(account.fill(&sell, NOW), Err(Fault::Index), "its fee may need the underlying");
    account.index(0, price("50000")).unwrap();
    account.fill(&sell, NOW).unwrap();
    assert_eq!(account.balance(Asset(0)), amount("6000"));
    account.settle(0, price("47000"), NOW).unwrap();
    assert_eq!(account.equity(), amount("3000"));
    // One that ends out of the money pays nothing, and its delivery is free by the cap.
    account.fill(&fill(1, Side::Buy, "0.05", "2"), NOW).unwrap();
    let fee = account.settle(1, price("50000"), NOW).unwrap();
    assert_eq!((fee.amount, account.equity()), (Amount::ZERO, amount("2999.8994")));
}

#[test]
fn interest_is_simple_and_does_not_depend_on_how_often_it_is_counted() {
    let loan = AssetTerms { interest: rate("0.1"), borrow: amount("1000"), ..AssetTerms::CASH };
    let interest = |steps: &[u64]| {
        let turnover = Turnover::steady(Amount::ZERO, NOW);
        let mut account = Account::new(&[loan; 2], vec![market(spot())], turnover, NOW).unwrap();
        account.deposit(Asset(0), amount("100"), NOW).unwrap();
        account.accrue(after(1_000));
        account.fill(&fill(0, Side::Buy, "100", "4"), after(1_000)).unwrap();
        for step in steps {
            account.accrue(after(1_000 + step).after(Span::from_millis(300)));
        }
        assert_eq!(account.balance(Asset(0)), amount("-300"));
        account
    };
    // 300 at 10 % for a year are 30; for 1,000,003 seconds 0.951296659…
    let year = interest(&[31_536_000]);
    assert_eq!(year.ledger().of(Cause::Borrow), amount("-30"));
    assert_eq!((year.equity(), year.deposited()), (amount("70"), amount("100")));
    let rare = interest(&[1_000_003]);
    assert_eq!(rare.ledger().of(Cause::Borrow), amount("-0.95129662"));
    let often: Vec<u64> = (0..=1_000_003).step_by(7).chain([1_000_003]).collect();
    assert_eq!(interest(&often).ledger(), rare.ledger());
    // Sold out of, the debt is repaid with its interest, and none is counted any more.
    let mut repaid = rare;
    repaid.fill(&fill(0, Side::Sell, "100", "4"), after(1_001_003)).unwrap();
    assert_eq!(repaid.balance(Asset(0)), amount("99.04870338"));
    repaid.accrue(after(9_000_000));
    assert_eq!(repaid.equity(), amount("99.04870338"));
    assert_eq!(causes(&repaid), booked(&[(Cause::Borrow, "-0.95129662")]));
}

#[test]
fn coins_as_margin_gain_and_lose_with_their_price() {
    let coin = Kind::Inverse { settle: Asset(1), face: price("100") };
    let mut account = account(vec![market(spot()), market(coin)], "0");
    assert_eq!(account.deposit(Asset(1), Amount::ONE, NOW), Err(Fault::NoPrice));
    let short = fill(1, Side::Sell, "40000", "400");
    assert_eq!(account.fill(&short, NOW), Err(Fault::NoPrice));
    account.see(0, price("40000")).unwrap();
    account.deposit(Asset(1), Amount::ONE, NOW).unwrap();
    assert_eq!(account.equity(), amount("40000"));
    // A short of as many dollars holds the dollar value, whatever the coin does.
    account.fill(&short, NOW).unwrap();
    for seen in ["32000", "64000", "50000"] {
        account.see(0, price(seen)).unwrap();
        account.see(1, price(seen)).unwrap();
        assert_eq!(account.equity(), amount("40000"), "{seen}");
    }
    assert_eq!(account.balance(Asset(1)), Amount::ONE);
    assert_eq!(causes(&account), booked(&[]));
}

#[test]
fn a_tier_changes_on_the_next_day_of_trading() {
    let tier = |volume: &str, taker: &str| Tier {
        volume: amount(volume),
        maker: Rate::ZERO,
        taker: rate(taker),
    };
    let tiers = vec![tier("0", "0.001"), tier("1000", "0.0005")];
    let fees = Schedule::new(tiers, 30, Basis::Value).unwrap();
    let mut account = account(vec![MarketTerms { fees, ..market(linear()) }], "0");
    let trade = fill(0, Side::Buy, "100", "10");
    let day = Span::DAY.nanos() / Span::SECOND.nanos();
    let paid = [0, 60, day, day + 60]
        .map(|passed| account.fill(&trade, after(passed)).unwrap().amount.to_string());
    // The first fill of a day is charged by the tier of the day before.
    assert_eq!(paid, ["1", "1", "1", "0.5"]);
}

#[test]
fn what_cannot_be_booked_is_refused_and_changes_nothing() {
    let mut account = account(vec![market(inverse()), market(linear()), market(spot())], "1");
    let before = format!("{account:?}");
    let bad = |market, price_raw: i64, qty_raw: i64| Fill {
        price: Price::from_raw(price_raw),
        qty: Qty::from_raw(qty_raw),
        ..fill(market, Side::Buy, "1", "1")
    };
    assert_eq!(account.fill(&bad(0, 0, 5), NOW), Err(Fault::Price));
    account.markets[0].mid = Price::ZERO;
    assert_eq!(account.fill(&bad(1, i64::MAX, i64::MAX), NOW), Err(Fault::TooLarge));
    assert_eq!(account.price(Asset(0), Price::ONE), Err(Fault::Price));
    assert_eq!(account.index(0, Price::ZERO), Err(Fault::Price));
    assert_eq!(account.mark(0, Price::ZERO), Err(Fault::Price));
    assert_eq!(account.deposit(Asset(0), Amount::from_raw(LARGEST), NOW), Err(Fault::TooLarge));
    account.markets[1].mid = Price::ZERO;
    assert_eq!(format!("{account:?}"), before);
    let terms = AssetTerms { interest: rate("10.1"), ..AssetTerms::CASH };
    let turnover = Turnover::steady(Amount::ZERO, NOW);
    let refused = |assets: &[AssetTerms], kind| {
        Account::new(assets, vec![market(kind)], turnover.clone(), NOW).unwrap_err()
    };
    assert_eq!(refused(&[], linear()), Fault::Terms(0));
    assert_eq!(refused(&[AssetTerms::CASH, terms], linear()), Fault::Terms(1));
    assert_eq!(refused(&[AssetTerms::CASH], spot()), Fault::Terms(0));
}

#[test]
fn coins_that_are_quoted_in_coins_follow_both_prices() {
    let pair = Kind::Spot { base: Asset(2), quote: Asset(1) };
    let turnover = Turnover::steady(Amount::ZERO, NOW);
    let markets = vec![market(spot()), market(pair)];
    let mut account = Account::new(&[AssetTerms::CASH; 3], markets, turnover, NOW).unwrap();
    assert_eq!(account.see(1, price("0.05")), Err(Fault::NoPrice));
    account.see(0, price("40000")).unwrap();
    account.deposit(Asset(1), Amount::ONE, NOW).unwrap();
    account.fill(&fill(1, Side::Buy, "0.05", "10"), NOW).unwrap();
    assert_eq!(account.equity(), amount("40000"));
    // The coin doubles; the pair is worth more as soon as it is seen, though its price is the same.
    account.see(0, price("80000")).unwrap();
    assert_eq!(account.equity(), amount("60000"));
    account.fill(&fill(1, Side::Sell, "0.05", "10"), NOW).unwrap();
    assert_eq!(causes(&account), booked(&[(Cause::PriceMoves, "40000")]));
}
