//! Requirements on certificates, from the policy.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;

use super::name::Name;

/// Key type of the certificate authority.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum KeyKind {
    /// ECDSA on P-256.
    #[default]
    EcdsaP256,
    /// RSA of 3072 bits.
    #[serde(rename = "rsa-3072")]
    Rsa3072,
}

/// Validated requirements on certificates of the gateway.
#[derive(Clone, Debug, PartialEq)]
pub struct CertificatePolicy {
    /// Key type of the authority.
    pub key: KeyKind,
    /// Permitted names in addition to the gateway's addresses.
    pub names: Vec<Name>,
    /// Lifetime of certificates.
    pub life: SignedDuration,
    /// Lifetime of the authority.
    pub authority_life: SignedDuration,
    /// Time for which a new authority is published before it signs, and an old one after it
    /// stopped.
    pub overlap: SignedDuration,
}

/// Requirements on certificates, as written in the policy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct CertificatePolicyWire {
    /// Key type of the certificate authority.
    key: KeyKind,
    /// Permitted names in addition to those of the platform.
    #[schemars(with = "Vec<String>")]
    names: Vec<Name>,
    /// Lifetime of certificates, in days.
    days: i64,
    /// Lifetime of the certificate authority, in days.
    ca_days: i64,
    /// Days for which an old authority remains trusted beside a new one.
    overlap_days: i64,
}

/// Values out of range.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CertificatePolicyError {
    /// Lifetime of certificates.
    #[error("expected days between 1 and 398, got {0}")]
    Days(i64),
    /// Overlap of authorities.
    #[error("expected overlap-days between 0 and 90, got {0}")]
    OverlapDays(i64),
    /// Lifetime of the authority.
    #[error(
        "expected ca-days between {least}, three times days and overlap-days, and 7300, got {days}"
    )]
    CaDays {
        /// Smallest permitted value.
        least: i64,
        /// Rejected value.
        days: i64,
    },
}

impl Default for CertificatePolicyWire {
    fn default() -> Self {
        Self {
            key: KeyKind::default(),
            names: Vec::new(),
            days: 90,
            ca_days: 5 * 365,
            overlap_days: 7,
        }
    }
}

impl Default for CertificatePolicy {
    fn default() -> Self {
        Self::of(CertificatePolicyWire::default())
    }
}

impl CertificatePolicy {
    fn of(wire: CertificatePolicyWire) -> Self {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        Self {
            key: wire.key,
            names: wire.names,
            life: days(wire.days),
            authority_life: days(wire.ca_days),
            overlap: days(wire.overlap_days),
        }
    }

    /// Validates the policy's values.
    pub fn parse(wire: CertificatePolicyWire) -> Result<Self, CertificatePolicyError> {
        // Browsers reject certificates with a longer lifetime.
        if !(1..=398).contains(&wire.days) {
            return Err(CertificatePolicyError::Days(wire.days));
        }
        if !(0..=90).contains(&wire.overlap_days) {
            return Err(CertificatePolicyError::OverlapDays(wire.overlap_days));
        }
        // The successor is created when a third of the authority's lifetime remains, and
        // certificates signed until the rollover must expire before the authority does.
        let least = 3 * (wire.days + wire.overlap_days);
        if !(least..=7300).contains(&wire.ca_days) {
            return Err(CertificatePolicyError::CaDays { least, days: wire.ca_days });
        }
        Ok(Self::of(wire))
    }
}
