//! A PeerAuthentication for each profile by which its pods accept mutual TLS only.

use serde_json::json;

use super::own::{MANAGED_BY, PEER_AUTHENTICATION, Wanted};
use super::{About, Decision, Risk, Wants};
use crate::controls::context::{Context, Missing, by_namespace};
use crate::controls::network::is_for_all;
use crate::facts::core::Pod;
use crate::facts::object::Object as _;

pub(super) const ABOUT: About = About {
    name: "mutual-tls",
    does: "has pods of each profile accept mutual TLS only",
    controls: &["NET-03"],
    risk: Risk::Medium,
    reach: "pods outside the mesh, those of the platform's own namespace among them, reach no \
            pod of a profile that has a sidecar: artifacts in the pipelines' pages and the \
            culling of notebooks come from there; try it on one profile first",
    only_by_name: false,
    needs_juju: false,
};

pub(super) const NAME: &str = "ckf-hardening-mutual-tls";

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, Missing> {
    let policies = by_namespace(context.peer_authentications()?);
    let profiles = context.profile_namespaces()?;
    if profiles.is_empty() {
        return Ok(Decision::Unwanted("there is no Profile".into()));
    }
    let mut wants = Wants::default();
    for profile in profiles {
        let here = policies.get(profile).into_iter().flatten();
        // Of two for a whole namespace the older holds, and it is somebody else's.
        let other = here
            .filter(|policy| is_for_all(policy))
            .find(|policy| policy.metadata.label(MANAGED_BY.0) != Some(MANAGED_BY.1));
        match other {
            Some(other) => {
                let (object, mode) = (other.reference(), &other.spec.mtls.mode);
                let why = format!("{object} is there already, with mode {mode}, and is not ours");
                wants.notes.push(why);
            }
            None => wants.objects.push(Wanted {
                kind: PEER_AUTHENTICATION,
                namespace: (*profile).to_owned(),
                name: NAME.into(),
                content: json!({"mtls": {"mode": "STRICT"}}),
            }),
        }
    }
    wants.cuts = clients_without(context)?;
    Ok(Decision::Wanted(wants))
}

/// Applications of the platform that call Services of profiles.
const CALLERS: [(&str, &str); 2] = [
    ("kfp-ui", "ml-pipeline-ui-artifact"),
    ("kfp-api", "ml-pipeline-visualizationserver"),
];

/// Pods without a sidecar that call pods with one today, by what is known of them.
fn clients_without(context: &Context<'_>) -> Result<Vec<String>, Missing> {
    let profiles = context.profile_namespaces()?;
    let running =
        || -> Result<_, Missing> { Ok(context.pods()?.iter().filter(|pod| !pod.is_finished())) };
    let mut cuts = Vec::new();
    for (caller, called) in CALLERS {
        let mut of_caller = running()?.filter(|pod| {
            pod.metadata.namespace == context.namespace()
                && pod.metadata.label("app.kubernetes.io/name") == Some(caller)
        });
        let Some(pod) = of_caller.find(|pod| !pod.has_sidecar()) else {
            continue;
        };
        for service in context.services()?.iter().filter(|service| {
            service.metadata.name == called && profiles.contains(&*service.metadata.namespace)
        }) {
            let leads_to =
                |pod: &Pod| service.selects(&pod.metadata.namespace, &pod.metadata.labels);
            if running()?.any(|pod| leads_to(pod) && pod.has_sidecar()) {
                let (from, to) = (pod.reference(), service.reference());
                cuts.push(format!("{from}, which has no sidecar, calls {to}"));
            }
        }
    }
    let outside =
        running()?.filter(|pod| profiles.contains(&*pod.metadata.namespace) && !pod.has_sidecar());
    cuts.extend(outside.map(|pod| format!("{} has no sidecar", pod.reference())));
    Ok(cuts)
}
