//! A certificate authority whose certificate says for which names it may sign.

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
use super::{KeyKind, Name, Request, Terms};
use crate::facts::certificate::{Certificate, CertificateError, public_key_hash};

/// Clocks differ: what is signed holds from this long ago on.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Why an authority could not be made, read or used.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// The system gave no random bytes.
    #[error("the system's random source failed")]
    Random,
    /// A key could not be made.
    #[error("no RSA key could be made: {0}")]
    Rsa(String),
    /// Signing failed, or a key is none.
    #[error("{0}")]
    Generate(#[from] rcgen::Error),
    /// Its certificate cannot be read.
    #[error("the certificate: {0}")]
    Certificate(#[from] CertificateError),
    /// Its key belongs to another certificate.
    #[error("the key is not that of the certificate")]
    OtherKey,
}

/// An authority. Its key is not printed.
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
    /// Makes one that signs for these names and no others. `of` tells whose it is.
    pub fn create(
        of: &str,
        names: &[Name],
        terms: &Terms,
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
        // The number tells an authority from the one before it.
        let number: String = serial[12..].iter().map(|b| format!("{b:02x}")).collect();
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("ckf-hardening CA of {of} {number}"));
        params.serial_number = Some(SerialNumber::from_slice(&serial));
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.name_constraints = Some(constraints::of(names));
        (params.not_before, params.not_after) = validity(now, terms.authority_life);
        let certificate = params.self_signed(&key)?.pem();
        Self::assemble(key, certificate)
    }

    /// The authority of a key and a certificate in PEM.
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

    /// Its certificate, PEM without a line end.
    pub fn certificate(&self) -> &str {
        &self.certificate
    }

    /// What its certificate says.
    pub fn parsed(&self) -> &Certificate {
        &self.parsed
    }

    /// Its key, PKCS#8 in PEM.
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

    /// Whether its certificate lets it sign for a name.
    pub fn may_sign(&self, name: &Name) -> bool {
        self.constraints.allow(name)
    }

    /// Answers a request that was judged: PEM without a line end.
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
    // Both are within the years that a certificate can say.
    let at = |time: Timestamp| {
        OffsetDateTime::from_unix_timestamp(time.as_second()).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    };
    (at(now - CLOCK_SKEW), at(now + life))
}

/// 127 random bits: never the same twice, and never negative.
fn serial() -> Result<[u8; 16], AuthorityError> {
    let mut bytes = [0; 16];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).map_err(|_| AuthorityError::Random)?;
    bytes[0] = bytes[0] & 0x7f | 0x40;
    Ok(bytes)
}
