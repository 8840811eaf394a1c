//! Edits of what is somebody else's, and the record by which they are put back.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::own::{RECORD, Wanted};
use crate::facts::object::ObjectRef;

/// An edit of what is somebody else's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// Labels of an object get these values.
    Labels {
        /// The object.
        object: ObjectRef,
        /// The labels.
        labels: BTreeMap<String, Label>,
    },
    /// An object goes.
    Removal(Removal),
    /// Options of an application get these values.
    Settings {
        /// The application.
        application: String,
        /// The options.
        options: BTreeMap<String, Setting>,
    },
    /// Two endpoints are related.
    Relation {
        /// Each as `APPLICATION:ENDPOINT`.
        endpoints: [String; 2],
    },
}

/// A label's value, none for no label.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Label {
    /// What stood before.
    pub before: Option<String>,
    /// What is to stand.
    pub after: Option<String>,
}

/// An object that goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Removal {
    /// The object.
    pub object: ObjectRef,
    /// What is wrong with it: field, and what is there.
    pub why: String,
    /// The object as it stood, without what the API server gives; known once it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<Value>,
}

/// An option's value, none for the charm's default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Setting {
    /// What stood before; known once it was read.
    pub before: Option<String>,
    /// What is to stand.
    pub after: Option<String>,
}

/// What is edited.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// An object of the cluster.
    Object(ObjectRef),
    /// An application of the model.
    Application(String),
    /// A relation of the model.
    Relation(String),
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Object(object) => object.fmt(f),
            Self::Application(name) => write!(f, "application {name}"),
            Self::Relation(endpoints) => write!(f, "relation {endpoints}"),
        }
    }
}

impl Edit {
    /// What is edited.
    pub fn target(&self) -> Target {
        match self {
            Self::Labels { object, .. } => Target::Object(object.clone()),
            Self::Removal(removal) => Target::Object(removal.object.clone()),
            Self::Settings { application, .. } => Target::Application(application.clone()),
            Self::Relation { endpoints } => Target::Relation(endpoints.join(" ")),
        }
    }

    /// Whether Juju carries it out.
    pub fn is_of_juju(&self) -> bool {
        matches!(self, Self::Settings { .. } | Self::Relation { .. })
    }

    /// What differs, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        match self {
            Self::Labels { labels, .. } => labels
                .iter()
                .map(|(name, label)| {
                    let before = shown(label.before.as_deref(), "nothing");
                    let after = shown(label.after.as_deref(), "nothing");
                    format!("metadata.labels.{name}: {before} -> {after}")
                })
                .collect(),
            Self::Removal(removal) => vec![removal.why.clone()],
            Self::Settings { options, .. } => options
                .iter()
                .map(|(name, setting)| {
                    let after = shown(setting.after.as_deref(), "the charm's default");
                    match &setting.before {
                        Some(before) => format!("{name}: {before} -> {after}"),
                        None => format!("{name} -> {after}"),
                    }
                })
                .collect(),
            Self::Relation { endpoints } => vec![format!("juju integrate {}", endpoints.join(" "))],
        }
    }

    /// This edit with what stood before the first edit of the same target.
    pub(super) fn after(mut self, earlier: &Self) -> Self {
        match (&mut self, earlier) {
            (Self::Labels { labels, .. }, Self::Labels { labels: first, .. }) => {
                for (name, label) in first {
                    let edited = labels.entry(name.clone());
                    edited.or_insert_with(|| label.clone()).before = label.before.clone();
                }
            }
            (Self::Settings { options, .. }, Self::Settings { options: first, .. }) => {
                for (name, setting) in first {
                    let edited = options.entry(name.clone());
                    edited.or_insert_with(|| setting.clone()).before = setting.before.clone();
                }
            }
            _ => {}
        }
        self
    }
}

fn shown<'a>(value: Option<&'a str>, none: &'a str) -> &'a str {
    match value {
        None => none,
        Some("") => "\"\"",
        Some(value) => value,
    }
}

/// The record of an edit, which is an object of ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Record;

/// Where the edit is in a record.
const KEY: &str = "edit";

impl Record {
    /// The edit that an object of ours records.
    pub fn read(object: &Value) -> Option<Edit> {
        if object["kind"] != RECORD.kind {
            return None;
        }
        serde_json::from_str(object["data"][KEY].as_str()?).ok()
    }

    /// The content of an edit's record.
    pub fn content(edit: &Edit) -> Value {
        json!({KEY: serde_json::to_string(edit).unwrap_or_default()})
    }

    pub(super) fn wanted(edit: &Edit, platform: &str, remedy: super::Remedy) -> Wanted {
        let of = crate::mark(format!("{remedy} {:?}", edit.target()));
        Wanted {
            kind: RECORD,
            namespace: platform.into(),
            name: format!("ckf-hardening-{remedy}-{}", &of[..of.len().min(16)]),
            content: Self::content(edit),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(of: &[(&str, Option<&str>, &str)]) -> Edit {
        let labels = of.iter().map(|(name, before, after)| {
            let label = Label {
                before: before.map(str::to_owned),
                after: Some((*after).to_owned()),
            };
            ((*name).to_owned(), label)
        });
        Edit::Labels {
            object: ObjectRef {
                api_version: "v1".into(),
                kind: "Namespace".into(),
                namespace: String::new(),
                name: "alice".into(),
            },
            labels: labels.collect(),
        }
    }

    #[test]
    fn what_stood_before_the_first_edit_is_kept() {
        let first = labels(&[("a", Some("privileged"), "baseline"), ("b", None, "x")]);
        // Somebody set it back, and it is edited again.
        let again = labels(&[("a", Some("restricted"), "baseline")]);
        assert_eq!(again.after(&first), first);
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let edit = labels(&[("a", None, "baseline")]);
        let object = json!({"kind": "ConfigMap", "data": Record::content(&edit)});
        assert_eq!(Record::read(&object), Some(edit));
        assert_eq!(
            Record::read(&json!({"kind": "ConfigMap", "data": {}})),
            None
        );
    }
}
