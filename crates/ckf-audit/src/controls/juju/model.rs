//! Juju: units, declared options and cloud credentials.

use std::collections::{BTreeMap, BTreeSet};

use crate::controls::application::object;
use crate::controls::check::Check;
use crate::facts::CHARM;
use crate::facts::object::ObjectRef;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("JUJU-01", credentials_are_not_shared),
    ("JUJU-03", units_are_healthy),
    ("JUJU-04", options_are_as_declared),
];

/// JUJU-03: No unit is in error or blocked
fn units_are_healthy(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let all = context.deployed()?;
    // Our own status is made of these verdicts.
    let others = all.iter().filter(|app| app.charm != CHARM);
    let units = others.flat_map(|app| &app.troubled);
    let findings = units.map(|(unit, says)| {
        let object = ObjectRef::new("juju", "Unit", "", unit);
        finding(object, "workload status", says.clone(), "active")
    });
    let findings = findings.collect();
    Ok(outcome(findings, "no unit is in error or blocked"))
}

/// JUJU-04: Options are as declared
fn options_are_as_declared(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let declared = &context.policy.options;
    if declared.is_empty() {
        return Ok(Outcome::NotApplicable("the policy declares no options".into()));
    }
    let all = context.applications()?;
    let (mut findings, mut unknown) = (Vec::new(), Vec::new());
    for (name, options) in declared {
        let Some(application) = all.iter().find(|application| application.name == *name) else {
            let missing = ObjectRef::new("juju", "Application", "", name);
            findings.push(finding(missing, "application", "not in the model", "deployed"));
            continue;
        };
        for (option, wanted) in options {
            let Some(setting) = application.options.get(option) else {
                // What was meant for another option may be a secret.
                let wanted = "to be an option of it";
                findings.push(finding(object(application), option, "no such option", wanted));
                continue;
            };
            match (&setting.value, setting.as_declared) {
                (Some(seen), _) if seen.trim() == wanted.trim() => {}
                (Some(seen), _) => {
                    findings.push(finding(object(application), option, seen, wanted));
                }
                (None, Some(true)) => {}
                (None, Some(false)) => {
                    let seen = match setting.set {
                        true => "set, and not as declared",
                        false => "not set as declared",
                    };
                    let wanted = "what the policy declares";
                    findings.push(finding(object(application), option, seen, wanted));
                }
                // A snapshot has only the values of options that are known to be harmless.
                (None, None) => unknown.push(format!("{name}: {option}")),
            }
        }
    }
    Ok(match (findings.is_empty(), unknown.is_empty()) {
        (true, false) => Outcome::NotAssessed(format!(
            "no value was read of {}; audit with a login and this policy",
            unknown.join(", ")
        )),
        _ => outcome(findings, "all options are as declared"),
    })
}

/// JUJU-01: Cloud credentials are not shared
fn credentials_are_not_shared(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let mut owners: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for model in context.models()? {
        if let Some(credential) = &model.credential {
            owners.entry(credential).or_default().insert(&model.owner);
        }
    }
    let shared = owners.iter().filter(|(_, of)| of.len() > 1);
    let findings = shared.map(|(credential, of)| {
        let of: Vec<&str> = of.iter().copied().collect();
        let object = ObjectRef::new("juju", "CloudCredential", "", credential);
        finding(object, "owners of its models", of.join(", "), "one owner")
    });
    let findings = findings.collect();
    let evidence = format!("{}, each of one owner", count(owners.len(), "cloud credential"));
    Ok(match owners.is_empty() {
        true => {
            Outcome::NotAssessed("the controller shows no cloud credential of any model".into())
        }
        false => outcome(findings, evidence),
    })
}
