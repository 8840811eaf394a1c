//! What a hook has written but Juju has not committed yet.

use std::collections::BTreeMap;

use crate::model::{Juju, Model};

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

    /// Puts everything into the model, or nothing and says why.
    pub fn commit(self, model: &mut Model) -> Result<(), String> {
        let state = self.state(model);
        let size: usize = state.iter().map(|(k, v)| k.len() + v.len()).sum();
        // 4.0 was seen to take 2.4 MB.
        if model.juju == Juju::V3_6 && size > STATE_QUOTA {
            return Err(format!(
                "cannot apply changes: max allowed size ({STATE_QUOTA}) exceeded by unit state"
            ));
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
}
