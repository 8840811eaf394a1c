//! Managed objects that exist in the cluster, distinguished from others with the same labels.

use serde_json::Value;

use super::managed::{ManagedObject, RECORD};
use super::record::{Reading, Record};
use super::record_key::RecordKey;
use super::remedy::Remedy;

/// Managed objects in the cluster. Labels alone do not prove ownership: any writer can set them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Managed {
    /// Objects under names that their remedies create.
    pub objects: Vec<Value>,
    /// Valid records of edits within the bounds of their remedies.
    pub records: Vec<Record>,
    /// Records whose edit has not started.
    pub pending: Vec<Value>,
    /// Other objects that carry the charm's labels, which are left alone, with the reason.
    pub ignored: Vec<String>,
}

impl Managed {
    /// Classifies labelled objects of a platform; `key` authenticates the records.
    pub fn of(objects: Vec<Value>, platform: &str, key: Option<&RecordKey>) -> Self {
        let mut own = Self::default();
        for object in objects {
            let Some(read) = ManagedObject::read(&object) else {
                continue;
            };
            let name = read.reference();
            let ignored = |why: &str| format!("{name} carries labels of this charm, but {why}");
            if read.kind == RECORD {
                match Reading::of(&object, key) {
                    Reading::Signed(record)
                        if record.remedy.may_edit(&record.entry.edit, platform) =>
                    {
                        own.records.push(*record);
                    }
                    Reading::Signed(_) => {
                        own.ignored
                            .push(ignored("it records an edit that its remedy does not make"));
                    }
                    Reading::Pending => own.pending.push(object),
                    Reading::Refused(why) => own.ignored.push(ignored(why)),
                }
                continue;
            }
            let makes =
                |remedy: &Remedy| remedy.makes(read.kind, &name.namespace, &name.name, platform);
            if read.remedy().as_ref().is_some_and(makes) {
                own.objects.push(object);
            } else if !Remedy::ALL.iter().any(makes) {
                own.ignored.push(ignored("no remedy creates an object of that name"));
            }
            // One with a managed name and without the labels is adopted when it is applied.
        }
        own
    }
}
