//! Variants of an incident: how far prices move, how deep books are, what the oracle and the chain
//! do besides.
//!
//! By default the incident as it was, each dimension varied alone, and the worst corners; the whole
//! product of all four on demand.

use super::incident::{Fault, FaultKind, Halt, Incident};

/// Which variants of an incident are run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The incident as it was.
    AsItWas,
    /// That, each dimension varied alone, and the worst corners.
    Chosen,
    /// The whole product.
    Product,
}

/// What is varied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    /// Moves of prices, as a multiple of their logarithm.
    pub amplitude: f64,
    /// Depth, as a multiple.
    pub depth: f64,
    /// A fault besides those of the incident, from the shock on.
    pub fault: Option<Trouble>,
    /// A halt of the chain from the shock on, in minutes.
    pub halt_min: f64,
}

/// A fault of the oracle that a variant adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No votes for so many seconds.
    Stale(u32),
    /// Wide confidence.
    Wide,
    /// The price falls to nothing.
    Zero,
    /// The price rises a thousandfold.
    Thousand,
    /// One publisher is 30 % off.
    Outlier,
    /// The publishers disagree by 10 %.
    Split,
}

const TROUBLES: [Trouble; 8] = [
    Trouble::Stale(5),
    Trouble::Stale(60),
    Trouble::Stale(600),
    Trouble::Wide,
    Trouble::Zero,
    Trouble::Thousand,
    Trouble::Outlier,
    Trouble::Split,
];
const AMPLITUDES: [f64; 4] = [0.5, 1.0, 1.5, 2.0];
const DEPTHS: [f64; 3] = [1.0, 0.2, 0.02];
const HALTS_MIN: [f64; 4] = [0.0, 1.0, 25.0, 480.0];
/// How long a fault lasts that is not about time.
const TROUBLE_S: f64 = 120.0;

impl Variant {
    /// The incident as it was.
    pub const BASE: Variant = Variant { amplitude: 1.0, depth: 1.0, fault: None, halt_min: 0.0 };

    /// The name: what differs from the incident as it was.
    pub fn name(&self) -> String {
        let mut parts = Vec::new();
        if self.amplitude != 1.0 {
            parts.push(format!("moves ×{}", self.amplitude));
        }
        if self.depth != 1.0 {
            parts.push(format!("depth ×{}", self.depth));
        }
        parts.extend(self.fault.map(|fault| fault.name()));
        if self.halt_min > 0.0 {
            parts.push(format!("halt {} min", self.halt_min));
        }
        if parts.is_empty() { "as it was".into() } else { parts.join(", ") }
    }

    /// The variants of a run: the incident first.
    pub fn all(extent: Extent) -> Vec<Variant> {
        match extent {
            Extent::AsItWas => vec![Variant::BASE],
            Extent::Chosen => chosen(),
            Extent::Product => product(),
        }
    }

    /// The faults of the incident and of the variant.
    pub(super) fn faults(&self, incident: &Incident) -> Vec<Fault> {
        let from_s = incident.shock_min * 60.0;
        let added = self.fault.map(|trouble| {
            let (kind, length_s) = trouble.fault();
            Fault { kind, asset: None, from_s, to_s: from_s + length_s }
        });
        incident.faults.iter().copied().chain(added).collect()
    }

    /// The halts of the incident and of the variant.
    pub(super) fn halts(&self, incident: &Incident) -> Vec<Halt> {
        let from_s = incident.shock_min * 60.0;
        let added =
            (self.halt_min > 0.0).then_some(Halt { from_s, to_s: from_s + self.halt_min * 60.0 });
        incident.halts.iter().copied().chain(added).collect()
    }
}

impl Trouble {
    fn name(self) -> String {
        match self {
            Trouble::Stale(seconds) => format!("stale {seconds} s"),
            Trouble::Wide => "wide confidence".into(),
            Trouble::Zero => "oracle ×0".into(),
            Trouble::Thousand => "oracle ×1000".into(),
            Trouble::Outlier => "outlier 30 %".into(),
            Trouble::Split => "split quorum".into(),
        }
    }

    fn fault(self) -> (FaultKind, f64) {
        match self {
            Trouble::Stale(seconds) => (FaultKind::Stale, f64::from(seconds)),
            Trouble::Wide => (FaultKind::Wide { share: 0.15, factor: 1.0 }, TROUBLE_S),
            Trouble::Zero => (FaultKind::Factor(0.0), TROUBLE_S),
            Trouble::Thousand => (FaultKind::Factor(1_000.0), TROUBLE_S),
            Trouble::Outlier => (FaultKind::Outlier(0.3), TROUBLE_S),
            Trouble::Split => (FaultKind::Split(0.05), TROUBLE_S),
        }
    }
}

fn chosen() -> Vec<Variant> {
    let base = Variant::BASE;
    let thin = Variant { amplitude: 2.0, depth: 0.02, ..base };
    let amplitudes = AMPLITUDES.map(|amplitude| Variant { amplitude, ..base });
    let depths = DEPTHS.map(|depth| Variant { depth, ..base });
    let faults = TROUBLES.map(|fault| Variant { fault: Some(fault), ..base });
    let halts = HALTS_MIN.map(|halt_min| Variant { halt_min, ..base });
    let corners = [
        thin,
        Variant { fault: Some(Trouble::Zero), ..thin },
        Variant { fault: Some(Trouble::Stale(600)), ..thin },
        Variant { halt_min: 25.0, ..thin },
    ];
    let varied = amplitudes.into_iter().chain(depths).chain(faults).chain(halts).chain(corners);
    std::iter::once(base).chain(varied.filter(|variant| *variant != base)).collect()
}

fn product() -> Vec<Variant> {
    let faults: Vec<Option<Trouble>> =
        std::iter::once(None).chain(TROUBLES.into_iter().map(Some)).collect();
    let mut all = vec![Variant::BASE];
    for amplitude in AMPLITUDES {
        for depth in DEPTHS {
            for &fault in &faults {
                let each = HALTS_MIN.map(|halt_min| Variant { amplitude, depth, fault, halt_min });
                all.extend(each.into_iter().filter(|variant| *variant != Variant::BASE));
            }
        }
    }
    all
}
