//! Tests of the charm, by a simulated Juju: hooks, actions and the controller, with or without a
//! cluster.

mod certificates;
mod cos;
mod juju;
mod life;
mod login_trust;
mod minio;
mod real_juju;
mod rotation;
mod tls_secret;
