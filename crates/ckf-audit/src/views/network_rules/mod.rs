//! All network policies of a cluster together: those of its administrators, NetworkPolicies and
//! Cilium's own, in the order in which they decide.
//!
//! Source: the Network Policy API of Kubernetes: the tier of administrators goes before
//! NetworkPolicies, and the baseline decides about pods that none selects. Cilium's documentation:
//! its rules and NetworkPolicies add up, what denies goes first, and a pod that one selects refuses
//! what none lets in, unless `enableDefaultDeny` says otherwise.

mod cilium;
mod cluster;
mod matching;

use std::collections::{BTreeMap, BTreeSet};

use self::cilium::Rule;
use self::cluster::Tier;
use self::matching::{Match, of_pods};
use super::authorization::Truth;
use super::network_peers::addresses;
use super::network_policy::{TOMORROW, future_profile};
use super::{Context, MissingFact};
use crate::facts::cilium::CiliumRule;
use crate::facts::core::{IngressRule, NetworkPolicy, Peer, PolicyPort, PortRef};
use crate::facts::labels::Labels;
use crate::facts::object::{Object, ObjectRef};
use crate::views::address_set::AddressSet;

/// A pod that connects.
#[derive(Clone, Copy, Debug)]
pub struct ClientPod<'a> {
    /// Name of its namespace.
    pub namespace: &'a str,
    /// Labels of its namespace, if it is there.
    pub namespace_labels: Option<&'a Labels>,
    /// Its own labels; none if its owner may choose them.
    pub labels: Option<&'a Labels>,
}

/// Who connects.
#[derive(Clone, Copy, Debug)]
pub enum Client<'a> {
    /// A pod.
    Pod(ClientPod<'a>),
    /// Somebody outside of the cluster, at any address.
    Outside,
}

/// What is connected to.
#[derive(Clone, Copy, Debug, Default)]
pub struct At<'a> {
    /// Name of the pod's namespace.
    pub namespace: &'a str,
    /// Labels of its namespace, if they are known.
    pub namespace_labels: Option<&'a Labels>,
    /// Its labels; none for whichever pod of the namespace is the least protected.
    pub labels: Option<&'a Labels>,
    /// Names of the port.
    pub names: &'a [&'a str],
    /// Number of the port.
    pub port: u16,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: &'a str,
}

impl At<'_> {
    fn is_protocol(&self, protocol: &str) -> bool {
        let protocol = if protocol.is_empty() { "TCP" } else { protocol };
        protocol == self.protocol
    }

    fn is_named(&self, name: &str) -> Match {
        match (self.names.contains(&name), self.labels) {
            (true, None) => Match::CHOSEN,
            (is_named, _) => is_named.into(),
        }
    }
}

/// A policy, by its place.
#[derive(Clone, Copy)]
struct By<'a>(&'a dyn Named);

/// An object that can be named.
trait Named {
    fn named(&self) -> ObjectRef;
}

impl<T: Object> Named for T {
    fn named(&self) -> ObjectRef {
        self.reference()
    }
}

/// Whether a connection is let in, and which policy decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Whether it is; for clients and pods with a choice, whether any is.
    pub truth: Truth,
    /// The policy; none if none is about it.
    pub by: Option<ObjectRef>,
}

impl Decision {
    fn of(truth: Truth, by: Option<By<'_>>) -> Self {
        Self { truth, by: by.map(|by| by.0.named()) }
    }

    /// Why it is not known.
    pub fn why(&self, what: &str) -> String {
        let by = self.by.as_ref().map(ToString::to_string).unwrap_or_default();
        format!("{by} decides whether {what}, by what is not evaluated here")
    }
}

/// Who is let in, and the policy that does; none if none is about it.
pub type Opening = (String, Option<ObjectRef>);

