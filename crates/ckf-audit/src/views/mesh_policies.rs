//! AuthorizationPolicies of the platform's mesh, and the callers of a profile's pods.

use std::collections::{BTreeMap, BTreeSet};

use super::authorization::{Attribute, Caller, Mesh, PolicySet, Workload};
use super::context::by_namespace;
use super::ingress::Ingress;
use super::mesh::ambient_ingress;
use super::waypoints::{Ambient, Waypoint};
use super::{Context, MissingFact, peer_authentication};
use crate::facts::istio::{AuthorizationPolicy, AuthorizationRule, PeerAuthentication};
use crate::facts::labels::Labels;

/// Header in which the gateway names the user who has logged in.
pub const USER_HEADER: &str = "kubeflow-userid";
/// A user whom nothing names.
pub const STRANGER: &str = "0-zq7@0-zq7.example";
/// A Service that no policy names.
const OTHER_SERVICE: &str = "0-zq7";
/// Label of the pods of a Gateway of the Gateway API.
pub(crate) const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// Paths of health and metrics, which Kubeflow opens to every client.
const OPEN_PATHS: [&str; 3] = ["/healthz", "/metrics", "/wait-for-drain"];

/// The AuthorizationPolicies of the mesh by namespace, and its options.
pub struct MeshPolicies<'a> {
    /// Options of the mesh.
    pub mesh: Mesh,
    /// Identities of the gateways.
    pub gateways: BTreeSet<String>,
    /// The ambient mesh.
    pub ambient: Ambient<'a>,
    by_namespace: BTreeMap<&'a str, Vec<&'a AuthorizationPolicy>>,
    peers: BTreeMap<&'a str, Vec<&'a PeerAuthentication>>,
}

impl<'a> MeshPolicies<'a> {
    /// Those of the platform.
    pub fn of(context: &Context<'a>) -> Result<Self, MissingFact> {
        let mesh = Mesh::of(context)?;
        let ingress = Ingress::find(context)?;
        let mut gateways = BTreeSet::new();
        for pod in &ingress.running {
            let account = match &*pod.spec.service_account_name {
                "" => "default",
                account => account,
            };
            gateways.insert(mesh.identity(&pod.metadata.namespace, account));
        }
        for gateway in ambient_ingress(context)? {
            // Istio runs a Gateway of the Gateway API as an account of this name.
            let account = format!("{}-{}", gateway.metadata.name, gateway.spec.gateway_class_name);
            gateways.insert(mesh.identity(&gateway.metadata.namespace, &account));
        }
        let peers = by_namespace(context.peer_authentications()?);
        let by_namespace = by_namespace(context.authorization_policies()?);
        Ok(Self { mesh, gateways, ambient: Ambient::of(context)?, by_namespace, peers })
    }

    /// Whether a pod takes clients without mutual TLS on a port.
    pub fn takes_clear_text(&self, namespace: &str, labels: &Labels, port: u16) -> bool {
        let of = |name: &str| self.peers.get(name).map(Vec::as_slice).unwrap_or_default();
        let of_mesh = peer_authentication::of_namespace(of(&self.mesh.root_namespace));
        !peer_authentication::of_pod(of(namespace), of_mesh, labels).is_strict(port)
    }

    /// Policies of a namespace.
    pub fn in_namespace(&self, namespace: &str) -> &[&'a AuthorizationPolicy] {
        self.by_namespace.get(namespace).map(Vec::as_slice).unwrap_or_default()
    }

