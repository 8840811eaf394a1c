//! Stands in for `dispatch`: makes the calls in a file, and writes the outcome of
//! them to another. `hookplay CALLS RESULTS [EXIT-STATUS]`

use std::io::Write as _;
use std::process::{Command, ExitCode, Stdio};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Call {
    argv: Vec<String>,
    #[serde(default)]
    stdin: Option<String>,
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [calls, results, rest @ ..] = arguments.as_slice() else {
        anyhow::bail!("usage: hookplay CALLS RESULTS [EXIT-STATUS]");
    };
    let calls: Vec<Call> = serde_json::from_slice(&std::fs::read(calls)?)?;
    let mut came = Vec::new();
    for call in calls {
        let mut child = Command::new(&call.argv[0])
            .args(&call.argv[1..])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("running {}", call.argv[0]))?;
        if let Some(mut stdin) = child.stdin.take() {
            // A tool need not read its input.
            let _ = stdin.write_all(call.stdin.unwrap_or_default().as_bytes());
        }
        let output = child.wait_with_output()?;
        came.push(json!({
            "exit": output.status.code(),
            "stdout": String::from_utf8_lossy(&output.stdout),
            "stderr": String::from_utf8_lossy(&output.stderr),
        }));
    }
    std::fs::write(results, serde_json::to_vec(&came)?)?;
    let code = rest.first().map_or(Ok(0), |code| code.parse())?;
    Ok(ExitCode::from(code))
}
