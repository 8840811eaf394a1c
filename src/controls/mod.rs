//! What should be so: pure functions from facts and policy to verdicts, one
//! file a section of the guide.

pub(crate) mod applications;
mod authn;
pub(crate) mod authz;
pub mod context;
mod credentials;
mod cryptography;
pub(crate) mod custom;
mod images;
pub(crate) mod ingress;
mod kubernetes;
mod monitoring;
pub(crate) mod network;
pub(crate) mod pods;
mod policies;
mod rocks;
mod served;
pub(crate) mod tls;
mod traffic;
mod upgrades;
mod users;

pub use self::context::{Context, Missing};
pub use self::custom::Outcomes;
pub use self::images::detect_release;
pub use self::kubernetes::Distribution;

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::catalog::{self, Control, Severity};
use crate::facts::Facts;
use crate::facts::object::ObjectRef;
use crate::policy::custom::CustomControl;
use crate::policy::{Policy, Waiver};

/// Evidence that a control does not hold.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    /// The object.
    pub object: ObjectRef,
    /// The field of it.
    pub field: String,
    /// What is there.
    pub seen: String,
    /// What should be there.
    pub wanted: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { object, field, seen, wanted } = self;
        write!(f, "{object}: {field} is {seen}; wanted: {wanted}")
    }
}

/// What a check found.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It holds, by this evidence.
    Pass(String),
    /// It does not hold.
    Fail(Vec<Finding>),
    /// It says nothing about this cluster, for this reason.
    NotApplicable(String),
    /// It could not be told, for this reason.
    NotAssessed(String),
}

/// The verdict on a control.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It does not hold, and somebody takes responsibility.
    Waived,
    /// It says nothing about this cluster.
    NotApplicable,
    /// It could not be told.
    NotAssessed,
}

impl Verdict {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Waived => "waived",
            Self::NotApplicable => "not-applicable",
            Self::NotAssessed => "not-assessed",
        }
    }
}

/// A control's verdict with its evidence.
#[derive(Clone, Debug)]
pub struct Assessment {
    /// The control.
    pub control: Cow<'static, Control>,
    /// How bad it is when it does not hold, by the policy.
    pub severity: Severity,
    /// The verdict.
    pub verdict: Verdict,
    /// Why, in a sentence.
    pub reason: String,
    /// Evidence that is open.
    pub findings: Vec<Finding>,
    /// Evidence that somebody takes responsibility for.
    pub waived: Vec<Waived>,
}

/// Evidence that somebody takes responsibility for.
#[derive(Clone, Debug, PartialEq)]
pub struct Waived {
    /// The evidence.
    pub finding: Finding,
    /// The waiver.
    pub by: Waiver,
}

