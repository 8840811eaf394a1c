//! Paths through the network: the gateway with its policies, and from pod to pod.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::identity::{Reached, Step};
use super::rights::Rights;
use crate::facts::core::{NetworkPolicy, Pod, Service};
use crate::facts::labels::{LabelSelector, Labels};
use crate::facts::object::{Object as _, ObjectRef};
use crate::views::ambient_ways::{HBONE, leads_to};
use crate::views::authorization::{Admission, Caller, Cause, PolicySet, Truth};
use crate::views::context::by_namespace;
use crate::views::mesh_policies::{GATEWAY_NAME, MeshPolicies, is_health};
use crate::views::network_peers::{Target, admits_chosen};
use crate::views::network_rules::{At, Client, ClientPod, NetworkRules};
use crate::views::waypoints::Waypoint;
use crate::views::{Context, MissingFact};

pub(super) type Chain = Result<Option<Vec<Step>>, MissingFact>;

/// How a user comes to a profile's web servers through the gateway, which identifies them.
pub(super) fn through_gateway(policies: &MeshPolicies<'_>, user: &str, profile: &str) -> Chain {
    let mut unknown = None;
    let callers = policies.through_gateways(user);
    for set in policies.kinds(profile) {
        for caller in &callers {
            let is_more = |cause: &Cause<'_>| !is_health(&cause.policy.spec.rules[cause.rule]);
            match set.admits_by(caller, &policies.mesh, is_more) {
                Admission::Yes(_, cause) => {
                    return Ok(Some(vec![by_gateway(cause, user, profile)]));
                }
                Admission::No => {}
                Admission::Unknown(why) => unknown = Some(why),
            }
        }
    }
    unknown.map_or(Ok(None), |why| Err(MissingFact(why)))
}

fn by_gateway(cause: Option<Cause<'_>>, user: &str, profile: &str) -> Step {
    match cause {
        Some(Cause { policy, .. }) => {
            let policy = policy.reference();
            Step::by(format!("{policy} admits the logged-in user {user}"), policy)
        }
        None => Step::only(format!(
            "no AuthorizationPolicy of {profile} allows anything, so its sidecars admit every request"
        )),
    }
}

/// The network between pods.
pub(super) struct Network<'a> {
    pub(super) policies: MeshPolicies<'a>,
    network_policies: BTreeMap<&'a str, Vec<&'a NetworkPolicy>>,
    rules: NetworkRules<'a>,
    services: BTreeMap<&'a str, Vec<&'a Service>>,
    gateway_pods: Vec<&'a Pod>,
    namespaces: HashMap<&'a str, &'a Labels>,
}

/// A port of a pod to reach.
pub(super) type Port<'a> = (&'a Pod, u16);

impl<'a> Network<'a> {
    pub(super) fn of(context: &Context<'a>) -> Result<Self, MissingFact> {
        let namespaces = context.namespaces()?.iter();
        let namespaces =
            namespaces.map(|of| (of.metadata.name.as_str(), &of.metadata.labels)).collect();
        Ok(Self {
            policies: MeshPolicies::of(context)?,
            network_policies: by_namespace(context.network_policies()?),
            rules: NetworkRules::of(context)?,
            services: by_namespace(context.services()?),
            gateway_pods: context
                .pods()?
                .iter()
                .filter(|pod| pod.metadata.label(GATEWAY_NAME).is_some() && !pod.is_finished())
                .collect(),
            namespaces,
        })
    }

