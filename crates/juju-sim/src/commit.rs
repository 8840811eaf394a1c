//! What a hook has written but Juju has not committed yet.

use std::collections::{BTreeMap, BTreeSet};

use crate::charm::Charm;
use crate::commit_error::CommitError;
use crate::model::{Forgotten, Juju, Model, Port};
use crate::pending_secrets::PendingSecrets;

/// The largest sum of a unit's stored keys and values, in bytes.
const STATE_QUOTA: usize = 2 * 1024 * 1024;

/// A write into an own databag.
#[derive(Clone, Debug)]
pub struct RelationWrite {
    /// Id of the relation.
    pub relation: u32,
    /// Whether it is the application's databag.
    pub application: bool,
    /// Key.
    pub key: String,
    /// Value; an empty one deletes.
    pub value: String,
}

impl RelationWrite {
    /// Puts it into a databag.
    pub fn apply(&self, bag: &mut BTreeMap<String, String>) {
        if self.value.is_empty() {
            bag.remove(&self.key);
        } else {
            bag.insert(self.key.clone(), self.value.clone());
        }
    }
}

/// Writes that wait for the hook to end.
#[derive(Clone, Debug, Default)]
pub struct Pending {
    /// Writes into databags, in order.
    pub relations: Vec<RelationWrite>,
    /// Stored values; `None` deletes.
    pub state: BTreeMap<String, Option<String>>,
    /// Ports to open, or to close at the endpoint that they name, in order.
    pub ports: Vec<(Port, bool)>,
    /// Storage to add, by name.
    pub storage: Vec<String>,
    /// Whether the machine is to be booted.
    pub reboot: bool,
    /// What became of secrets.
    pub secrets: PendingSecrets,
}

impl Pending {
    /// The unit's store as the hook sees it.
    pub fn state(&self, model: &Model) -> BTreeMap<String, String> {
        let mut state = model.state.clone();
        for (key, value) in &self.state {
            match value {
                Some(value) => state.insert(key.clone(), value.clone()),
                None => state.remove(key),
            };
        }
        state
    }

    /// The open ports as the hook sees them.
    pub fn ports(&self, model: &Model) -> BTreeSet<Port> {
        let mut ports = model.ports.clone();
        for (port, open) in &self.ports {
            if *open {
                ports.insert(port.clone());
            } else {
                ports.remove(port);
            }
        }
        ports
    }

    /// Puts everything into the model, or nothing and says why.
    pub fn commit(&self, model: &mut Model, charm: &Charm) -> Result<(), CommitError> {
        let mut committed = model.clone();
        if let Some(error) = model.fail_next_commit.take() {
            return Err(CommitError::Injected(error));
        }
        committed.fail_next_commit = None;
        if model.forgotten == Forgotten::Unit && self.writes() {
            return Err(CommitError::UnitNotFound);
        }
        self.apply_to(&mut committed, charm)?;
        *model = committed;
        // Only then does Juju find that a container is no machine.
        if self.reboot {
            return Err(CommitError::NoMachine);
        }
        Ok(())
    }

    /// Whether there is anything to commit.
    fn writes(&self) -> bool {
        let secrets = &self.secrets;
        !(self.relations.is_empty()
            && self.state.is_empty()
            && self.ports.is_empty()
            && secrets.creates.is_empty()
            && secrets.updates.is_empty()
            && secrets.removes.is_empty()
            && secrets.grants.is_empty()
            && secrets.revokes.is_empty())
    }

    fn apply_to(&self, model: &mut Model, charm: &Charm) -> Result<(), CommitError> {
        self.check_ports(model, charm)?;
        if let Some(name) = self.storage.first() {
            return Err(CommitError::Storage { name: name.clone(), unit: model.unit.clone() });
        }
        self.secrets.apply_to(model)?;
        model.ports = self.ports(model);
        let state = self.state(model);
        let size: usize = state.iter().map(|(k, v)| k.len() + v.len()).sum();
        // 4.0 was seen to take 2.4 MB.
        if model.juju == Juju::V3_6 && size > STATE_QUOTA {
            return Err(CommitError::StateTooLarge(STATE_QUOTA));
        }
        model.state = state;
        for write in &self.relations {
            // One that is gone takes nothing any more.
            let Some(relation) = model.relations.iter_mut().find(|r| r.id == write.relation) else {
                continue;
            };
            write.apply(if write.application {
                &mut relation.application_data
            } else {
                &mut relation.unit_data
            });
        }
        Ok(())
    }

    fn check_ports(&self, model: &Model, charm: &Charm) -> Result<(), CommitError> {
        let opened = || self.ports.iter().filter(|(_, open)| *open);
        if opened().any(|(port, _)| port.protocol == "icmp") {
            return Err(CommitError::Icmp);
        }
        let unknown = |port: &Port| {
            !port.endpoint.is_empty() && !charm.endpoints.contains_key(&port.endpoint)
        };
        match opened().find(|(port, _)| unknown(port)) {
            Some((port, _)) => Err(CommitError::UnknownEndpoint {
                unit: model.uuid.clone(),
                endpoint: port.endpoint.clone(),
            }),
            None => Ok(()),
        }
    }
}
