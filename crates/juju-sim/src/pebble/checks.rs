//! Health checks: `/v1/checks`.

use std::io;
use std::process::Stdio;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Query, State};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::answer::{Answer, Parameters, Refusal, decode_data, sync};
use super::errors::{CheckError, SpawnError};
use super::plan::{self, Level, Plan, Startup};
use super::programs::{Owner, environment, not_found};
use super::records::change::{self, Status};
use super::records::check::Check;
use super::records::options::Happened;
use super::state::{App, State as Pebble};
use super::supervise;

impl Pebble {
    /// Whether a check has failed as often as it may.
    pub(super) fn is_down(&self, name: &str) -> bool {
        let threshold = self.plan.checks.get(name).map(plan::Check::threshold);
        let check = self.checks.get(name).filter(|check| check.stop.is_some());
        check.is_some_and(|check| threshold.is_some_and(|most| check.failures >= most))
    }

    fn check_to_json(&self, name: &str, plan: &plan::Check) -> Value {
        let check = self.checks.get(name);
        let is_running = check.is_some_and(|check| check.stop.is_some());
        let status = match (is_running, self.is_down(name)) {
            (false, _) => "inactive",
            (true, false) => "up",
            (true, true) => "down",
        };
        let mut shown = json!({
            "name": name,
            "startup": plan.startup.unwrap_or(Startup::Enabled),
            "status": status,
            "successes": check.map_or(0, |check| check.successes),
            "threshold": plan.threshold(),
        });
        if let Some(level) = plan.level {
            shown["level"] = json!(level);
        }
        if let Some(failures) = check.map(|c| c.failures).filter(|f| *f > 0) {
            shown["failures"] = failures.into();
        }
        if let Some(change) = check.and_then(|check| check.change) {
            shown["change-id"] = change.to_string().into();
        }
        if let Some(change) = check.and_then(|check| check.previous_change) {
            shown["prev-change-id"] = change.to_string().into();
        }
        shown
    }
}

/// After the plan has changed, what is new or differs is started again, and what is gone stops.
pub(super) fn follow(app: &App, state: &mut Pebble, before: &Plan) {
    let now = state.plan.checks.clone();
    for (name, check) in &before.checks {
        if now.get(name) != Some(check) {
            stop(state, name);
        }
    }
    for (name, check) in &now {
        if before.checks.get(name) != Some(check) && check.is_enabled() {
            start(app, state, name);
        }
    }
}

fn start(app: &App, state: &mut Pebble, name: &str) -> bool {
    let Some(plan) = state.plan.checks.get(name).cloned() else {
        return false;
    };
    if state.checks.get(name).is_some_and(|c| c.stop.is_some()) {
        return false;
    }
    let (stop, stopped) = watch::channel(false);
    let change = Some(begin(state, name, &plan, false));
    let check = Check { change, stop: Some(stop), ..Check::default() };
    state.checks.insert(name.to_owned(), check);
    tokio::spawn(keep_asking(app.clone(), name.to_owned(), plan, stopped));
    true
}

fn stop(state: &mut Pebble, name: &str) -> bool {
    let Some(check) = state.checks.get_mut(name) else {
        return false;
    };
    let Some(stop) = check.stop.take() else {
        return false;
    };
    stop.send_replace(true);
    check.failures = 0;
    check.successes = 0;
    if let Some(change) = check.change.take() {
        state.end_task(change, 0, Status::Done);
    }
    true
}

/// Begins the change that runs a check, or that waits for it to recover.
fn begin(state: &mut Pebble, name: &str, plan: &plan::Check, recover: bool) -> u64 {
    let (kind, verb) = match recover {
        false => ("perform-check", "Perform"),
        true => ("recover-check", "Recover"),
    };
    let summary = format!("{verb} {} check {name:?}", plan.kind());
    state.begin(change::Plan {
        kind,
        summary: summary.clone(),
        tasks: vec![(kind, summary)],
        services: Vec::new(),
        check: Some(name.to_owned()),
    })
}

