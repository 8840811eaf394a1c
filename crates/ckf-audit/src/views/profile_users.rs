//! Users of a profile: its owner and its contributors, and the policies that deny all others
//! who come through the gateway.

use std::collections::BTreeSet;

use super::context::{Context, MissingFact};
use super::ingress::Ingress;
use crate::facts::istio::{AuthorizationPolicy, AuthorizationRule, Profile};
use crate::facts::rbac::RoleBinding;

/// The attribute by which policies know the user whom login identified.
pub const USER_HEADER: &str = "request.headers[kubeflow-userid]";
/// Service account of the gateway's pods, unless those that run say otherwise.
const GATEWAY_ACCOUNT: &str = "istio-ingressgateway-workload-service-account";

/// A binding that gives a contributor access, by what KFAM reads of it: its annotations, role and
/// subject. Its name does not matter: KFAM derives names from users, other tools do not.
pub fn is_contributor(binding: &RoleBinding) -> bool {
    let annotations = &binding.metadata.annotations;
    let (Some(user), Some(role)) = (&annotations.user, &annotations.role) else {
        return false;
    };
    let role = role.strip_prefix("kubeflow-").unwrap_or(role);
    binding.role_ref.kind == "ClusterRole"
        && ["admin", "edit", "view"].contains(&role)
        && binding.role_ref.name.strip_prefix("kubeflow-") == Some(role)
        && binding.subjects.len() == 1
        && binding.subjects.iter().all(|s| is_person(&s.kind) && s.name == *user)
}

fn is_person(kind: &str) -> bool {
    matches!(kind, "User" | "Group")
}

/// Users of a profile.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProfileUsers {
    /// Owner and contributors, as bindings name them.
    pub users: BTreeSet<String>,
    /// Groups among them: the gateway does not say of which groups a user is.
    pub groups: BTreeSet<String>,
}

impl ProfileUsers {
    /// Of a profile.
    pub fn of(context: &Context<'_>, profile: &Profile) -> Result<Self, MissingFact> {
        let mut found = Self::default();
        found.add(&profile.spec.owner.kind, &profile.spec.owner.name);
        let here = context.role_bindings_of(&profile.metadata.name)?.iter();
        for subject in here.filter(|b| is_contributor(b)).flat_map(|binding| &binding.subjects) {
            found.add(&subject.kind, &subject.name);
        }
        Ok(found)
    }

    fn add(&mut self, kind: &str, name: &str) {
        match kind {
            "Group" => self.groups.insert(name.to_owned()),
            // Istio would take it for a pattern.
            _ if name.is_empty() || name.starts_with('*') || name.ends_with('*') => false,
            _ => self.users.insert(name.to_owned()),
        };
    }

    /// Values of the header by which its users come: their names as written and, since providers
    /// differ in how they spell an address, in lower case.
    pub fn header_values(&self) -> BTreeSet<String> {
        let spellings = |name: &String| [name.clone(), name.to_lowercase()];
        self.users.iter().flat_map(spellings).collect()
    }

    /// The header may have this value for one of its users.
    pub fn include(&self, value: &str) -> bool {
        self.users.iter().any(|name| name == value || name.to_lowercase() == value)
    }
}

/// The identity of the gateway's pods in the mesh.
pub fn gateway_principal(context: &Context<'_>) -> Result<String, MissingFact> {
    let ingress = Ingress::find(context)?;
    let accounts = ingress.running.iter().map(|pod| &*pod.spec.service_account_name);
    let account = accounts.into_iter().find(|name| !name.is_empty()).unwrap_or(GATEWAY_ACCOUNT);
    Ok(format!("cluster.local/ns/{}/sa/{account}", context.namespace()))
}

/// The service accounts of a profile, as the header names those that log in with their token.
pub fn of_profile(profile: &str) -> String {
    format!("system:serviceaccount:{profile}:*")
}

/// Users whom the DENY policies of a profile let through from the gateway; `None` if they deny no
/// user.
pub fn let_through<'a>(
    context: &Context<'a>,
    profile: &str,
) -> Result<Option<BTreeSet<&'a str>>, MissingFact> {
    let gateway = gateway_principal(context)?;
    let policies = context.authorization_policies_of(profile)?.iter();
    let guards =
        policies.copied().filter(|policy| policy.spec.action == "DENY" && is_for_all(policy));
    let mut admitted: Option<BTreeSet<&str>> = None;
    for rule in guards.flat_map(|policy| &policy.spec.rules) {
        let Some(users) = denies_all_but(rule, &gateway, &of_profile(profile)) else {
            continue;
        };
        admitted = Some(match admitted {
            None => users,
            Some(earlier) => earlier.intersection(&users).copied().collect(),
        });
    }
    Ok(admitted)
}

