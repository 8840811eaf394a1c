//! Paths through the network: the gateway with its policies, and from pod to pod.

use super::identity::Reached;
use super::rights::Rights;
use crate::facts::core::{NetworkPolicy, Peer, Pod};
use crate::facts::istio::AuthorizationRule;
use crate::facts::labels::Labels;
use crate::facts::object::Object as _;
use crate::views::ingress::Ingress;
use crate::views::{Context, MissingFact};

const USER_HEADER: &str = "request.headers[kubeflow-userid]";

type Chain = Result<Option<Vec<String>>, MissingFact>;

/// How a user comes to a profile's web servers through the gateway, which identifies them.
pub(super) fn through_gateway(context: &Context<'_>, user: &str, profile: &str) -> Chain {
    let ingress = Ingress::find(context)?;
    let gateways: Vec<String> = ingress
        .running
        .iter()
        .map(|pod| {
            let (namespace, account) = (&pod.metadata.namespace, &pod.spec.service_account_name);
            format!("/ns/{namespace}/sa/{account}")
        })
        .collect();
    for policy in context.authorization_policies()? {
        let admits = matches!(&*policy.spec.action, "" | "ALLOW");
        if policy.metadata.namespace != *profile || !admits {
            continue;
        }
        for rule in &policy.spec.rules {
            let mut conditions = rule.when.iter().filter(|c| c.key == USER_HEADER);
            let names_user = conditions.any(|c| c.values.iter().any(|v| *v == user || *v == "*"));
            if names_user && is_from(rule, &gateways) {
                let step = format!("{} admits the logged-in user {user}", policy.reference());
                return Ok(Some(vec![step]));
            }
        }
    }
    Ok(None)
}

/// Whether a rule takes requests of one of these principals, named by their ends.
fn is_from(rule: &AuthorizationRule, principals: &[String]) -> bool {
    let names = |value: &str| value == "*" || principals.iter().any(|end| value.ends_with(end));
    rule.from.is_empty()
        || rule.from.iter().any(|from| match from.source.get("principals") {
            Some(values) => values.iter().any(|value| names(value)),
            None => true,
        })
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
    for (namespace, chain) in rights.runs_in(reached) {
        let is_own = own == Some(namespace.as_str());
        for (pod, ports) in &targets {
            for port in ports {
                let Some(step) = admitted(context, &namespace, pod, *port)? else {
                    continue;
                };
                if !is_own && pod.has_sidecar() && !is_open_to(context, &namespace, pod)? {
                    continue;
                }
                let mut chain = chain.clone();
                chain.push(format!("a pod of namespace {namespace}: {step}"));
                return Ok(Some(chain));
            }
        }
    }
    Ok(None)
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
            let by = match rule.is_from_anywhere() {
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

/// Whether AuthorizationPolicies let pods of a namespace in, with or without an identity.
fn is_open_to(context: &Context<'_>, from: &str, pod: &Pod) -> Result<bool, MissingFact> {
    let policies = context.authorization_policies()?.iter();
    let mut here = policies
        .filter(|policy| {
            let selector = policy.spec.selector.as_ref();
            policy.metadata.namespace == pod.metadata.namespace
                && matches!(&*policy.spec.action, "" | "ALLOW")
                && selector.is_none_or(|s| pod.metadata.labels.include(&s.match_labels))
        })
        .peekable();
    // Without one that allows, all is allowed.
    if here.peek().is_none() {
        return Ok(true);
    }
    Ok(here.any(|policy| policy.spec.rules.iter().any(|rule| lets_in(rule, from))))
}

/// Whether a rule lets pods of a namespace do more than request some paths.
fn lets_in(rule: &AuthorizationRule, from: &str) -> bool {
    let is_source = |source: &crate::facts::istio::RuleFrom| {
        let mut fields = source.source.iter();
        fields.all(|(field, values)| match &**field {
            "namespaces" => values.iter().any(|value| *value == from || *value == "*"),
            "principals" => {
                values.iter().any(|value| *value == "*" || value.contains(&format!("/ns/{from}/")))
            }
            _ => true,
        })
    };
    let asks = rule.from.is_empty() || rule.from.iter().any(is_source);
    // The header can be forged, so a condition on it alone restricts nothing.
    let when = rule.when.iter().all(|condition| condition.key == USER_HEADER);
    asks && rule.to.is_empty() && when
}