    /// The policies that hold for pods of a namespace with these labels, without a sidecar if they
    /// are in the ambient mesh.
    pub fn hold_for(&self, namespace: &str, labels: &Labels) -> PolicySet<'a> {
        let root = self.mesh.root_namespace.as_str();
        let of_root = if root == namespace { &[] } else { self.in_namespace(root) };
        let all = of_root.iter().chain(self.in_namespace(namespace)).copied();
        let workload = Workload { namespace, labels, waypoint_of: None };
        let is_gateway = labels.get(GATEWAY_NAME).is_some();
        let is_of_ztunnel = !is_gateway && self.ambient.takes(namespace, labels);
        PolicySet { is_of_ztunnel, ..PolicySet::of(all, &workload, &self.mesh) }
    }

    /// The policies that hold at a waypoint for requests to a Service.
    pub fn at_waypoint(&self, waypoint: Waypoint<'_>, service: (&str, &str)) -> PolicySet<'a> {
        let Waypoint { namespace, name } = waypoint;
        let mut namespaces = vec![self.mesh.root_namespace.as_str(), namespace, service.0];
        namespaces.sort_unstable();
        namespaces.dedup();
        let all = namespaces.into_iter().flat_map(|of| self.in_namespace(of)).copied();
        let labels = Labels::from_iter([(GATEWAY_NAME.into(), name.into())]);
        let workload = Workload { namespace, labels: &labels, waypoint_of: Some(service) };
        PolicySet::of(all, &workload, &self.mesh)
    }

    /// The waypoint before a namespace's Services, if there is one.
    pub fn waypoint(&self, namespace: &str) -> Option<Waypoint<'a>> {
        self.ambient.waypoint(namespace)
    }

    /// The policies at the waypoint of a namespace, for each Service that they tell apart.
    fn at_own_waypoint(&self, namespace: &str) -> Vec<PolicySet<'a>> {
        let Some(waypoint) = self.waypoint(namespace) else {
            return Vec::new();
        };
        let targets = self.in_namespace(namespace).iter().flat_map(|policy| {
            let targets = policy.spec.target_refs.iter().chain(&policy.spec.target_ref);
            targets.filter(|target| target.kind == "Service").map(|target| &*target.name)
        });
        let mut services: BTreeSet<&str> = targets.collect();
        services.insert(OTHER_SERVICE);
        let of = |service: &str| self.at_waypoint(waypoint, (namespace, service));
        services.into_iter().map(of).collect()
    }

    /// The policies that hold for each kind of pod that a namespace's policies tell apart: pods
    /// that nothing selects, and those that a selector of an ALLOW policy takes; and those of its
    /// waypoint, through which users come.
    pub fn kinds(&self, namespace: &str) -> Vec<PolicySet<'a>> {
        let mut labels = vec![Labels::default()];
        for policy in self.in_namespace(namespace) {
            let selector = policy.spec.selector.as_ref();
            let selected = selector.filter(|_| policy.spec.action != "DENY");
            if let Some(selector) = selected
                && !labels.contains(&selector.match_labels)
            {
                labels.push(selector.match_labels.clone());
            }
        }
        let of_pods = labels.iter().map(|labels| self.hold_for(namespace, labels));
        of_pods.chain(self.at_own_waypoint(namespace)).collect()
    }

    /// A user who has logged in, through each of the gateways: these set the header.
    pub fn through_gateways(&self, user: &str) -> Vec<Caller> {
        let caller = |gateway: &String| Caller {
            peer: Attribute::Is(gateway.clone()),
            headers: BTreeMap::from([(USER_HEADER.to_owned(), user.to_owned())]),
            ..Caller::default()
        };
        self.gateways.iter().map(caller).collect()
    }

    /// A pod that runs as an account, and sets every header as it likes; without an account it
    /// has no identity.
    pub fn from_pod(&self, account: Option<(&str, &str)>) -> Caller {
        let peer = match account {
            Some((namespace, account)) => Attribute::Is(self.mesh.identity(namespace, account)),
            None => Attribute::Absent,
        };
        Caller { peer, ..Caller::default() }
    }
}

/// Whether a rule opens nothing but health and metrics.
pub fn is_health(rule: &AuthorizationRule) -> bool {
    !rule.to.is_empty()
        && rule.to.iter().all(|to| {
            let paths = to.operation.get("paths");
            paths.is_some_and(|paths| {
                !paths.is_empty() && paths.iter().all(|path| OPEN_PATHS.contains(&&**path))
            })
        })
}
