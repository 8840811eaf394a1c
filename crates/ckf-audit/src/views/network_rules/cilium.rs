//! Cilium's rules: which pods they are about, and whom they let in or keep out.
//!
//! Source: Cilium's documentation of network policy ("Layer 3", "Layer 4", "Deny Policies",
//! "Policy Enforcement Modes") and its translation of Kubernetes' objects: a selector without a
//! namespace is about the policy's own; addresses are those outside of the cluster; a rule that
//! names neither clients nor ports admits no client.

use super::matching::Match;
use super::parties::{At, By, Client, ClientPod, around};
use crate::facts::cilium::{CiliumIngress, CiliumPort, CiliumPorts, CiliumRule};
use crate::facts::core::PortRef;
use crate::facts::labels::{LabelSelector, Requirement};
use crate::facts::text::Interned;
use crate::views::address_set::AddressSet;
use crate::views::authorization::{AddressRange, Truth};
use crate::views::network_peers::addresses;

/// Label of Cilium with a pod's namespace.
const NAMESPACE: &str = "io.kubernetes.pod.namespace";
/// Prefix of those with labels of its namespace.
const NAMESPACE_LABELS: &str = "io.cilium.k8s.namespace.labels.";
/// Prefix of those that Cilium makes of other properties.
const DERIVED: &str = "io.cilium.k8s.";

/// A rule of a policy for pods.
pub(super) struct Rule<'a> {
    pub(super) by: By<'a>,
    /// Namespace of the policy; none if it is of the cluster.
    pub(super) namespace: Option<&'a str>,
    pub(super) selector: &'a LabelSelector,
    pub(super) rule: &'a CiliumRule,
}

