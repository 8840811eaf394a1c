//! The charm's options, parsed once into values that cannot be wrong.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use log::LevelFilter;
use oci_registry::Mirror;

use crate::catalog::{self, Severity};
use crate::facts::charmhub;
use crate::policy::{self, Policy, Profile};
use crate::remedies::Remedy;
use crate::rotation::Plan;

/// The shortest time between audits, in seconds.
const SHORTEST_INTERVAL: i64 = 300;
/// The longest, in seconds.
const LONGEST_INTERVAL: i64 = 30 * 24 * 3600;

/// The options.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// What the audit judges by, from several options.
    pub policy: Policy,
    /// Release of Charmed Kubeflow that the operator names.
    pub release: Option<String>,
    /// Time between audits.
    pub audit_interval: SignedDuration,
    /// Severity from which an open finding blocks the unit; `None` for never.
    pub block_on: Option<Severity>,
    /// URI of the secret with the login to the controller.
    pub juju_credentials: Option<String>,
    /// URI of the secret with a certificate for the gateway.
    pub tls_secret: Option<String>,
    /// Which credentials are rotated, and how often.
    pub rotate: Plan,
    /// Remedies that are kept applied.
    pub enforce: BTreeSet<Remedy>,
    /// Registries that stand for others.
    pub registry_mirrors: Vec<Mirror>,
    /// Registries, each with a host that hands out its tokens beside its own.
    pub registry_realms: Vec<(String, String)>,
    /// URI of the secret with logins to registries.
    pub registry_credentials: Option<String>,
    /// Where Charmhub is.
    pub charmhub_url: String,
    /// Whether neither registries nor Charmhub are asked.
    pub offline: bool,
    /// What goes to Juju's log.
    pub log_level: LevelFilter,
}

/// An option that could not be used as it is; its default holds in its place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("option {option}: {message}")]
pub struct OptionProblem {
    /// The option.
    pub option: &'static str,
    /// What is wrong, and what is expected.
    pub message: String,
}

impl Options {
    /// Parses what `config-get` returned.
    pub fn parse(raw: &juju_charm::config::Options) -> (Self, Vec<OptionProblem>) {
        let mut problems = Vec::new();
        let (policy, wrong) = Policy::parse(raw.text("policy").unwrap_or_default());
        problems.extend(wrong.into_iter().map(|problem| OptionProblem {
            option: "policy",
            message: problem.0,
        }));
        let (rotate, wrong) = Plan::parse(raw.text("rotate").unwrap_or_default());
        problems.extend(wrong.into_iter().map(|message| OptionProblem {
            option: "rotate",
            message,
        }));
        let mut reader = Reader { raw, problems };
        let policy = Policy {
            profile: reader.read("profile", Profile::default(), profile),
            tls_minimum: reader.read("tls-min-version", policy.tls_minimum, tls_minimum),
            tls_suites: reader.read("tls-cipher-suites", policy.tls_suites.clone(), suites),
            external_hostname: reader.read("external-hostname", None, |text| {
                policy::parse_hostname(text).map(Some)
            }),
            ..policy
        };
        let options = Self {
            policy,
            release: reader.read("release", None, |text| release(text).map(Some)),
            audit_interval: reader.read("audit-interval", SignedDuration::from_hours(1), interval),
            block_on: reader.read(
                "block-on",
                Some(Severity::Critical),
                policy::parse_threshold,
            ),
            juju_credentials: raw.secret("juju-credentials").map(str::to_owned),
            tls_secret: raw.secret("tls-secret").map(str::to_owned),
            rotate,
            enforce: reader.read(
                "enforce",
                BTreeSet::from([Remedy::TlsFloor, Remedy::HttpsRedirect]),
                enforce,
            ),
            registry_mirrors: reader.read("registry-mirrors", Vec::new(), mirrors),
            registry_realms: reader.read("registry-realms", Vec::new(), realms),
            registry_credentials: raw.secret("registry-credentials").map(str::to_owned),
            charmhub_url: reader.read("charmhub-url", charmhub::DEFAULT_URL.into(), charmhub_url),
            offline: raw.boolean("offline").unwrap_or_default(),
            log_level: reader.read("log-level", LevelFilter::Info, log_level),
        };
        (options, reader.problems)
    }

