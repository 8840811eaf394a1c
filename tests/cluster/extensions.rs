//! Who the API server calls, read from a real one: webhooks of definitions, and Services that answer
//! for API groups. Definitions are read whole, in pages, and schemas are dropped.

use ckf_test_support::{audit, control};
use ckf_worlds::{World, object};
use kube_sandbox::{Encoding, Sandbox, fetch};
use serde_json::{Value, json};

/// Definitions in a page.
const PAGE: usize = 25;
const DEFINITIONS: &str = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions";

fn objects() -> Vec<Value> {
    let version = json!({"name": "v1", "served": true, "storage": true,
        "schema": {"openAPIV3Schema": {"type": "object"}}});
    let definition = json!({"spec": {"group": "example.com", "scope": "Namespaced",
        "names": {"kind": "Rocket", "listKind": "RocketList", "plural": "rockets", "singular": "rocket"},
        "versions": [version],
        "conversion": {"strategy": "Webhook", "webhook": {"conversionReviewVersions": ["v1"],
            "clientConfig": {"url": "https://webhooks.example.com/convert"}}}}});
    let group = json!({"spec": {"group": "ledger.example.com", "version": "v1",
        "groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": true,
        "service": {"namespace": "admin", "name": "nb1"}}});
    vec![
        object(
            "apiextensions.k8s.io/v1",
            "CustomResourceDefinition",
            "",
            "rockets.example.com",
            definition,
        ),
        object("apiregistration.k8s.io/v1", "APIService", "", "v1.ledger.example.com", group),
    ]
}

#[test]
fn servers_that_a_real_api_server_calls_are_read_in_pages() {
    let sandbox = Sandbox::start_logging_requests(300).expect("the API server starts");
    sandbox.install_istio_definitions().expect("Istio's definitions install");
    let loader = sandbox.loader().expect("admin can log in");
    loader.load(&World::definitions()).expect("the definitions load");
    sandbox.wait_for_definitions().expect("the definitions establish");
    loader.load(&World::stock("1.10").objects).expect("the world loads");
    for object in objects() {
        sandbox.kubectl_with(&["create", "-f", "-"], &object.to_string()).unwrap();
    }
    sandbox.write_kubeconfig("auditor", "system:masters").unwrap();
    let report = audit(&["--kubeconfig".as_ref(), sandbox.kubeconfig("auditor").as_ref()]);
    let findings = control(&report, "K8S-20")["findings"].as_array().unwrap();
    let mut named: Vec<_> =
        findings.iter().map(|f| f["object"]["name"].as_str().unwrap()).collect();
    named.sort_unstable();
    assert_eq!(named, ["rockets.example.com", "v1.ledger.example.com"]);
    assert_eq!(control(&report, "CRYP-01")["verdict"], "pass", "{report}");

    let requests = sandbox.requests_of("auditor").unwrap();
    let lists = requests.iter().filter(|r| r.resource == "customresourcedefinitions").count();
    let admin = sandbox.kubeconfig("admin");
    let whole = fetch(&admin, &[DEFINITIONS.to_owned()], Encoding::Json, 1).unwrap();
    let printed = sandbox.kubectl(&["get", "crd", "-o", "name"]).unwrap();
    let number = String::from_utf8_lossy(&printed.stdout).lines().count();
    eprintln!(
        "{} requests, {lists} for {number} definitions of {} bytes",
        requests.len(),
        whole.bytes
    );
    assert_eq!(lists, number.div_ceil(PAGE));
}
