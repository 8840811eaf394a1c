//! Entrances that go round every gateway: exposed Services, ports of nodes, and pods in the
//! network of their node.

use super::entrance::{Destination, Entrance, From, Front, Opening};
use super::istio::network;
use crate::facts::core::{Pod, Service};
use crate::facts::labels::Labels;
use crate::facts::object::{Object as _, ObjectRef};
use crate::views::ingress::Ingress;
use crate::views::{Context, MissingFact};

const GATEWAY_NAME: &str = "gateway.networking.k8s.io/gateway-name";
/// DaemonSets of Istio that need the network of their node: they accept no users' requests.
const OF_NODES: [&str; 2] = ["istio-cni-node", "ztunnel"];
const NONE: &str = "it goes round the gateway";

/// Exposed Services, ports of nodes and pods in their network, but the gateways' own.
pub(super) fn entrances(context: &Context<'_>) -> Result<Vec<Entrance>, MissingFact> {
    let mut all = Vec::new();
    let ingress = Ingress::find(context)?;
    for service in context.services()?.iter().filter(|s| s.is_exposed()) {
        let namespace = &*service.metadata.namespace;
        if !context.is_ours(namespace)? || is_of_gateway(context, &ingress, service)? {
            continue;
        }
        let ports = service.spec.ports.iter().map(|port| match port.node_port {
            0 => port.port.to_string(),
            node => format!("{} and {node} of nodes", port.port),
        });
        all.push(Entrance {
            network: network([service]),
            ..entrance(
                service.reference(),
                "spec.type",
                Opening::Service,
                ports.collect::<Vec<_>>().join(", "),
                &service.metadata.name,
                namespace,
            )
        });
    }
    for pod in context.pods()? {
        let namespace = &*pod.metadata.namespace;
        if pod.is_finished() || !(pod.spec.host_network || has_host_port(pod)) {
            continue;
        }
        if !context.is_ours(namespace)? || is_of_nodes(context, pod)? {
            continue;
        }
        let name = &pod.metadata.name;
        if pod.spec.host_network {
            let ports = pod.all_containers().flat_map(|c| &c.ports);
            let ports: Vec<String> = ports.map(|p| p.container_port.to_string()).collect();
            let ports = if ports.is_empty() { "every port".into() } else { ports.join(", ") };
            let opening = Opening::HostNetwork;
            all.push(entrance(
                pod.reference(),
                "spec.hostNetwork",
                opening,
                ports,
                name,
                namespace,
            ));
            continue;
        }
        for (container, port) in host_ports(pod) {
            let field = format!("container {container} hostPort");
            let opening = Opening::HostPort;
            all.push(entrance(pod.reference(), &field, opening, port.to_string(), name, namespace));
        }
    }
    Ok(all)
}

fn entrance(
    object: ObjectRef,
    field: &str,
    opening: Opening,
    port: String,
    to: &str,
    namespace: &str,
) -> Entrance {
    let missing = || Front::Missing(NONE.into());
    Entrance {
        leads_to: vec![Destination {
            is_ours: true,
            ..Destination::new(object.clone(), to.to_owned(), namespace)
        }],
        object,
        field: field.to_owned(),
        opening,
        port,
        from: From::Outside,
        hosts: Vec::new(),
        tls: Front::Unknown("that of the pod itself".into()),
        login: missing(),
        policy: Front::Unknown("see those of its pods".into()),
        network: Front::Missing("every address that reaches the node".into()),
    }
}

fn host_ports(pod: &Pod) -> impl Iterator<Item = (&str, u16)> {
    pod.all_containers().flat_map(|container| {
        let is_open = |ip: &str| !ip.starts_with("127.") && ip != "::1";
        let ports = container.ports.iter().filter(move |p| p.host_port != 0 && is_open(&p.host_ip));
        ports.map(|port| (&*container.name, port.host_port))
    })
}

fn has_host_port(pod: &Pod) -> bool {
    host_ports(pod).next().is_some()
}

/// Whether a pod is of a DaemonSet of Istio's own; a tenant may call its own DaemonSet so.
fn is_of_nodes(context: &Context<'_>, pod: &Pod) -> Result<bool, MissingFact> {
    let mut owners = pod.metadata.owner_references.iter();
    Ok(owners.any(|owner| owner.kind == "DaemonSet" && OF_NODES.contains(&&*owner.name))
        && !context.profile_namespaces()?.contains(&*pod.metadata.namespace))
}

/// Whether an exposed Service leads to a gateway's pods and to no other.
fn is_of_gateway(
    context: &Context<'_>,
    ingress: &Ingress<'_>,
    service: &Service,
) -> Result<bool, MissingFact> {
    let namespace = &*service.metadata.namespace;
    let selects = |pod: &&Pod| service.selects(&pod.metadata.namespace, &pod.metadata.labels);
    if ingress.running.iter().any(&selects) {
        return Ok(context
            .pods()?
            .iter()
            .filter(selects)
            .all(|pod| ingress.running.iter().any(|own| std::ptr::eq(*own, pod))));
    }
    if ingress.running.is_empty() && namespace == context.namespace() {
        let is_main = |selector: &Labels| service.spec.selector.include(selector);
        if ingress.main.is_some_and(|main| is_main(&main.spec.selector)) {
            return Ok(true);
        }
    }
    let Some(name) = service.spec.selector.get(GATEWAY_NAME) else {
        return Ok(false);
    };
    let mut gateways = context.ambient_gateways()?.iter();
    Ok(gateways.any(|g| *g.metadata.name == **name && *g.metadata.namespace == *namespace))
}
