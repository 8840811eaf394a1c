//! The policy: thresholds, allow-lists, waivers, attestations and custom controls.

pub mod certificates;
pub mod custom;
mod error;
mod name;
pub mod tables;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use self::custom::{CustomControl, ObjectKind};
pub use self::error::{HostnameError, RuleError};
pub use self::name::{InvalidName, Name};
pub use self::tables::{DataError, Tables};
pub use self::wire::schema;
use crate::catalog::{Severity, UnknownSeverity};
pub use crate::facts::juju::Options;
use crate::policy::certificates::CertificatePolicy;
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

/// Allow-lists, by kind; entries are `namespace/name` or `name`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Allow {
    /// EnvoyFilters that may apply to the ingress gateway.
    pub envoyfilters: Vec<String>,
    /// Role bindings allowed in profiles.
    pub rolebindings: Vec<String>,
    /// Cluster roles that may aggregate to Kubeflow's.
    pub clusterroles: Vec<String>,
    /// VirtualServices allowed on the gateway.
    pub virtualservices: Vec<String>,
    /// Services that may be exposed outside the cluster.
    pub services: Vec<String>,
    /// Pods that may be privileged, by `namespace/name-prefix`.
    pub pods: Vec<String>,
    /// Juju users that may have superuser access.
    pub superusers: Vec<String>,
    /// Juju users that may have admin access to the platform's model.
    pub model_admins: Vec<String>,
    /// Registries or repositories that images may be pulled from.
    pub registries: Vec<String>,
}

impl Allow {
    /// Entries with an empty part, which would allow everything or nothing.
    fn problems(&self) -> impl Iterator<Item = String> {
        let lists = [
            ("envoyfilters", &self.envoyfilters),
            ("rolebindings", &self.rolebindings),
            ("clusterroles", &self.clusterroles),
            ("virtualservices", &self.virtualservices),
            ("services", &self.services),
            ("pods", &self.pods),
            ("superusers", &self.superusers),
            ("model-admins", &self.model_admins),
            ("registries", &self.registries),
        ];
        lists.into_iter().flat_map(|(list, entries)| {
            // Entries of these two are prefixes.
            let is_prefix = matches!(list, "pods" | "registries");
            let parts = if is_prefix { 1 } else { usize::MAX };
            let wrong = entries.iter().filter(move |entry| {
                let mut named = entry.split('/').take(parts);
                let mut all = entry.split('/');
                named.any(|part| part.trim().is_empty())
                    || (!is_prefix && all.all(|part| part.trim_matches('*').is_empty()))
            });
            wrong.map(move |entry| {
                format!("allow: {list}: {entry:?} is incomplete or allows everything; expected NAME or NAMESPACE/NAME")
            })
        })
    }
}

/// A finding accepted by its owner until an expiry date.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiver {
    /// Id of the control.
    pub control: String,
    /// Waived objects; all of the control if empty.
    pub object: ObjectPattern,
    /// Reason, for reports.
    pub reason: String,
    /// Person or team that accepts the risk.
    pub owner: String,
    /// Last day on which it applies, in UTC.
    pub expires: Date,
}

impl Waiver {
    /// Whether it has not expired.
    pub fn holds(&self, now: Timestamp) -> bool {
        now.to_zoned(jiff::tz::TimeZone::UTC).date() <= self.expires
    }
}

/// A value has the form of a pattern, in which `*` stands for any characters.
pub fn is_like(pattern: &str, value: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = value.strip_prefix(first) else {
        return false;
    };
    let mut parts: Vec<&str> = parts.collect();
    let Some(last) = parts.pop() else {
        return rest.is_empty();
    };
    for part in parts {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

/// A pattern of objects, whose parts may have `*` for any characters; absent parts match any.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectPattern {
    /// Kind.
    pub kind: Option<String>,
    /// Namespace.
    pub namespace: Option<String>,
    /// Name.
    pub name: Option<String>,
}

impl ObjectPattern {
    /// Whether it matches an object.
    pub fn matches(&self, object: &crate::facts::object::ObjectRef) -> bool {
        fn fits(pattern: &Option<String>, value: &str) -> bool {
            pattern.as_deref().is_none_or(|pattern| is_like(pattern, value))
        }
        fits(&self.kind, &object.kind)
            && fits(&self.namespace, &object.namespace)
            && fits(&self.name, &object.name)
    }
}

/// A statement by a person that a control is met.
#[derive(Clone, Debug, PartialEq)]
pub struct Attestation {
    /// Id of the control.
    pub control: String,
    /// Person or team that attests.
    pub owner: String,
    /// What was done, and where it is documented.
    pub reason: String,
    /// Day of the attestation; valid for a year.
    pub date: Date,
}

/// An invalid part of the policy; the rest applies.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy: {0}")]
pub struct PolicyProblem(pub String);

/// Parses a host name, without scheme, port or wildcard.
pub fn parse_hostname(text: &str) -> Result<String, HostnameError> {
    match rustls_pki_types::ServerName::try_from(text) {
        Ok(_) if !text.contains(':') => Ok(text.to_ascii_lowercase()),
        _ => Err(HostnameError(text.to_owned())),
    }
}

/// Parses the severity from which open findings count; `None` for never.
pub fn parse_threshold(text: &str) -> Result<Option<Severity>, UnknownSeverity> {
    match text.trim() {
        "never" | "none" => Ok(None),
        other => other.parse().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pattern_stands_for_any_characters_where_it_has_an_asterisk() {
        for (pattern, value, is) in [
            ("train-*", "train-x1-impl-1", true),
            ("train-*", "retrain-x1", false),
            ("*-impl-*", "train-x1-impl-1", true),
            ("*-impl", "train-impl-1", false),
            ("a*a", "a", false),
            ("a*a", "aa", true),
            ("exact", "exact", true),
            ("exact", "exactly", false),
            ("", "x", false),
        ] {
            assert_eq!(is_like(pattern, value), is, "{pattern} {value}");
        }
    }
}
