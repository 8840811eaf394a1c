//! Tools that come from Python's package index, in an environment of their own.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// Installs packages, each with its version, into the environment of a name, and
/// returns the folder of their programs. The second time nothing is to be done. Tests run
/// side by side: one installs, the others wait.
pub fn programs(name: &str, packages: &[&str]) -> anyhow::Result<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/python");
    let directory = target.join(name);
    fs::create_dir_all(&directory)?;
    let lock = fs::File::create(target.join(format!("{name}.lock")))?;
    lock.lock()?;
    let done = directory.join("installed");
    let wanted = packages.join("\n");
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
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
    fs::write(done, wanted)?;
    Ok(directory.join("bin"))
}
