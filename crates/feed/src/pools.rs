//! Minutes of a Uniswap v3 pool, as the library demeter writes them, as a tape.
//!
//! Columns: `timestamp` (start of the minute, `2022-07-19 00:00:00` UTC), `netAmount0`,
//! `netAmount1` (into the pool, signed), `closeTick`, `openTick`, `lowestTick`, `highestTick`,
//! `inAmount0`, `inAmount1` (gross), `currentLiquidity` (in range, at the close); amounts in the
//! tokens' smallest units.
//!
//! What a minute tells is known at its end: there stands one message of both inflows, liquidity
//! and, last, the tick at the close. Net amounts and the other ticks are checked and not kept: a
//! tape has no kind for them (lowest and highest leave some swaps out, so that the close may lie
//! outside).

use std::io::Read;

use money::{Price, Qty, Span, Time};

use crate::csv::{self, Fault, Fields, in_field};
use crate::error::{Cause, Error, excerpt};
use crate::findings::{Finding, Findings, Notice};
use crate::lines::Lines;
use crate::options::utc_time;
use crate::series::check_follows;
use crate::tape::{Event, Kind, Source};
use crate::units::{self, Drafts, Options, Rows};

const EXPECTED: &str = "minutes of a pool as CSV: timestamp,netAmount0,netAmount1,closeTick,\
    openTick,lowestTick,highestTick,inAmount0,inAmount1,currentLiquidity";

const NAMES: [&str; 10] = [
    "timestamp",
    "netAmount0",
    "netAmount1",
    "closeTick",
    "openTick",
    "lowestTick",
    "highestTick",
    "inAmount0",
    "inAmount1",
    "currentLiquidity",
];

/// Units of the prices and quantities of a pool: 10⁻⁴ of quote and 10⁻⁶ of base.
const PRICE_UNIT: Price = Price::from_raw(10_000);
const QTY_UNIT: Qty = Qty::from_raw(100);

/// Ticks of Uniswap v3 lie within this on both sides of zero (whitepaper, section 6.1).
const TICK_MAX: i64 = 887_272;

/// Whether a first line is that of pool minutes, if damaged ones.
pub(crate) fn recognises(first: &Fields<'_>) -> bool {
    first.position(&["closeTick"]).is_some()
}

/// Opens pool minutes, plain or gzip; `file` is the name in errors.
///
/// # Errors
/// What is wrong with the first rows.
pub fn open<'a>(
    file: &str,
    input: impl Read + 'a,
    options: &Options,
) -> Result<Box<dyn Source + 'a>, Error> {
    let mut lines = Lines::new(file, input, &options.limits, EXPECTED)?;
    if !lines.advance()? {
        return Err(Cause::Empty(EXPECTED).of_file(file));
    }
    let places = layout(&csv::split(lines.text())).map_err(|cause| lines.fail(cause))?;
    if !lines.advance()? {
        return Err(Cause::Empty(EXPECTED).of_file(file));
    }
    // Its rows count no units; these are what a market of the pool is quoted and traded in.
    let mut options = options.clone();
    options.units.price.get_or_insert(PRICE_UNIT);
    options.units.qty.get_or_insert(QTY_UNIT);
    let options = &options;
    let mut drafts = Drafts::new(file, options, false);
    let (name, venue) = named(file, options);
    drafts.list(&name, &venue).expect("the first instrument");
    let pool = Pool { lines, places, before: None, findings: Findings::default() };
    units::source(file, pool, drafts)
}

fn layout(first: &Fields<'_>) -> Result<[usize; NAMES.len()], Cause> {
    let mut places = [0; NAMES.len()];
    for (place, name) in places.iter_mut().zip(NAMES) {
        *place = first.position(&[name]).ok_or(Cause::MissingHeader(name, EXPECTED))?;
    }
    match first.stranger(&[&NAMES]) {
        Some((_, name)) => Err(Cause::UnknownHeader(excerpt(name), EXPECTED)),
        None => Ok(places),
    }
}

/// The pool's address and chain, which the library writes into the file's name.
fn named(file: &str, options: &Options) -> (String, String) {
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let mut parts = base.split(['-', '.']);
    let chain = parts.next().unwrap_or(base).to_ascii_lowercase();
    let address = parts.next().filter(|part| part.starts_with("0x"));
    let (name, venue) = match address {
        Some(address) => (address.to_owned(), format!("uniswap-v3-{chain}")),
        None => (units::name_of(file, options), "uniswap-v3".to_owned()),
    };
    (options.symbol.clone().unwrap_or(name), options.venue.clone().unwrap_or(venue))
}