/// Every network policy of a cluster.
#[derive(Default)]
pub struct NetworkRules<'a> {
    core: BTreeMap<&'a str, Vec<&'a NetworkPolicy>>,
    cilium: BTreeMap<&'a str, Vec<Rule<'a>>>,
    clusterwide: Vec<Rule<'a>>,
    admin: Tier<'a>,
    baseline: Tier<'a>,
    namespaces: BTreeMap<&'a str, &'a Labels>,
}

fn rules<'a>(
    by: By<'a>,
    namespace: Option<&'a str>,
    all: impl Iterator<Item = &'a CiliumRule>,
) -> impl Iterator<Item = Rule<'a>> {
    all.filter_map(move |rule| {
        let selector = rule.endpoint_selector.as_ref()?;
        Some(Rule { by, namespace, selector, rule })
    })
}

impl<'a> NetworkRules<'a> {
    /// Those of a cluster.
    pub fn of(context: &Context<'a>) -> Result<Self, MissingFact> {
        let mut all = Self::default();
        for policy in context.network_policies()?.iter().filter(|policy| policy.is_for_ingress()) {
            all.core.entry(&policy.metadata.namespace).or_default().push(policy);
        }
        for policy in context.cilium_policies()? {
            let namespace = &*policy.metadata.namespace;
            let specs = policy.spec.iter().chain(&policy.specs);
            let of = all.cilium.entry(namespace).or_default();
            of.extend(rules(By(policy), Some(namespace), specs));
        }
        for policy in context.cilium_clusterwide_policies()? {
            let specs = policy.spec.iter().chain(&policy.specs);
            all.clusterwide.extend(rules(By(policy), None, specs));
        }
        for policy in context.admin_network_policies()? {
            all.admin.0.push((By(policy), &policy.spec));
        }
        for policy in context.baseline_admin_network_policies()? {
            all.baseline.0.push((By(policy), &policy.spec));
        }
        for policy in context.cluster_network_policies()? {
            let is_baseline = &*policy.spec.tier == "Baseline";
            let tier = if is_baseline { &mut all.baseline } else { &mut all.admin };
            tier.0.push((By(policy), &policy.spec));
        }
        all.admin.sort();
        all.baseline.sort();
        if all.has_any() {
            let namespaces = context.namespaces()?.iter();
            all.namespaces =
                namespaces.map(|of| (of.metadata.name.as_str(), &of.metadata.labels)).collect();
        }
        Ok(all)
    }

    /// Whether there are other policies than NetworkPolicies.
    pub(super) fn has_any(&self) -> bool {
        !self.cilium.is_empty()
            || !self.clusterwide.is_empty()
            || !self.admin.0.is_empty()
            || !self.baseline.0.is_empty()
    }

