//! Runs hook tools.

use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::marker::PhantomData;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use serde::de::DeserializeOwned;

/// Longest argument that the kernel passes to a process, in bytes, less a
/// little for what goes before the text.
pub const LONGEST_ARGUMENT: usize = 128 * 1024 - 1024;

/// Pauses before a tool that reads is run again after its agent lost the controller.
const RETRY_AFTER: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// Why a hook tool did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// It is not in `PATH`: the process was not started by Juju, or this
    /// version of Juju does not have the tool.
    #[error("hook tool {tool} could not be run: {source}")]
    NotRun {
        /// The tool.
        tool: String,
        /// Why.
        source: io::Error,
    },
    /// The call was wrong: a bad argument, an unknown relation. Exit status 2.
    #[error("hook tool {tool} was called wrongly: {message}")]
    Usage {
        /// The tool.
        tool: String,
        /// Its standard error.
        message: String,
    },
    /// Juju refused it because this unit is not the leader.
    #[error("hook tool {tool}: this unit is not the leader")]
    NotLeader {
        /// The tool.
        tool: String,
    },
    /// Juju refused it for want of permission.
    #[error("hook tool {tool}: permission denied: {message}")]
    Denied {
        /// The tool.
        tool: String,
        /// Its standard error.
        message: String,
    },
    /// The entity does not exist.
    #[error("hook tool {tool}: {message}")]
    NotFound {
        /// The tool.
        tool: String,
        /// Its standard error.
        message: String,
    },
    /// It failed otherwise. Exit status 1, or a signal.
    #[error("hook tool {tool} failed: {message}")]
    Failed {
        /// The tool.
        tool: String,
        /// Its standard error.
        message: String,
    },
    /// Its output is malformed.
    #[error("hook tool {tool} printed what could not be understood: {source}")]
    Output {
        /// The tool.
        tool: String,
        /// Why.
        source: serde_json::Error,
    },
}

impl ToolError {
    /// Whether what was asked for is not there, or is not this unit's: a relation, a secret, a
    /// unit or an application that is gone, or leadership that was lost. Juju says so of what is
    /// being removed, in any hook; trying again does not help.
    pub fn is_absence(&self) -> bool {
        matches!(self, Self::NotLeader { .. } | Self::Denied { .. } | Self::NotFound { .. })
    }

    /// Whether the unit's agent lost its connection to the controller, which it restores within
    /// moments.
    pub fn is_disconnection(&self) -> bool {
        let Self::Failed { message, .. } = self else {
            return false;
        };
        ["connection is shut down", "connection reset", "broken pipe", "try again"]
            .iter()
            .any(|words| message.contains(words))
    }
}

/// Turns an absence into `None`; see [`ToolError::is_absence`].
pub fn present<T>(read: Result<T, ToolError>) -> Result<Option<T>, ToolError> {
    match read {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_absence() => Ok(None),
        Err(error) => Err(error),
    }
}

/// Runs a tool and returns what it prints.
pub fn run<S: AsRef<OsStr>>(tool: &str, arguments: &[S]) -> Result<Vec<u8>, ToolError> {
    let output = Command::new(tool).args(arguments).stdin(Stdio::null()).output();
    finish(tool, output)
}

/// Runs a tool that changes nothing, and runs it again if the agent lost the controller.
pub fn read<S: AsRef<OsStr>>(tool: &str, arguments: &[S]) -> Result<Vec<u8>, ToolError> {
    for pause in RETRY_AFTER {
        match run(tool, arguments) {
            Err(error) if error.is_disconnection() => std::thread::sleep(pause),
            result => return result,
        }
    }
    run(tool, arguments)
}

/// A tool that changes nothing, running while others do: the starts of several overlap, and they
/// take longer than the answers, which Juju gives one after the other.
#[derive(Debug)]
pub struct Reading<T> {
    tool: &'static str,
    child: io::Result<Child>,
    answer: PhantomData<T>,
}

const JSON: [&str; 1] = ["--format=json"];

impl<T: DeserializeOwned + Default> Reading<T> {
    /// Starts a tool with `--format=json`.
    pub(crate) fn start(tool: &'static str) -> Self {
        let child = Command::new(tool)
            .args(JSON)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn();
        Self { tool, child, answer: PhantomData }
    }

    /// Waits for its answer; `null` is the default of the type. It is run again if the agent lost
    /// the controller.
    pub fn finish(self) -> Result<T, ToolError> {
        let output = self.child.and_then(Child::wait_with_output);
        let printed = match finish(self.tool, output) {
            Err(error) if error.is_disconnection() => {
                std::thread::sleep(RETRY_AFTER[0]);
                read(self.tool, &JSON)
            }
            result => result,
        };
        parse(self.tool, &printed?)
    }
}

/// Runs a tool that reads its input, so that what is long or private is in no argument.
pub fn run_with_input<S: AsRef<OsStr>>(
    tool: &str,
    arguments: &[S],
    input: &[u8],
) -> Result<Vec<u8>, ToolError> {
    let output = Command::new(tool)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            if let Some(mut stdin) = child.stdin.take() {
                match stdin.write_all(input) {
                    // It ended before it read all; its own message says why.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                    other => other?,
                }
            }
            child.wait_with_output()
        });
    finish(tool, output)
}

/// Runs a tool that changes nothing with `--format=json`; `null` is the default of the type.
pub fn json<T: DeserializeOwned + Default>(tool: &str, arguments: &[&str]) -> Result<T, ToolError> {
    let mut all = JSON.to_vec();
    all.extend(arguments);
    parse(tool, &read(tool, &all)?)
}

/// Reads what a tool printed with `--format=json`; `null` is the default of the type.
pub fn parse<T: DeserializeOwned + Default>(tool: &str, printed: &[u8]) -> Result<T, ToolError> {
    let value: Option<T> = serde_json::from_slice(printed)
        .map_err(|source| ToolError::Output { tool: tool.to_owned(), source })?;
    Ok(value.unwrap_or_default())
}

fn finish(tool: &str, output: io::Result<Output>) -> Result<Vec<u8>, ToolError> {
    let tool = tool.to_owned();
    let output = match output {
        Ok(output) => output,
        Err(source) => return Err(ToolError::NotRun { tool, source }),
    };
    if output.status.success() {
        return Ok(output.stdout);
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    let message = stderr.trim().trim_start_matches("ERROR ").to_owned();
    Err(match output.status.code() {
        // A relation that is gone is a wrong value of an option to Juju.
        Some(2) if !message.ends_with("not found") => ToolError::Usage { tool, message },
        _ if message.contains("is not the leader")
            // Of the application's databag; a unit's own is always writable.
            || message.contains("cannot write relation settings") =>
        {
            ToolError::NotLeader { tool }
        }
        _ if message.contains("permission denied") || message.contains("is not allowed to") => {
            ToolError::Denied { tool, message }
        }
        _ if message.contains("not found") => ToolError::NotFound { tool, message },
        Some(_) => ToolError::Failed { tool, message },
        None => ToolError::Failed { tool, message: output.status.to_string() },
    })
}
