//! Commands: `/v1/exec`, and the websockets on which they read and write.

use std::collections::BTreeMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use nix::sys::signal::Signal;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::unix::pipe;
use tokio::process::{ChildStdin, Command};
use tokio::sync::oneshot;

use super::answer::{Answer, Refusal, decode, started};
use super::errors::ExecError;
use super::programs::{Owner, environment};
use super::records::change::{self, Status};
use super::state::{App, Waiting, signal};
use super::{durations, services};

/// How long the client may take to connect.
const PATIENCE: Duration = Duration::from_secs(5);
/// What ends a stream, in both directions.
const END: &str = r#"{"command":"end"}"#;

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Request {
    command: Vec<String>,
    service_context: Option<String>,
    #[serde(default)]
    environment: BTreeMap<String, String>,
    working_dir: Option<String>,
    timeout: Option<String>,
    user_id: Option<u32>,
    user: Option<String>,
    group_id: Option<u32>,
    group: Option<String>,
    #[serde(default)]
    terminal: bool,
    #[serde(default)]
    split_stderr: bool,
}

/// `POST`: finds the command; it starts when its client has connected.
pub(super) async fn start(State(app): State<App>, body: Bytes) -> Answer {
    let request: Request = decode(&body)?;
    let Some(name) = request.command.first().cloned() else {
        return Err(Refusal::bad_request("must specify command"));
    };
    if request.terminal {
        return Err(Refusal::not_simulated("a terminal"));
    }
    let timeout = match request.timeout.as_deref().filter(|text| !text.is_empty()) {
        None => None,
        Some(text) => Some(
            durations::parse(text)
                .ok_or_else(|| Refusal::bad_request(format!("invalid timeout: {text:?}")))?,
        ),
    };
    let mut command = app
        .command(&request.command)
        .ok_or_else(|| Refusal::bad_request(format!("cannot find executable {name:?}")))?;
    let owner = Owner::new(
        request.user_id,
        request.user.as_deref(),
        request.group_id,
        request.group.as_deref(),
    );
    let owner = owner.map_err(|error| Refusal::bad_request(error.to_string()))?;
    let mut state = app.lock();
    let mut variables = environment(&owner);
    let mut directory = request.working_dir.filter(|text| !text.is_empty());
    if let Some(context) = request.service_context.filter(|text| !text.is_empty()) {
        let Some(service) = state.plan.services.get(&context) else {
            return Err(Refusal::bad_request(format!("context service {context:?} not found")));
        };
        variables.extend(service.environment.0.clone());
        directory = directory.or_else(|| service.working_dir.clone());
    }
    variables.extend(request.environment);
    let home = variables.get("HOME").cloned().unwrap_or_default();
    let directory = directory.unwrap_or(home);
    let host = host_directory(&app, &directory)?;
    command.env_clear().envs(&variables).current_dir(host);
    owner.apply(&mut command);
    let summary = format!("Execute command {name:?}");
    let change = state.begin(change::Plan {
        kind: "exec",
        summary: summary.clone(),
        tasks: vec![("exec", summary)],
        services: Vec::new(),
        check: None,
    });
    let task = state.task_id(change, 0);
    let mut waiting = Waiting::new();
    let mut expect = |name| {
        let (send, receive) = oneshot::channel();
        waiting.insert(name, send);
        receive
    };
    let (control, stdio) = (expect("control"), expect("stdio"));
    let stderr = request.split_stderr.then(|| expect("stderr"));
    state.waiting.insert(task, waiting);
    drop(state);
    let sockets = (control, stdio, stderr);
    tokio::spawn(carry_out(app.clone(), command, timeout, sockets, (change, task)));
    started(
        &change.to_string(),
        &json!({
            "task-id": task.to_string(),
            "environment": variables,
            "working-dir": directory,
        }),
    )
}

/// The directory of this machine in which a command runs.
fn host_directory(app: &App, directory: &str) -> Result<PathBuf, Refusal> {
    match app.host_path(directory) {
        host if host.is_dir() => Ok(host),
        // In a pretended container there is no home.
        _ if app.options.root.is_some() => Ok(app.host_path("/")),
        _ => Err(Refusal::internal(format!(
            "cannot call exec: working directory {directory:?} does not exist"
        ))),
    }
}

/// Sockets of a command that the client is to connect: control, standard input and output, and
/// standard error if it has one of its own.
type Expected = (
    oneshot::Receiver<WebSocket>,
    oneshot::Receiver<WebSocket>,
    Option<oneshot::Receiver<WebSocket>>,
);

/// Runs a command once the client has connected, and ends its change.
async fn carry_out(
    app: App,
    command: Command,
    timeout: Option<Duration>,
    (control, stdio, stderr): Expected,
    (change, task): (u64, u64),
) {
    let connected = tokio::time::timeout(PATIENCE, async {
        let stderr = match stderr {
            Some(stderr) => Some(stderr.await.ok()?),
            None => None,
        };
        Some((control.await.ok()?, stdio.await.ok()?, stderr))
    });
    let outcome = match connected.await.ok().flatten() {
        Some(sockets) => run(&app, command, timeout, sockets).await,
        None => Err(ExecError::NotConnected),
    };
    let mut state = app.lock();
    state.waiting.remove(&task);
    let (code, status) = match outcome {
        Ok(code) => (code, Status::Done),
        Err(error) => {
            state.log_task(change, 0, "ERROR", &error.to_string());
            (-1, Status::Error)
        }
    };
    state.set_data(change, 0, "exit-code", code.into());
    state.end_task(change, 0, status);
}

