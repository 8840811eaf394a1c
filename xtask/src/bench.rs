//! `cargo xtask bench`: each figure and its yardstick, side by side in one run.

mod actions;
mod agent;
mod fleet;
mod hooks;
mod rocks;
mod scanners;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ckf_worlds::World;
use kube_sandbox::{Encoding, Sandbox};

use crate::run;
use crate::sandbox::LARGE;

const PODS: usize = LARGE.0;
const PROFILES: usize = LARGE.1;
/// Runs of each audit and its yardsticks, in turn, of which the median counts.
const AUDITS: usize = 20;
/// As many kinds side by side as the audit reads.
const SIDE_BY_SIDE: &str = "4";

/// What can be measured alone.
const PARTS: [&str; 7] = ["hooks", "rocks", "actions", "audit", "agent", "fleet", "scanners"];

/// Usage of the command.
pub const USAGE: &str =
    "usage: cargo xtask bench [hooks | rocks | actions | audit | agent | fleet | scanners]

  hooks     only hooks, beside their bare tools and a charm written with ops
  rocks     only the check of images
  actions   only the length of actions' results, on a stock and a large deployment
  audit     only audits, of a stock and a large deployment
  agent     audits and the agent, on a stock and a large deployment
  fleet     only audits of up to 100 clusters in one run; not without this name
  scanners  only an audit beside kubectl and prowler, which PyPI has; not without this name
";
/// Usage of the yardstick.
pub const FETCH_USAGE: &str = "usage: cargo xtask fetch KUBECONFIG SIDE-BY-SIDE json|cheapest

Reads every kind that an audit reads, as many side by side, and does nothing with them: as JSON, or
in protobuf where the API server has it.
";

/// Measures and prints all.
pub fn bench(arguments: &[String]) -> anyhow::Result<()> {
    let part = match arguments {
        [] => "all",
        [part] if PARTS.contains(&part.as_str()) => part,
        _ => bail!("there is no such part\n\n{USAGE}"),
    };
    let binary = run::packed_binary()?;
    run::cargo(&["build", "--profile", "tools", "--package", "xtask"])?;
    run::cargo(&["build", "--profile", "tools", "--package", "juju-sim", "--bins"])?;
    println!("binary: {} bytes", std::fs::metadata(&binary)?.len());
    match part {
        "hooks" => return hooks::hooks(&binary),
        "rocks" => return rocks::rocks(&binary),
        "actions" => return actions::actions(&binary),
        "fleet" => return fleet::fleet(&binary),
        "scanners" => return scanners::scanners(&binary),
        "audit" | "agent" => {}
        _ => {
            hooks::hooks(&binary)?;
            rocks::rocks(&binary)?;
            actions::actions(&binary)?;
        }
    }
    let with_agent = part != "audit";
    // The rest takes some minutes.
    if with_agent {
        agent::repairs(&binary)?;
    }
    let sandbox = Sandbox::start_to_measure()?;
    let loader = sandbox.define(&World::definitions())?;
    let stock = World::stock("1.10");
    loader.load(&stock.objects)?;
    audits(&binary, &sandbox, "stock 1.10")?;
    if with_agent {
        agent::costs(&binary, &sandbox, "stock 1.10", &pods(&stock))?;
    }
    let large = World::large("1.10", PODS, PROFILES);
    eprintln!("loading {} objects ...", large.objects.len());
    let started = Instant::now();
    loader.load(&large.objects[stock.objects.len()..])?;
    eprintln!("loaded in {} s", started.elapsed().as_secs());
    let name = format!("{PODS} pods, {PROFILES} profiles");
    audits(&binary, &sandbox, &name)?;
    if with_agent {
        agent::costs(&binary, &sandbox, &name, &pods(&large))?;
    }
    Ok(())
}

fn pods(world: &World) -> Vec<serde_json::Value> {
    let pods = world.objects.iter().filter(|object| object["kind"] == "Pod");
    pods.cloned().collect()
}

