//! The state that a remedy desires, or why it desires none.

use std::collections::BTreeSet;

use super::breaks::Break;
use super::edit::Edit;
use super::managed::DesiredObject;

/// Decision of a remedy on these facts.
pub(super) enum Decision {
    /// Reconcile to this state.
    Apply(DesiredState),
    /// Create nothing, for this reason; existing managed objects stay unchanged.
    Skip(String),
    /// What the remedy protects is gone, for this reason; existing managed objects are deleted.
    Remove(String),
}

/// Fate of managed objects that exist and are not in the desired state.
#[derive(Default)]
pub(super) enum Leftover {
    /// Stays unchanged: objects that others create are no reason to drop protection.
    #[default]
    Keep,
    /// Deleted in these namespaces, which the remedy does not protect.
    DeleteIn(BTreeSet<String>),
    /// Deleted: the remedy is not selected, or what it protects is gone.
    Delete,
}

impl Leftover {
    /// The same, and deleted in this namespace.
    pub(super) fn and_in(self, namespace: &str) -> Self {
        match self {
            Self::Keep => Self::DeleteIn(BTreeSet::from([namespace.to_owned()])),
            Self::DeleteIn(mut names) => {
                names.insert(namespace.to_owned());
                Self::DeleteIn(names)
            }
            Self::Delete => Self::Delete,
        }
    }
}

/// Desired state of a remedy.
#[derive(Default)]
pub(super) struct DesiredState {
    /// Managed objects to create, or to restore where they have drifted.
    pub(super) objects: Vec<DesiredObject>,
    /// Managed objects to restore where they exist, but not to create.
    pub(super) kept: Vec<DesiredObject>,
    /// Fate of every other managed object.
    pub(super) leftover: Leftover,
    /// Edits that are still missing on objects that others manage.
    pub(super) edits: Vec<Edit>,
    /// Skipped objects, each with the reason.
    pub(super) notes: Vec<String>,
    /// Existing flows that the changes would break.
    pub(super) breaks: Vec<Break>,
}

impl DesiredState {
    pub(super) fn objects(objects: Vec<DesiredObject>) -> Decision {
        Decision::Apply(Self { objects, ..Self::default() })
    }

    pub(super) fn edits(edits: Vec<Edit>) -> Decision {
        Decision::Apply(Self { edits, ..Self::default() })
    }

    /// No desired objects; existing ones have this fate.
    pub(super) fn nothing(leftover: Leftover) -> Self {
        Self { leftover, ..Self::default() }
    }
}
