//! A policy, once it is parsed.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::allow::Allow;
use super::certificates::CertificatePolicy;
use super::custom::{CustomControl, ObjectKind};
use super::statement::{Attestation, Waiver};
use super::tables::Tables;
use crate::catalog::Severity;
use crate::facts::juju::Options;
use crate::tls::TlsVersion;

/// Strictness of the audit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// For every deployment: warnings do not fail.
    #[default]
    Baseline,
    /// Warnings fail as well.
    Strict,
}

impl Profile {
    /// As a policy writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Strict => "strict",
        }
    }
}

/// A validated policy.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// Strictness.
    pub profile: Profile,
    /// Days before expiry at which a certificate fails, and at which it warns.
    pub certificate_days: (i64, i64),
    /// Maximum age of a password.
    pub password_age: SignedDuration,
    /// Maximum time since the last login of a user.
    pub idle_time: SignedDuration,
    /// Minimum TLS version.
    pub tls_minimum: TlsVersion,
    /// Cipher suites that the gateway may use below TLS 1.3, by OpenSSL's names.
    pub tls_suites: Vec<String>,
    /// Host name by which users reach the platform.
    pub external_hostname: Option<String>,
    /// Client address ranges allowed to reach the gateway, CIDR; all if empty.
    pub source_ranges: Vec<String>,
    /// Objects allowed in addition to those of the release.
    pub allow: Allow,
    /// Declared charm options, by application and option.
    pub options: Options,
    /// Requirements on certificates of the gateway.
    pub certificates: CertificatePolicy,
    /// Severities that override the catalogue's, by control.
    pub severities: BTreeMap<String, Severity>,
    /// Custom controls.
    pub controls: Vec<CustomControl>,
    /// Valid waivers, including expired ones.
    pub waivers: Vec<Waiver>,
    /// Attestations of what no program can assess.
    pub attestations: Vec<Attestation>,
    /// Tables that assess versions: the program's own, or those of a data file. No part of the text of a policy.
    pub tables: Tables,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            profile: Profile::Baseline,
            certificate_days: (7, 30),
            password_age: SignedDuration::from_hours(90 * 24),
            idle_time: SignedDuration::from_hours(90 * 24),
            tls_minimum: TlsVersion::V1_2,
            tls_suites: default_suites(),
            external_hostname: None,
            source_ranges: Vec::new(),
            allow: Allow::default(),
            options: Options::new(),
            certificates: CertificatePolicy::default(),
            severities: BTreeMap::new(),
            controls: Vec::new(),
            waivers: Vec::new(),
            attestations: Vec::new(),
            tables: Tables::default(),
        }
    }
}

impl Policy {
    /// Kinds that its custom controls assess.
    pub fn kinds(&self) -> BTreeSet<ObjectKind> {
        let kinds = self.controls.iter().map(|custom| custom.kind.clone());
        kinds.collect()
    }
}

/// All strong cipher suites below TLS 1.3.
pub fn default_suites() -> Vec<String> {
    let suites = crate::tls::STRONG_SUITES.iter();
    let below_1_3 = suites.filter(|name| !name.starts_with("TLS_"));
    below_1_3.map(|name| (*name).to_owned()).collect()
}