/// `xtask fetch KUBECONFIG`: the yardstick of an audit, in a process of its own.
pub fn fetch(arguments: &[String]) -> anyhow::Result<()> {
    let [kubeconfig, side_by_side, encoding] = arguments else {
        bail!("three arguments\n\n{FETCH_USAGE}");
    };
    let encoding = match encoding.as_str() {
        "json" => Encoding::Json,
        "cheapest" => Encoding::Cheapest,
        _ => bail!("there is no such encoding\n\n{FETCH_USAGE}"),
    };
    let paths = ckf_hardening::facts::kubernetes::list_paths();
    let side_by_side = side_by_side.parse()?;
    let fetched = kube_sandbox::fetch(Path::new(kubeconfig), &paths, encoding, side_by_side)?;
    println!("{} {}", fetched.requests, fetched.bytes);
    Ok(())
}

/// What a process took.
struct Measured {
    time: Duration,
    cpu: Duration,
    /// CPU time of the API server meanwhile.
    server: Duration,
    /// Largest resident memory in bytes.
    memory: u64,
    stdout: String,
}

fn measure(command: &mut Command, sandbox: Option<&Sandbox>) -> anyhow::Result<Measured> {
    let server = || sandbox.map_or(Ok(Duration::ZERO), Sandbox::api_server_cpu);
    let before = server()?;
    let started = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let reader = child.stdout.take().context("stdout is piped")?;
    let stdout = std::thread::spawn(move || std::io::read_to_string(reader));
    let (mut memory, mut cpu) = (0, Duration::ZERO);
    let code = loop {
        // The kernel keeps the largest; the last look before the end reads it.
        if let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
            memory = memory.max(kilobytes.unwrap_or(0) * 1024);
        }
        cpu = cpu.max(kube_sandbox::cpu_of(child.id()).unwrap_or_default());
        match child.try_wait()? {
            Some(code) => break code,
            None => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    let time = started.elapsed();
    let stdout = stdout.join().map_err(|_| anyhow::anyhow!("reading failed"))??;
    if code.code() == Some(2) || code.code().is_none() {
        bail!("{command:?} ended with {code}");
    }
    let server = server()?.saturating_sub(before);
    Ok(Measured { time, cpu, server, memory, stdout })
}

fn audits(binary: &Path, sandbox: &Sandbox, name: &str) -> anyhow::Result<()> {
    let kubeconfig = sandbox.kubeconfig("admin");
    let xtask = run::root().join("target/tools/xtask");
    let fetch = |encoding| {
        let mut command = Command::new(&xtask);
        command.arg("fetch").arg(&kubeconfig).arg(SIDE_BY_SIDE).arg(encoding);
        command
    };
    let audit = || {
        let mut command = Command::new(binary);
        command.args(["audit", "--format", "json", "--kubeconfig"]).arg(&kubeconfig);
        command
    };
    let mut all: [Vec<Measured>; 3] = Default::default();
    for _ in 0..AUDITS {
        let each = [audit(), fetch("json"), fetch("cheapest")];
        for (mut command, measured) in each.into_iter().zip(&mut all) {
            measured.push(measure(&mut command, Some(sandbox))?);
        }
    }
    println!("{name}: medians of {AUDITS} runs in turn");
    let yardstick = &all[2];
    for (what, measured) in ["audit", "fetch as JSON", "fetch cheapest"].iter().zip(&all) {
        let fetched = measured[0].stdout.trim().split_once(' ');
        let fetched = match fetched.and_then(|(n, bytes)| Some((n, bytes.parse::<f64>().ok()?))) {
            Some((requests, bytes)) => format!("; {:.1} MB in {requests} requests", bytes / 1e6),
            None => String::new(),
        };
        let seconds = |of: fn(&Measured) -> Duration| median(measured, of).as_secs_f64();
        let ratio = |of| median(measured, of).as_secs_f64() / median(yardstick, of).as_secs_f64();
        let most = measured.iter().map(|m| m.memory).max().unwrap_or(0) as f64 / 1e6;
        println!(
            "  {what}: {:.2} s ({:.2}), CPU {:.2} s ({:.2}), the API server's {:.2} s ({:.2}), {most:.0} MB at most{fetched}",
            seconds(|m| m.time),
            ratio(|m| m.time),
            seconds(|m| m.cpu),
            ratio(|m| m.cpu),
            seconds(|m| m.server),
            ratio(|m| m.server),
        );
    }
    Ok(())
}

fn median(measured: &[Measured], of: fn(&Measured) -> Duration) -> Duration {
    let mut all: Vec<Duration> = measured.iter().map(of).collect();
    all.sort();
    all[all.len() / 2]
}
