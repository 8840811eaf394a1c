//! CAs that browsers trust, by Mozilla's list.

use std::collections::HashMap;
use std::sync::LazyLock;

use webpki_root_certs::TLS_SERVER_ROOT_CERTS;
use x509_parser::prelude::{FromDer as _, X509Certificate};

/// Certificates by subject, as it is written in DER.
static ROOTS: LazyLock<HashMap<&'static [u8], &'static [u8]>> = LazyLock::new(|| {
    let known = TLS_SERVER_ROOT_CERTS.iter().filter_map(|der| {
        let der: &'static [u8] = der.as_ref();
        let (_, root) = X509Certificate::from_der(der).ok()?;
        Some((root.tbs_certificate.subject.as_raw(), der))
    });
    known.collect()
});

/// Whether one of them has signed a certificate, or is it. A name proves nothing: the signature is
/// verified.
pub(crate) fn is_signed_by_one(certificate: &X509Certificate<'_>) -> bool {
    let of_name = ROOTS.get(certificate.issuer().as_raw());
    of_name
        .and_then(|der| X509Certificate::from_der(der).ok())
        .is_some_and(|(_, root)| certificate.verify_signature(Some(root.public_key())).is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_is_known_and_its_namesake_is_not() {
        let der = TLS_SERVER_ROOT_CERTS[0].as_ref();
        let (_, root) = X509Certificate::from_der(der).unwrap();
        assert!(is_signed_by_one(&root));
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        let name = root.subject().iter_common_name().next().and_then(|name| name.as_str().ok());
        params.distinguished_name.push(rcgen::DnType::CommonName, name.unwrap_or("ISRG Root X1"));
        let other = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        let (_, other) = X509Certificate::from_der(other.der()).unwrap();
        assert!(!is_signed_by_one(&other));
    }
}
