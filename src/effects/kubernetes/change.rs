//! Managed objects: how they are listed, applied, restored and deleted.

use http::Method;
use log::{info, warn};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Cluster, named};
use crate::facts::known::Unknown;
use crate::facts::kubernetes::Failure;
use crate::facts::object::ObjectRef;
use crate::facts::path::ApiPath;
use crate::remedies::{
    ClusterOperation, MANAGED_BY, MANAGED_KINDS, Managed, ManagedKind, ManagedObject, Remedy,
    Scope, differences, is_of_platform,
};

/// The media type of server-side apply.
const APPLY: &str = "application/apply-patch+yaml";

impl Cluster {
    /// The managed objects of a platform. Another platform of the cluster may have a charm of its
    /// own.
    pub fn managed_objects(&self, namespace: &str) -> Result<Managed, Unknown> {
        let mut objects = Vec::new();
        for kind in MANAGED_KINDS {
            let listed = self.each_own(kind, namespace, |object| objects.push(object));
            unless_out_of_reach(kind, listed)?;
        }
        let key = self.known_key(namespace);
        Ok(Managed::of(objects, namespace, key.as_ref()))
    }

    /// Passes on each object that carries the labels of a record of a platform.
    pub(super) fn each_record(
        &self,
        namespace: &str,
        take: impl FnMut(Value),
    ) -> Result<(), Unknown> {
        let records = MANAGED_KINDS.into_iter().filter(|kind| !kind.is_enforced());
        let [record] = records.collect::<Vec<_>>()[..] else {
            return Ok(());
        };
        let listed = self.each_own(record, namespace, take);
        listed.map_err(|failure| named(record.plural, failure))
    }

    fn each_own(
        &self,
        kind: ManagedKind,
        namespace: &str,
        mut take: impl FnMut(Value),
    ) -> Result<(), Failure> {
        let path = match kind.scope {
            Scope::Platform => kind.path(Some(namespace)),
            Scope::Everywhere => kind.path(None),
        };
        self.list(&path?, Some(OURS), |mut object: Value| {
            // A list leaves them out of its items.
            object["kind"] = kind.kind.into();
            object["apiVersion"] = kind.api_version.into();
            if is_of_platform(&object, namespace) {
                take(object);
            }
        })
    }

    /// Digest of every Gateway and EnvoyFilter and of every other managed object that enforces
    /// something: it changes if one of them does.
    pub fn gateway_digest(&self) -> Result<String, Unknown> {
        let mut marks = Vec::new();
        for kind in MANAGED_KINDS.into_iter().filter(|kind| kind.is_enforced()) {
            let selector = match kind.scope {
                Scope::Platform => None,
                Scope::Everywhere => Some(OURS),
            };
            let path = kind.path(None);
            let path = path.map_err(|error| named(kind.plural, error.into()))?;
            let listed = self.list(&path, selector, |object: Marked| {
                let Meta { uid, generation } = object.metadata;
                marks.push(format!("{uid} {generation}"));
            });
            unless_out_of_reach(kind, listed)?;
        }
        marks.sort_unstable();
        Ok(crate::digest(marks.join("\n")))
    }

    /// Applies an operation that a remedy requires.
    pub(crate) fn apply_operation(
        &self,
        remedy: Remedy,
        operation: &ClusterOperation,
    ) -> Result<(), Unknown> {
        match operation {
            ClusterOperation::Create(own) | ClusterOperation::Restore(own, _) => self.put(own),
            ClusterOperation::Delete(own) => self.take(own),
            ClusterOperation::Edit(edit, record) => self.edit(remedy, edit, record),
            ClusterOperation::Revert(entry, record) => self.put_back(remedy, entry, record),
        }
    }

    /// Applies a managed object. It is never deleted for that: the present one holds until the API
    /// server has accepted its replacement.
    pub fn put(&self, own: &ManagedObject) -> Result<(), Unknown> {
        let path = own.path().map_err(|error| Failure::from(error).into_unknown())?;
        let present = self.present(own)?;
        let is_there = present.is_some();
        let applied = match self.apply(&path, own) {
            // By its name and labels it is managed, and so are its fields, whichever manager has them.
            Err(Failure::Conflict(_)) if is_there => {
                self.apply(&path.clone().with("force", "true"), own)
            }
            applied => applied,
        };
        let applied = applied.map_err(Failure::into_unknown)?;
        if differences(&applied, own).is_empty() {
            return Ok(());
        }
        // Another manager has fields that are not desired, which only a replacement removes.
        let mut whole = applied;
        whole[own.kind.content] = own.object[own.kind.content].clone();
        if let Some(meta) = whole["metadata"].as_object_mut() {
            meta.remove("managedFields");
        }
        let path = path.with("fieldManager", MANAGED_BY.1);
        let replaced = self.send(Method::PUT, &path, Some(whole));
        replaced.map(drop).map_err(Failure::into_unknown)
    }

