//! The rules of the exchange, written plainly: lists that are searched and sorted each time.

use feed::tape::{Event, Kind};
use protocol::command::Lifetime;
use protocol::ids::{ClientId, Side};

use crate::replay::exchange::{ExchangeParams, Fills};
use crate::replay::ladder::tests::Naive;
use crate::replay::ladder::{key, side_of};
use crate::replay::order::{Answer, Order};
use crate::replay::queue::{QueueModel, Weight};

struct Own {
    order: Order,
    left: i64,
    front: f64,
    traded: f64,
}

/// What stands in time order: an order of the feed, or an own one.
#[derive(Clone, Copy, PartialEq)]
enum Entry {
    Feed { id: u64, side: Side, price: i64, qty: i64 },
    Own(ClientId),
}

pub(super) struct Twin {
    params: ExchangeParams,
    book: Naive,
    /// By arrival.
    own: Vec<Own>,
    waiting: Vec<Order>,
    taken: Vec<(Side, i64, i64)>,
    last: Option<i64>,
    quoted: bool,
    deep: bool,
    /// Set by the first order of the feed.
    by_order: bool,
    time: Vec<Entry>,
    answers: Vec<Answer>,
}

impl Twin {
    pub(super) fn new(params: &ExchangeParams) -> Twin {
        Twin {
            params: *params,
            book: Naive::default(),
            own: Vec::new(),
            waiting: Vec::new(),
            taken: Vec::new(),
            last: None,
            quoted: false,
            deep: false,
            by_order: false,
            time: Vec::new(),
            answers: Vec::new(),
        }
    }

    pub(super) fn answers(&mut self) -> Vec<Answer> {
        std::mem::take(&mut self.answers)
    }

    pub(super) fn place(&mut self, order: Order) {
        let Order { client, side, price, qty, lifetime } = order;
        let known = self.own.iter().any(|own| own.order.client == client)
            || self.waiting.iter().any(|other| other.client == client);
        if qty <= 0 || known {
            return self.gone(client, true);
        }
        let meets =
            |at: i64| (side == Side::Buy && at <= price) || (side == Side::Sell && at >= price);
        let rivals = self.own.iter().filter(|own| own.order.side != side);
        let rival = rivals.map(|own| own.order.price).filter(|&at| meets(at)).collect::<Vec<_>>();
        if !self.quoted {
            let crosses = self.last.is_some_and(meets);
            match lifetime {
                _ if !rival.is_empty() => self.gone(client, true),
                Lifetime::PostOnly if crosses => self.gone(client, true),
                Lifetime::Resting if crosses => self.waiting.push(order),
                Lifetime::Immediate => self.waiting.push(order),
                Lifetime::Resting | Lifetime::PostOnly => self.rest(order, qty),
            }
            return;
        }
        let levels = self.book.levels(side.opposite());
        if lifetime == Lifetime::PostOnly && levels.first().is_some_and(|level| meets(level.0)) {
            return self.gone(client, true);
        }
        let mut left = qty;
        for (at, shown) in levels {
            let before_rivals = rival.iter().all(|&rival| match side {
                Side::Buy => at < rival,
                Side::Sell => at > rival,
            });
            if left > 0 && meets(at) && before_rivals {
                left -= self.take(&order, left, at, shown);
            }
        }
        if left > 0 && (!rival.is_empty() || lifetime == Lifetime::Immediate) {
            self.gone(client, !rival.is_empty());
        } else if left > 0 {
            self.rest(order, left);
        }
    }

    fn take(&mut self, order: &Order, left: i64, price: i64, shown: i64) -> i64 {
        let Order { client, side, .. } = *order;
        let other = side.opposite();
        let gone: i64 =
            self.taken.iter().filter(|t| (t.0, t.1) == (other, price)).map(|t| t.2).sum();
        let qty = match self.params.fills {
            Fills::Whole => left,
            Fills::Partial => left.min(shown - gone).max(0),
        };
        if qty > 0 {
            let done = qty == left;
            self.answers.push(Answer::Fill { client, side, price, qty, maker: false, done });
            if self.params.consume && self.params.fills == Fills::Partial {
                self.taken.push((other, price, qty));
            }
        }
        qty
    }

    fn rest(&mut self, order: Order, left: i64) {
        let best = self.book.best[order.side as usize];
        let behind = best.is_none_or(|best| key(order.side, order.price) < best);
        let unknown = !self.quoted || (!self.deep && behind);
        let front =
            if unknown { f64::INFINITY } else { self.shown(order.side, order.price) as f64 };
        self.own.push(Own { order, left, front, traded: 0.0 });
        self.time.push(Entry::Own(order.client));
        self.answers.push(Answer::Rested { client: order.client });
    }

    pub(super) fn cancel(&mut self, client: ClientId) {
        let before = self.own.len() + self.waiting.len();
        self.own.retain(|own| own.order.client != client);
        self.waiting.retain(|order| order.client != client);
        self.time.retain(|&entry| entry != Entry::Own(client));
        if self.own.len() + self.waiting.len() < before {
            self.gone(client, false);
        }
    }

