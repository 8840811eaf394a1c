//! The frame of every installation: a folder below `target/`, a lock, a check, the work.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::progress::Progress;

/// A folder below `target/` that holds what one package manager has installed.
pub(crate) struct Cache(PathBuf);

impl Cache {
    /// Opens `target/NAME` of this workspace, and creates it if need be.
    pub(crate) fn open(name: &str) -> anyhow::Result<Self> {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(name);
        fs::create_dir_all(&target)?;
        Ok(Self(target))
    }

    /// A path in it.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.join(name)
    }

    /// Runs an installation unless it is done already. Tests run side by side: the first one
    /// installs, the others wait for its lock and then find it done.
    pub(crate) fn ensure(
        &self,
        name: &str,
        announcement: &str,
        is_installed: impl FnOnce() -> bool,
        install: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let lock = fs::File::create(self.path(format!("{name}.lock")))?;
        lock.lock()?;
        if is_installed() {
            return Ok(());
        }
        let _progress = Progress::begin(name, announcement);
        install()
    }

    /// Installs packages, each with its version, into the folder of a name. A file in the folder
    /// lists what is installed, so that a changed list is installed again.
    pub(crate) fn ensure_packages(
        &self,
        name: &str,
        packages: &[&str],
        install: impl FnOnce(&Path) -> anyhow::Result<()>,
    ) -> anyhow::Result<PathBuf> {
        let folder = self.path(name);
        fs::create_dir_all(&folder)?;
        let list = folder.join("installed");
        let wanted = packages.join("\n");
        self.ensure(
            name,
            &format!("installing {}", packages.join(", ")),
            || fs::read_to_string(&list).is_ok_and(|installed| installed == wanted),
            || {
                install(&folder)?;
                Ok(fs::write(&list, &wanted)?)
            },
        )?;
        Ok(folder)
    }
}

/// Runs a command whose errors are worth reading; its output is shown only if it fails.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("running {command:?}"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        bail!("{command:?} ended with {}: {}", output.status, stderr.trim());
    }
    Ok(())
}