type Check = fn(&Context<'_>) -> Result<Outcome, Missing>;

/// The check of a control that can be read from Kubernetes or from Juju.
fn check(id: &str) -> Option<Check> {
    let families: [&[(&str, Check)]; 16] = [
        applications::CHECKS,
        users::CHECKS,
        tls::CHECKS,
        served::CHECKS,
        authn::CHECKS,
        credentials::CHECKS,
        images::CHECKS,
        rocks::CHECKS,
        upgrades::CHECKS,
        authz::CHECKS,
        pods::CHECKS,
        network::CHECKS,
        cryptography::CHECKS,
        monitoring::CHECKS,
        kubernetes::CHECKS,
        policies::CHECKS,
    ];
    families.into_iter().flatten().find(|(known, _)| *known == id).map(|(_, check)| *check)
}

/// Judges every control.
pub fn assess(facts: &Facts, policy: &Policy, release: Option<&str>) -> Vec<Assessment> {
    let context = Context::new(facts, policy, release);
    all(&context).into_iter().map(|(assessment, _)| assessment).collect()
}

/// Every control of the catalogue, then those of the policy.
fn all(context: &Context<'_>) -> Vec<(Assessment, BTreeSet<&'static str>)> {
    let ours = catalog::controls().iter();
    let theirs = context.policy.controls.iter();
    ours.map(|control| assess_one(control, context))
        .chain(theirs.map(|custom| assess_custom(custom, context)))
        .collect()
}

/// Verdicts that are kept, to judge again only what consulted facts that changed.
#[derive(Clone, Debug, Default)]
pub struct Standing(Vec<(Assessment, BTreeSet<&'static str>)>);

impl Standing {
    /// Judges those controls that consulted one of these facts, named by the fields of
    /// [`Facts`]; all, if there are no verdicts yet. The policy's own controls were evaluated
    /// elsewhere, with these outcomes. Returns how many were judged.
    pub fn update(
        &mut self,
        facts: &Facts,
        policy: &Policy,
        release: Option<&str>,
        outcomes: &Outcomes,
        changed: &BTreeSet<&'static str>,
    ) -> usize {
        let context = Context::new(facts, policy, release).with_outcomes(outcomes);
        if self.0.is_empty() {
            self.0 = all(&context);
            return self.0.len();
        }
        let concerned = self.0.iter_mut().filter(|(_, by)| !by.is_disjoint(changed));
        let mut number = 0;
        for standing in concerned {
            let judged = match &standing.0.control {
                Cow::Borrowed(control) => Some(assess_one(control, &context)),
                Cow::Owned(control) => {
                    let mut theirs = policy.controls.iter();
                    let custom = theirs.find(|custom| custom.control.id == control.id);
                    custom.map(|custom| assess_custom(custom, &context))
                }
            };
            // One that is gone from the policy goes when all are judged again.
            if let Some(judged) = judged {
                *standing = judged;
                number += 1;
            }
        }
        number
    }

    /// The verdicts.
    pub fn assessments(&self) -> impl Iterator<Item = &Assessment> {
        self.0.iter().map(|(assessment, _)| assessment)
    }

    /// Forgets them, so that all controls are judged again.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

/// The verdict on one control.
pub(crate) fn assess_named(id: &str, context: &Context<'_>) -> Assessment {
    let mut theirs = context.policy.controls.iter();
    match (catalog::control(id), theirs.find(|custom| custom.control.id == id)) {
        (Some(control), _) => assess_one(control, context).0,
        (None, Some(custom)) => assess_custom(custom, context).0,
        // Remedies and policies name known controls only, as tests see to.
        (None, None) => unreachable!("no control {id}"),
    }
}

fn assess_one(
    control: &'static Control,
    context: &Context<'_>,
) -> (Assessment, BTreeSet<&'static str>) {
    let (outcome, consulted) = match (check(&control.id), control.source) {
        (Some(check), _) => {
            let (outcome, consulted) = context.tracking(check);
            let outcome = outcome.unwrap_or_else(|missing| Outcome::NotAssessed(missing.0));
            (outcome, consulted)
        }
        // Every other source has a check, as a test sees to.
        (None, _) => (attested(control, context), BTreeSet::new()),
    };
    (judge(Cow::Borrowed(control), outcome, context), consulted)
}

fn assess_custom(
    custom: &CustomControl,
    context: &Context<'_>,
) -> (Assessment, BTreeSet<&'static str>) {
    let outcome = custom::check(context, custom);
    let outcome = outcome.unwrap_or_else(|missing| Outcome::NotAssessed(missing.0));
    let control = Cow::Owned(custom.control.clone());
    (judge(control, outcome, context), BTreeSet::from(["others"]))
}

fn attested(control: &Control, context: &Context<'_>) -> Outcome {
    let today = context.now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let found = context
        .policy
        .attestations
        .iter()
        .filter(|a| a.control == control.id)
        .max_by_key(|a| a.date);
    match found {
        Some(a) if a.date > today => {
            Outcome::NotAssessed(format!("attested for {}, which is yet to come", a.date))
        }
        Some(a) if today.duration_since(a.date).as_hours() <= 365 * 24 => {
            Outcome::Pass(format!("attested by {} on {}: {}", a.owner, a.date, a.reason))
        }
        Some(a) => Outcome::NotAssessed(format!(
            "the attestation of {} by {} is over a year old",
            a.date, a.owner
        )),
        None => {
            Outcome::NotAssessed("no API tells; attest it in the policy under attestations".into())
        }
    }
}

fn judge(control: Cow<'static, Control>, outcome: Outcome, context: &Context<'_>) -> Assessment {
    let severities = &context.policy.severities;
    let said = severities.get(&control.id).copied();
    let mut assessment = Assessment {
        severity: said.unwrap_or(control.severity),
        control,
        verdict: Verdict::Pass,
        reason: String::new(),
        findings: Vec::new(),
        waived: Vec::new(),
    };
    (assessment.verdict, assessment.reason) = match outcome {
        Outcome::Pass(reason) => (Verdict::Pass, reason),
        Outcome::NotApplicable(reason) => (Verdict::NotApplicable, reason),
        Outcome::NotAssessed(reason) => (Verdict::NotAssessed, reason),
        Outcome::Fail(mut findings) => {
            findings.sort();
            findings.dedup();
            waive(&mut assessment, findings, context)
        }
    };
    assessment.reason = bounded(assessment.reason, LONGEST_REASON);
    assessment
}

/// Tells open findings from waived ones, and what follows.
fn waive(
    assessment: &mut Assessment,
    findings: Vec<Finding>,
    context: &Context<'_>,
) -> (Verdict, String) {
    let id = &assessment.control.id;
    let waivers: Vec<_> = context.policy.waivers.iter().filter(|w| w.control == *id).collect();
    let total = findings.len();
    let mut used = Vec::new();
    let mut ended = Vec::new();
    let open = &mut assessment.findings;
    for finding in findings {
        let mut of_finding = waivers.iter().filter(|w| w.object.matches(&finding.object));
        match of_finding.clone().find(|w| w.holds(context.now())) {
            Some(waiver) => {
                used.push(format!("{} until {}: {}", waiver.owner, waiver.expires, waiver.reason));
                let by = (*waiver).clone();
                assessment.waived.push(Waived { finding, by });
            }
            None => {
                ended.extend(
                    of_finding
                        .next()
                        .map(|w| format!("; the waiver of {} expired on {}", w.owner, w.expires)),
                );
                open.push(finding);
            }
        }
    }
    used.sort();
    used.dedup();
    ended.sort();
    ended.dedup();
    if open.is_empty() {
        return (Verdict::Waived, format!("waived by {}", used.join("; ")));
    }
    let first = &open[0];
    let more = if open.len() > 1 { format!(" and {} more", open.len() - 1) } else { String::new() };
    let waived = if used.is_empty() {
        String::new()
    } else {
        format!("; {} of {total} waived by {}", total - open.len(), used.join("; "))
    };
    let reason = format!(
        "{}: {} is {}{more}{waived}{}",
        first.object,
        first.field,
        first.seen,
        ended.concat()
    );
    (Verdict::Fail, reason)
}

/// Longest text of a finding, in characters: one object of a tenant must not fill a report.
const LONGEST_TEXT: usize = 300;
/// Longest reason of a verdict, in characters.
const LONGEST_REASON: usize = 800;

/// Makes a finding.
fn finding(
    object: ObjectRef,
    field: &str,
    seen: impl Into<String>,
    wanted: impl Into<String>,
) -> Finding {
    Finding {
        object,
        field: bounded(field.into(), LONGEST_TEXT),
        seen: bounded(seen.into(), LONGEST_TEXT),
        wanted: bounded(wanted.into(), LONGEST_TEXT),
    }
}

/// A text of so many characters at most, and how many more there were.
fn bounded(mut text: String, longest: usize) -> String {
    // Bytes are never fewer than characters.
    if text.len() > longest
        && let Some((end, _)) = text.char_indices().nth(longest)
    {
        let more = text[end..].chars().count();
        text.truncate(end);
        text.push_str(&format!("… and {more} more characters"));
    }
    text
}

/// How many of a list are named.
const NAMED: usize = 5;
/// Longest list of names, in bytes: what a finding says behind it must have room.
const LONGEST_NAMED: usize = 240;

/// A list in words: the first of it, and how many more there are.
pub(crate) fn named<T: std::fmt::Display>(all: &[T]) -> String {
    let mut first = String::new();
    let mut number = 0;
    for one in all.iter().take(NAMED) {
        let one = bounded(one.to_string(), LONGEST_NAMED / 2);
        if number > 0 {
            if first.len() + one.len() > LONGEST_NAMED {
                break;
            }
            first.push_str(", ");
        }
        first.push_str(&one);
        number += 1;
    }
    match all.len() - number {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

/// `Fail` if there are findings, else `Pass` with this evidence.
fn outcome(findings: Vec<Finding>, evidence: impl Into<String>) -> Outcome {
    if findings.is_empty() { Outcome::Pass(evidence.into()) } else { Outcome::Fail(findings) }
}

/// A count with its noun.
pub(crate) fn count(number: usize, noun: &str) -> String {
    match (number, noun.strip_suffix('y')) {
        (1, _) => format!("1 {noun}"),
        (_, Some(stem)) if !noun.ends_with("ay") => format!("{number} {stem}ies"),
        _ => format!("{number} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Source;

    #[test]
    fn every_control_is_judged_by_a_check_or_by_an_attestation() {
        for control in catalog::controls() {
            let has_check = check(&control.id).is_some();
            let is_attested = control.source == Source::Attestation;
            assert_ne!(has_check, is_attested, "{}", control.id);
        }
    }

    #[test]
    fn texts_and_lists_of_any_length_are_told_in_few_words() {
        let text = bounded("é".repeat(7_500), LONGEST_TEXT);
        assert_eq!(text.chars().count(), 300 + "… and 7200 more characters".chars().count());
        assert!(text.ends_with("é… and 7200 more characters"), "{text}");
        assert_eq!(bounded("é".repeat(300), LONGEST_TEXT), "é".repeat(300));
        assert_eq!(named(&[1, 2, 3, 4, 5]), "1, 2, 3, 4, 5");
        assert_eq!(named(&[1, 2, 3, 4, 5, 6, 7]), "1, 2, 3, 4, 5 and 2 more");
    }

    #[test]
    fn without_facts_nothing_passes_or_fails() {
        for assessment in assess(&Facts::default(), &Policy::default(), None) {
            // Without a wish there is nothing to judge, whatever the facts.
            if ["NET-07", "JUJU-04", "POL-01", "POL-02"].contains(&&*assessment.control.id) {
                continue;
            }
            assert_eq!(
                assessment.verdict,
                Verdict::NotAssessed,
                "{}: {}",
                assessment.control.id,
                assessment.reason
            );
        }
    }

    #[test]
    fn the_catalogue_is_whole() {
        assert_eq!(catalog::controls().len(), 120);
        assert_eq!(catalog::releases().len(), 3);
        for control in catalog::controls() {
            let texts = [&control.why, &control.check, &control.fix, &control.waive];
            let is_whole =
                |text: &&String| text.trim().ends_with(['.', ')']) || text.ends_with('`');
            let said = texts.iter().filter(|text| !text.trim().is_empty());
            assert_eq!(said.count(), 4, "{}", control.id);
            let checks = [&control.check, &control.waive];
            assert!(checks.iter().all(is_whole), "{}", control.id);
        }
    }
}
