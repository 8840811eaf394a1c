//! TLS: its versions, its provider, and the cipher suites that are accepted.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use serde::{Deserialize, Serialize};

/// A version of TLS. Stored as its minor digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum TlsVersion {
    /// TLS 1.0, which RFC 8996 forbids.
    V1_0,
    /// TLS 1.1, which RFC 8996 forbids.
    V1_1,
    /// TLS 1.2.
    V1_2,
    /// TLS 1.3.
    V1_3,
}

/// Something that is no version of TLS.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither 1.2 nor 1.3")]
pub struct NoTlsVersion(pub String);

impl TlsVersion {
    /// As clients write it: `1.2`.
    pub fn number(self) -> &'static str {
        match self {
            Self::V1_0 => "1.0",
            Self::V1_1 => "1.1",
            Self::V1_2 => "1.2",
            Self::V1_3 => "1.3",
        }
    }

    /// As Envoy's `TlsParameters.TlsProtocol` has it: `TLSv1_2`.
    pub fn envoy(self) -> &'static str {
        match self {
            Self::V1_0 => "TLSv1_0",
            Self::V1_1 => "TLSv1_1",
            Self::V1_2 => "TLSv1_2",
            Self::V1_3 => "TLSv1_3",
        }
    }

    /// From Envoy's or Istio's word; 1.2 for their default, `TLS_AUTO`.
    pub fn of_protocol(protocol: &str) -> Self {
        let all = [Self::V1_0, Self::V1_1, Self::V1_3];
        let named = all.into_iter().find(|one| one.envoy().eq_ignore_ascii_case(protocol));
        named.unwrap_or(Self::V1_2)
    }
}

impl fmt::Display for TlsVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TLS {}", self.number())
    }
}

/// A minimum that a policy or an option asks for.
impl FromStr for TlsVersion {
    type Err = NoTlsVersion;

    fn from_str(text: &str) -> Result<Self, NoTlsVersion> {
        let minimums = [Self::V1_2, Self::V1_3];
        let named = minimums.into_iter().find(|one| one.number() == text);
        named.ok_or_else(|| NoTlsVersion(text.to_owned()))
    }
}

impl TryFrom<u8> for TlsVersion {
    type Error = NoTlsVersion;

    fn try_from(minor: u8) -> Result<Self, NoTlsVersion> {
        let all = [Self::V1_0, Self::V1_1, Self::V1_2, Self::V1_3];
        all.get(usize::from(minor)).copied().ok_or_else(|| NoTlsVersion(minor.to_string()))
    }
}

impl From<TlsVersion> for u8 {
    fn from(version: TlsVersion) -> Self {
        version as Self
    }
}

/// Cipher suites that are accepted, by OpenSSL's names: forward secrecy and AEAD.
pub const STRONG_SUITES: &[&str] = &[
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES128-GCM-SHA256",
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
];

/// The provider.
pub fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Makes ring the process's TLS provider. Calling it again does nothing.
pub fn install_provider() {
    // An error means that a provider is installed already, which is what is wanted.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

/// The public part (SubjectPublicKeyInfo, DER) of an ECDSA or Ed25519 private
/// key that ring knows, `None` for any other.
pub fn public_key_of(key: &rustls::pki_types::PrivateKeyDer<'_>) -> Option<Vec<u8>> {
    let signing = rustls::crypto::ring::sign::any_supported_type(key).ok()?;
    Some(signing.public_key()?.as_ref().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_read_back_from_each_of_its_forms() {
        for minor in 0..4 {
            let version = TlsVersion::try_from(minor).unwrap();
            assert_eq!(u8::from(version), minor);
            assert_eq!(TlsVersion::of_protocol(version.envoy()), version);
            assert_eq!(version.number().parse::<TlsVersion>().is_ok(), version >= TlsVersion::V1_2);
        }
        assert_eq!(TlsVersion::of_protocol("TLS_AUTO"), TlsVersion::V1_2);
        assert!(TlsVersion::try_from(4).is_err() && "1".parse::<TlsVersion>().is_err());
        assert!(TlsVersion::V1_2 < TlsVersion::V1_3);
    }
}
