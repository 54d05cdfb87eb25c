//! From recorded bars to a price path on a fine grid, by a seeded bridge.
//!
//! A bar of n steps becomes n points: the first is the open, the last the close. Between them the
//! path goes through both extremes. Their order is drawn with odds exp((D₂² − D₁²)/2v), where D is
//! the length of each route open → extreme → extreme → close (the reflection principle for Brownian
//! motion) and v = (high − low)²/(4 ln 2) its variance (Parkinson 1980). The times of the extremes
//! are drawn by giving each leg a weight a²/max(z², ½), its first-passage time over distance a.
//! Each leg is a Brownian bridge with the variance v/n a step, reflected at the high and the low.
//!
//! Invariant: in units of 10⁻⁸, open, high, low and close come out exactly and every point lies
//! inside [low, high]. Missing bars are bridged by a straight line and flagged. Bar i draws from
//! its own stream, so a point depends on (bars, seed, index) only, in whatever order it is read.
//! Two assets bridged with one seed move together inside bars; with different seeds independently.

use std::fmt;

use money::{Price, Span, Time};

use crate::random::{Seed, Stream};

/// What was traded from `open_time` until the next bar.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bar {
    /// Start of the bar.
    pub open_time: Time,
    /// First price.
    pub open: Price,
    /// Highest price.
    pub high: Price,
    /// Lowest price.
    pub low: Price,
    /// Last price.
    pub close: Price,
}

/// One point of the path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Point {
    /// When.
    pub time: Time,
    /// The price from then on.
    pub price: Price,
    /// Whether the bar was missing and the price is interpolated.
    pub gap: bool,
}

/// Why bars were refused; `bar` counts from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathError {
    /// No bars at all.
    Empty,
    /// The step does not divide the interval into at least four steps.
    BadStep,
    /// The prices are not `0 < low ≤ open, close ≤ high`.
    BadBar {
        /// Which.
        bar: usize,
    },
    /// The bar is not a whole number of intervals after the one before it.
    BadTime {
        /// Which.
        bar: usize,
    },
}

impl fmt::Display for PathError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PathError::Empty => f.write_str("no bars: the period holds no data"),
            PathError::BadStep => {
                f.write_str("the step must divide the bar's interval into four parts or more")
            }
            PathError::BadBar { bar } => {
                write!(f, "bar {bar}: prices must satisfy 0 < low <= open, close <= high")
            }
            PathError::BadTime { bar } => {
                write!(f, "bar {bar}: starts no whole number of intervals after the one before")
            }
        }
    }
}

impl std::error::Error for PathError {}

/// A path through bars, made one bar at a time.
#[derive(Clone, Debug)]
pub struct Bridge {
    bars: Vec<Bar>,
    interval: Span,
    step: Span,
    seed: Seed,
    /// The bar whose points are in `points`.
    current: usize,
    /// Points of the current bar and, after them, of the gap that follows it.
    points: Vec<Price>,
    /// Index of the first point in `points`.
    first: u64,
    /// Index of the next bar's first point.
    end: u64,
    /// Index of the next point of the iterator.
    next: u64,
    len: u64,
}

impl Bridge {
    /// A path through `bars` of one `interval` each, with a point every `step`.
    pub fn new(
        bars: Vec<Bar>,
        interval: Span,
        step: Span,
        seed: Seed,
    ) -> Result<Bridge, PathError> {
        let steps = interval.nanos().checked_div(step.nanos()).ok_or(PathError::BadStep)?;
        if steps < 4 || !interval.nanos().is_multiple_of(step.nanos()) || steps > STEPS_MAX {
            return Err(PathError::BadStep);
        }
        check_bars(&bars, interval)?;
        let (first, last) = (bars.first().ok_or(PathError::Empty)?, bars[bars.len() - 1]);
        let len = last.open_time.since(first.open_time).nanos() / step.nanos() + steps;
        let mut bridge = Bridge {
            bars,
            interval,
            step,
            seed,
            current: 0,
            points: Vec::with_capacity(steps as usize),
            first: 0,
            end: 0,
            next: 0,
            len,
        };
        bridge.load(0);
        Ok(bridge)
    }

