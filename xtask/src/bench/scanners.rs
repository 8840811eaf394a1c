//! An audit beside other scanners of a cluster, each on the same stock deployment.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use anyhow::Context as _;
use ckf_hardening::facts::kubernetes::kinds;
use ckf_worlds::World;
use kube_sandbox::Sandbox;

use super::{Measured, measure, median};

/// Of the scanners that the package registries carry as programs, that which reads a live cluster
/// without running pods in it.
const PROWLER: &str = "prowler==5.46.0";
/// Runs of each, in turn.
const RUNS: usize = 20;

/// Measures and prints each.
pub fn scanners(binary: &Path) -> anyhow::Result<()> {
    let prowler = test_programs::python::programs("prowler", &[PROWLER])?.join("prowler");
    let sandbox = Sandbox::start_to_measure()?;
    let loader = sandbox.define(&World::definitions())?;
    loader.load(&World::stock("1.10").objects)?;
    let kubeconfig = sandbox.kubeconfig("admin");
    let read = read_by_kubectl(&sandbox)?;
    let folder = tempfile::tempdir()?;
    let audit = || {
        let mut command = Command::new(binary);
        command.args(["audit", "--format", "csv", "--kubeconfig"]).arg(&kubeconfig);
        command.env("JUJU_DATA", "/nowhere");
        command
    };
    let kubectl = || {
        let mut command = sandbox.kubectl_command()?;
        command.args(["get", &read, "--all-namespaces", "--output", "json"]);
        anyhow::Ok(command)
    };
    let scan = || {
        let mut command = Command::new(&prowler);
        command.args(["kubernetes", "--no-banner", "--output-formats", "csv"]);
        command.arg("--kubeconfig-file").arg(&kubeconfig);
        command.arg("--output-directory").arg(folder.path());
        command
    };
    let mut all: [Vec<Measured>; 3] = Default::default();
    for _ in 0..RUNS {
        for (mut command, measured) in [audit(), kubectl()?, scan()].into_iter().zip(&mut all) {
            measured.push(measure(&mut command, Some(&sandbox))?);
        }
    }
    println!("stock 1.10: medians of {RUNS} runs in turn, and beside the audit");
    for (what, measured) in ["audit", "kubectl get of its kinds", PROWLER].iter().zip(&all) {
        let of = |of: fn(&Measured) -> std::time::Duration| {
            let (own, audit) = (median(measured, of), median(&all[0], of));
            format!("{:.2} s ({:.1})", own.as_secs_f64(), own.as_secs_f64() / audit.as_secs_f64())
        };
        let most = measured.iter().map(|m| m.memory).max().unwrap_or(0) as f64 / 1e6;
        println!(
            "  {what}: {}, CPU {}, the API server's {}, {most:.0} MB at most",
            of(|m| m.time),
            of(|m| m.cpu),
            of(|m| m.server),
        );
    }
    Ok(())
}

/// The kinds that an audit reads and the cluster has, as `kubectl get` takes them.
fn read_by_kubectl(sandbox: &Sandbox) -> anyhow::Result<String> {
    let served = sandbox.kubectl(&["api-resources", "--output", "name"])?;
    let served = String::from_utf8(served.stdout).context("kubectl prints names")?;
    let served: BTreeSet<&str> = served.lines().collect();
    let names = kinds().into_iter().map(|(group, plural)| match group {
        "" => plural.to_owned(),
        group => format!("{plural}.{group}"),
    });
    let here: Vec<String> = names.filter(|name| served.contains(name.as_str())).collect();
    Ok(here.join(","))
}
