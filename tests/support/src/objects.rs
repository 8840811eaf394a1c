//! Every object of a cluster, to compare it with itself at another time.

use std::collections::BTreeMap;

use kube_sandbox::Sandbox;
use serde_json::{Value, json};

/// Kinds that the platform and this program write.
const KINDS: &str = "namespaces,secrets,configmaps,services,serviceaccounts,pods,deployments,\
    statefulsets,daemonsets,roles,rolebindings,clusterroles,clusterrolebindings,networkpolicies,\
    envoyfilters,gateways.networking.istio.io,virtualservices,authorizationpolicies,\
    peerauthentications,profiles";

/// Every object of the cluster, without what the API server counts.
pub fn everything(sandbox: &Sandbox) -> BTreeMap<String, Value> {
    let listed = sandbox.kubectl(&["get", KINDS, "-A", "-o", "json"]).unwrap();
    let mut listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let items = listed["items"].as_array_mut().unwrap();
    items
        .drain(..)
        .map(|mut item| {
            let meta = item["metadata"].as_object_mut().unwrap();
            for counted in
                ["uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"]
            {
                meta.remove(counted);
            }
            if let Some(annotations) = meta.get_mut("annotations") {
                let annotations = annotations.as_object_mut().unwrap();
                annotations.remove("kubernetes.io/service-account.uid");
                // Of istiod, which renews its leadership.
                annotations.remove("control-plane.alpha.kubernetes.io/leader");
            }
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            let name = format!(
                "{} {}/{}",
                text(&item["kind"]),
                text(&item["metadata"]["namespace"]),
                text(&item["metadata"]["name"])
            );
            if item["type"] == "kubernetes.io/service-account-token" {
                // Kubernetes makes another token.
                item.as_object_mut().unwrap().remove("data");
            }
            if item["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "ckf-hardening" {
                without_what_is_made_once(&mut item);
            }
            (name, item)
        })
        .collect()
}

/// Leaves out the key of records, and what of a record another one of the same edit has not:
/// its code and the uids of what was edited.
fn without_what_is_made_once(item: &mut Value) {
    if item["kind"] == "Secret" {
        item["data"]["record-key"] = "a key".into();
    }
    if let Some(text) = item["data"]["edit"].as_str() {
        let mut entry: Value = serde_json::from_str(text).unwrap();
        assert!(item["data"]["mac"].is_string(), "{item}");
        for uid in ["uid", "namespace-uid"] {
            entry.as_object_mut().unwrap().remove(uid);
        }
        item["data"] = json!({"edit": entry});
    }
}

/// Names of the objects that are not the same in both.
pub fn differences(
    before: &BTreeMap<String, Value>,
    after: &BTreeMap<String, Value>,
) -> Vec<String> {
    let names = before.keys().chain(after.keys());
    let mut differ: Vec<String> =
        names.filter(|name| before.get(*name) != after.get(*name)).cloned().collect();
    differ.sort();
    differ.dedup();
    differ
}
