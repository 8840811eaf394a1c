//! The ingress gateway as it is served: by the labels of its pods and the ports
//! of its Services, not by names.

use std::collections::{BTreeMap, BTreeSet};

use crate::facts::core::{Pod, PortRef, Service};
use crate::facts::istio::{ConfigPatch, EnvoyFilter, Gateway, Server, VirtualService};
use crate::facts::labels::Labels;
use crate::facts::object::ObjectRef;
use crate::views::entrances::names;
use crate::views::{Context, MissingFact};

/// Name of the Gateway that the bundle sets as istio-pilot's default-gateway.
pub const MAIN_GATEWAY: &str = "kubeflow-gateway";

/// From where a listener can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reach {
    /// No Service leads to it.
    Unserved,
    /// Only from within the cluster.
    Cluster,
    /// From outside.
    Outside,
}

/// The ingress gateway.
pub struct Ingress<'a> {
    gateways: &'a [Gateway],
    /// The platform's own Gateway.
    pub main: Option<&'a Gateway>,
    /// Labels of the ingress pods, or of what makes them.
    pods: Vec<&'a Labels>,
    /// The pods that are there.
    pub running: Vec<&'a Pod>,
    services: Vec<&'a Service>,
    namespace: &'a str,
}

/// A server of a Gateway on the ingress.
pub struct GatewayServer<'a> {
    /// The Gateway.
    pub gateway: &'a Gateway,
    /// Its index among the Gateway's servers.
    pub index: usize,
    /// The server.
    pub server: &'a Server,
    /// Port on which the pods listen.
    pub listener: u16,
    /// From where it can be reached.
    pub reach: Reach,
}

type Proxies<'a> = (Vec<&'a Pod>, Vec<&'a Labels>);

/// The pods of the platform's namespace that a Gateway's selector selects, and
/// their labels, or those of the Deployments that make them.
fn proxies<'a>(context: &Context<'a>, selector: &Labels) -> Result<Proxies<'a>, MissingFact> {
    let is_selected =
        |ns: &str, labels: &Labels| ns == context.namespace() && labels.include(selector);
    let running: Vec<&Pod> = context
        .pods()?
        .iter()
        .filter(|p| is_selected(&p.metadata.namespace, &p.metadata.labels) && !p.is_finished())
        .collect();
    let mut labels: Vec<&Labels> = running.iter().map(|p| &p.metadata.labels).collect();
    if labels.is_empty() {
        let templates = context
            .deployments()?
            .iter()
            .filter(|d| is_selected(&d.metadata.namespace, &d.spec.template.metadata.labels));
        labels.extend(templates.map(|d| &d.spec.template.metadata.labels));
    }
    Ok((running, labels))
}

impl<'a> Ingress<'a> {
    /// Finds the ingress gateway.
    pub fn find(context: &Context<'a>) -> Result<Self, MissingFact> {
        let namespace = context.namespace();
        let gateways = context.gateways()?;
        let main = gateways
            .iter()
            .find(|g| g.metadata.namespace == namespace && g.metadata.name == MAIN_GATEWAY);
        let fallback = Labels::from_iter([("istio".into(), "ingressgateway".into())]);
        let selector =
            main.map(|g| &g.spec.selector).filter(|s| !s.is_empty()).unwrap_or(&fallback);
        let (mut running, mut pods) = proxies(context, selector)?;
        if pods.is_empty() {
            // A Gateway that selects nothing does not take the ingress's pods away.
            (running, pods) = proxies(context, &fallback)?;
        }
        let services = context
            .services()?
            .iter()
            .filter(|s| pods.iter().any(|labels| s.selects(namespace, labels)))
            .collect();
        Ok(Self { gateways, main, pods, running, services, namespace })
    }

    /// Whether there are ingress pods, or something that makes them.
    pub fn exists(&self) -> bool {
        !self.pods.is_empty() || self.main.is_some()
    }

