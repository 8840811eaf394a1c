//! Contributors of profiles, as KFAM adds them.

use std::collections::BTreeMap;

use crate::controls::Check;
use crate::controls::authz::bindings::bindings;
use crate::controls::authz::profiles::each_own_profile;
use crate::facts::istio::AuthorizationPolicy;
use crate::facts::object::Object as _;
use crate::finding::{Outcome, finding};
use crate::views::profile_users::{ProfileUsers, is_contributor, let_through};
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
        // Policies that deny others must leave out every contributor.
        if let Some(admitted) = let_through(context, namespace)? {
            let users = ProfileUsers::of(context, profile)?;
            for binding in bindings.iter().filter(|b| is_contributor(b)) {
                let mut subjects =
                    binding.subjects.iter().filter(|s| users.users.contains(&*s.name));
                if subjects.any(|subject| !admitted.contains(&*subject.name)) {
                    findings.push(finding(
                        binding.reference(),
                        "DENY policies of the profile",
                        "refuse this contributor at the gateway",
                        "all but the owner and contributors",
                    ));
                }
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
