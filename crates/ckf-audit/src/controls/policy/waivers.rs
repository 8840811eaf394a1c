//! The policy itself: waivers that expired or waive nothing.

use crate::controls::assessment::Assessment;
use crate::controls::check::{Check, Review};
use crate::facts::object::{Object, ObjectRef};
use crate::finding::{Finding, Outcome, Verdict, count, finding, outcome};
use crate::policy::Waiver;
use crate::views::context::allowed;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("POL-01", no_waiver_has_expired)];

/// The control that needs the assessments of those whose findings are waived.
pub(super) const REVIEWS: &[(&str, Review)] = &[("POL-02", every_waiver_is_used)];

fn object(index: usize) -> ObjectRef {
    ObjectRef::new("policy", "Waiver", "", &(index + 1).to_string())
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

/// Entries of allow-lists that no object has, and lists whose objects could not be read.
fn unused_allowances(context: &Context<'_>) -> (Vec<Finding>, Vec<String>) {
    let allow = &context.policy.allow;
    let (mut findings, mut unknown) = (Vec::new(), Vec::new());
    let mut look = |list: &str, entries: &[String], is_used: &dyn Fn(&String) -> Option<bool>| {
        for entry in entries {
            match is_used(entry) {
                Some(true) => {}
                Some(false) => {
                    let object = ObjectRef::new("policy", "Allow", "", list);
                    let seen = format!("{entry}, which is the name of no object");
                    findings.push(finding(object, "entry", seen, "what it allows"));
                }
                None => {
                    unknown.push(list.to_owned());
                    break;
                }
            }
        }
    };
    look("envoyfilters", &allow.envoyfilters, &|entry| {
        let plugins = context.wasm_plugins().is_ok_and(|all| is_one(entry, all));
        Some(plugins || is_one(entry, context.envoy_filters().ok()?))
    });
    look("rolebindings", &allow.rolebindings, &|entry| {
        Some(is_one(entry, context.role_bindings().ok()?))
    });
    look("clusterroles", &allow.clusterroles, &|entry| {
        Some(is_one(entry, context.cluster_roles().ok()?))
    });
    look("virtualservices", &allow.virtualservices, &|entry| {
        Some(is_one(entry, context.virtual_services().ok()?))
    });
    (findings, unknown)
}

/// An object has this name of an allow-list.
fn is_one<T: Object>(entry: &String, objects: &[T]) -> bool {
    objects.iter().any(|object| allowed(std::slice::from_ref(entry), object))
}

/// POL-02: Every waiver waives something
fn every_waiver_is_used(
    context: &Context<'_>,
    assess: &dyn Fn(&str) -> Assessment,
) -> Result<Outcome, MissingFact> {
    let waivers = &context.policy.waivers;
    let (mut findings, mut unknown) = unused_allowances(context);
    if waivers.is_empty() && findings.is_empty() && unknown.is_empty() {
        return Ok(none());
    }
    for (index, waiver) in waivers.iter().enumerate() {
        // POL-01 reports one that has expired.
        if !waiver.holds(context.now()) {
            continue;
        }
        let assessment = assess(&waiver.control);
        let is_used = assessment.waived.iter().any(|waived| waived.by == *waiver);
        if is_used {
            continue;
        }
        if assessment.verdict == Verdict::NotAssessed {
            unknown.push(waiver.control.clone());
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