    /// Labels of the ingress pods, or of what makes them; those that the platform's own Gateway
    /// selects if there is neither.
    pub fn pods(&self) -> Vec<&'a Labels> {
        match self.pods.is_empty() {
            true => self.main.map(|main| &main.spec.selector).into_iter().collect(),
            false => self.pods.clone(),
        }
    }

    /// Services that lead to the ingress.
    pub fn services(&self) -> &[&'a Service] {
        &self.services
    }

    /// Labels by which the platform's own Gateway selects the ingress.
    pub fn selector(&self) -> BTreeMap<&'a str, &'a str> {
        let main =
            self.main.map(|main| &main.spec.selector).filter(|labels| self.is_selected(labels));
        match main {
            Some(labels) => labels.iter().map(|(key, value)| (&**key, &**value)).collect(),
            None => BTreeMap::from([("istio", "ingressgateway")]),
        }
    }

    /// Whether a selector of proxies selects the ingress; an empty one selects all.
    pub fn is_selected(&self, selector: &Labels) -> bool {
        if self.pods.is_empty() {
            return self.main.is_some_and(|main| main.spec.selector.include(selector));
        }
        self.pods.iter().any(|labels| labels.include(selector))
    }

    /// Whether an EnvoyFilter works on the ingress.
    pub fn is_patched_by(&self, filter: &EnvoyFilter) -> bool {
        // The root namespace of the mesh is the platform's namespace.
        filter.metadata.namespace == self.namespace
            && !filter.has_targets
            && self.is_selected(&filter.selector)
    }

    /// Whether the platform's own Gateway serves clear text and nothing else.
    pub fn is_clear(&self) -> bool {
        let servers = self.servers();
        let is_own = |served: &&GatewayServer<'_>| {
            self.main.is_some_and(|main| std::ptr::eq(main, served.gateway))
        };
        let mut own = servers.iter().filter(is_own).peekable();
        own.peek().is_some() && own.all(GatewayServer::is_clear)
    }

    /// All servers of all Gateways on the ingress.
    pub fn servers(&self) -> Vec<GatewayServer<'a>> {
        let outside = self.services.iter().any(|s| s.is_exposed());
        let on_ingress = self.gateways.iter().filter(|g| self.is_selected(&g.spec.selector));
        on_ingress
            .flat_map(|gateway| {
                gateway
                    .spec
                    .servers
                    .iter()
                    .enumerate()
                    .map(move |(index, server)| (gateway, index, server))
            })
            .map(|(gateway, index, server)| {
                let listener = self.listener(server.port.number);
                let reach = self.reach(listener, outside);
                GatewayServer { gateway, index, server, listener, reach }
            })
            .collect()
    }

    /// Istio takes a server's port for a Service's port if there is one, and
    /// listens on its target; else it listens on the port itself.
    fn listener(&self, number: u16) -> u16 {
        let mut ports = self.services.iter().flat_map(|s| &s.spec.ports);
        match ports.find(|p| p.port == number) {
            Some(port) => self.target(port).unwrap_or(number),
            None => number,
        }
    }

    fn target(&self, port: &crate::facts::core::ServicePort) -> Option<u16> {
        match &port.target_port {
            None => Some(port.port),
            Some(PortRef::Number(number)) => Some(*number),
            Some(PortRef::Name(name)) => self.running.iter().find_map(|pod| pod.named_port(name)),
        }
    }

    fn reach(&self, listener: u16, outside: bool) -> Reach {
        if self.services.is_empty() {
            // How it is reached is not known; the platform's entry is its gateway.
            return Reach::Outside;
        }
        let leads = |s: &&&Service| s.spec.ports.iter().any(|p| self.target(p) == Some(listener));
        let leading: Vec<_> = self.services.iter().filter(leads).collect();
        if leading.is_empty() {
            Reach::Unserved
        } else if leading.iter().any(|s| s.is_exposed())
            || (!outside && leading.iter().any(|s| !is_knative_local(s)))
        {
            // Without any exposed Service something in front of the gateway uses the inner one.
            Reach::Outside
        } else {
            Reach::Cluster
        }
    }
}

fn is_knative_local(service: &Service) -> bool {
    service.metadata.name == "knative-local-gateway"
}

/// VirtualServices that are bound to a Gateway.
pub fn bound_to<'a>(
    context: &Context<'a>,
    gateway: &Gateway,
) -> Result<Vec<&'a VirtualService>, MissingFact> {
    let (namespace, name) = (&*gateway.metadata.namespace, gateway.metadata.name.as_str());
    let is_bound = |service: &&VirtualService| {
        let own = &*service.metadata.namespace;
        let mut gateways = service.spec.gateways.iter();
        gateways.any(|bound| names::gateway(bound, own) == (namespace, name))
    };
    Ok(context.virtual_services()?.iter().filter(is_bound).collect())
}

