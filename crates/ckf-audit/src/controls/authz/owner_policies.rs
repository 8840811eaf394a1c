//! AuthorizationPolicies of the owners of profiles.

use std::collections::BTreeMap;

use crate::controls::authz::policy_callers::Callers;
use crate::controls::authz::profiles::each_own_profile;
use crate::controls::check::Check;
use crate::facts::istio::{AuthorizationPolicy, AuthorizationRule, TargetRef};
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::text::Interned;
use crate::finding::{Finding, Outcome, finding};
use crate::views::ingress::Ingress;
use crate::views::waypoints::Waypoint;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("AUTHZ-04", owner_policy), ("AUTHZ-10", gateway_principal)];

pub(super) const OWNER_POLICY: &str = "ns-owner-access-istio";

const USER_HEADER: &str = "request.headers[kubeflow-userid]";

/// Whether the request's user must be this one by this rule.
fn demands_user(rule: &AuthorizationRule, user: &str) -> bool {
    rule.when.iter().any(|c| {
        c.key == USER_HEADER
            && c.values.len() == 1
            && c.values[0] == user
            && c.not_values.is_empty()
    })
}

fn principals(rule: &AuthorizationRule) -> Vec<&str> {
    rule.from
        .iter()
        .flat_map(|f| f.source.get("principals").into_iter().flatten())
        .map(|p| &**p)
        .collect()
}

/// Whether every source of the rule names its principals, none of them with a wildcard.
fn names_principals(rule: &AuthorizationRule) -> bool {
    !rule.from.is_empty()
        && rule.from.iter().all(|f| {
            f.source
                .get("principals")
                .is_some_and(|p| !p.is_empty() && p.iter().all(|p| !p.contains('*')))
        })
}

/// Whether a rule is one of those that Kubeflow writes beside the owner's.
fn is_known_rule(rule: &AuthorizationRule, namespace: &str, platform: &str) -> bool {
    let is_here =
        |values: &[Interned]| !values.is_empty() && values.iter().all(|v| *v == *namespace);
    let by_condition = rule.from.is_empty()
        && rule.to.is_empty()
        && rule.when.len() == 1
        && rule.when[0].key == "source.namespace"
        && is_here(&rule.when[0].values);
    let by_source = !rule.from.is_empty()
        && rule.from.iter().all(|f| f.source.get("namespaces").is_some_and(|n| is_here(n)));
    let paths = |allowed: &dyn Fn(&str) -> bool| {
        !rule.to.is_empty()
            && rule.to.iter().all(|t| {
                t.operation
                    .get("paths")
                    .is_some_and(|p| !p.is_empty() && p.iter().all(|p| allowed(p)))
            })
    };
    let health = paths(&|p| ["/healthz", "/metrics", "/wait-for-drain"].contains(&p));
    let culling = names_principals(rule)
        && paths(&|p| p.ends_with("/api/kernels"))
        && rule
            .to
            .iter()
            .all(|t| t.operation.get("methods").is_some_and(|m| m.len() == 1 && m[0] == "GET"));
    // Katib asks the suggestion servers that it runs in the profile.
    let katib = format!("/ns/{platform}/sa/katib-controller");
    let suggestions =
        names_principals(rule) && principals(rule).iter().all(|name| name.ends_with(&katib));
    by_condition || by_source || health || culling || suggestions
}

/// Why the owner's policy holds for nothing: it is of a Gateway that guards no pod of the profile.
fn misplaced(policy: &AuthorizationPolicy, waypoint: Option<Waypoint<'_>>) -> Option<Finding> {
    let mut targets = policy.spec.target_refs.iter().chain(&policy.spec.target_ref).peekable();
    let first = targets.peek().copied();
    let wanted = match (first, waypoint) {
        // ztunnel does not read headers, so it refuses what only this policy admits.
        (None, _) => return None,
        (Some(_), None) => "none, since the namespace has no waypoint".to_owned(),
        (Some(_), Some(waypoint)) => {
            let is_it =
                |target: &TargetRef| target.kind == "Gateway" && target.name == *waypoint.name;
            if targets.any(is_it) {
                return None;
            }
            format!("Gateway {}, the namespace's waypoint", waypoint.name)
        }
    };
    let seen = first.map(|target| format!("{} {}", target.kind, target.name)).unwrap_or_default();
    Some(finding(policy.reference(), "spec.targetRefs", seen, wanted))
}

