//! Role bindings in profiles. A rule is assessed with its holder: role, binding and subject together.

use crate::controls::authz::contributors::is_contributor;
use crate::controls::authz::profiles::each_own_profile;
use crate::controls::check::Check;
use crate::facts::object::{Object as _, ObjectRef};
use crate::facts::rbac::{PolicyRule, RoleBinding, RoleRef, Subject};
use crate::finding::{Outcome, finding, named};
use crate::policy::allowed;
use crate::views::context::by_namespace;
use crate::views::power::dangerous;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[
    ("AUTHZ-02", owner_binding),
    ("AUTHZ-03", service_account_bindings),
    ("AUTHZ-06", no_foreign_binding),
];

const RBAC: &str = "rbac.authorization.k8s.io/v1";

pub(super) fn role_text(role: &RoleRef) -> String {
    format!("{} {}", role.kind, role.name)
}

pub(super) fn subjects_text(subjects: &[Subject]) -> String {
    if subjects.is_empty() { "no subject".into() } else { named(subjects) }
}

/// AUTHZ-02: Each Profile's owner is its only admin
fn owner_binding(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let bindings = by_namespace(context.role_bindings()?);
    each_own_profile(context, "its owner is its one admin", |profile, findings| {
        let name = profile.metadata.name.as_str();
        let owner = &profile.spec.owner;
        let binding =
            bindings.get(name).into_iter().flatten().find(|b| b.metadata.name == "namespaceAdmin");
        let Some(binding) = binding else {
            findings.push(finding(
                ObjectRef::new(RBAC, "RoleBinding", name, "namespaceAdmin"),
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
        // Without a namespace it is of the binding's.
        "ServiceAccount" => {
            subject.name == account
                && (subject.namespace.is_empty() || subject.namespace == namespace)
        }
        "User" => *subject.name == format!("system:serviceaccount:{namespace}:{account}"),
        "Group" => {
            matches!(&*subject.name, "system:serviceaccounts" | "system:authenticated")
                || *subject.name == format!("system:serviceaccounts:{namespace}")
        }
        _ => false,
    }
}

/// AUTHZ-03: Profile service accounts have only their own roles
fn service_account_bindings(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let bindings = by_namespace(context.role_bindings()?);
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
                    let object = ObjectRef::new(RBAC, "RoleBinding", namespace, account);
                    findings.push(finding(
                        object,
                        "roleRef",
                        format!("{account} lacks {role}"),
                        format!("ClusterRole {role}"),
                    ));
                }
                for own in of_account().filter(is_own) {
                    let mut others = own.subjects.clone();
                    others.retain(|subject| !is_account(subject, namespace, account));
                    // AUTHZ-06 assesses bindings of other names.
                    if own.metadata.name == account && !others.is_empty() {
                        findings.push(finding(
                            own.reference(),
                            "subjects",
                            format!("{role} for {}", subjects_text(&others)),
                            format!("{account} only"),
                        ));
                    }
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

/// Rules of a role; none if it does not exist.
pub(super) fn rules<'a>(
    context: &Context<'a>,
    role: &RoleRef,
    namespace: &str,
) -> Result<&'a [PolicyRule], MissingFact> {
    let found = match &*role.kind {
        "ClusterRole" => {
            let mut all = context.cluster_roles()?.iter();
            all.find(|r| r.metadata.name == *role.name).map(|r| r.rules.as_slice())
        }
        _ => {
            let mut all = context.roles()?.iter();
            all.find(|r| r.metadata.namespace == *namespace && r.metadata.name == *role.name)
                .map(|r| r.rules.as_slice())
        }
    };
    Ok(found.unwrap_or_default())
}

/// What a role lets its holder do that an ordinary workload need not; `None` if
/// nothing, or if the role does not exist.
fn power(
    context: &Context<'_>,
    role: &RoleRef,
    namespace: &str,
) -> Result<Option<String>, MissingFact> {
    if ["admin", "cluster-admin", "edit", "kubeflow-admin", "kubeflow-edit"].contains(&&*role.name)
        && role.kind == "ClusterRole"
    {
        return Ok(Some("a role of administrators and editors".into()));
    }
    Ok(dangerous(rules(context, role, namespace)?, false))
}

/// AUTHZ-06: No foreign binding grants rights in a Profile
fn no_foreign_binding(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let bindings = by_namespace(context.role_bindings()?);
    each_own_profile(context, "no foreign binding grants rights", |profile, findings| {
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
