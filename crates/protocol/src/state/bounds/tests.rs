//! The bounds against a naive computation: every set of an account's open orders fills at its own
//! prices, and profit, funding, fees, margin and charge for size are added up with full precision.

use money::{FundingIndex, Qty, Span, Time};
use proptest::prelude::*;

use super::*;
use crate::book::{Book, NewResting};
use crate::command::{Block, Command, Lifetime, Message, NewOrder, SelfTrade, Sender, Vote};
use crate::engine::apply;
use crate::ids::{ClientId, Lots, PublisherId, Tick};
use crate::ledger::Holder;
use crate::oracle::Index;
use crate::params::{
    AssetParams, EnvelopeParams, FundingRule, MarketParams, MarketRules, OracleParams, Params,
    PerpetualParams, Rules,
};

const WHO: AccountId = AccountId(0);
const BASE: AssetId = AssetId(1);
/// Hundredths of a quote in the price of 100.
const PRICE: i64 = 10_000;
const CENT: i64 = 1_000_000;
const MARGIN_BP: i128 = 500;
const FEE_BP: i128 = 3;
/// Positions above 2 000 are charged for their size, with a slope of 2 % for each 8 000 beyond.
const FLAT: i128 = 2_000;
const DEPTH: i128 = 8_000;

fn design() -> Params {
    let asset = |name: &str| AssetParams {
        name: name.into(),
        haircut_initial: Rate::ZERO,
        haircut_maintenance: Rate::ZERO,
        basis_initial: Rate::ZERO,
        basis_maintenance: Rate::ZERO,
    };
    let perpetual = PerpetualParams {
        funding: FundingRule::Anchored {
            anchor: Span::HOUR,
            carry: Rate::from_bp(100),
            cap: Rate::ONE,
        },
        impact_notional: Amount::ONE,
        margin_initial: Rate::from_bp(1000),
        margin_maintenance: Rate::from_bp(500),
        mark_band: Rate::from_bp(300),
        price_band: Rate::from_bp(1000),
        fee_liquidation: Rate::from_bp(100),
        position_max: Qty::from_raw(1_000_000 * Qty::ONE.raw()),
    };
    let whole = |amount: i128| Amount::from_raw(amount * SCALE);
    let envelope =
        EnvelopeParams { flat: whole(FLAT), depth_min: whole(DEPTH), ..EnvelopeParams::default() };
    let market = MarketParams {
        name: "BASE-PERP".into(),
        base: BASE,
        kind: Kind::Perpetual(perpetual),
        tick: Price::from_raw(CENT),
        lot: Qty::ONE,
        fee_maker: Rate::from_bp(3),
        fee_taker: Rate::from_bp(5),
        rules: MarketRules { envelope, ..MarketRules::default() },
    };
    Params {
        assets: vec![asset("USD"), asset("BASE")],
        markets: vec![market],
        oracle: OracleParams {
            stakes: vec![1],
            vote_age_max: Span::SECOND,
            index_age_max: Span::MINUTE,
            confidence_min: Rate::ZERO,
            confidence_max: Rate::ZERO,
        },
        open_orders_max: 8,
        liquidation_tranche_min: Amount::ONE,
        checkpoint_blocks: 1,
        rules: Rules::default(),
    }
}

/// One account, a price of 100, a position and open orders: lots, and ticks from 100.
fn exchange(position: i64, orders: &[(Side, i64, u64)]) -> State {
    let mut state = State::new(design()).unwrap();
    let (price, time) = (Price::from_raw(PRICE * CENT), Time::from_nanos(1));
    let vote = Vote { asset: BASE, price, confidence: Price::ZERO, time };
    let messages = vec![
        Message { sender: Sender::Custodian, command: Command::OpenAccount },
        Message { sender: Sender::Publisher(PublisherId(0)), command: Command::Publish(vote) },
    ];
    apply(&mut state, &Block { time, messages });
    let market = &mut state.markets[0];
    for &(side, off, lots) in orders {
        let tick = Tick(u32::try_from(PRICE + off).unwrap());
        let (owner, lots) = (WHO, Lots(lots));
        let (client, reduce_only) = (ClientId(0), false);
        let id = market.book.insert(NewResting { owner, side, tick, lots, client, reduce_only });
        market.note_resting(owner, side, tick, i128::from(lots.0));
        market.entries[0].orders += 1;
        market.orders[0].push(id);
    }
    let entry = &mut market.entries[0];
    entry.position = Qty::from_raw(position * Qty::ONE.raw());
    entry.cost = Price::from_raw(PRICE * CENT).notional(entry.position, Round::Down);
    entry.funding_index = market.perpetual.funding.index;
    state
}

