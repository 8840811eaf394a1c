//! Backups: Velero's of the platform, and those of its databases.

use jiff::{SignedDuration, Timestamp};

use crate::controls::application::of_charm;
use crate::controls::attestation::attested;
use crate::controls::check::Check;
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Outcome, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("UPG-11", platform_is_backed_up), ("UPG-12", databases_are_backed_up)];

/// Longest time since the last backup that succeeded.
const LONGEST_AGE: SignedDuration = SignedDuration::from_hours(7 * 24);

/// UPG-11: The platform is backed up
fn platform_is_backed_up(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let namespace = context.namespace();
    let by_person = attested("UPG-11", context);
    let read = context.velero_backups().and_then(|all| Ok((all, context.velero_schedules()?)));
    let (backups, schedules) = match (read, by_person) {
        // What a person attests does not depend on Velero.
        (Err(_), Some(Outcome::Pass(evidence))) => return Ok(Outcome::Pass(evidence)),
        (Err(missing), _) => return Err(missing),
        (Ok((backups, schedules)), by_person) if backups.is_empty() && schedules.is_empty() => {
            return Ok(match by_person {
                Some(Outcome::Pass(evidence)) => Outcome::Pass(evidence),
                _ => Outcome::NotAssessed(
                    "the cluster has no backup of Velero; attest another one in the policy".into(),
                ),
            });
        }
        (Ok(read), _) => read,
    };
    let mut findings = Vec::new();
    let of_platform = schedules.iter().filter(|s| s.spec.template.includes(namespace));
    let of_platform: Vec<_> = of_platform.collect();
    match of_platform.iter().find(|schedule| !schedule.spec.paused) {
        Some(_) => {}
        None => {
            let (object, seen) = match of_platform.first() {
                Some(paused) => (paused.reference(), "paused"),
                None => (ObjectRef::new("v1", "Namespace", "", namespace), "none"),
            };
            findings.push(finding(object, "schedule of backups", seen, "one that is not paused"));
        }
    }
    let succeeded = backups
        .iter()
        .filter(|backup| &*backup.status.phase == "Completed" && backup.spec.includes(namespace));
    let ended = |backup: &crate::facts::velero::VeleroBackup| {
        backup.status.completion_timestamp.parse::<Timestamp>().ok()
    };
    let last = succeeded.filter_map(|backup| Some((ended(backup)?, backup))).max_by_key(|b| b.0);
    let wanted = "one that succeeded within 7 days";
    let evidence = match last {
        None => {
            let object = ObjectRef::new("v1", "Namespace", "", namespace);
            findings.push(finding(object, "last backup", "none that succeeded", wanted));
            String::new()
        }
        Some((at, backup)) => {
            if context.now().duration_since(at) > LONGEST_AGE {
                findings.push(finding(backup.reference(), "completed", at.to_string(), wanted));
            }
            format!("{} completed at {at}", backup.metadata.name)
        }
    };
    Ok(outcome(findings, evidence))
}

/// UPG-12: The platform's databases are backed up to S3
fn databases_are_backed_up(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    of_charm(context, "mysql-k8s", "each has a store for its backups", |app| {
        let object = crate::controls::application::object(app);
        let wanted = "an application of s3-integrator";
        (!app.is_related("s3-parameters"))
            .then(|| finding(object, "endpoint s3-parameters", "not related", wanted))
    })
}
