//! What is being done, and was: `/v1/changes`.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::answer::{Answer, Parameters, Refusal, sync};
use super::records::change::{Change, Plan, Status, Task};
use super::state::{App, State as Pebble};

/// Lines of a task's log that are kept.
const LINES: usize = 10;

impl Pebble {
    /// Begins a change; one without tasks is done.
    pub(super) fn begin(&mut self, plan: Plan) -> u64 {
        let spawned = Timestamp::now();
        let id = self.changes.all.len() as u64 + 1;
        let mut about = Map::from_iter([("kind".to_owned(), plan.kind.into())]);
        if let Some(check) = plan.check {
            about.insert("check-name".into(), check.into());
        }
        let tasks: Vec<Task> = plan
            .tasks
            .into_iter()
            .map(|(kind, summary)| {
                self.changes.tasks += 1;
                Task {
                    id: self.changes.tasks,
                    kind,
                    summary,
                    status: Status::Doing,
                    log: Vec::new(),
                    spawned,
                    ready: None,
                    data: Map::new(),
                }
            })
            .collect();
        let is_empty = tasks.is_empty();
        let change = Change {
            kind: plan.kind,
            summary: plan.summary,
            status: Status::Do,
            tasks,
            spawned,
            ready: None,
            about,
            services: plan.services,
        };
        self.changes.all.insert(id, change);
        self.tell_of(id);
        self.set_status(id, Status::Doing);
        if is_empty {
            self.set_status(id, Status::Done);
        }
        id
    }

    /// The id of a change's task.
    pub(super) fn task_id(&self, change: u64, task: usize) -> u64 {
        self.changes.all[&change].tasks[task].id
    }

    /// Adds a line to a task's log.
    pub(super) fn log_task(&mut self, change: u64, task: usize, level: &str, text: &str) {
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ");
        if let Some(task) = self.task(change, task) {
            task.log.push(format!("{now} {level} {text}"));
            let excess = task.log.len().saturating_sub(LINES);
            task.log.drain(..excess);
        }
    }

    /// Keeps something with a task.
    pub(super) fn set_data(&mut self, change: u64, task: usize, name: &str, value: Value) {
        if let Some(task) = self.task(change, task) {
            task.data.insert(name.to_owned(), value);
        }
    }

    /// Ends a task, and with the last one the change.
    pub(super) fn end_task(&mut self, change: u64, task: usize, status: Status) {
        if let Some(task) = self.task(change, task) {
            task.status = status;
            task.ready = Some(Timestamp::now());
        }
        let tasks = &self.changes.all[&change].tasks;
        if tasks.iter().any(|task| task.ready.is_none()) {
            return;
        }
        match tasks.iter().any(|task| task.status == Status::Error) {
            true => {
                // What was done is looked through before it is called an error.
                self.tell_of(change);
                self.set_status(change, Status::Error);
            }
            false => self.set_status(change, Status::Done),
        }
    }

    fn task(&mut self, change: u64, task: usize) -> Option<&mut Task> {
        self.changes.all.get_mut(&change)?.tasks.get_mut(task)
    }

    fn set_status(&mut self, id: u64, status: Status) {
        if let Some(change) = self.changes.all.get_mut(&id) {
            change.status = status;
            if matches!(status, Status::Done | Status::Error) {
                change.ready = Some(Timestamp::now());
            }
        }
        self.tell_of(id);
    }

    /// A change is a public notice each time that it gets further.
    fn tell_of(&mut self, id: u64) {
        let about = self.changes.all[&id].about.clone();
        let key = id.to_string();
        self.notices.occurred(None, "change-update", &key, about, Duration::ZERO);
        self.note();
    }
}

/// `GET`: those that are at work, unless others are asked for.
pub(super) async fn list(State(app): State<App>, Query(parameters): Query<Parameters>) -> Answer {
    let is_asked: fn(&Change) -> bool = match parameters.one("select") {
        None | Some("in-progress") => |change| change.ready.is_none(),
        Some("ready") => |change| change.ready.is_some(),
        Some("all") => |_| true,
        Some(_) => {
            return Err(Refusal::bad_request("select should be one of: all,in-progress,ready"));
        }
    };
    let service = parameters.one("for");
    let is_for = |change: &Change| {
        service.is_none_or(|service| change.services.iter().any(|name| name == service))
    };
    let state = app.lock();
    let all = state.changes.all.iter();
    let asked = all.filter(|(_, change)| is_asked(change) && is_for(change));
    sync(asked.map(|(id, c)| c.to_json(*id)).collect::<Vec<_>>())
}

/// `GET` of one.
pub(super) async fn get(State(app): State<App>, Path(id): Path<String>) -> Answer {
    let state = app.lock();
    let (number, change) = found(&state, &id)?;
    sync(change.to_json(number))
}

/// `POST` to one.
pub(super) async fn change(State(app): State<App>, Path(id): Path<String>, _: Bytes) -> Answer {
    let is_ready = found(&app.lock(), &id)?.1.ready.is_some();
    match is_ready {
        true => Err(Refusal::bad_request(format!("cannot abort change {id} with nothing pending"))),
        false => Err(Refusal::not_simulated("aborting a change")),
    }
}

/// `GET` of one when it is ready.
pub(super) async fn wait(
    State(app): State<App>,
    Path(id): Path<String>,
    Query(parameters): Query<Parameters>,
) -> Answer {
    let timeout = parameters.timeout()?;
    let deadline = timeout.map(|timeout| Instant::now() + timeout);
    let mut changed = app.changed();
    loop {
        {
            let state = app.lock();
            let (number, change) = found(&state, &id)?;
            if change.ready.is_some() {
                return sync(change.to_json(number));
            }
        }
        let Some(deadline) = deadline else {
            // The sender lives as long as the state.
            let _ = changed.changed().await;
            continue;
        };
        if tokio::time::timeout_at(deadline, changed.changed()).await.is_err() {
            let waited = super::durations::format(timeout.unwrap_or_default());
            return Err(Refusal::new(
                StatusCode::GATEWAY_TIMEOUT,
                format!("timed out waiting for change after {waited}"),
            ));
        }
    }
}

fn found<'a>(state: &'a Pebble, id: &str) -> Result<(u64, &'a Change), Refusal> {
    let missing = || Refusal::not_found(format!("cannot find change with id {id:?}"));
    let number = id.parse().map_err(|_| missing())?;
    let change = state.changes.all.get(&number).ok_or_else(missing)?;
    Ok((number, change))
}
