//! AuthorizationPolicies of the owners of profiles.

use std::collections::BTreeMap;

use crate::controls::authz::policy_callers::Callers;
use crate::controls::authz::profiles::each_own_profile;
use crate::controls::check::Check;
use crate::facts::istio::{AuthorizationPolicy, AuthorizationRule};
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::text::Interned;
use crate::finding::{Outcome, finding};
use crate::views::ingress::Ingress;
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
fn is_known_rule(rule: &AuthorizationRule, namespace: &str) -> bool {
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
    by_condition || by_source || health || culling
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
            let object = policy.reference();
            if !matches!(&*policy.spec.action, "ALLOW" | "") {
                findings.push(finding(
                    object.clone(),
                    "spec.action",
                    &*policy.spec.action,
                    "ALLOW",
                ));
            }
            if policy.spec.selector.as_ref().is_some_and(|s| !s.match_labels.is_empty()) {
                findings.push(finding(
                    object.clone(),
                    "spec.selector",
                    "some pods only",
                    "none, for all pods",
                ));
            }
            let mut owned = false;
            for (index, rule) in policy.spec.rules.iter().enumerate() {
                let field = format!("spec.rules[{index}]");
                if demands_user(rule, owner) {
                    owned = true;
                    if !names_principals(rule) {
                        findings.push(finding(
                            object.clone(),
                            &format!("{field}.from"),
                            "any client that sends the header",
                            "the gateway's principal",
                        ));
                    }
                } else if !is_known_rule(rule, namespace) {
                    findings.push(finding(
                        object.clone(),
                        &field,
                        "a rule that Kubeflow does not write",
                        "none beside the owner's",
                    ));
                }
            }
            if !owned {
                findings.push(finding(
                    object,
                    "spec.rules",
                    format!("no rule for {owner}"),
                    format!("{USER_HEADER} of {owner}"),
                ));
            }
            // A policy of any name may admit a caller.
            callers.strangers_in(profile, findings)
        })?;
    Ok(callers.known(outcome))
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
