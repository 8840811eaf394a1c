//! What this charm writes into the databags of its relations.

use std::collections::{BTreeMap, BTreeSet};

use juju_charm::relation::{Databag, Relation, Side};
use juju_charm::tool::present;
use juju_charm::{Unit, network};
use log::warn;

use super::relation_problem::RelationProblem;
use super::route::{PREFIX, Route};
use crate::catalog;
use crate::charm::endpoints::{
    AUTHORITIES, CATALOGUE, DASHBOARDS, GATEWAY, INGRESS, INGRESS_ROUTE, LOGS, MESH, METRICS,
    TRACING,
};
use crate::charm::peers::differs;
use crate::charm::workload::PORT;
use crate::relations::topology::Topology;
use crate::relations::{
    answer, catalogue, certificate_transfer, grafana_dashboard, ingress_per_app, istio_ingress,
    istio_ingress_route, kubeflow_dashboard_links, loki_push_api, prometheus_scrape, service_mesh,
    tracing,
};

/// Relations by endpoint.
pub(super) type RelationsOf = BTreeMap<&'static str, Vec<Relation>>;

/// Publishes the address of this unit where peers connect to it.
pub(super) fn publish_addresses(unit: &Unit, relations: &RelationsOf) -> anyhow::Result<()> {
    for (endpoint, write) in [
        (METRICS, (|unit, address| prometheus_scrape::unit(&unit.name, address)) as WriteAddress),
        (INGRESS, |unit, address| ingress_per_app::unit(&host_of(unit), address)),
    ] {
        if let Some(relations) = relations.get(endpoint) {
            publish_address(unit, endpoint, relations, write)?;
        }
    }
    Ok(())
}

/// Writes the application's databags that differ. Returns which of them peers reject.
pub(super) fn publish_application(
    unit: &Unit,
    mut relations: RelationsOf,
    route: &Route,
    host: Option<&str>,
) -> anyhow::Result<Vec<RelationProblem>> {
    let topology = Topology::of(unit);
    let mut problems = Vec::new();
    // Its databag is read only.
    relations.remove(GATEWAY);
    let sources = match relations.contains_key(MESH) {
        true => scrapers_of_model(unit, relations.get(METRICS))?,
        false => BTreeSet::new(),
    };
    for (endpoint, relations) in &relations {
        let wanted = match application(endpoint, &topology, route, host, &sources) {
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
            if let Some((name, databag)) = peer_application(relation)? {
                problems.extend(answer::refusal(&databag).map(|why| {
                    let endpoint = (*endpoint).to_owned();
                    let problem = RelationProblem::Rejected { peer: name, endpoint, why };
                    warn!("{problem}");
                    problem
                }));
            }
        }
    }
    Ok(problems)
}

/// Name and databag of a peer's application, if both can be read.
pub(super) fn peer_application(relation: &Relation) -> anyhow::Result<Option<(String, Databag)>> {
    let Some(name) = present(relation.application())?.flatten() else {
        return Ok(None);
    };
    let databag = present(relation.get(Side::Application(&name)))?;
    Ok(databag.map(|databag| (name, databag)))
}

/// Applications of this model that scrape the metrics. One of another model has its identity there,
/// which its relation does not tell.
fn scrapers_of_model(
    unit: &Unit,
    relations: Option<&Vec<Relation>>,
) -> anyhow::Result<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for relation in relations.into_iter().flatten() {
        let is_here = relation.model_uuid().is_ok_and(|uuid| uuid == unit.model_uuid);
        if is_here && let Some(name) = present(relation.application())?.flatten() {
            all.insert(name);
        }
    }
    Ok(all)
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
    scrapers: &BTreeSet<String>,
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
        INGRESS_ROUTE => {
            let (name, model) = (topology.application, topology.model);
            istio_ingress_route::application(name, model, PORT, PREFIX)
        }
        MESH => service_mesh::application(topology.application, topology.model, PORT, scrapers),
        TRACING => tracing::application(),
        AUTHORITIES => certificate_transfer::requirer(),
        _ => kubeflow_dashboard_links::application(route.path(host).as_deref()),
    })
}
