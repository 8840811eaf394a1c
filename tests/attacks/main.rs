//! Attacks on the product, by attacker, beside a real API server.

mod network;
#[path = "../support/mod.rs"]
mod support;
mod tenant_expressions;
