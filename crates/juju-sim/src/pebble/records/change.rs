//! Changes and their tasks, as a Pebble holds them.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// How far a change or a task is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    Do,
    Doing,
    Done,
    Error,
    /// Not done, for another that failed.
    Hold,
}

impl Status {
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::Do => "Do",
            Self::Doing => "Doing",
            Self::Done => "Done",
            Self::Error => "Error",
            Self::Hold => "Hold",
        }
    }
}

/// A step of a change.
pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) kind: &'static str,
    pub(crate) summary: String,
    pub(crate) status: Status,
    pub(crate) log: Vec<String>,
    pub(crate) spawned: Timestamp,
    pub(crate) ready: Option<Timestamp>,
    pub(crate) data: Map<String, Value>,
}

/// A change.
pub(crate) struct Change {
    pub(crate) kind: &'static str,
    pub(crate) summary: String,
    pub(crate) status: Status,
    pub(crate) tasks: Vec<Task>,
    pub(crate) spawned: Timestamp,
    pub(crate) ready: Option<Timestamp>,
    /// What a notice of it says beside its kind.
    pub(crate) about: Map<String, Value>,
    /// The services that it is about.
    pub(crate) services: Vec<String>,
}

/// All changes, by id.
#[derive(Default)]
pub(crate) struct Changes {
    pub(crate) all: BTreeMap<u64, Change>,
    pub(crate) tasks: u64,
}

/// What a change is to do.
pub(crate) struct Plan {
    pub(crate) kind: &'static str,
    pub(crate) summary: String,
    pub(crate) tasks: Vec<(&'static str, String)>,
    pub(crate) services: Vec<String>,
    /// The check that it runs.
    pub(crate) check: Option<String>,
}

impl Change {
    /// What went wrong: every line of every task that says so.
    pub(crate) fn error(&self) -> Option<String> {
        if self.status != Status::Error {
            return None;
        }
        let failed = self.tasks.iter().filter(|t| t.status == Status::Error);
        let lines: Vec<String> = failed
            .flat_map(|task| {
                let errors = task.log.iter().filter_map(|l| l.split_once(" ERROR "));
                errors.map(|(_, why)| format!("- {} ({why})", task.summary))
            })
            .collect();
        Some(format!("cannot perform the following tasks:\n{}", lines.join("\n")))
    }

    pub(crate) fn to_json(&self, id: u64) -> Value {
        let tasks: Vec<Value> = self.tasks.iter().map(Task::to_json).collect();
        let mut change = json!({
            "id": id.to_string(),
            "kind": self.kind,
            "summary": self.summary,
            "status": self.status.text(),
            "tasks": tasks,
            "ready": self.ready.is_some(),
            "spawn-time": self.spawned,
        });
        if let Some(ready) = self.ready {
            change["ready-time"] = json!(ready);
        }
        if let Some(error) = self.error() {
            change["err"] = error.into();
        }
        change
    }
}

impl Task {
    pub(crate) fn to_json(&self) -> Value {
        let mut task = json!({
            "id": self.id.to_string(),
            "kind": self.kind,
            "summary": self.summary,
            "status": self.status.text(),
            "progress": {"label": "", "done": 1, "total": 1},
            "spawn-time": self.spawned,
        });
        if !self.log.is_empty() {
            task["log"] = json!(self.log);
        }
        if let Some(ready) = self.ready {
            task["ready-time"] = json!(ready);
        }
        if !self.data.is_empty() {
            task["data"] = Value::Object(self.data.clone());
        }
        task
    }
}
