//! The distribution of Kubernetes, by its nodes and version.

use crate::facts::Facts;
use crate::facts::known::Known;

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
    /// Recognises it by its nodes and version; `Other` without a sign of any.
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