/// An order of one lot that rests, or trades at once and cancels the account's own.
fn order(account: u32, side: Side, cents: i64, lifetime: Lifetime) -> Message {
    let command = Command::Place(NewOrder {
        market: MarketId(0),
        side,
        price: Price::from_raw(cents * CENT),
        qty: Qty::ONE,
        lifetime,
        reduce_only: false,
        self_trade: SelfTrade::CancelMaker,
        client: ClientId(0),
    });
    Message { sender: Sender::User(AccountId(account)), command }
}

/// So that the roundings of many settlements do not add up unseen.
#[test]
fn r_5_an_account_whose_funding_is_settled_is_looked_at() {
    let mut state = State::new(design()).unwrap();
    let publish = |second: u64| {
        let (price, time) = (Price::from_raw(PRICE * CENT), Time::from_nanos(second << 30));
        let vote = Vote { asset: BASE, price, confidence: Price::ZERO, time };
        Message { sender: Sender::Publisher(PublisherId(0)), command: Command::Publish(vote) }
    };
    let mut run = |second: u64, mut messages: Vec<Message>| {
        messages.insert(0, publish(second));
        let time = Time::from_nanos(second << 30);
        apply(&mut state, &Block { time, messages });
        let entry = *state.market(MarketId(0)).entry(AccountId(1));
        let index = state.market(MarketId(0)).perpetual.funding.index;
        (entry.funding_index == index, state.watch.is_due(AccountId(1)))
    };
    let custodian = |command| Message { sender: Sender::Custodian, command };
    let deposit = |account| {
        let (asset, amount) = (crate::ids::QUOTE, Amount::from_raw(100_000 * SCALE));
        custodian(Command::Deposit { account: AccountId(account), asset, amount })
    };
    let open = custodian(Command::OpenAccount);
    run(1, vec![open.clone(), open, deposit(0), deposit(1)]);
    let [rests, takes] = [Lifetime::Resting, Lifetime::Immediate];
    run(2, vec![order(0, Side::Sell, PRICE, rests), order(1, Side::Buy, PRICE, takes)]);
    run(3, vec![order(1, Side::Sell, PRICE + 100, rests)]);
    assert_eq!(run(10, Vec::new()), (false, false), "funding is due, and the account rests");
    // No trade, and no time in which it could be looked at.
    let own = order(1, Side::Buy, PRICE + 100, takes);
    assert_eq!(run(10, vec![own]), (true, true));
}

/// ⌈value·bp/10 000⌉.
fn part(value: i128, bp: i128) -> i128 {
    (value * bp + 9_999) / 10_000
}

/// Equity less maintenance requirement at 10⁻¹⁶ after these orders have filled.
fn naive(state: &State, fills: &[(Side, i64, u64)]) -> i128 {
    let market = &state.markets[0];
    let entry = market.entry(WHO);
    let index = i128::from(state.oracle.index(BASE).price.raw());
    let mark = i128::from(market.perpetual.mark.price.raw());
    let mut qty = i128::from(entry.position.raw());
    let received = (entry.funding_index - market.perpetual.funding.index).raw();
    let mut surplus = (state.ledger.cash(WHO) - entry.cost).raw() * SCALE;
    surplus += (received * qty).div_euclid(10_000_000_000);
    for &(side, off, lots) in fills {
        let size = i128::from(lots) * i128::from(Qty::ONE.raw());
        let value = i128::from((PRICE + off) * CENT) * size;
        qty += size * i128::from(side.sign());
        surplus -= value * i128::from(side.sign()) + part(value, FEE_BP);
    }
    let notional = qty.abs() * index;
    // In 10⁻¹⁸ of one, as the slope of R-7 is 2 % for each DEPTH.
    let excess = (notional - FLAT * SCALE * SCALE).max(0);
    let rate = (excess / 10_000 * 200 / DEPTH).min((10_000 - MARGIN_BP) * 1_000_000_000_000);
    let size = notional / 1_000_000_000 * rate / 10_000_000;
    surplus + qty * mark - part(notional, MARGIN_BP) - size
}

