//! Edits of what is somebody else's: recorded first, then made; and put back.
//!
//! Should this process die in between, the record is there and the edit is not: putting it
//! back finds things as they were, and making it again keeps what was recorded first.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::change::left;
use super::{Cluster, named};
use crate::facts::known::Unknown;
use crate::facts::kubernetes::Failure;
use crate::facts::object::ObjectRef;
use crate::remedies::{Edit, Label, OwnObject, Record, Removal};

impl Cluster {
    /// The edit that a record holds, if there is one yet.
    pub fn recorded(&self, record: &OwnObject) -> Result<Option<Edit>, Unknown> {
        let present = self.present(record)?;
        Ok(present.as_ref().and_then(Record::read))
    }

    /// Writes the record of an edit.
    pub fn record(&self, record: &OwnObject, edit: &Edit) -> Result<(), Unknown> {
        let mut record = record.clone();
        record.object[record.kind.content] = Record::content(edit);
        self.put(&record)
    }

    pub(super) fn edit(&self, edit: &Edit, record: &OwnObject) -> Result<(), Unknown> {
        match edit {
            Edit::Labels { object, labels } => self.label(object, labels, edit, record),
            Edit::Removal(removal) => self.remove(removal, record),
            Edit::Settings { .. } | Edit::Relation { .. } => Ok(()),
        }
    }

    pub(super) fn put_back(&self, edit: &Edit, record: &OwnObject) -> Result<(), Unknown> {
        match edit {
            Edit::Labels { object, labels } => self.label_back(object, labels)?,
            Edit::Removal(removal) => self.bring_back(removal)?,
            Edit::Settings { .. } | Edit::Relation { .. } => {}
        }
        self.take(record)
    }

    fn label(
        &self,
        object: &ObjectRef,
        labels: &BTreeMap<String, Label>,
        edit: &Edit,
        record: &OwnObject,
    ) -> Result<(), Unknown> {
        let path = path_of(object)?;
        let Some(present) = self.get(&path, &object.to_string())? else {
            return Ok(());
        };
        let recorded = self.recorded(record)?;
        if recorded.is_none() {
            for (name, label) in labels {
                let seen = label_of(&present, name);
                if seen != label.before.as_deref() && seen != label.after.as_deref() {
                    let seen = seen.unwrap_or("nothing");
                    return Err(Unknown::Failed(format!(
                        "its label {name} is {seen} by now; plan again"
                    )));
                }
            }
        }
        self.record(record, edit)?;
        let values = labels.iter().map(|(name, label)| (name, &label.after));
        self.write_labels(&path, object, &present, values)
    }

    fn label_back(
        &self,
        object: &ObjectRef,
        labels: &BTreeMap<String, Label>,
    ) -> Result<(), Unknown> {
        let path = path_of(object)?;
        let Some(present) = self.get(&path, &object.to_string())? else {
            return Ok(());
        };
        let mut back = Vec::new();
        for (name, label) in labels {
            let seen = label_of(&present, name);
            if seen == label.after.as_deref() {
                back.push((name, &label.before));
            } else if seen != label.before.as_deref() {
                let seen = seen.unwrap_or("nothing");
                let why = format!("somebody made {name} {seen} meanwhile");
                left(&object.to_string(), &why);
            }
        }
        self.write_labels(&path, object, &present, back.into_iter())
    }

    /// Writes labels, if the object is still as it was read.
    fn write_labels<'a>(
        &self,
        path: &str,
        object: &ObjectRef,
        present: &Value,
        values: impl Iterator<Item = (&'a String, &'a Option<String>)>,
    ) -> Result<(), Unknown> {
        let changed = values.filter(|(name, value)| label_of(present, name) != value.as_deref());
        let labels: Map<String, Value> = changed
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        if labels.is_empty() {
            return Ok(());
        }
        let version = &present["metadata"]["resourceVersion"];
        let patch = json!({"metadata": {"resourceVersion": version, "labels": labels}});
        let written = self.patch(path, "application/merge-patch+json", patch);
        written
            .map(drop)
            .map_err(|failure| named(&object.to_string(), failure))
    }

    fn remove(&self, removal: &Removal, record: &OwnObject) -> Result<(), Unknown> {
        let path = path_of(&removal.object)?;
        let Some(present) = self.get(&path, &removal.object.to_string())? else {
            return Ok(());
        };
        let edit = Edit::Removal(Removal {
            manifest: Some(as_made(present.clone())),
            ..removal.clone()
        });
        self.record(record, &edit)?;
        self.delete(&path, &present)
    }

    fn bring_back(&self, removal: &Removal) -> Result<(), Unknown> {
        let Some(manifest) = &removal.manifest else {
            return Ok(());
        };
        let name = removal.object.to_string();
        let path = path_of(&removal.object)?;
        if self.get(&path, &name)?.is_some() {
            left(&name, "somebody made it again meanwhile");
            return Ok(());
        }
        let all = path.rsplit_once('/').map_or("", |(all, _)| all);
        match self.send("POST", all, Some(manifest.clone())) {
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

/// An object as somebody made it: without what the API server gives, and without a secret.
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

/// The path of an object of a kind that is edited.
fn path_of(object: &ObjectRef) -> Result<String, Unknown> {
    let (group, plural) = match object.kind.as_str() {
        "Namespace" => ("api/v1", "namespaces"),
        "Secret" => ("api/v1", "secrets"),
        "RoleBinding" => ("apis/rbac.authorization.k8s.io/v1", "rolebindings"),
        "AuthorizationPolicy" => ("apis/security.istio.io/v1beta1", "authorizationpolicies"),
        other => {
            let why = format!("objects of kind {other} are not edited");
            return Err(Unknown::Failed(why));
        }
    };
    Ok(match object.namespace.as_str() {
        "" => format!("/{group}/{plural}/{}", object.name),
        namespace => format!("/{group}/namespaces/{namespace}/{plural}/{}", object.name),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_recorded() {
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
