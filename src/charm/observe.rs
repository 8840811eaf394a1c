//! Relations with COS and with Kubeflow's dashboard: what each is told, and where logs go.

use std::collections::{BTreeMap, BTreeSet};

use juju_charm::event::{Lifecycle, RelationChange};
use juju_charm::port::{self, Port};
use juju_charm::relation::{self, Databag, Relation, Side};
use juju_charm::tool::present;
use juju_charm::{Event, Status, Unit, network};
use log::warn;

use super::certificates::Hindrance;
use super::certificates::differs;
use super::workload::PORT;
use crate::catalog;
use crate::relations::topology::Topology;
use crate::relations::{
    answer, catalogue, grafana_dashboard, istio_gateway_info, istio_ingress,
    kubeflow_dashboard_links, loki_push_api, prometheus_scrape,
};

const METRICS: &str = "metrics-endpoint";
const DASHBOARDS: &str = "grafana-dashboard";
const LOGS: &str = "logging";
const CATALOGUE: &str = "catalogue";
const INGRESS: &str = "ingress";
const LINKS: &str = "dashboard-links";
const GATEWAY: &str = "gateway-info";
const ENDPOINTS: [&str; 7] = [METRICS, DASHBOARDS, LOGS, CATALOGUE, INGRESS, LINKS, GATEWAY];
/// Ways to the report page.
const WAYS: [&str; 3] = [CATALOGUE, INGRESS, LINKS];
/// Whoever is related here reaches the agent's port: its owner makes it a port of the
/// application's Service, and of the policies that other charms write from it.
const REACHED: [&str; 4] = [METRICS, CATALOGUE, INGRESS, LINKS];
/// Where istio-pilot's gateway has the report page.
const PREFIX: &str = "/hardening/";

/// What came of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Observed {
    /// Endpoints that are related.
    pub related: BTreeSet<String>,
    /// Where logs go, by unit of Loki.
    pub logs: BTreeMap<String, String>,
    /// What a peer does not take.
    pub hindrances: Vec<Hindrance>,
}

/// Whether a way to the report page is related.
pub fn has_way(related: &BTreeSet<String>) -> bool {
    WAYS.iter().any(|endpoint| related.contains(*endpoint))
}

/// Whether a scraper of the metrics is related.
pub fn is_scraped(related: &BTreeSet<String>) -> bool {
    related.contains(METRICS)
}

/// Whether an event is of a way to the report page, or to the metrics.
pub fn is_of_way(event: &Event) -> bool {
    matches!(event, Event::Relation(relation)
        if WAYS.contains(&relation.endpoint.as_str()) || relation.endpoint == METRICS)
}

/// Whether an event may change what is told here. `related` are the endpoints that were when
/// it was looked last: an address changes without an event of its own.
pub fn concerns(event: &Event, related: &BTreeSet<String>) -> bool {
    match event {
        Event::Relation(relation) => ENDPOINTS.contains(&relation.endpoint.as_str()),
        // An older version may not have looked.
        Event::Lifecycle(Lifecycle::UpgradeCharm) => true,
        Event::Lifecycle(
            Lifecycle::LeaderElected
            | Lifecycle::Start
            | Lifecycle::UpdateStatus
            | Lifecycle::ConfigChanged,
        ) => !related.is_empty(),
        _ => false,
    }
}

/// Has every peer be told what it should know; only a leader tells for the application.
pub fn keep(
    unit: &Unit,
    event: &Event,
    leads: bool,
    host: Option<&str>,
) -> anyhow::Result<Observed> {
    let broken = match event {
        Event::Relation(relation) if relation.what == RelationChange::Broken => {
            Some(Relation::new(&relation.id))
        }
        _ => None,
    };
    let topology = Topology::of(unit);
    let mut related: BTreeMap<&str, Vec<Relation>> = BTreeMap::new();
    for endpoint in ENDPOINTS {
        let mut all = relation::of_endpoint(endpoint)?;
        all.retain(|relation| Some(relation) != broken.as_ref());
        if !all.is_empty() {
            related.insert(endpoint, all);
        }
    }
    let mut observed = Observed {
        related: related.keys().map(|endpoint| (*endpoint).to_owned()).collect(),
        ..Observed::default()
    };
    if let Some(relations) = related.get(METRICS) {
        tell_address(unit, relations)?;
    }
    for relation in related.get(LOGS).into_iter().flatten() {
        for name in present(relation.units())?.unwrap_or_default() {
            let databag = present(relation.get(Side::Unit(&name)))?.unwrap_or_default();
            let url = loki_push_api::endpoint(&databag);
            observed.logs.extend(url.map(|url| (name, url)));
        }
    }
    let is_reached = REACHED.iter().any(|endpoint| observed.related.contains(*endpoint));
    let is_open = port::opened()?.contains(&Port::Tcp(PORT));
    match (is_reached, is_open) {
        (true, false) => port::open(Port::Tcp(PORT))?,
        (false, true) => port::close(Port::Tcp(PORT))?,
        _ => {}
    }
    if !leads {
        return Ok(observed);
    }
    // Nothing is told there.
    let gateways = related.remove(GATEWAY).unwrap_or_default();
    for relation in gateways {
        if let Some(name) = present(relation.application())?.flatten()
            && let Some(databag) = present(relation.get(Side::Application(&name)))?
            && let Some(info) = istio_gateway_info::read(&databag)
            && !info.is_up
        {
            let why = format!(
                "{name} has taken the Gateway {}/{} away; see its status",
                info.namespace, info.name
            );
            observed.hindrances.push((Status::Waiting, why));
        }
    }
    for (endpoint, relations) in &related {
        let wanted = match application(endpoint, &topology, related.contains_key(INGRESS), host) {
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
                observed.hindrances.extend(refusal.map(|why| {
                    warn!("{name} does not take what {endpoint} tells: {why}");
                    (Status::Waiting, format!("{name} does not take what {endpoint} tells: {why}"))
                }));
            }
        }
    }
    Ok(observed)
}

/// Has Prometheus know where this unit is: at its pod, for the Service leads to any of the units.
fn tell_address(unit: &Unit, relations: &[Relation]) -> anyhow::Result<()> {
    let network = present(network::of_binding(METRICS))?.unwrap_or_default();
    let address = network.bind_address();
    let address = address.or_else(|| network.ingress_addresses.first().map(String::as_str));
    let Some(address) = address.filter(|address| !address.is_empty()) else {
        return Ok(());
    };
    let wanted = prometheus_scrape::unit(&unit.name, address);
    for relation in relations {
        let databag = present(relation.get(Side::Unit(&unit.name)))?;
        if databag.is_some_and(|databag| differs(&databag, &wanted)) {
            relation.set(&wanted)?;
        }
    }
    Ok(())
}

/// What the application tells by an endpoint.
fn application(
    endpoint: &str,
    topology: &Topology<'_>,
    has_ingress: bool,
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
        CATALOGUE => catalogue::application(&match (has_ingress, host) {
            (true, Some(host)) => format!("https://{host}{PREFIX}"),
            _ => format!(
                "http://{}.{}.svc.cluster.local:{PORT}/",
                topology.application, topology.model
            ),
        }),
        INGRESS => istio_ingress::application(topology.application, topology.model, PORT, PREFIX),
        _ => kubeflow_dashboard_links::application(PREFIX),
    })
}
