//! A NetworkPolicy for each web app that trusts the header `kubeflow-userid`: only the platform's
//! own pods, including the gateway, can reach it.

use serde_json::json;

use super::breaks::{Breaks, Flows};
use super::network_policy::{admits_all, ambient, desired, is_managed};
use super::{About, Decision, DesiredState, Remedy, Risk, namespace, own_policy, waived};
use crate::facts::core::{NetworkPolicy, Pod};
use crate::facts::object::Object as _;
use crate::views::web_apps::WEB_APPS;
use crate::views::{Context, MissingFact};

pub(super) const ABOUT: About = About {
    name: "platform-network-policies",
    does: "lets only the platform reach the web apps that trust an identity header",
    controls: &["NET-02"],
    risk: Risk::Low,
    reach: "pods of profiles and of other namespaces can reach the web apps only through the \
            gateway, where they log in; pipelines, MinIO and metadata, which profiles use, are not \
            restricted, so kfp-api still trusts the header of any profile pod",
    breaks: "clients that bypass the gateway from other namespaces or from outside the cluster: \
             Services of type LoadBalancer or NodePort, webhooks served by the web apps, and \
             scrapers in another model; in the ambient mesh, the kubelet's probes on networks that \
             do not exempt them. A web app for which one of these is seen is skipped until \
             allow-disruption names the remedy",
    works_on: "every release, on a network that enforces NetworkPolicies",
    source: "kubernetes.io, NetworkPolicy; the charms' own Services and VirtualServices; \
             tests/cluster/hardening.rs, tests/attacks/tenant_profiles.rs",
    only_by_name: false,
    needs_juju: false,
};

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let platform = context.namespace();
    let policies: Vec<&NetworkPolicy> = context
        .network_policies()?
        .iter()
        .filter(|policy| policy.metadata.namespace == platform && policy.is_for_ingress())
        .filter(|policy| !is_managed(policy))
        .collect();
    let flows = Flows::read(context)?;
    let is_ambient = ambient(context)?.contains(platform);
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
        let desired = desired(platform, format!("ckf-hardening-{app}"), selected, &[]);
        let mut breaks = Breaks::of(Remedy::PlatformNetworkPolicies, &desired);
        flows.outside_callers(&mut breaks, platform, is_of_app);
        if is_ambient {
            let object = namespace(platform);
            let text = format!(
                "{object} is in the ambient mesh: the kubelet's probes come from 169.254.7.127 \
                 there, and a network that does not exempt it blocks them"
            );
            breaks.add(object, Risk::Medium, text);
        }
        let theirs = policies.iter().filter(|policy| {
            let mut pods = pods.iter();
            pods.any(|pod| policy.selects(&pod.metadata.labels))
        });
        let theirs: Vec<_> = theirs.collect();
        let open = theirs.iter().find(|policy| admits_all(policy));
        match (open, theirs.first()) {
            (Some(open), _) => state.notes.push(format!(
                "{} allows any source to {}, and policies are additive: a managed one has no \
                 effect beside it; see NET-02",
                open.reference(),
                first.reference()
            )),
            (None, Some(_)) => {
                state.notes.push(format!(
                    "{} already has a policy, and a managed one would only allow more",
                    first.reference()
                ));
                state.kept.push(desired);
                continue;
            }
            (None, None) => {}
        }
        state.breaks.extend(breaks.finish());
        state.objects.push(desired);
    }
    state.objects.extend(own_policy::desired(context)?);
    let is_empty = state.objects.is_empty() && state.kept.is_empty() && state.notes.is_empty();
    Ok(match is_empty {
        true => Decision::Skip("no web app has a pod".into()),
        false => Decision::Apply(state),
    })
}
