//! istio-pilot's own `ingress`, version 2, by serialized-data-interface: a document of YAML in
//! one key, and the versions that we speak in another. Without those istio-pilot stops all its
//! routes; a wrong type puts it into an error.

use juju_charm::relation::Databag;
use serde_json::json;

/// What the application writes: a route to a Service of this name, which names the
/// VirtualService too.
pub fn application(service: &str, namespace: &str, port: u16, prefix: &str) -> Databag {
    let route = json!({
        "service": service, "namespace": namespace, "port": port, "prefix": prefix, "rewrite": "/",
    });
    Databag::from([
        ("_supported_versions".into(), "- v2\n".into()),
        // JSON is YAML.
        ("data".into(), route.to_string()),
    ])
}