    /// Namespaces among these from which NetworkPolicies of a namespace may let pods in, by any
    /// rule; what each selector matches is remembered, since those of many profiles are alike.
    pub(super) fn may_come_from(
        &self,
        namespace: &str,
        all: &BTreeSet<&'a str>,
        matched: &mut HashMap<&'a LabelSelector, BTreeSet<&'a str>>,
    ) -> BTreeSet<&'a str> {
        if self.rules.has_more(namespace) {
            return all.clone();
        }
        let mut from = BTreeSet::new();
        let here = self.network_policies.get(namespace).map(Vec::as_slice).unwrap_or_default();
        let is_guarded =
            here.iter().any(|of| of.is_for_ingress() && of.spec.pod_selector.is_empty());
        for rule in here.iter().flat_map(|policy| &policy.spec.ingress) {
            let has_block = rule.from.iter().any(|peer| peer.ip_block.is_some());
            if rule.from.is_empty() || has_block {
                return all.clone();
            }
            for selector in rule.from.iter().filter_map(|peer| peer.namespace_selector.as_ref()) {
                let known = matched.entry(selector).or_insert_with(|| {
                    let is_matched = |name: &&&str| {
                        self.namespaces.get(**name).is_some_and(|labels| selector.matches(labels))
                    };
                    all.iter().filter(is_matched).copied().collect()
                });
                from.extend(known.iter().copied());
            }
        }
        if is_guarded { from } else { all.clone() }
    }

    /// How pods of a namespace reach one of these ports. A sidecar authorises callers, except pods
    /// of its `own` namespace; the platform's own pods have none.
    pub(super) fn path(
        &self,
        rights: &Rights<'_>,
        from: &str,
        labels: Option<&Labels>,
        targets: &[Port<'a>],
        own: Option<&str>,
    ) -> Chain {
        let labels = labels.or_else(|| self.namespaces.get(from).copied());
        let mut unknown = None;
        for (pod, port) in targets {
            match self.one(rights, from, labels, (pod, *port), own) {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(missing) => unknown = Some(missing),
            }
        }
        unknown.map_or(Ok(None), Err)
    }

    fn one(
        &self,
        rights: &Rights<'_>,
        from: &str,
        labels: Option<&Labels>,
        target: Port<'a>,
        own: Option<&str>,
    ) -> Chain {
        let accounts = rights.accounts_in(from);
        let is_asked = own != Some(from);
        let directly = self.directly(&accounts, from, labels, target, is_asked);
        if matches!(directly, Ok(Some(_))) || !is_asked {
            return directly;
        }
        let mut unknown = directly.err();
        for (service, waypoint) in self.waypoints_before(target.0) {
            match self.through(&accounts, from, labels, target, (service, waypoint)) {
                Ok(None) => {}
                Ok(found) => return Ok(found),
                Err(missing) => unknown = Some(missing),
            }
        }
        unknown.map_or(Ok(None), Err)
    }

    /// How pods of a namespace reach a port of a pod by its address.
    fn directly(
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
    fn waypoints_before(&self, pod: &Pod) -> impl Iterator<Item = (&'a Service, Waypoint<'a>)> {
        let (namespace, labels) = (&pod.metadata.namespace, &pod.metadata.labels);
        let here = self.services.get(&**namespace).map(Vec::as_slice).unwrap_or_default();
        let here = here.iter().filter(move |service| service.selects(namespace, labels));
        here.filter_map(|service| {
            Some((*service, self.policies.ambient.before(&service.metadata)?))
        })
    }

    /// How pods of a namespace reach a port of a pod through the waypoint before its Service. A
    /// waypoint calls the pod as itself, and its charms let it in there.
    fn through(
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

/// Running pods of an application of the platform, with these ports.
pub(super) fn app_ports<'a>(
    context: &Context<'a>,
    app: &str,
    ports: &[u16],
) -> Result<Vec<Port<'a>>, MissingFact> {
    let pods = context.pods()?.iter().filter(|pod| {
        pod.metadata.namespace == context.namespace()
            && pod.metadata.label("app.kubernetes.io/name") == Some(app)
            && !pod.is_finished()
    });
    let all: Vec<_> = pods.flat_map(|pod| ports.iter().map(move |port| (pod, *port))).collect();
    match all.is_empty() {
        true => Err(MissingFact(format!("there is no pod of {app}"))),
        false => Ok(all),
    }
}

/// Ports of the running pods of each namespace, pods that are alike once.
pub(super) fn ports_by_namespace<'a>(
    context: &Context<'a>,
) -> Result<BTreeMap<&'a str, Vec<Port<'a>>>, MissingFact> {
    let mut all: BTreeMap<&str, Vec<Port<'_>>> = BTreeMap::new();
    for pod in context.pods()?.iter().filter(|pod| !pod.is_finished()) {
        let of = all.entry(&pod.metadata.namespace).or_default();
        let ports = pod.all_containers().flat_map(|container| &container.ports);
        // One that names no port may listen on any.
        for port in ports.map(|port| port.container_port).chain([8080]) {
            let is_alike = |(other, known): &Port<'_>| {
                *known == port
                    && other.metadata.labels == pod.metadata.labels
                    && other.has_sidecar() == pod.has_sidecar()
            };
            if !of.iter().any(is_alike) {
                of.push((pod, port));
            }
        }
    }
    Ok(all)
}

/// How pods that a subject can run reach one of these ports.
pub(super) fn from_pods<'a>(
    network: &Network<'a>,
    rights: &Rights<'_>,
    reached: &[Reached],
    targets: &[Port<'a>],
    own: Option<&str>,
) -> Chain {
    let mut unknown = None;
    for (namespace, mut chain) in rights.runs_in(reached) {
        match network.path(rights, &namespace, None, targets, own) {
            Ok(Some(steps)) => {
                chain.extend(steps);
                return Ok(Some(chain));
            }
            Ok(None) => {}
            Err(missing) => unknown = Some(missing),
        }
    }
    unknown.map_or(Ok(None), Err)
}
