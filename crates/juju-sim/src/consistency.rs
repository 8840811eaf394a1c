//! What cannot be: a model, or an event, that Juju would never have. A test of such a thing
//! proves nothing, so it is not run.

use std::collections::{BTreeMap, BTreeSet};

use crate::charm::{Charm, Role};
use crate::event::Event;
use crate::model::{Juju, Model, Relation};
use crate::pebble::Pebble;
use crate::secret::{Secret, is_secret_id};

/// Looks at a model and what is about to happen in it; what cannot be, in words.
pub(crate) fn check(
    model: &Model,
    charm: &Charm,
    event: &Event,
    pebbles: &BTreeMap<String, Pebble>,
) -> Result<(), String> {
    check_relations(model, charm)?;
    for (name, value) in &model.options {
        charm.check_option(name, value).map_err(|error| format!("juju config: {error}"))?;
    }
    let odd = model.secrets.iter().find(|secret| !is_secret_id(&secret.id));
    if let Some(secret) = odd {
        return Err(format!("{:?} is no id of a secret", secret.id));
    }
    for storage in &model.storage {
        let name = storage.id.split('/').next().unwrap_or_default();
        if !charm.storage.iter().any(|known| known == name) {
            return Err(format!("metadata.yaml has no storage {name}"));
        }
    }
    let missing = |name: &&String| !charm.resources.contains(*name);
    if let Some(name) = model.resources.keys().find(missing) {
        return Err(format!("metadata.yaml has no resource {name}"));
    }
    match event {
        Event::Hook { name, environment } => {
            Hook { name, environment, model, charm }.check(pebbles)
        }
        // What is wrong with an action Juju tells who runs it.
        Event::Action { .. } => Ok(()),
    }
}

fn check_relations(model: &Model, charm: &Charm) -> Result<(), String> {
    let mut ids = BTreeSet::new();
    for relation in &model.relations {
        let name = relation.name();
        if !ids.insert(relation.id) {
            return Err(format!("the model has two relations {}", relation.id));
        }
        let Some(role) = charm.endpoints.get(&relation.endpoint) else {
            return Err(format!("metadata.yaml has no endpoint {}", relation.endpoint));
        };
        if *role == Role::Peer && relation.remote_application != model.application() {
            return Err(format!(
                "relation {name} is between peers, and its other side is {}",
                relation.remote_application
            ));
        }
        for unit in relation.remote_units.keys() {
            let application = unit.split('/').next().unwrap_or_default();
            if application != relation.remote_application {
                return Err(format!(
                    "relation {name} is with {}, and {unit} is no unit of it",
                    relation.remote_application
                ));
            }
            if *unit == model.unit {
                return Err(format!("relation {name} has this unit at its other side"));
            }
        }
    }
    Ok(())
}

/// A hook that is to be run.
struct Hook<'a> {
    name: &'a str,
    environment: &'a BTreeMap<String, String>,
    model: &'a Model,
    charm: &'a Charm,
}

impl Hook<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        let value = self.environment.get(name)?.as_str();
        Some(value).filter(|value| !value.is_empty())
    }

    fn check(&self, pebbles: &BTreeMap<String, Pebble>) -> Result<(), String> {
        if self.name == "leader-settings-changed" && self.model.juju == Juju::V4_0 {
            return Err("Juju 4.0 fires no leader-settings-changed".to_owned());
        }
        if let Some(container) = self.get("JUJU_WORKLOAD_NAME") {
            self.check_container(container, pebbles.get(container))?;
        }
        if let Some(id) = self.get("JUJU_RELATION_ID") {
            let number = id.rsplit(':').next().and_then(|id| id.parse().ok());
            let relation = number.and_then(|number| self.model.relation(number));
            let endpoint = self.get("JUJU_RELATION").unwrap_or_default();
            match relation.filter(|relation| relation.endpoint == endpoint) {
                Some(relation) => self.check_relation(relation)?,
                None => return Err(format!("the model has no relation {id} of {endpoint:?}")),
            }
        }
        if let Some(id) = self.get("JUJU_SECRET_ID") {
            let id = id.rsplit(['/', ':']).next().unwrap_or_default();
            match self.model.secret(id) {
                Some(secret) => self.check_secret(secret)?,
                None => return Err(format!("the model has no secret {id}")),
            }
        }
        if let Some(id) = self.get("JUJU_STORAGE_ID")
            && !self.model.storage.iter().any(|storage| storage.id == id)
        {
            return Err(format!("the unit has no storage {id}"));
        }
        Ok(())
    }

    fn check_container(&self, container: &str, pebble: Option<&Pebble>) -> Result<(), String> {
        if !self.charm.containers.iter().any(|known| known == container) {
            return Err(format!("metadata.yaml has no container {container}"));
        }
        let Some(pebble) = pebble else {
            // A test that does without a Pebble says what it tells.
            return Ok(());
        };
        let plan = pebble.plan();
        match self.get("JUJU_PEBBLE_CHECK_NAME") {
            Some(check) if plan["checks"][check].is_null() => {
                Err(format!("the plan of {container} has no check {check}"))
            }
            _ => Ok(()),
        }
    }

    fn check_relation(&self, relation: &Relation) -> Result<(), String> {
        let unit = self.get("JUJU_REMOTE_UNIT");
        let what = self.name.rsplit('-').next().unwrap_or_default();
        match (what, unit) {
            ("joined" | "departed", None) => {
                Err(format!("{} is of a unit, and none is named", self.name))
            }
            ("created" | "broken", Some(unit)) => {
                Err(format!("{} is of no unit, and {unit} is named", self.name))
            }
            // One that departs may have gone from the model by then.
            ("joined" | "changed", Some(unit)) if !relation.remote_units.contains_key(unit) => {
                Err(format!("relation {} has no unit {unit}", relation.name()))
            }
            _ => Ok(()),
        }
    }

    fn check_secret(&self, secret: &Secret) -> Result<(), String> {
        let is_own = secret.owner.is_of(&self.model.unit);
        let id = &secret.id;
        match (self.name, is_own) {
            ("secret-changed", true) => Err(format!(
                "secret-changed is for who reads a secret, and {id} is this unit's own"
            )),
            ("secret-rotate" | "secret-expired" | "secret-remove", false) => {
                Err(format!("{} is for who owns a secret, and {id} is not this unit's", self.name))
            }
            _ => Ok(()),
        }
    }
}
