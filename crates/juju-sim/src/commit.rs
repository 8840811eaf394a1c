//! What a hook has written but Juju has not committed yet.

use std::collections::BTreeMap;

use crate::model::{Juju, Model};

/// The largest sum of a unit's stored keys and values, in bytes.
const STATE_QUOTA: usize = 2 * 1024 * 1024;

/// Writes that wait for the hook to end.
#[derive(Clone, Debug, Default)]
pub struct Pending {
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
        Ok(())
    }
}
