//! Evaluates the controls that the policy adds, on a thread of its own: neither verdicts nor
//! repairs wait for an expression, or for any number of objects.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::inbox::{Current, Inbox};
use crate::controls::custom::{Evaluation, not_installed};
use crate::controls::{Outcome, Outcomes};
use crate::facts::kubernetes::{Source, visit_custom_resources};
use crate::facts::watch::FactStore;
use crate::policy::custom::{CustomControl, ObjectKind};

/// How often they are evaluated: their kinds may be any, and are not watched.
const OFTEN: Duration = Duration::from_secs(300);
/// How often it is looked whether the policy is another.
const LOOKS: Duration = Duration::from_secs(1);
/// Longest time for a kind.
const WITHIN: Duration = Duration::from_secs(120);
/// Longest computing of all controls of a round.
const ROUND: Duration = Duration::from_secs(60);

/// The last outcomes, shared with the thread that assesses.
#[derive(Clone, Default)]
pub struct Evaluated(Arc<Mutex<Outcomes>>);

impl Evaluated {
    /// The current outcomes.
    pub fn outcomes(&self) -> Outcomes {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Replaces them; returns whether they are others.
    fn put(&self, new: Outcomes) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_other = *all != new;
        *all = new;
        is_other
    }
}

/// Evaluates until the process ends.
pub fn run(source: &Source, inbox: &Inbox, live: &FactStore, evaluated: &Evaluated) {
    let mut last: Option<(Instant, Arc<Current>)> = None;
    loop {
        let current = inbox.read();
        let is_same = |before: &Current| {
            before.number == current.number
                || before.options.policy.controls == current.options.policy.controls
        };
        let is_done =
            last.as_ref().is_some_and(|(at, before)| at.elapsed() < OFTEN && is_same(before));
        if !is_done {
            last = Some((Instant::now(), Arc::clone(&current)));
            let outcomes = evaluate(source, &current.options.policy.controls);
            if evaluated.put(outcomes) {
                live.change("others", |_| true);
            }
        }
        std::thread::sleep(LOOKS);
    }
}

fn evaluate(source: &Source, controls: &[CustomControl]) -> Outcomes {
    let mut by_kind: BTreeMap<&ObjectKind, Vec<&CustomControl>> = BTreeMap::new();
    for control in controls {
        by_kind.entry(&control.kind).or_default().push(control);
    }
    let mut left = ROUND;
    let mut outcomes = Outcomes::new();
    for (kind, controls) in by_kind {
        let begin = || {
            let each = controls.iter().map(|control| Evaluation::new(control, left));
            each.collect::<Vec<_>>()
        };
        let take = |evaluations: &mut Vec<Evaluation<'_>>, object: &Value| {
            evaluations.iter_mut().for_each(|each| each.take(object));
        };
        let found = visit_custom_resources(source, kind, WITHIN, begin, take);
        let mut put = |control: &CustomControl, outcome| {
            let of = (control.clone(), outcome);
            outcomes.insert(control.control.id.clone(), of);
        };
        match found {
            Ok(Some(evaluations)) => {
                let spent: Duration = evaluations.iter().map(Evaluation::spent).sum();
                left = left.saturating_sub(spent);
                for (control, evaluation) in controls.iter().zip(evaluations) {
                    put(control, evaluation.finish());
                }
            }
            Ok(None) => controls.iter().for_each(|control| put(control, not_installed(control))),
            Err(why) => {
                let why = Outcome::NotAssessed(format!("{kind}: {why}"));
                controls.iter().for_each(|control| put(control, why.clone()));
            }
        }
    }
    outcomes
}
