//! Authorisation: profiles, RBAC and Istio's policies. A rule is judged with
//! who holds it: role, binding and subject together.

use std::collections::{BTreeMap, BTreeSet};

use super::context::{Context, Missing, allowed};
use super::ingress::Ingress;
use super::{Check, Finding, Outcome, count, finding, outcome};
use crate::facts::istio::{AuthorizationPolicy, AuthorizationRule, Profile, reference};
use crate::facts::object::{Object, ObjectRef};
use crate::facts::profiles::{Claim, PART_OF};
use crate::facts::rbac::{PolicyRule, RoleBinding, RoleRef, Subject};
use crate::facts::text::Text;

/// The checks of this section.
pub const CHECKS: &[(&str, Check)] = &[
    ("AUTHZ-01", namespaces_belong),
    ("AUTHZ-02", owner_binding),
    ("AUTHZ-03", service_account_bindings),
    ("AUTHZ-04", owner_policy),
    ("AUTHZ-05", contributors_paired),
    ("AUTHZ-06", no_foreign_binding),
    ("AUTHZ-07", no_wildcard_policy),
    ("AUTHZ-08", roles_not_widened),
    ("AUTHZ-09", no_tenant_cluster_wide),
    ("AUTHZ-10", gateway_principal),
    ("AUTHZ-11", no_admin_profile),
    ("AUTHZ-12", no_stale_profile),
];

const RBAC: &str = "rbac.authorization.k8s.io/v1";
const OWNER_POLICY: &str = "ns-owner-access-istio";
const USER_HEADER: &str = "request.headers[kubeflow-userid]";

/// Applies a judgement to each Profile, whether or not it counts.
fn each_profile(
    context: &Context<'_>,
    evidence: &str,
    judge: impl Fn(&Profile, &Claim, &mut Vec<Finding>) -> Result<(), Missing>,
) -> Result<Outcome, Missing> {
    let profiles = context.profile_claims()?;
    if profiles.is_empty() {
        return Ok(Outcome::NotApplicable("there is no Profile".into()));
    }
    let mut findings = Vec::new();
    for (profile, claim) in profiles {
        judge(profile, claim, &mut findings)?;
    }
    Ok(outcome(findings, format!("{}: {evidence}", count(profiles.len(), "Profile"))))
}

/// Applies a judgement to each Profile whose namespace is its own; AUTHZ-01 tells of the others.
fn each_own_profile(
    context: &Context<'_>,
    evidence: &str,
    judge: impl Fn(&Profile, &mut Vec<Finding>) -> Result<(), Missing>,
) -> Result<Outcome, Missing> {
    let profiles = context.profile_claims()?;
    let own = || profiles.iter().filter(|(_, claim)| claim.is_proven());
    let why = match (profiles.is_empty(), own().count()) {
        (true, _) => "there is no Profile",
        (_, 0) => "no Profile owns its namespace, see AUTHZ-01",
        (_, number) => {
            let mut findings = Vec::new();
            for (profile, _) in own() {
                judge(profile, &mut findings)?;
            }
            let evidence = format!("{}: {evidence}", count(number, "Profile"));
            return Ok(outcome(findings, evidence));
        }
    };
    Ok(Outcome::NotApplicable(why.into()))
}

