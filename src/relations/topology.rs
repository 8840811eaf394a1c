//! Juju topology, as COS defines it.

use juju_charm::Unit;
use serde_json::{Map, Value, json};

/// Name of this charm.
pub use ckf_model::CHARM;

/// Juju topology of this unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology<'a> {
    /// Name of the model.
    pub model: &'a str,
    /// UUID of the model, verbatim: COS accepts no other format.
    pub model_uuid: &'a str,
    /// Name of the application.
    pub application: &'a str,
    /// Name of the unit.
    pub unit: &'a str,
}

impl<'a> Topology<'a> {
    /// Topology of a unit.
    pub fn of(unit: &'a Unit) -> Self {
        Self {
            model: &unit.model,
            model_uuid: &unit.model_uuid,
            application: unit.application(),
            unit: &unit.name,
        }
    }

    /// Metadata in relation databags.
    pub fn metadata(&self) -> Value {
        json!({
            "model": self.model, "model_uuid": self.model_uuid, "application": self.application,
            "charm_name": CHARM,
        })
    }

    /// Metadata of a dashboard. Grafana's charm adds a matcher with a template variable to each
    /// query for every key, and defines variables for these four only.
    pub fn of_dashboard(&self) -> Value {
        json!({
            "model": self.model, "model_uuid": self.model_uuid, "application": self.application,
            "unit": self.unit,
        })
    }

    /// Labels of alert rules, which never include the unit.
    pub fn labels(&self) -> [(&'static str, &str); 4] {
        [
            ("juju_model", self.model),
            ("juju_model_uuid", self.model_uuid),
            ("juju_application", self.application),
            ("juju_charm", CHARM),
        ]
    }

    /// `MODEL_UUID8_APPLICATION`.
    pub fn identifier(&self) -> String {
        let short: String = self.model_uuid.chars().take(8).collect();
        format!("{}_{short}_{}", self.model, self.application)
    }

    /// Rule groups with unique names, and with the topology labels in every rule. Expressions
    /// are unchanged: the peers inject the label matchers.
    pub fn rules(&self, groups: &[(&str, Value)]) -> Value {
        let groups = groups.iter().map(|(name, rules)| {
            let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
            let name = format!("{}_{name}_rules", self.identifier());
            let name: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
            let rules = rules.as_array().into_iter().flatten().map(|rule| self.labelled(rule));
            json!({"name": name, "rules": rules.collect::<Vec<_>>()})
        });
        json!({"groups": groups.collect::<Vec<_>>()})
    }

    fn labelled(&self, rule: &Value) -> Value {
        let mut rule = rule.clone();
        let mut labels = rule["labels"].as_object().cloned().unwrap_or_else(Map::new);
        for (name, value) in self.labels() {
            labels.insert(name.into(), value.into());
        }
        rule["labels"] = labels.into();
        rule
    }
}
