//! Corpora: inputs that each reach code which no other does. One archive per target is kept in
//! the repository; libFuzzer works on an unpacked copy.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::run::root;

/// Longest input that is kept, in bytes: shorter ones reach the same code sooner.
const LONGEST: u32 = 1500;

/// The archive of a target.
fn archive(name: &str) -> PathBuf {
    root().join(format!("fuzz/corpus/{name}.tar.gz"))
}

/// Unpacks the archive of a target, if it has one, into the folder that its runs share on this
/// machine, and returns that folder.
pub fn unpack(name: &str) -> anyhow::Result<PathBuf> {
    let folder = root().join("target/fuzz/corpus").join(name);
    std::fs::create_dir_all(&folder)?;
    let archive = archive(name);
    if archive.is_file() {
        finish(Command::new("tar").arg("-xzf").arg(&archive).arg("-C").arg(&folder))?;
    }
    Ok(folder)
}

/// Packs those inputs of a folder that together reach all that it reaches, the same bytes for the
/// same inputs.
pub fn keep(name: &str, binary: &Path, folder: &Path) -> anyhow::Result<()> {
    let kept = root().join("target/fuzz/kept").join(name);
    if kept.exists() {
        std::fs::remove_dir_all(&kept)?;
    }
    std::fs::create_dir_all(&kept)?;
    let length = format!("-max_len={LONGEST}");
    finish(Command::new(binary).args(["-merge=1", "-verbosity=0", &length]).args([&kept, folder]))?;
    let archive = archive(name);
    std::fs::create_dir_all(archive.parent().context("an archive has a folder")?)?;
    finish(
        Command::new("tar")
            .args(["--sort=name", "--mtime=@0", "--owner=0", "--group=0", "--numeric-owner"])
            .args(["-I", "gzip -9n", "-cf"])
            .arg(&archive)
            .arg("-C")
            .args([&kept, Path::new(".")]),
    )
}

fn finish(command: &mut Command) -> anyhow::Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("running {name}"))?;
    match output.status.success() {
        true => Ok(()),
        false => bail!("{name}: {}", String::from_utf8_lossy(&output.stderr).trim()),
    }
}