fn namespaces_belong(context: &Context<'_>) -> Result<Outcome, Missing> {
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
                    reference("v1", "Namespace", "", name),
                    "metadata.name",
                    "missing",
                    "the namespace of its Profile",
                )),
                (Claim::Unproven(_), Some(seen)) if seen != Some(owner) => findings.push(finding(
                    reference("v1", "Namespace", "", name),
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

/// Role bindings by namespace.
fn bindings<'a>(context: &Context<'a>) -> Result<BTreeMap<&'a str, Vec<&'a RoleBinding>>, Missing> {
    let mut map: BTreeMap<&str, Vec<&RoleBinding>> = BTreeMap::new();
    for binding in context.role_bindings()? {
        map.entry(&binding.metadata.namespace).or_default().push(binding);
    }
    Ok(map)
}

fn role_text(role: &RoleRef) -> String {
    format!("{} {}", role.kind, role.name)
}

fn subjects_text(subjects: &[Subject]) -> String {
    if subjects.is_empty() { "nobody".into() } else { super::named(subjects) }
}

fn owner_binding(context: &Context<'_>) -> Result<Outcome, Missing> {
    let bindings = bindings(context)?;
    each_own_profile(context, "its owner is its one admin", |profile, findings| {
        let name = profile.metadata.name.as_str();
        let owner = &profile.spec.owner;
        let binding =
            bindings.get(name).into_iter().flatten().find(|b| b.metadata.name == "namespaceAdmin");
        let Some(binding) = binding else {
            findings.push(finding(
                reference(RBAC, "RoleBinding", name, "namespaceAdmin"),
                "metadata.name",
                "missing",
                "the owner's binding",
            ));
            return Ok(());
        };
        if binding.role_ref.kind != "ClusterRole" || binding.role_ref.name != "kubeflow-admin" {
            findings.push(finding(
                binding.reference(),
                "roleRef",
                role_text(&binding.role_ref),
                "ClusterRole kubeflow-admin",
            ));
        }
        let is_owner = |s: &Subject| s.kind == owner.kind && s.name == owner.name;
        if binding.subjects.len() != 1 || !binding.subjects.iter().all(is_owner) {
            findings.push(finding(
                binding.reference(),
                "subjects",
                subjects_text(&binding.subjects),
                format!("{} {}", owner.kind, owner.name),
            ));
        }
        Ok(())
    })
}

fn is_account(subject: &Subject, namespace: &str, account: &str) -> bool {
    match &*subject.kind {
        "ServiceAccount" => subject.name == account && subject.namespace == namespace,
        "User" => *subject.name == format!("system:serviceaccount:{namespace}:{account}"),
        "Group" => *subject.name == format!("system:serviceaccounts:{namespace}"),
        _ => false,
    }
}

fn service_account_bindings(context: &Context<'_>) -> Result<Outcome, Missing> {
    let bindings = bindings(context)?;
    each_own_profile(
        context,
        "its service accounts have their own roles only",
        |profile, findings| {
            let namespace = profile.metadata.name.as_str();
            let here = bindings.get(namespace).map(Vec::as_slice).unwrap_or_default();
            for (account, role) in
                [("default-editor", "kubeflow-edit"), ("default-viewer", "kubeflow-view")]
            {
                let of_account = || {
                    here.iter()
                        .filter(|b| b.subjects.iter().any(|s| is_account(s, namespace, account)))
                };
                let is_own =
                    |b: &&&RoleBinding| b.role_ref.kind == "ClusterRole" && b.role_ref.name == role;
                if !of_account().any(|b| is_own(&b)) {
                    let object = reference(RBAC, "RoleBinding", namespace, account);
                    findings.push(finding(
                        object,
                        "roleRef",
                        format!("{account} has not {role}"),
                        format!("ClusterRole {role}"),
                    ));
                }
                for other in of_account().filter(|b| !is_own(b)) {
                    if let Some(power) = power(context, &other.role_ref, namespace)? {
                        let seen =
                            format!("{account} has {} ({power})", role_text(&other.role_ref));
                        findings.push(finding(
                            other.reference(),
                            "subjects",
                            seen,
                            format!("{role} only"),
                        ));
                    }
                }
            }
            Ok(())
        },
    )
}

/// What a role lets its holder do that an ordinary workload need not; `None` if
/// nothing, or if the role does not exist.
fn power(
    context: &Context<'_>,
    role: &RoleRef,
    namespace: &str,
) -> Result<Option<String>, Missing> {
    if ["admin", "cluster-admin", "edit", "kubeflow-admin", "kubeflow-edit"].contains(&&*role.name)
        && role.kind == "ClusterRole"
    {
        return Ok(Some("a role of administrators and editors".into()));
    }
    let rules: &[PolicyRule] = match &*role.kind {
        "ClusterRole" => context
            .cluster_roles()?
            .iter()
            .find(|r| r.metadata.name == *role.name)
            .map(|r| r.rules.as_slice()),
        _ => context
            .roles()?
            .iter()
            .find(|r| r.metadata.namespace == *namespace && r.metadata.name == *role.name)
            .map(|r| r.rules.as_slice()),
    }
    .unwrap_or_default();
    Ok(dangerous(rules))
}

/// Rights that let their holder take more.
fn dangerous(rules: &[PolicyRule]) -> Option<String> {
    const RIGHTS: &[(&str, &str, &str)] = &[
        ("", "secrets", "get"),
        ("", "secrets", "list"),
        ("", "pods", "create"),
        ("", "pods/exec", "create"),
        ("", "serviceaccounts", "impersonate"),
        ("", "serviceaccounts/token", "create"),
        ("", "users", "impersonate"),
        ("apps", "deployments", "create"),
        ("apps", "statefulsets", "create"),
        ("apps", "daemonsets", "create"),
        ("batch", "jobs", "create"),
        ("rbac.authorization.k8s.io", "rolebindings", "create"),
        ("rbac.authorization.k8s.io", "rolebindings", "patch"),
        ("rbac.authorization.k8s.io", "roles", "escalate"),
        ("rbac.authorization.k8s.io", "clusterroles", "bind"),
        ("security.istio.io", "authorizationpolicies", "delete"),
        ("networking.k8s.io", "networkpolicies", "delete"),
    ];
    if rules.iter().any(|r| r.allows("*", "*", "*")) {
        return Some("everything".into());
    }
    RIGHTS
        .iter()
        .find(|(g, r, v)| rules.iter().any(|rule| rule.allows(g, r, v)))
        .map(|(_, r, v)| format!("{v} {r}"))
}

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
    let is_here = |values: &[Text]| !values.is_empty() && values.iter().all(|v| *v == *namespace);
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

fn owner_policy(context: &Context<'_>) -> Result<Outcome, Missing> {
    let policies: BTreeMap<&str, &AuthorizationPolicy> = context
        .authorization_policies()?
        .iter()
        .filter(|p| p.metadata.name == OWNER_POLICY)
        .map(|p| (&*p.metadata.namespace, p))
        .collect();
    each_own_profile(context, "its policy admits its owner only", |profile, findings| {
        let namespace = profile.metadata.name.as_str();
        let owner = &*profile.spec.owner.name;
        let Some(policy) = policies.get(namespace) else {
            let object = reference(
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
            findings.push(finding(object.clone(), "spec.action", &*policy.spec.action, "ALLOW"));
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
                        "anybody who sends the header",
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
        Ok(())
    })
}

fn is_contributor_name(name: &str) -> bool {
    name.starts_with("user-") && name.contains("-clusterrole-")
}

fn contributors_paired(context: &Context<'_>) -> Result<Outcome, Missing> {
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

/// Whether a binding is what KFAM writes for a contributor, by what it gives to whom.
fn is_contributor(binding: &RoleBinding) -> bool {
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

fn no_foreign_binding(context: &Context<'_>) -> Result<Outcome, Missing> {
    let bindings = bindings(context)?;
    each_own_profile(context, "no foreign binding gives power", |profile, findings| {
        let namespace = profile.metadata.name.as_str();
        for binding in bindings.get(namespace).into_iter().flatten() {
            // These three have their own controls.
            let own = ["namespaceAdmin", "default-editor", "default-viewer"]
                .contains(&binding.metadata.name.as_str());
            if own
                || binding.subjects.is_empty()
                || is_contributor(binding)
                || allowed(&context.policy.allow.rolebindings, *binding)
            {
                continue;
            }
            if let Some(power) = power(context, &binding.role_ref, namespace)? {
                let seen = format!(
                    "{} for {} ({power})",
                    role_text(&binding.role_ref),
                    subjects_text(&binding.subjects)
                );
                findings.push(finding(
                    binding.reference(),
                    "roleRef",
                    seen,
                    "contributors by KFAM only",
                ));
            }
        }
        Ok(())
    })
}

/// Whether a field of a source, operation or condition holds anything back.
fn restricts(field: &str, values: &[Text]) -> bool {
    if field.starts_with("not") {
        return !values.is_empty();
    }
    // Any principal of a token is still somebody who has logged in.
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

/// Whom a rule admits that matches every request, in words.
fn admitted(rule: &AuthorizationRule) -> String {
    let any: Vec<&str> = rule.when.iter().map(|condition| &*condition.key).collect();
    match (any.is_empty(), rule.from.is_empty() && rule.to.is_empty()) {
        (false, _) => format!("any value of {}, from anybody", any.join(" and ")),
        (true, true) => "an empty rule, which admits everybody".into(),
        (true, false) => "any principal".into(),
    }
}

/// The policy that kfp-profile-controller makes in each profile, beside the profile
/// controller's own.
const CHARMED_POLICY: &str = "ns-owner-access-istio-charmed";

/// What holds a wildcard's harm down while its maker makes it again.
pub(crate) const MITIGATION: &str =
    "profile-network-policies keeps other profiles from the pods that it opens";

/// The controller that makes a policy again when it is deleted: by the policy's owner, and by the
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

fn no_wildcard_policy(context: &Context<'_>) -> Result<Outcome, Missing> {
    let mut findings = Vec::new();
    let mut judged = 0;
    for policy in context.authorization_policies()? {
        if !context.is_ours(&policy.metadata.namespace)?
            || !matches!(&*policy.spec.action, "ALLOW" | "")
        {
            continue;
        }
        judged += 1;
        for (index, rule) in
            policy.spec.rules.iter().enumerate().filter(|(_, rule)| is_wildcard(rule))
        {
            let maker = maker_of_policy(context, policy);
            let by = maker
                .as_ref()
                .map_or(String::new(), |maker| format!("; made, and made again, by {maker}"));
            let wanted = match maker {
                None => "a source, a path or a condition".to_owned(),
                Some(_) => format!("none; until its maker changes, {MITIGATION}"),
            };
            findings.push(finding(
                policy.reference(),
                &format!("spec.rules[{index}]"),
                format!("{}{by}", admitted(rule)),
                wanted,
            ));
        }
    }
    Ok(outcome(findings, format!("{} without wildcard", count(judged, "ALLOW policy"))))
}

/// Cluster roles that the releases' charms ship to be added to Kubeflow's.
const AGGREGATED: &[&str] = &[
    "kubeflow-admin",
    "kubeflow-edit",
    "kubeflow-view",
    "kubeflow-kubernetes-",
    "kubeflow-tokens-",
    "kubeflow-istio-",
    "kubeflow-katib-",
    "kubeflow-kserve-",
    "kubeflow-knative-",
    "kubeflow-pipelines-",
    "kubeflow-training-",
    "kubeflow-notebooks-",
    "kubeflow-notebook-ui-",
    "kubeflow-poddefaults-",
    "kubeflow-pvcviewers-",
    "kubeflow-tensorboards-",
    "kubeflow-tensorboard-ui-",
    "kubeflow-volume-ui-",
    "kubeflow-argo-",
    "argo-aggregate-to-",
    "aggregate-to-kubeflow-pipelines-",
    "admission-webhook-kubeflow-poddefaults-",
    "notebook-controller-kubeflow-notebooks-",
    "jupyter-controller-kubeflow-notebooks-",
    "jupyter-web-app-kubeflow-notebook-ui-",
    "jupyter-ui-kubeflow-notebook-ui-",
    "volumes-web-app-kubeflow-volume-ui-",
    "tensorboards-web-app-kubeflow-tensorboard-ui-",
    "pvcviewer-operator-kubeflow-pvcviewers-",
    "tensorboard-controller-kubeflow-tensorboards-",
    "training-operator-kubeflow-",
    "katib-controller-kubeflow-",
];
const AGGREGATES: [(&str, &str); 3] = [
    ("rbac.authorization.kubeflow.org/aggregate-to-kubeflow-admin", "kubeflow-admin"),
    ("rbac.authorization.kubeflow.org/aggregate-to-kubeflow-edit", "kubeflow-edit"),
    ("rbac.authorization.kubeflow.org/aggregate-to-kubeflow-view", "kubeflow-view"),
];

/// Whether the catalogue names an aggregated role: a prefix and then one of the three levels.
fn is_shipped(name: &str) -> bool {
    AGGREGATED.iter().any(|known| {
        name == known.trim_end_matches('-')
            || name
                .strip_prefix(known)
                .is_some_and(|level| ["admin", "edit", "view"].contains(&level))
    })
}

fn roles_not_widened(context: &Context<'_>) -> Result<Outcome, Missing> {
    let mut findings = Vec::new();
    let mut known = 0;
    for role in context.cluster_roles()? {
        let into: Vec<&str> = AGGREGATES
            .iter()
            .filter(|(label, _)| role.metadata.label(label) == Some("true"))
            .map(|(_, into)| *into)
            .collect();
        if into.is_empty() {
            continue;
        }
        let everything = role.rules.iter().any(|r| r.allows("*", "*", "*"));
        let shipped =
            is_shipped(&role.metadata.name) || allowed(&context.policy.allow.clusterroles, role);
        if shipped && !everything {
            known += 1;
            continue;
        }
        let holders = context
            .role_bindings()?
            .iter()
            .filter(|b| into.contains(&&*b.role_ref.name) && !b.subjects.is_empty())
            .count();
        if role.rules.is_empty() {
            continue;
        }
        let what =
            if everything { "everything".to_owned() } else { count(role.rules.len(), "rule") };
        let seen =
            format!("adds {what} to {}, held by {}", into.join(" and "), count(holders, "binding"));
        findings.push(finding(role.reference(), "metadata.labels", seen, "no aggregation label"));
    }
    Ok(outcome(findings, format!("{} known", count(known, "aggregated role"))))
}

/// Bindings to everybody that Kubernetes itself makes.
const DEFAULT_BINDINGS: &[&str] = &[
    "system:basic-user",
    "system:discovery",
    "system:public-info-viewer",
    "system:service-account-issuer-discovery",
];

/// Whether a cluster role gives anything at all.
fn gives(context: &Context<'_>, role: &RoleRef) -> Result<bool, Missing> {
    Ok(context
        .cluster_roles()?
        .iter()
        .any(|r| r.metadata.name == *role.name && !r.rules.is_empty()))
}

fn no_tenant_cluster_wide(context: &Context<'_>) -> Result<Outcome, Missing> {
    let profiles = context.profile_namespaces()?;
    let mut findings = Vec::new();
    for binding in context.cluster_role_bindings()? {
        let default = DEFAULT_BINDINGS.contains(&binding.metadata.name.as_str())
            && *binding.role_ref.name == *binding.metadata.name;
        if default {
            continue;
        }
        let is_tenant = |s: &&Subject| match &*s.kind {
            "ServiceAccount" => profiles.contains(&*s.namespace),
            "User" => {
                profiles.iter().any(|p| s.name.starts_with(&format!("system:serviceaccount:{p}:")))
            }
            "Group" => {
                matches!(
                    &*s.name,
                    "system:authenticated" | "system:unauthenticated" | "system:serviceaccounts"
                ) || profiles.iter().any(|p| *s.name == format!("system:serviceaccounts:{p}"))
            }
            _ => false,
        };
        let tenants: Vec<Subject> = binding.subjects.iter().filter(is_tenant).cloned().collect();
        if !tenants.is_empty() && gives(context, &binding.role_ref)? {
            let seen = format!("{} for {}", role_text(&binding.role_ref), subjects_text(&tenants));
            findings.push(finding(
                binding.reference(),
                "subjects",
                seen,
                "nobody of a profile, and not everybody",
            ));
        }
    }
    Ok(outcome(
        findings,
        format!(
            "none of {} reaches a tenant",
            count(context.cluster_role_bindings()?.len(), "cluster role binding")
        ),
    ))
}

fn gateway_principal(context: &Context<'_>) -> Result<Outcome, Missing> {
    let ingress = Ingress::find(context)?;
    let Some(gateway) = ingress.running.first() else {
        return Ok(Outcome::NotApplicable("no ingress gateway pod is there".into()));
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

fn no_admin_profile(context: &Context<'_>) -> Result<Outcome, Missing> {
    each_profile(context, "none is KFAM's administrator", |profile, _, findings| {
        let mut judge = |field: &str, value: &str| {
            if value == "admin" {
                findings.push(finding(profile.reference(), field, "admin", "another name"));
            }
        };
        judge("metadata.name", &profile.metadata.name);
        judge("spec.owner.name", &profile.spec.owner.name);
        Ok(())
    })
}

fn no_stale_profile(context: &Context<'_>) -> Result<Outcome, Missing> {
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
