//! A NetworkPolicy for each profile: only the profile itself, the platform and Knative can reach
//! its pods.

use serde_json::json;

use super::about::{About, Risk};
use super::breaks::{Breaks, Flows};
use super::desired::{Decision, DesiredState};
use super::network_policy::{admits_all, ambient, desired, is_managed};
use super::profiles::{foreign_namespaces, ignored_profiles, namespace};
use super::remedy::Remedy;
use super::verdicts::waived;
use crate::facts::object::Object as _;
use crate::views::context::{Context, MissingFact, by_namespace};

pub(super) const ABOUT: About = About {
    does: "lets only the profile itself, the platform and Knative reach the pods of each profile",
    controls: &["NET-01"],
    risk: Risk::Medium,
    reach: "pods of other namespaces, including other profiles, can no longer reach profile pods; \
            an editor of a profile can delete the policy, and it is restored while it is enforced",
    breaks: "clients of profile pods in other namespaces or outside the cluster: Services of type \
             LoadBalancer or NodePort, webhooks served by profile pods, and scrapers in another \
             model; in the ambient mesh, the kubelet's probes on networks that do not exempt them. \
             A profile in which one of these is seen is skipped until allow-disruption names the \
             remedy",
    works_on: "every release, on a network that enforces NetworkPolicies",
    source: "kubernetes.io, NetworkPolicy; istio.io, ambient and NetworkPolicy; \
             tests/cluster/hardening.rs, tests/attacks/tenant_profiles.rs",
    only_by_name: false,
    needs_juju: false,
};

pub(super) const NAME: &str = "ckf-hardening-profile";

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let all = context.network_policies()?.iter();
    let policies = by_namespace(all.filter(|policy| policy.is_for_ingress()));
    let profiles = context.profile_namespaces()?;
    let mut state = DesiredState {
        leftover: foreign_namespaces(context)?,
        notes: ignored_profiles(context)?,
        ..DesiredState::default()
    };
    if profiles.is_empty() {
        state.notes.push("no Profile counts".into());
    }
    let flows = Flows::read(context)?;
    let others = context.platform_namespaces();
    let ambient = ambient(context)?;
    for &profile in profiles {
        let here = policies.get(profile).map(Vec::as_slice).unwrap_or_default();
        if let Some(why) = waived(context, "NET-01", &namespace(profile)) {
            state.notes.push(why);
            continue;
        }
        let desired = desired(profile, NAME.into(), json!({}), &others);
        let mut breaks = Breaks::of(Remedy::ProfileNetworkPolicies, &desired);
        flows.outside_callers(&mut breaks, profile, |_| true);
        if ambient.contains(profile) {
            let object = namespace(profile);
            let text = format!(
                "{object} is in the ambient mesh: the kubelet's probes come from 169.254.7.127 \
                 there, and a network that does not exempt it blocks them"
            );
            breaks.add(object, Risk::Medium, text);
        }
        // Policies are additive: beside a stricter one, a managed one would only widen access, and
        // beside one that allows any source it has no effect until that is deleted.
        let mut theirs =
            here.iter().filter(|policy| policy.spec.pod_selector.is_empty() && !is_managed(policy));
        let first = theirs.clone().next();
        match (first, theirs.find(|policy| admits_all(policy))) {
            (_, Some(open)) => state.notes.push(format!(
                "{} allows any source, and policies are additive: a managed one has no effect \
                 beside it; see NET-01",
                open.reference()
            )),
            (Some(other), None) => {
                state.notes.push(format!(
                    "{} exists already, and a managed one would only allow more",
                    other.reference()
                ));
                state.kept.push(desired);
                continue;
            }
            (None, None) => {}
        }
        state.breaks.extend(breaks.finish());
        state.objects.push(desired);
    }
    Ok(Decision::Apply(state))
}