    /// Labels of a namespace, where there are other policies than NetworkPolicies.
    pub fn labels_of(&self, namespace: &str) -> Option<&'a Labels> {
        self.namespaces.get(namespace).copied()
    }

    /// Whether other policies than NetworkPolicies are about pods of a namespace.
    pub fn has_more(&self, namespace: &str) -> bool {
        if !self.has_any() {
            return false;
        }
        let namespace_labels = self.labels_of(namespace);
        let at = At { namespace, namespace_labels, protocol: "TCP", ..At::default() };
        let mut rules = self.cilium_of(namespace);
        rules.any(|rule| {
            let is_ingress = !rule.rule.ingress.is_empty()
                || !rule.rule.ingress_deny.is_empty()
                || rule.rule.denies_by_default();
            is_ingress && rule.selects(&at).some != Truth::No
        }) || self.admin.is_about(namespace_labels)
            || self.baseline.is_about(namespace_labels)
    }

    fn cilium_of(&self, namespace: &str) -> impl Iterator<Item = &Rule<'a>> {
        self.cilium.get(namespace).into_iter().flatten().chain(&self.clusterwide)
    }

    fn core_of(&self, namespace: &str) -> &[&'a NetworkPolicy] {
        self.core.get(namespace).map(Vec::as_slice).unwrap_or_default()
    }

    /// Whether a connection is let in.
    pub fn admits(&self, client: &Client<'_>, at: &At<'_>) -> Decision {
        let first = self.admin.pass(client, at);
        let mut all = Vec::new();
        let rest = self.namespaced(client, at);
        if let Some(by) = first.allowed {
            // Neither specification says which of both goes first.
            let is_denied =
                matches!(&rest, Some(rest) if rest.is_cilium && rest.truth != Truth::Yes);
            let truth = if is_denied { Truth::Unknown } else { Truth::Yes };
            all.push(Decision::of(truth, Some(by)));
        }
        all.extend(first.may_be_allowed.map(|by| Decision::of(Truth::Unknown, Some(by))));
        all.extend(first.denied.map(|by| Decision::of(Truth::No, Some(by))));
        if first.goes_on {
            let next = match rest {
                Some(rest) => Decision::of(rest.truth, rest.by),
                None => self.by_baseline(client, at),
            };
            all.push(match (next.truth, first.doubt) {
                (Truth::Yes, Some(by)) => Decision::of(Truth::Unknown, Some(by)),
                _ => next,
            });
        }
        let find = |truth| all.iter().find(|decision| decision.truth == truth);
        let found = find(Truth::Yes).or(find(Truth::Unknown)).or(find(Truth::No));
        found.cloned().unwrap_or(Decision { truth: Truth::Yes, by: None })
    }

    fn by_baseline(&self, client: &Client<'_>, at: &At<'_>) -> Decision {
        let last = self.baseline.pass(client, at);
        match (last.allowed, last.may_be_allowed, last.denied, last.doubt) {
            (Some(by), ..) => Decision::of(Truth::Yes, Some(by)),
            (None, None, None, None) => Decision { truth: Truth::Yes, by: None },
            _ if last.goes_on && last.doubt.is_none() => Decision { truth: Truth::Yes, by: None },
            (None, Some(by), ..) | (None, None, None, Some(by)) => {
                Decision::of(Truth::Unknown, Some(by))
            }
            (None, None, Some(by), _) => Decision::of(Truth::No, Some(by)),
        }
    }

    /// What NetworkPolicies and Cilium's rules say together; nothing if none denies by default.
    fn namespaced(&self, client: &Client<'_>, at: &At<'_>) -> Option<Namespaced<'a>> {
        let mut found = Found::default();
        for policy in self.core_of(at.namespace) {
            let selected = of_pods(&policy.spec.pod_selector, at.labels);
            let by = By(*policy);
            found.select(by, selected, false);
            let rules = policy.spec.ingress.iter();
            let admits = rules.map(|rule| {
                core_ports(rule, at) & core_peers(rule, &policy.metadata.namespace, client)
            });
            found.admit(by, selected & Match::any(admits));
        }
        for rule in self.cilium_of(at.namespace) {
            let selected = rule.selects(at);
            if selected.some == Truth::No {
                continue;
            }
            if rule.rule.denies_by_default() {
                found.select(rule.by, selected, true);
            }
            found.admit(rule.by, selected & rule.admits(client, at));
            found.deny(rule.by, selected & rule.denies(client, at));
            if rule.filters(client, at) {
                found.doubt = found.doubt.or(Some(rule.by));
            }
        }
        found.decide()
    }

    /// Who reaches a port from outside: a pod of a namespace of strangers, of a profile that is
    /// made tomorrow, or somebody outside of the cluster, with the policy that lets them in; an
    /// error if that is not known of one, and nobody else does.
    pub fn stranger(
        &self,
        context: &Context<'a>,
        at: &At<'_>,
        is_stranger: impl Fn(&str) -> bool,
    ) -> Result<Result<Option<Opening>, Decision>, MissingFact> {
        let tomorrow = future_profile();
        let of_pods = |namespace, labels| {
            Client::Pod(ClientPod { namespace, namespace_labels: Some(labels), labels: None })
        };
        let namespaces = context.namespaces()?.iter().map(|of| (&of.metadata.name, of));
        let strangers = namespaces.filter(|(name, _)| is_stranger(name)).map(|(name, of)| {
            let who = format!("pods of the namespace {name}");
            (who, of_pods(name, &of.metadata.labels))
        });
        let all = [
            ("pods of every profile that is made".to_owned(), of_pods(TOMORROW, &tomorrow)),
            ("clients outside of the cluster".to_owned(), Client::Outside),
        ];
        let mut unknown = None;
        for (who, client) in all.into_iter().chain(strangers) {
            let decision = self.admits(&client, at);
            match decision.truth {
                Truth::Yes => return Ok(Ok(Some((who, decision.by)))),
                Truth::Unknown => unknown = unknown.or(Some(decision)),
                Truth::No => {}
            }
        }
        Ok(unknown.map_or(Ok(None), Err))
    }

    /// Names of ports that NetworkPolicies, Cilium's and the administrators' name in a namespace.
    pub fn port_names(&self, namespace: &str) -> Vec<&'a str> {
        let core = self.core_of(namespace).iter().flat_map(|policy| &policy.spec.ingress);
        let core = core.flat_map(|rule| &rule.ports).filter_map(|port| match &port.port {
            Some(PortRef::Name(name)) => Some(&**name),
            _ => None,
        });
        let cilium = self.cilium_of(namespace).flat_map(|rule| cilium::names(rule.rule));
        let tiers = self.admin.0.iter().chain(&self.baseline.0);
        core.chain(cilium).chain(tiers.flat_map(|(_, spec)| cluster::names(spec))).collect()
    }

    /// Policies other than NetworkPolicies that are about a pod.
    pub fn others_at(&self, namespace: &str, labels: &Labels) -> Vec<ObjectRef> {
        let namespace_labels = self.labels_of(namespace);
        let at = At { namespace, namespace_labels, labels: Some(labels), ..At::default() };
        let rules = self.cilium_of(namespace).filter(|rule| rule.selects(&at).some != Truth::No);
        let tiers = self.admin.about(&at).chain(self.baseline.about(&at));
        rules.map(|rule| rule.by).chain(tiers).map(|by| by.0.named()).collect()
    }

    /// Numbers of ports at which what policies say for a namespace may change; zero stands for
    /// those that none names.
    pub fn edges(&self, namespace: &str) -> BTreeSet<u16> {
        let core = self.core_of(namespace).iter().flat_map(|policy| &policy.spec.ingress);
        let core = core.flat_map(|rule| &rule.ports).filter_map(|port| match port.port {
            Some(PortRef::Number(first)) => {
                Some(cluster::around(first, port.end_port.unwrap_or(first)))
            }
            _ => None,
        });
        let cilium = self.cilium_of(namespace).flat_map(|rule| cilium::edges(rule.rule));
        let tiers = self.admin.0.iter().chain(&self.baseline.0);
        let tiers = tiers.flat_map(|(_, spec)| cluster::edges(spec));
        core.flatten().chain(cilium).chain(tiers).chain([0]).collect()
    }
}

