//! Network policies of profiles.

use std::collections::{BTreeMap, BTreeSet};

use crate::controls::check::Check;
use crate::facts::core::{IngressRule, NetworkPolicy, PortRef};
use crate::facts::labels::Labels;
use crate::facts::object::{Object as _, ObjectRef};
use crate::finding::{Finding, Outcome, count, finding, outcome};
use crate::views::authorization::AddressRange;
use crate::views::context::by_namespace;
use crate::views::future_profile::future_profile;
use crate::views::network_peers::{Target, admitted_addresses};
use crate::views::network_rules::At;
use crate::views::{Context, MissingFact};

/// Controls of this file.
pub(super) const CHECKS: &[(&str, Check)] = &[("NET-01", default_deny)];

pub(super) fn no_profiles() -> Outcome {
    Outcome::NotApplicable("there is no Profile".into())
}

type Opening<'a> = (&'a NetworkPolicy, Option<usize>, String);

/// Pods of other profiles that a rule admits by their namespace, in words; `None` if it admits none.
fn admitted_strangers(
    context: &Context<'_>,
    rule: &IngressRule,
    others: &BTreeSet<&str>,
) -> Result<Option<String>, MissingFact> {
    if rule.from.is_empty() {
        return Ok(Some("every client".to_owned()));
    }
    let mut selectors = rule.from.iter().filter_map(|peer| peer.namespace_selector.as_ref());
    let future = future_profile();
    if selectors.clone().any(|selector| selector.matches(&future)) {
        return Ok(Some("pods of every profile".into()));
    }
    if selectors.clone().next().is_none() {
        return Ok(None);
    }
    let namespaces = context.namespaces()?.iter();
    let mut others = namespaces.filter(|other| others.contains(other.metadata.name.as_str()));
    let other = others.find(|other| selectors.any(|s| s.matches(&other.metadata.labels)));
    Ok(other.map(|other| format!("pods of the profile {}", other.metadata.name)))
}

/// Rules of a profile's policies that admit strangers, to any port: pods of other profiles, of
/// one that is made tomorrow, or a network of many clients. Policies add up, so ranges of several
/// rules for one port count together.
fn openings<'a>(
    context: &Context<'_>,
    here: &[&'a NetworkPolicy],
    profile: &str,
    others: impl Iterator<Item = &'a str>,
) -> Result<Vec<Opening<'a>>, MissingFact> {
    let others: BTreeSet<&str> = others.collect();
    let mut found: Vec<Opening<'_>> = Vec::new();
    let mut ports = BTreeSet::from([0]);
    for policy in here {
        for (index, rule) in policy.spec.ingress.iter().enumerate() {
            let who = admitted_strangers(context, rule, &others)?;
            found.extend(who.map(|who| (*policy, Some(index), who)));
            let edges = rule.ports.iter().filter_map(|port| match port.port {
                Some(PortRef::Number(first)) => Some([first, port.end_port.unwrap_or(first)]),
                _ => None,
            });
            ports.extend(edges.flatten());
        }
    }
    let names: Vec<&str> = here
        .iter()
        .flat_map(|policy| &policy.spec.ingress)
        .flat_map(|rule| &rule.ports)
        .filter_map(|port| match &port.port {
            Some(PortRef::Name(name)) => Some(&**name),
            _ => None,
        })
        .collect();
    let pods: Vec<AddressRange> = context
        .nodes()?
        .iter()
        .flat_map(|node| &node.spec.pod_cidrs)
        .filter_map(|range| AddressRange::parse(range))
        .collect();
    for port in ports {
        let labels = Labels::default();
        let target =
            Target { namespace: profile, labels: &labels, names: &names, port, protocol: "TCP" };
        let addresses = admitted_addresses(here.iter().flat_map(|p| &p.spec.ingress), &target);
        let of_pods = pods.iter().any(|range| addresses.covers(*range));
        let who = match addresses.network() {
            Some(network) => format!("all addresses of {network}"),
            None if of_pods => "the addresses of pods".into(),
            None => continue,
        };
        for policy in here {
            let rules = &policy.spec.ingress;
            let is_part = !admitted_addresses(rules, &target).is_empty();
            if is_part && !found.iter().any(|(known, ..)| std::ptr::eq(*known, *policy)) {
                found.push((policy, None, who.clone()));
            }
        }
    }
    Ok(found)
}

