//! Where in Juju something is, in COS's vocabulary.

use juju_charm::Unit;
use serde_json::{Map, Value, json};

/// Name of this charm.
pub const CHARM: &str = "ckf-hardening";

/// Where in Juju this unit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topology<'a> {
    /// The model.
    pub model: &'a str,
    /// Its UUID, as Juju gives it: COS takes no other form.
    pub model_uuid: &'a str,
    /// The application.
    pub application: &'a str,
    /// The unit that writes.
    pub unit: &'a str,
}

impl<'a> Topology<'a> {
    /// That of a unit.
    pub fn of(unit: &'a Unit) -> Self {
        Self {
            model: &unit.model,
            model_uuid: &unit.model_uuid,
            application: unit.application(),
            unit: &unit.name,
        }
    }

    /// As metadata of a relation.
    pub fn metadata(&self) -> Value {
        json!({
            "model": self.model, "model_uuid": self.model_uuid, "application": self.application,
            "charm_name": CHARM,
        })
    }

    /// As metadata of a dashboard. Grafana's charm puts a matcher with a variable of its own into
    /// each query for every key, and has variables for these four only.
    pub fn of_dashboard(&self) -> Value {
        json!({
            "model": self.model, "model_uuid": self.model_uuid, "application": self.application,
            "unit": self.unit,
        })
    }

    /// Labels of rules; those of a unit are never in rules.
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

    /// Groups of rules with our labels in every rule, and with names that are ours alone.
    /// Expressions stay as they are: the peers put the matchers in.
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