    pub(super) fn cancel_all(&mut self) {
        let mut clients = Vec::new();
        for side in [Side::Buy, Side::Sell] {
            clients.extend(self.ranked(side).iter().map(|&at| self.own[at].order.client));
        }
        clients.extend(self.waiting.iter().map(|order| order.client));
        clients.into_iter().for_each(|client| self.cancel(client));
    }

    fn gone(&mut self, client: ClientId, refused: bool) {
        self.answers.push(Answer::Gone { client, refused });
    }

    fn shown(&self, side: Side, price: i64) -> i64 {
        self.book.halves[side as usize].get(&key(side, price)).copied().unwrap_or(0)
    }

    /// Indices of own orders of a side by price and arrival.
    fn ranked(&self, side: Side) -> Vec<usize> {
        let mut at: Vec<usize> =
            (0..self.own.len()).filter(|&at| self.own[at].order.side == side).collect();
        at.sort_by_key(|&at| std::cmp::Reverse(key(side, self.own[at].order.price)));
        at
    }

    /// Fills some own order at its price.
    fn fill(&mut self, at: usize, qty: i64) {
        let own = &mut self.own[at];
        let Order { client, side, price, .. } = own.order;
        own.left -= qty;
        let done = own.left == 0;
        self.answers.push(Answer::Fill { client, side, price, qty, maker: true, done });
    }

    fn sweep(&mut self) {
        let done = |own: &Own| own.left == 0;
        let clients: Vec<_> =
            self.own.iter().filter(|own| done(own)).map(|own| own.order.client).collect();
        self.own.retain(|own| !done(own));
        self.time.retain(|entry| !clients.iter().any(|&client| *entry == Entry::Own(client)));
    }

    /// Fills what is better than a price, or also at it.
    fn fill_through(&mut self, side: Side, price: i64, at_it: bool) {
        for at in self.ranked(side) {
            let own = key(side, self.own[at].order.price);
            if own > key(side, price) || (at_it && own == key(side, price)) {
                self.fill(at, self.own[at].left);
            }
        }
        self.sweep();
    }

    pub(super) fn apply(&mut self, event: &Event) {
        let side = event.side.map(side_of);
        #[allow(clippy::wildcard_enum_match_arm, reason = "events of other topics")]
        match event.kind {
            Kind::Level => {
                if let Some(side) = side {
                    (self.quoted, self.deep) = (true, true);
                    self.level(event, side);
                }
            }
            Kind::Best => {
                if let Some(side) = side {
                    self.best(event, side);
                }
            }
            Kind::Clear => {
                self.taken.retain(|taken| side.is_some_and(|side| taken.0 != side));
                self.time.retain(|entry| match *entry {
                    Entry::Feed { side: its, .. } => side.is_some_and(|side| its != side),
                    Entry::Own(_) => true,
                });
                self.book.apply(event);
            }
            Kind::Add | Kind::Change | Kind::Remove | Kind::Execute => self.by_number(event, side),
            Kind::Trade => {
                self.last = Some(event.price);
                self.serve(event.price);
                self.trade(event, side);
            }
            Kind::Open => {
                self.last = Some(event.price);
                self.serve(event.price);
            }
            Kind::High => self.fill_through(Side::Sell, event.price, false),
            Kind::Low => self.fill_through(Side::Buy, event.price, false),
            Kind::Close => self.last = Some(event.price),
            _ => {}
        }
    }

    fn level(&mut self, event: &Event, side: Side) {
        let before = self.shown(side, event.price);
        self.book.apply(event);
        self.after_level(side, event.price, before);
    }

    fn after_level(&mut self, side: Side, price: i64, before: i64) {
        let after = self.shown(side, price);
        self.taken.retain(|taken| (taken.0, taken.1) != (side, price));
        self.move_up(side, price, before, after);
        if after > 0 {
            self.fill_through(side.opposite(), price, true);
        }
    }

    fn move_up(&mut self, side: Side, price: i64, before: i64, after: i64) {
        for own in &mut self.own {
            if (own.order.side, own.order.price) == (side, price) {
                own.front = front(self.params.queue, own, before as f64, after as f64);
                own.traded = 0.0;
            }
        }
    }

    fn best(&mut self, event: &Event, side: Side) {
        self.quoted = true;
        for at in self.ranked(side) {
            let price = self.own[at].order.price;
            if event.qty <= 0 || key(side, price) > key(side, event.price) {
                let shown = self.shown(side, price) as f64;
                let own = &mut self.own[at];
                own.front = front(self.params.queue, own, shown, 0.0);
                own.traded = 0.0;
            }
        }
        let before = self.shown(side, event.price);
        self.book.apply(event);
        self.taken.retain(|taken| taken.0 != side);
        if event.qty > 0 {
            self.after_level(side, event.price, before);
        }
    }

