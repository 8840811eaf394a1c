//! Commands in the workload container, over websockets.

use std::io::Read;
use std::os::unix::net::UnixStream;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::{Value, json};
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

use super::client::Client;
use super::error::Error;

/// Default timeout of a command.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A command to be run.
#[derive(Clone, Debug, Default)]
pub struct Exec<'a> {
    /// Program and arguments.
    pub command: &'a [&'a str],
    /// Variables beside those that Pebble sets.
    pub environment: &'a [(&'a str, &'a str)],
    /// Directory to run in.
    pub working_directory: Option<&'a str>,
    /// After which it is killed.
    pub timeout: Option<Duration>,
    /// User to run as.
    pub user: Option<&'a str>,
    /// Group to run as.
    pub group: Option<&'a str>,
    /// Service whose user, environment and directory it takes.
    pub service_context: Option<&'a str>,
    /// Whether standard error goes where standard output goes.
    pub combine_stderr: bool,
}

/// Output and exit status of a command.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExecOutput {
    /// Exit status.
    pub code: i64,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error, unless it was combined.
    pub stderr: Vec<u8>,
}

/// A command that runs.
pub struct Running {
    client: Client,
    change: String,
    control: Stream,
    stdio: Stream,
    stderr: Option<Stream>,
    timeout: Duration,
}

type Stream = WebSocket<UnixStream>;

impl std::fmt::Debug for Running {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Running").field("change", &self.change).finish_non_exhaustive()
    }
}

impl Client {
    /// Runs a command to its end, with input if there is some.
    pub fn exec(&self, exec: &Exec<'_>, input: impl Read) -> Result<ExecOutput, Error> {
        self.start_exec(exec)?.finish(input)
    }

    /// Starts a command.
    pub fn start_exec(&self, exec: &Exec<'_>) -> Result<Running, Error> {
        let environment: serde_json::Map<String, Value> = exec
            .environment
            .iter()
            .map(|(name, value)| ((*name).to_owned(), json!(value)))
            .collect();
        let timeout = exec.timeout.map(|time| format!("{:.3}s", time.as_secs_f64()));
        let body = json!({
            "command": exec.command,
            "environment": environment,
            "working-dir": exec.working_directory,
            "timeout": timeout,
            "user": exec.user,
            "group": exec.group,
            "service-context": exec.service_context,
            "split-stderr": !exec.combine_stderr,
        });
        let (change, result) = self.start("/v1/exec", &body)?;
        let task = result["task-id"].as_str().ok_or_else(|| Error::Answer {
            what: "the answer to exec".into(),
            why: "it names no task".into(),
        })?;
        let open = |stream: &str| self.websocket(task, stream);
        Ok(Running {
            control: open("control")?,
            stdio: open("stdio")?,
            stderr: match exec.combine_stderr {
                true => None,
                false => Some(open("stderr")?),
            },
            client: self.clone(),
            change,
            timeout: exec.timeout.unwrap_or(LONGEST),
        })
    }

    fn websocket(&self, task: &str, stream: &str) -> Result<Stream, Error> {
        let url = format!("ws://localhost/v1/tasks/{task}/websocket/{stream}");
        let socket = UnixStream::connect(&self.socket)?;
        let opened = tungstenite::client(url.as_str(), socket);
        opened.map(|(stream, _)| stream).map_err(|error| Error::Answer {
            what: format!("the websocket {stream}"),
            why: error.to_string(),
        })
    }
}

impl Running {
    /// Sends a signal, for example `SIGTERM`.
    pub fn signal(&mut self, name: &str) -> Result<(), Error> {
        let message = json!({"command": "signal", "signal": {"name": name}});
        let message = Message::text(message.to_string());
        self.control.send(message).map_err(|e| broken("control", &e))
    }

    /// Gives it input to its end, reads what it writes and waits. A command that
    /// fails is no error; one that outlasts its time is [`Error::Change`].
    pub fn finish(self, input: impl Read) -> Result<ExecOutput, Error> {
        let Self { client, change, control, stdio, stderr, timeout } = self;
        // Output is read while input is written: a command whose pipe is full waits
        // for ever. The original reads, for it may hold what came with its opening.
        let writing = stdio.get_ref().try_clone()?;
        let mut writing = WebSocket::from_raw_socket(writing, Role::Client, None);
        let reader = |mut stream: Stream, name: &'static str| {
            std::thread::spawn(move || read_to_end(&mut stream, name))
        };
        let stdout = reader(stdio, "stdio");
        let stderr = stderr.map(|stream| reader(stream, "stderr"));
        write_to_end(&mut writing, input)?;
        let stdout = read_by(stdout);
        let stderr = stderr.map_or(Ok(Vec::new()), read_by);
        let change = client.wait(&change, timeout.saturating_add(Duration::from_secs(10)))?;
        drop(control);
        if change.err.as_ref().is_some_and(|err| !err.is_empty()) {
            return Err(Error::Change(Box::new(change)));
        }
        let code = change.tasks.first().and_then(|t| t.data.get("exit-code")?.as_i64());
        Ok(ExecOutput {
            code: code.ok_or_else(|| Error::Answer {
                what: "the end of a command".into(),
                why: "it reports no exit code".into(),
            })?,
            stdout: stdout?,
            stderr: stderr?,
        })
    }
}

fn broken(stream: &str, error: &tungstenite::Error) -> Error {
    Error::Answer { what: format!("the websocket {stream}"), why: error.to_string() }
}

fn read_by(thread: JoinHandle<Result<Vec<u8>, Error>>) -> Result<Vec<u8>, Error> {
    let panicked = |_| Err(std::io::Error::other("reading a stream failed").into());
    thread.join().unwrap_or_else(panicked)
}

fn write_to_end(stream: &mut Stream, mut input: impl Read) -> Result<(), Error> {
    let mut buffer = [0_u8; 16 * 1024];
    loop {
        let read = input.read(&mut buffer)?;
        let message = match read {
            0 => Message::text(r#"{"command":"end"}"#),
            read => Message::binary(buffer[..read].to_vec()),
        };
        match stream.send(message) {
            // It ended before it read all; its change reports how it ended.
            Err(tungstenite::Error::Io(_) | tungstenite::Error::ConnectionClosed) => return Ok(()),
            other => other.map_err(|e| broken("stdio", &e))?,
        }
        if read == 0 {
            return Ok(());
        }
    }
}

fn read_to_end(stream: &mut Stream, name: &str) -> Result<Vec<u8>, Error> {
    let mut output = Vec::new();
    loop {
        match stream.read() {
            Ok(Message::Binary(bytes)) => output.extend_from_slice(&bytes),
            // The only text there is: the end.
            Ok(Message::Text(_) | Message::Close(_)) => return Ok(output),
            Ok(_) => {}
            Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => {
                return Ok(output);
            }
            Err(error) => return Err(broken(name, &error)),
        }
    }
}