    /// Number of points.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there is no point; never true, for a path has at least one bar.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Time of the first point.
    pub fn start(&self) -> Time {
        self.bars[0].open_time
    }

    /// Time between points.
    pub fn step(&self) -> Span {
        self.step
    }

    /// The point with this index; `None` past the end. Cheap within one bar.
    #[inline]
    pub fn value_at(&mut self, index: u64) -> Option<Point> {
        if index >= self.len {
            return None;
        }
        if index < self.first || index >= self.end {
            self.load_holding(index);
        }
        let within = (index - self.first) as usize;
        let time = self.start().after(self.step.times(index));
        Some(match self.points.get(within) {
            Some(&price) => Point { time, price, gap: false },
            None => Point { time, price: self.interpolated(within), gap: true },
        })
    }

    /// The price in force at `time`: that of the last point not after it. `None` before the path
    /// starts or a step or more after its last point.
    pub fn price_at(&mut self, time: Time) -> Option<Price> {
        if time < self.start() {
            return None;
        }
        let index = time.since(self.start()).nanos() / self.step.nanos();
        self.value_at(index).map(|point| point.price)
    }

    fn index_of(&self, time: Time) -> u64 {
        time.since(self.start()).nanos() / self.step.nanos()
    }

    fn load_holding(&mut self, index: u64) {
        let time = self.start().after(self.step.times(index));
        let after = self.bars.partition_point(|bar| bar.open_time <= time);
        self.load(after - 1);
    }

    /// Makes the points of one bar.
    fn load(&mut self, bar: usize) {
        let steps = (self.interval.nanos() / self.step.nanos()) as usize;
        self.current = bar;
        self.first = self.index_of(self.bars[bar].open_time);
        self.end = self.bars.get(bar + 1).map_or(self.len, |bar| self.index_of(bar.open_time));
        let mut stream = self.seed.stream("bridge", bar as u64);
        self.points.clear();
        fill(&self.bars[bar], steps, &mut stream, &mut self.points);
    }

    /// A point of the gap after the current bar, on the line from its close to the next open.
    fn interpolated(&self, within: usize) -> Price {
        let close = self.bars[self.current].close;
        let open = self.bars.get(self.current + 1).map_or(close, |bar| bar.open);
        let done = (within - (self.points.len() - 1)) as i128;
        let whole = (self.end - self.first) as i128 - (self.points.len() as i128 - 1);
        let rise = i128::from(open.raw()) - i128::from(close.raw());
        let raw = i128::from(close.raw()) + rise * done / whole;
        Price::from_raw(i64::try_from(raw).expect("between two prices"))
    }
}

impl Iterator for Bridge {
    type Item = Point;

    #[inline]
    fn next(&mut self) -> Option<Point> {
        let point = self.value_at(self.next)?;
        self.next += 1;
        Some(point)
    }
}

/// More steps than this in one bar is a mistake.
const STEPS_MAX: u64 = 10_000_000;
/// 4 ln 2, of Parkinson's estimator.
const PARKINSON: f64 = 2.772_588_722_239_781;

fn check_bars(bars: &[Bar], interval: Span) -> Result<(), PathError> {
    for (number, bar) in bars.iter().enumerate() {
        let inside = |price: Price| bar.low <= price && price <= bar.high;
        if !bar.low.is_positive() || !inside(bar.open) || !inside(bar.close) {
            return Err(PathError::BadBar { bar: number });
        }
        let Some(before) = number.checked_sub(1).map(|before| bars[before].open_time) else {
            continue;
        };
        let since = bar.open_time.since(before).nanos();
        if since == 0 || !since.is_multiple_of(interval.nanos()) {
            return Err(PathError::BadTime { bar: number });
        }
    }
    Ok(())
}

