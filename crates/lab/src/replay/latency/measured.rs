//! A table of own orders that were timed: when sent, when met by the exchange, when answered.
//!
//! Between two rows the delay of an order is interpolated by the time of sending, the delay of an
//! answer by the time at the exchange; before the first row and behind the last it is theirs:
//! `d = d₀ + (d₁ − d₀)·(t − t₀)/(t₁ − t₀)`, rounded down. A row without a time at the exchange is
//! an order that failed there; orders sent between it and a neighbour fail too, and are told so
//! after the interpolated round trip. These are the rules of hftbacktest's `IntpOrderLatency`,
//! whose files (`req_ts, exch_ts, resp_ts`, nanoseconds) are read.
//!
//! Always: rows go forward in time, and no delay is negative.

use money::{Span, Time};

/// Why delays were refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The road whose parameters are outside their ranges.
    #[error(
        "the delay of the {0} road is out of range: expected spans up to a day, a factor and a \
         sigma of at least 0, and a loss of at least 0 and below 1"
    )]
    Delay(&'static str),
    /// The number of the outage, from 1.
    #[error(
        "outage {0} ends before it begins or begins before the one ahead of it ends; list them \
         in order, each from a time to a later one"
    )]
    Outage(usize),
    /// A table of orders for the feed.
    #[error(
        "a table of orders says nothing of the feed; use a constant, recorded or sampled delay"
    )]
    Measured,
    /// No rows.
    #[error("the table of order latencies has no rows; expected req_ts,exch_ts,resp_ts in ns")]
    Empty,
    /// The number of the line or row, from 1, and what stands there.
    #[error("line {0}: `{1}`; expected three whole numbers of ns: req_ts,exch_ts,resp_ts")]
    Row(usize, String),
    /// The number of the row, from 1.
    #[error(
        "row {0}: an order is answered before it is sent or met, or times are not after those of \
         the row above; correct the clocks or sort the file by req_ts"
    )]
    Order(usize),
}

/// One order that was timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    sent: u64,
    /// When the exchange met it; for one that failed, where it would lie between its neighbours.
    met: u64,
    answered: u64,
    failed: bool,
}

/// Own orders that were timed, with a place in each direction of travel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measured {
    rows: Vec<Row>,
    /// The rows that were met, by time at the exchange: (met, delay of the answer).
    answers: Vec<(u64, u64)>,
    order_at: usize,
    answer_at: usize,
}

impl Measured {
    /// From rows of (sent, met, answered) in nanoseconds since the epoch, `met` at most 0 for an
    /// order that failed: the columns of an hftbacktest file.
    ///
    /// # Errors
    /// No rows, or one whose times go back; names the row.
    pub fn from_rows(rows: impl IntoIterator<Item = [i64; 3]>) -> Result<Measured, Fault> {
        let mut table = Vec::new();
        let mut answers: Vec<(u64, u64)> = Vec::new();
        for (index, [sent, met, answered]) in rows.into_iter().enumerate() {
            let row = row(sent, met, answered).ok_or(Fault::Order(index + 1))?;
            let above = table.last().is_some_and(|above: &Row| above.sent >= row.sent);
            let met_above = answers.last().is_some_and(|&(above, _)| above > row.met);
            if above || (!row.failed && met_above) {
                return Err(Fault::Order(index + 1));
            }
            if !row.failed {
                answers.push((row.met, row.answered - row.met));
            }
            table.push(row);
        }
        // Two orders may be met in one nanosecond; the first of them is kept.
        answers.dedup_by_key(|&mut (met, _)| met);
        if table.is_empty() || answers.is_empty() {
            return Err(Fault::Empty);
        }
        Ok(Measured { rows: table, answers, order_at: 0, answer_at: 0 })
    }

    /// From CSV with three columns of whole nanoseconds; a first line of names is passed over.
    ///
    /// # Errors
    /// A line that is no row, or times that go back; names the line or row.
    pub fn from_csv(text: &str) -> Result<Measured, Fault> {
        let mut rows = Vec::new();
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            let named = index == 0 && line.starts_with(|first: char| first.is_ascii_alphabetic());
            if line.is_empty() || named {
                continue;
            }
            let fault = || Fault::Row(index + 1, line.chars().take(80).collect());
            let mut fields = line.split(',').map(|field| field.trim().parse::<i64>());
            let mut next = || fields.next().and_then(Result::ok).ok_or_else(fault);
            let row = [next()?, next()?, next()?];
            // A fourth column pads the rows of some files.
            if fields.any(|rest| rest.is_err()) {
                return Err(fault());
            }
            rows.push(row);
        }
        Measured::from_rows(rows)
    }

    /// How long an order sent at `sent` is on the road; as an error, after how long the strategy
    /// hears that it failed.
    pub(super) fn order(&mut self, sent: Time) -> Result<Span, Span> {
        let sent = sent.nanos();
        self.order_at = place(&self.rows, self.order_at, sent, |row| row.sent);
        let low = self.rows[self.order_at];
        let high = match self.rows.get(self.order_at + 1) {
            Some(high) if low.sent <= sent => *high,
            Some(_) | None => low,
        };
        let between = |delay: fn(&Row) -> u64| {
            interpolated(sent, (low.sent, delay(&low)), (high.sent, delay(&high)))
        };
        if low.failed || high.failed {
            return Err(between(|row| row.answered - row.sent));
        }
        Ok(between(|row| row.met - row.sent))
    }

    /// How long an answer given at `made` is on the road.
    pub(super) fn answer(&mut self, made: Time) -> Span {
        let made = made.nanos();
        self.answer_at = place(&self.answers, self.answer_at, made, |&(met, _)| met);
        let low = self.answers[self.answer_at];
        let high = match self.answers.get(self.answer_at + 1) {
            Some(high) if low.0 <= made => *high,
            Some(_) | None => low,
        };
        interpolated(made, low, high)
    }
}

fn row(sent: i64, met: i64, answered: i64) -> Option<Row> {
    let (sent, answered) = (u64::try_from(sent).ok()?, u64::try_from(answered).ok()?);
    let failed = met <= 0;
    let met = if failed { sent } else { u64::try_from(met).ok()? };
    (sent <= met && met <= answered && sent > 0).then_some(Row { sent, met, answered, failed })
}

/// The last row at or before `time`, else the first, found from the place last used.
fn place<T>(rows: &[T], from: usize, time: u64, key: fn(&T) -> u64) -> usize {
    let mut at = from;
    if key(&rows[at]) > time {
        at = rows.partition_point(|row| key(row) <= time).saturating_sub(1);
    }
    while rows.get(at + 1).is_some_and(|next| key(next) <= time) {
        at += 1;
    }
    at
}

fn interpolated(time: u64, low: (u64, u64), high: (u64, u64)) -> Span {
    let wide = |value: u64| i128::from(value);
    let (width, rise) = (wide(high.0) - wide(low.0), wide(high.1) - wide(low.1));
    let passed = wide(time.max(low.0)) - wide(low.0);
    let added = if width > 0 { (rise * passed).div_euclid(width) } else { 0 };
    let delay = wide(low.1) + added;
    Span::from_nanos(u64::try_from(delay).expect("between two delays that are not negative"))
}
