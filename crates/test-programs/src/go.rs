//! Programs built from Go modules, once a machine: the cache is shared by all checkouts.

use std::collections::VecDeque;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};
use sha2::{Digest as _, Sha256};

use crate::progress::Progress;

/// Files of a module that decide what is built.
const SOURCES: [&str; 3] = ["go.mod", "go.sum", "main.go"];
/// Folder of the module that pins Pebble, from the workspace's root.
const PEBBLE: &str = "xtask/pebble";
/// Lines of a build that failed that are shown.
const LAST_LINES: usize = 30;

/// A program of a Go module.
pub struct Program<'a> {
    /// Folder of the module, from the workspace's root.
    pub module: &'a str,
    /// Folder of the cache, so that programs of one name do not meet.
    pub cache: &'a str,
    /// Name of the executable.
    pub name: &'a str,
    /// Package with its `main`.
    pub package: &'a str,
    /// What it is, and how long building it takes on 2 cores.
    pub what: &'a str,
    /// Packages that it consists of, to tell how far its build is.
    pub packages: usize,
    /// Flags of the linker.
    pub linker_flags: &'a str,
    /// What else decides what is built.
    pub version: &'a str,
}

impl Program<'_> {
    /// Path of the executable. It is built if this machine has none of these sources and versions
    /// yet, which takes minutes; it says on standard error how far it is.
    pub fn build(&self) -> anyhow::Result<PathBuf> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let sources = root.join(self.module).canonicalize()?;
        let mut digest = Sha256::new();
        for name in SOURCES.into_iter().filter(|name| sources.join(name).exists()) {
            let source = fs::read(sources.join(name));
            digest.update(source.with_context(|| format!("reading {name} of {}", self.module))?);
        }
        digest.update(self.version);
        let key: String = digest.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
        let cache = cache_directory()?.join(self.cache).join(key);
        ensure(&cache, self.name, |unfinished| {
            let mut progress = Progress::begin(self.name, &format!("building {}", self.what));
            let mut go = Command::new("go");
            go.args(["build", "-v", "-trimpath", "-ldflags", self.linker_flags, "-o"])
                .arg(unfinished)
                .arg(self.package)
                .current_dir(&sources)
                .env("CGO_ENABLED", "0")
                .env("GOTOOLCHAIN", "local")
                .env("GOFLAGS", "-buildvcs=false")
                // The project's own workspace, if there is one above, is not for these modules.
                .env("GOWORK", "off")
                .stdout(Stdio::null());
            self.follow(&mut go, &mut progress).context("Go 1.26 or later builds it")
        })
    }

    /// Runs `go build -v`, which names each module that it downloads and each package that it
    /// compiles.
    fn follow(&self, go: &mut Command, progress: &mut Progress) -> anyhow::Result<()> {
        let mut child = go.stderr(Stdio::piped()).spawn().context("running go")?;
        let stderr = child.stderr.take().context("go has a standard error")?;
        let (mut modules, mut packages) = (0, 0);
        let mut last = VecDeque::new();
        for line in BufReader::new(stderr).lines() {
            let line = line?;
            if line.starts_with("go: downloading") {
                modules += 1;
            } else if !line.contains(' ') {
                packages += 1;
            }
            progress.at(&match packages {
                0 => format!("{modules} modules downloaded"),
                _ => format!("{packages} of {} packages", self.packages),
            });
            if last.len() == LAST_LINES {
                last.pop_front();
            }
            last.push_back(line);
        }
        let status = child.wait()?;
        if !status.success() {
            bail!("{go:?} ended with {status}:\n{}", Vec::from(last).join("\n"));
        }
        Ok(())
    }
}

/// Path of Pebble, at the version that Juju 4.0.15 names.
pub fn pebble() -> anyhow::Result<PathBuf> {
    let program = Program {
        module: PEBBLE,
        cache: "pebble",
        name: "pebble",
        package: "github.com/canonical/pebble/cmd/pebble",
        what: "Pebble from its Go module; once a machine, about a minute on 2 cores",
        packages: 263,
        linker_flags: "-s -w",
        version: "",
    };
    program.build()
}

/// The folder of this machine's user for what is built once.
pub fn cache_directory() -> anyhow::Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(base.join("ckf-hardening"))
}

/// The executable of a name in a folder of the cache; if there is none it is made, under another
/// name at first. Test binaries run side by side: one makes it, the others wait.
pub fn ensure(
    cache: &Path,
    name: &str,
    make: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
    use std::os::unix::fs::PermissionsExt as _;
    let finished = cache.join(name);
    if finished.exists() {
        return Ok(finished);
    }
    fs::create_dir_all(cache)?;
    let lock = fs::File::create(cache.join(format!("{name}.lock")))?;
    lock.lock()?;
    if finished.exists() {
        return Ok(finished);
    }
    let unfinished = cache.join(format!("{name}.part"));
    make(&unfinished)?;
    fs::set_permissions(&unfinished, fs::Permissions::from_mode(0o755))?;
    fs::rename(&unfinished, &finished)?;
    Ok(finished)
}

/// Runs a command that prints its own errors.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("running {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}
