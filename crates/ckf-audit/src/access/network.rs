//! Paths through the network: the gateway with its policies, and from pod to pod.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::identity::{Reached, Step};
use super::rights::Rights;
use crate::facts::core::{NetworkPolicy, Pod, Service};
use crate::facts::labels::{LabelSelector, Labels};
use crate::facts::object::Object as _;
use crate::views::authorization::{Admission, Cause};
use crate::views::context::by_namespace;
use crate::views::mesh_policies::{GATEWAY_NAME, MeshPolicies, is_health};
use crate::views::network_rules::NetworkRules;
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
    pub(super) network_policies: BTreeMap<&'a str, Vec<&'a NetworkPolicy>>,
    pub(super) rules: NetworkRules<'a>,
    pub(super) services: BTreeMap<&'a str, Vec<&'a Service>>,
    pub(super) gateway_pods: Vec<&'a Pod>,
    pub(super) namespaces: HashMap<&'a str, &'a Labels>,
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
            rules: context.own_network_rules()?,
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
