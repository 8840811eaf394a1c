//! What people could do to a platform by way of the charm, and slips of those who run it: each
//! is tried against real parts, and comes to nothing.

#[path = "../support/mod.rs"]
mod support;

mod slip;
