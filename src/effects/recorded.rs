//! The record of an edit of Juju, which is an object of the cluster.

use super::Cluster;
use crate::facts::known::Unknown;
use crate::remedies::{Edit, Entry, JujuEdit, ManagedObject, Remedy};

/// An edit whose previous values are recorded in the cluster.
pub(super) struct Recorded<'a> {
    pub cluster: &'a Cluster,
    pub remedy: Remedy,
    pub record: &'a ManagedObject,
}

impl Recorded<'_> {
    /// Records the edit. The record has what was there before the first edit, whatever is there
    /// now.
    pub(super) fn write(&self, edit: JujuEdit) -> Result<(), Unknown> {
        let edit = Edit::from(edit);
        let edit = match self.cluster.recorded(self.record)? {
            Some(earlier) => edit.after(&earlier.edit),
            None => edit,
        };
        let entry = Entry { edit, uid: String::new(), namespace_uid: String::new() };
        self.cluster.record(self.remedy, self.record, &entry)
    }

    /// Namespace of the platform, which has the record.
    pub(super) fn platform(&self) -> String {
        self.record.reference().namespace
    }
}
