//! Cargo and the paths of the project.

use std::ffi::OsString;
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

/// Variables that `cargo run` sets for this program. ring's build script, for one, is run again
/// when they change, and all that depends on it is compiled again.
const OF_THIS_PACKAGE: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_CRATE_", "CARGO_BIN_"];

/// Keeps from a command that builds what describes this program, so that it uses what other builds
/// have made.
pub fn without_package(command: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if OF_THIS_PACKAGE.iter().any(|prefix| text.starts_with(prefix)) {
            command.env_remove(&name);
        }
    }
    command
}

/// Cargo, as it would be started from a shell in the project.
pub fn cargo_command() -> Command {
    let mut command = Command::new(cargo_program());
    without_package(&mut command).current_dir(root());
    command
}

/// The same, which leaves the processor to whatever else needs it.
pub fn cargo_in_the_background() -> Command {
    let mut command = Command::new("nice");
    command.args(["-n", "10"]).arg(cargo_program());
    without_package(&mut command).current_dir(root());
    command
}

fn cargo_program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Runs cargo in the project; it must succeed.
pub fn cargo(arguments: &[&str]) -> anyhow::Result<()> {
    succeed(cargo_command().args(arguments))
}

/// Runs a command, which must succeed.
pub fn succeed(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| command.get_program().display().to_string())?;
    if !status.success() {
        let arguments: Vec<_> = command.get_args().map(|word| word.to_string_lossy()).collect();
        bail!("{} {} ended with {status}", command.get_program().display(), arguments.join(" "));
    }
    Ok(())
}

/// Builds the program as it is shipped, and returns its path.
pub fn packed_binary() -> anyhow::Result<PathBuf> {
    cargo(&["build", "--profile", "packed", "--bin", "ckf-hardening"])?;
    Ok(root().join("target/packed/ckf-hardening"))
}

/// Builds the program for development, and returns its path. Its dependencies are compiled
/// already: they are this program's too.
pub fn debug_binary() -> anyhow::Result<PathBuf> {
    cargo(&["build", "--package", "xtask", "--package", "ckf-hardening", "--bins"])?;
    Ok(root().join("target/debug/ckf-hardening"))
}
