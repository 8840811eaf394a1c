//! The values of options, parsed from text.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use log::LevelFilter;
use oci_registry::{Mirror, MirrorError, PlainHost, PlainHostError};

use crate::catalog;
use crate::facts::certificate::Certificate;
use crate::facts::charmhub;
use crate::policy::{self, Profile};
use crate::remedies::{Remedy, UnknownRemedy};

/// The shortest time between audits, in seconds.
const SHORTEST_INTERVAL: i64 = 300;
/// The longest, in seconds.
const LONGEST_INTERVAL: i64 = 30 * 24 * 3600;

/// A value that an option does not accept, with the expected form.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ValueError {
    /// No profile.
    #[error("{0:?} is neither baseline nor strict")]
    Profile(String),
    /// Not one of a few.
    #[error("{value:?} is not one of {known}")]
    NotOneOf {
        /// What is set.
        value: String,
        /// What could be, separated by commas.
        known: String,
    },
    /// No registry with the host that issues its tokens.
    #[error("{0:?} is no realm; expected REGISTRY=HOST, as registry.example.com=login.example.net")]
    Realm(String),
    /// No URL of http or https.
    #[error("{0:?} is no URL; expected one like {url}", url = charmhub::DEFAULT_URL)]
    Url(String),
    /// No URL of a Prometheus.
    #[error("{0:?} is no URL; expected one like https://cos.example.com/cos-prometheus-0")]
    Prometheus(String),
    /// No CA certificate.
    #[error("is no certificate in PEM: {0}")]
    Authority(String),
    /// It would be shown in the configuration.
    #[error("the URL names a login; Prometheus is read without one")]
    Login,
    /// No time.
    #[error("{0:?} is no time; expected a time like 30m, 6h or 1d")]
    Time(String),
    /// A time whose length depends on the calendar.
    #[error("{0:?} has months or years; expected a time like 30m, 6h or 1d")]
    Calendar(String),
    /// A time that is too short or too long.
    #[error("{0:?} is not between 5m and 30d")]
    Interval(String),
}

impl ValueError {
    fn not_one_of<'a>(value: &str, known: impl IntoIterator<Item = &'a str>) -> Self {
        let known: Vec<&str> = known.into_iter().collect();
        Self::NotOneOf { value: value.to_owned(), known: known.join(", ") }
    }
}

/// How strict the audit is.
pub(super) fn profile(text: &str) -> Result<Profile, ValueError> {
    match text {
        "baseline" => Ok(Profile::Baseline),
        "strict" => Ok(Profile::Strict),
        other => Err(ValueError::Profile(other.to_owned())),
    }
}

/// Remedies by name, comma-separated. Juju does not pass an empty text on, so `none` means none.
pub(super) fn remedies(text: &str) -> Result<BTreeSet<Remedy>, UnknownRemedy> {
    match text {
        "none" => Ok(BTreeSet::new()),
        names => names.split(',').map(|name| name.trim().parse::<Remedy>()).collect(),
    }
}

/// Mirrors of registries, comma-separated.
pub(super) fn mirrors(text: &str) -> Result<Vec<Mirror>, MirrorError> {
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    parts.map(str::parse).collect()
}

/// Registries without TLS, comma-separated.
pub(super) fn plain_hosts(text: &str) -> Result<Vec<PlainHost>, PlainHostError> {
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    parts.map(str::parse).collect()
}

/// Registries with hosts that issue their tokens, comma-separated.
pub(super) fn realms(text: &str) -> Result<Vec<(String, String)>, ValueError> {
    let parts = text.split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(realm).collect()
}

/// A registry with the host that issues its tokens, `REGISTRY=HOST`.
pub(crate) fn realm(text: &str) -> Result<(String, String), ValueError> {
    let is_host = |text: &&str| {
        !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
    };
    let (registry, host) = text.split_once('=').unwrap_or((text, ""));
    match [registry, host].iter().all(is_host) {
        true => Ok((registry.to_ascii_lowercase(), host.to_ascii_lowercase())),
        false => Err(ValueError::Realm(text.to_owned())),
    }
}

/// Where Charmhub is.
pub(super) fn charmhub_url(text: &str) -> Result<String, ValueError> {
    match authority(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err(ValueError::Url(text.to_owned())),
    }
}

/// Where COS's Prometheus is.
pub(crate) fn prometheus_url(text: &str) -> Result<String, ValueError> {
    match authority(text) {
        Some(authority) if authority.contains('@') => Err(ValueError::Login),
        Some(_) => Ok(text.to_owned()),
        None => Err(ValueError::Prometheus(text.to_owned())),
    }
}

/// Certificates of CAs.
pub(super) fn authorities(text: &str) -> Result<Option<String>, ValueError> {
    match Certificate::from_pem(text.as_bytes()) {
        Ok(_) => Ok(Some(text.to_owned())),
        Err(why) => Err(ValueError::Authority(why.to_string())),
    }
}

/// Host and port of a URL of http or https.
fn authority(text: &str) -> Option<String> {
    let uri: http::Uri = text.parse().ok()?;
    let is_http = matches!(uri.scheme_str(), Some("http" | "https"));
    uri.authority().filter(|_| is_http).map(ToString::to_string)
}

/// Cipher suites by OpenSSL's names, comma-separated.
pub(super) fn suites(text: &str) -> Result<Vec<String>, ValueError> {
    let strong = policy::default_suites();
    let suite = |name: &str| match strong.iter().find(|suite| *suite == name.trim()) {
        Some(suite) => Ok(suite.clone()),
        None => Err(ValueError::not_one_of(name, strong.iter().map(String::as_str))),
    };
    text.split(',').map(suite).collect()
}

/// A release of Charmed Kubeflow that the catalogue knows.
pub(super) fn release(text: &str) -> Result<String, ValueError> {
    if catalog::release(text).is_some() || catalog::past_releases().contains_key(text) {
        return Ok(text.to_owned());
    }
    Err(ValueError::not_one_of(text, catalog::releases().iter().map(|r| r.name.as_str())))
}

/// The time between audits.
pub(super) fn interval(text: &str) -> Result<SignedDuration, ValueError> {
    let parsed: jiff::Span = text.parse().map_err(|_| ValueError::Time(text.to_owned()))?;
    let duration = parsed
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| ValueError::Calendar(text.to_owned()))?;
    match (SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&duration.as_secs()) {
        true => Ok(duration),
        false => Err(ValueError::Interval(text.to_owned())),
    }
}

/// The lowest level that goes to Juju's log, by Juju's names.
pub(super) fn log_level(text: &str) -> Result<LevelFilter, ValueError> {
    match text.to_ascii_lowercase().as_str() {
        "error" => Ok(LevelFilter::Error),
        "warning" => Ok(LevelFilter::Warn),
        "info" => Ok(LevelFilter::Info),
        "debug" => Ok(LevelFilter::Debug),
        "trace" => Ok(LevelFilter::Trace),
        other => Err(ValueError::not_one_of(other, ["error", "warning", "info", "debug", "trace"])),
    }
}
