//! What of the linear positions is margined with the options: the cheapest division (rule S-5).
//!
//! Of an asset's holding, longs and shorts a net quantity z goes into the scenarios,
//!   R = min over z of [ R-1 of what remains + charge(z) + scan(options, z) ],
//! where a unit of z is charged the basis or, if that is more, what its own rate exceeds its worst
//! scenario by: without options R is R-1. An infimal convolution of sub-additive functions, so
//! sub-additive. It is convex and piecewise linear in z: R-1 and the charge have a slope in each of
//! at most seven segments, scan is the largest of at most 65 lines. The minimum is found from the
//! slopes alone: first the segment, then the crossing of the line that falls and the line that
//! rises, until no third line lies above it (Newton's method on a maximum of lines).

use money::{Price, Qty, Rate, Round, div_i128};

use crate::margin::{Charges, Exposure};

/// What may go into the scenarios, and what it costs there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Linear {
    exposure: Exposure,
    pub(super) charges: Charges,
    /// Charges on a holding, a long and a short that are in the scenarios.
    pub(super) inside: [Rate; 3],
}

/// A part of the linear positions in the scenarios and the rest of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Division {
    /// Holding, longs and shorts in the scenarios.
    pub(super) inside: [Qty; 3],
    /// Those that R-1 is asked for.
    pub(super) rest: Exposure,
}

/// A line: a loss at z = 0 and what a unit of z adds.
pub(super) type Line = (i128, i64);

/// The largest of the lines at a point: its value there and the lines that reach it with the least
/// and the largest slope.
struct Peak {
    value: i128,
    left: Line,
    right: Line,
}

impl Linear {
    /// Of which nothing goes into the scenarios.
    pub(super) fn apart(exposure: Exposure, charges: Charges) -> Linear {
        Linear { exposure, charges, inside: [Rate::ZERO; 3] }
    }

    /// With the worst loss of one unit long and one unit short, as rates of the index.
    pub(super) fn new(exposure: Exposure, charges: Charges, [long, short]: [Rate; 2]) -> Linear {
        let inside = |rate: Rate, worst: Rate| charges.basis.max(rate - worst);
        let inside = [
            inside(charges.haircut, long),
            inside(charges.margin, long),
            inside(charges.margin, short),
        ];
        Linear { exposure, charges, inside }
    }

    /// The division with z in the scenarios: what is naked first and of that the costlier; then of
    /// what is hedged the cheaper.
    pub(super) fn divide(&self, z: i64) -> Division {
        let mut parts = [Qty::ZERO; 3];
        let mut left = z.abs();
        for (width, component, _) in self.segments(z.signum()) {
            let taken = left.min(width);
            parts[component] += Qty::from_raw(taken);
            left -= taken;
        }
        let Exposure { holding, long, short } = self.exposure;
        let rest = Exposure {
            holding: holding - parts[0],
            long: long - parts[1],
            short: short - parts[2],
        };
        Division { inside: parts, rest }
    }

    /// The segments of one sign from zero outwards: width, component taken, slope of R-1 and charge
    /// for each unit of |z|, as a rate of the index. Slopes never fall.
    fn segments(&self, sign: i64) -> [(i64, usize, Rate); 4] {
        let Charges { haircut, margin, basis } = self.charges;
        let Exposure { holding, long, short } = self.exposure;
        let (holding, long, short) = (holding.raw(), long.raw(), short.raw());
        let (cheap, costly) = if haircut <= margin {
            ((0, holding, haircut), (1, long, margin))
        } else {
            ((1, long, margin), (0, holding, haircut))
        };
        let naked = (holding + long - short).max(0);
        let naked_cheap = naked.min(cheap.1);
        let naked_costly = naked - naked_cheap;
        let (hedged_cheap, hedged_costly) = (cheap.1 - naked_cheap, costly.1 - naked_costly);
        if sign >= 0 {
            let bare = margin - basis;
            return [
                (naked_costly, costly.0, self.inside[costly.0] - costly.2),
                (naked_cheap, cheap.0, self.inside[cheap.0] - cheap.2),
                (hedged_cheap, cheap.0, self.inside[cheap.0] + bare),
                (hedged_costly, costly.0, self.inside[costly.0] + bare),
            ];
        }
        let charge = self.inside[2];
        [
            ((short - holding - long).max(0), 2, charge - margin),
            (hedged_cheap, 2, charge + cheap.2 - basis),
            (hedged_costly, 2, charge + costly.2 - basis),
            (0, 2, charge + costly.2 - basis),
        ]
    }

