//! Contributors of profiles, as KFAM adds them.

use crate::controls::authz::owner_policies::OWNER_POLICY;
use crate::controls::authz::policy_callers::Callers;
use crate::controls::authz::profiles::each_own_profile;
use crate::controls::check::Check;
use crate::facts::istio::AuthorizationPolicy;
use crate::facts::object::Object as _;
use crate::facts::rbac::RoleBinding;
use crate::finding::{Outcome, finding};
use crate::views::context::by_namespace;
use crate::views::mesh_policies::USER_HEADER;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("AUTHZ-05", contributors_paired)];

fn is_contributor_name(name: &str) -> bool {
    name.starts_with("user-") && name.contains("-clusterrole-")
}

/// Users to whom a policy's conditions on the header name access.
fn named_users(policy: &AuthorizationPolicy) -> impl Iterator<Item = &str> {
    let conditions = policy.spec.rules.iter().flat_map(|rule| &rule.when);
    let of_header = conditions.filter(|condition| {
        let key = condition.key.to_ascii_lowercase();
        key == format!("request.headers[{USER_HEADER}]")
    });
    let values = of_header.flat_map(|condition| &condition.values).map(|value| &**value);
    values.filter(|value| !value.contains('*'))
}

/// Users whom a policy names and no binding does.
fn unbound_users<'a>(
    policy: &'a AuthorizationPolicy,
    bindings: &[&RoleBinding],
) -> impl Iterator<Item = &'a str> {
    named_users(policy).filter(|user| {
        let mut subjects = bindings.iter().flat_map(|binding| &binding.subjects);
        !subjects.any(|subject| subject.kind == "User" && subject.name == **user)
    })
}

/// AUTHZ-05: Contributors have both their binding and their policy
fn contributors_paired(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let bindings = by_namespace(context.role_bindings()?);
    let callers = Callers::of(context)?;
    let outcome =
        each_own_profile(context, "contributors have binding and policy", |profile, findings| {
            let namespace = profile.metadata.name.as_str();
            let policies = callers.policies.in_namespace(namespace);
            let bindings = bindings.get(namespace).map(Vec::as_slice).unwrap_or_default();
            let kinds = callers.policies.kinds(namespace);
            let has_gateway = !callers.policies.gateways.is_empty();
            for binding in bindings {
                let name = &binding.metadata.name;
                let is_named = || policies.iter().any(|p| p.metadata.name == *name);
                let is_admitted = match is_contributor(binding) {
                    // By what policies do, whatever they are called.
                    true if has_gateway => {
                        let mut users = binding.subjects.iter();
                        users.all(|user| callers.admits_user(&kinds, &user.name))
                    }
                    true => is_named(),
                    false => !is_contributor_name(name) || is_named(),
                };
                if !is_admitted {
                    findings.push(finding(
                        binding.reference(),
                        "AuthorizationPolicy",
                        "missing",
                        "one of the same name",
                    ));
                }
            }
            let owner = &*profile.spec.owner.name;
            for policy in policies {
                let name = &policy.metadata.name;
                if is_contributor_name(name) && !bindings.iter().any(|b| b.metadata.name == *name) {
                    findings.push(finding(
                        policy.reference(),
                        "RoleBinding",
                        "missing",
                        "one of the same name",
                    ));
                    continue;
                }
                // AUTHZ-04 assesses the owner's policy, rule by rule.
                if has_gateway && name != OWNER_POLICY && policy.spec.action != "DENY" {
                    let users = unbound_users(policy, bindings).filter(|user| *user != owner);
                    let admitted = users.filter(|user| callers.admits_user(&kinds, user));
                    findings.extend(admitted.map(|user| {
                        let seen = format!("admits {user}, who has none");
                        let wanted = "one for each user whom it admits";
                        finding(policy.reference(), "RoleBinding", seen, wanted)
                    }));
                }
            }
            Ok(())
        })?;
    Ok(callers.known(outcome))
}

/// Whether a binding is one for a contributor, as KFAM and github-profiles-automator write them:
/// by its annotations, its role and its subject, whatever it is called.
pub(super) fn is_contributor(binding: &RoleBinding) -> bool {
    let (Some(user), Some(role)) =
        (&binding.metadata.annotations.user, &binding.metadata.annotations.role)
    else {
        return false;
    };
    let level = role.strip_prefix("kubeflow-").unwrap_or(role);
    ["admin", "edit", "view"].contains(&level)
        && binding.metadata.name != "namespaceAdmin"
        && binding.role_ref.kind == "ClusterRole"
        && *binding.role_ref.name == format!("kubeflow-{level}")
        && binding.subjects.len() == 1
        && binding.subjects.iter().all(|s| s.kind == "User" && s.name == *user)
}
