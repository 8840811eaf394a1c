//! A PeerAuthentication for each profile that makes its pods accept mutual TLS only.

use serde_json::json;

use super::about::{About, Risk};
use super::breaks::{Break, Breaks, Flows};
use super::desired::{Decision, DesiredState};
use super::managed::{DesiredObject, MANAGED_BY, PEER_AUTHENTICATION};
use super::profiles::{foreign_namespaces, ignored_profiles, namespace};
use super::remedy::Remedy;
use super::verdicts::waived;
use crate::facts::core::Pod;
use crate::facts::istio::PeerAuthentication;
use crate::facts::object::Object as _;
use crate::views::context::{Context, MissingFact, by_namespace};
use crate::views::mesh::is_for_all;

pub(super) const ABOUT: About = About {
    does: "makes the pods of each profile accept mutual TLS only",
    controls: &["NET-03"],
    risk: Risk::Medium,
    reach: "pods outside the mesh, including those of the platform's namespace, can no longer \
            reach profile pods that have a sidecar; try it on one profile first",
    breaks: "in a sidecar mesh the platform's own pods have no sidecar: Knative's activator and \
             autoscaler cannot reach predictors, so models that scaled to zero are not served; the \
             pipelines UI shows no artifacts; notebooks are not culled; scrapers outside the mesh \
             get no metrics of profile pods. A profile in which one of these flows is seen is \
             skipped until allow-disruption names the remedy",
    works_on: "1.10 and 1.11 with sidecars; in the ambient mesh, pods that ztunnel captures",
    source: "istio.io, PeerAuthentication; bundle-kubeflow: neither kubeflow nor knative-serving \
             is labelled for injection; tests/cluster/remedies.rs, tests/attacks/tenant_profiles.rs",
    only_by_name: false,
    needs_juju: false,
};

pub(super) const NAME: &str = "ckf-hardening-mutual-tls";

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let policies = by_namespace(context.peer_authentications()?);
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
    let callers = Callers::find(context, &flows);
    for &profile in profiles {
        let here = policies.get(profile).map(Vec::as_slice).unwrap_or_default();
        let desired = DesiredObject {
            kind: PEER_AUTHENTICATION,
            namespace: profile.to_owned(),
            name: NAME.into(),
            content: json!({"mtls": {"mode": "STRICT"}}),
        };
        let subjects = here.iter().map(|policy| policy.reference());
        let mut subjects = std::iter::once(namespace(profile)).chain(subjects);
        if let Some(why) = subjects.find_map(|subject| waived(context, "NET-03", &subject)) {
            state.notes.push(why);
            continue;
        }
        match competing(here) {
            Some((other, why)) => {
                let (object, mode) = (other.reference(), mode(other));
                state
                    .notes
                    .push(format!("{object} with mode {mode} is not managed by the charm: {why}"));
                state.kept.push(desired);
            }
            None => {
                state.breaks.extend(callers.breaks(&flows, &desired));
                state.objects.push(desired);
            }
        }
    }
    Ok(Decision::Apply(state))
}

fn mode(policy: &PeerAuthentication) -> &str {
    match &*policy.spec.mtls.mode {
        "" => "UNSET",
        mode => mode,
    }
}

fn is_managed(policy: &PeerAuthentication) -> bool {
    policy.metadata.label(MANAGED_BY.0) == Some(MANAGED_BY.1)
}

/// The foreign policy for all pods of a namespace that competes with the managed one, and the
/// outcome: of several, Istio uses the oldest.
fn competing<'a>(
    here: &[&'a PeerAuthentication],
) -> Option<(&'a PeerAuthentication, &'static str)> {
    let for_all = || here.iter().filter(|policy| is_for_all(policy));
    let managed = for_all().find(|policy| is_managed(policy) && policy.metadata.name == NAME);
    let others = for_all().filter(|policy| !is_managed(policy));
    let oldest = others.min_by_key(|policy| policy.created)?;
    let why = match managed {
        None => "it is older, so it takes precedence, and a new one would have no effect",
        Some(managed) if managed.created.is_some() && managed.created < oldest.created => {
            "it is newer than the managed one, and has no effect beside it"
        }
        Some(_) => {
            "it is older than the managed one, so it takes precedence; delete it or set it to STRICT"
        }
    };
    Some((oldest, why))
}

/// Platform pods without sidecar that call profile pods, by what they call.
struct Callers<'a> {
    /// Callers of a Service of each profile, with the Service's name.
    of_services: Vec<(&'a Pod, &'static str)>,
    /// Callers of labelled pods, with the label's prefix, the purpose of the flow and its risk.
    of_labels: Vec<(&'a Pod, &'static str, &'static str, Risk)>,
}

/// Platform applications that call a Service of each profile, with the Service's name.
const SERVICES: [(&str, &str); 2] =
    [("kfp-ui", "ml-pipeline-ui-artifact"), ("kfp-api", "ml-pipeline-visualizationserver")];
/// Callers of labelled profile pods: namespace of the caller (empty for the platform's), its label
/// and value, prefix of the callee's label, purpose of the flow and its risk.
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
/// Label prefix of Knative services, which predictors of an InferenceService carry.
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

    /// Flows that a managed policy would break in its namespace.
    fn breaks(&self, flows: &Flows<'_>, desired: &DesiredObject) -> Vec<Break> {
        let profile = &desired.namespace;
        let mut breaks = Breaks::of(Remedy::MutualTls, desired);
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
            let text =
                format!("{pod}{others} without sidecar can no longer reach pods that have one");
            breaks.add(pod, Risk::Medium, text);
        }
        breaks.finish()
    }
}
