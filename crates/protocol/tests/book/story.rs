//! A small language to tell a book what happens and to see what it looks like.
//!
//! `bid|ask TICK LOTS OWNER` rests an order (named #0, #1, … in turn); `buy|sell LIMIT LOTS OWNER
//! [taker|maker|both]` matches one; `cancel #N` cancels; `post bid|ask TICK` asks whether it would
//! trade; `levels` prints totals; `book` prints the queues.

use std::fmt::Write;

use expect_test::Expect;
use protocol::book::{Book, FastBook, Fill, FillKind, NaiveBook, NewResting, Resting, Taker};
use protocol::command::SelfTrade;
use protocol::ids::{AccountId, ClientId, Lots, OrderId, Side, Tick};

/// Tells a story to both books; they must answer alike, and as expected.
pub fn check(story: &str, expect: Expect) {
    let naive = tell::<NaiveBook>(story);
    assert_eq!(naive, tell::<FastBook>(story), "both books tell the same story");
    expect.assert_eq(&naive);
}

fn tell<B: Book + Default>(story: &str) -> String {
    let mut teller = Teller { book: B::default(), handles: Vec::new(), out: String::new() };
    for line in story.lines().map(str::trim).filter(|line| !line.is_empty()) {
        teller.line(&line.split_whitespace().collect::<Vec<_>>());
    }
    teller.out
}

struct Teller<B> {
    book: B,
    handles: Vec<OrderId>,
    out: String,
}

impl<B: Book> Teller<B> {
    fn line(&mut self, words: &[&str]) {
        match words {
            [side @ ("bid" | "ask"), tick, lots, owner] => {
                self.rest(side_of(side), number(tick), lots.parse().unwrap(), account(owner));
            }
            [side @ ("buy" | "sell"), limit, lots, owner, mode @ ..] => self.take(Taker {
                owner: account(owner),
                side: side_of(side),
                limit: Tick(number(limit)),
                lots: Lots(lots.parse().unwrap()),
                self_trade: mode_of(mode),
            }),
            ["cancel", order] => {
                let id = self.handles[order[1..].parse::<usize>().unwrap()];
                let gone = self.book.cancel(id).map(|order| self.show(&order));
                self.say(&format!("cancel {order}: {}", gone.unwrap_or("no such order".into())));
            }
            ["post", side, tick] => {
                let crosses = self.book.would_cross(side_of(side), Tick(number(tick)));
                let answer = if crosses { "would trade" } else { "rests" };
                self.say(&format!("post {side} {tick}: {answer}"));
            }
            ["levels"] => self.levels(),
            ["book"] => self.queues(),
            _ => panic!("no such line: {words:?}"),
        }
    }

    fn rest(&mut self, side: Side, tick: u32, lots: u64, owner: AccountId) {
        let client = ClientId(self.handles.len() as u64);
        let tick = Tick(tick);
        let order = NewResting { owner, side, tick, lots: Lots(lots), client, reduce_only: false };
        let id = self.book.insert(order);
        assert!(!self.handles.contains(&id), "a handle is never given twice");
        self.handles.push(id);
    }

    fn take(&mut self, taker: Taker) {
        let mut fills = Vec::new();
        let taken = self.book.take(taker, &mut fills);
        for Fill { maker_client, tick, lots, maker_left, kind, .. } in fills {
            let (name, tick, lots, left) = (maker_client.0, tick.0, lots.0, maker_left.0);
            let verb = match kind {
                FillKind::Trade => "trades",
                FillKind::SelfTradeCancel => "loses",
            };
            self.say(&format!("#{name} {verb} {lots} at {tick}, {left} left"));
        }
        let stopped = if taken.self_trade { ", stopped at its own order" } else { "" };
        self.say(&format!("taker has {} left{stopped}", taken.left.0));
    }

    fn levels(&mut self) {
        for (side, name) in [(Side::Sell, "asks"), (Side::Buy, "bids")] {
            let levels =
                self.book.levels(side).map(|(tick, lots)| format!(" {}x{}", lots.0, tick.0));
            let line = format!("{name}:{}", levels.collect::<String>());
            self.say(&line);
        }
    }

    /// Asks from the worst to the best, a rule, bids from the best to the worst.
    fn queues(&mut self) {
        let orders = self.book.orders();
        assert_eq!(orders.len(), self.book.len());
        for order in &orders {
            assert_eq!(self.book.order(order.id), Some(*order), "an order is found by its handle");
        }
        let side = |side| orders.iter().filter(move |order| order.side == side);
        let mut asks: Vec<_> = side(Side::Sell).copied().collect();
        asks.sort_by_key(|order| std::cmp::Reverse(order.tick));
        let bids: Vec<_> = side(Side::Buy).copied().collect();
        self.rows("ask", &asks);
        self.say("--------");
        self.rows("bid", &bids);
    }

    fn rows(&mut self, name: &str, orders: &[Resting]) {
        for level in orders.chunk_by(|a, b| a.tick == b.tick) {
            let queue: String = level.iter().map(|o| format!("  {}", self.show(o))).collect();
            self.say(&format!("{name} {}{queue}", level[0].tick.0));
        }
    }

    fn show(&self, order: &Resting) -> String {
        let owner = char::from(b'a' + u8::try_from(order.owner.0).unwrap());
        format!("#{} {owner}:{}", order.client.0, order.lots.0)
    }

    fn say(&mut self, line: &str) {
        writeln!(self.out, "{line}").unwrap();
    }
}

fn side_of(word: &str) -> Side {
    match word {
        "bid" | "buy" => Side::Buy,
        "ask" | "sell" => Side::Sell,
        _ => panic!("no such side: {word}"),
    }
}

fn mode_of(words: &[&str]) -> SelfTrade {
    match words {
        [] | ["taker"] => SelfTrade::CancelTaker,
        ["maker"] => SelfTrade::CancelMaker,
        ["both"] => SelfTrade::CancelBoth,
        _ => panic!("no such mode: {words:?}"),
    }
}

fn number(word: &str) -> u32 {
    word.parse().unwrap()
}

/// Owners are letters from `a`.
fn account(word: &str) -> AccountId {
    AccountId(u32::from(word.as_bytes()[0] - b'a'))
}