/// Appends the `steps` points of a bar.
fn fill(bar: &Bar, steps: usize, stream: &mut Stream, points: &mut Vec<Price>) {
    let range = (bar.high - bar.low).raw() as f64;
    if range == 0.0 {
        points.resize(steps, bar.open);
        return;
    }
    let (first, second) = extremes(bar, range, stream);
    let knots = [bar.open, first, second, bar.close];
    let [one, two] = knot_times(&knots, range, steps - 1, stream);
    let times = [0, one, two, steps - 1];
    let deviation = range / (PARKINSON * steps as f64).sqrt();
    points.push(bar.open);
    for leg in 0..3 {
        let ends = [knots[leg], knots[leg + 1]].map(|knot| (knot - bar.low).raw() as f64);
        let count = times[leg + 1] - times[leg];
        let walk = Walk { from: ends[0], to: ends[1], count, deviation, range };
        walk.append(bar.low, stream, points);
        if let (1.., Some(last)) = (count, points.last_mut()) {
            *last = knots[leg + 1];
        }
    }
}

/// One leg: a Brownian bridge, in raw units above the low.
struct Walk {
    from: f64,
    to: f64,
    count: usize,
    deviation: f64,
    range: f64,
}

impl Walk {
    /// Appends the leg's points after its start. A walk is made first, `W`; then its drift is
    /// replaced: the bridge is `from + W_k + k/n·(to − from − W_n)`, reflected.
    fn append(&self, low: Price, stream: &mut Stream, points: &mut Vec<Price>) {
        let first = points.len();
        let mut height = 0.0;
        points.extend((0..self.count).map(|_| {
            height += self.deviation * stream.normal();
            Price::from_raw(height as i64)
        }));
        let drift = (self.to - self.from - height) / self.count as f64;
        let mut straight = self.from;
        for point in &mut points[first..] {
            straight += drift;
            let inside = reflect(straight + point.raw() as f64, self.range);
            *point = low + Price::from_raw(inside as i64);
        }
    }
}

/// The extremes in the order in which the path meets them.
fn extremes(bar: &Bar, range: f64, stream: &mut Stream) -> (Price, Price) {
    let (open, close) = ((bar.open - bar.low).raw() as f64, (bar.close - bar.low).raw() as f64);
    let low_first = open + range + (range - close);
    let high_first = (range - open) + range + close;
    let variance = range * range / PARKINSON;
    let log_odds = (high_first * high_first - low_first * low_first) / (2.0 * variance);
    if stream.chance(1.0 / (1.0 + libm::exp(-log_odds))) {
        (bar.low, bar.high)
    } else {
        (bar.high, bar.low)
    }
}

/// The steps at which the two extremes are met: one step at least for a leg that moves.
fn knot_times(knots: &[Price; 4], range: f64, last: usize, stream: &mut Stream) -> [usize; 2] {
    let mut weights = [0.0; 3];
    let mut least = [0usize; 3];
    for leg in 0..3 {
        let length = (knots[leg + 1] - knots[leg]).raw() as f64 / range;
        let z = stream.normal();
        weights[leg] = length * length / (z * z).max(0.5);
        least[leg] = usize::from(length != 0.0);
    }
    let free = (last - least.iter().sum::<usize>()) as f64;
    let total: f64 = weights.iter().sum();
    let one = least[0] + (free * weights[0] / total) as usize;
    let rest = last - one - least[1] - least[2];
    let share = ((free * weights[1] / total) as usize).min(rest);
    // What rounding leaves over goes to the last leg, or to the middle one if the last is empty.
    let two = if least[2] == 0 { last } else { one + least[1] + share };
    [one, two]
}

