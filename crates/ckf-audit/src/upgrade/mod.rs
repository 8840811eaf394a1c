//! Plan of an upgrade of Charmed Kubeflow to another release: what keeps it from being begun, each
//! refresh in the order of the guide with what it changes for security, and which verdicts would
//! change. Pure.

mod plan;
mod preconditions;
mod projection;
mod steps;

use std::collections::BTreeMap;

pub use self::plan::{UpgradePlan, VerdictChange};
pub use self::steps::Step;
use crate::catalog::{self, Release};
use crate::controls::Verdict;
use crate::facts::Facts;
use crate::policy::Policy;
use crate::report::Report;
use crate::views::{Context, MissingFact, minor_version};

/// Why there is no plan.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UpgradeError {
    /// It is not known what runs.
    #[error("{0}")]
    NotKnown(String),
    /// The catalogue has no later release of the same mesh.
    #[error("the catalogue has no release after {0}; a newer ckf-hardening may have one")]
    Newest(String),
}

/// The plan to a release; without one, to the next of the same mesh.
pub fn of(
    facts: &Facts,
    policy: &Policy,
    to: Option<&Release>,
) -> Result<UpgradePlan, UpgradeError> {
    let context = Context::new(facts, policy, None);
    let from = context.release().map_err(|MissingFact(why)| UpgradeError::NotKnown(why))?;
    let to = match to {
        Some(to) => to,
        None => next(from).ok_or_else(|| UpgradeError::Newest(from.name.clone()))?,
    };
    let before = Report::audit(facts, policy, Some(&from.name), Vec::new());
    let mut plan = UpgradePlan {
        from: from.name.clone(),
        to: to.name.clone(),
        blockers: Vec::new(),
        unknown: Vec::new(),
        notes: Vec::new(),
        steps: steps::of(&context, from, to),
        verdicts: Vec::new(),
    };
    preconditions::check(&context, &before, from, to, &mut plan);
    let after = projection::upgraded(facts, from, to);
    let after = Report::audit(&after, policy, Some(&to.name), Vec::new());
    plan.verdicts = changes(&before, &after);
    Ok(plan)
}

/// The release after one, of the same mesh.
fn next(from: &Release) -> Option<&'static Release> {
    let after = minor_version(&from.name)?;
    let later = catalog::releases().iter().filter(|release| release.mesh == from.mesh);
    let later = later.filter_map(|release| Some((minor_version(&release.name)?, release)));
    later.filter(|(it, _)| *it > after).min_by_key(|(it, _)| *it).map(|(_, release)| release)
}

fn changes(before: &Report, after: &Report) -> Vec<VerdictChange> {
    let was: BTreeMap<&str, Verdict> =
        before.controls.iter().map(|control| (control.id.as_str(), control.verdict)).collect();
    let changed = after.controls.iter().filter_map(|control| {
        let before = *was.get(control.id.as_str())?;
        let findings = control.findings.iter();
        (before != control.verdict).then(|| VerdictChange {
            control: control.id.clone(),
            title: control.title.clone(),
            before,
            after: control.verdict,
            findings: findings
                .map(|found| format!("{} {}: {}", found.object, found.field, found.seen))
                .collect(),
        })
    });
    changed.collect()
}
