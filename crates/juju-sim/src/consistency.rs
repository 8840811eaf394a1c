//! What cannot be: a model, or an event, that Juju would never have. A test of such a thing
//! proves nothing, so it is not run.

use std::collections::{BTreeMap, BTreeSet};

use crate::charm::{Charm, Role};
use crate::event::Event;
use crate::inconsistency::Inconsistency;
use crate::model::{Juju, Model, Relation};
use crate::pebble::Pebble;
use crate::secret::{Secret, is_secret_id};

/// Checks a model and the event that is about to be fired in it.
pub(crate) fn check(
    model: &Model,
    charm: &Charm,
    event: &Event,
    pebbles: &BTreeMap<String, Pebble>,
) -> Result<(), Inconsistency> {
    check_relations(model, charm)?;
    for (name, value) in &model.options {
        charm
            .check_option(name, value)
            .map_err(|error| Inconsistency::Option(error.to_string()))?;
    }
    let odd = model.secrets.iter().find(|secret| !is_secret_id(&secret.id));
    if let Some(secret) = odd {
        return Err(Inconsistency::SecretId(secret.id.clone()));
    }
    for storage in &model.storage {
        let name = storage.id.split('/').next().unwrap_or_default();
        if !charm.storage.iter().any(|known| known == name) {
            return Err(Inconsistency::not_in_metadata("storage", name));
        }
    }
    let missing = |name: &&String| !charm.resources.contains(*name);
    if let Some(name) = model.resources.keys().find(missing) {
        return Err(Inconsistency::not_in_metadata("resource", name));
    }
    match event {
        Event::Hook { name, environment } => {
            Hook { name, environment, model, charm }.check(pebbles)
        }
        // Juju reports what is wrong with an action to the user who runs it.
        Event::Action { .. } => Ok(()),
    }
}

fn check_relations(model: &Model, charm: &Charm) -> Result<(), Inconsistency> {
    let mut ids = BTreeSet::new();
    for relation in &model.relations {
        let name = relation.name();
        if !ids.insert(relation.id) {
            return Err(Inconsistency::TwoRelations(relation.id));
        }
        let Some(role) = charm.endpoints.get(&relation.endpoint) else {
            return Err(Inconsistency::not_in_metadata("endpoint", &relation.endpoint));
        };
        if *role == Role::Peer && relation.remote_application != model.application() {
            return Err(Inconsistency::PeerOfAnother {
                relation: name,
                application: relation.remote_application.clone(),
            });
        }
        for unit in relation.remote_units.keys() {
            let application = unit.split('/').next().unwrap_or_default();
            if application != relation.remote_application {
                return Err(Inconsistency::UnitOfAnother {
                    relation: name,
                    application: relation.remote_application.clone(),
                    unit: unit.clone(),
                });
            }
            if *unit == model.unit {
                return Err(Inconsistency::RelatedToItself(name));
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

    fn check(&self, pebbles: &BTreeMap<String, Pebble>) -> Result<(), Inconsistency> {
        const LEADER_SETTINGS: &str = "leader-settings-changed";
        if self.name == LEADER_SETTINGS && self.model.juju == Juju::V4_0 {
            return Err(Inconsistency::NotInJuju4(LEADER_SETTINGS));
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
                None => {
                    let (id, endpoint) = (id.to_owned(), endpoint.to_owned());
                    return Err(Inconsistency::NoRelation { id, endpoint });
                }
            }
        }
        if let Some(id) = self.get("JUJU_SECRET_ID") {
            let id = id.rsplit(['/', ':']).next().unwrap_or_default();
            match self.model.secret(id) {
                Some(secret) => self.check_secret(secret)?,
                None => return Err(Inconsistency::NoSecret(id.to_owned())),
            }
        }
        if let Some(id) = self.get("JUJU_STORAGE_ID")
            && !self.model.storage.iter().any(|storage| storage.id == id)
        {
            return Err(Inconsistency::NoStorage(id.to_owned()));
        }
        Ok(())
    }

    fn check_container(
        &self,
        container: &str,
        pebble: Option<&Pebble>,
    ) -> Result<(), Inconsistency> {
        if !self.charm.containers.iter().any(|known| known == container) {
            return Err(Inconsistency::not_in_metadata("container", container));
        }
        let Some(pebble) = pebble else {
            // A test without a Pebble sets what it reports.
            return Ok(());
        };
        let plan = pebble.plan();
        match self.get("JUJU_PEBBLE_CHECK_NAME") {
            Some(check) if plan["checks"][check].is_null() => {
                let (container, check) = (container.to_owned(), check.to_owned());
                Err(Inconsistency::NoCheck { container, check })
            }
            _ => Ok(()),
        }
    }

    fn check_relation(&self, relation: &Relation) -> Result<(), Inconsistency> {
        let unit = self.get("JUJU_REMOTE_UNIT");
        let what = self.name.rsplit('-').next().unwrap_or_default();
        match (what, unit) {
            ("joined" | "departed", None) => Err(Inconsistency::NeedsUnit(self.name.to_owned())),
            ("created" | "broken", Some(unit)) => {
                let (event, unit) = (self.name.to_owned(), unit.to_owned());
                Err(Inconsistency::NeedsNoUnit { event, unit })
            }
            // One that departs may have gone from the model by then.
            ("joined" | "changed", Some(unit)) if !relation.remote_units.contains_key(unit) => {
                Err(Inconsistency::NoUnit { relation: relation.name(), unit: unit.to_owned() })
            }
            _ => Ok(()),
        }
    }

    fn check_secret(&self, secret: &Secret) -> Result<(), Inconsistency> {
        let is_own = secret.owner.is_of(&self.model.unit);
        let id = &secret.id;
        match (self.name, is_own) {
            ("secret-changed", true) => Err(Inconsistency::OwnSecret(id.clone())),
            ("secret-rotate" | "secret-expired" | "secret-remove", false) => {
                let (event, secret) = (self.name.to_owned(), id.clone());
                Err(Inconsistency::SecretOfAnother { event, secret })
            }
            _ => Ok(()),
        }
    }
}
