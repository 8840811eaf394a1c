//! Tools that come from Python's package index, in an environment of their own.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::run::root;

/// Installs packages, each with its version, into the environment of a name, and
/// returns the folder of their programs. The second time nothing is to be done.
pub fn programs(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let directory = root().join("target/python").join(name);
    let done = directory.join("installed");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(directory.join("bin"));
    }
    eprintln!("installing {} ...", packages.join(", "));
    let run = |command: &mut Command| {
        let status = command.status().with_context(|| format!("{command:?}"))?;
        if !status.success() {
            bail!("{command:?} ended with {status}");
        }
        Ok(())
    };
    run(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
    let pip = directory.join("bin/pip");
    let quiet = ["install", "--quiet", "--disable-pip-version-check"];
    run(Command::new(pip).args(quiet).args(packages))?;
    std::fs::write(done, wanted)?;
    Ok(directory.join("bin"))
}
