//! Packages that come from npm, in a folder of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// Installs packages, each with its version, into the folder of a name, and returns it.
/// The second time nothing is to be done. Tests run side by side: one installs, the others
/// wait.
pub fn packages(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/npm");
    let folder = target.join(name);
    fs::create_dir_all(&folder)?;
    let lock = fs::File::create(target.join(format!("{name}.lock")))?;
    lock.lock()?;
    let done = folder.join("installed");
    let wanted = packages.join("\n");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    eprintln!("installing {} ...", packages.join(", "));
    fs::write(folder.join("package.json"), "{\"private\": true}\n")?;
    let mut npm = Command::new("npm");
    npm.args(["install", "--silent", "--no-audit", "--no-fund"]).args(packages);
    let status = npm.current_dir(&folder).status();
    let status = status.context("npm, which comes with Node.js, could not be run")?;
    if !status.success() {
        bail!("{npm:?} ended with {status}");
    }
    fs::write(done, wanted)?;
    Ok(folder)
}
