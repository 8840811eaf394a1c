//! The yardstick of the audit's speed, beside a real API server: it reads everything.

use ckf_worlds::World;
use kube_sandbox::{Encoding, fetch};
use serde_json::json;

#[test]
fn every_page_of_built_in_kinds_and_custom_resources_is_fetched() {
    let sandbox = ckf_test_support::cluster(&World::stock("1.10"));
    let mut objects = Vec::new();
    for number in 0..501 {
        let metadata = json!({"name": format!("many-{number}"), "namespace": "kubeflow"});
        objects.push(json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata}));
        objects.push(json!({"apiVersion": "networking.istio.io/v1alpha3", "kind": "EnvoyFilter",
            "metadata": metadata, "spec": {}}));
    }
    sandbox.loader().unwrap().load(&objects).unwrap();
    for path in [
        "/api/v1/serviceaccounts",
        "/apis/networking.istio.io/v1alpha3/envoyfilters",
        "/apis/apiextensions.k8s.io/v1/customresourcedefinitions",
    ] {
        let all = |encoding| {
            fetch(&sandbox.kubeconfig("admin"), &[path.to_owned()], encoding, 1).unwrap()
        };
        let (json, cheapest) = (all(Encoding::Json), all(Encoding::Cheapest));
        let pages = if path.ends_with("definitions") { 1 } else { 2 };
        assert_eq!((json.requests, cheapest.requests), (pages, pages), "{path}");
        if path.starts_with("/api/") {
            assert!(cheapest.bytes < json.bytes, "{path}: {cheapest:?} and {json:?}");
        }
    }
    // One that is not served counts as a request.
    let absent = ["/apis/example.com/v1/rockets".to_owned()];
    let none = fetch(&sandbox.kubeconfig("admin"), &absent, Encoding::Json, 1).unwrap();
    assert_eq!((none.requests, none.bytes), (1, 0));
}
