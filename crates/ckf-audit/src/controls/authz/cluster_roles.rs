//! Cluster roles and their bindings.

use crate::controls::authz::bindings::{role_text, subjects_text};
use crate::controls::check::Check;
use crate::facts::object::Object as _;
use crate::facts::rbac::{RoleRef, Subject};
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::context::allowed;
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

/// Bindings to all users that Kubernetes itself creates.
const DEFAULT_BINDINGS: &[&str] = &[
    "system:basic-user",
    "system:discovery",
    "system:public-info-viewer",
    "system:service-account-issuer-discovery",
];

/// Whether a cluster role has any rule.
fn gives(context: &Context<'_>, role: &RoleRef) -> Result<bool, MissingFact> {
    Ok(context
        .cluster_roles()?
        .iter()
        .any(|r| r.metadata.name == *role.name && !r.rules.is_empty()))
}

/// AUTHZ-09: No tenant is bound cluster-wide
fn no_tenant_cluster_wide(context: &Context<'_>) -> Result<Outcome, MissingFact> {
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
                "no subject of a profile, and no group of all users",
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