/// `GET` of a task's websocket.
pub(super) async fn connect(
    State(app): State<App>,
    Path((task, name)): Path<(String, String)>,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Answer {
    let id: u64 = task.parse().unwrap_or(0);
    let upgrade = upgrade.map_err(|error| Refusal::bad_request(error.to_string()))?;
    let mut state = app.lock();
    let Some(waiting) = state.waiting.get_mut(&id) else {
        return Err(Refusal::not_found(format!("cannot find task with id {task:?}")));
    };
    let Some(expected) = waiting.remove(name.as_str()) else {
        return Err(Refusal::not_found(format!("websocket {name:?} not found")));
    };
    Ok(upgrade.on_upgrade(async move |socket| {
        // Who waited may have given up.
        let _ = expected.send(socket);
    }))
}

type Sockets = (WebSocket, WebSocket, Option<WebSocket>);

/// Runs a command to its end; its exit status, or why there is none.
async fn run(
    app: &App,
    mut command: Command,
    timeout: Option<Duration>,
    (control, stdio, stderr): Sockets,
) -> Result<i64, ExecError> {
    command.process_group(0).stdin(Stdio::piped()).kill_on_drop(true);
    let (out, own) = output()?;
    let err = match &stderr {
        None => {
            command.stderr(own.try_clone()?);
            None
        }
        Some(_) => {
            let (err, own) = output()?;
            command.stderr(own);
            Some(err)
        }
    };
    command.stdout(own);
    let mut child = command.spawn()?;
    // It holds the other ends of the pipes, which would then never be empty.
    drop(command);
    let process = child.id().unwrap_or_default();
    app.lock().processes.insert(process);
    let (sender, receiver) = stdio.split();
    if let Some(stdin) = child.stdin.take() {
        tokio::spawn(feed(receiver, stdin));
    }
    let mut pumps = vec![tokio::spawn(pump(out, sender))];
    if let (Some(err), Some(stderr)) = (err, stderr) {
        pumps.push(tokio::spawn(pump(err, stderr.split().0)));
    }
    let controlled = tokio::spawn(obey(control, process));
    let waited = match timeout {
        Some(timeout) => tokio::time::timeout(timeout, child.wait())
            .await
            .map_err(|_| ExecError::TimedOut(timeout)),
        None => Ok(child.wait().await),
    };
    if waited.is_err() {
        signal(process, Signal::SIGKILL);
    }
    for pump in pumps {
        // A client that has gone reads nothing more.
        let _ = pump.await;
    }
    controlled.abort();
    app.lock().processes.remove(&process);
    waited.map(|ended| ended.map_or(-1, code))
}

fn code(status: ExitStatus) -> i64 {
    match (status.code(), status.signal()) {
        (Some(code), _) => code.into(),
        (None, Some(signal)) => 128 + i64::from(signal),
        (None, None) => -1,
    }
}

/// A pipe that is read here.
fn output() -> io::Result<(pipe::Receiver, OwnedFd)> {
    let (reader, writer) = io::pipe()?;
    let reader = pipe::Receiver::from_owned_fd(reader.into())?;
    Ok((reader, writer.into()))
}

/// What the client says goes to the command.
async fn feed(mut socket: SplitStream<WebSocket>, mut stdin: ChildStdin) {
    while let Some(Ok(message)) = socket.next().await {
        match message {
            Message::Binary(bytes) if stdin.write_all(&bytes).await.is_ok() => {}
            Message::Ping(_) | Message::Pong(_) => {}
            // The end, or a command that reads no more.
            _ => break,
        }
    }
}

/// What the command says goes to the client.
async fn pump(mut from: impl AsyncRead + Unpin, mut socket: SplitSink<WebSocket, Message>) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        let bytes = Bytes::copy_from_slice(&buffer[..length]);
        if socket.send(Message::Binary(bytes)).await.is_err() {
            return;
        }
    }
    // A client that has gone needs no end.
    let _ = socket.send(Message::Text(END.into())).await;
    let _ = socket.close().await;
}

/// Does to the command what its client asks; if that is gone without a word, ends it.
async fn obey(mut control: WebSocket, process: u32) {
    while let Some(message) = control.recv().await {
        let Ok(message) = message else {
            signal(process, Signal::SIGKILL);
            return;
        };
        let Message::Text(text) = message else {
            continue;
        };
        let asked: Value = serde_json::from_str(&text).unwrap_or_default();
        let name = asked["signal"]["name"].as_str();
        if let (Some("signal"), Some(sent)) =
            (asked["command"].as_str(), name.and_then(services::signal_of))
        {
            signal(process, sent);
        }
    }
}
