//! Services: `/v1/services` and `/v1/signals`.

use std::collections::{BTreeMap, BTreeSet};

use axum::body::Bytes;
use axum::extract::{Query, State};
use nix::sys::signal::Signal;
use serde::Deserialize;
use serde_json::{Value, json};

use super::answer::{Answer, Parameters, Refusal, decode, decode_data, started, sync};
use super::order::{comes_before, start_order, stop_order};
use super::plan::{self, Startup};
use super::records::change::{self, Status};
use super::records::service::{Current, Service};
use super::state::{App, State as Pebble, signal};
use super::supervise;

impl Pebble {
    /// What a service does now.
    pub(super) fn current(&self, name: &str) -> Current {
        self.services.get(name).map_or(Current::Inactive, |s| s.current)
    }

    /// Whether it runs, or will again.
    fn is_up(&self, name: &str) -> bool {
        matches!(self.current(name), Current::Active | Current::Backoff)
    }
}

/// `GET`.
pub(super) async fn list(State(app): State<App>, Query(parameters): Query<Parameters>) -> Answer {
    let names = parameters.many("names");
    let state = app.lock();
    let all = state.plan.services.iter();
    let asked = all.filter(|(name, _)| names.is_empty() || names.contains(&name.as_str()));
    let services = asked.map(|(name, service)| {
        let mut shown = json!({
            "name": name,
            "startup": service.startup.unwrap_or(Startup::Disabled),
            "current": state.current(name).text(),
        });
        if let Some(since) = state.services.get(name).and_then(|s| s.since) {
            shown["current-since"] = json!(since);
        }
        shown
    });
    sync(services.collect::<Vec<Value>>())
}

#[derive(Deserialize)]
struct Request {
    action: String,
    #[serde(default)]
    services: Vec<String>,
}

/// `POST`.
pub(super) async fn change(State(app): State<App>, body: Bytes) -> Answer {
    let Request { action, services } = decode_data(&body)?;
    let mut state = app.lock();
    let plan = &state.plan;
    let enabled = || -> Vec<String> {
        let is_enabled = |s: &&plan::Service| s.startup == Some(Startup::Enabled);
        let all = plan.services.iter();
        let enabled = all.filter(|(_, service)| is_enabled(service));
        enabled.map(|(name, _)| name.clone()).collect()
    };
    let (stop, start) = match action.as_str() {
        "autostart" | "replan" if !services.is_empty() => {
            return Err(Refusal::bad_request(format!("{action} accepts no service names")));
        }
        "autostart" => (Vec::new(), start_order(&plan.services, &enabled())),
        "replan" => {
            let is_other = |(name, service): &(&String, &Service)| {
                state.is_up(name) && plan.services.get(*name) != Some(&service.config)
            };
            let running = state.services.iter().filter(is_other);
            let stop: Vec<String> = running.map(|(name, _)| name.clone()).collect();
            let mut start = enabled();
            let known = stop.iter().filter(|n| plan.services.contains_key(*n));
            start.extend(known.cloned());
            (stop, start_order(&plan.services, &start))
        }
        _ if services.is_empty() => {
            return Err(Refusal::bad_request(format!("must specify services for {action} action")));
        }
        "start" | "stop" | "restart" => {
            let unknown = services.iter().find(|n| !plan.services.contains_key(*n));
            if let Some(name) = unknown {
                return Err(Refusal::bad_request(format!(
                    "cannot {action} services: service {name:?} does not exist"
                )));
            }
            match action.as_str() {
                "start" => (Vec::new(), start_order(&plan.services, &services)),
                "stop" => (stop_order(&plan.services, &services), Vec::new()),
                _ => {
                    let stop = stop_order(&plan.services, &services);
                    let again: Vec<String> = stop.iter().chain(&services).cloned().collect();
                    (stop, start_order(&plan.services, &again))
                }
            }
        }
        _ => {
            return Err(Refusal::bad_request(format!("invalid action {action:?}")));
        }
    };
    let change = begin(&mut state, &action, &stop, &start);
    drop(state);
    tokio::spawn(perform(app, change, stop, start));
    started(&change.to_string(), &Value::Null)
}

fn begin(state: &mut Pebble, action: &str, stop: &[String], start: &[String]) -> u64 {
    let (kind, verb) = match action {
        "start" => ("start", "Start"),
        "stop" => ("stop", "Stop"),
        "restart" => ("restart", "Restart"),
        "replan" => ("replan", "Replan"),
        _ => ("autostart", "Autostart"),
    };
    let names: BTreeSet<&String> = stop.iter().chain(start).collect();
    let summary = match (names.first(), names.len()) {
        (None, _) => format!("{verb} - no services"),
        (Some(name), 1) => format!("{verb} service {name:?}"),
        (Some(name), more) => format!("{verb} service {name:?} and {} more", more - 1),
    };
    let stops = stop.iter().map(|n| ("stop", format!("Stop service {n:?}")));
    let starts = start.iter().map(|n| ("start", format!("Start service {n:?}")));
    let services = names.into_iter().cloned().collect();
    state.begin(change::Plan {
        kind,
        summary,
        tasks: stops.chain(starts).collect(),
        services,
        check: None,
    })
}

/// Does the tasks of a change: what stops first.
async fn perform(app: App, change: u64, stop: Vec<String>, start: Vec<String>) {
    for (task, name) in stop.iter().enumerate() {
        supervise::stop(&app, name).await;
        app.lock().end_task(change, task, Status::Done);
    }
    let mut failed: BTreeSet<&str> = BTreeSet::new();
    for (task, name) in (stop.len()..).zip(&start) {
        let waits = {
            let state = app.lock();
            let waits_for = |other: &&str| comes_before(&state.plan.services, other, name);
            failed.iter().any(waits_for)
        };
        if waits {
            failed.insert(name);
            app.lock().end_task(change, task, Status::Hold);
            continue;
        }
        let outcome = supervise::start(&app, name).await;
        let mut state = app.lock();
        let status = match outcome {
            Ok(note) => {
                if let Some(note) = note {
                    state.log_task(change, task, "INFO", &note);
                }
                Status::Done
            }
            Err(error) => {
                failed.insert(name);
                let output = state.logs.last_output(name);
                let said = format!("Most recent service output:\n{output}");
                state.log_task(change, task, "INFO", &said);
                let error = format!("service start attempt: {error}");
                state.log_task(change, task, "ERROR", &error);
                Status::Error
            }
        };
        state.end_task(change, task, status);
    }
}

#[derive(Deserialize)]
struct Signalled {
    signal: String,
    services: Vec<String>,
}

/// `POST` of `/v1/signals`.
pub(super) async fn send_signal(State(app): State<App>, body: Bytes) -> Answer {
    let request: Signalled = decode(&body)?;
    let state = app.lock();
    let mut processes = BTreeMap::new();
    for name in &request.services {
        match state.services.get(name).and_then(|s| s.process) {
            Some(process) => processes.insert(name, process),
            None => {
                return Err(Refusal::internal(format!(
                    "cannot send signal to {name:?}: service is not running"
                )));
            }
        };
    }
    let Some(sent) = signal_of(&request.signal) else {
        return Err(Refusal::internal(format!(
            "cannot send signal to {:?}: invalid signal name {:?}",
            request.services.first().map_or("", String::as_str),
            request.signal
        )));
    };
    for process in processes.into_values() {
        signal(process, sent);
    }
    sync(true)
}

/// The signal of a name.
pub(super) fn signal_of(name: &str) -> Option<Signal> {
    name.parse().ok()
}
