//! Endpoints of COS and of Kubeflow's dashboard, by name.

use std::collections::BTreeSet;

use juju_charm::Event;
use juju_charm::event::Lifecycle;

pub const METRICS: &str = "metrics-endpoint";
pub const DASHBOARDS: &str = "grafana-dashboard";
pub const LOGS: &str = "logging";
pub const CATALOGUE: &str = "catalogue";
pub const INGRESS: &str = "ingress";
pub const INGRESS_ROUTE: &str = "istio-ingress-route";
pub const LINKS: &str = "dashboard-links";
pub const GATEWAY: &str = "gateway-info";
pub const TRACING: &str = "charm-tracing";
pub const AUTHORITIES: &str = "receive-ca-cert";
pub const MESH: &str = "service-mesh";
/// All of them.
pub const ALL: [&str; 11] = [
    METRICS,
    DASHBOARDS,
    LOGS,
    CATALOGUE,
    INGRESS,
    INGRESS_ROUTE,
    LINKS,
    GATEWAY,
    TRACING,
    AUTHORITIES,
    MESH,
];
/// Endpoints that publish the report page.
const REPORT: [&str; 4] = [CATALOGUE, INGRESS, INGRESS_ROUTE, LINKS];
/// Endpoints whose peers connect to the agent's port: while one is related, it is a port of the
/// application's Service, and of the policies that other charms write from it.
pub const CONNECTED: [&str; 5] = [METRICS, CATALOGUE, INGRESS, INGRESS_ROUTE, LINKS];

/// Whether a related endpoint publishes the report page.
pub fn publishes_report(related: &BTreeSet<String>) -> bool {
    REPORT.iter().any(|endpoint| related.contains(*endpoint))
}

/// Whether a scraper of the metrics is related.
pub fn is_scraped(related: &BTreeSet<String>) -> bool {
    related.contains(METRICS)
}

/// Whether an event changes who may read the report or the metrics.
pub fn changes_audience(event: &Event) -> bool {
    matches!(event, Event::Relation(relation)
        if REPORT.contains(&relation.endpoint.as_str()) || relation.endpoint == METRICS)
}

/// Whether an event may change what these relations hold. `related` are the endpoints that were
/// related in an earlier hook: an address changes without an event of its own.
pub fn concerns(event: &Event, related: &BTreeSet<String>) -> bool {
    match event {
        Event::Relation(relation) => ALL.contains(&relation.endpoint.as_str()),
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
