//! Ways from pods of other namespaces to a port of a pod of the ambient mesh. ztunnel asks the
//! policies of the pod; a waypoint asks those of the Service and calls the pod as itself, so that
//! NetworkPolicies and the pod's own policies see the waypoint, not its client.
//!
//! Source: Istio's documentation of ambient mode (waypoints, L4 policies, `targetRefs`), ztunnel's
//! `rbac.rs`; istio-k8s sets `PILOT_AUTO_ALLOW_WAYPOINT_POLICY`, by which pods admit their waypoint.

use super::authorization::{Admission, Cause, PolicySet, Truth};
use super::mesh_policies::{MeshPolicies, is_health};
use super::network_rules::{At, Client, ClientPod};
use super::waypoints::{DATA_PLANE, USE_WAYPOINT, Waypoint};
use super::{Context, MissingFact};
use crate::facts::core::{Pod, PortRef, Service, ServicePort};
use crate::facts::labels::Labels;

/// Port on which ztunnel and waypoints take connections of the mesh.
pub(crate) const HBONE: u16 = 15008;

/// A way through the waypoint before a Service.
pub struct ThroughWaypoint<'a> {
    /// The Service.
    pub service: &'a Service,
    /// The waypoint.
    pub waypoint: Waypoint<'a>,
    /// Whether it lets others through.
    pub admission: Admission<'a>,
}

/// The ambient mesh before the platform's pods.
pub struct AmbientWays<'c, 'a> {
    context: &'c Context<'a>,
    policies: MeshPolicies<'a>,
    services: Vec<&'a Service>,
}

impl<'c, 'a> AmbientWays<'c, 'a> {
    /// That of the platform; `None` if nothing of its namespace is in the ambient mesh.
    pub fn of(context: &'c Context<'a>) -> Result<Option<Self>, MissingFact> {
        let platform = context.namespace();
        let is_here = |namespace: &str| *namespace == *platform;
        let of = |labels: &Labels| {
            labels.get(DATA_PLANE).is_some_and(|mode| **mode == *"ambient")
                || labels.get(USE_WAYPOINT).is_some()
        };
        let services = context.services()?.iter();
        let services: Vec<_> = services.filter(|of| is_here(&of.metadata.namespace)).collect();
        let mut namespaces = context.namespaces()?.iter().filter(|one| is_here(&one.metadata.name));
        let mut pods = context.pods()?.iter().filter(|pod| is_here(&pod.metadata.namespace));
        let is_any = namespaces.any(|one| of(&one.metadata.labels))
            || services.iter().any(|service| of(&service.metadata.labels))
            || pods.any(|pod| of(&pod.metadata.labels));
        if !is_any {
            return Ok(None);
        }
        Ok(Some(Self { context, policies: MeshPolicies::of(context)?, services }))
    }

    /// Whether a pod is in the mesh.
    pub fn has(&self, pod: &Pod) -> bool {
        self.policies.ambient.has(&pod.metadata)
    }

    /// Whether ztunnel lets others through to a port of a pod in the mesh.
    pub fn directly(&self, pod: &Pod, port: u16) -> Result<Admission<'a>, MissingFact> {
        let set = self.policies.hold_for(&pod.metadata.namespace, &pod.metadata.labels);
        self.admits(&set, &[port], &[])
    }

    /// Services of a pod that stand behind a waypoint.
    pub fn services_of(&self, pod: &Pod) -> impl Iterator<Item = (&'a Service, Waypoint<'a>)> {
        let all = self
            .services
            .iter()
            .filter(|service| service.selects(&pod.metadata.namespace, &pod.metadata.labels));
        all.filter_map(|service| Some((*service, self.policies.ambient.before(&service.metadata)?)))
    }

    /// The ways to a port of a pod through waypoints that reach it.
    pub fn through_waypoints(
        &self,
        pod: &Pod,
        port: u16,
    ) -> Result<Vec<ThroughWaypoint<'a>>, MissingFact> {
        let mut ways = Vec::new();
        for (service, waypoint) in self.services_of(pod) {
            let ports = service.spec.ports.iter().filter(|of| leads_to(of, pod, port));
            let ports: Vec<u16> = ports.map(|of| of.port).collect();
            if ports.is_empty() || !self.reaches(waypoint, pod, port)? {
                continue;
            }
            let of = (&*service.metadata.namespace, &*service.metadata.name);
            let set = self.policies.at_waypoint(waypoint, of);
            let admission = self.admits(&set, &ports, &[waypoint.namespace])?;
            ways.push(ThroughWaypoint { service, waypoint, admission });
        }
        Ok(ways)
    }

    fn admits(
        &self,
        set: &PolicySet<'a>,
        ports: &[u16],
        trusted: &[&str],
    ) -> Result<Admission<'a>, MissingFact> {
        let platform = self.context.namespace();
        let profiles = self.context.profile_namespaces()?.iter().copied();
        let is_trusted = |of: &str| *of == *platform || trusted.contains(&of);
        let is_more = |cause: &Cause<'_>| !is_health(&cause.policy.spec.rules[cause.rule]);
        Ok(set.admits_strangers(ports, &self.policies.mesh, is_trusted, profiles, is_more))
    }

    /// Whether network policies let a waypoint's pods through to a pod.
    fn reaches(&self, waypoint: Waypoint<'_>, pod: &Pod, port: u16) -> Result<bool, MissingFact> {
        let mut namespaces = self.context.namespaces()?.iter();
        let of = namespaces.find(|one| one.metadata.name == *waypoint.namespace);
        let mut pods = self.context.pods()?.iter().filter(|of| {
            *of.metadata.namespace == *waypoint.namespace
                && of.metadata.label("gateway.networking.k8s.io/gateway-name")
                    == Some(waypoint.name)
        });
        let (Some(of), Some(runs)) = (of, pods.next()) else {
            // Those that it will have are not known.
            return Ok(true);
        };
        let client = Client::Pod(ClientPod {
            namespace: waypoint.namespace,
            namespace_labels: Some(&of.metadata.labels),
            labels: Some(&runs.metadata.labels),
        });
        let rules = self.context.network_rules()?;
        let at = At {
            namespace: &pod.metadata.namespace,
            namespace_labels: rules.labels_of(&pod.metadata.namespace),
            labels: Some(&pod.metadata.labels),
            names: &[],
            port: if self.has(pod) { HBONE } else { port },
            protocol: "TCP",
        };
        Ok(rules.admits(&client, &at).truth != Truth::No)
    }
}

/// Whether a port of a Service leads to a port of a pod, or may.
pub(crate) fn leads_to(of: &ServicePort, pod: &Pod, port: u16) -> bool {
    match &of.target_port {
        None => of.port == port,
        Some(PortRef::Number(number)) => *number == port,
        Some(PortRef::Name(name)) => {
            let mut ports = pod.all_containers().flat_map(|container| &container.ports);
            ports.any(|known| known.name == *name && known.container_port == port)
        }
    }
}
