//! A hook tool of the simulated Juju, by the name it is started under: it passes the call on to
//! the simulation and prints the answer.
//!
//! The crate's build script compiles it with the standard library alone.

#[path = "../protocol.rs"]
#[allow(dead_code, reason = "the simulation uses the other half")]
mod protocol;

use std::fmt;
use std::io::{BufReader, BufWriter, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use protocol::{Answer, Request};

/// Why a call does not reach the simulation.
enum CallError {
    /// The hook's environment lacks a variable.
    NotSet(&'static str),
    /// Nothing listens at the agent's socket.
    Dial { network: String, address: String, reason: String },
    /// The exchange broke off, or the input could not be read.
    Io(std::io::Error),
}

impl From<std::io::Error> for CallError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSet(name) => write!(f, "{name} not set"),
            Self::Dial { network, address, reason } => {
                write!(f, "dial {network} {address}: connect: {reason}")
            }
            Self::Io(error) => error.fmt(f),
        }
    }
}

fn main() -> ExitCode {
    match call() {
        Ok((code, stdout, stderr)) => {
            // A caller that does not read is no fault of the tool.
            let _ = std::io::stdout().write_all(stdout.as_bytes());
            let _ = std::io::stderr().write_all(stderr.as_bytes());
            ExitCode::from(code)
        }
        Err(error) => {
            eprintln!("ERROR {error}");
            ExitCode::FAILURE
        }
    }
}

fn variable(name: &'static str) -> Result<String, CallError> {
    std::env::var(name).map_err(|_| CallError::NotSet(name))
}

fn call() -> Result<(u8, String, String), CallError> {
    let mut arguments = std::env::args();
    let program = arguments.next().unwrap_or_default();
    let tool = program.rsplit('/').next().unwrap_or_default().to_owned();
    let mut request = Request {
        context: variable("JUJU_CONTEXT_ID")?,
        tool,
        arguments: arguments.collect(),
        directory: std::env::current_dir().map_or(String::new(), |d| d.display().to_string()),
        input: None,
    };
    let address = variable("JUJU_AGENT_SOCKET_ADDRESS")?;
    let network = variable("JUJU_AGENT_SOCKET_NETWORK")?;
    loop {
        match exchange(connect(&network, &address)?, &request)? {
            Answer::End { code, stdout, stderr } => return Ok((code, stdout, stderr)),
            Answer::NeedsInput => {
                let mut input = String::new();
                std::io::stdin().read_to_string(&mut input)?;
                request.input = Some(input);
            }
        }
    }
}

/// Connects to the agent; an error is in Go's words, as Juju's own tools print it.
fn connect(network: &str, address: &str) -> Result<UnixStream, CallError> {
    UnixStream::connect(address).map_err(|error| {
        let text = error.to_string().to_lowercase();
        let reason = text.split(" (os error").next().unwrap_or_default().to_owned();
        CallError::Dial { network: network.to_owned(), address: address.to_owned(), reason }
    })
}

fn exchange(stream: UnixStream, request: &Request) -> std::io::Result<Answer> {
    request.write(&mut BufWriter::new(&stream))?;
    Answer::read(&mut BufReader::new(&stream))
}
