//! What pods of profiles reach.

use super::policies::no_profiles;
use crate::controls::check::Check;
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::context::by_namespace;
use crate::views::{Context, MissingFact, metadata_service};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("NET-11", metadata_is_closed)];

/// NET-11: Profiles do not reach the metadata service of the cloud
fn metadata_is_closed(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let profiles = context.profile_namespaces()?;
    if profiles.is_empty() {
        return Ok(no_profiles());
    }
    let policies = context.network_policies()?.iter();
    let policies = by_namespace(policies.filter(|policy| policy.is_for_egress()));
    let rules = context.network_rules()?;
    let mut findings = Vec::new();
    let mut unknown = None;
    for &profile in profiles {
        if let Some(by) = rules.unread_egress(profile) {
            unknown = unknown.or(Some(by));
            continue;
        }
        let here = policies.get(profile).map(Vec::as_slice).unwrap_or_default();
        if !metadata_service::is_for_all(here) {
            let seen = match here.len() {
                0 => "none".to_owned(),
                number => format!("{}, none for all pods", count(number, "policy")),
            };
            findings.push(finding(
                ObjectRef::new("v1", "Namespace", "", profile),
                "NetworkPolicy for egress",
                seen,
                "one with an empty podSelector",
            ));
        }
        // Who runs a pod chooses its labels, and so the policies that hold for it.
        for policy in here {
            for (index, rule) in policy.spec.egress.iter().enumerate() {
                let admitted = metadata_service::admitted(rule);
                if !admitted.is_empty() {
                    findings.push(finding(
                        policy.reference(),
                        &format!("spec.egress[{index}]"),
                        format!("admits {}", admitted.join(", ")),
                        "no metadata service",
                    ));
                }
            }
        }
    }
    if let (true, Some(by)) = (findings.is_empty(), unknown) {
        let why = format!("{by} is about what leaves pods, and its rules for that are not read");
        return Err(MissingFact(why));
    }
    Ok(outcome(
        findings,
        format!("{} cannot reach a metadata service", count(profiles.len(), "Profile")),
    ))
}
