//! Packages that come from npm, in a folder of their own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::run::root;

/// Installs packages, each with its version, into the folder of a name, and returns
/// it. The second time nothing is to be done.
pub fn packages(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let folder = root().join("target/npm").join(name);
    let done = folder.join("installed");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    eprintln!("installing {} ...", packages.join(", "));
    std::fs::create_dir_all(&folder)?;
    std::fs::write(folder.join("package.json"), "{\"private\": true}\n")?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund"])
        .args(packages);
    let status = npm.current_dir(&folder).status();
    let status = status.context("npm, which comes with Node.js, could not be run")?;
    if !status.success() {
        bail!("{npm:?} ended with {status}");
    }
    std::fs::write(done, wanted)?;
    Ok(folder)
}
