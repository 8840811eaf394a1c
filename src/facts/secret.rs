//! Secrets: what is judged of them is worked out as they are read, and what
//! they hold is wiped.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::certificate::{Certificate, public_key_of_private};
use super::object::{Meta, object};
use super::text::Text;

/// What is judged of a Secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    /// Metadata.
    pub metadata: Meta,
    /// Type.
    #[serde(rename = "type")]
    pub kind: Text,
    /// Names of the keys whose values are not empty.
    pub keys: Vec<Text>,
    /// The certificate in `tls.crt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSecret>,
    /// MinIO's key, where it holds one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minio: Option<MinioKey>,
}
object!(Secret, "v1", "Secret");

/// What is judged of a TLS Secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsSecret {
    /// Its certificates, leaf first.
    pub chain: Vec<Certificate>,
    /// Why they could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Hash of the public key that belongs to its private key; `None` if there is
    /// no private key, or it is of a kind that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What is judged of MinIO's root key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MinioKey {
    /// Whether the user is MinIO's default.
    pub default_user: bool,
    /// Whether the key is one of the well-known ones.
    pub well_known: bool,
    /// Length of the key in characters.
    pub length: usize,
    /// How many different characters it has.
    pub distinct: usize,
    /// Stands for user and key, so that copies can be compared. It is salted by
    /// a random number that is thrown away, so nobody can guess back from it.
    pub group: String,
}

#[derive(Deserialize)]
pub(super) struct SecretWire {
    #[serde(default)]
    metadata: Meta,
    #[serde(default, rename = "type")]
    kind: Text,
    #[serde(default)]
    data: BTreeMap<Text, Plain>,
}

/// A value of a Secret, decoded, and wiped when it goes.
pub(crate) struct Plain(Zeroizing<Vec<u8>>);

impl Plain {
    /// Whether it is this value.
    pub(crate) fn is(&self, value: &[u8]) -> bool {
        self.0.as_slice() == value
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let encoded = Zeroizing::new(String::deserialize(deserializer)?);
        match BASE64.decode(encoded.as_bytes()) {
            Ok(bytes) => Ok(Self(Zeroizing::new(bytes))),
            // The error names no byte of it.
            Err(_) => Err(serde::de::Error::custom("a value is not base64")),
        }
    }
}

/// Keys that tutorials use.
const WELL_KNOWN: &[&str] = &["minio123", "minioadmin", "password", "changeme", "minio"];

impl From<SecretWire> for Secret {
    fn from(wire: SecretWire) -> Self {
        let value =
            |key: &str| wire.data.get(key).map(|v| v.0.as_slice()).filter(|v| !v.is_empty());
        let tls = value("tls.crt").or(value("tls.key")).map(|_| {
            let read = Certificate::from_pem(value("tls.crt").unwrap_or_default());
            TlsSecret {
                error: read.as_ref().err().map(ToString::to_string),
                chain: read.unwrap_or_default(),
                key: value("tls.key").and_then(public_key_of_private),
            }
        });
        let minio = [("accesskey", "secretkey"), ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY")]
            .into_iter()
            .find_map(|(user, key)| Some(MinioKey::judge(value(user)?, value(key)?)));
        let keys =
            wire.data.iter().filter(|(_, v)| !v.0.is_empty()).map(|(k, _)| k.clone()).collect();
        Self { metadata: wire.metadata, kind: wire.kind, keys, tls, minio }
    }
}

impl MinioKey {
    fn judge(user: &[u8], key: &[u8]) -> Self {
        let distinct: std::collections::BTreeSet<u8> = key.iter().copied().collect();
        let mut digest = Sha256::new();
        digest.update(salt().to_le_bytes());
        digest.update(user);
        digest.update([0]);
        digest.update(key);
        Self {
            default_user: user == b"minio",
            well_known: WELL_KNOWN.iter().any(|known| known.as_bytes() == key),
            length: key.len(),
            distinct: distinct.len(),
            group: digest.finalize().iter().map(|b| format!("{b:02x}")).collect(),
        }
    }
}

/// A random number of this process, never written anywhere.
fn salt() -> u64 {
    use std::hash::{BuildHasher, Hasher, RandomState};
    use std::sync::OnceLock;
    static SALT: OnceLock<u64> = OnceLock::new();
    *SALT.get_or_init(|| RandomState::new().build_hasher().finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Secret {
        serde_json::from_value::<SecretWire>(json).unwrap().into()
    }

    fn encoded(text: &str) -> String {
        BASE64.encode(text)
    }

    #[test]
    fn copies_of_a_minio_key_are_in_one_group_and_the_key_is_gone() {
        let one = read(
            serde_json::json!({"data": {"accesskey": encoded("minio"), "secretkey": encoded("s3cret-key")}}),
        );
        let two = read(
            serde_json::json!({"data": {"MINIO_ACCESS_KEY": encoded("minio"), "MINIO_SECRET_KEY": encoded("s3cret-key")}}),
        );
        assert_eq!(one.minio.as_ref().unwrap().group, two.minio.unwrap().group);
        let kept = serde_json::to_string(&one).unwrap();
        assert!(!kept.contains("s3cret-key") && !kept.contains(&encoded("s3cret-key")), "{kept}");
    }

    #[test]
    fn a_value_that_is_not_base64_is_refused_without_being_shown() {
        let error =
            serde_json::from_value::<SecretWire>(serde_json::json!({"data": {"a": "!hunter2!"}}));
        let text = error.err().unwrap().to_string();
        assert!(text.contains("base64") && !text.contains("hunter2"), "{text}");
    }
}
