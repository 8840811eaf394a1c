//! Parses a policy from YAML.

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::SignedDuration;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Deserialize;

use super::custom::{self, ControlWire, CustomControl};
use super::error::EntryError;
use super::{Allow, Attestation, ObjectPattern, Policy, PolicyProblem, Waiver};
use crate::catalog::{self, Severity, Source};
use crate::policy::certificates::{CertificatePolicy, CertificatePolicyWire};

/// Policy of ckf-hardening: the option `policy`, or the file passed with `--policy`.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
#[schemars(title = "ckf-hardening/policy/v1")]
struct Wire {
    /// Thresholds, in days.
    thresholds: Thresholds,
    /// Client address ranges allowed to reach the gateway, CIDR; all if empty.
    source_ranges: Vec<String>,
    /// Objects allowed in addition to those of the release.
    allow: Allow,
    /// Declared charm options, by application and option.
    #[schemars(with = "BTreeMap<String, BTreeMap<String, Option<Scalar>>>")]
    options: BTreeMap<String, BTreeMap<String, serde_yaml::Value>>,
    /// Requirements on certificates of the gateway.
    certificates: CertificatePolicyWire,
    /// Severities that override the catalogue's, by control id.
    #[schemars(with = "BTreeMap<String, Severity>")]
    severities: BTreeMap<String, String>,
    /// Custom controls.
    #[schemars(with = "Vec<ControlWire>")]
    controls: Vec<serde_yaml::Value>,
    /// Findings accepted by their owner until an expiry date.
    #[schemars(with = "Vec<WaiverWire>")]
    waivers: Vec<serde_yaml::Value>,
    /// Attestations of what no program can assess.
    #[schemars(with = "Vec<AttestationWire>")]
    attestations: Vec<serde_yaml::Value>,
}

/// Value of an option.
#[derive(JsonSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "for the schema only")]
enum Scalar {
    Text(String),
    Number(f64),
    Truth(bool),
}

