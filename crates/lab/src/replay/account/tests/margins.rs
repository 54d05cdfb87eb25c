//! Margin, refusals and liquidation: published examples and laws.

use pricing::black::OptionKind;
use proptest::prelude::*;

use super::super::margin::Level;
use super::*;

fn brackets(list: &[(&str, &str)]) -> Margin {
    let bracket = |&(above, maintenance): &(&str, &str)| Bracket {
        above: amount(above),
        initial: rate(maintenance),
        maintenance: rate(maintenance),
    };
    let list: Vec<Bracket> = list.iter().map(bracket).collect();
    Margin::Brackets(Brackets::new(&list).unwrap())
}

/// Maintenance of BTCUSDT at Binance, announcement of 2021-03-18.
fn bitcoin() -> Margin {
    brackets(&[
        ("0", "0.004"),
        ("50000", "0.005"),
        ("250000", "0.01"),
        ("1000000", "0.025"),
        ("10000000", "0.05"),
    ])
}

/// Maintenance of ETHUSDT at Binance in the same year.
fn ether() -> Margin {
    brackets(&[
        ("0", "0.005"),
        ("10000", "0.0065"),
        ("100000", "0.01"),
        ("500000", "0.02"),
        ("1000000", "0.05"),
        ("2000000", "0.1"),
        ("5000000", "0.125"),
    ])
}

#[test]
fn maintenance_amounts_are_those_of_binance() {
    // How to Calculate Liquidation Price: above 250,000 the amount of BTCUSDT is
    // 250,000 · (1 % − 0.5 %) + 50 = 1,300, and above 1,000,000 it is 16,300.
    let Margin::Brackets(table) = bitcoin() else { unreachable!() };
    let amounts: Vec<String> = table.0.iter().map(|(_, amount)| amount.to_string()).collect();
    assert_eq!(amounts, ["0", "50", "1300", "16300", "266300"]);
    let required = |notional: &str, level| table.requirement(amount(notional), level).unwrap();
    assert_eq!(required("50000", Level::Maintenance), amount("200"));
    assert_eq!(required("50000.00000001", Level::Maintenance), amount("200.00000001"));
    assert_eq!(required("250000", Level::Maintenance), amount("1200"));
    assert_eq!(required("500000", Level::Maintenance), amount("3700"));
    assert_eq!(required("500000", Level::Initial), amount("5000"));
}

/// The cross-margin account of Binance's example with two positions.
fn example() -> Account {
    let terms = |margin| MarketTerms { margin, ..market(linear()) };
    let mut account = account(vec![terms(bitcoin()), terms(ether())], "1535443.01");
    account.fill(&fill(0, Side::Buy, "32481.98", "109.488"), NOW).unwrap();
    account.fill(&fill(1, Side::Buy, "1456.84", "3683.979"), NOW).unwrap();
    account.see(0, price("31967.27")).unwrap();
    account.see(1, price("1335.18")).unwrap();
    account
}

#[test]
fn an_account_is_liquidated_at_the_prices_of_binances_example() {
    // The page gives for this account: maintenance margin 71,200.81144 and 356,512.508, profits
    // −56,354.57 and −448,192.89, liquidation at 26,316.89 (BTC) and 1,153.26 (ETH).
    let account = example();
    assert_eq!(account.unrealised(0), Ok(amount("-56354.56848")));
    assert_eq!(account.unrealised(1), Ok(amount("-448192.88514")));
    assert_eq!(account.maintenance(), Ok(amount("71200.811444") + amount("356512.508122")));
    let under = |market, seen| {
        let mut account = example();
        account.see(market, price(seen)).unwrap();
        account.is_under().unwrap()
    };
    assert_eq!((under(0, "26316.90"), under(0, "26316.88")), (false, true));
    assert_eq!((under(1, "1153.27"), under(1, "1153.25")), (false, true));
    // The mark decides, not the middle of the book.
    let mut account = example();
    account.mark(0, price("31000")).unwrap();
    account.see(0, price("20000")).unwrap();
    assert_eq!(account.is_under(), Ok(false));
    account.mark(0, price("26316.88")).unwrap();
    assert_eq!(account.is_under(), Ok(true));
}

