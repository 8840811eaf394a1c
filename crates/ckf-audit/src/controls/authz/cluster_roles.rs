//! Cluster roles and their bindings.

use std::collections::BTreeSet;

use crate::controls::authz::bindings::{role_text, rules, subjects_text};
use crate::controls::authz::contributors::is_contributor;
use crate::controls::check::Check;
use crate::facts::labels::LabelSelector;
use crate::facts::object::Object as _;
use crate::facts::rbac::{ClusterRole, Subject};
use crate::finding::{Outcome, count, finding, outcome};
use crate::policy::allowed;
use crate::views::power::{Power, dangerous, given, ways};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("AUTHZ-08", roles_not_widened), ("AUTHZ-09", no_tenant_cluster_wide)];

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
    "kubeflow-trainer-",
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

/// Rights of a role that the catalogue names, but that no release gives it, in words: views read,
/// components write in Kubeflow's own API groups, and no role reaches beyond a profile.
fn beyond(role: &ClusterRole) -> Option<String> {
    const OF_KUBERNETES: [&str; 3] =
        ["kubeflow-kubernetes-edit", "kubeflow-kubernetes-admin", "kubeflow-tokens-edit"];
    let name = role.metadata.name.as_str();
    let is_core = OF_KUBERNETES.contains(&name)
        // Kubernetes' controller fills them with the rules of the others.
        || AGGREGATES.iter().any(|(_, own)| *own == name);
    let is_view = name.ends_with("-view");
    let mut held = ways().filter_map(|way| given(&role.rules, way).map(|held| (held, way)));
    held.find_map(|(held, way)| {
        let is_of_tenant = !way.is_of_cluster && held.power != Power::Rights;
        let is_of_kubeflow = held.power == Power::Code && !KUBERNETES.contains(&held.group);
        let is_shipped = is_of_tenant && !is_view && (is_core || is_of_kubeflow);
        (!is_shipped).then(|| format!("{} {}", held.verb, held.resource))
    })
}

/// API groups of Kubernetes' own workloads.
const KUBERNETES: [&str; 3] = ["", "apps", "batch"];

/// Whether an aggregation selector takes more than the roles of its own label.
fn selects_more(selector: &LabelSelector, label: &str) -> bool {
    selector.match_labels.get(label).is_none_or(|value| *value != "true")
}

/// AUTHZ-08: The Kubeflow roles are not widened
fn roles_not_widened(context: &Context<'_>) -> Result<Outcome, MissingFact> {
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
        let is_allowed = allowed(&context.policy.allow.clusterroles, role);
        let beyond = if is_allowed { None } else { beyond(role) };
        let shipped = (is_shipped(&role.metadata.name) && beyond.is_none()) || is_allowed;
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
        let what = match beyond.filter(|_| is_shipped(&role.metadata.name)) {
            _ if everything => "everything".to_owned(),
            Some(right) => right,
            None => count(role.rules.len(), "rule"),
        };
        let seen =
            format!("adds {what} to {}, held by {}", into.join(" and "), count(holders, "binding"));
        findings.push(finding(role.reference(), "metadata.labels", seen, "no aggregation label"));
    }
    for role in context.cluster_roles()? {
        let own = AGGREGATES.iter().find(|(_, into)| *into == role.metadata.name);
        let (Some((label, _)), Some(rule)) = (own, &role.aggregation_rule) else {
            continue;
        };
        let wider = rule.cluster_role_selectors.iter().any(|s| selects_more(s, label));
        if wider {
            findings.push(finding(
                role.reference(),
                "aggregationRule",
                "takes rules of roles by other labels",
                format!("those with the label {label} only"),
            ));
        }
    }
    Ok(outcome(findings, format!("{} known", count(known, "aggregated role"))))
}

/// Bindings to all users that Kubernetes itself creates.
const DEFAULT_BINDINGS: &[&str] = &[
    "system:basic-user",
    "system:discovery",
    "system:public-info-viewer",
    "system:service-account-issuer-discovery",
];

/// Who is a tenant: accounts and owners of profiles, contributors, and groups of all users.
struct Tenants<'a> {
    profiles: &'a BTreeSet<&'a str>,
    users: BTreeSet<&'a str>,
}

impl<'a> Tenants<'a> {
    fn of(context: &'a Context<'_>) -> Result<Self, MissingFact> {
        let profiles = context.profile_namespaces()?;
        let owners = context.profile_claims()?.iter().filter(|(_, claim)| claim.is_proven());
        let owners = owners.map(|(profile, _)| &profile.spec.owner);
        let mut users: BTreeSet<&str> =
            owners.filter(|owner| owner.kind == "User").map(|owner| &*owner.name).collect();
        for binding in context.role_bindings()?.iter().filter(|binding| is_contributor(binding)) {
            if profiles.contains(&*binding.metadata.namespace) {
                users.extend(binding.subjects.iter().map(|subject| &*subject.name));
            }
        }
        Ok(Self { profiles, users })
    }

    fn include(&self, subject: &Subject) -> bool {
        let profiles = self.profiles;
        match &*subject.kind {
            "ServiceAccount" => profiles.contains(&*subject.namespace),
            "User" => {
                let account = subject.name.strip_prefix("system:serviceaccount:");
                let namespace = account.and_then(|account| account.split(':').next());
                namespace.is_some_and(|namespace| profiles.contains(namespace))
                    || self.users.contains(&*subject.name)
            }
            "Group" => {
                let namespace = subject.name.strip_prefix("system:serviceaccounts:");
                matches!(
                    &*subject.name,
                    "system:authenticated" | "system:unauthenticated" | "system:serviceaccounts"
                ) || namespace.is_some_and(|namespace| profiles.contains(namespace))
            }
            _ => false,
        }
    }

    fn among(&self, subjects: &[Subject]) -> Vec<Subject> {
        subjects.iter().filter(|subject| self.include(subject)).cloned().collect()
    }
}

/// AUTHZ-09: No tenant is bound cluster-wide
fn no_tenant_cluster_wide(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let tenants = Tenants::of(context)?;
    let mut findings = Vec::new();
    let wanted = "no subject of a profile, and no group of all users";
    for binding in context.cluster_role_bindings()? {
        let given = rules(context, &binding.role_ref, "")?;
        let default = DEFAULT_BINDINGS.contains(&binding.metadata.name.as_str())
            && *binding.role_ref.name == *binding.metadata.name
            && dangerous(given, true).is_none();
        let tenants = tenants.among(&binding.subjects);
        if !default && !tenants.is_empty() && !given.is_empty() {
            let seen = format!("{} for {}", role_text(&binding.role_ref), subjects_text(&tenants));
            findings.push(finding(binding.reference(), "subjects", seen, wanted));
        }
    }
    // What a tenant may do where the platform, Juju or the cluster itself runs is as good.
    for binding in context.role_bindings()? {
        let namespace = &*binding.metadata.namespace;
        let tenants = tenants.among(&binding.subjects);
        if tenants.is_empty() || !context.is_system(namespace) {
            continue;
        }
        if let Some(power) = dangerous(rules(context, &binding.role_ref, namespace)?, false) {
            let (role, tenants) = (role_text(&binding.role_ref), subjects_text(&tenants));
            let seen = format!("{role} for {tenants} ({power})");
            findings.push(finding(binding.reference(), "subjects", seen, wanted));
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
