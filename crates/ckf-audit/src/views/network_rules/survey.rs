//! Who reaches a port, and what policies name.

use std::collections::BTreeSet;

use super::parties::{At, Client, ClientPod, Decision, around};
use super::rules::NetworkRules;
use super::{cilium, cluster};
use crate::facts::core::{Namespace, PortRef};
use crate::facts::labels::Labels;
use crate::facts::object::ObjectRef;
use crate::views::authorization::Truth;
use crate::views::future_profile::{TOMORROW, future_profile};

/// Who is let in, and the policy that does; none if none is about it.
pub type Opening = (String, Option<ObjectRef>);

impl<'a> NetworkRules<'a> {
    /// Who reaches a port from outside: a pod of a namespace of strangers, of a profile that is
    /// made tomorrow, or a client outside of the cluster, with the policy that lets them in; an
    /// error if that is not known of one, and no other does.
    pub fn stranger(
        &self,
        namespaces: &[Namespace],
        at: &At<'_>,
        is_stranger: impl Fn(&str) -> bool,
    ) -> Result<Option<Opening>, Decision> {
        let tomorrow = future_profile();
        let of_pods = |namespace, labels| {
            Client::Pod(ClientPod { namespace, namespace_labels: Some(labels), labels: None })
        };
        let namespaces = namespaces.iter().map(|of| (&of.metadata.name, of));
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
                Truth::Yes => return Ok(Some((who, decision.by))),
                Truth::Unknown => unknown = unknown.or(Some(decision)),
                Truth::No => {}
            }
        }
        unknown.map_or(Ok(None), Err)
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

    /// The first policy other than NetworkPolicies about what leaves a pod of a namespace; its rules
    /// for that are not read.
    pub fn unread_egress(&self, namespace: &str) -> Option<ObjectRef> {
        let at = At { namespace, namespace_labels: self.labels_of(namespace), ..At::default() };
        let mut rules = self.cilium_of(namespace).filter(|rule| rule.rule.is_for_egress());
        let rule = rules.find(|rule| rule.selects(&at).some != Truth::No).map(|rule| rule.by);
        let tier = || self.admin.for_egress(&at).chain(self.baseline.for_egress(&at)).next();
        rule.or_else(tier).map(|by| by.0.named())
    }

    /// Numbers of ports at which what policies say for a namespace may change; zero stands for
    /// those that none names.
    pub fn edges(&self, namespace: &str) -> BTreeSet<u16> {
        let core = self.core_of(namespace).iter().flat_map(|policy| &policy.spec.ingress);
        let core = core.flat_map(|rule| &rule.ports).filter_map(|port| match port.port {
            Some(PortRef::Number(first)) => Some(around(first, port.end_port.unwrap_or(first))),
            _ => None,
        });
        let cilium = self.cilium_of(namespace).flat_map(|rule| cilium::edges(rule.rule));
        let tiers = self.admin.0.iter().chain(&self.baseline.0);
        let tiers = tiers.flat_map(|(_, spec)| cluster::edges(spec));
        core.flatten().chain(cilium).chain(tiers).chain([0]).collect()
    }
}
