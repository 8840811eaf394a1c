//! The policy itself: waivers that expired or waive nothing.

use crate::controls::assess::assess_named;
use crate::controls::check::Check;
use crate::facts::istio::reference;
use crate::facts::object::ObjectRef;
use crate::finding::{Outcome, Verdict, count, finding, outcome};
use crate::policy::Waiver;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("POL-01", no_waiver_has_expired), ("POL-02", every_waiver_is_used)];

fn object(index: usize) -> ObjectRef {
    reference("policy", "Waiver", "", &(index + 1).to_string())
}

fn none() -> Outcome {
    Outcome::NotApplicable("the policy waives nothing".into())
}

/// POL-01: No waiver has expired
fn no_waiver_has_expired(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let waivers = &context.policy.waivers;
    if waivers.is_empty() {
        return Ok(none());
    }
    let ended = waivers.iter().enumerate();
    let ended = ended.filter(|(_, waiver)| !waiver.holds(context.now()));
    let findings = ended.map(|(index, waiver)| {
        let Waiver { control, owner, expires, .. } = waiver;
        let seen = format!("{expires}, of {control}, by {owner}");
        finding(object(index), "expires", seen, "a date in the future, or no waiver")
    });
    let findings = findings.collect();
    Ok(outcome(findings, format!("{} in force", count(waivers.len(), "waiver"))))
}

/// POL-02: Every waiver waives something
fn every_waiver_is_used(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let waivers = &context.policy.waivers;
    if waivers.is_empty() {
        return Ok(none());
    }
    let mut findings = Vec::new();
    let mut unknown = Vec::new();
    for (index, waiver) in waivers.iter().enumerate() {
        // POL-01 reports one that has expired.
        if !waiver.holds(context.now()) {
            continue;
        }
        let assessment = assess_named(&waiver.control, context);
        let is_used = assessment.waived.iter().any(|waived| waived.by == *waiver);
        if is_used {
            continue;
        }
        if assessment.verdict == Verdict::NotAssessed {
            unknown.push(waiver.control.as_str());
            continue;
        }
        let seen = format!("no finding of {} matches it", waiver.control);
        findings.push(finding(object(index), "object", seen, "what it waives"));
    }
    Ok(match (findings.is_empty(), unknown.is_empty()) {
        (true, false) => Outcome::NotAssessed(format!(
            "whether all waivers have an effect is not known: {} not assessed",
            unknown.join(", ")
        )),
        _ => outcome(findings, "each waives something"),
    })
}
