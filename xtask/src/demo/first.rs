//! The first verdicts of the demo: an audit of a snapshot, for which no server has to be built.

use std::path::Path;
use std::process::Command;

use anyhow::bail;
use ckf_hardening::facts::snapshot;

use super::story;
use crate::docs::examples;

/// Folder of the snapshot, from the project's directory.
const SNAPSHOT: &str = "target/demo/stock-1.10";

/// Writes a snapshot of a stock deployment, and audits it.
pub fn show(binary: &Path) -> anyhow::Result<()> {
    snapshot::write(&examples::facts()?, &crate::run::root().join(SNAPSHOT))?;
    story::command(&format!("ckf-hardening audit --from {SNAPSHOT}"));
    let status = Command::new(binary)
        .args(["audit", "--from", SNAPSHOT])
        .current_dir(crate::run::root())
        .env_remove("JUJU_DISPATCH_PATH")
        .status()?;
    // 1: something is open; 3: something could not be assessed, as Juju's controls here.
    if !matches!(status.code(), Some(0 | 1 | 3)) {
        bail!("the audit of the snapshot ended with {status}");
    }
    Ok(())
}