async fn keep_asking(
    app: App,
    name: String,
    plan: plan::Check,
    mut stopped: watch::Receiver<bool>,
) {
    let period = plan::Service::duration(plan.period.as_ref(), 10_000);
    loop {
        tokio::select! {
            () = tokio::time::sleep(period) => {}
            _ = stopped.wait_for(|is| *is) => return,
        }
        let outcome = ask(&app, &plan).await;
        if *stopped.borrow() {
            return;
        }
        let restarted = note(&mut app.lock(), &name, &plan, &outcome);
        for service in restarted {
            supervise::stop(&app, &service).await;
            // The status of a service shows that it does not start.
            let _ = supervise::start(&app, &service).await;
        }
    }
}

/// Notes how a check went; returns the services that are restarted for it.
fn note(
    state: &mut Pebble,
    name: &str,
    plan: &plan::Check,
    outcome: &Result<(), CheckError>,
) -> Vec<String> {
    let was_down = state.is_down(name);
    let Some(check) = state.checks.get_mut(name) else {
        return Vec::new();
    };
    let Some(change) = check.change else {
        return Vec::new();
    };
    match outcome {
        Ok(()) => {
            check.successes += 1;
            check.failures = 0;
            if was_down {
                state.end_task(change, 0, Status::Done);
                switch(state, name, plan, false);
            }
            Vec::new()
        }
        Err(error) => {
            check.failures += 1;
            check.failed += 1;
            state.log_task(change, 0, "ERROR", &error.to_string());
            if was_down || !state.is_down(name) {
                return Vec::new();
            }
            state.end_task(change, 0, Status::Error);
            switch(state, name, plan, true);
            let is_restarted = |(service, running): &(&String, &plan::Service)| {
                let action = running.on_check_failure.0.get(name);
                action.is_some_and(|action| action == "restart")
                    && state.services.get(*service).is_some_and(|s| s.stop.is_some())
            };
            let services = state.plan.services.iter();
            let restarted = services.filter(is_restarted);
            restarted.map(|(name, _)| name.clone()).collect()
        }
    }
}

fn switch(state: &mut Pebble, name: &str, plan: &plan::Check, failed: bool) {
    let change = begin(state, name, plan, failed);
    if let Some(check) = state.checks.get_mut(name) {
        check.previous_change = check.change.replace(change);
    }
    state.happened.push(Happened::Check {
        name: name.to_owned(),
        what: if failed { "failed" } else { "recovered" },
    });
}

async fn ask(app: &App, plan: &plan::Check) -> Result<(), CheckError> {
    let timeout = plan::Service::duration(plan.timeout.as_ref(), 3_000);
    let asked = async {
        match plan {
            plan::Check { http: Some(http), .. } => ask_http(http, timeout).await,
            plan::Check { tcp: Some(tcp), .. } => ask_tcp(tcp).await,
            plan::Check { exec: Some(exec), .. } => ask_command(app, exec).await,
            _ => Ok(()),
        }
    };
    match tokio::time::timeout(timeout, asked).await {
        Ok(outcome) => outcome,
        Err(_) => Err(CheckError::TimedOut(timeout)),
    }
}

async fn ask_http(http: &plan::Http, timeout: Duration) -> Result<(), CheckError> {
    let (url, headers) = (http.url.clone(), http.headers.0.clone());
    let asked = tokio::task::spawn_blocking(move || {
        let mut request = ureq::get(&url).config();
        request = request.timeout_global(Some(timeout)).http_status_as_error(false);
        let mut request = request.build();
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        match request.call() {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(CheckError::Status(answer.status().as_u16())),
            Err(ureq::Error::Io(error)) => {
                let address = url.split('/').nth(2).unwrap_or_default();
                let reason = dial(address, &error);
                Err(CheckError::Http { url, reason })
            }
            Err(error) => Err(CheckError::Http { url, reason: error.to_string() }),
        }
    });
    asked.await?
}

