//! The Secret of a platform: the key of its records, and which application holds it.
//!
//! It is in kube-system: who can read or write there is root of the cluster already.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::facts::known::Unknown;
use crate::remedies::{MANAGED_BY, RecordKey};

/// An application that enforces on a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub(super) model_uuid: String,
    pub(super) application: String,
}

impl Holder {
    /// An application of a model.
    pub fn new(model_uuid: &str, application: &str) -> Self {
        Self { model_uuid: model_uuid.into(), application: application.into() }
    }

    /// Reads what [`Display`](std::fmt::Display) writes; `None` if it names no application.
    pub fn parse(text: &str) -> Option<Self> {
        let (model, application) = text.trim().split_once('/')?;
        let is_name = !model.is_empty() && !application.is_empty();
        (is_name && !application.contains('/')).then(|| Self::new(model, application))
    }
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.model_uuid, self.application)
    }
}

/// Holder of a platform, as seen by an application that wants to change it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// No other application.
    Free,
    /// Another application, which alone enforces there.
    Other(Holder),
    /// It cannot be read.
    Unknown(Unknown),
}

impl Hold {
    /// Why nothing is changed, if another application holds the platform.
    pub fn other(&self) -> Option<String> {
        match self {
            Self::Other(Holder { model_uuid, application }) => Some(format!(
                "application {application} of model {model_uuid} enforces here already, and two \
                 would undo each other; remove one of them, or set its option enforce to none"
            )),
            Self::Free | Self::Unknown(_) => None,
        }
    }
}

/// A platform's Secret.
#[derive(Clone)]
pub(super) struct PlatformSecret {
    pub(super) uid: String,
    pub(super) resource_version: String,
    /// Whether it is ours to delete: an administrator may have made it for us.
    pub(super) is_ours: bool,
    pub(super) key: Option<RecordKey>,
    pub(super) holder: Option<Holder>,
}

/// The Secret in a platform's namespace, if known.
#[derive(Clone)]
pub(super) struct Platform {
    pub(super) namespace: String,
    pub(super) secret: Result<Option<PlatformSecret>, Unknown>,
}

/// The Secret as it is sent.
#[derive(Deserialize)]
struct Wire {
    metadata: Meta,
    #[serde(default)]
    data: Option<Data>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Meta {
    uid: String,
    resource_version: String,
    #[serde(default)]
    labels: Option<Map<String, Value>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Data {
    record_key: String,
    holder: String,
}

impl PlatformSecret {
    pub(super) fn read(text: &str) -> Option<Self> {
        let wire: Wire = serde_json::from_str(text).ok()?;
        let data = wire.data.unwrap_or_default();
        let (key, holder) = (Zeroizing::new(data.record_key), data.holder);
        let key = STANDARD.decode(&*key).ok().map(Zeroizing::new);
        let holder = STANDARD.decode(holder).ok();
        let holder = holder.and_then(|bytes| String::from_utf8(bytes).ok());
        let labels = wire.metadata.labels.unwrap_or_default();
        Some(Self {
            uid: wire.metadata.uid,
            resource_version: wire.metadata.resource_version,
            is_ours: labels.get(MANAGED_BY.0).is_some_and(|by| by == MANAGED_BY.1),
            key: key.and_then(|key| RecordKey::new(&key)),
            holder: holder.as_deref().and_then(Holder::parse),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn holder_is_read_as_it_is_written() {
        let holder = Holder::new("62ab6cbb-ee5b-4fa3-872f-3a9f4a242d8e", "ckf-hardening");
        assert_eq!(Holder::parse(&holder.to_string()), Some(holder));
        for text in ["", "/", "model/", "/application", "model", "a/b/c"] {
            assert_eq!(Holder::parse(text), None, "{text}");
        }
    }

    #[test]
    fn secret_that_is_empty_has_neither_key_nor_holder() {
        let text = r#"{"metadata": {"uid": "1", "resourceVersion": "2"}}"#;
        let secret = PlatformSecret::read(text).unwrap();
        assert!(secret.key.is_none() && secret.holder.is_none() && !secret.is_ours);
        let text = r#"{"metadata": {"uid": "1", "resourceVersion": "2"},
            "data": {"record-key": "c2hvcnQ=", "holder": ""}}"#;
        assert!(PlatformSecret::read(text).unwrap().key.is_none());
    }
}
