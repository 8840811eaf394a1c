//! Tests of what clients of the gateway see: a real istiod and a real Envoy beside an API server.

mod ambient_certificate;
mod ambient_walk;
mod attachments;
mod authorization;
mod certificates;
mod entrances;
mod profile_users;
mod remedies;
mod sidecars;
mod stock_to_clean;
