//! All network policies of a cluster, and what they decide.

use std::collections::BTreeMap;

use super::cilium::Rule;
use super::cluster::Tier;
use super::core;
use super::found::{Found, Namespaced};
use super::matching::{Match, of_pods};
use super::parties::{At, By, Client, Decision};
use crate::facts::cilium::{CiliumClusterwideNetworkPolicy, CiliumNetworkPolicy, CiliumRule};
use crate::facts::cluster_network_policy::{
    AdminNetworkPolicy, BaselineAdminNetworkPolicy, ClusterNetworkPolicy,
};
use crate::facts::core::{Namespace, NetworkPolicy};
use crate::facts::labels::Labels;
use crate::views::authorization::Truth;

/// Objects of each kind.
#[derive(Clone, Copy, Debug, Default)]
pub struct Lists<'a> {
    /// NetworkPolicies.
    pub core: &'a [NetworkPolicy],
    /// Cilium's, of namespaces.
    pub cilium: &'a [CiliumNetworkPolicy],
    /// Cilium's, of the cluster.
    pub clusterwide: &'a [CiliumClusterwideNetworkPolicy],
    /// Administrators', before NetworkPolicies.
    pub admin: &'a [AdminNetworkPolicy],
    /// Administrators', after them.
    pub baseline: &'a [BaselineAdminNetworkPolicy],
    /// Administrators', of either tier.
    pub cluster: &'a [ClusterNetworkPolicy],
}

/// Every network policy of a cluster.
#[derive(Default)]
pub struct NetworkRules<'a> {
    core: BTreeMap<&'a str, Vec<&'a NetworkPolicy>>,
    cilium: BTreeMap<&'a str, Vec<Rule<'a>>>,
    clusterwide: Vec<Rule<'a>>,
    pub(super) admin: Tier<'a>,
    pub(super) baseline: Tier<'a>,
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
    pub fn of(lists: &Lists<'a>) -> Self {
        let mut all = Self::default();
        for policy in lists.core.iter().filter(|policy| policy.is_for_ingress()) {
            all.core.entry(&policy.metadata.namespace).or_default().push(policy);
        }
        for policy in lists.cilium {
            let namespace = &*policy.metadata.namespace;
            let specs = policy.spec.iter().chain(&policy.specs);
            let of = all.cilium.entry(namespace).or_default();
            of.extend(rules(By(policy), Some(namespace), specs));
        }
        for policy in lists.clusterwide {
            let specs = policy.spec.iter().chain(&policy.specs);
            all.clusterwide.extend(rules(By(policy), None, specs));
        }
        all.admin.0.extend(lists.admin.iter().map(|policy| (By(policy), &policy.spec)));
        all.baseline.0.extend(lists.baseline.iter().map(|policy| (By(policy), &policy.spec)));
        for policy in lists.cluster {
            let is_baseline = &*policy.spec.tier == "Baseline";
            let tier = if is_baseline { &mut all.baseline } else { &mut all.admin };
            tier.0.push((By(policy), &policy.spec));
        }
        all.admin.sort();
        all.baseline.sort();
        all
    }

    /// The same, with the namespaces of the cluster, of which other policies than NetworkPolicies
    /// depend.
    pub fn within(mut self, namespaces: &'a [Namespace]) -> Self {
        let namespaces = namespaces.iter();
        self.namespaces =
            namespaces.map(|of| (of.metadata.name.as_str(), &of.metadata.labels)).collect();
        self
    }

    /// Whether there are other policies than NetworkPolicies.
    pub fn has_any(&self) -> bool {
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

    pub(super) fn cilium_of(&self, namespace: &str) -> impl Iterator<Item = &Rule<'a>> {
        self.cilium.get(namespace).into_iter().flatten().chain(&self.clusterwide)
    }

    pub(super) fn core_of(&self, namespace: &str) -> &[&'a NetworkPolicy] {
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
                core::ports(rule, at) & core::peers(rule, &policy.metadata.namespace, client)
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
}
