//! Databags of relations, one file per interface: parsing and writing, nothing else.
//!
//! Output is deterministic, as every changed byte triggers a hook of the peer. What each peer
//! accepts was established by running its own library.

pub mod answer;
pub mod catalogue;
pub mod certificate_transfer;
pub mod grafana_dashboard;
pub mod ingress_per_app;
pub mod istio_gateway_info;
pub mod istio_ingress;
pub mod istio_ingress_route;
pub mod kubeflow_dashboard_links;
pub mod loki_push_api;
pub mod prometheus_scrape;
pub mod service_mesh;
pub mod tls_certificates;
pub mod tls_request_errors;
pub mod topology;
pub mod tracing;
