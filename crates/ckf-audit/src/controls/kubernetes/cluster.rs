//! Kubernetes itself: its version and what it grants to anonymous users.

use crate::controls::check::Check;
use crate::controls::upgrades::versions::kubernetes_findings;
use crate::facts::object::Object as _;
use crate::finding::{Outcome, count, finding, outcome};
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] =
    &[("K8S-02", version_is_supported), ("K8S-03", no_anonymous_rights)];

/// K8S-02: The Kubernetes version is in the release's support table
fn version_is_supported(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let findings = kubernetes_findings(context)?;
    Ok(outcome(findings, format!("{} is in the support table", context.version()?.git_version)))
}

/// K8S-03: Anonymous users have no rights
fn no_anonymous_rights(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let is_anonymous = |name: &str| matches!(name, "system:anonymous" | "system:unauthenticated");
    let mut findings = Vec::new();
    for binding in context.cluster_role_bindings()? {
        let default = binding.metadata.name == "system:public-info-viewer"
            && binding.role_ref.name == "system:public-info-viewer";
        if let Some(subject) =
            binding.subjects.iter().find(|s| is_anonymous(&s.name)).filter(|_| !default)
        {
            let seen = format!("{subject} has {}", binding.role_ref.name);
            findings.push(finding(binding.reference(), "subjects", seen, "no anonymous subject"));
        }
    }
    for binding in context.role_bindings()? {
        // kubeadm publishes the cluster's address and CA this way.
        let default = binding.metadata.namespace == "kube-public"
            && binding.metadata.name == "kubeadm:bootstrap-signer-clusterinfo";
        if let Some(subject) =
            binding.subjects.iter().find(|s| is_anonymous(&s.name)).filter(|_| !default)
        {
            let seen = format!("{subject} has {}", binding.role_ref.name);
            findings.push(finding(binding.reference(), "subjects", seen, "no anonymous subject"));
        }
    }
    Ok(outcome(
        findings,
        format!(
            "none in {}",
            count(context.cluster_role_bindings()?.len(), "cluster role binding")
        ),
    ))
}
