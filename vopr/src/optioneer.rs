//! What accounts do with options: makers about the mark, takers, writers who hedge and who do not,
//! buyers of far strikes, who closes, who cancels, and nonsense.

use money::{Price, Qty};
use protocol::command::{Command, Lifetime, Message, NewOrder, OptionOrder, SelfTrade, Sender};
use protocol::event::{Event, OptionEvent};
use protocol::ids::{
    AccountId, AgentId, ChainId, ClientId, MarketId, OptionKind, OrderId, SeriesId, Side,
};
use protocol::option::{Chain, Series};

use crate::voice::{LIMITS, Voice};

/// The client's number of all orders of writers who hedge.
pub const HEDGED: ClientId = ClientId(6_000);

/// Orders for options that rested at some time.
#[derive(Clone, Debug, Default)]
pub struct Optioneer {
    orders: Vec<(SeriesId, OrderId, AccountId)>,
}

impl Optioneer {
    /// Remembers handles.
    pub fn hear(&mut self, event: &Event) {
        if let Event::Option(OptionEvent::Rested { account, series, order, .. }) = event {
            if self.orders.len() >= 4_096 {
                self.orders.drain(..2_048);
            }
            self.orders.push((*series, *order, *account));
        }
    }

    /// What an account does with options; nothing if there are none.
    pub fn messages(&self, voice: &mut Voice<'_>) -> Vec<Message> {
        if voice.random.one_in(14) {
            return vec![self.cancel(voice)];
        }
        let Some((chain, series)) = series(voice) else { return Vec::new() };
        match (voice.account.0 % 10, voice.random.below(8)) {
            (_, 0) => close(voice, chain),
            (0..=2, _) => make(voice, chain, series),
            (3 | 4, _) => vec![take(voice, (chain, series))],
            (5, _) => vec![write(voice, chain)],
            (6, _) => vec![far(voice, chain)],
            (7, _) => ring(voice, chain, series),
            (8, _) => hedged(voice, chain),
            _ => vec![nonsense(voice, chain, series)],
        }
    }

    fn cancel(&self, voice: &mut Voice<'_>) -> Message {
        let chain = (!voice.random.one_in(3)).then(|| ChainId(voice.random.pick(&[0, 0, 1, 7])));
        match voice.random.one_of(&self.orders) {
            Some((series, order, owner)) if !voice.random.one_in(4) => {
                let account = if voice.random.one_in(8) { voice.account } else { owner };
                let command = Command::CancelOption { series, order };
                Message { sender: Sender::User(account), command }
            }
            Some(_) | None => voice.says(Command::CancelAllOptions { chain }),
        }
    }
}

/// A series, mostly of the next expiries.
fn series<'a>(voice: &mut Voice<'a>) -> Option<(&'a Chain, &'a Series)> {
    let chains: Vec<&Chain> = voice.state.chains().iter().collect();
    let chain = voice.random.one_of(&chains)?;
    let last = chain.expiries.len().min(1 + usize::try_from(voice.random.below(3)).ok()?);
    let last = chain.expiries.get(last.checked_sub(1)?)?.time;
    let near = |series: &&Series| series.contract.expiry <= last;
    let listed: Vec<&Series> = chain.series.iter().filter(near).collect();
    Some((chain, voice.random.one_of(&listed)?))
}

/// What the account believes a unit is worth.
fn believed(series: &Series) -> Price {
    series.mark.unwrap_or(Price::from_raw(100_000_000))
}

