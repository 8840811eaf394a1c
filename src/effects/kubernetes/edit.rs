//! Edits of objects that others own: recorded first, then made; and reverted.
//!
//! A record is created first, then signed with the uid that it has, and only then is the edit
//! made. Should this process die in between, the record is there and the edit is not: reverting
//! it finds things as they were, and making it again keeps what was recorded first.

use std::collections::BTreeMap;

use http::Method;
use log::warn;
use ring::rand::{SecureRandom as _, SystemRandom};
use serde_json::{Map, Value, json};

use super::change::{broken, left};
use super::cluster::{Cluster, named, within};
use crate::facts::known::Unknown;
use crate::facts::kubernetes::Failure;
use crate::facts::object::ObjectRef;
use crate::facts::path::ApiPath;
use crate::remedies::{
    ClusterEdit, Content, Edit, Entry, Label, ManagedObject, Reading, RecordKey, Remedy, Removal,
    edited_kind, is_recorded, pending, signature,
};

impl Cluster {
    /// Content of a record, if it exists and verifies.
    pub fn recorded(&self, record: &ManagedObject) -> Result<Option<Entry>, Unknown> {
        let platform = record.reference().namespace;
        let path = record.path().map_err(|error| Failure::from(error).into_unknown())?;
        let Some(present) = self.get(&path, &record.reference().to_string())? else {
            return Ok(None);
        };
        let reading = Reading::of(&present, self.known_key(&platform).as_ref());
        Ok(match reading {
            Reading::Signed(found) => Some(found.entry),
            Reading::Pending | Reading::Refused(_) => None,
        })
    }

    /// Writes the record of an edit, so that it is followed from then on.
    pub fn record(
        &self,
        remedy: Remedy,
        record: &ManagedObject,
        entry: &Entry,
    ) -> Result<(), Unknown> {
        let reference = record.reference();
        if !remedy.may_edit(&entry.edit, &reference.namespace) {
            let why = format!("{remedy} may not edit it so");
            return Err(Unknown::Failed(why));
        }
        let content = entry.content();
        let content = content.map_err(|error| Unknown::Failed(error.to_string()))?;
        let key = self
            .record_key(&reference.namespace)
            .map_err(|why| within("no edit is made that could not be reverted", why))?;
        let name = reference.to_string();
        let path = record.path().map_err(|error| named(&name, error.into()))?;
        let mut is_taken = false;
        if let Some(present) = self.get(&path, &name)? {
            let has_labels = present["metadata"]["labels"] == record.object["metadata"]["labels"];
            match Reading::of(&present, Some(&key)) {
                Reading::Signed(_) if is_recorded(&present, &content) => return Ok(()),
                Reading::Signed(_) => return self.sign(&path, &present, &content, &key),
                Reading::Pending if has_labels => {
                    return self.sign(&path, &present, &content, &key);
                }
                Reading::Pending => is_taken = true,
                Reading::Refused(why) => {
                    warn!("{name} is left as it is: {why}");
                    is_taken = true;
                }
            }
        }
        let name = match is_taken {
            false => reference.name,
            true => format!("{}-{}", reference.name, unforeseen()?),
        };
        self.create_record(&fresh(record, &name), &content, &key)
    }

    fn create_record(
        &self,
        record: &ManagedObject,
        content: &Content,
        key: &RecordKey,
    ) -> Result<(), Unknown> {
        let reference = record.reference();
        let name = reference.to_string();
        let all = record.kind.path(Some(&reference.namespace));
        let all = all.map_err(|error| named(&name, error.into()))?;
        let all = all.with("fieldManager", crate::remedies::MANAGED_BY.1);
        let created = self.send(Method::POST, &all, Some(pending(record, content, key)));
        let created = created.map_err(|failure| named(&name, failure))?;
        let created: Value = serde_json::from_str(&created).map_err(|_| broken())?;
        let path = record.path().map_err(|error| named(&name, error.into()))?;
        self.sign(&path, &created, content, key)
    }

    fn sign(
        &self,
        path: &ApiPath,
        present: &Value,
        content: &Content,
        key: &RecordKey,
    ) -> Result<(), Unknown> {
        let patch = signature(present, content, key);
        let signed = self.patch(path, "application/merge-patch+json", patch);
        signed.map(drop).map_err(|failure| named(path.path(), failure))
    }

