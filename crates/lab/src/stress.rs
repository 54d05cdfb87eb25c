//! The incident library: what went wrong at real venues, run through the rules.
//!
//! An incident is a file of `scenarios/incidents`: prices, depth, faults, halts and who held what.
//! Each variant of it runs through `protocol::engine::apply` under our rules, under parameters
//! that stand for the rules of the venue where it happened, and under those once more with the
//! positions that ours let be opened. Same files and seed, same numbers. Who runs the jobs, and on
//! how many threads, is the caller's to decide.

mod keys;
mod incident;
mod read;
mod variant;
mod rules;
mod course;
mod maker;
mod cast;
mod moves;
mod tally;
mod drive;
mod table;

pub use incident::Incident;
pub use table::{Pair, Report, Row, Unexpressed};
pub use tally::Outcome;
pub use variant::Variant;

/// Whose rules a run is under.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rulebook {
    /// Ours.
    Ours,
    /// What stands for the venue's.
    Theirs,
    /// What stands for the venue's, with the positions that ours let be opened.
    TheirsAtOurSize,
}

/// One run: an incident by its place, a variant of it, and whose rules.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Job {
    /// Which incident.
    pub incident: usize,
    /// Which variant.
    pub variant: Variant,
    /// Whose rules.
    pub rulebook: Rulebook,
}

/// The runs of a set of incidents, in the order in which [`Report::of`] wants their outcomes.
pub fn jobs(incidents: &[Incident], full: bool) -> Vec<Job> {
    let variants = Variant::all(full);
    let mut jobs = Vec::new();
    for (at, incident) in incidents.iter().enumerate() {
        if incident.inexpressible.is_some() {
            continue;
        }
        for &variant in &variants {
            jobs.push(Job { incident: at, variant, rulebook: Rulebook::Ours });
            if incident.theirs.inexpressible.is_none() {
                jobs.push(Job { incident: at, variant, rulebook: Rulebook::Theirs });
                jobs.push(Job { incident: at, variant, rulebook: Rulebook::TheirsAtOurSize });
            }
        }
    }
    jobs
}

/// Runs one job. A panic of the state machine, which is a broken invariant, is caught and counted.
pub fn run(incidents: &[Incident], job: &Job, seed: u64) -> Outcome {
    let incident = &incidents[job.incident];
    let (terms, size) = match job.rulebook {
        Rulebook::Ours => (&incident.ours, None),
        Rulebook::Theirs => (&incident.theirs, None),
        Rulebook::TheirsAtOurSize => (&incident.theirs, Some(&incident.ours)),
    };
    drive::run(incident, (terms, size), job.variant, seed)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
