//! The outcomes side by side: one row for each incident, and where ours is not better.

use serde::Serialize;

use super::incident::Incident;
use super::tally::Outcome;
use super::{Job, Rulebook, Variant};
use crate::text::usd;

/// The outcomes of a set of incidents.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Incidents that the rules can express.
    pub incidents: Vec<Row>,
    /// The others.
    pub not_expressible: Vec<Unexpressed>,
    /// Seed of all runs.
    pub seed: u64,
}

/// An incident that has no run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Unexpressed {
    /// Number in the catalogue.
    pub id: String,
    /// What happened.
    pub title: String,
    /// Why the rules cannot be put into it.
    pub why: String,
}

/// One incident. Money in USD, of the incident as it was, unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row {
    /// Number in the catalogue.
    pub id: String,
    /// Runs of our rules, over all variants, that ended in a broken invariant.
    pub invariants_broken: u32,
    /// The most that accounts without positions lost under our rules, over all variants.
    pub flat_user_loss: f64,
    /// Deficits that neither account nor insurance paid, under our rules.
    pub bad_debt_ours: f64,
    /// The same under the venue's rules; `None` where parameters cannot stand for them.
    pub bad_debt_theirs: Option<f64>,
    /// The same with the positions that ours let be opened.
    pub bad_debt_theirs_at_our_size: Option<f64>,
    /// Part of the positions of the file that ours let be opened.
    pub opened_ours: f64,
    /// The same under the venue's rules.
    pub opened_theirs: Option<f64>,
    /// Notional closed against others outside the book, under our rules.
    pub adl_volume: f64,
    /// Minutes with the mark more than 50 bp off the true price, under our rules.
    pub minutes_beyond_50bp: f64,
    /// What happened.
    pub title: String,
    /// When.
    pub date: String,
    /// Where.
    pub venue: String,
    /// Figures of the source in words.
    pub source: String,
    /// Runs of the venue's rules that ended in a broken invariant.
    pub invariants_broken_theirs: u32,
    /// What stands for the venue's rules, or why nothing can.
    pub theirs: String,
    /// What the file leaves out.
    pub note: String,
    /// Variants in which our bad debt is above theirs, with what else differs.
    pub worse_in: Vec<String>,
    /// Variants in which our bad debt is above theirs with the positions that ours let be opened.
    pub worse_at_our_size_in: Vec<String>,
    /// All runs, the incident as it was first.
    pub runs: Vec<Pair>,
}

/// A variant under both rulebooks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Pair {
    /// Name of the variant.
    pub variant: String,
    /// Under our rules.
    pub ours: Outcome,
    /// Under the venue's.
    pub theirs: Option<Outcome>,
    /// Under the venue's, with the positions that ours let be opened.
    pub theirs_at_our_size: Option<Outcome>,
}

impl Pair {
    /// Says where our bad debt is above theirs; `None` where it is not.
    fn worse(&self, theirs: Option<&Outcome>) -> Option<String> {
        let theirs = theirs.filter(|theirs| theirs.failure.is_none())?;
        let ours = &self.ours;
        (ours.bad_debt > theirs.bad_debt).then(|| {
            format!(
                "{} (bad debt {} against {}, accounts liquidated {} against {}, insurance and \
                 vault {} against {})",
                self.variant,
                usd(ours.bad_debt),
                usd(theirs.bad_debt),
                ours.liquidated,
                theirs.liquidated,
                usd(ours.fund_used()),
                usd(theirs.fund_used()),
            )
        })
    }
}

impl Report {
    /// The report on jobs and their outcomes, which stand in the same order.
    pub fn of(incidents: &[Incident], jobs: &[Job], outcomes: &[Outcome], seed: u64) -> Report {
        let expressed =
            incidents.iter().enumerate().filter(|(_, incident)| incident.inexpressible.is_none());
        let rows = expressed.map(|(at, incident)| {
            let runs = jobs.iter().zip(outcomes).filter(|(job, _)| job.incident == at);
            row(incident, pairs(runs))
        });
        Report {
            incidents: rows.collect(),
            not_expressible: incidents.iter().filter_map(unexpressed).collect(),
            seed,
        }
    }
}

