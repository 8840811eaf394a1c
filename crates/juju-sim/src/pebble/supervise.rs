//! Keeps a service running.

use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use nix::sys::signal::Signal;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::sync::{oneshot, watch};

use super::errors::{ServiceError, SpawnError};
use super::plan::{self, Action};
use super::programs::{Owner, environment, not_found};
use super::records::service::Current;
use super::state::{App, signal};

/// How much longer a process is waited for that was killed.
const KILLED: Duration = Duration::from_secs(5);

/// Starts a service; returns what is to be said of it, or why it did not start.
pub(super) async fn start(app: &App, name: &str) -> Result<Option<String>, ServiceError> {
    if app.lock().current(name) == Current::Backoff {
        // It is started now, not when its turn comes.
        stop(app, name).await;
    }
    let (report, started) = oneshot::channel();
    {
        let mut state = app.lock();
        if state.current(name) == Current::Active {
            return Ok(Some(format!("Service {name:?} already started.")));
        }
        let Some(config) = state.plan.services.get(name).cloned() else {
            return Err(ServiceError::NotInPlan(name.to_owned()));
        };
        let (stop, stopped) = watch::channel(false);
        let service = state.services.entry(name.to_owned()).or_default();
        service.config = config.clone();
        service.stop = Some(stop);
        tokio::spawn(supervise(app.clone(), name.to_owned(), config, stopped, report));
    }
    started.await.unwrap_or(Err(ServiceError::Stopped)).map(|()| None)
}

/// Stops a service, and waits for it to end.
pub(super) async fn stop(app: &App, name: &str) {
    let mut changed = app.changed();
    {
        let mut state = app.lock();
        let Some(service) = state.services.get_mut(name) else {
            return;
        };
        match &service.stop {
            Some(stop) => drop(stop.send_replace(true)),
            None => {
                set(&mut state, name, Current::Inactive);
                return;
            }
        }
    }
    while app.lock().services.get(name).is_some_and(|service| service.stop.is_some()) {
        // The sender lives as long as the state.
        let _ = changed.changed().await;
    }
}

fn set(state: &mut super::state::State, name: &str, current: Current) {
    let service = state.services.entry(name.to_owned()).or_default();
    if service.current != current || current == Current::Active {
        service.since = Some(Timestamp::now());
    }
    service.current = current;
    state.note();
}

/// How a run of a service ended.
enum Ended {
    /// On request.
    Stopped,
    /// By itself.
    Exited(ExitStatus),
}

async fn supervise(
    app: App,
    name: String,
    config: plan::Service,
    mut stopped: watch::Receiver<bool>,
    report: oneshot::Sender<Result<(), ServiceError>>,
) {
    let mut report = Some(report);
    let mut report_once = |outcome| {
        if let Some(report) = report.take() {
            // Who asked may have gone.
            let _ = report.send(outcome);
        }
    };
    let first = plan::Service::duration(config.backoff_delay.as_ref(), 500);
    let longest = plan::Service::duration(config.backoff_limit.as_ref(), 30_000);
    let mut delay = first;
    let last = loop {
        let mut child = match spawn(&app, &name, &config) {
            Ok(child) => child,
            Err(error) => {
                report_once(Err(error.into()));
                break Current::Inactive;
            }
        };
        let process = child.id().unwrap_or_default();
        {
            let mut state = app.lock();
            set(&mut state, &name, Current::Active);
            state.processes.insert(process);
            if let Some(service) = state.services.get_mut(&name) {
                service.process = Some(process);
                service.starts += 1;
            }
        }
        let okay = tokio::time::sleep(app.options.okay_delay);
        let quick = tokio::select! {
            ended = ended(&mut child, &mut stopped) => Some(ended),
            () = okay => None,
        };
        let was_quick = quick.is_some();
        let ended = match quick {
            Some(ended) => ended,
            None => {
                report_once(Ok(()));
                delay = first;
                ended(&mut child, &mut stopped).await
            }
        };
        let status = match ended {
            Ended::Stopped => {
                let patience = plan::Service::duration(config.kill_delay.as_ref(), 5_000);
                end(&mut child, process, patience).await;
                forget(&app, &name, process);
                break Current::Inactive;
            }
            Ended::Exited(status) => status,
        };
        forget(&app, &name, process);
        let action = config.action(status.success());
        if was_quick {
            let code = status.code().unwrap_or(-1);
            let will_restart = action == Action::Restart;
            report_once(Err(ServiceError::ExitedQuickly { code, will_restart }));
        }
        if action != Action::Restart {
            // A shutdown ends Pebble itself, and so the container; here the service stays down.
            break Current::Error;
        }
        set(&mut app.lock(), &name, Current::Backoff);
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            _ = stopped.wait_for(|is| *is) => break Current::Inactive,
        }
        delay = longest.min(delay.mul_f64(config.backoff_factor.unwrap_or(2.0).max(1.0)));
    };
    let mut state = app.lock();
    if let Some(service) = state.services.get_mut(&name) {
        service.stop = None;
    }
    set(&mut state, &name, last);
}

fn forget(app: &App, name: &str, process: u32) {
    let mut state = app.lock();
    state.processes.remove(&process);
    if let Some(service) = state.services.get_mut(name) {
        service.process = None;
    }
}

async fn ended(child: &mut Child, stopped: &mut watch::Receiver<bool>) -> Ended {
    tokio::select! {
        status = child.wait() => status.map_or(Ended::Stopped, Ended::Exited),
        _ = stopped.wait_for(|is| *is) => Ended::Stopped,
    }
}

/// Ends a process: kindly, then not.
async fn end(child: &mut Child, process: u32, patience: Duration) {
    for (sent, patience) in [(Signal::SIGTERM, patience), (Signal::SIGKILL, KILLED)] {
        signal(process, sent);
        if tokio::time::timeout(patience, child.wait()).await.is_ok() {
            return;
        }
    }
}

fn spawn(app: &App, name: &str, config: &plan::Service) -> Result<Child, SpawnError> {
    let text = config.command.as_deref().unwrap_or_default();
    let words = shlex::split(text).unwrap_or_default();
    let mut command = app.service_command(&words).ok_or_else(|| not_found(&words))?;
    let owner = Owner::new(
        config.user_id,
        config.user.as_deref(),
        config.group_id,
        config.group.as_deref(),
    )?;
    command
        .env_clear()
        .envs(environment(&owner))
        .envs(&config.environment.0)
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    owner.apply(&mut command);
    if let Some(directory) = &config.working_dir {
        command.current_dir(app.host_path(directory));
    }
    let mut child = command.spawn()?;
    if let Some(output) = child.stdout.take() {
        tokio::spawn(read(app.clone(), name.to_owned(), output));
    }
    if let Some(output) = child.stderr.take() {
        tokio::spawn(read(app.clone(), name.to_owned(), output));
    }
    Ok(child)
}

/// Keeps what a service prints.
async fn read(app: App, name: String, output: impl AsyncRead + Unpin) {
    let mut lines = BufReader::new(output).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        app.lock().logs.add(&name, line);
    }
}
