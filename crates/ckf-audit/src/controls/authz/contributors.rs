//! Contributors of profiles, as KFAM adds them.

use std::collections::BTreeMap;

use crate::controls::Check;
use crate::controls::authz::bindings::bindings;
use crate::controls::authz::profiles::each_own_profile;
use crate::facts::istio::AuthorizationPolicy;
use crate::facts::object::Object as _;
use crate::facts::rbac::RoleBinding;
use crate::finding::{Outcome, finding};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("AUTHZ-05", contributors_paired)];

fn is_contributor_name(name: &str) -> bool {
    name.starts_with("user-") && name.contains("-clusterrole-")
}

/// AUTHZ-05: Contributors have both their binding and their policy
fn contributors_paired(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let bindings = bindings(context)?;
    let mut policies: BTreeMap<&str, Vec<&AuthorizationPolicy>> = BTreeMap::new();
    for policy in
        context.authorization_policies()?.iter().filter(|p| is_contributor_name(&p.metadata.name))
    {
        policies.entry(&policy.metadata.namespace).or_default().push(policy);
    }
    each_own_profile(context, "contributors have binding and policy", |profile, findings| {
        let namespace = profile.metadata.name.as_str();
        let policies = policies.get(namespace).map(Vec::as_slice).unwrap_or_default();
        let bindings = bindings.get(namespace).map(Vec::as_slice).unwrap_or_default();
        for binding in bindings.iter().filter(|b| is_contributor_name(&b.metadata.name)) {
            if !policies.iter().any(|p| p.metadata.name == binding.metadata.name) {
                findings.push(finding(
                    binding.reference(),
                    "AuthorizationPolicy",
                    "missing",
                    "one of the same name",
                ));
            }
        }
        for policy in policies {
            if !bindings.iter().any(|b| b.metadata.name == policy.metadata.name) {
                findings.push(finding(
                    policy.reference(),
                    "RoleBinding",
                    "missing",
                    "one of the same name",
                ));
            }
        }
        Ok(())
    })
}

/// Whether a binding is one that KFAM writes for a contributor, by its role and subject.
pub(super) fn is_contributor(binding: &RoleBinding) -> bool {
    let (Some(user), Some(role)) =
        (&binding.metadata.annotations.user, &binding.metadata.annotations.role)
    else {
        return false;
    };
    is_contributor_name(&binding.metadata.name)
        && binding.role_ref.kind == "ClusterRole"
        && *binding.role_ref.name
            == format!("kubeflow-{}", role.strip_prefix("kubeflow-").unwrap_or(role))
        && binding.subjects.len() == 1
        && binding.subjects.iter().all(|s| s.kind == "User" && s.name == *user)
}
