//! Paths through the network: the gateway with its policies, and from pod to pod.

use super::identity::Reached;
use super::rights::Rights;
use crate::facts::core::{NetworkPolicy, Peer, Pod};
use crate::facts::labels::Labels;
use crate::facts::object::Object as _;
use crate::views::authorization::{Admission, Caller, Cause};
use crate::views::mesh_policies::{MeshPolicies, is_health};
use crate::views::network_policy::is_from_anywhere;
use crate::views::{Context, MissingFact};

type Chain = Result<Option<Vec<String>>, MissingFact>;

/// How a user comes to a profile's web servers through the gateway, which identifies them.
pub(super) fn through_gateway(context: &Context<'_>, user: &str, profile: &str) -> Chain {
    let policies = MeshPolicies::of(context)?;
    let mut unknown = None;
    for set in policies.kinds(profile) {
        for caller in policies.through_gateways(user) {
            let is_more = |cause: &Cause<'_>| !is_health(&cause.policy.spec.rules[cause.rule]);
            match set.admits_by(&caller, &policies.mesh, is_more) {
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

fn by_gateway(cause: Option<Cause<'_>>, user: &str, profile: &str) -> String {
    match cause {
        Some(Cause { policy, .. }) => {
            format!("{} admits the logged-in user {user}", policy.reference())
        }
        None => format!(
            "no AuthorizationPolicy of {profile} allows anything, so its sidecars admit every request"
        ),
    }
}

/// How pods that a subject can run reach a port of a web app that trusts a header.
pub(super) fn forged(
    context: &Context<'_>,
    rights: &Rights<'_>,
    reached: &[Reached],
    app: &str,
    ports: &[u16],
) -> Chain {
    let pods: Vec<&Pod> = context
        .pods()?
        .iter()
        .filter(|pod| {
            pod.metadata.namespace == context.namespace()
                && pod.metadata.label("app.kubernetes.io/name") == Some(app)
                && !pod.is_finished()
        })
        .collect();
    if pods.is_empty() {
        return Err(MissingFact(format!("there is no pod of {app}")));
    }
    // A sidecar would authorise every caller; the platform's own pods have none.
    let targets = pods.into_iter().map(|pod| (pod, ports.to_vec()));
    from_pods(context, rights, reached, targets.collect(), None)
}

/// How pods that a subject can run reach a profile's pods.
pub(super) fn from_inside(
    context: &Context<'_>,
    rights: &Rights<'_>,
    reached: &[Reached],
    profile: &str,
) -> Chain {
    let pods = context
        .pods()?
        .iter()
        .filter(|pod| pod.metadata.namespace == *profile && !pod.is_finished());
    let targets = pods.map(|pod| {
        let ports = pod.all_containers().flat_map(|c| &c.ports);
        let mut ports: Vec<u16> = ports.map(|port| port.container_port).collect();
        // One that names no port may listen on any.
        ports.push(8080);
        (pod, ports)
    });
    from_pods(context, rights, reached, targets.collect(), Some(profile))
}

/// How pods that a subject can run reach one of these ports. A sidecar authorises callers, except
/// pods of its `own` namespace.
fn from_pods(
    context: &Context<'_>,
    rights: &Rights<'_>,
    reached: &[Reached],
    targets: Vec<(&Pod, Vec<u16>)>,
    own: Option<&str>,
) -> Chain {
    let policies = MeshPolicies::of(context)?;
    let mut unknown = None;
    for (namespace, chain) in rights.runs_in(reached) {
        let is_own = own == Some(namespace.as_str());
        for (pod, ports) in &targets {
            for port in ports {
                let Some(step) = admitted(context, &namespace, pod, *port)? else {
                    continue;
                };
                let mut chain = chain.clone();
                if !is_own && pod.has_sidecar() {
                    let accounts = rights.accounts_in(&namespace);
                    match is_open_to(&policies, &namespace, &accounts, pod, *port) {
                        Admission::Yes(_, Some(cause)) => chain.push(format!("{cause} admits it")),
                        Admission::Yes(_, None) => {}
                        Admission::No => continue,
                        Admission::Unknown(why) => {
                            unknown = Some(why);
                            continue;
                        }
                    }
                }
                chain.push(format!("a pod of namespace {namespace}: {step}"));
                return Ok(Some(chain));
            }
        }
    }
    unknown.map_or(Ok(None), |why| Err(MissingFact(why)))
}

/// Why NetworkPolicies let pods of a namespace reach a port of a pod; `None` if they do not.
fn admitted(
    context: &Context<'_>,
    from: &str,
    pod: &Pod,
    port: u16,
) -> Result<Option<String>, MissingFact> {
    let policies: Vec<&NetworkPolicy> = context
        .network_policies()?
        .iter()
        .filter(|policy| {
            policy.metadata.namespace == pod.metadata.namespace
                && policy.is_for_ingress()
                && policy.selects(&pod.metadata.labels)
        })
        .collect();
    let target = pod.reference();
    if policies.is_empty() {
        return Ok(Some(format!(
            "no NetworkPolicy holds for {target}, so every pod reaches port {port}"
        )));
    }
    let mut of_namespace = context.namespaces()?.iter();
    let labels = of_namespace
        .find(|namespace| namespace.metadata.name == *from)
        .map(|namespace| &namespace.metadata.labels);
    for policy in policies {
        let is_own = policy.metadata.namespace == *from;
        let rules = policy.spec.ingress.iter();
        for rule in rules.filter(|rule| rule.admits_port(pod, port)) {
            let mut peers = rule.from.iter();
            let by = match is_from_anywhere(rule) {
                true => None,
                false => match peers.find(|peer| is_peer(peer, labels, is_own)) {
                    Some(peer) => peer.ip_block.as_ref(),
                    None => continue,
                },
            };
            // Which addresses pods have is not known here.
            let by =
                by.map_or(String::new(), |block| format!(", if its address is of {}", block.cidr));
            let policy = policy.reference();
            return Ok(Some(format!("{policy} admits it to port {port} of {target}{by}")));
        }
    }
    Ok(None)
}

/// Whether a pod of a namespace may be one that a rule names: a subject who runs pods there
/// chooses their labels.
fn is_peer(peer: &Peer, labels: Option<&Labels>, is_own: bool) -> bool {
    if peer.ip_block.is_some() {
        return true;
    }
    match (&peer.namespace_selector, labels) {
        (None, _) => is_own,
        (Some(selector), Some(labels)) => selector.matches(labels),
        (Some(selector), None) => selector.is_empty(),
    }
}

/// Whether AuthorizationPolicies let pods of a namespace do more than ask for health: without an
/// identity, or as one of its accounts. They set every header as they like.
fn is_open_to<'a>(
    policies: &MeshPolicies<'a>,
    from: &str,
    accounts: &[&str],
    pod: &Pod,
    port: u16,
) -> Admission<'a> {
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
