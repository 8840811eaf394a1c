//! The policy: thresholds, allow-lists, waivers and attestations, parsed once.

use std::collections::BTreeMap;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::catalog::{self, Severity, Source};
use crate::pki::{Terms, TermsWire};

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
            waivers: Vec::new(),
            attestations: Vec::new(),
        }
    }
}

/// Options of applications, by application and name, as Juju prints their values.
pub type Options = BTreeMap<String, BTreeMap<String, String>>;

/// All suites below TLS 1.3 that are strong.
pub fn default_suites() -> Vec<String> {
    let suites = crate::controls::tls::STRONG_SUITES.iter();
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

/// The policy of ckf-hardening: the option `policy`, or the file of `--policy`.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[schemars(title = "ckf-hardening/policy/v1")]
struct Wire {
    /// From when on something fails.
    thresholds: Thresholds,
    /// Addresses from which the gateway may be reached, as CIDR; all, if there are none.
    source_ranges: Vec<String>,
    /// What is allowed beside the release's own.
    allow: Allow,
    /// What options of applications are to be: by application, then by option.
    #[schemars(with = "BTreeMap<String, BTreeMap<String, Option<Scalar>>>")]
    options: BTreeMap<String, BTreeMap<String, serde_yaml::Value>>,
    /// What certificates for the gateway may be.
    certificates: TermsWire,
    /// How bad a control is when it does not hold, by its id.
    #[schemars(with = "BTreeMap<String, Severity>")]
    severities: BTreeMap<String, String>,
    /// Findings that somebody takes responsibility for.
    #[schemars(with = "Vec<WaiverWire>")]
    waivers: Vec<serde_yaml::Value>,
    /// What somebody attests that no program can read.
    #[schemars(with = "Vec<AttestationWire>")]
    attestations: Vec<serde_yaml::Value>,
}

/// A value of an option.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "it is there for its schema")]
enum Scalar {
    Text(String),
    Number(f64),
    Truth(bool),
}

/// From when on something fails, in days.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Thresholds {
    /// Before its end a certificate fails.
    certificate_fail_days: i64,
    /// Before its end a certificate is warned of.
    certificate_warn_days: i64,
    /// Longest time that a password is used.
    password_max_days: i64,
    /// Longest time that a user may not log in.
    idle_max_days: i64,
}

impl Default for Thresholds {
    fn default() -> Self {
        let (certificate_fail_days, certificate_warn_days) = Policy::default().certificate_days;
        Self {
            certificate_fail_days,
            certificate_warn_days,
            password_max_days: 90,
            idle_max_days: 90,
        }
    }
}

/// A finding that somebody takes responsibility for.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["control", "reason", "owner", "expires"]))]
struct WaiverWire {
    /// The control.
    #[schemars(with = "String")]
    control: Option<String>,
    /// The object; all of the control's, if it is absent.
    object: ObjectPattern,
    /// Why.
    #[schemars(with = "String")]
    reason: Option<String>,
    /// Who.
    #[schemars(with = "String")]
    owner: Option<String>,
    /// Last day on which it holds, in UTC, for example 2027-03-31.
    #[schemars(with = "String")]
    expires: Option<String>,
}

/// What somebody attests.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["control", "reason", "owner", "date"]))]
struct AttestationWire {
    /// The control.
    #[schemars(with = "String")]
    control: Option<String>,
    /// What was done, and where the record is.
    #[schemars(with = "String")]
    reason: Option<String>,
    /// Who.
    #[schemars(with = "String")]
    owner: Option<String>,
    /// When, for example 2026-10-01; it holds for a year.
    #[schemars(with = "String")]
    date: Option<String>,
}

