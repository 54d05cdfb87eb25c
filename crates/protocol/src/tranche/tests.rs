//! Sizes and limits (rules L-7 … L-10): published prices, and what no fill may do.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::position::Entry;
use proptest::prelude::*;

const LOT: i64 = 100_000;
/// (tick, lot) of a coarse and of the finest market: tick·lot is a whole number of units.
const GRIDS: [(i64, i64); 2] = [(1_000_000, LOT), (1, 100_000_000)];
const BAND: Rate = Rate::from_bp(9_999);

fn amount(text: &str) -> Amount {
    text.parse().unwrap()
}

/// A tenth of a coin at 50 000, with maintenance margin 500.
fn tenth(position: &str, equity: &str) -> Stake {
    Stake {
        position: position.parse().unwrap(),
        mark: "50000".parse().unwrap(),
        equity: amount(equity),
    }
}

#[test]
fn l_7_bankruptcy_prices_are_those_of_dydx() {
    // TestGetBankruptcyPriceInQuoteQuantums: cash −4501, 5499, −5000 with 0.1 at 50 000.
    let table = [("0.1", "499", "45010"), ("-0.1", "499", "54990"), ("0.1", "0", "50000")];
    for (position, equity, price) in table {
        assert_eq!(tenth(position, equity).bankruptcy_price().to_string(), price);
    }
    // Rounded towards the mark, and never below a unit.
    assert_eq!(tenth("3", "0.1").bankruptcy_price().to_string(), "49999.96666667");
    assert_eq!(tenth("-3", "0.1").bankruptcy_price().to_string(), "50000.03333333");
    assert_eq!(tenth("0.1", "6000").bankruptcy_price(), Price::from_raw(1));
}

#[test]
fn l_7_equity_is_shared_by_requirement_and_rounded_down() {
    let share = |equity| share_of_equity(amount(equity), amount("1"), amount("3")).to_string();
    assert_eq!(share("10"), "3.33333333");
    assert_eq!(share("-10"), "-3.33333334");
    assert_eq!(share_of_equity(amount("7"), Amount::ZERO, Amount::ZERO), amount("7"));
}

#[test]
fn l_8_fillable_prices_are_those_of_dydx() {
    // TestGetFillablePrice: the same account, spread a tenth of maintenance margin.
    let price = |position, equity, pace| {
        let health = Health { equity: amount(equity), requirement: amount("500") };
        let opening = Opening { pace: Rate::from_bp(pace), spread: Rate::from_bp(1_000) };
        tenth(position, equity).fillable_price(amount("500"), health, opening).to_string()
    };
    assert_eq!(price("0.1", "499", 10_000), "49999");
    assert_eq!(price("0.1", "499", 20_000), "49998");
    assert_eq!(price("-0.1", "499", 10_000), "50001");
    // Open in full without equity, closed while it suffices.
    assert_eq!(price("0.1", "-20", 10_000), "49500");
    assert_eq!(price("0.1", "501", 10_000), "50000");
}

#[test]
fn l_8_a_limit_never_leaves_the_band() {
    let limit = |position, equity| {
        tenth(position, equity).limit("50500".parse().unwrap(), Rate::from_bp(100)).to_string()
    };
    assert_eq!(limit("0.1", "499"), "49995");
    assert_eq!(limit("0.1", "0"), "50000");
    assert_eq!(limit("-0.1", "499"), "51005");
    assert_eq!(limit("-0.1", "20"), "50200");
}

#[test]
fn l_9_a_tranche_is_shortage_over_margin_less_fee_within_depth() {
    let terms = Terms {
        margin: Rate::from_bp(1_000),
        fee: Rate::from_bp(100),
        depth_share: Rate::from_bp(1_000),
        whole_below: amount("1000"),
    };
    let lots = |closable, shortage, depth| {
        let (lot, mark) = (Qty::from_raw(LOT), "50000".parse().unwrap());
        let shortage = amount(shortage);
        lots(Closing { closable: Lots(closable), lot, mark, shortage, depth: Lots(depth) }, terms).0
    };
    // A lot is worth 50; shortage 90 asks for notional 1000, so 20 lots.
    assert_eq!(lots(100, "90", 1_000), 20);
    assert_eq!(lots(100, "90.00000001", 1_000), 21);
    assert_eq!(lots(100, "90", 59), 5);
    assert_eq!(lots(100, "90", 0), 1);
    assert_eq!(lots(100, "9000", 10_000), 100);
    // Below a notional of 1000 the position goes as a whole.
    assert_eq!((lots(20, "1", 0), lots(19, "1", 0)), (1, 19));
    assert_eq!((lots(19, "0", 100), lots(0, "5", 100)), (0, 0));
    let costly = Terms { fee: terms.margin, ..terms };
    assert_eq!(wanted(closing_of(100, 1), costly), None);
}

