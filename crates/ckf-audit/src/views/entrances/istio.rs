//! Entrances by Gateways of Istio on the platform's gateway.

use std::collections::BTreeSet;

use super::entrance::{Destination, Entrance, From, Front, Opening};
use super::names;
use super::routes::{Routes, is_of_model};
use crate::facts::core::Service;
use crate::facts::istio::{Gateway, Server};
use crate::facts::known::{Kind, Known};
use crate::facts::labels::Labels;
use crate::facts::object::Object as _;
use crate::views::authorization::{Mesh, PolicySet, Workload};
use crate::views::ingress::{GatewayServer, Ingress, Reach};
use crate::views::login::{Deviation, Login, content};
use crate::views::{Context, MissingFact};

/// Where routes on a Gateway lead that a server of it admits.
pub(super) fn leads_to<'a>(
    context: &Context<'_>,
    routes: &Routes<'a>,
    gateway: &Gateway,
    server: &Server,
) -> Result<(Vec<Destination>, bool), MissingFact> {
    let own = &*gateway.metadata.namespace;
    let (mut all, mut models_only) = (Vec::new(), true);
    for service in routes.bound_to(gateway) {
        let from = &*service.metadata.namespace;
        if !server.hosts.iter().any(|host| names::admits(host, own, from)) {
            continue;
        }
        let to = routes.destinations(context, service, Some(gateway))?;
        models_only &= is_of_model(context, service) || to.iter().all(|to| !to.is_ours);
        all.extend(to);
    }
    Ok((all, models_only))
}

/// Policies in front of pods, in words.
pub(super) fn policies(
    context: &Context<'_>,
    namespace: &str,
    pods: &[&Labels],
) -> Result<Front, MissingFact> {
    let mesh = Mesh::of(context)?;
    // They are shown, and decide no verdict on an entrance.
    let all = match &context.facts.authorization_policies {
        Known::Known(all) => &all.items,
        Known::Unknown(why) => return Ok(Front::Unknown(why.to_string())),
    };
    let mut seen = Vec::new();
    for labels in pods {
        let set = PolicySet::of(all, &Workload { namespace, labels, waypoint_of: None }, &mesh);
        let named = set.custom.iter().chain(&set.deny).chain(&set.allow).chain(&set.other);
        for policy in named {
            let text = policy.reference().to_string();
            if !seen.contains(&text) {
                seen.push(text);
            }
        }
    }
    Ok(match seen.is_empty() {
        true => Front::Missing("no AuthorizationPolicy selects it".into()),
        false => Front::There(crate::finding::named(&seen)),
    })
}

/// Network policies in front of the platform's gateway, in words. They decide no verdict on it.
fn network_policies(context: &Context<'_>, pods: &[&Labels]) -> Front {
    let all = match &context.facts.network_policies {
        Known::Known(all) => &all.items,
        Known::Unknown(why) => return Front::Unknown(why.to_string()),
    };
    let here = all.iter().filter(|policy| {
        policy.metadata.namespace == *context.namespace()
            && policy.is_for_ingress()
            && pods.iter().any(|labels| policy.spec.pod_selector.matches(labels))
    });
    let mut named: Vec<String> = here.map(|policy| policy.reference().to_string()).collect();
    let facts = context.facts;
    let has_others = is_there(&facts.cilium_policies)
        || is_there(&facts.cilium_clusterwide_policies)
        || is_there(&facts.admin_network_policies)
        || is_there(&facts.baseline_admin_network_policies)
        || is_there(&facts.cluster_network_policies);
    if has_others && let Ok(rules) = context.network_rules() {
        let others = pods.iter().flat_map(|of| rules.others_at(context.namespace(), of));
        let others: BTreeSet<String> = others.map(|policy| policy.to_string()).collect();
        named.extend(others);
    }
    match named.is_empty() {
        true => Front::Missing("every pod reaches it".into()),
        false => Front::There(crate::finding::named(&named)),
    }
}

fn is_there<T>(kind: &Kind<T>) -> bool {
    matches!(kind, Known::Known(all) if !all.items.is_empty())
}

/// Addresses that Services admit to what they expose.
pub(super) fn network<'s>(services: impl IntoIterator<Item = &'s Service>) -> Front {
    let exposed: Vec<&Service> = services.into_iter().filter(|s| s.is_exposed()).collect();
    let ranges = exposed.iter().flat_map(|s| &s.spec.load_balancer_source_ranges);
    let ranges: Vec<&str> = ranges.map(|range| &**range).collect();
    let is_open = exposed.iter().any(|s| s.spec.load_balancer_source_ranges.is_empty());
    match (exposed.is_empty(), is_open) {
        (true, _) => Front::Unknown("no exposed Service leads to it".into()),
        (_, true) => Front::Missing("every address is admitted".into()),
        _ => Front::There(ranges.join(", ")),
    }
}

