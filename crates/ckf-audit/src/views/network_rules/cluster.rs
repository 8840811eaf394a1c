//! Policies of the cluster's administrators: tiers of rules, of which the first decides.
//!
//! Source: the Network Policy API of Kubernetes (`policy.networking.k8s.io`, v1alpha1 and v1beta1):
//! lower priorities go first; of two policies with one priority either may be applied; what is in
//! no field that is known has no meaning that is known.

use super::matching::{Match, of_namespace, of_pods};
use super::parties::{At, By, Client, around};
use crate::facts::cluster_network_policy::{
    ClusterIngress, ClusterPeer, ClusterPolicySpec, ClusterPort, ClusterProtocol, PortsOfProtocol,
};
use crate::facts::labels::Labels;
use crate::views::authorization::Truth;

/// Policies of a tier, the first ones first.
#[derive(Default)]
pub(super) struct Tier<'a>(pub(super) Vec<(By<'a>, &'a ClusterPolicySpec)>);

/// What becomes of a connection in a tier. Clients that choose labels may have several ways.
#[derive(Default)]
pub(super) struct Passage<'a> {
    /// The policy that lets it in.
    pub(super) allowed: Option<By<'a>>,
    /// The policy that may let it in.
    pub(super) may_be_allowed: Option<By<'a>>,
    /// The policy that refuses all that is left.
    pub(super) denied: Option<By<'a>>,
    /// The policy that may refuse what goes on.
    pub(super) doubt: Option<By<'a>>,
    /// No rule decides about all of it.
    pub(super) goes_on: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    Allow,
    Deny,
    Pass,
    Unknown,
}

impl Action {
    fn of(rule: &ClusterIngress) -> Self {
        match &*rule.action {
            "Allow" | "Accept" => Self::Allow,
            "Deny" => Self::Deny,
            "Pass" => Self::Pass,
            _ => Self::Unknown,
        }
    }
}

impl<'a> Tier<'a> {
    /// Puts the first ones first.
    pub(super) fn sort(&mut self) {
        self.0.sort_by_key(|(_, spec)| spec.priority);
    }

    /// Whether one may be about pods of a namespace.
    pub(super) fn is_about(&self, namespace_labels: Option<&Labels>) -> bool {
        self.about(&At { namespace_labels, ..At::default() }).next().is_some()
    }

    /// Policies about a pod.
    pub(super) fn about(&self, at: &At<'_>) -> impl Iterator<Item = By<'a>> {
        self.of(at, |spec| !spec.ingress.is_empty())
    }

    /// Policies with rules for what leaves a pod.
    pub(super) fn for_egress(&self, at: &At<'_>) -> impl Iterator<Item = By<'a>> {
        self.of(at, |spec| spec.egress.0)
    }

    /// Policies about a pod that have such rules.
    fn of(
        &self,
        at: &At<'_>,
        has_rules: fn(&ClusterPolicySpec) -> bool,
    ) -> impl Iterator<Item = By<'a>> {
        let all = self.0.iter().filter(move |(_, spec)| has_rules(spec));
        all.filter(move |(_, spec)| subject(&spec.subject, at).some != Truth::No).map(|(by, _)| *by)
    }

    /// What becomes of a connection.
    pub(super) fn pass(&self, client: &Client<'_>, at: &At<'_>) -> Passage<'a> {
        let mut passage = Passage { goes_on: true, ..Passage::default() };
        // Clients that avoid a rule by their labels may not be those that the next is about.
        let mut avoided = None;
        for group in self.0.chunk_by(|(_, one), (_, other)| one.priority == other.priority) {
            if let Some(by) = contradiction(group, client, at) {
                passage.may_be_allowed = Some(by);
                passage.doubt = Some(by);
                continue;
            }
            for (by, spec) in group {
                let selected = subject(&spec.subject, at);
                for rule in &spec.ingress {
                    let found = selected & ports(rule, at) & peers(&rule.from, client);
                    match (Action::of(rule), found.some, found.all) {
                        (_, Truth::No, _) => {}
                        (Action::Unknown, ..) => {
                            passage.may_be_allowed = Some(*by);
                            passage.doubt = Some(*by);
                        }
                        (Action::Allow, some, all) => {
                            let is_sure = some == Truth::Yes
                                && passage.doubt.is_none()
                                && (all == Truth::Yes || avoided.is_none());
                            match is_sure {
                                true => passage.allowed = passage.allowed.or(Some(*by)),
                                false => passage.may_be_allowed = Some(*by),
                            }
                            if all == Truth::Yes {
                                passage.goes_on = false;
                                return passage;
                            }
                        }
                        (Action::Deny, _, Truth::Yes) => {
                            passage.denied = Some(*by);
                            passage.goes_on = false;
                            return passage;
                        }
                        (Action::Pass, _, Truth::Yes) => return passage,
                        (Action::Deny | Action::Pass, _, Truth::Unknown) => {
                            passage.doubt = Some(*by);
                        }
                        (Action::Deny | Action::Pass, ..) => avoided = Some(*by),
                    }
                }
            }
        }
        passage
    }
}