    /// Stands for all that an audit judges by: if it is another, the verdicts may be.
    pub fn fingerprint(&self) -> String {
        let text = format!(
            "{:?} {:?} {:?} {:?} {:?} {}",
            self.policy,
            self.enforce,
            self.release,
            self.juju_credentials,
            self.offline,
            crate::VERSION
        );
        crate::mark(text)
    }

    /// Whether an audit of that time is too old.
    pub fn is_due(&self, audited: Timestamp, now: Timestamp) -> bool {
        // A clock that was put back must not keep the audit from running.
        audited > now || now.duration_since(audited) >= self.audit_interval
    }
}

struct Reader<'a> {
    raw: &'a juju_charm::config::Options,
    problems: Vec<OptionProblem>,
}

impl Reader<'_> {
    fn read<T>(
        &mut self,
        option: &'static str,
        default: T,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> T {
        let Some(text) = self.raw.text(option) else {
            return default;
        };
        parse(text.trim()).unwrap_or_else(|message| {
            self.problems.push(OptionProblem { option, message });
            default
        })
    }
}

fn profile(text: &str) -> Result<Profile, String> {
    match text {
        "baseline" => Ok(Profile::Baseline),
        "strict" => Ok(Profile::Strict),
        other => Err(format!("{other:?} is neither baseline nor strict")),
    }
}

/// Remedies by name, comma-separated; none for an empty text is not told by Juju, so
/// `none` stands for it.
fn enforce(text: &str) -> Result<BTreeSet<Remedy>, String> {
    match text {
        "none" => Ok(BTreeSet::new()),
        names => names.split(',').map(|name| name.trim().parse()).collect(),
    }
}

fn mirrors(text: &str) -> Result<Vec<Mirror>, String> {
    let parts = text.split(',').filter(|part| !part.trim().is_empty());
    parts
        .map(|part| {
            part.parse()
                .map_err(|why: oci_registry::MirrorError| why.to_string())
        })
        .collect()
}

fn realms(text: &str) -> Result<Vec<(String, String)>, String> {
    let parts = text.split(',').map(str::trim);
    parts.filter(|part| !part.is_empty()).map(realm).collect()
}

/// A registry with a host that hands out its tokens, `REGISTRY=HOST`.
pub(crate) fn realm(text: &str) -> Result<(String, String), String> {
    let is_host = |text: &&str| {
        !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || ".-".contains(c))
    };
    let (registry, host) = text.split_once('=').unwrap_or((text, ""));
    match [registry, host].iter().all(is_host) {
        true => Ok((registry.to_ascii_lowercase(), host.to_ascii_lowercase())),
        false => Err(format!(
            "{text:?} is no realm; expected REGISTRY=HOST, as registry.example.com=login.example.net"
        )),
    }
}

fn charmhub_url(text: &str) -> Result<String, String> {
    let is_url = text.parse::<http::Uri>().is_ok_and(|uri| {
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.authority().is_some()
    });
    match is_url {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{text:?} is no URL; expected one like {}",
            charmhub::DEFAULT_URL
        )),
    }
}

fn suites(text: &str) -> Result<Vec<String>, String> {
    let strong = policy::default_suites();
    let suite = |name: &str| match strong.iter().find(|suite| *suite == name.trim()) {
        Some(suite) => Ok(suite.clone()),
        None => Err(format!("{name:?} is not one of {}", strong.join(", "))),
    };
    text.split(',').map(suite).collect()
}

fn tls_minimum(text: &str) -> Result<u8, String> {
    match text {
        "1.2" => Ok(2),
        "1.3" => Ok(3),
        other => Err(format!("{other:?} is neither 1.2 nor 1.3")),
    }
}

fn release(text: &str) -> Result<String, String> {
    if catalog::release(text).is_some() {
        return Ok(text.to_owned());
    }
    let known: Vec<&str> = catalog::releases()
        .iter()
        .map(|r| r.name.as_str())
        .collect();
    Err(format!("{text:?} is not one of {}", known.join(", ")))
}

fn interval(text: &str) -> Result<SignedDuration, String> {
    let expected = "expected a time like 30m, 6h or 1d";
    let parsed: jiff::Span = text
        .parse()
        .map_err(|_| format!("{text:?} is no time; {expected}"))?;
    let duration = parsed
        .to_duration(jiff::SpanRelativeTo::days_are_24_hours())
        .map_err(|_| format!("{text:?} has months or years; {expected}"))?;
    if !(SHORTEST_INTERVAL..=LONGEST_INTERVAL).contains(&duration.as_secs()) {
        return Err(format!("{text:?} is not between 5m and 30d"));
    }
    Ok(duration)
}