    /// Writes a report into the cluster, in place of the one of before.
    pub fn publish(&self, plural: &str, report: &Value) -> Result<(), Unknown> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let meta = &report["metadata"];
        let (namespace, name) = (text(&meta["namespace"]), text(&meta["name"]));
        let what = format!("{} {namespace}/{name}", text(&report["kind"]));
        let path = ApiPath::all(&text(&report["apiVersion"]), &namespace, plural);
        let written = path
            .and_then(|all| all.join(&name))
            .map_err(Failure::from)
            .and_then(|path| self.patch(&path, APPLY, report.clone()));
        written.map(drop).map_err(|failure| named(&what, failure))
    }

    /// Deletes a managed object, if it is there; one that was read, only if it is still that one.
    pub fn take(&self, own: &ManagedObject) -> Result<(), Unknown> {
        let Some(present) = self.present(own)? else {
            return Ok(());
        };
        let uid = present["metadata"]["uid"].as_str();
        match own.uid() {
            Some(read) if Some(read) != uid => {
                left(&own.reference().to_string(), "it is another object by now");
                Ok(())
            }
            _ => {
                let path = own.path().map_err(|error| Failure::from(error).into_unknown())?;
                self.delete(&path, &present)
            }
        }
    }

    /// A managed object as it is; an error if the one of its name is not managed.
    pub fn present(&self, own: &ManagedObject) -> Result<Option<Value>, Unknown> {
        let name = own.reference().to_string();
        let path = own.path().map_err(|error| named(&name, error.into()))?;
        let present = self.get(&path, &name)?;
        let is_own = |object: &Value| object["metadata"]["labels"][MANAGED_BY.0] == MANAGED_BY.1;
        match present {
            Some(object) if !is_own(&object) => Err(Unknown::Failed(format!(
                "{name} exists and is not managed by this charm: it has no label {}={}; remove or rename it",
                MANAGED_BY.0, MANAGED_BY.1
            ))),
            present => Ok(present),
        }
    }

    pub(super) fn get(&self, path: &ApiPath, name: &str) -> Result<Option<Value>, Unknown> {
        match self.send(Method::GET, path, None) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|_| broken()),
            Err(Failure::NotFound) => Ok(None),
            Err(failure) => Err(named(name, failure)),
        }
    }

    /// An object of the cluster, which is just the one that is named.
    pub(super) fn get_object(
        &self,
        path: &ApiPath,
        object: &ObjectRef,
    ) -> Result<Option<Value>, Unknown> {
        let present = self.get(path, &object.to_string())?;
        let is_it = |present: &Value| {
            let meta = &present["metadata"];
            meta["name"] == *object.name
                && meta["namespace"].as_str().unwrap_or_default() == object.namespace
                && meta["uid"].is_string()
        };
        match present {
            Some(other) if !is_it(&other) => Err(Unknown::Failed(format!(
                "{object}: the API server answers with another object"
            ))),
            present => Ok(present),
        }
    }

    fn apply(&self, path: &ApiPath, own: &ManagedObject) -> Result<Value, Failure> {
        let text = self.patch(path, APPLY, own.object.clone())?;
        serde_json::from_str(&text).map_err(|_| Failure::Other(broken()))
    }

    /// Deletes an object that was read, and no other. That there is none is the end of it only
    /// if it is not there under its name either.
    pub(super) fn delete(&self, path: &ApiPath, object: &Value) -> Result<(), Unknown> {
        let uid = &object["metadata"]["uid"];
        let body = json!({"preconditions": {"uid": uid}});
        match self.send(Method::DELETE, path, Some(body)) {
            Ok(_) => Ok(()),
            Err(Failure::NotFound) => match self.get(path, path.path())? {
                Some(still) if still["metadata"]["uid"] == *uid => Err(Unknown::Failed(
                    "the API server does not find it to delete, and still has it".into(),
                )),
                _ => Ok(()),
            },
            Err(failure) => Err(failure.into_unknown()),
        }
    }
}

/// Selects managed objects.
const OURS: (&str, &str) = ("labelSelector", "app.kubernetes.io/managed-by=ckf-hardening");

pub(super) fn broken() -> Unknown {
    Unknown::Failed("the answer is not understood".into())
}

/// Logs that an object is not reverted, since it was changed meanwhile.
pub(super) fn left(what: &str, why: &str) {
    warn!("{what} stays as it is: {why}");
}

/// The part of an object that changes whenever it does.
#[derive(Deserialize)]
struct Marked {
    metadata: Meta,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Meta {
    uid: String,
    generation: i64,
}

/// Without Istio there is nothing of its kinds. An account that may enforce TLS only may not
/// list what other remedies make, and has made none of it.
fn unless_out_of_reach(kind: ManagedKind, listed: Result<(), Failure>) -> Result<(), Unknown> {
    match listed {
        Ok(()) | Err(Failure::NotFound) => Ok(()),
        Err(Failure::Other(Unknown::Forbidden(why))) if !kind.is_of_tls() => {
            info!("managed objects that may exist are left as they are: {why}");
            Ok(())
        }
        Err(failure) => Err(named(kind.plural, failure)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn managed_objects_are_selected_by_their_label() {
        assert_eq!(OURS.1, format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    }
}
