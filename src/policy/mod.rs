//! The policy: thresholds, allow-lists, waivers, attestations and controls of its own, parsed once.

pub mod custom;
mod wire;

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use self::custom::{CustomControl, ObjectKind};
pub use self::wire::schema;
use crate::catalog::Severity;
use crate::pki::Terms;

/// How strict the audit is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Profile {
    /// What every deployment should meet.
    #[default]
    Baseline,
    /// Warnings fail too.
    Strict,
}

/// What the audit judges by. A value of this type is sound.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// How strict.
    pub profile: Profile,
    /// Days before its end at which a certificate fails, and at which it is warned of.
    pub certificate_days: (i64, i64),
    /// Longest time that a password is used.
    pub password_age: SignedDuration,
    /// Longest time that a user may not log in.
    pub idle_time: SignedDuration,
    /// Lowest TLS version, `1.2` or `1.3`, as the minor digit.
    pub tls_minimum: u8,
    /// Cipher suites that the gateway may use below TLS 1.3, by OpenSSL's names.
    pub tls_suites: Vec<String>,
    /// Host by which users reach the platform.
    pub external_hostname: Option<String>,
    /// Addresses from which the gateway may be reached; empty for all.
    pub source_ranges: Vec<String>,
    /// What is allowed beside the release's own.
    pub allow: Allow,
    /// What options of applications are to be: by application, then by option.
    pub options: Options,
    /// What certificates for the gateway may be.
    pub certificates: Terms,
    /// How bad a control is when it does not hold, where that is not what the catalogue says.
    pub severities: BTreeMap<String, Severity>,
    /// Controls that it adds.
    pub controls: Vec<CustomControl>,
    /// Waivers that are complete; those that have ended are among them.
    pub waivers: Vec<Waiver>,
    /// What somebody attests that no program can read.
    pub attestations: Vec<Attestation>,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            profile: Profile::Baseline,
            certificate_days: (7, 30),
            password_age: SignedDuration::from_hours(90 * 24),
            idle_time: SignedDuration::from_hours(90 * 24),
            tls_minimum: 2,
            tls_suites: default_suites(),
            external_hostname: None,
            source_ranges: Vec::new(),
            allow: Allow::default(),
            options: Options::new(),
            certificates: Terms::default(),
            severities: BTreeMap::new(),
            controls: Vec::new(),
            waivers: Vec::new(),
            attestations: Vec::new(),
        }
    }
}

impl Policy {
    /// The kinds that its own controls are about.
    pub fn kinds(&self) -> BTreeSet<ObjectKind> {
        let kinds = self.controls.iter().map(|custom| custom.kind.clone());
        kinds.collect()
    }
}

/// Options of applications, by application and name, as Juju prints their values.
pub type Options = BTreeMap<String, BTreeMap<String, String>>;

/// All suites below TLS 1.3 that are strong.
pub fn default_suites() -> Vec<String> {
    let suites = crate::tls::STRONG_SUITES.iter();
    let below_1_3 = suites.filter(|name| !name.starts_with("TLS_"));
    below_1_3.map(|name| (*name).to_owned()).collect()
}

/// Allow-lists, by kind; entries are `namespace/name` or `name`.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Allow {
    /// EnvoyFilters that may touch the ingress.
    pub envoyfilters: Vec<String>,
    /// Role bindings that may be in profiles.
    pub rolebindings: Vec<String>,
    /// Cluster roles that may add to Kubeflow's.
    pub clusterroles: Vec<String>,
    /// VirtualServices that may be on the gateway.
    pub virtualservices: Vec<String>,
    /// Services that may be exposed.
    pub services: Vec<String>,
    /// Pods that may be privileged, by `namespace/name-prefix`.
    pub pods: Vec<String>,
    /// Juju users that may be superusers.
    pub superusers: Vec<String>,
    /// Juju users that may be admins of the platform's model.
    pub model_admins: Vec<String>,
    /// Registries or repositories that images may come from.
    pub registries: Vec<String>,
}

impl Allow {
    /// Entries that name nothing, and so would allow all or none.
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
            // These two name what begins so.
            let is_prefix = matches!(list, "pods" | "registries");
            let parts = if is_prefix { 1 } else { usize::MAX };
            let wrong = entries.iter().filter(move |entry| {
                let mut named = entry.split('/').take(parts);
                named.any(|part| part.trim().is_empty())
            });
            wrong.map(move |entry| {
                format!("allow: {list}: {entry:?} names nothing; expected a name, or a namespace and a name with / between them")
            })
        })
    }
}

/// A finding that somebody takes responsibility for.
#[derive(Clone, Debug, PartialEq)]
pub struct Waiver {
    /// The control.
    pub control: String,
    /// The object, as `Kind namespace/name` parts; all of the control's if empty.
    pub object: ObjectPattern,
    /// Why.
    pub reason: String,
    /// Who.
    pub owner: String,
    /// Last day on which it holds, in UTC.
    pub expires: Date,
}

impl Waiver {
    /// Whether it still holds.
    pub fn holds(&self, now: Timestamp) -> bool {
        now.to_zoned(jiff::tz::TimeZone::UTC).date() <= self.expires
    }
}

/// Names objects; a part that is absent matches any.
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
    /// Whether it names this object.
    pub fn matches(&self, object: &crate::facts::object::ObjectRef) -> bool {
        fn fits(pattern: &Option<String>, value: &str) -> bool {
            pattern.as_deref().is_none_or(|p| p == value)
        }
        fits(&self.kind, &object.kind)
            && fits(&self.namespace, &object.namespace)
            && fits(&self.name, &object.name)
    }
}

/// What somebody attests.
#[derive(Clone, Debug, PartialEq)]
pub struct Attestation {
    /// The control.
    pub control: String,
    /// Who.
    pub owner: String,
    /// What was done, and where the record is.
    pub reason: String,
    /// When; it holds for a year.
    pub date: Date,
}

/// A part of the policy that could not be used; the rest was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("policy: {0}")]
pub struct PolicyProblem(pub String);

/// A host name, without scheme, port or wildcard.
pub fn parse_hostname(text: &str) -> Result<String, String> {
    match rustls::pki_types::ServerName::try_from(text) {
        Ok(_) if !text.contains(':') => Ok(text.to_ascii_lowercase()),
        _ => Err(format!("{text:?} is no host name; expected one like kubeflow.example.com")),
    }
}

/// The threshold from which open findings count, or `None` for never.
pub fn parse_threshold(text: &str) -> Result<Option<Severity>, String> {
    match text.trim() {
        "never" | "none" => Ok(None),
        other => other.parse().map(Some),
    }
}
