//! Interrupts a scenario at every call in turn.

use std::fmt::Debug;

use crate::controller::State;
use crate::driver::{Outcome, Simulation};
use crate::event::Event;
use crate::fault::{Absence, Fault, Interruption};
use crate::model::Model;
use crate::removal::Step;

/// Tries of one event; more means that the charm does not get over the fault.
const TRIES: usize = 3;

/// What may go wrong in a run of a scenario.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// At a call of a hook tool, or of an attached controller's API.
    Call(Fault),
    /// Juju does not commit what the charm wrote in an event.
    Commit(usize),
    /// The unit does not lead during an event.
    Leadership(usize),
}

/// Runs a scenario without trouble, then again for every call of a hook tool and of
/// an attached controller: with `dispatch` killed before it, killed after it, with the
/// call failing, and with its answer lost. Then once for every event with its commit rejected, and
/// once with leadership lost for its time. Each time Juju goes on as it does: it
/// fires the event again, and an action once more as an operator would. Every run
/// must end in the state of the first.
///
/// `holds` is called after every try of an event, in every run, and panics where
/// what must always hold does not. `state` returns what is to be the same at the end.
/// Returns the number of troubled runs.
///
/// # Panics
/// If a run ends in another state, or an event does not succeed in three tries.
pub fn sweep<S: PartialEq + Debug>(
    make: impl Fn() -> Simulation,
    events: &[Event],
    holds: impl Fn(&Simulation),
    state: impl Fn(&Simulation) -> S,
) -> usize {
    let mut juju = make();
    let mut calls = 0;
    for event in events {
        let outcome = juju.run(event);
        assert!(went_well(&outcome), "{event:?} without trouble: {outcome:?}");
        holds(&juju);
        calls += outcome.calls.len();
    }
    let wanted = state(&juju);
    let faults = (0..calls)
        .flat_map(|after| Interruption::ALL.map(|what| Trouble::Call(Fault { after, what })));
    let of_events = (0..events.len()).flat_map(|at| [Trouble::Commit(at), Trouble::Leadership(at)]);
    let mut runs = 0;
    for trouble in faults.chain(of_events) {
        let mut juju = make();
        if let Trouble::Call(fault) = trouble {
            juju.interrupt(Some(fault));
        }
        for (at, event) in events.iter().enumerate() {
            if let Trouble::Commit(when) = trouble
                && when == at
            {
                juju.change(|model| {
                    model.fail_next_commit = Some("committing: connection lost".into());
                });
            }
            let is_lost = matches!(trouble, Trouble::Leadership(when) if when == at);
            if is_lost {
                lead(&mut juju, false);
            }
            let tried = (0..TRIES).any(|_| {
                let outcome = juju.run(event);
                holds(&juju);
                // A unit that does not lead may refuse an action.
                went_well(&outcome) || is_lost && outcome.committed()
            });
            assert!(tried, "{trouble:?}: {event:?} fails again");
            if is_lost {
                lead(&mut juju, true);
            }
        }
        let came = state(&juju);
        assert_eq!(came, wanted, "{trouble:?} ends elsewhere");
        runs += 1;
    }
    runs
}

/// Runs a life, and at each of its events for every call of a tool that reads, of an attached
/// controller and of a container, and for each way in which what it asks about can be gone, that
/// event once more from the same model and controller, and the next. No event may fail for that,
/// the first time it is fired: an action may refuse, and no more.
/// `holds` is called after every event. Returns how many troubles there were.
///
/// # Panics
/// If an event fails.
pub fn sweep_absences(
    juju: &mut Simulation,
    life: &[Step],
    holds: impl Fn(&Simulation, &Event),
) -> usize {
    let take = |juju: &mut Simulation, step: &Step, trouble: &str| {
        let outcome = juju.take(step);
        let event = &step.event;
        assert!(outcome.committed(), "{trouble}: {event:?} fails: {outcome:?}");
        holds(juju, event);
        outcome
    };
    let mut troubles = 0;
    for (at, step) in life.iter().enumerate() {
        let before = Saved::of(juju);
        let calls = take(juju, step, "without trouble").calls;
        let after = Saved::of(juju);
        let tools = calls.into_iter().map(|call| call.tool);
        let reads: Vec<String> = tools.filter(|tool| Absence::concerns(tool)).collect();
        for (read, tool) in reads.iter().enumerate() {
            let is_reported = |what: &&Absence| what.is_reported_by(tool, read);
            for what in Absence::ALL.iter().filter(is_reported) {
                before.restore(juju);
                juju.miss(Some((read, *what)));
                let trouble = format!("{what:?} at {tool}, read {read} of {:?}", step.event);
                take(juju, step, &trouble);
                juju.miss(None);
                // Ways to be gone leave the same behind, but for leadership.
                let leads_on =
                    matches!(what, Absence::NotFound | Absence::NotLeader | Absence::Disconnected);
                if let Some(next) = life.get(at + 1).filter(|_| leads_on) {
                    take(juju, next, &trouble);
                }
                troubles += 1;
            }
        }
        after.restore(juju);
    }
    troubles
}

/// A model, and what its controller knows.
struct Saved {
    model: Model,
    controller: Option<State>,
}

impl Saved {
    fn of(juju: &Simulation) -> Self {
        let controller = juju.controller.as_ref();
        Self {
            model: juju.model(),
            controller: controller.map(|controller| controller.state(State::clone)),
        }
    }

    fn restore(&self, juju: &mut Simulation) {
        juju.change(|model| *model = self.model.clone());
        if let (Some(controller), Some(state)) = (&juju.controller, &self.controller) {
            controller.change(|now| *now = state.clone());
        }
    }
}

/// Moves leadership, and fires what Juju then fires.
fn lead(juju: &mut Simulation, leads: bool) {
    for event in juju.lead(leads) {
        let outcome = juju.run(&event);
        assert!(went_well(&outcome), "{event:?}: {outcome:?}");
    }
}

fn went_well(outcome: &Outcome) -> bool {
    let done = outcome.action.as_ref().is_none_or(|a| a.failed.is_none());
    outcome.committed() && done
}
