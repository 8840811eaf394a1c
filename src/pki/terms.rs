//! What certificates may be, from the policy.

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;

use super::Name;

/// Kind of the authority's key.
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

/// What certificates for the gateway may be. A value of this type is sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Terms {
    /// Kind of the authority's key.
    pub key: KeyKind,
    /// What may be asked for, beside the addresses that the gateway has.
    pub names: Vec<Name>,
    /// How long a certificate is valid.
    pub life: SignedDuration,
    /// How long the authority's own is.
    pub authority_life: SignedDuration,
    /// How long a new authority is made known before it signs, and an old one after it did.
    pub overlap: SignedDuration,
}

/// The same as it is written in the policy.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TermsWire {
    /// Kind of the authority's key.
    key: KeyKind,
    /// Names that certificates may have beside those of the platform.
    #[schemars(with = "Vec<String>")]
    names: Vec<Name>,
    /// Days for which a certificate is valid.
    days: i64,
    /// Days for which the authority is valid.
    ca_days: i64,
    /// Days for which an old authority is trusted beside a new one.
    overlap_days: i64,
}

impl Default for TermsWire {
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

impl Default for Terms {
    fn default() -> Self {
        Self::of(TermsWire::default())
    }
}

impl Terms {
    fn of(wire: TermsWire) -> Self {
        let days = |days: i64| SignedDuration::from_hours(24 * days);
        Self {
            key: wire.key,
            names: wire.names,
            life: days(wire.days),
            authority_life: days(wire.ca_days),
            overlap: days(wire.overlap_days),
        }
    }

    /// Parses what the policy says, or tells what is wrong with it.
    pub fn parse(wire: TermsWire) -> Result<Self, String> {
        // Longer than this browsers accept no certificate.
        if !(1..=398).contains(&wire.days) {
            return Err(format!("expected days between 1 and 398, got {}", wire.days));
        }
        if !(0..=90).contains(&wire.overlap_days) {
            let days = wire.overlap_days;
            return Err(format!("expected overlap-days between 0 and 90, got {days}"));
        }
        // A third of its life is left to it when its successor is made, and whatever it
        // signs by then must end before it does.
        let least = 3 * (wire.days + wire.overlap_days);
        if !(least..=7300).contains(&wire.ca_days) {
            return Err(format!(
                "expected ca-days between {least}, three times days and overlap-days, and 7300, got {}",
                wire.ca_days
            ));
        }
        Ok(Self::of(wire))
    }
}
