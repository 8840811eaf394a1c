//! AuthorizationPolicies that admit every request.

use crate::catalog;
use crate::controls::authz::owner_policies::OWNER_POLICY;
use crate::controls::check::Check;
use crate::controls::network::policies::is_isolated;
use crate::facts::istio::{AuthorizationPolicy, AuthorizationRule, TargetRef};
use crate::facts::object::Object as _;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::authorization::{Mesh, admits_everybody};
use crate::views::mesh::ambient_ingress;
use crate::views::profile_users::{ProfileUsers, USER_HEADER, let_through};
use crate::views::web_apps::KFP_API_SERVICES;
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
        (true, false) => "sources and operations that exclude no caller".into(),
    }
}

/// The policy that kfp-profile-controller makes in each profile, beside the profile
/// controller's own.
const CHARMED_POLICY: &str = "ns-owner-access-istio-charmed";

/// Mitigation of a wildcard while its controller recreates it.
pub(crate) const MITIGATION: &str = "profile-users keeps other users out, and \
                                     profile-network-policies the pods of other profiles";

/// A rule that opens a profile to every user, and asks for one: where a DENY policy leaves only
/// the profile's own users through the gateway and NetworkPolicies keep the pods of others away,
/// it admits no stranger.
fn is_closed(
    context: &Context<'_>,
    profile: &str,
    rule: &AuthorizationRule,
) -> Result<bool, MissingFact> {
    let asks_for_user = rule.when.iter().any(|condition| condition.key == USER_HEADER);
    let mut claims = context.profile_claims()?.iter();
    let of_profile =
        claims.find(|(known, claim)| known.metadata.name == profile && claim.is_proven());
    let (true, Some((of_profile, _))) = (asks_for_user, of_profile) else {
        return Ok(false);
    };
    let Some(admitted) = let_through(context, profile)? else {
        return Ok(false);
    };
    let users = ProfileUsers::of(context, of_profile)?;
    Ok(admitted.iter().all(|name| users.include(name)) && is_isolated(context, profile)?)
}

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

/// A policy of the ambient mesh that opens what has to be open: a charm's, for clients that are not
/// in the mesh, of no other pods than that charm's; that of the ingress itself, which clients of
/// the internet come to, and where login decides; or kfp-api's, for requests that name no user.
fn is_open_by_design(
    context: &Context<'_>,
    policy: &AuthorizationPolicy,
    rule: &AuthorizationRule,
) -> Result<bool, MissingFact> {
    let meta = &policy.metadata;
    if meta.namespace != *context.namespace() {
        return Ok(false);
    }
    let spec = &policy.spec;
    let targets: Vec<&TargetRef> = spec.target_refs.iter().chain(&spec.target_ref).collect();
    if targets.is_empty() {
        let opened = meta
            .name
            .strip_suffix("-allow-all")
            .and_then(|application| catalog::companions().get(application)?.opens.as_ref());
        let (Some(opened), Some(selector)) = (opened, &spec.selector) else {
            return Ok(false);
        };
        let mut labels = selector.match_labels.iter();
        let only = (labels.next(), labels.next());
        return Ok(matches!(only, (Some((key, value)), None)
            if **key == *"app.kubernetes.io/name" && **value == *opened.name));
    }
    if targets.iter().all(|target| target.kind == "Gateway") {
        let ways = ambient_ingress(context)?;
        let is_way = |target: &&TargetRef| ways.iter().any(|way| way.metadata.name == *target.name);
        return Ok(targets.iter().all(is_way));
    }
    let names_no_user = rule.when.iter().any(|condition| {
        condition.key.eq_ignore_ascii_case(USER_HEADER)
            && condition.values.is_empty()
            && condition.not_values.iter().any(|value| *value == "*")
    });
    let is_kfp_api =
        |target: &&TargetRef| target.kind == "Service" && KFP_API_SERVICES.contains(&&*target.name);
    Ok(names_no_user && targets.iter().all(is_kfp_api))
}

/// AUTHZ-07: No Istio policy admits every request
fn no_wildcard_policy(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let mesh = Mesh::of(context)?;
    let mut findings = Vec::new();
    let (mut checked, mut closed, mut designed) = (0, 0, 0);
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
            if is_open_by_design(context, policy, rule)? {
                designed += 1;
                continue;
            }
            if is_closed(context, &policy.metadata.namespace, rule)? {
                closed += 1;
                continue;
            }
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
    let mut evidence = format!("{} without wildcard", count(checked, "ALLOW policy"));
    if closed > 0 {
        evidence = format!(
            "{}: {} for every user, which a DENY policy and NetworkPolicies close to others",
            count(checked, "ALLOW policy"),
            count(closed, "rule")
        );
    }
    if designed > 0 {
        evidence += &format!(
            "; {} of the ambient mesh's charms, for what no client in the mesh is",
            count(designed, "open rule")
        );
    }
    Ok(outcome(findings, evidence))
}
