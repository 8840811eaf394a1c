//! Interrupts a scenario at every call of a hook tool in turn.

use std::fmt::Debug;

use crate::driver::{Outcome, Simulation};
use crate::event::Event;
use crate::fault::{Fault, Interruption};
use crate::model::Model;

/// Tries of one event; more means that the charm does not get over the fault.
const TRIES: usize = 3;

/// Runs a scenario without a fault, then again for every call of a hook tool:
/// with `dispatch` killed before it, killed after it, and with the call failing.
/// Each time Juju goes on as it does: it fires the event again, and an action
/// once more as an operator would. Every run must end in the state of the first.
///
/// `state` tells what of the model is to be the same. Returns the number of
/// interrupted runs.
///
/// # Panics
/// If a run ends in another state, or an event does not succeed in three tries.
pub fn sweep<S: PartialEq + Debug>(
    make: impl Fn() -> Simulation,
    events: &[Event],
    state: impl Fn(&Model) -> S,
) -> usize {
    let mut juju = make();
    let mut calls = 0;
    for event in events {
        let outcome = juju.run(event);
        assert!(
            went_well(&outcome),
            "{event:?} without a fault: {outcome:?}"
        );
        calls += outcome.calls.len();
    }
    let wanted = state(&juju.model());
    for after in 0..calls {
        for what in Interruption::ALL {
            let mut juju = make();
            juju.interrupt(Some(Fault { after, what }));
            for event in events {
                let tried = (0..TRIES).any(|_| went_well(&juju.run(event)));
                assert!(tried, "{what:?} at call {after}: {event:?} fails again");
            }
            let came = state(&juju.model());
            assert_eq!(came, wanted, "{what:?} at call {after} ends elsewhere");
        }
    }
    calls * Interruption::ALL.len()
}

fn went_well(outcome: &Outcome) -> bool {
    let done = outcome.action.as_ref().is_none_or(|a| a.failed.is_none());
    outcome.committed() && done
}
