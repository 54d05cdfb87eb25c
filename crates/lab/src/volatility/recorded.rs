//! Recorded surfaces, interpolated.
//!
//! Between two snapshots the at-the-money variance a year of an expiry moves linearly, and its
//! shape with it; total variance is that times the time left. Recorded volatility also answers to
//! the price, so the line is bent by the move of the path beyond the straight line between the two
//! recorded indices: `v·e^(2βx)`, β the slope of Δ ln σ on Δ ln S over all snapshots (week-long
//! volatility) and x that excess. At the snapshots themselves x is the venue's distance to the
//! path. An expiry that a snapshot lacks is interpolated in total variance between its neighbours.

use feed::surfaces::SurfaceRow;
use money::{Span, Time};
use pricing::svi::Svi;

use super::{Level, Shape, years};

/// A recorded market's surfaces.
#[derive(Clone, Debug)]
pub struct Recorded {
    snapshots: Vec<Snapshot>,
    /// Slope of Δ ln σ on Δ ln S.
    response: f64,
}

/// One snapshot, its expiries rising.
#[derive(Clone, Debug)]
struct Snapshot {
    time: Time,
    index: f64,
    expiries: Vec<(Time, Level)>,
}

/// Largest |βx| that the price moves the logarithm of volatility between two snapshots.
const BEND_MAX: f64 = 0.5;
/// The time to expiry at which volatility is followed over time.
const WEEK: Span = Span::DAY.times(7);
const MONTH: Span = Span::DAY.times(30);

/// One look at the market for a calibration.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// When.
    pub time: Time,
    /// The index.
    pub index: f64,
    /// Variance a year at the money for a week.
    pub variance: f64,
    /// The same for 30 days.
    pub month: f64,
}

impl Recorded {
    /// From rows in order of time and expiry; `None` without a row.
    pub fn new(rows: &[SurfaceRow]) -> Option<Recorded> {
        let mut snapshots: Vec<Snapshot> = Vec::new();
        for row in rows {
            if snapshots.last().is_none_or(|last| last.time != row.time) {
                let (time, index) = (row.time, row.index);
                snapshots.push(Snapshot { time, index, expiries: Vec::new() });
            }
            let last = snapshots.last_mut().expect("one was pushed");
            last.expiries.push((row.expiry, level(row)));
        }
        if snapshots.is_empty() {
            return None;
        }
        let mut recorded = Recorded { snapshots, response: 0.0 };
        recorded.response = response(&recorded.looks());
        Some(recorded)
    }

    /// First and last snapshot.
    pub fn covers(&self) -> (Time, Time) {
        (self.snapshots[0].time, self.snapshots[self.snapshots.len() - 1].time)
    }

    /// Slope of Δ ln σ on Δ ln S from snapshot to snapshot.
    pub fn response(&self) -> f64 {
        self.response
    }

    /// Every snapshot as index and variance for a week and a month.
    pub fn looks(&self) -> Vec<Look> {
        let look = |snapshot: &Snapshot| Look {
            time: snapshot.time,
            index: snapshot.index,
            variance: snapshot.level(snapshot.time.after(WEEK)).variance,
            month: snapshot.level(snapshot.time.after(MONTH)).variance,
        };
        self.snapshots.iter().map(look).collect()
    }

    /// Mean of (forward/index − 1) a year over all slices.
    pub(crate) fn mean_carry(&self) -> f64 {
        let all = || self.snapshots.iter().flat_map(|snapshot| &snapshot.expiries);
        all().map(|(_, level)| level.carry).sum::<f64>() / all().count() as f64
    }

    /// An expiry at an instant; before the first snapshot the first holds, after the last the last.
    pub(super) fn level(&self, now: Time, spot: f64, expiry: Time) -> Level {
        let after = self.snapshots.partition_point(|snapshot| snapshot.time <= now);
        let early = &self.snapshots[after.saturating_sub(1)];
        let Some(late) = self.snapshots.get(after).filter(|_| after > 0) else {
            return early.level(expiry);
        };
        let share = years(early.time, now) / years(early.time, late.time);
        let line = libm::log(early.index) + share * libm::log(late.index / early.index);
        let bend = (self.response * (libm::log(spot) - line)).clamp(-BEND_MAX, BEND_MAX);
        let from = early.level(expiry);
        let to = if late.time < expiry { late.level(expiry) } else { from };
        let mix = |from: f64, to: f64| from + share * (to - from);
        Level {
            variance: mix(from.variance, to.variance) * libm::exp(2.0 * bend),
            carry: mix(from.carry, to.carry),
            shape: from.shape.towards(&to.shape, share),
        }
    }
}

impl Snapshot {
    /// An expiry of the snapshot, or one between two of its own.
    fn level(&self, expiry: Time) -> Level {
        let at = self.expiries.partition_point(|(own, _)| *own < expiry);
        let far = self.expiries.get(at).or(self.expiries.last()).expect("a snapshot has a row");
        let Some(near) = at.checked_sub(1).map(|before| &self.expiries[before]) else {
            return far.1;
        };
        if far.0 <= expiry {
            return far.1;
        }
        let [first, own, last] = [near.0, expiry, far.0].map(|time| years(self.time, time));
        let share = (own - first) / (last - first);
        let (near, far) = (&near.1, &far.1);
        let total = near.variance * first * (1.0 - share) + far.variance * last * share;
        Level {
            variance: total / own,
            carry: near.carry + share * (far.carry - near.carry),
            shape: near.shape.towards(&far.shape, share),
        }
    }
}

/// A row as level and shape. Within a day of expiry the carry is that of a day.
fn level(row: &SurfaceRow) -> Level {
    let [a, b, rho, m, sigma] = row.svi;
    let (theta, shape) = Shape::of(&Svi { a, b, rho, m, sigma });
    let years = years(row.time, row.expiry);
    Level { variance: theta / years, carry: row.basis / years.max(1.0 / 365.0), shape }
}

/// Least squares through the origin of Δ ln σ on Δ ln S; zero for less than two looks.
fn response(looks: &[Look]) -> f64 {
    let (mut both, mut square) = (0.0, 0.0);
    for pair in looks.windows(2) {
        let price = libm::log(pair[1].index / pair[0].index);
        let volatility = 0.5 * libm::log(pair[1].variance / pair[0].variance);
        both += price * volatility;
        square += price * price;
    }
    if square > 0.0 { both / square } else { 0.0 }
}
