//! The mode of mutual TLS that Istio's PeerAuthentications set for a pod and its ports.
//!
//! Source: `ComposePeerAuthentication` of istiod (`pilot/pkg/security/authn`). Of several policies
//! of one kind the oldest holds, and the first by name among those of the same second; the mode
//! of a pod's own policy goes before that of its namespace, and that before the mesh's. Ports
//! have modes of their own in policies that select pods only.

use std::collections::BTreeMap;

use crate::facts::istio::PeerAuthentication;
use crate::facts::labels::Labels;
use crate::views::mesh::is_for_all;

/// A mode and the policy that sets it.
pub type Set<'a> = (&'a PeerAuthentication, &'a str);

/// The modes of a pod.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Modes<'a> {
    /// Of all ports; `PERMISSIVE` if no policy sets any.
    pub all: Option<Set<'a>>,
    /// Of ports that have one of their own.
    pub ports: BTreeMap<u16, Set<'a>>,
}

fn own_mode(mode: &str) -> Option<&str> {
    (!matches!(mode, "" | "UNSET")).then_some(mode)
}

fn oldest<'a>(
    policies: impl Iterator<Item = &'a PeerAuthentication>,
) -> Option<&'a PeerAuthentication> {
    policies.min_by_key(|policy| (policy.created, &policy.metadata.name))
}

/// The mode that a namespace's policies set for all its pods.
pub fn of_namespace<'a>(policies: &[&'a PeerAuthentication]) -> Option<Set<'a>> {
    let policy = oldest(policies.iter().copied().filter(|policy| is_for_all(policy)))?;
    own_mode(&policy.spec.mtls.mode).map(|mode| (policy, mode))
}

/// The modes of pods with these labels, by policies of their namespace and of the mesh.
pub fn of_pod<'a>(
    policies: &[&'a PeerAuthentication],
    of_mesh: Option<Set<'a>>,
    labels: &Labels,
) -> Modes<'a> {
    let inherited = of_namespace(policies).or(of_mesh);
    let selecting = policies.iter().copied().filter(|policy| {
        let selector = policy.spec.selector.as_ref();
        !is_for_all(policy) && selector.is_some_and(|s| labels.include(&s.match_labels))
    });
    let Some(policy) = oldest(selecting) else {
        return Modes { all: inherited, ports: BTreeMap::new() };
    };
    let all = own_mode(&policy.spec.mtls.mode).map(|mode| (policy, mode)).or(inherited);
    let ports = policy.spec.port_level_mtls.iter().filter_map(|(port, mtls)| {
        let set = own_mode(&mtls.mode).map(|mode| (policy, mode)).or(all)?;
        Some((port.parse().ok()?, set))
    });
    Modes { all, ports: ports.collect() }
}

impl Modes<'_> {
    /// Whether a port takes nothing but mutual TLS.
    pub fn is_strict(&self, port: u16) -> bool {
        let mode = self.ports.get(&port).or(self.all.as_ref());
        mode.is_some_and(|(_, mode)| *mode == "STRICT")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn policy(name: &str, day: u8, spec: Value) -> PeerAuthentication {
        let created = format!("2026-01-{day:02}T00:00:00Z");
        let mut policy: PeerAuthentication =
            serde_json::from_value(json!({"metadata": {"name": name}, "spec": spec})).unwrap();
        policy.created = created.parse().ok();
        policy
    }

    #[test]
    fn oldest_of_the_nearest_scope_decides() {
        let labels: Labels = serde_json::from_value(json!({"app": "x"})).unwrap();
        let selector = json!({"matchLabels": {"app": "x"}});
        let mode = |mode: &str| json!({"mode": mode});
        let mesh = policy("mesh", 1, json!({"mtls": mode("STRICT")}));
        let old = policy("old", 1, json!({"mtls": mode("UNSET")}));
        let new = policy("new", 2, json!({"mtls": mode("DISABLE")}));
        let own = policy(
            "own",
            3,
            json!({"selector": selector,
            "portLevelMtls": {"80": mode("DISABLE"), "81": mode("UNSET")}}),
        );
        let later = policy("later", 4, json!({"selector": selector, "mtls": mode("PERMISSIVE")}));
        let of_mesh = of_namespace(&[&mesh]);
        // The oldest of the namespace inherits, and the second one does not hold.
        let modes = of_pod(&[&new, &old], of_mesh, &labels);
        assert!(modes.is_strict(80), "{modes:?}");
        let modes = of_pod(&[&later, &own, &old], of_mesh, &labels);
        assert!(!modes.is_strict(80) && modes.is_strict(81) && modes.is_strict(82), "{modes:?}");
        let modes = of_pod(&[&own], None, &labels);
        assert!(!modes.is_strict(82) && modes.all.is_none());
    }
}