    /// The z of the least requirement: `lines` at 10⁻¹⁶ quote and 10⁻⁸ quote a unit, of which
    /// `scan` counts.
    pub(super) fn cheapest(&self, lines: &[Line], scan: Rate, index: Price) -> i64 {
        let (kinks, slopes, count) = self.kinks();
        if count == 0 {
            return 0;
        }
        let slope = |rate: Rate, line: Line| {
            let outside = i128::from(rate.raw()) * i128::from(index.raw());
            outside + i128::from(scan.raw()) * i128::from(line.1)
        };
        let falling = |&at: &usize| slope(slopes[at], peak(lines, kinks[at]).right) < 0;
        let first = [0, 1, 2, 3, 4, 5, 6][..count].partition_point(falling);
        if first == 0 {
            return kinks[0];
        }
        let rate = slopes[first - 1];
        let (mut low, mut high) = (kinks[first - 1], kinks[first]);
        let mut falls = peak(lines, low).right;
        let mut rises = peak(lines, high).left;
        if slope(rate, rises) <= 0 {
            return high;
        }
        while high - low > 1 {
            let middle = crossing(falls, rises).clamp(low + 1, high - 1);
            let peak = peak(lines, middle);
            if slope(rate, peak.right) < 0 {
                (low, falls) = (middle, peak.right);
            } else if slope(rate, peak.left) > 0 {
                (high, rises) = (middle, peak.left);
            } else {
                return middle;
            }
        }
        let more = i128::from(scan.raw()) * (peak(lines, high).value - peak(lines, low).value);
        let outside = i128::from(rate.raw()) * i128::from(index.raw());
        if outside + more < 0 { high } else { low }
    }

    /// The ends of the segments that have a width, rising, the slope between each two, and how
    /// many there are.
    fn kinks(&self) -> ([i64; 8], [Rate; 7], usize) {
        let (down, up) = (self.segments(-1), self.segments(1));
        let down = down[..3].iter().rev().map(|&(width, _, slope)| (width, -slope));
        let up = up.iter().map(|&(width, _, slope)| (width, slope));
        let [mut kinks, mut slopes] = [[0; 8], [0; 8]];
        kinks[0] = -self.exposure.short.raw();
        let mut count = 0;
        for (width, slope) in down.chain(up).filter(|&(width, _)| width > 0) {
            slopes[count] = slope.raw();
            kinks[count + 1] = kinks[count] + width;
            count += 1;
        }
        (kinks, std::array::from_fn(|at| Rate::from_raw(slopes[at])), count)
    }
}

/// The largest of the lines at z.
fn peak(lines: &[Line], z: i64) -> Peak {
    let mut peak = Peak { value: i128::MIN, left: (0, 0), right: (0, 0) };
    for &line in lines {
        let value = line.0 + i128::from(line.1) * i128::from(z);
        if value > peak.value {
            peak = Peak { value, left: line, right: line };
        } else if value == peak.value {
            if line.1 < peak.left.1 {
                peak.left = line;
            }
            if line.1 > peak.right.1 {
                peak.right = line;
            }
        }
    }
    peak
}

/// Where a line that falls meets one that rises, rounded down.
fn crossing(falls: Line, rises: Line) -> i64 {
    let steeper = i128::from(rises.1) - i128::from(falls.1);
    let z = div_i128(falls.0.saturating_sub(rises.0), steeper, Round::Down);
    let bounded = z.unwrap_or(0).clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    i64::try_from(bounded).expect("within its bounds")
}
