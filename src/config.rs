//! The charm's options, parsed once into values that cannot be wrong.

mod values;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use log::LevelFilter;
use oci_registry::{Mirror, PlainHost};
use serde_json::Value;

pub(crate) use self::values::{prometheus_url, realm};
use crate::catalog::Severity;
use crate::facts::charmhub;
use crate::facts::telemetry;
use crate::policy::{self, Policy, Profile, Tables};
use crate::remedies::Remedy;
use crate::rotation::Plan;

/// Why nothing is known of what is outside of the platform, with the option `offline`.
pub const OFFLINE: &str = "not asked: the option offline is set";

/// Options by which the charm changes the cluster, Juju or credentials. While one of them has
/// a problem nothing is changed: a default in its place would undo, delete or disable what the
/// operator never meant to.
const FREEZING: [&str; 10] = [
    "enforce",
    "policy",
    "rotate",
    "profile",
    "allow-disruption",
    "tls-min-version",
    "tls-cipher-suites",
    "tls-secret",
    "external-hostname",
    "juju-credentials",
];
/// What messages add while the options are frozen.
pub const UNTIL_CORRECTED: &str =
    "until that is corrected nothing is changed, and what is enforced stays as it is";
/// Options of certificates for the gateway: while one of them has a problem, those that were
/// issued stay.
const OF_CERTIFICATES: [&str; 2] = ["policy", "external-hostname"];

/// The options.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The policy, with the options that override it.
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
    /// Remedies that are enforced.
    pub enforce: BTreeSet<Remedy>,
    /// Remedies of those that may delete what people made, or stop flows of today.
    pub allow_disruption: BTreeSet<Remedy>,
    /// Mirrors of registries.
    pub registry_mirrors: Vec<Mirror>,
    /// Registries that are asked without TLS.
    pub registry_plain_http: Vec<PlainHost>,
    /// Registries, each with a host that issues its tokens beside its own.
    pub registry_realms: Vec<(String, String)>,
    /// URI of the secret with logins to registries.
    pub registry_credentials: Option<String>,
    /// Where Charmhub is.
    pub charmhub_url: String,
    /// Whether neither registries nor Charmhub are asked.
    pub offline: bool,
    /// COS's Prometheus.
    pub prometheus: Option<telemetry::Source>,
    /// Lowest level that goes to Juju's log.
    pub log_level: LevelFilter,
    /// Problems of options by which something is changed; see [`Options::is_frozen`].
    pub frozen: Vec<OptionProblem>,
}

/// An option with an invalid value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("option {option}: {message}")]
pub struct OptionProblem {
    /// The option.
    pub option: &'static str,
    /// The problem, with the expected form.
    pub message: String,
}

impl Options {
    /// Parses what `config-get` returned.
    pub fn parse(raw: &juju_charm::config::Options) -> (Self, Vec<OptionProblem>) {
        let mut reader = Reader { raw, problems: Vec::new() };
        let (policy, wrong) = Policy::parse(raw.text("policy").unwrap_or_default());
        wrong.iter().for_each(|problem| reader.problem("policy", &problem.0));
        let (rotate, wrong) = Plan::parse(raw.text("rotate").unwrap_or_default());
        wrong.iter().for_each(|message| reader.problem("rotate", message));
        // Text that is no text is no policy and no plan either.
        for option in ["policy", "rotate"] {
            reader.text(option);
        }
        let policy = reader.policy(policy);
        let options = Self {
            policy,
            release: reader.read("release", None, |text| values::release(text).map(Some)),
            audit_interval: reader.read(
                "audit-interval",
                SignedDuration::from_hours(1),
                values::interval,
            ),
            block_on: reader.read("block-on", None, policy::parse_threshold),
            juju_credentials: reader.secret("juju-credentials"),
            tls_secret: reader.secret("tls-secret"),
            rotate,
            enforce: reader.read(
                "enforce",
                BTreeSet::from([Remedy::TlsFloor, Remedy::HttpsRedirect]),
                values::remedies,
            ),
            allow_disruption: reader.read("allow-disruption", BTreeSet::new(), values::remedies),
            registry_mirrors: reader.read("registry-mirrors", Vec::new(), values::mirrors),
            registry_plain_http: reader.read(
                "registry-plain-http",
                Vec::new(),
                values::plain_hosts,
            ),
            registry_realms: reader.read("registry-realms", Vec::new(), values::realms),
            registry_credentials: reader.secret("registry-credentials"),
            charmhub_url: reader.read(
                "charmhub-url",
                charmhub::DEFAULT_URL.into(),
                values::charmhub_url,
            ),
            offline: reader.boolean("offline"),
            prometheus: reader.prometheus(),
            log_level: reader.read("log-level", LevelFilter::Info, values::log_level),
            frozen: Vec::new(),
        };
        let problems = reader.problems;
        (options.confined(&problems), problems)
    }

