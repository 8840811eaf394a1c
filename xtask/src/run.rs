//! Cargo and the paths of the project.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// The project's directory.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Files at a path of the project, or below it, by their paths from the project's directory.
pub fn files(path: &Path) -> anyhow::Result<Vec<String>> {
    let full = root().join(path);
    if full.is_file() {
        return Ok(vec![path.to_string_lossy().into_owned()]);
    }
    let mut files = Vec::new();
    if full.is_dir() {
        for entry in std::fs::read_dir(&full).with_context(|| full.display().to_string())? {
            let name = entry?.file_name();
            // What is built, and what a tool leaves behind.
            if name != "target" && name != "__pycache__" {
                files.extend(self::files(&path.join(name))?);
            }
        }
    }
    files.sort();
    Ok(files)
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
