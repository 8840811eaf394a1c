//! Ways to a port of a pod: by its address, and through the waypoint before its Service.

use super::identity::Step;
use super::network::{Chain, Network, Port};
use crate::facts::core::{NetworkPolicy, Pod, Service};
use crate::facts::labels::Labels;
use crate::facts::object::{Object as _, ObjectRef};
use crate::views::MissingFact;
use crate::views::ambient_ways::{HBONE, leads_to};
use crate::views::authorization::{Admission, Caller, Cause, PolicySet, Truth};
use crate::views::mesh_policies::{GATEWAY_NAME, is_health};
use crate::views::network_peers::{Target, admits_chosen};
use crate::views::network_rules::{At, Client, ClientPod};
use crate::views::waypoints::Waypoint;

impl<'a> Network<'a> {
    /// How pods of a namespace reach a port of a pod by its address.
    pub(super) fn directly(
        &self,
        accounts: &[&str],
        from: &str,
        labels: Option<&Labels>,
        (pod, port): Port<'a>,
        is_asked: bool,
    ) -> Chain {
        let is_ambient = !pod.has_sidecar() && self.policies.ambient.has(&pod.metadata);
        let client =
            Client::Pod(ClientPod { namespace: from, namespace_labels: labels, labels: None });
        let mut step = self.by_network(&client, from, pod, port);
        // What is sent in the mesh comes to the port of ztunnel.
        if is_ambient && matches!(step, Ok(None)) {
            step = self.by_network(&client, from, pod, HBONE);
        }
        if matches!(step, Ok(None)) {
            return step;
        }
        let mut chain = Vec::new();
        if is_asked && (is_ambient || pod.has_sidecar()) {
            let (own, own_labels) = (&pod.metadata.namespace, &pod.metadata.labels);
            let mut set = self.policies.hold_for(own, own_labels);
            set.is_of_ztunnel = is_ambient;
            let is_nameless = self.policies.takes_clear_text(own, own_labels, port);
            match by_policies(self.is_open_to(&set, from, accounts, &[port], is_nameless))? {
                Some(steps) => chain.extend(steps),
                None => return Ok(None),
            }
        }
        chain.extend(step?.unwrap_or_default());
        Ok(Some(chain))
    }

    /// Services of a pod that stand behind a waypoint.
    pub(super) fn waypoints_before(
        &self,
        pod: &Pod,
    ) -> impl Iterator<Item = (&'a Service, Waypoint<'a>)> {
        let (namespace, labels) = (&pod.metadata.namespace, &pod.metadata.labels);
        let here = self.services.get(&**namespace).map(Vec::as_slice).unwrap_or_default();
        let here = here.iter().filter(move |service| service.selects(namespace, labels));
        here.filter_map(|service| {
            Some((*service, self.policies.ambient.before(&service.metadata)?))
        })
    }

    /// How pods of a namespace reach a port of a pod through the waypoint before its Service. A
    /// waypoint calls the pod as itself, and its charms let it in there.
    pub(super) fn through(
        &self,
        accounts: &[&str],
        from: &str,
        labels: Option<&Labels>,
        (pod, port): Port<'a>,
        (service, waypoint): (&'a Service, Waypoint<'a>),
    ) -> Chain {
        let ports = service.spec.ports.iter().filter(|of| leads_to(of, pod, port));
        let ports: Vec<u16> = ports.map(|of| of.port).collect();
        let runs = self.gateway_pods.iter().find(|of| {
            *of.metadata.namespace == *waypoint.namespace
                && of.metadata.label(GATEWAY_NAME) == Some(waypoint.name)
        });
        let (Some(runs), false) = (runs, ports.is_empty()) else {
            // A waypoint without pods passes nothing on.
            return Ok(None);
        };
        let of_namespace = self.namespaces.get(waypoint.namespace).copied();
        let client =
            Client::Pod(ClientPod { namespace: from, namespace_labels: labels, labels: None });
        let passing = Client::Pod(ClientPod {
            namespace: waypoint.namespace,
            namespace_labels: of_namespace,
            labels: Some(&runs.metadata.labels),
        });
        let is_ambient = !pod.has_sidecar() && self.policies.ambient.has(&pod.metadata);
        let entry = self.by_network(&client, from, runs, HBONE)?;
        let onward = if is_ambient { HBONE } else { port };
        let passes = self.by_network(&passing, waypoint.namespace, pod, onward)?;
        if entry.is_none() || passes.is_none() {
            return Ok(None);
        }
        let of = (&*service.metadata.namespace, &*service.metadata.name);
        let set = self.policies.at_waypoint(waypoint, of);
        let Some(mut chain) = by_policies(self.is_open_to(&set, from, accounts, &ports, false))?
        else {
            return Ok(None);
        };
        let (service, at) = (service.reference(), pod.reference());
        let says = format!(
            "a pod of namespace {from}: the waypoint {}/{} passes requests to {service} on to port {port} of {at}",
            waypoint.namespace, waypoint.name
        );
        chain.push(Step::by(says, service));
        Ok(Some(chain))
    }

