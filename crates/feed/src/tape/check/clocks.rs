//! Receipt less venue's time: quantiles, jumps and drift, in memory of a fixed size.

use money::Span;

use crate::tape::Event;

/// Steps of a histogram to a power of two.
const STEPS: usize = 32;
/// Powers of two.
const POWERS: usize = 64;
/// The time over which the least delay is taken.
const WINDOW: Span = Span::MINUTE;

/// What the delays of a tape are, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Delays {
    /// The least.
    pub least: i64,
    /// 1 % are at most this (within 3 %).
    pub low: i64,
    /// Half are at most this (within 3 %).
    pub median: i64,
    /// 99 % are at most this (within 3 %).
    pub high: i64,
    /// The most.
    pub most: i64,
    /// By how much the recorder's clock runs ahead of the venue's, in parts per million; `None`
    /// below three minutes.
    pub drift_ppm: Option<f64>,
}

pub(super) struct Clocks {
    /// Counts of delays below zero and from zero on, by size.
    counts: [Vec<u64>; 2],
    events: u64,
    least: i64,
    most: i64,
    minutes: Minutes,
    line: Line,
}

/// The least delay of this minute and of the one before that had events.
#[derive(Default)]
struct Minutes {
    now: Option<(u64, i64)>,
    before: Option<i64>,
    ended: Option<(i64, i64)>,
}

/// Sums of a line of least squares through the minutes' least delays.
#[derive(Clone, Copy, Default)]
struct Line {
    first: Option<(u64, i64)>,
    count: f64,
    x: f64,
    y: f64,
    xx: f64,
    xy: f64,
}

impl Default for Clocks {
    fn default() -> Clocks {
        let counts = [vec![0; STEPS * POWERS], vec![0; STEPS * POWERS]];
        let (minutes, line) = (Minutes::default(), Line::default());
        Clocks { counts, events: 0, least: i64::MAX, most: i64::MIN, minutes, line }
    }
}

impl Clocks {
    pub(super) fn add(&mut self, event: &Event) {
        let delay = event.local.nanos().wrapping_sub(event.exchange.nanos()).cast_signed();
        self.counts[usize::from(delay >= 0)][step(delay.unsigned_abs())] += 1;
        self.events += 1;
        (self.least, self.most) = (self.least.min(delay), self.most.max(delay));
        let minute = event.local.nanos() / WINDOW.nanos();
        match &mut self.minutes.now {
            Some((now, least)) if *now == minute => *least = delay.min(*least),
            now => {
                if let Some((minute, least)) = now.replace((minute, delay)) {
                    self.line.add(minute, least);
                    let before = self.minutes.before.replace(least);
                    self.minutes.ended = before.map(|before| (before, least));
                }
            }
        }
    }

    /// A jump that has shown at the end of the minute before this event's.
    pub(super) fn jump(&mut self, limit: Span) -> Option<String> {
        let (before, least) = self.minutes.ended.take()?;
        told(before, least, limit)
    }

    /// A jump into the last minute.
    pub(super) fn last_jump(&self, limit: Span) -> Option<String> {
        told(self.minutes.before?, self.minutes.now?.1, limit)
    }

    /// All together; `None` where every event has one time only.
    pub(super) fn delays(&self) -> Option<Delays> {
        if self.events == 0 || (self.least, self.most) == (0, 0) {
            return None;
        }
        let mut line = self.line;
        if let Some((minute, least)) = self.minutes.now {
            line.add(minute, least);
        }
        Some(Delays {
            least: self.least,
            low: self.quantile(1),
            median: self.quantile(50),
            high: self.quantile(99),
            most: self.most,
            drift_ppm: line.slope().map(|slope| slope / WINDOW.nanos() as f64 * 1e6),
        })
    }

    /// The delay that so many percent are at most.
    fn quantile(&self, percent: u64) -> i64 {
        let wanted = (self.events.saturating_mul(percent)).div_ceil(100).max(1);
        let [below, above] = &self.counts;
        let below = below.iter().enumerate().rev().map(|(step, count)| (-floor(step), count));
        let above = above.iter().enumerate().map(|(step, count)| (floor(step), count));
        let mut seen = 0;
        for (delay, count) in below.chain(above) {
            seen += count;
            if seen >= wanted {
                return delay.clamp(self.least, self.most);
            }
        }
        self.most
    }
}

fn told(before: i64, least: i64, limit: Span) -> Option<String> {
    let jump = before.abs_diff(least);
    (jump > limit.nanos()).then(|| {
        let way = if least > before { "more" } else { "less" };
        let by = super::length(Span::from_nanos(jump));
        format!("the least delay of a minute is {by} {way} than of the one before")
    })
}

impl Line {
    fn add(&mut self, minute: u64, least: i64) {
        let (start, level) = *self.first.get_or_insert((minute, least));
        let x = minute.wrapping_sub(start).cast_signed() as f64;
        let y = least.wrapping_sub(level) as f64;
        self.count += 1.0;
        self.x += x;
        self.y += y;
        self.xx += x * x;
        self.xy += x * y;
    }

    /// Nanoseconds a minute.
    fn slope(&self) -> Option<f64> {
        let spread = self.count * self.xx - self.x * self.x;
        let enough = self.count >= 3.0 && spread > 0.0;
        enough.then(|| (self.count * self.xy - self.x * self.y) / spread)
    }
}

/// The step of a size: exact below 32, then 32 to each power of two.
fn step(size: u64) -> usize {
    let power = size.checked_ilog2().unwrap_or(0);
    match power.checked_sub(STEPS.ilog2()) {
        None => size as usize,
        Some(shift) => STEPS * (shift as usize + 1) + ((size >> shift) as usize - STEPS),
    }
}

/// The least size of a step.
fn floor(step: usize) -> i64 {
    let size = match (step / STEPS).checked_sub(1) {
        None => step as u64,
        Some(shift) => ((step % STEPS + STEPS) as u64) << shift,
    };
    size.min(i64::MAX as u64).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_step_holds_sizes_within_three_percent(size in any::<u64>(), shift in 0u32..64) {
            let size = size >> shift;
            let least = floor(step(size)).unsigned_abs();
            prop_assert!(least <= size && (size >= 1 << 63 || size - least <= size / 32));
        }
    }
}
