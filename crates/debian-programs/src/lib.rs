//! Programs of Debian's packages, unpacked into a folder of their own: nothing is
//! installed into the system, and no service is started.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// Has a package unpacked, and returns the folder that stands for `/`. The second time
/// nothing is to be done. Tests run side by side: one fetches, the others wait.
pub fn package(name: &str) -> anyhow::Result<PathBuf> {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debian");
    let directory = target.join(name);
    fs::create_dir_all(&target)?;
    let lock = fs::File::create(target.join(format!("{name}.lock")))?;
    lock.lock()?;
    if directory.exists() {
        return Ok(directory);
    }
    eprintln!("fetching Debian's package {name} ...");
    let unfinished = target.join(format!("{name}.part"));
    if unfinished.exists() {
        fs::remove_dir_all(&unfinished)?;
    }
    fs::create_dir_all(&unfinished)?;
    let download = || {
        let mut apt = Command::new("apt-get");
        run(apt.args(["download", "-qq", name]).current_dir(&unfinished))
    };
    if download().is_err() {
        // A new machine has no lists of packages yet.
        run(Command::new("apt-get").args(["update", "-qq"]))?;
        download()?;
    }
    let archive = fs::read_dir(&unfinished)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|end| end == "deb"));
    let archive = archive.with_context(|| format!("apt-get fetched no package {name}"))?;
    run(Command::new("dpkg-deb").arg("-x").arg(&archive).arg(&unfinished))?;
    fs::remove_file(archive)?;
    fs::rename(&unfinished, &directory)?;
    Ok(directory)
}

/// A program of a package, by its name in `/usr/bin`.
pub fn program(package_name: &str, program: &str) -> anyhow::Result<PathBuf> {
    let path = package(package_name)?.join("usr/bin").join(program);
    if !path.exists() {
        bail!("Debian's package {package_name} has no {program}");
    }
    Ok(path)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}: {}", output.status, why.trim());
    }
    Ok(())
}

/// A program whose package needs the system's libraries: it is installed if it is not there.
pub fn installed(package: &str, program: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new("/usr/bin").join(program);
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/debian");
    fs::create_dir_all(&target)?;
    let lock = fs::File::create(target.join(format!("{package}.lock")))?;
    lock.lock()?;
    if path.exists() {
        return Ok(path);
    }
    eprintln!("installing Debian's package {package} ...");
    let install = || {
        let mut apt = Command::new("apt-get");
        apt.args(["install", "-y", "-qq", "--no-install-recommends", package]);
        run(apt.env("DEBIAN_FRONTEND", "noninteractive"))
    };
    if install().is_err() {
        // A new machine has no lists of packages yet.
        run(Command::new("apt-get").args(["update", "-qq"]))?;
        install()?;
    }
    match path.exists() {
        true => Ok(path),
        false => bail!("Debian's package {package} has no {program}"),
    }
}
