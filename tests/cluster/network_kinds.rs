//! Network policies of kinds that a cluster may have or not, read from a real API server where their
//! definitions are.

use ckf_test_support::{audit, control};
use ckf_worlds::{World, object};
use serde_json::{Value, json};

#[test]
fn policies_of_optional_kinds_decide_once_their_definitions_are_installed() {
    let sandbox = ckf_test_support::cluster(&World::hardened("1.11"));
    let kubeconfig = sandbox.kubeconfig("admin");
    let assess = || {
        let report = audit(&["--kubeconfig".as_ref(), kubeconfig.as_ref()]);
        let found = control(&report, "NET-01");
        let findings = found["findings"].as_array().unwrap().iter();
        let by = findings.map(|f| f["object"]["kind"].as_str().unwrap().to_owned());
        (found["verdict"].as_str().unwrap().to_owned(), by.collect::<Vec<String>>())
    };
    let create = |object: &Value| {
        sandbox.kubectl_with(&["create", "-f", "-"], &object.to_string()).unwrap();
    };
    let passes = ("pass".to_owned(), Vec::new());
    assert_eq!(assess(), passes, "no definition is there");
    World::network_definitions().iter().for_each(create);
    sandbox.wait_for_definitions().unwrap();
    assert_eq!(assess(), passes, "no policy is there");

    let profiles =
        json!({"namespaces": {"matchLabels": {"app.kubernetes.io/part-of": "kubeflow-profile"}}});
    let admin = |api: &str, more: Value| {
        let mut spec = json!({"priority": 5, "subject": profiles});
        ckf_worlds::merge(&mut spec, more);
        (format!("policy.networking.k8s.io/{api}"), json!({ "spec": spec }))
    };
    let open = json!([{"fromEntities": ["cluster"]}]);
    let allow = |action: &str| json!([{"action": action, "from": [profiles]}]);
    let cilium = || json!({"spec": {"endpointSelector": {}, "ingress": open}});
    let (alpha, first) = admin("v1alpha1", json!({"ingress": allow("Allow")}));
    let (newer, tier) = admin("v1alpha2", json!({"tier": "Admin", "ingress": allow("Accept")}));
    for (api, kind, namespace, body) in [
        ("cilium.io/v2", "CiliumNetworkPolicy", "team-a", cilium()),
        ("cilium.io/v2", "CiliumClusterwideNetworkPolicy", "", cilium()),
        (alpha.as_str(), "AdminNetworkPolicy", "", first),
        (newer.as_str(), "ClusterNetworkPolicy", "", tier),
    ] {
        create(&object(api, kind, namespace, "open", body));
        assert_eq!(assess(), ("fail".to_owned(), vec![kind.to_owned()]));
        let mut delete = vec!["delete", kind, "open"];
        if !namespace.is_empty() {
            delete.extend(["-n", namespace]);
        }
        assert!(sandbox.kubectl(&delete).unwrap().status.success(), "{kind}");
    }
    // A baseline decides only where no NetworkPolicy selects a pod.
    let (api, baseline) = admin("v1alpha1", json!({"ingress": allow("Allow")}));
    create(&object(&api, "BaselineAdminNetworkPolicy", "", "default", baseline));
    assert_eq!(assess(), passes);
}