/// Thresholds, in days.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
struct Thresholds {
    /// Days before expiry at which a certificate fails.
    certificate_fail_days: i64,
    /// Days before expiry at which a certificate warns.
    certificate_warn_days: i64,
    /// Maximum age of a password.
    password_max_days: i64,
    /// Maximum time since the last login of a user.
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

/// A finding accepted by its owner until an expiry date.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["control", "reason", "owner", "expires"]))]
struct WaiverWire {
    /// Id of the control.
    #[schemars(with = "String")]
    control: Option<String>,
    /// Waived objects; all of the control by default.
    object: ObjectPattern,
    /// Reason, for reports.
    #[schemars(with = "String")]
    reason: Option<String>,
    /// Person or team that accepts the risk.
    #[schemars(with = "String")]
    owner: Option<String>,
    /// Last day on which it applies, in UTC, for example 2027-03-31.
    #[schemars(with = "String")]
    expires: Option<String>,
}

/// A statement by a person that a control is met.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(deny_unknown_fields, default)]
#[schemars(extend("required" = ["control", "reason", "owner", "date"]))]
struct AttestationWire {
    /// Id of the control.
    #[schemars(with = "String")]
    control: Option<String>,
    /// What was done, and where it is documented.
    #[schemars(with = "String")]
    reason: Option<String>,
    /// Person or team that attests.
    #[schemars(with = "String")]
    owner: Option<String>,
    /// Day of the attestation, for example 2026-10-01; valid for a year.
    #[schemars(with = "String")]
    date: Option<String>,
}

/// JSON Schema of policies, published as `docs/policy-v1.schema.json`.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Wire);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

/// Line number of a list's item in block style; for a list in flow style, that of the list.
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

/// Human-readable name of a list's item, with its line number.
fn item(yaml: &str, list: &str, index: usize) -> String {
    let what = list.trim_end_matches('s');
    match line_of(yaml, list, index) {
        Some(line) => format!("{what} {} (line {line})", index + 1),
        None => format!("{what} {}", index + 1),
    }
}

impl Policy {
    /// Parses the `policy` option or file. Invalid parts are reported and skipped; the rest
    /// applies.
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
                    "{error}; expected a map with thresholds, source-ranges, allow, options, certificates, severities, controls, waivers, attestations"
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
            policy.certificate_days =
                (thresholds.certificate_fail_days, thresholds.certificate_warn_days);
        }
        for (field, days, into) in [
            ("password-max-days", thresholds.password_max_days, &mut policy.password_age),
            ("idle-max-days", thresholds.idle_max_days, &mut policy.idle_time),
        ] {
            match days {
                1..=3650 => *into = SignedDuration::from_hours(24 * days),
                days => problems.push(PolicyProblem(format!(
                    "thresholds: expected {field} between 1 and 3650, got {days}"
                ))),
            }
        }
        let is_range = |text: &String| is_cidr(text);
        match wire.source_ranges.iter().find(|text| !is_range(text)) {
            None => policy.source_ranges = wire.source_ranges,
            Some(wrong) => problems.push(PolicyProblem(format!(
                "source-ranges: {wrong:?} is not an address range; expected CIDR, for example 10.0.0.0/8"
            ))),
        }
        problems.extend(wire.allow.problems().map(PolicyProblem));
        policy.allow = wire.allow;
        for (application, options) in wire.options {
            for (name, value) in options {
                match option_value(&value) {
                    Some(value) => {
                        let of = policy.options.entry(application.clone()).or_default();
                        of.insert(name, value);
                    }
                    None => problems.push(PolicyProblem(format!(
                        "options: {application}: {name}: expected a string, a number or a boolean"
                    ))),
                }
            }
        }
        match CertificatePolicy::parse(wire.certificates) {
            Ok(terms) => policy.certificates = terms,
            Err(why) => problems.push(PolicyProblem(format!("certificates: {why}"))),
        }
        for (index, value) in wire.controls.into_iter().enumerate() {
            let parsed = match policy.controls.len() < custom::MAX_CONTROLS {
                true => custom::control(value, &policy.controls),
                false => Err(EntryError::TooMany),
            };
            match parsed {
                Ok(control) => policy.controls.push(control),
                Err(error) => problems.push(PolicyProblem(format!(
                    "{}: {error}; the control is skipped",
                    item(yaml, "controls", index)
                ))),
            }
        }
        let custom_controls = &policy.controls;
        for (control, severity) in wire.severities {
            let severity = severity.parse().map_err(EntryError::Severity);
            let parsed = known_control(Some(control.clone()), custom_controls).and(severity);
            match parsed {
                Ok(severity) => drop(policy.severities.insert(control, severity)),
                Err(why) => problems.push(PolicyProblem(format!("severities: {control}: {why}"))),
            }
        }
        for (index, value) in wire.waivers.into_iter().enumerate() {
            match waiver(value, custom_controls) {
                Ok(waiver) => policy.waivers.push(waiver),
                Err(error) => problems.push(PolicyProblem(format!(
                    "{}: {error}; the waiver does not apply",
                    item(yaml, "waivers", index)
                ))),
            }
        }
        for (index, value) in wire.attestations.into_iter().enumerate() {
            match attestation(value, custom_controls) {
                Ok(attestation) => policy.attestations.push(attestation),
                Err(error) => problems.push(PolicyProblem(format!(
                    "{}: {error}; the attestation does not count",
                    item(yaml, "attestations", index)
                ))),
            }
        }
        (policy, problems)
    }
}

/// Whether a text is an address range, CIDR.
fn is_cidr(text: &str) -> bool {
    let Some((address, length)) = text.split_once('/') else {
        return false;
    };
    let (Ok(address), Ok(length)) = (address.parse::<IpAddr>(), length.parse::<u8>()) else {
        return false;
    };
    length <= if address.is_ipv4() { 32 } else { 128 }
}

/// Parses an item of a list; `fields` are named in the error.
pub(super) fn entry<T: serde::de::DeserializeOwned>(
    value: serde_yaml::Value,
    fields: &'static str,
) -> Result<T, EntryError> {
    serde_yaml::from_value(value).map_err(|source| EntryError::Malformed { source, fields })
}