/// Hosts of routes that are bound to a Gateway. Beside a redirect for every host Envoy serves a
/// host of its own in clear, unless the redirect names it too.
pub fn bound_hosts<'a>(
    context: &Context<'a>,
    gateway: &Gateway,
) -> Result<BTreeSet<&'a str>, MissingFact> {
    let services = bound_to(context, gateway)?;
    let hosts = services.into_iter().flat_map(|service| &service.spec.hosts);
    Ok(hosts.map(|host| &**host).filter(|host| *host != "*").collect())
}

impl GatewayServer<'_> {
    /// Whether every request that it would serve in clear is redirected to HTTPS, by itself or by
    /// another of these servers at the same listener.
    pub fn is_redirected(
        &self,
        context: &Context<'_>,
        all: &[GatewayServer<'_>],
    ) -> Result<bool, MissingFact> {
        if self.is_redirect() {
            return Ok(true);
        }
        let protocol = self.server.port.protocol.to_ascii_uppercase();
        if !matches!(&*protocol, "HTTP" | "HTTP2") {
            return Ok(false);
        }
        let others = all.iter().filter(|other| other.listener == self.listener);
        let redirects = others.filter(|other| other.is_redirect());
        let hosts: BTreeSet<&str> =
            redirects.flat_map(|other| &other.server.hosts).map(|host| &**host).collect();
        Ok(hosts.contains("*") && bound_hosts(context, self.gateway)?.is_subset(&hosts))
    }

    /// Where the server stands in its Gateway.
    pub fn field(&self, rest: &str) -> String {
        format!("spec.servers[{}]{rest}", self.index)
    }

    /// Whether it serves clear text.
    pub fn is_clear(&self) -> bool {
        !matches!(&*self.server.port.protocol.to_ascii_uppercase(), "HTTPS" | "TLS")
    }

    /// Whether filters of HTTP see its requests: not those of TCP, nor of TLS that is passed through.
    pub fn is_http(&self) -> bool {
        matches!(
            &*self.server.port.protocol.to_ascii_uppercase(),
            "HTTP" | "HTTP2" | "GRPC" | "GRPC-WEB"
        ) || self.terminates_tls()
    }

    /// Whether it only redirects to HTTPS.
    pub fn is_redirect(&self) -> bool {
        self.server.tls.as_ref().is_some_and(|tls| tls.https_redirect)
            && matches!(&*self.server.port.protocol.to_ascii_uppercase(), "HTTP" | "HTTP2")
    }

    /// Whether it ends TLS itself.
    pub fn terminates_tls(&self) -> bool {
        !self.is_clear()
            && self.server.tls.as_ref().is_some_and(|tls| {
                matches!(&*tls.mode, "SIMPLE" | "MUTUAL" | "OPTIONAL_MUTUAL" | "ISTIO_MUTUAL")
            })
    }

    /// Whether it passes TLS connections through to what is behind it.
    pub fn passes_through(&self) -> bool {
        !self.is_clear() && !self.terminates_tls()
    }

    /// Names by which its filter chain is chosen; none if it is for every name.
    pub fn server_names(&self) -> Vec<&str> {
        let hosts = self.server.hosts.iter();
        let names: Vec<&str> =
            hosts.map(|host| host.split_once('/').map_or(&**host, |(_, name)| name)).collect();
        match names.contains(&"*") {
            true => Vec::new(),
            false => names,
        }
    }

    /// From where it is reached, in words.
    pub fn reach_words(&self) -> &'static str {
        match self.reach {
            Reach::Unserved => "no Service leads to it",
            Reach::Cluster => "reached in the cluster",
            Reach::Outside => "reached from outside",
        }
    }
}

/// Whether a patch works on a gateway's listener at this port.
pub fn patches_port(patch: &ConfigPatch, port: u16) -> bool {
    matches!(&*patch.context, "GATEWAY" | "ANY" | "") && patch.port.is_none_or(|p| p == port)
}

pub(crate) fn gateway_reference(context: &Context<'_>) -> ObjectRef {
    ObjectRef::new("networking.istio.io/v1", "Gateway", context.namespace(), MAIN_GATEWAY)
}
