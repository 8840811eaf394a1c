//! `prometheus_scrape`, provider side: the format is the same for Prometheus, Grafana agent and
//! OpenTelemetry collector.

use juju_charm::relation::Databag;
use serde_json::{Value, json};

use super::topology::Topology;

/// Application databag: scrape jobs and alert rules.
pub fn application(topology: &Topology<'_>, port: u16, rules: &Value) -> Databag {
    let jobs = json!([{
        "job_name": "agent",
        "metrics_path": "/metrics",
        "static_configs": [{"targets": [format!("*:{port}")]}],
    }]);
    Databag::from([
        ("scrape_jobs".into(), jobs.to_string()),
        ("scrape_metadata".into(), topology.metadata().to_string()),
        ("alert_rules".into(), rules.to_string()),
    ])
}

/// Unit databag: name and address of the scrape target.
pub fn unit(name: &str, address: &str) -> Databag {
    Databag::from([
        ("prometheus_scrape_unit_address".into(), address.into()),
        ("prometheus_scrape_unit_name".into(), name.into()),
    ])
}
