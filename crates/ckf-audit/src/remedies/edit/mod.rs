//! Edits of what others manage: objects of the cluster, and what Juju has.

mod cluster;
mod juju;
mod target;

pub use self::cluster::{ClusterEdit, Label, Removal, edited_kind};
pub use self::juju::{JujuEdit, Setting};
pub use self::target::{Configured, Target};

use serde::{Deserialize, Serialize};

/// An edit of what others manage. A record has it without the name of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Edit {
    /// Of an object, through the Kubernetes API.
    Cluster(ClusterEdit),
    /// Of the model or the controller, through the Juju API.
    Juju(JujuEdit),
}

impl From<ClusterEdit> for Edit {
    fn from(edit: ClusterEdit) -> Self {
        Self::Cluster(edit)
    }
}

impl From<JujuEdit> for Edit {
    fn from(edit: JujuEdit) -> Self {
        Self::Juju(edit)
    }
}

impl Edit {
    /// Subject of the edit.
    pub fn target(&self) -> Target {
        match self {
            Self::Cluster(edit) => Target::Object(edit.object().clone()),
            Self::Juju(edit) => edit.target(),
        }
    }

    /// The differences, one per line.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Cluster(edit) => edit.lines(),
            Self::Juju(edit) => edit.lines(),
        }
    }

    /// This edit with the previous values of the first edit of the same target.
    pub fn after(self, earlier: &Self) -> Self {
        match (self, earlier) {
            (Self::Cluster(edit), Self::Cluster(first)) => edit.after(first).into(),
            (Self::Juju(edit), Self::Juju(first)) => edit.after(first).into(),
            (edit, _) => edit,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::facts::object::ObjectRef;

    #[test]
    fn edits_of_both_apis_are_recorded_without_the_name_of_the_api() {
        let relation = JujuEdit::Relation { endpoints: ["a:b".into(), "c:d".into()] };
        let labels = ClusterEdit::Labels {
            object: ObjectRef::new("v1", "Namespace", "", "alice"),
            labels: BTreeMap::from([("a".to_owned(), Label { before: None, after: None })]),
        };
        for (edit, name) in [(Edit::from(relation), "relation"), (labels.into(), "labels")] {
            let value = serde_json::to_value(&edit).unwrap();
            assert!(value.get(name).is_some(), "{value}");
            assert_eq!(serde_json::from_value::<Edit>(value).unwrap(), edit);
        }
        assert!(serde_json::from_str::<Edit>(r#"{"shell": {"command": "x"}}"#).is_err());
    }
}