/// A policy of which it is not specified whether it goes before another of its priority, which
/// decides otherwise.
fn contradiction<'a>(
    group: &[(By<'a>, &'a ClusterPolicySpec)],
    client: &Client<'_>,
    at: &At<'_>,
) -> Option<By<'a>> {
    if group.len() < 2 {
        return None;
    }
    let first = group.iter().filter_map(|(by, spec)| {
        let selected = subject(&spec.subject, at);
        let is_about = |rule: &&ClusterIngress| {
            (selected & ports(rule, at) & peers(&rule.from, client)).some != Truth::No
        };
        spec.ingress.iter().find(is_about).map(|rule| (*by, Action::of(rule)))
    });
    let mut first = first;
    let (_, action) = first.next()?;
    first.find(|(_, other)| *other != action).map(|(by, _)| by)
}

fn subject(subject: &ClusterPeer, at: &At<'_>) -> Match {
    pods(subject, at.namespace_labels, at.labels)
}

/// Whether pods of a namespace are among those of a peer or subject.
fn pods(peer: &ClusterPeer, namespace: Option<&Labels>, labels: Option<&Labels>) -> Match {
    match (&peer.namespaces, &peer.pods) {
        _ if !peer.unread.is_empty() => Match::UNKNOWN,
        (Some(selector), None) => of_namespace(selector, namespace),
        (None, Some(both)) if both.unread.is_empty() => {
            of_namespace(&both.namespace_selector, namespace) & of_pods(&both.pod_selector, labels)
        }
        _ => Match::UNKNOWN,
    }
}

fn peers(from: &[ClusterPeer], client: &Client<'_>) -> Match {
    Match::any(from.iter().map(|peer| match client {
        Client::Pod(pod) => pods(peer, pod.namespace_labels, pod.labels),
        Client::Outside if peer.unread.is_empty() => Match::NO,
        Client::Outside => Match::UNKNOWN,
    }))
}

fn ports(rule: &ClusterIngress, at: &At<'_>) -> Match {
    match (&rule.ports, &rule.protocols) {
        (None, None) => true.into(),
        (Some(ports), None) => Match::any(ports.iter().map(|one| port(one, at))),
        (None, Some(protocols)) => Match::any(protocols.iter().map(|one| protocol(one, at))),
        (Some(_), Some(_)) => Match::UNKNOWN,
    }
}

fn port(port: &ClusterPort, at: &At<'_>) -> Match {
    match (&port.port_number, &port.port_range, &port.named_port) {
        _ if !port.unread.is_empty() => Match::UNKNOWN,
        (Some(one), None, None) => (at.is_protocol(&one.protocol) && one.port == at.port).into(),
        (None, Some(range), None) => {
            (at.is_protocol(&range.protocol) && (range.start..=range.end).contains(&at.port)).into()
        }
        (None, None, Some(name)) => at.is_named(name),
        _ => Match::UNKNOWN,
    }
}

fn protocol(one: &ClusterProtocol, at: &At<'_>) -> Match {
    if !one.unread.is_empty() {
        return Match::UNKNOWN;
    }
    if let Some(name) = &one.destination_named_port {
        return at.is_named(name);
    }
    let known = [("TCP", &one.tcp), ("UDP", &one.udp), ("SCTP", &one.sctp)];
    let mut set = known.into_iter().filter_map(|(name, ports)| Some((name, ports.as_ref()?)));
    match set.next() {
        Some((name, _)) if name != at.protocol => Match::NO,
        Some((_, ports)) => destination(ports, at),
        None => Match::UNKNOWN,
    }
}

fn destination(ports: &PortsOfProtocol, at: &At<'_>) -> Match {
    match &ports.destination_port {
        _ if !ports.unread.is_empty() => Match::UNKNOWN,
        None => true.into(),
        Some(port) => match &port.range {
            Some(range) => (range.start..=range.end).contains(&at.port).into(),
            None if port.number == 0 => Match::UNKNOWN,
            None => (port.number == at.port).into(),
        },
    }
}

/// Numbers of ports that rules name, with those next to them.
pub(super) fn edges(spec: &ClusterPolicySpec) -> impl Iterator<Item = u16> {
    let single =
        spec.ingress.iter().flat_map(|rule| rule.ports.iter().flatten()).flat_map(|port| {
            let number = port.port_number.iter().flat_map(|one| around(one.port, one.port));
            number.chain(port.port_range.iter().flat_map(|range| around(range.start, range.end)))
        });
    let protocols = spec.ingress.iter().flat_map(|rule| rule.protocols.iter().flatten());
    let protocols = protocols.filter_map(|one| one.tcp.as_ref()?.destination_port.as_ref());
    single.chain(protocols.flat_map(|port| match &port.range {
        Some(range) => around(range.start, range.end),
        None => around(port.number, port.number),
    }))
}

/// Names of ports that rules name.
pub(super) fn names(spec: &ClusterPolicySpec) -> impl Iterator<Item = &str> {
    spec.ingress.iter().flat_map(|rule| {
        let ports = rule.ports.iter().flatten().filter_map(|port| port.named_port.as_deref());
        let protocols = rule.protocols.iter().flatten();
        ports.chain(protocols.filter_map(|one| one.destination_named_port.as_deref()))
    })
}