/// AUTHZ-04: Each Profile's Istio policies admit its owner and contributors only
fn owner_policy(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let policies: BTreeMap<&str, &AuthorizationPolicy> = context
        .authorization_policies()?
        .iter()
        .filter(|p| p.metadata.name == OWNER_POLICY)
        .map(|p| (&*p.metadata.namespace, p))
        .collect();
    let callers = Callers::of(context)?;
    let outcome =
        each_own_profile(context, "its policy admits its owner only", |profile, findings| {
            let namespace = profile.metadata.name.as_str();
            let owner = &*profile.spec.owner.name;
            let Some(policy) = policies.get(namespace) else {
                let object = ObjectRef::new(
                    AuthorizationPolicy::API_VERSION,
                    AuthorizationPolicy::KIND,
                    namespace,
                    OWNER_POLICY,
                );
                findings.push(finding(object, "metadata.name", "missing", "the owner's policy"));
                return Ok(());
            };
            findings.extend(unlike_kubeflows(policy));
            findings.extend(misplaced(policy, callers.policies.waypoint(namespace)));
            findings.extend(rules_beside_owners(policy, owner, context.namespace()));
            // A policy of any name may admit a caller.
            callers.strangers_in(profile, findings)
        })?;
    Ok(callers.known(outcome))
}

/// The action and the selector of an owner's policy, where they are not Kubeflow's.
fn unlike_kubeflows(policy: &AuthorizationPolicy) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut add = |field: &str, seen: &str, wanted: &str| {
        findings.push(finding(policy.reference(), field, seen, wanted));
    };
    if !matches!(&*policy.spec.action, "ALLOW" | "") {
        add("spec.action", &policy.spec.action, "ALLOW");
    }
    if policy.spec.selector.as_ref().is_some_and(|s| !s.match_labels.is_empty()) {
        add("spec.selector", "some pods only", "none, for all pods");
    }
    findings
}

/// Rules of an owner's policy that are not the owner's or Kubeflow's, or that a forged header
/// meets; or that there is none for the owner.
fn rules_beside_owners(policy: &AuthorizationPolicy, owner: &str, platform: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut is_owned = false;
    let mut add = |field: &str, seen: String, wanted: String| {
        findings.push(finding(policy.reference(), field, seen, wanted));
    };
    for (index, rule) in policy.spec.rules.iter().enumerate() {
        let field = format!("spec.rules[{index}]");
        if demands_user(rule, owner) {
            is_owned = true;
            if !names_principals(rule) {
                let seen = "any client that sends the header".into();
                add(&format!("{field}.from"), seen, "the gateway's principal".into());
            }
        } else if !is_known_rule(rule, &policy.metadata.namespace, platform) {
            let seen = "a rule that Kubeflow does not write".into();
            add(&field, seen, "none beside the owner's".into());
        }
    }
    if !is_owned {
        add("spec.rules", format!("no rule for {owner}"), format!("{USER_HEADER} of {owner}"));
    }
    findings
}

/// AUTHZ-10: Profile policies trust the running gateway
fn gateway_principal(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let ingress = Ingress::find(context)?;
    let Some(gateway) = ingress.running.first() else {
        return Ok(Outcome::NotApplicable("there is no ingress gateway pod".into()));
    };
    let account = &*gateway.spec.service_account_name;
    let wanted = format!("cluster.local/ns/{}/sa/{account}", context.namespace());
    let policies = context.authorization_policies()?;
    each_own_profile(
        context,
        "its policy trusts the gateway's service account",
        |profile, findings| {
            let namespace = profile.metadata.name.as_str();
            let owner = &*profile.spec.owner.name;
            let Some(policy) = policies
                .iter()
                .find(|p| p.metadata.namespace == *namespace && p.metadata.name == OWNER_POLICY)
            else {
                return Ok(());
            };
            let Some(rule) = policy.spec.rules.iter().find(|r| demands_user(r, owner)) else {
                return Ok(());
            };
            let named = principals(rule);
            if !named.is_empty() && !named.contains(&wanted.as_str()) {
                findings.push(finding(
                    policy.reference(),
                    "principals of the owner's rule",
                    named.join(", "),
                    wanted.clone(),
                ));
            }
            Ok(())
        },
    )
}