/// Where the authoriser of the filters leads elsewhere than to oidc-gatekeeper, if it does.
pub(super) fn elsewhere(context: &Context<'_>) -> Result<Option<String>, MissingFact> {
    let mut all = Deviation::of_service(context)?.into_iter();
    let elsewhere = all.find(|deviation| deviation.is_elsewhere);
    Ok(elsewhere.and_then(|d| Some(format!("{}: {}", d.object?, d.seen))))
}

/// Login in front of a listener, by its filters and their authoriser.
pub(super) fn login_at(
    context: &Context<'_>,
    login: &Login<'_>,
    elsewhere: Option<&str>,
    port: u16,
    is_http: bool,
) -> Result<Front, MissingFact> {
    if !is_http {
        return Ok(Front::Missing("a filter of HTTP sees nothing of it".into()));
    }
    if let Some(undone) = login.undone.first() {
        return Ok(Front::Missing(format!("{} {}", undone.object, undone.how)));
    }
    if !login.covers(port) {
        let why = login
            .partial
            .first()
            .map(|((filter, ..), why)| format!("{}: {why}", filter.reference()));
        let none = || format!("no filter requires login on port {port}");
        return Ok(Front::Missing(why.unwrap_or_else(none)));
    }
    for (filter, patch, asked) in &login.patches {
        if let Some(elsewhere) =
            Deviation::of_filter(context.namespace(), asked, content(filter, patch)?)
        {
            let object = filter.reference();
            return Ok(Front::Missing(format!("{object} asks {}", elsewhere.seen)));
        }
    }
    if let Some(why) = elsewhere {
        return Ok(Front::Missing(why.to_owned()));
    }
    Ok(Front::There("oidc-gatekeeper is asked".into()))
}

/// Entrances by Gateways on the platform's gateway.
pub(super) fn entrances<'a>(
    context: &Context<'a>,
    routes: &Routes<'a>,
    ingress: &Ingress<'a>,
) -> Result<Vec<Entrance>, MissingFact> {
    let servers = ingress.servers();
    if servers.is_empty() {
        return Ok(Vec::new());
    }
    let pods = ingress.pods();
    let login = Login::of(context, context.namespace(), &pods)?;
    let policy = policies(context, context.namespace(), &pods)?;
    let network = network(ingress.services().iter().copied());
    let within = network_policies(context, &pods);
    let elsewhere = elsewhere(context)?;
    let mut all = Vec::new();
    for served in &servers {
        let is_redirect = served.is_redirected(context, &servers)?;
        let (leads_to, models_only) = match is_redirect {
            true => (Vec::new(), true),
            false => leads_to(context, routes, served.gateway, served.server)?,
        };
        let login = match models_only && served.reach != Reach::Outside && !is_redirect {
            // Models are reached within the cluster without login, as Knative has it.
            true => Front::There("none is required of models within the cluster".into()),
            false => {
                login_at(context, &login, elsewhere.as_deref(), served.listener, served.is_http())?
            }
        };
        all.push(Entrance {
            object: served.gateway.reference(),
            field: served.field(""),
            opening: Opening::Gateway,
            port: format!("{} {}", served.server.port.protocol, served.listener),
            from: match served.reach {
                Reach::Outside => From::Outside,
                _ => From::Pods,
            },
            hosts: served.server_names().into_iter().map(str::to_owned).collect(),
            leads_to,
            tls: tls(served, is_redirect),
            login,
            policy: policy.clone(),
            network: match served.reach {
                Reach::Outside => network.clone(),
                _ => within.clone(),
            },
        });
    }
    Ok(all)
}

pub(super) fn tls(served: &GatewayServer<'_>, is_redirect: bool) -> Front {
    match (is_redirect, served.is_clear()) {
        (true, _) => Front::There("redirected to HTTPS".into()),
        (_, true) => Front::Missing(format!("{} is clear text", served.server.port.protocol)),
        _ if served.passes_through() => Front::There("passed through to what is behind".into()),
        _ => {
            let mode = served.server.tls.as_ref().map_or("", |tls| &*tls.mode);
            Front::There(mode.to_owned())
        }
    }
}