async fn ask_tcp(tcp: &plan::Tcp) -> Result<(), CheckError> {
    let host = match tcp.host.as_str() {
        "" => "localhost",
        host => host,
    };
    let address = format!("{host}:{}", tcp.port);
    let connected = TcpStream::connect(&address).await;
    connected.map(drop).map_err(|error| CheckError::Tcp(dial(&address, &error)))
}

/// As Go says that nothing listens.
fn dial(address: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            format!("dial tcp {address}: connect: connection refused")
        }
        _ => format!("dial tcp {address}: {error}"),
    }
}

async fn ask_command(app: &App, exec: &plan::Exec) -> Result<(), CheckError> {
    let words = shlex::split(&exec.command).unwrap_or_default();
    let mut command = app.command(&words).ok_or_else(|| not_found(&words))?;
    let owner = Owner::new(None, exec.user.as_deref(), None, None).map_err(SpawnError::from)?;
    let of_service = exec.service_context.as_ref().and_then(|name| {
        let state = app.lock();
        let service = state.plan.services.get(name)?;
        Some(service.environment.0.clone())
    });
    command
        .env_clear()
        .envs(environment(&owner))
        .envs(of_service.unwrap_or_default())
        .envs(&exec.environment.0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    owner.apply(&mut command);
    if let Some(directory) = &exec.working_dir {
        command.current_dir(app.host_path(directory));
    }
    let status = command.status().await.map_err(SpawnError::from)?;
    match (status.success(), status.code()) {
        (true, _) => Ok(()),
        (false, Some(code)) => Err(CheckError::Exit(code)),
        (false, None) => Err(CheckError::Killed),
    }
}

/// `GET`.
pub(super) async fn list(State(app): State<App>, Query(parameters): Query<Parameters>) -> Answer {
    let level = Level::of_query(parameters.one("level"))?;
    let names = parameters.many("names");
    let state = app.lock();
    let is_asked = |(name, check): &(&String, &plan::Check)| {
        (names.is_empty() || names.contains(&name.as_str()))
            && level.is_none_or(|level| check.level == Some(level))
    };
    let asked = state.plan.checks.iter().filter(is_asked);
    let shown = asked.map(|(name, check)| state.check_to_json(name, check));
    sync(shown.collect::<Vec<_>>())
}

#[derive(Deserialize)]
struct Request {
    action: String,
    #[serde(default)]
    checks: Vec<String>,
}

/// `POST`: starts or stops checks; says which of them it did not find so.
pub(super) async fn change(State(app): State<App>, body: Bytes) -> Answer {
    let Request { action, mut checks } = decode_data(&body)?;
    if checks.is_empty() {
        return Err(Refusal::bad_request(format!("must specify checks for {action} action")));
    }
    let mut state = app.lock();
    let unknown = |name: &&String| !state.plan.checks.contains_key(*name);
    let unknown: Vec<&str> = checks.iter().filter(unknown).map(String::as_str).collect();
    if !unknown.is_empty() {
        return Err(Refusal::bad_request(format!(
            "cannot {action} checks: cannot find checks in plan: {}",
            unknown.join(", ")
        )));
    }
    checks.sort();
    let changes: fn(&App, &mut Pebble, &str) -> bool = match action.as_str() {
        "start" => start,
        "stop" => |_, state, name| stop(state, name),
        _ => {
            return Err(Refusal::bad_request(format!("invalid action {action:?}")));
        }
    };
    checks.retain(|name| changes(&app, &mut state, name));
    sync(json!({"changed": checks}))
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

/// `POST` of `/v1/checks/refresh`: asks now.
pub(super) async fn refresh(State(app): State<App>, body: Bytes) -> Answer {
    let Named { name } = decode_data(&body)?;
    let found = app.lock().plan.checks.get(&name).cloned();
    let Some(plan) = found else {
        return Err(Refusal::not_found(format!("cannot find check with name {name:?}")));
    };
    let outcome = ask(&app, &plan).await;
    let mut state = app.lock();
    note(&mut state, &name, &plan, &outcome);
    let mut answer = json!({"info": state.check_to_json(&name, &plan)});
    if let Err(error) = outcome {
        answer["error"] = error.to_string().into();
    }
    sync(answer)
}
