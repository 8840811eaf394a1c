//! Attacks on the product, a file for each attacker.

#[path = "../support/mod.rs"]
mod support;

mod registry;
mod tenant;
