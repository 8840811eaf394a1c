//! `service_mesh` of istio-beacon-k8s: which applications of the model connect to this one, for the
//! policies that the peer writes, in the format of charmlibs.

use juju_charm::relation::Databag;
use serde_json::{Value, json};

/// Application databag: these applications of the model connect to a port of the units.
pub fn application(
    name: &str,
    model: &str,
    port: u16,
    sources: impl IntoIterator<Item = impl AsRef<str>>,
) -> Databag {
    let mut sources: Vec<_> = sources.into_iter().collect();
    sources.sort_by(|one, other| one.as_ref().cmp(other.as_ref()));
    let policies: Value = sources
        .into_iter()
        .map(|source| {
            json!({
                "source_namespace": model,
                "source_app_name": source.as_ref(),
                "target_namespace": model,
                "target_app_name": name,
                "target_selector_labels": null,
                "target_service": null,
                "target_type": "unit",
                "endpoints": [{"hosts": null, "ports": [port], "methods": null, "paths": null}],
            })
        })
        .collect();
    Databag::from([("policies".into(), policies.to_string())])
}
