//! Builds kubebox once a machine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context as _, bail};
use sha2::{Digest, Sha256};

const KUBERNETES: &str = "v1.36.3";

/// Path of kubebox: etcd, kube-apiserver and kubectl in one binary. It is built
/// with `go build` if this machine has none of these sources and versions yet,
/// which takes minutes; it says so on standard error.
pub fn kubebox() -> anyhow::Result<PathBuf> {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    if let Some(path) = BUILT.get() {
        return Ok(path.clone());
    }
    let path = build()?;
    Ok(BUILT.get_or_init(|| path).clone())
}

fn build() -> anyhow::Result<PathBuf> {
    let sources = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../xtask/kube")
        .canonicalize()?;
    let mut digest = Sha256::new();
    for name in ["go.mod", "go.sum", "main.go"] {
        digest.update(
            fs::read(sources.join(name)).with_context(|| format!("reading {name} of kubebox"))?,
        );
    }
    digest.update(KUBERNETES);
    let key: String = digest
        .finalize()
        .iter()
        .take(8)
        .map(|b| format!("{b:02x}"))
        .collect();
    let cache = cache_directory()?.join(key);
    let kubebox = cache.join("kubebox");
    if kubebox.exists() {
        return Ok(kubebox);
    }
    fs::create_dir_all(&cache)?;
    // Test binaries run side by side; one builds, the others wait for it.
    let lock = fs::File::create(cache.join("lock"))?;
    lock.lock()?;
    if kubebox.exists() {
        return Ok(kubebox);
    }
    eprintln!(
        "building a Kubernetes {KUBERNETES} API server from its Go modules; once a machine, about 7 minutes on 2 cores ..."
    );
    let started = std::time::Instant::now();
    let mut flags = "-s -w".to_owned();
    for package in [
        "k8s.io/component-base/version",
        "k8s.io/client-go/pkg/version",
    ] {
        flags.push_str(&format!(
            " -X {package}.gitVersion={KUBERNETES} -X {package}.gitMajor=1 -X {package}.gitMinor=36 -X {package}.gitTreeState=clean"
        ));
    }
    let unfinished = cache.join("kubebox.part");
    let status = Command::new("go")
        .args(["build", "-trimpath", "-ldflags", &flags, "-o"])
        .arg(&unfinished)
        .arg(".")
        .current_dir(&sources)
        .env("CGO_ENABLED", "0")
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-buildvcs=false")
        // The project's own workspace, if there is one above, is not for these modules.
        .env("GOWORK", "off")
        .stdout(std::process::Stdio::null())
        .status()
        .context("running go; install Go 1.26 or later")?;
    if !status.success() {
        bail!("building kubebox failed: go build ended with {status}");
    }
    fs::rename(&unfinished, &kubebox)?;
    eprintln!(
        "built in {} s: {}",
        started.elapsed().as_secs(),
        kubebox.display()
    );
    Ok(kubebox)
}

fn cache_directory() -> anyhow::Result<PathBuf> {
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(std::env::var_os("HOME").context("HOME is not set")?).join(".cache"),
    };
    Ok(base.join("ckf-hardening").join("kube"))
}