/// What both kinds say about a connection.
struct Namespaced<'a> {
    truth: Truth,
    by: Option<By<'a>>,
    is_cilium: bool,
}

#[derive(Default)]
struct Found<'a> {
    /// A policy by which what none lets in is refused.
    closed: Option<By<'a>>,
    /// A policy that may do so.
    may_be_closed: Option<By<'a>>,
    admitted: Option<(By<'a>, Match)>,
    may_be_admitted: Option<By<'a>>,
    denied: Option<By<'a>>,
    /// A policy that denies some of those who choose labels.
    avoided: Option<By<'a>>,
    /// A policy that may deny.
    doubt: Option<By<'a>>,
    is_cilium: bool,
}

impl<'a> Found<'a> {
    fn select(&mut self, by: By<'a>, selected: Match, is_cilium: bool) {
        match selected.all {
            Truth::Yes => {
                self.closed = self.closed.or(Some(by));
                self.is_cilium |= is_cilium;
            }
            Truth::Unknown => self.may_be_closed = Some(by),
            Truth::No => {}
        }
    }

    fn admit(&mut self, by: By<'a>, found: Match) {
        match found.some {
            Truth::Yes if self.admitted.is_none_or(|(_, known)| known.all != Truth::Yes) => {
                self.admitted = Some((by, found));
            }
            Truth::Unknown => self.may_be_admitted = Some(by),
            _ => {}
        }
    }

