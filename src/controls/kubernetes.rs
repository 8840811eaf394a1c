//! Kubernetes itself, and Juju's credential for it.

use super::context::{Context, Missing};
use super::upgrades::kubernetes_findings;
use super::{Check, Outcome, count, finding, outcome};
use crate::facts::Facts;
use crate::facts::istio::reference;
use crate::facts::known::Known;
use crate::facts::object::Object;

/// The checks of these sections.
pub const CHECKS: &[(&str, Check)] = &[
    ("K8S-02", version_is_supported),
    ("K8S-03", no_anonymous_rights),
    ("CLOUD-01", credential_suffices),
    ("CLOUD-02", credential_is_not_wider),
];

/// A distribution of Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distribution {
    /// Canonical Kubernetes.
    CanonicalKubernetes,
    /// MicroK8s.
    MicroK8s,
    /// Charmed Kubernetes.
    CharmedKubernetes,
    /// Amazon EKS.
    Eks,
    /// Azure AKS.
    Aks,
    /// Google GKE.
    Gke,
    /// Any other.
    Other,
}

impl Distribution {
    /// Recognises it by its nodes and version; other if nothing tells.
    pub fn of(facts: &Facts) -> Self {
        let version = match &facts.version {
            Known::Known(version) => version.git_version.as_str(),
            Known::Unknown(_) => "",
        };
        let nodes = match &facts.nodes {
            Known::Known(listed) => listed.items.as_slice(),
            Known::Unknown(_) => &[],
        };
        let label = |prefix: &str| {
            nodes.iter().any(|n| n.metadata.labels.iter().any(|(k, _)| k.starts_with(prefix)))
        };
        let kubelet = |part: &str| {
            version.contains(part)
                || nodes.iter().any(|n| n.status.node_info.kubelet_version.contains(part))
        };
        if label("eks.amazonaws.com/") || kubelet("-eks-") {
            Self::Eks
        } else if label("cloud.google.com/gke-") || kubelet("-gke.") {
            Self::Gke
        } else if label("kubernetes.azure.com/") {
            Self::Aks
        } else if label("microk8s.io/") || label("node.kubernetes.io/microk8s-") {
            Self::MicroK8s
        } else if label("k8sd.io/") || kubelet("+canonical") {
            Self::CanonicalKubernetes
        } else if label("juju-charm") || (label("juju-application") && label("juju.io/cloud")) {
            Self::CharmedKubernetes
        } else {
            Self::Other
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::CanonicalKubernetes => "Canonical Kubernetes",
            Self::MicroK8s => "MicroK8s",
            Self::CharmedKubernetes => "Charmed Kubernetes",
            Self::Eks => "Amazon EKS",
            Self::Aks => "Azure AKS",
            Self::Gke => "Google GKE",
            Self::Other => "other",
        }
    }

    /// Its security guide.
    pub fn guide(self) -> &'static str {
        match self {
            Self::CanonicalKubernetes => {
                "https://documentation.ubuntu.com/canonical-kubernetes/latest/snap/explanation/security/"
            }
            Self::MicroK8s => "https://microk8s.io/docs/explain-security",
            Self::CharmedKubernetes => "https://ubuntu.com/kubernetes/charmed-k8s/docs/security",
            Self::Eks => "https://docs.aws.amazon.com/eks/latest/best-practices/security.html",
            Self::Aks => "https://learn.microsoft.com/azure/aks/concepts-security",
            Self::Gke => {
                "https://cloud.google.com/kubernetes-engine/docs/concepts/security-overview"
            }
            Self::Other => "https://kubernetes.io/docs/concepts/security/",
        }
    }
}

fn version_is_supported(context: &Context<'_>) -> Result<Outcome, Missing> {
    Ok(match kubernetes_findings(context)? {
        Ok(findings) => {
            outcome(findings, format!("{} is in the support table", context.version()?.git_version))
        }
        Err(why) => Outcome::NotAssessed(why),
    })
}

fn no_anonymous_rights(context: &Context<'_>) -> Result<Outcome, Missing> {
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

fn is_guide(access: &crate::facts::rbac::Access) -> bool {
    ["create", "delete", "patch", "list"].contains(&access.verb.as_str())
        && [
            "namespaces",
            "services",
            "deployments",
            "statefulsets",
            "pods",
            "persistentvolumeclaims",
        ]
        .contains(&access.resource.as_str())
}

fn credential_suffices(context: &Context<'_>) -> Result<Outcome, Missing> {
    let access = context.access()?;
    let object = reference("authorization.k8s.io/v1", "SubjectAccessReview", "", &access.subject);
    let asked: Vec<_> = access.answers.iter().filter(|a| is_guide(a)).collect();
    if asked.is_empty() {
        return Ok(Outcome::NotAssessed("no question of the guide was asked".into()));
    }
    let findings = asked.iter().filter(|a| !a.allowed).map(|a| {
        finding(object.clone(), &format!("{} {}", a.verb, a.resource), "refused", "allowed")
    });
    Ok(outcome(
        findings.collect(),
        format!("{} may do all {} that the guide asks", access.subject, asked.len()),
    ))
}

fn credential_is_not_wider(context: &Context<'_>) -> Result<Outcome, Missing> {
    let access = context.access()?;
    let object = reference("authorization.k8s.io/v1", "SubjectAccessReview", "", &access.subject);
    let asked: Vec<_> = access.answers.iter().filter(|a| !is_guide(a)).collect();
    if asked.is_empty() {
        return Ok(Outcome::NotAssessed("no question beyond the guide was asked".into()));
    }
    let findings = asked.iter().filter(|a| a.allowed).map(|a| {
        let group = if a.group.is_empty() { String::new() } else { format!(".{}", a.group) };
        finding(object.clone(), &format!("{} {}{group}", a.verb, a.resource), "allowed", "refused")
    });
    Ok(outcome(findings.collect(), format!("{} may not own the cluster", access.subject)))
}
