//! Canonical bytes: what they keep, and what they refuse.

use protocol::book::{BadSnapshot, Book, FastBook, NaiveBook, NewResting};
use protocol::ids::{AccountId, ClientId, Lots, OrderId, Side, Tick};

/// A book with two live orders (slots 0 and 2) and one free slot (1).
fn sample<B: Book + Default>() -> B {
    let mut book = B::default();
    rest(&mut book, Side::Buy, 7);
    let gone = rest(&mut book, Side::Buy, 8);
    rest(&mut book, Side::Sell, 9);
    book.cancel(gone).unwrap();
    book
}

fn rest<B: Book>(book: &mut B, side: Side, tick: u32) -> OrderId {
    book.insert(NewResting {
        owner: AccountId(3),
        side,
        tick: Tick(tick),
        lots: Lots(4),
        client: ClientId(5),
        reduce_only: true,
    })
}

fn bytes<B: Book>(book: &B) -> Vec<u8> {
    let mut out = Vec::new();
    book.write_canonical(&mut out);
    out
}

// Positions in the bytes of `sample`: three generations, one free slot, two orders of 34 bytes.
const GENERATIONS: usize = 4;
const FREE: usize = 20;
const FIRST: usize = 28;
const SECOND: usize = FIRST + 34;

#[test]
fn book_that_was_read_back_gives_the_same_bytes_and_leaves_what_follows() {
    fn check<B: Book + Default>() {
        let mut written = bytes(&sample::<B>());
        assert_eq!(written.len(), SECOND + 34);
        written.extend([1, 2, 3]);
        let mut input = written.as_slice();
        let book = B::read_canonical(&mut input).unwrap();
        assert_eq!(input, [1, 2, 3]);
        assert_eq!(bytes(&book), written[..SECOND + 34]);
    }
    check::<NaiveBook>();
    check::<FastBook>();
    assert_eq!(bytes(&sample::<NaiveBook>()), bytes(&sample::<FastBook>()));
}

#[test]
fn books_with_equal_orders_but_other_handles_to_come_differ() {
    let mut book = sample::<FastBook>();
    let before = bytes(&book);
    let id = rest(&mut book, Side::Buy, 8);
    book.cancel(id).unwrap();
    assert_ne!(bytes(&book), before);
    assert_eq!(book.orders(), sample::<FastBook>().orders());
}

#[test]
fn slot_is_given_up_after_its_last_generation() {
    fn check<B: Book + Default>() {
        let mut written = bytes(&sample::<B>());
        written[GENERATIONS + 4..GENERATIONS + 8].copy_from_slice(&(u32::MAX - 1).to_le_bytes());
        let mut book = B::read_canonical(&mut written.as_slice()).unwrap();
        let last = rest(&mut book, Side::Buy, 8);
        assert_eq!(last, OrderId(u64::from(u32::MAX) << 32 | 1));
        book.cancel(last).unwrap();
        assert_eq!(book.cancel(last), None);
        assert_eq!(rest(&mut book, Side::Buy, 8), OrderId(3));
        let again = B::read_canonical(&mut bytes(&book).as_slice()).unwrap();
        assert_eq!(bytes(&again), bytes(&book));
    }
    check::<NaiveBook>();
    check::<FastBook>();
}

#[test]
fn every_cut_is_refused() {
    let written = bytes(&sample::<FastBook>());
    for length in 0..written.len() {
        let result = FastBook::read_canonical(&mut &written[..length]);
        assert_eq!(result.err(), Some(BadSnapshot::Truncated), "cut at {length}");
    }
}

#[test]
fn count_beyond_the_bytes_is_refused_without_reserving_memory() {
    let result = FastBook::read_canonical(&mut [0xFF_u8; 64].as_slice());
    assert_eq!(result.err(), Some(BadSnapshot::Truncated));
}

#[test]
fn each_broken_rule_has_its_own_error() {
    let broken = [
        (GENERATIONS, 1, BadSnapshot::BadHandle(0)),
        (FREE, 2, BadSnapshot::BadSlot(2)),
        (FREE, 3, BadSnapshot::BadSlot(3)),
        (FIRST, 1, BadSnapshot::BadSlot(1)),
        (FIRST + 12, 2, BadSnapshot::BadFlag(0)),
        (FIRST + 33, 2, BadSnapshot::BadFlag(0)),
        (FIRST + 13, 0, BadSnapshot::NotPositive(0)),
        (SECOND + 17, 0, BadSnapshot::NotPositive(1)),
        (FIRST + 12, 1, BadSnapshot::OutOfOrder(1)),
        (SECOND + 13, 7, BadSnapshot::Crossed),
    ];
    for (place, byte, error) in broken {
        let mut written = bytes(&sample::<NaiveBook>());
        written[place] = byte;
        // A sell is out of order only before a bid.
        let second_is_bid = error == BadSnapshot::OutOfOrder(1);
        written[SECOND + 12] = u8::from(!second_is_bid);
        let result = NaiveBook::read_canonical(&mut written.as_slice());
        assert_eq!(result.err(), Some(error), "byte {place} set to {byte}");
    }
}

#[test]
fn slot_that_is_neither_live_nor_free_is_refused() {
    let mut written = bytes(&sample::<FastBook>());
    written[FREE - 4] = 0;
    written.drain(FREE..FREE + 4);
    let result = FastBook::read_canonical(&mut written.as_slice());
    assert_eq!(result.err(), Some(BadSnapshot::LostSlot(1)));
}