    fn trade(&mut self, event: &Event, aggressor: Option<Side>) {
        for side in [Side::Buy, Side::Sell] {
            if aggressor == Some(side) {
                continue;
            }
            self.fill_through(side, event.price, false);
            let mut rest = event.qty;
            for at in self.ranked(side) {
                if self.by_order || self.own[at].order.price != event.price {
                    continue;
                }
                let own = &mut self.own[at];
                own.traded += event.qty as f64;
                own.front -= rest as f64;
                if own.front > -0.5 {
                    continue;
                }
                let beyond = (-own.front).round() as i64;
                own.front = 0.0;
                match self.params.fills {
                    Fills::Whole => self.fill(at, self.own[at].left),
                    Fills::Partial => {
                        let qty = beyond.min(own.left);
                        rest -= qty;
                        self.fill(at, qty);
                    }
                }
            }
            self.sweep();
        }
    }

    fn serve(&mut self, price: i64) {
        for order in std::mem::take(&mut self.waiting) {
            let Order { client, side, qty, .. } = order;
            let within = match side {
                Side::Buy => price <= order.price,
                Side::Sell => price >= order.price,
            };
            if within {
                let (maker, done) = (false, true);
                self.answers.push(Answer::Fill { client, side, price, qty, maker, done });
            } else if order.lifetime == Lifetime::Immediate {
                self.gone(client, false);
            } else {
                self.rest(order, qty);
            }
        }
    }

    fn by_number(&mut self, event: &Event, side: Option<Side>) {
        (self.quoted, self.deep, self.by_order) = (true, true, true);
        self.book.apply(event);
        let place =
            self.time.iter().position(|e| matches!(e, Entry::Feed { id, .. } if *id == event.id));
        match (event.kind, place) {
            (Kind::Add, place) => {
                place.map(|at| self.time.remove(at));
                if let Some(side) = side {
                    self.stand(event, side);
                }
            }
            (Kind::Remove, Some(at)) => {
                self.time.remove(at);
            }
            (Kind::Change, Some(at)) => {
                let Entry::Feed { side, price, qty, .. } = &mut self.time[at] else { return };
                if *price == event.price && event.qty <= *qty && event.qty > 0 {
                    *qty = event.qty;
                } else {
                    let side = *side;
                    self.time.remove(at);
                    if event.qty > 0 {
                        self.stand(event, side);
                    }
                }
            }
            (Kind::Execute, Some(at)) => self.execute(at, event.qty),
            _ => {}
        }
    }

    fn stand(&mut self, event: &Event, side: Side) {
        let price = event.price;
        if event.qty <= 0 || price == i64::MIN || price == i64::MAX {
            return;
        }
        self.time.push(Entry::Feed { id: event.id, side, price, qty: event.qty });
        self.taken.retain(|taken| (taken.0, taken.1) != (side, price));
        self.fill_through(side.opposite(), price, true);
        if event.snapshot {
            let here = |own: &&Own| (own.order.side, own.order.price) == (side, price);
            for client in self.own.iter().filter(here).map(|own| own.order.client) {
                self.time.retain(|&entry| entry != Entry::Own(client));
                self.time.push(Entry::Own(client));
            }
        }
    }

    fn execute(&mut self, at: usize, qty: i64) {
        let Entry::Feed { side, price, qty: left, .. } = self.time[at] else { return };
        let traded = qty.min(left);
        if traded <= 0 {
            return;
        }
        let before = self.time[..at].to_vec();
        self.time[at] = match self.time[at] {
            Entry::Feed { id, side, price, qty } => {
                Entry::Feed { id, side, price, qty: qty - traded }
            }
            own @ Entry::Own(_) => own,
        };
        self.fill_through(side, price, false);
        let mut rest = traded;
        for at in self.ranked(side) {
            let own = &self.own[at];
            if own.order.price == price
                && before.contains(&Entry::Own(own.order.client))
                && rest > 0
            {
                match self.params.fills {
                    Fills::Whole => self.fill(at, own.left),
                    Fills::Partial => {
                        let qty = rest.min(own.left);
                        rest -= qty;
                        self.fill(at, qty);
                    }
                }
            }
        }
        self.sweep();
        self.time.retain(|entry| !matches!(entry, Entry::Feed { qty: 0, .. }));
    }
}

/// What stands before an order after its level changed.
fn front(model: QueueModel, own: &Own, before: f64, after: f64) -> f64 {
    let cancelled = before - after - own.traded;
    if cancelled <= 0.0 || own.front == f64::INFINITY {
        return own.front.max(0.0).min(after);
    }
    let front = own.front.max(0.0);
    let back = (before - front).max(0.0);
    let sure = |p: f64| if p.is_nan() { 1.0 } else { p };
    let behind = match model {
        QueueModel::RiskAverse => return own.front.max(0.0).min(after),
        QueueModel::ProRata => sure(back / (back + front)),
        QueueModel::Probability(Weight::PowerFront { n }) => {
            let share = if front + back > 0.0 { front / (front + back) } else { 1.0 };
            1.0 - libm::pow(share, n)
        }
        QueueModel::Probability(Weight::LogShare { lot }) => {
            let (b, f) = (libm::log1p(back * lot), libm::log1p(front * lot));
            sure(b / (b + f))
        }
        QueueModel::Probability(_) => unreachable!("the formulas have tests of their own"),
    };
    let estimate = own.front - ((1.0 - behind) * cancelled - (back - behind * cancelled).min(0.0));
    estimate.max(0.0).min(after)
}
