//! Relations with COS and with Kubeflow's dashboard: their databags, and where logs go.

use std::collections::{BTreeMap, BTreeSet};

use juju_charm::event::RelationChange;
use juju_charm::port::{self, Port};
use juju_charm::relation::{self, Databag, Relation, Side};
use juju_charm::tool::present;
use juju_charm::{Event, Unit, network};
use log::warn;

use super::Outcome;
use super::route::{PREFIX, Route};
use crate::catalog;
use crate::charm::endpoints::{
    self, AUTHORITIES, CATALOGUE, DASHBOARDS, GATEWAY, INGRESS, LINKS, LOGS, METRICS, TRACING,
};
use crate::charm::hook::Hook;
use crate::charm::issue::StatusIssue;
use crate::charm::peers::differs;
use crate::charm::workload::{PORT, Workload};
use crate::relations::topology::Topology;
use crate::relations::{
    answer, catalogue, certificate_transfer, grafana_dashboard, ingress_per_app,
    istio_gateway_info, istio_ingress, kubeflow_dashboard_links, loki_push_api, prometheus_scrape,
    tracing,
};

/// What the relations say.
#[derive(Clone, Debug, Default, PartialEq)]
struct Related {
    /// Endpoints that are related.
    endpoints: BTreeSet<String>,
    /// URL to push logs to, by unit of Loki.
    log_targets: BTreeMap<String, String>,
    /// Base URL that traces go to.
    trace_receiver: Option<String>,
    /// Authorities that peers sent, PEM.
    authorities: Vec<String>,
    /// Why a peer does not take what it is sent.
    issues: Vec<StatusIssue>,
}

/// Runs the step: writes the databags that changed, and forwards the workload's logs.
pub fn run(hook: &mut Hook<'_>) -> anyhow::Result<Outcome> {
    let is_start = hook.is_container_start();
    let is_concerned = match is_start {
        true => !hook.state.endpoints().is_empty(),
        false => endpoints::concerns(hook.event, hook.state.endpoints()),
    };
    if !is_concerned {
        return Ok(Outcome::Unchanged);
    }
    let host = hook.external_hostname();
    let related = update(hook.unit, hook.event, hook.is_leader, host)?;
    hook.state.set_endpoints(related.endpoints);
    hook.state.set_trace_receiver(related.trace_receiver, related.authorities);
    let (log_targets, known_units) = hook.state.log_targets();
    if *log_targets != related.log_targets || is_start {
        let topology = Topology::of(hook.unit);
        let name = &hook.unit.name;
        let targets = loki_push_api::targets(&topology, name, &related.log_targets, &known_units);
        if let Some(workload) = Workload::connect() {
            match workload.forward_logs(&targets) {
                Ok(()) => hook.state.set_log_targets(related.log_targets),
                Err(why) => warn!("log forwarding could not be configured: {why}"),
            }
        }
    }
    Ok(Outcome::Issues(related.issues))
}

/// Writes what each peer should know; only a leader writes for the application.
fn update(
    unit: &Unit,
    event: &Event,
    is_leader: bool,
    host: Option<&str>,
) -> anyhow::Result<Related> {
    let broken = match event {
        Event::Relation(relation) if relation.what == RelationChange::Broken => {
            Some(Relation::new(&relation.id))
        }
        _ => None,
    };
    let topology = Topology::of(unit);
    let mut related: BTreeMap<&str, Vec<Relation>> = BTreeMap::new();
    for endpoint in endpoints::ALL {
        let mut all = relation::of_endpoint(endpoint)?;
        all.retain(|relation| Some(relation) != broken.as_ref());
        if !all.is_empty() {
            related.insert(endpoint, all);
        }
    }
    let mut result = Related {
        endpoints: related.keys().map(|endpoint| (*endpoint).to_owned()).collect(),
        ..Related::default()
    };
    for (endpoint, write) in [
        (METRICS, (|unit, address| prometheus_scrape::unit(&unit.name, address)) as WriteAddress),
        (INGRESS, |unit, address| ingress_per_app::unit(&host_of(unit), address)),
    ] {
        if let Some(relations) = related.get(endpoint) {
            publish_address(unit, endpoint, relations, write)?;
        }
    }
    for relation in related.get(LOGS).into_iter().flatten() {
        for name in present(relation.units())?.unwrap_or_default() {
            let databag = present(relation.get(Side::Unit(&name)))?.unwrap_or_default();
            let url = loki_push_api::endpoint(&databag);
            result.log_targets.extend(url.map(|url| (name, url)));
        }
    }
    for relation in related.get(TRACING).into_iter().flatten() {
        if let Some(name) = present(relation.application())?.flatten()
            && let Some(databag) = present(relation.get(Side::Application(&name)))?
        {
            result.trace_receiver = tracing::endpoint(&databag);
        }
    }
    for relation in related.get(AUTHORITIES).into_iter().flatten() {
        result.authorities.extend(certificate_transfer::received(read_peer(relation)?.iter()));
    }
    let is_reached =
        endpoints::CONNECTED.iter().any(|endpoint| result.endpoints.contains(*endpoint));
    let is_open = port::opened()?.contains(&Port::Tcp(PORT));
    match (is_reached, is_open) {
        (true, false) => port::open(Port::Tcp(PORT))?,
        (false, true) => port::close(Port::Tcp(PORT))?,
        _ => {}
    }
    if !is_leader {
        return Ok(result);
    }
    // Its databag is read only.
    let gateways = related.remove(GATEWAY).unwrap_or_default();
    for relation in gateways {
        if let Some(name) = present(relation.application())?.flatten()
            && let Some(databag) = present(relation.get(Side::Application(&name)))?
            && let Some(info) = istio_gateway_info::read(&databag)
            && !info.is_up
        {
            let why = format!(
                "{name} has removed the Gateway {}/{}; see its status",
                info.namespace, info.name
            );
            result.issues.push(StatusIssue::waiting(why));
        }
    }
    let route = Route::of(related.get(INGRESS).and_then(|all| all.first()))?;
    if let Route::Pending(name) = &route {
        let why = format!("{name} has made no route to the report page yet");
        result.issues.push(StatusIssue::waiting(why));
    }
    if related.contains_key(LINKS) && route == Route::None {
        let why = "dashboard-links has no link without ingress; integrate ingress with istio-pilot \
                   or istio-ingress-k8s";
        result.issues.push(StatusIssue::active(why));
    }
    for (endpoint, relations) in &related {
        let wanted = match application(endpoint, &topology, &route, host) {
            Ok(wanted) => wanted,
            Err(why) => {
                warn!("{endpoint}: {why}");
                continue;
            }
        };
        for relation in relations {
            let own = Side::Application(topology.application);
            // One that is gone is listed still.
            let Some(databag) = present(relation.get(own))? else {
                continue;
            };
            if differs(&databag, &wanted) {
                relation.set_application(&wanted)?;
            }
            if let Some(name) = present(relation.application())?.flatten()
                && let Some(databag) = present(relation.get(Side::Application(&name)))?
            {
                let refusal = answer::refusal(&databag);
                result.issues.extend(refusal.map(|why| {
                    let why = format!("{name} rejects the databag of {endpoint}: {why}");
                    warn!("{why}");
                    StatusIssue::waiting(why)
                }));
            }
        }
    }
    Ok(result)
}

