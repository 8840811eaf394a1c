//! Records of edits: the previous state, authenticated.
//!
//! Records are ConfigMaps in the platform's namespace, where others may write too. A record is
//! therefore valid only with an HMAC over its contents and its own uid, by a key that others
//! cannot read: neither a forged record nor a copy of a genuine one is used for a revert.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::edit::Edit;
use super::managed::{DesiredObject, ManagedObject, RECORD, kept_of, remedy_of};
use super::record_key::{RecordKey, hex, message};
use super::remedy::Remedy;

/// Key of the entry in a record: in `data` as JSON, or in `binaryData` compressed.
const ENTRY: &str = "edit";
/// Key of the HMAC of a signed record.
const CODE: &str = "mac";
/// Key of the HMAC of a record whose edit has not started.
const PENDING: &str = "pending";
/// Entries longer than this many bytes are compressed.
const COMPRESSED_FROM: usize = 64 * 1024;
/// Bytes that fit into a ConfigMap, with room for the HMAC.
const MOST: usize = 1_000_000;
/// Limit in bytes for decompressing an entry; no object in etcd is larger.
const MOST_DECOMPRESSED: u64 = 16 * 1024 * 1024;

/// Contents of a record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry<E = Edit> {
    /// The edit, with the previous values.
    pub edit: E,
    /// Uid of the edited object; empty for an edit in Juju.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// Uid of the namespace of a deleted object.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace_uid: String,
}

/// An entry that cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// Exceeds the size of a ConfigMap; carries the compressed size in bytes.
    #[error("too large to record ({0} bytes compressed); change it by hand")]
    TooLarge(usize),
    /// Cannot be serialized.
    #[error("cannot be serialized as JSON")]
    Unwritable,
}

/// An entry encoded for a ConfigMap.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// `data` or `binaryData`.
    field: &'static str,
    /// The encoded value.
    text: String,
}

impl Entry {
    /// Encodes the entry for a ConfigMap.
    pub fn content(&self) -> Result<Content, EntryError> {
        let text = serde_json::to_string(self).map_err(|_| EntryError::Unwritable)?;
        if text.len() <= COMPRESSED_FROM {
            return Ok(Content { field: "data", text });
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        let compressed = encoder
            .write_all(text.as_bytes())
            .and_then(|()| encoder.finish())
            .map_err(|_| EntryError::Unwritable)?;
        match compressed.len() {
            size if size > MOST => Err(EntryError::TooLarge(size)),
            _ => Ok(Content { field: "binaryData", text: STANDARD.encode(compressed) }),
        }
    }
}

impl Content {
    /// Content of a labelled object; `None` if it has no entry.
    fn of(object: &Value) -> Option<Self> {
        ["data", "binaryData"].into_iter().find_map(|field| {
            let text = object[field][ENTRY].as_str()?.to_owned();
            Some(Self { field, text })
        })
    }

    /// Decodes the entry; only called on authenticated content.
    fn entry(&self) -> Option<Entry> {
        if self.field == "data" {
            return serde_json::from_str(&self.text).ok();
        }
        let compressed = STANDARD.decode(&self.text).ok()?;
        let mut text = String::new();
        let mut decoder = ZlibDecoder::new(&*compressed).take(MOST_DECOMPRESSED);
        decoder.read_to_string(&mut text).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Fields of a record with this content and an HMAC under this key; fields of an earlier
    /// entry or HMAC are removed.
    fn fields(&self, code: &str, value: &str) -> Value {
        let mut fields = json!({"data": {CODE: null, PENDING: null}});
        let other = match self.field {
            "data" => "binaryData",
            _ => "data",
        };
        fields[other][ENTRY] = Value::Null;
        fields[self.field][ENTRY] = self.text.clone().into();
        fields["data"][code] = value.into();
        fields
    }
}

/// A valid record of an edit.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The remedy that made the edit.
    pub remedy: Remedy,
    /// Enforced by the charm's option, as opposed to applied once by an operator.
    pub kept: bool,
    /// The edit and its previous values.
    pub entry: Entry,
    /// The ConfigMap.
    pub own: ManagedObject,
}

/// Result of reading an object that carries a record's labels.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A valid record.
    Signed(Box<Record>),
    /// An authentic record whose edit has not started.
    Pending,
    /// Not a valid record, with the reason.
    Refused(&'static str),
}

impl Reading {
    /// Authenticates an object with a key.
    pub fn of(object: &Value, key: Option<&RecordKey>) -> Self {
        let Some(key) = key else {
            return Self::Refused("there is no key to verify it");
        };
        let (Some(remedy), Some(kept)) = (remedy_of(object), kept_of(object)) else {
            return Self::Refused("its labels name no known remedy");
        };
        let Some(content) = Content::of(object) else {
            return Self::Refused("it contains no edit");
        };
        let verifies = |code: &str, state: State<'_>| {
            let tag = object["data"][code].as_str().and_then(unhex);
            let message = signed(object, state, &content);
            tag.is_some_and(|tag| hmac::verify(&key.key(), &message, &tag).is_ok())
        };
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        if !uid.is_empty() && verifies(CODE, State::Signed(uid)) {
            let own = ManagedObject::read(object);
            return match (content.entry(), own) {
                (Some(entry), Some(own)) => {
                    Self::Signed(Box::new(Record { remedy, kept, entry, own }))
                }
                _ => Self::Refused("this version does not support its format"),
            };
        }
        match verifies(PENDING, State::Pending) {
            true => Self::Pending,
            false => Self::Refused("its HMAC does not verify: this charm did not write it"),
        }
    }
}

