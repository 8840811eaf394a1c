//! A NetworkPolicy for each profile: its pods are reached by itself, by the platform and by
//! Knative, and by nobody else.

use serde_json::json;

use super::breaks::{Breaks, Flows};
use super::network_policy::{admits_all, ambient, is_ours, wanted};
use super::{About, Decision, Remedy, Risk, Wants, doubtful, namespace, refused, waived};
use crate::facts::object::Object as _;
use crate::views::context::{Context, Missing, by_namespace};

pub(super) const ABOUT: About = About {
    name: "profile-network-policies",
    does: "has pods of each profile reached by itself, the platform and Knative only",
    controls: &["NET-01"],
    risk: Risk::Medium,
    reach: "pods of other namespaces, other profiles among them, reach no pod of a profile; an \
            editor of a profile may delete the policy, and it is made again while it is enforced",
    breaks: "what reaches a profile's pods from other namespaces or from outside the cluster: \
             Services of type LoadBalancer or NodePort, webhooks served there, and scrapers of \
             another model; with the ambient mesh, on networks that do not exempt them, the \
             kubelet's probes. A profile in which one of these is seen is left out until \
             allow-disruption names the remedy",
    works_on: "every release, on a network that enforces NetworkPolicies",
    source: "kubernetes.io, NetworkPolicy; istio.io, ambient and NetworkPolicy; \
             tests/hardening.rs, tests/attacks/tenant.rs",
    only_by_name: false,
    needs_juju: false,
};

pub(super) const NAME: &str = "ckf-hardening-profile";

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, Missing> {
    let all = context.network_policies()?.iter();
    let policies = by_namespace(all.filter(|policy| policy.is_for_ingress()));
    let profiles = context.profile_namespaces()?;
    let mut wants =
        Wants { leftover: refused(context)?, notes: doubtful(context)?, ..Wants::default() };
    if profiles.is_empty() {
        wants.notes.push("there is no Profile that counts".into());
    }
    let flows = Flows::read(context)?;
    let others = context.platform_namespaces();
    let ambient = ambient(context)?;
    for &profile in profiles {
        let here = policies.get(profile).map(Vec::as_slice).unwrap_or_default();
        if let Some(why) = waived(context, "NET-01", &namespace(profile)) {
            wants.notes.push(why);
            continue;
        }
        let wanted = wanted(profile, NAME.into(), json!({}), &others);
        let mut breaks = Breaks::of(Remedy::ProfileNetworkPolicies, &wanted);
        flows.outside_callers(&mut breaks, profile, |_| true);
        if ambient.contains(profile) {
            let object = namespace(profile);
            let text = format!(
                "{object} is in the ambient mesh: the kubelet's probes come from 169.254.7.127 \
                 there, and a network that does not exempt it refuses them"
            );
            breaks.add(object, Risk::Medium, text);
        }
        // What policies admit adds up: beside a stricter one, ours would only widen it, and
        // beside one that admits everybody it does nothing until that goes.
        let mut theirs =
            here.iter().filter(|policy| policy.spec.pod_selector.is_empty() && !is_ours(policy));
        let first = theirs.clone().next();
        match (first, theirs.find(|policy| admits_all(policy))) {
            (_, Some(open)) => {
                wants.notes.push(format!(
                    "{} admits everybody, and policies add up: ours does nothing beside it; see \
                     NET-01",
                    open.reference()
                ));
                wants.breaks.extend(breaks.found());
                wants.objects.push(wanted);
            }
            (Some(other), None) => {
                wants.notes.push(format!(
                    "{} is there already, and a new one of ours would only add to what it admits",
                    other.reference()
                ));
                wants.kept.push(wanted);
            }
            (None, None) => {
                wants.breaks.extend(breaks.found());
                wants.objects.push(wanted);
            }
        }
    }
    Ok(Decision::Wanted(wants))
}
