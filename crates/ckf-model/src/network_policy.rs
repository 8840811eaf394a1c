//! What NetworkPolicies let through, as Kubernetes defines it.

use crate::core::{IngressRule, NetworkPolicy, Peer, Pod, PolicyPort, PortRef};
use crate::labels::Labels;

impl NetworkPolicy {
    /// Whether it is about what comes in.
    pub fn is_for_ingress(&self) -> bool {
        let types = &self.spec.policy_types;
        types.is_empty() || types.iter().any(|t| *t == "Ingress")
    }

    /// Whether it holds for pods of its namespace with these labels.
    pub fn selects(&self, labels: &Labels) -> bool {
        self.spec.pod_selector.matches(labels)
    }
}

impl IngressRule {
    /// Whether it admits every client to every port.
    pub fn admits_all(&self) -> bool {
        self.ports.is_empty() && self.is_from_anywhere()
    }

    /// Whether it admits every client, to some port at least.
    pub fn is_from_anywhere(&self) -> bool {
        self.from.is_empty() || self.from.iter().any(Peer::is_anybody)
    }

    /// Whether it admits to a port of a pod.
    pub fn admits_port(&self, pod: &Pod, port: u16) -> bool {
        self.ports.is_empty() || self.ports.iter().any(|p| port_fits(p, pod, port))
    }
}

impl Peer {
    fn is_anybody(&self) -> bool {
        if let Some(block) = &self.ip_block {
            return matches!(&*block.cidr, "0.0.0.0/0" | "::/0");
        }
        self.namespace_selector.as_ref().is_some_and(|s| s.is_empty())
            && self.pod_selector.as_ref().is_none_or(|s| s.is_empty())
    }
}

fn port_fits(policy: &PolicyPort, pod: &Pod, port: u16) -> bool {
    match &policy.port {
        None => true,
        Some(PortRef::Number(first)) => {
            (*first..=policy.end_port.unwrap_or(*first)).contains(&port)
        }
        Some(PortRef::Name(name)) => pod.named_port(name) == Some(port),
    }
}
