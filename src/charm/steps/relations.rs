//! Relations with COS and with Kubeflow's dashboard: their databags, and where logs go.

use std::collections::{BTreeMap, BTreeSet};

use juju_charm::event::RelationChange;
use juju_charm::port::{self, Port};
use juju_charm::relation::{self, Databag, Relation, Side};
use juju_charm::tool::present;
use juju_charm::{Event, Unit};
use log::warn;

use super::Outcome;
use super::databags::{self, RelationsOf, peer_application};
use super::relation_problem::RelationProblem;
use super::route::Route;
use crate::charm::endpoints::{
    self, AUTHORITIES, GATEWAY, INGRESS, INGRESS_ROUTE, LINKS, LOGS, TRACING,
};
use crate::charm::hook::Hook;
use crate::charm::workload::{PORT, Workload};
use crate::relations::topology::Topology;
use crate::relations::{certificate_transfer, istio_gateway_info, loki_push_api, tracing};

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
    problems: Vec<RelationProblem>,
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
    Ok(Outcome::all(related.problems))
}

/// Writes what each peer should know; only a leader writes for the application.
fn update(
    unit: &Unit,
    event: &Event,
    is_leader: bool,
    host: Option<&str>,
) -> anyhow::Result<Related> {
    let relations = present_relations(event)?;
    let mut result = received(&relations)?;
    databags::publish_addresses(unit, &relations)?;
    open_port_if_reached(&result.endpoints)?;
    if !is_leader {
        return Ok(result);
    }
    result.problems = gateway_problems(&relations)?;
    let first = |endpoint| relations.get(endpoint).and_then(|all| all.first());
    let route = Route::of(first(INGRESS))?.or(Route::in_ambient(first(INGRESS_ROUTE))?);
    result.problems.extend(route_problems(&relations, &route));
    result.problems.extend(databags::publish_application(unit, relations, &route, host)?);
    Ok(result)
}

/// The relations that there are, without one that this event ends.
fn present_relations(event: &Event) -> anyhow::Result<RelationsOf> {
    let broken = match event {
        Event::Relation(relation) if relation.what == RelationChange::Broken => {
            Some(Relation::new(&relation.id))
        }
        _ => None,
    };
    let mut relations = RelationsOf::new();
    for endpoint in endpoints::ALL {
        let mut all = relation::of_endpoint(endpoint)?;
        all.retain(|relation| Some(relation) != broken.as_ref());
        if !all.is_empty() {
            relations.insert(endpoint, all);
        }
    }
    Ok(relations)
}

/// What peers sent to this unit.
fn received(relations: &RelationsOf) -> anyhow::Result<Related> {
    let mut result = Related {
        endpoints: relations.keys().map(|endpoint| (*endpoint).to_owned()).collect(),
        ..Related::default()
    };
    for relation in relations.get(LOGS).into_iter().flatten() {
        for name in present(relation.units())?.unwrap_or_default() {
            let databag = present(relation.get(Side::Unit(&name)))?.unwrap_or_default();
            let url = loki_push_api::endpoint(&databag);
            result.log_targets.extend(url.map(|url| (name, url)));
        }
    }
    for relation in relations.get(TRACING).into_iter().flatten() {
        if let Some((_, databag)) = peer_application(relation)? {
            result.trace_receiver = tracing::endpoint(&databag);
        }
    }
    for relation in relations.get(AUTHORITIES).into_iter().flatten() {
        result.authorities.extend(certificate_transfer::received(read_peer(relation)?.iter()));
    }
    Ok(result)
}

/// Opens the port while an endpoint by which peers connect is related.
fn open_port_if_reached(related: &BTreeSet<String>) -> anyhow::Result<()> {
    let is_reached = endpoints::CONNECTED.iter().any(|endpoint| related.contains(*endpoint));
    let is_open = port::opened()?.contains(&Port::Tcp(PORT));
    match (is_reached, is_open) {
        (true, false) => port::open(Port::Tcp(PORT))?,
        (false, true) => port::close(Port::Tcp(PORT))?,
        _ => {}
    }
    Ok(())
}

/// Gateways that their charm has removed.
fn gateway_problems(relations: &RelationsOf) -> anyhow::Result<Vec<RelationProblem>> {
    let mut problems = Vec::new();
    for relation in relations.get(GATEWAY).into_iter().flatten() {
        if let Some((name, databag)) = peer_application(relation)?
            && let Some(info) = istio_gateway_info::read(&databag)
            && !info.is_up
        {
            let (namespace, gateway) = (info.namespace, info.name);
            problems.push(RelationProblem::NoGateway { charm: name, namespace, name: gateway });
        }
    }
    Ok(problems)
}

/// Problems of the route that the dashboard's link and the report page need.
fn route_problems(relations: &RelationsOf, route: &Route) -> Vec<RelationProblem> {
    let mut problems = Vec::new();
    if let Route::Pending(name) = route {
        problems.push(RelationProblem::NoRoute(name.clone()));
    }
    if relations.contains_key(LINKS) && *route == Route::None {
        problems.push(RelationProblem::LinkWithoutIngress);
    }
    problems
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
