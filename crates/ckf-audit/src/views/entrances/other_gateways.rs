//! Entrances by Gateways of Istio on other pods than the platform's gateway: whichever proxies a
//! Gateway selects, in any namespace.

use super::entrance::{Entrance, From, Opening};
use super::istio::{elsewhere, leads_to, login_at, network, policies, tls};
use super::routes::Routes;
use crate::facts::core::{Pod, Service};
use crate::facts::istio::Gateway;
use crate::facts::labels::Labels;
use crate::facts::object::Object as _;
use crate::views::ingress::{GatewayServer, Ingress, Reach};
use crate::views::login::Login;
use crate::views::{Context, MissingFact};

/// Whether a pod is a gateway's: a proxy and nothing else.
fn is_proxy(pod: &Pod) -> bool {
    !pod.is_finished() && pod.spec.containers.iter().all(|c| c.name == "istio-proxy")
}

/// Entrances by Gateways on other pods than the platform's gateway.
pub(super) fn entrances<'a>(
    context: &Context<'a>,
    routes: &Routes<'a>,
    ingress: &Ingress<'a>,
) -> Result<Vec<Entrance>, MissingFact> {
    let others = context.gateways()?.iter().filter(|g| !g.spec.selector.is_empty());
    let others: Vec<&Gateway> = others.filter(|g| !routes.bound_to(g).is_empty()).collect();
    let mut all = Vec::new();
    if others.is_empty() {
        return Ok(all);
    }
    let elsewhere = elsewhere(context)?;
    let is_of_ingress = |pod: &Pod| ingress.running.iter().any(|own| std::ptr::eq(*own, pod));
    let proxies: Vec<&Pod> =
        context.pods()?.iter().filter(|pod| is_proxy(pod) && !is_of_ingress(pod)).collect();
    for gateway in others {
        let selected =
            proxies.iter().filter(|pod| pod.metadata.labels.include(&gateway.spec.selector));
        let Some(pod) = selected.clone().next() else {
            continue;
        };
        let namespace = &*pod.metadata.namespace;
        let pods: Vec<&Labels> = selected
            .filter(|other| *other.metadata.namespace == *namespace)
            .map(|other| &other.metadata.labels)
            .collect();
        let leading = context.services()?.iter().filter(|s| s.selects(namespace, pods[0]));
        let leading: Vec<&Service> = leading.collect();
        let login = Login::of(context, namespace, &pods)?;
        for (index, server) in gateway.spec.servers.iter().enumerate() {
            let listener = server.port.number;
            let served = GatewayServer { gateway, index, server, listener, reach: Reach::Outside };
            let is_redirect = served.is_redirect();
            let leads_to = match is_redirect {
                true => Vec::new(),
                false => leads_to(context, routes, gateway, server)?.0,
            };
            all.push(Entrance {
                object: gateway.reference(),
                field: served.field(""),
                opening: Opening::OtherGateway,
                port: format!(
                    "{} {listener} of pod {namespace}/{}",
                    server.port.protocol, pod.metadata.name
                ),
                from: match leading.iter().any(|s| s.is_exposed()) {
                    true => From::Outside,
                    false => From::Pods,
                },
                hosts: served.server_names().into_iter().map(str::to_owned).collect(),
                leads_to,
                tls: tls(&served, is_redirect),
                login: login_at(context, &login, elsewhere.as_deref(), listener, served.is_http())?,
                policy: policies(context, namespace, &pods)?,
                network: network(leading.iter().copied()),
            });
        }
    }
    Ok(all)
}
