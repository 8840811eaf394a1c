//! The part of the demo that hardens the stock deployment by `apply` alone, and puts it back.

use std::path::Path;
use std::process::Command;

use anyhow::bail;
use kube_sandbox::Sandbox;
use serde_json::Value;

use super::step;

/// Shows it, from a laptop with a kubeconfig.
pub fn show(sandbox: &Sandbox, binary: &Path) -> anyhow::Result<()> {
    let tool = Tool { sandbox, binary };
    let before = tool.verdicts()?;
    let ask = ["access", "--who", "profile/admin", "--to", "platform"];
    step(&format!("ckf-hardening {}", ask.join(" ")));
    print!("{}", tool.run(&ask)?);
    step("ckf-hardening plan --all");
    let plan = tool.run(&["plan", "--all"])?;
    let lines: Vec<&str> = plan.lines().collect();
    for line in lines.iter().filter(|line| !line.starts_with("  spec: ")) {
        println!("{line}");
    }
    step("ckf-hardening apply --all --yes");
    let told = tool.run(&["apply", "--all", "--yes"])?;
    let verified = told
        .lines()
        .filter(|line| line.contains(" -> ") && !line.starts_with(' '));
    verified.for_each(|line| println!("{line}"));
    let hardened = tool.verdicts()?;
    println!(
        "{} controls failed, {} fail",
        fails(&before),
        fails(&hardened)
    );
    step(&format!("ckf-hardening {}", ask.join(" ")));
    let answers = tool.run(&ask)?;
    let answers = answers.lines().filter(|line| !line.starts_with(' '));
    answers.for_each(|line| println!("{line}"));
    step("ckf-hardening undo --all --yes");
    let told = tool.run(&["undo", "--all", "--yes"])?;
    println!("{} changes were put back", told.lines().count());
    let after = tool.verdicts()?;
    println!("{} controls fail again", fails(&after));
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
    fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = Command::new(self.binary)
            .args(arguments)
            .arg("--kubeconfig")
            .arg(self.sandbox.kubeconfig("admin"))
            .env("JUJU_DATA", "/nowhere")
            .env_remove("JUJU_DISPATCH_PATH")
            .output()?;
        // 1 tells that something is open, or would change.
        if !matches!(output.status.code(), Some(0 | 1)) {
            bail!("{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    fn verdicts(&self) -> anyhow::Result<Vec<(String, String)>> {
        let report: Value = serde_json::from_str(&self.run(&["audit", "--format", "json"])?)?;
        let controls = report["controls"].as_array().into_iter().flatten();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        Ok(controls
            .map(|control| (text(&control["id"]), text(&control["verdict"])))
            .collect())
    }
}

fn fails(verdicts: &[(String, String)]) -> usize {
    let open = verdicts.iter().filter(|(_, verdict)| verdict == "fail");
    open.count()
}
