//! The ledger of rotations in the application's databag of the peer relation.

use std::collections::BTreeMap;

use jiff::Timestamp;
use juju_charm::Unit;
use juju_charm::relation::{Relation, Side};

use crate::agent::input::CredentialState;
use crate::charm::peers;
use crate::rotation::{Credential, Ledger, Plan, Stage, Target};

/// The key of the application's databag in the peer relation that has the ledger.
pub(super) const KEY: &str = "rotation";

/// A ledger that is not understood. It is left as it is, for forgetting it might lose a rotation
/// that was begun.
#[derive(Debug, thiserror::Error)]
#[error(
    "the ledger of rotations, key {KEY} of {application}'s databag in the relation {relation}, is \
     not understood, and nothing is rotated: {source}; a newer version of the charm may have \
     written it"
)]
pub struct LedgerError {
    application: String,
    relation: String,
    source: serde_json::Error,
}

/// The ledger, or why it is malformed.
pub(super) fn read(unit: &Unit, peers: &Relation) -> anyhow::Result<Result<Ledger, LedgerError>> {
    let application = unit.name.split('/').next().unwrap_or(&unit.name);
    let databag = peers.get(Side::Application(application))?;
    let text = databag.get(KEY).map_or("", String::as_str);
    Ok(Ledger::parse(text).map_err(|source| LedgerError {
        application: application.to_owned(),
        relation: peers.id().to_owned(),
        source,
    }))
}

/// State of each credential, or why it is unknown.
pub fn known(unit: &Unit) -> anyhow::Result<Result<Ledger, LedgerError>> {
    match peers::relation()? {
        Some(peers) => read(unit, &peers),
        None => Ok(Ok(Ledger::default())),
    }
}

/// When each credential was last rotated, or why that is not known.
pub fn rotated(unit: &Unit) -> anyhow::Result<Result<BTreeMap<String, Timestamp>, LedgerError>> {
    Ok(known(unit)?.map(|ledger| times(&ledger)))
}

/// When each credential was last rotated.
pub fn times(ledger: &Ledger) -> BTreeMap<String, Timestamp> {
    let entries = ledger.0.iter();
    entries
        .filter_map(|(credential, entry)| Some((credential.to_string(), entry.rotated?)))
        .collect()
}

/// State of each credential in the plan.
pub fn credentials(plan: &Plan, ledger: &Ledger) -> BTreeMap<String, CredentialState> {
    let state = |(credential, target): (&Credential, &Target)| {
        let entry = ledger.0.get(credential).cloned().unwrap_or_default();
        let due = entry.rotated.and_then(|at| at.checked_add(target.every).ok());
        let state = CredentialState {
            rotated: entry.rotated,
            due,
            is_open: entry.stage != Stage::Settled,
            failed: entry.failure.is_some(),
        };
        (credential.to_string(), state)
    };
    plan.targets.iter().map(state).collect()
}