fn is_for_all(policy: &AuthorizationPolicy) -> bool {
    let selector = policy.spec.selector.as_ref();
    selector.is_none_or(|s| s.match_labels.is_empty()) && policy.spec.target_refs.is_empty()
}

/// The users whom a rule of a DENY policy leaves out, if it matches every other request of a user
/// that comes from the gateway.
fn denies_all_but<'a>(
    rule: &'a AuthorizationRule,
    gateway: &str,
    accounts: &str,
) -> Option<BTreeSet<&'a str>> {
    let is_from_gateway = rule.from.is_empty()
        || rule.from.iter().any(|from| {
            let principals = from.source.get("principals");
            from.source.len() == 1
                && principals.is_some_and(|all| all.iter().any(|p| *p == *gateway || *p == "*"))
        });
    let [condition] = rule.when.as_slice() else {
        return None;
    };
    let is_pattern = |value: &str| value.starts_with('*') || value.ends_with('*');
    let any_user = condition.key == USER_HEADER
        && condition.values.iter().all(|value| *value == "*")
        && !condition.not_values.is_empty()
        && !condition.not_values.iter().any(|value| *value != *accounts && is_pattern(value));
    let users = condition.not_values.iter().filter(|value| **value != *accounts);
    (is_from_gateway && rule.to.is_empty() && any_user)
        .then(|| users.map(|value| &**value).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const GATEWAY: &str = "cluster.local/ns/kubeflow/sa/gateway";

    fn rule(rule: Value) -> AuthorizationRule {
        serde_json::from_value(rule).unwrap()
    }

    #[test]
    fn deny_rule_that_leaves_requests_out_guards_nothing() {
        let from = |principal: &str| json!([{"source": {"principals": [principal]}}]);
        let user = |not: Value| json!([{"key": USER_HEADER, "values": ["*"], "notValues": not}]);
        let guard = rule(json!({"from": from(GATEWAY), "when": user(json!(["ada"]))}));
        assert_eq!(denies_all_but(&guard, GATEWAY, "own:*"), Some(BTreeSet::from(["ada"])));
        for other in [
            json!({"from": from("cluster.local/ns/kubeflow/sa/other"), "when": user(json!(["ada"]))}),
            json!({"from": from(GATEWAY), "when": user(json!(["ad*"]))}),
            json!({"from": from(GATEWAY), "when": user(json!([]))}),
            json!({"from": from(GATEWAY), "when": [{"key": USER_HEADER, "values": ["eve"], "notValues": ["ada"]}]}),
            json!({"from": from(GATEWAY), "to": [{"operation": {"paths": ["/x"]}}], "when": user(json!(["ada"]))}),
            json!({"from": [{"source": {"principals": [GATEWAY], "ipBlocks": ["10.0.0.0/8"]}}], "when": user(json!(["ada"]))}),
        ] {
            assert_eq!(denies_all_but(&rule(other.clone()), GATEWAY, "own:*"), None, "{other}");
        }
    }

    #[test]
    fn contributor_is_recognised_by_the_fields_of_kfam() {
        let binding = |name: &str, role: &str, subjects: Value| -> RoleBinding {
            serde_json::from_value(json!({"metadata": {"name": name, "namespace": "a",
                "annotations": {"user": "bob@example.com", "role": "edit"}},
                "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": subjects}))
            .unwrap()
        };
        let bob = json!([{"kind": "User", "name": "bob@example.com"}]);
        let eve = json!([{"kind": "User", "name": "eve@example.com"}]);
        for (name, role, subjects, is) in [
            ("user-bob-example-com-clusterrole-edit", "kubeflow-edit", &bob, true),
            ("made-by-an-automator", "kubeflow-edit", &bob, true),
            ("made-by-an-automator", "kubeflow-admin", &bob, false),
            ("made-by-an-automator", "edit", &bob, false),
            ("user-bob-example-com-clusterrole-edit", "kubeflow-edit", &eve, false),
        ] {
            let binding = binding(name, role, subjects.clone());
            assert_eq!(is_contributor(&binding), is, "{name} {role}");
        }
    }

    #[test]
    fn address_is_let_through_in_both_spellings() {
        let users = ProfileUsers {
            users: BTreeSet::from(["Ada@Example.com".into()]),
            ..Default::default()
        };
        let values: Vec<String> = users.header_values().into_iter().collect();
        assert_eq!(values, ["Ada@Example.com", "ada@example.com"]);
        assert!(users.include("ada@example.com") && !users.include("ADA@example.com"));
    }
}
