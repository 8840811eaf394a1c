//! `loki_push_api`, requirer side: sends alert rules, and receives the push endpoints.

use std::collections::BTreeMap;

use juju_charm::relation::Databag;
use serde::Deserialize;
use serde_json::{Value, json};

use super::topology::{CHARM, Topology};

/// Application databag: alert rules and topology.
pub fn application(topology: &Topology<'_>, rules: &Value) -> Databag {
    Databag::from([
        ("alert_rules".into(), rules.to_string()),
        ("metadata".into(), topology.metadata().to_string()),
    ])
}

/// Push URL of a Loki unit; `None` until the unit has written it.
pub fn endpoint(unit: &Databag) -> Option<String> {
    #[derive(Deserialize)]
    struct Endpoint {
        url: String,
    }
    let endpoint: Endpoint = serde_json::from_str(unit.get("endpoint")?).ok()?;
    Some(endpoint.url).filter(|url| !url.is_empty())
}

/// Log targets of a Pebble layer, by name: the current ones, and those of `before` that are
/// disabled, as Pebble cannot remove a target. Units with the same URL share one target.
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
        let disabled = json!({
            "override": "replace", "type": "loki", "location": "(removed)", "services": ["-all"],
        });
        targets.insert(name.clone(), disabled);
    }
    Value::Object(targets)
}
