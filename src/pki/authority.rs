//! A certificate authority with name constraints.

use jiff::{SignedDuration, Timestamp};
use rand::TryRng as _;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData as _, SerialNumber,
};
use rsa::pkcs8::{EncodePrivateKey as _, LineEnding};
use time::OffsetDateTime;
use zeroize::Zeroizing;

use super::constraints::{self, Constraints};
use super::{CertificatePolicy, KeyKind, Name, Request};
use crate::facts::certificate::{Certificate, CertificateError, public_key_hash};

/// How the subject of every authority of this charm begins.
pub const SUBJECT: &str = "ckf-hardening CA of";
/// Backdating of certificates, to allow for clock skew.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Errors of creating, restoring or using an authority.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The system's random source failed.
    #[error("the system's random source failed")]
    Random,
    /// An RSA key could not be generated.
    #[error("generating an RSA key: {0}")]
    Rsa(String),
    /// Signing failed, or a key is invalid.
    #[error("{0}")]
    Generate(#[from] rcgen::Error),
    /// The certificate is invalid.
    #[error("CA certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// The key belongs to another certificate.
    #[error("the CA key does not match the CA certificate")]
    OtherKey,
}

/// A certificate authority. `Debug` omits the key.
pub struct Authority {
    key: KeyPair,
    certificate: String,
    parsed: Certificate,
    constraints: Constraints,
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Authority({})", self.parsed.subject)
    }
}

impl Authority {
    /// Creates an authority constrained to these names; `of` is the owner in its subject.
    pub fn create(
        of: &str,
        names: &[Name],
        terms: &CertificatePolicy,
        now: Timestamp,
    ) -> Result<Self, AuthorityError> {
        let key = match terms.key {
            KeyKind::EcdsaP256 => KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?,
            KeyKind::Rsa3072 => {
                let rsa = rsa::PrivateKey::new(&mut rand::rng(), 3072)
                    .map_err(|error| AuthorityError::Rsa(error.to_string()))?;
                let pem = rsa
                    .to_pkcs8_pem(LineEnding::LF)
                    .map_err(|error| AuthorityError::Rsa(error.to_string()))?;
                KeyPair::from_pem(&pem)?
            }
        };
        let serial = serial()?;
        let mut params = CertificateParams::default();
        // The number distinguishes consecutive authorities.
        let number: String = serial[12..].iter().map(|b| format!("{b:02x}")).collect();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, format!("{SUBJECT} {of} {number}"));
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = Some(constraints::of(names));
        (params.not_before, params.not_after) = validity(now, terms.authority_life);
        let certificate = params.self_signed(&key)?.pem();
        Self::assemble(key, certificate)
    }

    /// Restores an authority from its key and certificate, PEM.
    pub fn restore(key: &str, certificate: &str) -> Result<Self, AuthorityError> {
        Self::assemble(KeyPair::from_pem(key)?, certificate.to_owned())
    }

    fn assemble(key: KeyPair, certificate: String) -> Result<Self, AuthorityError> {
        let parsed = Certificate::from_pem(certificate.as_bytes())?.swap_remove(0);
        if parsed.public_key != public_key_hash(&key.subject_public_key_info()) {
            return Err(AuthorityError::OtherKey);
        }
        let constraints = Constraints::from_pem(&certificate);
        Ok(Self { key, certificate: certificate.trim().to_owned(), parsed, constraints })
    }

    /// Certificate, PEM without a trailing newline.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// Parsed certificate.
    pub fn parsed(&self) -> &Certificate {
        &self.parsed
    }

    /// Private key, PKCS#8 in PEM.
    pub fn key(&self) -> Zeroizing<String> {
        Zeroizing::new(self.key.serialize_pem())
    }

    /// Whether its key is of this kind.
    pub fn is_of(&self, kind: KeyKind) -> bool {
        match kind {
            KeyKind::EcdsaP256 => self.parsed.key_type == "EC" && self.parsed.key_bits == 256,
            KeyKind::Rsa3072 => self.parsed.key_type == "RSA" && self.parsed.key_bits == 3072,
        }
    }

    /// Whether its name constraints permit a name.
    pub fn may_sign(&self, name: &Name) -> bool {
        self.constraints.allow(name)
    }

    /// Signs a validated request; returns PEM without a trailing newline.
    pub fn sign(
        &self,
        request: &Request,
        life: SignedDuration,
        now: Timestamp,
    ) -> Result<String, AuthorityError> {
        let mut request = request.params.clone();
        let params = &mut request.params;
        params.serial_number = Some(SerialNumber::from_slice(&serial()?));
        params.is_ca = IsCa::ExplicitNoCa;
        params.use_authority_key_identifier_extension = true;
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        (params.not_before, params.not_after) = validity(now, life);
        // No certificate outlives its authority.
        let end = OffsetDateTime::from_unix_timestamp(self.parsed.not_after);
        params.not_after = end.map_or(params.not_after, |end| end.min(params.not_after));
        let issuer = Issuer::from_ca_cert_pem(&self.certificate, &self.key)?;
        Ok(request.signed_by(&issuer)?.pem().trim().to_owned())
    }
}

fn validity(now: Timestamp, life: SignedDuration) -> (OffsetDateTime, OffsetDateTime) {
    // Both are within the range that a certificate can express.
    let at = |time: Timestamp| {
        OffsetDateTime::from_unix_timestamp(time.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    (at(now - CLOCK_SKEW), at(now + life))
}

/// A random serial number: unique, and never negative.
fn serial() -> Result<[u8; 16], AuthorityError> {
    let mut bytes = [0; 16];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(|_| AuthorityError::Random)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(bytes)
}
