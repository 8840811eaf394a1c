//! A PeerAuthentication for each profile by which its pods accept mutual TLS only.

use serde_json::json;

use super::breaks::{Break, Breaks, Flows};
use super::own::{MANAGED_BY, PEER_AUTHENTICATION, Wanted};
use super::{About, Decision, Remedy, Risk, Wants, doubtful, namespace, refused, waived};
use crate::facts::core::Pod;
use crate::facts::istio::PeerAuthentication;
use crate::facts::object::Object as _;
use crate::views::context::{Context, Missing, by_namespace};
use crate::views::mesh::is_for_all;

pub(super) const ABOUT: About = About {
    name: "mutual-tls",
    does: "has pods of each profile accept mutual TLS only",
    controls: &["NET-03"],
    risk: Risk::Medium,
    reach: "pods outside the mesh, those of the platform's own namespace among them, reach no \
            pod of a profile that has a sidecar; try it on one profile first",
    breaks: "in a mesh of sidecars the platform's own pods have none: Knative's activator and \
             autoscaler reach no predictor, so a model that scaled to zero is not served; the \
             pipelines' pages show no artifacts; notebooks are not culled; what scrapes the \
             metrics of a profile's pods from outside the mesh gets none. A profile in which one \
             of these flows is seen is left out until allow-disruption names the remedy",
    works_on: "1.10 and 1.11 with sidecars; with the ambient mesh pods that ztunnel captures",
    source: "istio.io, PeerAuthentication; bundle-kubeflow: neither kubeflow nor knative-serving \
             is labelled for injection; tests/remedies.rs, tests/attacks/tenant.rs",
    only_by_name: false,
    needs_juju: false,
};

pub(super) const NAME: &str = "ckf-hardening-mutual-tls";

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, Missing> {
    let policies = by_namespace(context.peer_authentications()?);
    let profiles = context.profile_namespaces()?;
    let mut wants =
        Wants { leftover: refused(context)?, notes: doubtful(context)?, ..Wants::default() };
    if profiles.is_empty() {
        wants.notes.push("there is no Profile that counts".into());
    }
    let flows = Flows::read(context)?;
    let callers = Callers::find(context, &flows);
    for &profile in profiles {
        let here = policies.get(profile).map(Vec::as_slice).unwrap_or_default();
        let wanted = Wanted {
            kind: PEER_AUTHENTICATION,
            namespace: profile.to_owned(),
            name: NAME.into(),
            content: json!({"mtls": {"mode": "STRICT"}}),
        };
        let subjects = here.iter().map(|policy| policy.reference());
        let mut subjects = std::iter::once(namespace(profile)).chain(subjects);
        if let Some(why) = subjects.find_map(|subject| waived(context, "NET-03", &subject)) {
            wants.notes.push(why);
            continue;
        }
        match hindrance(here) {
            Some((other, why)) => {
                let (object, mode) = (other.reference(), mode(other));
                wants
                    .notes
                    .push(format!("{object} with mode {mode} is there, and is not ours: {why}"));
                wants.kept.push(wanted);
            }
            None => {
                wants.breaks.extend(callers.breaks(&flows, &wanted));
                wants.objects.push(wanted);
            }
        }
    }
    Ok(Decision::Wanted(wants))
}

fn mode(policy: &PeerAuthentication) -> &str {
    match &*policy.spec.mtls.mode {
        "" => "UNSET",
        mode => mode,
    }
}

fn is_ours(policy: &PeerAuthentication) -> bool {
    policy.metadata.label(MANAGED_BY.0) == Some(MANAGED_BY.1)
}

/// What somebody else's policy for all pods of a namespace means for ours: of several the
/// oldest holds.
fn hindrance<'a>(
    here: &[&'a PeerAuthentication],
) -> Option<(&'a PeerAuthentication, &'static str)> {
    let for_all = || here.iter().filter(|policy| is_for_all(policy));
    let ours = for_all().find(|policy| is_ours(policy) && policy.metadata.name == NAME);
    let others = for_all().filter(|policy| !is_ours(policy));
    let oldest = others.min_by_key(|policy| policy.created)?;
    let why = match ours {
        None => "as the older it holds, and one of ours would do nothing beside it",
        Some(ours) if ours.created.is_some() && ours.created < oldest.created => {
            "it is younger than ours, and has no effect while ours stands"
        }
        Some(_) => "it is older than ours, so it holds; remove it or make it STRICT",
    };
    Some((oldest, why))
}