    /// Offline, and frozen, where an option that decides about that is not understood.
    fn confined(mut self, problems: &[OptionProblem]) -> Self {
        let has = |option| problems.iter().any(|problem| problem.option == option);
        // By a default, hosts would be asked that the operator keeps this unit from.
        self.offline |= ["offline", "registry-mirrors", "charmhub-url"].into_iter().any(has);
        let frozen = problems.iter();
        let frozen = frozen.filter(|problem| FREEZING.contains(&problem.option));
        self.frozen = frozen.cloned().collect();
        self
    }

    /// Whether nothing may be changed in the cluster, in Juju or of a credential, since an
    /// option that says what is to be changed is not understood. What is enforced stays as it
    /// is: nothing is created, restored, undone, deleted, disabled or rotated.
    pub fn is_frozen(&self) -> bool {
        !self.frozen.is_empty()
    }

    /// Whether certificates of the gateway stay unchanged.
    pub fn freezes_certificates(&self) -> bool {
        let mut frozen = self.frozen.iter();
        frozen.any(|problem| OF_CERTIFICATES.contains(&problem.option))
    }

    /// Why nothing is changed, if so.
    pub fn freeze_reason(&self) -> Option<String> {
        let first = self.frozen.first()?;
        Some(format!("{first}; {UNTIL_CORRECTED}"))
    }

    /// Digest of everything that an audit assesses by: if it changes, verdicts may.
    pub fn digest(&self) -> String {
        let text = format!(
            "{:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {}",
            self.policy,
            self.enforce,
            self.allow_disruption,
            self.release,
            self.juju_credentials,
            self.offline,
            self.prometheus,
            self.frozen,
            crate::VERSION
        );
        crate::digest(text)
    }

    /// Whether an audit of that time is too old.
    pub fn is_due(&self, audited: Timestamp, now: Timestamp) -> bool {
        // A clock that was set back must not keep the audit from running.
        audited > now || now.duration_since(audited) >= self.audit_interval
    }
}

struct Reader<'a> {
    raw: &'a juju_charm::config::Options,
    problems: Vec<OptionProblem>,
}