fn waiver(
    value: serde_yaml::Value,
    custom_controls: &[CustomControl],
) -> Result<Waiver, EntryError> {
    let wire: WaiverWire = entry(value, "control, object, reason, owner, expires")?;
    let control = known_control(wire.control, custom_controls)?;
    if catalog::control(&control).is_some_and(|known| known.source == Source::Policy) {
        return Err(EntryError::NotWaivable(control));
    }
    if let Some(why) = wire.object.never_matches() {
        return Err(EntryError::MatchesNothing(why));
    }
    Ok(Waiver {
        control,
        object: wire.object,
        reason: required("reason", wire.reason)?,
        owner: required("owner", wire.owner)?,
        expires: day("expires", wire.expires)?,
    })
}

fn attestation(
    value: serde_yaml::Value,
    custom_controls: &[CustomControl],
) -> Result<Attestation, EntryError> {
    let wire: AttestationWire = entry(value, "control, reason, owner, date")?;
    let control = known_control(wire.control, custom_controls)?;
    let known = catalog::control(&control);
    if known.is_none_or(|known| !known.may_be_attested()) {
        return Err(EntryError::NotAttestable(control));
    }
    Ok(Attestation {
        control,
        reason: required("reason", wire.reason)?,
        owner: required("owner", wire.owner)?,
        date: day("date", wire.date)?,
    })
}

fn known_control(
    id: Option<String>,
    custom_controls: &[CustomControl],
) -> Result<String, EntryError> {
    let id = required("control", id)?;
    let is_custom = custom_controls.iter().any(|custom| custom.control.id == id);
    match is_custom || catalog::control(&id).is_some() {
        true => Ok(id),
        false => Err(EntryError::UnknownControl(id)),
    }
}

/// The trimmed value of a required field.
pub(super) fn required(field: &'static str, value: Option<String>) -> Result<String, EntryError> {
    value.map(|v| v.trim().to_owned()).filter(|v| !v.is_empty()).ok_or(EntryError::Missing(field))
}

fn day(field: &'static str, value: Option<String>) -> Result<Date, EntryError> {
    let text = required(field, value)?;
    text.parse().map_err(|_| EntryError::Date { field, text })
}

