//! AuthorizationPolicies that admit every request.

use crate::controls::Check;
use crate::controls::authz::owner_policies::OWNER_POLICY;
use crate::facts::istio::{AuthorizationPolicy, AuthorizationRule};
use crate::facts::object::Object as _;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::authorization::{Mesh, admits_everybody};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("AUTHZ-07", no_wildcard_policy)];

/// Clients that a wildcard rule admits, in words.
fn admitted(rule: &AuthorizationRule) -> String {
    let any: Vec<&str> = rule.when.iter().map(|condition| &*condition.key).collect();
    let has_any_principal = rule.from.iter().any(|from| from.source.contains_key("principals"));
    match (any.is_empty(), rule.from.is_empty() && rule.to.is_empty()) {
        (false, _) => format!("any value of {}, from any client", any.join(" and ")),
        (true, true) => "an empty rule, which admits every request".into(),
        (true, false) if has_any_principal => "any principal".into(),
        (true, false) => "sources and operations that hold no one back".into(),
    }
}

/// The policy that kfp-profile-controller makes in each profile, beside the profile
/// controller's own.
const CHARMED_POLICY: &str = "ns-owner-access-istio-charmed";

/// Mitigation of a wildcard while its controller recreates it.
pub(crate) const MITIGATION: &str =
    "profile-network-policies keeps other profiles from the pods that it opens";

/// The controller that recreates a policy when it is deleted: by the policy's owner, and by the
/// names of those that the platform's own controllers make in every profile.
pub(crate) fn maker_of_policy(
    context: &Context<'_>,
    policy: &AuthorizationPolicy,
) -> Option<String> {
    let meta = &policy.metadata;
    let is_in_profile =
        context.profile_namespaces().is_ok_and(|profiles| profiles.contains(&*meta.namespace));
    match meta.name.as_str() {
        OWNER_POLICY if is_in_profile => return Some("the profile controller".into()),
        CHARMED_POLICY if is_in_profile => return Some("kfp-profile-controller".into()),
        _ => {}
    }
    let owner = meta.owner_references.iter().next()?;
    Some(format!("the controller of {} {}", owner.kind, owner.name))
}

/// AUTHZ-07: No Istio policy admits every request
fn no_wildcard_policy(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let mesh = Mesh::of(context)?;
    let mut findings = Vec::new();
    let mut checked = 0;
    for policy in context.authorization_policies()? {
        if !context.is_ours(&policy.metadata.namespace)?
            || !matches!(&*policy.spec.action, "ALLOW" | "")
        {
            continue;
        }
        checked += 1;
        for (index, rule) in policy
            .spec
            .rules
            .iter()
            .enumerate()
            .filter(|(_, rule)| admits_everybody(policy, rule, &mesh))
        {
            let maker = maker_of_policy(context, policy);
            let by = maker
                .as_ref()
                .map_or(String::new(), |maker| format!("; created and recreated by {maker}"));
            let wanted = match maker {
                None => "a source, a path or a condition".to_owned(),
                Some(_) => format!("none; until its controller changes, {MITIGATION}"),
            };
            findings.push(finding(
                policy.reference(),
                &format!("spec.rules[{index}]"),
                format!("{}{by}", admitted(rule)),
                wanted,
            ));
        }
    }
    Ok(outcome(findings, format!("{} without wildcard", count(checked, "ALLOW policy"))))
}
