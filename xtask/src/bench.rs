//! `cargo xtask bench`: each figure and its yardstick, side by side in one run.

mod agent;
mod hooks;
mod rocks;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ckf_worlds::World;
use kube_sandbox::Sandbox;

use crate::run;
use crate::sandbox::LARGE;

const PODS: usize = LARGE.0;
const PROFILES: usize = LARGE.1;
/// Runs of each audit and its yardstick, of which the fastest counts: the
/// machine is shared, and what others do only adds.
const AUDITS: usize = 3;
/// As many kinds side by side as the audit reads.
const SIDE_BY_SIDE: &str = "4";

/// Usage of the command.
pub const USAGE: &str = "usage: cargo xtask bench [hooks | rocks | agent]

  hooks  only hooks, beside their bare tools and a charm written with ops
  rocks  only the check of images
  agent  all others: audits and the agent, on a stock and a large deployment
";
/// Usage of the yardstick.
pub const FETCH_USAGE: &str = "usage: cargo xtask fetch KUBECONFIG SIDE-BY-SIDE

Reads every kind that an audit reads, as many side by side, and does nothing with them.
";

/// Measures and prints all.
pub fn bench(arguments: &[String]) -> anyhow::Result<()> {
    let part = match arguments {
        [] => "all",
        [part] if ["hooks", "rocks", "agent"].contains(&part.as_str()) => part,
        _ => bail!("there is no such part\n\n{USAGE}"),
    };
    let binary = run::release_binary()?;
    run::cargo(&["build", "--profile", "tools", "--package", "xtask"])?;
    run::cargo(&["build", "--profile", "tools", "--package", "juju-sim", "--bins"])?;
    println!("binary: {} bytes", std::fs::metadata(&binary)?.len());
    match part {
        "hooks" => return hooks::hooks(&binary),
        "rocks" => return rocks::rocks(&binary),
        "agent" => {}
        _ => {
            hooks::hooks(&binary)?;
            rocks::rocks(&binary)?;
        }
    }
    // The rest takes some minutes.
    agent::repairs(&binary)?;
    let sandbox = Sandbox::start()?;
    sandbox.install_istio_definitions()?;
    let loader = sandbox.loader()?;
    loader.load(&World::definitions())?;
    sandbox.wait_for_definitions()?;
    let stock = World::stock("1.10");
    loader.load(&stock.objects)?;
    audits(&binary, &sandbox, "stock 1.10")?;
    agent::costs(&binary, &sandbox, "stock 1.10", &pods(&stock))?;
    let large = World::large("1.10", PODS, PROFILES);
    eprintln!("loading {} objects ...", large.objects.len());
    let started = Instant::now();
    loader.load(&large.objects[stock.objects.len()..])?;
    eprintln!("loaded in {} s", started.elapsed().as_secs());
    let name = format!("{PODS} pods, {PROFILES} profiles");
    audits(&binary, &sandbox, &name)?;
    agent::costs(&binary, &sandbox, &name, &pods(&large))
}

fn pods(world: &World) -> Vec<serde_json::Value> {
    let pods = world.objects.iter().filter(|object| object["kind"] == "Pod");
    pods.cloned().collect()
}

/// `xtask fetch KUBECONFIG`: the yardstick of an audit, in a process of its own.
pub fn fetch(arguments: &[String]) -> anyhow::Result<()> {
    let [kubeconfig, side_by_side] = arguments else {
        bail!("two arguments\n\n{FETCH_USAGE}");
    };
    let paths = ckf_hardening::facts::kubernetes::list_paths();
    let fetched = kube_sandbox::fetch(Path::new(kubeconfig), &paths, side_by_side.parse()?)?;
    println!("{} {}", fetched.requests, fetched.bytes);
    Ok(())
}

/// A process's time and largest resident memory.
struct Measured {
    time: Duration,
    /// Bytes.
    memory: u64,
    stdout: String,
}

fn measure(command: &mut Command) -> anyhow::Result<Measured> {
    let started = Instant::now();
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    let status = format!("/proc/{}/status", child.id());
    let reader = child.stdout.take().context("stdout is piped")?;
    let stdout = std::thread::spawn(move || std::io::read_to_string(reader));
    let mut memory = 0;
    let code = loop {
        // The kernel keeps the largest; the last look before the end tells it.
        if let Ok(text) = std::fs::read_to_string(&status) {
            let line = text.lines().find_map(|l| l.strip_prefix("VmHWM:"));
            let kilobytes = line.and_then(|l| l.trim().trim_end_matches(" kB").parse::<u64>().ok());
            memory = memory.max(kilobytes.unwrap_or(0) * 1024);
        }
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
    Ok(Measured { time, memory, stdout })
}

fn audits(binary: &Path, sandbox: &Sandbox, name: &str) -> anyhow::Result<()> {
    let kubeconfig = sandbox.kubeconfig("admin");
    let xtask = run::root().join("target/tools/xtask");
    let mut audits = Vec::new();
    let mut fetches = Vec::new();
    for _ in 0..AUDITS {
        fetches
            .push(measure(Command::new(&xtask).arg("fetch").arg(&kubeconfig).arg(SIDE_BY_SIDE))?);
        audits.push(measure(
            Command::new(binary)
                .args(["audit", "--format", "json", "--kubeconfig"])
                .arg(&kubeconfig),
        )?);
    }
    let fastest =
        |all: &[Measured]| all.iter().map(|m| m.time.as_secs_f64()).fold(f64::MAX, f64::min);
    let most = |all: &[Measured]| all.iter().map(|m| m.memory).max().unwrap_or(0) as f64 / 1e6;
    let fetched = &fetches[0].stdout;
    let (requests, bytes) = fetched.trim().split_once(' ').context("fetch printed no figures")?;
    println!(
        "{name}: audit {:.2} s, {:.0} MB; fetching {:.1} MB in {requests} requests {:.2} s, {:.0} MB; ratio {:.2}",
        fastest(&audits),
        most(&audits),
        bytes.parse::<f64>()? / 1e6,
        fastest(&fetches),
        most(&fetches),
        fastest(&audits) / fastest(&fetches),
    );
    Ok(())
}
