//! AuthorizationPolicies that admit every request.

use crate::controls::Check;
use crate::controls::authz::owner_policies::OWNER_POLICY;
use crate::facts::istio::{AuthorizationPolicy, AuthorizationRule};
use crate::facts::object::Object as _;
use crate::facts::text::Interned;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("AUTHZ-07", no_wildcard_policy)];

/// Whether a field of a source, operation or condition holds anything back.
fn restricts(field: &str, values: &[Interned]) -> bool {
    if field.starts_with("not") {
        return !values.is_empty();
    }
    // Any principal of a token is still a user who has logged in.
    !values.is_empty()
        && (field == "requestPrincipals"
            || !values.iter().any(|v| matches!(&**v, "*" | "/*" | "0.0.0.0/0")))
}

/// Whether a rule matches every request.
fn is_wildcard(rule: &AuthorizationRule) -> bool {
    let open_from = rule.from.is_empty()
        || rule.from.iter().any(|f| !f.source.iter().any(|(k, v)| restricts(k, v)));
    let open_to = rule.to.is_empty()
        || rule.to.iter().any(|t| !t.operation.iter().any(|(k, v)| restricts(k, v)));
    let open_when =
        rule.when.iter().all(|c| !restricts(&c.key, &c.values) && c.not_values.is_empty());
    open_from && open_to && open_when
}

/// Clients that a wildcard rule admits, in words.
fn admitted(rule: &AuthorizationRule) -> String {
    let any: Vec<&str> = rule.when.iter().map(|condition| &*condition.key).collect();
    match (any.is_empty(), rule.from.is_empty() && rule.to.is_empty()) {
        (false, _) => format!("any value of {}, from any client", any.join(" and ")),
        (true, true) => "an empty rule, which admits every request".into(),
        (true, false) => "any principal".into(),
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
    let mut findings = Vec::new();
    let mut checked = 0;
    for policy in context.authorization_policies()? {
        if !context.is_ours(&policy.metadata.namespace)?
            || !matches!(&*policy.spec.action, "ALLOW" | "")
        {
            continue;
        }
        checked += 1;
        for (index, rule) in
            policy.spec.rules.iter().enumerate().filter(|(_, rule)| is_wildcard(rule))
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