    pub(super) fn edit(
        &self,
        remedy: Remedy,
        edit: &ClusterEdit,
        record: &ManagedObject,
    ) -> Result<(), Unknown> {
        match edit {
            ClusterEdit::Labels { object, labels } => {
                self.label(remedy, object, labels, edit, record)
            }
            ClusterEdit::Removal(removal) => self.remove(remedy, removal, record),
        }
    }

    pub(super) fn put_back(
        &self,
        remedy: Remedy,
        entry: &Entry<ClusterEdit>,
        record: &ManagedObject,
    ) -> Result<(), Unknown> {
        if !remedy.may_edit_object(&entry.edit, &record.reference().namespace) {
            let why = format!("{remedy} may not edit it so, and does not revert it");
            return Err(Unknown::Failed(why));
        }
        match &entry.edit {
            ClusterEdit::Labels { object, labels } => {
                self.label_back(object, labels, &entry.uid)?;
            }
            ClusterEdit::Removal(removal) => self.bring_back(removal, entry)?,
        }
        self.take(record)
    }

    fn label(
        &self,
        remedy: Remedy,
        object: &ObjectRef,
        labels: &BTreeMap<String, Label>,
        edit: &ClusterEdit,
        record: &ManagedObject,
    ) -> Result<(), Unknown> {
        let path = path_of(object)?;
        let Some(present) = self.get_object(&path, object)? else {
            return Ok(());
        };
        let uid = uid_of(&present);
        // Of another object under its name, nothing is taken over.
        let earlier = self.recorded(record)?.filter(|earlier| earlier.uid == uid);
        let edit = Edit::from(edit.clone());
        let edit = match earlier {
            Some(earlier) => edit.after(&earlier.edit),
            None => {
                for (name, label) in labels {
                    let seen = label_of(&present, name);
                    if seen != label.before.as_deref() && seen != label.after.as_deref() {
                        let seen = seen.unwrap_or("nothing");
                        return Err(Unknown::Failed(format!(
                            "its label {name} is {seen} by now; plan again"
                        )));
                    }
                }
                edit
            }
        };
        let entry = Entry { edit, uid, namespace_uid: String::new() };
        self.record(remedy, record, &entry)?;
        let values = labels.iter().map(|(name, label)| (name, &label.after));
        self.write_labels(&path, object, &present, values)
    }

    fn label_back(
        &self,
        object: &ObjectRef,
        labels: &BTreeMap<String, Label>,
        uid: &str,
    ) -> Result<(), Unknown> {
        let path = path_of(object)?;
        let Some(present) = self.get_object(&path, object)? else {
            return Ok(());
        };
        if uid_of(&present) != uid {
            left(&object.to_string(), "it is not the one that was labelled");
            return Ok(());
        }
        let mut back = Vec::new();
        for (name, label) in labels {
            let seen = label_of(&present, name);
            if seen == label.after.as_deref() {
                back.push((name, &label.before));
            } else if seen != label.before.as_deref() {
                let seen = seen.unwrap_or("nothing");
                let why = format!("{name} was set to {seen} meanwhile");
                left(&object.to_string(), &why);
            }
        }
        self.write_labels(&path, object, &present, back.into_iter())
    }