#[test]
fn margin_that_rises_with_the_position_is_that_of_deribit() {
    // Linear Perpetual: at 100,000 USDC, 25 BTC need 53,125 at first and 28,125 to stay,
    // 350 BTC need 1,312,500 at first.
    let margin =
        Margin::Rising { initial: rate("0.02"), maintenance: rate("0.01"), slope: rate("0.00005") };
    let mut account = account(vec![MarketTerms { margin, ..market(linear()) }], "0");
    account.fill(&fill(0, Side::Sell, "100000", "25"), NOW).unwrap();
    assert_eq!(account.initial(), Ok(amount("53125")));
    assert_eq!(account.maintenance(), Ok(amount("28125")));
    account.fill(&fill(0, Side::Sell, "100000", "325"), NOW).unwrap();
    assert_eq!(account.initial(), Ok(amount("1312500")));
    // 2 % + 20,000 · 0.005 % is more than all.
    account.fill(&fill(0, Side::Sell, "100000", "19650"), NOW).unwrap();
    assert_eq!(account.initial(), Ok(amount("2000000000")));
    // In coins: 1,000,000 dollars at 50,000 are 20 BTC, so 2.1 % of 20.
    let margin =
        Margin::Rising { initial: rate("0.02"), maintenance: rate("0.01"), slope: rate("0.00005") };
    let mut account = super::account(vec![MarketTerms { margin, ..market(inverse()) }], "0");
    account.fill(&fill(0, Side::Buy, "50000", "1000000"), NOW).unwrap();
    assert_eq!(account.initial(), Ok(amount("0.42")));
}

#[test]
fn short_options_need_what_deribits_formula_says() {
    let margin =
        Margin::Short { initial: rate("0.15"), least: rate("0.1"), maintenance: rate("0.075") };
    let margins = |right, strike: &str, mark: &str| {
        let terms = MarketTerms { margin: margin.clone(), ..market(option(right, strike, true)) };
        let mut account = account(vec![terms], "10");
        account.index(0, price("50000")).unwrap();
        account.fill(&fill(0, Side::Sell, mark, "2"), NOW).unwrap();
        let levels = (account.initial().unwrap(), account.maintenance().unwrap());
        // What was got for it is no profit yet, and the short itself is no collateral.
        assert_eq!(account.collateral().unwrap() - account.equity(), amount(mark) + amount(mark));
        (levels.0.to_string(), levels.1.to_string())
    };
    let told = |initial: &str, maintenance: &str| (initial.to_owned(), maintenance.to_owned());
    // At the money 0.15 + mark each, 2 % out of it 0.13 + mark, far out 0.1 + mark.
    assert_eq!(margins(OptionKind::Call, "50000", "0.05"), told("0.4", "0.25"));
    assert_eq!(margins(OptionKind::Call, "51000", "0.04"), told("0.34", "0.23"));
    assert_eq!(margins(OptionKind::Call, "90000", "0.001"), told("0.202", "0.152"));
    assert_eq!(margins(OptionKind::Put, "49000", "0.04"), told("0.34", "0.23"));
    // A put deep in the money: 0.075 · 3 + 3 each is above 0.15 + 3.
    assert_eq!(margins(OptionKind::Put, "200000", "3"), told("6.45", "6.45"));
}