/// All databags of a peer: the application's, then the units'.
fn read_peer(relation: &Relation) -> anyhow::Result<Vec<Databag>> {
    let mut databags = Vec::new();
    if let Some(name) = present(relation.application())?.flatten() {
        databags.extend(present(relation.get(Side::Application(&name)))?);
    }
    for name in present(relation.units())?.unwrap_or_default() {
        databags.extend(present(relation.get(Side::Unit(&name)))?);
    }
    Ok(databags)
}

/// Unit databag with an address of the unit's pod.
type WriteAddress = fn(&Unit, &str) -> Databag;

/// Publishes the address of this unit's pod: the Service leads to any of the units.
fn publish_address(
    unit: &Unit,
    endpoint: &str,
    relations: &[Relation],
    write: WriteAddress,
) -> anyhow::Result<()> {
    let network = present(network::of_binding(endpoint))?.unwrap_or_default();
    let address = network.bind_address();
    let address = address.or_else(|| network.ingress_addresses.first().map(String::as_str));
    let Some(address) = address.filter(|address| !address.is_empty()) else {
        return Ok(());
    };
    let wanted = write(unit, address);
    for relation in relations {
        let databag = present(relation.get(Side::Unit(&unit.name)))?;
        if databag.is_some_and(|databag| differs(&databag, &wanted)) {
            relation.set(&wanted)?;
        }
    }
    Ok(())
}

/// Host name of a unit's pod within the cluster, as Juju names it.
fn host_of(unit: &Unit) -> String {
    let (application, number) = unit.name.split_once('/').unwrap_or((&unit.name, "0"));
    format!("{application}-{number}.{application}-endpoints.{}.svc.cluster.local", unit.model)
}

/// The application's databag of an endpoint.
fn application(
    endpoint: &str,
    topology: &Topology<'_>,
    route: &Route,
    host: Option<&str>,
) -> std::io::Result<Databag> {
    let rules = |file: &str| {
        let groups = catalog::alerts(file);
        let groups: Vec<_> =
            groups.iter().map(|(name, rules)| (name.as_str(), rules.clone())).collect();
        topology.rules(&groups)
    };
    Ok(match endpoint {
        METRICS => prometheus_scrape::application(topology, PORT, &rules("hardening")),
        DASHBOARDS => grafana_dashboard::application(topology, &catalog::DASHBOARDS)?,
        LOGS => loki_push_api::application(topology, &rules("logs")),
        CATALOGUE => catalogue::application(&route.url(host).unwrap_or_else(|| {
            format!("http://{}.{}.svc.cluster.local:{PORT}/", topology.application, topology.model)
        })),
        // Both peers have one name for two interfaces, and each ignores the other's keys.
        INGRESS => {
            let (name, model) = (topology.application, topology.model);
            let mut databag = istio_ingress::application(name, model, PORT, PREFIX);
            databag.extend(ingress_per_app::application(name, model, PORT));
            databag
        }
        TRACING => tracing::application(),
        AUTHORITIES => certificate_transfer::requirer(),
        _ => kubeflow_dashboard_links::application(route.path(host).as_deref()),
    })
}