fn closing_of(closable: u64, shortage: i128) -> Closing {
    Closing {
        closable: Lots(closable),
        lot: Qty::from_raw(LOT),
        mark: Price::from_raw(5_000_000_000_000),
        shortage: Amount::from_raw(shortage),
        depth: Lots(u64::MAX / 2),
    }
}

#[test]
fn l_10_the_fee_ends_where_the_stake_of_the_closed_part_does() {
    let fee = |position, equity, traded| {
        let stake = tenth(position, equity);
        stake.fee("0.05".parse().unwrap(), amount(traded), Rate::from_bp(150)).to_string()
    };
    assert_eq!(fee("0.1", "499", "2500"), "37.5");
    assert_eq!(fee("0.1", "499", "2260"), "9.5");
    assert_eq!(fee("0.1", "499", "2200"), "0");
    assert_eq!(fee("-0.1", "40", "2500"), "20");
    assert_eq!(fee("-0.1", "40", "2519"), "1");
    // At the mark with equity 0.8 % of the notional: 1.5 % would leave 0.1 %, the cap leaves 0.8 %.
    assert_eq!(fee("0.1", "40", "2500"), "20");
}

/// An account with one position: what it is worth before and after trades that close it.
struct Account {
    entry: Entry,
    cash: Amount,
}

impl Account {
    fn of(stake: &Stake, cost: Amount) -> Account {
        let entry = Entry { position: stake.position, cost, ..Entry::default() };
        Account { entry, cash: stake.equity - entry.profit(stake.mark) }
    }

    fn equity(&self, mark: Price) -> Amount {
        self.cash + self.entry.profit(mark)
    }

    /// Closes so many lots at a price, and pays the fee.
    fn close(&mut self, stake: &Stake, closed: Qty, price: Price, rate: Rate) {
        let signed = if stake.position.is_positive() { -closed } else { closed };
        let realised = self.entry.trade(signed, price.notional(signed, Round::Down));
        let fee = stake.fee(closed, price.notional(closed, Round::Down), rate);
        self.cash += realised - fee;
    }
}

/// A price on a tick that is not worse than the limit, by so much of its distance to the mark.
fn price_within(stake: &Stake, tick: i64, better: f64) -> Price {
    let limit = stake.limit(stake.mark, BAND).raw();
    let raw = limit + ((stake.mark.raw() - limit) as f64 * better) as i64;
    match stake.side() {
        Side::Sell => Price::from_raw((raw.max(limit) + tick - 1) / tick * tick),
        Side::Buy => Price::from_raw(raw.min(limit) / tick * tick),
    }
}

prop_compose! {
    /// A stake with the tick and lot of its market.
    fn stakes()(
        lots in 2i64..1_000_000, long in any::<bool>(), mark in 1_000_000i64..100_000_000_000_000,
        equity in prop_oneof![0i128..1_000, 0i128..1_000_000_000_000_000],
        (tick, lot) in prop::sample::select(&GRIDS[..]),
    ) -> (Stake, i64, i64) {
        let position = Qty::from_raw(if long { lots * lot } else { -lots * lot });
        let (mark, equity) = (Price::from_raw(mark), Amount::from_raw(equity));
        (Stake { position, mark, equity }, tick, lot)
    }
}