/// State of a record.
#[derive(Clone, Copy)]
enum State<'a> {
    /// Not created yet, or just created: its uid is not known.
    Pending,
    /// Created, with this uid.
    Signed(&'a str),
}

/// Manifest of a new record, before it has a uid: it cannot be used for a revert yet.
pub fn pending(record: &ManagedObject, content: &Content, key: &RecordKey) -> Value {
    let mut object = record.object.clone();
    let code = hmac::sign(&key.key(), &signed(&object, State::Pending, content));
    let fields = content.fields(PENDING, &hex(code.as_ref()));
    for field in ["data", "binaryData"] {
        let values = fields[field].as_object().into_iter().flatten();
        let values = values.filter(|(_, value)| !value.is_null());
        object[field] = values.map(|(k, v)| (k.clone(), v.clone())).collect();
    }
    object
}

/// Patch that signs an existing record, which makes it valid.
pub fn signature(present: &Value, content: &Content, key: &RecordKey) -> Value {
    let meta = &present["metadata"];
    let uid = meta["uid"].as_str().unwrap_or_default();
    let code = hmac::sign(&key.key(), &signed(present, State::Signed(uid), content));
    let mut patch = content.fields(CODE, &hex(code.as_ref()));
    patch["metadata"] = json!({"uid": uid, "resourceVersion": meta["resourceVersion"]});
    patch
}

/// An existing record already has this content.
pub fn is_recorded(present: &Value, content: &Content) -> bool {
    Content::of(present).as_ref() == Some(content)
}

/// Message that the HMAC of a record covers.
fn signed(object: &Value, state: State<'_>, content: &Content) -> Vec<u8> {
    let text = |value: &'_ Value| value.as_str().unwrap_or_default().to_owned();
    let meta = &object["metadata"];
    let (state, uid) = match state {
        State::Pending => ("pending", ""),
        State::Signed(uid) => ("signed", uid),
    };
    let remedy = remedy_of(object).map_or("", Remedy::name);
    let kept = kept_of(object).map_or_else(String::new, |kept| kept.to_string());
    message(&[
        "record",
        state,
        uid,
        &text(&meta["namespace"]),
        &text(&meta["name"]),
        remedy,
        &kept,
        content.field,
        &content.text,
    ])
}

/// Length-prefixed parts, so that different lists of parts never give the same message.
fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    };
    digits.map(byte).collect()
}

