//! Programs from PyPI, each set in a virtual environment of its own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::install::Cache;

/// Installs packages, each with its version, into the environment of a name, and returns the
/// folder of their programs.
pub fn programs(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let environment = Cache::open("python")?.ensure_packages(name, packages, |folder| {
        show(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
        let quiet = ["install", "--quiet", "--disable-pip-version-check"];
        show(Command::new(folder.join("bin/pip")).args(quiet).args(packages))
    })?;
    Ok(environment.join("bin"))
}

/// Runs a command with its output shown as it comes: installing takes a while.
fn show(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}