proptest! {
    #[test]
    fn l_8_no_fill_within_the_limit_makes_equity_negative(
        (stake, tick, lot) in stakes(), cost in -1_000_000_000i128..1_000_000_000,
        part in 0.0f64..=1.0, better in prop_oneof![Just(0.0), 0.0f64..1.2], fee in 0i64..300,
    ) {
        let mut account = Account::of(&stake, Amount::from_raw(cost));
        let all = stake.position.abs().raw() / lot;
        let lots = ((all as f64 * part) as i64).clamp(1, all);
        let price = price_within(&stake, tick, better);
        prop_assume!(price.is_positive());
        account.close(&stake, Qty::from_raw(lots * lot), price, Rate::from_bp(fee));
        let after = account.equity(stake.mark);
        prop_assert!(!after.is_negative(), "{} of {} left {}", lots, all, after);
    }

    #[test]
    fn l_10_no_fill_within_the_limit_lowers_the_margin_ratio(
        (stake, tick, lot) in stakes(), part in 0.0f64..=1.0,
        better in prop_oneof![Just(0.0), Just(1.0), 0.0f64..1.2], fee in 0i64..300,
    ) {
        let mut account = Account::of(&stake, Amount::ZERO);
        let all = stake.position.abs().raw() / lot;
        let lots = ((all as f64 * part) as i64).clamp(1, all);
        let price = price_within(&stake, tick, better);
        prop_assume!(price.is_positive());
        account.close(&stake, Qty::from_raw(lots * lot), price, Rate::from_bp(fee));
        // equity/position, cross-multiplied; a unit for the floor of a position's value.
        let after = account.equity(stake.mark).raw() + 1;
        let (left, all) = (i128::from(all - lots), i128::from(all));
        prop_assert!(after * all >= stake.equity.raw() * left);
    }

    #[test]
    fn l_9_a_tranche_stays_within_depth_and_position(
        (closable, depth) in (0u64..1_000_000, 0u64..1_000_000), mark in 1i64..100_000_000_000_000,
        shortage in -10i128..100_000_000_000_000,
        (margin, fee, share) in (1i64..2_000, 0i64..300, 0i64..10_000),
        whole_below in 0i128..1_000_000_000_000,
    ) {
        let (lot, mark) = (Qty::from_raw(LOT), Price::from_raw(mark));
        let terms = Terms {
            margin: Rate::from_bp(margin),
            fee: Rate::from_bp(fee),
            depth_share: Rate::from_bp(share),
            whole_below: Amount::from_raw(whole_below),
        };
        let shortage = Amount::from_raw(shortage);
        let closing = Closing { closable: Lots(closable), lot, mark, shortage, depth: Lots(depth) };
        let tranche = lots(closing, terms);
        prop_assert!(tranche.0 <= closable);
        prop_assert_eq!(tranche.0 == 0, closable == 0 || !shortage.is_positive());
        let value = mark.notional(Qty::from_raw(closable as i64 * LOT), Round::Up);
        if value.raw() >= whole_below {
            let taken = u128::from(depth) * u128::from(share.unsigned_abs()) / 10_000;
            prop_assert!(u128::from(tranche.0) <= taken.max(1));
        }
    }

    #[test]
    fn l_9_a_tranche_at_the_mark_restores_initial_margin(
        lots_held in 2i64..1_000_000, mark in 1_000_000i64..100_000_000_000_000,
        (margin, fee) in (200i64..2_000, 0i64..150), ratio in 0.0f64..1.0,
    ) {
        let (position, mark) = (Qty::from_raw(lots_held * LOT), Price::from_raw(mark));
        let margin = Rate::from_bp(margin);
        let required = |qty: Qty| mark.notional(qty, Round::Up).share(margin, Round::Up).unwrap();
        let equity = Amount::from_raw((required(position).raw() as f64 * ratio) as i128);
        let stake = Stake { position, mark, equity };
        let fee = Rate::from_bp(fee);
        let terms = Terms { margin, fee, depth_share: Rate::ONE, whole_below: Amount::ZERO };
        let closing = Closing {
            closable: Lots(lots_held.unsigned_abs()),
            lot: Qty::from_raw(LOT),
            mark,
            shortage: required(position) - equity,
            depth: Lots(lots_held.unsigned_abs()),
        };
        let tranche = lots(closing, terms);
        let closed = Qty::from_raw(i64::try_from(tranche.0).unwrap() * LOT);
        let left = position - closed;
        let traded = mark.notional(closed, Round::Down);
        let after = equity - stake.fee(closed, traded, fee) + Amount::from_raw(4);
        prop_assert!(after >= required(left), "{} against {}", after, required(left));
        // One lot less would not do, or there was only one.
        if tranche.0 > 2 && !left.is_zero() {
            let fewer = Qty::from_raw(closed.raw() - 2 * LOT);
            let after = equity - mark.notional(fewer, Round::Up).share(fee, Round::Up).unwrap();
            prop_assert!(after < required(position - fewer));
        }
    }
}