fn unexpressed(incident: &Incident) -> Option<Unexpressed> {
    let why = incident.inexpressible.clone()?;
    Some(Unexpressed { id: incident.id.clone(), title: incident.title.clone(), why })
}

/// Runs of one incident, ours with theirs where there are any.
fn pairs<'a>(runs: impl Iterator<Item = (&'a Job, &'a Outcome)>) -> Vec<Pair> {
    let mut pairs: Vec<(Variant, Pair)> = Vec::new();
    for (job, outcome) in runs {
        let (variant, outcome) = (job.variant, outcome.clone());
        let own = pairs.last_mut().filter(|(last, _)| *last == variant);
        match (job.rulebook, own) {
            (Rulebook::Theirs, Some((_, pair))) => pair.theirs = Some(outcome),
            (Rulebook::TheirsAtOurSize, Some((_, pair))) => {
                pair.theirs_at_our_size = Some(outcome);
            }
            (Rulebook::Ours | Rulebook::Theirs | Rulebook::TheirsAtOurSize, _) => {
                let (ours, name) = (outcome, variant.name());
                let (theirs, theirs_at_our_size) = (None, None);
                pairs.push((variant, Pair { variant: name, ours, theirs, theirs_at_our_size }));
            }
        }
    }
    pairs.into_iter().map(|(_, pair)| pair).collect()
}

fn row(incident: &Incident, runs: Vec<Pair>) -> Row {
    let ours = |take: fn(&Outcome) -> f64| runs.first().map_or(0.0, |pair| take(&pair.ours));
    let sound = |outcome: Option<&'_ Outcome>| {
        outcome.filter(|outcome| outcome.failure.is_none()).map(|outcome| {
            let Outcome { bad_debt, opened_share, .. } = *outcome;
            (bad_debt, opened_share)
        })
    };
    let base = sound(runs.first().and_then(|pair| pair.theirs.as_ref()));
    let at_our_size = sound(runs.first().and_then(|pair| pair.theirs_at_our_size.as_ref()));
    let losses = runs.iter().map(|pair| pair.ours.flat_user_loss);
    let theirs = runs.iter().filter_map(|pair| pair.theirs.as_ref());
    let worse = runs.iter().filter_map(|pair| pair.worse(pair.theirs.as_ref()));
    let worse_at_our_size =
        runs.iter().filter_map(|pair| pair.worse(pair.theirs_at_our_size.as_ref()));
    Row {
        id: incident.id.clone(),
        invariants_broken: runs.iter().map(|pair| pair.ours.invariants_broken).sum(),
        flat_user_loss: losses.fold(0.0, f64::max),
        bad_debt_ours: ours(|outcome| outcome.bad_debt),
        bad_debt_theirs: base.map(|(bad_debt, _)| bad_debt),
        bad_debt_theirs_at_our_size: at_our_size.map(|(bad_debt, _)| bad_debt),
        opened_ours: ours(|outcome| outcome.opened_share),
        opened_theirs: base.map(|(_, opened)| opened),
        adl_volume: ours(|outcome| outcome.adl_volume),
        minutes_beyond_50bp: ours(|outcome| outcome.minutes_beyond_50bp),
        title: incident.title.clone(),
        date: incident.date.clone(),
        venue: incident.venue.clone(),
        source: incident.source.clone(),
        invariants_broken_theirs: theirs.map(|theirs| theirs.invariants_broken).sum(),
        theirs: incident.theirs.inexpressible.as_ref().unwrap_or(&incident.theirs.why).clone(),
        note: incident.note.clone(),
        worse_in: worse.collect(),
        worse_at_our_size_in: worse_at_our_size.collect(),
        runs,
    }
}