/// The JSON Schema of policies, as it is published in `docs/policy-v1.schema.json`.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Wire);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// The line of the item of a list, as a person writes it: each with a dash of its own. Of a
/// list in one line it is that line.
fn line_of(yaml: &str, list: &str, index: usize) -> Option<usize> {
    let mut lines = yaml.lines().enumerate();
    let (start, _) = lines.find(|(_, line)| {
        let rest = line.strip_prefix(list);
        rest.is_some_and(|rest| rest.starts_with(':'))
    })?;
    let dash = |line: &str| {
        let inner = line.trim_start();
        inner.starts_with("- ").then(|| line.len() - inner.len())
    };
    let mut indentation = None;
    let items = lines.filter(|(_, line)| match (dash(line), indentation) {
        (Some(depth), None) => {
            indentation = Some(depth);
            true
        }
        (depth, known) => depth.is_some() && depth == known,
    });
    let item = items.map(|(number, _)| number).nth(index);
    Some(item.unwrap_or(start) + 1)
}

/// Names an item of a list for people.
fn item(yaml: &str, list: &str, index: usize) -> String {
    let what = list.trim_end_matches('s');
    match line_of(yaml, list, index) {
        Some(line) => format!("{what} {} (line {line})", index + 1),
        None => format!("{what} {}", index + 1),
    }
}

impl Policy {
    /// Reads the `policy` option or file. What is wrong is told and left out;
    /// everything else holds.
    pub fn parse(yaml: &str) -> (Self, Vec<PolicyProblem>) {
        let mut policy = Self::default();
        let mut problems = Vec::new();
        if yaml.trim().is_empty() {
            return (policy, problems);
        }
        let wire: Wire = match serde_yaml::from_str::<Option<Wire>>(yaml) {
            Ok(wire) => wire.unwrap_or_default(),
            Err(error) => {
                problems.push(PolicyProblem(format!(
                    "{error}; expected a map with thresholds, source-ranges, allow, options, certificates, severities, waivers, attestations"
                )));
                return (policy, problems);
            }
        };
        let thresholds = wire.thresholds;
        if thresholds.certificate_fail_days < 0
            || thresholds.certificate_warn_days < thresholds.certificate_fail_days
        {
            problems.push(PolicyProblem(format!(
                "thresholds: expected 0 <= certificate-fail-days <= certificate-warn-days, got {} and {}",
                thresholds.certificate_fail_days, thresholds.certificate_warn_days
            )));
        } else {
            policy.certificate_days = (
                thresholds.certificate_fail_days,
                thresholds.certificate_warn_days,
            );
        }
        for (field, days, into) in [
            (
                "password-max-days",
                thresholds.password_max_days,
                &mut policy.password_age,
            ),
            (
                "idle-max-days",
                thresholds.idle_max_days,
                &mut policy.idle_time,
            ),
        ] {
            match days {
                1..=3650 => *into = SignedDuration::from_hours(24 * days),
                days => problems.push(PolicyProblem(format!(
                    "thresholds: expected {field} between 1 and 3650, got {days}"
                ))),
            }
        }
        policy.source_ranges = wire.source_ranges;
        policy.allow = wire.allow;
        for (application, options) in wire.options {
            for (name, value) in options {
                match option_value(&value) {
                    Some(value) => {
                        let of = policy.options.entry(application.clone()).or_default();
                        of.insert(name, value);
                    }
                    None => problems.push(PolicyProblem(format!(
                        "options: {application}: {name}: expected a text, a number or true or false"
                    ))),
                }
            }
        }
        match Terms::parse(wire.certificates) {
            Ok(terms) => policy.certificates = terms,
            Err(why) => problems.push(PolicyProblem(format!("certificates: {why}"))),
        }
        for (control, severity) in wire.severities {
            let parsed = known_control(Some(control.clone())).and(severity.parse());
            match parsed {
                Ok(severity) => drop(policy.severities.insert(control, severity)),
                Err(why) => problems.push(PolicyProblem(format!("severities: {control}: {why}"))),
            }
        }
        for (index, value) in wire.waivers.into_iter().enumerate() {
            match waiver(value) {
                Ok(waiver) => policy.waivers.push(waiver),
                Err(error) => problems.push(PolicyProblem(format!(
                    "{}: {error}; it does not waive",
                    item(yaml, "waivers", index)
                ))),
            }
        }
        for (index, value) in wire.attestations.into_iter().enumerate() {
            match attestation(value) {
                Ok(attestation) => policy.attestations.push(attestation),
                Err(error) => problems.push(PolicyProblem(format!(
                    "{}: {error}; it is not counted",
                    item(yaml, "attestations", index)
                ))),
            }
        }
        (policy, problems)
    }
}