    fn deny(&mut self, by: By<'a>, found: Match) {
        match (found.some, found.all) {
            (_, Truth::Yes) => self.denied = self.denied.or(Some(by)),
            (_, Truth::Unknown) => self.doubt = self.doubt.or(Some(by)),
            (Truth::Yes, _) => self.avoided = self.avoided.or(Some(by)),
            _ => {}
        }
    }

    fn decide(self) -> Option<Namespaced<'a>> {
        let is_cilium = self.is_cilium || self.denied.is_some();
        let decided = |truth, by| Some(Namespaced { truth, by, is_cilium });
        if let Some(by) = self.denied {
            return decided(Truth::No, Some(by));
        }
        let doubt = self.doubt;
        match (self.closed, self.admitted) {
            (None, _) => {
                let doubt = doubt.or(self.may_be_closed);
                doubt.and_then(|by| decided(Truth::Unknown, Some(by)))
            }
            (Some(_), Some(_)) if doubt.is_some() => decided(Truth::Unknown, doubt),
            (Some(_), Some((by, found))) => match self.avoided {
                Some(by) if found.all != Truth::Yes => decided(Truth::Unknown, Some(by)),
                _ => decided(Truth::Yes, Some(by)),
            },
            (Some(by), None) => match self.may_be_admitted {
                Some(by) => decided(Truth::Unknown, Some(by)),
                None => decided(Truth::No, Some(by)),
            },
        }
    }
}

fn core_ports(rule: &IngressRule, at: &At<'_>) -> Match {
    let is_port = |port: &PolicyPort| match &port.port {
        _ if !at.is_protocol(&port.protocol) => Match::NO,
        None => true.into(),
        Some(PortRef::Number(first)) => {
            (*first..=port.end_port.unwrap_or(*first)).contains(&at.port).into()
        }
        Some(PortRef::Name(name)) => at.is_named(name),
    };
    match rule.ports.is_empty() {
        true => true.into(),
        false => Match::any(rule.ports.iter().map(is_port)),
    }
}

fn core_peers(rule: &IngressRule, own: &str, client: &Client<'_>) -> Match {
    if rule.from.is_empty() {
        return true.into();
    }
    let mut blocks = AddressSet::default();
    for block in rule.from.iter().filter_map(|peer| peer.ip_block.as_ref()) {
        addresses(block).ranges().for_each(|range| blocks.add(range));
    }
    let pod = match client {
        Client::Outside if blocks.is_empty() => return Match::NO,
        Client::Outside => return Match::CHOSEN,
        Client::Pod(pod) => pod,
    };
    let is_peer = |peer: &Peer| {
        let is_there = match &peer.namespace_selector {
            Some(selector) => matching::of_namespace(selector, pod.namespace_labels),
            None => (pod.namespace == own).into(),
        };
        let selected = peer.pod_selector.as_ref();
        is_there & selected.map_or(true.into(), |selector| of_pods(selector, pod.labels))
    };
    let peers = rule.from.iter().filter(|peer| peer.ip_block.is_none());
    // Which addresses pods have is not known here, but that they are in one of these networks.
    let by_address = match blocks.network() {
        Some(_) => Match::CHOSEN,
        None if blocks.is_empty() => Match::NO,
        None => Match::UNKNOWN,
    };
    Match::any(peers.map(is_peer)) | by_address
}
