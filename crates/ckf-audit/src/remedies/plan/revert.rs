//! The changes that take back what remedies did.

use std::collections::BTreeSet;

use serde_json::Value;

use super::change::{Change, Operation};
use super::model::{Plan, deletion};
use crate::remedies::managed::{is_kept, remedy_of};
use crate::remedies::ownership::Managed;
use crate::remedies::record::Record;
use crate::remedies::remedy::Remedy;

/// A remedy that cannot be undone, because the option `enforce` would apply it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the charm enforces {0} and would apply it again; remove it from the option enforce")]
pub struct StillEnforced(pub Remedy);

/// Plans the reversal of these remedies.
pub fn undo(own: &Managed, remedies: &BTreeSet<Remedy>) -> Result<Plan, StillEnforced> {
    let is_undone = |remedy: Option<Remedy>| remedy.is_some_and(|of| remedies.contains(&of));
    let of_objects = own.objects.iter().chain(&own.pending);
    let kept = of_objects
        .filter(|object| is_kept(object))
        .filter_map(remedy_of)
        .chain(own.records.iter().filter(|of| of.kept).map(|of| of.remedy))
        .find(|remedy| is_undone(Some(*remedy)));
    if let Some(remedy) = kept {
        return Err(StillEnforced(remedy));
    }
    let mut plan = revert_where(own, |remedy, _| is_undone(Some(remedy)));
    let untouched = remedies.iter().filter(|remedy| {
        let mut changes = plan.changes.iter();
        !changes.any(|change| change.remedy == **remedy)
    });
    plan.notes = untouched.map(|remedy| (*remedy, "not applied".into())).collect();
    Ok(plan)
}

/// Plans the reversal of everything that operators applied by hand.
pub fn undo_all(own: &Managed) -> Plan {
    revert_where(own, |_, is_kept| !is_kept)
}

/// Plans the deletion of all managed objects and the reversal of all edits.
pub fn remove_all(own: &Managed) -> Plan {
    revert_where(own, |_, _| true)
}

/// Deletes what a remedy created and reverts what it edited, where the predicate holds.
fn revert_where(own: &Managed, goes: impl Fn(Remedy, bool) -> bool) -> Plan {
    let mut plan = Plan { ignored: own.ignored.clone(), ..Plan::default() };
    let all = |objects: &'_ [Value]| -> Vec<(Remedy, Value)> {
        let of_remedy =
            objects.iter().filter_map(|object| Some((remedy_of(object)?, object.clone())));
        let gone = of_remedy.filter(|(remedy, object)| goes(*remedy, is_kept(object)));
        gone.collect()
    };
    for (remedy, object) in all(&own.objects) {
        plan.delete(remedy, &object);
    }
    let records = own.records.iter();
    let gone = records.filter(|record| goes(record.remedy, record.kept));
    plan.changes.extend(gone.map(revert));
    let pending = all(&own.pending);
    let deletions = pending.iter().filter_map(|(of, object)| deletion(*of, object));
    plan.changes.extend(deletions);
    plan
}

/// Restores the state of a record.
pub(super) fn revert(record: &Record) -> Change {
    Change { remedy: record.remedy, operation: Operation::revert(record), diff: Vec::new() }
}