/// A label's key without the source of the label, which is named before a colon.
enum Key<'a> {
    /// Of a pod or its namespace.
    Kubernetes(&'a str),
    /// Of what is no pod.
    Reserved(&'a str),
    /// Of a source that is not known here.
    Other,
}

impl<'a> Key<'a> {
    fn of(key: &'a str) -> Self {
        match key.split_once(':') {
            None => Self::Kubernetes(key),
            Some(("any" | "k8s", key)) => Self::Kubernetes(key),
            Some(("reserved", key)) => Self::Reserved(key),
            Some(_) => Self::Other,
        }
    }
}

impl<'a> Rule<'a> {
    /// Whether it is about a pod.
    pub(super) fn selects(&self, at: &At<'_>) -> Match {
        if self.namespace.is_some_and(|own| own != at.namespace) {
            return Match::NO;
        }
        let pod = ClientPod {
            namespace: at.namespace,
            namespace_labels: at.namespace_labels,
            labels: at.labels,
        };
        let is_of_namespace = |key: &str| matches!(Key::of(key), Key::Kubernetes(NAMESPACE));
        requirements(self.selector, &pod, |key| self.namespace.is_some() && is_of_namespace(key))
    }

    /// Whether one of its rules lets a connection in; `Unknown` if it depends on what the
    /// connection is used for.
    pub(super) fn admits(&self, client: &Client<'_>, at: &At<'_>) -> Match {
        Match::any(self.rule.ingress.iter().map(|rule| self.is_about(rule, client, at)))
    }

    /// Whether one of its rules keeps a connection out.
    pub(super) fn denies(&self, client: &Client<'_>, at: &At<'_>) -> Match {
        Match::any(self.rule.ingress_deny.iter().map(|rule| self.is_about(rule, client, at)))
    }

    /// Whether it lets some requests of a connection through only, even where nothing is denied
    /// by default.
    pub(super) fn filters(&self, client: &Client<'_>, at: &At<'_>) -> bool {
        self.rule.ingress.iter().any(|rule| {
            let mut ports = rule.to_ports.iter().filter(|ports| !ports.unread.is_empty());
            ports.any(|of| numbers(of, at).some != Truth::No)
                && self.clients(rule, client).some != Truth::No
        })
    }

    fn is_about(&self, rule: &CiliumIngress, client: &Client<'_>, at: &At<'_>) -> Match {
        let ports = match rule.to_ports.is_empty() {
            true => (!rule.icmps.0).into(),
            false => Match::any(rule.to_ports.iter().map(|ports| port(ports, at))),
        };
        let rest = if rule.unread.is_empty() { true.into() } else { Match::UNKNOWN };
        ports & rest & self.clients(rule, client)
    }

    fn clients(&self, rule: &CiliumIngress, client: &Client<'_>) -> Match {
        if !rule.has_clients() {
            return (!rule.to_ports.is_empty() || !rule.unread.is_empty()).into();
        }
        let entities = rule.from_entities.iter().flatten();
        let entities = Match::any(entities.map(|entity| self::entity(entity, client)));
        let others = match client {
            // Nodes are no pods, and addresses of pods are none of a range.
            Client::Pod(pod) => {
                let endpoints = rule.from_endpoints.iter().flatten();
                Match::any(endpoints.map(|selector| self.endpoint(selector, pod)))
            }
            Client::Outside => outside(rule),
        };
        entities | others
    }

    /// Whether a selector of clients is about a pod.
    fn endpoint(&self, selector: &LabelSelector, pod: &ClientPod<'_>) -> Match {
        let labels = selector.match_labels.iter().map(|(key, _)| &**key);
        let keys = labels.chain(selector.match_expressions.iter().map(|one| &*one.key));
        let is_own = keys.map(Key::of).all(|key| match key {
            Key::Kubernetes(key) => key != NAMESPACE && !key.starts_with(NAMESPACE_LABELS),
            Key::Reserved(_) => false,
            Key::Other => true,
        });
        let is_near: Match = match self.namespace {
            Some(own) if is_own => (pod.namespace == own).into(),
            _ => true.into(),
        };
        is_near & requirements(selector, pod, |_| false)
    }
}

/// Whether a pod meets all requirements of a selector but those on keys to be left out.
fn requirements(
    selector: &LabelSelector,
    pod: &ClientPod<'_>,
    is_left_out: impl Fn(&str) -> bool,
) -> Match {
    let labels = selector.match_labels.iter().map(|(key, value)| Requirement {
        key: key.clone(),
        operator: "In".into(),
        values: vec![value.clone()],
    });
    let all = labels.chain(selector.match_expressions.iter().cloned());
    let all = all.filter(|one| !is_left_out(&one.key));
    all.fold(true.into(), |result, one| result & requirement(&one, pod))
}

fn requirement(one: &Requirement, pod: &ClientPod<'_>) -> Match {
    let meets = |value: Option<&str>| match (&*one.operator, value) {
        ("In", value) => value.is_some_and(|value| one.values.iter().any(|v| **v == *value)).into(),
        ("NotIn", value) => {
            (!value.is_some_and(|value| one.values.iter().any(|v| **v == *value))).into()
        }
        ("Exists", value) => value.is_some().into(),
        ("DoesNotExist", value) => value.is_none().into(),
        _ => Match::UNKNOWN,
    };
    match Key::of(&one.key) {
        Key::Kubernetes(NAMESPACE) => meets(Some(pod.namespace)),
        Key::Kubernetes(key) => match (key.strip_prefix(NAMESPACE_LABELS), pod) {
            (Some(key), ClientPod { namespace_labels: Some(labels), .. }) => {
                meets(labels.get(key).map(|value| &**value))
            }
            (Some(_), _) => Match::UNKNOWN,
            (None, _) if key.starts_with(DERIVED) => Match::UNKNOWN,
            (None, ClientPod { labels: Some(labels), .. }) => {
                meets(labels.get(key).map(|value| &**value))
            }
            (None, _) => Match::CHOSEN,
        },
        // A pod that Cilium does not manage, or not yet.
        Key::Reserved("init" | "unmanaged") | Key::Other => Match::UNKNOWN,
        Key::Reserved(_) => meets(None),
    }
}

fn entity(entity: &Interned, client: &Client<'_>) -> Match {
    match (&**entity, client) {
        ("all", _) | ("cluster", Client::Pod(_)) | ("world", Client::Outside) => true.into(),
        ("world-ipv4" | "world-ipv6", Client::Outside) => Match::CHOSEN,
        (
            "cluster" | "world" | "world-ipv4" | "world-ipv6" | "host" | "remote-node"
            | "kube-apiserver" | "health" | "ingress" | "none",
            _,
        ) => Match::NO,
        _ => Match::UNKNOWN,
    }
}

/// Whether a rule is about addresses outside of the cluster.
fn outside(rule: &CiliumIngress) -> Match {
    let mut set = AddressSet::default();
    for block in rule.blocks() {
        addresses(&block).ranges().for_each(|range| set.add(range));
    }
    let is_all = [false, true].map(AddressRange::all).into_iter().all(|range| set.covers(range));
    let known = Match { some: (!set.is_empty()).into(), all: is_all.into() };
    let mut blocks = rule.from_cidr_set.iter().flatten();
    let groups =
        if blocks.any(|block| !block.unread.is_empty()) { Match::UNKNOWN } else { Match::NO };
    known | groups
}

/// Whether ports are those of a connection, and let all of it through.
fn port(ports: &CiliumPorts, at: &At<'_>) -> Match {
    let rest = if ports.unread.is_empty() { true.into() } else { Match::UNKNOWN };
    numbers(ports, at) & rest
}

fn numbers(ports: &CiliumPorts, at: &At<'_>) -> Match {
    match ports.ports.is_empty() {
        true => true.into(),
        false => Match::any(ports.ports.iter().map(|port| number(port, at))),
    }
}

/// The first and last number of a port, or its name.
fn range(port: &CiliumPort) -> Result<(u16, u16), &str> {
    let first = match &port.port {
        None => 0,
        Some(PortRef::Number(number)) => *number,
        Some(PortRef::Name(text)) => text.parse().map_err(|_| &**text)?,
    };
    match first {
        0 => Ok((0, u16::MAX)),
        first => Ok((first, port.end_port.unwrap_or(first).max(first))),
    }
}

fn number(port: &CiliumPort, at: &At<'_>) -> Match {
    if !matches!(&*port.protocol, "" | "ANY") && *port.protocol != *at.protocol {
        return Match::NO;
    }
    match range(port) {
        Ok((first, last)) => (first..=last).contains(&at.port).into(),
        Err(name) => at.is_named(name),
    }
}

/// Numbers of ports that a rule names, with those next to them.
pub(super) fn edges(rule: &CiliumRule) -> impl Iterator<Item = u16> {
    let all = rule.ingress.iter().chain(&rule.ingress_deny).flat_map(|rule| &rule.to_ports);
    let ranges = all.flat_map(|ports| &ports.ports).filter_map(|port| range(port).ok());
    ranges.flat_map(|(first, last)| around(first, last))
}

/// Names of ports that a rule names.
pub(super) fn names(rule: &CiliumRule) -> impl Iterator<Item = &str> {
    let all = rule.ingress.iter().chain(&rule.ingress_deny).flat_map(|rule| &rule.to_ports);
    all.flat_map(|ports| &ports.ports).filter_map(|port| range(port).err())
}