#[test]
fn an_order_is_refused_for_want_of_cash_coins_or_margin() {
    let fees = flat("0.001", "0.001", Basis::Value);
    let margin = brackets(&[("0", "0.1")]);
    let markets =
        vec![MarketTerms { fees, ..market(spot()) }, MarketTerms { margin, ..market(linear()) }];
    let mut account = account(markets, "1000");
    account.see(0, price("100")).unwrap();
    account.see(1, price("100")).unwrap();
    let order = |market, side, price_text, qty_text| Proposal {
        market,
        side,
        price: price(price_text),
        qty: qty(qty_text),
    };
    let buy = |size| order(0, Side::Buy, "100", size);
    assert_eq!(account.may_place(&buy("9.99")), Ok(()));
    assert_eq!(account.may_place(&buy("10")), Err(Refusal::Balance(Asset(0))), "with its fee");
    assert_eq!(
        account.may_place(&order(0, Side::Sell, "100", "0.1")),
        Err(Refusal::Balance(Asset(1)))
    );
    // Resting orders bind cash until they are released.
    account.reserve(&buy("4")).unwrap();
    assert_eq!(account.may_place(&buy("6")), Err(Refusal::Balance(Asset(0))));
    account.release(&buy("1")).unwrap();
    assert_eq!(account.may_place(&buy("6")), Ok(()));
    account.release(&buy("3")).unwrap();
    // 1,000 of equity margins 100 coins at 10 %, orders on both sides counting their worse.
    let perp = |side, size| order(1, side, "100", size);
    assert_eq!(account.may_place(&perp(Side::Buy, "100")), Ok(()));
    let refusal = Refusal::Margin { needed: amount("1001"), held: amount("1000") };
    assert_eq!(account.may_place(&perp(Side::Sell, "100.1")), Err(refusal));
    account.reserve(&perp(Side::Buy, "60")).unwrap();
    assert_eq!(account.may_place(&perp(Side::Sell, "100")), Ok(()));
    assert!(account.may_place(&perp(Side::Buy, "41")).is_err());
    account.release(&perp(Side::Buy, "60")).unwrap();
    // With no margin left, what only reduces may go, and no more of it than there is.
    account.fill(&fill(1, Side::Buy, "100", "100"), NOW).unwrap();
    account.see(1, price("95")).unwrap();
    assert!(account.may_place(&perp(Side::Buy, "0.1")).is_err());
    assert_eq!(account.may_place(&perp(Side::Sell, "100")), Ok(()));
    account.reserve(&perp(Side::Sell, "60")).unwrap();
    assert_eq!(account.may_place(&perp(Side::Sell, "40")), Ok(()));
    // Spending cash on coins that back the perpetual is fine as long as they count.
    assert!(account.may_place(&order(0, Side::Buy, "100", "0.01")).is_err());
}

#[test]
fn borrowing_needs_margin_and_has_a_limit() {
    let loan = AssetTerms {
        borrow: amount("500"),
        initial: rate("0.5"),
        maintenance: rate("0.25"),
        ..AssetTerms::CASH
    };
    let turnover = Turnover::steady(Amount::ZERO, NOW);
    let margin = |collateral| {
        let coin = AssetTerms { collateral: rate(collateral), ..loan };
        let mut account =
            Account::new(&[loan, coin], vec![market(spot())], turnover.clone(), NOW).unwrap();
        account.deposit(Asset(0), amount("100"), NOW).unwrap();
        account.see(0, price("10")).unwrap();
        account
    };
    let order = |side, size| Proposal { market: 0, side, price: price("10"), qty: qty(size) };
    // 200 borrowed need 100, which is there if coins count whole.
    assert_eq!(margin("1").may_place(&order(Side::Buy, "30")), Ok(()));
    let refusal = Refusal::Margin { needed: amount("100.5"), held: amount("100") };
    assert_eq!(margin("1").may_place(&order(Side::Buy, "30.1")), Err(refusal));
    let refusal = Refusal::Margin { needed: amount("100"), held: amount("70") };
    assert_eq!(margin("0.9").may_place(&order(Side::Buy, "30")), Err(refusal));
    let mut rich = margin("1");
    rich.deposit(Asset(0), amount("9900"), NOW).unwrap();
    assert_eq!(rich.may_place(&order(Side::Sell, "500")), Ok(()));
    let refused = Err(Refusal::Balance(Asset(1)));
    assert_eq!(rich.may_place(&order(Side::Sell, "500.00000001")), refused);
    // Short coins are margined: 20 coins for 200 need 50 to stay, at 12.5 all is 250 and 62.5.
    let mut short = margin("1");
    short.fill(&fill(0, Side::Sell, "10", "20"), NOW).unwrap();
    assert_eq!(short.maintenance(), Ok(amount("50")));
    assert_eq!((short.collateral(), short.is_under()), (Ok(amount("100")), Ok(false)));
    short.see(0, price("12.5")).unwrap();
    assert_eq!((short.collateral(), short.is_under()), (Ok(amount("50")), Ok(true)));
}

