//! Secrets: assessed properties are derived while parsing, and the values are wiped.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Deserializer, Serialize};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::certificate::{Certificate, chain_fault, ders, public_key_of_private};
use super::crypto_material::CryptoMaterial;
use super::object::{Meta, object};
use super::text::Interned;

/// Assessed properties of a Secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Secret {
    /// Metadata.
    pub metadata: Meta,
    /// Type, for example `kubernetes.io/tls`.
    #[serde(rename = "type")]
    pub kind: Interned,
    /// Keys with non-empty values.
    pub keys: Vec<Interned>,
    /// Certificate and key, as Istio and Kubernetes read them: `cert` and `key`, else
    /// `tls.crt` and `tls.key`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls: Option<TlsSecret>,
    /// MinIO's root key, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minio: Option<MinioKey>,
    /// Certificates and private keys of all values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub crypto: Vec<CryptoMaterial>,
}
object!(Secret, "v1", "Secret");

/// Assessed properties of a TLS Secret.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TlsSecret {
    /// Certificates of `tls.crt`, leaf first.
    pub chain: Vec<Certificate>,
    /// Parse error of the certificates.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Hash of the public key that belongs to `tls.key`; `None` if there is no private key, or
    /// its type is unsupported.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// First fault of the chain: a certificate that the next one has not signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Assessed properties of MinIO's root key.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MinioKey {
    /// Whether the user is MinIO's default user.
    pub default_user: bool,
    /// Whether the key is a well-known one.
    pub well_known: bool,
    /// Length of the key in characters.
    pub length: usize,
    /// Number of distinct characters.
    pub distinct: usize,
    /// Salted hash of user and key, for comparison of copies. The salt is random and never
    /// stored, so the key cannot be recovered by guessing.
    pub group: String,
}

/// A Secret as the API server sends it.
#[derive(Deserialize)]
pub struct SecretWire {
    #[serde(default)]
    metadata: Meta,
    #[serde(default, rename = "type")]
    kind: Interned,
    #[serde(default)]
    data: BTreeMap<Interned, Plain>,
}

/// A decoded value of a Secret, wiped on drop.
pub struct Plain(Zeroizing<Vec<u8>>);

impl Plain {
    /// Whether it equals this value.
    pub fn is(&self, value: &[u8]) -> bool {
        self.0.as_slice() == value
    }
}

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let encoded = Zeroizing::new(String::deserialize(deserializer)?);
        match BASE64.decode(encoded.as_bytes()) {
            Ok(bytes) => Ok(Self(Zeroizing::new(bytes))),
            // The error must not quote the value.
            Err(_) => Err(serde::de::Error::custom("a value is not base64")),
        }
    }
}

/// Keys used in tutorials.
const WELL_KNOWN: &[&str] = &["minio123", "minioadmin", "password", "changeme", "minio"];

impl From<SecretWire> for Secret {
    fn from(wire: SecretWire) -> Self {
        let value =
            |key: &str| wire.data.get(key).map(|v| v.0.as_slice()).filter(|v| !v.is_empty());
        let (certificate, key) = match (value("cert"), value("key")) {
            // Istio looks for a generic Secret first.
            (Some(certificate), Some(key)) => (Some(certificate), Some(key)),
            _ => (value("tls.crt"), value("tls.key")),
        };
        let tls = certificate.or(key).map(|_| {
            let pem = certificate.unwrap_or_default();
            let read = Certificate::from_pem(pem);
            TlsSecret {
                error: read.as_ref().err().map(ToString::to_string),
                chain: read.unwrap_or_default(),
                key: key.and_then(public_key_of_private),
                fault: chain_fault(&ders(pem)),
            }
        });
        let found = wire.data.iter().filter(|(_, value)| !value.0.is_empty());
        let crypto = found.filter_map(|(key, value)| CryptoMaterial::of(key.clone(), &value.0));
        let crypto = crypto.collect();
        let minio = [("accesskey", "secretkey"), ("MINIO_ACCESS_KEY", "MINIO_SECRET_KEY")]
            .into_iter()
            .find_map(|(user, key)| Some(MinioKey::assess(value(user)?, value(key)?)));
        let keys =
            wire.data.iter().filter(|(_, v)| !v.0.is_empty()).map(|(k, _)| k.clone()).collect();
        Self { metadata: wire.metadata, kind: wire.kind, keys, tls, minio, crypto }
    }
}

impl MinioKey {
    fn assess(user: &[u8], key: &[u8]) -> Self {
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

/// Random salt of this process, never stored.
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
    fn copies_of_minio_key_share_group_without_key() {
        let one = read(
            serde_json::json!({"data": {"accesskey": encoded("minio"), "secretkey": encoded("s3cret-key")}}),
        );
        let two = read(
            serde_json::json!({"data": {"MINIO_ACCESS_KEY": encoded("minio"), "MINIO_SECRET_KEY": encoded("s3cret-key")}}),
        );
        assert_eq!(one.minio.as_ref().unwrap().group, two.minio.unwrap().group);
        let json = serde_json::to_string(&one).unwrap();
        assert!(!json.contains("s3cret-key") && !json.contains(&encoded("s3cret-key")), "{json}");
    }

    #[test]
    fn invalid_base64_is_rejected_without_quoting_it() {
        let error =
            serde_json::from_value::<SecretWire>(serde_json::json!({"data": {"a": "!hunter2!"}}));
        let text = error.err().unwrap().to_string();
        assert!(text.contains("base64") && !text.contains("hunter2"), "{text}");
    }
}