/// Pods of the platform that have no sidecar and call pods of profiles, by what they call.
struct Callers<'a> {
    /// Of a Service of each profile, by its name.
    of_services: Vec<(&'a Pod, &'static str)>,
    /// Of what carries a label, with the label's prefix and what the flow is for.
    of_labels: Vec<(&'a Pod, &'static str, &'static str, Risk)>,
}

/// Applications of the platform that call a Service of each profile.
const SERVICES: [(&str, &str); 2] =
    [("kfp-ui", "ml-pipeline-ui-artifact"), ("kfp-api", "ml-pipeline-visualizationserver")];
/// What calls pods of profiles that carry a label: the namespace of the caller (empty for the
/// platform's), its label and value, the label of the called, and what for.
const LABELS: [(&str, &str, &str, &str, &str, Risk); 3] = [
    (
        "knative-serving",
        "app",
        "activator",
        PREDICTOR,
        "requests of models that scaled to zero",
        Risk::High,
    ),
    (
        "knative-serving",
        "app",
        "autoscaler",
        PREDICTOR,
        "the metrics by which models are scaled",
        Risk::High,
    ),
    (
        "",
        "app.kubernetes.io/name",
        "jupyter-controller",
        "notebook-name",
        "the culling of idle notebooks",
        Risk::Medium,
    ),
];
/// How labels of what Knative serves begin; an InferenceService's predictors have them.
const PREDICTOR: &str = "serving.knative.dev/";

impl<'a> Callers<'a> {
    fn find(context: &Context<'a>, flows: &Flows<'a>) -> Self {
        let platform = context.namespace();
        let outside = |within: &str, label: &str, value: &str| {
            let within = if within.is_empty() { platform } else { within };
            let mut pods = flows.pods(within).iter().copied();
            pods.find(|pod| pod.metadata.label(label) == Some(value) && !pod.has_sidecar())
        };
        let of_services = SERVICES.iter().filter_map(|(app, service)| {
            Some((outside("", "app.kubernetes.io/name", app)?, *service))
        });
        let of_labels =
            LABELS.iter().filter_map(|(within, label, value, called, what_for, risk)| {
                Some((outside(within, label, value)?, *called, *what_for, *risk))
            });
        Self { of_services: of_services.collect(), of_labels: of_labels.collect() }
    }

    /// What one of our policies would stop in its namespace.
    fn breaks(&self, flows: &Flows<'_>, wanted: &Wanted) -> Vec<Break> {
        let profile = &wanted.namespace;
        let mut breaks = Breaks::of(Remedy::MutualTls, wanted);
        let in_mesh = |pod: &Pod| pod.has_sidecar();
        for (caller, called) in &self.of_services {
            let mut services = flows.services(profile).iter();
            let service = services.find(|service| service.metadata.name == *called);
            let Some(service) = service.filter(|service| flows.behind(service, in_mesh).is_some())
            else {
                continue;
            };
            let (from, to) = (caller.reference(), service.reference());
            let text = format!("{from}, which has no sidecar, calls {to}");
            breaks.add(to, Risk::Medium, text);
        }
        for (caller, called, what_for, risk) in &self.of_labels {
            let mut pods = flows.pods(profile).iter();
            let pod = pods.find(|pod| {
                let mut labels = pod.metadata.labels.iter();
                pod.has_sidecar() && labels.any(|(key, _)| key.starts_with(called))
            });
            let Some(pod) = pod else { continue };
            let (from, to) = (caller.reference(), pod.reference());
            let text = format!("{from}, which has no sidecar, calls {to}: {what_for}");
            breaks.add(to, *risk, text);
        }
        flows.outside_callers(&mut breaks, profile, in_mesh);
        let outside = flows.pods(profile).iter().filter(|pod| !pod.has_sidecar());
        let outside: Vec<_> = outside.collect();
        if let Some(first) = outside.first() {
            let others = match outside.len() - 1 {
                0 => String::new(),
                more => format!(" and {more} more"),
            };
            let pod = first.reference();
            let text = format!("{pod}{others} without sidecar reaches no pod that has one");
            breaks.add(pod, Risk::Medium, text);
        }
        breaks.found()
    }
}