fn log_level(text: &str) -> Result<LevelFilter, String> {
    match text.to_ascii_lowercase().as_str() {
        "error" => Ok(LevelFilter::Error),
        "warning" => Ok(LevelFilter::Warn),
        "info" => Ok(LevelFilter::Info),
        "debug" => Ok(LevelFilter::Debug),
        "trace" => Ok(LevelFilter::Trace),
        other => Err(format!(
            "{other:?} is not one of error, warning, info, debug, trace"
        )),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(options: Value) -> (Options, Vec<String>) {
        let Value::Object(map) = options else {
            panic!("options are a map")
        };
        let (options, problems) = Options::parse(&juju_charm::config::Options::new(map));
        (options, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn the_defaults_of_config_yaml_are_those_of_the_code() {
        let file: Value = serde_yaml::from_str(include_str!("../config.yaml")).unwrap();
        let options = file["options"].as_object().unwrap();
        let defaults: serde_json::Map<String, Value> = options
            .iter()
            .map(|(name, spec)| (name.clone(), spec["default"].clone()))
            .collect();
        assert_eq!(parse(Value::Object(defaults)), parse(json!({})));
        assert_eq!(parse(json!({})).1, [""; 0]);
    }

    #[test]
    fn what_is_wrong_is_named_and_its_default_holds() {
        for (option, value, expected) in [
            ("profile", "lax", "neither baseline nor strict"),
            ("tls-min-version", "1.1", "neither 1.2 nor 1.3"),
            ("tls-min-version", "TLSv1.2", "neither 1.2 nor 1.3"),
            ("release", "1.9", "not one of 1.10, 1.11, latest"),
            ("audit-interval", "often", "30m, 6h or 1d"),
            ("audit-interval", "10s", "between 5m and 30d"),
            ("audit-interval", "-1h", "between 5m and 30d"),
            ("audit-interval", "2months", "months or years"),
            ("audit-interval", "99999999999999999999h", "30m, 6h or 1d"),
            ("block-on", "everything", "critical"),
            (
                "external-hostname",
                "https://kubeflow.example.com/",
                "host name",
            ),
            ("external-hostname", "kube flow", "host name"),
            ("external-hostname", "*.example.com", "host name"),
            ("log-level", "loud", "error, warning, info, debug, trace"),
            ("policy", "waivers: 7", "waivers"),
            ("registry-mirrors", "docker.io", "HOST[/PATH]=HOST[/PATH]"),
            ("registry-realms", "https://x", "REGISTRY=HOST"),
            ("charmhub-url", "charmhub", "is no URL"),
            ("rotate", "targets: [dexter]", "not one of juju-user/NAME"),
        ] {
            let (options, problems) = parse(json!({option: value}));
            assert_eq!(problems.len(), 1, "{option}={value}: {problems:?}");
            assert!(
                problems[0].starts_with(&format!("option {option}: "))
                    && problems[0].contains(expected),
                "{option}={value}: {}",
                problems[0]
            );
            assert_eq!(options, parse(json!({})).0, "{option}={value}");
        }
    }

    #[test]
    fn an_audit_is_due_when_its_time_is_over_or_the_clock_was_put_back() {
        let options = parse(json!({"audit-interval": "6h"})).0;
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(!options.is_due(at("2026-11-23T06:00:01Z"), now));
        assert!(options.is_due(at("2026-11-23T06:00:00Z"), now));
        assert!(options.is_due(at("2026-11-23T12:00:01Z"), now));
    }

    #[test]
    fn an_option_that_changes_verdicts_changes_the_fingerprint() {
        let plain = parse(json!({})).0.fingerprint();
        assert_eq!(plain, parse(json!({"log-level": "debug"})).0.fingerprint());
        for changed in [
            json!({"profile": "strict"}),
            json!({"release": "1.10"}),
            json!({"policy": "source-ranges: [10.0.0.0/8]"}),
        ] {
            assert_ne!(plain, parse(changed).0.fingerprint());
        }
    }
}
