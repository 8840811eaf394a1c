//! The record of an edit: what was there before it, authenticated.
//!
//! Records are ConfigMaps beside the platform, where others may write too. So a record counts
//! only if it carries a code made with a key that those others cannot read, over the record's
//! own uid: neither what somebody else wrote nor a copy of what was genuine once is followed.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use ring::hmac;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Remedy;
use super::edit::Edit;
use super::own::{OwnObject, RECORD, Wanted, kept_of, remedy_of};

/// Length of a key in bytes.
pub const KEY_LENGTH: usize = 32;
/// Where the entry is in a record: as text, or compressed as binary data.
const ENTRY: &str = "edit";
/// The code of a record by which edits are reverted.
const CODE: &str = "mac";
/// The code of a record whose edit has not begun.
const PENDING: &str = "pending";
/// Entries of more bytes are compressed.
const COMPRESSED_FROM: usize = 64 * 1024;
/// What a ConfigMap can hold, with room for the code.
const MOST: usize = 1_000_000;
/// No entry is larger once it is decompressed; etcd holds no larger object.
const MOST_DECOMPRESSED: u64 = 16 * 1024 * 1024;

/// The key by which records are authenticated. It does not print, and is wiped.
#[derive(Clone)]
pub struct RecordKey(Zeroizing<[u8; KEY_LENGTH]>);

impl RecordKey {
    /// A key of that many bytes as they are; `None` of another length.
    pub fn new(bytes: &[u8]) -> Option<Self> {
        Some(Self(Zeroizing::new(bytes.try_into().ok()?)))
    }

    fn key(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &*self.0)
    }

    /// Stands for an option's value that is not recorded itself.
    pub fn digest(&self, application: &str, option: &str, value: &str) -> String {
        let tag = hmac::sign(&self.key(), &message(&["option", application, option, value]));
        hex(tag.as_ref())
    }
}

impl std::fmt::Debug for RecordKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordKey(..)")
    }
}

/// What a record holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// The edit, with what was there before.
    pub edit: Edit,
    /// The uid of the object that was edited; empty for what Juju has.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub uid: String,
    /// The uid of the namespace of an object that was removed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace_uid: String,
}

/// Why an entry cannot be recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// No ConfigMap holds it.
    #[error("it is too large to be recorded, {0} bytes compressed; change it by hand")]
    TooLarge(usize),
    /// It has no JSON.
    #[error("it cannot be written as JSON")]
    Unwritable,
}

/// An entry as a ConfigMap holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The field of the ConfigMap.
    field: &'static str,
    /// Its value there.
    text: String,
}

impl Entry {
    /// The entry as a ConfigMap holds it.
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
    /// What an object that carries our labels holds; `None` if that is nothing.
    fn of(object: &Value) -> Option<Self> {
        ["data", "binaryData"].into_iter().find_map(|field| {
            let text = object[field][ENTRY].as_str()?.to_owned();
            Some(Self { field, text })
        })
    }

    /// The entry; read only of what is authentic.
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

    /// The fields of a record that hold it, with a code of this name; what another entry or
    /// code left is taken away.
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

/// The record of an edit that is followed.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The remedy that edited.
    pub remedy: Remedy,
    /// Whether the charm keeps the edit.
    pub kept: bool,
    /// What it holds.
    pub entry: Entry,
    /// The object.
    pub own: OwnObject,
}

/// What an object that carries the labels of a record is.
#[derive(Clone, Debug, PartialEq)]
pub enum Reading {
    /// A record that is followed.
    Signed(Box<Record>),
    /// A record of ours whose edit has not begun.
    Pending,
    /// Anything else, with the reason.
    Refused(&'static str),
}

impl Reading {
    /// Reads an object by a key.
    pub fn of(object: &Value, key: Option<&RecordKey>) -> Self {
        let Some(key) = key else {
            return Self::Refused("there is no key to verify it with");
        };
        let (Some(remedy), Some(kept)) = (remedy_of(object), kept_of(object)) else {
            return Self::Refused("its labels name no remedy");
        };
        let Some(content) = Content::of(object) else {
            return Self::Refused("it holds no edit");
        };
        let verifies = |code: &str, state: State<'_>| {
            let tag = object["data"][code].as_str().and_then(unhex);
            let message = signed(object, state, &content);
            tag.is_some_and(|tag| hmac::verify(&key.key(), &message, &tag).is_ok())
        };
        let uid = object["metadata"]["uid"].as_str().unwrap_or_default();
        if !uid.is_empty() && verifies(CODE, State::Signed(uid)) {
            let own = OwnObject::read(object);
            return match (content.entry(), own) {
                (Some(entry), Some(own)) => {
                    Self::Signed(Box::new(Record { remedy, kept, entry, own }))
                }
                _ => Self::Refused("it is of a form that this version does not know"),
            };
        }
        match verifies(PENDING, State::Pending) {
            true => Self::Pending,
            false => Self::Refused("its code does not verify: this charm did not write it so"),
        }
    }
}