/// Reflects at 0 and at `range` until inside.
#[inline]
fn reflect(x: f64, range: f64) -> f64 {
    if (0.0..=range).contains(&x) {
        return x;
    }
    let folded = x.abs() % (2.0 * range);
    if folded > range { 2.0 * range - folded } else { folded }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const INTERVAL: Span = Span::from_secs(300);

    fn bar(number: u64, prices: [&str; 4]) -> Bar {
        let [open, high, low, close] = prices.map(|text| text.parse().unwrap());
        Bar { open_time: Time::ZERO.after(INTERVAL.times(number)), open, high, low, close }
    }

    /// BTC spot on Binance, 2025-10-10 from 21:10 UTC, five minutes a bar.
    fn crash() -> Vec<Bar> {
        CRASH.iter().enumerate().map(|(number, prices)| bar(number as u64, *prices)).collect()
    }

    const CRASH: [[&str; 4]; 4] = [
        ["114437.5", "114639.16", "109880.0", "112209.36"],
        ["112209.36", "112510.92", "103800.0", "103975.26"],
        ["104113.85", "108923.0", "102000.0", "108219.08"],
        ["108219.08", "109650.0", "105000.0", "108432.09"],
    ];

    fn holds_the_bars(bars: &[Bar], steps: u64, seed: u64) {
        let step = Span::from_nanos(INTERVAL.nanos() / steps);
        let path = Bridge::new(bars.to_vec(), INTERVAL, step, Seed(seed)).unwrap();
        let points: Vec<Point> = path.collect();
        for bar in bars {
            let from = (bar.open_time.since(bars[0].open_time).nanos() / step.nanos()) as usize;
            let inside = &points[from..from + steps as usize];
            assert_eq!(inside[0].price, bar.open);
            assert_eq!(inside[inside.len() - 1].price, bar.close);
            assert_eq!(inside.iter().map(|point| point.price).max(), Some(bar.high));
            assert_eq!(inside.iter().map(|point| point.price).min(), Some(bar.low));
            assert_eq!(inside[0].time, bar.open_time);
            assert!(inside.iter().all(|point| !point.gap));
        }
    }

    #[test]
    fn a_recorded_crash_keeps_its_bars() {
        for seed in 0..50 {
            holds_the_bars(&crash(), 300, seed);
        }
    }

    prop_compose! {
        fn any_bar()(
            low in 1i64..1_000_000_000_000,
            range in prop_oneof![Just(0i64), 1i64..5, 1i64..1_000_000_000_000],
            open in 0.0f64..=1.0,
            close in 0.0f64..=1.0,
            snap in 0u8..9,
        ) -> [i64; 4] {
            let at = |share: f64| low + (share * range as f64) as i64;
            let ends = [at(open), low, low + range];
            [ends[usize::from(snap % 3)], low + range, low, match snap / 3 {
                0 => at(close),
                1 => low,
                _ => low + range,
            }]
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn any_bars_are_kept(
            prices in prop::collection::vec(any_bar(), 1..6),
            steps in prop_oneof![Just(4u64), Just(5), Just(60), Just(300)],
            seed in any::<u64>(),
            skipped in any::<bool>(),
        ) {
            let bars: Vec<Bar> = prices.iter().enumerate().map(|(number, prices)| {
                let number = number as u64 * if skipped { 3 } else { 1 };
                let [open, high, low, close] = prices.map(Price::from_raw);
                Bar { open_time: Time::ZERO.after(INTERVAL.times(number)), open, high, low, close }
            }).collect();
            holds_the_bars(&bars, steps, seed);
        }
    }

    #[test]
    fn a_gap_is_a_flagged_straight_line() {
        let bars = vec![bar(0, ["100", "110", "90", "100"]), bar(2, ["160", "161", "150", "155"])];
        let path = Bridge::new(bars, INTERVAL, Span::from_secs(60), Seed(1)).unwrap();
        let gap: Vec<(bool, String)> =
            path.skip(4).take(7).map(|point| (point.gap, point.price.to_string())).collect();
        let text: Vec<&str> = gap.iter().map(|(_, price)| price.as_str()).collect();
        assert_eq!(text, ["100", "110", "120", "130", "140", "150", "160"]);
        let flags: Vec<bool> = gap.iter().map(|(flag, _)| *flag).collect();
        assert_eq!(flags, [false, true, true, true, true, true, false]);
    }

    #[test]
    fn points_do_not_depend_on_the_order_of_reading() {
        let path = Bridge::new(crash(), INTERVAL, Span::SECOND, Seed(3)).unwrap();
        let mut backwards = path.clone();
        let forwards: Vec<Point> = path.collect();
        assert_eq!(forwards.len(), 1_200);
        for index in (0..1_200u64).rev() {
            assert_eq!(backwards.value_at(index), Some(forwards[index as usize]));
        }
        assert_eq!(backwards.value_at(1_200), None);
        let late = Time::from_nanos(901_500_000_000);
        assert_eq!(backwards.price_at(late), Some(forwards[901].price));
    }

    #[test]
    fn seeds_differ_and_repeat() {
        let prices = |seed| -> Vec<Price> {
            let path = Bridge::new(crash(), INTERVAL, Span::SECOND, Seed(seed)).unwrap();
            path.map(|point| point.price).collect()
        };
        assert_eq!(prices(1), prices(1));
        assert_ne!(prices(1), prices(2));
    }

    #[test]
    fn quadratic_variation_is_near_that_of_the_range() {
        let bars = vec![bar(0, ["100", "101", "99", "100.2"])];
        let mut total = 0.0;
        for seed in 0..400 {
            let path = Bridge::new(bars.clone(), INTERVAL, Span::SECOND, Seed(seed)).unwrap();
            let prices: Vec<f64> = path.map(|point| point.price.raw() as f64 / 1e8).collect();
            total +=
                prices.windows(2).map(|two| (two[1] - two[0]) * (two[1] - two[0])).sum::<f64>();
        }
        let ratio = total / 400.0 / (4.0 / PARKINSON);
        assert!((0.8..1.4).contains(&ratio), "{ratio}");
    }

    #[test]
    fn a_rising_bar_meets_its_low_first_more_often() {
        let bars = vec![bar(0, ["99.9", "101", "99", "100.1"])];
        let low_first = (0..400u64)
            .filter(|&seed| {
                let path = Bridge::new(bars.clone(), INTERVAL, Span::SECOND, Seed(seed)).unwrap();
                let prices: Vec<Price> = path.map(|point| point.price).collect();
                let at = |price| prices.iter().position(|&seen| seen == price);
                at(bars[0].low) < at(bars[0].high)
            })
            .count();
        assert!((260..340).contains(&low_first), "{low_first}");
    }

    #[test]
    fn bad_bars_are_refused_by_number() {
        let new = |bars, step| Bridge::new(bars, INTERVAL, step, Seed(0)).map(|_| ()).unwrap_err();
        let good = bar(0, ["100", "110", "90", "100"]);
        assert_eq!(new(vec![], Span::SECOND), PathError::Empty);
        assert_eq!(new(vec![good], Span::ZERO), PathError::BadStep);
        assert_eq!(new(vec![good], Span::from_secs(7)), PathError::BadStep);
        assert_eq!(new(vec![good], Span::from_secs(100)), PathError::BadStep);
        let outside = bar(1, ["100", "99", "90", "95"]);
        assert_eq!(new(vec![good, outside], Span::SECOND), PathError::BadBar { bar: 1 });
        assert_eq!(new(vec![good, good], Span::SECOND), PathError::BadTime { bar: 1 });
        let mut shifted = bar(1, ["100", "110", "90", "95"]);
        shifted.open_time = shifted.open_time.after(Span::SECOND);
        assert_eq!(new(vec![good, shifted], Span::SECOND), PathError::BadTime { bar: 1 });
    }
}
