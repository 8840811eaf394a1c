//! Cargo and the paths of the project.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// The project's directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Runs cargo in the project; it must succeed.
pub fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(arguments)
        .current_dir(root())
        .status()
        .context("running cargo")?;
    if !status.success() {
        bail!("cargo {} ended with {status}", arguments.join(" "));
    }
    Ok(())
}

/// Builds the program as it is shipped, and returns its path.
pub fn release_binary() -> anyhow::Result<PathBuf> {
    cargo(&["build", "--release", "--bin", "ckf-hardening"])?;
    Ok(root().join("target/release/ckf-hardening"))
}
