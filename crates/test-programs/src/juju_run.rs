//! What `juju run` does at the user's end: how it reads parameters, and how it prints results.
//! The program behind it uses Juju's own YAML library.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, bail};
use serde_json::{Map, Value};

use crate::go::Program;

/// A command line that `juju run` refuses before it calls the controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Its exit status.
    pub status: i32,
    /// Its reason, without `ERROR`.
    pub reason: String,
}

/// The parameters that `juju run UNIT ACTION ARGUMENTS...` sends to the controller. The arguments
/// are `KEY=VALUE`, after `--string-args` if values are not to be read as YAML.
pub fn parameters(arguments: &[&str]) -> anyhow::Result<Result<Map<String, Value>, Refused>> {
    let arguments: Vec<&str> = [&["parameters"], arguments].concat();
    let output = run(&arguments, "")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    if let Some(status) = output.status.code().filter(|status| *status != 0) {
        return Ok(Err(Refused { status, reason: text(&output.stderr) }));
    }
    let parameters = serde_json::from_slice(&output.stdout).context("parameters are JSON")?;
    Ok(Ok(parameters))
}

/// The results of an action as `juju run` prints them on its standard output.
pub fn printed(results: &Map<String, Value>) -> anyhow::Result<String> {
    let results = serde_json::to_string(results).context("results are JSON")?;
    let output = run(&["print"], &results)?;
    if !output.status.success() {
        bail!("juju-run print: {}", String::from_utf8_lossy(&output.stderr));
    }
    String::from_utf8(output.stdout).context("results are text")
}

fn run(arguments: &[&str], input: &str) -> anyhow::Result<Output> {
    let program = Program {
        module: "xtask/juju-run",
        cache: "juju-run",
        name: "juju-run",
        package: ".",
        what: "Juju's YAML printer from its Go module; once a machine, seconds",
        packages: 72,
        linker_flags: "-s -w",
        version: "",
    };
    let mut child = Command::new(program.build()?)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("starting juju-run")?;
    let mut stdin = child.stdin.take().context("juju-run has a standard input")?;
    // It prints nothing before it has read everything.
    stdin.write_all(input.as_bytes()).context("writing to juju-run")?;
    drop(stdin);
    child.wait_with_output().context("waiting for juju-run")
}
