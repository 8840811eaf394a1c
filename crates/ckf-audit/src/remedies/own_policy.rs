//! A NetworkPolicy for this charm's own pods: the agent reports the platform's weaknesses, so only
//! the platform's namespace and Juju models, where its scraper may run, can reach it.

use std::collections::BTreeMap;

use serde_json::json;

use super::managed::{DesiredObject, NETWORK_POLICY};
use super::network_policy::is_managed;
use crate::facts::core::Pod;
use crate::views::{Context, MissingFact};

/// Workload container of the charm, and the label in which Juju puts the application's name.
const CONTAINER: &str = "hardening";
const APPLICATION: &str = "app.kubernetes.io/name";

/// Policies of the charm's applications in this namespace, except where a foreign policy already
/// selects their pods.
pub(super) fn desired(context: &Context<'_>) -> Result<Vec<DesiredObject>, MissingFact> {
    let namespace = context.namespace();
    let is_ambient = context.namespaces()?.iter().any(|known| {
        known.metadata.name == namespace
            && known.metadata.label("istio.io/dataplane-mode") == Some("ambient")
    });
    if is_ambient {
        // In ambient mode the kubelet's probes come from an address that a policy may block.
        return Ok(Vec::new());
    }
    let mut applications: BTreeMap<&str, &Pod> = BTreeMap::new();
    let pods = context.pods()?.iter();
    for pod in pods.filter(|pod| pod.metadata.namespace == namespace && !pod.is_finished()) {
        let mut containers = pod.spec.containers.iter();
        if containers.any(|container| container.name == CONTAINER)
            && let Some(name) = pod.metadata.label(APPLICATION)
        {
            applications.insert(name, pod);
        }
    }
    let policies = context.network_policies()?;
    let is_guarded = |pod: &Pod| {
        policies.iter().any(|policy| {
            policy.metadata.namespace == namespace
                && policy.is_for_ingress()
                && !is_managed(policy)
                && policy.selects(&pod.metadata.labels)
        })
    };
    let unguarded = applications.into_iter().filter(|(_, pod)| !is_guarded(pod));
    let policy = |(name, _): (&str, &Pod)| DesiredObject {
        kind: NETWORK_POLICY,
        namespace: namespace.to_owned(),
        name: format!("ckf-hardening-{name}"),
        content: json!({
            "podSelector": {"matchLabels": {APPLICATION: name}},
            "policyTypes": ["Ingress"],
            "ingress": [{"from": [
                {"podSelector": {}},
                {"namespaceSelector": {"matchExpressions": [
                    {"key": "model.juju.is/name", "operator": "Exists"},
                ]}},
            ]}],
        }),
    };
    Ok(unguarded.map(policy).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::facts::Facts;
    use crate::facts::known::{Known, Listed};
    use crate::policy::Policy;

    fn facts(namespace_labels: Value, policies: Value) -> Facts {
        fn listed<T: serde::de::DeserializeOwned>(items: Value) -> Known<Listed<T>> {
            Known::Known(Listed {
                items: serde_json::from_value(items).unwrap(),
                ..Listed::default()
            })
        }
        let pod = |namespace: &str, application: &str, container: &str| {
            json!({"metadata": {"namespace": namespace, "name": format!("{application}-0"),
                "labels": {APPLICATION: application}},
                "spec": {"containers": [{"name": "charm"}, {"name": container}]}})
        };
        Facts {
            pods: listed(json!([
                pod("kubeflow", "guard", "hardening"),
                pod("kubeflow", "minio", "minio"),
                pod("admin", "mine", "hardening"),
            ])),
            namespaces: listed(
                json!([{"metadata": {"name": "kubeflow", "labels": namespace_labels}}]),
            ),
            network_policies: listed(policies),
            ..Facts::default()
        }
    }

    fn names(facts: &Facts) -> Vec<String> {
        let policy = Policy::default();
        let context = Context::new(facts, &policy, None);
        let desired = desired(&context).unwrap_or_default();
        desired.into_iter().map(|policy| policy.name).collect()
    }

    #[test]
    fn charm_pods_under_any_application_name_get_a_policy() {
        assert_eq!(names(&facts(json!({}), json!([]))), ["ckf-hardening-guard"]);
        let ambient = json!({"istio.io/dataplane-mode": "ambient"});
        assert_eq!(names(&facts(ambient, json!([]))), [""; 0]);
        let other = json!([{"metadata": {"namespace": "kubeflow", "name": "theirs"},
            "spec": {"podSelector": {"matchLabels": {APPLICATION: "guard"}},
                "policyTypes": ["Ingress"], "ingress": []}}]);
        assert_eq!(names(&facts(json!({}), other)), [""; 0]);
    }
}
