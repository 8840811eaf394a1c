//! Packages from npm, each set in a folder of its own.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::install::Cache;

/// Installs packages, each with its version, into the folder of a name, and returns the folder.
pub fn packages(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    Cache::open("npm")?.ensure_packages(name, packages, |folder| {
        fs::write(folder.join("package.json"), "{\"private\": true}\n")?;
        let mut npm = Command::new("npm");
        npm.args(["install", "--silent", "--no-audit", "--no-fund"]).args(packages);
        let status = npm.current_dir(folder).status();
        let status = status.context("npm, which comes with Node.js, could not be run")?;
        if !status.success() {
            bail!("{npm:?} ended with {status}");
        }
        Ok(())
    })
}
