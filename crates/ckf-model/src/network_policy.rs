//! What NetworkPolicies let through, as Kubernetes defines it.

use crate::core::{IngressRule, NetworkPolicy, Pod, PolicyPort, PortRef};
use crate::labels::Labels;

impl NetworkPolicy {
    /// Whether it is about what comes in.
    pub fn is_for_ingress(&self) -> bool {
        let types = &self.spec.policy_types;
        types.is_empty() || types.iter().any(|t| *t == "Ingress")
    }

    /// Whether it is about what goes out.
    pub fn is_for_egress(&self) -> bool {
        let types = &self.spec.policy_types;
        match types.is_empty() {
            true => !self.spec.egress.is_empty(),
            false => types.iter().any(|t| *t == "Egress"),
        }
    }

    /// Whether it holds for pods of its namespace with these labels.
    pub fn selects(&self, labels: &Labels) -> bool {
        self.spec.pod_selector.matches(labels)
    }
}

impl IngressRule {
    /// Whether it admits to a port of a pod.
    pub fn admits_port(&self, pod: &Pod, port: u16) -> bool {
        self.ports.is_empty() || self.ports.iter().any(|p| port_fits(p, pod, port))
    }
}

fn port_fits(policy: &PolicyPort, pod: &Pod, port: u16) -> bool {
    // Everything that is assessed here listens on TCP.
    if !matches!(&*policy.protocol, "" | "TCP") {
        return false;
    }
    match &policy.port {
        None => true,
        Some(PortRef::Number(first)) => {
            (*first..=policy.end_port.unwrap_or(*first)).contains(&port)
        }
        Some(PortRef::Name(name)) => pod.named_port(name) == Some(port),
    }
}
