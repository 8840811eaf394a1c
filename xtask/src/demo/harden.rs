//! The part of the demo that hardens the stock deployment from a laptop, and takes it back.

use std::path::Path;
use std::process::Command;

use anyhow::bail;
use kube_sandbox::Sandbox;
use serde_json::Value;

use super::{HARMLESS, story};

/// Shows it, from a laptop with a kubeconfig.
pub fn show(sandbox: &Sandbox, binary: &Path) -> anyhow::Result<()> {
    let tool = Tool { sandbox, binary };
    story::say("\nThe same from a laptop with a kubeconfig:");
    let before = tool.verdicts()?;
    let ask = ["access", "--who", "profile/admin", "--to", "platform"];
    tool.show(&ask)?;
    // What all remedies would change and break; only what breaks nothing is applied.
    tool.show(&["plan", "--all"])?;
    tool.show(&["apply", HARMLESS, "--yes"])?;
    let hardened = tool.verdicts()?;
    tool.show(&ask)?;
    tool.show(&["undo", HARMLESS, "--yes"])?;
    let after = tool.verdicts()?;
    if fails(&hardened) >= fails(&before) || after != before {
        bail!("hardening and undoing it did not change the verdicts there and back");
    }
    Ok(())
}

struct Tool<'a> {
    sandbox: &'a Sandbox,
    binary: &'a Path,
}

impl Tool<'_> {
    /// Runs a command, and prints what it prints.
    fn show(&self, arguments: &[&str]) -> anyhow::Result<()> {
        story::command(&format!("ckf-hardening {}", arguments.join(" ")));
        story::head(&self.run(arguments)?, 8);
        Ok(())
    }

    fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(self.binary)
            .args(arguments)
            .arg("--kubeconfig")
            .arg(self.sandbox.kubeconfig("admin"))
            .env("JUJU_DATA", "/nowhere")
            .env_remove("JUJU_DISPATCH_PATH")
            .output()?;
        // 1 means that something is open, or would change.
        if !matches!(output.status.code(), Some(0 | 1)) {
            bail!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    fn verdicts(&self) -> anyhow::Result<Vec<(String, String)>> {
        let report: Value = serde_json::from_str(&self.run(&["audit", "--format", "json"])?)?;
        let controls = report["controls"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(controls.map(|control| (text(&control["id"]), text(&control["verdict"]))).collect())
    }
}

fn fails(verdicts: &[(String, String)]) -> usize {
    let open = verdicts.iter().filter(|(_, verdict)| verdict == "fail");
    open.count()
}