/// NET-01: Profiles deny traffic by default
fn default_deny(context: &Context<'_>) -> Result<Outcome, MissingFact> {
    let profiles = context.profile_namespaces()?;
    if profiles.is_empty() {
        return Ok(no_profiles());
    }
    let policies = context.network_policies()?.iter();
    let policies = by_namespace(policies.filter(|p| p.is_for_ingress()));
    let mut findings = Vec::new();
    for profile in profiles {
        let here = policies.get(profile).map(Vec::as_slice).unwrap_or_default();
        findings.extend(open_ways(context, profile, here)?);
    }
    Ok(outcome(findings, format!("{} deny by default", count(profiles.len(), "Profile"))))
}

/// Whether NetworkPolicies keep the pods of others from a profile.
pub(in crate::controls) fn is_isolated(
    context: &Context<'_>,
    profile: &str,
) -> Result<bool, MissingFact> {
    let policies = context.network_policies_of(profile)?.iter().copied();
    let here: Vec<_> = policies.filter(|policy| policy.is_for_ingress()).collect();
    Ok(open_ways(context, profile, &here)?.is_empty())
}

/// What lets others into a profile: no policy for all of its pods, or a rule that admits them.
fn open_ways(
    context: &Context<'_>,
    profile: &str,
    here: &[&NetworkPolicy],
) -> Result<Vec<Finding>, MissingFact> {
    if context.network_rules()?.has_more(profile) {
        return open_by_rules(context, profile);
    }
    let profiles = context.profile_namespaces()?;
    let mut findings = Vec::new();
    let object = ObjectRef::new("v1", "Namespace", "", profile);
    let whole: Vec<_> = here.iter().filter(|p| p.spec.pod_selector.is_empty()).collect();
    if whole.is_empty() {
        let seen = if here.is_empty() {
            "none".to_owned()
        } else {
            format!("{}, none for all pods", count(here.len(), "policy"))
        };
        findings.push(finding(
            object,
            "NetworkPolicy for ingress",
            seen,
            "one with an empty podSelector",
        ));
    }
    let others = profiles.iter().copied().filter(|other| *other != profile);
    for (policy, rule, who) in openings(context, here, profile, others)? {
        findings.push(finding(
            policy.reference(),
            &rule.map_or("spec.ingress".into(), |rule| format!("spec.ingress[{rule}]")),
            format!("admits {who}"),
            "chosen sources",
        ));
    }
    Ok(findings)
}

/// The same, where other policies than NetworkPolicies are about pods of the profile: what lets
/// pods of other profiles in to the least protected one, at ports where policies may differ.
fn open_by_rules(context: &Context<'_>, profile: &str) -> Result<Vec<Finding>, MissingFact> {
    let rules = context.network_rules()?;
    let profiles = context.profile_namespaces()?;
    let names = rules.port_names(profile);
    let mut found = BTreeMap::new();
    let mut unknown = None;
    for port in rules.edges(profile) {
        let at = At {
            namespace: profile,
            namespace_labels: rules.labels_of(profile),
            labels: None,
            names: &names,
            port,
            protocol: "TCP",
        };
        let is_stranger = |namespace: &str| namespace != profile && profiles.contains(namespace);
        match rules.stranger(context.namespaces()?, &at, is_stranger) {
            Ok(None) => {}
            Ok(Some((who, by))) => {
                found.entry(by).or_insert(who);
            }
            Err(decision) => unknown = Some(decision),
        }
    }
    if let Some(decision) = unknown.filter(|_| found.is_empty()) {
        return Err(MissingFact(decision.why(&format!("others reach pods of {profile}"))));
    }
    let findings = found.into_iter().map(|(by, who)| match by {
        Some(policy) => finding(policy, "spec", format!("admits {who}"), "chosen sources"),
        None => finding(
            ObjectRef::new("v1", "Namespace", "", profile),
            "network policies for ingress",
            format!("none keeps out {who}"),
            "one for all pods",
        ),
    });
    Ok(findings.collect())
}