#[test]
fn a_liquidation_closes_everything_and_may_leave_a_debt() {
    let terms = |kind| MarketTerms {
        margin: brackets(&[("0", "0.1")]),
        liquidation: flat("0", "0.01", Basis::Value),
        ..market(kind)
    };
    let mut account = account(vec![terms(linear()), terms(linear())], "100");
    account.fill(&fill(0, Side::Buy, "100", "5"), NOW).unwrap();
    account.fill(&fill(1, Side::Sell, "10", "20"), NOW).unwrap();
    let mut closed = vec![];
    account.liquidate(NOW, &mut closed).unwrap();
    assert_eq!(closed, [], "70 of margin, 100 of equity");
    // The middle falls to 75 and the mark to 70: 150 lost by the mark.
    account.see(0, price("75")).unwrap();
    account.mark(0, price("70")).unwrap();
    account.liquidate(NOW, &mut closed).unwrap();
    let told: Vec<_> = closed
        .iter()
        .map(|forced| (forced.market, forced.side, forced.price, forced.qty, forced.fee.amount))
        .collect();
    let first = (0, Side::Sell, price("70"), qty("5"), amount("3.5"));
    assert_eq!(told, [first, (1, Side::Buy, price("10"), qty("20"), amount("2"))]);
    assert_eq!((account.position(0), account.position(1)), (Qty::ZERO, Qty::ZERO));
    assert_eq!((account.equity(), account.balance(Asset(0))), (amount("-55.5"), amount("-55.5")));
    // 25 from middle to mark and 5.5 of fees are due to the liquidation.
    let expected = [(Cause::PriceMoves, "-125"), (Cause::Liquidation, "-30.5")];
    assert_eq!(causes(&account), booked(&expected));
    assert!(account.is_exposed(), "what it owes");
}

#[test]
fn borrowed_coins_are_bought_back_and_coins_sold_for_owed_cash() {
    let loan = AssetTerms {
        borrow: amount("1000"),
        initial: rate("0.2"),
        maintenance: rate("0.1"),
        ..AssetTerms::CASH
    };
    let terms = MarketTerms { liquidation: flat("0", "0.01", Basis::Value), ..market(spot()) };
    let turnover = Turnover::steady(Amount::ZERO, NOW);
    for (side, seen, equity) in [(Side::Sell, "19", "8.1"), (Side::Buy, "3", "29.7")] {
        let mut account =
            Account::new(&[loan; 2], vec![terms.clone()], turnover.clone(), NOW).unwrap();
        account.deposit(Asset(0), amount("100"), NOW).unwrap();
        account.fill(&fill(0, side, "10", "10"), NOW).unwrap();
        let mut closed = vec![];
        if side == Side::Buy {
            // All cash is in coins; nothing is owed, so nothing can be liquidated.
            account.see(0, price(seen)).unwrap();
            account.liquidate(NOW, &mut closed).unwrap();
            assert_eq!(closed, []);
            account.deposit(Asset(0), amount("-29"), NOW).unwrap();
            account.liquidate(NOW, &mut closed).unwrap();
            assert_eq!(closed.len(), 1);
            assert_eq!(account.equity() + amount("29"), amount(equity));
        } else {
            account.see(0, price(seen)).unwrap();
            account.liquidate(NOW, &mut closed).unwrap();
            assert_eq!((closed[0].side, closed[0].qty), (Side::Buy, qty("10")));
            assert_eq!(account.equity(), amount(equity));
        }
        assert_eq!(account.position(0), Qty::ZERO);
        assert_eq!(account.equity() - account.deposited(), account.ledger().total());
    }
}

#[test]
fn brackets_that_do_not_rise_are_refused() {
    let bracket = |above: &str, initial: &str, maintenance: &str| Bracket {
        above: amount(above),
        initial: rate(initial),
        maintenance: rate(maintenance),
    };
    let first = bracket("0", "0.1", "0.05");
    assert!(Brackets::new(&[first, bracket("10", "0.1", "0.05")]).is_some());
    for list in [
        vec![],
        vec![bracket("1", "0.1", "0.05")],
        vec![bracket("0", "0.04", "0.05")],
        vec![bracket("0", "1.1", "0.05")],
        vec![first, bracket("0", "0.1", "0.05")],
        vec![first, bracket("10", "0.1", "0.04")],
        vec![first, bracket("10", "0.09", "0.05")],
    ] {
        assert_eq!(Brackets::new(&list), None, "{list:?}");
    }
}

proptest! {
    #[test]
    fn maintenance_is_continuous_and_never_falls_with_the_position(
        notional in 0i64..2_000_000_000_000_000, more in 0i64..1_000_000_000,
    ) {
        let Margin::Brackets(table) = ether() else { unreachable!() };
        let at = |raw: i64| {
            table.requirement(Amount::from_raw(raw.into()), Level::Maintenance).unwrap()
        };
        let (low, high) = (at(notional), at(notional + more));
        prop_assert!(low <= high && (high - low).raw() <= i128::from(more) / 8 + 2);
        prop_assert!(!low.is_negative());
    }
}