/// Desired record of an edit, without its entry.
pub(super) fn desired(edit: &Edit, platform: &str, remedy: Remedy) -> DesiredObject {
    let of = crate::digest(format!("{remedy} {:?}", edit.target()));
    DesiredObject {
        kind: RECORD,
        namespace: platform.into(),
        name: format!("ckf-hardening-{remedy}-{of}"),
        content: json!({}),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::facts::object::ObjectRef;
    use crate::remedies::record_key::KEY_LENGTH;
    use crate::remedies::{ClusterEdit, Label, Removal};

    fn entry() -> Entry {
        let label = Label { before: None, after: Some("baseline".into()) };
        Entry {
            edit: Edit::Cluster(ClusterEdit::Labels {
                object: ObjectRef::new("v1", "Namespace", "", "alice"),
                labels: BTreeMap::from([("a".to_owned(), label)]),
            }),
            uid: "n-1".into(),
            namespace_uid: String::new(),
        }
    }

    fn key() -> RecordKey {
        RecordKey::new(&[7; KEY_LENGTH]).unwrap()
    }

    /// Applies a merge patch, as the API server does.
    fn merged(mut object: Value, patch: &Value) -> Value {
        for (field, value) in patch.as_object().unwrap() {
            match value {
                Value::Null => drop(object.as_object_mut().unwrap().remove(field)),
                Value::Object(_) => {
                    let inner = match &object[field] {
                        Value::Object(_) => object[field].take(),
                        _ => json!({}),
                    };
                    object[field] = merged(inner, value);
                }
                value => object[field] = value.clone(),
            }
        }
        object
    }

    /// A record in the cluster, before and after signing.
    fn written(entry: &Entry) -> (Value, Value) {
        let remedy = Remedy::PodSecurityLabels;
        let desired = desired(&entry.edit, "kubeflow", remedy);
        let own = ManagedObject::new(&desired, "kubeflow", remedy, true);
        let content = entry.content().unwrap();
        let mut created = pending(&own, &content, &key());
        created["metadata"]["uid"] = "r-1".into();
        created["metadata"]["resourceVersion"] = "5".into();
        let signed = merged(created.clone(), &signature(&created, &content, &key()));
        (created, signed)
    }

    fn is_refused(object: &Value) -> bool {
        matches!(Reading::of(object, Some(&key())), Reading::Refused(_))
    }

    #[test]
    fn record_signed_after_creation_is_valid() {
        let (created, signed) = written(&entry());
        assert_eq!(Reading::of(&created, Some(&key())), Reading::Pending);
        let Reading::Signed(record) = Reading::of(&signed, Some(&key())) else {
            panic!("{signed}");
        };
        assert_eq!(record.entry, entry());
        assert!(record.kept);
        assert!(signed["data"].get(PENDING).is_none());
        assert!(is_recorded(&signed, &entry().content().unwrap()));
    }

    #[test]
    fn record_read_without_its_key_is_refused() {
        let (created, signed) = written(&entry());
        let other = RecordKey::new(&[8; KEY_LENGTH]);
        for object in [created, signed] {
            for key in [None, other.as_ref()] {
                assert!(matches!(Reading::of(&object, key), Reading::Refused(_)));
            }
        }
        assert!(RecordKey::new(&[7; 31]).is_none());
        assert_eq!(format!("{:?}", key()), "RecordKey(..)");
    }

    #[test]
    fn record_altered_in_any_field_is_refused() {
        let (_, signed) = written(&entry());
        for (pointer, value) in [
            ("/metadata/uid", "r-2"),
            ("/metadata/name", "ckf-hardening-other"),
            ("/metadata/namespace", "elsewhere"),
            ("/metadata/labels/ckf-hardening~1remedy", "declared-options"),
            ("/metadata/labels/ckf-hardening~1kept", "false"),
            ("/metadata/labels/ckf-hardening~1kept", "maybe"),
            ("/data/edit", "{}"),
            ("/data/mac", ""),
            ("/data/mac", "zz"),
        ] {
            let mut altered = signed.clone();
            *altered.pointer_mut(pointer).expect(pointer) = value.into();
            assert!(is_refused(&altered), "{pointer}: {altered}");
        }
        // The HMAC of one state does not verify for the other.
        let mut swapped = signed.clone();
        swapped["data"][PENDING] = swapped["data"][CODE].take();
        assert!(is_refused(&swapped));
    }

    #[test]
    fn record_copied_to_another_uid_is_refused_or_stays_pending() {
        let (created, signed) = written(&entry());
        let replayed = |mut object: Value| {
            object["metadata"]["uid"] = "r-9".into();
            Reading::of(&object, Some(&key()))
        };
        assert!(matches!(replayed(signed), Reading::Refused(_)));
        assert_eq!(replayed(created), Reading::Pending);
    }

    #[test]
    fn entry_large_is_compressed_and_too_large_is_an_error() {
        let removal = |manifest: Value| Entry {
            edit: Edit::Cluster(ClusterEdit::Removal(Removal {
                object: ObjectRef::new("rbac.authorization.k8s.io/v1", "RoleBinding", "alice", "b"),
                why: String::new(),
                manifest: Some(manifest),
            })),
            uid: "b-1".into(),
            namespace_uid: "n-1".into(),
        };
        let subjects: Vec<Value> = (0..7_500)
            .map(|number| {
                json!({"kind": "User", "name": format!("user-{number}@example.com"),
                "apiGroup": "rbac.authorization.k8s.io"})
            })
            .collect();
        let large = removal(json!({"subjects": subjects}));
        let (_, signed) = written(&large);
        let size = signed["binaryData"][ENTRY].as_str().unwrap().len();
        assert!(size < 200_000, "{size}");
        let Reading::Signed(record) = Reading::of(&signed, Some(&key())) else {
            panic!("a large record is valid");
        };
        assert_eq!(record.entry, large);

        let mut state = 1_u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            format!("{state:x}")
        };
        let noise: Vec<String> = (0..200_000).map(|_| noise()).collect();
        let why = removal(json!(noise)).content().unwrap_err();
        assert!(matches!(why, EntryError::TooLarge(_)), "{why}");
    }
}
