//! Action: actions of units of the model that is logged in to.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::wire::{Entities, Facade, or_default, untagged};
use crate::connection::{Connection, Password};
use crate::error::FailureWire;
use crate::{Error, Failure};

const FACADE: Facade = Facade { name: "Action", versions: &[7] };

/// Between two questions after an action, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Status of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ActionStatus {
    /// The unit has not begun.
    Pending,
    /// Running.
    Running,
    /// Completed.
    Completed,
    /// Failed.
    Failed,
    /// Cancelled.
    Cancelled,
    /// Any other end.
    #[default]
    #[serde(other)]
    Other,
}

/// Result of an action.
#[derive(Clone, Debug, Default)]
pub struct ActionResult {
    /// Its status.
    pub status: ActionStatus,
    /// Why it failed.
    pub message: String,
    /// Its results, which may be secrets.
    pub output: BTreeMap<String, Password>,
}

#[derive(Deserialize)]
struct ActionsWire {
    #[serde(default, alias = "results", deserialize_with = "or_default")]
    actions: Vec<ActionWire>,
}

#[derive(Deserialize)]
struct ActionWire {
    #[serde(default)]
    action: Option<TagWire>,
    #[serde(default)]
    status: ActionStatus,
    #[serde(default)]
    message: String,
    #[serde(default, deserialize_with = "or_default")]
    output: BTreeMap<String, Value>,
    #[serde(default)]
    error: Option<FailureWire>,
}

#[derive(Deserialize)]
struct TagWire {
    tag: String,
}

#[derive(Serialize)]
struct Operation<'a, P> {
    actions: [Enqueued<'a, P>; 1],
}

#[derive(Serialize)]
struct Enqueued<'a, P> {
    tag: &'a str,
    receiver: String,
    name: &'a str,
    parameters: &'a P,
}

impl Connection {
    /// Asks a unit to run an action, and returns the action's id. Parameters, a map, are
    /// kept by Juju, where readers of the model see them: never give a secret.
    pub fn enqueue_action(
        &mut self,
        unit: &str,
        name: &str,
        parameters: &impl Serialize,
    ) -> Result<String, Error> {
        let enqueued = Enqueued {
            tag: "",
            receiver: format!("unit-{}", unit.replace('/', "-")),
            name,
            parameters,
        };
        let operation = Operation { actions: [enqueued] };
        let answer: ActionsWire = self.call(&FACADE, "EnqueueOperation", operation)?;
        let wire = one(answer, "Action.EnqueueOperation")?;
        let tag = wire.action.map(|action| action.tag).unwrap_or_default();
        Ok(untagged(&tag, "action").to_owned())
    }

    /// Status of an action.
    pub fn action(&mut self, id: &str) -> Result<ActionResult, Error> {
        let params = Entities::one(format!("action-{id}"));
        let answer: ActionsWire = self.call(&FACADE, "Actions", params)?;
        let wire = one(answer, "Action.Actions")?;
        let text = |value: Value| match value {
            Value::String(text) => Password::new(text),
            other => Password::new(other.to_string()),
        };
        let output = wire.output.into_iter();
        Ok(ActionResult {
            status: wire.status,
            message: wire.message,
            output: output.map(|(key, value)| (key, text(value))).collect(),
        })
    }

    /// Waits until an action has ended, but not beyond `until`, and returns its status.
    pub fn wait_for_action(&mut self, id: &str, until: Instant) -> Result<ActionResult, Error> {
        let mut pause = PAUSES.0;
        loop {
            let result = self.action(id)?;
            let goes_on = matches!(result.status, ActionStatus::Pending | ActionStatus::Running);
            let left = until.saturating_duration_since(Instant::now());
            if !goes_on || left.is_zero() {
                return Ok(result);
            }
            std::thread::sleep(pause.min(left));
            pause = (pause * 2).min(PAUSES.1);
        }
    }
}

fn one(mut answer: ActionsWire, call: &str) -> Result<ActionWire, Error> {
    let count = answer.actions.len();
    let mut wire = answer.actions.pop().filter(|_| count == 1).ok_or_else(|| {
        let why = format!("{count} results for one action");
        let what = call.to_owned();
        Error::Answer { what, why }
    })?;
    match wire.error.take() {
        None => Ok(wire),
        Some(error) => Err(Error::Call { call: call.to_owned(), failure: Failure::from(error) }),
    }
}
