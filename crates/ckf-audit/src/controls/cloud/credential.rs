//! Juju's credential for the cluster: enough for the guide, and no more.

use crate::controls::check::Check;
use crate::facts::object::ObjectRef;
use crate::finding::{Outcome, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("CLOUD-01", credential_suffices), ("CLOUD-02", credential_is_not_wider)];

fn is_guide(access: &crate::facts::rbac::Access) -> bool {
    ["create", "delete", "patch", "list"].contains(&access.verb.as_str())
        && [
            "namespaces",
            "services",
            "deployments",
            "statefulsets",
            "pods",
            "persistentvolumeclaims",
        ]
        .contains(&access.resource.as_str())
}

/// CLOUD-01: Juju's cloud credential can do what the guide asks
fn credential_suffices(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let access = context.access()?;
    let object =
        ObjectRef::new("authorization.k8s.io/v1", "SubjectAccessReview", "", &access.subject);
    let asked: Vec<_> = access.answers.iter().filter(|a| is_guide(a)).collect();
    if asked.is_empty() {
        return Ok(Outcome::NotAssessed("no access that the guide requires was reviewed".into()));
    }
    let findings = asked.iter().filter(|a| !a.allowed).map(|a| {
        finding(object.clone(), &format!("{} {}", a.verb, a.resource), "refused", "allowed")
    });
    Ok(outcome(
        findings.collect(),
        format!("{} may do all {} that the guide requires", access.subject, asked.len()),
    ))
}

/// CLOUD-02: Juju's cloud credential is not cluster-admin
fn credential_is_not_wider(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let access = context.access()?;
    let object =
        ObjectRef::new("authorization.k8s.io/v1", "SubjectAccessReview", "", &access.subject);
    let asked: Vec<_> = access.answers.iter().filter(|a| !is_guide(a)).collect();
    if asked.is_empty() {
        return Ok(Outcome::NotAssessed("no access beyond the guide was reviewed".into()));
    }
    let findings = asked.iter().filter(|a| a.allowed).map(|a| {
        let group = if a.group.is_empty() { String::new() } else { format!(".{}", a.group) };
        finding(object.clone(), &format!("{} {}{group}", a.verb, a.resource), "allowed", "refused")
    });
    Ok(outcome(findings.collect(), format!("{} is not cluster-admin", access.subject)))
}
