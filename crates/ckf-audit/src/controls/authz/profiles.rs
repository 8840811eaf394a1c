//! Profiles and their namespaces.

use std::collections::{BTreeMap, BTreeSet};

use crate::controls::check::Check;
use crate::facts::istio::Profile;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::profiles::{Claim, PART_OF};
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("AUTHZ-01", namespaces_belong),
    ("AUTHZ-11", no_admin_profile),
    ("AUTHZ-12", no_stale_profile),
];

/// Checks each Profile, whether or not it owns its namespace.
fn each_profile(
    context: &Context<'_>,
    evidence: &str,
    check: impl Fn(&Profile, &Claim, &mut Vec<Finding>) -> Result<(), MissingFact>,
) -> Result<Outcome, MissingFact> {
    let profiles = context.profile_claims()?;
    if profiles.is_empty() {
        return Ok(Outcome::NotApplicable("there is no Profile".into()));
    }
    let mut findings = Vec::new();
    for (profile, claim) in profiles {
        check(profile, claim, &mut findings)?;
    }
    Ok(outcome(findings, format!("{}: {evidence}", count(profiles.len(), "Profile"))))
}

/// Checks each Profile that owns its namespace; AUTHZ-01 reports the others.
pub(super) fn each_own_profile(
    context: &Context<'_>,
    evidence: &str,
    check: impl Fn(&Profile, &mut Vec<Finding>) -> Result<(), MissingFact>,
) -> Result<Outcome, MissingFact> {
    let profiles = context.profile_claims()?;
    let own = || profiles.iter().filter(|(_, claim)| claim.is_proven());
    let why = match (profiles.is_empty(), own().count()) {
        (true, _) => "there is no Profile",
        (_, 0) => "no Profile owns its namespace, see AUTHZ-01",
        (_, number) => {
            let mut findings = Vec::new();
            for (profile, _) in own() {
                check(profile, &mut findings)?;
            }
            let evidence = format!("{}: {evidence}", count(number, "Profile"));
            return Ok(outcome(findings, evidence));
        }
    };
    Ok(Outcome::NotApplicable(why.into()))
}

/// AUTHZ-01: Each Profile owns its Namespace
fn namespaces_belong(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let namespaces = context.namespaces()?;
    let by_name: BTreeMap<&str, _> =
        namespaces.iter().map(|n| (n.metadata.name.as_str(), n)).collect();
    let mut result =
        each_profile(context, "each owns its namespace", |profile, claim, findings| {
            let name = profile.metadata.name.as_str();
            let owner = &*profile.spec.owner.name;
            let seen =
                by_name.get(name).map(|namespace| namespace.metadata.annotations.owner.as_deref());
            match (claim, seen) {
                (Claim::Proven, _) => {}
                (Claim::Unproven(_), None) => findings.push(finding(
                    ObjectRef::new("v1", "Namespace", "", name),
                    "metadata.name",
                    "missing",
                    "the namespace of its Profile",
                )),
                (Claim::Unproven(_), Some(seen)) if seen != Some(owner) => findings.push(finding(
                    ObjectRef::new("v1", "Namespace", "", name),
                    "metadata.annotations.owner",
                    seen.unwrap_or("absent"),
                    owner,
                )),
                (Claim::Unproven(why) | Claim::Refused(why), _) => findings.push(finding(
                    profile.reference(),
                    "its Namespace",
                    format!("not its own: {why}"),
                    "one that the profile controller made for this Profile",
                )),
            }
            Ok(())
        })?;
    let named: BTreeSet<&str> =
        context.profiles()?.iter().map(|profile| profile.metadata.name.as_str()).collect();
    let orphans: Vec<_> = namespaces
        .iter()
        .filter(|n| {
            n.metadata.label(PART_OF.0) == Some(PART_OF.1)
                && !named.contains(n.metadata.name.as_str())
        })
        .map(|n| {
            finding(
                n.reference(),
                "metadata.labels",
                "a profile's namespace without Profile",
                "its Profile",
            )
        })
        .collect();
    if !orphans.is_empty() {
        match &mut result {
            Outcome::Fail(findings) => findings.extend(orphans),
            other => *other = Outcome::Fail(orphans),
        }
    }
    Ok(result)
}

/// AUTHZ-11: No Profile belongs to KFAM's administrator
fn no_admin_profile(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    each_profile(context, "none is KFAM's administrator", |profile, _, findings| {
        let mut check = |field: &str, value: &str| {
            if value == "admin" {
                findings.push(finding(profile.reference(), field, "admin", "another name"));
            }
        };
        check("metadata.name", &profile.metadata.name);
        check("spec.owner.name", &profile.spec.owner.name);
        Ok(())
    })
}

/// AUTHZ-12: No Profile is stale
fn no_stale_profile(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let namespaces = context.namespaces()?;
    each_profile(context, "none is stale", |profile, _, findings| {
        let object: ObjectRef = profile.reference();
        match namespaces.iter().find(|n| n.metadata.name == profile.metadata.name) {
            None => {
                findings.push(finding(object.clone(), "its Namespace", "missing", "a Namespace"))
            }
            Some(n) if n.status.phase == "Terminating" => {
                findings.push(finding(object.clone(), "its Namespace", "Terminating", "Active"))
            }
            Some(_) => {}
        }
        let failed = profile
            .status
            .conditions
            .iter()
            .find(|c| c.kind.eq_ignore_ascii_case("failed") && c.status != "False");
        if let Some(condition) = failed {
            findings.push(finding(
                object,
                "status.conditions",
                format!("Failed: {}", condition.message),
                "Successful",
            ));
        }
        Ok(())
    })
}
