//! One file an interface: the bytes of a databag to types and back, nothing else.
//!
//! What is written is written the same each time, for each change of a byte wakes the
//! peer. The facts about what each peer takes were found by running their own libraries.

pub mod answer;
pub mod catalogue;
pub mod certificate_transfer;
pub mod grafana_dashboard;
pub mod istio_gateway_info;
pub mod istio_ingress;
pub mod kubeflow_dashboard_links;
pub mod loki_push_api;
pub mod prometheus_scrape;
pub mod tls_certificates;
pub mod topology;