/// Formats a value as Juju prints it.
fn option_value(value: &serde_yaml::Value) -> Option<String> {
    match value {
        serde_yaml::Value::Null => Some(String::new()),
        serde_yaml::Value::Bool(value) => Some(value.to_string()),
        serde_yaml::Value::Number(value) => Some(value.to_string()),
        serde_yaml::Value::String(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIVER: &str = "control: TLS-02, reason: r, owner: o, expires: 2027-01-31";

    #[test]
    fn waiver_applies_until_end_of_its_last_day() {
        let (policy, problems) = Policy::parse(&format!("waivers: [{{{WAIVER}}}]"));
        assert!(problems.is_empty(), "{problems:?}");
        assert!(policy.waivers[0].holds("2027-01-31T23:59:59Z".parse().unwrap()));
        assert!(!policy.waivers[0].holds("2027-02-01T00:00:00Z".parse().unwrap()));
    }

    #[test]
    fn problem_names_line() {
        let yaml = "thresholds: {}\nwaivers:\n  - control: TLS-02\n    reason: r\n    owner: o\n    \
            expires: 2027-01-31\n  # one more\n  - control: TLS-03\n    object: {kind: Secret}\n\
            attestations: [{control: x}]\n";
        let (_, problems) = Policy::parse(yaml);
        let shown: Vec<String> = problems.iter().map(ToString::to_string).collect();
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown[0].starts_with("policy: waiver 2 (line 8): "), "{shown:?}");
        assert!(shown[1].starts_with("policy: attestation 1 (line 10): "), "{shown:?}");
    }

    #[test]
    fn severities_are_overridden_and_waiver_controls_cannot_be_waived() {
        let (policy, problems) =
            Policy::parse("severities: {TLS-20: high, TLS-99: low, TLS-02: bad}");
        assert_eq!(policy.severities, BTreeMap::from([("TLS-20".into(), Severity::High)]));
        assert_eq!(problems.len(), 2, "{problems:?}");
        let waiver = WAIVER.replace("TLS-02", "POL-01");
        let (_, problems) = Policy::parse(&format!("waivers: [{{{waiver}}}]"));
        assert!(problems[0].0.contains("cannot be waived"), "{problems:?}");
    }

    const CUSTOM: &str = "id: ORG-01, title: t, severity: low, why: w, fix: f, apiVersion: v1, \
        kind: Pod, expression: object.spec.replicas > 1";

    #[test]
    fn custom_control_can_be_waived_and_its_severity_overridden() {
        let yaml = format!(
            "controls: [{{{CUSTOM}}}]\nseverities: {{ORG-01: high}}\n\
             waivers: [{{control: ORG-01, reason: r, owner: o, expires: 2027-01-31}}]"
        );
        let (policy, problems) = Policy::parse(&yaml);
        assert!(problems.is_empty(), "{problems:?}");
        assert_eq!(policy.controls[0].control.section, "Ours");
        assert_eq!(policy.severities["ORG-01"], Severity::High);
        assert_eq!(policy.waivers.len(), 1);
    }

    #[test]
    fn invalid_control_is_reported_and_skipped() {
        let long = format!("expression: '{}'", "1+".repeat(600));
        for (old, new, message) in [
            ("ORG-01", "TLS-99", "is reserved"),
            ("ORG-01", "org-1", "expected upper-case letters"),
            ("why: w, ", "", "why is missing"),
            ("severity: low", "severity: bad", "is not one of critical"),
            ("apiVersion: v1", "apiVersion: a/b/c", "is not a version"),
            ("kind: Pod", "kimd: Pod", "unknown field `kimd`"),
            ("object.spec.replicas > 1", "object.spec.", "expression is not CEL: 1:"),
            ("object.spec.replicas > 1", "\"'a\"", "unterminated"),
            ("expression: object.spec.replicas > 1", &long, "at most 1000"),
            ("object.spec.replicas > 1", &format!("'{}1'", "(".repeat(400)), "not CEL"),
        ] {
            let entry = CUSTOM.replace(old, new);
            let (policy, problems) = Policy::parse(&format!("controls:\n  - {{{entry}}}"));
            assert_eq!((policy.controls.len(), problems.len()), (0, 1), "{new}");
            let problem = problems[0].to_string();
            assert!(problem.contains(message), "{new}: {problem}");
            assert!(problem.contains("control 1 (line 2)"), "{problem}");
        }
        let (policy, problems) = Policy::parse(&format!("controls: [{{{CUSTOM}}}, {{{CUSTOM}}}]"));
        assert_eq!((policy.controls.len(), problems.len()), (1, 1));
    }

    #[test]
    fn invalid_part_is_reported_and_the_rest_applies() {
        for (yaml, message) in [
            ("waivers: [{control: TLS-02, owner: o, expires: 2027-01-31}]", "reason is missing"),
            (
                "waivers: [{control: TLS-02, reason: ' ', owner: o, expires: 2027-01-31}]",
                "reason is missing",
            ),
            ("waivers: [{control: TLS-02, reason: r, expires: 2027-01-31}]", "owner is missing"),
            ("waivers: [{control: TLS-02, reason: r, owner: o}]", "expires is missing"),
            (
                "waivers: [{control: TLS-02, reason: r, owner: o, expires: soon}]",
                "\"soon\" is not a date",
            ),
            (
                "waivers: [{control: TLS-02, reason: r, owner: o, expires: 2027-02-30}]",
                "is not a date",
            ),
            (
                "waivers: [{control: TLS-99, reason: r, owner: o, expires: 2027-01-31}]",
                "no control \"TLS-99\"",
            ),
            ("waivers: [{reason: r, owner: o, expires: 2027-01-31}]", "control is missing"),
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
                "TLS-01 is assessed by ckf-hardening",
            ),
            ("attestations: [{control: K8S-01, reason: r, owner: o, date: 1}]", "attestation 1"),
            ("thresholds: {certificate-fail-days: -1}", "certificate-fail-days"),
            ("thresholds: {certificate-fail-days: 40}", "certificate-warn-days"),
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
                text.starts_with("policy: ") && text.contains(message),
                "{yaml}: {text:?} lacks {message:?}"
            );
        }
        let (policy, problems) = Policy::parse(&format!("waivers: [{{{WAIVER}}}, {{control: x}}]"));
        assert_eq!((policy.waivers.len(), problems.len()), (1, 1));
    }

    /// Collects the paths of all fields below a part of the schema.
    fn fields(
        schema: &serde_json::Value,
        part: &serde_json::Value,
        at: &str,
        all: &mut Vec<String>,
    ) {
        let part = match part["$ref"].as_str() {
            Some(name) => &schema["$defs"][name.rsplit('/').next().unwrap()],
            None => part,
        };
        if part["items"].is_object() {
            fields(schema, &part["items"], at, all);
        }
        for (name, field) in part["properties"].as_object().into_iter().flatten() {
            let path = format!("{at}.{name}");
            let path = path.trim_start_matches('.');
            all.push(path.to_owned());
            fields(schema, field, path, all);
        }
    }

    /// An invalid value of each field.
    const WRONG: [(&str, &str); 65] = [
        ("allow", "allow: all"),
        ("allow.clusterroles", "allow: {clusterroles: admin}"),
        ("allow.envoyfilters", "allow: {envoyfilters: ['']}"),
        ("allow.model-admins", "allow: {model-admins: [' ']}"),
        ("allow.pods", "allow: {pods: [/]}"),
        ("allow.registries", "allow: {registries: [{}]}"),
        ("allow.rolebindings", "allow: {rolebindings: [admin/]}"),
        ("allow.services", "allow: {services: {a: b}}"),
        ("allow.superusers", "allow: {superusers: [[]]}"),
        ("allow.virtualservices", "allow: {virtualservices: [/x]}"),
        ("attestations", "attestations: K8S-01"),
        (
            "attestations.control",
            "attestations: [{control: K8S-99, reason: r, owner: o, date: 2026-10-01}]",
        ),
        ("attestations.date", "attestations: [{control: K8S-01, reason: r, owner: o, date: once}]"),
        ("attestations.owner", "attestations: [{control: K8S-01, reason: r, date: 2026-10-01}]"),
        (
            "attestations.reason",
            "attestations: [{control: K8S-01, reason: '', owner: o, date: 2026-10-01}]",
        ),
        ("certificates", "certificates: []"),
        ("certificates.ca-days", "certificates: {ca-days: 0}"),
        ("certificates.days", "certificates: {days: -1}"),
        ("certificates.key", "certificates: {key: rsa-1024}"),
        ("certificates.names", "certificates: {names: ['kube flow']}"),
        ("certificates.overlap-days", "certificates: {overlap-days: soon}"),
        ("controls", "controls: {}"),
        ("controls.apiVersion", "controls: [{CUSTOM, apiVersion: a/b/c}]"),
        ("controls.expression", "controls: [{CUSTOM, expression: 'object.'}]"),
        ("controls.fix", "controls: [{CUSTOM, fix: ''}]"),
        ("controls.id", "controls: [{CUSTOM, id: TLS-99}]"),
        ("controls.kind", "controls: [{CUSTOM, kind: ''}]"),
        ("controls.mappings", "controls: [{CUSTOM, mappings: CIS}]"),
        (
            "controls.mappings.cis-kubernetes",
            "controls: [{CUSTOM, mappings: {cis-kubernetes: {}}}]",
        ),
        ("controls.mappings.nist-800-53", "controls: [{CUSTOM, mappings: {nist-800-53: AC-1}}]"),
        ("controls.mappings.nsa-cisa", "controls: [{CUSTOM, mappings: {nsa-cisa: [{}]}}]"),
        ("controls.namespaces", "controls: [{CUSTOM, namespaces: kubeflow}]"),
        ("controls.section", "controls: [{CUSTOM, section: []}]"),
        ("controls.severity", "controls: [{CUSTOM, severity: awful}]"),
        ("controls.title", "controls: [{CUSTOM, title: ' '}]"),
        ("controls.waive", "controls: [{CUSTOM, waive: {}}]"),
        ("controls.why", "controls: [{CUSTOM, why: ''}]"),
        ("options", "options: [dex-auth]"),
        ("options", "options: {dex-auth: {static-username: [a]}}"),
        ("severities", "severities: {TLS-02: awful}"),
        ("severities", "severities: {TLS-99: low}"),
        ("source-ranges", "source-ranges: [10.0.0.0/33]"),
        ("source-ranges", "source-ranges: [10.0.0.0]"),
        ("source-ranges", "source-ranges: [kubeflow.example.com/8]"),
        ("thresholds", "thresholds: 7"),
        ("thresholds", "treshold: {}"),
        ("thresholds.certificate-fail-days", "thresholds: {certificate-fail-days: -1}"),
        ("thresholds.certificate-warn-days", "thresholds: {certificate-warn-days: 1}"),
        ("thresholds.idle-max-days", "thresholds: {idle-max-days: 0}"),
        ("thresholds.password-max-days", "thresholds: {password-max-days: 90d}"),
        ("waivers", "waivers: {TLS-02: no}"),
        (
            "waivers.control",
            "waivers: [{control: TLS-99, reason: r, owner: o, expires: 2027-01-31}]",
        ),
        (
            "waivers.expires",
            "waivers: [{control: TLS-02, reason: r, owner: o, expires: 31.1.2027}]",
        ),
        ("waivers.object", "waivers: [{WAIVER, object: gateway}]"),
        ("waivers.object", "waivers: [{WAIVER, object: {label: a}}]"),
        ("waivers.object.kind", "waivers: [{WAIVER, object: {kind: [Pod]}}]"),
        ("waivers.object.labels", "waivers: [{WAIVER, object: {labels: a}}]"),
        ("waivers.object.name", "waivers: [{WAIVER, object: {name: {}}}]"),
        ("waivers.object.namespace", "waivers: [{WAIVER, object: {namespace: [a]}}]"),
        ("waivers.object.owner", "waivers: [{WAIVER, object: {owner: web}}]"),
        ("waivers.object.owner", "waivers: [{WAIVER, object: {owner: {kind: [Job]}}}]"),
        ("waivers.object.owner", "waivers: [{WAIVER, object: {owner: {name: {}}}}]"),
        ("waivers.owner", "waivers: [{control: TLS-02, reason: r, expires: 2027-01-31}]"),
        ("waivers.reason", "waivers: [{control: TLS-02, owner: o, expires: 2027-01-31}]"),
        ("waivers.reason", "waiver: [{WAIVER}]"),
    ];

    #[test]
    fn invalid_value_of_any_field_is_an_error_that_names_it() {
        let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
        let mut all = Vec::new();
        fields(&schema, &schema, "", &mut all);
        assert!(all.len() > 50, "{all:?}");
        for field in &all {
            let is_tested = WRONG.iter().any(|(tested, _)| tested == field);
            assert!(is_tested, "{field} has no invalid value here");
        }
        for (field, yaml) in WRONG {
            // A duplicate key would be a different error.
            let parts: Vec<&str> = CUSTOM
                .split(", ")
                .filter(|part| {
                    let key = part.split(':').next().unwrap().trim();
                    !yaml.contains(&format!(", {key}: "))
                })
                .collect();
            let yaml = yaml.replace("CUSTOM", &parts.join(", ")).replace("WAIVER", WAIVER);
            assert!(all.iter().any(|known| known == field), "{field} is not a field");
            let (_, problems) = Policy::parse(&yaml);
            assert_eq!(problems.len(), 1, "{field}: {yaml}: {problems:?}");
            let message = &problems[0].0;
            let name = field.rsplit('.').next().unwrap();
            let is_named = message.contains(name)
                || message.contains(field.split('.').next().unwrap().trim_end_matches('s'));
            assert!(is_named, "{field}: {message}");
        }
    }

    proptest::proptest! {
        #[test]
        fn arbitrary_text_does_not_panic(text: String) {
            let _ = Policy::parse(&text);
        }
    }
}
