//! The one place that names the TLS provider.

use std::sync::Arc;

use rustls::crypto::CryptoProvider;

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
