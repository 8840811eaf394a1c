//! A NetworkPolicy for each profile: its pods are reached by itself, by the platform and by
//! Knative, and by nobody else.

use serde_json::json;

use super::network_policy::{cuts, is_ours, wanted};
use super::{About, Decision, Risk, Wants};
use crate::controls::context::{Context, Missing, by_namespace};
use crate::facts::object::Object as _;

pub(super) const ABOUT: About = About {
    name: "profile-network-policies",
    does: "has pods of each profile reached by itself, the platform and Knative only",
    controls: &["NET-01"],
    risk: Risk::Medium,
    reach: "pods of other namespaces, other profiles among them, reach no pod of a profile; an \
            editor of a profile may delete the policy, and it is made again while it is enforced",
    only_by_name: false,
    needs_juju: false,
};

pub(super) const NAME: &str = "ckf-hardening-profile";

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, Missing> {
    let all = context.network_policies()?.iter();
    let policies = by_namespace(all.filter(|policy| policy.is_for_ingress()));
    let profiles = context.profile_namespaces()?;
    if profiles.is_empty() {
        return Ok(Decision::Unwanted("there is no Profile".into()));
    }
    let mut wants = Wants::default();
    let mut guarded = Vec::new();
    for &profile in profiles {
        let here = policies.get(profile).into_iter().flatten();
        // What policies admit adds up, so one of ours would widen a stricter one.
        let other = here
            .filter(|policy| policy.spec.pod_selector.is_empty())
            .find(|policy| !is_ours(policy));
        if let Some(other) = other {
            let object = other.reference();
            let why =
                format!("{object} is there already, and ours would only add to what it admits");
            wants.notes.push(why);
            continue;
        }
        guarded.push(profile);
        let others = context.platform_namespaces();
        wants
            .objects
            .push(wanted(profile, NAME.into(), json!({}), &others));
    }
    let pods = context.pods()?.iter();
    let pods: Vec<_> = pods
        .filter(|pod| guarded.contains(&&*pod.metadata.namespace) && !pod.is_finished())
        .collect();
    wants.cuts = cuts(context, &pods)?;
    Ok(Decision::Wanted(wants))
}