    /// Writes labels, if the object is still as it was read.
    fn write_labels<'a>(
        &self,
        path: &ApiPath,
        object: &ObjectRef,
        present: &Value,
        values: impl Iterator<Item = (&'a String, &'a Option<String>)>,
    ) -> Result<(), Unknown> {
        let changed = values.filter(|(name, value)| label_of(present, name) != value.as_deref());
        let labels: Map<String, Value> =
            changed.map(|(name, value)| (name.clone(), json!(value))).collect();
        if labels.is_empty() {
            return Ok(());
        }
        let version = &present["metadata"]["resourceVersion"];
        let patch = json!({"metadata": {"resourceVersion": version, "labels": labels}});
        let written = self.patch(path, "application/merge-patch+json", patch);
        written.map(drop).map_err(|failure| named(&object.to_string(), failure))
    }

    fn remove(
        &self,
        remedy: Remedy,
        removal: &Removal,
        record: &ManagedObject,
    ) -> Result<(), Unknown> {
        let path = path_of(&removal.object)?;
        let Some(present) = self.get_object(&path, &removal.object)? else {
            return Ok(());
        };
        let Some(namespace) = self.namespace_uid(&removal.object.namespace)? else {
            return Ok(());
        };
        let removal = Removal { manifest: Some(as_made(present.clone())), ..removal.clone() };
        let edit = ClusterEdit::Removal(removal).into();
        let entry = Entry { edit, uid: uid_of(&present), namespace_uid: namespace };
        self.record(remedy, record, &entry)?;
        self.delete(&path, &present)
    }

    fn namespace_uid(&self, name: &str) -> Result<Option<String>, Unknown> {
        let namespace = ObjectRef::new("v1", "Namespace", "", name);
        let present = self.get_object(&path_of(&namespace)?, &namespace)?;
        Ok(present.as_ref().map(uid_of))
    }

    fn bring_back(&self, removal: &Removal, entry: &Entry<ClusterEdit>) -> Result<(), Unknown> {
        let Some(manifest) = &removal.manifest else {
            return Ok(());
        };
        let name = removal.object.to_string();
        let path = path_of(&removal.object)?;
        if let Some(present) = self.get_object(&path, &removal.object)? {
            // The one that was recorded has not gone yet.
            if uid_of(&present) != entry.uid {
                left(&name, "it was created again meanwhile");
            }
            return Ok(());
        }
        match self.namespace_uid(&removal.object.namespace)? {
            Some(uid) if uid == entry.namespace_uid => {}
            Some(_) => {
                left(&name, "its namespace is another one of that name");
                return Ok(());
            }
            None => {
                left(&name, "its namespace is gone");
                return Ok(());
            }
        }
        let all = siblings(&removal.object)?;
        match self.send(Method::POST, &all, Some(manifest.clone())) {
            Ok(_) => Ok(()),
            Err(Failure::NotFound) => {
                left(&name, "its namespace is gone");
                Ok(())
            }
            Err(failure) => Err(named(&name, failure)),
        }
    }
}

fn label_of<'a>(object: &'a Value, name: &str) -> Option<&'a str> {
    object["metadata"]["labels"][name].as_str()
}

/// An object as it was created: without what the API server adds, and without a secret.
fn as_made(mut object: Value) -> Value {
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
        if object.get("kind").is_some_and(|kind| kind == "Secret") {
            // Only tokens of service accounts are removed: a new one is made by Kubernetes.
            object.remove("data");
        }
    }
    if let Some(meta) = object["metadata"].as_object_mut() {
        for given in [
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "managedFields",
            "selfLink",
        ] {
            meta.remove(given);
        }
        if let Some(Value::Object(annotations)) = meta.get_mut("annotations") {
            annotations.remove("kubernetes.io/service-account.uid");
        }
    }
    object
}

/// The path of all objects of an edited object's kind where it is.
fn siblings(object: &ObjectRef) -> Result<ApiPath, Unknown> {
    let Some((api_version, plural)) = edited_kind(&object.kind) else {
        let why = format!("objects of kind {} are not edited", object.kind);
        return Err(Unknown::Failed(why));
    };
    let path = ApiPath::all(api_version, &object.namespace, plural);
    path.map_err(|error| named(&object.to_string(), error.into()))
}

/// The path of an object of a kind that is edited.
fn path_of(object: &ObjectRef) -> Result<ApiPath, Unknown> {
    let path = siblings(object)?.join(&object.name);
    path.map_err(|error| named(&object.to_string(), error.into()))
}

fn uid_of(object: &Value) -> String {
    let uid = object["metadata"]["uid"].as_str();
    uid.unwrap_or_default().to_owned()
}

/// A record as it is created: what was read of an earlier one is left out.
fn fresh(record: &ManagedObject, name: &str) -> ManagedObject {
    let meta = &record.object["metadata"];
    let object = json!({
        "apiVersion": record.kind.api_version,
        "kind": record.kind.kind,
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": meta["labels"],
        },
    });
    ManagedObject { kind: record.kind, object }
}

/// A suffix that cannot be predicted.
fn unforeseen() -> Result<String, Unknown> {
    let mut bytes = [0; 6];
    let filled = SystemRandom::new().fill(&mut bytes);
    filled.map_err(|_| Unknown::Failed("the system has no random source".into()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recorded_edit_has_no_secret() {
        let token = json!({
            "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "t", "uid": "1", "annotations": {
                "kubernetes.io/service-account.name": "default",
                "kubernetes.io/service-account.uid": "2"}},
            "data": {"token": "c2VjcmV0"},
        });
        let made = json!({
            "kind": "Secret", "type": "kubernetes.io/service-account-token",
            "metadata": {"name": "t", "annotations": {"kubernetes.io/service-account.name": "default"}},
        });
        assert_eq!(as_made(token), made);
    }
}
