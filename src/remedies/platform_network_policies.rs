//! A NetworkPolicy for each web app that believes the header `kubeflow-userid`: it is
//! reached by the platform's own pods, the gateway among them, and by nobody else.

use serde_json::json;

use super::network_policy::{cuts, is_ours, wanted};
use super::{About, Decision, Risk, Wants};
use crate::controls::context::{Context, Missing};
use crate::controls::network::WEB_APPS;
use crate::facts::object::Object as _;

pub(super) const ABOUT: About = About {
    name: "platform-network-policies",
    does: "has the web apps that believe a header reached by the platform only",
    controls: &["NET-02"],
    risk: Risk::Low,
    reach: "pods of profiles and of other namespaces reach the web apps through the gateway only, \
            where they log in; pipelines, MinIO and metadata, which profiles use, stay as they are, so \
            kfp-api still believes the header of any pod of a profile",
    only_by_name: false,
    needs_juju: false,
};

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, Missing> {
    let namespace = context.namespace();
    let policies: Vec<_> = context
        .network_policies()?
        .iter()
        .filter(|policy| policy.metadata.namespace == namespace && policy.is_for_ingress())
        .filter(|policy| !is_ours(policy))
        .collect();
    let mut wants = Wants::default();
    let mut guarded = Vec::new();
    for (app, _) in WEB_APPS {
        let pods = context.pods()?.iter().filter(|pod| {
            pod.metadata.namespace == namespace
                && pod.metadata.label("app.kubernetes.io/name") == Some(app)
                && !pod.is_finished()
        });
        let pods: Vec<_> = pods.collect();
        if pods.is_empty() {
            continue;
        }
        let selects = |pod: &&&crate::facts::core::Pod| {
            let mut policies = policies.iter();
            policies.any(|policy| policy.selects(&pod.metadata.labels))
        };
        if let Some(pod) = pods.iter().find(selects) {
            let object = pod.reference();
            let why = format!("{object} has a policy already, and ours would only add to it");
            wants.notes.push(why);
            continue;
        }
        guarded.extend(pods);
        let name = format!("ckf-hardening-{app}");
        let selected = json!({"matchLabels": {"app.kubernetes.io/name": app}});
        wants.objects.push(wanted(namespace, name, selected, &[]));
    }
    if wants.objects.is_empty() && wants.notes.is_empty() {
        return Ok(Decision::Unwanted("no pod of a web app is there".into()));
    }
    wants.cuts = cuts(context, &guarded)?;
    Ok(Decision::Wanted(wants))
}