impl Reader<'_> {
    /// The text of an option. An empty one is absent, unless its default is something: then
    /// the operator has to say what is meant.
    fn text(&mut self, option: &'static str) -> Option<String> {
        let expected = match self.raw.as_map().get(option) {
            None | Some(Value::Null) => return None,
            Some(Value::String(text)) if !text.is_empty() => return Some(text.trim().to_owned()),
            Some(Value::String(_)) => match option {
                "enforce" => "is empty; expected names of remedies, or none",
                "profile" | "tls-min-version" => "is empty; juju config --reset brings the default",
                _ => return None,
            },
            Some(_) => "is no text",
        };
        self.problem(option, expected);
        None
    }

    fn problem(&mut self, option: &'static str, message: &str) {
        self.problems.push(OptionProblem { option, message: message.to_owned() });
    }

    fn read<T, E: ToString>(
        &mut self,
        option: &'static str,
        default: T,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> T {
        let Some(text) = self.text(option) else {
            return default;
        };
        parse(&text).unwrap_or_else(|why| {
            self.problem(option, &why.to_string());
            default
        })
    }

    /// The URI of a secret.
    fn secret(&mut self, option: &'static str) -> Option<String> {
        let text = self.text(option)?;
        if text.starts_with("secret:") {
            return Some(text);
        }
        // It may be the secret itself, so it is not shown.
        self.problem(option, "is no secret; expected secret:ID, as juju add-secret prints it");
        None
    }

    /// The policy, with what options of their own set.
    fn policy(&mut self, policy: Policy) -> Policy {
        Policy {
            profile: self.read("profile", Profile::default(), values::profile),
            tls_minimum: self.read("tls-min-version", policy.tls_minimum, str::parse),
            tls_suites: self.read("tls-cipher-suites", policy.tls_suites.clone(), values::suites),
            external_hostname: self
                .read("external-hostname", None, |text| policy::parse_hostname(text).map(Some)),
            // An unusable file leaves the program its own tables.
            tables: self.read("data", Tables::default(), Tables::read),
            ..policy
        }
    }

    /// COS's Prometheus, if it is named.
    fn prometheus(&mut self) -> Option<telemetry::Source> {
        let url = self.read("prometheus-url", None, |text| prometheus_url(text).map(Some));
        let authorities = self.read("prometheus-ca-cert", None, values::authorities);
        Some(telemetry::Source { url: url?, authorities })
    }

    fn boolean(&mut self, option: &'static str) -> bool {
        match self.raw.as_map().get(option) {
            None | Some(Value::Null) => false,
            Some(Value::Bool(is_set)) => *is_set,
            Some(_) => {
                self.problem(option, "is neither true nor false");
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(options: Value) -> (Options, Vec<String>) {
        let Value::Object(map) = options else { panic!("options are a map") };
        let (options, problems) = Options::parse(&juju_charm::config::Options::new(map));
        (options, problems.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn defaults_of_config_yaml_equal_those_of_the_code() {
        let file: Value = serde_yaml::from_str(include_str!("../config.yaml")).unwrap();
        let options = file["options"].as_object().unwrap();
        let defaults: serde_json::Map<String, Value> =
            options.iter().map(|(name, spec)| (name.clone(), spec["default"].clone())).collect();
        assert_eq!(parse(Value::Object(defaults)), parse(json!({})));
        assert_eq!(parse(json!({})).1, [""; 0]);
    }

    /// Effect of an invalid value of an option.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Slip {
        /// Nothing is changed until it is corrected.
        Freezes,
        /// Nothing outside is asked until it is corrected.
        Disconnects,
        /// Its default holds, which changes messages only.
        OnlyReports,
    }
    use Slip::{Disconnects, Freezes, OnlyReports};

    /// A wrong value of each option, and more where there are several ways to err.
    fn slips() -> Vec<(&'static str, Value, Slip, &'static str)> {
        let texts = [
            ("profile", "lax", Freezes, "neither baseline nor strict"),
            ("profile", "", Freezes, "is empty"),
            ("tls-min-version", "1.1", Freezes, "neither 1.2 nor 1.3"),
            ("tls-min-version", "TLSv1.3", Freezes, "neither 1.2 nor 1.3"),
            ("tls-cipher-suites", "AES128-SHA", Freezes, "is not one of"),
            ("enforce", "tls-floor,secure-cookie", Freezes, "secure-cookie"),
            ("enforce", "tls-floor,a-remedy-of-tomorrow", Freezes, "a-remedy-of-tomorrow"),
            ("enforce", "", Freezes, "or none"),
            ("enforce", "tls-floor,none", Freezes, "none"),
            ("policy", "waivers: 7", Freezes, "waivers"),
            ("policy", "treshold: {}", Freezes, "treshold"),
            ("rotate", "targets: [dexter]", Freezes, "not one of juju-user/NAME"),
            ("rotate", "disable-idle: 2y", Freezes, "\"2y\""),
            ("tls-secret", "s3cr3t-key", Freezes, "is no secret"),
            ("juju-credentials", "s3cr3t-login", Freezes, "is no secret"),
            ("external-hostname", "https://kubeflow.example.com/", Freezes, "host name"),
            ("external-hostname", "kube flow", Freezes, "host name"),
            ("external-hostname", "*.example.com", Freezes, "host name"),
            ("registry-mirrors", "docker.io", Disconnects, "HOST[/PATH]=HOST[/PATH]"),
            ("allow-disruption", "mutual-tsl", Freezes, "not one of tls-floor"),
            ("allow-disruption", "all", Freezes, "not one of tls-floor"),
            ("registry-plain-http", "*", OnlyReports, "is no host"),
            ("registry-plain-http", "http://registry.lan:5000", OnlyReports, "is no host"),
            ("registry-realms", "https://x", OnlyReports, "REGISTRY=HOST"),
            ("charmhub-url", "charmhub", Disconnects, "is no URL"),
            ("data", "{\"form\": \"of tomorrow\"}", OnlyReports, "of tomorrow"),
            ("data", "data.json", OnlyReports, "bundle-data"),
            ("prometheus-ca-cert", "cos-ca.pem", OnlyReports, "is no certificate"),
            ("prometheus-url", "cos", OnlyReports, "is no URL"),
            ("prometheus-url", "https://me:s3cr3t@cos", OnlyReports, "names a login"),
            ("offline", "yes", Disconnects, "neither true nor false"),
            ("registry-credentials", "s3cr3t-json", OnlyReports, "is no secret"),
            ("release", "1.6", OnlyReports, "not one of 1.10, 1.11, latest"),
            ("audit-interval", "often", OnlyReports, "30m, 6h or 1d"),
            ("audit-interval", "10s", OnlyReports, "between 5m and 30d"),
            ("audit-interval", "-1h", OnlyReports, "between 5m and 30d"),
            ("audit-interval", "2months", OnlyReports, "months or years"),
            ("audit-interval", "99999999999999999999h", OnlyReports, "30m, 6h or 1d"),
            ("block-on", "everything", OnlyReports, "critical"),
            ("log-level", "loud", OnlyReports, "error, warning, info, debug, trace"),
        ];
        let texts =
            texts.map(|(option, text, does, expected)| (option, json!(text), does, expected));
        // Of another type, as after a change of the charm's revision.
        let others = [
            ("enforce", json!(7), Freezes, "is no text"),
            ("policy", json!(true), Freezes, "is no text"),
            ("rotate", json!(["dex"]), Freezes, "is no text"),
        ];
        texts.into_iter().chain(others).collect()
    }

    #[test]
    fn invalid_value_of_any_option_changes_nothing() {
        let file: Value = serde_yaml::from_str(include_str!("../config.yaml")).unwrap();
        for option in file["options"].as_object().unwrap().keys() {
            assert!(
                slips().iter().any(|(tested, ..)| tested == option),
                "{option} has no wrong value here"
            );
        }
        let defaults = parse(json!({})).0;
        for (option, value, does, expected) in slips() {
            let (options, problems) = parse(json!({option: value}));
            let of = format!("{option}={value}: {problems:?}");
            assert_eq!(problems.len(), 1, "{of}");
            let is_reported = problems[0].starts_with(&format!("option {option}: "))
                && problems[0].contains(expected)
                && !problems[0].contains("s3cr3t");
            assert!(is_reported, "{of}");
            assert_eq!(options.is_frozen(), does == Freezes, "{of}");
            assert_eq!(options.offline, does == Disconnects, "{of}");
            if does == Freezes {
                let why = options.freeze_reason().unwrap();
                assert!(why.starts_with(&problems[0]) && why.contains("stays as it is"), "{why}");
            }
            let (frozen, offline) = (Vec::new(), false);
            let rest = Options { frozen, offline, ..options };
            assert_eq!(rest, defaults, "{of}");
        }
    }

    #[test]
    fn certificates_stay_while_their_options_are_invalid() {
        for (option, value, stay) in [
            ("policy", "treshold: {}", true),
            ("external-hostname", "kube flow", true),
            ("enforce", "tls-flor", false),
        ] {
            let options = parse(json!({option: value})).0;
            assert_eq!(options.freezes_certificates(), stay, "{option}");
        }
    }

    #[test]
    fn corrected_option_is_news() {
        let wrong = parse(json!({"enforce": "tls-floor,https-redirct"})).0;
        assert_ne!(wrong.digest(), parse(json!({})).0.digest());
    }

    #[test]
    fn audit_is_due_after_its_interval_or_a_clock_reset() {
        let options = parse(json!({"audit-interval": "6h"})).0;
        let now: Timestamp = "2026-11-23T12:00:00Z".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(!options.is_due(at("2026-11-23T06:00:01Z"), now));
        assert!(options.is_due(at("2026-11-23T06:00:00Z"), now));
        assert!(options.is_due(at("2026-11-23T12:00:01Z"), now));
    }

    #[test]
    fn option_that_changes_verdicts_changes_the_digest() {
        let plain = parse(json!({})).0.digest();
        assert_eq!(plain, parse(json!({"log-level": "debug"})).0.digest());
        for changed in [
            json!({"profile": "strict"}),
            json!({"release": "1.10"}),
            json!({"policy": "source-ranges: [10.0.0.0/8]"}),
        ] {
            assert_ne!(plain, parse(changed).0.digest());
        }
    }
}
