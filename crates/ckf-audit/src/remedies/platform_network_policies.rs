//! A policy for each web app that trusts the header `kubeflow-userid`: only the platform's own
//! pods, including the gateway, can reach it. In the ambient mesh a waypoint would pass on what a
//! NetworkPolicy keeps away, so there the mesh denies it, at the pod and at its waypoint.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::about::{About, Risk};
use super::breaks::{Break, Breaks, Flows};
use super::desired::{Decision, DesiredState};
use super::managed::{AUTHORIZATION_POLICY, DesiredObject};
use super::network_policy::{admits_all, desired, is_managed};
use super::own_policy;
use super::remedy::Remedy;
use super::verdicts::waived;
use crate::facts::core::{NetworkPolicy, Pod};
use crate::facts::object::Object as _;
use crate::views::ambient_ways::AmbientWays;
use crate::views::web_apps::WEB_APPS;
use crate::views::{Context, MissingFact};

/// Most targets that Istio takes in a policy.
const MOST_TARGETS: usize = 16;

pub(super) const ABOUT: About = About {
    does: "lets only the platform reach the web apps that trust an identity header",
    controls: &["NET-02"],
    risk: Risk::Low,
    reach: "pods of profiles and of other namespaces can reach the web apps only through the \
            gateway, where they log in; pipelines, MinIO and metadata, which profiles use, are not \
            restricted, so kfp-api still trusts the header of any profile pod",
    breaks: "clients that bypass the gateway from other namespaces or from outside the cluster: \
             Services of type LoadBalancer or NodePort, webhooks served by the web apps, and \
             scrapers in another model; in the ambient mesh, clients outside of it too. A web app \
             for which one of these is seen is skipped until allow-disruption names the remedy",
    works_on: "every release: outside of the ambient mesh on a network that enforces \
               NetworkPolicies, in it by AuthorizationPolicies",
    source: "kubernetes.io, NetworkPolicy; istio.io, AuthorizationPolicy and waypoints; the \
             charms' own Services and routes; tests/cluster/hardening.rs, \
             tests/attacks/tenant_profiles.rs, tests/pure/ambient_web_apps.rs",
    only_by_name: false,
    needs_juju: false,
};

/// Names of the AuthorizationPolicies for a web app in the ambient mesh: for its pods, and for its
/// Services at their waypoint.
fn names(app: &str) -> [String; 2] {
    [format!("ckf-hardening-{app}"), format!("ckf-hardening-{app}-waypoint")]
}

/// The AuthorizationPolicy of this name in the platform's namespace is one of the remedy.
pub(super) fn makes_policy(name: &str) -> bool {
    WEB_APPS.iter().any(|(app, _)| names(app).iter().any(|known| known == name))
}

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let platform = context.namespace();
    let policies: Vec<&NetworkPolicy> = context
        .network_policies()?
        .iter()
        .filter(|policy| policy.metadata.namespace == platform && policy.is_for_ingress())
        .filter(|policy| !is_managed(policy))
        .collect();
    let flows = Flows::read(context)?;
    let ambient = AmbientWays::of(context)?;
    let mut state = DesiredState::default();
    for (app, _) in WEB_APPS {
        let is_of_app = |pod: &Pod| pod.metadata.label("app.kubernetes.io/name") == Some(app);
        let here = flows.pods(platform).iter().filter(|pod| is_of_app(pod));
        let pods: Vec<&Pod> = here.copied().collect();
        // Without a pod nothing needs protection; an existing policy stays for the next one.
        let Some(&first) = pods.first() else {
            continue;
        };
        let waivers = pods.iter().map(|pod| waived(context, "NET-02", &pod.reference()));
        let waivers: Option<Vec<String>> = waivers.collect();
        if let Some(why) = waivers.and_then(|all| all.into_iter().next()) {
            state.notes.push(why);
            continue;
        }
        let selected = json!({"matchLabels": {"app.kubernetes.io/name": app}});
        if let Some(mesh) = ambient.as_ref().filter(|mesh| mesh.has(first)) {
            let denying = denying(mesh, platform, app, &pods);
            let mut breaks = Breaks::of(Remedy::PlatformNetworkPolicies, &denying[0]);
            flows.outside_callers(&mut breaks, platform, is_of_app);
            state.breaks.extend(breaks.finish());
            state.objects.extend(denying);
            continue;
        }
        let desired = desired(platform, format!("ckf-hardening-{app}"), selected, &[]);
        let mut breaks = Breaks::of(Remedy::PlatformNetworkPolicies, &desired);
        flows.outside_callers(&mut breaks, platform, is_of_app);
        let theirs = policies.iter().copied().filter(|policy| {
            let mut pods = pods.iter();
            pods.any(|pod| policy.selects(&pod.metadata.labels))
        });
        add_beside(&mut state, desired, breaks.finish(), first, &theirs.collect::<Vec<_>>());
    }
    state.objects.extend(own_policy::desired(context)?);
    let is_empty = state.objects.is_empty() && state.kept.is_empty() && state.notes.is_empty();
    Ok(match is_empty {
        true => Decision::Skip("no web app has a pod".into()),
        false => Decision::Apply(state),
    })
}

/// Adds a policy for the pods of an application, beside those that others made for them.
fn add_beside(
    state: &mut DesiredState,
    desired: DesiredObject,
    breaks: Vec<Break>,
    pod: &Pod,
    theirs: &[&NetworkPolicy],
) {
    let open = theirs.iter().find(|policy| admits_all(policy));
    match (open, theirs.first()) {
        (Some(open), _) => state.notes.push(format!(
            "{} allows any source to {}, and policies are additive: a managed one has no effect \
             beside it; see NET-02",
            open.reference(),
            pod.reference()
        )),
        (None, Some(_)) => {
            state.notes.push(format!(
                "{} already has a policy, and a managed one would only allow more",
                pod.reference()
            ));
            state.kept.push(desired);
            return;
        }
        (None, None) => {}
    }
    state.breaks.extend(breaks);
    state.objects.push(desired);
}

/// Policies that deny clients of other namespaces the way to an application's pods: directly, and
/// by the waypoints of its Services, which call the pods as themselves.
fn denying(
    mesh: &AmbientWays<'_, '_>,
    platform: &str,
    app: &str,
    pods: &[&Pod],
) -> Vec<DesiredObject> {
    let all = pods.iter().flat_map(|pod| mesh.services_of(pod));
    let behind: BTreeMap<&str, &str> =
        all.map(|(service, of)| (&*service.metadata.name, of.namespace)).collect();
    let admitted: BTreeSet<&str> = behind.values().copied().chain([platform]).collect();
    let policy = |name: String, of: &str, to: Value| DesiredObject {
        kind: AUTHORIZATION_POLICY,
        namespace: platform.to_owned(),
        name,
        content: json!({"action": "DENY", of: to,
            "rules": [{"from": [{"source": {"notNamespaces": admitted}}]}]}),
    };
    let [of_pods, at_waypoint] = names(app);
    let selector = json!({"matchLabels": {"app.kubernetes.io/name": app}});
    let mut policies = vec![policy(of_pods, "selector", selector)];
    let targets: Vec<Value> = behind
        .keys()
        .take(MOST_TARGETS)
        .map(|service| json!({"group": "", "kind": "Service", "name": service}))
        .collect();
    if !targets.is_empty() {
        policies.push(policy(at_waypoint, "targetRefs", json!(targets)));
    }
    policies
}