fn order(
    voice: &mut Voice<'_>,
    (chain, series): (&Chain, &Series),
    (side, eager): (Side, f64),
    worth: f64,
) -> OptionOrder {
    let (tick, lot) = (chain.params.tick.raw(), chain.params.lot.raw());
    let index = chain.table().index().raw().max(1) as f64 / 1e8;
    let at = believed(series).raw() as f64 * (1.0 + eager * side.sign() as f64)
        + index * 1e8 * 0.002 * eager * side.sign() as f64;
    let lots = (worth / index * 1e8 / lot as f64).clamp(0.0, 1e12) as i64;
    OptionOrder {
        series: series.id,
        side,
        price: Price::from_raw(((at as i64) / tick * tick).max(tick)),
        qty: Qty::from_raw(lots.max(1).saturating_mul(lot)),
        lifetime: voice.random.pick(&[
            Lifetime::Resting,
            Lifetime::Resting,
            Lifetime::Immediate,
            Lifetime::PostOnly,
        ]),
        reduce_only: voice.random.one_in(25),
        self_trade: voice.random.pick(&[
            SelfTrade::CancelTaker,
            SelfTrade::CancelMaker,
            SelfTrade::CancelBoth,
        ]),
        client: ClientId(1_000 + voice.random.below(1_000)),
    }
}

/// A bid and an ask about the mark.
fn make(voice: &mut Voice<'_>, chain: &Chain, series: &Series) -> Vec<Message> {
    let worth = voice.cash() * voice.random.between(0.02, 0.4);
    let away = -voice.random.between(0.0, 0.2);
    let sides = [Side::Buy, Side::Sell].map(|side| {
        let lifetime = voice.random.pick(&[Lifetime::PostOnly, Lifetime::Resting]);
        let order = order(voice, (chain, series), (side, away), worth);
        voice.says(Command::PlaceOption(OptionOrder { lifetime, ..order }))
    });
    sides.into()
}

fn take(voice: &mut Voice<'_>, at: (&Chain, &Series)) -> Message {
    let worth = voice.cash() * voice.random.between(0.05, 1.5);
    let eager = voice.random.between(0.0, 0.5);
    let side = voice.side();
    let order = order(voice, at, (side, eager), worth);
    voice.says(Command::PlaceOption(order))
}

/// Some series out of the money at the mark.
fn outside<'a>(voice: &mut Voice<'_>, chain: &'a Chain, least: f64) -> Option<&'a Series> {
    let index = chain.table().index().raw() as f64;
    let out = chain.series.iter().filter(|series| {
        let strike = series.contract.strike.raw() as f64;
        match series.contract.kind {
            OptionKind::Call => strike > index * (1.0 + least),
            OptionKind::Put => strike < index * (1.0 - least),
        }
    });
    voice.random.one_of(&out.collect::<Vec<_>>())
}

/// Sells what is out of the money, as much as the margin bears and a little more.
fn write(voice: &mut Voice<'_>, chain: &Chain) -> Message {
    let worth = voice.cash() * voice.random.pick(&[0.5, 2.0, 4.5, 9.0, 30.0]);
    let Some(series) = outside(voice, chain, 0.0) else { return voice.make() };
    let eager = voice.random.between(-0.05, 0.5);
    let order = order(voice, (chain, series), (Side::Sell, eager), worth);
    voice.says(Command::PlaceOption(order))
}

/// Buys far strikes, dear if it must.
fn far(voice: &mut Voice<'_>, chain: &Chain) -> Message {
    let worth = voice.cash() * voice.random.pick(&[0.5, 3.0, 20.0, 100.0]);
    let Some(series) = outside(voice, chain, 0.04) else { return voice.take() };
    let eager = voice.random.between(0.0, 2.0);
    let order = order(voice, (chain, series), (Side::Buy, eager), worth);
    voice.says(Command::PlaceOption(order))
}

