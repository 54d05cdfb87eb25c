//! The plain loop: every event of both views in one sorted list, constant delays, no account.

use std::collections::BTreeMap;

use desk::strategy::{self, Instrument, Intent, Strategy};
use feed::tape::Event;
use money::{Amount, Price, Qty, Time};

use super::{EXCHANGE, Filled};
use crate::replay::exchange::Exchange;
use crate::replay::local::{Local, Units};
use crate::replay::order::{Answer, Order};
use crate::replay::venue::VenueParams;

/// What happens in the plain loop, at its time: exchanges first, then news, then the rest.
#[derive(Clone, Debug)]
enum Happens {
    Meets(usize, Event),
    Comes(usize, Event),
    Arrives(Intent),
    Heard(strategy::Event),
    Wakes,
}

/// The plain loop: constant delays, no account.
struct Plain<'a> {
    delays: [u64; 3],
    strategy: &'a mut dyn Strategy,
    agenda: BTreeMap<(u64, u8, u64), Happens>,
    number: u64,
    exchanges: [Exchange; 2],
    locals: [Local; 2],
    position: [i64; 2],
    inbound: u32,
    intents: Vec<Intent>,
    answers: Vec<Answer>,
    fills: Vec<Filled>,
}

const fn units() -> Units {
    Units { price: Price::from_raw(10_000_000), qty: Qty::from_raw(100_000) }
}

impl Plain<'_> {
    fn add(&mut self, time: u64, class: u8, what: Happens) {
        self.number += 1;
        self.agenda.insert((time, class, self.number), what);
    }

    fn run(mut self, lives: &[Vec<Event>; 2]) -> Vec<Filled> {
        let last = lives.iter().map(|life| life.last().unwrap().exchange.nanos()).max().unwrap();
        for (at, life) in lives.iter().enumerate() {
            for event in life {
                let time = event.exchange.nanos();
                self.add(time, 0, Happens::Meets(at, *event));
                self.add(time + self.delays[0], 1, Happens::Comes(at, *event));
            }
        }
        let start = lives.iter().map(|life| life[1].exchange.nanos()).max().unwrap();
        self.add(start, 2, Happens::Wakes);
        while let Some(((now, _, _), what)) = self.agenda.pop_first() {
            if now > last + self.delays[0] {
                break;
            }
            let met = self.take(now, what);
            self.answer(now, met);
            for intent in std::mem::take(&mut self.intents) {
                match intent {
                    Intent::WakeAt(time) => {
                        self.add(time.nanos().max(now + 1), 2, Happens::Wakes);
                    }
                    Intent::Place { .. }
                    | Intent::Cancel { .. }
                    | Intent::CancelAll { .. }
                    | Intent::Bid { .. } => {
                        self.add(now + self.delays[1], 2, Happens::Arrives(intent));
                    }
                }
            }
        }
        self.fills
    }

    /// Takes what happens; the market that may have answered.
    fn take(&mut self, now: u64, what: Happens) -> usize {
        let mut met = 0;
        match what {
            Happens::Meets(at, event) => {
                self.exchanges[at].apply(&event, &mut self.answers);
                met = at;
            }
            Happens::Comes(at, event) => {
                if self.locals[at].hear(&event, true) {
                    self.locals[at].tell(|event| self.strategy.on(event, &mut self.intents));
                }
            }
            Happens::Heard(event) => {
                self.inbound -= 1;
                self.strategy.on(&event, &mut self.intents);
            }
            Happens::Wakes => self.wake(now),
            Happens::Arrives(Intent::Cancel { instrument, client }) => {
                met = usize::from(instrument.0);
                self.exchanges[met].cancel(client, &mut self.answers);
            }
            Happens::Arrives(Intent::Place {
                instrument,
                side,
                price,
                qty,
                lifetime,
                client,
                ..
            }) => {
                let price = units().of_price(price).unwrap();
                let qty = units().of_qty(qty).unwrap();
                let order = Order { client, side, price, qty, lifetime };
                met = usize::from(instrument.0);
                self.exchanges[met].place(order, &mut self.answers);
            }
            Happens::Arrives(_) => unreachable!("the monkey does nothing else"),
        }
        met
    }

    fn wake(&mut self, now: u64) {
        if self.inbound == 0 {
            for (at, held) in (0..).zip(self.position) {
                let (instrument, qty) = (Instrument(at), units().qty(held));
                let event = strategy::Event::Position { instrument, qty };
                self.strategy.on(&event, &mut self.intents);
            }
            let equity = strategy::Event::Equity { equity: Amount::ZERO };
            self.strategy.on(&equity, &mut self.intents);
        }
        let now = Time::from_nanos(now);
        self.strategy.on(&strategy::Event::Wake { now }, &mut self.intents);
    }

    fn answer(&mut self, now: u64, at: usize) {
        let instrument = Instrument(at as u16);
        for told in std::mem::take(&mut self.answers) {
            let event = match told {
                Answer::Rested { client } => strategy::Event::Rested { instrument, client },
                Answer::Gone { client, refused } => {
                    strategy::Event::Gone { instrument, client, refused }
                }
                Answer::Fill { client, side, price, qty, maker, done } => {
                    self.fills.push((now, at as u16, side, price, qty, maker, client.0));
                    self.position[at] += side.sign() * qty;
                    let (price, qty) = (units().price(price), units().qty(qty));
                    let fee = Amount::ZERO;
                    strategy::Event::Fill { instrument, client, side, price, qty, fee, done }
                }
            };
            self.inbound += 1;
            self.add(now + self.delays[2], 2, Happens::Heard(event));
        }
    }
}

/// What a strategy's orders were filled for.
pub(super) fn plain(
    lives: &[Vec<Event>; 2],
    delays: [u64; 3],
    strategy: &mut dyn Strategy,
) -> Vec<Filled> {
    let venue = VenueParams::Book(EXCHANGE);
    let plain = Plain {
        delays,
        strategy,
        agenda: BTreeMap::new(),
        number: 0,
        exchanges: [Exchange::new(&EXCHANGE), Exchange::new(&EXCHANGE)],
        locals: [0, 1].map(|at| Local::new(Instrument(at), units(), &venue, false)),
        position: [0; 2],
        inbound: 0,
        intents: Vec::new(),
        answers: Vec::new(),
        fills: Vec::new(),
    };
    plain.run(lives)
}
