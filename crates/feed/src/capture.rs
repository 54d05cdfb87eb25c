//! Raw websocket captures: each line is the local time of receipt in nanoseconds, a space, and the
//! JSON message of an exchange's combined stream (`@depth`, `@bookTicker`, `@trade`), or the REST
//! snapshot of the book that was fetched beside it. Spot and futures.
//!
//! The local clock is not the exchange's: the difference of the two is no latency.

use std::io::Read;

use money::Time;
use serde::Deserialize;

use crate::error::{Cause, Error, excerpt};
use crate::lines::{Limits, Lines};
use crate::number;
use crate::record::{BookTicker, DepthUpdate, Level, MarketEvent, Taker, Trade};

const EXPECTED: &str = "a capture: `<local time in ns> <JSON>` on every line";

/// An event with the time at which it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// The local clock.
    pub at: Time,
    /// The exchange's symbol in lower case as the stream names it; empty for a snapshot.
    pub symbol: String,
    /// What was received.
    pub event: MarketEvent,
}

/// Whether a first line is that of a capture.
pub(crate) fn recognises(line: &str) -> bool {
    parts(line).is_ok()
}

/// Events of a capture in the order received; it ends behind the first error.
pub struct Capture<'a> {
    lines: Lines<'a>,
    rows: u64,
    ended: bool,
}

impl<'a> Capture<'a> {
    /// Opens a capture, plain or gzip; `file` is the name in errors.
    pub fn new(file: &str, input: impl Read + 'a, limits: &Limits) -> Result<Capture<'a>, Error> {
        Ok(Capture { lines: Lines::new(file, input, limits, EXPECTED)?, rows: 0, ended: false })
    }

    /// Number of the line last read, from 1.
    pub fn line(&self) -> u64 {
        self.lines.number()
    }

    /// An error at the line last read.
    pub(crate) fn fail(&self, cause: Cause) -> Error {
        self.lines.fail(cause)
    }

    fn read(&mut self) -> Result<Option<Received>, Error> {
        if !self.lines.advance()? {
            let empty = Cause::Empty(EXPECTED).of_file(self.lines.file());
            return if self.rows == 0 { Err(empty) } else { Ok(None) };
        }
        self.rows += 1;
        match received(self.lines.text()) {
            Ok(event) => Ok(Some(event)),
            Err((column, cause)) => {
                Err(cause.at(self.lines.file(), self.lines.number(), column as u64))
            }
        }
    }
}

impl Iterator for Capture<'_> {
    type Item = Result<Received, Error>;

    fn next(&mut self) -> Option<Result<Received, Error>> {
        if self.ended {
            return None;
        }
        let next = self.read().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}

#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    stream: Option<std::borrow::Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Message<T> {
    data: T,
}

type Texts<'a> = Vec<(&'a str, &'a str)>;

#[derive(Deserialize)]
struct RawDepth<'a> {
    #[serde(rename = "E")]
    time: u64,
    #[serde(rename = "U")]
    first_id: u64,
    #[serde(rename = "u")]
    last_id: u64,
    #[serde(rename = "pu")]
    previous_id: Option<u64>,
    #[serde(borrow, rename = "b")]
    bids: Texts<'a>,
    #[serde(borrow, rename = "a")]
    asks: Texts<'a>,
}

#[derive(Deserialize)]
struct RawSnapshot<'a> {
    #[serde(rename = "lastUpdateId")]
    last_id: u64,
    #[serde(rename = "E")]
    time: Option<u64>,
    #[serde(borrow)]
    bids: Texts<'a>,
    #[serde(borrow)]
    asks: Texts<'a>,
}

#[derive(Deserialize)]
struct RawTicker<'a> {
    #[serde(rename = "E")]
    time: Option<u64>,
    #[serde(rename = "u")]
    update_id: u64,
    #[serde(rename = "b")]
    bid: &'a str,
    #[serde(rename = "B")]
    bid_qty: &'a str,
    #[serde(rename = "a")]
    ask: &'a str,
    #[serde(rename = "A")]
    ask_qty: &'a str,
}

#[derive(Deserialize)]
struct RawTrade<'a> {
    #[serde(rename = "T")]
    time: u64,
    #[serde(rename = "t")]
    id: u64,
    #[serde(rename = "p")]
    price: &'a str,
    #[serde(rename = "q")]
    qty: &'a str,
    #[serde(rename = "m")]
    buyer_is_maker: bool,
}

/// A cause and the byte of the line, from 1; 0 for the whole line.
type Fault = (usize, Cause);

