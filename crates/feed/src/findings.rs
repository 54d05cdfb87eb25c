//! What a source noticed while it read and did not hand on as it stood: counted, with the line of
//! the first, so that nothing is left out in silence. A finding is no error: the tape holds.

use std::fmt;

use crate::book::SequenceGap;

/// What was noticed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// Changes of the book that came before its snapshot and are part of it now.
    Folded,
    /// Changes of the book that were older than it.
    Old,
    /// Changes of the book that waited for a snapshot which never came, or too long.
    Unused,
    /// The book was emptied because changes are missing; holds the first such place.
    Missing(SequenceGap),
    /// Messages without the exchange's time; they have the last that was known.
    Timeless,
    /// Trades whose number is not above that of the trade before; they were left out.
    Repeated,
    /// Numbers of trades that the rows pass over.
    Skipped,
    /// Values that were rounded to the decimals of their type.
    Rounded,
    /// Rows that the interval lets expect and that are not there.
    Gap,
    /// Rows that were left out; holds the error of the first.
    Damaged(String),
    /// Messages received, by the recorder's clock, before the one above.
    ClockBack,
    /// The recorder's clock is behind the exchange's by at least so many nanoseconds.
    ClockBehind(u64),
}

/// One kind of notice, with its count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What was noticed.
    pub notice: Notice,
    /// How often.
    pub count: u64,
    /// The line of the first; 0 where no line tells it.
    pub line: u64,
}

/// The findings of one source so far, one of each kind, in the order of the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Findings(Vec<Finding>);

impl Findings {
    /// Counts `count` more of a kind.
    pub(crate) fn add(&mut self, notice: Notice, count: u64, line: u64) {
        if count == 0 {
            return;
        }
        let kind = std::mem::discriminant(&notice);
        match self.0.iter_mut().find(|known| std::mem::discriminant(&known.notice) == kind) {
            Some(known) => known.count = known.count.saturating_add(count),
            None => self.0.push(Finding { notice, count, line }),
        }
    }

    /// All of them.
    pub(crate) fn list(&self) -> Vec<Finding> {
        self.0.clone()
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding { notice, count, line } = self;
        match notice {
            Notice::ClockBehind(nanos) => {
                let millis = nanos.div_ceil(1_000_000);
                return write!(
                    f,
                    "the recorder's clock is at least {millis} ms behind the exchange's: raise \
                     --shift by as much"
                );
            }
            Notice::Folded => f.write_str("changes of the book before its snapshot, now in it"),
            Notice::Old => f.write_str("changes of the book older than it, left out"),
            Notice::Unused => f.write_str("changes of the book without a snapshot, left out"),
            Notice::Missing(SequenceGap { had, claimed }) => write!(
                f,
                "the book emptied because changes are missing (first: behind {had}, up to \
                 {claimed})"
            ),
            Notice::Timeless => {
                f.write_str("messages without the exchange's time, given the last known")
            }
            Notice::Repeated => f.write_str("trades not numbered above the last, left out"),
            Notice::ClockBack => f.write_str("recorder's clock before that of the line above"),
            Notice::Skipped => f.write_str("numbers of trades missing"),
            Notice::Rounded => f.write_str("values rounded to the decimals held"),
            Notice::Gap => f.write_str("rows missing"),
            Notice::Damaged(first) => write!(f, "rows left out (first: {first})"),
        }?;
        write!(f, ": {count}")?;
        if *line > 0 { write!(f, "; first at line {line}") } else { Ok(()) }
    }
}