fn waiver(value: serde_yaml::Value) -> Result<Waiver, String> {
    let wire: WaiverWire = serde_yaml::from_value(value)
        .map_err(|e| format!("{e}; expected a map with control, object, reason, owner, expires"))?;
    let control = known_control(wire.control)?;
    if catalog::control(&control).is_some_and(|known| known.source == Source::Policy) {
        return Err(format!("{control} is about waivers, and cannot be waived"));
    }
    Ok(Waiver {
        control,
        object: wire.object,
        reason: said("reason", wire.reason)?,
        owner: said("owner", wire.owner)?,
        expires: day("expires", wire.expires)?,
    })
}

fn attestation(value: serde_yaml::Value) -> Result<Attestation, String> {
    let wire: AttestationWire = serde_yaml::from_value(value)
        .map_err(|e| format!("{e}; expected a map with control, reason, owner, date"))?;
    let control = known_control(wire.control)?;
    if catalog::control(&control).is_some_and(|known| known.source != Source::Attestation) {
        return Err(format!(
            "{control} is judged by ckf-hardening itself; what it finds can be waived, under waivers"
        ));
    }
    Ok(Attestation {
        control,
        reason: said("reason", wire.reason)?,
        owner: said("owner", wire.owner)?,
        date: day("date", wire.date)?,
    })
}

fn known_control(id: Option<String>) -> Result<String, String> {
    let id = said("control", id)?;
    match catalog::control(&id) {
        Some(_) => Ok(id),
        None => Err(format!(
            "no control {id:?}; `ckf-hardening controls` lists them"
        )),
    }
}

fn said(field: &str, value: Option<String>) -> Result<String, String> {
    value
        .map(|v| v.trim().to_owned())
        .filter(|v| !v.is_empty())
        .ok_or_else(|| format!("{field} is missing"))
}

fn day(field: &str, value: Option<String>) -> Result<Date, String> {
    let text = said(field, value)?;
    text.parse()
        .map_err(|_| format!("{field} {text:?} is not a day; expected for example 2027-03-31"))
}

/// A host name, without scheme, port or wildcard.
pub fn parse_hostname(text: &str) -> Result<String, String> {
    match rustls::pki_types::ServerName::try_from(text) {
        Ok(_) if !text.contains(':') => Ok(text.to_ascii_lowercase()),
        _ => Err(format!(
            "{text:?} is no host name; expected one like kubeflow.example.com"
        )),
    }
}

