//! What attackers and slips would do to the platform by this charm, an attacker a file: what
//! they try is tried here, and must come to nothing.

#[path = "../support/mod.rs"]
mod support;

mod planned;
mod slip_consent;
mod tenant_profiles;
