//! Profiles, as remedies see them: their namespaces, and those that do not count.

use std::collections::BTreeSet;

use super::about::Risk;
use super::breaks::Breaks;
use super::desired::Leftover;
use crate::controls::pods::privileges::beyond_baseline;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::profiles::Claim;
use crate::views::{Context, MissingFact};

/// Reference to a profile's Namespace, in the form that findings use.
pub(super) fn namespace(name: &str) -> ObjectRef {
    ObjectRef::new("v1", "Namespace", "", name)
}

/// Namespaces in which no managed object belongs: those that a Profile names but does not own.
pub(super) fn foreign_namespaces(context: &Context<'_>) -> Result<Leftover, MissingFact> {
    let claims = context.profile_claims()?.iter();
    let refused = claims.filter(|(_, claim)| matches!(claim, Claim::Refused(_)));
    let names = refused.map(|(profile, _)| profile.metadata.name.clone());
    let mut names: BTreeSet<String> = names.collect();
    // A namespace whose Profile is gone is no longer protected as a profile.
    let known: BTreeSet<&str> =
        context.profiles()?.iter().map(|profile| profile.metadata.name.as_str()).collect();
    let all = context.namespaces()?.iter();
    let all = all.map(|namespace| namespace.metadata.name.as_str());
    names.extend(all.filter(|name| !known.contains(name)).map(str::to_owned));
    Ok(Leftover::DeleteIn(names))
}

/// Adds running pods of a namespace that the baseline level would reject on recreation.
pub(super) fn rejected_pods(
    context: &Context<'_>,
    namespace: &str,
    breaks: &mut Breaks,
) -> Result<(), MissingFact> {
    let pods = context.pods()?.iter();
    let here = pods.filter(|pod| pod.metadata.namespace == *namespace && !pod.is_finished());
    for pod in here {
        if let Some(first) = beyond_baseline(context, pod).first() {
            let text = format!("{} has {}, which baseline rejects", first.object, first.field);
            breaks.add(pod.reference(), Risk::Medium, text);
        }
    }
    Ok(())
}

/// A line for each Profile that does not count, with the reason.
pub(super) fn ignored_profiles(context: &Context<'_>) -> Result<Vec<String>, MissingFact> {
    let claims = context.profile_claims()?.iter();
    let ignored_profiles = claims.filter_map(|(profile, claim)| {
        let why = claim.reason()?;
        let name = &profile.metadata.name;
        Some(format!("Profile {name} does not count: {why}; see AUTHZ-01"))
    });
    Ok(ignored_profiles.collect())
}
