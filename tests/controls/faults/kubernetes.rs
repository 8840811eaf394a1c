//! Faults of Kubernetes.

use ckf_worlds::object;
use serde_json::json;

use super::{Fault, RBAC, add, bind, fault, group, set, user};
use crate::case::Case;

/// A ConfigMap with what kube-bench printed on a day.
pub fn kube_bench(case: &mut Case, status: &str, taken: &str) {
    let printed = json!({"Controls": [{"id": "1", "version": "cis-1.11", "node_type": "master",
        "tests": [{"section": "1.2", "results": [{"test_number": "1.2.1",
            "test_desc": "Ensure anonymous-auth is false", "status": status}]}]}], "Totals": {}});
    let data = json!({"results.json": printed.to_string(), "taken": taken});
    let map = object("v1", "ConfigMap", "kubeflow", "kube-bench", json!({"data": data}));
    case.world.objects.push(map);
}

/// Lets a requirement of trivy-operator's report fail.
fn failing(case: &mut Case, id: &str) {
    let report = case.world.get("ClusterComplianceReport", "k8s-cis-1.23");
    let results = report["status"]["summaryReport"]["controlCheck"].as_array_mut().unwrap();
    let result = results.iter_mut().find(|result| result["id"] == id).unwrap();
    result["totalFail"] = 1.into();
}

/// Each on its own makes its control fail.
pub const FAULTS: &[Fault] = &[
    fault("K8S-01", "a requirement of the benchmark that fails", |c| {
        let results = json!([{"id": "1.2.1", "name": "anonymous-auth", "totalFail": 1}]);
        c.world.get("ClusterComplianceReport", "k8s-cis-1.23")["status"]["summaryReport"]["controlCheck"] =
            results;
    }),
    fault("K8S-01", "a requirement that fails by the ConfigMap of kube-bench", |c| {
        kube_bench(c, "FAIL", "2026-10-20")
    }),
    fault("K8S-04", "all nodes with Kubernetes' own role for them", |c| {
        let rules =
            json!([{"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "list"]}]);
        add(c, object(RBAC, "ClusterRole", "", "system:node", json!({"rules": rules})));
        let role = ("ClusterRole", "system:node");
        bind(c, "ClusterRoleBinding", "", "system:node", role, group("system:nodes"))
    }),
    fault("K8S-04", "a node with the Secrets of a namespace", |c| {
        let rules = json!([{"apiGroups": [""], "resources": ["*"], "verbs": ["watch"]}]);
        add(c, object(RBAC, "Role", "kubeflow", "of-nodes", json!({"rules": rules})));
        let role = ("Role", "of-nodes");
        bind(c, "RoleBinding", "kubeflow", "of-nodes", role, user("system:node:a"))
    }),
    fault("K8S-05", "NodeRestriction that is off, by trivy-operator", |c| failing(c, "1.2.14"))
        .also(&["K8S-01"]),
    fault("K8S-06", "kubelets that answer without a login", |c| failing(c, "4.2.1"))
        .also(&["K8S-01"]),
    fault("K8S-06", "kubelets that permit all", |c| failing(c, "4.2.2")).also(&["K8S-01"]),
    fault("K8S-06", "kubelets with a port that asks nothing", |c| failing(c, "4.2.4"))
        .also(&["K8S-01"]),
    fault("K8S-20", "a server outside of the cluster", |c| {
        c.world.get("MutatingWebhookConfiguration", "admission-webhook")["webhooks"][0]["clientConfig"] =
            json!({"url": "https://webhooks.example.com/mutate"});
    }),
    fault("K8S-20", "a server in a profile", |c| {
        let at = "/webhooks/0/clientConfig/service";
        set(
            c,
            "MutatingWebhookConfiguration",
            "admission-webhook",
            at,
            json!({"namespace": "team-a", "name": "nb1"}),
        )
    }),
    fault("K8S-20", "a server that is not there", |c| {
        let at = "/webhooks/0/clientConfig/service/name";
        set(c, "ValidatingWebhookConfiguration", "katib.kubeflow.org", at, "gone".into())
    }),
    fault("K8S-02", "too new", |c| c.version = "v1.99.0".into()).also(&["UPG-05"]),
    fault("K8S-03", "anonymous", |c| {
        bind(c, "ClusterRoleBinding", "", "open", ("ClusterRole", "view"), user("system:anonymous"))
    }),
    fault("K8S-03", "every client that has not logged in", |c| {
        bind(
            c,
            "ClusterRoleBinding",
            "",
            "open",
            ("ClusterRole", "cluster-admin"),
            group("system:unauthenticated"),
        )
    }),
];
