//! Many clusters in one run: contexts of one kubeconfig, which all lead to the same API server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context as _;
use ckf_worlds::World;
use kube_sandbox::Sandbox;
use serde_json::{Value, json};

use super::measure;

/// Clusters, and pods and profiles of each.
const CLUSTERS: usize = 100;
const PODS: usize = 5_000;
const PROFILES: usize = 500;
/// Clusters that are read at the same time.
const PARALLEL: [&str; 3] = ["1", "4", "16"];
/// Numbers of clusters, for whether time and memory grow with them.
const NUMBERS: [usize; 3] = [1, 10, CLUSTERS];

/// Measures audits of many clusters.
pub fn fleet(binary: &Path) -> anyhow::Result<()> {
    let sandbox = Sandbox::start_to_measure()?;
    let loader = sandbox.define(&World::definitions())?;
    loader.load(&World::large("1.10", PODS, PROFILES).objects)?;
    let folder = tempfile::tempdir()?;
    println!("{PODS} pods, {PROFILES} profiles a cluster; one API server answers for all");
    for clusters in NUMBERS {
        let kubeconfig = kubeconfig(&sandbox, folder.path(), clusters)?;
        let parallel = if clusters == 1 { &PARALLEL[..1] } else { &PARALLEL };
        for &parallel in parallel {
            for format in ["csv", "json"] {
                run(binary, &sandbox, &kubeconfig, (clusters, parallel, format))?;
            }
        }
    }
    Ok(())
}

fn run(
    binary: &Path,
    sandbox: &Sandbox,
    kubeconfig: &Path,
    (clusters, parallel, format): (usize, &str, &str),
) -> anyhow::Result<()> {
    let mut command = Command::new(binary);
    command.args(["audit", "--all-contexts", "--parallel", parallel, "--format", format]);
    command.arg("--kubeconfig").arg(kubeconfig).env("JUJU_DATA", "/nowhere");
    let measured = measure(&mut command, Some(sandbox))?;
    println!(
        "  {clusters} clusters, {parallel} at a time, {format}: {:.1} s, CPU {:.1} s, the API server's {:.1} s, {:.0} MB at most",
        measured.time.as_secs_f64(),
        measured.cpu.as_secs_f64(),
        measured.server.as_secs_f64(),
        measured.memory as f64 / 1e6
    );
    Ok(())
}

/// A kubeconfig with so many contexts of the sandbox.
fn kubeconfig(sandbox: &Sandbox, folder: &Path, clusters: usize) -> anyhow::Result<PathBuf> {
    let mut config: Value =
        serde_yaml::from_str(&fs::read_to_string(sandbox.kubeconfig("admin"))?)?;
    let context = config["contexts"][0]["context"].clone();
    let named = |number| json!({"name": format!("cluster-{number}"), "context": context});
    config["contexts"] = (1..=clusters).map(named).collect();
    config["current-context"] = "cluster-1".into();
    let path = folder.join("kubeconfig");
    fs::write(&path, config.to_string()).with_context(|| path.display().to_string())?;
    Ok(path)
}
