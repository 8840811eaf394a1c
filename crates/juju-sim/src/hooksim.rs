//! The process that every hook tool is: it passes the call on and prints the answer.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use crate::protocol::{Answer, Request};

/// Runs as the tool by whose name the process was started.
pub fn main() -> ExitCode {
    match call() {
        Ok((code, stdout, stderr)) => {
            // A caller that does not read is no fault of the tool.
            let _ = std::io::stdout().write_all(stdout.as_bytes());
            let _ = std::io::stderr().write_all(stderr.as_bytes());
            ExitCode::from(code)
        }
        Err(message) => {
            eprintln!("ERROR {message}");
            ExitCode::FAILURE
        }
    }
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("{name} not set"))
}

fn call() -> Result<(u8, String, String), String> {
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
        let stream = UnixStream::connect(&address).map_err(|error| {
            let text = error.to_string().to_lowercase();
            let reason = text.split(" (os error").next().unwrap_or_default().to_owned();
            format!("dial {network} {address}: connect: {reason}")
        })?;
        match exchange(stream, &request).map_err(|e| e.to_string())? {
            Answer::End { code, stdout, stderr } => return Ok((code, stdout, stderr)),
            Answer::NeedsInput => {
                let mut input = String::new();
                std::io::stdin().read_to_string(&mut input).map_err(|e| e.to_string())?;
                request.input = Some(input);
            }
        }
    }
}

fn exchange(mut stream: UnixStream, request: &Request) -> std::io::Result<Answer> {
    serde_json::to_writer(&mut stream, request)?;
    stream.write_all(b"\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}
