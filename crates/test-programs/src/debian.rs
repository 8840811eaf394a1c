//! Programs from Debian's archive, unpacked into a folder of their own: the system is left as it
//! is, and no service starts.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::install::{Cache, run};

/// Unpacks a package, and returns the folder that stands for `/`.
pub fn package(name: &str) -> anyhow::Result<PathBuf> {
    let cache = Cache::open("debian")?;
    let directory = cache.path(name);
    let unfinished = cache.path(format!("{name}.part"));
    cache.ensure(
        name,
        &format!("fetching Debian's package {name}"),
        || directory.exists(),
        || {
            unpack(name, &unfinished)?;
            Ok(fs::rename(&unfinished, &directory)?)
        },
    )?;
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

/// A program whose package needs the system's libraries: it is installed into the system if it
/// is not there.
pub fn installed(package: &str, program: &str) -> anyhow::Result<PathBuf> {
    let path = Path::new("/usr/bin").join(program);
    Cache::open("debian")?.ensure(
        package,
        &format!("installing Debian's package {package}"),
        || path.exists(),
        || {
            with_package_lists(|| {
                let mut apt = Command::new("apt-get");
                apt.args(["install", "-y", "-qq", "--no-install-recommends", package]);
                run(apt.env("DEBIAN_FRONTEND", "noninteractive"))
            })
        },
    )?;
    if !path.exists() {
        bail!("Debian's package {package} has no {program}");
    }
    Ok(path)
}

fn unpack(name: &str, folder: &Path) -> anyhow::Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    with_package_lists(|| {
        run(Command::new("apt-get").args(["download", "-qq", name]).current_dir(folder))
    })?;
    let archive = fs::read_dir(folder)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|end| end == "deb"))
        .with_context(|| format!("apt-get fetched no package {name}"))?;
    // With its description, in DEBIAN/control.
    let content = folder.with_extension("content");
    run(Command::new("dpkg-deb").arg("-R").arg(&archive).arg(&content))?;
    fs::remove_dir_all(folder)?;
    Ok(fs::rename(content, folder)?)
}

/// Runs apt-get, and once more after an update: a new machine has no lists of packages yet.
fn with_package_lists(apt: impl Fn() -> anyhow::Result<()>) -> anyhow::Result<()> {
    if apt().is_ok() {
        return Ok(());
    }
    run(Command::new("apt-get").args(["update", "-qq"]))?;
    apt()
}