struct Pool<'a> {
    lines: Lines<'a>,
    places: [usize; NAMES.len()],
    /// Start of the minute above.
    before: Option<Time>,
    findings: Findings,
}

/// One row.
struct Minute {
    start: Time,
    /// At the close.
    tick: i64,
    inflows: [u128; 2],
    liquidity: u128,
}

impl Rows for Pool<'_> {
    fn advance(&mut self, drafts: &mut Drafts) -> Result<bool, Error> {
        let fields = csv::split(self.lines.text());
        csv::check_count(&self.lines, fields.count, NAMES.len())?;
        let minute =
            minute(&fields, &self.places).map_err(|fault| csv::fail(&self.lines, fault))?;
        let line = self.lines.number();
        let missing = follow(self.before, minute.start)
            .map_err(|cause| csv::fail(&self.lines, (self.places[0], cause)))?;
        self.before = Some(minute.start);
        self.findings.add(Notice::Gap, missing, line);
        push(&minute, line, drafts);
        self.lines.advance()
    }

    fn findings(&self) -> Vec<Finding> {
        self.findings.list()
    }
}

/// How many minutes are missing since the row above.
fn follow(before: Option<Time>, start: Time) -> Result<u64, Cause> {
    if start.floor(Span::MINUTE) != start {
        return Err(Cause::OffGrid(start, Span::MINUTE));
    }
    let Some(before) = before else { return Ok(0) };
    check_follows(before, start)?;
    Ok(start.since(before).nanos() / Span::MINUTE.nanos() - 1)
}

fn push(minute: &Minute, line: u64, drafts: &mut Drafts) {
    let end = minute.start.after(Span::MINUTE);
    let event = |kind| Event { last: false, ..units::plain(end, kind) };
    let [in0, in1] = minute.inflows;
    let wide =
        [(Kind::PoolIn0, in0), (Kind::PoolIn1, in1), (Kind::PoolLiquidity, minute.liquidity)];
    for (kind, value) in wide {
        drafts.push(event(kind).with_wide(value), line, [0, 0]);
    }
    drafts.push(Event { price: minute.tick, last: true, ..event(Kind::PoolTick) }, line, [0, 0]);
}

fn minute(fields: &Fields<'_>, places: &[usize; NAMES.len()]) -> Result<Minute, Fault> {
    let text = |name: usize| fields.get(places[name]);
    let in_column = |name: usize, cause: Cause| (places[name], cause);
    let start = utc_time(text(0)).ok_or_else(|| in_column(0, Cause::NotUtc(excerpt(text(0)))))?;
    let mut ticks = [0; 4];
    for (tick, name) in ticks.iter_mut().zip(3..) {
        *tick = in_field(places[name], whole_tick(NAMES[name], text(name)))?;
    }
    let [tick, _, lowest, highest] = ticks;
    if lowest > highest {
        let cause = Cause::OutOfRange(NAMES[5], lowest.to_string(), format!("up to {highest}"));
        return Err(in_column(5, cause));
    }
    let mut inflows = [0; 2];
    for (inflow, (net, gross)) in inflows.iter_mut().zip([(1, 7), (2, 8)]) {
        *inflow = in_field(places[gross], amount(text(gross)))?;
        let of_net: i128 =
            text(net).parse().map_err(|_| in_column(net, Cause::NotANumber(excerpt(text(net)))))?;
        if u128::try_from(of_net).is_ok_and(|net| net > *inflow) {
            let range = format!("{} {of_net} and above", NAMES[net]);
            let cause = Cause::OutOfRange(NAMES[gross], excerpt(text(gross)), range);
            return Err(in_column(gross, cause));
        }
    }
    let liquidity = in_field(places[9], amount(text(9)))?;
    Ok(Minute { start, tick, inflows, liquidity })
}

/// A tick; some files write whole ones as `198133.0`.
fn whole_tick(name: &'static str, text: &str) -> Result<i64, Cause> {
    let digits = text.strip_suffix(".0").unwrap_or(text);
    let tick: i64 = digits.parse().map_err(|_| Cause::NotANumber(excerpt(text)))?;
    if tick.abs() <= TICK_MAX {
        return Ok(tick);
    }
    let range = format!("-{TICK_MAX} to {TICK_MAX}");
    Err(Cause::OutOfRange(name, excerpt(text), range))
}

/// Tokens or liquidity, below 2¹²⁸.
fn amount(text: &str) -> Result<u128, Cause> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or_else(|| Cause::NotWhole(excerpt(text)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
