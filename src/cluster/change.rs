//! Objects of ours: what is there, and how they are made, restored and deleted.

use log::{info, warn};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Cluster, named, within};
use crate::facts::known::Unknown;
use crate::facts::kubernetes::Failure;
use crate::remedies::{
    Change, Deed, MANAGED_BY, OWN_KINDS, OwnKind, OwnObject, Scope, differences, is_of_platform,
};

impl Cluster {
    /// Every object of ours for a platform, as it is. Another platform of the cluster may
    /// have a charm of its own.
    pub fn own_objects(&self, namespace: &str) -> Result<Vec<Value>, Unknown> {
        let mut own = Vec::new();
        for kind in OWN_KINDS {
            let path = match kind.scope {
                Scope::Platform => kind.path(Some(namespace)),
                Scope::Everywhere => kind.path(None),
            };
            let listed = self.each(&path, Some(OURS), |mut object: Value| {
                // A list leaves it out of its items.
                object["kind"] = kind.kind.into();
                if is_of_platform(&object, namespace) {
                    own.push(object);
                }
            });
            unless_out_of_reach(kind, listed)?;
        }
        Ok(own)
    }

    /// Stands for every Gateway and EnvoyFilter as it is, and for every other object of ours
    /// that holds something: if it is another, one of them is.
    pub fn mark(&self) -> Result<String, Unknown> {
        let mut marks = Vec::new();
        for kind in OWN_KINDS.into_iter().filter(|kind| kind.is_enforced()) {
            let selector = match kind.scope {
                Scope::Platform => None,
                Scope::Everywhere => Some(OURS),
            };
            let listed = self.each(&kind.path(None), selector, |object: Marked| {
                let Meta { uid, generation } = object.metadata;
                marks.push(format!("{uid} {generation}"));
            });
            unless_out_of_reach(kind, listed)?;
        }
        marks.sort_unstable();
        Ok(crate::mark(marks.join("\n")))
    }

    /// Carries out a change that is made here; `Ok(false)` if Juju makes it.
    pub fn carry_out(&self, change: &Change) -> Result<bool, Unknown> {
        let name = change.target().to_string();
        let done = match &change.deed {
            _ if change.is_of_juju() => return Ok(false),
            Deed::Create(own) | Deed::Restore(own, _) => self.put(own),
            Deed::Delete(own) => self.take(own),
            Deed::Edit(edit, record) => self.edit(edit, record),
            Deed::PutBack(edit, record) => self.put_back(edit, record),
        };
        done.map(|()| true).map_err(|why| within(&name, why))
    }

    /// Makes an object of ours what it is to be: applied server-side, without force. One
    /// that somebody else has taken fields of is made anew.
    pub fn put(&self, own: &OwnObject) -> Result<(), Unknown> {
        let path = own.path();
        let Some(present) = self.present(own)? else {
            return self.apply(&path, own).map(drop);
        };
        match self.apply(&path, own) {
            Ok(applied) if differences(&applied, own).is_empty() => return Ok(()),
            Ok(_) => {}
            Err(Unknown::Failed(why)) if why.contains("409") => {}
            Err(why) => return Err(why),
        }
        self.delete(&path, &present)?;
        self.apply(&path, own).map(drop)
    }

    /// Writes a report into the cluster, in place of the one of before.
    pub fn publish(&self, plural: &str, report: &Value) -> Result<(), Unknown> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let meta = &report["metadata"];
        let (namespace, name) = (text(&meta["namespace"]), text(&meta["name"]));
        let path = format!(
            "/apis/{}/namespaces/{namespace}/{plural}/{name}",
            text(&report["apiVersion"])
        );
        let written = self.patch(&path, "application/apply-patch+yaml", report.clone());
        let what = format!("{} {namespace}/{name}", text(&report["kind"]));
        written.map(drop).map_err(|failure| named(&what, failure))
    }

    /// Deletes an object of ours, if it is there.
    pub fn take(&self, own: &OwnObject) -> Result<(), Unknown> {
        match self.present(own)? {
            Some(present) => self.delete(&own.path(), &present),
            None => Ok(()),
        }
    }

    /// An object of ours as it is; an error if what is there under its name is not ours.
    pub fn present(&self, own: &OwnObject) -> Result<Option<Value>, Unknown> {
        let name = own.reference().to_string();
        let present = self.get(&own.path(), &name)?;
        let is_own = |object: &Value| object["metadata"]["labels"][MANAGED_BY.0] == MANAGED_BY.1;
        match present {
            Some(object) if !is_own(&object) => Err(Unknown::Failed(format!(
                "{name} is there and is not ours: it has no label {}={}; remove or rename it",
                MANAGED_BY.0, MANAGED_BY.1
            ))),
            present => Ok(present),
        }
    }

    pub(super) fn get(&self, path: &str, name: &str) -> Result<Option<Value>, Unknown> {
        match self.send("GET", path, None) {
            Ok(text) => serde_json::from_str(&text).map(Some).map_err(|_| broken()),
            Err(Failure::NotFound) => Ok(None),
            Err(failure) => Err(named(name, failure)),
        }
    }

    fn apply(&self, path: &str, own: &OwnObject) -> Result<Value, Unknown> {
        let text = self.patch(path, "application/apply-patch+yaml", own.object.clone());
        let text = text.map_err(Failure::into_unknown)?;
        serde_json::from_str(&text).map_err(|_| broken())
    }

    pub(super) fn delete(&self, path: &str, object: &Value) -> Result<(), Unknown> {
        let body = json!({"preconditions": {"uid": object["metadata"]["uid"]}});
        match self.send("DELETE", path, Some(body)) {
            Ok(_) | Err(Failure::NotFound) => Ok(()),
            Err(failure) => Err(failure.into_unknown()),
        }
    }
}

/// Selects objects of ours.
const OURS: (&str, &str) = (
    "labelSelector",
    "app.kubernetes.io/managed-by=ckf-hardening",
);

fn broken() -> Unknown {
    Unknown::Failed("the answer is not understood".into())
}

/// Tells of what could not be put back as it was, since somebody changed it meanwhile.
pub(super) fn left(what: &str, why: &str) {
    warn!("{what} stays as it is: {why}");
}

/// What of an object tells whether it is another.
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
fn unless_out_of_reach(kind: OwnKind, listed: Result<(), Unknown>) -> Result<(), Unknown> {
    match listed {
        Err(Unknown::Failed(why)) if why.ends_with("not found") => Ok(()),
        Err(Unknown::Forbidden(why)) if !kind.is_of_tls() => {
            info!("objects of ours that may be there are left as they are: {why}");
            Ok(())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_of_ours_are_selected_by_their_label() {
        assert_eq!(OURS.1, format!("{}={}", MANAGED_BY.0, MANAGED_BY.1));
    }
}
