//! Edits of what others manage: objects of the cluster, and what Juju has.

mod cluster;
mod juju;

pub use self::cluster::{ClusterEdit, Label, Removal, edited_kind};
pub use self::juju::{Configured, JujuEdit, Setting};

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::facts::object::ObjectRef;

/// An edit of what others manage. A record has it without the name of the API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Edit {
    /// Of an object, through the Kubernetes API.
    Cluster(ClusterEdit),
    /// Of the model or the controller, through the Juju API.
    Juju(JujuEdit),
}

/// Subject of a change.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An object of the cluster.
    Object(ObjectRef),
    /// An application of the model.
    Application(String),
    /// A relation of the model.
    Relation(String),
    /// Configuration of the controller or the model.
    Configuration(Configured),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(object) => object.fmt(f),
            Self::Application(name) => write!(f, "application {name}"),
            Self::Relation(endpoints) => write!(f, "relation {endpoints}"),
            Self::Configuration(of) => of.fmt(f),
        }
    }
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

/// A value as a person reads it; `none` says what its absence means.
fn shown<'a>(value: Option<&'a str>, none: &'a str) -> &'a str {
    match value {
        None => none,
        Some("") => "\"\"",
        Some(value) => value,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn edits_of_both_apis_are_recorded_without_the_name_of_the_api() {
        let relation = JujuEdit::Relation { endpoints: ["a:b".into(), "c:d".into()] };
        let labels = ClusterEdit::Labels {
            object: ObjectRef {
                api_version: "v1".into(),
                kind: "Namespace".into(),
                namespace: String::new(),
                name: "alice".into(),
            },
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
