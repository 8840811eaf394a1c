//! Parses a policy from YAML.

mod entries;
#[cfg(test)]
mod invalid;
mod place;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::IpAddr;

use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::Deserialize;

use self::entries::{AttestationWire, WaiverWire, attestation, known_control, waiver};
use self::place::item;
use super::allow::Allow;
use super::certificates::{CertificatePolicy, CertificatePolicyWire};
use super::custom::{self, ControlWire};
use super::error::{EntryError, MAX_CONTROLS, PolicyProblem};
use super::model::Policy;
use crate::catalog::Severity;

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

/// JSON Schema of policies, published as `docs/policy-v1.schema.json`.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Wire);
    let mut text = serde_json::to_string_pretty(&schema).unwrap_or_default();
    text.push('\n');
    text
}

impl Policy {
    /// Parses the `policy` option or file. Invalid parts are reported and skipped; the rest
    /// applies.
    pub fn parse(yaml: &str) -> (Self, Vec<PolicyProblem>) {
        let mut parsing = Parsing { yaml, policy: Self::default(), problems: Vec::new() };
        if !yaml.trim().is_empty() {
            match serde_yaml::from_str::<Option<Wire>>(yaml) {
                Ok(wire) => parsing.take(wire.unwrap_or_default()),
                Err(error) => parsing.problem(format!(
                    "{error}; expected a map with thresholds, source-ranges, allow, options, certificates, severities, controls, waivers, attestations"
                )),
            }
        }
        (parsing.policy, parsing.problems)
    }
}

/// A policy as far as it was read.
struct Parsing<'a> {
    yaml: &'a str,
    policy: Policy,
    problems: Vec<PolicyProblem>,
}

impl Parsing<'_> {
    fn problem(&mut self, problem: String) {
        self.problems.push(PolicyProblem(problem));
    }

    fn take(&mut self, mut wire: Wire) {
        self.thresholds(&wire.thresholds);
        self.source_ranges(wire.source_ranges);
        self.problems.extend(wire.allow.take_invalid().into_iter().map(PolicyProblem));
        self.policy.allow = wire.allow;
        self.options(wire.options);
        match CertificatePolicy::parse(wire.certificates) {
            Ok(terms) => self.policy.certificates = terms,
            Err(why) => self.problem(format!("certificates: {why}")),
        }
        self.controls(wire.controls);
        // After the controls, which these may name.
        self.severities(wire.severities);
        self.waivers(wire.waivers);
        self.attestations(wire.attestations);
    }

    fn thresholds(&mut self, thresholds: &Thresholds) {
        let (fail, warn) = (thresholds.certificate_fail_days, thresholds.certificate_warn_days);
        if (0..=warn).contains(&fail) {
            self.policy.certificate_days = (fail, warn);
        } else {
            self.problem(format!(
                "thresholds: expected 0 <= certificate-fail-days <= certificate-warn-days, got {fail} and {warn}"
            ));
        }
        for (field, days, into) in [
            ("password-max-days", thresholds.password_max_days, &mut self.policy.password_age),
            ("idle-max-days", thresholds.idle_max_days, &mut self.policy.idle_time),
        ] {
            match days {
                1..=3650 => *into = SignedDuration::from_hours(24 * days),
                days => self.problems.push(PolicyProblem(format!(
                    "thresholds: expected {field} between 1 and 3650, got {days}"
                ))),
            }
        }
    }

    fn source_ranges(&mut self, ranges: Vec<String>) {
        match ranges.iter().find(|text| !is_cidr(text)) {
            None => self.policy.source_ranges = ranges,
            Some(wrong) => self.problem(format!(
                "source-ranges: {wrong:?} is not an address range; expected CIDR, for example 10.0.0.0/8"
            )),
        }
    }

    fn options(&mut self, applications: BTreeMap<String, BTreeMap<String, serde_yaml::Value>>) {
        for (application, options) in applications {
            for (name, value) in options {
                match option_value(&value) {
                    Some(value) => {
                        let of = self.policy.options.entry(application.clone()).or_default();
                        of.insert(name, value);
                    }
                    None => self.problem(format!(
                        "options: {application}: {name}: expected a string, a number or a boolean"
                    )),
                }
            }
        }
    }

    fn controls(&mut self, controls: Vec<serde_yaml::Value>) {
        for (index, value) in controls.into_iter().enumerate() {
            let parsed = match self.policy.controls.len() < MAX_CONTROLS {
                true => custom::control(value, &self.policy.controls),
                false => Err(EntryError::TooMany),
            };
            match parsed {
                Ok(control) => self.policy.controls.push(control),
                Err(error) => self.skipped("controls", index, &error, "the control is skipped"),
            }
        }
    }

    fn severities(&mut self, severities: BTreeMap<String, String>) {
        for (control, severity) in severities {
            let severity = severity.parse().map_err(EntryError::Severity);
            let known = known_control(Some(control.clone()), &self.policy.controls);
            match known.and(severity) {
                Ok(severity) => drop(self.policy.severities.insert(control, severity)),
                Err(why) => self.problem(format!("severities: {control}: {why}")),
            }
        }
    }

    fn waivers(&mut self, waivers: Vec<serde_yaml::Value>) {
        for (index, value) in waivers.into_iter().enumerate() {
            match waiver(value, &self.policy.controls) {
                Ok(waiver) => self.policy.waivers.push(waiver),
                Err(error) => self.skipped("waivers", index, &error, "the waiver does not apply"),
            }
        }
    }

    fn attestations(&mut self, attestations: Vec<serde_yaml::Value>) {
        for (index, value) in attestations.into_iter().enumerate() {
            match attestation(value, &self.policy.controls) {
                Ok(attestation) => self.policy.attestations.push(attestation),
                Err(error) => {
                    self.skipped("attestations", index, &error, "the attestation does not count");
                }
            }
        }
    }

    /// Reports an item of a list, and what that means.
    fn skipped(&mut self, list: &str, index: usize, error: &EntryError, means: &str) {
        let item = item(self.yaml, list, index);
        self.problem(format!("{item}: {error}; {means}"));
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