fn received(line: &str) -> Result<Received, Fault> {
    let (at, json) = parts(line)?;
    let offset = line.len() - json.len();
    let head: Head<'_> = parse(json, offset)?;
    let Some(stream) = head.stream else {
        let event = MarketEvent::Depth(snapshot(parse(json, offset)?).map_err(whole)?);
        return Ok(Received { at, symbol: String::new(), event });
    };
    let (symbol, topic) = stream.split_once('@').unwrap_or((&stream, ""));
    let event = match topic.split('@').next().unwrap_or("") {
        "depth" => {
            let message: Message<RawDepth<'_>> = parse(json, offset)?;
            MarketEvent::Depth(depth(message.data).map_err(whole)?)
        }
        "bookTicker" => {
            let message: Message<RawTicker<'_>> = parse(json, offset)?;
            MarketEvent::Ticker(ticker(&message.data).map_err(whole)?)
        }
        "trade" => {
            let message: Message<RawTrade<'_>> = parse(json, offset)?;
            MarketEvent::Trade(trade(&message.data).map_err(whole)?)
        }
        _ => return Err((0, Cause::UnknownStream(excerpt(&stream)))),
    };
    Ok(Received { at, symbol: symbol.to_owned(), event })
}

fn whole(cause: Cause) -> Fault {
    (0, cause)
}

fn parts(line: &str) -> Result<(Time, &str), Fault> {
    let (nanos, json) = line.split_once(' ').ok_or((0, Cause::NotACapture))?;
    if !json.starts_with('{') {
        return Err((0, Cause::NotACapture));
    }
    let nanos = nanos.parse().map_err(|_| (1, Cause::NotACapture))?;
    Ok((Time::from_nanos(nanos), json))
}

fn parse<'a, T: Deserialize<'a>>(json: &'a str, offset: usize) -> Result<T, Fault> {
    serde_json::from_str(json).map_err(|error| {
        let text = error.to_string();
        let reason = text.split(" at line ").next().unwrap_or("").to_owned();
        (offset + error.column(), Cause::Json(excerpt_long(reason)))
    })
}

/// A parser's answer may quote its input: 120 characters of it are enough.
fn excerpt_long(text: String) -> String {
    text.chars().take(120).flat_map(char::escape_debug).collect()
}

fn depth(raw: RawDepth<'_>) -> Result<DepthUpdate, Cause> {
    Ok(DepthUpdate {
        time: Some(millis(raw.time)?),
        snapshot: false,
        first_id: raw.first_id,
        last_id: raw.last_id,
        previous_id: raw.previous_id,
        bids: levels("bid", &raw.bids)?,
        asks: levels("ask", &raw.asks)?,
    })
}

fn snapshot(raw: RawSnapshot<'_>) -> Result<DepthUpdate, Cause> {
    Ok(DepthUpdate {
        time: raw.time.map(millis).transpose()?,
        snapshot: true,
        first_id: raw.last_id,
        last_id: raw.last_id,
        previous_id: None,
        bids: levels("bid", &raw.bids)?,
        asks: levels("ask", &raw.asks)?,
    })
}

fn ticker(raw: &RawTicker<'_>) -> Result<BookTicker, Cause> {
    let bid = level("best bid", raw.bid, raw.bid_qty)?;
    let ask = level("best ask", raw.ask, raw.ask_qty)?;
    if bid.price > ask.price {
        return Err(Cause::Crossed(bid.price, ask.price));
    }
    let time = raw.time.map(millis).transpose()?;
    Ok(BookTicker { time, update_id: raw.update_id, bid, ask })
}

fn trade(raw: &RawTrade<'_>) -> Result<Trade, Cause> {
    let Level { price, qty } = level("price", raw.price, raw.qty)?;
    let taker = if raw.buyer_is_maker { Taker::Seller } else { Taker::Buyer };
    Ok(Trade { time: millis(raw.time)?, id: raw.id, price, qty, taker })
}

fn levels(side: &'static str, texts: &Texts<'_>) -> Result<Vec<Level>, Cause> {
    texts.iter().map(|(price, qty)| level(side, price, qty)).collect()
}

/// A level: the price above zero and exact, the quantity not negative and exact too, as a book
/// must not keep what the exchange has removed.
fn level(name: &'static str, price: &str, qty: &str) -> Result<Level, Cause> {
    let price = number::price(price)?;
    if !price.is_positive() {
        return Err(Cause::NotPositive(name, price));
    }
    let exact = number::price(qty)?;
    let qty = money::Qty::from_raw(exact.raw());
    if qty.is_negative() {
        return Err(Cause::Negative("quantity", qty));
    }
    Ok(Level { price, qty })
}

fn millis(count: u64) -> Result<Time, Cause> {
    Time::from_millis(count).ok_or_else(|| Cause::NotATime(count.to_string()))
}
