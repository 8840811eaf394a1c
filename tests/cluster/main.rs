//! Tests beside a real API server: the command line and the agent.

mod access_reviews;
mod agent;
mod audit;
mod controller;
mod custom_controls;
mod extensions;
mod fleet;
mod hardening;
mod how_to;
mod kubeconfigs;
mod leaks;
mod loader;
mod metadata_egress;
mod network_kinds;
mod permissions;
mod pod_security;
mod prometheus;
mod prometheus_tls;
mod remedies;
mod requests;
mod telemetry;
mod tutorial;
mod upgrade_plan;
mod yardstick;
