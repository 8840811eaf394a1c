//! Paths through the network: the gateway with its policies, and from pod to pod.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::identity::{Reached, Step};
use super::rights::Rights;
use crate::facts::core::{NetworkPolicy, Pod};
use crate::facts::labels::{LabelSelector, Labels};
use crate::facts::object::{Object as _, ObjectRef};
use crate::views::authorization::{Admission, Caller, Cause, Truth};
use crate::views::context::by_namespace;
use crate::views::mesh_policies::{MeshPolicies, is_health};
use crate::views::network_peers::{Target, admits_chosen};
use crate::views::network_rules::{At, Client, ClientPod, NetworkRules};
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
        (pod, port): (&Pod, u16),
        own: Option<&str>,
    ) -> Chain {
        let names: Vec<&str> = pod.names_of(port).collect();
        let (truth, policy) = self.admits(from, labels, pod, &names, port);
        if truth == Truth::No {
            return Ok(None);
        }
        let at = pod.reference();
        let step = match &policy {
            None => Step::only(format!(
                "a pod of namespace {from}: no NetworkPolicy holds for {at}, so every pod reaches port {port}"
            )),
            Some(policy) => {
                let policy = policy.clone();
                let says =
                    format!("a pod of namespace {from}: {policy} admits it to port {port} of {at}");
                Step::by(says, policy)
            }
        };
        let mut chain = Vec::new();
        if own != Some(from) && pod.has_sidecar() {
            let accounts = rights.accounts_in(from);
            match self.is_open_to(from, &accounts, pod, port) {
                Admission::Yes(_, Some(cause)) => {
                    let says = format!("{cause} admits it");
                    chain.push(Step::by(says, cause.policy.reference()));
                }
                Admission::Yes(_, None) => {}
                Admission::No => return Ok(None),
                Admission::Unknown(why) => return Err(MissingFact(why)),
            }
        }
        if truth == Truth::Unknown {
            let policy = policy.unwrap_or_else(|| at.clone());
            return Err(MissingFact(match policy.kind == NetworkPolicy::KIND {
                true => format!(
                    "{policy} admits addresses to port {port} of {at}, and which addresses pods of {from} have is not known"
                ),
                false => format!(
                    "{policy} decides whether pods of {from} reach port {port} of {at}, by what is not evaluated here"
                ),
            }));
        }
        chain.push(step);
        Ok(Some(chain))
    }

    /// Whether network policies let pods of a namespace in to a port, and the policy that decides.
    fn admits(
        &self,
        from: &str,
        from_labels: Option<&Labels>,
        pod: &Pod,
        names: &[&str],
        port: u16,
    ) -> (Truth, Option<ObjectRef>) {
        let (namespace, labels) = (&*pod.metadata.namespace, &pod.metadata.labels);
        if !self.rules.has_more(namespace) {
            let target = Target { namespace, labels, names, port, protocol: "TCP" };
            let here = self.network_policies.get(namespace).map(Vec::as_slice).unwrap_or_default();
            let (truth, policy) = admits_chosen(here.iter().copied(), from, from_labels, &target);
            return (truth, policy.map(|policy| policy.reference()));
        }
        let client =
            Client::Pod(ClientPod { namespace: from, namespace_labels: from_labels, labels: None });
        let at = At {
            namespace,
            namespace_labels: self.rules.labels_of(namespace),
            labels: Some(labels),
            names,
            port,
            protocol: "TCP",
        };
        let decision = self.rules.admits(&client, &at);
        (decision.truth, decision.by)
    }

    /// Whether AuthorizationPolicies let pods of a namespace do more than ask for health: without
    /// an identity, or as one of its accounts. They set every header as they like.
    fn is_open_to(&self, from: &str, accounts: &[&str], pod: &Pod, port: u16) -> Admission<'a> {
        let policies = &self.policies;
        let set = policies.hold_for(&pod.metadata.namespace, &pod.metadata.labels);
        let is_more = |cause: &Cause<'_>| !is_health(&cause.policy.spec.rules[cause.rule]);
        let accounts = accounts.iter().map(|account| Some((from, *account)));
        let mut unknown = Admission::No;
        let (own, labels) = (&pod.metadata.namespace, &pod.metadata.labels);
        let nameless = policies.takes_clear_text(own, labels, port).then_some(None);
        for account in accounts.chain([Some((from, "default"))]).chain(nameless) {
            let caller = Caller { ports: vec![port], ..policies.from_pod(account) };
            match set.admits_by(&caller, &policies.mesh, is_more) {
                Admission::No => {}
                Admission::Unknown(why) => unknown = Admission::Unknown(why),
                yes => return yes,
            }
        }
        unknown
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
