//! A NetworkPolicy for each web app that believes the header `kubeflow-userid`: it is
//! reached by the platform's own pods, the gateway among them, and by nobody else.

use serde_json::json;

use super::breaks::{Breaks, Flows};
use super::network_policy::{admits_all, ambient, is_ours, wanted};
use super::{About, Decision, Remedy, Risk, Wants, namespace, own_policy, waived};
use crate::facts::core::{NetworkPolicy, Pod};
use crate::facts::object::Object as _;
use crate::views::web_apps::WEB_APPS;
use crate::views::{Context, Missing};

pub(super) const ABOUT: About = About {
    name: "platform-network-policies",
    does: "has the web apps that believe a header reached by the platform only",
    controls: &["NET-02"],
    risk: Risk::Low,
    reach: "pods of profiles and of other namespaces reach the web apps through the gateway only, \
            where they log in; pipelines, MinIO and metadata, which profiles use, stay as they are, so \
            kfp-api still believes the header of any pod of a profile",
    breaks: "what reaches those web apps from other namespaces or from outside the cluster past \
             the gateway: Services of type LoadBalancer or NodePort, webhooks served there, and \
             scrapers of another model; with the ambient mesh, on networks that do not exempt \
             them, the kubelet's probes. A web app of which one of these is seen is left out until \
             allow-disruption names the remedy",
    works_on: "every release, on a network that enforces NetworkPolicies",
    source: "kubernetes.io, NetworkPolicy; the charms' own Services and VirtualServices; \
             tests/hardening.rs, tests/attacks/tenant.rs",
    only_by_name: false,
    needs_juju: false,
};

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, Missing> {
    let platform = context.namespace();
    let policies: Vec<&NetworkPolicy> = context
        .network_policies()?
        .iter()
        .filter(|policy| policy.metadata.namespace == platform && policy.is_for_ingress())
        .filter(|policy| !is_ours(policy))
        .collect();
    let flows = Flows::read(context)?;
    let is_ambient = ambient(context)?.contains(platform);
    let mut wants = Wants::default();
    for (app, _) in WEB_APPS {
        let is_of_app = |pod: &Pod| pod.metadata.label("app.kubernetes.io/name") == Some(app);
        let here = flows.pods(platform).iter().filter(|pod| is_of_app(pod));
        let pods: Vec<&Pod> = here.copied().collect();
        // Without a pod there is nothing to guard now, and what guards it stays for the next.
        let Some(&first) = pods.first() else {
            continue;
        };
        let waivers = pods.iter().map(|pod| waived(context, "NET-02", &pod.reference()));
        let waivers: Option<Vec<String>> = waivers.collect();
        if let Some(why) = waivers.and_then(|all| all.into_iter().next()) {
            wants.notes.push(why);
            continue;
        }
        let selected = json!({"matchLabels": {"app.kubernetes.io/name": app}});
        let wanted = wanted(platform, format!("ckf-hardening-{app}"), selected, &[]);
        let mut breaks = Breaks::of(Remedy::PlatformNetworkPolicies, &wanted);
        flows.outside_callers(&mut breaks, platform, is_of_app);
        if is_ambient {
            let object = namespace(platform);
            let text = format!(
                "{object} is in the ambient mesh: the kubelet's probes come from 169.254.7.127 \
                 there, and a network that does not exempt it refuses them"
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
            (Some(open), _) => wants.notes.push(format!(
                "{} admits everybody to {}, and policies add up: ours does nothing beside it; see \
                 NET-02",
                open.reference(),
                first.reference()
            )),
            (None, Some(_)) => {
                wants.notes.push(format!(
                    "{} has a policy already, and a new one of ours would only add to it",
                    first.reference()
                ));
                wants.kept.push(wanted);
                continue;
            }
            (None, None) => {}
        }
        wants.breaks.extend(breaks.found());
        wants.objects.push(wanted);
    }
    wants.objects.extend(own_policy::wanted(context)?);
    let is_empty = wants.objects.is_empty() && wants.kept.is_empty() && wants.notes.is_empty();
    Ok(match is_empty {
        true => Decision::Leave("no pod of a web app is there".into()),
        false => Decision::Wanted(wants),
    })
}