/// Writes options and holds against them what is linear in the asset.
fn hedged(voice: &mut Voice<'_>, chain: &Chain) -> Vec<Message> {
    let markets = voice.state.markets().iter().zip(0u16..);
    let of_base = markets.filter(|(market, _)| market.params.base == chain.base());
    let markets: Vec<MarketId> = of_base.map(|(_, id)| MarketId(id)).collect();
    let worth = voice.cash() * voice.random.between(0.1, 4.0);
    let (Some(series), Some(market)) = (outside(voice, chain, 0.0), voice.random.one_of(&markets))
    else {
        return vec![voice.take()];
    };
    let side = match series.contract.kind {
        OptionKind::Call => Side::Buy,
        OptionKind::Put => Side::Sell,
    };
    let hedge = NewOrder {
        lifetime: Lifetime::Immediate,
        reduce_only: false,
        client: HEDGED,
        ..voice.order(market, side, 0.02, worth / 2.0)
    };
    let eager = voice.random.between(0.0, 0.3);
    let order =
        OptionOrder { client: HEDGED, ..order(voice, (chain, series), (Side::Sell, eager), worth) };
    let legs = [voice.says(Command::Place(hedge)), voice.says(Command::PlaceOption(order))];
    legs.into()
}

/// Closes a position, as far as somebody takes it.
fn close(voice: &mut Voice<'_>, chain: &Chain) -> Vec<Message> {
    let legs = chain.legs(voice.account);
    let open: Vec<(SeriesId, Qty)> = legs.iter().map(|leg| (leg.series, leg.position)).collect();
    let held = voice.random.one_of(&open).filter(|(_, position)| !position.is_zero());
    let Some((id, position)) = held else { return vec![take_any(voice, chain)] };
    let side = if position.is_positive() { Side::Sell } else { Side::Buy };
    let series = chain.series(id).expect("a leg is in a series");
    let eager = voice.random.between(0.0, 0.6);
    let order = OptionOrder {
        qty: position.abs(),
        reduce_only: !voice.random.one_in(5),
        ..order(voice, (chain, series), (side, eager), 0.0)
    };
    vec![voice.says(Command::PlaceOption(order))]
}

fn take_any(voice: &mut Voice<'_>, chain: &Chain) -> Message {
    let listed: Vec<&Series> = chain.series.iter().collect();
    match voice.random.one_of(&listed) {
        Some(series) => take(voice, (chain, series)),
        None => voice.take(),
    }
}

/// Two accounts of one owner trade at a premium of their own, within the band or beyond.
fn ring(voice: &mut Voice<'_>, chain: &Chain, series: &Series) -> Vec<Message> {
    let worth = voice.cash() * voice.random.between(0.1, 6.0);
    let (side, off) = (voice.side(), voice.random.pick(&[-0.9, -0.3, 0.3, 2.0, 10.0]));
    let first = OptionOrder {
        lifetime: Lifetime::Resting,
        ..order(voice, (chain, series), (side, off), worth)
    };
    let second = OptionOrder { side: side.opposite(), lifetime: Lifetime::Immediate, ..first };
    let other = AccountId((voice.account.0 + 10 * voice.random.id(3)) % voice.state.accounts());
    let answer = Message { sender: Sender::User(other), command: Command::PlaceOption(second) };
    vec![voice.says(Command::PlaceOption(first)), answer]
}

/// Numbers at which integers break, series that never were, and keys that may not.
fn nonsense(voice: &mut Voice<'_>, chain: &Chain, series: &Series) -> Message {
    let worth = voice.cash();
    let side = voice.side();
    let mut order = order(voice, (chain, series), (side, 0.0), worth);
    let (tick, lot) = (chain.params.tick.raw(), chain.params.lot.raw());
    let [price, qty] = [(); 2].map(|()| voice.random.pick(&LIMITS));
    match voice.random.below(7) {
        0 => order.price = Price::from_raw(price / tick * tick),
        1 => order.qty = Qty::from_raw(qty / lot * lot),
        2 => (order.price, order.qty) = (Price::from_raw(price), Qty::from_raw(qty)),
        3 => order.series = SeriesId(voice.random.id(u32::MAX)),
        4 => order.series = SeriesId(voice.random.id(order.series.0 + 2)),
        5 => {
            let agent = AgentId(voice.random.below(12));
            let account = voice.account;
            let command = Command::PlaceOption(order);
            return Message { sender: Sender::Agent { agent, account }, command };
        }
        _ => {}
    }
    voice.says(Command::PlaceOption(order))
}
