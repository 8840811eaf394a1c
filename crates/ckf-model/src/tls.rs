//! TLS: its provider, and the cipher suites that are accepted.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

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
