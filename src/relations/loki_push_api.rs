//! `loki_push_api`, as the one that sends logs: rules go up, and where to send comes down.

use std::collections::BTreeMap;

use juju_charm::relation::Databag;
use serde::Deserialize;
use serde_json::{Value, json};

use super::topology::{CHARM, Topology};

/// What the application writes.
pub fn application(topology: &Topology<'_>, rules: &Value) -> Databag {
    Databag::from([
        ("alert_rules".into(), rules.to_string()),
        ("metadata".into(), topology.metadata().to_string()),
    ])
}

/// Where a unit of Loki takes logs; `None` until it tells.
pub fn endpoint(unit: &Databag) -> Option<String> {
    #[derive(Deserialize)]
    struct Endpoint {
        url: String,
    }
    let endpoint: Endpoint = serde_json::from_str(unit.get("endpoint")?).ok()?;
    Some(endpoint.url).filter(|url| !url.is_empty())
}

/// Targets of a layer of Pebble, by name: those to which logs go, and those of `before` to
/// which they go no longer, since a target cannot be taken away. Several units may tell one
/// address, and one target is enough.
pub fn targets(
    topology: &Topology<'_>,
    unit: &str,
    endpoints: &BTreeMap<String, String>,
    before: &[String],
) -> Value {
    let mut targets = serde_json::Map::new();
    let mut known = Vec::new();
    for (name, url) in endpoints {
        if known.contains(&url) {
            continue;
        }
        known.push(url);
        let labels = json!({
            "product": "Juju", "charm": CHARM, "juju_model": topology.model,
            "juju_model_uuid": topology.model_uuid, "juju_application": topology.application,
            "juju_unit": unit, "job": format!("juju_{}", topology.identifier()),
        });
        let target = json!({
            "override": "replace", "type": "loki", "location": url, "services": ["all"],
            "labels": labels,
        });
        targets.insert(name.clone(), target);
    }
    for name in before.iter().filter(|name| !targets.contains_key(*name)).collect::<Vec<_>>() {
        let gone = json!({
            "override": "replace", "type": "loki", "location": "(removed)", "services": ["-all"],
        });
        targets.insert(name.clone(), gone);
    }
    Value::Object(targets)
}