    /// How network policies let a client in to a port of a pod.
    fn by_network(&self, client: &Client<'_>, from: &str, pod: &Pod, port: u16) -> Chain {
        let names: Vec<&str> = pod.names_of(port).collect();
        let (truth, policy) = self.admits(client, pod, &names, port);
        let at = pod.reference();
        match (truth, policy) {
            (Truth::No, _) => Ok(None),
            (Truth::Yes, None) => Ok(Some(vec![Step::only(format!(
                "a pod of namespace {from}: no NetworkPolicy holds for {at}, so every pod reaches port {port}"
            ))])),
            (Truth::Yes, Some(policy)) => {
                let says =
                    format!("a pod of namespace {from}: {policy} admits it to port {port} of {at}");
                Ok(Some(vec![Step::by(says, policy)]))
            }
            (Truth::Unknown, policy) => {
                let policy = policy.unwrap_or_else(|| at.clone());
                Err(MissingFact(match policy.kind == NetworkPolicy::KIND {
                    true => format!(
                        "{policy} admits addresses to port {port} of {at}, and which addresses pods of {from} have is not known"
                    ),
                    false => format!(
                        "{policy} decides whether pods of {from} reach port {port} of {at}, by what is not evaluated here"
                    ),
                }))
            }
        }
    }

    /// Whether network policies let a client in to a port, and the policy that decides.
    fn admits(
        &self,
        client: &Client<'_>,
        pod: &Pod,
        names: &[&str],
        port: u16,
    ) -> (Truth, Option<ObjectRef>) {
        let (namespace, labels) = (&*pod.metadata.namespace, &pod.metadata.labels);
        if let Client::Pod(ClientPod { namespace: from, namespace_labels, labels: None }) = client
            && !self.rules.has_more(namespace)
        {
            let target = Target { namespace, labels, names, port, protocol: "TCP" };
            let here = self.network_policies.get(namespace).map(Vec::as_slice).unwrap_or_default();
            let (truth, policy) =
                admits_chosen(here.iter().copied(), from, *namespace_labels, &target);
            return (truth, policy.map(|policy| policy.reference()));
        }
        let at = At {
            namespace,
            namespace_labels: self.rules.labels_of(namespace),
            labels: Some(labels),
            names,
            port,
            protocol: "TCP",
        };
        let decision = self.rules.admits(client, &at);
        (decision.truth, decision.by)
    }

    /// Whether AuthorizationPolicies let pods of a namespace do more than ask for health: as one of
    /// its accounts, or without an identity if they may be `nameless`. They set every header as
    /// they like.
    fn is_open_to(
        &self,
        set: &PolicySet<'a>,
        from: &str,
        accounts: &[&str],
        ports: &[u16],
        is_nameless: bool,
    ) -> Admission<'a> {
        let policies = &self.policies;
        let is_more = |cause: &Cause<'_>| !is_health(&cause.policy.spec.rules[cause.rule]);
        let accounts = accounts.iter().map(|account| Some((from, *account)));
        let mut unknown = Admission::No;
        let nameless = is_nameless.then_some(None);
        for account in accounts.chain([Some((from, "default"))]).chain(nameless) {
            let caller = Caller { ports: ports.to_vec(), ..policies.from_pod(account) };
            match set.admits_by(&caller, &policies.mesh, is_more) {
                Admission::No => {}
                Admission::Unknown(why) => unknown = Admission::Unknown(why),
                yes => return yes,
            }
        }
        unknown
    }
}

/// The step by which AuthorizationPolicies let a client in; none where none allows anything.
fn by_policies(admission: Admission<'_>) -> Chain {
    match admission {
        Admission::Yes(_, Some(cause)) => {
            let says = format!("{cause} admits it");
            Ok(Some(vec![Step::by(says, cause.policy.reference())]))
        }
        Admission::Yes(_, None) => Ok(Some(Vec::new())),
        Admission::No => Ok(None),
        Admission::Unknown(why) => Err(MissingFact(why)),
    }
}
