//! Assesses controls: by a check, an attestation or an expression of the policy, and then its
//! waivers.

use std::borrow::Cow;
use std::collections::BTreeSet;

use super::assessment::{Assessment, Waived};
use super::custom;
use super::registry::{check, review};
use crate::catalog;
use crate::catalog::Control;
use crate::controls::attestation::{attested, unattested};
use crate::facts::Facts;
use crate::finding::{Finding, LONGEST_REASON, Outcome, Verdict, bounded};
use crate::policy::Policy;
use crate::policy::custom::CustomControl;
use crate::views::Context;
use crate::views::owner::owners;

/// Assesses every control.
pub fn assess(facts: &Facts, policy: &Policy, release: Option<&str>) -> Vec<Assessment> {
    let context = Context::new(facts, policy, release);
    all(&context).into_iter().map(|(assessment, _)| assessment).collect()
}

/// Every control of the catalogue, then those of the policy.
pub(super) fn all(context: &Context<'_>) -> Vec<(Assessment, BTreeSet<&'static str>)> {
    let ours = catalog::controls().iter();
    let theirs = context.policy.controls.iter();
    ours.map(|control| assess_one(control, context))
        .chain(theirs.map(|custom| assess_custom(custom, context)))
        .collect()
}

/// The verdict on one control.
pub fn assess_named(id: &str, context: &Context<'_>) -> Assessment {
    let mut theirs = context.policy.controls.iter();
    match (catalog::control(id), theirs.find(|custom| custom.control.id == id)) {
        (Some(control), _) => assess_one(control, context).0,
        (None, Some(custom)) => assess_custom(custom, context).0,
        // Remedies and policies name known controls only, as tests see to.
        (None, None) => unreachable!("no control {id}"),
    }
}

pub(super) fn assess_one(
    control: &'static Control,
    context: &Context<'_>,
) -> (Assessment, BTreeSet<&'static str>) {
    let id = &control.id;
    let tracked = match (check(id), review(id)) {
        (Some(check), _) => Some(context.tracking(check)),
        (None, Some(review)) => {
            let assess = |id: &str| assess_named(id, context);
            Some(context.tracking(|context| review(context, &assess)))
        }
        (None, None) => None,
    };
    let (outcome, consulted) = match tracked {
        Some((outcome, consulted)) => {
            (outcome.unwrap_or_else(|missing| Outcome::NotAssessed(missing.0)), consulted)
        }
        // Every other source has a check, as a test sees to.
        None => (attested(id, context).unwrap_or_else(unattested), BTreeSet::new()),
    };
    (conclude(Cow::Borrowed(control), outcome, context), consulted)
}

pub(super) fn assess_custom(
    custom: &CustomControl,
    context: &Context<'_>,
) -> (Assessment, BTreeSet<&'static str>) {
    let outcome = custom::check(context, custom);
    let outcome = outcome.unwrap_or_else(|missing| Outcome::NotAssessed(missing.0));
    let control = Cow::Owned(custom.control.clone());
    (conclude(control, outcome, context), BTreeSet::from(["others"]))
}

fn conclude(control: Cow<'static, Control>, outcome: Outcome, context: &Context<'_>) -> Assessment {
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
            for finding in &mut findings {
                let pod = context.meta_of_pod(&finding.object);
                finding.owner = pod.and_then(|pod| owners(pod).into_iter().next());
            }
            waive(&mut assessment, findings, context)
        }
    };
    assessment.reason = bounded(assessment.reason, LONGEST_REASON);
    assessment
}

/// Splits findings into open and waived ones; the verdict follows.
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
        let mut of_finding = waivers
            .iter()
            .filter(|w| w.object.matches(&finding.object, context.meta_of_pod(&finding.object)));
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