/// The naive surplus of the set of fills that leaves least.
fn least(state: &State, orders: &[(Side, i64, u64)]) -> i128 {
    let sets = 0..1u32 << orders.len();
    let of = |set: u32| -> Vec<_> {
        let chosen = orders.iter().enumerate().filter(|(at, _)| set & 1 << at != 0);
        chosen.map(|(_, order)| *order).collect()
    };
    sets.map(|set| naive(state, &of(set))).min().unwrap()
}

/// Bids below and asks above a price that may lie far from the index.
fn orders() -> impl Strategy<Value = Vec<(Side, i64, u64)>> {
    let side = prop::collection::vec((1i64..60, 1u64..15), 0..4);
    (-700i64..700, side.clone(), side).prop_map(|(centre, bids, asks)| {
        let bids = bids.into_iter().map(|(off, lots)| (Side::Buy, centre - off, lots));
        let asks = asks.into_iter().map(|(off, lots)| (Side::Sell, centre + off, lots));
        bids.chain(asks).collect()
    })
}

/// Moves of index and funding, and the premium of the mark.
fn step() -> impl Strategy<Value = (i64, i64, i64)> {
    (-150i64..150, -60i64..60, -300_000_000i64..300_000_000)
}

/// Sets index, mark and funding, in hundredths and in 10⁻⁸ of one.
fn move_to(state: &mut State, index: i64, mark: i64, funding: i64) {
    let price = |cents: i64| Price::from_raw(cents * CENT);
    let time = state.time;
    state.oracle.accept(BASE, Index { price: price(index), confidence: Price::ZERO, time });
    let perpetual = &mut state.markets[0].perpetual;
    perpetual.mark.price = price(mark);
    perpetual.funding.index = FundingIndex::from_raw(i128::from(funding) * 10_000_000_000);
    state.refresh_terms();
}

proptest! {
    /// The bound is never above what the worst set of fills leaves.
    #[test]
    fn r_17_the_bound_is_below_every_set_of_fills(
        position in -40i64..40, orders in orders(), cash in -5_000i128..5_000,
        index in 9_000i64..11_000, premium in -300i64..300, funding in -200_000_000i64..200_000_000,
    ) {
        let mut state = exchange(position, &orders);
        state.ledger.mint(Holder::User(WHO), Amount::from_raw(cash * SCALE));
        move_to(&mut state, index, index + premium, funding);
        let bound = state.distance(WHO).unwrap().surplus;
        let least = least(&state, &orders);
        prop_assert!(bound <= least, "{bound} {least}");
        // So is the health that decides, but for what it rounds.
        let exact = state.health_after(WHO, Level::Maintenance, Change::Orders);
        let exact = (exact.equity - exact.requirement).raw() * SCALE;
        prop_assert!(bound <= exact && exact <= least + ROUNDINGS, "{bound} {exact} {least}");
    }

    /// Along any path of index, mark, funding and margin, an account that rests bears every set of
    /// fills of its orders, as if it were looked at in every block.
    #[test]
    fn r_5_r_17_an_account_that_rests_bears_every_set_of_fills(
        position in -40i64..40, orders in orders(), spare in 0i128..3_000,
        path in prop::collection::vec(step(), 1..40),
    ) {
        let mut state = exchange(position, &orders);
        state.watch.travel(&state.oracle, &state.markets, 2);
        while state.watch.next().is_some() {}
        let bound = state.distance(WHO).unwrap().surplus;
        // So much that it is just sound, and then what it may lose.
        let wanted = Amount::from_raw(spare * SCALE - bound / SCALE);
        state.ledger.mint(Holder::User(WHO), wanted);
        let distance = state.distance(WHO).filter(|distance| distance.surplus > 0);
        prop_assume!(distance.is_some());
        state.watch.rest(WHO, distance);
        let (mut index, mut funding) = (PRICE, 0);
        for (moved, premium, accrued) in path {
            (index, funding) = ((index + moved).max(100), funding + accrued);
            move_to(&mut state, index, index + premium, funding);
            state.watch.travel(&state.oracle, &state.markets, 2);
            if state.watch.is_due(WHO) {
                break;
            }
            prop_assert!(least(&state, &orders) >= 0, "unsound at {index}, premium {premium}");
        }
    }
}
