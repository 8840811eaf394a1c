//! A planned change, and the operation that makes it.

use std::fmt;

use printable::line;
use serde_json::{Value, json};

use crate::facts::object::ObjectRef;
use crate::remedies::edit::{ClusterEdit, Edit, JujuEdit, Target};
use crate::remedies::managed::ManagedObject;
use crate::remedies::record::{Entry, Record};
use crate::remedies::remedy::Remedy;

/// Operation of a change, by the API that it uses.
#[derive(Clone, Debug, PartialEq)]
pub enum Operation {
    /// The Kubernetes API.
    Cluster(ClusterOperation),
    /// The Juju API.
    Juju(JujuOperation),
}

/// An operation on one object of the cluster.
#[derive(Clone, Debug, PartialEq)]
pub enum ClusterOperation {
    /// Create a managed object.
    Create(ManagedObject),
    /// Restore a managed object that has drifted; the other field managers that changed it.
    Restore(ManagedObject, Vec<String>),
    /// Delete a managed object.
    Delete(ManagedObject),
    /// Edit an object that others manage; the record of the edit.
    Edit(ClusterEdit, ManagedObject),
    /// Restore the recorded previous state, then delete the record.
    Revert(Entry<ClusterEdit>, ManagedObject),
}

/// An operation on the model or the controller.
#[derive(Clone, Debug, PartialEq)]
pub enum JujuOperation {
    /// Edit what Juju has; the record of the edit, an object of the cluster.
    Edit(JujuEdit, ManagedObject),
    /// Restore the recorded previous state, then delete the record.
    Revert(JujuEdit, ManagedObject),
}

impl From<ClusterOperation> for Operation {
    fn from(operation: ClusterOperation) -> Self {
        Self::Cluster(operation)
    }
}

impl From<JujuOperation> for Operation {
    fn from(operation: JujuOperation) -> Self {
        Self::Juju(operation)
    }
}

impl Operation {
    /// The edit, with its record.
    pub(super) fn edit(edit: Edit, record: ManagedObject) -> Self {
        match edit {
            Edit::Cluster(edit) => ClusterOperation::Edit(edit, record).into(),
            Edit::Juju(edit) => JujuOperation::Edit(edit, record).into(),
        }
    }

    /// The reversal of a recorded edit.
    pub(super) fn revert(record: &Record) -> Self {
        let Entry { edit, uid, namespace_uid } = record.entry.clone();
        let own = record.own.clone();
        match edit {
            Edit::Cluster(edit) => {
                ClusterOperation::Revert(Entry { edit, uid, namespace_uid }, own).into()
            }
            Edit::Juju(edit) => JujuOperation::Revert(edit, own).into(),
        }
    }
}

impl ClusterOperation {
    /// The object that is changed.
    fn object(&self) -> ObjectRef {
        match self {
            Self::Create(own) | Self::Restore(own, _) | Self::Delete(own) => own.reference(),
            Self::Edit(edit, _) => edit.object().clone(),
            Self::Revert(entry, _) => entry.edit.object().clone(),
        }
    }

    fn verb(&self) -> &'static str {
        match self {
            Self::Create(_) => "create",
            Self::Restore(_, by) if by.is_empty() => "change",
            Self::Restore(..) => "restore",
            Self::Delete(_) => "delete",
            Self::Edit(ClusterEdit::Labels { .. }, _) => "label",
            Self::Edit(ClusterEdit::Removal(_), _) => "remove",
            Self::Revert(..) => "revert",
        }
    }
}

impl JujuOperation {
    fn verb(&self) -> &'static str {
        match self {
            Self::Edit(JujuEdit::Settings { .. } | JujuEdit::Configuration { .. }, _) => {
                "configure"
            }
            Self::Edit(JujuEdit::Relation { .. }, _) => "integrate",
            Self::Revert(..) => "revert",
        }
    }
}

/// A planned change.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The remedy that requires it.
    pub remedy: Remedy,
    /// Operation to perform.
    pub operation: Operation,
    /// Differences, one per line: `FIELD: CURRENT -> DESIRED`.
    pub diff: Vec<String>,
}

impl Change {
    /// Subject of the change.
    pub fn target(&self) -> Target {
        match &self.operation {
            Operation::Cluster(operation) => Target::Object(operation.object()),
            Operation::Juju(JujuOperation::Edit(edit, _) | JujuOperation::Revert(edit, _)) => {
                edit.target()
            }
        }
    }

    /// Applied through the Juju API.
    pub fn is_of_juju(&self) -> bool {
        matches!(self.operation, Operation::Juju(_))
    }

    fn verb(&self) -> &'static str {
        match &self.operation {
            Operation::Cluster(operation) => operation.verb(),
            Operation::Juju(operation) => operation.verb(),
        }
    }

    /// JSON form, for a saved plan.
    pub(super) fn data(&self) -> Value {
        let manifest = match &self.operation {
            Operation::Cluster(
                ClusterOperation::Create(own) | ClusterOperation::Restore(own, _),
            ) => &own.object,
            _ => &Value::Null,
        };
        json!({
            "remedy": self.remedy.name(),
            "does": self.verb(),
            "target": self.target().to_string(),
            "diff": self.diff,
            "manifest": manifest,
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ", self.remedy, self.verb())?;
        match &self.operation {
            Operation::Juju(JujuOperation::Edit(JujuEdit::Relation { endpoints }, _)) => {
                f.write_str(&endpoints.join(" "))?
            }
            _ => write!(f, "{}", self.target())?,
        }
        if let Operation::Cluster(ClusterOperation::Restore(_, by)) = &self.operation
            && !by.is_empty()
        {
            write!(f, ", changed by {}", line(&by.join(", ")))?;
        }
        self.diff.iter().try_for_each(|text| write!(f, "\n  {}", line(text)))
    }
}