/// A value as Juju prints it.
fn option_value(value: &serde_yaml::Value) -> Option<String> {
    match value {
        serde_yaml::Value::Null => Some(String::new()),
        serde_yaml::Value::Bool(value) => Some(value.to_string()),
        serde_yaml::Value::Number(value) => Some(value.to_string()),
        serde_yaml::Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

/// The threshold from which open findings count, or `None` for never.
pub fn parse_threshold(text: &str) -> Result<Option<Severity>, String> {
    match text.trim() {
        "never" | "none" => Ok(None),
        other => other.parse().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIVER: &str = "control: TLS-02, reason: r, owner: o, expires: 2027-01-31";

    #[test]
    fn a_complete_waiver_holds_until_the_end_of_its_last_day() {
        let (policy, problems) = Policy::parse(&format!("waivers: [{{{WAIVER}}}]"));
        assert!(problems.is_empty(), "{problems:?}");
        assert!(policy.waivers[0].holds("2027-01-31T23:59:59Z".parse().unwrap()));
        assert!(!policy.waivers[0].holds("2027-02-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let yaml = "thresholds: {}\nwaivers:\n  - control: TLS-02\n    reason: r\n    owner: o\n    \
            expires: 2027-01-31\n  # one more\n  - control: TLS-03\n    object: {kind: Secret}\n\
            attestations: [{control: x}]\n";
        let (_, problems) = Policy::parse(yaml);
        let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(told.len(), 2, "{told:?}");
        assert!(
            told[0].starts_with("policy: waiver 2 (line 8): "),
            "{told:?}"
        );
        assert!(
            told[1].starts_with("policy: attestation 1 (line 10): "),
            "{told:?}"
        );
    }

    #[test]
    fn severities_are_the_policys_and_waivers_cannot_be_waived() {
        let (policy, problems) =
            Policy::parse("severities: {TLS-20: high, TLS-99: low, TLS-02: bad}");
        assert_eq!(
            policy.severities,
            BTreeMap::from([("TLS-20".into(), Severity::High)])
        );
        assert_eq!(problems.len(), 2, "{problems:?}");
        let waiver = WAIVER.replace("TLS-02", "POL-01");
        let (_, problems) = Policy::parse(&format!("waivers: [{{{waiver}}}]"));
        assert!(problems[0].0.contains("cannot be waived"), "{problems:?}");
    }

    #[test]
    fn what_is_wrong_is_told_and_the_rest_holds() {
        for (yaml, told) in [
            (
                "waivers: [{control: TLS-02, owner: o, expires: 2027-01-31}]",
                "reason is missing",
            ),
            (
                "waivers: [{control: TLS-02, reason: ' ', owner: o, expires: 2027-01-31}]",
                "reason is missing",
            ),
            (
                "waivers: [{control: TLS-02, reason: r, expires: 2027-01-31}]",
                "owner is missing",
            ),
            (
                "waivers: [{control: TLS-02, reason: r, owner: o}]",
                "expires is missing",
            ),
            (
                "waivers: [{control: TLS-02, reason: r, owner: o, expires: soon}]",
                "\"soon\" is not a day",
            ),
            (
                "waivers: [{control: TLS-02, reason: r, owner: o, expires: 2027-02-30}]",
                "is not a day",
            ),
            (
                "waivers: [{control: TLS-99, reason: r, owner: o, expires: 2027-01-31}]",
                "no control \"TLS-99\"",
            ),
            (
                "waivers: [{reason: r, owner: o, expires: 2027-01-31}]",
                "control is missing",
            ),
            ("waivers: [{controll: TLS-02}]", "controll"),
            ("waivers: [TLS-02]", "expected a map"),
            (
                "waivers: [{control: TLS-02, object: gateway, reason: r, owner: o, expires: 2027-01-31}]",
                "waiver 1",
            ),
            ("waivers: TLS-02", "waivers"),
            ("attestations: [{control: K8S-01}]", "reason is missing"),
            (
                "attestations: [{control: TLS-01, reason: r, owner: o, date: 2026-01-01}]",
                "TLS-01 is judged by ckf-hardening itself",
            ),
            (
                "attestations: [{control: K8S-01, reason: r, owner: o, date: 1}]",
                "attestation 1",
            ),
            (
                "thresholds: {certificate-fail-days: -1}",
                "certificate-fail-days",
            ),
            (
                "thresholds: {certificate-fail-days: 40}",
                "certificate-warn-days",
            ),
            ("thresholds: {certificate-fail-days: many}", "line 1"),
            ("threshold: {}", "threshold"),
            ("allow: {gateways: [x]}", "gateways"),
            ("- a list", "expected a map"),
            ("waivers: [", "line"),
            ("just words", "expected a map"),
        ] {
            let (_, problems) = Policy::parse(yaml);
            let text = problems.iter().map(ToString::to_string).collect::<String>();
            assert!(
                text.starts_with("policy: ") && text.contains(told),
                "{yaml}: {text:?} lacks {told:?}"
            );
        }
        let (policy, problems) = Policy::parse(&format!("waivers: [{{{WAIVER}}}, {{control: x}}]"));
        assert_eq!((policy.waivers.len(), problems.len()), (1, 1));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = Policy::parse(&text);
        }
    }
}
