//! Powers that rights give their holder, by kind: one table for controls and `access`.
//!
//! Sources: Kubernetes' RBAC good practices (privilege escalation risks), the tables of rbac-police
//! and KubeHound, and the kinds of Kubeflow that run pods. Dangerous is any verb but reading, and
//! any way to read Secrets; `resourceNames` do not make a right harmless.

mod table;
mod way;

pub use self::way::{Power, Way};

use crate::facts::rbac::PolicyRule;

/// A power, and the right that gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// The power.
    pub power: Power,
    /// API group of the right.
    pub group: &'static str,
    /// Resource of the right.
    pub resource: &'static str,
    /// Verb of the right.
    pub verb: &'static str,
}

/// All ways that are known.
pub fn ways() -> impl Iterator<Item = &'static Way> {
    table::WAYS.iter()
}

/// The powers of rules, each by the first way that gives it; those of the cluster's objects only
/// if the rules hold cluster-wide.
pub fn powers(rules: &[PolicyRule], is_cluster_wide: bool) -> Vec<Held> {
    let mut held: Vec<Held> = Vec::new();
    for way in ways().filter(|way| is_cluster_wide || !way.is_of_cluster) {
        if !held.iter().any(|known| known.power == way.power) {
            held.extend(given(rules, way));
        }
    }
    held
}

/// The right by which rules give one of these powers.
pub fn gives(rules: &[PolicyRule], powers: &[Power], is_cluster_wide: bool) -> Option<Held> {
    let mut ways =
        ways().filter(|way| powers.contains(&way.power) && (is_cluster_wide || !way.is_of_cluster));
    ways.find_map(|way| given(rules, way))
}

/// The right by which rules go a way.
pub fn given(rules: &[PolicyRule], way: &Way) -> Option<Held> {
    let Way { power, group, resource, .. } = *way;
    let mut verbs = way.verbs.iter();
    let verb = verbs.find(|verb| rules.iter().any(|rule| rule.touches(group, resource, verb)))?;
    Some(Held { power, group, resource, verb })
}

/// API groups in which any user may ask about themselves, report or elect, which changes nothing
/// for others.
const HARMLESS: &[(&str, &str)] = &[
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("", "events"),
    ("events.k8s.io", "events"),
    ("coordination.k8s.io", "leases"),
    ("argoproj.io", "workflowtaskresults"),
];

/// What rules of a namespace let their holder do that a reader need not, in words: a power of
/// the table, or else any verb that changes something.
pub fn dangerous(rules: &[PolicyRule], is_cluster_wide: bool) -> Option<String> {
    if rules.iter().any(|rule| rule.allows("*", "*", "*")) {
        return Some("everything".into());
    }
    if let Some(held) = powers(rules, is_cluster_wide).first() {
        return Some(format!("{} {}", held.verb, held.resource));
    }
    rules.iter().find_map(|rule| {
        let verb = rule.verbs.iter().find(|verb| !matches!(&***verb, "get" | "list" | "watch"))?;
        let is_harmless = |resource: &str| {
            let mut groups = rule.api_groups.iter();
            groups.all(|group| HARMLESS.contains(&(&**group, resource)))
        };
        let resource = rule.resources.iter().find(|resource| !is_harmless(resource))?;
        Some(format!("{verb} {resource}"))
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn rules(group: &str, resource: &str, verb: &str, names: Value) -> Vec<PolicyRule> {
        let rule = json!({"apiGroups": [group], "resources": [resource], "verbs": [verb],
            "resourceNames": names});
        vec![serde_json::from_value(rule).unwrap()]
    }

    #[test]
    fn rights_give_power_by_any_resource_verb_and_name() {
        for (group, resource, verb, power) in [
            ("", "secrets", "watch", Power::Secrets),
            ("", "secrets", "patch", Power::Secrets),
            ("", "*", "get", Power::Secrets),
            ("apps", "replicasets", "create", Power::Code),
            ("", "replicationcontrollers", "update", Power::Code),
            ("apps", "deployments", "patch", Power::Code),
            ("", "pods/ephemeralcontainers", "patch", Power::Code),
            ("", "pods/attach", "create", Power::Code),
            ("", "pods/exec", "get", Power::Code),
            ("", "*/exec", "create", Power::Code),
            ("argoproj.io", "workflows", "create", Power::Code),
            ("serving.kserve.io", "inferenceservices", "create", Power::Code),
            ("kubeflow.org", "pytorchjobs", "create", Power::Code),
            ("kubeflow.org", "poddefaults", "create", Power::Code),
            ("pipelines.kubeflow.org", "runs", "create", Power::Code),
            ("", "serviceaccounts/token", "create", Power::Accounts),
            ("", "users", "impersonate", Power::Users),
            ("", "services/proxy", "get", Power::Reach),
            ("", "pods/proxy", "patch", Power::Reach),
            ("", "pods/portforward", "get", Power::Reach),
            ("rbac.authorization.k8s.io", "roles", "escalate", Power::Rights),
            ("rbac.authorization.k8s.io", "clusterroles", "bind", Power::Rights),
            ("security.istio.io", "authorizationpolicies", "delete", Power::Doors),
            (
                "admissionregistration.k8s.io",
                "mutatingwebhookconfigurations",
                "patch",
                Power::Admission,
            ),
            ("", "nodes/proxy", "get", Power::Nodes),
            ("", "persistentvolumes", "create", Power::Nodes),
            (
                "certificates.k8s.io",
                "certificatesigningrequests/approval",
                "update",
                Power::Certificates,
            ),
        ] {
            let held = powers(&rules(group, resource, verb, json!([])), true);
            assert!(held.iter().any(|held| held.power == power), "{verb} {resource}: {held:?}");
        }
        // A name restricts all verbs but create, which it makes void.
        let named =
            |verb: &str| gives(&rules("", "secrets", verb, json!(["x"])), &[Power::Secrets], false);
        assert!(named("get").is_some());
        assert!(gives(&rules("", "pods", "create", json!(["x"])), &[Power::Code], false).is_none());
        assert!(
            gives(&rules("", "pods/exec", "create", json!(["x"])), &[Power::Code], false).is_some()
        );
        assert!(
            gives(&rules("", "nodes/proxy", "get", json!([])), &[Power::Nodes], false).is_none()
        );
        assert_eq!(dangerous(&rules("", "pods", "get", json!([])), true), None);
        assert_eq!(dangerous(&rules("", "events", "create", json!([])), true), None);
        let odd = dangerous(&rules("", "configmaps", "deletecollection", json!([])), false);
        assert_eq!(odd.as_deref(), Some("deletecollection configmaps"));
    }
}
