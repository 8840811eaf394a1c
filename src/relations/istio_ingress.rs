//! istio-pilot's `ingress`, version 2, by serialized-data-interface: a YAML document in one key,
//! and the supported versions in another. Without the versions istio-pilot stops all its routes;
//! a wrong type puts it into error.

use juju_charm::relation::Databag;
use serde_json::json;

/// Application databag: a route to a Service, after which the VirtualService is named too.
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

/// Whether the peer speaks this interface, by its application databag.
pub fn speaks(remote: &Databag) -> bool {
    remote.contains_key("_supported_versions")
}