/// How far a record is.
#[derive(Clone, Copy)]
enum State<'a> {
    /// Not yet there, or just there: it has no uid that is known.
    Pending,
    /// There, with this uid.
    Signed(&'a str),
}

/// The record of an edit as it is created, before it has a uid: it is followed by nobody.
pub fn pending(record: &OwnObject, content: &Content, key: &RecordKey) -> Value {
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

/// The patch that has a record, which is there, be followed.
pub fn signature(present: &Value, content: &Content, key: &RecordKey) -> Value {
    let meta = &present["metadata"];
    let uid = meta["uid"].as_str().unwrap_or_default();
    let code = hmac::sign(&key.key(), &signed(present, State::Signed(uid), content));
    let mut patch = content.fields(CODE, &hex(code.as_ref()));
    patch["metadata"] = json!({"uid": uid, "resourceVersion": meta["resourceVersion"]});
    patch
}

/// Whether a record that is there holds this already.
pub fn is_recorded(present: &Value, content: &Content) -> bool {
    Content::of(present).as_ref() == Some(content)
}

/// What the code of a record is over.
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

/// Parts with their lengths, so that no two lists of parts are the same message.
fn message(parts: &[&str]) -> Vec<u8> {
    let mut message = b"ckf-hardening/v1".to_vec();
    for part in parts {
        message.extend((part.len() as u64).to_be_bytes());
        message.extend(part.as_bytes());
    }
    message
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok()?;
        u8::from_str_radix(pair, 16).ok()
    };
    digits.map(byte).collect()
}

/// The record that an edit is to have, without its entry.
pub(super) fn wanted(edit: &Edit, platform: &str, remedy: Remedy) -> Wanted {
    let of = crate::mark(format!("{remedy} {:?}", edit.target()));
    Wanted {
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
    use crate::remedies::{Label, Removal};

    fn entry() -> Entry {
        let label = Label { before: None, after: Some("baseline".into()) };
        Entry {
            edit: Edit::Labels {
                object: ObjectRef {
                    api_version: "v1".into(),
                    kind: "Namespace".into(),
                    namespace: String::new(),
                    name: "alice".into(),
                },
                labels: BTreeMap::from([("a".to_owned(), label)]),
            },
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

    /// A record as it is in the cluster, before and after it was signed.
    fn written(entry: &Entry) -> (Value, Value) {
        let remedy = Remedy::PodSecurityLabels;
        let wanted = wanted(&entry.edit, "kubeflow", remedy);
        let own = OwnObject::new(&wanted, "kubeflow", remedy, true);
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
    fn record_is_pending_then_followed() {
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
    fn record_without_the_key_is_refused() {
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
    fn record_that_differs_in_anything_is_refused() {
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
        // The code of one state is none of the other.
        let mut swapped = signed.clone();
        swapped["data"][PENDING] = swapped["data"][CODE].take();
        assert!(is_refused(&swapped));
    }

    #[test]
    fn copy_of_a_record_is_refused_and_one_of_a_pending_record_is_not_followed() {
        let (created, signed) = written(&entry());
        let replayed = |mut object: Value| {
            object["metadata"]["uid"] = "r-9".into();
            Reading::of(&object, Some(&key()))
        };
        assert!(matches!(replayed(signed), Reading::Refused(_)));
        assert_eq!(replayed(created), Reading::Pending);
    }

    #[test]
    fn large_entry_is_compressed_and_one_that_fits_nowhere_is_refused() {
        let removal = |manifest: Value| Entry {
            edit: Edit::Removal(Removal {
                object: ObjectRef {
                    api_version: "rbac.authorization.k8s.io/v1".into(),
                    kind: "RoleBinding".into(),
                    namespace: "alice".into(),
                    name: "b".into(),
                },
                why: String::new(),
                manifest: Some(manifest),
            }),
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
            panic!("a large record is followed");
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
