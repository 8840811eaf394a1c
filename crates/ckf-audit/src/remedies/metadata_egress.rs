//! A NetworkPolicy for each profile: its pods reach everything but the cloud's metadata service.

use serde_json::{Value, json};

use super::about::{About, Risk};
use super::breaks::Breaks;
use super::desired::{Decision, DesiredState};
use super::managed::{DesiredObject, NETWORK_POLICY};
use super::network_policy::is_managed;
use super::profiles::{foreign_namespaces, ignored_profiles, namespace};
use super::remedy::Remedy;
use super::verdicts::waived;
use crate::facts::object::{Object as _, ObjectRef};
use crate::views::context::{Context, MissingFact, by_namespace};
use crate::views::metadata_service::ADDRESSES;

pub(super) const ABOUT: About = About {
    does: "keeps the pods of each profile from the metadata service of the cloud",
    controls: &["NET-11"],
    risk: Risk::Medium,
    reach: "pods of profiles can no longer get the credentials of their node; an editor of a \
            profile can delete the policy, and it is restored while it is enforced",
    breaks: "workloads of profiles that use the credentials of their node, as object storage of \
             the cloud without keys. On Cilium, ranges of addresses do not match nodes, so pods \
             of profiles would lose the API server: a profile is skipped there until \
             allow-disruption names the remedy",
    works_on: "every release, on a network that enforces NetworkPolicies for egress",
    source: "kubernetes.io, NetworkPolicy; cilium.io, policy-cidr-match-mode; \
             tests/pure/metadata_egress.rs",
    only_by_name: true,
    needs_juju: false,
};

pub(super) const NAME: &str = "ckf-hardening-metadata";

pub(super) fn decide(context: &Context<'_>) -> Result<Decision, MissingFact> {
    let all = context.network_policies()?.iter();
    let policies = by_namespace(all.filter(|policy| policy.is_for_egress()));
    let profiles = context.profile_namespaces()?;
    let mut state = DesiredState {
        leftover: foreign_namespaces(context)?,
        notes: ignored_profiles(context)?,
        ..DesiredState::default()
    };
    if profiles.is_empty() {
        state.notes.push("no Profile counts".into());
    }
    let cilium = cilium(context)?;
    let rules = context.network_rules()?;
    for &profile in profiles {
        if let Some(why) = waived(context, "NET-11", &namespace(profile)) {
            state.notes.push(why);
            continue;
        }
        let desired = DesiredObject {
            kind: NETWORK_POLICY,
            namespace: profile.to_owned(),
            name: NAME.into(),
            content: policy(),
        };
        if let Some(other) = rules.unread_egress(profile) {
            state.notes.push(format!("{other} restricts egress already; see NET-11"));
            state.kept.push(desired);
            continue;
        }
        // Policies add up: beside another one a managed one would only admit more.
        let mut theirs = policies.get(profile).into_iter().flatten().filter(|p| !is_managed(p));
        if let Some(other) = theirs.next() {
            state.notes.push(format!(
                "{} restricts egress already, and a managed policy would only admit more; except \
                 the addresses there, see NET-11",
                other.reference()
            ));
            state.kept.push(desired);
            continue;
        }
        if let Some(agent) = &cilium {
            let mut breaks = Breaks::of(Remedy::MetadataEgress, &desired);
            let text = format!(
                "{agent} is Cilium, whose ranges of addresses do not match nodes: pods of {profile} \
                 would lose the API server and whatever has the network of a node"
            );
            breaks.add(namespace(profile), Risk::High, text);
            state.breaks.extend(breaks.finish());
        }
        state.objects.push(desired);
    }
    Ok(Decision::Apply(state))
}

/// Everything but metadata services, and their port for DNS: resolvers of some clouds have the same
/// address.
fn policy() -> Value {
    let of = |is_v6: bool, length: u8| -> Vec<String> {
        let all = ADDRESSES.iter().filter(|address| address.contains(':') == is_v6);
        all.map(|address| format!("{address}/{length}")).collect()
    };
    let (v4, v6) = (of(false, 32), of(true, 128));
    let resolvers: Vec<Value> =
        v4.iter().chain(&v6).map(|range| json!({"ipBlock": {"cidr": range}})).collect();
    json!({
        "podSelector": {}, "policyTypes": ["Egress"],
        "egress": [
            {"to": [
                {"namespaceSelector": {}},
                {"ipBlock": {"cidr": "0.0.0.0/0", "except": v4}},
                {"ipBlock": {"cidr": "::/0", "except": v6}},
            ]},
            {"to": resolvers, "ports": [
                {"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53},
            ]},
        ],
    })
}

/// A pod of Cilium's agent, by its image.
fn cilium(context: &Context<'_>) -> Result<Option<ObjectRef>, MissingFact> {
    let is_agent = |image: &str| {
        image
            .rsplit('/')
            .next()
            .is_some_and(|name| name.split([':', '@']).next().is_some_and(|name| name == "cilium"))
    };
    let mut pods = context.pods()?.iter();
    let agent = pods.find(|pod| pod.spec.containers.iter().any(|c| is_agent(&c.image)));
    Ok(agent.map(|pod| pod.reference()))
}
